"""What the section on future value looks at: windows of observed value, the forecast and its check, subscriptions."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[int, Field(ge=1)]
LONGEST_HOLDOUT = 273  # 39 weeks, as in the check that made the model known


class Subscription(BaseModel):
    """`value: subscription:` of `workbook.yaml`; without events the company sells no subscription."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    events: tuple[str, ...] = Field((), description="events that pay a cycle: the first one begins, later ones renew")
    cycle_days: Positive = Field(30, description="days that one payment covers")
    grace_days: Annotated[int, Field(ge=0)] = Field(7, description="a renewal may come so many days early or late")

    @model_validator(mode="after")
    def _grace_inside_cycle(self) -> Subscription:
        if 2 * self.grace_days >= self.cycle_days:
            raise ValueError(
                f"grace_days {self.grace_days} must be less than half of cycle_days {self.cycle_days}, "
                "so that a payment belongs to one renewal"
            )
        return self


class ValueSettings(BaseModel):
    """`value:` of `workbook.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ltv_days: tuple[Positive, ...] = Field(
        (30, 60, 90, 180, 365), min_length=1, description="windows of observed value"
    )
    margin: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="share of revenue earned; none: revenue"
    )
    campaign_costs_acquire: bool = Field(False, description="whether costs booked on a campaign count as acquisition")
    forecast_days: Positive = Field(90, description="how far ahead orders are expected")
    holdout_days: Positive | None = Field(None, description="days foretold to check; none: half the data, 273 at most")
    holdout_tolerance: Annotated[float, Field(gt=0, le=1)] = Field(0.1, description="a check further off is a miss")
    min_repeat_customers: Positive = Field(200, description="cohorts with fewer are joined with their neighbours")
    subscription: Subscription = Subscription()

    @model_validator(mode="after")
    def _windows_rise(self) -> ValueSettings:
        if list(self.ltv_days) != sorted(set(self.ltv_days)):
            raise ValueError(f"ltv_days must rise (found {', '.join(map(str, self.ltv_days))})")
        return self

    def split(self, data_start: date, through: date) -> tuple[date, int]:
        """The last day the check may learn from, and the days after it that it has to foretell."""
        span = (through - data_start).days + 1
        days = min(self.holdout_days or LONGEST_HOLDOUT, max(span // 2, 1))
        return through - timedelta(days=days), days

    def payback_days(self, data_start: date, through: date) -> int:
        """The longest window that half of the data cover, so that enough users can be watched for all of it."""
        half = ((through - data_start).days + 1) // 2
        return max([days for days in self.ltv_days if days <= half], default=self.ltv_days[0])

    def acquired(self, data_start: date, through: date) -> dict[str, date]:
        """First and last day on which the users watched for payback were acquired."""
        return {"start": data_start, "end": through - timedelta(days=self.payback_days(data_start, through) - 1)}
