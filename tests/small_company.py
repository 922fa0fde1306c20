"""A company of a dozen users in plain Python: what the brute-force twins count and what the analyses are given."""

from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from opsbook.inputs.periods import Period, period_of, previous

START = date(2026, 1, 5)
LAST_DAY = 59
HISTORY_DAYS = 10


@dataclass(frozen=True)
class Company:
    """Days are numbers from START; `visits` user -> active days, `signups` user -> day (missing = not recorded)."""

    visits: dict[int, frozenset[int]]
    signups: dict[int, int] = field(default_factory=dict)

    @property
    def people(self) -> list[int]:
        """Everybody who is ever seen or signed up."""
        return sorted(self.visits.keys() | self.signups.keys())

    def active(self, first: int, last: int) -> set[int]:
        """Users active on at least one of the days first..last."""
        return {user for user, days in self.visits.items() if any(first <= day <= last for day in days)}

    def life(self, user: int) -> int | None:
        """The first day of the user's life: signup or first visit, whichever comes first."""
        return min([*self.visits.get(user, ()), *([self.signups[user]] if user in self.signups else [])], default=None)

    def known(self, user: int) -> bool:
        """Whether the start of life is known: a signup date, or a first visit after the history days."""
        return user in self.signups or min(self.visits.get(user, {LAST_DAY})) >= HISTORY_DAYS

    def until(self, last: int) -> "Company":
        """What was known at the end of day `last`."""
        seen = {user: frozenset(day for day in days if day <= last) for user, days in self.visits.items()}
        signed = {user: day for user, day in self.signups.items() if day <= last}
        return Company({user: days for user, days in seen.items() if days}, signed)

    def renamed(self) -> "Company":
        """The same company with other keys."""
        new = {user: 7 * (13 - user) + 1000 for user in self.people}
        visits = {new[user]: days for user, days in self.visits.items()}
        return Company(visits, {new[user]: day for user, day in self.signups.items()})

    def doubled(self) -> "Company":
        """Everybody has a twin."""
        twin = {user + 100: days for user, days in self.visits.items()}
        return Company(self.visits | twin, self.signups | {user + 100: day for user, day in self.signups.items()})

    def user_days(self) -> pd.DataFrame:
        """The mart's user_days: an order of 10 on every third day."""
        rows = [(user, day) for user, days in sorted(self.visits.items()) for day in sorted(days)]
        table = pd.DataFrame(rows, columns=["user", "number"]).astype({"user": "int64", "number": "int64"})
        by_user = table.groupby("user")["number"]
        bought = (table["number"] % 3 == 0).astype("int64")
        return pd.DataFrame(
            {
                "user": table["user"],
                "day": days(table["number"]),
                "gap_before": by_user.diff(),
                "gap_after": -by_user.diff(-1),
                "orders": bought,
                "revenue": 10.0 * bought,
            }
        )

    def users(self) -> pd.DataFrame:
        """The mart's users; every fourth user was invited."""
        first = pd.Series([min(self.visits.get(user, ()), default=np.nan) for user in self.people], dtype="float64")
        start = pd.Series([self.signups.get(user, np.nan) for user in self.people], dtype="float64").fillna(first)
        return pd.DataFrame(
            {
                "user": pd.Series(self.people, dtype="int64"),
                "first_day": days(start),
                "first_active_day": days(first),
                "life_start": [
                    "signup" if user in self.signups else "first_event" if self.known(user) else "unknown"
                    for user in self.people
                ],
                "invited_by": [1.0 if user % 4 == 0 else np.nan for user in self.people],
            }
        ).astype({"life_start": "object", "invited_by": "float64"})


def days(numbers: pd.Series) -> pd.Series:
    """Day numbers as midnight timestamps."""
    return (pd.Timestamp(START) + pd.to_timedelta(numbers.astype("float64"), unit="D")).astype("datetime64[ns]")


def day(number: int) -> date:
    """A day number as a date."""
    return START + timedelta(days=number)


def weeks(count: int = 8) -> list[Period]:
    """The first `count` weeks from START."""
    return [period_of(day(7 * number), "week") for number in range(count)]


def number(when: date) -> int:
    """A date as a day number."""
    return (when - START).days


def before(period: Period) -> Period:
    """The week before."""
    return previous(period)


USERS = st.integers(0, 11)
COMPANIES = st.builds(
    Company,
    visits=st.dictionaries(USERS, st.frozensets(st.integers(0, LAST_DAY), min_size=1, max_size=15), max_size=12),
    signups=st.dictionaries(USERS, st.integers(-40, LAST_DAY), max_size=12),
)
