"""What staying has to do with early behaviour, in a large sample: one behaviour that matters and two that do not."""

from __future__ import annotations

from typing import Any

import numpy as np

from opsbook.simulate.sample import OUTCOME_DAYS, Sample
from opsbook.simulate.world import Bools, World

SEEN_FROM_DAY = 7
BEHAVIOURS = {
    "read_3_contents_in_first_7_days": ("reads_7", 3, True),
    "check_in_2_days_in_first_7_days": ("check_in_days_7", 2, False),
    "finish_guide": ("finished_guide", 1, False),
}
"""Name: column of the sample, how much of it counts as done, whether it was planted with an effect on leaving."""


def early_behaviour(sample: Sample, world: World) -> dict[str, Any]:
    """Share of newcomers still coming a month later, with each behaviour and without.

    Only newcomers of the company's data whose outcome days lie in it, and who were seen from day 7 on: else leaving
    early would look like doing little. Check-ins differ a little, because users who come more often check in on more
    days and are seen on more days; the guide differs by channel, not within one.
    """
    users = sample.users
    whole = (users["signup_day"] >= world.observed_from) & (users["signup_day"] + OUTCOME_DAYS[1] < world.days)
    seen = whole & (users["last_age"] >= SEEN_FROM_DAY)
    return {
        "seen_from_day": SEEN_FROM_DAY,
        "outcome_days": list(OUTCOME_DAYS),
        **{
            name: {"has_effect": matters, "reach": _share(users[column][whole] >= least)}
            | _with_and_without(users[column][seen] >= least, users["stayed"][seen] > 0, users["day_30"][seen] > 0)
            for name, (column, least, matters) in BEHAVIOURS.items()
        },
    }


def _with_and_without(done: Bools, stayed: Bools, day_30: Bools) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, outcome in (("stayed", stayed), ("active_on_day_30", day_30)):
        with_it, without = _share(outcome[done]), _share(outcome[~done])
        found |= {f"{name}_if_done": with_it, f"{name}_if_not": without}
        found[f"{name}_difference"] = round(with_it - without, 4)
    return found


def _share(flags: Bools) -> float:
    return round(float(np.mean(flags)), 4)
