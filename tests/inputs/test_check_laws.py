"""Laws of the check that hold for any dirt: nothing is lost uncounted, and the order of rows does not matter."""

from datetime import date, datetime

import ibis
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from opsbook.inputs import check
from opsbook.inputs.schema import schema
from opsbook.inputs.workbook import Workbook

AS_OF = date(2026, 1, 31)
TIMES = {"1970": datetime(1970, 1, 1), "early": datetime(2025, 12, 31, 23), "far": datetime(2040, 1, 1), "none": None}
FAULTS = {"1970": "clock_error", "far": "clock_error", "early": "before_data_start", "none": "missing_occurred_at"}
BOOK = Workbook.model_validate(
    {
        "company": {"key": "a", "name": "A"},
        "zone": "UTC",
        "data_start": "2026-01-01",
        "tables": {"events": {"path": "e.csv"}, "orders": {"path": "o.csv"}},
        "thresholds": {"drop_budget": 1.0},
    }
)

EVENT = some.tuples(
    some.sampled_from(["a", "b", None, "nan"]),
    some.sampled_from([*TIMES, "1", "2", "2"]),
    some.sampled_from(["open", "read", None]),
)
AMOUNT = some.sampled_from([1.0, 2.0])
ORDER = some.tuples(some.sampled_from("123"), some.sampled_from("ab"), some.sampled_from("12"), AMOUNT)
NAMES = {"events": ["user_id", "occurred_at", "event"], "orders": ["order_id", "user_id", "paid_at", "amount"]}
MANY = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def engine():
    """One engine for all examples."""
    return ibis.duckdb.connect(threads=2)


def time(word):
    """The instant that a word of the strategies means."""
    return TIMES[word] if word in TIMES else datetime(2026, 1, int(word))


def raw(engine, table, rows):
    """The rows as a mapped table of the engine, missing columns empty."""
    given = [dict(zip(NAMES[table], row, strict=True)) for row in rows]
    typed = pa.Table.from_pylist(given, schema=schema(table).to_pyarrow())
    return engine.create_table(f"law_{table}", typed, overwrite=True)


def fault(user, word, event):
    """The first rule that drops the event, in the contract's order, or None."""
    missing_user = "missing_user_id" if user in (None, "nan") else None
    missing_time = "missing_occurred_at" if word == "none" else None
    missing_event = "missing_event" if event is None else None
    return missing_user or missing_time or missing_event or FAULTS.get(word)


@MANY
@given(rows=some.lists(EVENT, min_size=1, max_size=12))
def test_events_are_kept_or_counted_once_like_a_plain_twin(engine, rows):
    """Kept and dropped add up to all rows, rule by rule as in plain Python, and what is kept is each valid row once."""
    result = check.check({"events": raw(engine, "events", [(u, time(t), e) for u, t, e in rows])}, BOOK, as_of=AS_OF)
    dropped = pd.Series([fault(*row) for row in rows], dtype="object").dropna().value_counts().to_dict()
    valid = [row for row in rows if fault(*row) is None]
    copies = len(valid) - len(set(valid))
    drops = result.report.query("policy == 'drop'").set_index("rule")["rows"].to_dict()
    assert drops == dropped | ({"exact_duplicate": copies} if copies else {})
    kept = result.tables["events"].to_pandas()
    assert sorted(zip(kept["user_id"], kept["occurred_at"], kept["event"], strict=True)) == sorted(
        {(user, pd.Timestamp(time(word)), event) for user, word, event in valid}
    )
    summary = result.summary.iloc[0]
    assert (summary["kept"], summary["kept"] + summary["dropped"]) == (len(kept), len(rows))


@MANY
@given(rows=some.lists(ORDER, min_size=1, max_size=10), order=some.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(engine, rows, order):
    """Shuffled rows give the same report, examples included, and the same kept rows; keys are unique afterwards."""
    shuffled = order.sample(rows, len(rows))
    results = []
    for some_order in (rows, shuffled):
        table = raw(engine, "orders", [(number, user, time(day), amount) for number, user, day, amount in some_order])
        result = check.check({"orders": table}, BOOK, as_of=AS_OF)
        kept = result.tables["orders"].to_pandas().sort_values("order_id", ignore_index=True)
        results.append((result.report, kept))
    pd.testing.assert_frame_equal(results[0][0], results[1][0])
    pd.testing.assert_frame_equal(results[0][1], results[1][1])
    assert results[0][1]["order_id"].is_unique
    assert set(results[0][1]["order_id"]) == {number for number, *_ in rows}
