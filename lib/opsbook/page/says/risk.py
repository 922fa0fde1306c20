"""Sentences, tables and headline numbers of notebook 02 about users at risk: who, how sure, worth what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from opsbook.analysis.early_warning import METHOD, Alarm
from opsbook.analysis.proportion import Estimate
from opsbook.analysis.ranking import METHOD as METHOD_AUC
from opsbook.analysis.risk_rows import LONG_DAYS
from opsbook.page import words
from opsbook.page.says.retention import covariate, level
from opsbook.page.says.rows import direction
from opsbook.page.told import told_column
from opsbook.page.words import Sentence

TERMS = ("at_risk", "calibration", "auc", "gain", "contact_holdout", "detectable")
BANDS = dict.fromkeys(["predicted", "observed", "low", "high"], "percent")
CURVE = {"lift": "ratio", "rate": "percent", "users": "whole", "found": "whole"}
CARD = dict.fromkeys(["odds", "odds_low", "odds_high"], "ratio")
AT_LENGTH = {"up": "better", "unclear": "alike", "down": "worse"}  # what is said of a model that ranks all users better
BANDED = ("recency", "active_7", "active_28", "tenure", "orders", "breadth")
EDGES = {
    "recency": (0, 1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 120, 180), "active_7": (0, 2, 4),
    "active_28": (0, 1, 2, 4, 8, 15), "tenure": (0, 14, 30, 90, 180, 365), "orders": (0, 1, 2),
    "breadth": (0, 1, 2, 3, 4),
}  # fmt: skip


def verdict(found: Alarm, at: pd.DataFrame, *, capacity: int) -> Sentence:
    """Whether the model finds leavers better than the longest silent first; or why that cannot be told.

    at: of `early_warning.lift_at`
    """
    if found.case != "ready" or found.check is None:
        return Sentence(f"retention.risk.{found.case}", **_short(found))
    check, rows = found.check, at.set_index("ranking")
    told: dict[str, Any] = {"within": found.question.within_days, "day": found.landmarks.validation}
    told |= {"n": check.model.n, "auc": check.model.value, "auc_low": check.model.low, "auc_high": check.model.high}
    told |= {"plain": check.recency.value, "gap": check.difference.value}
    told |= {"gap_low": check.difference.low, "gap_high": check.difference.high}
    told |= {"share": rows.loc["model", "share_users"], "found": rows.loc["model", "share_found"]}
    told |= {"plain_found": rows.loc["recency", "share_found"], "capacity": capacity}
    word = _word(found)
    told_at = at_capacity(found, at, capacity=capacity) if word == "better" else None
    return Sentence(f"retention.risk.{AT_LENGTH[told_at.key.rsplit('.', 1)[-1]] if told_at else word}", **told)


def at_capacity(found: Alarm, at: pd.DataFrame, *, capacity: int) -> Sentence | None:
    """Whether a list of today's length holds more of the leavers by the model than by silence; None without a check.

    The interval takes the two rankings as independent. They find mostly the same users, so it is on the wide side.
    """
    if found.case != "ready":
        return None
    rows = at.set_index("ranking")["share_found"]
    model, plain, n = rows["model"], rows["recency"], int(found.curve["found"].max())
    half = float(ndtri(0.975) * np.sqrt((model * (1 - model) + plain * (1 - plain)) / n))
    told = {"capacity": capacity, "model": model, "plain": plain, "n": n, "gap": model - plain}
    ends = {"low": told["gap"] - half, "high": told["gap"] + half}
    return Sentence(f"retention.risk_at.{direction(ends['low'], ends['high'])}", **told, **ends)


def _word(found: Alarm) -> str:
    """better, not_better, or that the day of the check does not bear out what another day chose."""
    borne_out = found.check is not None and found.check.status == "better"
    if found.used == "model":
        return "better" if borne_out else "unconfirmed"
    return "missed" if borne_out else "not_better"


def days(found: Alarm) -> Sentence | None:
    """Which days taught, chose and judged; None where nothing could be checked."""
    when = found.landmarks
    if found.case != "ready" or when.validation is None:
        return None
    told = {"first": when.training[0], "last": when.training[-1], "learned": len(when.training), "day": when.validation}
    if when.tuning is None:
        needed = 3 * found.question.wait_days + LONG_DAYS
        return Sentence("retention.risk_days.two", **told, needed=needed)
    levels = Sentence(f"retention.risk_tuned.{found.tuned}")
    return Sentence("retention.risk_days.three", **told, tuning=when.tuning, levels=levels)


def levels(found: Alarm) -> Sentence:
    """Whether the predicted levels are what was seen, were moved to it, or are not to be used."""
    if found.case != "ready" or found.chosen_check is None:
        return Sentence("retention.risk_levels.none")
    fit = found.chosen_check.calibration
    told = {"ratio": fit.ratio, "low": fit.ratio_low, "high": fit.ratio_high, "slope": fit.slope}
    told |= {"slope_low": fit.slope_low, "slope_high": fit.slope_high, "n": fit.n, "left": fit.left}
    inside = found.chosen_check.bands
    told |= {"bands": len(inside), "inside": int(inside["predicted"].between(inside["low"], inside["high"]).sum())}
    return Sentence(f"retention.risk_levels.{found.levels}", **told)


def card(found: Alarm) -> Sentence:
    """The factor that separates users most; what goes with leaving is not why they leave."""
    clear = found.card[found.card["clear"]] if len(found.card) else found.card
    if clear.empty:
        return Sentence("retention.risk_card.empty")
    factors = clear.drop_duplicates("factor")["factor"].head(3)
    top = clear.loc[np.log(clear["odds"]).idxmax()]
    told = {"factors": [factor_name(name) for name in factors], "name": factor_name(top["factor"])}
    told |= {"level": level_name(top["factor"], top["level"]), "odds": top["odds"], "low": top["odds_low"]}
    return Sentence("retention.risk_card.known", **told, high=top["odds_high"], n=found.learned_from, left=found.left)


def card_table(table: pd.DataFrame) -> pd.DataFrame:
    """The scorecard for reading: factors and levels in words, the interval as text."""
    if table.empty:
        return pd.DataFrame()
    ends = zip(table["odds_low"], table["odds_high"], strict=True)
    cells = [Sentence("retention.cell.odds_interval", low=low, high=high) for low, high in ends]
    names = [factor_name(name) for name in table["factor"]]
    steps = [level_name(*pair) for pair in zip(table["factor"], table["level"], strict=True)]
    told = {"factor": told_column(table["factor"], names, like=table)}
    told |= {"level": told_column([_saved_level(step) for step in steps], steps, like=table)}
    told |= dict(table[["users", "share_left", "odds"]])
    return pd.DataFrame(told | {"odds_interval": pd.Series(cells, table.index, dtype=object)})


def today(found: Alarm) -> Sentence:
    """The line above the table of risk bands."""
    if found.case != "ready":
        return Sentence("retention.risk_today.empty", n=found.alive)
    told = {"n": found.alive, "within": found.question.within_days}
    if found.levels == "refused":
        return Sentence("retention.risk_today.by_rank", **told)
    ends = {"leavers": found.leavers.value, "low": found.leavers.low, "high": found.leavers.high}
    return Sentence("retention.risk_today.known", **told, **ends)


def today_table(found: Alarm) -> pd.DataFrame:
    """A row per risk band, riskiest first, for reading; the interval of the value as text."""
    table = found.today
    if table.empty:
        return pd.DataFrame()
    spec = "money" if found.metric == "revenue" else "days"
    ends = list(zip(table["value_low"], table["value_high"], strict=True))
    cells = [Sentence(f"retention.cell.{spec}_interval", low=low, high=high) for low, high in ends]
    shown = table[["band", "users", "risk", "expected_leavers", "worth", "value"]].rename(
        columns={"risk": "share_risk"}
    )
    shown = shown.assign(value_interval=pd.Series(cells, table.index, dtype=object), action=table["action"])
    return shown.rename(columns={"worth": f"worth_{spec}", "value": f"saved_{spec}", "band": "risk_band"})


def today_formats(found: Alarm) -> Mapping[str, str]:
    """Money as money, days as numbers of days."""
    spec = "money" if found.metric == "revenue" else "number"
    return {
        "worth_money": spec,
        "saved_money": spec,
        "worth_days": spec,
        "saved_days": spec,
        "expected_leavers": "whole",
    }


def totals_formats(found: Alarm) -> Mapping[str, str]:
    """The totals as money, or as numbers of days."""
    spec = "money" if found.metric == "revenue" else "number"
    return dict.fromkeys(["value", "value_low", "value_high"], spec) | {"saved_users": "number"}


def value(found: Alarm, *, save_rate: float, value_days: int) -> Sentence:
    """What saving is worth under the assumed save rate, at half and at twice; or that it cannot be told."""
    once = found.totals.iloc[1] if len(found.totals) else None
    if once is None or pd.isna(once["value"]) or pd.isna(once["value_low"]):
        return Sentence("retention.risk_value.unknown", rate=save_rate)
    told = {"rate": save_rate, "days": value_days, "value": once["value"], "low": once["value_low"]}
    told |= {"high": once["value_high"], "half": found.totals["value"].iloc[0], "twice": found.totals["value"].iloc[2]}
    told |= {"saved": once["saved_users"], "n": found.alive}
    case = "unclear_" if told["low"] <= 0 <= told["high"] else ""
    return Sentence(f"retention.risk_value.{case}{'money' if found.metric == 'revenue' else 'active_days'}", **told)


def contact(prospect: Mapping[str, Any], found: Alarm, *, holdout_share: float, save_rate: float) -> Sentence | None:
    """How long the list is, how many of it are left alone, and what that comparison will be able to show.

    save_rate: assumed share of the leavers whom a contact keeps. None where nobody is called at risk.
    """
    if found.case == "undefined":
        return None
    told = {"listed": prospect["listed"], "holdout": prospect["planned_holdout"], "share": holdout_share}
    told |= {"wait": found.question.wait_days, "order": Sentence(f"retention.risk_order.{found.used}")}
    if not prospect["listed"]:
        return Sentence("retention.risk_list.empty")
    if prospect["detectable_fall"] is None:
        case = "unknown" if prospect["baseline"] is None else "blind"
        return Sentence(f"retention.risk_list.{case}", **told, baseline=prospect["baseline"])
    ends = {"baseline": prospect["baseline"], "fall": prospect["detectable_fall"]}
    hoped = save_rate * prospect["baseline"]
    case = "small" if hoped < prospect["detectable_fall"] else "seen"
    note = Sentence(f"retention.risk_hoped.{case}", rate=save_rate, hoped=hoped)
    return Sentence("retention.risk_list.known", **told, **ends, note=note)


def in_money(found: Alarm) -> pd.DataFrame:
    """Today's bands; their value only where it is money, since days saved are nothing to decide a budget by."""
    return found.today if found.metric == "revenue" else found.today.assign(value=np.nan)


