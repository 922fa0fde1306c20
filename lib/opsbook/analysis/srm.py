"""Sample-ratio mismatch: when the arms are not as large as planned, no effect may be read from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

ALARM_P = 0.001
COLUMNS = ["variant", "users", "expected", "share", "expected_share"]


class SampleRatio(NamedTuple):
    """Outcome of the test: status is healthy, mismatch, or untested when the planned shares are not known."""

    status: str
    p: float
    users: int


def planned_share(control_share: float | None, *, comparison: str, variants: int) -> float | None:
    """Planned share of the control: as written down; else, for an A/B test, equal arms; else not known.

    >>> from opsbook import srm
    >>> srm.planned_share(0.2, comparison="holdout", variants=2), srm.planned_share(None, comparison="ab", variants=4)
    (0.2, 0.25)
    """
    equal = 1 / variants if comparison == "ab" and variants else None
    return equal if control_share is None else control_share


def sample_ratio(
    arms: pd.DataFrame, *, control: str, control_share: float | None, shares: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """Arms as they are against arms as planned.

    arms:     one row per variant -- variant, users
    control_share: planned share of the control arm; the others share the rest equally; None = plan unknown
    shares:   planned share of every arm, where the plan says so; an arm that nobody is in is then a row of none
    returns:  one row per variant, by name -- variant, users, expected (users), share, expected_share (0-1)

    >>> from opsbook import experiment, srm, tiny
    >>> asked = {"experiment_id": tiny.CAMPAIGN, "campaign_id": tiny.CAMPAIGN}
    >>> arms = experiment.arms(tiny.assignments, tiny.exposures, **asked)
    >>> print(srm.sample_ratio(arms, control="control", control_share=0.5).round(3).to_string(index=False))
      variant  users  expected  share  expected_share
      control     16      15.0  0.533             0.5
    treatment     14      15.0  0.467             0.5
    """
    if shares:
        return _against_plan(arms, shares)
    table = arms[["variant", "users"]].sort_values("variant", ignore_index=True)
    total, others = table["users"].sum(), max((table["variant"] != control).sum(), 1)
    planned = np.nan if control_share is None else control_share
    due = pd.Series(np.where(table["variant"] == control, planned, (1 - planned) / others), index=table.index)
    share = table["users"] / max(total, 1)
    return table.assign(expected=due * total, share=share, expected_share=due)[COLUMNS]


def check(ratio: pd.DataFrame) -> SampleRatio:
    """Chi-square of the arms against the plan; p < 0.001 is a mismatch that stops the verdict.

    A plan of which an arm is missing altogether is a mismatch too.
    source: Fabijan and others 2019

    >>> import pandas as pd
    >>> from opsbook import srm
    >>> arms = pd.DataFrame({"variant": ["control", "treated"], "users": [4700, 5300]})
    >>> found = srm.check(srm.sample_ratio(arms, control="control", control_share=0.5))
    >>> print(f"{found.status}: p = {found.p:.1e} of {found.users} users")
    mismatch: p = 2.0e-09 of 10000 users
    """
    users = int(ratio["users"].sum())
    if len(ratio) < 2 or users == 0 or ratio["expected"].isna().any():
        return SampleRatio("untested", float("nan"), users)
    p = float(stats.chisquare(ratio["users"], ratio["expected"]).pvalue) if (ratio["expected"] > 0).all() else 0.0
    return SampleRatio("mismatch" if p < ALARM_P else "healthy", p, users)


def _against_plan(arms: pd.DataFrame, shares: Mapping[str, float]) -> pd.DataFrame:
    """Every arm of the plan and of the data; nothing assigned at all is no plan gone wrong but no experiment."""
    users = arms.set_index("variant")["users"]
    names = sorted({*shares, *users.index}) if len(arms) else []
    table = pd.DataFrame({"variant": names, "users": [int(users.get(name, 0)) for name in names]})
    share = pd.Series([shares.get(name, 0.0) for name in names], dtype="float64") / sum(shares.values())
    total = table["users"].sum()
    return table.assign(expected=share * total, share=table["users"] / max(total, 1), expected_share=share)[COLUMNS]
