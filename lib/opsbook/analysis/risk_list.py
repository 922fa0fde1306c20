"""The list for today's capacity and its holdout, drawn by a salted hash of each user's id."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.analysis.detectable import POWER, smallest_fall
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
TREATMENT, CONTROL = "treatment", "control"
DIGITS = 16  # of the hash that decide: 64 bits


@dataclass(frozen=True)
class Draw:
    """A list to come: what names its experiment and salts its hash, how long it is, how much of it is left alone."""

    seed: int
    company: str
    run: str
    as_of: date
    capacity: int
    holdout_share: float

    @property
    def experiment_id(self) -> str:
        """The key in `assignments`, such as at_risk_weekly_20261031."""
        return f"at_risk_{self.run}_{self.as_of:%Y%m%d}"

    @property
    def salt(self) -> str:
        """What is put before every id: other draws of other days or runs are independent of this one."""
        return f"{self.seed}|{self.company}|{self.run}|{self.as_of.isoformat()}"

    @property
    def salt_id(self) -> str:
        """A fingerprint that tells two salts apart without giving the salt away."""
        return hashlib.sha256(f"salt of {self.salt}".encode()).hexdigest()[:12]


def position(user_id: object, *, salt: str) -> float:
    """Where a user falls between 0 and 1: SHA-256 of salt and id, whatever other users there are and in what order.

    >>> from opsbook import risk_list
    >>> [round(risk_list.position("u07", salt=salt), 3) for salt in ("spring", "spring", "autumn")]
    [0.842, 0.842, 0.987]
    """
    found = hashlib.sha256(f"{salt}|{user_id}".encode()).hexdigest()
    return int(found[:DIGITS], 16) / 16**DIGITS


def variant(user_id: object, *, draw: Draw) -> str:
    """Control for the holdout share of all ids, treatment for the others.

    >>> from opsbook import risk_list, tiny
    >>> draw = risk_list.Draw(seed=1, company="tiny", run="weekly", as_of=tiny.AS_OF, capacity=30, holdout_share=0.3)
    >>> tiny.users["user_id"].map(lambda user: risk_list.variant(user, draw=draw)).value_counts().to_dict()
    {'treatment': 46, 'control': 14}
    """
    return CONTROL if position(user_id, salt=draw.salt) < draw.holdout_share else TREATMENT


def ranked(scored: Tabular, *, by_recency: bool, capacity: int, left_out: Sequence[object] = ()) -> ir.Table:
    """The first users of the ranking, riskiest first; equal ones by a hash of the id, which favours nobody.

    scored:   one row per living user -- user_id, score, recency_days, …
    left_out: ids that rest from an earlier list; the next ones take their places

    >>> import pandas as pd
    >>> from opsbook import risk_list
    >>> scored = pd.DataFrame({"user_id": ["a", "b", "c"], "score": [0.9, -1.0, 0.2], "recency_days": [3, 12, 6]})
    >>> risk_list.ranked(scored, by_recency=False, capacity=2).to_pandas()["user_id"].tolist()
    ['a', 'c']
    >>> risk_list.ranked(scored, by_recency=True, capacity=2, left_out=["b"]).to_pandas()["user_id"].tolist()
    ['c', 'a']
    """
    scored = engine_table(scored)
    rested = scored.filter(~_.user_id.cast("string").isin([str(one) for one in left_out])) if left_out else scored
    keys = (
        [ibis.desc("recency_days"), ibis.desc("score")]
        if by_recency
        else [ibis.desc("score"), ibis.desc("recency_days")]
    )
    order = [*keys, "shuffled", "user_id"]
    shuffled = rested.mutate(shuffled=rested.user_id.cast("string").hexdigest("md5"))
    return (
        shuffled.order_by(order)
        .limit(capacity)
        .mutate(rank=ibis.row_number().over(order_by=order) + 1)
        .drop("shuffled")
    )


def assigned(listed: pd.DataFrame, *, draw: Draw, registered: Mapping[str, str]) -> pd.DataFrame:
    """The list with `variant`, in its own order; an arm that was registered before stands.

    >>> import pandas as pd
    >>> from opsbook import risk_list, tiny
    >>> draw = risk_list.Draw(seed=1, company="tiny", run="weekly", as_of=tiny.AS_OF, capacity=3, holdout_share=0.3)
    >>> listed = pd.DataFrame({"user_id": ["u01", "u02", "u03"]})
    >>> print(risk_list.assigned(listed, draw=draw, registered={"u02": "control"}).to_string(index=False))
    user_id   variant
        u01 treatment
        u02   control
        u03   control
    """
    arms = [registered.get(str(user)) or variant(user, draw=draw) for user in listed["user_id"]]
    return listed.assign(variant=arms)


def prospect(*, listed: int, holdout_share: float, baseline: float) -> dict[str, object]:
    """What the holdout will be able to tell.

    baseline: mean predicted probability of the list
    returns:  listed, planned_holdout (users), baseline, detectable_fall (the smallest fall of the share leaving that
              95 % intervals show four times in five, from exact counts of the planned arms; None = not even all)

    >>> from opsbook import risk_list
    >>> told = risk_list.prospect(listed=1000, holdout_share=0.2, baseline=0.5)
    >>> print(f"{told['planned_holdout']} left alone show a fall of {100 * told['detectable_fall']:.1f} points or more")
    200 left alone show a fall of 10.9 points or more
    """
    holdout = round(listed * holdout_share)
    known = listed > 0 and 0 < baseline < 1
    fall = smallest_fall(baseline, base_n=holdout, changed_n=listed - holdout) if known else None
    return {
        "listed": listed,
        "planned_holdout": holdout,
        "baseline": baseline if known else None,
        "detectable_fall": fall,
    }


def registry(draw: Draw, roster: pd.DataFrame, *, model: str, within_days: int, wait_days: int) -> dict[str, object]:
    """What is written down beside the assignments: who drew what, when it is read out and what can be seen then.

    >>> import pandas as pd
    >>> from opsbook import risk_list, tiny
    >>> draw = risk_list.Draw(seed=1, company="tiny", run="weekly", as_of=tiny.AS_OF, capacity=3, holdout_share=0.3)
    >>> roster = pd.DataFrame({"variant": ["treatment", "treatment", "control"], "risk": [0.6, 0.5, 0.4]})
    >>> told = risk_list.registry(draw, roster, model="scorecard", within_days=7, wait_days=21)
    >>> print(told["experiment_id"], told["first_day"], told["last_day"], told["read_out"])
    at_risk_weekly_20260329 2026-03-30 2026-04-05 2026-04-19
    """
    arms = roster["variant"].value_counts()
    told = prospect(listed=len(roster), holdout_share=draw.holdout_share, baseline=float(roster["risk"].mean()))
    return {
        "experiment_id": draw.experiment_id, "as_of": str(draw.as_of), "salt_id": draw.salt_id, "model": model,
        "capacity": draw.capacity, "holdout_share": draw.holdout_share, **told, "power": POWER,
        "treatment": int(arms.get(TREATMENT, 0)), "control": int(arms.get(CONTROL, 0)),
        "first_day": str(draw.as_of + timedelta(days=1)), "last_day": str(draw.as_of + timedelta(days=within_days)),
        "after_days": wait_days - within_days, "read_out": str(draw.as_of + timedelta(days=wait_days)),
    }  # fmt: skip
