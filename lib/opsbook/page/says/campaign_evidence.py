"""Sentences about evidence: is the comparison fair, what did the campaign cause, what may not be called an effect."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pandas as pd

from opsbook.analysis.experiment import SHARES
from opsbook.analysis.incrementality import headline
from opsbook.analysis.selection import Gap
from opsbook.analysis.verdict import ADJUSTED, CAUSAL_GRADES, QUASI, Evidence, Span, Verdict
from opsbook.page import words
from opsbook.page.words import Sentence

RELATIVE = dict.fromkeys(("relative", "relative_low", "relative_high"), "signed_percent")
LEDGER = ["window", "treated", "control", *RELATIVE, "total", "total_low", "total_high"]
TESTED = ("sample_ratio", "balance")  # checks that measure a chance; the others measure a share of users
NO_FINDING = ("campaign.roi.no_cost", "campaign.selection.none")
MOSTLY = 0.5
BROKEN = ("sample_ratio_mismatch", "unbalanced_before", "control_was_exposed", "several_variants", "plan_unknown")
WEAK = ("checks_failed", "checks_untested", "adjusted_only")
FEW = 10
BESIDE = ("orders", "revenue", "active_days")


def health(table: pd.DataFrame, arms: pd.DataFrame, *, comparison: str = "holdout") -> Sentence | None:
    """Whether the randomised comparison may be read; nothing where the campaign is compared in another way.

    table: `verdict.health`; arms: `experiment.arms`
    """
    if table.empty and comparison in (*QUASI, *ADJUSTED):
        return None
    if table.empty:
        return Sentence("campaign.health.none")
    failed = table.loc[table["outcome"] == "failed", "check"]
    if len(failed):
        return Sentence("campaign.health.bad", failed=[Sentence(f"campaign.check_failed.{name}") for name in failed])
    if (table.loc[table["check"] == "sample_ratio", "outcome"] == "untested").any():
        return Sentence("campaign.health.untested")
    passed = int((table["outcome"] == "passed").sum())
    return Sentence("campaign.health.good", n=passed, users=int(arms["users"].sum()), arms=len(arms))


def health_table(table: pd.DataFrame) -> pd.DataFrame:
    """The checks for reading: chances of a test as p, shares of users as percentages."""
    specs = table["check"].isin(TESTED).map({True: "pvalue", False: "percent"})
    cells = {name: map(words.show, table[name], specs) for name in ("measured", "limit")}
    return table.assign(**{name: pd.Series(list(told), table.index, dtype=object) for name, told in cells.items()})


def effect(increments: pd.DataFrame, evidence: Evidence, decision: Verdict, *, metric: str) -> Sentence:
    """What randomisation says about the primary metric, in words that the grade allows."""
    grade = decision.grade
    if decision.rule == "checks_failed":
        return Sentence("campaign.effect.checks_failed", failed=checks(evidence.failed))
    if pd.isna(evidence.net.value):
        return Sentence(f"campaign.effect.{'broken' if decision.rule in BROKEN else 'none'}")
    during, after, net = (_relative(increments, metric, window) for window in ("during", "after", "net"))
    fields = {"metric": Sentence(f"campaign.metric.{metric}"), "net": net.value, "low": net.low, "high": net.high}
    if grade not in CAUSAL_GRADES:
        return Sentence(f"campaign.effect.{_graded_c(evidence.comparison)}", **fields)
    if not (evidence.ended and evidence.after_complete):
        fields |= {"during": during.value, "low": during.low, "high": during.high}
        return Sentence("campaign.effect.open", **fields)
    fields |= {"during": during.value, "after": after.value, "drop": -net.value, "spans": _spans(during, after)}
    branch = _branch(evidence)
    rates = _rates(increments, metric) if branch != "moved_caused" else {}
    return Sentence(f"campaign.effect.{'share_' if rates else ''}{branch}", **fields, **rates)


def _rates(increments: pd.DataFrame, metric: str) -> dict[str, float]:
    """Of a share of users, both groups' own and the points between them: a relative change alone is read as points."""
    own = headline(increments)
    net = own[(own["metric"] == metric) & (own["window"] == "net")] if metric in SHARES else own.iloc[:0]
    return {name: float(net[name].iloc[0]) for name in ("treated", "control", "difference")} if len(net) else {}


