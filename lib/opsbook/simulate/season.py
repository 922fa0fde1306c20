"""How the days differ: weekdays, festivals, shopping days, the incident."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import holidays
import numpy as np

from opsbook.simulate.world import Floats, World

WEEKDAY_FACTOR, WEEKEND_FACTOR = 0.98, 1.05


@dataclass(frozen=True)
class Season:
    """One factor per simulated day: on being active, on viewing goods, and the share of all sign-ups."""

    activity: Floats
    shopping: Floats
    signups: Floats


@lru_cache(maxsize=4)
def season(world: World) -> Season:
    """Factors of every day from the first sign-up to as_of; sign-ups sum to 1."""
    days = [world.first_signup + timedelta(days=i) for i in range(world.days)]
    kinds = _Kinds(days)
    activity = np.where(kinds.off, WEEKEND_FACTOR, WEEKDAY_FACTOR) * np.where(kinds.spring, 0.80, 1.0)
    activity[world.index(world.incident)] *= world.incident_factor
    signups = np.linspace(1.0, 1.3, world.days) * np.where(kinds.off, 1.15, 1.0) * np.where(kinds.spring, 0.8, 1.0)
    signups *= np.select([kinds.double_11, kinds.mid_year], [1.5, 1.35], 1.0)
    shopping = np.select([kinds.double_11, kinds.mid_year, kinds.spring], [1.35, 1.25, 0.75], 1.0)
    return Season(activity, shopping, signups / signups.sum())


class _Kinds:
    """Which days are off work, Spring Festival, 双11 and 618; make-up working days (调休) are working days."""

    def __init__(self, days: list[date]) -> None:
        years = range(days[0].year, days[-1].year + 1)
        china = holidays.country_holidays("CN", years=years, language="en_US")
        eves = [day for day, name in china.items() if "New Year's Eve" in name]
        self.off = np.array([not china.is_working_day(day) for day in days])
        self.spring = np.array([any(0 <= (day - eve).days <= 8 for eve in eves) for day in days])
        self.double_11 = np.array([day.month == 11 and day.day <= 11 for day in days])
        self.mid_year = np.array([day.month == 6 and 5 <= day.day <= 18 for day in days])
