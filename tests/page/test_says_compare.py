"""Sentences and charts of “Compared with whom?”: each case is reached, says the same numbers, and claims no cause."""

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import bayes, estimates, looks, variants
from opsbook.analysis.verdict import CLAIM_CHECKS
from opsbook.page import theme, words
from opsbook.page.charts import campaign_compare as charts
from opsbook.page.says import campaign_compare as says
from page.test_says_campaign import CAUSAL, same_in_both

NAN = float("nan")
CHECKS = ["fit", "pre_trend", "placebo_time", "placebo_units"]


def tried(**outcomes):
    rows = [[name, 0.4, 0.05, outcomes.get(name, "passed")] for name in CHECKS]
    return pd.DataFrame(rows, columns=["check", "measured", "limit", "outcome"])


def methods(*spans):
    rows = [(name, (low + high) / 2, low, high, 1.0) for name, (low, high) in zip(estimates.ORDER, spans, strict=False)]
    return pd.DataFrame(rows, columns=estimates.COLUMNS)


def arms(*p):
    rows = [
        (name, 500, 480, 1.5 - k / 10, 1.2, 0.3 - k / 10, 0.1 - k / 10, 0.5 - k / 10, 0.2, 0.1, 0.3, value, value)
        for k, (name, value) in enumerate(zip("abc", p, strict=False))
    ]
    return pd.DataFrame(rows, columns=variants.COLUMNS)


def looked(*shares, bound=2.4):
    table = pd.DataFrame({"look": range(1, len(shares) + 1), "share_information": shares})
    table["day"] = pd.date_range("2026-03-10", periods=len(shares))
    return table.assign(boundary=bound, share_spent=0.01, share_peeking=0.08)[looks.COLUMNS]


def belief(better, loss=0.012):
    row = ["orders", 0.3, 0.25, 0.1, 0.4, better, 0.61, loss, 0.2, 0.2]
    return pd.DataFrame([row], columns=bayes.COLUMNS)


def dates(*p):
    days = pd.date_range("2026-01-05", periods=len(p), freq="28D")
    table = pd.DataFrame({"start": days, "treated_users": 90, "control_users": 80, "difference": -0.2})
    return table.assign(low=-0.4, high=0.1, p=p, p_holm=p)


def increments(relative=0.12):
    row = {"metric": "orders", "window": "net", "method": "did", "difference": 0.2, "low": 0.1, "high": 0.3}
    return pd.DataFrame([row | {"relative": relative, "relative_low": 0.05, "relative_high": 0.19}])


PATH = pd.DataFrame(
    {
        "first_day": pd.date_range("2026-01-05", periods=12, freq="7D"),
        "window": ["before"] * 8 + ["during"] * 2 + ["after"] * 2,
        "actual": np.linspace(1, 2, 12),
        "expected": np.linspace(1.1, 1.9, 12),
    }
)
DONORS = pd.DataFrame({"unit": ["Utah", "Nevada"], "weight": [0.6, 0.4]})
UNITS = pd.DataFrame({"unit": list("abcde"), "is_treated": [True] + [False] * 4, "difference": [3.0, 4, -1, 0.5, -3.5]})
NOTHING = increments().iloc[:0]


def covariates(after):
    names = ["orders", "revenue", "ads"]
    table = pd.DataFrame({"covariate": names, "treated": 1.0, "control": 0.5, "weighted": 0.9, "gap_before": 0.7})
    return table.assign(gap_after=after)


def foretold(low, high, metric="orders"):
    row = [metric, 120.0, 100.0, 90.0, 112.0, 0.2, low, high, 14]
    names = ["metric", "actual", "expected", "low", "high", "relative", "relative_low", "relative_high", "checks"]
    return pd.DataFrame([row], columns=names)


def of_arms(table, best="", primary=()):
    return says.variants(table, best, primary=primary, metric="orders")


def of_looks(*shares, monitoring="obrien_fleming", **more):
    return says.looks(looked(*shares, **more), monitoring=monitoring)


def site(table):
    return says.interrupted(table, comparison="before_after", metric="orders")


