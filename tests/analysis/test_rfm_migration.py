"""Moves between RFM groups: counted as by hand, judged against the step before, hidden where few."""

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise
from statistics import median

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsbook.analysis import action_sheet, rfm, rfm_migration, rfm_stability
from opsbook.analysis.buyers import KEYS

ENDS = [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)]
SEEN = {"data_start": date(2025, 10, 1), "settled_through": ENDS[-1]}
ORDERS = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 170), st.integers(-500, 20_000)), min_size=0, max_size=80
)
WINDOW = 60


def frame(orders: list[tuple[int, int, int]]) -> pd.DataFrame:
    """Orders as (user, days before the last date, cents); a negative amount is a refund, not a purchase."""
    table = pd.DataFrame(orders, columns=["user", "age", "cents"]).astype("int64")
    day = pd.Timestamp(ENDS[-1]) - pd.to_timedelta(table["age"], unit="D")
    money = {"net": table["cents"] / 100, "is_purchase": table["cents"] > 0}
    return pd.DataFrame({"user": table["user"], "day": day, **money})


def measures_by_hand(orders: list[tuple[int, int, int]], end: date, window_days: int = WINDOW) -> dict[int, tuple]:
    """User -> (days since the last order, orders, amount) by plain loops."""
    found = {}
    late = (ENDS[-1] - end).days
    for user in {user for user, _age, _cents in orders}:
        own = [(age - late, cents) for who, age, cents in orders if who == user and late <= age < late + window_days]
        ages = [age for age, cents in own if cents > 0]
        if ages:
            found[user] = (min(ages), len(ages), sum(cents for _age, cents in own) / 100)
    return found


def keys_by_hand(buyers: dict[int, tuple], cuts: list[float]) -> dict[int, str]:
    return {
        user: "".join("H" if high else "L" for high in (r < cuts[0], f > cuts[1], m > cuts[2]))
        for user, (r, f, m) in buyers.items()
    }


def migrate(orders: pd.DataFrame, **changed) -> pd.DataFrame:
    return rfm_migration.rfm_migration(orders, **({"ends": ENDS, "window_days": WINDOW} | SEEN | changed))


@settings(max_examples=20)
@given(ORDERS, st.sampled_from(["earlier", "own"]))
def test_moves_equal_two_dictionaries_of_keys(orders, cuts):
    """Every cell of both steps is what plain Python counts, with the earlier date's medians or each date's own."""
    actual = migrate(frame(orders), cuts=cuts)
    for start, end in pairwise(ENDS):
        then, now = measures_by_hand(orders, start), measures_by_hand(orders, end)
        middles = [[median(column) for column in zip(*side.values(), strict=True)] for side in (then, now) if side]
        step = actual[actual["end"] == pd.Timestamp(end)]
        if len(middles) < 2 and (not then or cuts == "own"):
            assert step["users"].sum() == 0  # without buyers there are no medians to cut by
            continue
        before = keys_by_hand(then, middles[0])
        after = keys_by_hand(now, middles[0] if cuts == "earlier" else middles[1])
        pairs = [(before.get(user, "entered"), after.get(user, "left_window")) for user in {*before, *after}]
        found = step[step["users"] > 0].set_index(["from_key", "to_key"])["users"].to_dict()
        assert found == dict(Counter(pairs))


@settings(max_examples=8)
@given(ORDERS)
def test_order_names_and_the_future_do_not_matter_and_twins_double(orders):
    """Shuffled rows, renamed users and later orders change nothing; twins double every cell."""
    whole = migrate(frame(orders))
    later = frame([*orders, (3, -5, 99_999)]).sample(frac=1, random_state=5).assign(user=lambda t: 100 - t["user"])
    pd.testing.assert_frame_equal(whole, migrate(later))
    twins = migrate(frame([*orders, *((user + 50, age, cents) for user, age, cents in orders)]))
    assert (twins["users"] == 2 * whole["users"]).all()


@settings(max_examples=8)
@given(ORDERS)
def test_rows_add_up_and_totals_are_the_groups(orders):
    """Each buyer of either date is in exactly one cell, and the row totals are rfm_groups of the earlier date."""
    moves = migrate(frame(orders))
    for start, end in pairwise(ENDS):
        step = moves[moves["end"] == pd.Timestamp(end)]
        buyers = {*measures_by_hand(orders, start), *measures_by_hand(orders, end)}
        groups = rfm.rfm_groups(frame(orders), as_of=start, window_days=WINDOW).set_index("key")["users"]
        assert step["users"].sum() == (len(buyers) if groups.sum() else 0)
        rows = step.drop_duplicates("from_key").set_index("from_key")["from_users"]
        assert rows.reindex(KEYS).tolist() == groups.reindex(KEYS).tolist()


