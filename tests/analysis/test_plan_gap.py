"""Actual minus plan, split over funnel and channels: exact to the cent, fair, and with intervals that hold."""

from functools import reduce
from itertools import permutations
from math import factorial
from operator import mul

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsbook.analysis import plan_gap
from opsbook.analysis.plan_gap import LEVELS

LAWS = settings(max_examples=25, deadline=None)
RATES = ["exposed", "mix", "participation", "conversion", "frequency", "value"]
SPREAD = {"orders_variance": 0.6, "revenue_variance": 900.0, "covariance": 12.0}
USERS = st.integers(0, 300)


def side(exposed: int, taken: float, done: float, often: float, value: float) -> list[float]:
    participants = round(exposed * taken)
    converters = round(participants * done)
    orders = round(converters * often)
    return [exposed, participants, converters, orders, round(orders * value, 2)]


SIDES = st.builds(
    side, USERS, st.floats(0, 1), st.floats(0, 1), st.floats(1, 3), st.floats(5, 90)
)  # fmt: skip


def together(plan: list[list[float]], fact: list[list[float]], names: str = "abc") -> pd.DataFrame:
    planned = pd.DataFrame(plan, columns=[f"planned_{level}" for level in LEVELS], dtype=float)
    actual = pd.DataFrame(fact, columns=list(LEVELS), dtype=float)
    both = pd.concat([planned, actual], axis=1).assign(**SPREAD)
    both.insert(0, "channel", list(names[: len(both)]))
    return both


BOTH = st.builds(together, *[st.lists(SIDES, min_size=3, max_size=3)] * 2)


def parts_of(both: pd.DataFrame, channel: str = "all", levels: tuple[str, ...] = LEVELS) -> pd.Series:
    parts = plan_gap.gap(both, levels=levels, seed=1, draws=10)
    return parts[parts["channel"] == channel].set_index("factor")["part"]


def by_enumeration(both: pd.DataFrame) -> dict[str, float]:
    """Each factor's mean contribution over all 720 orders, summed over the channels."""
    sides = [both[[p + level for level in LEVELS]].to_numpy(dtype=float) for p in ("planned_", "")]

    def factors(own: np.ndarray, other: np.ndarray) -> list[np.ndarray]:
        size = own[:, 0].sum()
        mix = own[:, 0] / size if size else np.zeros(len(own))
        rates = []
        for place in range(1, 5):
            both_sides = [np.where(s[:, place - 1] > 0, s[:, place] / np.maximum(s[:, place - 1], 1e-300), np.nan)
                          for s in (own, other)]  # fmt: skip
            rates.append(np.nan_to_num(np.where(np.isnan(both_sides[0]), both_sides[1], both_sides[0])))
        return [np.full(len(own), size), mix, *rates]

    before, after = factors(*sides), factors(*sides[::-1])

    def worth(moved: tuple[int, ...]) -> float:
        return float(reduce(mul, [(after if k in moved else before)[k] for k in range(6)]).sum())

    known = {frozenset(order[:n]): worth(order[:n]) for order in permutations(range(6)) for n in range(7)}
    parts = dict.fromkeys(RATES, 0.0)
    for order in permutations(range(6)):
        for place, factor in enumerate(order):
            gained = known[frozenset(order[: place + 1])] - known[frozenset(order[:place])]
            parts[RATES[factor]] += gained / factorial(6)
    return parts


def test_a_gap_by_hand():
    """100 planned, 80 shown, all else as planned: the missing 20 x 0.5 x 0.5 x 2 x 10 stand with the channels."""
    plan, fact = [[100, 50, 25, 50, 500]], [[80, 40, 20, 40, 400]]
    found = parts_of(together(plan, fact))
    assert found.to_dict() == {
        "gap": -100, "exposed": -100, "participation": 0, "conversion": 0, "frequency": 0, "value": 0,
    }  # fmt: skip


