"""Every rule of the check: what breaks it, what is done with the row, what the report says."""

from datetime import date

import pandas as pd
import pytest

from opsbook.errors import DataRefused
from opsbook.inputs import check, sources

CLEAN = """
    user_id | occurred_at         | event
    a       | 2026-01-05 10:00:00 | open
    a       | 2026-01-06 10:00:00 | open
    b       | 2026-01-06 11:00:00 | open
"""


def rows(checked, table):
    """The cleaned table as a frame, ordered by all its columns."""
    frame = checked.tables[table].to_pandas()
    return frame.sort_values(list(frame.columns), ignore_index=True)


def test_clean_data_have_an_empty_report(checked):
    """Where nothing is wrong the report is empty, typed, and nothing stops."""
    result = checked(events=CLEAN)
    assert list(result.report.columns) == check.REPORT
    assert len(result.report) == 0
    assert [str(dtype) for dtype in result.report.dtypes] == [
        *["string"] * 3,
        "int64",
        "float64",
        "string",
        "bool",
        "string",
    ]
    assert not result.stops
    check.refuse_if_stopped(result)


def test_the_summary_counts_rows_span_users_and_rows_after_as_of(checked, same):
    """The summary tells rows, days, users and keys; rows after as_of are no violation and are only counted."""
    late = CLEAN + "    b       | 2026-02-01 00:00:00 | open\n"
    same(
        checked(events=late).summary,
        """
        table  | rows | kept | dropped | first      | last       | users | keys | after_as_of
        events | 4    | 4    | 0       | 2026-01-05 | 2026-02-01 | 2     | 4    | 1
        """,
    )


def test_copies_and_costs_after_as_of_are_counted_once(checked):
    """What is read never falls below zero: a late row and its copy are one row left out; costs go by their day."""
    late = CLEAN + "    b       | 2026-02-01 00:00:00 | open\n" * 2
    costs = """
    day        | kind  | amount
    2026-01-05 | media | 10
    2026-02-01 | media | 20
    """
    summary = checked(events=late, costs=costs).summary.set_index("table")
    assert (summary["kept"] - summary["after_as_of"]).to_dict() == {"events": 3, "costs": 1}


def test_days_of_the_summary_are_days_of_the_zone(checked):
    """First and last day are calendar days in the workbook's zone."""
    text = "user_id | occurred_at | event\n a | 2026-01-05T20:00:00Z | open\n a | 2026-01-06T15:00:00Z | open"
    summary = checked(events=text, zone="Asia/Shanghai").summary
    assert summary[["first", "last"]].iloc[0].tolist() == [pd.Timestamp("2026-01-06"), pd.Timestamp("2026-01-06")]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("        | 2026-01-07 10:00:00 | open", "missing_user_id"),
        ("null    | 2026-01-07 10:00:00 | open", "missing_user_id"),
        ("a       |                     | open", "missing_occurred_at"),
        ("a       | 2026-01-07 10:00:00 |     ", "missing_event"),
        ("a       | soon                | open", "unreadable_occurred_at"),
        ("a       | 2026-02-30 10:00:00 | open", "unreadable_occurred_at"),
        ("a       | 1970-01-01 00:00:00 | open", "clock_error"),
        ("a       | 2033-01-07 10:00:00 | open", "clock_error"),
        ("a       | 2025-12-31 23:59:59 | open", "before_data_start"),
        ("a       | 2026-01-05 10:00:00 | open", "exact_duplicate"),
    ],
)
def test_a_row_that_cannot_be_used_is_dropped_and_named(checked, found, row, rule):
    """One bad row is dropped under one rule, with itself as the example, and the others stay."""
    result = checked(events=CLEAN + f"    {row}\n", data_start=date(2026, 1, 1))
    assert result.report["rule"].tolist() == [rule]
    assert found(result, rule) == ("drop", 1)
    assert result.report["share"].iloc[0] == 0.25
    assert "event=open" in result.report["examples"].iloc[0] or rule == "missing_event"
    assert len(rows(result, "events")) == 3


