"""A baseline that holds festivals says which, and how many of its days they take."""

from datetime import date

import pandas as pd
import pytest

from opsbook.page import words
from opsbook.page.charts import campaign as charts
from opsbook.page.says import season


def curve(first: date, days: int = 28) -> pd.DataFrame:
    """Days before a campaign of three days, and its own."""
    whole = pd.date_range(first, periods=days + 3)
    return pd.DataFrame({"day": whole, "phase": ["before"] * days + ["burst"] * 3})


@pytest.mark.parametrize(("language", "named"), [("en", "Chinese New Year (16 Feb 2026 to 23 Feb 2026)"),
                                                 ("zh", "春节（2026年2月16日 至 2026年2月23日）")])  # fmt: skip
def test_a_baseline_with_spring_festival_names_its_days(language, named):
    """Eight days, a weekend among them, of the 28 before 9 March 2026, by the name the reader's calendar gives them."""
    with words.speaking(language, currency="CNY"):
        told = season.baseline(curve(date(2026, 2, 9)), "CN").text()
    assert named in told
    assert "8" in told
    assert "28" in told


def test_only_days_inside_the_baseline_count():
    """A festival that began before it counts with its days inside; the campaign's own days do not count."""
    said = season.baseline(curve(date(2026, 2, 21)), "CN")
    assert said.values["days"] == 3
    assert season.baseline(curve(date(2026, 5, 22)), "CN").values["runs"][0].key == "campaign.season.day"
    assert season.baseline(curve(date(2026, 9, 22), days=3), "CN") is None


def test_a_day_of_two_festivals_is_one_day():
    """18 June 2018 was both 618 and the Dragon Boat Festival."""
    said = season.baseline(curve(date(2018, 6, 1)), "CN")
    assert len(said.values["runs"]) == 2
    assert said.values["days"] == 1


def test_without_days_or_a_calendar_nothing_is_said():
    """No baseline, no calendar: no sentence."""
    assert season.baseline(curve(date(2026, 2, 9), days=0), "CN") is None
    assert season.baseline(curve(date(2026, 2, 9)), None) is None


@pytest.mark.parametrize(
    ("first", "calendar", "value", "marked"),
    [
        (date(2026, 2, 9), "CN", 9.0, True),
        (date(2026, 3, 9), "CN", 9.0, False),
        (date(2026, 2, 9), None, 9.0, False),
        (date(2026, 2, 9), "CN", 0.0, False),
    ],
)
def test_festivals_are_marked_where_a_chart_is_drawn_and_some_fall_in_its_days(first, calendar, value, marked):
    """No festival in the days, no calendar, or no chart: none is marked; the chart's own how-to-read line agrees."""
    days = curve(first, days=20).assign(value=value)
    assert season.marked(days, calendar) is marked
    assert season.marked(days.head(0), calendar) is False
    if value:
        assert charts.phases_how(days, calendar=calendar).endswith("_marked") is marked
