"""Sentences of the campaign review about its pace, and about the last campaign of its type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from opsbook.analysis.pace import METHOD, MONEY
from opsbook.inputs.campaign import Earlier
from opsbook.page import words
from opsbook.page.words import Sentence

TERMS = ("pace", "profile", "last_of_type")
SHARES = ("participation", "conversion")
Row = Mapping[Any, Any]


def pace(table: pd.DataFrame, *, days: int, running: bool) -> Sentence:
    """Whether each goal will be reached; of a campaign that is over, what half-time would have said of it.

    table: `pace.pace`; days: of the whole campaign
    """
    if table.empty:
        return Sentence("campaign.pace.none")
    rows, told = table.to_dict("records"), {"day": int(table["days"].iloc[0]), "days": days}
    if running:
        return Sentence("campaign.pace.running", **told, parts=joined([_goal(row) for row in rows]))
    known = table.dropna(subset=["forecast", "came"])
    if known.empty:
        return Sentence("campaign.pace.untried", **told)
    held = int(((known["low"] <= known["came"]) & (known["came"] <= known["high"])).sum())
    parts = [_tried(row) for row in known.to_dict("records")]
    return Sentence("campaign.pace.over", **told, parts=joined(parts), held=held, n=len(known))


def pace_table(table: pd.DataFrame) -> pd.DataFrame:
    """The pace for reading: each figure in the unit of its metric, the verdict and the profile in words."""
    rows = []
    for row in table.to_dict("records"):
        told = {"metric": Sentence(f"campaign.goal.{row['metric']}")}
        shown_as = {"target": "target", "so_far": "so_far", "due": "due_by_then", "forecast": "forecast"}
        told |= {name: _amount(row["metric"], row[column]) for column, name in shown_as.items()}
        if pd.notna(row["low"]):
            about = f"campaign.pace_interval.{_kind(row['metric'])}"
            told["interval"] = Sentence(about, low=row["low"], high=row["high"])
        told["came"] = _amount(row["metric"], row["came"])
        told["pace"] = Sentence(f"campaign.pace_word.{row['pace'] or 'no_target'}")
        rows.append(told | {"profile": Sentence(f"campaign.profile.{row['source']}")})
    shown = pd.DataFrame(
        rows, columns=["metric", "target", "so_far", "due_by_then", "forecast", "interval", "came", "pace", "profile"]
    )
    return shown if table["came"].notna().any() else shown.drop(columns="came")


def finding(shown: Sentence, pace: Sentence, *, running: bool) -> Sentence | None:
    """The first finding: while the campaign runs its pace, afterwards what is known of goals and plan.

    None where nobody wrote down a goal: its section says so.
    """
    found = pace if running else shown
    return None if found.key == "campaign.goals.none" else found


def number(table: pd.DataFrame, *, running: bool) -> dict[str, Any]:
    """The forecast of the first goal as keyword arguments of `page.number`; a card while the campaign runs."""
    row = table.iloc[0].to_dict() if len(table) else {}
    unit = {"revenue": "money", "cost": "money", "orders": "orders"}.get(str(row.get("metric")), "users")
    told: dict[str, Any] = {
        name: None if pd.isna(row.get(name, float("nan"))) else row[name] for name in ("low", "high", "target")
    }
    value = None if pd.isna(row.get("forecast", float("nan"))) else row["forecast"]
    days = int(row["days"]) if row else None
    card = running and value is not None
    return (
        {"key": "forecast", "value": value, "n": days, "unit": unit, "method": METHOD, "card": card}
        | told
        | {"counted": "days"}
    )


def last_time(table: pd.DataFrame, earlier: Earlier | None, *, running: bool) -> Sentence:
    """What is clearly different from the last campaign of the type, and what is not.

    table: `last_time.compare`
    """
    if earlier is None:
        return Sentence("campaign.last_time.none")
    told: dict[str, Any] = {"name": _called(earlier), "start": earlier.start, "end": earlier.end}
    if table.empty:
        return Sentence("campaign.last_time.no_data", **told)
    rows = table.to_dict("records")
    tested = [row for row in rows if not pd.isna(row["low"])]
    clear = [_change(row) for row in tested if row["low"] > 0 or row["high"] < 0]
    alike = [_measure(row) for row in tested if not (row["low"] > 0 or row["high"] < 0)]
    said = (
        Sentence("campaign.last_time.clear", parts=joined(clear)) if clear else Sentence("campaign.last_time.no_clear")
    )
    rest = (
        Sentence("campaign.last_time.alike", parts=alike) if alike and clear else Sentence("campaign.last_time.nothing")
    )
    return Sentence(f"campaign.last_time.{'same_day' if running else 'known'}", **told, said=said, rest=rest)


def last_table(table: pd.DataFrame) -> pd.DataFrame:
    """The comparison for reading: each measure in its unit."""
    rows = [
        {
            "measure": _measure(row),
            "this": _value(row, "this"),
            "last": _value(row, "last"),
            "moved": _moved(row),
        }
        for row in table.to_dict("records")
    ]
    return pd.DataFrame(rows, columns=["measure", "this", "last", "moved"])


def _called(earlier: Earlier) -> str:
    """What the reader calls the earlier campaign; its key where it has no name."""
    name = earlier.name_zh if words.language() == "zh" and earlier.name_zh else earlier.name
    return name or earlier.campaign_id


def goals(said: Sentence, *, running: bool) -> Sentence:
    """The goals' sentence, or while the campaign runs that nothing is decided yet."""
    return Sentence("campaign.goals_running.so_far") if running else said


