"""What there is to read, and which content a reader picks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opsbook.simulate.people import HOUR_WEIGHTS
from opsbook.simulate.world import ZONE_SECONDS, Floats, Integers, Rows, World

AUTHORS = 60
TOPICS = ["food", "travel", "home", "style", "parenting", "fitness", "gadgets", "books"]
FORMATS = ["article", "short_video", "live"]
BOARDS = ["feed", "follow", "search"]


@dataclass(frozen=True)
class Library:
    """Every content in order of publication, with its appeal: the better of two candidates is read."""

    published_ms: Integers
    appeal: Floats
    rows: Rows


def draw_library(rng: np.random.Generator, world: World) -> Library:
    """Publish the same number every day; some authors are better than others."""
    size = world.contents_per_day * world.days
    day = np.repeat(np.arange(world.days), world.contents_per_day)
    second = rng.choice(24, size, p=HOUR_WEIGHTS / HOUR_WEIGHTS.sum()) * 3600 + rng.integers(0, 3600, size)
    published_ms = np.sort(local_ms(day, second, world))
    author = rng.integers(0, AUTHORS, size)
    rows: Rows = {
        "published_ms": published_ms,
        "author": author,
        "topic": rng.integers(0, len(TOPICS), size).astype(np.int8),
        "format": rng.choice(len(FORMATS), size, p=[0.5, 0.4, 0.1]).astype(np.int8),
        "board": rng.choice(len(BOARDS), size, p=[0.6, 0.25, 0.15]).astype(np.int8),
    }
    return Library(published_ms, rng.normal(size=size) + rng.normal(size=AUTHORS)[author], rows)


def pick_contents(rng: np.random.Generator, library: Library, at_ms: Integers, world: World) -> Integers:
    """The content read at each instant: published before it, mostly lately, the more appealing of two candidates."""
    newest = np.searchsorted(library.published_ms, at_ms) - 1
    one, two = (_some_back(rng, newest, world) for _ in range(2))
    return np.where(library.appeal[one] >= library.appeal[two], one, two)


def local_ms(day: Integers, second: Integers, world: World) -> Integers:
    """Unix milliseconds of a second of a local day (the zone has no daylight saving)."""
    epoch_day = int(np.datetime64(world.first_signup, "D").astype(int))
    return ((epoch_day + day.astype(np.int64)) * 86_400 + second - ZONE_SECONDS) * 1000


def _some_back(rng: np.random.Generator, newest: Integers, world: World) -> Integers:
    return np.maximum(newest - rng.exponential(world.read_lag_contents, len(newest)).astype(np.int64), 0)
