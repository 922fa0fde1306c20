"""How buyers move between the RFM groups from one date to the next, beside the same step one period earlier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any, Literal

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from opsbook.analysis.buyers import KEYS, Cut, Money, cut_points, keyed, rfm_buyers
from opsbook.analysis.multiplicity import holm
from opsbook.analysis.proportion import add_share, newcombe
from opsbook.analysis.suppression import hidden_cells
from opsbook.mart.tables import Tabular

_ = ibis._
ENTERED, LEFT = "entered", "left_window"
METHOD_TREND = "ratio of two counts that share users, Poisson (delta method)"
_MIN_WINDOW_DAYS = 28
_MOVES = ["start", "end", "window_days", "from_key", "to_key", "users", "from_users", "to_users"]


def rfm_migration(
    orders: Tabular,
    *,
    ends: Sequence[date],
    data_start: date,
    settled_through: date,
    window_days: int = 365,
    cut: Cut = "median",
    values: Mapping[str, float] | None = None,
    money: Money = "total",
    cuts: Literal["earlier", "own"] = "earlier",
) -> pd.DataFrame:
    """Where the buyers of each group stand one date later, for every step between the dates.

    With the cuts of the earlier date at both dates a buyer changes group only by what the buyer did; with each date's
    own cuts also when the others change. The window is the longest, up to window_days, that the data cover at every
    date; nothing is compared over fewer than 28 days.

    orders:  one row per order -- user, day, net, is_purchase
    ends:    the dates, oldest first; the last step is the one asked about, the one before it is its yardstick
    returns: one row per step and pair of groups, (8 keys + entered) x (8 keys + left_window) -- start, end (dates),
             window_days, from_key, to_key, users, from_users, to_users (all in the group at the start, at the end),
             share (of from_users), share_low, share_high (Wilson), settled (the end is)
    raises:  ValueError when cut is "value" and a value is missing

    >>> from datetime import date
    >>> from opsbook import rfm_migration, tiny
    >>> moves = rfm_migration.rfm_migration(tiny.orders, ends=[date(2026, 2, 8), tiny.AS_OF], **tiny.COVERED)
    >>> moved = moves[(moves["from_key"] == "HLL") & (moves["users"] > 0)]
    >>> print(moved[["window_days", "from_key", "to_key", "users", "from_users"]].to_string(index=False))
     window_days from_key      to_key  users  from_users
              35      HLL         HHH      2           6
              35      HLL         LHL      1           6
              35      HLL         LLL      2           6
              35      HLL left_window      1           6
    """
    fitting = min(window_days, (min(ends) - data_start).days + 1) if len(ends) > 1 else 0
    steps = list(pairwise(ends)) if fitting >= min(_MIN_WINDOW_DAYS, window_days) else []
    rule: dict[str, Any] = {"window_days": fitting, "money": money}
    tables = [_step(orders, start, end, rule, cut, values, cuts) for start, end in steps]
    moves = pd.concat(tables, ignore_index=True) if tables else _numbered(pd.DataFrame(columns=_MOVES))
    settled = moves["end"] <= pd.Timestamp(settled_through)
    return add_share(moves, of="users", out_of="from_users").assign(settled=settled)


def suppressed(moves: pd.DataFrame, *, min_cell: int) -> pd.DataFrame:
    """The steps with missing users and shares where a cell or its group is too small to show, and `hidden` saying so.

    returns: the rows of rfm_migration with hidden; users, share, share_low, share_high, from_users, to_users missing
             where `suppression.hidden_cells` says so

    >>> from datetime import date
    >>> from opsbook import rfm_migration, tiny
    >>> moves = rfm_migration.rfm_migration(tiny.orders, ends=[date(2026, 2, 8), tiny.AS_OF], **tiny.COVERED)
    >>> shown = rfm_migration.suppressed(moves, min_cell=3)
    >>> print(shown["hidden"].sum(), "of", len(shown), "cells hidden")
    30 of 81 cells hidden
    """
    parts = [_suppressed(step, min_cell) for _end, step in moves.groupby("end", sort=True)]
    return pd.concat(parts, ignore_index=True) if parts else moves.assign(hidden=False)


def kept_groups(moves: pd.DataFrame) -> pd.DataFrame:
    """Which part of each group is still in it, and whether that differs from the step before.

    A group chosen for being high falls on average even when nothing happened, so the yardstick is not 100 % but what
    the same group kept one step earlier.

    moves:   rfm_migration, possibly suppressed; the last two steps are read
    returns: one row per key of KEYS -- key, from_users, share_kept, share_kept_low, share_kept_high (0-1, Wilson),
             base_users, share_kept_before (one step earlier), kept_points, kept_points_low, kept_points_high
             (share_kept - share_kept_before, Newcombe), p_holm (normal, Holm over the groups), clear (p_holm at
             most .05)

    >>> from datetime import date
    >>> from opsbook import rfm_migration, tiny
    >>> ends = [date(2026, 2, 3), date(2026, 2, 16), tiny.AS_OF]
    >>> kept = rfm_migration.kept_groups(rfm_migration.rfm_migration(tiny.orders, ends=ends, **tiny.COVERED))
    >>> print(kept[["key", "from_users", "share_kept", "share_kept_before"]].head(3).round(2).to_string(index=False))
    key  from_users  share_kept  share_kept_before
    HHH         5.0         0.8               0.50
    LHH         1.0         0.0               0.33
    HLH         5.0         0.4                NaN
    """
    now, base = _last_steps(moves)
    same = (step[step["from_key"] == step["to_key"]].set_index("from_key") for step in (now, base))
    stayed, before = (step.reindex(KEYS) for step in same)
    counts = [part[name].astype("float64") for part in (stayed, before) for name in ("users", "from_users")]
    known = counts[0].notna() & counts[2].notna()
    difference = newcombe(*(count.where(known, 0.0) for count in counts))
    table = pd.DataFrame({"key": KEYS}).assign(from_users=counts[1].to_numpy())
    for name, column in (("share_kept", "share"), ("share_kept_low", "share_low"), ("share_kept_high", "share_high")):
        table[name] = stayed[column].astype("float64").to_numpy()
    table = table.assign(
        base_users=counts[3].to_numpy(), share_kept_before=before["share"].astype("float64").to_numpy()
    )
    parts = zip(("", "_low", "_high"), difference, strict=False)
    return _claimed(table.assign(**{f"kept_points{side}": value for side, value in parts}), "kept_points")


def group_trend(moves: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """How the size of each group changed in the last step, by the cuts of the step.

    The two counts share the users who stayed, so their ratio is surer than that of two separate crowds.

    moves:   rfm_migration, possibly suppressed
    returns: one row per key of KEYS -- key, before_users, after_users, stayed_users, change, change_low, change_high
             (after / before - 1; missing where a count is 0 or hidden), p_holm, clear as in kept_groups
    source:  delta method on log(after / before) = log((stayed + entered) / (stayed + left)), three Poisson counts

    >>> from datetime import date
    >>> from opsbook import rfm_migration, tiny
    >>> moves = rfm_migration.rfm_migration(tiny.orders, ends=[date(2026, 2, 8), tiny.AS_OF], **tiny.COVERED)
    >>> trend = rfm_migration.group_trend(moves)
    >>> print(trend[["key", "before_users", "after_users", "stayed_users", "change"]].head(2).to_string(index=False))
    key  before_users  after_users  stayed_users  change
    HHH           8.0         11.0           4.0   0.375
    LHH           6.0          3.0           0.0  -0.500
    """
    now, _base = _last_steps(moves)
    at = now.assign(**{name: now[name].astype("float64") for name in ("users", "from_users", "to_users")})
    before = at.drop_duplicates("from_key").set_index("from_key")["from_users"].reindex(KEYS)
    after = at.drop_duplicates("to_key").set_index("to_key")["to_users"].reindex(KEYS)
    stayed = at[at["from_key"] == at["to_key"]].set_index("from_key")["users"].reindex(KEYS)
    some = (before > 0) & (after > 0) & stayed.notna()
    ratio = (after / before).where(some)
    variance = 1 / after.where(some) + 1 / before.where(some) - 2 * stayed / (after * before).where(some)
    reach = np.exp(float(ndtri(0.5 + level / 2)) * np.sqrt(variance.clip(lower=0.0)))
    counts = {"before_users": before, "after_users": after, "stayed_users": stayed, "change": ratio - 1}
    table = pd.DataFrame(counts | {"change_low": ratio / reach - 1, "change_high": ratio * reach - 1})
    logs = {f"log{side}": np.log1p(table[f"change{side}"]) for side in ("", "_low", "_high")}
    judged = _claimed(table.assign(**logs), "log").drop(columns=list(logs))
    return judged.rename_axis("key").reset_index()


def _claimed(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """With p_holm and clear: which of the groups' changes may be claimed when all of them are looked at."""
    error = (table[f"{name}_high"] - table[f"{name}_low"]) / 2 / float(ndtri(0.975))
    p_holm = holm(2 * ndtr(-(table[name].abs() / error.where(error > 0))))
    return table.assign(p_holm=p_holm, clear=p_holm <= 0.05)


