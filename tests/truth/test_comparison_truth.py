"""Simulated campaigns through the whole verdict, by every comparison: those that do nothing are hardly ever believed.

“Works” is keep or improve, and while the campaign runs also being called ahead beyond the boundary.
"""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import incrementality, looks, money, quasi_experiment, unit_effects, verdict, weighting
from opsbook.analysis.means import Difference, welch
from opsbook.analysis.moments import Moments, stacked

WORKS, ASKED = ("keep", "improve"), {"primary_metric": "orders", "worthwhile_lift": 0.2, "has_before": True}
HEALTHY = pd.DataFrame(
    {"check": ["sample_ratio", "balance"], "measured": [0.5, 0.5], "limit": 0.001, "outcome": "passed"}
)
START, DAYS, AFTER = date(2026, 6, 1), 14, 14
SPAN = {"start": START, "end": START + timedelta(days=DAYS - 1), "after_days": AFTER}
NAMES = ["users", "mean", "variance", "other_mean", "other_variance", "covariance"]


def decided(increments, *, comparison, checks=None, health=None, days_since_end=AFTER):
    """The verdict on increments that cost nothing."""
    returns = money.returns(gross_revenue=0.0, incremental=money.NOTHING_KNOWN, margin=None, cost=0.0)
    health = HEALTHY.iloc[:0] if health is None else health
    tried = {"checks": checks, "comparison": comparison, "days_since_end": days_since_end, "after_days": AFTER}
    shown = verdict.readable(increments, health if checks is None else checks)
    return verdict.decide(verdict.gathered(shown, health, returns, **ASKED, **tried))


def arm_moments(arms, windows):
    """Arm moments of orders over windows of days; the last 28 days before the start are the pre-period.

    arms: name -> users x days, of which the first 28 lie before the start; windows: name -> days from the start on
    """
    rows = []
    for name, (first, last) in windows.items():
        for arm, daily in arms.items():
            pair = stacked(daily[:, 28 + first : 28 + last].sum(axis=1), daily[:, :28].sum(axis=1))
            told = {"arm": arm, "metric": "orders", "window": name, "capped": False, "total": pair.n * pair.mean}
            rows.append(told | dict(zip(NAMES, pair, strict=True)))
    return pd.DataFrame(rows)


def users_by_day(random, users, days, *, sd=0.6, lift=0.0, first=28):
    """Orders per user and day; users of very different rates, who gain `lift` from day `first` on."""
    rate = 0.1 * random.lognormal(0, sd, users)
    factor = 1 + lift * (np.arange(days) >= first)
    return random.poisson(rate[:, None] * factor)


def peeked(random, *, monitoring, peeks=(6, 13, 20, 27), lift=0.0, usual=False):
    """Verdicts of one randomised campaign at each look, every look knowing of those before it."""
    arms = {
        "control": users_by_day(random, 300, 56),
        "treated": users_by_day(random, 600, 56, lift=lift),
    }
    said = []
    for place, seen in enumerate(peeks):
        days = [START + timedelta(days=day) for day in peeks[:place]]
        windows = {"during": (0, min(seen + 1, DAYS)), "net": (0, seen + 1)}
        moments = arm_moments(arms, windows)
        level = 0.95 if usual else level_of(tuple(days), START + timedelta(days=seen), monitoring, moments)
        found = incrementality.increments(moments, level=level)
        said.append(decided(found, comparison="holdout", health=HEALTHY, days_since_end=seen + 1 - DAYS))
    return said


BOUNDARIES: dict = {}


def level_of(earlier, through, monitoring, moments):
    """Level of a look; boundaries that do not depend on the data are worked out once for all campaigns."""
    key = earlier, through, monitoring
    if key not in BOUNDARIES or monitoring == "always_valid":
        plan = looks.plan(earlier, **SPAN, through=through)
        judged = looks.judged(plan, moments, monitoring=monitoring, metric="orders", worthwhile_lift=0.2)
        BOUNDARIES[key] = looks.level(judged)
    return BOUNDARIES[key]


