"""What people write down about one campaign: phases, goals, plan, subsidies, guardrails, lessons and decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from opsbook.inputs.workbook import Share, Typed
from opsbook.inputs.yaml_file import Place, refuse_misplaced

Positive = Annotated[float, Field(gt=0)]
Amount = Annotated[float, Field(ge=0)]
Rate = Annotated[float, Field(gt=0, le=1)]
Problem = tuple[Place, str]
FUNNEL = ("exposed", "participation_rate", "conversion_rate", "order_value")
LEVELS = ("exposed", "participants", "converters", "revenue")
ROUNDING = 0.01  # people write rates with two or three digits, so a sum may be off by this share


class Goal(Typed):
    """One target of a campaign."""

    metric: Literal["exposed", "participants", "converters", "orders", "revenue", "new_users", "cost"]
    target: Positive
    direction: Literal["higher", "lower"] = Field("higher", description="empty = lower for cost, else higher")
    weight: Positive = 1.0

    @model_validator(mode="before")
    @classmethod
    def _cost_is_to_be_low(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and given.get("metric") == "cost" and not given.get("direction"):
            return {**given, "direction": "lower"}
        return given


class Phase(Typed):
    """A named span of a campaign, both days included."""

    name: Literal["warm_up", "burst", "wind_down"]
    start: date
    end: date
    share: Share | None = Field(None, description="of the planned result that falls into it, for the pace")


class FunnelPlan(Typed):
    """A planned funnel: exposed x participation x conversion x orders per buyer x value of an order."""

    exposed: Positive | None = Field(None, description="users shown the campaign")
    participation_rate: Rate | None = Field(None, description="participants / exposed")
    conversion_rate: Rate | None = Field(None, description="converters / participants")
    orders_per_buyer: Annotated[float, Field(ge=1)] | None = Field(None, description="empty = 1")
    order_value: Positive | None = Field(None, description="net revenue of an order")
    budget: Amount | None = Field(None, description="of a channel; the whole budget stands at `budget` of the file")

    def level(self, name: str) -> float | None:
        """Planned users exposed, participants, converters or revenue; None where the plan does not go so far."""
        depth = LEVELS.index(name)
        steps = [getattr(self, step) for step in FUNNEL[: depth + 1]]
        if any(step is None for step in steps):
            return None
        result = 1.0
        for step in steps:
            result *= step
        return result * (self.orders_per_buyer or 1.0) if name == "revenue" else result

    @property
    def gaps(self) -> Iterator[Problem]:
        """Steps that are planned although the step before them is not."""
        for before, step in pairwise(FUNNEL):
            if getattr(self, step) is not None and getattr(self, before) is None:
                yield (step,), f"the plan is a chain: {step} needs {before}"
        if self.orders_per_buyer is not None and self.order_value is None:
            yield ("orders_per_buyer",), "the plan is a chain: orders_per_buyer needs order_value"


class Plan(FunnelPlan):
    """The planned funnel of the campaign, overall and by channel."""

    channel_of: Literal["exposures", "users"] = Field(
        "exposures", description="whose channels `by_channel` names: the one that first showed it, or the user's own"
    )
    by_channel: dict[str, FunnelPlan] = Field(default_factory=dict, description="channel: its part of the plan")

    @model_validator(mode="after")
    def _adds_up(self) -> Plan:
        refuse_misplaced([*self.gaps, *_channel_gaps(self)] or list(_sums(self)))
        return self

    def channel(self, name: str) -> FunnelPlan:
        """A channel's plan, with what it leaves open taken from the overall one."""
        own, shared = self.by_channel[name], {step: getattr(self, step) for step in (*FUNNEL[1:], "orders_per_buyer")}
        return FunnelPlan(**{**shared, **own.model_dump(exclude_none=True)})


class Subsidy(Typed):
    """One rule by which users are given something."""

    text: str = Field(description="the rule as users read it, such as 30 off 200")
    text_zh: str = ""
    face_value: Positive | None = Field(None, description="of one coupon or prize, in the workbook's currency")
    budget_share: Share | None = Field(None, description="of the budget that is meant for it")


class Guardrail(Typed):
    """A metric that must not get worse by more than so much, whatever the campaign wins."""

    metric: Literal["orders", "revenue", "active_days", "buyers", "converted"]
    direction: Literal["higher", "lower"] = Field("higher", description="which way is good")
    worst: Annotated[float, Field(ge=-1, le=10)] = Field(description="worst acceptable relative change, -0.02 = -2 %")

    @model_validator(mode="after")
    def _worst_is_worse(self) -> Guardrail:
        sign = {"higher": self.worst <= 0, "lower": self.worst >= 0}[self.direction]
        if not sign:
            side = "zero or below" if self.direction == "higher" else "zero or above"
            refuse_misplaced([(("worst",), f"with direction {self.direction} the worst acceptable change is {side}")])
        return self


class Note(Typed):
    """A lesson or a decision that a person typed."""

    text: str
    owner: str = ""
    due: date | None = None

    @model_validator(mode="before")
    @classmethod
    def _plain_text(cls, given: Any) -> Any:
        return {"text": given} if isinstance(given, str) else given

    @field_validator("due", mode="before")
    @classmethod
    def _empty(cls, given: Any) -> Any:
        return given or None


class Earlier(Typed):
    """The campaign of the same type that ended before this one: what is needed to count it again."""

    campaign_id: str
    name: str = ""
    name_zh: str = ""
    start: date
    end: date
    participation_events: list[str] = Field(default_factory=list)
    conversion_events: list[str] = Field(default_factory=lambda: ["order"])
    fixed_cost: Amount = 0.0

    @property
    def span(self) -> dict[str, Any]:
        """Which campaign, from when to when, as analyses take it."""
        return {"campaign_id": self.campaign_id, "start": self.start, "end": self.end}

    @property
    def events(self) -> dict[str, list[str]]:
        """What is taking part and what is converting, as analyses take it."""
        return {"participation_events": self.participation_events, "conversion_events": self.conversion_events}

    def until(self, *, days: int, running: bool) -> date:
        """Its last day, or the day on which it was as old as a campaign of so many days that still runs."""
        return min(self.end, self.start + timedelta(days=days - 1)) if running else self.end


class Other(Typed):
    """Another campaign of the company in the days around this one, drawn into its curve."""

    campaign_id: str
    name: str = ""
    name_zh: str | None = None
    start: date
    end: date


def _channel_gaps(plan: Plan) -> Iterator[Problem]:
    for name, own in plan.by_channel.items():
        if own.exposed is None:
            yield ("by_channel", name), "a channel's plan needs exposed"
        yield from ((("by_channel", name, *at), says) for at, says in plan.channel(name).gaps if own.exposed)


def _sums(plan: Plan) -> Iterator[Problem]:
    """Levels of the overall plan that the channels do not add up to, and steps only some channels plan."""
    channels = [plan.channel(name) for name in plan.by_channel]
    for level, step in zip(LEVELS, FUNNEL, strict=True):
        parts, whole = [own.level(level) for own in channels], plan.level(level)
        known = [part for part in parts if part is not None]
        if known and len(known) < len(parts):
            yield ("by_channel",), f"some channels plan {step} and some do not"
        elif known and whole is not None and abs(sum(known) - whole) > ROUNDING * whole:
            yield ("by_channel",), f"{level} of the channels add up to {sum(known):g}, the overall plan says {whole:g}"
            return