def _step(
    orders: Tabular,
    start: date,
    end: date,
    rule: Mapping[str, Any],
    cut: Cut,
    values: Mapping[str, float] | None,
    cuts: str,
) -> pd.DataFrame:
    """The counted moves of one step."""
    then, now = (rfm_buyers(orders, as_of=day, **rule) for day in (start, end))
    first = cut_points(then, cut=cut, values=values)
    second = cut_points(now, cut=cut, values=values) if cuts == "own" else first
    known = not any(np.isnan([*first.values(), *second.values()]))
    counted = _moved(keyed(then, first), keyed(now, second)) if known else pd.DataFrame()
    grid = pd.MultiIndex.from_product([[*KEYS, ENTERED], [*KEYS, LEFT]], names=["from_key", "to_key"])
    users = counted.set_index(["from_key", "to_key"])["users"] if known else pd.Series(dtype="int64", index=grid[:0])
    table = users.reindex(grid, fill_value=0).rename("users").reset_index()
    table["from_users"] = table.groupby("from_key")["users"].transform("sum")
    table["to_users"] = table.groupby("to_key")["users"].transform("sum")
    return _numbered(table.assign(start=start, end=end, window_days=rule["window_days"])[_MOVES])


def _moved(then: ir.Table, now: ir.Table) -> pd.DataFrame:
    """One row per pair of keys that occurs -- from_key, to_key, users."""
    before, after = then.select("user", from_key="key"), now.select("user", to_key="key")
    both = before.outer_join(after, "user")
    pairs = both.group_by(from_key=_.from_key.fill_null(ENTERED), to_key=_.to_key.fill_null(LEFT))
    return pairs.agg(users=_.count()).to_pandas()


