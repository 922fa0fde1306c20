"""What goes with leaving, without looking ahead: covariates from the first days, users still there after them.

A covariate that is measured while users stay (how often they came, whether they ever bought) favours those who stay
longer, for only they had the time. So it is measured in the landmark window, the first landmark_days of life, and only
users whose last sign of life before churn lies after the window are followed, from the end of the window on.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.analysis import segment_survival, time_to_churn
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
BANDS = (0, 1, 2, 4, 7)
BAND_NAMES = ["0", "1", "2–3", "4–6", "7+"]
ACTIVE_BANDS = "early_active_days"
PARTS = 4
FEW = 8
NUMBER = "number:"
NOT_COVARIATES = ("user", "first_day", "entry_days", "duration_days", "fate")


def durations(
    lives: Tabular,
    user_days: Tabular,
    *,
    landmark_days: int,
    early: Sequence[str] = ("active_days",),
    numbers: Sequence[str] = (),
) -> pd.DataFrame:
    """Time to churn of the users alive at the landmark, counted by what they were at the start and did before it.

    lives:     time_to_churn.user_lives; its columns beside user, days and fate are covariates known at the first day
    user_days: one row per user and active day -- user, day, and the counts named in `early` (such as orders)
    early:     active_days (banded: 0, 1, 2-3, 4-6, 7+) and counts of user_days (0 or 1+), from the first landmark_days
    numbers:   covariates that also come as they are, in a column number:<name>
    returns:   one row per (entry_days, duration_days, covariates..., early_<name>...) -- churned, censored (users);
               everybody enters at the last day of the window. Users whose first days are not in the data are left out.
    raises:    ParameterError for a column of lives that is found out during life (immortal time)
    source:    landmark analysis, Anderson, Cain & Gelber 1983

    >>> lives = pd.DataFrame({"user": [1, 2, 3], "first_day": pd.Timestamp("2026-01-01"), "entry_days": 0,
    ...                       "duration_days": [40, 3, 25], "fate": ["undecided", "gone", "gone"], "channel": "ads"})
    >>> days = pd.to_datetime(["2026-01-02", "2026-01-03", "2026-01-20", "2026-01-06"])
    >>> user_days = pd.DataFrame({"user": [1, 1, 1, 3], "day": days})
    >>> print(durations(lives, user_days, landmark_days=7).to_string(index=False))
     entry_days  duration_days channel early_active_days  churned  censored
              6             25     ads                 1        1         0
              6             40     ads               2–3        0         1
    """
    known = engine_table(lives)
    given = [name for name in known.columns if name not in NOT_COVARIATES]
    time_to_churn.refuse_immortal_time(known.columns, given)
    alive = still_there(known, landmark_days=landmark_days)
    seen = _early_counts(engine_table(user_days), alive, landmark_days, early)
    people = alive.left_join(seen, "user").drop("user_right")
    covariates = {name: _banded(people, name) for name in given}
    measured = {f"early_{name}": _early_band(name) for name in early}
    plain = {f"{NUMBER}{name}": people[name].cast("float64") for name in numbers}
    people = people.mutate(entry_days=landmark_days - 1, **covariates, **measured, **plain)
    keys = ["entry_days", "duration_days", *covariates, *measured, *plain]
    counted = people.group_by(keys).agg(churned=(_.fate != "undecided").sum(), censored=(_.fate == "undecided").sum())
    table = counted.order_by(keys).to_pandas()
    return table.astype(dict.fromkeys(["entry_days", "duration_days", "churned", "censored"], "int64"))


def still_there(lives: Tabular, *, landmark_days: int) -> ir.Table:
    """The users followed after the landmark: known from their first day, last sign of life before churn after it.

    >>> lives = pd.DataFrame({"user": [1, 2, 3, 4], "entry_days": [0, 0, 0, 5], "duration_days": [40, 3, 25, 60],
    ...                       "fate": ["undecided", "gone", "gone", "undecided"]})
    >>> still_there(lives, landmark_days=7).order_by("user").to_pandas()["user"].tolist()
    [1, 3]
    """
    alive = engine_table(lives).filter(_.fate.isin(["gone", "came_back", "undecided"]) & (_.entry_days == 0))
    return alive.filter(_.duration_days >= landmark_days)


def pooled(counted: pd.DataFrame, *, most: int = 6, min_cell: int = 10, min_churned: int = 5) -> pd.DataFrame:
    """The durations with rare levels of every covariate pooled: few users, or too few churned to compare.

    Bands of active days are joined with their neighbours (4-6 and 7+ become 4+), other levels become `other`.

    >>> counted = pd.DataFrame({"entry_days": 6, "duration_days": 20, "churned": [40, 30, 20, 8, 2],
    ...                         "censored": [10, 20, 30, 6, 3], "early_active_days": ["0", "1", "2–3", "4–6", "7+"]})
    >>> print(pooled(counted)[["early_active_days", "churned", "censored"]].to_string(index=False))
    early_active_days  churned  censored
                    0       40        10
                    1       30        20
                  2–3       20        30
                   4+       10         9
    """
    if ACTIVE_BANDS in counted:
        counted = _joined_bands(counted, min_cell, min_churned)
    for name in covariates(counted):
        counted = segment_survival.largest_segments(
            counted, by=name, most=most, min_cell=min_cell, min_churned=min_churned
        )
    return counted


def covariates(counted: pd.DataFrame) -> list[str]:
    """Names of the covariates in the counted durations that have at least two levels to compare.

    >>> counted = pd.DataFrame({"entry_days": 6, "duration_days": [9, 20], "churned": [5, 3], "censored": [0, 4],
    ...                         "channel": ["ads", "search"], "country": "CN", "number:age": [30.0, 41.0]})
    >>> covariates(counted)
    ['channel']
    """
    names = [str(name) for name in counted if name not in ("entry_days", "duration_days", "churned", "censored")]
    return [name for name in names if not name.startswith(NUMBER) and counted[name].nunique() > 1]


def numbers(people: Tabular) -> list[str]:
    """The covariates of the lives that are numbers of many values, which `durations` cuts into bands.

    >>> people = pd.DataFrame({"user": range(10), "age": range(20, 30), "level": [1, 2] * 5, "channel": "ads"})
    >>> numbers(people)
    ['age']
    """
    table = engine_table(people)
    names = [name for name in table.columns if name not in NOT_COVARIATES]
    return [name for name in names if _is_number(table[name])]


def _is_number(column: ir.Value) -> bool:
    return bool(column.type().is_numeric() and column.nunique().execute() > FEW)


def _joined_bands(counted: pd.DataFrame, min_cell: int, min_churned: int) -> pd.DataFrame:
    """Bands of active days, the rarest end joined with its neighbour until every band is large enough."""
    band = counted[ACTIVE_BANDS].map(BAND_NAMES.index)
    groups = [[place] for place in sorted(band.unique())]
    while len(groups) > 1:
        sizes = [counted.loc[band.isin(group), ["churned", "censored"]].sum() for group in groups]
        rare = [i for i, n in enumerate(sizes) if n.sum() < min_cell or n["churned"] < min_churned]
        if not rare:
            break
        at = max(rare[-1], 1)
        groups[at - 1 : at + 1] = [groups[at - 1] + groups[at]]
    names = {place: _band_name(group[0], group[-1]) for group in groups for place in group}
    keys = [name for name in counted if name not in ("churned", "censored")]
    joined = counted.assign(**{ACTIVE_BANDS: band.map(names).astype(counted[ACTIVE_BANDS].dtype)})
    return joined.groupby(keys, sort=True)[["churned", "censored"]].sum().reset_index()


def _band_name(first: int, last: int) -> str:
    """Name of the bands first..last: 1, 2–3, 4+."""
    if last == len(BANDS) - 1:
        return f"{BANDS[first]}+"
    low, high = BANDS[first], BANDS[last + 1] - 1
    return str(low) if low == high else f"{low}–{high}"


def _early_counts(user_days: ir.Table, alive: ir.Table, landmark_days: int, early: Sequence[str]) -> ir.Table:
    """One row per user seen in the landmark window -- user, n_active_days and the sums of the other counts."""
    days = user_days.join(alive.select("user", "first_day"), "user")
    days = days.filter(_.day.delta(_.first_day, unit="day").between(0, landmark_days - 1))
    sums = {f"count_{name}": _.count() if name == "active_days" else _[name].sum() for name in early}
    return days.group_by("user").agg(**sums)


def _early_band(name: str) -> ir.Value:
    count = _[f"count_{name}"].fill_null(0)
    if name != "active_days":
        return (count > 0).ifelse("1+", "0")
    bands = [(count < above, BAND_NAMES[place]) for place, above in enumerate(BANDS[1:])]
    return ibis.cases(*bands, else_=BAND_NAMES[-1])


def _banded(people: ir.Table, name: str) -> ir.Value:
    """A covariate as text levels; a number of many values is cut at its quartiles."""
    column = people[name]
    if not _is_number(column):
        return column.cast("string").fill_null("unknown")
    cuts = sorted({float(column.quantile(part / PARTS).execute()) for part in range(1, PARTS)})
    edges = ["≤", *(f"> {cut:g}, ≤" for cut in cuts)]
    bands = [(column <= cut, f"{edge} {cut:g}") for edge, cut in zip(edges, cuts, strict=False)]
    return ibis.cases((column.isnull(), "unknown"), *bands, else_=f"> {cuts[-1]:g}")
