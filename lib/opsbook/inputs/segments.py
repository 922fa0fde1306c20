"""Named segments of users: rules on attributes, behaviour, stage and RFM group, decided once in `workbook.yaml`.

A rule is a small tree of conditions, each one mapping; there is no expression language and nothing is evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from opsbook.errors import ParameterError
from opsbook.inputs.yaml_file import did_you_mean

STAGES = ("introduction", "growth", "mature", "sleeping", "lost")
RFM_KEYS = tuple("".join(letters) for letters in product("HL", repeat=3))
RESERVED = ("all", "everyone", "rest", "other", "stages", "rfm_groups")
COUNTED = ("count", "event", "event_group")
KINDS = ("all", "any", "not", "attribute", *COUNTED, "since", "stage", "rfm")
COMPANIONS = {
    "attribute": {"equals", "in", "missing"},
    **{kind: {"within_days", "at_least", "at_most"} for kind in COUNTED},
    "since": {"at_least", "at_most"},
}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def _listed(value: Any) -> Any:
    """One word stands for a list of one."""
    return [value] if isinstance(value, str) else value


def _of(known: Collection[str]) -> BeforeValidator:
    """A list of words out of the known ones; an unknown one is answered with the nearest."""

    def check(value: Any) -> Any:
        odd = [word for word in _listed(value) or [] if word not in known]
        if odd:
            raise ValueError(f"{odd[0]!r} does not exist, {did_you_mean(str(odd[0]), list(known))}")
        return _listed(value)

    return BeforeValidator(check)


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]


class _Typed(BaseModel):
    """A frozen model that refuses unknown keys, as `workbook.Typed`, which stands above this module."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Typed):
    """One condition: exactly one of KINDS, with the words that belong to it."""

    all: Annotated[tuple[Rule, ...], Field(min_length=1)] | None = Field(None, description="every one of these")
    any: Annotated[tuple[Rule, ...], Field(min_length=1)] | None = Field(None, description="at least one of these")
    not_: Rule | None = Field(None, alias="not", description="everybody else")
    attribute: str | None = Field(None, description="a column of users: channel or one of `attributes`")
    equals: str | None = None
    in_: Texts | None = Field(None, alias="in")
    missing: bool | None = None
    count: Literal["active_days", "orders", "revenue"] | None = None
    event: str | None = Field(None, description="an event as it stands in events, or `order`")
    event_group: str | None = Field(None, description="a name of `event_groups`")
    within_days: Annotated[int, Field(ge=1, le=3650)] | None = Field(None, description="the last so many days")
    since: Literal["last_activity", "start_of_life"] | None = Field(None, description="days since then")
    at_least: float | None = None
    at_most: float | None = None
    stage: Annotated[tuple[str, ...], _of(STAGES)] | None = None
    rfm: Annotated[tuple[str, ...], _of(RFM_KEYS)] | None = Field(None, description="keys HHH … LLL, order R, F, M")

    @model_validator(mode="after")
    def _one_condition(self) -> Rule:
        given = self.given
        kinds = [name for name in KINDS if name in given]
        if len(kinds) != 1:
            found = ", ".join(kinds) or "none"
            raise ValueError(f"a condition is exactly one of {', '.join(KINDS)} (found {found})")
        stray = sorted(given.keys() - {kinds[0]} - COMPANIONS.get(kinds[0], set()))
        if stray:
            raise ValueError(f"`{stray[0]}` does not belong to `{kinds[0]}`")
        _check_companions(kinds[0], given)
        return self

    @property
    def given(self) -> dict[str, Any]:
        """The words of the condition that were written, under the names they have in the file."""
        fields = type(self).model_fields
        found = {field.alias or name: getattr(self, name) for name, field in fields.items()}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def parts(self) -> tuple[Rule, ...]:
        """The conditions this one is made of; none for a single condition."""
        return self.all or self.any or ((self.not_,) if self.not_ else ())

    @property
    def leaves(self) -> Iterator[Rule]:
        """The single conditions of the tree, in the order of the file."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves


class Segment(_Typed):
    """A group of users that has a name; a user may be in several."""

    name: str | None = Field(None, description="in English reports; none = the key with blanks")
    name_zh: str | None = Field(None, description="in Chinese reports; none = as in English")
    description: str | None = None
    description_zh: str | None = None
    rule: Rule

    @property
    def known_at_start(self) -> bool:
        """Whether nothing but attributes decides, so that users belong to it from their first day on."""
        return all(leaf.attribute for leaf in self.rule.leaves)

    def label(self, key: str, language: str) -> str:
        """What reports call the segment."""
        name = self.name or key.replace("_", " ")
        return (self.name_zh or name) if language == "zh" else name


class Exports(_Typed):
    """Which lists of users are written beside the reports of the notebooks; they hold user ids."""

    segments: bool = Field(True, description="one list per named segment")
    stages: bool = Field(False, description="every user with the lifecycle stage")
    rfm_groups: bool = Field(False, description="every buyer with the RFM group")
    at_risk: bool = Field(True, description="notebook 02: the users at risk, with a registered holdout")
    abnormal: bool = Field(True, description="notebook 03: participants that the screen lists")


class ProfileSettings(_Typed):
    """Whom notebook 01 describes, and against whom."""

    segment: str | None = Field(None, description="a segment or a stage; none = the first segment, else `mature`")
    against: Literal["everyone", "rest"] = Field("everyone", description="TGI: the field compares with everyone")
    clusters: bool = Field(False, description="also look for groups in behaviour that nobody named")


def check_segments(
    segments: Mapping[str, Segment], profile: ProfileSettings, *, attributes: Collection[str], groups: Collection[str]
) -> None:
    """Raise ValueError naming the key when a segment uses a name the workbook does not know, or takes one it has."""
    for name, segment in segments.items():
        if not _NAME.fullmatch(name) or name in (*RESERVED, *STAGES, *attributes):
            raise ValueError(
                f"segments.{name}: the key names files and columns, so use small letters, digits and _, "
                f"and no name of an attribute, a stage, or {', '.join(RESERVED)}"
            )
        check_rule(f"segments.{name}", segment.rule, attributes=attributes, groups=groups)
    _check_known("profile", "segment", profile.segment, [*segments, *STAGES])


def check_rule(key: str, rule: Rule, *, attributes: Collection[str], groups: Collection[str]) -> None:
    """Raise ValueError, beginning with the key, when a rule uses a name the workbook does not know."""
    for leaf in rule.leaves:
        _check_known(key, "attribute", leaf.attribute, attributes)
        _check_known(key, "event_group", leaf.event_group, groups)


def refuse_later_segment(
    segments: Mapping[str, Segment], name: str, *, landmark_days: int = 0, where: object = ""
) -> None:
    """Raise ParameterError when users only come to belong to the segment after their first day, without a landmark."""
    if not landmark_days and at_start(segments, name) != name:
        raise ParameterError(
            f"The segment `{name}` cannot split survival curves: whom it holds is only known later (immortal time)",
            found="its rule asks for behaviour, stage or RFM group",
            fix="give a landmark, such as `segment_landmark_days: 14`: users are grouped by their first 14 days, and"
            " those still there are followed from then on; or take a segment of attributes alone",
            where=str(where),
        )


def at_start(segments: Mapping[str, Segment], name: str) -> str:
    """By what users can be split from their first day on: the name itself, `channel` where it is only known later."""
    segment = segments.get(name)
    return name if segment is None or segment.known_at_start else "channel"


def _check_companions(kind: str, given: Mapping[str, Any]) -> None:
    if kind == "attribute" and len(given) != 2:
        raise ValueError("`attribute` needs exactly one of `equals`, `in`, `missing`")
    if kind in COUNTED and "within_days" not in given:
        raise ValueError(f"`{kind}` needs `within_days`")
    if kind in (*COUNTED, "since") and not given.keys() & {"at_least", "at_most"}:
        raise ValueError(f"`{kind}` needs `at_least` or `at_most`")


def _check_known(key: str, word: str, name: str | None, known: Collection[str]) -> None:
    if name is not None and name not in known:
        hint = did_you_mean(name, list(known)) if known else "the workbook names none"
        raise ValueError(f"{key}: {word} {name!r} does not exist, {hint}")
