"""Before against after, and what users do by themselves."""

from datetime import date, timedelta

import ibis
import pandas as pd
import pytest

from opsbook.analysis import before_after

SPAN = {"start": date(2026, 3, 9), "end": date(2026, 3, 15)}
DAYS = """
    user | day        | orders | revenue
    1    | 2026-03-01 | 1      | 500
    1    | 2026-03-02 | 1      | 10
    1    | 2026-03-09 | 2      | 30
    2    | 2026-03-08 | 1      | 20
    2    | 2026-03-15 | 1      | 60
    2    | 2026-03-16 | 1      | 500
"""


def test_same_users_before_and_during(table, same):
    """As many days before as the campaign has, the same users, silent ones with zeros."""
    people = ibis.memtable(table("user\n1\n2\n3"))
    found = before_after.comparison(people, table(DAYS), **SPAN, data_start=date(2026, 3, 1))
    same(
        found,
        """
        metric      | users | before | during | change | relative
        revenue     | 3     | 10     | 30     | 20     | 2
        orders      | 3     | 0.666666666667 | 1 | 0.333333333333 | 0.5
        active_days | 3     | 0.666666666667 | 0.666666666667 | 0 | 0
        """,
    )
    assert found["low"].iloc[0] < 0 < found["high"].iloc[0]


def test_days_before_must_be_in_the_data(table):
    """When the days before are not all there, nothing is compared."""
    people = ibis.memtable(table("user\n1"))
    found = before_after.comparison(people, table(DAYS), **SPAN, data_start=date(2026, 3, 3))
    assert list(found) == before_after.COLUMNS
    assert found.empty


def test_reachable_are_the_exposed_who_were_there_before(table):
    """Users shown the campaign and known by then, not the participants alone; everybody where no exposure is known."""
    users = table("user | entry_day\n1 | 2026-01-01\n2 | 2026-03-09\n3 | 2026-01-01\n4 | 2026-01-01")
    members = ibis.memtable(table("user | exposed | participated\n1 | true | false\n2 | true | true\n3 | false | true"))
    asked = {"users": users, **SPAN}
    assert before_after.reachable(members, **asked).to_pandas()["user"].tolist() == [1]
    nobody = members.filter(~members.exposed)
    assert sorted(before_after.reachable(nobody, **asked).to_pandas()["user"]) == [1, 3, 4]


def test_regression_to_the_mean_on_complete_journey(shared):
    """156 households whose spend fell by half: 572, 183, 296 by itself; everybody 424, 464, 463 (reference)."""
    lines = pd.read_parquet(shared("completejourney_transactions.parquet"))
    weeks = lines.groupby(["household_id", "week"], as_index=False)["sales_value"].sum()
    day = pd.Timestamp("2017-01-02") + pd.to_timedelta(7 * (weeks["week"] - 1), unit="D")
    spent = pd.DataFrame({"user": weeks["household_id"], "day": day, "orders": 1, "revenue": weeks["sales_value"]})
    starts = [date(2017, 1, 2) + timedelta(weeks=13 * i) for i in range(3)]
    windows = [(first, first + timedelta(days=90)) for first in starts]
    people = spent[["user"]].drop_duplicates()
    found = before_after.regression_to_the_mean(people, spent, windows=windows).set_index("group")
    assert found["users"].tolist() == [156, 2469]
    assert found.loc["fell_by_half", ["first", "second", "third"]].tolist() == pytest.approx([572, 183, 296], abs=1)
    assert found.loc["everybody", ["first", "second", "third"]].tolist() == pytest.approx([424, 464, 463], abs=1)


def test_nobody_fell(table):
    """Without anybody who fell, the row is there with missing means."""
    windows = [(date(2026, 3, d), date(2026, 3, d)) for d in (1, 2, 9)]
    found = before_after.regression_to_the_mean(table("user\n1\n2"), table(DAYS).iloc[:0], windows=windows)
    assert found["users"].tolist() == [0, 2]
    assert found["first"].isna().tolist() == [True, False]


def test_quiet_windows_lie_before_the_campaign():
    """Three windows of 28 days, back to back, end the day before the start, if the data hold them."""
    found = before_after.quiet_windows(start=SPAN["start"], data_start=date(2025, 1, 1))
    assert found[-1] == (date(2026, 2, 9), date(2026, 3, 8))
    assert [(last - first).days for first, last in found] == [27] * 3
    assert found[0][1] + timedelta(days=1) == found[1][0]
    assert before_after.quiet_windows(start=SPAN["start"], data_start=date(2026, 1, 1)) == []


def test_no_windows_no_rows(table):
    """Without quiet windows the warning has no rows."""
    assert before_after.regression_to_the_mean(table("user\n1"), table(DAYS), windows=[]).empty
