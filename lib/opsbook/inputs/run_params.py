"""What one run is told: the typed content of `params/<notebook>/<run>.yaml` and of each notebook's parameter cell."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from opsbook.inputs.abnormal import AbnormalRules
from opsbook.inputs.campaign import Earlier, Goal, Guardrail, Note, Other, Phase, Plan, Subsidy
from opsbook.inputs.campaign_laws import contradictions
from opsbook.inputs.comparison import Units
from opsbook.inputs.segments import Rule, Segment
from opsbook.inputs.workbook import Days, Language, Share, Typed
from opsbook.inputs.yaml_file import refuse_misplaced

Targets = dict[str, float]


class Run(Typed):
    """Parameters every notebook takes; `""` in a notebook's parameter cell means "not given"."""

    company: str = Field("", description="folder below params/; empty = params/workbook.yaml")
    period: str = Field("last-month", description="2026-10, 2026-W41, 2026-01-01..2026-03-31, last-month, last-week")
    language: Language | None = Field(None, description="en or zh; empty = the workbook's")
    as_of: date | None = Field(None, description="last complete day of data; empty = the workbook's or the data's")
    owner: str = Field("", description="who answers for the number and decides")
    decision: str = Field("", description="what the readers have to decide; stands on the first screen")

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {key: value for key, value in given.items() if value is not None and (value != "" or key == "company")}


class LifecycleRun(Run):
    """Notebook 01."""

    history: Annotated[int, Field(ge=2, le=120)] = Field(12, description="periods shown before this one")
    targets: Targets = Field(default_factory=dict, description="headline number: what it should be, {retained: 0.85}")


class RetentionRun(Run):
    """Notebook 02: `period` holds the cohorts; durations are followed to `as_of`."""

    targets: Targets = Field(default_factory=dict, description="headline number: what it should be, {day_7: 0.3}")
    cohort: Literal["day", "week", "month"] = "week"
    segment: str = Field("channel", description="users column, or named segment, that splits the curves")
    segment_landmark_days: Annotated[int, Field(ge=0, le=365)] = Field(
        0, description="users are grouped by their first so many days and followed from there; 0 = from the first day"
    )
    retention: Literal["on", "on_or_after", "bracket", "streak", "hours24"] = Field(
        "on", description="what the cohort grid counts as coming back"
    )
    brackets: list[tuple[int, int]] = Field(
        default_factory=list, description="first and last age of each bracket, for retention: bracket"
    )
    cohort_entry: Literal["first_time", "recurring"] = Field(
        "first_time", description="a user starts one cohort, or one every time"
    )
    start_event: str = Field("", description="event or event group that starts a cohort; empty = the first day")
    return_event: str = Field("", description="event or event group that counts as back; empty = an active day")
    value: Literal["users", "revenue", "orders"] = Field("users", description="what the grid also adds up per member")
    churn_after_days: Annotated[int, Field(ge=1)] | None = Field(None, description="empty = workbook or suggestion")
    covariates: list[str] = Field(default_factory=lambda: ["channel"], description="users columns in the Cox model")
    capacity: Annotated[int, Field(ge=1)] | None = Field(None, description="users one list can reach; empty = workbook")

    @field_validator("brackets", mode="before")
    @classmethod
    def _list_of_brackets(cls, value: Any) -> Any:
        return [] if value in ({}, "", None) else value

    @model_validator(mode="after")
    def _rule_fits(self) -> RetentionRun:
        if self.retention == "bracket" and not self.brackets:
            raise ValueError("retention: bracket needs brackets, such as [[1, 3], [4, 7]] (first and last age)")
        if self.brackets and self.retention != "bracket":
            raise ValueError(f"brackets are only read with retention: bracket, not with {self.retention}")
        if any(not 0 <= first <= last for first, last in self.brackets):
            raise ValueError("each of brackets is [first, last], ages from 0 on, the first not after the last")
        if self.retention == "hours24" and self.cohort != "day":
            raise ValueError(f"retention: hours24 needs cohort: day, not {self.cohort}")
        return self


NOBODYS = Earlier(campaign_id="", start=date(1900, 1, 1), end=date(1900, 1, 1))


