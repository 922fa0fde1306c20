"""The company's workbook: where its tables lie, how its words map to the contract, and what it decided once."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from opsbook.inputs import stage_presets
from opsbook.inputs.aha import AhaSettings
from opsbook.inputs.early_warning import EarlyWarning
from opsbook.inputs.exits import Exits, refuse_exits_as_activity
from opsbook.inputs.funnels import Funnel, default_funnel, expanded
from opsbook.inputs.intensity import Intensity, refuse_unknown_metrics
from opsbook.inputs.known_later import WHY, later_names
from opsbook.inputs.plays import Plays
from opsbook.inputs.segments import Exports, ProfileSettings, Segment, check_segments
from opsbook.inputs.value import ValueSettings
from opsbook.inputs.yaml_file import did_you_mean, load

Language = Literal["en", "zh"]
TableName = Literal["users", "events", "orders", "costs", "assignments", "exposures", "contents", "redemptions"]
USER_COLUMNS = ("user_id", "signed_up_at", "channel", "invited_by")
Share = Annotated[float, Field(ge=0, le=1)]
Days = Annotated[int, Field(ge=0, le=3650)]


class Typed(BaseModel):
    """A frozen model that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(Typed):
    """How one contract column is read: a column of the source or an SQL expression, with its unit and zone."""

    column: str | None = None
    sql: str | None = None
    zone: str | None = Field(None, description="IANA zone of naive timestamps; default: the workbook's zone")
    unit: Literal["s", "ms", "us"] | None = Field(None, description="Unix time in this unit")
    scale: float = Field(1.0, description="multiply numbers by this, e.g. 0.01 for cents")

    @model_validator(mode="after")
    def _one_origin(self) -> Column:
        if (self.column is None) == (self.sql is None):
            raise ValueError("give either `column` or `sql`")
        return self

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        return _zone(zone) if zone else zone


class Csv(Typed):
    """How CSV files are written; columns are read as text and converted by the contract, so no type is guessed."""

    delim: str | None = Field(None, description="one character; none = found by the reader")
    header: bool | None = Field(None, description="first line holds the names; default: yes, unless `names` is given")
    names: list[str] = Field(default_factory=list, description="column names of files without a header")
    quote: str | None = None
    skip: Annotated[int, Field(ge=0)] = Field(0, description="lines before the header")
    nulls: list[str] = Field(default_factory=list, description="texts that mean missing, beside the empty one")
    encoding: Literal["utf-8", "utf-16", "latin-1"] = "utf-8"
    dateformat: str | None = Field(None, description="strptime form of every text date or timestamp, e.g. %d.%m.%Y")


class Source(Typed):
    """Where one table comes from: exactly one of path, database table, url table, or a query over named files."""

    path: str | None = Field(
        None,
        description="Parquet or CSV (also gz), glob allowed, relative to the checkout; "
        "`package:NAME/…` reads inside an installed package",
    )
    database: str | None = Field(None, description="a DuckDB file")
    url: str | None = Field(None, description="an Ibis backend URL; ${NAME} is taken from the environment")
    table: str | None = Field(None, description="table (or schema.table) in the database or behind the url")
    query: str | None = Field(None, description="a SELECT over `files`, whose names stand in braces: FROM {lines}")
    files: dict[str, str] = Field(default_factory=dict, description="name: path of each file of the query")
    columns: dict[str, Column | str] = Field(default_factory=dict)
    attributes: list[str] = Field(default_factory=list, description="users only: source columns kept as attributes")
    known_later: list[str] = Field(
        default_factory=list, description="users only: attributes known after the fact, never used to choose users"
    )
    where: str | None = Field(None, description="SQL condition on source columns")
    group_by: list[str] = Field(default_factory=list, description="contract columns of one row; others aggregate")
    csv: Csv = Csv()
    settling_days: Days = 0

    @model_validator(mode="after")
    def _one_place(self) -> Source:
        places = [name for name in ("path", "database", "url", "query") if getattr(self, name)]
        if len(places) != 1:
            raise ValueError(f"give exactly one of path, database, url, query (found {', '.join(places) or 'none'})")
        if places[0] in ("database", "url") and not self.table:
            raise ValueError("a database or url needs `table`")
        if bool(self.query) != bool(self.files):
            raise ValueError("`query` and `files` belong together: files names what the query reads")
        return self


