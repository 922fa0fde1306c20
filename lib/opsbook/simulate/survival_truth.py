"""True survival curves of the world, from its formulas and, for silence, from a large independent sample."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from opsbook.simulate.life import draw_early_reads, draw_left_age, willing_days
from opsbook.simulate.people import draw_people
from opsbook.simulate.season import season
from opsbook.simulate.world import PLATFORMS, Bools, Floats, Integers, World

SURVIVAL_DAYS = (7, 14, 30, 60, 90, 120, 180)
HORIZON, FOLLOWED = 180, 300
SILENCE_DAYS = (21, 28)
GAP_DAYS = (7, 10, 14, 21, 28, 30)
SAMPLE, PARTS, SAMPLE_SEED = 15_000, 3, 618


@lru_cache(maxsize=2)
def survival_truth(world: World) -> dict[str, Any]:
    """Share alive, and share not yet fallen silent, by age in days: overall and by channel; gaps ended by a return."""
    parts = [_followed(world, part) for part in range(PARTS)]
    sample = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    gaps, early_share = sample.pop("gap_age"), float(sample["reads_early"].mean())
    groups: dict[str, tuple[Floats, Bools]] = {"all": (alive_curve(world, early_share), sample["channel"] >= 0)}
    for code, channel in enumerate(world.channels):
        groups[channel.key] = (alive_curve(world, early_share, channel=code), sample["channel"] == code)
    return {
        "days": list(SURVIVAL_DAYS),
        "share_reading_early": round(early_share, 4),
        "alive": {name: _at(curve) for name, (curve, _) in groups.items()},
        "alive_by_platform": {
            name: _at(alive_curve(world, early_share, platform=code)) for code, name in enumerate(PLATFORMS)
        },
        "not_silent": {
            str(days): {name: _at(_silent_curve(sample, days, *group)) for name, group in groups.items()}
            for days in SILENCE_DAYS
        },
        "restricted_mean_days": {
            "horizon_days": HORIZON,
            "alive": _area(groups["all"][0]),
            **{f"not_silent_{days}": _area(_silent_curve(sample, days, *groups["all"])) for days in SILENCE_DAYS},
        },
        "false_churn": _false_churn(gaps),
    }


def alive_curve(world: World, early_share: float, *, channel: int | None = None, platform: int | None = None) -> Floats:
    """P(alive on age t) for t = 0 .. HORIZON, averaged over the channels and platforms not given."""
    channels = {channel: 1.0} if channel is not None else {i: c.share for i, c in enumerate(world.channels)}
    platforms = {platform: 1.0} if platform is not None else dict(enumerate(world.platform_shares))
    hazard = world.cumulative_hazard(np.arange(HORIZON + 1.0))
    turn = hazard[world.early_days]
    slowed = np.where(hazard > turn, turn + world.early_reads_hazard_ratio * (hazard - turn), hazard)
    curve = np.zeros(HORIZON + 1)
    for i, channel_share in channels.items():
        for j, platform_share in platforms.items():
            ratio = world.channels[i].hazard_ratio * world.platform_hazard_ratios[j]
            both = (1 - early_share) * np.exp(-ratio * hazard) + early_share * np.exp(-ratio * slowed)
            curve += channel_share * platform_share * both
    return curve


def log_hazard_ratios(world: World) -> dict[str, Any]:
    """What a Cox model of leaving should find, against organic, iOS, no early reading."""
    return {
        "channel": {c.key: round(math.log(c.hazard_ratio), 6) for c in world.channels},
        "platform": dict(zip(PLATFORMS, np.round(np.log(world.platform_hazard_ratios), 6).tolist(), strict=True)),
        "early_behaviour": {
            "read_3_contents_in_first_7_days": round(math.log(world.early_reads_hazard_ratio), 6),
            "check_in_2_days_in_first_7_days": 0.0,
            "finish_guide": 0.0,
        },
    }


def _followed(world: World, part: int) -> dict[str, np.ndarray]:
    """A sample whose first 300 days of life all lie in the calendar.

    returns: per user channel, reads_early, left_age, silent_<n> (last active age before the first longer silence);
    gap_age: gap lengths that began by the horizon (0 = never ended).
    """
    rng = np.random.default_rng([SAMPLE_SEED, part])
    weights = season(world).signups[: world.days - FOLLOWED]
    signup_day = np.sort(rng.choice(len(weights), SAMPLE, p=weights / weights.sum()).astype(np.int32))
    people = draw_people(rng, np.arange(SAMPLE), signup_day, world)
    willing = willing_days(rng, people, season(world).activity, world)
    reads_early = draw_early_reads(rng, people, willing, world).sum(axis=1) >= world.early_reads
    left_age = draw_left_age(rng, people.hazard_ratio, reads_early, world)
    age_active = np.take_along_axis(willing, signup_day[:, None] + np.arange(FOLLOWED), axis=1)
    age_active &= np.arange(FOLLOWED) < left_age[:, None]
    person, age = np.nonzero(age_active)
    gap = np.where(np.diff(person, append=-1) == 0, np.diff(age, append=0), 0)
    silent = {f"silent_{s}": _last_age_before(person, age, (gap > s) | (gap == 0)) for s in SILENCE_DAYS}
    users = {"channel": people.channel, "reads_early": reads_early, "left_age": left_age}
    return {**users, **silent, "gap_age": gap[age <= HORIZON]}


def _last_age_before(person: Integers, age: Integers, ends: Bools) -> Integers:
    return age[ends][np.unique(person[ends], return_index=True)[1]]


def _silent_curve(sample: dict[str, np.ndarray], silence: int, alive: Floats, who: Bools) -> Floats:
    """Exact curve of being alive plus the sampled difference between being alive and not yet silent."""
    ages = np.arange(HORIZON + 1)
    difference = [_above(sample[name][who], ages) for name in (f"silent_{silence}", "left_age")]
    return alive + difference[0] - difference[1]


def _above(values: Integers, ages: Integers) -> Floats:
    return 1.0 - np.searchsorted(np.sort(values), ages, side="right") / len(values)


def _false_churn(gap: Integers) -> dict[str, float]:
    """Share of gaps longer than g days, begun in the first 180 days of life, that a return ended."""
    return {str(g): round(float((gap > g).sum() / ((gap > g) | (gap == 0)).sum()), 4) for g in GAP_DAYS}


def _area(curve: Floats) -> float:
    return round(float(curve[:HORIZON].sum()), 2)


def _at(curve: Floats) -> list[float]:
    return [round(float(curve[day]), 4) for day in SURVIVAL_DAYS]
