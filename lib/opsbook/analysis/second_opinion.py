"""The same curve by lifelines, the library everybody knows: a second opinion printed beside ours."""

from __future__ import annotations

import numpy as np
import pandas as pd
from lifelines import KaplanMeierFitter

from opsbook.analysis.survival import kaplan_meier


def largest_difference(durations: pd.DataFrame) -> float:
    """Largest difference between our Kaplan-Meier shares and lifelines' on the same counts; missing when empty.

    durations: one row per (entry_days, duration_days) -- churned, censored (users); somebody must enter at 0
    source:    lifelines.KaplanMeierFitter with counts as weights, which are exact for this estimator

    >>> from opsbook import second_opinion, time_to_churn, tiny
    >>> durations = time_to_churn.durations(tiny.user_days, tiny.users, as_of=tiny.AS_OF, churn_after_days=10)
    >>> second_opinion.largest_difference(durations) < 1e-12
    True
    """
    steps = kaplan_meier(durations)
    if steps.empty or durations["entry_days"].min() > 0:
        return float("nan")
    theirs = _fitted(durations).survival_function_["KM_estimate"]
    theirs = theirs.reindex(steps["duration_days"].to_numpy(float), method="pad")
    return float(np.abs(theirs.to_numpy() - steps["active"].to_numpy()).max())


def _fitted(durations: pd.DataFrame) -> KaplanMeierFitter:
    left = durations.assign(event=1, users=durations["churned"])
    stayed = durations.assign(event=0, users=durations["censored"])
    rows = pd.concat([left, stayed])
    rows = rows[rows["users"] > 0].groupby(["entry_days", "duration_days", "event"])["users"].sum().reset_index()
    days, entry = rows["duration_days"].astype(float), rows["entry_days"].astype(float)
    return KaplanMeierFitter().fit(days, rows["event"], entry=entry, weights=rows["users"])
