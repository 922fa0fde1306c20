"""The list for today's capacity and its holdout, drawn by a salted hash of each user's id."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.analysis.detectable import POWER, smallest_fall

_ = ibis._
TREATMENT, CONTROL = "treatment", "control"
DIGITS = 16  # of the hash that decide: 64 bits


@dataclass(frozen=True)
class Draw:
    """A list to come: what names its experiment and salts its hash, how long it is, how much of it is left alone."""

    seed: int
    company: str
    run: str
    as_of: date
    capacity: int
    holdout_share: float

    @property
    def experiment_id(self) -> str:
        """The key in `assignments`, such as at_risk_weekly_20261031."""
        return f"at_risk_{self.run}_{self.as_of:%Y%m%d}"

    @property
    def salt(self) -> str:
        """What is put before every id: other draws of other days or runs are independent of this one."""
        return f"{self.seed}|{self.company}|{self.run}|{self.as_of.isoformat()}"

    @property
    def salt_id(self) -> str:
        """A fingerprint that tells two salts apart without giving the salt away."""
        return hashlib.sha256(f"salt of {self.salt}".encode()).hexdigest()[:12]


def position(user_id: object, *, salt: str) -> float:
    """Where a user falls between 0 and 1: SHA-256 of salt and id, whatever other users there are and in what order."""
    found = hashlib.sha256(f"{salt}|{user_id}".encode()).hexdigest()
    return int(found[:DIGITS], 16) / 16**DIGITS


def variant(user_id: object, *, draw: Draw) -> str:
    """control for the holdout share of all ids, treatment for the others."""
    return CONTROL if position(user_id, salt=draw.salt) < draw.holdout_share else TREATMENT


def ranked(scored: ir.Table, *, by_recency: bool, capacity: int, left_out: list[object] | None = None) -> ir.Table:
    """The first users of the ranking, riskiest first; equal ones by a hash of the id, which favours nobody.

    scored:   one row per living user -- user_id, score, recency_days, …
    left_out: ids that rest from an earlier list; the next ones take their places
    """
    rested = scored.filter(~_.user_id.cast("string").isin([str(one) for one in left_out])) if left_out else scored
    keys = [ibis.desc("recency_days"), ibis.desc("score")] if by_recency else [ibis.desc("score"), ibis.desc("recency_days")]
    order = [*keys, "shuffled", "user_id"]
    shuffled = rested.mutate(shuffled=rested.user_id.cast("string").hexdigest("md5"))
    return shuffled.order_by(order).limit(capacity).mutate(rank=ibis.row_number().over(order_by=order) + 1).drop("shuffled")


def assigned(listed: pd.DataFrame, *, draw: Draw) -> pd.DataFrame:
    """The list with `variant`, in its own order."""
    return listed.assign(variant=[variant(user, draw=draw) for user in listed["user_id"]])


def plan(draw: Draw, *, listed: int, expected_leavers: float, within_days: int, wait_days: int) -> dict[str, object]:
    """What the holdout will be able to tell, and when: the registry's facts beside who, how many and by which model.

    baseline: mean predicted probability of the list; detectable_fall: smallest fall of the share leaving (points as a
    share) that 95 % intervals will show four times in five, from exact counts of the planned arms; None = not even all.
    """
    holdout = round(listed * draw.holdout_share)
    base = expected_leavers / listed if listed else float("nan")
    fall = smallest_fall(base, base_n=holdout, changed_n=listed - holdout) if listed and 0 < base < 1 else None
    return {
        "experiment_id": draw.experiment_id, "as_of": draw.as_of, "salt_id": draw.salt_id, "listed": listed,
        "holdout_share": draw.holdout_share, "planned_holdout": holdout, "baseline": base,
        "detectable_fall": fall, "power": POWER, "first_day": draw.as_of + timedelta(days=1),
        "last_day": draw.as_of + timedelta(days=within_days), "read_out": draw.as_of + timedelta(days=wait_days),
    }  # fmt: skip