def joined(parts: Sequence[Sentence]) -> Sentence:
    """Parts that hold commas of their own, one after the other."""
    if len(parts) == 1:
        return parts[0]
    return Sentence("campaign.joined.two", first=parts[0], rest=joined(parts[1:]))


def _goal(row: Row) -> Sentence:
    kind = _kind(row["metric"])
    told: dict[str, Any] = {"metric": Sentence(f"campaign.goal.{row['metric']}")}
    told |= {"so_far": _amount(row["metric"], row["so_far"])}
    known = not pd.isna(row["forecast"])
    if known:
        told["forecast"] = Sentence(
            f"campaign.pace_part.{kind}", value=row["forecast"], low=row["low"], high=row["high"]
        )
    if row["pace"] is None or pd.isna(row["target"]):
        return Sentence(f"campaign.pace_goal.{'no_target' if known else 'unknown'}", **told)
    told["target"] = _amount(row["metric"], row["target"])
    if not known and row["pace"] == "cannot_tell":
        return Sentence("campaign.pace_goal.unknown", **told)
    return Sentence(f"campaign.pace_goal.{row['pace']}", **told)


def _tried(row: Row) -> Sentence:
    said = Sentence(
        f"campaign.pace_part.{_kind(row['metric'])}", value=row["forecast"], low=row["low"], high=row["high"]
    )
    told = {"metric": Sentence(f"campaign.goal.{row['metric']}"), "came": _amount(row["metric"], row["came"])}
    return Sentence("campaign.pace_goal.tried", forecast=said, **told)


def _kind(metric: str) -> str:
    return "money" if metric in MONEY else "count"


def _amount(metric: str, value: float) -> Sentence:
    return Sentence(f"campaign.plan_amount.{_kind(metric)}", value=value)


def _measure(row: Row) -> Sentence:
    return Sentence(f"campaign.last_measure.{row['measure']}")


def _value(row: Row, side: str) -> Sentence:
    kind = (
        "share" if row["measure"] in SHARES else "count" if row["measure"] in ("exposed", "participants") else "money"
    )
    return Sentence(f"campaign.plan_amount.{kind}", value=row[side])


def _moved(row: Row) -> Sentence:
    kind = "points" if row["measure"] in SHARES else "money" if row["measure"] == "value_per_converter" else "percent"
    if pd.isna(row["low"]):
        return Sentence(f"campaign.last_change.bare_{kind}", change=row["change"])
    return Sentence(f"campaign.last_change.{kind}", change=row["change"], low=row["low"], high=row["high"])


def _change(row: Row) -> Sentence:
    told = {"this": _value(row, "this"), "last": _value(row, "last"), "change": _moved(row)}
    return Sentence("campaign.last_time.part", measure=_measure(row), **told)