CASES = {
    "compared.passed": lambda: says.checks(tried(), comparison="did"),
    "compared.adjusted": lambda: says.checks(tried(), comparison="weighted"),
    "compared.failed": lambda: says.checks(tried(fit="failed", pre_trend="failed"), comparison="synthetic_control"),
    "compared.untested": lambda: says.checks(tried(placebo_units="untested"), comparison="synthetic_control"),
    "compared.claim": lambda: says.checks(tried(placebo_units="failed"), comparison="did"),
    "compared.impossible": lambda: says.checks(tried().iloc[:0], comparison="did"),
    "estimates.one": lambda: says.estimates(methods((0.1, 0.3), (0.2, 0.3)), metric="orders"),
    "estimates.none": lambda: says.estimates(methods((-0.1, 0.3), (-0.2, 0.3)), metric="orders"),
    "estimates.some": lambda: says.estimates(methods((-0.1, 0.3), (0.2, 0.3)), metric="revenue"),
    "estimates.both": lambda: says.estimates(methods((-0.3, -0.1), (0.2, 0.3)), metric="orders"),
    "variants.best": lambda: of_arms(arms(0.001, 0.2), "a", ["a"]),
    "variants.some": lambda: of_arms(arms(0.001, 0.02, 0.4)),
    "variants.none": lambda: of_arms(arms(0.1, 0.2)),
    "looks.obrien_fleming_first": lambda: of_looks(0.3),
    "looks.obrien_fleming": lambda: of_looks(0.3, 0.6),
    "looks.pocock_first": lambda: of_looks(0.3, monitoring="pocock"),
    "looks.pocock": lambda: of_looks(0.3, 1.0, monitoring="pocock"),
    "looks.always_valid_first": lambda: of_looks(0.3, monitoring="always_valid"),
    "looks.always_valid": lambda: of_looks(0.3, 0.6, monitoring="always_valid"),
    "looks.unknown": lambda: of_looks(0.3, 0.6, bound=NAN),
    "bayes.read": lambda: says.bayes(belief(0.93), grade="A", metric="orders"),
    "bayes.better": lambda: says.bayes(belief(0.9999999), grade="A", metric="orders"),
    "bayes.worse": lambda: says.bayes(belief(0.0), grade="B", metric="revenue"),
    "placebo_dates.none": lambda: says.placebo_dates(dates(0.3, 0.9), metric="orders"),
    "placebo_dates.some": lambda: says.placebo_dates(dates(0.01, 0.9), metric="orders"),
    "units_path.shown": lambda: says.path(PATH, increments(), metric="orders"),
    "units_path.broken": lambda: says.path(PATH, NOTHING, metric="orders"),
    "donors.shown": lambda: says.donors(DONORS),
    "placebo_units.shown": lambda: says.placebo_units(UNITS),
    "balance.even": lambda: says.balance(covariates(0.02)),
    "balance.uneven": lambda: says.balance(covariates(-0.3)),
    "foretold.clear": lambda: site(foretold(0.05, 0.3)),
    "foretold.unclear": lambda: site(foretold(-0.05, 0.3)),
    "foretold.none": lambda: site(foretold(0.05, 0.3).iloc[:0]),
}
PARTS = {"variants.arm", "variants.primary", "variants.pooled"}
SILENT = {
    "checks": lambda: says.checks(tried().iloc[:0], comparison="holdout"),
    "estimates": lambda: says.estimates(methods(), metric="orders"),
    "variants": lambda: of_arms(arms()),
    "one look at the end": lambda: of_looks(1.0),
    "no look": lambda: of_looks(),
    "no belief": lambda: says.bayes(belief(0.9).iloc[:0], grade="A", metric="orders"),
    "no belief without evidence": lambda: says.bayes(belief(0.9), grade="C", metric="orders"),
    "placebo dates": lambda: says.placebo_dates(dates(), metric="orders"),
    "path": lambda: says.path(PATH.iloc[:0], NOTHING, metric="orders"),
    "even donors": lambda: says.donors(DONORS.assign(weight=0.5)),
    "placebo units": lambda: says.placebo_units(UNITS.iloc[:1]),
    "balance": lambda: says.balance(covariates(0.0).iloc[:0]),
    "forecast": lambda: says.interrupted(foretold(0.1, 0.2), comparison="holdout", metric="orders"),
}


@pytest.mark.parametrize("case", CASES)
def test_each_case_is_reached_and_says_the_same_numbers_in_both_languages(case):
    """The table leads to its case, English and Chinese tell the same figures, and no word claims a cause."""
    sentence = CASES[case]()
    assert sentence.key == f"campaign.{case}"
    english, chinese = same_in_both(sentence)
    assert not CAUSAL.search(english), english
    assert not CAUSAL.search(chinese), chinese


