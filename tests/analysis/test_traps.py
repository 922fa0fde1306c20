"""Each trap check fires where the trap was laid, stays silent where it was not, and says so where it cannot tell."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import channel_mix, traps
from opsbook.inputs.periods import between

NOW, BASE = between(date(2026, 2, 1), date(2026, 2, 28)), between(date(2026, 1, 1), date(2026, 1, 28))


def paid_days(amounts: np.ndarray | list[float]) -> pd.DataFrame:
    """One active day in the period for each user, with this revenue; 0 is no order."""
    money = np.asarray(amounts, dtype=float)
    days = pd.Timestamp(NOW.start) + pd.to_timedelta(np.arange(len(money)) % 28, unit="D")
    return pd.DataFrame({"user": range(len(money)), "day": days, "orders": (money > 0).astype(int), "revenue": money})


def test_one_whale_is_found_and_an_even_crowd_is_not():
    """A payer who brings a third of revenue decides the mean; 500 alike do not; five payers cannot tell."""
    rng = np.random.default_rng(1)
    crowd = rng.gamma(2, 50, 500).round(2)
    whale = traps.heavy_tail(paid_days([*crowd, 25_000]), period=NOW)
    assert whale.case == "fired"
    assert whale.numbers["top_users"] == 10
    assert traps.heavy_tail(paid_days(crowd), period=NOW).case == "silent"
    assert traps.heavy_tail(paid_days(crowd[:5]), period=NOW).case == "unknown"


@pytest.mark.parametrize("price", [10.0, 0.1, 29.9])
def test_a_crowd_that_pays_one_price_has_no_heavy_tail(price):
    """Where everybody pays the same nobody decides the mean; one who pays a little more than all others does."""
    assert traps.heavy_tail(paid_days([price] * 300), period=NOW).case == "silent"
    assert traps.heavy_tail(paid_days([price] * 300 + [2 * price]), period=NOW).case == "fired"


def test_a_hundredth_of_payers_with_a_fifth_of_revenue_is_found():
    """No single payer need stand out: 20 of 2,000 who bring a fifth are enough."""
    amounts = np.array([25.0] * 20 + [1.0] * 1980)
    assert traps.heavy_tail(paid_days(amounts), period=NOW).numbers["top_share"] == pytest.approx(500 / 2480)
    assert traps.heavy_tail(paid_days(amounts), period=NOW).case == "fired"


def test_no_persons_amount_is_among_the_numbers():
    """What is told of the largest payers is a sum over at least min_cell of them."""
    check = traps.heavy_tail(paid_days([*range(1, 60), 9_999]), period=NOW)
    assert check.numbers["top_users"] >= 10


def test_orders_split_over_one_day_are_found(table):
    """Two of three orders of user 1 share a day: merged the buyer has two, not three."""
    orders = table("""
        user | day        | is_purchase
        1    | 2026-02-03 | true
        1    | 2026-02-03 | true
        1    | 2026-02-09 | true
        2    | 2026-02-03 | true
        2    | 2026-02-04 | false
    """)
    check = traps.same_day_orders(orders, as_of=NOW.end)
    assert (check.case, check.numbers["n"], check.numbers["mean"], check.numbers["merged"]) == ("fired", 4, 2.0, 1.5)
    assert traps.same_day_orders(orders.drop(index=0), as_of=NOW.end).case == "silent"
    assert traps.same_day_orders(orders.tail(1), as_of=NOW.end).case == "unknown"


def test_rows_outside_the_window_are_read_from_the_checks_of_the_data(table):
    """Dropped and kept rows are told apart; rules about other things do not count."""
    checks = table("""
        table  | rule              | rows
        events | before_data_start | 12
        events | late              | 7
        orders | zero_amount       | 99
    """)
    assert traps.outside_window(checks) == traps.Check("outside_window", True, {"dropped": 12, "flagged": 7})
    assert traps.outside_window(checks.tail(1)).case == "silent"


def events(hours: list[int], zone_hours: int = 8) -> pd.DataFrame:
    local = [pd.Timestamp(NOW.start) + timedelta(days=place % 20, hours=hour) for place, hour in enumerate(hours)]
    at = [moment - timedelta(hours=zone_hours) for moment in local]
    return pd.DataFrame({"at": at, "day": [moment.normalize() for moment in local], "hour": hours})


def test_events_before_eight_in_shanghai_fall_on_another_utc_day():
    """A quarter of events at 1 o'clock would move; nothing moves in the afternoon, or where the zone is UTC."""
    night = traps.day_boundary(events([1, 12, 15, 20] * 10), period=NOW)
    assert (night.case, night.numbers["share"], night.numbers["night"]) == ("fired", 0.25, 0.25)
    assert traps.day_boundary(events([12, 15] * 10), period=NOW).case == "silent"
    assert traps.day_boundary(events([1, 12] * 10, zone_hours=0), period=NOW).case == "silent"


