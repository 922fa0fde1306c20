"""Wall-clock times become UTC by arithmetic that agrees with Python's own zones."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from opsbook.inputs import clock

ZONES = ["UTC", "Asia/Shanghai", "America/New_York", "Europe/London", "Africa/Casablanca", "Australia/Lord_Howe"]


@pytest.fixture(scope="module")
def engine():
    """An engine without any table."""
    with duckdb.connect() as con:
        yield con


@settings(max_examples=60, deadline=None)
@given(zone=some.sampled_from(ZONES), local=some.datetimes(datetime(1991, 1, 1), datetime(2090, 1, 1)))
def test_wall_clock_agrees_with_python(engine, zone, local):
    """Every wall-clock time of every zone is the instant that Python's zone database says."""
    local = local.replace(microsecond=0)
    expected = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)
    read = engine.execute(f"SELECT {clock.utc_from_local('t', zone)} FROM (SELECT ?::TIMESTAMP AS t)", [local])
    assert read.fetchone()[0] == expected


def test_a_day_begins_when_its_zone_says():
    """The day of a clock change begins at its own offset, and has 23 hours."""
    first, second = (clock.start_of_day(datetime(2026, 3, day), "America/New_York") for day in (8, 9))
    assert (first, (second - first).total_seconds() / 3600) == (datetime(2026, 3, 8, 5), 23)
