"""Sentences of notebook 01: each takes its case from the shown table and claims no more than its interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opsbook.analysis.proportion import newcombe, wilson
from opsbook.page.words import Sentence

TERMS = ["stickiness", "quick_ratio", "unknown", "fluctuation", "stage", "transition", "rfm", "aarrr", "interval"]
AWAKE = ["introduction", "growth", "mature"]


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
    return Sentence(f"lifecycle.active.{case}", **told, low=row["change_low"], high=row["change_high"])


def last_year(comparison: pd.DataFrame) -> Sentence:
    """The last period against the same one a year ago, if the data reach back so far."""
    if comparison.empty or pd.isna(comparison["change"].iloc[0]):
        return Sentence("lifecycle.last_year.none")
    row = last_row(comparison)
    case = direction(row["change_low"], row["change_high"])
    told = {"base": row["base"], "base_users": row["base_users"], "change": row["change"]}
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


def active_days(spread: pd.DataFrame) -> Sentence:
    """How the users of the window spread over days: those who came once and those who came on half of all days."""
    users = int(spread["users"].sum())
    if not users:
        return Sentence("lifecycle.active_days.empty")
    window, days = len(spread), spread["active_days"]
    once, often = spread.loc[days == 1, "users"].sum(), spread.loc[days >= window / 2, "users"].sum()
    return Sentence(
        "lifecycle.active_days.known", once=once / users, often=often / users, half=window / 2, window=window, n=users
    )


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
        return Sentence("lifecycle.new_silent.none")
    share = wilson(row["new_silent"], begun)
    return Sentence(
        "lifecycle.new_silent.some", users=row["new_silent"], n=begun, share=share.value, low=share.low, high=share.high
    )


def stages(stock: pd.DataFrame) -> Sentence:
    """The largest stage, and whether the mature share moved since the period before."""
    if stock.empty or not stock["alive_users"].iloc[-1]:
        return Sentence("lifecycle.stages.empty")
    now = stock[stock["end"] == stock["end"].max()].set_index("stage")
    if not now["complete"].all():
        return Sentence("lifecycle.stages.incomplete")
    mature, largest = last_row(now.loc[["mature"]]), str(now["users"].idxmax())
    told = {"n": mature["alive_users"], "mature": mature["share"], "low": mature["share_low"]}
    told |= {"high": mature["share_high"], "largest_share": now["share"].max(), "largest": _stage(largest)}
    change = mature_change(stock)
    if change is None:
        return Sentence("lifecycle.stages.first", **told)
    case = direction(change["low"], change["high"])
    return Sentence(f"lifecycle.stages.{case}", **told, change=change["value"])


def transitions(matrix: pd.DataFrame, *, min_cell: int = 10) -> Sentence:
    """How many mature users stayed mature, and how many sleeping or lost users woke up."""
    asleep = matrix[matrix["from_stage"].isin(["sleeping", "lost"])]
    mature = matrix[matrix["from_stage"] == "mature"]
    sleepers, n_mature = int(asleep["users"].sum()), int(mature["users"].sum())
    if min(sleepers, n_mature) < min_cell:
        return Sentence("lifecycle.transitions.few", mature=n_mature, asleep=sleepers)
    kept = wilson(mature.loc[mature["to_stage"] == "mature", "users"].sum(), n_mature)
    woke = wilson(asleep.loc[asleep["to_stage"].isin(AWAKE), "users"].sum(), sleepers)
    told = {"kept": kept.value, "kept_low": kept.low, "kept_high": kept.high, "n_mature": n_mature}
    woken = {"woke": woke.value, "woke_low": woke.low, "woke_high": woke.high, "n_asleep": sleepers}
    return Sentence("lifecycle.transitions.known", **told, **woken)


def rfm(groups: pd.DataFrame) -> Sentence:
    """Which group carries the revenue, and whether by more than its number of buyers."""
    if not groups["users"].sum() or groups["share_revenue"].isna().all():
        return Sentence("lifecycle.rfm.empty")
    row = groups.loc[groups["share_revenue"].idxmax()]
    told = {
        "group": _group(str(row["key"])),
        "users": row["users"],
        "buyers": row["buyers"],
        "share_users": row["share_users"],
    }
    told |= {"share_revenue": row["share_revenue"], "low": row["share_revenue_low"], "high": row["share_revenue_high"]}
    carries = row["share_revenue_low"] > row["share_users_high"]
    return Sentence(f"lifecycle.rfm.{'carries' if carries else 'even'}", **told)


def rfm_cuts(cuts: pd.DataFrame) -> Sentence:
    """Where high begins, and how many buyers lie exactly on the cut of the number of orders."""
    at: dict[Any, dict[Any, Any]] = cuts.set_index("measure").to_dict("index")
    n = at["orders"]["buyers"]
    if not n:
        return Sentence("lifecycle.rfm.empty")
    limits = {name: at[name]["cut"] for name in ("recency_days", "orders", "revenue")}
    tied = at["orders"]["tied_users"] / n
    return Sentence(f"lifecycle.rfm_cuts.{'tied' if tied >= 0.25 else 'clear'}", **limits, tied=tied, n=n)


def aarrr(line: pd.DataFrame) -> Sentence:
    """The five numbers in one sentence; what was not recorded is left out by name."""
    at = line.set_index("metric")["value"]
    if not at["new_users"] and at.drop("new_users").isna().all():
        return Sentence("lifecycle.aarrr.empty")
    parts = [Sentence(f"lifecycle.aarrr.{name}", value=value) for name, value in at.items() if pd.notna(value)]
    return Sentence("lifecycle.aarrr.line", parts=parts)


def aarrr_table(line: pd.DataFrame) -> pd.DataFrame:
    """The line for reading: value and interval in the format of their unit."""
    shown = line.copy()
    for name in ("value", "low", "high"):
        pairs = zip(line["unit"], line[name], strict=True)
        shown[name] = pd.Series(
            [Sentence(f"lifecycle.cell.{unit}", value=value) for unit, value in pairs], dtype=object
        )
    return shown[["step", "metric", "value", "low", "high", "n", "method"]]


def aarrr_heading() -> Sentence:
    """The line above the AARRR table."""
    return Sentence("lifecycle.aarrr.table")


def third_finding(groups: pd.DataFrame, matrix: pd.DataFrame, *, min_cell: int = 10) -> Sentence:
    """What the buyers are worth where there are buyers, else where users go."""
    return rfm(groups) if groups["users"].sum() else transitions(matrix, min_cell=min_cell)


def cannot_tell(flows: pd.DataFrame, *, given: frozenset[str]) -> list[Sentence]:
    """What this report cannot tell, given the tables the company has."""
    always = ["why", "fluctuation", "stages", "rfm", "accounts"]
    unknown = ["unknown"] if len(flows) and flows["unknown"].sum() else []
    unsigned = [] if "users" in given else ["signup"]
    return [Sentence(f"lifecycle.cannot.{name}") for name in (*always, *unknown, *unsigned)]


def verdict(changes: pd.DataFrame, flows: pd.DataFrame) -> tuple[str, Sentence, Sentence]:
    """Status, sentence and the rule that fired: the first of the rules below whose condition holds.

    1 the period or its base is missing or incomplete, or fewer than five earlier changes: unknown
    2 active users fell by more than the usual fluctuation: bad
    3 active users rose by more than the usual fluctuation: good
    4 in this and the previous period clearly more users fell silent than came (quick ratio below 1): warn
    5 otherwise: neutral
    """
    case = _verdict_case(changes, flows)
    status = {"unknown": "unknown", "down": "bad", "up": "good", "leaking": "warn", "unclear": "neutral"}[case]
    row = last_row(changes)
    told = {"users": row.get("active_users"), "change": row.get("change")}
    told |= {"low": row.get("change_low"), "high": row.get("change_high")}
    return status, Sentence(f"lifecycle.verdict.{case}", **told), Sentence(f"lifecycle.rule.{case}")


def span(start: pd.Timestamp, end: pd.Timestamp) -> Sentence:
    """A calendar month by its name, other spans by their first and last day."""
    whole_month = start.day == 1 and end == start + pd.offsets.MonthEnd(0)
    return Sentence(f"lifecycle.span.{'month' if whole_month else 'days'}", start=start, end=end)


def last_row(table: pd.DataFrame) -> dict[str, Any]:
    """The values of the last row by column; empty for an empty table."""
    return {str(name): value for name, value in table.iloc[-1].items()} if len(table) else {}


def direction(low: float, high: float) -> str:
    """Up or down when the interval lies on one side of zero, unclear when it covers it, unjudged without one."""
    if pd.isna(low) or pd.isna(high):
        return "unjudged"
    return "up" if low > 0 else "down" if high < 0 else "unclear"


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


def mature_change(stock: pd.DataFrame) -> dict[str, Any] | None:
    """Change of the mature share against the period before, as of independent users; None without one."""
    mature = stock[(stock["stage"] == "mature") & stock["complete"]].sort_values("end")
    if len(mature) < 2 or not mature["alive_users"].iloc[-2]:
        return None
    base, now = last_row(mature.iloc[:-1]), last_row(mature)
    return newcombe(now["users"], now["alive_users"], base["users"], base["alive_users"])._asdict()


def _verdict_case(changes: pd.DataFrame, flows: pd.DataFrame) -> str:
    if changes.empty or pd.isna(changes["change_low"].iloc[-1]):
        return "unknown"
    moved = direction(changes["change_low"].iloc[-1], changes["change_high"].iloc[-1])
    recent = flows["quick_ratio_high"].tail(2)
    leaking = len(recent) == 2 and bool((recent < 1).all())
    return "leaking" if moved == "unclear" and leaking else moved


def _unknown(row: dict[str, Any]) -> Sentence:
    case = "some" if row["unknown"] else "none"
    return Sentence(f"lifecycle.growth.unknown_{case}", users=row["unknown"])


def _stage(stage: str) -> Sentence:
    return Sentence(f"common.stage.{stage}")


def _group(key: str) -> Sentence:
    return Sentence(f"lifecycle.key.{key}")