def test_data_without_times_of_day_cannot_be_checked():
    """Every event at the same hour means that the source knows days only."""
    assert traps.day_boundary(events([0] * 10), period=NOW).case == "unknown"


def test_lives_that_began_before_the_data_are_counted(table):
    """A signup before the first day and an unknown start are left-truncated, a later one is not."""
    users = table("""
        first_day  | life_start
        2025-06-01 | signup
        2026-01-02 | unknown
        2026-01-09 | signup
    """)
    check = traps.left_truncation(users, data_start=date(2026, 1, 1))
    assert (check.case, check.numbers) == ("fired", {"n": 3, "unknown": 1, "early": 1})
    assert traps.left_truncation(users.tail(1), data_start=date(2026, 1, 1)).case == "silent"


def test_new_users_without_their_week_are_undecided():
    """The rate of activation leaves them out; the check says how many."""
    line = pd.DataFrame({"metric": ["new_users", "activated"], "n": [50, 30]})
    assert traps.undecided(line) == traps.Check("undecided", True, {"n": 50, "undecided": 20})
    assert traps.undecided(line.assign(n=[50, 50])).case == "silent"
    assert traps.undecided(line.assign(n=0)).case == "unknown"


def test_incomplete_periods_are_counted():
    """One of three periods that the data do not cover is one too many."""
    assert traps.incomplete_periods(pd.DataFrame({"complete": [True, False, True]})).numbers["incomplete"] == 1
    assert traps.incomplete_periods(pd.DataFrame({"complete": [True]})).case == "silent"
    assert traps.incomplete_periods(pd.DataFrame({"complete": []})).case == "unknown"


def kept(low: float, high: float, share: float = 0.8) -> pd.DataFrame:
    row = {"key": "HHH", "from_users": 100.0, "base_users": 90.0, "share_kept": share, "share_kept_before": 0.85}
    return pd.DataFrame(
        [row | {"kept_points": (low + high) / 2, "kept_points_low": low, "kept_points_high": high}]
    ).assign(clear=high < 0)


def test_a_fall_like_the_one_before_is_regression_and_a_larger_one_is_not():
    """Twenty in a hundred left the best group: as usual, unless clearly more left than one step earlier."""
    assert traps.regression_to_mean(kept(-0.1, 0.05)).case == "fired"
    assert traps.regression_to_mean(kept(-0.2, -0.05)).case == "silent"
    assert traps.regression_to_mean(kept(np.nan, np.nan)).case == "unknown"


def test_a_change_that_many_comparisons_take_back_is_found():
    """One of forty with p = .04 looks clear alone only; one with p far below .05/40 stays."""
    others = pd.DataFrame({"change": [0.1] * 39, "change_low": -0.9, "change_high": 1.1})
    alone = pd.DataFrame({"kept_points": [1.05], "kept_points_low": [0.05], "kept_points_high": [2.05]})
    check = traps.many_compared(others, alone)
    assert (check.case, check.numbers["n"], check.numbers["alone"], check.numbers["kept"]) == ("fired", 40, 1, 0)
    strong = alone.assign(kept_points=5.0, kept_points_low=4.0, kept_points_high=6.0)
    assert traps.many_compared(others, strong).case == "silent"
    assert traps.many_compared(others.head(0)).case == "unknown"


