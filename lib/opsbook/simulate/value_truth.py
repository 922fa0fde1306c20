"""Expected net revenue of users acquired, by days since sign-up: the mean over every draw of the simulation."""

from __future__ import annotations

from typing import Any

import numpy as np

from opsbook.simulate.facts import LTV_DAYS, months
from opsbook.simulate.period_truth import period_labels
from opsbook.simulate.sample import Sample
from opsbook.simulate.world import Bools, Integers, World

HORIZONS = (90, 180, 365)
"""Curves by channel follow the same users on every day: those whose first 90, 180 or 365 days lie in the data."""


def expected_value(sample: Sample, signups: Integers, hunters: Integers, world: World) -> dict[str, Any]:
    """Yuan per sign-up within N days, by month of sign-up and, for users followed long enough, by channel.

    signups, hunters: counted per month; hunters buy nothing. Reversals (dirt, a thousandth) are not taken off.
    """
    signed_up = sample.users["signup_day"]
    observed = signed_up >= world.observed_from
    number = np.where(observed, months(world.calendar[world.observed_from :])[signed_up - world.observed_from], -1)
    loyal = 1 - hunters / np.maximum(signups, 1)
    by_month = {}
    for place, label in enumerate(period_labels("month", world)):
        whole = {days: number == place for days in LTV_DAYS if _complete(label, days, world)}
        by_month[label] = {str(n): round(_mean(sample, who, n) * float(loyal[place]), 4) for n, who in whole.items()}
    return {
        "by_month": by_month,
        "by_channel_followed_days": {str(days): _by_channel(sample, days, world) for days in HORIZONS},
    }


def _by_channel(sample: Sample, horizon: int, world: World) -> dict[str, dict[str, float]]:
    users = sample.users
    who = (users["signup_day"] >= world.observed_from) & (users["signup_day"] + horizon <= world.days)
    groups = {"all": who} | {c.key: who & (users["channel"] == code) for code, c in enumerate(world.channels)}
    spans = [days for days in LTV_DAYS if days <= horizon]
    return {name: {str(n): round(_mean(sample, own, n), 4) for n in spans} for name, own in groups.items()}


def _mean(sample: Sample, who: Bools, days: int) -> float:
    return float(sample.users[f"revenue_{days}"][who].mean())


def _complete(month: str, days: int, world: World) -> bool:
    """Whether the last one to sign up in the month could be watched for so many days."""
    last = (np.datetime64(month, "M") + 1).astype("datetime64[D]") - 1
    return bool(last + days - 1 <= np.datetime64(world.as_of, "D"))
