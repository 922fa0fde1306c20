"""Small cells are hidden, and no subtraction over the shown cells and totals gives them back."""

import numpy as np
import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from opsbook.analysis import suppression

MIN = 10
COUNTS = st.lists(st.integers(0, 40), min_size=1, max_size=9)
TABLES = st.integers(2, 5).flatmap(
    lambda columns: st.lists(st.lists(st.sampled_from([0, 1, 4, 9, 12, 30, 200]), min_size=columns, max_size=columns),
                             min_size=2, max_size=5)
)  # fmt: skip


def test_the_complement_of_a_small_group_is_hidden_with_it():
    """A total minus the others would give the 3 away, so the next smallest group is hidden, too."""
    assert suppression.hidden([100, 3, 50, 0], min_cell=MIN).tolist() == [False, True, True, False]
    assert suppression.hidden([100, 30, 50, 0], min_cell=MIN).tolist() == [False] * 4
    assert suppression.hidden([2, 3, 0], min_cell=MIN).tolist() == [True] * 3


@given(COUNTS)
def test_no_hidden_group_follows_from_the_shown_groups_and_the_total(counts):
    """Every small group is hidden, never alone, and those hidden hold min_cell users together."""
    users, mask = np.array(counts), suppression.hidden(counts, min_cell=MIN)
    assert mask[(users > 0) & (users < MIN)].all()
    if mask.any() and users.sum() >= MIN:
        assert (mask & (users > 0)).sum() >= 2
        assert users[mask].sum() >= MIN
    assert not mask.any() or (users[users > 0] < MIN).any()


@settings(max_examples=40)
@example(rows=[[0, 1, 0], [0, 1, 1], [1, 12, 1]])
@given(TABLES)
def test_no_small_cell_of_a_two_way_table_can_be_derived(rows):
    """For every small cell or total, tables with the same shown numbers exist in which it has another value."""
    cells = np.array(rows, dtype=float)
    mask = suppression.hidden_cells(cells, min_cell=MIN)
    if cells.sum() < MIN:
        assert not cells.sum() or mask.cells.all()
        return
    small = (cells > 0) & (cells < MIN)
    assert mask.cells[small].all()
    known = _known(cells, mask)
    for place in np.flatnonzero(small.ravel()):
        aim = np.zeros(cells.size)
        aim[place] = 1
        low, high = (sign * linprog(sign * aim, A_eq=known[0], b_eq=known[1], bounds=(0, None)).fun for sign in (1, -1))
        assert high - low > 1e-6
    for total, hidden in ((cells.sum(1), mask.rows), (cells.sum(0), mask.columns)):
        assert hidden[(total > 0) & (total < MIN)].all()


def _known(cells, mask):
    """What a reader knows: shown cells, shown totals, the grand total."""
    shape, size = cells.shape, cells.size
    place = np.arange(size).reshape(shape)
    rows = [np.eye(size)[place[i, j]] for i, j in zip(*np.nonzero(~mask.cells), strict=True)]
    rows += [np.isin(np.arange(size), place[i]).astype(float) for i in np.flatnonzero(~mask.rows)]
    rows += [np.isin(np.arange(size), place[:, j]).astype(float) for j in np.flatnonzero(~mask.columns)]
    matrix = np.array([*rows, np.ones(size)])
    return matrix, matrix @ cells.ravel()


def test_a_table_without_small_cells_is_shown_whole():
    """Nothing is hidden that need not be, and an empty cell hides nobody."""
    mask = suppression.hidden_cells([[10, 0], [20, 30]], min_cell=MIN)
    assert not any(part.any() for part in mask)


def test_a_blanked_group_keeps_its_row_and_loses_its_values():
    """The reader sees that the group exists and that it is too small."""
    table = pd.DataFrame({"key": ["a", "b", "c"], "users": [3, 20, 90], "revenue": [1.0, 2.0, 3.0]})
    shown = suppression.blanked(table, of="users", values=["users", "revenue"], min_cell=MIN)
    assert shown["key"].tolist() == ["a", "b", "c"]
    assert shown["revenue"].isna().tolist() == [True, True, False]


