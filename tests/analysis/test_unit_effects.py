"""Cities with and without a campaign: the panel by hand, Proposition 99 through the report's path, what checks find."""

from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import unit_effects, unit_panel
from opsbook.mart.tables import engine_table

START, END = date(2026, 6, 1), date(2026, 6, 14)
SPAN = {"start": START, "end": END, "after_days": 10, "through": date(2026, 7, 30), "data_start": date(2026, 5, 11)}


def counted(people, rows, **more):
    return unit_panel.panel(engine_table(people), rows, **SPAN | more)


def test_panel_counts_per_user_and_day_in_weeks_from_the_start(table, same):
    """Whole weeks before, weeks of the campaign, and a last block of three days; nobody counts before entering."""
    people = table("""
        user | unit | entry_day
        1    | Lyon | 2026-05-01
        2    | Lyon | 2026-05-20
        3    | Nice | 2026-05-01
    """)
    rows = table("""
        user | day        | revenue | orders
        1    | 2026-05-12 | 70      | 1
        1    | 2026-06-01 | 28      | 2
        2    | 2026-06-16 | 14      | 1
        1    | 2026-06-23 | 12      | 1
        3    | 2026-06-24 | 9       | 1
        3    | 2026-06-25 | 99      | 1
    """)
    found = counted(people, rows)
    assert found["block"].unique().tolist() == [-3, -2, -1, 0, 1, 2, 3]
    same(
        found[found["unit"] == "Lyon"].assign(day=lambda t: t["first_day"]),
        """
        unit | block | window | day        | days | users | revenue | orders
        Lyon | -3    | before | 2026-05-11 | 7    | 1     | 10      | 0.14285714285714285
        Lyon | -2    | before | 2026-05-18 | 7    | 1     | 0       | 0
        Lyon | -1    | before | 2026-05-25 | 7    | 2     | 0       | 0
        Lyon | 0     | during | 2026-06-01 | 7    | 2     | 2       | 0.14285714285714285
        Lyon | 1     | during | 2026-06-08 | 7    | 2     | 0       | 0
        Lyon | 2     | after  | 2026-06-15 | 7    | 2     | 1       | 0.07142857142857142
        Lyon | 3     | after  | 2026-06-22 | 3    | 2     | 2       | 0.16666666666666666
    """,
    )
    assert found[found["unit"] == "Nice"]["revenue"].tolist() == [0, 0, 0, 0, 0, 0, 3]
    assert counted(people, rows, min_cell=2).empty


def test_a_running_campaign_ends_with_the_data(table):
    """On its fourth day the campaign has one block of four days and none after it."""
    people = pd.DataFrame({"user": [1], "unit": ["Lyon"], "entry_day": pd.to_datetime(["2026-05-01"])})
    rows = pd.DataFrame({"user": [1], "day": pd.to_datetime(["2026-06-02"]), "revenue": [8.0], "orders": [1]})
    found = counted(people, rows, through=START + timedelta(days=3))
    assert found["days"].tolist() == [7, 7, 7, 4]
    assert found["window"].tolist()[-1] == "during"


def test_without_units_nothing_is_counted():
    """A campaign without units has an empty panel and an empty review."""
    panel = unit_panel.of(None, None, None, **SPAN)
    assert panel.empty
    assert unit_panel.treated(None) == []
    assert unit_effects.review(panel, comparison="did", treated=[], metric="orders").checks.empty


def test_units_are_read_from_the_column_the_file_names(table):
    """Users without a value of the attribute belong to no unit."""
    eve = table("""
        user | city | entry_day
        1    | Lyon | 2026-05-01
        2    |      | 2026-05-01
    """)
    rows = pd.DataFrame({"user": [1, 2], "day": pd.to_datetime(["2026-06-02"] * 2), "revenue": 7.0, "orders": 1})
    units = SimpleNamespace(attribute="city", treated=["Lyon"])
    found = unit_panel.of(engine_table(eve), rows, units, **SPAN)
    assert found["unit"].unique().tolist() == ["Lyon"]
    assert found["users"].max() == 1
    assert unit_panel.treated(units) == ["Lyon"]


def panel_of(wide, *, before, users=100):
    """A panel of `unit_panel` out of a table of blocks x units."""
    long = wide.rename_axis(index="block", columns="unit").stack().rename("revenue").reset_index()
    window = np.where(long["block"] < 0, "before", "during")
    first = pd.Timestamp(START) + pd.to_timedelta(7 * long["block"], unit="D")
    assert int((wide.index < 0).sum()) == before
    return long.assign(window=window, first_day=first, days=1, users=users, orders=long["revenue"], active_days=1.0)


