"""Calendar arithmetic: which days a period has, and which one comes before."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from opsbook.errors import ParameterError
from opsbook.inputs import periods
from opsbook.inputs.periods import parse_period

DAYS = some.dates(date(2000, 1, 1), date(2099, 12, 31))
KINDS = some.sampled_from(["day", "week", "month", "quarter"])
STARTS = some.sampled_from(["monday", "sunday", "saturday"])


@pytest.mark.parametrize(
    ("text", "start", "end", "label"),
    [
        ("2026-10-31", "2026-10-31", "2026-10-31", "2026-10-31"),
        ("2026-W41", "2026-10-05", "2026-10-11", "2026-W41"),
        ("2026-W53", "2026-12-28", "2027-01-03", "2026-W53"),
        ("2026-W01", "2025-12-29", "2026-01-04", "2026-W01"),
        ("2024-02", "2024-02-01", "2024-02-29", "2024-02"),
        ("2026-Q4", "2026-10-01", "2026-12-31", "2026-Q4"),
        ("2026-01-30..2026-02-02", "2026-01-30", "2026-02-02", "2026-01-30_2026-02-02"),
        (" 2026-10 ", "2026-10-01", "2026-10-31", "2026-10"),
    ],
)
def test_every_form_of_a_period(text, start, end, label):
    """Days, ISO weeks (also week 53), months, quarters and ranges have the days the calendar says."""
    period = parse_period(text, as_of=date(2027, 1, 1))
    assert (str(period.start), str(period.end), period.label) == (start, end, label)


@pytest.mark.parametrize(
    "text",
    [
        "202610",
        "2026-1",
        "2027-W53",
        "2026-13",
        "2026-02-30",
        "2026-Q5",
        "2026-W00",
        "last-year",
        "october",
        "",
        "2026",
    ],
)
def test_what_is_no_period_is_refused(text):
    """Forms that could be meant in two ways, and days that do not exist, are refused with the forms that are known."""
    with pytest.raises(ParameterError, match="is not a period"):
        parse_period(text, as_of=date(2026, 6, 30))


def test_a_range_that_ends_before_it_starts_is_refused():
    """The end comes after the start."""
    with pytest.raises(ParameterError, match="cannot end before it starts"):
        parse_period("2026-02-02..2026-01-30", as_of=date(2026, 6, 30))


@pytest.mark.parametrize(
    ("text", "as_of", "label"),
    [
        ("last-week", date(2026, 12, 31), "2026-W52"),
        ("last-week", date(2027, 1, 3), "2026-W53"),
        ("last-month", date(2026, 2, 28), "2026-02"),
        ("last-month", date(2026, 2, 27), "2026-01"),
        ("last-quarter", date(2026, 9, 29), "2026-Q2"),
        ("last-quarter", date(2026, 9, 30), "2026-Q3"),
        ("last-day", date(2026, 9, 30), "2026-09-30"),
    ],
)
def test_the_last_complete_period_ends_by_as_of(text, as_of, label):
    """On the first of January 2027 the last complete week is 2026-W52; a month is complete on its last day."""
    assert parse_period(text, as_of=as_of).label == label


def test_the_last_complete_month_depends_on_the_zone():
    """At 16:30 UTC on 28 February, February is complete in Shanghai and January in UTC."""
    now = datetime(2026, 2, 28, 16, 30, tzinfo=UTC)
    labels = [parse_period("last-month", as_of=periods.yesterday(zone, now)).label for zone in ("Asia/Shanghai", "UTC")]
    assert labels == ["2026-02", "2026-01"]


def test_yesterday_is_one_calendar_day_on_days_of_23_and_25_hours():
    """Around both clock changes of New York yesterday is the calendar day before, whatever the hours."""
    for now, day in [
        (datetime(2026, 3, 9, 4, 30, tzinfo=UTC), date(2026, 3, 8)),
        (datetime(2026, 3, 9, 3, 30, tzinfo=UTC), date(2026, 3, 7)),
        (datetime(2026, 11, 2, 5, 30, tzinfo=UTC), date(2026, 11, 1)),
        (datetime(2026, 11, 2, 4, 30, tzinfo=UTC), date(2026, 10, 31)),
    ]:
        assert periods.yesterday("America/New_York", now) == day


def test_weeks_may_start_on_sunday_or_saturday():
    """A week that starts on Sunday holds the ISO week's Thursday of its number."""
    sunday = parse_period("2026-W41", as_of=date(2027, 1, 1), week_start="sunday")
    assert (str(sunday.start), str(sunday.end), sunday.label) == ("2026-10-04", "2026-10-10", "2026-W41")


@pytest.mark.parametrize(
    ("text", "before", "year_before"),
    [
        ("2026-03", "2026-02", "2025-03"),
        ("2024-02", "2024-01", "2023-02"),
        ("2026-Q1", "2025-Q4", "2025-Q1"),
        ("2026-W01", "2025-W52", "2025-W01"),
        ("2026-W53", "2026-W52", "2026-W01"),
        ("2026-01-10..2026-01-12", "2026-01-07_2026-01-09", "2025-01-11_2025-01-13"),
    ],
)
def test_the_period_before_and_a_year_before(text, before, year_before):
    """Months compare with months; weeks and ranges a year before keep their weekdays (364 days)."""
    period = parse_period(text, as_of=date(2027, 1, 31))
    assert periods.previous(period).label == before
    assert periods.same_last_year(period).label == year_before


def test_a_backfill_runs_only_complete_periods():
    """Between two days lie the months that are whole inside."""
    found = periods.periods_between(date(2025, 12, 15), date(2026, 3, 30), "month")
    assert [period.label for period in found] == ["2026-01", "2026-02"]


@given(day=DAYS, kind=KINDS, week_start=STARTS)
def test_periods_tile_the_calendar(day, kind, week_start):
    """The period of a day holds it, the one before ends the day before, and its label leads back to it."""
    period = periods.period_of(day, kind, week_start=week_start)
    before = periods.previous(period, week_start=week_start)
    assert period.contains(day)
    assert (period.start - before.end).days == 1
    assert parse_period(period.label, as_of=day, week_start=week_start) == period


@given(as_of=DAYS, kind=KINDS, week_start=STARTS)
def test_the_last_complete_period_is_the_latest_that_is_over(as_of, kind, week_start):
    """It ends by as_of, and the next one does not."""
    period = periods.last_complete(kind, as_of=as_of, week_start=week_start)
    following = periods.period_of(date.fromordinal(period.end.toordinal() + 1), kind, week_start=week_start)
    assert period.end <= as_of < following.end


def test_another_kind_of_period_is_refused():
    """A fortnight is no kind of period."""
    with pytest.raises(ParameterError, match="not a kind of period"):
        periods.period_of(date(2026, 1, 1), "fortnight")
