"""Which cells of a counted table may not be shown, so that neither they nor a subtraction reveal a small group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


class Hidden(NamedTuple):
    """What of a two-way table is hidden: a mask of its cells, of its row totals and of its column totals."""

    cells: np.ndarray
    rows: np.ndarray
    columns: np.ndarray


def hidden(counts: ArrayLike, *, min_cell: int) -> np.ndarray:
    """Mask of the groups to hide where the total of all groups is shown.

    Groups of 1 .. min_cell - 1 users are hidden, and the next smallest with them until at least two are hidden that
    hold min_cell users together. A group of nobody hides nobody and is shown. A total below min_cell hides everything.

    counts: users per group, disjoint

    >>> from opsbook import suppression
    >>> suppression.hidden([120, 3, 40, 15], min_cell=10).tolist()
    [False, True, False, True]
    """
    users = np.asarray(counts, dtype=float)
    if 0 < users.sum() < min_cell:
        return np.ones(users.shape, dtype=bool)
    mask = (users > 0) & (users < min_cell)
    for place in np.argsort(users, kind="stable"):
        if _safe(users, mask, min_cell):
            break
        mask[place] |= users[place] > 0
    return mask


def hidden_cells(counts: ArrayLike, *, min_cell: int) -> Hidden:
    """Masks of the cells and totals to hide in a two-way table whose grand total is shown.

    Every row and column, totals included, hides either nothing or at least two cells, and no hidden cell follows from
    the shown ones by any chain of subtractions. That several hidden cells of a line hold few users together may follow:
    hiding that too would cost the large cells which the table is read for.

    counts: users, rows x columns, disjoint
    source: Cox 1980 for the rule per line; a hidden cell is fixed when every solution of the sums has it in common

    >>> from opsbook import suppression
    >>> masks = suppression.hidden_cells([[40, 3, 12], [30, 20, 25]], min_cell=5)
    >>> masks.cells.tolist()
    [[False, True, True], [False, True, True]]
    """
    cells = np.asarray(counts, dtype=float)
    table = np.block([[cells, cells.sum(1, keepdims=True)], [cells.sum(0, keepdims=True), cells.sum()]])
    mask = (table > 0) & (table < min_cell)
    if mask[-1, -1]:
        mask[:] = True
    while not mask[-1, -1] and (found := _to_hide(table, mask)):
        mask[found] = True
    return Hidden(mask[:-1, :-1], mask[:-1, -1], mask[-1, :-1])


def told_sums(counts: ArrayLike, sums: Sequence[np.ndarray], *, min_cell: int) -> list[bool]:
    """Which sums over cells of a two-way table may be told beside the table as `hidden_cells` shows it.

    A sum of 1 .. min_cell - 1 users is not told, nor one that would fix a hidden cell or total together with the table
    and the sums told before it.

    counts: users, rows x columns, disjoint
    sums:   masks of the cells that each sum adds, the most important first

    >>> import numpy as np
    >>> from opsbook import suppression
    >>> kept, left = np.array([[1, 0, 0], [0, 0, 0]], bool), np.array([[0, 1, 1], [0, 0, 0]], bool)
    >>> mixed = np.array([[0, 1, 0], [0, 1, 0]], bool)
    >>> counts = [[40, 3, 12], [30, 20, 25]]
    >>> suppression.told_sums(counts, [kept, left, mixed, np.array([[0, 1, 0], [0, 0, 0]], bool)], min_cell=5)
    [True, True, True, False]
    """
    cells, told = np.asarray(counts, dtype=float), []
    masks = hidden_cells(cells, min_cell=min_cell)
    mask = np.block([[masks.cells, masks.rows[:, None]], [masks.columns, np.array([0 < cells.sum() < min_cell])]])
    known = [np.zeros(mask.shape, dtype=bool)]
    for one in sums:
        users, more = cells[one].sum(), np.zeros(mask.shape, dtype=bool)
        more[:-1, :-1] = one
        told.append(not 0 < users < min_cell and not _fixed(mask, [*known, more]))
        known += [more] if told[-1] else []
    return told


def blanked(table: pd.DataFrame, *, of: str, values: Sequence[str], min_cell: int) -> pd.DataFrame:
    """The table of disjoint groups with `values` missing where the group may not be shown; `of` is its users.

    >>> import pandas as pd
    >>> from opsbook import suppression
    >>> groups = pd.DataFrame({"group": ["a", "b", "c"], "users": [120, 3, 15], "share": [0.3, 0.6, 0.4]})
    >>> print(suppression.blanked(groups, of="users", values=["users", "share"], min_cell=10).to_string(index=False))
    group  users  share
        a  120.0    0.3
        b    NaN    NaN
        c    NaN    NaN
    """
    mask = hidden(table[of].fillna(0), min_cell=min_cell)
    shown = table[list(values)].astype("float64").mask(pd.Series(mask, index=table.index), axis=0)
    return table.assign(**{name: shown[name] for name in values})


def blanked_cells(
    table: pd.DataFrame,
    *,
    rows: str,
    columns: str,
    of: str,
    values: Sequence[str],
    row_total: str = "",
    min_cell: int,
) -> pd.DataFrame:
    """The long table of a two-way count with `values` missing in cells that may not be shown (see hidden_cells).

    table:     one row per `rows` and `columns`, `of` its users; pairs that are not there hold nobody
    values:    blanked in a hidden cell, and where the total of its row is hidden: a share with its total gives it away
    row_total: column with the total of the row, blanked where that is hidden

    >>> import pandas as pd
    >>> from opsbook import suppression
    >>> cells = pd.DataFrame({"channel": list("aaabbb"), "stage": list("xyz") * 2, "users": [40, 3, 12, 30, 20, 25]})
    >>> asked = {"rows": "channel", "columns": "stage", "of": "users", "values": ["users"]}
    >>> shown = suppression.blanked_cells(cells, **asked, min_cell=5)
    >>> print(shown.pivot(index="channel", columns="stage", values="users").to_string())
    stage       x   y   z
    channel
    a        40.0 NaN NaN
    b        30.0 NaN NaN
    """
    if table.empty:
        return table
    cells = table.pivot(index=rows, columns=columns, values=of).fillna(0.0)
    mask = hidden_cells(cells, min_cell=min_cell)
    row, column = (
        axis.get_indexer(pd.Index(table[name])) for axis, name in ((cells.index, rows), (cells.columns, columns))
    )
    cell, total = mask.cells[row, column], mask.rows[row]
    shown = {name: table[name].astype("float64").mask(cell | total) for name in values}
    if row_total:
        shown |= {row_total: table[row_total].astype("float64").mask(total)}
    return table.assign(**shown)


def _safe(users: np.ndarray, mask: np.ndarray, min_cell: int) -> bool:
    return not mask.any() or (mask.sum() > 1 and users[mask].sum() >= min_cell)


def _to_hide(table: np.ndarray, mask: np.ndarray) -> tuple[int, int] | None:
    """The next cell to hide, None when the table is safe; totals are the last row and column."""
    lines: list[tuple[int | slice, int | slice]] = [(place, slice(None)) for place in range(len(table))]
    lines += [(slice(None), place) for place in range(table.shape[1])]
    for row, column in lines:
        own = mask[row, column]
        place = _smallest(table[row, column], own) if own.sum() == 1 else None
        if place is not None:
            return place if isinstance(row, slice) else row, place if isinstance(column, slice) else column
    return _loop_closer(table, mask)


def _smallest(users: np.ndarray, mask: np.ndarray) -> int | None:
    """Place of the smallest shown cell that holds somebody, the total only when no other is left."""
    open_cells = np.flatnonzero(~mask & (users > 0))
    inner = open_cells[open_cells < len(users) - 1]
    found = inner if len(inner) else open_cells
    return int(found[np.argmin(users[found])]) if len(found) else None


def _loop_closer(table: np.ndarray, mask: np.ndarray) -> tuple[int, int] | None:
    """A shown cell near a hidden one that the sums fix, else any shown cell; None when they fix none."""
    fixed = _fixed(mask)
    for row, column in fixed:
        near = [(row, other) for other in range(table.shape[1])] + [(other, column) for other in range(len(table))]
        candidates = [cell for cell in near if not mask[cell] and table[cell] > 0 and cell != _corner(table)]
        if candidates:
            return min(candidates, key=lambda cell: table[cell])
    rest = [(int(row), int(column)) for row, column in np.argwhere(~mask & (table > 0))]
    rest = [cell for cell in rest if fixed and cell != _corner(table)]
    return min(rest, key=lambda cell: table[cell], default=None)


def _fixed(mask: np.ndarray, told: Sequence[np.ndarray] = ()) -> list[tuple[int, int]]:
    """Hidden cells that have one value in every solution of the row and column sums, and of further sums told."""
    rows, columns = np.nonzero(mask)
    sums = np.zeros((sum(mask.shape), len(rows)))
    signs = np.where(columns == mask.shape[1] - 1, -1.0, 1.0), np.where(rows == mask.shape[0] - 1, -1.0, 1.0)
    sums[rows, np.arange(len(rows))] = signs[0]
    sums[mask.shape[0] + columns, np.arange(len(rows))] = signs[1]
    sums = np.vstack([sums, *(one[rows, columns].astype(float) for one in told)])
    _left, sizes, right = np.linalg.svd(sums) if len(rows) else (0, np.zeros(0), np.zeros((0, 0)))
    free = right[(sizes > 1e-9).sum() :]
    still = np.abs(free).max(axis=0, initial=0.0) < 1e-9
    return [(int(row), int(column)) for row, column in zip(rows[still], columns[still], strict=True)]


def _corner(table: np.ndarray) -> tuple[int, int]:
    return len(table) - 1, table.shape[1] - 1