class Company(Typed):
    """Who the reports are for."""

    key: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="names the mart and the output folder")
    name: str
    name_zh: str | None = None
    brand_color: str = Field("#2f5d8a", pattern=r"^#[0-9a-fA-F]{6}$")


class StageRule(Typed):
    """One line of the ordered stage list; every given bound must hold; first match wins."""

    stage: Literal["introduction", "growth", "mature", "sleeping", "lost"]
    max_tenure_days: int | None = None
    min_tenure_days: int | None = None
    max_silent_days: int | None = None
    min_silent_days: int | None = None
    min_active_days: int | None = Field(None, description="active days in the last 28")
    max_active_days: int | None = None
    min_orders: int | None = Field(None, description="orders in the last 90 days")


DEFAULT_STAGES = (
    StageRule(stage="lost", min_silent_days=28),
    StageRule(stage="sleeping", min_silent_days=7),
    StageRule(stage="introduction", max_tenure_days=13),
    StageRule(stage="mature", min_active_days=8),
    StageRule(stage="growth"),
)


class Thresholds(Typed):
    """Definitions the company fixed once; every report prints those it used."""

    active_events: list[str] = Field(default_factory=list, description="events that make a day active; empty = any")
    history_days: Days = Field(28, description="users first seen this early without a signup date are `unknown`")
    churn_after_days: Annotated[int, Field(ge=1)] | None = Field(None, description="none = use the suggestion")
    false_churn_target: Share = 0.10
    landmark_days: Annotated[int, Field(ge=1)] = 14
    horizon_days: Annotated[int, Field(ge=7)] = 180
    stickiness_days: Annotated[int, Field(ge=2)] = 28
    min_cell: Annotated[int, Field(ge=1)] = 10
    stages: tuple[StageRule, ...] = Field(DEFAULT_STAGES, description="a list, or the name of a preset")
    intensity: Intensity = Intensity()
    rfm_cut: Literal["median", "mean", "value"] = "median"
    rfm_days: Annotated[int, Field(ge=1)] = 365
    rfm_values: dict[Literal["recency_days", "orders", "revenue"], float] = Field(default_factory=dict)
    rfm_money: Literal["total", "mean_per_order"] = Field("total", description="M: amount of the window, or per order")
    drop_budget: Share = Field(0.05, description="share of a table's rows that rules may drop before the run stops")

    @field_validator("stages", mode="before")
    @classmethod
    def _named_preset(cls, stages: Any) -> Any:
        return stage_presets.rules_of(stages)

    @model_validator(mode="after")
    def _complete(self) -> Thresholds:
        if self.rfm_cut == "value" and len(self.rfm_values) < 3:
            raise ValueError("rfm_cut: value needs rfm_values with recency_days, orders and revenue")
        if self.stages and self.stages[-1].model_dump(exclude_none=True).keys() != {"stage"}:
            raise ValueError("the last stage rule must have no bounds, so that every user has a stage")
        return self


class EngineSettings(Typed):
    """Limits of the embedded engine."""

    memory: str = Field("4GB", description="above this it spills")
    threads: Annotated[int, Field(ge=1)] | None = Field(None, description="none = all cores")
    spill_folder: str | None = Field(None, description="none = beside the mart")


class Incident(Typed):
    """A day or span on which numbers are known to be special; drawn as a band."""

    start: date
    end: date
    name: str
    name_zh: str | None = None


