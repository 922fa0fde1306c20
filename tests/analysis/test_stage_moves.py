"""Move rates are read off the matrices: kept, fell asleep, woke."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from scipy.optimize import linprog

from opsbook.analysis import stage_moves, stages, suppression
from opsbook.inputs.workbook import DEFAULT_STAGES
from small_company import COMPANIES, START, day, weeks

SPAN = {"data_start": START, "settled_through": day(59)}


def history(*matrices: dict[tuple[str, str], int], complete: bool = True) -> pd.DataFrame:
    rows = [
        (f"2026-0{month}", pd.Timestamp(2026, month, 1), pd.Timestamp(2026, month, 28), was, now, users)
        for month, matrix in enumerate(matrices, start=1)
        for (was, now), users in (dict.fromkeys(product(stages.STAGES, stages.STAGES), 0) | matrix).items()
    ]
    names = ["period", "start_end", "end", "from_stage", "to_stage", "users"]
    return pd.DataFrame(rows, columns=names).assign(complete=complete)


def test_each_rate_counts_those_who_could_and_those_who_did(same):
    """70 of 100 mature stayed mature, 25 of 130 awake fell asleep, 5 of 20 sleeping woke."""
    moved = {("mature", "mature"): 70, ("mature", "growth"): 10, ("mature", "sleeping"): 20}
    moved |= {("growth", "mature"): 25, ("growth", "lost"): 5, ("sleeping", "growth"): 5, ("sleeping", "lost"): 15}
    same(
        stage_moves.move_rates(history(moved)),
        """
        move          | period  | users | from_users | share
        kept_mature   | 2026-01 | 70    | 100        | 0.7
        fell_asleep   | 2026-01 | 25    | 130        | 0.19230769230769232
        woke_sleeping | 2026-01 | 5     | 20         | 0.25
        woke_lost     | 2026-01 | 0     | 0          |
        matured       | 2026-01 | 25    | 30         | 0.8333333333333334
    """,
    )


@settings(max_examples=6, deadline=None)
@given(COMPANIES)
def test_rates_equal_counting_in_the_matrices(company):
    """For every move and period the counts are sums of cells, and those who could are sums of rows."""
    path = stages.transition_history(
        company.user_days(), company.users(), rules=DEFAULT_STAGES, periods=weeks()[3:], **SPAN
    )
    rates = stage_moves.move_rates(path)
    for row in rates.itertuples():
        come, go = stage_moves.MOVES[row.move]
        cells = path[(path["period"] == row.period) & path["from_stage"].isin(come)]
        assert row.from_users == cells["users"].sum()
        assert row.users == cells.loc[cells["to_stage"].isin(go), "users"].sum()


def test_change_needs_two_complete_periods_with_users():
    """The change of a rate is that of the last two periods, or cannot be told."""
    first, then = {("mature", "mature"): 50, ("mature", "lost"): 50}, {("mature", "mature"): 80, ("mature", "lost"): 20}
    change = stage_moves.move_change(stage_moves.move_rates(history(first, then)), move="kept_mature")
    assert change.value == pytest.approx(0.3)
    assert change.low > 0
    assert stage_moves.move_change(stage_moves.move_rates(history(first)), move="kept_mature") is None
    assert (
        stage_moves.move_change(stage_moves.move_rates(history(first, then, complete=False)), move="woke_lost") is None
    )


def test_documented_columns_come_back_even_from_nothing():
    """No periods give no rows."""
    rates = stage_moves.move_rates(history().astype({"users": np.int64, "complete": bool}))
    assert rates.empty
    assert all(name in stage_moves.move_rates.__doc__ for name in rates)


def test_a_rate_that_gives_a_hidden_cell_away_is_hidden():
    """The matrix hides 3 of the mature and one more cell of the row, so what stayed is not told by a rate either."""
    moved = {("mature", "mature"): 70, ("mature", "lost"): 3, ("growth", "mature"): 40, ("growth", "lost"): 60}
    path = history(moved)
    rates = stage_moves.without_small_cells(stage_moves.move_rates(path), path, min_cell=10)
    assert rates.set_index("move").loc[["kept_mature"], "users"].isna().all()


def test_a_rate_of_large_cells_is_told():
    """Nothing is hidden where no cell is small."""
    path = history({("mature", "mature"): 70, ("mature", "lost"): 30, ("growth", "mature"): 40})
    raw = stage_moves.move_rates(path)
    assert stage_moves.without_small_cells(raw, path, min_cell=10)["share"].equals(raw["share"])


COMPANY = {("mature", "mature"): 300, ("mature", "sleeping"): 60, ("growth", "growth"): 80, ("growth", "lost"): 40}
COMPANY |= {("lost", "growth"): 30, ("lost", "lost"): 500, ("growth", "mature"): 50}
RATE = ["users", "from_users", "share", "share_low", "share_high"]


def told(moved, *, min_cell=10):
    """The rates of one period as they may be shown, by move."""
    path = history(moved)
    return stage_moves.without_small_cells(stage_moves.move_rates(path), path, min_cell=min_cell).set_index("move")


def test_a_move_that_a_few_could_make_is_not_told_at_all():
    """Of five sleeping users four slept on and one was lost: neither that none woke, nor that they were five."""
    rates = told(COMPANY | {("sleeping", "sleeping"): 4, ("sleeping", "lost"): 1})
    assert rates.loc["woke_sleeping", RATE].isna().all()
    assert rates.loc["kept_mature", ["users", "from_users"]].tolist() == [300, 360]


def test_the_few_who_could_make_a_move_may_be_the_lost():
    """The stage lost is a row like the others."""
    rates = told({cell: n for cell, n in COMPANY.items() if cell[0] != "lost"} | {("lost", "lost"): 8})
    assert rates.loc["woke_lost", RATE].isna().all()


@pytest.mark.parametrize("few", [1, 4, 9])
def test_with_the_stock_no_rate_gives_a_small_cell_away(few):
    """Who stands in each stage at both ends is told elsewhere: the small cell can still be another number."""
    moved = COMPANY | {("mature", "lost"): few, ("sleeping", "growth"): 20, ("sleeping", "sleeping"): 30}
    cells = history(moved).pivot(index="from_stage", columns="to_stage", values="users").astype("float64")
    mask = suppression.hidden_inside(cells, min_cell=10).cells
    place = cells.index.get_loc("mature"), cells.columns.get_loc("lost")
    sums = [np.outer(cells.index.isin(come), cells.columns.isin(go)) for come, go in stage_moves.MOVES.values()]
    shown = [one for one, users in zip(sums, told(moved)["users"], strict=True) if not np.isnan(users)]
    totals = [np.arange(25).reshape(5, 5) // 5 == k for k in range(5)]
    totals += [np.arange(25).reshape(5, 5) % 5 == k for k in range(5)]
    facts = np.array([one.ravel() for one in [*totals, *shown]], dtype=float)
    open_cells = np.flatnonzero(mask.ravel())
    rest = facts @ cells.to_numpy().ravel() - facts[:, ~mask.ravel()] @ cells.to_numpy().ravel()[~mask.ravel()]
    aim = (open_cells == place[0] * 5 + place[1]).astype(float)
    asked = {"A_eq": facts[:, open_cells], "b_eq": rest, "bounds": (0, None)}
    low, high = (sign * linprog(sign * aim, **asked).fun for sign in (1, -1))
    assert low < high
    assert low <= few <= high


def test_a_change_is_never_that_of_older_periods():
    """Where the last or the one before is hidden there is no change to tell, not one between two older periods."""
    ends = pd.to_datetime(["2026-01-31", "2026-02-28", "2026-03-31"])
    rates = pd.DataFrame({"move": "woke_sleeping", "end": ends, "users": [40.0, 90.0, 50.0], "from_users": 1000.0})
    rates = rates.assign(complete=True)
    assert stage_moves.move_change(rates, move="woke_sleeping") is not None
    for hidden in (1, 2):
        some = rates.assign(**{name: rates[name].where(rates.index != hidden) for name in ("users", "from_users")})
        assert stage_moves.move_change(some, move="woke_sleeping") is None
