"""Sentences of notebook 02: each takes its case from the shown table and claims no more than its interval."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opsbook.analysis import churn, cox_zph
from opsbook.analysis.churn import Threshold
from opsbook.analysis.cox import CoxFit
from opsbook.analysis.logrank import LogRank
from opsbook.analysis.multiplicity import compared, holm
from opsbook.analysis.proportion import Estimate
from opsbook.analysis.survival_time import RestrictedMean
from opsbook.inputs.periods import Period
from opsbook.page import words
from opsbook.page.told import told_column
from opsbook.page.words import Sentence

TERMS = ("retained", "on_or_after", "complete_cell", "churned", "censored", "false_churn", "delayed_entry", "survival",
         "restricted_mean", "log_rank", "hazard_ratio", "landmark", "interval")  # fmt: skip
CLEAR = 0.05
MOST = 0.5  # of the users that a curve follows
LARGE = 0.10  # a fall that is certainly more than this share of the previous value is a problem, not a warning
SHARES = dict.fromkeys(["false_churn", "low", "high", "active", "active_low", "active_high"], "percent")
TESTS = {"p": "pvalue", "p_holm": "pvalue"}


def threshold(limit: Threshold, table: pd.DataFrame, *, target: float) -> Sentence:
    """How many silent days make a user churned, how often that is wrong, and what the data would suggest."""
    told: dict[str, Any] = {"days": limit.days, "target": target, "suggested": limit.suggested_days}
    at = table[table["threshold_days"] == limit.days]
    if at.empty:
        return Sentence("retention.threshold.unknown", **told)
    told |= {"share": at["false_churn"].iloc[0], "n": at["gaps"].iloc[0]}
    case = "undefined" if churn.undefined(limit, table) else limit.origin
    if case == "given":
        case = "given_good" if told["share"] < target else "given_early"
        case = "given_only" if case == "given_early" and limit.suggested_days is None else case
    return Sentence(f"retention.threshold.{case}", **told)


def silent_only(limit: Threshold, table: pd.DataFrame) -> Sentence | None:
    """Beside curves of leaving: what "left" means where most of the silent return; None where the word holds."""
    if not churn.undefined(limit, table):
        return None
    share = table.loc[table["threshold_days"] == limit.days, "false_churn"].iloc[0]
    return Sentence("retention.silent_only", days=limit.days, share=share)


def false_churn(shown: pd.DataFrame) -> Sentence:
    """How the share of silences that end with a return falls with their length: shortest, chosen and longest shown."""
    if shown.empty:
        return Sentence("retention.false_churn.empty")
    first, last = shown.iloc[0], shown.iloc[-1]
    told = {"first_days": int(first["threshold_days"]), "first": first["false_churn"]}
    told |= {"last_days": int(last["threshold_days"]), "last": last["false_churn"], "follow": last["follow_up_days"]}
    return Sentence("retention.false_churn.known", **told)


def fates(table: pd.DataFrame, *, limit: Threshold) -> Sentence:
    """What became of all users, those who cannot be judged yet apart."""
    users = table.set_index("fate")["users"]
    if not users.sum():
        return Sentence("retention.fates.empty")
    open_users = users["undecided"] + users["too_young"]
    told = {"n": users.sum(), "days": limit.days, "open_share": open_users / users.sum(), "open_users": open_users}
    told |= {"gone": users["gone"], "back": users["came_back"], "apart": users["not_at_risk"] + users["start_unknown"]}
    return Sentence("retention.fates.known", **told)


def coverage(table: pd.DataFrame) -> Sentence | None:
    """How few users the curves rest on; None where they rest on most. table: `time_to_churn.fates`."""
    users = table.set_index("fate")["users"]
    followed, n = int(users.drop(["not_at_risk", "start_unknown"]).sum()), int(users.sum())
    if not n or followed / n >= MOST:
        return None
    return Sentence("retention.coverage", followed=followed, n=n, share=followed / n)


def triangle(overall: pd.DataFrame, *, unit: str) -> Sentence:
    """The weighted mean of the first and the last column, with the cohorts and users they rest on."""
    later = overall[overall["age"] > 0]
    if later.empty:
        return Sentence("retention.triangle.empty")
    first, last = later.iloc[0], later.iloc[-1]
    told = {"first": first["share"], "first_users": first["users"], "last": last["share"], "last_users": last["users"]}
    told |= {"age": int(last["age"]), "cohorts": int(last["cohorts"])}
    return Sentence(f"retention.triangle.{unit}" if len(later) > 1 else f"retention.triangle.{unit}_one", **told)


def retention_curve(on: pd.DataFrame, later: pd.DataFrame) -> Sentence:
    """Share active on day 1, 7 and 30, or as far as the data go, and how many came on that day or later."""
    known = on[on["age"] > 0].set_index("age")
    if known.empty:
        return Sentence("retention.curve.empty")
    age = max(day for day in (1, 7, 30) if day in known.index or day == 1)
    if age not in known.index:
        return Sentence("retention.curve.empty")
    told = {"next": known["share"].get(1), "age": age, "share": known.loc[age, "share"], "n": known.loc[age, "users"]}
    told |= {"low": known.loc[age, "low"], "high": known.loc[age, "high"]}
    return Sentence("retention.curve.known", **told, later=later.set_index("age").loc[age, "share"])


def _later(line: pd.DataFrame | None, age: int) -> Sentence | str:
    own = line.loc[line["age"] == age, "share"] if line is not None else pd.Series(dtype=float)
    return Sentence("retention.verdict_later.known", later=own.iloc[0]) if len(own) else ""


def verdict(
    change: pd.DataFrame, *, period: Period, later: pd.DataFrame | None = None
) -> tuple[str, Sentence, Sentence]:
    """Status, sentence and rule: the period's users against the previous period's at the same age.

    later: `cohorts.overall` of those active on the day or after it, told where there is no previous period
    """
    if change.empty:
        return "unknown", Sentence("retention.verdict.empty", period=period.label), Sentence("retention.rule.none")
    row = change.iloc[0]
    told = {name: row[name] for name in ("age", "share", "low", "high", "users", "start", "end")}
    told["age"] = int(told["age"])
    rule = Sentence("retention.rule.known", age=told["age"], large=LARGE)
    if pd.isna(row["change"]):
        first = Sentence("retention.verdict.first", **told, later=_later(later, told["age"]))
        return "unknown", first, Sentence("retention.rule.first", age=told["age"])
    told |= {"previous": row["previous_share"], "change": abs(row["change"]), "signed": row["change"]}
    told |= {"change_low": row["change_low"], "change_high": row["change_high"]}
    case = "up" if row["change_low"] > 0 else "down" if row["change_high"] < 0 else "unclear"
    worse = "bad" if row["change_high"] < -LARGE * row["previous_share"] else "warn"
    status = {"up": "good", "down": worse, "unclear": "neutral"}[case]
    return status, Sentence(f"retention.verdict.{case}", **told), rule


def stay(median: Estimate, late: Estimate, *, day: int) -> Sentence:
    """When half of the users are gone, or how many are left when that is not reached."""
    if not median.n:
        return Sentence("retention.stay.empty")
    told = {"n": median.n, "day": day, "late": late.value, "late_low": late.low, "late_high": late.high}
    if pd.isna(median.value):
        return Sentence("retention.stay.not_reached" if pd.notna(late.value) else "retention.stay.short", **told)
    if median.value == 0:
        return Sentence("retention.stay.first_day", **told)
    case = "known" if pd.notna(median.high) else "known_open"
    return Sentence(f"retention.stay.{case}", **told, median=median.value, low=median.low, high=median.high)


def restricted_mean(mean: RestrictedMean) -> Sentence:
    """Mean days until churn within the horizon, with interval."""
    if not mean.n:
        return Sentence("retention.mean.empty")
    return Sentence(
        "retention.mean.known", days=mean.value, low=mean.low, high=mean.high, horizon=mean.horizon_days, n=mean.n
    )


def second_opinion(difference: float) -> Sentence:
    """Whether lifelines, fed with the same counts, draws the same curve."""
    if pd.isna(difference):
        return Sentence("retention.second.none")
    return Sentence("retention.second.same" if difference < 1e-9 else "retention.second.differs", difference=difference)


def segments(result: LogRank, means: pd.DataFrame, *, by: str, called: Sentence | None = None) -> Sentence:
    """Whether the segments' curves differ, and the segments that stay longest and shortest; called: a named segment."""
    name = called or covariate(by)
    if result.segments < 2 or pd.isna(result.p):
        return Sentence("retention.segments.one", name=name)
    told = {"name": name, "chi2": result.chi2, "p": result.p, "segments": result.segments, "n": result.n}
    if result.p >= CLEAR:
        return Sentence("retention.segments.unclear", **told)
    order = means.sort_values("days", ascending=False)
    best, worst = order.iloc[0], order.iloc[-1]
    told |= {"best": level(by, best[by]), "best_days": best["days"], "best_n": best["users"]}
    told |= {"worst": level(by, worst[by]), "worst_days": worst["days"], "worst_n": worst["users"]}
    return Sentence("retention.segments.differ", **told, horizon=best["horizon_days"])


