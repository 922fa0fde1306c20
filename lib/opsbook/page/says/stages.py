"""Sentences of notebook 01 about stages in depth: whether the rules fit, flows, move rates, value, waking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from opsbook.analysis.stage_moves import move_change
from opsbook.inputs.stage_presets import preset_of
from opsbook.page.says.rows import direction, last_row
from opsbook.page.words import Sentence

RARELY = 0.05
WAKING_FORMATS = dict.fromkeys(["chance", "low", "high"], "percent")


def thresholds(table: pd.DataFrame, *, rules: Sequence[Any]) -> Sentence:
    """Where the rules come from, and of every threshold whether the usage intervals agree with it."""
    used = table[table["fit"] != "not_used"]
    preset = preset_of(rules)
    origin = (
        Sentence("lifecycle.usage_interval.preset", name=Sentence(f"lifecycle.preset.{preset}"))
        if preset
        else _plain("usage_interval.own")
    )
    if used.empty:
        return Sentence("lifecycle.usage_interval.none", origin=origin)
    if (used["fit"] == "unknown").all():
        return Sentence("lifecycle.usage_interval.unjudged", origin=origin, watched=used["watched_days"].max())
    parts = [_threshold(row) for row in used.to_dict("records")]
    return Sentence("lifecycle.usage_interval.known", origin=origin, parts=parts)


def flow(matrix: pd.DataFrame, *, min_cell: int = 10) -> Sentence:
    """The largest move from one stage to another that the matrix shows, and what the chart leaves out.

    matrix: stages.without_small_cells; its hidden cells are neither told here nor drawn
    """
    if not matrix["complete"].all():
        return _plain("stage_flow.incomplete")
    moved = moving(matrix)
    changed = moved[(moved["from_stage"] != moved["to_stage"]) & (moved["from_stage"] != "entered")]
    changed = changed.sort_values(["users", "from_stage", "to_stage"], ascending=[False, True, True])
    case = "hidden" if matrix["users"].isna().any() else "known"
    if changed.empty or changed["users"].iloc[0] < min_cell:
        return Sentence(f"lifecycle.stage_flow.{'few' if case == 'known' else 'few_hidden'}", undrawn=_undrawn(matrix))
    row = changed.iloc[0]
    told = {"start": _stage(row["from_stage"]), "end": _stage(row["to_stage"]), "users": row["users"]}
    told |= {"share": row["share"], "low": row["share_low"], "high": row["share_high"], "n": row["from_users"]}
    return Sentence(f"lifecycle.stage_flow.{case}", **told, undrawn=_undrawn(matrix))


def moves(rates: pd.DataFrame, *, min_cell: int = 10) -> Sentence:
    """Whether mature users are kept better or worse than a period ago; who fell asleep and who woke."""
    now = rates[rates["complete"] & (rates["end"] == rates["end"].max())].set_index("move")
    if "kept_mature" not in now.index or not now.loc["kept_mature", "from_users"] >= min_cell:
        return _plain("move_trend.empty")
    told: dict[str, Any] = {}
    for name in ("kept_mature", "fell_asleep", "woke_sleeping"):
        row = now.loc[name]
        told |= {name: row["share"], f"{name}_low": row["share_low"], f"{name}_high": row["share_high"]}
        told |= {f"{name}_n": row["from_users"]}
    if now.loc[["kept_mature", "fell_asleep", "woke_sleeping"], "users"].isna().any():
        return _told_moves(now)
    change = move_change(rates, move="kept_mature")
    if change is None:
        return Sentence("lifecycle.move_trend.first", **told)
    told |= {"change": change.value, "change_low": change.low, "change_high": change.high}
    return Sentence(f"lifecycle.move_trend.{direction(change.low, change.high)}", **told)


def value(table: pd.DataFrame) -> Sentence:
    """Which stage carries the revenue, what its users bring each, and what is at stake in those who went silent."""
    if not table["complete"].all():
        return _plain("stage_worth.incomplete")
    if not table["users"].sum() or table["share_revenue"].isna().all():
        return _plain("stage_worth.empty")
    top = last_row(table.loc[[table["share_revenue"].idxmax()]])
    told = {"stage": _stage(top["stage"]), "users": top["share"], "n": top["users"], "revenue": top["share_revenue"]}
    told |= {"low": top["share_revenue_low"], "high": top["share_revenue_high"], "each": top["revenue_per_user"]}
    told |= {"each_low": top["revenue_per_user_low"], "each_high": top["revenue_per_user_high"]}
    silent = table[table["stage"].isin(["sleeping", "lost"])]
    told |= {"silent": silent["share_revenue"].sum(), "days": top["window_days"]}
    carries = top["share_revenue_low"] > top["share_high"]
    return Sentence(f"lifecycle.stage_worth.{'carries' if carries else 'even'}", **told)


def waking(chances: pd.DataFrame, *, silent_days: float) -> Sentence:
    """The chance of a return at the start of sleep, and the silence after which fewer than one in twenty wake."""
    shown = chances[chances["silent_days"] >= silent_days] if pd.notna(silent_days) else chances
    short, long = (shown[shown["within_days"] == days].sort_values("silent_days") for days in (7, 28))
    if short.empty or long.empty:
        return _plain("wake.empty")
    first = long.iloc[0]
    soon = last_row(short[short["silent_days"] == first["silent_days"]])
    told = {"silent": first["silent_days"], "n": first["silences"], "soon": soon["chance"], "soon_low": soon["low"]}
    told |= {"soon_high": soon["high"], "later": first["chance"], "low": first["low"], "high": first["high"]}
    rare = long[long["high"] < RARELY]
    if first["high"] < RARELY:
        return Sentence("lifecycle.wake.rarely", **told)
    if rare.empty:
        return Sentence("lifecycle.wake.often", **told)
    return Sentence("lifecycle.wake.known", **told, rare=rare["silent_days"].iloc[0], most=RARELY)


def moving(matrix: pd.DataFrame) -> pd.DataFrame:
    """The cells of the matrix that hold users, without those who were lost before and still are."""
    stayed_lost = (matrix["from_stage"] == "lost") & (matrix["to_stage"] == "lost")
    return matrix[(matrix["users"] > 0) & ~stayed_lost]


def waking_from(table: pd.DataFrame) -> float:
    """Days of silence with which sleeping begins, out of the thresholds; missing when no rule has them."""
    return float(table.loc[table["threshold"] == "sleeping", "in_use_days"].iloc[0])


def _undrawn(matrix: pd.DataFrame) -> Sentence:
    """Who is not in the chart: the lost who stayed lost, and the cells that the matrix hides."""
    lost = matrix.loc[(matrix["from_stage"] == "lost") & (matrix["to_stage"] == "lost"), "users"].sum(skipna=False)
    if not matrix["users"].isna().any():
        return Sentence("lifecycle.stage_flow_out.lost", lost=lost)
    return _plain("stage_flow_out.hidden") if pd.isna(lost) else Sentence("lifecycle.stage_flow_out.both", lost=lost)


def _told_moves(now: pd.DataFrame) -> Sentence:
    """The rates that may be told beside the matrix; the others would give away cells of few users."""
    shown = now.loc[["kept_mature", "fell_asleep", "woke_sleeping"]].dropna(subset=["users", "share"])
    parts = [
        Sentence(f"lifecycle.move_rate.{name}", share=row["share"], low=row["share_low"], high=row["share_high"],
                 n=row["from_users"])
        for name, row in shown.iterrows()
    ]  # fmt: skip
    return Sentence("lifecycle.move_trend.partly", parts=parts) if parts else _plain("move_trend.hidden")


def _threshold(row: dict[Any, Any]) -> Sentence:
    name = Sentence(f"lifecycle.threshold.{row['threshold']}")
    told = {"threshold": name, "in_use": row["in_use_days"]}
    if row["fit"] == "unknown":
        return Sentence("lifecycle.usage_interval.unknown", **told, watched=row["watched_days"])
    told |= {"suggested": row["suggested_days"], "low": row["low"], "high": row["high"]}
    return Sentence(f"lifecycle.usage_interval.{row['fit']}", **told)


def _stage(stage: str) -> Sentence:
    return Sentence(f"common.stage.{stage}")


def _plain(key: str) -> Sentence:
    return Sentence(f"lifecycle.{key}")