@pytest.fixture(scope="module")
def cigarettes(shared):
    """Packs per head as a panel whose block 0 is 1989."""
    rows = pd.read_csv(shared("prop99_cigarettes.csv.gz"), sep=";")
    wide = rows.pivot(index="Year", columns="State", values="PacksPerCapita")
    return panel_of(wide.set_axis(wide.index - 1989), before=19)


@pytest.mark.parametrize(
    ("comparison", "method", "effect", "tolerance"),
    [("did", "did", -27.34911108, 1e-8), ("synthetic_control", "synthetic_did", -15.6038, 1e-2)],
)
def test_proposition_99_through_the_reports_own_path(cigarettes, comparison, method, effect, tolerance):
    """The figures of reference.md per year, by the headline of either comparison, and synthetic control beside it."""
    found = unit_effects.review(cigarettes, comparison=comparison, treated=["California"], metric="revenue")
    net = found.increments.query("metric == 'revenue' and window == 'net'").iloc[0]
    assert net["method"] == method
    assert net["difference"] / 12 == pytest.approx(effect, abs=tolerance)
    beside = found.estimates.set_index("method")["difference"]
    assert beside["synthetic_control"] / 12 == pytest.approx(-19.51, abs=0.02)
    assert len(found.placebos) == 39


def test_proposition_99_stands_out_among_the_states_only_where_they_are_weighted(cigarettes):
    """Four of 39 states differ as much by plain differences, by synthetic DiD California alone: p .1026 and .0256."""
    measured = {}
    for name in ("did", "synthetic_control"):
        found = unit_effects.review(cigarettes, comparison=name, treated=["California"], metric="revenue")
        measured[name] = found.checks.set_index("check")
    assert measured["did"].loc["placebo_units", "measured"] == pytest.approx(4 / 39)
    assert measured["did"].loc["placebo_units", "outcome"] == "failed"
    assert measured["synthetic_control"].loc["placebo_units", "measured"] == pytest.approx(1 / 39)
    assert set(measured["synthetic_control"]["outcome"]) == {"passed"}


def world(random, *, cities=21, weeks=24, lift=0.0, drift=0.0):
    """Cities around a common path; `a` gains `lift` from block 0 on, and drifts from the others before it."""
    blocks = np.arange(-weeks, 6)
    common = random.normal(0, 0.4, len(blocks)).cumsum()[:, None]
    values = 10 + random.normal(0, 1, cities) + common + random.normal(0, 0.4, (len(blocks), cities))
    values[:, 0] += lift * (blocks >= 0) + drift * blocks
    names = ["a", *(f"c{k:02d}" for k in range(1, cities))]
    return panel_of(pd.DataFrame(values, index=blocks, columns=names), before=weeks)


@pytest.mark.parametrize("comparison", ["did", "synthetic_control"])
def test_a_planted_effect_is_found_and_all_checks_pass(comparison):
    """One treated city of 21: the interval holds the planted lift and is clear of zero, and nothing else is found."""
    found = unit_effects.review(world(np.random.default_rng(3), lift=1.5), comparison=comparison, treated=["a"],
                                metric="revenue")  # fmt: skip
    net = found.increments.query("metric == 'revenue' and window == 'net'").iloc[0]
    assert 0 < net["low"] <= 6 * 1.5 <= net["high"]
    assert set(found.checks["outcome"]) == {"passed"}, found.checks
    during = found.increments.query("metric == 'revenue'").set_index("window")["difference"]
    assert during["net"] == pytest.approx(during["during"] + during["after"])


def test_a_city_that_drifts_away_is_refused():
    """A city on a way of its own before the start fails the check of equal trends."""
    found = unit_effects.review(world(np.random.default_rng(5), drift=0.08), comparison="did", treated=["a"],
                                metric="revenue")  # fmt: skip
    assert found.checks.set_index("check").loc["pre_trend", "outcome"] == "failed"


def test_few_units_leave_the_permutation_untested():
    """Of eight cities even the largest effect has p above 5 %, so the check cannot be made."""
    found = unit_effects.review(world(np.random.default_rng(6), cities=8), comparison="did", treated=["a"],
                                metric="revenue")  # fmt: skip
    assert found.checks.set_index("check").loc["placebo_units", "outcome"] == "untested"


@pytest.mark.parametrize("method", ["did", "synthetic_control", "synthetic_did"])
def test_intervals_of_units_hold_the_planted_effect(method):
    """Simulated truth: 93 to 97 of 100 placebo intervals of 300 campaigns in one of 21 cities hold the effect."""
    random, held = np.random.default_rng(7), []
    for _campaign in range(300):
        case = unit_effects._case(world(random, weeks=16, lift=1.0), "revenue", ["a"], 0)
        sums = unit_effects._effects(case, unit_effects.METHODS[method]).sums["net"].to_numpy()
        _value, low, high, _p = unit_effects._interval(sums)
        held.append(low <= 6.0 <= high)
    assert 0.93 <= np.mean(held) <= 0.97
