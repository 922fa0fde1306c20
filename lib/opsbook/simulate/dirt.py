"""The dirt of real tables, added beside the true rows and counted, so that cleaning gives the truth back."""

from __future__ import annotations

import numpy as np

from opsbook.simulate.content import local_ms
from opsbook.simulate.world import ACTIONS, Integers, Rows, World

NO_USER = -1
DAY_MS, YEARS_AHEAD_MS = 86_400_000, 3650 * 86_400_000
DIRTY_ORDER_NUMBERS, ORPHAN_UID = 900_000_000, 90_000_001
Counts = dict[str, float]


def dirty_events(rng: np.random.Generator, rows: Rows, world: World) -> tuple[Rows, Counts]:
    """Add dirty copies of some rows; some other rows came days late, which `late_ms` (else -1) tells.

    returns: all rows, and how many of each kind, named after the rule that finds them.
    """
    dirt = world.dirt
    duplicate = _some(rng, rows, dirt.duplicate)
    no_user = _some(rng, rows, dirt.missing_user)
    past = _some(rng, rows, dirt.clock_1970)
    future = _some(rng, rows, dirt.clock_future)
    late_ms = _late_ms(rng, rows["ts_ms"], np.concatenate([duplicate, no_user, past, future]), world)
    rows = rows | {"file_ms": np.maximum(rows["ts_ms"], late_ms), "late_ms": late_ms}
    parts = [
        rows,
        _take(rows, duplicate),
        _take(rows, no_user) | {"uid": np.full(len(no_user), NO_USER)},
        _take(rows, past) | {"ts_ms": rows["ts_ms"][past] % DAY_MS},
        _take(rows, future) | {"ts_ms": rows["ts_ms"][future] + YEARS_AHEAD_MS},
    ]
    counts = _counts("events", exact_duplicate=len(duplicate), missing_user_id=len(no_user), late=(late_ms > 0).sum())
    return stacked(parts), counts | _counts("events", clock_error=len(past) + len(future))


def _late_ms(rng: np.random.Generator, ts_ms: Integers, copied: Integers, world: World) -> Integers:
    """When a late row came, 2 to 12 days after it happened and within the data; -1 for the rows that came at once."""
    came = ts_ms + rng.integers(2 * DAY_MS, 12 * DAY_MS, len(ts_ms))
    late = (rng.random(len(ts_ms)) < world.dirt.late) & (came < local_ms(np.array([world.days]), np.array([0]), world))
    late[copied] = False
    return np.where(late, came, -1)


def dirty_orders(rng: np.random.Generator, rows: Rows, number: int, world: World) -> tuple[Rows, Counts]:
    """Add duplicates, negative reversals, orders without a user and orders of 1970.

    number: dirty orders written so far, so that their order numbers are new ones (duplicates keep theirs).
    """
    dirt = world.dirt
    duplicate = _some(rng, rows, dirt.duplicate)
    negative = _some(rng, rows, dirt.negative_amount)
    no_user = _some(rng, rows, dirt.missing_user)
    past = _some(rng, rows, dirt.clock_1970)
    size = len(negative) + len(no_user) + len(past)
    numbers = np.split(DIRTY_ORDER_NUMBERS + number + np.arange(size), np.cumsum([len(negative), len(no_user)]))
    zero = np.zeros(len(negative), dtype=np.int64)
    reversed_cents = -(rows["amount_cents"][negative].astype(np.int64) // 2) - 1
    reversal = {"order": numbers[0], "amount_cents": reversed_cents, "refund_cents": zero, "discount_cents": zero}
    parts = [
        rows,
        _take(rows, duplicate),
        _take(rows, negative) | reversal,
        _take(rows, no_user) | {"order": numbers[1], "uid": np.full(len(no_user), NO_USER)},
        _take(rows, past) | {"order": numbers[2], "paid_ms": rows["paid_ms"][past] % DAY_MS},
    ]
    counts = _counts("orders", exact_duplicate=len(duplicate), negative_amount=len(negative))
    return stacked(parts), counts | _counts("orders", missing_user_id=len(no_user), clock_error=len(past))


def dirty_users(rng: np.random.Generator, rows: Rows, world: World) -> tuple[Rows, Counts]:
    """Blank the source of some users and add exact duplicates of others."""
    unknown = rng.random(len(rows["uid"])) < world.dirt.missing_source
    rows = rows | {"source": np.where(unknown, -1, rows["source"])}
    duplicate = _some(rng, rows, world.dirt.duplicate)
    counts = _counts("users", missing_source=unknown.sum(), exact_duplicate=len(duplicate))
    return stacked([rows, _take(rows, duplicate)]), counts


def dirty_exposures(rng: np.random.Generator, rows: Rows, world: World) -> tuple[Rows, Counts]:
    """Mark rows to be written with an offset instead of local time, and add exact duplicates."""
    rows = rows | {"other_zone": rng.random(len(rows["uid"])) < world.dirt.other_zone}
    duplicate = _some(rng, rows, world.dirt.duplicate)
    rows = stacked([rows, _take(rows, duplicate)])
    return rows, _counts("exposures", exact_duplicate=len(duplicate), mixed_zones=(~rows["other_zone"]).sum())


def orphan_events(rng: np.random.Generator, users: int, world: World) -> tuple[Rows, Counts]:
    """Three days with one event each of ids that `users` does not know."""
    size = max(2, round(users * world.dirt.orphan_users_per_user))
    day = np.repeat(rng.integers(world.observed_from + 60, world.days - 60, size), 3) + np.tile([0, 2, 9], size)
    nothing = np.full(3 * size, -1)
    rows: Rows = {
        "uid": np.repeat(ORPHAN_UID + np.arange(size), 3),
        "ts_ms": local_ms(day, np.full(3 * size, 43_200), world),
        "action": np.full(3 * size, ACTIONS.index("open")),
        "campaign": nothing,
        "content": nothing,
        "entry": np.zeros(3 * size, dtype=np.int64),
        "points": np.zeros(3 * size, dtype=np.int32),
        "late_ms": nothing,
    }
    rows["file_ms"] = rows["ts_ms"]
    return rows, _counts("events", orphan=3 * size, orphan_users=size)


def stacked(parts: list[Rows]) -> Rows:
    """The rows of all parts under each other; every part has the columns of the first."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _take(rows: Rows, index: Integers) -> Rows:
    return {name: column[index] for name, column in rows.items()}


def _some(rng: np.random.Generator, rows: Rows, share: float) -> Integers:
    size = len(next(iter(rows.values())))
    return np.sort(rng.choice(size, rng.binomial(size, share), replace=False))


def _counts(table: str, **kinds: float) -> Counts:
    return {f"{table}.{kind}": int(rows) for kind, rows in kinds.items()}
