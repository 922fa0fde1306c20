"""The roads by which a life ends and leaves a trace: events a company records when somebody leaves for good."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

SILENT = "silent"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def _listed(value: object) -> object:
    """One word stands for a list of one."""
    return [value] if isinstance(value, str) else value


Events = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class _Typed(BaseModel):
    """A frozen model that refuses unknown keys, as `workbook.Typed`, which stands above this module."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Road(_Typed):
    """One way to leave: its events, or that everything a user ever paid was paid back."""

    events: Events = Field((), description="any of these events ends the life")
    refunded_in_full: bool = Field(False, description="so does the day on which nothing paid is left")
    name: str | None = Field(None, description="in English reports; none = the key with blanks")
    name_zh: str | None = Field(None, description="in Chinese reports; none = as in English")

    @model_validator(mode="after")
    def _some_trace(self) -> Road:
        if not self.events and not self.refunded_in_full:
            raise ValueError("a road needs `events` or `refunded_in_full: true`")
        return self

    def label(self, key: str, language: str) -> str:
        """What reports call the road."""
        name = self.name or key.replace("_", " ")
        return (self.name_zh or name) if language == "zh" else name


class Exits(_Typed):
    """The roads out, in the order that decides between two on one day; silence is one more, unless told otherwise."""

    roads: dict[str, Road] = Field(default_factory=dict, description="name: what its users leave behind")
    exits_only: bool = Field(False, description="only these end a life (a course, a subscription); silence does not")
    observed_from: Events = Field((), description="with exits_only: the first of these events begins the watch")
    observed_until: Events = Field((), description="with exits_only: the first of these events ends it")

    @model_validator(mode="after")
    def _sound(self) -> Exits:
        for key in self.roads:
            if not _NAME.fullmatch(key) or key in (SILENT, "active", "segment"):
                raise ValueError(f"roads.{key}: use small letters, digits and _, and not silent, active or segment")
        events = [event for road in self.roads.values() for event in road.events] + [*self.observed_until]
        twice = sorted({event for event in events if events.count(event) > 1})
        if twice:
            raise ValueError(f"the event {twice[0]!r} stands for two things")
        if self.exits_only and not self.roads:
            raise ValueError("`exits_only` needs `roads`: without any, nobody would ever leave")
        if (self.observed_from or self.observed_until) and not self.exits_only:
            raise ValueError(
                "`observed_from` and `observed_until` need `exits_only: true`; silence is watched by itself"
            )
        return self

    @property
    def named(self) -> tuple[str, ...]:
        """Every event the settings name, in the order of the file."""
        roads = [event for road in self.roads.values() for event in road.events]
        return tuple(dict.fromkeys([*roads, *self.observed_from, *self.observed_until]))

    @property
    def traces(self) -> tuple[str, ...]:
        """Events that are records of an end and no activity: those of the roads and of the end of the watch."""
        return tuple(event for event in self.named if event not in self.observed_from)


def refuse_exits_as_activity(exits: Exits, used: Mapping[str, Collection[str]]) -> None:
    """Raise ValueError when an event of a road is also used as something that users do.

    used: key of the workbook -> the events it names
    """
    for key, events in used.items():
        for event in events:
            if event in exits.traces:
                raise ValueError(f"{key}: {event!r} is an exit of `exits`, which is no activity; name it in one place")
