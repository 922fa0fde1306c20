"""When a silent user is gone: gaps, threshold, durations, undecided users."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import activity_log as log_of
from opsbook.analysis import churn, survival, time_to_churn
from opsbook.errors import ParameterError

LAWS = settings(max_examples=8, deadline=None)
JAN = pd.Timestamp("2026-01-01")
DAYS = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 59)), min_size=1, max_size=120)


def log(pairs) -> pd.DataFrame:
    user, day = zip(*pairs, strict=True)
    return pd.DataFrame({"user": list(user), "day": JAN + pd.to_timedelta(list(day), unit="D")})


@pytest.fixture(scope="module")
def cdnow(shared):
    raw = pd.read_csv(shared("cdnow_master.txt.gz"), sep=r"\s+", skiprows=1, names=["user", "day", "n", "value"])
    rows = raw.assign(day=pd.to_datetime(raw["day"], format="%Y%m%d"))
    return log_of.user_days(rows), log_of.users(rows)


def test_cdnow_customers_after_ninety_days_of_silence(cdnow):
    """CDNOW cut at 1997-12-31, tau 90: S at 30/90/150/180/210/240 = .1971 .0811 .0446 .0342 .0267 .0232 (4 digits)."""
    durations = time_to_churn.durations(*cdnow, as_of=date(1997, 12, 31), churn_after_days=90)
    found = [survival.active_at(durations, day=day).value for day in (30, 90, 150, 180, 210, 240)]
    np.testing.assert_allclose(found, [0.1971, 0.0811, 0.0446, 0.0342, 0.0267, 0.0232], atol=5.1e-5)


def test_one_in_seven_churned_cdnow_customers_bought_again(cdnow):
    """14.7 % of the customers churned at 1997-12-31 bought within the next six months (given to 3 digits)."""
    back = churn.returns(cdnow[0], classified_on=date(1997, 12, 31), until=date(1998, 6, 30), churn_after_days=90)
    assert back.value == pytest.approx(0.147, abs=5e-4)
    assert back.n == 19_394


def test_gaps_end_with_a_return_or_stay_open(table, same):
    """A gap runs from one active day to the next; the last one is open until as_of."""
    days = log_of.user_days(
        table("""
        user | day
        a    | 2026-01-01
        a    | 2026-01-04
        b    | 2026-01-02
    """)
    )
    same(
        churn.gap_table(days, as_of=date(2026, 1, 9)),
        """
        gap_days | returned | open
        3        | 1        | 0
        5        | 0        | 1
        7        | 0        | 1
    """,
    )


def test_a_return_after_as_of_is_not_known_yet(table, same):
    """Asked about an earlier day, the gap that ends later is still open."""
    days = log_of.user_days(
        table("""
        user | day
        a    | 2026-01-01
        a    | 2026-01-08
    """)
    )
    same(
        churn.gap_table(days, as_of=date(2026, 1, 5)),
        """
        gap_days | returned | open
        4        | 0        | 1
    """,
    )


def test_false_churn_is_the_share_of_long_gaps_that_end(table):
    """Of gaps all watched to their end, false churn beyond g is the plain share of longer ones that a return ended."""
    gaps = table("""
        gap_days | returned | open
        2        | 600      | 0
        5        | 200      | 0
        9        | 100      | 0
        20       | 0        | 100
    """)
    found = churn.false_churn(gaps).set_index("threshold_days")["false_churn"]
    np.testing.assert_allclose(found[[1, 2, 4, 5, 8, 9]], [0.9, 0.75, 0.75, 0.5, 0.5, 0.0], atol=1e-12)
    assert churn.suggestion(churn.false_churn(gaps), target=0.6) == 5
    assert churn.suggestion(churn.false_churn(gaps.assign(open=0)), target=0.0) is None


def test_open_gaps_are_censored_not_counted_as_gone():
    """With half of the gaps cut short by the end of the data the false-churn share is still the true one."""
    random = np.random.default_rng(5)
    gap = np.where(random.random(60_000) < 0.6, random.geometric(0.05, 60_000), 10_000)
    watched = random.integers(1, 200, 60_000)
    counts = pd.DataFrame({"gap_days": np.minimum(gap, watched), "returned": gap <= watched, "open": gap > watched})
    table = churn.false_churn(counts.groupby("gap_days").sum().astype(int).reset_index()).set_index("threshold_days")
    for g in (7, 14, 30):
        late = gap[gap > g]
        assert table.loc[g, "low"] < (late < 200).mean() < table.loc[g, "high"]


def test_threshold_says_where_it_comes_from(table):
    """Given beats suggested; beyond a third of the data a suggestion is cut; without one that third is used."""
    gaps = churn.false_churn(
        table("""
        gap_days | returned | open
        2        | 600      | 0
        40       | 60       | 340
    """)
    )
    span = {"data_start": date(2026, 1, 1), "as_of": date(2026, 3, 31)}
    assert churn.threshold(gaps, target=0.2, given_days=30, **span) == (30, "given", 2)
    assert churn.threshold(gaps, target=0.2, given_days=None, **span) == (2, "suggested", 2)
    assert churn.threshold(gaps, target=0.0, given_days=None, **span) == (30, "none_found", None)
    long = {"data_start": date(2026, 1, 1), "as_of": date(2026, 1, 3)}
    assert churn.threshold(gaps, target=0.2, given_days=None, **long) == (1, "too_long", 2)
    assert churn.candidates(gaps, chosen_days=5)["threshold_days"].tolist() == [3, 5, 7, 14, 21, 30]


def test_first_long_silence_is_the_churn_and_dated_at_its_start(table, same):
    """With tau 7: a left after day 3 and came back, b is undecided at as_of - 7, c is too young to be judged."""
    rows = table("""
        user | day
        a    | 2026-01-01
        a    | 2026-01-04
        a    | 2026-01-20
        b    | 2026-01-02
        b    | 2026-01-09
        b    | 2026-01-16
        b    | 2026-01-23
        b    | 2026-01-29
        c    | 2026-01-28
    """)
    days, people = log_of.user_days(rows), log_of.users(rows)
    as_of = date(2026, 1, 31)
    same(
        time_to_churn.durations(days, people, as_of=as_of, churn_after_days=7),
        """
        entry_days | duration_days | churned | censored
        0          | 3             | 1       | 0
        0          | 22            | 0       | 1
    """,
    )
    same(
        time_to_churn.fates(days, people, as_of=as_of, churn_after_days=7),
        """
        fate          | users
        gone          | 0
        came_back     | 1
        undecided     | 1
        too_young     | 1
        not_at_risk   | 0
        start_unknown | 0
    """,
    )


def test_silence_of_exactly_tau_days_is_churn_only_when_tau_days_passed(table, same):
    """Coming back on the tau-th day is no churn, a day later it is; an open silence counts after tau full days."""
    rows = table("""
        user | day
        a    | 2026-01-01
        a    | 2026-01-08
        b    | 2026-01-01
        b    | 2026-01-09
        c    | 2026-01-08
        d    | 2026-01-01
        d    | 2026-01-07
        d    | 2026-01-14
    """)
    found = time_to_churn.user_lives(
        log_of.user_days(rows), log_of.users(rows), as_of=date(2026, 1, 15), churn_after_days=7
    )
    same(
        found.order_by("user").to_pandas(),
        """
        user | duration_days | fate
        a    | 7             | gone
        b    | 0             | came_back
        c    | 0             | gone
        d    | 7             | undecided
    """,
    )


def test_users_from_before_the_data_enter_late(table, same):
    """Signed up ten days before the data: at risk from day 10 on; silent since then for tau days: never at risk."""
    rows = table("""
        user | day
        a    | 2026-01-03
        a    | 2026-01-09
        b    | 2026-01-20
    """)
    signed_up = {"a": "2025-12-22", "b": "2025-12-22", "never": "2025-12-30"}
    people = log_of.users(rows, signed_up, data_start="2026-01-01")
    days = log_of.user_days(rows)
    same(
        time_to_churn.durations(days, people, as_of=date(2026, 1, 31), churn_after_days=10),
        """
        entry_days | duration_days | churned | censored
        10         | 18            | 1       | 0
    """,
    )
    counted = time_to_churn.fates(days, people, as_of=date(2026, 1, 31), churn_after_days=10).set_index("fate")["users"]
    assert (counted["gone"], counted["not_at_risk"]) == (1, 2)


def test_a_signup_is_a_sign_of_life(table, same):
    """Signed up and never seen, or first seen after tau silent days: churned on the first day."""
    rows = table("""
        user | day
        late | 2026-01-20
    """)
    people = log_of.users(rows, {"late": "2026-01-01", "never": "2026-01-05"})
    lives = time_to_churn.user_lives(log_of.user_days(rows), people, as_of=date(2026, 1, 31), churn_after_days=10)
    same(
        lives.order_by("user").to_pandas(),
        """
        user  | duration_days | fate
        late  | 0             | came_back
        never | 0             | gone
    """,
    )


def test_activity_before_the_signup_is_no_silence_of_the_life(table, same):
    """The silence that a signup interrupts counts from the signup on: a stays, b was never seen after signing up."""
    rows = table(
        """
        user | day
        a    | 2026-01-02
        a    | 2026-01-14
        a    | 2026-01-21
        a    | 2026-01-28
        b    | 2026-01-02
    """
    )
    people = log_of.users(rows, {"a": "2026-01-10", "b": "2026-01-10"})
    lives = time_to_churn.user_lives(log_of.user_days(rows), people, as_of=date(2026, 1, 31), churn_after_days=7)
    same(
        lives.order_by("user").to_pandas(),
        """
        user | duration_days | fate
        a    | 14            | undecided
        b    | 0             | gone
    """,
    )


def test_users_of_unknown_start_are_counted_apart(table):
    """Nobody knows how long they have been there, so they are in no duration and in the account."""
    rows = table("""
        user | day
        a    | 2026-01-01
        a    | 2026-01-31
    """)
    people = log_of.users(rows).assign(life_start="unknown")
    days = log_of.user_days(rows)
    assert time_to_churn.durations(days, people, as_of=date(2026, 1, 31), churn_after_days=7).empty
    assert (
        time_to_churn.fates(days, people, as_of=date(2026, 1, 31), churn_after_days=7).set_index("fate")["users"][
            "start_unknown"
        ]
        == 1
    )


def by_hand(rows, tau, as_of):
    """Every user's (duration, churned) by walking over the calendar days."""
    lives = []
    for _, days in rows.groupby("user")["day"]:
        active = set((days - JAN).dt.days)
        first = min(active)
        silent_from = [
            d for d in range(first, as_of - tau + 1) if d in active and not active & set(range(d + 1, d + tau + 1))
        ]
        if first <= as_of - tau:
            lives.append((silent_from[0] - first, 1) if silent_from else (as_of - tau - first, 0))
    return sorted(lives)


