"""What the mart says about users, days and gaps, against hand-made tables and a plain Python twin."""

from collections import defaultdict
from datetime import date, datetime, timedelta

import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsbook.inputs.workbook import Workbook
from opsbook.mart import people, relations, steps
from opsbook.mart.tables import engine_table

SPAN = (datetime(2025, 12, 1), datetime(2026, 3, 1))
EVENT = {"user_id": str, "occurred_at": "datetime64[us]", "event": str}
OPTIONAL = {"campaign_id": None, "content_id": None, "channel": None, "value": None}


def workbook(**changes) -> Workbook:
    content = {
        "company": {"key": "t", "name": "T"},
        "tables": {"events": {"path": "e.parquet"}},
        "zone": "UTC",
        "event_groups": {"reading": ["read"]},
    }
    return Workbook.model_validate(content | changes)


def events_table(rows: pd.DataFrame):
    typed = {"campaign_id": "string", "content_id": "string", "channel": "string", "value": "float64"}
    table = ibis.memtable(rows, schema={"user_id": "string", "occurred_at": "timestamp", "event": "string"})
    return table.mutate(**{name: ibis.null(kind) for name, kind in typed.items()})


ORDER_SCHEMA = {
    "order_id": "string",
    "user_id": "string",
    "paid_at": "timestamp",
    "amount": "float64",
    "discount": "float64",
    "refunded": "float64",
    "campaign_id": "string",
}


def orders_table(rows: pd.DataFrame | None = None):
    frame = pd.DataFrame(columns=list(ORDER_SCHEMA)) if rows is None else rows.reindex(columns=list(ORDER_SCHEMA))
    return ibis.memtable(frame, schema=ORDER_SCHEMA)


def build(events, orders, book):
    given_tables = {"events": events, "orders": orders}
    keys = people.user_keys(given_tables)
    order_rows = relations.orders(orders, keys, book.timezone, SPAN)
    step_rows = steps.steps(events, orders, keys, book, SPAN)
    return keys, order_rows, step_rows, steps.user_days(step_rows, order_rows, book)


def test_user_days_count_events_groups_orders_and_gaps(table, same):
    """A user-day holds its events, its group counts, its net revenue and the days to its neighbours."""
    events = events_table(
        table("""
        user_id | occurred_at         | event
        a       | 2026-01-05 10:00:00 | open
        a       | 2026-01-05 23:59:59 | read
        a       | 2026-01-08 00:00:00 | open
        b       | 2026-01-05 12:00:00 | read
        """)
    )
    orders = orders_table(
        table("""
        order_id | user_id | paid_at             | amount | refunded
        x        | a       | 2026-01-08 09:00:00 | 30.0   | 5.0
        y        | a       | 2026-01-10 09:00:00 | -10.0  |
        """)
    )
    days = build(events, orders, workbook())[3].order_by("user", "day").to_pandas()
    same(
        days,
        """
        user | day        | gap_before | gap_after | events | n_reading | orders | revenue
        0    | 2026-01-05 |            | 3         | 2      | 1         | 0      | 0
        0    | 2026-01-08 | 3          |           | 2      | 0         | 1      | 25
        1    | 2026-01-05 |            |           | 1      | 1         | 0      | 0
        """,
    )


def test_only_qualifying_events_make_a_day_active(table, same):
    """With active_events named, a day with other events alone is not active."""
    events = events_table(
        table("""
        user_id | occurred_at         | event
        a       | 2026-01-05 10:00:00 | push_received
        a       | 2026-01-06 10:00:00 | open
        """)
    )
    book = workbook(thresholds={"active_events": ["open"]})
    same(build(events, orders_table(), book)[3].to_pandas(), "user | day | events\n0 | 2026-01-06 | 1")


def test_a_users_life_starts_at_signup_or_is_unknown(table, same):
    """First day: the signup date where given, else first activity; seen early without a signup date means unknown."""
    events = events_table(
        table("""
        user_id | occurred_at         | event
        a       | 2026-01-05 10:00:00 | open
        b       | 2026-01-03 10:00:00 | open
        c       | 2026-02-05 10:00:00 | open
        """)
    )
    book = workbook()
    keys, _, _, days = build(events, orders_table(), book)
    schema = {"user_id": "string", "signed_up_at": "timestamp", "channel": "string", "invited_by": "string"}
    signed = table("""
        user_id | signed_up_at        | channel | invited_by
        a       | 2025-12-20 10:00:00 | ads     | b
        """)
    given_users = ibis.memtable(signed, schema=schema)
    users = people.users(given_users, keys, days, book, data_start=date(2026, 1, 1), span=SPAN)
    same(
        users.order_by("user").to_pandas(),
        """
        user_id | first_day  | life_start  | entry_day  | channel | invited_by | active_days
        a       | 2025-12-20 | signup      | 2026-01-01 | ads     | 1          | 1
        b       | 2026-01-03 | unknown     | 2026-01-03 | unknown |            | 1
        c       | 2026-02-05 | first_event | 2026-02-05 | unknown |            | 1
        """,
    )


def test_nothing_after_as_of_is_read(table):
    """The cut keeps the last instant of as_of and drops the first of the next day."""
    events = events_table(
        table("""
        user_id | occurred_at         | event
        a       | 2026-01-05 23:59:59 | open
        a       | 2026-01-06 00:00:00 | open
        """)
    )
    assert relations.cut(events, "events", before=datetime(2026, 1, 6)).count().to_pandas() == 1


_visits = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 59)), min_size=1, max_size=60)


@given(visits=_visits)
@settings(max_examples=25, deadline=None)
def test_gaps_are_those_of_a_plain_python_twin(visits):
    """Gaps before and after equal the differences of each user's sorted distinct days."""
    first = date(2026, 1, 1)
    rows = pd.DataFrame(
        [(f"u{u}", datetime(2026, 1, 1, 12) + timedelta(days=d), "open") for u, d in visits], columns=list(EVENT)
    )
    expected, by_user = {}, defaultdict(set)
    for user, day in visits:
        by_user[f"u{user}"].add(day)
    for user, seen in by_user.items():
        ordered = sorted(seen)
        for before, day, after in zip([None, *ordered], ordered, [*ordered[1:], None], strict=False):
            expected[user, first + timedelta(days=day)] = (
                None if before is None else day - before,
                None if after is None else after - day,
            )
    keys, _, _, days = build(events_table(rows), orders_table(), workbook())
    named = days.inner_join(keys, "user").to_pandas().astype({"gap_before": "Int64", "gap_after": "Int64"})
    actual = {
        (row.user_id, pd.Timestamp(row.day).date()): tuple(None if pd.isna(g) else int(g) for g in row.gaps)
        for row in named.assign(gaps=list(zip(named.gap_before, named.gap_after, strict=True))).itertuples()
    }
    assert actual == expected


def test_a_plain_pandas_table_is_as_good_as_a_mart_table(table):
    """A DataFrame of midnights is lent to the engine with dates, as the mart has them."""
    lent = engine_table(table("user | day\n1 | 2026-01-05"))
    assert lent.schema()["day"].is_date()


@pytest.mark.parametrize("missing", ["mart", "nonsense"])
def test_an_unknown_mart_table_is_named(missing, tmp_path):
    """Asking for a table that is none lists those that are."""
    from opsbook.mart.mart import Mart

    with pytest.raises(AttributeError, match="user_days"):
        getattr(Mart(tmp_path / "x.duckdb"), missing)