def test_a_row_with_several_faults_is_counted_once(checked, found):
    """A row is counted under the first rule that drops it, so that kept and dropped add up to all rows."""
    result = checked(events=CLEAN + "    | 1970-01-01 00:00:00 | open\n", data_start=date(2026, 1, 1))
    assert found(result, "missing_user_id") == ("drop", 1)
    assert found(result, "clock_error") is None
    assert result.summary[["rows", "kept", "dropped"]].iloc[0].tolist() == [4, 3, 1]


def test_an_unreadable_value_is_shown_as_it_was_found(checked):
    """The example of an unreadable timestamp holds the text of the source."""
    result = checked(events=CLEAN + "    a | 2026-13-45 | open\n")
    assert "occurred_at=2026-13-45" in result.report["examples"].iloc[0]


def test_examples_are_three_and_never_change(checked):
    """Three examples, smallest text first, whatever the order of the rows."""
    bad = [f"    |2026-01-{day:02d} 10:00:00|open" for day in (9, 7, 8, 10)]
    one, other = (checked(events=CLEAN + "\n".join(order)) for order in (bad, bad[::-1]))
    examples = one.report["examples"].iloc[0]
    assert examples == other.report["examples"].iloc[0]
    assert [text[:22] for text in examples.split("; ")] == [f"occurred_at=2026-01-{day}" for day in ("07", "08", "09")]


def test_times_in_examples_are_wall_clock_times(checked):
    """Examples show times as the company wrote them, in the workbook's zone."""
    result = checked(events=CLEAN + "    |2026-01-09 10:00:00|open\n", zone="Asia/Shanghai")
    assert "occurred_at=2026-01-09 10:00:00" in result.report["examples"].iloc[0]


ORDERS = """
    order_id | user_id | paid_at    | amount
    1        | a       | 2026-01-05 | 10
    2        | a       | 2026-01-06 | 20
"""


def test_an_order_number_given_twice_keeps_the_earliest(checked, found, same):
    """Of two orders with one number the earlier stays; an exact copy is counted apart."""
    text = ORDERS + "    2 | b | 2026-01-07 | 30\n    2 | b | 2026-01-07 | 30\n    1 | a | 2026-01-05 | 10\n"
    result = checked(orders=text)
    assert found(result, "exact_duplicate") == ("drop", 2)
    assert found(result, "duplicate_key") == ("drop", 1)
    same(rows(result, "orders"), ORDERS.replace("2026-01-05", "2026-01-05 00:00:00").replace("-06 |", "-06 00:00:00 |"))


def test_money_that_is_odd_is_kept_and_flagged(checked, found):
    """Negative and zero amounts, discounts or refunds above the amount and turned signs stay, flagged."""
    text = """
        order_id | user_id | paid_at    | amount | discount | refunded
        1        | a       | 2026-01-05 | -10    | 0        |
        2        | a       | 2026-01-05 | 0      | 0        |
        3        | a       | 2026-01-05 | 5      | 7        |
        4        | a       | 2026-01-05 | 5      | 0        | 6
        5        | a       | 2026-01-05 | 5      | -1       | 0
        6        | a       | 2026-01-05 | 5      | dear     | 0
    """
    result = checked(orders=text)
    kept = ["negative_amount", "zero_amount", "discount_over_amount", "refund_over_amount", "negative_discount"]
    assert [found(result, rule) for rule in kept] == [("keep", 1)] * 5
    assert found(result, "unreadable_discount") == ("keep", 1)
    assert len(rows(result, "orders")) == 6


def test_an_order_without_a_readable_amount_is_dropped(checked, found):
    """An order whose amount is missing, infinite or no number is no order."""
    text = ORDERS + "    3 | a | 2026-01-07 |\n    4 | a | 2026-01-07 | ten\n    5 | a | 2026-01-07 | inf\n"
    result = checked(orders=text)
    assert found(result, "missing_amount") == ("drop", 1)
    assert found(result, "unreadable_amount") == ("drop", 2)


