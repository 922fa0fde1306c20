"""Headline numbers of notebook 01 as keyword arguments of `page.number`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from opsbook.analysis.activity import METHOD_FLUCTUATION, METHOD_STICKINESS
from opsbook.analysis.growth import METHOD_QUICK_RATIO
from opsbook.analysis.proportion import METHOD_SHARE, newcombe
from opsbook.page.past import past
from opsbook.page.says.lifecycle import stickiness_change
from opsbook.page.says.rows import last_row

Arguments = dict[str, Any]


def active_users(changes: pd.DataFrame) -> Arguments:
    """Active users of the last period: an exact count; its change only where the usual fluctuation is known."""
    row = last_row(changes)
    users = row.get("active_users")
    shown = {"key": "active_users", "value": users, "n": users, "unit": "users", "method": METHOD_FLUCTUATION}
    shown["trend"] = past(changes, "active_users")
    if pd.isna(row.get("change_low", np.nan)):
        return shown
    moved = {name: row[name] for name in ("change", "change_low", "change_high")}
    return shown | {"previous": row["previous_users"], "usual": True} | moved


def daily_users(changes: pd.DataFrame) -> Arguments:
    """Mean daily actives of the last period."""
    row = last_row(changes)
    told = {"value": row.get("mean_daily_users"), "n": row.get("active_users"), "method": "mean of exact daily counts"}
    return {"key": "daily_users", "unit": "users", **told}


def stickiness(table: pd.DataFrame) -> Arguments:
    """Stickiness of the window that ends with the period."""
    row = last_row(table)
    row = row if row.get("complete") else {}
    change, low, high = stickiness_change(table) if row else (np.nan, np.nan, np.nan)
    shown = {"value": row.get("stickiness"), "low": row.get("low"), "high": row.get("high"), "n": row.get("n")}
    moved: Arguments = {"change": change, "change_low": low, "change_high": high}
    moved["trend"] = past(table, "stickiness", when="end", low="low", high="high")
    return {"key": "stickiness", "unit": "share", "method": METHOD_STICKINESS} | shown | moved


def new_users(flows: pd.DataFrame, *, min_cell: int = 10) -> Arguments:
    """Users whose life began in the period, active or not; the change with the interval of two counts.

    A handful in both periods is no card: nobody should read a collapse or a boom into it.
    """
    begun = flows["new"] + flows["new_silent"]
    now, base = (int(begun.iloc[place]) if len(begun) >= -place else None for place in (-1, -2))
    shown: Arguments = {"key": "new_users", "value": now, "n": now, "unit": "users", "method": METHOD_QUICK_RATIO}
    shown |= {
        "trend": past(flows.assign(begun=begun), "begun"),
        "card": now is None or now + (base or 0) >= 2 * min_cell,
    }
    if not now or not base:
        return shown
    half = float(ndtri(0.975)) * np.sqrt(1 / now + 1 / base)
    low, high = (now / base * np.exp(side) - 1 for side in (-half, half))
    return shown | {"previous": base, "change": now / base - 1, "change_low": low, "change_high": high}


def retained(flows: pd.DataFrame) -> Arguments:
    """Share of the previous period's active users who were active again."""
    row = last_row(flows)
    shown = {"value": row.get("retained"), "low": row.get("retained_low"), "high": row.get("retained_high")}
    arguments = {"key": "retained", "n": row.get("previous_users"), "unit": "share", "method": METHOD_SHARE} | shown
    arguments["trend"] = past(flows, "retained", low="retained_low", high="retained_high")
    if len(flows) < 2:
        return arguments
    base = last_row(flows.iloc[:-1])
    moved = newcombe(row["current"], row["previous_users"], base["current"], base["previous_users"])
    return arguments | {"change": moved.value, "change_low": moved.low, "change_high": moved.high}


def quick_ratio(flows: pd.DataFrame) -> Arguments:
    """(new + resurrected) / dormant of the period."""
    row = last_row(flows)
    shown = {"value": row.get("quick_ratio"), "low": row.get("quick_ratio_low"), "high": row.get("quick_ratio_high")}
    n = sum(int(row.get(name, 0)) for name in ("new", "resurrected", "dormant"))
    shown["trend"] = past(flows, "quick_ratio", low="quick_ratio_low", high="quick_ratio_high")
    return {"key": "quick_ratio", "n": n, "unit": "ratio", "method": METHOD_QUICK_RATIO, "counted": "moved"} | shown
