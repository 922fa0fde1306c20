"""Sentences of notebook 01 about stocks: stages, the moves between them, buyers, and the AARRR line."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opsbook.analysis.proportion import newcombe, wilson
from opsbook.analysis.stage_moves import told_moves
from opsbook.page.says.rows import direction, last_row
from opsbook.page.words import Sentence

AWAKE = ["introduction", "growth", "mature"]
_TELLS = {(True, True): "known", (True, False): "kept_only", (False, True): "woke_only", (False, False): "hidden"}


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
    """How many mature users stayed mature and how many sleeping or lost users woke up, where the matrix may tell it."""
    asleep = matrix[matrix["from_stage"].isin(["sleeping", "lost"])]
    mature = matrix[matrix["from_stage"] == "mature"]
    if not matrix["complete"].all():
        return Sentence("lifecycle.transitions.incomplete")
    sleepers, n_mature = int(asleep["users"].sum()), int(mature["users"].sum())
    if sleepers < min_cell:
        return Sentence("lifecycle.transitions.few", mature=n_mature, asleep=sleepers)
    woke = wilson(asleep.loc[asleep["to_stage"].isin(AWAKE), "users"].sum(), sleepers)
    woken = {"woke": woke.value, "woke_low": woke.low, "woke_high": woke.high, "n_asleep": sleepers}
    may = told_moves(matrix, min_cell=min_cell)
    if n_mature < min_cell and may["woke"]:
        return Sentence("lifecycle.transitions.woke", mature=n_mature, **woken)
    kept = wilson(mature.loc[mature["to_stage"] == "mature", "users"].sum(), n_mature)
    told = {"kept": kept.value, "kept_low": kept.low, "kept_high": kept.high, "n_mature": n_mature}
    keeps = may["kept_mature"] and n_mature >= min_cell
    shown = (told if keeps else {}) | (woken if may["woke"] else {})
    return Sentence(f"lifecycle.transitions.{_TELLS[keeps, may['woke']]}", **shown)


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
    """The five numbers in one sentence; what was not recorded is left out by name, the capped mean is in the table."""
    at = line.set_index("metric")["value"].drop("arppu_capped", errors="ignore")
    if not at["new_users"] and at.drop("new_users").isna().all():
        return Sentence("lifecycle.aarrr.empty")
    parts = [Sentence(f"lifecycle.aarrr.{name}", value=value) for name, value in at.items() if pd.notna(value)]
    return Sentence("lifecycle.aarrr.line", parts=parts)


def third_finding(groups: pd.DataFrame, matrix: pd.DataFrame, *, min_cell: int = 10) -> Sentence | None:
    """What the buyers are worth where there are buyers, else where users go; not to know either is no finding."""
    if groups["users"].sum():
        return rfm(groups)
    return transitions(matrix, min_cell=min_cell) if matrix["complete"].all() else None


def mature_change(stock: pd.DataFrame) -> dict[str, Any] | None:
    """Change of the mature share against the period before, as of independent users; None without one."""
    mature = stock[(stock["stage"] == "mature") & stock["complete"]].sort_values("end")
    if len(mature) < 2 or not mature["alive_users"].iloc[-2]:
        return None
    base, now = last_row(mature.iloc[:-1]), last_row(mature)
    return newcombe(now["users"], now["alive_users"], base["users"], base["alive_users"])._asdict()


def _stage(stage: str) -> Sentence:
    return Sentence(f"common.stage.{stage}")


def _group(key: str) -> Sentence:
    return Sentence(f"lifecycle.key.{key}")