def pairs(table: pd.DataFrame) -> Sentence:
    """How many pairs of segments differ when all pairs are tested at once."""
    made = compared(table["p"])
    if not made:
        return Sentence("retention.pairs.empty")
    return Sentence("retention.pairs.known", clear=int((table["p_holm"] < CLEAR).sum()), compared=made)


def leaving(fit: CoxFit, *, landmark_days: int) -> Sentence:
    """The level that goes most clearly with leaving sooner or later; Holm over all levels."""
    told: dict[str, Any] = {"n": fit.n, "churned": fit.churned, "landmark": landmark_days}
    levels = fit.table.assign(p_holm=holm(fit.table["p"]))
    if not compared(fit.table["p"]):
        return Sentence("retention.leaving.empty", **told)
    told["compared"] = compared(fit.table["p"])
    clear = levels[levels["p_holm"] < CLEAR]
    if clear.empty:
        return Sentence("retention.leaving.unclear", **told)
    row = clear.loc[clear["coefficient"].abs().idxmax()]
    told |= {name: row[name] for name in ("hazard_ratio", "low", "high")} | {"clear": len(clear)}
    told |= {"level": level(row["covariate"], row["level"]), "name": covariate(row["covariate"])}
    base = levels[levels["is_reference"] & (levels["covariate"] == row["covariate"])]
    told["base"] = level(row["covariate"], base["level"].iloc[0]) if len(base) else ""
    return Sentence(f"retention.leaving.{'sooner' if row['coefficient'] > 0 else 'later'}", **told)