def test_with_fixed_cuts_only_what_the_buyer_did_counts():
    """User 1 does nothing new and keeps the letters F and M although the others now buy more."""
    quiet = [(1, 70, 5000), (1, 65, 5000), (2, 70, 1000), (3, 70, 9000)]
    loud = [(user, age, 90_000) for user in (2, 3) for age in (5, 6, 7, 8)]
    for orders, own in ((quiet, False), (quiet + loud, True)):
        fixed, moving = (
            migrate(frame(orders), ends=ENDS[1:], window_days=120, cuts=cuts) for cuts in ("earlier", "own")
        )
        letters = [set(table.loc[table["users"] > 0, "to_key"].str[1:]) for table in (fixed, moving)]
        assert "HL" in letters[0] or "HH" in letters[0]
        assert (letters[0] == letters[1]) is not own


def test_the_window_shrinks_to_what_the_data_cover_at_every_date():
    """With data from October, three dates share a window of 123 days; less than four weeks is no comparison."""
    moves = migrate(frame([(1, 10, 100), (1, 80, 100)]), window_days=365)
    assert moves["window_days"].unique().tolist() == [123]
    assert migrate(frame([(1, 10, 100)]), data_start=date(2026, 1, 20)).empty
    assert migrate(frame([(1, 10, 100)]), ends=ENDS[-1:]).empty


def test_a_step_whose_end_is_not_settled_says_so():
    """Late rows could still change the last step."""
    moves = migrate(frame([(1, 10, 100)]), settled_through=ENDS[-1] - timedelta(days=1))
    assert moves.groupby("end")["settled"].all().tolist() == [True, False]


def moved(cells: list[tuple[str, str, int]], base: list[tuple[str, str, int]]) -> pd.DataFrame:
    """A table of moves with these cells in the last step and in the one before."""
    rows = [rfm_migration.ENTERED, *KEYS], [rfm_migration.LEFT, *KEYS]
    grid = pd.MultiIndex.from_product(rows, names=["from_key", "to_key"])
    steps = []
    for place, counted in enumerate((base, cells)):
        users = pd.Series({(one, other): n for one, other, n in counted}, dtype="int64").reindex(grid, fill_value=0)
        step = users.rename("users").reset_index().assign(start=ENDS[place], end=ENDS[place + 1], window_days=WINDOW)
        step["from_users"] = step.groupby("from_key")["users"].transform("sum")
        step["to_users"] = step.groupby("to_key")["users"].transform("sum")
        step["share"] = step["users"] / step["from_users"].where(step["from_users"] > 0)
        steps.append(step.assign(share_low=step["share"], share_high=step["share"], settled=True))
    return pd.concat(steps, ignore_index=True).astype({"start": "datetime64[ns]", "end": "datetime64[ns]"})


def test_a_group_is_measured_against_its_own_step_before():
    """56 of 70 kept against 48 of 80 before is Newcombe's published 5.2 to 33.4 points."""
    now, base = [("HHH", "HHH", 56), ("HHH", "LHH", 14)], [("HHH", "HHH", 48), ("HHH", "LHH", 32)]
    row = rfm_migration.kept_groups(moved(now, base)).iloc[0]
    assert (row["share_kept"], row["share_kept_before"]) == (0.8, 0.6)
    assert (row["kept_points_low"], row["kept_points_high"]) == pytest.approx((0.0524, 0.3339), abs=1e-4)


def test_trend_counts_shared_users_once():
    """A group that nobody entered or left has a change of 0 with no doubt; 25 in and 100 out is a clear fall."""
    still = rfm_migration.group_trend(moved([("HHH", "HHH", 400)], [])).iloc[0]
    assert (still["change"], still["change_low"], still["change_high"]) == (0, 0, 0)
    fell = rfm_migration.group_trend(moved([("HHH", "HHH", 300), ("HHH", "LHH", 100), ("LHH", "HHH", 25)], [])).iloc[0]
    assert fell["change"] == pytest.approx(325 / 400 - 1)
    assert fell["change_high"] < 0
    assert fell["clear"]


def test_interval_of_a_trend_covers_the_truth_when_buyers_are_redrawn():
    """Over 400 draws of stayers, entrants and leavers the interval holds the true ratio about 95 times in 100."""
    rng, truth, covered = np.random.default_rng(4), (200 + 60) / (200 + 40) - 1, 0
    for stayed, came, went in zip(*(rng.poisson(mean, 400) for mean in (200, 60, 40)), strict=True):
        cells = [("HHH", "HHH", stayed), ("entered", "HHH", came), ("HHH", "left_window", went)]
        row = rfm_migration.group_trend(moved(cells, []).tail(81)).iloc[0]
        covered += row["change_low"] <= truth <= row["change_high"]
    assert 0.92 <= covered / 400 <= 0.98


