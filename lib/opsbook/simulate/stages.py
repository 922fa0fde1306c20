"""Lifecycle stages by the rules that params/workbook.yaml ships, counted here without the analysis that reads them."""

from __future__ import annotations

import numpy as np

from opsbook.simulate.world import Bools, Integers, World

STAGES = ["introduction", "growth", "mature", "sleeping", "lost"]
FROM_STAGES = [*STAGES, "entered"]
LOST_AFTER_DAYS, SLEEPING_AFTER_DAYS, INTRODUCTION_DAYS, MATURE_ACTIVE_DAYS = 28, 7, 14, 8
LOOK_BACK_DAYS = 28
NOT_BEGUN = -1


def count_stages(active: Bools, begun: Integers, month_ends: Integers, world: World) -> dict[str, Integers]:
    """Users per month end and stage, and per month, stage at its beginning (or entered) and stage at its end.

    active: users by simulated days; begun: index of each user's first day
    """
    placed = [stage_on(active, begun, int(end)) for end in month_ends]
    stock = np.array([np.bincount(stage[stage >= 0], minlength=len(STAGES)) for stage in placed])
    start = [np.full(len(begun), NOT_BEGUN), *placed[:-1]]
    moves = np.array([_moves(one, two) for one, two in zip(start, placed, strict=True)])
    moves[0] = 0
    return {"stage_stock": stock, "stage_moves": moves}


def stage_on(active: Bools, begun: Integers, end: int) -> Integers:
    """Code of each user's stage at the end of a day, NOT_BEGUN for those who sign up later."""
    recent = active[:, end + 1 - LOOK_BACK_DAYS : end + 1]
    silent = np.where(recent.any(axis=1), recent[:, ::-1].argmax(axis=1), LOST_AFTER_DAYS)
    rules = {
        NOT_BEGUN: begun > end,
        STAGES.index("lost"): silent >= LOST_AFTER_DAYS,
        STAGES.index("sleeping"): silent >= SLEEPING_AFTER_DAYS,
        STAGES.index("introduction"): end - begun < INTRODUCTION_DAYS,
        STAGES.index("mature"): recent.sum(axis=1) >= MATURE_ACTIVE_DAYS,
    }
    return np.select(list(rules.values()), list(rules), STAGES.index("growth"))


def _moves(one: Integers, two: Integers) -> Integers:
    """Users by stage before (entered last) and stage after."""
    there = two >= 0
    origin = np.where(one < 0, len(STAGES), one)[there]
    flat = np.bincount(origin * len(STAGES) + two[there], minlength=len(FROM_STAGES) * len(STAGES))
    return flat.reshape(len(FROM_STAGES), len(STAGES))
