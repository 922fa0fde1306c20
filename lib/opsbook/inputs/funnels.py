"""Conversion funnels defined once in `workbook.yaml`: the steps, the time allowed, and what breaks a chain."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Mode = Literal["ordered", "strict", "any_order"]
Anchor = Literal["best_entry", "first_entry"]
SIGN_UP = "sign_up"
DEFAULT_NAME = "event_groups"
MOST_DEFAULT_STEPS = 6
_UNITS = {"minute": "minutes", "hour": "hours", "day": "days", "week": "weeks"}


def _span(value: Any) -> Any:
    """`3 days`, `90 minutes`, `1 hour`, `2 weeks` as a time span."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"\s*(\d+)\s*(minute|hour|day|week)s?\s*", value)
    if not found or not int(found[1]):
        raise ValueError("write a number and a unit, such as 90 minutes, 12 hours, 3 days or 2 weeks")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


Span = Annotated[timedelta, BeforeValidator(_span)]


class _Typed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _any_of(written: Any) -> Any:
    """A plain text, or `event: …`, as the list `any_of` of one."""
    if isinstance(written, str):
        return {"any_of": [written]}
    if isinstance(written, dict) and "event" in written and "any_of" not in written:
        return {"any_of": [written["event"]]} | {key: value for key, value in written.items() if key != "event"}
    return written


class FunnelStep(_Typed):
    """One step: any of its events or event groups fulfils it. A plain text in the list is the step of that event."""

    any_of: Annotated[tuple[str, ...], Field(min_length=1, description="events, or groups of event_groups")]
    name: str = Field("", description="in charts; default: what `any_of` says")
    name_zh: str | None = None
    within: Span | None = Field(None, description="longest time since the previous step of the chain")
    optional: bool = Field(False, description="may be skipped; counted, and never a loss")

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, step: Any) -> Any:
        written = _any_of(step)
        words = written.get("any_of") if isinstance(written, dict) else None
        if not isinstance(words, (list, tuple)):
            return written
        return written | {"name": written.get("name") or " / ".join(map(str, words))}


class Exclusion(_Typed):
    """Events that break a chain when they fall between two steps, or anywhere in it when no step is named."""

    any_of: Annotated[tuple[str, ...], Field(min_length=1)]
    after: str | None = Field(None, description="name of a required step; none = from the entry on")
    before: str | None = Field(None, description="name of a required step; none = up to the last step")

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, events: Any) -> Any:
        return _any_of(events)


