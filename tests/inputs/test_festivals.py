"""Festivals, make-up working days, shopping days, and last year's period aligned by moving festival."""

from datetime import date

import pytest

from opsbook.errors import ParameterError
from opsbook.inputs.festivals import aligned_last_year, festival_days, festival_runs, moving_festival
from opsbook.inputs.periods import parse_period


def aligned(text, country="CN", **more):
    """First and last day of the aligned period."""
    period = aligned_last_year(parse_period(text, as_of=date(2027, 12, 31)), country, **more)
    return str(period.start), str(period.end)


def test_festival_days_of_china_hold_holidays_make_up_days_and_shopping_days(same):
    """Spring Festival, a weekend day worked in exchange, and 618 are there, in both languages."""
    days = festival_days("CN", [2026]).assign(text=lambda frame: frame["day"].dt.strftime("%m-%d"))
    same(
        days[days["text"].isin(["02-14", "02-17", "11-11", "12-12"])],
        """
        day        | name                               | name_zh  | kind
        2026-02-14 | Make-up working day                | 调休上班 | working_day
        2026-02-17 | Chinese New Year (Spring Festival) | 春节     | holiday
        2026-11-11 | Double 11                          | 双11     | shopping
        2026-12-12 | Double 12                          | 双12     | shopping
        """,
    )
    assert days.loc[days["text"] == "06-18", ["name_zh", "kind"]].to_numpy().tolist() == [["618", "shopping"]]


def test_days_off_in_a_row_are_one_festival():
    """Spring Festival is one with its weekend and its day in exchange; 618 stands apart; a year's end parts nothing."""
    runs = festival_runs("CN", first=date(2026, 2, 20), last=date(2026, 6, 21))
    told = {(str(run.start), str(run.end), run.name_zh) for run in runs}
    assert {("2026-02-16", "2026-02-23", "春节"), ("2026-06-18", "2026-06-18", "618")} < told
    assert runs == sorted(runs)
    (new_year,) = festival_runs("CN", first=date(2026, 1, 2), last=date(2026, 1, 20))
    assert (new_year.name, new_year.start, new_year.end) == ("New Year's Day", date(2026, 1, 1), date(2026, 1, 2))


def test_make_up_days_are_weekend_days_of_the_years_asked_for():
    """Every make-up working day is a Saturday or Sunday, of the years asked for only."""
    days = festival_days("CN", [2025, 2026]).query("kind == 'working_day'")["day"]
    assert len(days) == 5 + 6
    assert (days.dt.dayofweek >= 5).all()
    assert days.is_monotonic_increasing


def test_other_countries_have_their_holidays_and_no_chinese_shopping_days():
    """The United States have Thanksgiving and no Double 11; names without Chinese are repeated."""
    days = festival_days("US", [2017])
    assert set(days["kind"]) == {"holiday"}
    assert "Thanksgiving Day" in days["name_zh"].tolist()


def test_a_country_without_calendar_is_refused():
    """An unknown country code names codes that are known."""
    with pytest.raises(ParameterError, match="no calendar for the country `XX`"):
        festival_days("XX", [2026])


def test_moving_festivals_are_where_the_almanac_has_them():
    """Spring Festival and Mid-Autumn of the years around."""
    assert [moving_festival("春节", year) for year in (2024, 2025, 2026)] == [
        date(2024, 2, 10),
        date(2025, 1, 29),
        date(2026, 2, 17),
    ]
    assert [moving_festival("中秋节", year) for year in (2025, 2026)] == [date(2025, 10, 6), date(2026, 9, 25)]


def test_a_period_with_spring_festival_is_moved_to_last_years():
    """Spring Festival 2026 (17 February) lies at the same offset as that of 2025 (29 January): 384 days earlier."""
    assert aligned("2026-02") == ("2025-01-13", "2025-02-09")
    assert aligned("2026-W08") == ("2025-01-28", "2025-02-03")
    assert aligned("2026-02-10..2026-03-01") == ("2025-01-22", "2025-02-10")


def test_a_period_in_the_days_off_around_the_festival_is_moved_too():
    """The week after the festival's own day, still on holiday, is compared with last year's holiday."""
    assert aligned("2026-02-20") == ("2025-02-01", "2025-02-01")


def test_mid_autumn_moves_a_september():
    """Mid-Autumn was on 6 October 2025 and on 25 September 2026."""
    assert aligned("2026-W39") == ("2025-10-02", "2025-10-08")


def test_periods_without_a_moving_festival_are_those_of_last_year():
    """Months by name, weeks by weekday; quarters hold the season whole."""
    assert aligned("2026-07") == ("2025-07-01", "2025-07-31")
    assert aligned("2026-W28") == ("2025-07-07", "2025-07-13")
    assert aligned("2026-Q1") == ("2025-01-01", "2025-03-31")


def test_a_month_is_not_moved_away_from_its_shopping_day():
    """June with Dragon Boat keeps its 618."""
    assert aligned("2026-06") == ("2025-06-01", "2025-06-30")


def test_other_countries_are_not_moved():
    """A company elsewhere compares by date."""
    assert aligned("2026-02", "US") == ("2025-02-01", "2025-02-28")


def test_the_week_start_is_kept():
    """Weeks that start on Sunday compare with weeks that start on Sunday."""
    period = parse_period("2026-W28", as_of=date(2026, 12, 31), week_start="sunday")
    assert aligned_last_year(period, "CN", week_start="sunday").start == date(2025, 7, 6)
