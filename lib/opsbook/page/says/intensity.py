"""Sentences of notebook 01 about intensity: days, quantiles per user, rising and falling, breadth and frequency."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opsbook.analysis.proportion import newcombe, wilson
from opsbook.page import words
from opsbook.page.says.rows import direction
from opsbook.page.told import told_column
from opsbook.page.words import Sentence

OWN_METRICS = ("active_days", "actions_per_day", "features_used", "orders")
ENOUGH = 30
TREND_FORMATS = dict.fromkeys(["balance", "balance_low", "balance_high"], "signed_points") | {"by_spread": "percent"}


def days(bands: pd.DataFrame, *, window_days: int) -> Sentence:
    """How many users came on at least half of the days (or, where hardly anybody does, on at least so many).

    And whether users who just joined differ from older ones.
    """
    if bands.empty or not bands["users"].sum():
        return _plain("regularity.empty")
    if not bands["complete"].all():
        return Sentence("lifecycle.regularity.incomplete", window=window_days)
    half = _usual_most(bands, window_days)
    often = bands[bands["from_days"] >= half]
    whole = wilson(often["users"].sum(), bands["users"].sum())
    told = {"window": window_days, "half": half, "share": whole.value, "low": whole.low, "high": whole.high}
    told |= {"n": whole.n}
    young, old = (_often(bands, often, age) for age in ("in_window", "older"))
    if young is None or old is None:
        return Sentence("lifecycle.regularity.known", **told)
    return Sentence("lifecycle.regularity.by_age", **told, **_named("young", young), **_named("old", old))


def metrics(quantiles: pd.DataFrame) -> Sentence:
    """What the median active user does, and which event groups most and fewest users touch."""
    if quantiles.empty or not quantiles["users"].any():
        return _plain("per_user.empty")
    if not quantiles["complete"].all():
        return Sentence("lifecycle.per_user.incomplete", window=quantiles["window_days"].iloc[0])
    row = quantiles.iloc[0]
    told = {"metric": metric_name(row["metric"]), "n": row["users"], "window": row["window_days"]}
    told |= {"median": row["median"], "low": row["median_low"], "high": row["median_high"], "top": row["p90"]}
    groups = quantiles[~quantiles["metric"].isin(OWN_METRICS)].sort_values(["share_any", "metric"])
    if len(groups) < 2:
        return Sentence("lifecycle.per_user.plain", **told)
    rare, common = groups.iloc[0], groups.iloc[-1]
    told |= {
        "rare": rare["metric"].removeprefix("days_"),
        "rare_share": rare["share_any"],
        "rare_low": rare["share_any_low"],
    }
    told |= {"rare_high": rare["share_any_high"], "common": common["metric"].removeprefix("days_")}
    return Sentence("lifecycle.per_user.groups", **told, common_share=common["share_any"])


def trend(table: pd.DataFrame, *, change: float, change_days: int) -> Sentence:
    """Whether more of the users compared rose or fell than the spread of single users would give."""
    shown = table[table["complete"] & (table["users"] > 1)] if len(table) else table
    if shown.empty or not bool(table["complete"].iloc[-1]):
        return _plain("usage_trend.empty")
    row = shown.iloc[-1]
    told: dict[str, Any] = {"n": row["users"], "window": row["window_days"], "rising": row["share_rising"]}
    told |= {"falling": row["share_falling"], "spread": row["by_spread"], "balance": row["balance"]}
    told |= {"low": row["balance_low"], "high": row["balance_high"], "mean": row["mean_change"]}
    told |= {"mean_low": row["mean_change_low"], "mean_high": row["mean_change_high"]}
    told |= {"change": change, "change_days": change_days, "usual": _usual(shown.iloc[:-1])}
    return Sentence(f"lifecycle.usage_trend.{direction(row['balance_low'], row['balance_high'])}", **told)


def breadth(table: pd.DataFrame, *, min_cell: int = 10) -> Sentence:
    """Among users who came equally often: do those who use more event groups come back more often?"""
    if table.empty:
        return _plain("breadth.no_groups")
    if not table["complete"].all():
        return Sentence("lifecycle.breadth.incomplete", window=table["window_days"].iloc[0])
    band = table.groupby("from_days")["users"].sum().idxmax() if table["users"].sum() else None
    rows = table[(table["from_days"] == band) & (table["users"] >= max(min_cell, ENOUGH))]
    if len(rows) < 2:
        return Sentence("lifecycle.breadth.few", enough=max(min_cell, ENOUGH))
    narrow, wide = rows.iloc[0], rows.iloc[-1]
    gap = newcombe(wide["retained"], wide["users"], narrow["retained"], narrow["users"])
    told = {"days": narrow["active_days"], "window": narrow["window_days"], "wide": wide["features_used"]}
    told |= {"narrow": narrow["features_used"], "wide_share": wide["share_retained"], "wide_n": wide["users"]}
    told |= {"narrow_share": narrow["share_retained"], "narrow_n": narrow["users"]}
    told |= {"gap": gap.value, "low": gap.low, "high": gap.high}
    return Sentence(f"lifecycle.breadth.{direction(gap.low, gap.high)}", **told)


def metric_name(metric: str) -> Sentence:
    """A metric's name for readers; an event group keeps the company's own word."""
    if words.find(f"lifecycle.intensity_metric.{metric}"):
        return Sentence(f"lifecycle.intensity_metric.{metric}")
    if metric.startswith("days_"):
        return Sentence("lifecycle.intensity_metric.group_days", group=metric.removeprefix("days_"))
    return Sentence("lifecycle.intensity_metric.group_times", group=metric)


def metric_table(quantiles: pd.DataFrame) -> pd.DataFrame:
    """The quantiles for reading: metrics by their names."""
    if quantiles.empty:
        return quantiles
    return quantiles.assign(
        metric=told_column(quantiles["metric"], map(metric_name, quantiles["metric"]), like=quantiles)
    )


def _usual_most(bands: pd.DataFrame, window_days: int) -> int:
    """Half of the window, or the highest band above one day that a twentieth of the users reach."""
    starts = sorted((int(start) for start in bands["from_days"].unique() if start > 1), reverse=True)
    lower = [start for start in starts if start <= -(-window_days // 2) + 1]
    reached = [s for s in lower if bands.loc[bands["from_days"] >= s, "users"].sum() >= 0.05 * bands["users"].sum()]
    return reached[0] if reached else starts[-1]


def _often(bands: pd.DataFrame, often: pd.DataFrame, age: str) -> Any:
    n = bands.loc[bands["age_band"] == age, "users"].sum()
    return wilson(often.loc[often["age_band"] == age, "users"].sum(), n) if n >= ENOUGH else None


def _named(name: str, share: Any) -> dict[str, Any]:
    return {name: share.value, f"{name}_low": share.low, f"{name}_high": share.high, f"{name}_n": share.n}


def _usual(earlier: pd.DataFrame) -> Sentence:
    if earlier.empty:
        return Sentence("lifecycle.usage_trend_usual.none")
    return Sentence("lifecycle.usage_trend_usual.some", pairs=len(earlier), balance=earlier["balance"].mean())


def _plain(key: str) -> Sentence:
    return Sentence(f"lifecycle.{key}")