def test_every_case_of_the_catalogue_has_a_test():
    """No sentence of these families is left out."""
    families = {case.split(".")[0] for case in CASES}
    known = {key.removeprefix("campaign.") for key in words.keys("campaign.") if key.split(".")[1] in families}
    assert known == set(CASES) | PARTS


@pytest.mark.parametrize("case", SILENT)
def test_what_does_not_apply_says_nothing(case):
    """Without such a comparison there is no sentence, and so nothing on the page."""
    assert SILENT[case]() is None


@pytest.mark.parametrize("comparison", ["holdout", "ab", "did", "synthetic_control", "weighted", "before_after"])
def test_every_comparison_has_its_name_and_its_how_to_read_line(comparison):
    """Each comparison a file may name has a name and a line under the chart of its effect, in both languages."""
    for key in (says.named(comparison).key, says.how_effect(comparison), says.how_estimates(comparison)):
        same_in_both(words.Sentence(key))


@pytest.mark.parametrize("name", [*CHECKS, "placebo_dates", "placebo_size", "covariates", "overlap", "placebo_before"])
def test_every_check_has_a_long_and_a_short_name(name):
    """A check reads as a row of the table and as part of a sentence, in both languages."""
    for key in (f"campaign.check.{name}", f"campaign.check_name.{name}"):
        same_in_both(words.Sentence(key))
    assert set(CLAIM_CHECKS) <= {*CHECKS, "placebo_size"}


FIGURES = {
    "estimates": lambda: charts.estimates(methods((0.1, 0.3), (0.2, 0.3))),
    "variants": lambda: charts.variants(arms(0.1, 0.2)),
    "placebo_dates": lambda: charts.placebo_dates(dates(0.1, 0.3), increments(), metric="orders"),
    "path": lambda: charts.path(PATH, increments()),
    "path before the start": lambda: charts.path(PATH, NOTHING),
    "placebo_units": lambda: charts.placebo_units(UNITS),
    "balance": lambda: charts.balance(covariates(0.05)),
    "forecast": lambda: charts.interrupted(foretold(0.1, 0.3), pd.DataFrame({"error": [0.1, -0.2]}), metric="orders"),
}
EMPTY = [
    lambda: charts.estimates(methods()),
    lambda: charts.variants(arms()),
    lambda: charts.placebo_dates(dates(), increments(), metric="orders"),
    lambda: charts.path(PATH.iloc[:0], NOTHING),
    lambda: charts.placebo_units(UNITS.iloc[:3]),
    lambda: charts.balance(covariates(0.0).iloc[:0]),
    lambda: charts.interrupted(foretold(0, 0).iloc[:0], pd.DataFrame({"error": [0.1]}), metric="orders"),
]


@pytest.mark.parametrize("language", words.LANGUAGES)
@pytest.mark.parametrize("name", FIGURES)
def test_each_chart_is_drawn_in_both_languages(name, language):
    """Every chart draws its table, with words of the language on its axis."""
    theme.use(language)
    with words.speaking(language):
        axes = FIGURES[name]().axes[0]
    assert axes.lines
    assert axes.get_xlabel() or axes.get_ylabel()


@pytest.mark.parametrize("draw", EMPTY)
def test_an_empty_table_draws_nothing(draw):
    """Where there is nothing to draw, there is no figure."""
    assert draw() is None


def test_a_broken_comparison_draws_no_week_after_the_start():
    """When the checks failed, the path of the treated ends where the campaign begins."""
    drawn = charts.path(PATH, NOTHING).axes[0].lines[1]
    assert len(drawn.get_xdata()) == 8


def test_what_is_believed_of_a_share_is_told_in_points():
    """A prior of 0.024 on a share of users is 2.4 points, on orders so much per user."""
    table = belief(0.93).assign(prior_sd=0.0242, expected_loss=0.000268)
    share, orders = (says.bayes(table, grade="A", metric=metric) for metric in ("converted", "orders"))
    assert "±2.4 points" in share.text("en")
    assert "wrong is 0.03 points" in share.text("en")
    assert "2.4 个百分点" in share.text("zh")
    assert "±0.0242 per user" in orders.text("en")