@LAWS
@given(BOTH)
def test_parts_add_up_to_the_cent(both):
    """Factors sum to the gap, channels sum to the whole, users and rates sum to the channel; nothing is lost."""
    parts = plan_gap.gap(both, levels=LEVELS, seed=1, draws=10)
    cents = parts.assign(part=(parts["part"] * 100).round().astype("int64")).set_index(["channel", "factor"])["part"]
    gap = round((both["revenue"].sum() - both["planned_revenue"].sum()) * 100)
    assert cents["all"]["gap"] == cents["all"][RATES].sum() == gap
    for name in both["channel"]:
        own = both[both["channel"] == name].iloc[0]
        assert cents[name]["gap"] == cents[name][RATES].sum()
        assert cents[name]["gap"] == round((own["revenue"] - own["planned_revenue"]) * 100)
        assert cents[name]["gap"] == cents[name]["delivery"] + cents[name]["rates"]
    for factor in RATES:
        assert cents["all"][factor] == sum(cents[name][factor] for name in both["channel"])
    known = parts.dropna(subset=["low"])
    assert (known["low"] <= known["part"] + 1e-9).all()
    assert (known["high"] >= known["part"] - 1e-9).all()


@settings(max_examples=6, deadline=None)
@given(BOTH)
def test_parts_are_the_mean_over_all_720_orders(both):
    """The split is the Shapley value: within the cents of rounding the same as trying every order of six factors."""
    found, expected = parts_of(both), by_enumeration(both)
    assert [found[name] for name in RATES] == pytest.approx([expected[name] for name in RATES], abs=0.15)


@LAWS
@given(BOTH)
def test_what_went_to_plan_has_no_part_and_names_carry_no_weight(both):
    """A campaign exactly to plan has no parts; renamed and reordered channels keep theirs; the reverse gap reverses."""
    still = both.assign(**{f"planned_{level}": both[level] for level in LEVELS})
    assert parts_of(still).abs().max() == 0
    turned = both.iloc[::-1].assign(channel=["z", "y", "x"])
    for old, new in zip("abc", "xyz", strict=True):
        assert (parts_of(both, old) - parts_of(turned, new)).abs().max() <= 0.011
    swapped = both.rename(columns={f"planned_{level}": level for level in LEVELS} | {v: f"planned_{v}" for v in LEVELS})
    assert (parts_of(swapped) + parts_of(both)).abs().max() <= 0.011


def test_a_channel_nobody_planned_is_delivery_and_one_that_showed_nobody_too():
    """A rate of nobody is taken from the other side, so that such a channel moves users and mix alone."""
    both = together([[100, 50, 20, 30, 900], [0, 0, 0, 0, 0], [50, 20, 10, 12, 300]],
                    [[100, 50, 20, 30, 900], [60, 30, 10, 20, 500], [0, 0, 0, 0, 0]])  # fmt: skip
    for name in "bc":
        found = parts_of(both, name)
        assert found["rates"] == 0
        assert found["delivery"] == found["gap"] != 0


def test_fewer_tables_mean_fewer_factors(table):
    """Without exposures the chain begins with participants, without orders it ends with converters."""
    planned = together([side(90, 0.5, 0.5, 1, 10)], [side(80, 0.5, 0.5, 1, 10)]).filter(like="planned_")
    planned.columns = list(LEVELS)
    planned["channel"] = "all"
    assert plan_gap.measurable(planned, {"exposures", "orders"}) == LEVELS
    assert plan_gap.measurable(planned, {"events"}) == ("participants", "converters")
    assert plan_gap.measurable(planned.assign(converters=np.nan, orders=np.nan, revenue=np.nan), {"exposures"}) == (
        "exposed", "participants",
    )  # fmt: skip
    assert plan_gap.measurable(planned.iloc[:0], {"exposures"}) == ()
    both = together([[90, 40, 20, 20, 200]], [[80, 44, 11, 12, 130]])
    found = parts_of(both, levels=("participants", "converters"))
    assert found.to_dict() == {"gap": -9, "participants": 1.5, "conversion": -10.5}
    assert plan_gap.gap(both, levels=(), seed=1).empty
    assert plan_gap.steps(both, levels=(), seed=1).empty


def test_steps_stand_beside_the_plan(same):
    """Levels and rates in the order of the funnel, with attainment; the interval holds the counted figure."""
    both = together([[100, 50, 25, 50, 500]], [[80, 44, 11, 22, 330]])
    steps = plan_gap.steps(both, levels=LEVELS, seed=1)
    same(steps, """
        step          | planned | actual | attainment
        exposed       | 100     | 80     | 0.8
        participation | 0.5     | 0.55   | 1.1
        participants  | 50      | 44     | 0.88
        conversion    | 0.5     | 0.25   | 0.5
        converters    | 25      | 11     | 0.44
        frequency     | 2       | 2      | 1
        orders        | 50      | 22     | 0.44
        value         | 10      | 15     | 1.5
        revenue       | 500     | 330    | 0.66
    """)  # fmt: skip
    assert (steps["low"] < steps["actual"]).all()
    assert (steps["high"] > steps["actual"]).all()