def test_costs_may_be_credits_but_not_unknown(checked, found):
    """A negative cost stays as a credit; a cost without day or amount is dropped."""
    text = """
        day        | channel | amount | impressions | clicks
        2026-01-05 | ads     | -3     | 10          | 11
        2026-01-06 | ads     |        | 10          | 1
        someday    | ads     | 1      | 10          | 1
    """
    result = checked(events=CLEAN, costs=text)
    assert found(result, "negative_amount", "costs") == ("keep", 1)
    assert found(result, "clicks_over_impressions") == ("keep", 1)
    assert found(result, "missing_amount") == ("drop", 1)
    assert found(result, "unreadable_day") == ("drop", 1)


def test_users_that_are_not_in_users_are_kept_and_flagged(checked, found):
    """Rows of users that `users` does not know stay; without a users table nobody is an orphan."""
    known = checked(events=CLEAN, users="user_id | channel\n a | ads\n | ads")
    assert found(known, "orphan") == ("keep", 1)
    assert len(rows(known, "events")) == 3
    assert found(checked(events=CLEAN), "orphan") is None


def test_a_sign_up_that_cannot_be_believed_is_blanked_not_dropped(checked, found, same):
    """A user with a sign-up of 1970 or an unreadable one stays, without sign-up; inviting oneself is no invitation."""
    users = """
        user_id | signed_up_at | invited_by
        a       | 1970-01-01   | b
        b       | whenever     | b
        c       | 2024-06-01   | a
    """
    result = checked(events=CLEAN, users=users, data_start=date(2026, 1, 1))
    assert found(result, "clock_error", "users") == ("keep", 1)
    assert found(result, "unreadable_signed_up_at") == ("keep", 1)
    assert found(result, "invited_by_self") == ("keep", 1)
    expected = """
        user_id | signed_up_at        | invited_by
        a       |                     | b
        b       |                     |
        c       | 2024-06-01 00:00:00 | a
    """
    same(rows(result, "users"), expected)


def test_mixed_zones_are_read_each_by_its_own_rule_and_flagged(checked, found, same):
    """A column with and without offsets is flagged, and every row is read by what it says."""
    text = "user_id | occurred_at | event\n a | 2026-01-05 10:00:00 | x\n b | 2026-01-05T10:00:00+00:00 | x"
    result = checked(events=text, zone="Asia/Shanghai")
    assert found(result, "mixed_zones") == ("keep", 1)
    same(rows(result, "events"), "user_id | occurred_at\n a | 2026-01-05 02:00:00\n b | 2026-01-05 10:00:00")
    assert found(checked(events=CLEAN), "mixed_zones") is None


def test_late_rows_are_counted_where_the_arrival_is_known(checked, found):
    """A row that arrived after its day and the settling days is late; it is kept."""
    text = """
        user_id | occurred_at      | event | arrived_at
        a       | 2026-01-05 10:00 | open  | 2026-01-05 10:01
        b       | 2026-01-05 10:00 | open  | 2026-01-07 11:00
        c       | 2026-01-05 10:00 | open  | 2026-01-09 10:00
    """
    assert found(checked(events=text), "late") == ("keep", 2)
    assert found(checked(events=text, mapping={"events": {"settling_days": 2}}), "late") == ("keep", 1)


def test_a_user_in_two_arms_keeps_the_first_and_is_counted(checked, found, same):
    """The first assignment counts; a second arm is flagged, a blank arm dropped."""
    text = """
        experiment_id | user_id | variant   | assigned_at
        x             | a       | treatment | 2026-01-06
        x             | a       | control   | 2026-01-05
        x             | b       | control   | 2026-01-05
        x             | b       | control   | 2026-01-07
        x             | c       |           | 2026-01-05
        y             | a       | treatment | 2026-01-05
    """
    result = checked(events=CLEAN, assignments=text)
    assert found(result, "two_variants") == ("keep", 1)
    assert found(result, "duplicate_key") == ("drop", 2)
    assert found(result, "missing_variant") == ("drop", 1)
    expected = """
        experiment_id | user_id | variant   | assigned_at
        x             | a       | control   | 2026-01-05 00:00:00
        x             | b       | control   | 2026-01-05 00:00:00
        y             | a       | treatment | 2026-01-05 00:00:00
    """
    same(rows(result, "assignments"), expected)


