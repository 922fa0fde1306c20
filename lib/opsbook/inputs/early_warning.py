"""What the early-warning section looks at: how far ahead, how many past days it learns from, capacity and holdout."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(ge=1)]


class EarlyWarning(BaseModel):
    """`early_warning:` of `workbook.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    within_days: Positive = Field(28, description="the risk is that of leaving within so many days")
    landmarks: Positive = Field(6, description="most past days the model learns from, within_days apart")
    capacity: Positive = Field(500, description="users that can be contacted for one list, holdout included")
    holdout_share: Annotated[float, Field(gt=0, lt=1)] = Field(0.2, description="share of the list left alone")
    cooling_days: Annotated[int, Field(ge=0)] | None = Field(
        None, description="days after a draw in which nobody of it is drawn again; none = until its read-out"
    )
    save_rate: Annotated[float, Field(gt=0, le=1)] = Field(
        0.1, description="assumed share of leavers that a contact keeps"
    )
    value_days: Positive = Field(90, description="days over which a saved user is worth something")

    def told(self, given: Collection[str]) -> dict[str, Any]:
        """What the analysis is told: a saved user is worth revenue where there are orders, else active days."""
        metric = "revenue" if "orders" in given else "active_days"
        return {
            "landmarks": self.landmarks,
            "save_rate": self.save_rate,
            "value_days": self.value_days,
            "metric": metric,
        }