class Workbook(Typed):
    """One company: the whole of `workbook.yaml`."""

    company: Company
    tables: dict[TableName, Source]
    zone: str = "Asia/Shanghai"
    week_start: Literal["monday", "sunday", "saturday"] = "monday"
    currency: str = Field("CNY", pattern=r"^[A-Z]{3}$")
    language: Language = "en"
    calendar: str | None = Field("CN", description="country whose festivals are drawn and aligned; none = no festivals")
    as_of: date | None = Field(None, description="last complete day of data; none = yesterday when scheduled")
    data_start: date | None = Field(None, description="rows before this day are out of the declared window")
    event_groups: dict[str, list[str]] = Field(default_factory=dict, description="group name: its events")
    thresholds: Thresholds = Thresholds()
    exits: Exits = Exits()
    aha: AhaSettings = AhaSettings()
    segments: dict[str, Segment] = Field(default_factory=dict, description="name: whom it holds")
    profile: ProfileSettings = ProfileSettings()
    exports: Exports = Exports()
    plays: Plays = Field(default_factory=dict, description="RFM group: what is done with it, by whom")
    value: ValueSettings = ValueSettings()
    early_warning: EarlyWarning = EarlyWarning()
    labels: dict[str, dict[Language, str]] = Field(
        default_factory=dict, description="a channel, event, group, attribute or value: what readers call it"
    )
    funnels: tuple[Funnel, ...] = Field((), description="the first one is followed in detail; none = the event groups")
    incidents: tuple[Incident, ...] = ()
    engine: EngineSettings = EngineSettings()
    seed: int = 20260101

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        return _zone(zone)

    @field_validator("event_groups")
    @classmethod
    def _plain_group_names(cls, groups: dict[str, list[str]]) -> dict[str, list[str]]:
        odd = [name for name in groups if not name.isidentifier()]
        if odd:
            raise ValueError(f"group names become columns, so use letters, digits and _ (found {', '.join(odd)})")
        return groups

    @field_validator("funnels")
    @classmethod
    def _whole_funnels(cls, funnels: tuple[Funnel, ...], info: ValidationInfo) -> tuple[Funnel, ...]:
        return expanded(funnels, info.data.get("event_groups", {}))

    @model_validator(mode="before")
    @classmethod
    def _stages_of_a_shop(cls, content: Any) -> Any:
        return stage_presets.with_default_stages(content)

    @model_validator(mode="after")
    def _known_metrics(self) -> Workbook:
        refuse_unknown_metrics(self.thresholds.intensity.metrics, self.event_groups)
        return self

    @model_validator(mode="after")
    def _activity_known(self) -> Workbook:
        if not {"events", "orders"} & set(self.tables):
            raise ValueError("tables must name `events` or `orders`: without either nobody is ever active")
        return self

    @model_validator(mode="after")
    def _exits_are_no_activity(self) -> Workbook:
        rules = {f"segments.{key}": [one.event for one in part.rule.leaves] for key, part in self.segments.items()}
        steps = {f"funnels.{one.name}": [event for step in one.steps for event in step.any_of] for one in self.funnels}
        groups = {f"event_groups.{key}": events for key, events in self.event_groups.items()}
        used = groups | steps | {key: [event for event in events if event] for key, events in rules.items()}
        refuse_exits_as_activity(self.exits, used | {"thresholds.active_events": self.thresholds.active_events})
        return self

    @model_validator(mode="after")
    def _segments_known(self) -> Workbook:
        rules = {f"segments.{key}": part.rule for key, part in self.segments.items()}
        refused = [said for key, rule in rules.items() for said in later_names(key, rule, self.known_later)]
        refused += [
            f"funnels.{f.name}: `by` {name} {WHY}" for f in self.funnels for name in f.by if name in self.known_later
        ]
        if refused:
            raise ValueError("; ".join(refused))
        check_segments(self.segments, self.profile, attributes=self.attributes, groups=list(self.event_groups))
        return self

    @property
    def attributes(self) -> list[str]:
        """Columns of users that say what a user is: the channel and the company's own."""
        users = self.tables.get("users")
        own = [*users.columns, *users.attributes] if users else []
        return ["channel", *(name for name in dict.fromkeys(own) if name not in (*USER_COLUMNS, *self.known_later))]

    @property
    def known_later(self) -> list[str]:
        """Attributes of users that are only known after the fact; they choose, split and explain nobody."""
        users = self.tables.get("users")
        return list(users.known_later) if users else []

    def settled_through(self, as_of: date) -> date:
        """The last day whose late rows have arrived in every table that makes users active."""
        waits = [self.tables[name].settling_days for name in ("events", "orders") if name in self.tables]
        return as_of - timedelta(days=max(waits, default=0))

    @property
    def funnel(self) -> Funnel | None:
        """The funnel that is followed in detail: the first one defined, else the event groups in their order."""
        return self.funnels[0] if self.funnels else default_funnel(self.event_groups)

    @property
    def timezone(self) -> ZoneInfo:
        """The zone in which a day is a day."""
        return ZoneInfo(self.zone)


def read_workbook(path: Path) -> Workbook:
    """Read and check `workbook.yaml`; raises ParameterError with file, line, key and a suggestion."""
    return load(path, Workbook)


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"unknown time zone {name!r}, {did_you_mean(name, sorted(available_timezones()))[:200]}")
    return name