class CampaignRun(Run):
    """Notebook 03: one campaign; `start`..`end` is its period and `after_days` follow it."""

    period: str = ""
    campaign_id: str = Field("", description="as in exposures, redemptions, orders, costs")
    name: str = ""
    name_zh: str = ""
    type: Literal[
        "promotion", "referral", "check_in", "lottery", "content", "win_back", "new_product", "offline", "other"
    ] = "other"
    start: date | None = None
    end: date | None = None
    phases: list[Phase] = Field(default_factory=list)
    after_days: Days = 28
    audience_rule: Rule | None = Field(
        None, description="whom it is for: a segment's rule, as of the day before the start"
    )
    channels: list[str] = Field(default_factory=list, description="through which it is shown")
    participation_events: list[str] = Field(default_factory=list, description="empty = a redemption of the campaign")
    conversion_events: list[str] = Field(default_factory=lambda: ["order"])
    funnel: list[str] = Field(
        default_factory=list,
        description="ordered events of the campaign's path; empty = exposed, participated, converted",
    )
    goals: list[Goal] = Field(default_factory=list)
    plan: Plan | None = Field(None, description="planned funnel, overall and by channel")
    comparison: Literal["holdout", "ab", "did", "synthetic_control", "weighted", "before_after"] = "before_after"
    experiment_id: str = Field("", description="as in assignments; needed by holdout and ab")
    control: str = Field("control", description="the variant that got nothing")
    control_share: Share | None = Field(None, description="planned share of the control arm, for the SRM check")
    variants: dict[str, Share] = Field(default_factory=dict, description="arm: its planned share, the control included")
    primary_arms: list[str] = Field(default_factory=list, description="arms the verdict is about; empty = all treated")
    strata: str = Field("", description="attribute of users to post-stratify by; empty = channel, where there is one")
    monitoring: Literal["obrien_fleming", "pocock", "always_valid"] = Field(
        "obrien_fleming", description="how looks before the end are judged; always_valid when they are not planned"
    )
    treated: Rule | None = Field(None, description="who got it where no lot was drawn: a segment's rule; did, weighted")
    units: Units | None = Field(None, description="attribute and its treated values; did, synthetic_control")
    placebo_dates: list[date] = Field(default_factory=list, description="pretended starts of did; empty = up to six")
    guardrails: list[Guardrail] = Field(default_factory=list)
    primary_metric: Literal["orders", "revenue", "active_days", "buyers", "converted"] = Field(
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
    subsidies: list[Subsidy] = Field(default_factory=list, description="what users are given, by which rule")
    issue_events: list[str] = Field(default_factory=list, description="events that give a user a coupon or prize")
    invite_events: list[str] = Field(default_factory=list, description="events of sending an invitation")
    abnormal_rules: AbnormalRules = Field(default_factory=AbnormalRules, description="rules of the screen")
    earlier: Earlier | None = Field(None, description="last campaign of the type; empty = found among the files")
    others: list[Other] = Field(default_factory=list, description="other campaigns around it; empty = from the files")
    lessons: list[Note] = Field(default_factory=list)
    decisions: list[Note] = Field(default_factory=list)

    @field_validator(
        "phases",
        "goals",
        "guardrails",
        "subsidies",
        "lessons",
        "decisions",
        "primary_arms",
        "placebo_dates",
        "others",
        mode="before",
    )
    @classmethod
    def _list_of_lines(cls, value: Any) -> Any:
        return [] if value in ({}, "", None) else value

    @field_validator("plan", "audience_rule", "earlier", "treated", "units", mode="before")
    @classmethod
    def _nothing_written(cls, value: Any) -> Any:
        return None if value in ({}, "", []) else value

    @field_validator("abnormal_rules", mode="before")
    @classmethod
    def _usual_rules(cls, value: Any) -> Any:
        return {} if value in ("", [], None) else value

    @model_validator(mode="before")
    @classmethod
    def _share_of_the_control_arm(cls, given: Any) -> Any:
        """With planned variants the share of the control arm need not be written twice."""
        if not isinstance(given, dict) or given.get("control_share") not in (None, ""):
            return given
        variants = given.get("variants")
        share = variants.get(given.get("control") or "control") if isinstance(variants, dict) else None
        return given if share is None else given | {"control_share": share}

    @model_validator(mode="after")
    def _consistent(self) -> CampaignRun:
        refuse_misplaced(list(contradictions(self)))
        return self

    @property
    def before(self) -> Earlier:
        """The last campaign of the type, or a stand-in of which no table knows anything."""
        return self.earlier or NOBODYS

    @property
    def audience(self) -> dict[str, Segment]:
        """Whom it was for and who got it, where the file says: segments `campaign_audience`, `campaign_treated`."""
        rules = {"campaign_audience": self.audience_rule, "campaign_treated": self.treated}
        return {name: Segment(rule=rule) for name, rule in rules.items() if rule}

    @property
    def channel_of(self) -> str:
        """Whose channels the plan names: those that showed the campaign, or the users' own."""
        return self.plan.channel_of if self.plan else "exposures"

    @property
    def channel_budgets(self) -> dict[str, float | None]:
        """Planned cost by channel, where the plan names any."""
        return {name: own.budget for name, own in self.plan.by_channel.items()} if self.plan else {}

    @property
    def asks_who_took_part(self) -> bool:
        """Whether a goal or the plan speaks of participants."""
        goals = any(goal.metric in ("participants", "converters") for goal in self.goals)
        return goals or bool(self.plan and self.plan.level("participants"))


class PlanRun(Run):
    """Notebook 04: a campaign before it begins; its file is the campaign, data after the eve are not read."""

    period: str = ""
    campaign_id: str = Field("", description="as in the campaign's file")
    campaign: CampaignRun | None = Field(None, description="the campaign's file; empty = found by campaign_id")
    power: Annotated[float, Field(ge=0.5, lt=1)] = Field(0.8, description="chance to see a lift worth having")
    registered_on: date | None = Field(None, description="day the promise was registered; empty = by no page yet")

    @field_validator("campaign", mode="before")
    @classmethod
    def _nothing_written(cls, value: Any) -> Any:
        return value or None

    @model_validator(mode="after")
    def _has_dates(self) -> PlanRun:
        if self.campaign and not (self.campaign.start and self.campaign.end):
            raise ValueError("the campaign's file needs `start` and `end`")
        return self


RUNS: dict[str, type[Run]] = {
    "01_user_lifecycle": LifecycleRun,
    "02_retention_survival": RetentionRun,
    "03_campaign_review": CampaignRun,
    "04_campaign_plan": PlanRun,
}


def campaign_of(run: Run) -> CampaignRun | None:
    """The campaign a run is about: that of a review or of a plan, None for other notebooks."""
    return run if isinstance(run, CampaignRun) else run.campaign if isinstance(run, PlanRun) else None
