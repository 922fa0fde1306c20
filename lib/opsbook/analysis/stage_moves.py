"""The moves an operations team steers by, out of every period's transition matrix: kept, fell asleep, woke."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opsbook.analysis.proportion import Estimate, add_share, newcombe
from opsbook.analysis.suppression import told_sums

AWAKE, ASLEEP = ("introduction", "growth", "mature"), ("sleeping", "lost")
# name: (from any of these stages, to any of these)
MOVES = {
    "kept_mature": (("mature",), ("mature",)),
    "fell_asleep": (AWAKE, ASLEEP),
    "woke_sleeping": (("sleeping",), AWAKE),
    "woke_lost": (("lost",), AWAKE),
    "matured": (("introduction", "growth"), ("mature",)),
}


def move_rates(history: pd.DataFrame) -> pd.DataFrame:
    """How many of those who could make a move made it, period by period.

    history: transition_history -- period, start_end, end, from_stage, to_stage, users, complete
    returns: one row per move of MOVES and period, oldest first -- move, period, start_end, end, users, from_users,
             share, share_low, share_high (Wilson), complete

    >>> from opsbook import stage_moves, stages, tiny
    >>> from opsbook.inputs.periods import periods_between
    >>> from opsbook.inputs.workbook import DEFAULT_STAGES
    >>> weeks = list(periods_between(tiny.DATA_START, tiny.AS_OF, "week"))
    >>> span = {**tiny.COVERED, "rules": DEFAULT_STAGES}
    >>> history = stages.transition_history(tiny.user_days, tiny.users, periods=weeks[-3:], **span)
    >>> rates = stage_moves.move_rates(history).query("move in ['kept_mature', 'fell_asleep']")
    >>> print(rates[["move", "period", "users", "from_users", "share"]].round(2).to_string(index=False))
           move   period  users  from_users  share
    kept_mature 2026-W12     22          24   0.92
    kept_mature 2026-W13     18          22   0.82
    fell_asleep 2026-W12      3          38   0.08
    fell_asleep 2026-W13      3          35   0.09
    """
    keys = ["period", "start_end", "end", "complete"]
    parts = [_move(history, keys, name, *stages) for name, stages in MOVES.items()]
    table = add_share(pd.concat(parts, ignore_index=True), of="users", out_of="from_users")
    names = ["move", "period", "start_end", "end", "users", "from_users", "share", "share_low", "share_high"]
    return table[[*names, "complete"]]


def without_small_cells(rates: pd.DataFrame, history: pd.DataFrame, *, min_cell: int) -> pd.DataFrame:
    """move_rates with missing users and shares where they would give away a cell that the period's matrix hides.

    rates:   move_rates of the history
    history: transition_history -- period, from_stage, to_stage, users
    returns: the rows of rates; users, share, share_low, share_high missing where `told_moves` says so, and with them
             from_users where fewer than min_cell could make the move

    >>> import pandas as pd
    >>> from opsbook import stage_moves
    >>> cells = [("mature", "mature", 40), ("mature", "lost", 3), ("growth", "mature", 20), ("sleeping", "lost", 5)]
    >>> history = pd.DataFrame(cells, columns=["from_stage", "to_stage", "users"])
    >>> span = {"period": "2026-01", "start_end": pd.Timestamp("2025-12-31"), "end": pd.Timestamp("2026-01-31")}
    >>> history = history.assign(**span, complete=True)
    >>> rates = stage_moves.move_rates(history)
    >>> shown = stage_moves.without_small_cells(rates, history, min_cell=10)
    >>> print(shown[["move", "users", "from_users"]].to_string(index=False))
             move  users  from_users
      kept_mature    NaN        43.0
      fell_asleep    NaN        63.0
    woke_sleeping    NaN         NaN
          matured   20.0        20.0
    """
    told = {period: told_moves(part, min_cell=min_cell) for period, part in history.groupby("period", sort=False)}
    asked = zip(rates["period"], rates["move"], strict=True)
    hidden = pd.Series([not told[period][move] for period, move in asked], index=rates.index, dtype=bool)
    names = ["users", "share", "share_low", "share_high"]
    shown = {name: rates[name].astype("float64").mask(hidden) for name in names}
    few = (rates["from_users"] > 0) & (rates["from_users"] < min_cell)
    return rates.assign(**shown, from_users=rates["from_users"].astype("float64").mask(few))


def told_moves(matrix: pd.DataFrame, *, min_cell: int) -> dict[str, bool]:
    """Which moves of MOVES, and `woke` of all asleep, may be told beside the stock and a matrix that hides small cells.

    A move that fewer than min_cell users could make is not told.
    matrix: stage_transitions, all cells; the moves are asked in their order, `woke` last

    >>> import pandas as pd
    >>> from opsbook import stage_moves
    >>> cells = [("mature", "mature", 40), ("mature", "lost", 30), ("lost", "mature", 3), ("lost", "lost", 20)]
    >>> matrix = pd.DataFrame(cells, columns=["from_stage", "to_stage", "users"])
    >>> told = stage_moves.told_moves(matrix, min_cell=10)
    >>> [move for move, may in told.items() if not may]
    ['kept_mature', 'fell_asleep', 'woke_lost', 'woke']
    """
    cells = matrix.pivot(index="from_stage", columns="to_stage", values="users").fillna(0.0)
    asked = MOVES | {"woke": (ASLEEP, AWAKE)}
    sums = [np.outer(cells.index.isin(come), cells.columns.isin(go)) for come, go in asked.values()]
    could = [cells[cells.index.isin(come)].to_numpy().sum() for come, _go in asked.values()]
    told = told_sums(cells, sums, min_cell=min_cell)
    return {move: may and not 0 < users < min_cell for move, may, users in zip(asked, told, could, strict=True)}


def move_change(rates: pd.DataFrame, *, move: str) -> Estimate | None:
    """The last complete period's share minus that of the period before, as of independent users; None without both.

    Most users are in both periods, so the interval is wider than it need be.

    >>> import pandas as pd
    >>> from opsbook import stage_moves
    >>> rates = pd.DataFrame({"move": "woke_lost", "end": pd.to_datetime(["2026-01-31", "2026-02-28"])})
    >>> rates = rates.assign(users=[40, 90], from_users=1000, complete=True)
    >>> change = stage_moves.move_change(rates, move="woke_lost")
    >>> print(f"{change.value:+.3f} ({change.low:+.3f} to {change.high:+.3f})")
    +0.050 (+0.029 to +0.072)
    """
    # a period whose users are hidden stays: without it the change would be that against an older one
    rows = rates[(rates["move"] == move) & (rates["from_users"] != 0)].sort_values("end")
    if len(rows) < 2 or not rows["complete"].iloc[-2:].all() or rows["users"].iloc[-2:].isna().any():
        return None
    base, now = (rows.iloc[place] for place in (-2, -1))
    return newcombe(now["users"], now["from_users"], base["users"], base["from_users"])


def _move(
    history: pd.DataFrame, keys: list[str], name: str, come: tuple[str, ...], go: tuple[str, ...]
) -> pd.DataFrame:
    rows = history[history["from_stage"].isin(come)]
    counted = rows.assign(made=rows["users"].where(rows["to_stage"].isin(go), 0))
    sums = counted.groupby(keys, sort=False)[["made", "users"]].sum().reset_index()
    table = sums.rename(columns={"users": "from_users"}).rename(columns={"made": "users"})
    return table.assign(move=name).sort_values("end")