def test_cells_of_a_long_table_are_blanked_like_those_of_the_two_way_table(table):
    """The 3 and the cells that would reveal it lose count and share; a table without small cells loses nothing."""
    counts = table("""
        stage | next | users | share
        a     | a    | 3     | 0.03
        a     | b    | 40    | 0.38
        a     | c    | 60    | 0.58
        b     | a    | 20    | 0.15
        b     | b    | 60    | 0.46
        b     | c    | 50    | 0.38
        c     | a    | 70    | 0.30
        c     | b    | 80    | 0.34
        c     | c    | 85    | 0.36
    """)
    cells = {"rows": "stage", "columns": "next", "of": "users", "values": ["users", "share"]}
    mask = suppression.hidden_cells([[3, 40, 60], [20, 60, 50], [70, 80, 85]], min_cell=MIN)
    shown = suppression.blanked_cells(counts, **cells, min_cell=MIN)
    assert shown["users"].isna().tolist() == shown["share"].isna().tolist() == mask.cells.ravel().tolist()
    assert shown["users"].isna().iloc[0]
    assert shown["users"].notna().iloc[-1]
    assert suppression.blanked_cells(counts, **cells, min_cell=2)["users"].tolist() == counts["users"].tolist()
    assert suppression.blanked_cells(counts.head(0), **cells, min_cell=MIN).empty


def _can_change(cells, facts, place):
    """Whether a cell can have several values, given sums over cells that are known and that none is below zero."""
    aim = np.zeros(cells.size)
    aim[place] = 1
    known = np.array([one.ravel() for one in facts], dtype=float)
    asked = {"A_eq": known, "b_eq": known @ cells.ravel(), "bounds": (0, None)}
    low, high = (sign * linprog(sign * aim, **asked).fun for sign in (1, -1))
    return high - low > 1e-6


def _totals(cells):
    """Every total of a row and a column, as a mask of the cells it adds."""
    rows = [np.arange(len(cells))[:, None] * np.ones(cells.shape) == row for row in range(len(cells))]
    return rows + [np.arange(cells.shape[1]) * np.ones(cells.shape) == column for column in range(cells.shape[1])]


def _shown(cells, mask):
    """Every cell that is not hidden, as a mask of its own."""
    return [np.arange(cells.size).reshape(cells.shape) == place for place in np.flatnonzero(~mask)]


@settings(max_examples=60)
@example(rows=[[0, 0, 4], [200, 0, 0], [0, 200, 30]])
@example(rows=[[4, 0, 0], [0, 30, 0], [12, 0, 0]])
@given(TABLES)
def test_where_all_totals_are_known_no_small_cell_can_be_derived(rows):
    """A small cell that the totals alone leave open stays open when the shown cells and told sums are known, too."""
    cells = np.array(rows, dtype=float)
    masks, totals = suppression.hidden_inside(cells, min_cell=MIN), _totals(cells)
    sums = [np.eye(*cells.shape, dtype=bool), totals[1] & (np.arange(cells.shape[1]) < 2), totals[0] & ~totals[-1]]
    told = suppression.told_sums(cells, sums, min_cell=MIN)
    facts = [*totals, *_shown(cells, masks.cells), *(one for one, may in zip(sums, told, strict=True) if may)]
    assert not any(may and 0 < cells[one].sum() < MIN for one, may in zip(sums, told, strict=True))
    for place in np.flatnonzero((cells > 0) & (cells < MIN)):
        assert masks.cells.ravel()[place]
        assert _can_change(cells, facts, place) == _can_change(cells, totals, place)


def test_a_row_of_a_few_users_is_hidden_whole():
    """Four of five who stayed and the fifth who left: neither of them, nor that nobody did anything else, is shown."""
    masks = suppression.hidden_inside([[4, 1, 0], [60, 20, 70], [30, 80, 40]], min_cell=MIN)
    assert masks.rows.tolist() == [True, False, False]
    assert masks.cells[0].all()
    assert not masks.columns.any()