def test_a_redemption_before_the_exposure_is_flagged(checked, found):
    """Redeeming before the first exposure of the same user and campaign is flagged; no exposure at all is not."""
    exposures = """
        campaign_id | user_id | exposed_at
        s           | a       | 2026-01-05
        s           | a       | 2026-01-09
        s           |         | 2026-01-09
    """
    redemptions = """
        campaign_id | user_id | redeemed_at | cost
        s           | a       | 2026-01-04  | 1
        s           | a       | 2026-01-06  | -1
        s           | b       | 2026-01-06  |
        t           | a       | 2026-01-01  | 1
    """
    result = checked(events=CLEAN, exposures=exposures, redemptions=redemptions)
    assert found(result, "redeemed_before_exposure") == ("keep", 1)
    assert found(result, "negative_cost") == ("keep", 1)
    assert found(result, "missing_user_id", "exposures") == ("drop", 1)
    assert len(rows(result, "redemptions")) == 4


def test_the_declared_window_binds_only_what_makes_a_user_active(checked):
    """Exposures and contents from before data_start stay: campaigns and articles may be older than the data."""
    exposures = "campaign_id | user_id | exposed_at\n s | a | 2025-06-01"
    contents = "content_id | published_at\n c | 2020-06-01"
    result = checked(events=CLEAN, exposures=exposures, contents=contents, data_start=date(2026, 1, 1))
    assert len(result.report) == 0


def test_more_dropped_than_the_budget_stops(checked, found):
    """A table that loses a larger share than thresholds.drop_budget stops the run with exit code 3."""
    text = CLEAN + "    |2026-01-09 10:00:00|open\n"
    assert not checked(events=text, thresholds={"drop_budget": 0.25}).stops
    result = checked(events=text, thresholds={"drop_budget": 0.2})
    assert result.stops
    assert found(result, "drop_budget") == ("refuse", 1)
    with pytest.raises(DataRefused, match=r"25\.0% of the table, allowed are 20\.0%") as raised:
        check.refuse_if_stopped(result)
    assert raised.value.exit_code == 3


def test_an_activity_table_without_usable_rows_stops(checked, found):
    """Events that are all after as_of, or none at all, stop the run; another empty table is only flagged."""
    later = "user_id | occurred_at | event\n a | 2026-03-01 | open"
    assert found(checked(events=later), "no_usable_rows") == ("refuse", 0)
    assert found(checked(events="user_id | occurred_at | event"), "no_usable_rows") == ("refuse", 0)
    flagged = checked(events=CLEAN, costs="day | amount")
    assert found(flagged, "no_rows") == ("keep", 0)
    assert not flagged.stops


def test_a_file_that_breaks_in_the_middle_is_refused_by_name(tmp_path, workbook):
    """A CSV whose later line cannot be parted into columns is refused with the engine's words, not half read."""
    lines = ["order_id,user_id,paid_at,amount"] + [f"{i},u,2026-01-05,1" for i in range(30_000)]
    (tmp_path / "orders.csv").write_text("\n".join([*lines, 'x,"u,2026-01-05', "y,u,2026-01-05,1"]))
    book = workbook({"orders": {"path": "orders.csv"}})
    con = sources.open_engine(book, home=tmp_path)
    with pytest.raises(DataRefused, match="orders cannot be read to its end"):
        check.check(sources.contract_tables(book, home=tmp_path, con=con), book, as_of=date(2026, 1, 31))


def test_render_prints_tables_violations_examples_and_what_stops(checked):
    """The printed check names every table, violation, count, share and example, aligned, and what stops."""
    text = CLEAN + "    |2026-01-09 10:00:00|open\n"
    expected = """\
Tables
  table   rows  kept  dropped  first       last        users  keys  after as_of
  events     4     3        1  2026-01-05  2026-01-06      2     3            0

Dropped
  events  missing_user_id  1  25.00%  have no user_id; dropped
      occurred_at=2026-01-09 10:00:00 event=open

Kept and flagged
  nothing

Stops the run
  events  drop_budget  1  25.00%  would be dropped, more than thresholds.drop_budget allows \
(25.0% of the table, allowed are 10.0%)
"""
    assert check.render(checked(events=text, thresholds={"drop_budget": 0.1})) == expected