def test_a_group_chosen_for_being_high_falls_without_any_cause_and_is_not_blamed():
    """Buyers who always buy at the same rate: the best group loses many, and no more than one step earlier."""
    rng = np.random.default_rng(2)
    bought = [(user, int(age), int(cents)) for user in range(600) for age, cents in
              zip(rng.integers(0, 170, 6), rng.lognormal(8, 1, 6), strict=True)]  # fmt: skip
    row = rfm_migration.kept_groups(migrate(frame(bought))).iloc[0]
    assert row["share_kept_high"] < 0.95
    assert row["kept_points_low"] < 0 < row["kept_points_high"]


def test_small_cells_are_hidden_with_their_complement_and_shares():
    """A cell of 3 hides the next one of its row and of its column, and the shares that would tell them."""
    cells = [("HHH", "HHH", 100), ("HHH", "LHH", 3), ("HHH", "LLL", 40), ("LHH", "LHH", 90), ("LHH", "LLL", 30)]
    shown = rfm_migration.suppressed(moved(cells, []), min_cell=10)
    last = shown[shown["end"] == shown["end"].max()].set_index(["from_key", "to_key"])
    hidden = {pair for pair, is_hidden in last["hidden"].items() if is_hidden}
    assert hidden == {("HHH", "LHH"), ("HHH", "LLL"), ("LHH", "LHH"), ("LHH", "LLL")}
    assert last.loc[list(hidden), ["users", "share", "share_low"]].isna().all().all()
    assert last.loc[("HHH", "HHH"), "users"] == 100


def test_stability_counts_buyers_whose_letter_turns():
    """Each share is the part of buyers that plain Python puts elsewhere when one cut moves by a tenth."""
    rng = np.random.default_rng(8)
    orders = [(int(u), int(a), int(c)) for u, a, c in zip(rng.integers(0, 90, 300), rng.integers(0, 60, 300),
              rng.lognormal(8, 1, 300), strict=True)]  # fmt: skip
    buyers = measures_by_hand(orders, ENDS[-1])
    cuts = [median(column) for column in zip(*buyers.values(), strict=True)]
    found = rfm_stability.rfm_stability(frame(orders), as_of=ENDS[-1], window_days=WINDOW)
    for place, (_measure, both) in enumerate(found.groupby("measure", sort=False)):
        for row, factor in zip(both.itertuples(), (0.9, 1.1), strict=True):
            other = [cut * factor if number == place else cut for number, cut in enumerate(cuts)]
            turned = sum(keys_by_hand(buyers, cuts)[user] != keys_by_hand(buyers, other)[user] for user in buyers)
            assert (row.changed_users, row.buyers) == (turned, len(buyers))


def test_action_sheet_joins_todays_size_with_the_trend_and_hides_small_groups():
    """Size and value are today's, the trend is that of fixed cuts; a group of 3 and its complement show nothing."""
    users = [100, 3, 50, 60, 70, 80, 90, 40]
    groups = pd.DataFrame({"key": KEYS, "users": users, "buyers": sum(users), "revenue": 10.0, "revenue_per_user": 1.0})
    shares = [
        "share_users",
        "share_users_low",
        "share_users_high",
        "share_revenue",
        "share_revenue_low",
        "share_revenue_high",
    ]
    trend = rfm_migration.group_trend(moved([("HHH", "HHH", 300), ("HHH", "LHH", 100)], []))
    sheet = action_sheet.action_sheet(groups.assign(**dict.fromkeys(shares, 0.1)), trend, min_cell=10).set_index("key")
    assert sheet.loc["HHH", "change"] == pytest.approx(-0.25)
    assert sheet.index[~sheet["shown"]].tolist() == ["LHH", "LLL"]
    assert sheet.loc["LLL", ["users", "revenue", "change"]].isna().all()


def test_documented_columns_come_back_even_from_nothing():
    """Nobody ever bought: every table has its documented columns and no claim."""
    moves = migrate(frame([]))
    tables = [
        (rfm_migration.rfm_migration, moves), (rfm_migration.suppressed, rfm_migration.suppressed(moves, min_cell=10)),
        (rfm_migration.kept_groups, rfm_migration.kept_groups(moves.head(0))),
        (rfm_migration.group_trend, rfm_migration.group_trend(moves)),
        (rfm_stability.rfm_stability, rfm_stability.rfm_stability(frame([]), as_of=ENDS[-1])),
    ]  # fmt: skip
    known = rfm_migration.rfm_migration.__doc__
    assert all(name in function.__doc__ + known for function, table in tables for name in table)
    assert tables[2][1]["share_kept"].isna().all()
    assert not tables[3][1]["clear"].any()
    assert tables[4][1]["share_changed"].isna().all()
