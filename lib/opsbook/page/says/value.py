"""Sentences and headline numbers of notebook 01 about value: observed, foretold, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from opsbook.analysis import sbg
from opsbook.analysis.bg_nbd import METHOD as METHOD_ORDERS
from opsbook.analysis.cohort_models import CohortFits
from opsbook.analysis.gamma_gamma import METHOD as METHOD_VALUE
from opsbook.analysis.gamma_gamma import independence as correlation
from opsbook.analysis.ltv import METHOD_LTV
from opsbook.page.told import Told
from opsbook.page.words import Sentence

TERMS = ("ltv", "payback", "bg_nbd", "gamma_gamma", "holdout", "share_alive")
HEADLINE_DAYS = 90
FORMATS = dict.fromkeys(["value", "total_value", "cost", "cac", "earned", "earned_low", "earned_high"], "money")
FORMATS |= {"total_orders": "count", "payback_days": "number"}
FUTURE_FORMATS = {"total_orders": "count", "total_value": "money"}  # cells with intervals may wrap
TAIL = 0.02  # capping that takes more than this is told
HALF = 1.96  # standard errors from a value to the end of its interval
VAGUE = 3.0  # a standard error of a log parameter beyond this leaves a factor of 400 on either side
LEADS = {
    "good": "good",
    "good_sum": "good",
    "good_most": "rough",
    "outside": "rough",
    "not_better": "poor",
    "missed": "poor",
    "unknown": "unknown",
}  # how a forecast of the sum begins, by what its check found; fmt: skip
RELATED = 0.3  # a correlation surely beyond this makes the value model doubtful


def ltv(observed: pd.DataFrame, *, days: int = HEADLINE_DAYS) -> Sentence:
    """What a user brought in the first days, over the complete cohorts, and what capping the largest takes away."""
    row = _headline(observed, days)
    if row is None:
        return Sentence("lifecycle.ltv.empty")
    cohorts = observed[(observed["window_days"] == row["window_days"]) & observed["complete"]]
    told = {"days": row["window_days"], "ltv": row["ltv"], "low": row["ltv_low"], "high": row["ltv_high"]}
    told |= {"n": row["users"], "cohorts": len(cohorts) - 1, "capped": row["capped"]}
    tail = row["ltv"] > 0 and row["capped"] < (1 - TAIL) * row["ltv"]
    return Sentence(f"lifecycle.ltv.{'tail' if tail else 'known'}", **told)


def ltv_triangle(observed: pd.DataFrame) -> pd.DataFrame:
    """The observed values for reading: a row per cohort, a column per window, blank where not complete."""
    if observed.empty:
        return pd.DataFrame()
    shown = observed.pivot(index="cohort", columns="window_days", values="ltv")
    users = observed.groupby("cohort")["users"].max()
    names = sorted(shown.index, key=lambda cohort: (cohort == "all", cohort))
    table = shown.loc[names].rename(columns={days: f"ltv_{days}" for days in shown})
    table.insert(0, "users", users.loc[names])
    return table.rename_axis(index="cohort", columns=None).reset_index()


def triangle_formats(triangle: pd.DataFrame) -> dict[str, str]:
    """Every window of the triangle is an amount of money."""
    return {str(name): "money" for name in triangle if str(name).startswith("ltv_")}


def ltv_table(observed: pd.DataFrame) -> Sentence:
    """Between which amounts the complete cohorts lie at the shortest window."""
    own = observed[(observed["cohort"] != "all") & observed["ltv"].notna()] if len(observed) else observed
    if own.empty:
        return Sentence("lifecycle.ltv.empty")
    first = own[own["window_days"] == own["window_days"].min()].sort_values("ltv", kind="stable")
    if len(first) < 2:
        return Sentence("lifecycle.ltv_table.one")
    worst, best = first.iloc[0], first.iloc[-1]
    told = {"low": worst["ltv"], "worst": _cohort(worst["cohort"]), "worst_n": worst["users"], "high": best["ltv"]}
    told |= {"best": _cohort(best["cohort"]), "best_n": best["users"], "days": best["window_days"]}
    return Sentence("lifecycle.ltv_table.range", **told, cohorts=len(first))


def payback(table: pd.DataFrame, *, margin: float | None) -> Sentence:
    """When an acquired user has paid for the acquisition, over all channels; which channels have not yet.

    Without a margin revenue stands for what is earned, and the sentence says so.
    """
    said = _paid(table, margin=margin)
    counted = margin is None and said.key != "lifecycle.payback.none"
    return Sentence("lifecycle.payback.by_revenue", said=said) if counted else said


def _paid(table: pd.DataFrame, *, margin: float | None) -> Sentence:
    whole = table[table["channel"] == "all"] if len(table) else table
    if whole.empty:
        return Sentence("lifecycle.payback.none")
    row, own = whole.iloc[0], table[table["channel"] != "all"]
    open_channels = [_channel(name) for name in own.loc[own["payback_days"].isna(), "channel"]]
    basis = Sentence("lifecycle.payback.revenue" if margin is None else "lifecycle.payback.margin", margin=margin or 0)
    told = {"basis": basis, "cac": row["cac"], "n": row["users"], "horizon": row["horizon_days"]}
    rest = Sentence("lifecycle.payback.some_open" if open_channels else "lifecycle.payback.none_open",
                    channels=open_channels)  # fmt: skip
    if pd.isna(row["payback_days"]):
        ends = {"earned": row["earned"], "low": row["earned_low"], "high": row["earned_high"]}
        return Sentence("lifecycle.payback.not_reached", **told, **ends)
    if pd.isna(row["payback_high"]):
        return Sentence("lifecycle.payback.reached_unsure", **told, days=row["payback_days"], rest=rest)
    days = {"days": row["payback_days"], "low": row["payback_low"], "high": row["payback_high"]}
    return Sentence("lifecycle.payback.reached", **told, **days, rest=rest)


def holdout(score: pd.DataFrame, cohorts: CohortFits, *, days: int, tolerance: float) -> Sentence:
    """Whether the model foretold orders it had not seen, and better than the plainest forecast."""
    if score.empty:
        return _not_fitted(cohorts)
    model, again = (score[score["forecast"] == name].iloc[0] for name in ("model", "again"))
    told = {"days": days, "expected": model["orders"], "low": model["low"], "high": model["high"]}
    told |= {"actual": model["actual"], "error": model["error"], "again_error": again["error"], "n": model["customers"]}
    return Sentence(f"lifecycle.holdout.{holdout_case(score, tolerance=tolerance)}", **told)


def holdout_case(score: pd.DataFrame, *, tolerance: float) -> str:
    """unknown, missed (off by more than the tolerance), not_better (than the same again), outside (near, but not inside
    the model's own interval) or good.
    """
    if score.empty or not score["actual"].iloc[0]:
        return "unknown"
    model, again = (score[score["forecast"] == name].iloc[0] for name in ("model", "again"))
    if abs(model["error"]) > tolerance:
        return "missed"
    better = abs(model["error"]) < abs(again["error"]) or model["customer_error"] < again["customer_error"]
    if not better:
        return "not_better"
    return "good" if model["low"] <= model["actual"] <= model["high"] else "outside"


def holdout_classes(classes: pd.DataFrame) -> Sentence:
    """In how many classes what was seen lies inside what the model allows."""
    if classes.empty:
        return Sentence("lifecycle.holdout_classes.empty")
    inside = classes["actual"].between(classes["low"], classes["high"])
    worst = classes.loc[(classes["actual"] - classes["expected"]).abs().idxmax()]
    told = {"inside": int(inside.sum()), "classes": len(classes), "n": int(classes["customers"].sum())}
    if inside.all():
        return Sentence("lifecycle.holdout_classes.all", **told)
    far = {"worst": worst["class"], "expected": worst["expected"], "actual": worst["actual"]}
    return Sentence("lifecycle.holdout_classes.some", **told, **far)


def future(table: pd.DataFrame, cohorts: CohortFits, *, days: int, case: str) -> Sentence:
    """Orders and value expected from the customers there are; doubtful where the check missed."""
    if table.empty:
        return _not_fitted(cohorts)
    row = table.iloc[-1]
    told = {"days": days, "n": row["customers"], "orders": row["total_orders"], "low": row["total_orders_low"]}
    told |= {"high": row["total_orders_high"], "each": row["orders"]}
    told["lead"] = Sentence(f"lifecycle.future_lead.{LEADS[case]}")
    trust = Sentence(f"lifecycle.trust.{case}")
    if pd.isna(row["total_value"]):
        return Sentence("lifecycle.future.orders_only", **told, trust=trust)
    worth = {"value": row["total_value"], "value_low": row["total_value_low"], "value_high": row["total_value_high"]}
    return Sentence("lifecycle.future.known", **told, **worth, trust=trust)


def future_table(table: pd.DataFrame) -> pd.DataFrame:
    """What is expected by class, for reading: per customer with its interval, and all together.

    The model takes customers of one order as customers still, so their chance, and a mean that holds it, tell nothing.
    """
    shown = table[["class", "customers", "share_alive"]].copy()
    shown["share_alive"] = shown["share_alive"].where(~shown["class"].astype(str).isin(["0", "all"]))
    for name in ("orders", "value"):
        shown[f"{name}_each"] = _with_interval(table, name, f"lifecycle.cell.{name}_each")
    return shown.assign(total_orders=table["total_orders"], total_value=table["total_value"])


def payback_table(table: pd.DataFrame) -> pd.DataFrame:
    """Payback by channel for reading: what a user earned and the day of payback, each with its interval."""
    shown = table[["channel", "users", "cost", "cac"]].copy()
    shown["earned"] = _with_interval(table, "earned", "lifecycle.cell.value_each")
    shown["payback_days"] = pd.Series([_paid_back(row) for row in table.to_dict("records")], table.index, dtype=object)
    return shown


def trust_case(score: pd.DataFrame, classes: pd.DataFrame, *, tolerance: float) -> str:
    """holdout_case; where the sum came right but not every class lay inside: good_most, or good_sum for most."""
    case = holdout_case(score, tolerance=tolerance)
    inside = classes["actual"].between(classes["low"], classes["high"])
    if case != "good" or inside.all():
        return case
    return "good_sum" if inside.mean() < 0.5 else "good_most"


def independence(values: pd.DataFrame) -> Sentence:
    """Whether how often and how much go together; the value model assumes that they do not.

    values: of `repeat_values`
    """
    priced = values["mean_value"] > 0
    found, left_out = correlation(values[priced]), int(values.loc[~priced, "customers"].sum())
    told = {"value": found.value, "low": found.low, "high": found.high, "n": found.n, "left_out": left_out}
    if pd.isna(found.value):
        return Sentence("lifecycle.independence.unknown", n=found.n)
    surely = found.low > RELATED or found.high < -RELATED
    return Sentence(f"lifecycle.independence.{'related' if surely else 'weak'}", **told)


def fits(cohorts: CohortFits) -> Sentence:
    """How many models were fitted, on whom, and whether the data tell how customers leave."""
    if not cohorts.usable:
        return _not_fitted(cohorts)
    n = int(cohorts.patterns["customers"].sum())
    repeat = int(cohorts.patterns.loc[cohorts.patterns["frequency"] > 0, "customers"].sum())
    weak = [name for name, fit in cohorts.fits.items() if np.sqrt(np.diag(fit.covariance)).max() > VAGUE]
    told = {"models": len(cohorts.fits), "n": n, "repeat": repeat}
    if weak:
        return Sentence("lifecycle.fits.vague", **told, vague=len(weak))
    return Sentence("lifecycle.fits.known", **told)


def parameter_table(parameters: pd.DataFrame) -> pd.DataFrame:
    """The fitted parameters, without those that the data leave open by more than the factor of VAGUE either way.

    parameters: of `cohort_models.parameters`
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.log(parameters["high"] / parameters["value"]) / HALF
    numbers = ["value", "low", "high"]
    return parameters.assign(**parameters[numbers].where(~(error > VAGUE)))


def subscription(renewals: pd.DataFrame, *, named: bool, cycles: int = 12, min_cell: int = 10) -> Sentence:
    """How many new subscribers will have renewed a dozen times, or that no subscription is defined.

    renewals: of `sbg.renewals`
    """
    if not named:
        return Sentence("lifecycle.subscription.none")
    n = int(renewals["lost"].sum() + renewals["censored"].sum())
    fitted = sbg.fit(renewals) if n >= min_cell else None
    if fitted is None or not fitted.converged:
        return Sentence("lifecycle.subscription.unknown", n=n)
    row = sbg.projection(fitted, cycles=[cycles]).iloc[-1]
    told = {"cycles": cycles, "share": row["share_subscribed"], "low": row["share_low"]}
    return Sentence("lifecycle.subscription.known", **told, high=row["share_high"], n=n)


def ltv_number(observed: pd.DataFrame) -> dict[str, Any]:
    """90-day value per acquired user, the complete cohorts together."""
    row = _headline(observed, HEADLINE_DAYS)
    row = None if row is None or row["window_days"] != HEADLINE_DAYS else row
    names = {"value": "ltv", "low": "ltv_low", "high": "ltv_high", "n": "users"}
    shown = {name: None if row is None else row[column] for name, column in names.items()}
    return {"key": "ltv_90", "unit": "money", "method": METHOD_LTV} | shown


def expected_orders_number(table: pd.DataFrame) -> dict[str, Any]:
    """Orders expected from all customers there are."""
    return _total(table, "orders") | {"key": "expected_orders", "unit": "orders", "method": METHOD_ORDERS}


def expected_value_number(table: pd.DataFrame) -> dict[str, Any]:
    """Value expected from all customers there are."""
    return _total(table, "value") | {"key": "expected_value", "unit": "money", "method": METHOD_VALUE}


def _total(table: pd.DataFrame, name: str) -> dict[str, Any]:
    row: Any = table.iloc[-1] if len(table) else {}
    columns = {"value": f"total_{name}", "low": f"total_{name}_low", "high": f"total_{name}_high", "n": "customers"}
    return {key: row.get(column) for key, column in columns.items()}


def _with_interval(table: pd.DataFrame, name: str, key: str) -> pd.Series:
    rows = table[[name, f"{name}_low", f"{name}_high"]].itertuples(index=False)
    cells = [None if pd.isna(value) else Sentence(key, value=value, low=low, high=high) for value, low, high in rows]
    return pd.Series(cells, index=table.index, dtype=object)


def _paid_back(row: dict[Any, Any]) -> Sentence | Told:
    if pd.isna(row["payback_days"]):
        return Told(None, Sentence("lifecycle.cell.payback_open", days=row["horizon_days"]))
    told = {"days": row["payback_days"], "low": row["payback_low"], "high": row["payback_high"]}
    return Sentence(f"lifecycle.cell.payback_{'unsure' if pd.isna(told['high']) else 'days'}", **told)


def _headline(observed: pd.DataFrame, days: int) -> pd.Series | None:
    """The complete cohorts at the wanted window, else at the longest shorter one, else at any."""
    if observed.empty:
        return None
    known = observed[(observed["cohort"] == "all") & observed["ltv"].notna()].sort_values("window_days")
    near = known[known["window_days"] <= days]
    return near.iloc[-1] if len(near) else known.iloc[0] if len(known) else None


def _not_fitted(cohorts: CohortFits) -> Sentence:
    """Too few who ordered twice, or a likelihood without an inner maximum: both are cannot tell."""
    table = cohorts.patterns
    repeat = int(table.loc[table["frequency"] > 0, "customers"].sum()) if len(table) else 0
    return Sentence(f"lifecycle.not_fitted.{'unsettled' if cohorts.unsettled else 'few'}", repeat=repeat)


def _cohort(name: str) -> Sentence | str:
    return Sentence("lifecycle.cohort.earlier") if name == "earlier" else name


def _channel(name: str) -> Sentence | str:
    return Sentence("common.unknown") if name == "unknown" else name
