"""Headline numbers over past periods: which periods stand on a line, which are gaps, and in whose words."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsbook.inputs.periods import between, period_of
from opsbook.page import words
from opsbook.page.spark import DRAWN
from opsbook.runs.entries import Entry, entries
from opsbook.runs.index import gathered
from opsbook.runs.index_lines import strips
from opsbook.runs.multiples import multiples
from runs.report_folders import REVIEW, Shelves, number

NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)


@pytest.fixture
def shelves(tmp_path):
    """A home with one company and no report."""
    made = Shelves(tmp_path)
    made.company()
    return made


def drawn(shelves, language="en"):
    """Key and (period, value) of every series of the home."""
    found = multiples(entries(shelves.outputs), language=language)
    return [(one.key, [point[:2] for point in one.points]) for made in found for one in made.series]


def entry(period, **told):
    """A good weekly report with one number."""
    usual = {
        "folder": period.label, "company": "shop", "notebook": "01_user_lifecycle", "run": "weekly", "language": "en",
        "period": period.label, "period_start": f"{period.start}", "period_end": f"{period.end}", "good": True,
        "verdict_status": "good", "verdict": "", "made_at": "", "failed_at": "", "failure": "",
        "period_kind": period.kind, "numbers": (number(value=1.0),),
    }  # fmt: skip
    return Entry(**usual | told)


def test_a_period_without_a_report_is_a_gap(shelves):
    """Weeks are counted through the turn of the year; the one that failed has no value."""
    for week, value in (("2026-W52", 3.0), ("2026-W53", 4.0), ("2027-W02", 5.0)):
        shelves.report(run="weekly", period=week, as_of="2027-02-01", numbers=[number(value=value)])
    shelves.failure(run="weekly", period="2027-W01", as_of="2027-02-01")
    weeks = [("2026-W52", 3.0), ("2026-W53", 4.0), ("2027-W01", None), ("2027-W02", 5.0)]
    assert drawn(shelves) == [("active_users", weeks)]


def test_one_period_is_no_line(shelves):
    """A run with one good period, a campaign's review, and a number that is known once have none."""
    shelves.report(numbers=[number()])
    shelves.failure(period="2026-09")
    shelves.report(**REVIEW, run="spring", numbers=[number()])
    for month, value in (("2026-07", None), ("2026-08", 2.0)):
        shelves.report(run="other", period=month, numbers=[number(value=value)])
    assert drawn(shelves) == []


def test_only_numbers_on_cards_have_lines(shelves):
    """What the first screen does not show is not followed; reports that do not say give their first six."""
    for month in ("2026-09", "2026-10"):
        shelves.report(period=month, numbers=[number("hidden", card=False), number("shown")])
        old = [{key: told for key, told in number(f"n{place}").items() if key != "card"} for place in range(8)]
        shelves.report(run="old", period=month, numbers=old)
    assert [key for key, _ in drawn(shelves)] == ["shown", "n0", "n1", "n2", "n3", "n4", "n5"]


def test_a_run_is_shown_in_the_language_with_most_periods(shelves):
    """Of equal ones in the reader's: no line jumps between languages."""
    for month in ("2026-08", "2026-09", "2026-10"):
        shelves.report(period=month, numbers=[number(label="Active users")])
        shelves.report(period=month, language="zh", numbers=[number(label="活跃用户")])
        shelves.report(run="chinese", period=month, language="zh", numbers=[number(label="活跃用户")])
    for language, label in (("en", "Active users"), ("zh", "活跃用户")):
        found = multiples(entries(shelves.outputs), language=language)
        assert [made.series[0].label for made in found] == ["活跃用户", label]
    (shelves.outputs / "01_user_lifecycle/monthly/2026-08/run.json").unlink()
    assert {made.series[0].label for made in multiples(entries(shelves.outputs), language="en")} == {"活跃用户"}


def test_another_unit_or_kind_of_period_has_no_place_on_the_line(shelves):
    """A number that was once counted in another unit begins anew; a quarter is no point between months."""
    shelves.report(period="2026-08", numbers=[number(value=7.0, unit="share")])
    for month in ("2026-09", "2026-10"):
        shelves.report(period=month, numbers=[number(value=2.0)])
    shelves.report(period="2026-Q2", numbers=[number(value=9.0)])
    assert drawn(shelves) == [("active_users", [("2026-08", None), ("2026-09", 2.0), ("2026-10", 2.0)])]


def test_ranges_stand_in_the_order_of_their_ends():
    """Nothing says which ranges are missing between two, so there is no gap."""
    spans = [
        between(day, day + timedelta(days=180)) for day in (datetime(2025, 1, 1).date(), datetime(2026, 1, 1).date())
    ]
    (made,) = multiples([entry(span) for span in reversed(spans)], language="en")
    assert [point[0] for point in made.series[0].points] == [span.label for span in spans]


@given(
    st.sampled_from(["day", "week", "month", "quarter"]),
    st.dates(min_value=datetime(1990, 1, 1).date(), max_value=datetime(2060, 1, 1).date()),
    st.lists(st.integers(1, 400), min_size=1, max_size=6),
    st.sampled_from(["monday", "sunday", "saturday"]),
)
def test_every_report_that_fits_has_its_place(kind, first, steps, week_start):
    """Whatever the kind, the newest report is last, each of the newest ones has its value, and no place is doubled."""
    days = [first + timedelta(days=sum(steps[:count])) for count in range(len(steps) + 1)]
    periods = {period.label: period for day in days if (period := period_of(day, kind, week_start=week_start))}
    found = multiples([entry(period) for period in periods.values()], language="en")
    assert len(found) <= 1
    for one in (series for made in found for series in made.series):
        labels = [point[0] for point in one.points]
        assert len(labels) == len(set(labels)) <= DRAWN
        assert labels[-1] == max(periods.values(), key=lambda period: period.end).label
        assert [label for label, value, *_ in one.points if value is not None] == [
            label for label in labels if label in periods
        ]


@pytest.mark.parametrize(
    "numbers", [{"a": 1}, ["text", None], [{}], [{"key": "x", "unit": "parsecs", "value": 1}], [{"value": "1"}]]
)
def test_results_of_another_make_do_not_stop_the_index(shelves, numbers):
    """A number without key, value or a unit of ours is left out, and the page is made."""
    for month in ("2026-09", "2026-10"):
        shelves.report(period=month, numbers=numbers)
    assert strips(gathered(shelves.home, NOW)) == []


def test_a_line_says_what_it_shows(shelves):
    """Beside the picture stand the last value with its interval, and the lowest and highest with their periods."""
    for month, value in (("2026-07", 0.121), ("2026-08", 0.155), ("2026-09", 0.11), ("2026-10", 0.13)):
        told = number("kept", value, value - 0.01, value + 0.01, unit="share", label="Kept", target=0.2)
        shelves.report(period=month, numbers=[told])
    with words.speaking("en"):
        ((strip, line),) = [(strip, line) for strip in strips(gathered(shelves.home, NOW)) for line in strip.lines]
    assert (strip.title, strip.href) == ("User lifecycle · monthly", "01_user_lifecycle/monthly/2026-10/report.html")
    assert (line.label, line.last, line.interval) == ("Kept", "13.0%", "12.0% to 14.0%")
    assert line.span == "lowest 11.0% (2026-09), highest 15.5% (2026-08)"
    assert 'aria-label="4 periods, from 12.1% (2026-07) to 13.0% (2026-10)"' in line.svg
    assert 'class="target"' in line.svg