def _numbered(moves: pd.DataFrame) -> pd.DataFrame:
    counts = dict.fromkeys(["window_days", "users", "from_users", "to_users"], "int64")
    return moves.astype({"start": "datetime64[ns]", "end": "datetime64[ns]"} | counts)


def _suppressed(step: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    cells = step.pivot(index="from_key", columns="to_key", values="users")
    mask = hidden_cells(cells, min_cell=min_cell)
    rows, columns = (
        cells.index.get_indexer(pd.Index(step["from_key"])),
        cells.columns.get_indexer(pd.Index(step["to_key"])),
    )
    cell, row, column = mask.cells[rows, columns], mask.rows[rows], mask.columns[columns]
    blank = {name: step[name].astype("float64").mask(cell) for name in ("users", "share", "share_low", "share_high")}
    blank |= {"from_users": step["from_users"].astype("float64").mask(row)}
    # a share with its total would give the cell away, and a cell with its share the total
    blank |= {name: blank[name].mask(row) for name in ("share", "share_low", "share_high")}
    return step.assign(**blank, to_users=step["to_users"].astype("float64").mask(column), hidden=cell | row)


def _last_steps(moves: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The last step and the one before it; an empty table where there is none."""
    ends = sorted(moves["end"].unique())
    last, before = (moves[moves["end"] == ends[-back]] if len(ends) >= back else moves.head(0) for back in (1, 2))
    return last, before
