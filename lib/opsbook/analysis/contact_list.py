"""The list of today's users at risk: whom it names and why, what it may be worth and what its holdout will show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import ibis
import numpy as np
import pandas as pd
from scipy.special import expit

from opsbook.analysis import risk_list
from opsbook.analysis.detectable import smallest_fall, smallest_group
from opsbook.analysis.early_warning import Alarm
from opsbook.analysis.risk_list import Draw

_ = ibis._
NAMED = 2  # reasons shown per user
VALUE = ("value", "value_low", "value_high")


def roster(
    found: Alarm, *, draw: Draw, left_out: Sequence[object] = (), registered: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """The list of today, riskiest first, with its arms; empty unless the case is ready. Holds user ids: never shown.

    left_out:   ids that rest from an earlier list
    registered: id (as text) -> arm of an earlier run of this very draw, which stands
    returns: one row per user -- rank, user_id, variant, risk (0-1, missing when only the ranking is to be used), band,
             recency_days, value (expected to be saved), reasons (factors that raise the risk most); missing = unknown

    >>> from opsbook import contact_list, early_warning, tiny
    >>> asked = early_warning.question(tiny.user_days, churn_after_days=7, within_days=7)
    >>> alarm = early_warning.answer(tiny.user_days, tiny.users, asked, data_start=tiny.DATA_START, as_of=tiny.AS_OF)
    >>> contact_list.roster(alarm, draw=None).empty  # too few left to judge a ranking by: nobody is listed
    True
    """
    columns = ["rank", "user_id", "variant", "risk", "band", "recency_days", "value", "reasons"]
    if found.case != "ready" or found.scored is None or found.chosen is None:
        return pd.DataFrame(columns=columns)
    first = risk_list.ranked(
        found.scored, by_recency=found.used == "recency", capacity=draw.capacity, left_out=left_out
    )
    listed = first.order_by("rank").to_pandas()
    risk = np.round(expit(listed["score"]), 4) if found.levels != "refused" else np.nan
    told = {
        "risk": risk,
        "value": (risk * listed["band"].map(_each(found))).astype(float).round(2),
        "reasons": reasons(found, listed),
    }
    return risk_list.assigned(listed.assign(**told), draw=draw, registered=registered or {})[columns]


def reasons(found: Alarm, listed: pd.DataFrame) -> list[str]:
    """Per user the factors that raise the odds most against the average user, strongest first.

    >>> import pandas as pd
    >>> from types import SimpleNamespace
    >>> from opsbook import contact_list
    >>> card = pd.DataFrame({"factor": ["recency", "recency", "orders"], "level": [0, 7, 0], "odds": [0.4, 3.0, 1.5]})
    >>> listed = pd.DataFrame({"recency": [7, 0], "orders": [0, 2]})
    >>> contact_list.reasons(SimpleNamespace(used="model", card=card), listed)
    ['recency; orders', '']
    """
    card = found.card if found.used == "model" else found.card[found.card["factor"] == "recency"]
    lifts = {factor: np.log(own.set_index("level")["odds"]) for factor, own in card.groupby("factor", sort=False)}
    added = pd.DataFrame({factor: listed[factor].map(own).fillna(0.0) for factor, own in lifts.items()})
    order = np.argsort(-added.to_numpy(), axis=1, kind="stable")[:, :NAMED]
    names, values = np.asarray(added.columns), added.to_numpy()
    return ["; ".join(names[at] for at in row if values[place, at] > 0) for place, row in enumerate(order)]


def prospect(found: Alarm, *, capacity: int, holdout_share: float) -> dict[str, object]:
    """What a list of today would be, before it is drawn and without anybody's name: see `risk_list.prospect`.

    returns: the same and value, what keeping the save rate of the list is worth (sum over `roster`; None = unknown),
             value_low and value_high (95 %, as wide as if all bands erred together: one may stand in for another),
             within_days, wait_days and read_out, how long after the draw and on which day all outcomes are known

    >>> from opsbook import contact_list, early_warning, tiny
    >>> asked = early_warning.question(tiny.user_days, churn_after_days=7, within_days=7)
    >>> alarm = early_warning.answer(tiny.user_days, tiny.users, asked, data_start=tiny.DATA_START, as_of=tiny.AS_OF)
    >>> contact_list.prospect(alarm, capacity=10, holdout_share=0.2)["listed"]
    0
    """
    asked = found.question
    days: dict[str, object] = {"within_days": asked.within_days, "wait_days": asked.wait_days}
    days |= {"read_out": found.landmarks.today + timedelta(days=asked.wait_days)}
    if found.case != "ready" or found.scored is None:
        nothing = risk_list.prospect(listed=0, holdout_share=holdout_share, baseline=np.nan)
        return nothing | dict.fromkeys(VALUE) | days
    first = risk_list.ranked(found.scored, by_recency=found.used == "recency", capacity=capacity)
    chance = (1 / (1 + (-_.score).exp())).sum().round(4)
    bands = first.group_by("band").agg(n=_.count(), leavers=chance).order_by("band").to_pandas()
    listed = int(bands["n"].sum())
    risk = float(bands["leavers"].sum()) / max(listed, 1) if found.levels != "refused" else np.nan
    told = risk_list.prospect(listed=listed, holdout_share=holdout_share, baseline=risk)
    return told | {name: _summed(bands, found, name) for name in VALUE} | days


def trial(coming: Mapping[str, Any], *, save_rate: float) -> dict[str, Any]:
    """How many of a list must be left alone, at random, to see whether a contact keeps save_rate of those leaving.

    coming:  of `prospect`; save_rate: share (0-1) of those expected to leave
    returns: needed (users; None = not even half of the list shows it), half (users), half_rate (the smallest share
             kept that half of the list shows four times in five; None = not even all). Nothing without a baseline.

    >>> from opsbook import contact_list
    >>> told = contact_list.trial({"listed": 500, "baseline": 0.9}, save_rate=0.1)
    >>> told["needed"], told["half"], f"{told['half_rate']:.1%}"
    (205, 250, '9.7%')
    >>> contact_list.trial({"listed": 500, "baseline": 0.5}, save_rate=0.1)["needed"]
    """
    listed, base = coming["listed"], coming.get("baseline")
    if base is None or not listed:
        return {}
    half = listed // 2
    fall = smallest_fall(base, base_n=half, changed_n=listed - half)
    needed = smallest_group(base, save_rate * base, total=listed)
    return {"needed": needed, "half": half, "half_rate": None if fall is None else fall / base}


def _summed(bands: pd.DataFrame, found: Alarm, name: str) -> float | None:
    """The worth of the listed leavers of each band, together; None where a band's is not known."""
    total = (bands["leavers"] * bands["band"].map(_each(found, name))).sum(skipna=False)
    return None if pd.isna(total) else float(total)


def _each(found: Alarm, name: str = "value") -> pd.Series:
    """By band, what one leaver is worth who is kept with the save rate."""
    return (found.today[name] / found.today["expected_leavers"]).set_axis(found.today["band"])
