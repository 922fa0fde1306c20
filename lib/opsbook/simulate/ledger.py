"""Takes clean rows, adds the dirt, appends them to the company's files and keeps the counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from opsbook.simulate import dirt, facts, files, flows
from opsbook.simulate.content import local_ms
from opsbook.simulate.dirt import Counts
from opsbook.simulate.life import active_days
from opsbook.simulate.world import ZONE_SECONDS, Integers, Rows, World


@dataclass
class Ledger:
    """Open files of one company, what was counted in clean rows, and which dirt was added."""

    out: files.Files
    world: World
    totals: facts.Totals = field(default_factory=dict)
    dirt: Counts = field(default_factory=dict)
    orders: int = 0
    dirty_orders: int = 0

    def count(self, totals: facts.Totals) -> None:
        """Add clean counts."""
        self.totals = facts.add(self.totals, totals)

    def count_dirt(self, counts: Counts) -> None:
        """Add counts of dirty rows."""
        self.dirt = facts.add(self.dirt, counts)

    def write_users(self, rng: np.random.Generator, rows: Rows) -> None:
        """Append users, some without a source, some twice."""
        dirty, counts = dirt.dirty_users(rng, rows, self.world)
        self.count({"rows.users": len(rows["uid"])})
        self.count_dirt(counts)
        self.out.append("users.parquet", files.users_table(dirty, self.world))

    def write_events(self, rng: np.random.Generator, rows: Rows) -> None:
        """Append events to the files of their months, with all kinds of dirt."""
        dirty, counts = dirt.dirty_events(rng, rows, self.world)
        self.count({"rows.events": len(rows["uid"])})
        self.count_dirt(counts)
        self._append_events(dirty)

    def write_exits(self, rows: Rows) -> None:
        """Append the records of users who left by a road, as they are."""
        self.count({"rows.events": len(rows["uid"])})
        self._append_events(rows | {"file_ms": rows["ts_ms"], "late_ms": np.full(len(rows["uid"]), -1)})

    def write_orphans(self, rng: np.random.Generator, users: int) -> None:
        """Append events of users that `users` does not know."""
        rows, counts = dirt.orphan_events(rng, users, self.world)
        person, size = rows["uid"] - dirt.ORPHAN_UID, int(counts["events.orphan_users"])
        day = local_day(rows["ts_ms"], self.world)
        active = active_days(person, day, size, self.world)
        lives = flows.count_lives(active, active.argmax(axis=1), self.world)
        self.count({f"orphan.{name}": count for name, count in lives.items()})
        self.count_dirt(counts)
        self._append_events(rows)

    def write_orders(self, rng: np.random.Generator, rows: Rows) -> None:
        """Append orders in order of payment, numbered on."""
        rows = in_order(rows, "paid_ms")
        clean = len(rows["uid"])
        rows["order"] = self.orders + np.arange(clean)
        dirty, counts = dirt.dirty_orders(rng, rows, self.dirty_orders, self.world)
        self.orders += clean
        self.dirty_orders += len(dirty["uid"]) - clean
        self.count({"rows.orders": clean})
        self.count_dirt(counts)
        month = file_month(dirty["paid_ms"], self.world)
        self.count({"negative_cents": facts.negative_cents(dirty, month, self.world)})
        self.out.append("orders.parquet", files.orders_table(dirty, self.world))

    def write_exposures(self, rng: np.random.Generator, rows: Rows) -> None:
        """Append exposures, some written in another zone, some twice."""
        dirty, counts = dirt.dirty_exposures(rng, in_order(rows, "ms"), self.world)
        self.count({"rows.exposures": len(rows["uid"])})
        self.count_dirt(counts)
        self.out.append("exposures.csv.gz", files.exposures_table(dirty, self.world))

    def write_assignments(self, rows: Rows) -> None:
        """Append assignments as they are."""
        self.count({"rows.assignments": len(rows["uid"])})
        self.out.append("assignments.parquet", files.assignments_table(in_order(rows, "ms"), self.world))

    def write_redemptions(self, rows: Rows) -> None:
        """Append redemptions as they are."""
        self.count({"rows.redemptions": len(rows["uid"])})
        self.out.append("redemptions.csv", files.redemptions_table(in_order(rows, "ms"), self.world))

    def write_costs(self, rows: Rows) -> None:
        """Append costs as they are."""
        self.count({"rows.costs": len(rows["day"])} | facts.count_costs(rows, self.world))
        self.out.append("costs.csv", files.costs_table(rows, self.world))

    def write_contents(self, rows: Rows) -> None:
        """Append contents as they are."""
        self.count({"rows.contents": len(rows["published_ms"])})
        self.out.append("contents.parquet", files.contents_table(rows, self.world))

    def _append_events(self, rows: Rows) -> None:
        """One file per calendar month in which the rows came, in order of time."""
        file = file_month(rows["file_ms"], self.world)
        order = np.lexsort((rows["ts_ms"], file))
        table = files.events_table({name: column[order] for name, column in rows.items()}, self.world)
        first = np.datetime64(self.world.data_start, "M")
        edges = np.searchsorted(file[order], np.arange(last_month(self.world) + 2))
        for number, (low, high) in enumerate(pairwise(edges)):
            if high > low:
                self.out.append(f"events/{first + number}.parquet", table.slice(low, high - low))


def file_month(unix_ms: Integers, world: World) -> Integers:
    """0-based month of an instant's local day, counted from the first month of data."""
    day = (unix_ms.astype(np.int64) // 1000 + ZONE_SECONDS) // 86_400
    month = day.astype("datetime64[D]").astype("datetime64[M]")
    return (month - np.datetime64(world.data_start, "M")).astype(np.int64)


def local_day(unix_ms: Integers, world: World) -> Integers:
    """Index of an instant's local day since the first sign-up."""
    day = (unix_ms.astype(np.int64) // 1000 + ZONE_SECONDS) // 86_400
    return day - int(np.datetime64(world.first_signup, "D").astype(int))


def last_month(world: World) -> int:
    """Number of the last month of data."""
    return int(file_month(local_ms(np.array([world.days - 1]), np.array([0]), world), world)[0])


def in_order(rows: Rows, by: str) -> Rows:
    """The rows in order of one column, equal values as they came."""
    order = np.argsort(rows[by], kind="stable")
    return {name: column[order] for name, column in rows.items()}
