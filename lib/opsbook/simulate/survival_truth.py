"""True survival curves of the world, from its formulas and, for silence, from a large independent sample."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from opsbook.simulate.sample import CHURN_DAYS, Sample, large_sample
from opsbook.simulate.world import PLATFORMS, Bools, Floats, Integers, World

SURVIVAL_DAYS = (7, 14, 30, 60, 90, 120, 180)
HORIZON = 180
GAP_DAYS = (7, 10, 14, 21, 28, 30, 45, 60)


@lru_cache(maxsize=2)
def survival_truth(world: World) -> dict[str, Any]:
    """Share alive, and share not yet fallen silent, by age in days: overall and by channel; gaps ended by a return."""
    sample = large_sample(world)
    channel, early_share = sample.users["channel"], float(sample.users["reads_early"].mean())
    groups: dict[str, tuple[Floats, Bools]] = {"all": (alive_curve(world, early_share), channel >= 0)}
    for code, each in enumerate(world.channels):
        groups[each.key] = (alive_curve(world, early_share, channel=code), channel == code)
    silent = {days: {name: silent_curve(sample, days, *group) for name, group in groups.items()} for days in CHURN_DAYS}
    return {
        "days": list(SURVIVAL_DAYS),
        "share_reading_early": round(early_share, 4),
        "alive": {name: _at(curve) for name, (curve, _) in groups.items()},
        "alive_by_platform": {
            name: _at(alive_curve(world, early_share, platform=code)) for code, name in enumerate(PLATFORMS)
        },
        "not_silent": {str(days): {name: _at(curve) for name, curve in own.items()} for days, own in silent.items()},
        "median_days": {str(days): int(np.argmax(own["all"] <= 0.5)) for days, own in silent.items()},
        "restricted_mean_days": {
            "horizon_days": HORIZON,
            "alive": _area(groups["all"][0]),
            **{f"not_silent_{days}": _area(own["all"]) for days, own in silent.items()},
        },
        "false_churn": false_churn(sample),
        "false_churn_watched_on": false_churn_watched_on(sample),
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


def silent_curve(sample: Sample, silence: int, alive: Floats, who: Bools) -> Floats:
    """Exact curve of being alive plus the sampled difference between being alive and not yet silent."""
    ages = np.arange(HORIZON + 1)
    difference = [_above(sample.users[name][who], ages) for name in (f"silent_{silence}", "left_age")]
    return alive + difference[0] - difference[1]


def false_churn(sample: Sample) -> dict[str, float]:
    """Share of silences longer than g days that a return ended, as an endless company of the same span shows it.

    Silences are watched until the last day of data, and Kaplan-Meier completes those still open. It takes early and
    late ones as alike, which they are not: as the company ages, more of its silent users come back (12 % of the first
    months, 20 % of the last, at 21 days), and the early ones are watched longest.
    """
    at_risk = np.cumsum((sample.returned + sample.still_open)[::-1])[::-1]
    silent = np.cumprod(1 - sample.returned / np.maximum(at_risk, 1))
    return {str(g): round(float(1 - silent[-1] / silent[g]), 4) for g in GAP_DAYS}


def false_churn_watched_on(sample: Sample) -> dict[str, float]:
    """The same share when everybody is watched for months longer, which no report can do."""
    return {str(g): round(float(sample.ended_over[g] / sample.over[g]), 4) for g in GAP_DAYS}


def _above(values: Integers, ages: Integers) -> Floats:
    return 1.0 - np.searchsorted(np.sort(values), ages, side="right") / len(values)


def _area(curve: Floats) -> float:
    return round(float(curve[:HORIZON].sum()), 2)


def _at(curve: Floats) -> list[float]:
    return [round(float(curve[day]), 4) for day in SURVIVAL_DAYS]