def list_in_money(prospect: Mapping[str, Any], found: Alarm) -> Estimate | None:
    """What keeping the save rate of the list is worth, with its interval, where it is known and money."""
    if found.metric != "revenue" or prospect["value"] is None:
        return None
    return Estimate(prospect["value"], prospect["value_low"], prospect["value_high"], prospect["listed"])


def cannot_tell() -> list[Sentence]:
    """What the list does not say."""
    return [Sentence(f"retention.risk_cannot.{name}") for name in ("saved", "future")]


def leavers_number(found: Alarm) -> dict[str, Any]:
    """Living users expected to leave within the days asked for."""
    known = found.case == "ready" and found.levels != "refused"
    ends = {name: getattr(found.leavers, name) if known else None for name in ("value", "low", "high")}
    shown = {"card": known}
    return {"key": "risk_leavers", "unit": "users", "n": found.alive, "method": METHOD, **ends, **shown}


def auc_number(found: Alarm) -> dict[str, Any]:
    """How well the ranking that makes the list separates leavers, on the check's day."""
    made = found.check and (found.check.model if found.used == "model" else found.check.recency)
    ends = {name: getattr(made, name) if made else None for name in ("value", "low", "high", "n")}
    return {"key": "risk_auc", "unit": "number", "method": f"AUC, {METHOD_AUC}", "card": False, **ends}


