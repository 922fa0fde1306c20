"""What a company wants to know of how intensely it is used: which metrics per user, over how many days."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from opsbook.inputs.yaml_file import did_you_mean

METRICS = ("active_days", "actions_per_day", "features_used", "orders")
DAYS_OF = "days_"


class Intensity(BaseModel):
    """Settings of the question how intensely users use it; a model of its own, because the workbook imports it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    window_days: Annotated[int, Field(ge=2, le=365)] = Field(28, description="days up to the period's end")
    metrics: tuple[str, ...] = Field(
        (), description=f"{', '.join(METRICS)}, an event group (times), {DAYS_OF}<group> (days); empty = all groups"
    )
    change: Annotated[float, Field(gt=0, le=10)] = Field(0.25, description="rising or falling by at least this share")
    change_days: Annotated[int, Field(ge=1)] = Field(2, description="and by at least this many active days")


def refuse_unknown_metrics(metrics: Iterable[str], groups: Iterable[str]) -> None:
    """Raise ValueError, naming the nearest known one, for a metric that no event group gives."""
    known = [*METRICS, *groups, *(f"{DAYS_OF}{group}" for group in groups)]
    for name in metrics:
        if name not in known:
            raise ValueError(f"thresholds.intensity.metrics: `{name}` is no metric, {did_you_mean(name, known)}")
