"""Which cells of a counted table may not be shown, so that neither they nor a subtraction reveal a small group."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

Corners = tuple[list[int], list[int]]  # rows and columns, as numpy takes them for an index


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


def hidden_inside(counts: ArrayLike, *, min_cell: int) -> Hidden:
    """Masks of a two-way table whose totals of rows and columns are all told elsewhere: no total can be hidden.

    Every cell of 1 .. min_cell - 1 users is hidden with three others that make a rectangle with it, around which one
    user can be moved without changing a total: neither subtraction nor any other reasoning fixes the cell. Rectangles
    with users beside the cell in its row and its column come first, then those that cost the fewest shown users. `rows`
    are those of so few users that all of their cells are hidden. Nothing protects a cell that the totals alone fix.

    counts: users, rows x columns, disjoint
    source: Cox 1980; a cell that can change at all without changing a total can do so around a rectangle

    >>> from opsbook import suppression
    >>> masks = suppression.hidden_inside([[40, 3, 12], [30, 20, 25]], min_cell=5)
    >>> masks.cells.tolist()
    [[False, True, True], [False, True, True]]
    """
    cells = np.asarray(counts, dtype=float)
    rows = (cells.sum(1) > 0) & (cells.sum(1) < min_cell)
    mask = _small(cells, min_cell) | rows[:, None]
    for place in _places(_small(cells, min_cell)):
        if ways := _ways(cells, place):
            mask[min(ways, key=lambda way: _cost(cells, mask, way))] = True
    return Hidden(mask, rows, np.zeros(cells.shape[1], dtype=bool))


def told_sums(counts: ArrayLike, sums: Sequence[np.ndarray], *, min_cell: int) -> list[bool]:
    """Which sums over cells of a two-way table may be told beside its totals and the cells `hidden_inside` shows.

    A sum of 1 .. min_cell - 1 users is not told, nor one that would fix a hidden cell together with all totals, the
    shown cells and the sums told before it.

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
    cells = np.asarray(counts, dtype=float)
    mask = hidden_inside(cells, min_cell=min_cell).cells
    told: list[bool] = []
    for one in sums:
        known = [sums[place] for place, may in enumerate(told) if may]
        free = (_movable(cells, mask, place, [*known, one]) for place in _places(_small(cells, min_cell)))
        fixes = len(_fixed(np.pad(mask, (0, 1)), [*known, one])) > len(_fixed(np.pad(mask, (0, 1)), known))
        told.append(not 0 < cells[one].sum() < min_cell and not fixes and all(free))
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
    totals_told: bool = False,
    min_cell: int,
) -> pd.DataFrame:
    """The long table of a two-way count with `values` missing in cells that may not be shown (see hidden_cells).

    table:       one row per `rows` and `columns`, `of` its users; pairs that are not there hold nobody
    values:      blanked in a hidden cell, and where the row's total is hidden: a share with its total gives it away
    row_total:   column with the total of the row, blanked where that is hidden
    totals_told: whether a reader knows all totals of rows and columns from elsewhere (see hidden_inside)

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
    mask = (hidden_inside if totals_told else hidden_cells)(cells, min_cell=min_cell)
    row, column = (
        axis.get_indexer(pd.Index(table[name])) for axis, name in ((cells.index, rows), (cells.columns, columns))
    )
    cell, total = mask.cells[row, column], mask.rows[row]
    shown = {name: table[name].astype("float64").mask(cell | total) for name in values}
    if row_total:
        shown |= {row_total: table[row_total].astype("float64").mask(total)}
    return table.assign(**shown)


def _small(cells: np.ndarray, min_cell: int) -> np.ndarray:
    return (cells > 0) & (cells < min_cell)


def _places(mask: np.ndarray) -> list[tuple[int, int]]:
    return [(int(row), int(column)) for row, column in np.argwhere(mask)]


def _ways(cells: np.ndarray, place: tuple[int, int]) -> list[Corners]:
    """Rectangles around which one user can be moved from or to the cell: two opposite corners, then the other two."""
    (row, column), found = place, []
    for other, beside in product(range(cells.shape[0]), range(cells.shape[1])):
        corners = [row, other, row, other], [column, beside, beside, column]
        users = cells[corners]
        if other != row and beside != column and (users[:2].all() or users[2:].all()):
            found.append(corners)
    return found


def _cost(cells: np.ndarray, mask: np.ndarray, way: Corners) -> tuple[int, int, float]:
    """What hiding the rectangle costs: few users beside the cell say much about it, shown users are then missed."""
    users = cells[way]
    return int((users[2:] == 0).sum()), int(users[1] == 0), float(users[~mask[way]].sum())


def _movable(cells: np.ndarray, mask: np.ndarray, place: tuple[int, int], sums: Sequence[np.ndarray]) -> bool:
    """Whether a user can be moved around hidden corners so that the cell changes and none of the sums does."""
    hidden_ways = [corners for corners in _ways(cells, place) if mask[corners].all()]
    return any(all(one[way][:2].sum() == one[way][2:].sum() for one in sums) for way in hidden_ways)


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
    """Hidden cells that have one value in every solution of the row and column sums, and of further sums told.

    mask: with the totals as last row and column; told: without them
    """
    rows, columns = np.nonzero(mask)
    sums = np.zeros((sum(mask.shape), len(rows)))
    signs = np.where(columns == mask.shape[1] - 1, -1.0, 1.0), np.where(rows == mask.shape[0] - 1, -1.0, 1.0)
    sums[rows, np.arange(len(rows))] = signs[0]
    sums[mask.shape[0] + columns, np.arange(len(rows))] = signs[1]
    more = [np.pad(one, (0, 1))[rows, columns].astype(float) for one in told]
    sums = np.vstack([sums, *more])
    _left, sizes, right = np.linalg.svd(sums) if len(rows) else (0, np.zeros(0), np.zeros((0, 0)))
    free = right[(sizes > 1e-9).sum() :]
    still = np.abs(free).max(axis=0, initial=0.0) < 1e-9
    return [(int(row), int(column)) for row, column in zip(rows[still], columns[still], strict=True)]


def _corner(table: np.ndarray) -> tuple[int, int]:
    return len(table) - 1, table.shape[1] - 1
