"""Who is at risk now: learned from past landmarks, checked on a later one, applied to the living of today."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opsbook.analysis import churn, risk_check, risk_model, risk_rows, risk_value
from opsbook.analysis.churn import Threshold
from opsbook.analysis.logistic import in_the_large, normal_half
from opsbook.analysis.proportion import Estimate
from opsbook.analysis.risk_check import Check
from opsbook.analysis.risk_model import RiskModel
from opsbook.analysis.risk_rows import LONG_DAYS, Landmarks, Question
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
MIN_CHECKED = 30  # users who left, and who stayed, below which a check says nothing
METHOD = "ridge logistic scorecard, checked on a later landmark"
ACTIONS = ((0.6, "win_back"), (0.3, "contact"), (0.1, "remind"))  # mean probability of the band, at least
TODAY = ["band", "users", "risk", "expected_leavers", "saved_users", "worth", "value", "value_low", "value_high"]
UNKNOWN = Estimate(np.nan, np.nan, np.nan, 0)


@dataclass(frozen=True, eq=False)
class Alarm:
    """The section's answer.

    case: ready, short (data too short to check), few (too few left), nobody (alive now), undefined (churn is).

    used: model or recency, whichever makes the list; chosen: the model behind the probabilities; check: of the full
    model; chosen_check: of the chosen one; tuned: what the day of choosing made of its levels, "" without one.
    today: a row per risk band; scored: the living of today, in the engine.
    """

    case: str
    question: Question
    landmarks: Landmarks
    learned_from: int = 0
    left: int = 0
    alive: int = 0
    used: str = "recency"
    check: Check | None = None
    chosen_check: Check | None = None
    chosen: RiskModel | None = None
    tuned: str = ""
    metric: str = "active_days"
    worth: pd.DataFrame = field(default_factory=pd.DataFrame)
    today: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=TODAY))
    card: pd.DataFrame = field(default_factory=pd.DataFrame)
    totals: pd.DataFrame = field(default_factory=pd.DataFrame)
    scored: ir.Table | None = None
    leavers: Estimate = UNKNOWN
    cuts: np.ndarray = field(default_factory=lambda: np.empty(0))

    @property
    def levels(self) -> str:
        """hold, recalibrated or refused: whether probabilities may be used."""
        return self.chosen_check.levels if self.chosen_check else "refused"

    @property
    def bands(self) -> pd.DataFrame:
        """Predicted against observed by band on the day of the check; empty without one."""
        return self.chosen_check.bands if self.chosen_check else pd.DataFrame(columns=risk_check.BANDS)

    @property
    def curve(self) -> pd.DataFrame:
        """Gains of both rankings on the day of the check; empty without one."""
        return self.check.curve if self.check else pd.DataFrame(columns=["ranking", "share_users", "share_found"])


def question(user_days: Tabular, *, churn_after_days: int, within_days: int, by: Sequence[str] = ()) -> Question:
    """What is asked of a mart: the event groups of its user_days (n_<group>) describe users too.

    >>> from opsbook import early_warning, tiny
    >>> asked = early_warning.question(tiny.user_days, churn_after_days=14, within_days=7, by=["channel"])
    >>> asked.groups, asked.wait_days
    (('reading', 'social', 'shopping'), 21)
    """
    groups = tuple(str(name).removeprefix("n_") for name in user_days.columns if str(name).startswith("n_"))
    return Question(churn_after_days, within_days, groups, tuple(by))


def answer(
    user_days: Tabular,
    users: Tabular,
    asked: Question,
    *,
    data_start: date,
    as_of: date,
    landmarks: int = 6,
    save_rate: float = 0.1,
    value_days: int = 90,
    metric: str = "active_days",
    min_cell: int = 10,
) -> Alarm:
    """Everything the section shows, as far as the data allow.

    user_days: one row per user and active day -- user, day, gap_after, orders, revenue, n_<group>
    users:     one row per user -- user, user_id, first_day and the columns of asked.by
    metric:    what a saved user is worth: revenue or active_days over value_days

    >>> from opsbook import early_warning, tiny
    >>> asked = early_warning.question(tiny.user_days, churn_after_days=7, within_days=7)
    >>> span = {"data_start": tiny.DATA_START, "as_of": tiny.AS_OF}
    >>> alarm = early_warning.answer(tiny.user_days, tiny.users, asked, **span)
    >>> alarm.case, alarm.alive, alarm.levels
    ('few', 32, 'refused')
    """
    days, people = engine_table(user_days), engine_table(users)
    plans = risk_rows.plans(asked, data_start=data_start, as_of=as_of, most=landmarks)
    priced_on = as_of - timedelta(days=max(value_days, asked.wait_days))
    past = [day for when in plans for day in (*when.training, when.tuning, when.validation) if day]
    on = sorted({day for day in (as_of, priced_on, *past) if day >= data_start})
    seen = risk_rows.rows(days, people, asked, on=on, through=as_of)
    tried = (_judged(seen, Alarm("short", asked, when, metric=metric)) for when in plans)
    found = _first_ready(tried)
    if found.case != "ready" or found.scored is None or found.chosen is None:
        return found
    then = _scored(seen.filter(_.landmark == ibis.date(priced_on)), found.chosen, found.cuts)
    watched = then if (priced_on - data_start).days + 1 >= LONG_DAYS else then.limit(0)
    banded = watched.select("user", "band", "left")
    worth = risk_value.saved(banded, days, landmark=priced_on, value_days=value_days, metric=metric)
    today = _today(found.scored, worth, save_rate=save_rate, refused=found.levels == "refused")
    totals = risk_value.sensitivity(today, save_rate=save_rate, metric=metric)
    named = found.scored.inner_join(people.select("user", "user_id"), "user")
    card = found.card[found.card["users"] >= min_cell].reset_index(drop=True)
    return replace(found, worth=worth, today=today[[*TODAY, "action"]], totals=totals, scored=named, card=card)


def usable(found: Alarm, limit: Threshold, gaps: pd.DataFrame) -> Alarm:
    """The answer as it is, or without list, table and value where most who would count as leavers come back.

    gaps: `churn.false_churn`

    >>> import pandas as pd
    >>> from opsbook import churn, early_warning, tiny
    >>> asked = early_warning.question(tiny.user_days, churn_after_days=7, within_days=7)
    >>> alarm = early_warning.answer(tiny.user_days, tiny.users, asked, data_start=tiny.DATA_START, as_of=tiny.AS_OF)
    >>> back = pd.DataFrame({"threshold_days": [7], "false_churn": [0.7]})
    >>> early_warning.usable(alarm, churn.Threshold(7, "given", None), back).case
    'undefined'
    """
    if not churn.undefined(limit, gaps):
        return found
    empty = {name: getattr(found, name).head(0) for name in ("card", "worth", "today", "totals")}
    return replace(found, case="undefined", check=None, chosen_check=None, scored=None, **empty)


def _judged(seen: ir.Table, found: Alarm) -> Alarm:
    """Learned from the training days, checked on the later one, and which ranking that leaves for today."""
    asked, when = found.question, found.landmarks
    now = seen.filter(_.landmark == ibis.date(when.today))
    found = replace(found, alive=int(now.count().to_pandas()))
    if when.validation is None or not found.alive:
        return found if found.alive else replace(found, case="nobody")
    past = seen.filter(_.landmark.isin([ibis.date(day) for day in when.training]))
    taught = risk_rows.patterns(past, asked).to_pandas()
    tuning, tested = (_counted(seen, day, asked) for day in (when.tuning or when.validation, when.validation))
    found = replace(found, learned_from=int(taught["users"].sum()), left=int(taught["left"].sum()))
    full, plain = (risk_model.learned(taught, factors=names) for names in (asked.factors, ("recency",)))
    if full is None or plain is None or min(*_kinds(tuning), *_kinds(tested)) < MIN_CHECKED:
        return replace(found, case="few")
    check = risk_check.check(full.scores(tested), tested)
    tried = check if when.tuning is None else risk_check.check(full.scores(tuning), tuning)
    better = tried.status == "better"
    chosen, tuned = _tuned(full if better else plain, tuning) if when.tuning else (full if better else plain, "")
    own = risk_check.check(chosen.scores(tested), tested)
    chosen = chosen.recalibrated(own.shift, own.slope)
    cuts = risk_check.edges(chosen.scores(tested), tested["users"].to_numpy(float))
    scored = _scored(now, chosen, cuts)
    return replace(
        found, case="ready", used="model" if better else "recency", check=check, chosen_check=own, chosen=chosen,
        tuned=tuned, cuts=cuts, card=risk_model.weights(full, past, asked), scored=scored,
        leavers=_leavers(scored, chosen, tested),
    )  # fmt: skip


def _first_ready(tried: Iterable[Alarm]) -> Alarm:
    """The first way to part the past that the data carry; else what the last one says."""
    for found in tried:
        if found.case == "ready":
            return found
    return found


def _counted(seen: ir.Table, day: date, asked: Question) -> pd.DataFrame:
    """The users of one landmark by pattern, with their days of silence."""
    return risk_rows.patterns(seen.filter(_.landmark == ibis.date(day)), asked, exact=True).to_pandas()


def _kinds(counted: pd.DataFrame) -> tuple[int, int]:
    """Users who left and who stayed."""
    left = int(counted["left"].sum())
    return left, int(counted["users"].sum()) - left


def _tuned(model: RiskModel, tuning: pd.DataFrame) -> tuple[RiskModel, str]:
    """The model with its levels moved to the day of choosing where they were off there, and what was found."""
    seen = risk_check.check(model.scores(tuning), tuning)
    return model.recalibrated(seen.shift, seen.slope), seen.levels


def lift_at(found: Alarm, *, capacity: int) -> pd.DataFrame:
    """At the check, what the first users hold when the share contacted is today's: one row per ranking.

    returns: ranking (model, recency), share_users, users, found, share_found, rate, lift

    >>> import pandas as pd
    >>> from types import SimpleNamespace
    >>> from opsbook import early_warning
    >>> curve = {"ranking": "model", "share_users": [0.1, 0.5, 1.0], "share_found": [0.4, 0.8, 1.0]}
    >>> curve = pd.DataFrame(curve | {"users": [100, 500, 1000], "found": [80, 160, 200]})
    >>> found = early_warning.lift_at(SimpleNamespace(alive=5000, curve=curve), capacity=500)
    >>> print(found.round(2).to_string(index=False))  # one tenth of the users holds 40 % of the leavers
    ranking  share_users  users  found  share_found  rate  lift
      model          0.1  100.0   80.0          0.4   0.8   4.0
    """
    curve = found.curve
    share = min(capacity / max(found.alive, 1), 1.0)
    rows = []
    for name, own in curve.groupby("ranking", sort=False):
        at, left = np.r_[0.0, own["share_users"]], np.r_[0.0, own["share_found"]]
        part = float(np.interp(share, at, left))
        users, gone = share * own["users"].iloc[-1], part * own["found"].iloc[-1]
        rows.append((name, share, users, gone, part, gone / users, part / share))
    names = ["ranking", "share_users", "users", "found", "share_found", "rate", "lift"]
    return pd.DataFrame(rows, columns=names)


def _scored(table: ir.Table, model: RiskModel, cuts: np.ndarray) -> ir.Table:
    """Adds score (log odds) and band."""
    scored = table.mutate(score=model.score(table))
    band = sum(((scored.score > float(cut)).cast("int64") for cut in cuts), ibis.literal(1))
    return scored.mutate(band=band)


def _leavers(scored: ir.Table, model: RiskModel, tested: pd.DataFrame) -> Estimate:
    """Users of today expected to leave: chance of each user, and of the level as sure as the check could make it."""
    chance = 1 / (1 + (-_.score).exp())
    told = scored.mutate(chance=chance)
    row = told.agg(
        n=_.count(), sum=_.chance.sum().round(4), info=(_.chance * (1 - _.chance)).sum().round(4)
    ).to_pandas()
    n, total, info = (float(row[name].iloc[0]) for name in ("n", "sum", "info"))
    error = in_the_large(model.scores(tested), tested["users"].to_numpy(float), tested["left"].to_numpy(float))[1]
    return leavers_interval(total, info=info, level_error=error, n=int(n))


def leavers_interval(total: float, *, info: float, level_error: float, n: int) -> Estimate:
    """Users expected to leave; info: sum of p (1 - p); level_error: of the level of the log odds, as the check saw it.

    source: variance of a sum of independent users, and of the level carried over to each of them (delta method)

    >>> from opsbook import early_warning
    >>> found = early_warning.leavers_interval(120.0, info=80.0, level_error=0.1, n=400)
    >>> round(found.value), round(found.low), round(found.high)
    (120, 96, 144)
    """
    half = normal_half(float(np.sqrt(info + (info * level_error) ** 2)))
    return Estimate(total, max(total - half, 0.0), min(total + half, n), n)


def _today(scored: ir.Table, worth: pd.DataFrame, *, save_rate: float, refused: bool) -> pd.DataFrame:
    """One row per band of today, riskiest first."""
    chance = 1 / (1 + (-_.score).exp())
    counted = scored.group_by("band").agg(users=_.count(), expected_leavers=chance.sum().round(4))
    table = counted.order_by(ibis.desc("band")).to_pandas()
    if refused:
        table["expected_leavers"] = np.nan
    table["risk"] = table["expected_leavers"] / table["users"]
    priced = risk_value.expected(table, worth, save_rate=save_rate).sort_values("band", ascending=False)
    return priced.assign(action=[_action(risk) for risk in priced["risk"]]).reset_index(drop=True)


def _action(risk: float) -> str:
    if np.isnan(risk):
        return "by_rank"
    return next((name for least, name in ACTIONS if risk >= least), "leave")