def believed(campaigns):
    """Share of campaigns of which any look said that they work."""
    return np.mean([any(d.conclusion in WORKS or d.rule == "gain_so_far" for d in said) for said in campaigns])


@pytest.mark.parametrize("monitoring", ["obrien_fleming", "pocock", "always_valid"])
def test_peeking_at_campaigns_that_do_nothing_is_not_believed(monitoring):
    """Four looks at each of 150 null campaigns: at most 5 % are ever called working, and at most 5 % harmful."""
    random = np.random.default_rng(21)
    campaigns = [peeked(random, monitoring=monitoring) for _ in range(150)]
    assert believed(campaigns) <= 0.05
    assert np.mean([any(d.conclusion == "harmful" for d in said) for said in campaigns]) <= 0.05


def test_without_the_boundary_peeking_would_be_believed():
    """The same looks at 95 % each say of more than 8 % of campaigns that do nothing that they work or harm."""
    random = np.random.default_rng(21)
    campaigns = [peeked(random, monitoring="pocock", usual=True) for _ in range(120)]
    harmful = np.mean([any(d.conclusion == "harmful" for d in said) for said in campaigns])
    assert believed(campaigns) + harmful > 0.08


def test_a_working_campaign_is_seen_early_and_kept_at_the_end():
    """Campaigns that add half as much again are mostly seen ahead before the end, and nearly always kept."""
    random = np.random.default_rng(22)
    campaigns = [peeked(random, monitoring="obrien_fleming", lift=0.5) for _ in range(60)]
    assert np.mean([said[2].rule == "gain_so_far" for said in campaigns]) >= 0.8
    assert np.mean([said[-1].conclusion == "keep" for said in campaigns]) >= 0.95


def ruled(random, *, users=240, periods=5, lift=0.0, drift=0.0):
    """Verdict of a campaign given by rule, with as many pretended campaigns and weeks before as the data allow."""
    whole = DAYS + AFTER
    days = 28 + periods * whole
    first = days - whole
    arms = {name: users_by_day(random, users, days) for name in ("control", "treated")}
    more = lift * (np.arange(days) >= first) + drift * np.arange(days) / days
    arms["treated"] = arms["treated"] + random.poisson(np.clip(0.1 * more, 0, None), arms["treated"].shape)
    at = {
        back: {name: daily[:, first - 28 - back * whole :] for name, daily in arms.items()} for back in range(periods)
    }
    windows = {"during": (0, DAYS), "after": (DAYS, whole), "net": (0, whole)}
    found = [quasi_experiment.increments(arm_moments(at[back], windows), days=window_days()) for back in at]
    nets = [one[one["window"] == "net"].iloc[0] for one in found]
    placebos = pd.DataFrame(nets[1:])[["difference", "low", "high", "p"]]
    placebos = placebos.assign(p_holm=quasi_experiment.holm(placebos["p"]))
    checks = quasi_experiment.checks(placebos, slopes(arms, first), effect=nets[0]["difference"])
    return nets[0], decided(found[0], comparison="did", checks=checks)


def window_days():
    return {"during": DAYS, "after": AFTER, "net": DAYS + AFTER}


def slopes(arms, first) -> Difference:
    """Difference of the groups' weekly slopes over the eight weeks before."""
    weeks = {name: daily[:, first - 56 : first].reshape(len(daily), 8, 7).sum(axis=2) for name, daily in arms.items()}
    centre = np.arange(8) - 3.5
    values = {name: table @ centre / (centre @ centre) for name, table in weeks.items()}
    sides = {name: Moments(len(v), v.mean(), v.var(ddof=1)) for name, v in values.items()}
    return welch(sides["treated"], sides["control"])