def active(period, counts: dict[str, tuple[int, int]], first: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Active users of the period: channel -> (users, of them paying 10 each)."""
    rows = [(channel, place < payers) for channel, (users, payers) in counts.items() for place in range(users)]
    table = pd.DataFrame(rows, columns=["channel", "pays"]).assign(user=range(first, first + len(rows)))
    days = pd.DataFrame({"user": table["user"], "day": pd.Timestamp(period.start), "orders": table["pays"].astype(int)})
    return days.assign(revenue=10.0 * days["orders"]), table[["user", "channel"]]


def two_periods(base: dict[str, tuple[int, int]], now: dict[str, tuple[int, int]], min_cell: int = 10) -> pd.DataFrame:
    parts = [active(BASE, base, 0), active(NOW, now, 100_000)]
    days, users = (pd.concat(tables, ignore_index=True) for tables in zip(*parts, strict=True))
    return channel_mix.channel_mix(days, users, now=NOW, base=BASE, min_cell=min_cell)


def test_simpsons_paradox_is_found_where_the_mix_turns_the_sign():
    """Both channels pay more often, but the poor one grew: the total falls, and the check says not to read it."""
    mix = two_periods({"rich": (800, 400), "poor": (200, 20)}, {"rich": (200, 120), "poor": (800, 120)})
    row = mix.set_index("metric").loc["paying"]
    assert row["total"] < 0 < row["inside_low"]
    assert [traps.simpson(mix, metric=metric).case for metric in ("paying", "arpu")] == ["fired", "fired"]


def test_a_fall_inside_every_channel_is_no_paradox():
    """Total and channels agree, and one channel alone has no mix."""
    mix = two_periods({"a": (500, 300), "b": (500, 200)}, {"a": (500, 200), "b": (500, 100)})
    assert traps.simpson(mix, metric="paying").case == "silent"
    assert traps.simpson(two_periods({"a": (50, 30)}, {"a": (50, 20)}), metric="paying").case == "unknown"


def test_inside_and_mix_add_up_to_the_total():
    """The two parts of the change are exact, also when channels appear, vanish or are too small to stand alone."""
    mix = two_periods({"a": (90, 30), "b": (50, 9), "gone": (30, 30)}, {"a": (60, 30), "b": (70, 7), "few": (3, 3)})
    np.testing.assert_allclose(mix["inside"] + mix["mix"], mix["total"])
    paying = mix.set_index("metric").loc["paying"]
    assert paying["value"] == pytest.approx(40 / 133)
    assert paying["total"] == pytest.approx(40 / 133 - 69 / 170)
    assert paying["channels"] == 3  # a, b, and the two small ones as one


def test_nobody_in_a_period_leaves_the_split_missing():
    """Without users there is no change to split."""
    mix = two_periods({}, {"a": (50, 20), "b": (50, 20)})
    assert mix["total"].isna().all()
    assert traps.simpson(mix, metric="arpu").case == "unknown"
    assert all(name in channel_mix.channel_mix.__doc__ for name in mix)


def test_interval_of_the_inside_part_covers_the_truth():
    """Over 150 draws of two channels whose payers rise by 5 points it holds 5 points about 95 in 100 times."""
    rng, covered = np.random.default_rng(6), 0
    for _trial in range(150):
        rows = [
            {"channel": channel, "name": "paying", "side": side, "users": n, "total": k, "squares": k}
            for side in (0, 1)
            for channel, n, share in (("a", 150, 0.5), ("b", 250, 0.2))
            for k in [float(rng.binomial(n, share + 0.05 * side))]
        ]
        found = channel_mix._split(pd.DataFrame(rows), 1.959963984540054)
        covered += found["inside_low"] <= 0.05 <= found["inside_high"]
    assert 0.91 <= covered / 150 <= 0.99