def _spans(during: Span, after: Span) -> Sentence:
    """During and after apart; some metrics, such as who converted, are read over both at once."""
    if pd.isna(after.value):
        return Sentence("campaign.spans.whole")
    ends = {"after_low": after.low, "after_high": after.high}
    return Sentence("campaign.spans.both", during=during.value, after=after.value, **ends)


def beside(increments: pd.DataFrame, decision: Verdict, *, metric: str) -> Sentence | None:
    """What happened to orders, revenue and active days where the verdict reads a share of users, such as converters."""
    if metric not in SHARES or decision.grade not in CAUSAL_GRADES:
        return None
    known = spans_beside(increments, metric=metric)
    clear = [_beside(name, span) for name, span in known.items() if span.low > 0 or span.high < 0]
    unclear = [_beside(name, span) for name, span in known.items() if span.low <= 0 <= span.high]
    case = "unclear" if not clear else "some" if unclear else "all"
    return Sentence(f"campaign.beside.{case}", clear=clear, unclear=unclear) if known else None


def spans_beside(increments: pd.DataFrame, *, metric: str) -> dict[str, Span]:
    """The net change of orders, revenue and active days as shares of the control, but for the metric itself.

    A ratio has no ends where the control may be zero (Fieller), and is then neither clear nor unclear: left out.
    """
    spans = {name: _relative(increments, name, "net") for name in BESIDE if name != metric}
    return {name: span for name, span in spans.items() if not any(map(pd.isna, span))}


def _beside(name: str, span: Span) -> Sentence:
    told = {"value": span.value, "low": span.low, "high": span.high}
    return Sentence("campaign.beside_part", metric=Sentence(f"campaign.metric.{name}"), **told)


def belief_finding(belief: Sentence, decision: Verdict, *, metric: str) -> Sentence | None:
    """How likely the gain is worth having, for the first screen of a test that is judged by a share of users."""
    return belief if metric in SHARES and decision.grade in CAUSAL_GRADES else None


def main_finding(effect: Sentence, before_after: Sentence, decision: Verdict) -> Sentence | None:
    """The finding of the first screen: the effect where there was a comparison, else what before/after shows.

    None where the comparison is broken: the verdict says that already.
    """
    if effect.key == "campaign.effect.broken":
        return None
    return before_after if decision.grade == "D" else effect


def money_finding(returns: Sentence, decision: Verdict, *, unbooked: Sentence | None = None) -> Sentence | None:
    """The finding about money: whether it pays, if that can be known; that nothing was spent is none.

    unbooked: of `says.pays.if_spent`, what a budget without a booked cost would change
    """
    if decision.grade not in CAUSAL_GRADES or returns.key in NO_FINDING:
        return None
    if unbooked is None or unbooked.key != "campaign.unbooked.roi":
        return returns
    told = {name: unbooked.values[name] for name in ("channels", "roi", "over")}
    return Sentence("campaign.unbooked.finding", pays=returns, **told)


def refused_finding(refused: Sentence, decision: Verdict, *, more: Sentence | None = None) -> Sentence | None:
    """Where no effect may be read, the comparison people make and should not; it stands in its own section once.

    more: a finding that takes its place on the first screen
    """
    told = more is None and decision.grade not in CAUSAL_GRADES and refused.key not in NO_FINDING
    return refused if told else None


def ledger(net: pd.DataFrame, effect: Sentence, *, metric: str) -> Sentence:
    """What the pull-forward ledger adds up; without one, why there is no effect.

    net: `incrementality.ledger`; effect: the sentence of `effect`
    """
    if net.empty:
        return effect
    return Sentence("campaign.effect.ledger", metric=Sentence(f"campaign.metric.{metric}"))


def before_after(comparison: pd.DataFrame, *, metric: str = "revenue") -> Sentence:
    """The same users before and during: never an effect."""
    row = comparison[comparison["metric"] == metric]
    if row.empty or pd.isna(row["low"].iloc[0]):
        return Sentence("campaign.before_after.none")
    found = row.iloc[0]
    clear = found["low"] > 0 or found["high"] < 0
    fields = {"users": found["users"], "change": found["relative"]}
    fields |= {end: found[end] / found["before"] for end in ("low", "high")}
    branch = "clear" if clear else "unclear"
    return Sentence(f"campaign.before_after.{branch}", metric=Sentence(f"campaign.metric.{metric}"), **fields)