def test_null_campaigns_given_by_rule_are_hardly_ever_believed():
    """Of 300 campaigns by rule that do nothing at most 5 % are called working; most are no effect or not decided."""
    random = np.random.default_rng(31)
    said = [ruled(random) for _ in range(300)]
    assert np.mean([decision.conclusion in WORKS for _net, decision in said]) <= 0.05
    assert np.mean([decision.conclusion == "harmful" for _net, decision in said]) <= 0.05
    assert 0.93 <= np.mean([net["low"] <= 0 <= net["high"] for net, _decision in said]) <= 0.97
    assert np.mean([decision.grade == "B" for _net, decision in said]) >= 0.85


def test_campaigns_given_by_rule_that_work_are_kept_and_drifting_groups_are_not():
    """Strong campaigns among groups that move alike are kept with grade B; groups that drift apart are refused."""
    random = np.random.default_rng(32)
    good = [ruled(random, lift=0.6)[1] for _ in range(40)]
    assert np.mean([(d.conclusion, d.grade) == ("keep", "B") for d in good]) >= 0.8
    bad = [ruled(random, drift=2.0)[1] for _ in range(40)]
    assert np.mean([d.conclusion in WORKS for d in bad]) <= 0.05
    assert np.mean([d.rule == "checks_failed" for d in bad]) >= 0.8


def cities(random, *, lift=0.0, count=21, weeks=16):
    """A panel of cities around a common path, the first of which gained `lift` a day from the start on."""
    blocks = np.arange(-weeks, 4)
    common = random.normal(0, 0.4, len(blocks)).cumsum()[:, None]
    values = 10 + random.normal(0, 1, count) + common + random.normal(0, 0.4, (len(blocks), count))
    values[:, 0] += lift * (blocks >= 0)
    names = [f"c{k:02d}" for k in range(count)]
    wide = pd.DataFrame(values, index=pd.Index(blocks, name="block"), columns=pd.Index(names, name="unit"))
    long = wide.stack().rename("orders").reset_index()
    window = np.select([long["block"] < 0, long["block"] < 2], ["before", "during"], "after")
    first = pd.Timestamp(START) + pd.to_timedelta(7 * long["block"], unit="D")
    return long.assign(window=window, first_day=first, days=7, users=100, revenue=1.0, active_days=1.0)


def in_a_city(random, comparison, **more):
    found = unit_effects.review(cities(random, **more), comparison=comparison, treated=["c00"], metric="orders")
    return decided(found.increments, comparison=comparison, checks=found.checks)


@pytest.mark.parametrize("comparison", ["did", "synthetic_control"])
def test_null_campaigns_in_a_city_are_hardly_ever_believed(comparison):
    """Of 20 campaigns in one of 21 cities that do nothing at most 5 % are called working."""
    random = np.random.default_rng(41)
    said = [in_a_city(random, comparison) for _ in range(20)]
    assert np.mean([decision.conclusion in WORKS for decision in said]) <= 0.05
    assert np.mean([decision.conclusion == "harmful" for decision in said]) <= 0.05


@pytest.mark.parametrize("comparison", ["did", "synthetic_control"])
def test_campaigns_in_a_city_that_work_are_kept(comparison):
    """Of campaigns worth 15 % in one of 21 cities most are kept, with grade B."""
    random = np.random.default_rng(42)
    said = [in_a_city(random, comparison, lift=1.5) for _ in range(12)]
    assert np.mean([(d.conclusion, d.grade) == ("keep", "B") for d in said]) >= 0.7


def test_a_weighted_comparison_never_decides():
    """However large the difference, adjusted evidence is grade C and the verdict stays undecidable."""
    effects = pd.DataFrame(
        [["orders", window, "weighted", 90, 80, 2.0, 1.0, 1.0, 0.8, 1.2, 1.0, 0.8, 1.2, 1e-9, 90.0, 70.0, 110.0]
         for window in ("during", "after", "net")],
        columns=incrementality.COLUMNS,
    )  # fmt: skip
    passed = pd.DataFrame({"check": ["covariates", "overlap", "placebo_before"], "outcome": "passed"})
    decision = decided(effects, comparison=weighting.KEY, checks=passed)
    assert (decision.conclusion, decision.rule, decision.grade) == ("undecidable", "adjusted_only", "C")
