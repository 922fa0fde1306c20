"""The records of the tiny company, before they become its mart: arithmetic on the keys of users and numbers of days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache

import pandas as pd

from opsbook.inputs import contract

USERS = 60
DATA_START, AS_OF = date(2026, 1, 5), date(2026, 3, 29)
CAMPAIGN, CAMPAIGN_START, CAMPAIGN_END = "spring", date(2026, 2, 16), date(2026, 3, 1)
CITIES = ("Beijing", "Chengdu", "Guangzhou", "Hangzhou", "Shanghai", "Wuhan")
FIRST, LAST, DAYS = 42, 55, 84  # of the campaign and of all, as numbers of days


def contract_tables() -> dict[str, pd.DataFrame]:
    """The company's own records: one table for each of the contract, with the contract's columns."""
    rows = {
        "users": (_user(user) for user in range(USERS)),
        "events": (event for user in range(USERS) for day in _active(user) for event in _events(user, day)),
        "orders": (_order(user, day) for user in range(USERS) for day in _active(user) if _buys(user, day)),
        "costs": _costs(),
        "assignments": ((CAMPAIGN, _id(user), ("treatment", "control")[user % 2], _at(FIRST, 0)) for user in _alive()),
        "exposures": ((CAMPAIGN, _id(user), _at(_shown(user), 9), "push") for user in _alive() if user % 2 == 0),
        "redemptions": ((CAMPAIGN, _id(user), _at(_shown(user), 12), 5.0) for user in _alive() if user % 4 == 0),
        "contents": ((f"c{week}", _at(7 * week, 7), _id(week), "tips", "article", "app") for week in range(12)),
    }
    names = {name: [*table.names] for name, table in contract.TABLES.items()}
    names["users"] += ["city"]
    return {name: pd.DataFrame(list(told), columns=names[name]) for name, told in rows.items()}


def _user(user: int) -> tuple:
    """The first 20 signed up before the data begin, and one user of ten has no record of it."""
    inviter = _id(user - 30) if user >= 30 and user % 5 == 0 else None
    signed_up = None if user % 10 == 7 else _at(_signup(user), 8)
    return _id(user), signed_up, "search" if user % 3 else "ads", inviter, CITIES[user // 2 % 6]


def _events(user: int, day: int) -> Iterator[tuple]:
    """Everybody opens the app; reading, sharing and carts follow the numbers of the user and of the day."""
    told = {
        "open": True,
        "join": _joins(user, day),
        "read": (user + day) % 3 > 0,
        "share": user % 4 == 1 and day % 5 == 0,
        "add_to_cart": (user + day) % 4 == 0,
        "close_account": user % 10 == 9 and day == _active(user)[-1],
    }
    for hour, (event, happens) in enumerate(told.items(), start=8):
        if happens:
            campaign, content = CAMPAIGN if event == "join" else None, f"c{day // 7}" if event == "read" else None
            yield _id(user), _at(day, hour), event, campaign, content, "app", None, None


def _order(user: int, day: int) -> tuple:
    """Worth 20 to 50, 5 less with a coupon; every 25th is paid back."""
    coupon = 5.0 * _joins(user, day)
    amount = 20.0 + 10 * (user % 4) - coupon
    refunded = amount if (user + day) % 25 == 10 else 0.0
    campaign = CAMPAIGN if coupon else None
    return f"o{user:02d}{day:02d}", _id(user), _at(day, 14), amount, coupon, refunded, campaign, None


def _costs() -> Iterator[tuple]:
    """Ads cost 12 a day, the campaign 20 more."""
    for day in range(DAYS):
        yield _day(day), "ads", None, 12.0, 600, 30
        if FIRST <= day <= LAST:
            yield _day(day), "push", CAMPAIGN, 20.0, 400, 40


def _signup(user: int) -> int:
    return (user - 20) * 3 // 2 if user >= 20 else -3 * user - 2


def _rhythm(user: int) -> list[int]:
    """Active days without a campaign: every 1, 2, 3, 5 or 7 days; some leave, some are silent for four weeks."""
    start = max(_signup(user), 0)
    life = 8 + 4 * (user % 7) if user % 3 == 0 else 25 + 10 * (user % 5) if user % 4 == 1 else DAYS
    days = range(start, min(start + life, DAYS), (1, 2, 3, 5, 7)[user % 5])
    return [day for day in days if not (user % 8 == 6 and 20 <= day < 48)]


@cache
def _active(user: int) -> list[int]:
    more = range(_shown(user), LAST + 1) if user in _alive() and user % 4 == 0 else ()
    return sorted({*_rhythm(user), *more})


@cache
def _alive() -> list[int]:
    """Users seen before the campaign and in it."""
    return [user for user in range(USERS) if _rhythm(user)[0] < FIRST and _shown(user) <= LAST]


def _shown(user: int) -> int:
    """The first day of the campaign on which the user comes by."""
    return min((day for day in _rhythm(user) if day >= FIRST), default=DAYS)


def _joins(user: int, day: int) -> bool:
    return user in _alive() and user % 4 == 0 and day == _shown(user)


def _buys(user: int, day: int) -> bool:
    return _joins(user, day) or (5 * user + day) % 7 == 0


def _id(user: int) -> str:
    return f"u{user:02d}"


def _day(number: int) -> date:
    return DATA_START + timedelta(days=number)


def _at(day: int, hour: int) -> datetime:
    return datetime.combine(_day(day), datetime.min.time()) + timedelta(hours=hour)
