"""Sentences of notebook 01: each takes its case from the shown table and claims no more than its interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opsbook.analysis.proportion import wilson
from opsbook.page.says.rows import direction, last_row, span
from opsbook.page.words import Sentence

TERMS = ["stickiness", "quick_ratio", "levers", "unknown", "fluctuation", "stage", "transition", "steady", "rfm"]
TERMS += ["funnel", "time_to_convert", "stage_ageing", "aha"]
TERMS += ["usage_interval", "stage_moves", "wake_chance", "l28", "per_user", "usage_trend", "breadth"]
TERMS += ["rfm_migration", "aarrr", "arppu", "interval"]
STATUS = {"unknown": "unknown", "down": "bad", "up": "good", "leaking": "warn", "falls": "warn"}
STATUS |= {"rises": "neutral", "unclear": "neutral"}
RUN = 6  # periods in a row; a fair coin does so in one of 32 runs
UNEVEN = 4  # an interval whose ends differ by more than this factor tells nothing


def active_users(changes: pd.DataFrame) -> Sentence:
    """Active users of the last period against the one before, judged by the usual fluctuation."""
    if changes.empty or not changes["active_users"].any():
        return Sentence("lifecycle.active.empty")
    row = last_row(changes)
    told: dict[str, Any] = {"users": row["active_users"], "when": span(row["start"], row["end"])}
    if not row["complete"]:
        return Sentence("lifecycle.active.incomplete", **told)
    if pd.isna(row["change"]):
        return Sentence("lifecycle.active.first", **told)
    told |= {"previous": row["previous_users"], "change": row["change"], "earlier": row["earlier_changes"]}
    case = direction(row["change_low"], row["change_high"])
    if case == "unclear" and 1 + row["change_high"] > UNEVEN * (1 + row["change_low"]):
        case = "uneven"
    return Sentence(f"lifecycle.active.{case}", **told, low=row["change_low"], high=row["change_high"])


def last_year(comparison: pd.DataFrame, *, aligned: bool = False) -> Sentence:
    """The last period against the same one a year ago (moved with a festival: aligned), if the data reach back."""
    if comparison.empty or pd.isna(comparison["change"].iloc[0]):
        return Sentence("lifecycle.last_year.none")
    row = last_row(comparison)
    case = direction(row["change_low"], row["change_high"])
    base = Sentence(f"lifecycle.last_year_base.{'aligned' if aligned else 'plain'}", base=row["base"])
    told = {"base": base, "base_users": row["base_users"], "change": row["change"]}
    return Sentence(f"lifecycle.last_year.{case}", **told, low=row["change_low"], high=row["change_high"])


def rolling_actives(rolling: pd.DataFrame) -> Sentence:
    """Users active on the last complete day, and in the 7 and 28 days that end with it."""
    whole = rolling[rolling["complete"] & (rolling["window_days"] == rolling["window_days"].max())]
    if whole.empty or not rolling["users"].any():
        return Sentence("lifecycle.rolling.empty")
    day = whole["day"].max()
    users = rolling[rolling["day"] == day].set_index("window_days")["users"]
    return Sentence("lifecycle.rolling.known", day=day, daily=users[1], weekly=users[7], monthly=users[28])


def stickiness(table: pd.DataFrame) -> Sentence:
    """The share of days on which an active user comes, against the last window that shares no day with this one."""
    if table.empty or not table["complete"].iloc[-1] or pd.isna(table["stickiness"].iloc[-1]):
        return Sentence("lifecycle.stickiness.empty")
    row = last_row(table)
    told = {"share": row["stickiness"], "low": row["low"], "high": row["high"], "window": row["window_days"]}
    told |= {"days": row["stickiness"] * row["window_days"], "n": row["n"]}
    change, low, high = stickiness_change(table)
    if np.isnan(change):
        return Sentence("lifecycle.stickiness.first", **told)
    case = direction(low, high)
    return Sentence(f"lifecycle.stickiness.{case}", **told, change=change, change_low=low, change_high=high)


def active_days(spread: pd.DataFrame, *, min_cell: int = 10) -> Sentence:
    """How the users of the window spread over days: those who came once and those who came on half of all days."""
    users = int(spread["users"].sum())
    if not users or not spread["complete"].all():
        return Sentence("lifecycle.active_days.empty")
    window, days = len(spread), spread["active_days"]
    once, often = spread.loc[days == 1, "users"].sum(), spread.loc[days >= window / 2, "users"].sum()
    told = {"once": once / users, "half": window / 2, "window": window, "n": users}
    if often < min_cell:
        return Sentence("lifecycle.active_days.seldom", **told)
    return Sentence("lifecycle.active_days.known", **told, often=often / users)


def growth(flows: pd.DataFrame) -> Sentence:
    """What moved the number of active users, in users."""
    if flows.empty:
        return Sentence("lifecycle.growth.empty")
    row = last_row(flows)
    if not row["complete"]:
        return Sentence("lifecycle.growth.incomplete")
    net = int(row["active_users"] - row["previous_users"])
    case = "up" if net > 0 else "down" if net < 0 else "same"
    told = {name: row[name] for name in ("new", "resurrected", "dormant", "current", "previous_users", "active_users")}
    return Sentence(f"lifecycle.growth.{case}", **told, net=abs(net), unknown=_unknown(row), quick=quick_ratio(flows))


def quick_ratio(flows: pd.DataFrame) -> Sentence:
    """(new + resurrected) / dormant of the last period, with its interval."""
    row = last_row(flows)
    if pd.isna(row["quick_ratio"]):
        return Sentence("lifecycle.quick.undefined")
    told = {"ratio": row["quick_ratio"], "low": row["quick_ratio_low"], "high": row["quick_ratio_high"]}
    case = direction(told["low"] - 1, told["high"] - 1)
    return Sentence(f"lifecycle.quick.{case}", **told)


def origin(flows: pd.DataFrame) -> Sentence:
    """Where the last period's active users come from, and how many of the previous period's stayed."""
    row = last_row(flows)
    if not row.get("complete") or not row["active_users"] or pd.isna(row["retained"]):
        return Sentence("lifecycle.origin.empty")
    parts = {name: row[name] / row["active_users"] for name in ("current", "new", "resurrected")}
    kept = {"retained": row["retained"], "low": row["retained_low"], "high": row["retained_high"]}
    return Sentence("lifecycle.origin.known", n=row["active_users"], **parts, **kept)


def identities(laws: pd.DataFrame) -> Sentence:
    """That the growth accounting adds up, and in how many periods."""
    if laws.empty:
        return Sentence("lifecycle.identities.empty")
    held = laws.groupby("period")["holds"].all()
    case = "hold" if held.all() else "broken"
    return Sentence(f"lifecycle.identities.{case}", periods=len(held), broken=int((~held).sum()))


def new_silent(flows: pd.DataFrame) -> Sentence:
    """New users of the period who were never active in it: outside every other number."""
    row = last_row(flows) or {"new": 0, "new_silent": 0}
    begun = int(row["new"] + row["new_silent"])
    if not row["new_silent"]:
        return Sentence(f"lifecycle.new_silent.{'none' if begun else 'nobody'}")
    share = wilson(row["new_silent"], begun)
    return Sentence(
        "lifecycle.new_silent.some", users=row["new_silent"], n=begun, share=share.value, low=share.low, high=share.high
    )


def cannot_tell(flows: pd.DataFrame, *, given: frozenset[str]) -> list[Sentence]:
    """What this report cannot tell, given the tables the company has."""
    always = ["why", "fluctuation", "stages", "rfm", "accounts"]
    unknown = ["unknown"] if len(flows) and flows["unknown"].sum() else []
    unsigned = [] if "users" in given else ["signup"]
    return [Sentence(f"lifecycle.cannot.{name}") for name in (*always, *unknown, *unsigned)]


def verdict(
    changes: pd.DataFrame, flows: pd.DataFrame, *, target: float | None = None, news: Sentence | None = None
) -> tuple[str, Sentence, Sentence]:
    """Status, sentence and the rule that fired: the first of the rules below whose condition holds.

    The sentence also tells how many periods in a row the number has risen or fallen, how much of a target it is, and
    which other number changed clearly (news: of `says.aarrr.news`).

    1 the period or its base is missing or incomplete, or fewer than five earlier changes: unknown
    2 active users fell by more than the usual fluctuation: bad
    3 active users rose by more than the usual fluctuation: good
    4 in this and the previous period clearly more users fell silent than came (quick ratio below 1): warn
    5 no change beyond the usual, but RUN falls or more in a row: warn; as many rises: neutral, growing as usual
    6 otherwise: neutral
    """
    case = _verdict_case(changes, flows)
    row = last_row(changes)
    told = {"users": row.get("active_users"), "change": row.get("change")}
    told |= {"low": row.get("change_low"), "high": row.get("change_high"), "more": _more(changes, target, news)}
    return STATUS[case], Sentence(f"lifecycle.verdict.{case}", **told), Sentence(f"lifecycle.rule.{case}")


def _more(changes: pd.DataFrame, target: float | None, news: Sentence | None) -> Sentence:
    """What else belongs to the verdict: a run of rises or falls, the target, another number that changed clearly."""
    users = last_row(changes).get("active_users")
    reached: Sentence | str = ""
    if users and target:
        reached = Sentence("lifecycle.more.target", reached=users / target, target=target)
    side, length = _run(changes)
    run = Sentence(f"lifecycle.more.{side}", n=length) if side else ""
    return Sentence("lifecycle.more.both", run=run, target=reached, news=news or "")


def _run(changes: pd.DataFrame) -> tuple[str, int]:
    """The side, and for how many periods in a row, from RUN on: more than chance, if each is the toss of a coin."""
    sides = np.sign(changes["change"].to_numpy(float)[::-1]) if len(changes) else np.array([])
    length = int(np.argmin(np.append(sides == sides[0], False))) if len(sides) and sides[0] in (-1, 1) else 0
    return ("rises" if sides[0] > 0 else "falls", length) if length >= RUN else ("", 0)


def stickiness_change(table: pd.DataFrame) -> tuple[float, float, float]:
    """Change (0-1) against the last earlier complete window without a common day, as of independent users."""
    row = last_row(table)
    earlier = table[table["complete"] & (table["end"] <= row["end"] - pd.Timedelta(days=int(row["window_days"])))]
    if earlier.empty or pd.isna(earlier["stickiness"].iloc[-1]):
        return np.nan, np.nan, np.nan
    base = last_row(earlier)
    half = np.hypot(row["high"] - row["low"], base["high"] - base["low"]) / 2
    change = float(row["stickiness"] - base["stickiness"])
    return change, change - half, change + half


def _verdict_case(changes: pd.DataFrame, flows: pd.DataFrame) -> str:
    if changes.empty or pd.isna(changes["change_low"].iloc[-1]):
        return "unknown"
    moved = direction(changes["change_low"].iloc[-1], changes["change_high"].iloc[-1])
    recent = flows["quick_ratio_high"].tail(2)
    leaking = len(recent) == 2 and bool((recent < 1).all())
    if moved != "unclear":
        return moved
    return "leaking" if leaking else _run(changes)[0] or moved


def _unknown(row: dict[str, Any]) -> Sentence:
    case = "some" if row["unknown"] else "none"
    return Sentence(f"lifecycle.growth.unknown_{case}", users=row["unknown"])