def value_number(found: Alarm) -> dict[str, Any]:
    """Value expected to be saved at the assumed save rate."""
    row: Any = found.totals.iloc[1] if len(found.totals) else {}
    unit = "money" if found.metric == "revenue" else "days"
    told = {"value": row.get("value"), "low": row.get("value_low"), "high": row.get("value_high"), "n": found.alive}
    return {"key": "risk_value", "unit": unit, "method": "assumed save rate × Welch difference", "card": False, **told}


def factor_name(name: Any) -> Sentence | str:
    """A factor in words; an event group by its own name."""
    key = f"retention.factor.{name}"
    if key in words.catalogue("en"):
        return Sentence(key)
    if str(name).startswith("group_"):
        return Sentence("retention.factor.group", name=str(name).removeprefix("group_"))
    return covariate(name)


def level_name(factor: Any, value: Any) -> Sentence | str:
    """A band in words: 3–4, 15+, falling, yes."""
    if factor in BANDED:
        return _span(EDGES[factor], int(value))
    key = f"retention.factor.{'group' if str(factor).startswith('group_') else factor}.{value}"
    return Sentence(key) if key in words.catalogue("en") else level(factor, value)


def _saved_level(name: Sentence | str) -> str:
    """A level as it is saved, the same in both languages: its edges, or the English word."""
    return name if isinstance(name, str) else name.text("en")


def _span(edges: tuple[int, ...], low: int) -> str:
    above = [edge for edge in edges if edge > low]
    if not above:
        return f"{low}+"
    return str(low) if above[0] == low + 1 else f"{low}–{above[0] - 1}"


def _short(found: Alarm) -> dict[str, Any]:
    asked = found.question
    return {
        "within": asked.within_days, "silent": asked.churn_after_days, "n": found.learned_from, "left": found.left,
        "needed": 2 * asked.wait_days + 28, "alive": found.alive,
    }  # fmt: skip
