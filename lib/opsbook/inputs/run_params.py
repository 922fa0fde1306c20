"""What one run is told: the typed content of `params/<notebook>/<run>.yaml` and of each notebook's parameter cell."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from opsbook.inputs.workbook import Days, Language, Share, Typed


class Run(Typed):
    """Parameters every notebook takes; `""` in a notebook's parameter cell means "not given"."""

    company: str = Field("", description="folder below params/; empty = params/workbook.yaml")
    period: str = Field("last-month", description="2026-10, 2026-W41, 2026-01-01..2026-03-31, last-month, last-week")
    language: Language | None = Field(None, description="en or zh; empty = the workbook's")
    as_of: date | None = Field(None, description="last complete day of data; empty = the workbook's or the data's")

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {key: value for key, value in given.items() if value is not None and (value != "" or key == "company")}


class LifecycleRun(Run):
    """Notebook 01."""

    history: Annotated[int, Field(ge=2, le=120)] = Field(12, description="periods shown before this one")


class RetentionRun(Run):
    """Notebook 02: `period` holds the cohorts; durations are followed to `as_of`."""

    cohort: Literal["day", "week", "month"] = "week"
    segment: str = Field("channel", description="users column, or segment of attributes, that splits the curves")
    churn_after_days: Annotated[int, Field(ge=1)] | None = Field(None, description="empty = workbook or suggestion")
    covariates: list[str] = Field(default_factory=lambda: ["channel"], description="users columns in the Cox model")
    capacity: Annotated[int, Field(ge=1)] | None = Field(None, description="users one list can reach; empty = workbook")


class Goal(Typed):
    """One target of a campaign."""

    metric: Literal["exposed", "participants", "converters", "orders", "revenue", "new_users", "cost"]
    target: Annotated[float, Field(gt=0)]
    direction: Literal["higher", "lower"] = "higher"
    weight: Annotated[float, Field(gt=0)] = 1.0


class Phase(Typed):
    """A named span of a campaign, both days included."""

    name: Literal["warm_up", "burst", "wind_down"]
    start: date
    end: date


class CampaignRun(Run):
    """Notebook 03: one campaign; `start`..`end` is its period and `after_days` follow it."""

    period: str = ""
    campaign_id: str = Field("", description="as in exposures, redemptions, orders, costs")
    name: str = ""
    name_zh: str = ""
    type: Literal[
        "promotion", "referral", "check_in", "lottery", "content", "win_back", "new_product", "offline", "other"
    ] = "other"
    owner: str = ""
    start: date | None = None
    end: date | None = None
    phases: list[Phase] = Field(default_factory=list)
    after_days: Days = 28
    participation_events: list[str] = Field(default_factory=list, description="empty = a redemption of the campaign")
    conversion_events: list[str] = Field(default_factory=lambda: ["order"])
    funnel: list[str] = Field(
        default_factory=list,
        description="ordered events of the campaign's path; empty = exposed, participated, converted",
    )
    goals: list[Goal] = Field(default_factory=list)
    comparison: Literal["holdout", "ab", "did", "synthetic_control", "before_after"] = "before_after"
    experiment_id: str = Field("", description="as in assignments; needed by holdout and ab")
    control: str = Field("control", description="the variant that got nothing")
    control_share: Share | None = Field(None, description="planned share of the control arm, for the SRM check")
    primary_metric: Literal["orders", "revenue", "active_days", "buyers"] = Field(
        "orders", description="what the verdict reads, over the campaign and the days after it"
    )
    worthwhile_lift: Annotated[float, Field(gt=0, le=10)] = Field(
        0.2, description="smallest relative lift worth having; below it a null result is `no effect`"
    )
    budget: Annotated[float, Field(ge=0)] | None = None
    margin: Share | None = Field(None, description="gross margin of incremental revenue")
    fixed_cost: Annotated[float, Field(ge=0)] = Field(
        0.0, description="prizes and people, beside costs and redemptions"
    )
    lessons: list[str] = Field(default_factory=list)
    decisions: list[str] = Field(default_factory=list)

    @field_validator("phases", "goals", mode="before")
    @classmethod
    def _list_of_lines(cls, value: Any) -> Any:
        return [] if value in ({}, "", None) else value

    @model_validator(mode="after")
    def _consistent(self) -> CampaignRun:
        if self.start and self.end and self.end < self.start:
            raise ValueError(f"the campaign ends ({self.end}) before it starts ({self.start})")
        if self.comparison in ("holdout", "ab") and not self.experiment_id:
            raise ValueError(f"comparison: {self.comparison} needs experiment_id (the key in `assignments`)")
        for phase in self.phases:
            if phase.end < phase.start:
                raise ValueError(f"the phase {phase.name} ends before it starts")
        return self


RUNS: dict[str, type[Run]] = {
    "01_user_lifecycle": LifecycleRun,
    "02_retention_survival": RetentionRun,
    "03_campaign_review": CampaignRun,
}