def test_taking_part_that_is_converting_cannot_move():
    """Where plan and facts both say that everybody who takes part converts, conversion has no part and no interval."""
    both = together([[100, 20, 20, 30, 600]], [[90, 15, 15, 21, 500]])
    row = plan_gap.gap(both, levels=LEVELS, seed=1).set_index("factor").loc["conversion"]
    assert (row["part"], row["low"], row["high"]) == (0, 0, 0)


def test_participants_without_a_recorded_exposure_are_a_part_of_their_own(table):
    """What they brought is added outside the plan's chain, and gap and actual include it."""
    outside = table("participants | converters | revenue | revenue_variance\n24 | 10 | 700 | 900")
    both = together([[100, 50, 25, 50, 500]], [[80, 40, 20, 40, 400]])
    parts = plan_gap.gap(both, levels=LEVELS, unrecorded=outside, seed=1).set_index("factor")
    assert (parts.at["unrecorded", "part"], parts.at["gap", "part"]) == (700, 600)
    assert plan_gap.total(parts.reset_index()) == (500, 1100, 600)
    assert parts.at["unrecorded", "low"] < 700 < parts.at["unrecorded", "high"]


def test_money_without_two_buyers_has_no_interval():
    """One converter shows no spread: the parts stand, their intervals are missing rather than zero."""
    both = together([[100, 50, 25, 50, 500]], [[80, 40, 1, 1, 10]]).assign(
        orders_variance=np.nan, revenue_variance=np.nan, covariance=np.nan
    )
    parts = plan_gap.gap(both, levels=LEVELS, seed=1)
    assert parts["part"].notna().all()
    assert parts["low"].isna().all()


TRUE = {"push": (900, 0.50, 0.40), "text": (500, 0.30, 0.45)}
PLANNED = [[1200, 600, 240, 360, 21600], [500, 200, 80, 120, 7200]]


def campaign(rng: np.random.Generator) -> pd.DataFrame:
    """One campaign as it could have come: Poisson users, binomial steps, orders and skewed amounts of converters."""
    rows = []
    for size, taken, done in TRUE.values():
        exposed = rng.poisson(size)
        participants = rng.binomial(exposed, taken)
        converters = rng.binomial(participants, done)
        orders = 1 + rng.poisson(0.5, converters)
        money = orders * rng.gamma(4, 15, converters)
        spread = np.cov(orders, money)
        rows.append([exposed, participants, converters, orders.sum(), money.sum(),
                     spread[0, 0], spread[1, 1], spread[0, 1]])  # fmt: skip
    columns = [*LEVELS, "orders_variance", "revenue_variance", "covariance"]
    planned = pd.DataFrame(PLANNED, columns=[f"planned_{level}" for level in LEVELS], dtype=float)
    both = pd.concat([planned, pd.DataFrame(rows, columns=columns, dtype=float)], axis=1)
    both.insert(0, "channel", list(TRUE))
    return both


def test_intervals_hold_the_true_parts_in_95_of_100_campaigns():
    """600 simulated campaigns: each part's interval holds the part of the true rates in 93 to 97 of 100."""
    truth = [[n, n * p, n * p * k, n * p * k * 1.5, n * p * k * 1.5 * 60] for n, p, k in TRUE.values()]
    exact = together(PLANNED, truth, "pt").assign(channel=list(TRUE))
    expected = parts_of(exact)
    rng = np.random.default_rng(7)
    hits = pd.Series(0.0, index=expected.index)
    runs = 600
    for seed in range(runs):
        parts = plan_gap.gap(campaign(rng), levels=LEVELS, seed=seed, draws=300)
        own = parts[parts["channel"] == "all"].set_index("factor")
        hits += (own["low"] <= expected + 0.01) & (expected - 0.01 <= own["high"])
    coverage = hits / runs
    assert coverage.between(0.93, 0.97).all(), coverage
    assert expected["value"] == 0
