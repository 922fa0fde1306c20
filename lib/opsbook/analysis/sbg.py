"""sBG: how many subscribers will still renew, from the renewals seen so far.

Each subscriber has a chance of his own to cancel at every renewal (beta over subscribers). Those who are likely to
cancel do so first, so the renewal rate of the rest rises; a constant rate would write them off too early.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import ibis
import numpy as np
import pandas as pd
from scipy.special import betaln, digamma, expit, logit, ndtri

from opsbook.analysis.likelihood import Fit, Slope, maximise
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
NAMES = ("alpha", "beta")
STARTS = ((1.0, 1.0), (0.5, 3.0), (3.0, 0.8))
METHOD = "sBG, exact likelihood on counted renewals, delta method"


def renewals(
    steps: Tabular, *, events: Sequence[str], cycle_days: int, grace_days: int, settled_through: date
) -> pd.DataFrame:
    """How many subscribers cancelled at each renewal, and how many were only seen so far.

    A subscription begins with the first event named; renewal k is paid when such an event lies within grace_days of
    k cycles later, and the first one that is not paid ends it. A renewal whose grace has not passed decides nothing.

    steps:   one row per event -- user, day, event
    returns: one row per number of cycles -- cycles (renewals until then), lost (subscribers who did not pay that
             renewal), censored (subscribers who had paid every renewal due by then)

    >>> from datetime import date
    >>> import pandas as pd
    >>> from opsbook import sbg
    >>> days = pd.to_datetime(["2026-01-01", "2026-01-31", "2026-01-01"])
    >>> steps = pd.DataFrame({"user": [1, 1, 2], "event": "pay", "day": days})
    >>> rule = {"events": ["pay"], "cycle_days": 30, "grace_days": 5}
    >>> print(sbg.renewals(steps, **rule, settled_through=date(2026, 3, 1)).to_string(index=False))
     cycles  lost  censored
          1     1         1
    """
    if not events:
        return pd.DataFrame({"cycles": [], "lost": [], "censored": []}, dtype="int64")
    told = engine_table(steps)
    paid = told.filter(told.event.isin(list(events)))
    paid = paid.select("user", number=_.day.cast("date").epoch_days().cast("int32"))
    paid = paid.filter(_.number <= (settled_through - date(1970, 1, 1)).days)
    begun = paid.mutate(first=_.number.min().over(ibis.window(group_by="user")))
    due = begun.mutate(cycle=((_.number - _.first + grace_days) / cycle_days).floor().cast("int32"))
    late = due.mutate(off=_.number - _.first - _.cycle * cycle_days).filter(_.off <= grace_days)
    kept = late.group_by("user", "first", "cycle").agg(rows=_.count())
    in_turn = kept.mutate(turn=ibis.row_number().over(ibis.window(group_by="user", order_by="cycle")).cast("int32"))
    held = in_turn.filter(_.turn == _.cycle).group_by("user", "first").agg(paid=_.cycle.max())
    last = (settled_through - date(1970, 1, 1)).days - grace_days
    ended = held.mutate(lost=_.first + (_.paid + 1) * cycle_days <= last)
    counted = ended.group_by("paid", "lost").agg(subscribers=_.count()).to_pandas()
    return _by_cycle(counted)


def fit(renewals: pd.DataFrame) -> Fit:
    """The two parameters by maximum likelihood.

    renewals: one row per number of cycles -- cycles (1 or more), lost (at that renewal); censored (after that many
              renewals; may lack)
    source:   Fader and Hardie 2007, "How to project customer retention", formulas 5 to 7

    >>> from opsbook import sbg
    >>> fitted = sbg.fit(sbg.from_survivors([631, 468, 382, 326], started=1000))
    >>> print(f"alpha {fitted.values[0]:.3f}, beta {fitted.values[1]:.3f}")
    alpha 0.764, beta 1.296
    """
    k = renewals["cycles"].to_numpy(dtype=float)
    lost = renewals["lost"].to_numpy(dtype=float)
    kept = renewals["censored"].to_numpy(dtype=float) if "censored" in renewals else np.zeros(len(k))
    n = int(lost.sum() + kept.sum())
    return maximise(lambda values: _log_likelihood(values, k, lost, kept), names=NAMES, starts=STARTS, n=n)


def from_survivors(survivors: Sequence[float], *, started: float) -> pd.DataFrame:
    """The table that `fit` takes from the subscribers left after 1, 2, … renewals of one cohort.

    >>> from opsbook import sbg
    >>> print(sbg.from_survivors([631, 468, 382], started=1000).to_string(index=False))
     cycles  lost  censored
          1 369.0       0.0
          2 163.0       0.0
          3  86.0     382.0
    """
    left = np.array([started, *survivors], dtype=float)
    cycles = np.arange(1, len(left))
    censored = np.where(cycles == len(left) - 1, left[-1], 0.0)
    return pd.DataFrame({"cycles": cycles, "lost": -np.diff(left), "censored": censored})


def share_subscribed(values: np.ndarray | tuple[float, ...], cycles: np.ndarray | Sequence[float]) -> np.ndarray:
    """Share of subscribers who pay at least so many renewals (0-1).

    >>> from opsbook import sbg
    >>> sbg.share_subscribed((1.0, 1.0), [1, 2, 9]).round(3).tolist()
    [0.5, 0.333, 0.1]
    """
    alpha, beta = values
    return np.asarray(np.exp(betaln(alpha, beta + np.asarray(cycles, dtype=float)) - betaln(alpha, beta)))


def projection(fitted: Fit, *, cycles: Sequence[int], level: float = 0.95) -> pd.DataFrame:
    """Share still subscribed after each number of renewals, and the renewal rate of those who got there.

    returns: one row per number of cycles -- cycles, share_subscribed, share_low, share_high (delta method on the
             logit), renewal_rate (of the subscribers of the cycle before), n (subscribers behind the fit)

    >>> from opsbook import sbg
    >>> fitted = sbg.fit(sbg.from_survivors([631, 468, 382, 326], started=1000))
    >>> print(sbg.projection(fitted, cycles=[4, 8, 12]).round(3).to_string(index=False))
     cycles  share_subscribed  share_low  share_high  renewal_rate    n
          4             0.325      0.297       0.355         0.849 1000
          8             0.210      0.180       0.244         0.916 1000
         12             0.160      0.130       0.195         0.942 1000
    """
    times = np.asarray(list(cycles), dtype=float)
    share = share_subscribed(fitted.values, times)
    error = np.sqrt(fitted.variance_of(lambda values: logit(share_subscribed(values, times))))
    half = float(ndtri(0.5 + level / 2)) * error
    alpha, beta = fitted.values
    return pd.DataFrame(
        {
            "cycles": times.astype("int64"),
            "share_subscribed": share,
            "share_low": expit(logit(share) - half),
            "share_high": expit(logit(share) + half),
            "renewal_rate": (beta + times - 1) / (alpha + beta + times - 1),
            "n": fitted.n,
        }
    )


def _by_cycle(counted: pd.DataFrame) -> pd.DataFrame:
    """Lost after `paid` renewals means lost at the next one; who has not faced a renewal yet tells nothing."""
    lost = counted[counted["lost"]].assign(cycles=lambda t: t["paid"] + 1).set_index("cycles")["subscribers"]
    kept = counted[~counted["lost"].astype("bool")].rename(columns={"paid": "cycles"}).set_index("cycles")
    table = pd.DataFrame({"lost": lost, "censored": kept["subscribers"]}).rename_axis("cycles")
    table = table[table.index > 0].fillna(0).astype("int64").sort_index()
    return table.reset_index()[["cycles", "lost", "censored"]]


def _log_likelihood(values: np.ndarray, k: np.ndarray, lost: np.ndarray, kept: np.ndarray) -> Slope:
    alpha, beta = values
    goes = betaln(alpha + 1, beta + k - 1) - betaln(alpha, beta)
    stays = betaln(alpha, beta + k) - betaln(alpha, beta)
    both, late = digamma(alpha + beta), digamma(alpha + beta + k)
    by_alpha = lost * (digamma(alpha + 1) - digamma(alpha) - late + both) + kept * (both - late)
    by_beta = lost * (digamma(beta + k - 1) - digamma(beta) - late + both)
    by_beta = by_beta + kept * (digamma(beta + k) - digamma(beta) - late + both)
    return float(lost @ goes + kept @ stays), np.array([by_alpha.sum(), by_beta.sum()])