class Funnel(_Typed):
    """One funnel; what each setting does to the count is told by `opsbook.analysis.funnel_modes`."""

    name: str
    name_zh: str | None = None
    steps: Annotated[tuple[FunnelStep, ...], Field(min_length=1)]
    window_days: Annotated[int, Field(ge=1, le=730)] = 7
    mode: Mode = "ordered"
    anchor: Anchor = "best_entry"
    entry: Literal["event", "signup"] = Field("event", description="signup: the instant of sign-up is the first step")
    hold: Literal["campaign_id", "content_id", "channel"] | None = Field(None, description="one value on all steps")
    exclude: tuple[Exclusion, ...] = ()
    by: tuple[str, ...] = Field(("channel",), description="columns of users that the funnel is broken down by")

    @model_validator(mode="after")
    def _possible(self) -> Funnel:
        if len(self.names) < 2:
            raise ValueError("a funnel has at least two steps; the sign-up of `entry: signup` is one")
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"steps need different names, found {', '.join(self.names)}")
        _refuse_odd_options(self)
        for exclusion in self.exclude:
            _refuse_odd_ends(self, exclusion)
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The name of every step in order, the sign-up first where it is the entry."""
        signed_up = (SIGN_UP,) if self.entry == "signup" else ()
        return (*signed_up, *(step.name for step in self.steps))

    @property
    def optional(self) -> tuple[bool, ...]:
        """For every step of `names`: may it be skipped?"""
        return (*(False for _ in self.names[len(self.steps) :]), *(step.optional for step in self.steps))

    def events(self, position: int) -> tuple[str, ...]:
        """The events of the step at this position of `names` (1, 2, …); none for the sign-up."""
        own = position - 1 - (len(self.names) - len(self.steps))
        return self.steps[own].any_of if own >= 0 else ()

    def within(self, position: int) -> timedelta:
        """The longest time since the previous step: at most the whole window."""
        own = position - 1 - (len(self.names) - len(self.steps))
        whole = timedelta(days=self.window_days)
        return min(self.steps[own].within or whole, whole) if own >= 0 else whole

    def excluded(self, position: int) -> tuple[str, ...]:
        """Events that must not lie between the step at this position and the one before it on the chain."""
        found: list[str] = []
        for exclusion in self.exclude:
            first = self.names.index(exclusion.after) + 1 if exclusion.after else 1
            last = self.names.index(exclusion.before) + 1 if exclusion.before else len(self.names)
            found += exclusion.any_of if first < position <= last else ()
        return tuple(sorted(set(found)))


def expanded(funnels: Sequence[Funnel], groups: Mapping[str, Sequence[str]]) -> tuple[Funnel, ...]:
    """The funnels with every group of `event_groups` replaced by its events.

    raises: ValueError when two funnels have one name, or two steps of a funnel share an event
    """
    names = [funnel.name for funnel in funnels]
    if len(set(names)) != len(names):
        raise ValueError(f"funnels need different names, found {', '.join(names)}")
    whole = tuple(_expanded(funnel, groups) for funnel in funnels)
    for funnel in whole:
        _refuse_shared_events(funnel)
    return whole


def default_funnel(groups: Mapping[str, Sequence[str]]) -> Funnel | None:
    """The event groups in the order of the workbook, each as far as it shares no event with one before it.

    returns: a funnel from the first group on, or None when fewer than two groups can follow each other
    """
    taken: set[str] = set()
    steps: list[FunnelStep] = []
    for name, events in groups.items():
        if events and not taken & set(events) and len(steps) < MOST_DEFAULT_STEPS:
            steps.append(FunnelStep(any_of=tuple(events), name=name))
            taken |= set(events)
    return Funnel(name=DEFAULT_NAME, steps=tuple(steps)) if len(steps) > 1 else None


def _expanded(funnel: Funnel, groups: Mapping[str, Sequence[str]]) -> Funnel:
    def events(words: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(event for word in words for event in groups.get(word, [word])))

    steps = tuple(step.model_copy(update={"any_of": events(step.any_of)}) for step in funnel.steps)
    exclude = tuple(one.model_copy(update={"any_of": events(one.any_of)}) for one in funnel.exclude)
    return funnel.model_copy(update={"steps": steps, "exclude": exclude})


def _refuse_shared_events(funnel: Funnel) -> None:
    seen: dict[str, str] = {}
    for step in funnel.steps:
        for event in step.any_of:
            if event in seen:
                raise ValueError(f"{funnel.name}: the steps {seen[event]} and {step.name} share the event {event}")
            seen[event] = step.name


def _refuse_odd_options(funnel: Funnel) -> None:
    if funnel.optional[0] or funnel.optional[-1]:
        raise ValueError("the first and the last step cannot be optional")
    if funnel.entry == "event" and funnel.steps[0].within:
        raise ValueError("the first step has no step before it, so it cannot have `within`")
    loose = [step.name for step in funnel.steps if step.within or step.optional]
    if funnel.mode == "any_order" and loose:
        raise ValueError(f"`within` and `optional` need an order of steps (found at {', '.join(loose)})")
    if funnel.mode == "strict" and (any(funnel.optional) or funnel.exclude):
        raise ValueError("strict forbids any event between two steps, so `optional` and `exclude` mean nothing there")


def _refuse_odd_ends(funnel: Funnel, exclusion: Exclusion) -> None:
    required = [name for name, may_skip in zip(funnel.names, funnel.optional, strict=True) if not may_skip]
    ends = [name for name in (exclusion.after, exclusion.before) if name]
    for name in ends:
        if name not in required:
            raise ValueError(f"`exclude` names {name}, required steps are {', '.join(required)}")
    if ends and funnel.mode == "any_order":
        raise ValueError("without an order of steps, `exclude` cannot lie between two of them")
    if len(ends) == 2 and required.index(ends[0]) >= required.index(ends[1]):
        raise ValueError(f"`exclude` ends before it begins: {ends[0]} comes after {ends[1]}")