def regression(table: pd.DataFrame) -> Sentence:
    """Users who had fallen by half rise by themselves: why a win-back always seems to work."""
    if table.empty:
        return Sentence("campaign.regression.none")
    rows = table.set_index("group")
    fell, everybody = rows.loc["fell_by_half"], rows.loc["everybody"]
    if fell["users"] < FEW:
        return Sentence("campaign.regression.few", users=int(fell["users"]))
    fields = {"all_second": everybody["second"], "all_third": everybody["third"]}
    shown = {"users": int(fell["users"]), "second": fell["second"], "third": fell["third"]}
    return Sentence("campaign.regression.shown", **shown, **fields)


def quiet(table: pd.DataFrame) -> pd.DataFrame:
    """The windows of regression to the mean by the days before the campaign that they hold."""
    return table.rename(columns={name: f"quiet_{name}" for name in ("first", "second", "third")})


def selection(gap: Gap) -> Sentence:
    """Participants against the others, refused as an effect, with the gap that was there before."""
    if pd.isna(gap.during):
        return Sentence("campaign.selection.none")
    if pd.isna(gap.before):
        return Sentence("campaign.selection.no_before", during=gap.during, others=_others(gap))
    fields: dict[str, object] = {"during": gap.during, "before": gap.before, "others": _others(gap)}
    if gap.during <= 0:
        return Sentence("campaign.selection.behind", **fields)
    if gap.share_before >= MOSTLY:
        return Sentence("campaign.selection.mostly", share=min(gap.share_before, 1.0), **fields)
    return Sentence("campaign.selection.partly", **fields)


def _others(gap: Gap) -> Sentence:
    return Sentence(f"campaign.others.{gap.others}")


def cannot_tell(
    decision: Verdict, *, comparison: str, end: date, after_days: int, as_of: date, weeks: pd.DataFrame
) -> list[Sentence]:
    """What a reader might want to conclude and cannot, for this campaign.

    weeks: `persistence.weekly_effects`, shown where the grade allows an effect
    """
    until = min(end + timedelta(days=after_days), as_of)
    followed = decision.grade in CAUSAL_GRADES and bool((weeks["end"] > pd.Timestamp(until)).any())
    later = Sentence(f"campaign.limit.later{'_weeks' if followed else ''}", until=until)
    limits = [later, Sentence("campaign.limit.segments")]
    if decision.grade in CAUSAL_GRADES:
        limits.append(Sentence("campaign.limit.spill"))
    else:
        why = "broken" if decision.rule in BROKEN else "checks" if decision.rule in WEAK else "before_after"
        limits.insert(0, Sentence(f"campaign.limit.{why}"))
    if comparison in (*QUASI, *ADJUSTED):
        limits.insert(1, Sentence("campaign.limit.quasi", comparison=Sentence(f"campaign.comparison.{comparison}")))
    return [*limits, Sentence("campaign.limit.revenue"), Sentence("campaign.limit.brand")]


def _branch(e: Evidence) -> str:
    if e.net.low > 0:
        return "up_caused"
    if e.net.high < 0:
        return "down_caused"
    return "moved_caused" if e.during.low > 0 and e.after.high < 0 else "unclear"


def _graded_c(comparison: str) -> str:
    return "adjusted" if comparison in ADJUSTED else "untested_rule" if comparison in QUASI else "untested"


def checks(names: Sequence[str]) -> list[Sentence]:
    """The checks of a comparison by their names in words."""
    return [Sentence(f"campaign.check_name.{name}") for name in names]


def _relative(increments: pd.DataFrame, metric: str, window: str) -> Span:
    return _read(increments, metric, window, ("relative", "relative_low", "relative_high"))


def totals(increments: pd.DataFrame, metric: str) -> Span:
    """The net increment of a metric over all treated users, with its interval."""
    return _read(increments, metric, "net", ("total", "total_low", "total_high"))


def _read(increments: pd.DataFrame, metric: str, window: str, columns: tuple[str, str, str]) -> Span:
    own = headline(increments)
    found = own[(own["metric"] == metric) & (own["window"] == window)]
    return Span(*(float(v) for v in found[list(columns)].iloc[0])) if len(found) else Span(*[float("nan")] * 3)
