"""From evidence to one word: an ordered list of rules, the first that fires decides, and its name is printed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isnan
from typing import NamedTuple, Protocol

import pandas as pd

from opsbook.analysis.incrementality import CAPPED_HEADLINES, headline
from opsbook.inputs.memory import STATUS

CONCLUSIONS = tuple(STATUS)
RANDOMISED = ("holdout", "ab")
QUASI = ("did", "synthetic_control")
ADJUSTED = ("weighted",)
# These ask whether an effect found is larger than what placebos show; the others, whether there is a comparison at all.
CLAIM_CHECKS = ("placebo_size", "placebo_units")
CAUSAL_GRADES = ("A", "B")
CONTAMINATION = 0.01
BALANCE_P = 0.001
HEALTH = ["check", "measured", "limit", "outcome"]
DIFFERENCE = ("difference", "low", "high")
RELATIVE = ("relative", "relative_low", "relative_high")
SAMPLE_RATIO = {"passed": "healthy", "failed": "mismatch", "untested": "untested", "none": "none"}


class Span(NamedTuple):
    """An estimate with its interval, in the primary metric's unit per user; missing when not known."""

    value: float
    low: float
    high: float


UNKNOWN = Span(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class Evidence:
    """Everything the rules look at.

    sample_ratio: healthy, mismatch, untested (the plan is not known) or none (nobody assigned)
    balance_p: smallest corrected p of the arms' differences in the days before
    control_exposed: share of the control arm that was shown the campaign; crossed: share of users in several variants
    during, after, net: treated minus control in the primary metric; net_relative: net as a share of the control;
    net_capped: net with heavy tails capped; net_revenue: guardrail
    roi_margin: (incremental margin - cost) / cost, missing when margin or cost is not known
    passed, failed, untested: names of the checks of a comparison without a lot, by outcome
    """

    comparison: str
    sample_ratio: str = "none"
    balance_p: float = float("nan")
    control_exposed: float = float("nan")
    crossed: float = float("nan")
    ended: bool = True
    after_complete: bool = True
    has_before: bool = True
    during: Span = UNKNOWN
    after: Span = UNKNOWN
    net: Span = UNKNOWN
    net_relative: Span = UNKNOWN
    net_capped: Span = UNKNOWN
    net_revenue: Span = UNKNOWN
    worthwhile_lift: float = 0.2
    cost: float = 0.0
    roi_margin: Span = UNKNOWN
    passed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    untested: tuple[str, ...] = ()


class Verdict(NamedTuple):
    """The conclusion, the rule that fired and the grade that limits the wording."""

    conclusion: str
    rule: str
    grade: str

    @property
    def status(self) -> str:
        """How the page colours it."""
        return STATUS[self.conclusion]


def grade(evidence: Evidence) -> str:
    """Evidence grade: A randomised and healthy, B quasi-experiment with every check passed, D before/after, E none.

    C is what could not be checked whole (a lot whose plan is unknown, a quasi-experiment whose past is too short) and
    every comparison that is only adjusted. A failed check leaves nothing but before and after.

    >>> from opsbook import verdict
    >>> randomised = verdict.Evidence("holdout", sample_ratio="healthy")
    >>> verdict.grade(randomised), verdict.grade(verdict.Evidence("before_after"))
    ('A', 'D')
    """
    if evidence.comparison in RANDOMISED and evidence.sample_ratio != "none":
        if _broken(evidence):
            return "E"
        return "A" if evidence.sample_ratio == "healthy" else "C"
    if _unlotted(evidence) and not _gates(evidence.failed):
        whole = evidence.comparison in QUASI and not evidence.untested
        return "B" if whole else "C"
    return "D" if evidence.has_before else "E"


def decide(evidence: Evidence) -> Verdict:
    """The first rule of RULES that holds.

    >>> from opsbook import verdict
    >>> good = verdict.Span(0.2, 0.1, 0.3)
    >>> checks = {"sample_ratio": "healthy", "balance_p": 0.5, "control_exposed": 0.0}
    >>> effect = dict.fromkeys(["during", "net", "net_relative", "net_capped", "net_revenue"], good)
    >>> verdict.decide(verdict.Evidence("holdout", cost=5.0, roi_margin=good, **checks, **effect))
    Verdict(conclusion='keep', rule='works_and_pays', grade='A')
    """
    rule = next(rule for rule, (_conclusion, holds) in RULES.items() if holds(evidence))
    return Verdict(RULES[rule][0], rule, grade(evidence))


class Split(Protocol):
    """Outcome of the test of the arms' sizes: `srm.SampleRatio`."""

    status: str
    p: float


def health(split: Split, balance: pd.DataFrame, arms: pd.DataFrame, *, crossed: int, control: str) -> pd.DataFrame:
    """The checks a randomised comparison must pass before any effect is read from it.

    split: `srm.check`; balance: table of `incrementality.balance`; arms: table of `experiment.arms`; crossed: users in
    several variants
    returns: one row per check -- check (sample_ratio, balance, control_exposed, crossed), measured (a p or a share),
             limit, outcome (passed, failed, untested)

    >>> from opsbook import experiment, incrementality, srm, tiny, verdict
    >>> span = {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END, "after_days": 7, "control": "control"}
    >>> units = experiment.units(tiny.assignments, tiny.user_days, experiment_id=tiny.CAMPAIGN, **span)
    >>> asked = {"experiment_id": tiny.CAMPAIGN, "campaign_id": tiny.CAMPAIGN}
    >>> arms = experiment.arms(tiny.assignments, tiny.exposures, **asked)
    >>> split = srm.check(srm.sample_ratio(arms, control="control", control_share=0.5))
    >>> balance = incrementality.balance(experiment.arm_moments(units))
    >>> print(verdict.health(split, balance, arms, crossed=0, control="control").round(3).to_string(index=False))
              check  measured  limit outcome
       sample_ratio     0.715  0.001  passed
            balance     1.000  0.001  passed
    control_exposed     0.000  0.010  passed
            crossed     0.000  0.010  passed
    """
    balance_p = float(balance["p"].min())
    held = arms[arms["variant"] == control]
    users = int(arms["users"].sum())
    exposed = float(held["exposed"].sum() / held["users"].sum()) if held["users"].sum() else float("nan")
    several = crossed / (users + crossed) if users + crossed else float("nan")
    tried = {"healthy": "passed", "mismatch": "failed"}.get(split.status, "untested")
    rows = [
        ["sample_ratio", split.p, BALANCE_P, tried],
        ["balance", balance_p, BALANCE_P, _outcome(balance_p, fails=balance_p < BALANCE_P)],
        ["control_exposed", exposed, CONTAMINATION, _outcome(exposed, fails=exposed > CONTAMINATION)],
        ["crossed", several, CONTAMINATION, _outcome(several, fails=several > CONTAMINATION)],
    ]
    return pd.DataFrame(rows, columns=HEALTH) if users else pd.DataFrame(columns=HEALTH)


def readable(increments: pd.DataFrame, health: pd.DataFrame) -> pd.DataFrame:
    """The increments, or none of them when a check failed: a broken comparison shows no effect.

    A check that only asks whether the effect is larger than its placebos leaves the effect to be read.

    >>> import pandas as pd
    >>> from opsbook import verdict
    >>> increments = pd.DataFrame({"metric": ["revenue"], "difference": [3.2]})
    >>> health = pd.DataFrame({"check": ["sample_ratio"], "outcome": ["failed"]})
    >>> len(verdict.readable(increments, health)), len(verdict.readable(increments, health.assign(outcome="passed")))
    (0, 1)
    """
    return increments.iloc[:0] if _gates(health.loc[health["outcome"] == "failed", "check"]) else increments


def of_comparison(*tables: pd.DataFrame) -> pd.DataFrame:
    """The one table with rows: a campaign has one comparison, and the tables of all others are empty.

    >>> import pandas as pd
    >>> from opsbook import verdict
    >>> nothing, found = pd.DataFrame({"metric": []}), pd.DataFrame({"metric": ["revenue"]})
    >>> verdict.of_comparison(nothing, found)["metric"].tolist()
    ['revenue']
    """
    return next((table for table in tables if len(table)), tables[0].iloc[:0])


def gathered(
    increments: pd.DataFrame,
    health: pd.DataFrame,
    returns: pd.DataFrame,
    *,
    checks: pd.DataFrame | None = None,
    comparison: str,
    primary_metric: str,
    worthwhile_lift: float,
    has_before: bool,
    days_since_end: int,
    after_days: int,
) -> Evidence:
    """What the rules look at, out of the tables the report shows.

    increments: `incrementality.increments`; health: `health`; returns: `money.returns`; checks: those of a comparison
    without a lot; days_since_end: complete days of data after the campaign's end (negative while it runs)

    >>> import pandas as pd
    >>> from opsbook import experiment, incrementality, money, tiny, verdict
    >>> span = {"start": tiny.CAMPAIGN_START, "end": tiny.CAMPAIGN_END, "after_days": 7, "control": "control"}
    >>> units = experiment.units(tiny.assignments, tiny.user_days, experiment_id=tiny.CAMPAIGN, **span)
    >>> increments = incrementality.increments(experiment.arm_moments(units))
    >>> returns = money.returns(gross_revenue=760.0, incremental=(617.0, 155.0, 1079.0), margin=0.5, cost=111.0)
    >>> health = pd.DataFrame({"check": ["sample_ratio"], "measured": 0.9, "outcome": "passed"})
    >>> asked = {"comparison": "holdout", "primary_metric": "revenue", "worthwhile_lift": 0.1, "has_before": True}
    >>> told = verdict.gathered(increments, health, returns, days_since_end=14, after_days=7, **asked)
    >>> print(f"{told.net.value:.1f} per user:", verdict.decide(told).rule)
    16.9 per user: too_imprecise
    """
    by_outcome = {} if checks is None else checks.groupby("outcome", sort=False)["check"].agg(tuple).to_dict()
    tried = health.set_index("check")[["measured", "outcome"]].to_dict("index")
    ratio = tried.get("sample_ratio", {}).get("outcome", "none")
    margin = returns.set_index("line").loc["margin"]
    return Evidence(
        comparison=comparison,
        sample_ratio=SAMPLE_RATIO[ratio],
        balance_p=tried.get("balance", {}).get("measured", float("nan")),
        control_exposed=tried.get("control_exposed", {}).get("measured", float("nan")),
        crossed=tried.get("crossed", {}).get("measured", float("nan")),
        ended=days_since_end >= 0,
        after_complete=days_since_end >= after_days,
        has_before=has_before,
        during=_span(increments, primary_metric, "during"),
        after=_span(increments, primary_metric, "after"),
        net=_span(increments, primary_metric, "net"),
        net_relative=_span(increments, primary_metric, "net", RELATIVE),
        net_capped=_capped(increments, primary_metric),
        net_revenue=_span(increments, "revenue", "net"),
        worthwhile_lift=worthwhile_lift,
        cost=float(margin["cost"]),
        roi_margin=Span(float(margin["roi"]), float(margin["low"]), float(margin["high"])),
        **{name: by_outcome.get(name, ()) for name in ("passed", "failed", "untested")},
    )


def _outcome(measured: float, *, fails: bool) -> str:
    return "untested" if isnan(measured) else "failed" if fails else "passed"


def _span(increments: pd.DataFrame, metric: str, window: str, columns: Sequence[str] = DIFFERENCE) -> Span:
    """The estimate by which the report reads a metric and window."""
    found = headline(increments)
    return _first(found[(found["metric"] == metric) & (found["window"] == window)], columns)


def _capped(increments: pd.DataFrame, metric: str) -> Span:
    """The net estimate with heavy tails capped; a share, and a mean over cities, has no capped twin but itself."""
    own = increments[(increments["metric"] == metric) & (increments["window"] == "net")]
    twin = own[own["method"].isin(CAPPED_HEADLINES)]
    return _first(twin, DIFFERENCE) if len(twin) else _span(increments, metric, "net")


def _first(rows: pd.DataFrame, columns: Sequence[str]) -> Span:
    return Span(*(float(v) for v in rows[list(columns)].iloc[0])) if len(rows) else UNKNOWN


def _gates(checks: Iterable[str]) -> bool:
    """Whether one of these checks decides if there is a comparison at all."""
    return any(name not in CLAIM_CHECKS for name in checks)


def _unlotted(e: Evidence) -> bool:
    """Whether a comparison without a lot was made and tried."""
    return e.comparison in (*QUASI, *ADJUSTED) and bool(e.passed or e.failed or e.untested)


def _clear(e: Evidence) -> bool:
    return e.net.low > 0 or e.net.high < 0


def _still_watched(e: Evidence) -> bool:
    return grade(e) == "A" and not (e.ended and e.after_complete)


def _broken(e: Evidence) -> bool:
    contaminated = e.control_exposed > CONTAMINATION or e.crossed > CONTAMINATION
    return e.sample_ratio == "mismatch" or e.balance_p < BALANCE_P or contaminated


def _works(e: Evidence) -> bool:
    return e.net.low > 0


RULES: dict[str, tuple[str, Callable[[Evidence], bool]]] = {
    "harm_so_far": ("harmful", lambda e: _still_watched(e) and e.net.high < 0),
    "gain_so_far": ("undecidable", lambda e: _still_watched(e) and _works(e)),
    "not_over": ("undecidable", lambda e: not e.ended),
    "sample_ratio_mismatch": ("undecidable", lambda e: e.sample_ratio == "mismatch"),
    "unbalanced_before": ("undecidable", lambda e: e.balance_p < BALANCE_P),
    "control_was_exposed": ("undecidable", lambda e: e.control_exposed > CONTAMINATION),
    "several_variants": ("undecidable", lambda e: e.crossed > CONTAMINATION),
    "checks_failed": ("undecidable", lambda e: _unlotted(e) and _gates(e.failed)),
    "no_comparison": ("undecidable", lambda e: grade(e) == "E" or (isnan(e.net.value) and grade(e) in ("A", "B", "C"))),
    "before_after_only": ("undecidable", lambda e: grade(e) == "D"),
    "adjusted_only": ("undecidable", lambda e: grade(e) == "C" and e.comparison in ADJUSTED),
    "checks_untested": ("undecidable", lambda e: grade(e) == "C" and e.comparison in QUASI),
    "plan_unknown": ("undecidable", lambda e: grade(e) == "C"),
    "after_not_over": ("undecidable", lambda e: not e.after_complete),
    "placebo_as_large": ("undecidable", lambda e: _clear(e) and bool(set(e.failed) & set(CLAIM_CHECKS))),
    "net_loss": ("harmful", lambda e: e.net.high < 0),
    "revenue_loss": ("harmful", lambda e: e.net_revenue.high < 0 and not e.failed),
    "one_user_decides": ("undecidable", lambda e: _works(e) and e.net_capped.low <= 0),
    "works_and_pays": ("keep", lambda e: _works(e) and e.roi_margin.low >= 0),
    "works_does_not_pay": ("improve", lambda e: _works(e) and e.roi_margin.high < 0),
    "works_probably_pays": ("keep", lambda e: _works(e) and e.roi_margin.value >= 0),
    "works_probably_does_not_pay": ("improve", lambda e: _works(e) and e.roi_margin.value < 0),
    "works_without_cost": ("keep", lambda e: _works(e) and e.cost <= 0),
    "works_pay_unknown": ("improve", _works),
    "pulled_forward": ("no_effect", lambda e: e.during.low > 0 and e.after.high < 0),
    "too_small": ("no_effect", lambda e: e.net_relative.high < e.worthwhile_lift),
    "too_imprecise": ("undecidable", lambda e: True),
}