def proportional_hazards(tests: pd.DataFrame, checks: pd.DataFrame) -> Sentence:
    """Whether the hazard ratios hold throughout, and where and in which direction they clearly do not.

    tests: `cox_zph.constancy`, which decides; checks: `cox.proportional_hazards`, which names the direction
    """
    own = tests[tests["p_holm"].notna()]
    if own.empty:
        return Sentence("retention.hazards.empty")
    whole, broken = tests[tests["covariate"] == cox_zph.GLOBAL].iloc[0], own[own["p_holm"] < CLEAR]
    told = {"compared": len(own), "chi2": whole["chi2"], "degrees": whole["degrees"], "p": whole["p"]}
    if broken.empty:
        return Sentence(f"retention.hazards.{'together' if whole['p'] < CLEAR else 'hold'}", **told)
    row = broken.loc[broken["p"].idxmin()]
    told = {"compared": len(own), "broken": len(broken), "name": covariate(row["covariate"])}
    told |= {"chi2": row["chi2"], "degrees": row["degrees"], "p": row["p"]}
    split = checks[(checks["covariate"] == row["covariate"]) & checks["p"].notna()]
    if split.empty:
        return Sentence("retention.hazards.broken_somewhere", **told)
    most = split.loc[split["p"].idxmin()]
    told |= {"level": level(row["covariate"], most["level"]), "day": most["split_day"]}
    return Sentence(
        "retention.hazards.broken", **told, early=most["hazard_ratio_early"], late=most["hazard_ratio_late"]
    )


def zph_table(tests: pd.DataFrame) -> pd.DataFrame:
    """The tests with the global one in words."""
    names = (Sentence("retention.hazards.all") if name == cox_zph.GLOBAL else name for name in tests["covariate"])
    return tests.assign(covariate=told_column(tests["covariate"], names, like=tests))


def early_late(checks: pd.DataFrame) -> Sentence:
    """How many levels have clearly different hazard ratios before and after the median day of churn."""
    made = compared(checks["p"])
    if not made:
        return Sentence("retention.early_late.empty")
    clear = int((checks["p_holm"] < CLEAR).sum())
    return Sentence("retention.early_late.known", day=checks["split_day"].iloc[0], compared=made, clear=clear)


def cannot_tell(table: pd.DataFrame) -> list[Sentence]:
    """What a reader might want to conclude and cannot; users of unknown start are numbered when there are any."""
    names = ["why", "silence", "future", "attributes", "rolling", "gaps", "season"]
    users = table.set_index("fate")["users"]
    apart = int(users["start_unknown"] + users["not_at_risk"])
    told = [Sentence(f"retention.cannot.{name}") for name in names]
    return [*told, Sentence("retention.cannot.apart", n=apart)] if apart else told


def level(name: Any, value: Any) -> Sentence | str:
    """A level of a covariate in words: a Sentence where the catalogue knows it, else as the data have it."""
    return _known(f"retention.level.{name}.{value}", f"common.{value}") or words.named(str(value))


def covariate(name: Any) -> Sentence | str:
    """A covariate in words: a Sentence where the catalogue knows it, else the column's own name."""
    return _known(f"retention.covariate.{name}", f"common.column.{name}") or words.readable(str(name))


def _known(*keys: str) -> Sentence | None:
    found = [key for key in keys if key in words.catalogue("en")]
    return Sentence(found[0]) if found else None