@LAWS
@given(DAYS, st.integers(1, 20))
def test_durations_equal_a_walk_over_the_calendar(pairs, tau):
    """Durations of any log equal those found by looking at every calendar day."""
    rows = log(pairs)
    table = time_to_churn.durations(
        log_of.user_days(rows), log_of.users(rows), as_of=date(2026, 3, 1), churn_after_days=tau
    )
    found = [
        (row.duration_days, churned)
        for row in table.itertuples()
        for churned, users in ((1, row.churned), (0, row.censored))
        for _ in range(users)
    ]
    assert sorted(found) == by_hand(rows, tau, 59)


@LAWS
@given(DAYS, st.integers(1, 20))
def test_fates_are_a_partition_and_names_do_not_matter(pairs, tau):
    """Every user has exactly one fate; renaming users and twice the users change no share."""
    rows = log(pairs)
    asked = {"as_of": date(2026, 3, 1), "churn_after_days": tau}
    fates = time_to_churn.fates(log_of.user_days(rows), log_of.users(rows), **asked)
    assert fates["users"].sum() == rows["user"].nunique()
    twice = pd.concat([rows.assign(user=50 - rows["user"]), rows.assign(user=rows["user"] + 100)])
    again = time_to_churn.fates(log_of.user_days(twice), log_of.users(twice), **asked)
    pd.testing.assert_frame_equal(again.assign(users=again["users"] // 2), fates)


@pytest.mark.parametrize("late", sorted(time_to_churn.FOUND_OUT_LATER))
def test_a_segment_found_out_later_is_refused(table, late):
    """Splitting curves by what happens during life is immortal time; the error offers the landmark."""
    rows = table("""
        user | day
        a    | 2026-01-01
    """)
    people = log_of.users(rows).assign(user_id="a", active_days=1)
    with pytest.raises(ParameterError, match="immortal time"):
        time_to_churn.durations(log_of.user_days(rows), people, as_of=date(2026, 2, 1), churn_after_days=7, by=[late])


def test_a_misspelt_segment_is_refused_with_a_suggestion(table):
    """An unknown column says which one was probably meant."""
    rows = table("""
        user | day
        a    | 2026-01-01
    """)
    with pytest.raises(ParameterError, match="channel"):
        time_to_churn.durations(
            log_of.user_days(rows), log_of.users(rows), as_of=date(2026, 2, 1), churn_after_days=7, by=["chanel"]
        )


def test_no_activity_gives_empty_tables(table):
    """An empty log has no gaps, no durations and a count of 0 for every fate."""
    rows = log([(0, 0)]).iloc[:0]
    days, people = log_of.user_days(rows), log_of.users(rows)
    assert churn.gap_table(days, as_of=date(2026, 1, 31)).empty
    assert churn.false_churn(churn.gap_table(days, as_of=date(2026, 1, 31))).empty
    assert time_to_churn.durations(days, people, as_of=date(2026, 1, 31), churn_after_days=7, by=["channel"]).empty
    assert time_to_churn.fates(days, people, as_of=date(2026, 1, 31), churn_after_days=7)["users"].sum() == 0
    assert churn.returns(days, classified_on=date(2026, 1, 9), until=date(2026, 1, 31), churn_after_days=7).n == 0
