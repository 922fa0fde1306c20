"""What the search for early behaviour that goes with staying looks at; every key has a usual value."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[int, Field(ge=1)]


class AhaSettings(BaseModel):
    """`aha:` of `workbook.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    windows: tuple[Positive, ...] = Field((1, 3, 7, 14), min_length=1, description="days since sign-up, day 0 counted")
    counts: tuple[Positive, ...] = Field((1, 2, 3, 5, 7, 10), min_length=1, description="did it at least so often")
    outcome_days: tuple[Positive, Positive] = Field((28, 34), description="stayed = active on one of these days")
    signup_days: Positive = Field(365, description="newcomers of so many days, those last who can be watched whole")
    train_share: Annotated[float, Field(ge=0.2, le=0.8)] = Field(0.5, description="share of users to search among")
    permutations: Annotated[int, Field(ge=99, le=9999)] = Field(999, description="shuffles that show what chance finds")
    sample_users: Annotated[int, Field(ge=500, le=100_000)] = Field(20_000, description="users shuffled at most")
    min_users: Positive = Field(50, description="a behaviour is tried with so many on either side")

    @model_validator(mode="after")
    def _in_order(self) -> AhaSettings:
        for name in ("windows", "counts"):
            values = getattr(self, name)
            if list(values) != sorted(set(values)):
                raise ValueError(f"{name} must rise (found {', '.join(map(str, values))})")
        first, last = self.outcome_days
        if not self.landmark_days <= first <= last:
            raise ValueError(
                f"outcome_days {first} to {last} must rise and lie after the longest window, {self.landmark_days} days"
            )
        return self

    @property
    def landmark_days(self) -> int:
        """The longest window; what counts as staying comes after it."""
        return max(self.windows)
