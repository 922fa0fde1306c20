"""Wall-clock time by interval arithmetic is the time zone database's."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsbook.mart.local_time import local_time, offset_changes, utc_instant

FIRST, LAST = datetime(2024, 1, 1), datetime(2026, 12, 31)
ZONES = ["Asia/Shanghai", "America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
_instants = st.lists(st.datetimes(FIRST, LAST), min_size=1, max_size=30)


@given(instants=_instants, zone=st.sampled_from(ZONES))
@settings(max_examples=40, deadline=None)
def test_local_time_is_the_time_zone_databases(instants, zone):
    """Every instant becomes the wall-clock time that Python's zone database gives."""
    at = [moment.replace(microsecond=0) for moment in instants]
    table = ibis.memtable(pd.DataFrame({"i": range(len(at)), "at": pd.to_datetime(at)}))
    local = local_time(table.at, ZoneInfo(zone), first=FIRST, last=LAST)
    actual = table.select("i", local=local).order_by("i").to_pandas()["local"]
    expected = [moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) for moment in at]
    assert list(actual) == [pd.Timestamp(moment) for moment in expected]


def test_a_clock_change_is_found_to_the_second():
    """New York leaves daylight saving on 2 November 2025 at 06:00 UTC sharp."""
    changes = offset_changes(ZoneInfo("America/New_York"), first=datetime(2025, 10, 1), last=datetime(2025, 12, 1))
    assert [end for end, _ in changes] == [datetime(2025, 11, 2, 6), datetime(2025, 12, 1)]
    assert [offset for _, offset in changes] == [timedelta(hours=-4), timedelta(hours=-5)]


@pytest.mark.parametrize(("zone", "hours"), [("Asia/Shanghai", 8), ("UTC", 0)])
def test_a_day_begins_at_local_midnight(zone, hours):
    """The instant of a local midnight is that many hours before midnight UTC."""
    assert utc_instant(datetime(2026, 3, 1), ZoneInfo(zone)) == datetime(2026, 3, 1) - timedelta(hours=hours)
