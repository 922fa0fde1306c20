"""Every user alive has exactly one stage, and users who move between stages are neither lost nor invented."""

from collections import Counter
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given, settings

from opsbook.analysis import stages
from opsbook.analysis.stages import ENTERED, LEFT, STAGES
from opsbook.inputs.workbook import DEFAULT_STAGES, StageRule
from small_company import COMPANIES, START, Company, day, number, weeks

SPAN = {"data_start": START, "settled_through": day(59)}
FEW = settings(max_examples=12, deadline=None)
LAWS = settings(max_examples=6, deadline=None)
WEEKS = [weeks()[number] for number in (0, 3, 5, 7)]
EVERY_BOUND = (
    StageRule(stage="lost", min_silent_days=21),
    StageRule(stage="sleeping", min_silent_days=5, min_tenure_days=10),
    StageRule(stage="introduction", max_tenure_days=9, max_active_days=3),
    StageRule(stage="mature", min_orders=2, max_silent_days=12),
    StageRule(stage="mature", min_active_days=4),
    StageRule(stage="growth"),
)


def stage_by_hand(company: Company, user: int, last: int, rules: tuple[StageRule, ...]) -> str | None:
    """The first rule whose every bound holds, read off plain sets; None when not alive."""
    life = company.life(user)
    if life is None or life > last:
        return None
    visits = [d for d in company.visits.get(user, ()) if d <= last]
    facts = {
        "tenure_days": last - life,
        "silent_days": last - max(visits) if visits else last - life,
        "active_days": sum(d > last - 28 for d in visits),
        "orders": sum(d > last - 90 and d % 3 == 0 for d in visits),
    }
    for rule in rules:
        bounds = rule.model_dump(exclude_none=True, exclude={"stage"})
        met = [
            (facts[name[4:]] <= bound and not (name == "max_tenure_days" and not company.known(user)))
            if name.startswith("max_")
            else facts[name[4:]] >= bound
            for name, bound in bounds.items()
        ]
        if all(met):
            return rule.stage
    raise AssertionError("the last rule has no bounds")


def stock(company: Company, rules: tuple[StageRule, ...] = DEFAULT_STAGES) -> pd.DataFrame:
    return stages.stage_stock(company.user_days(), company.users(), rules=rules, periods=WEEKS, **SPAN)


def at(table: pd.DataFrame, last: int) -> pd.DataFrame:
    return table[table["end"] == pd.Timestamp(day(last))]


def moves(company: Company, first: int, last: int, rules: tuple[StageRule, ...] = DEFAULT_STAGES) -> pd.DataFrame:
    return stages.stage_transitions(
        company.user_days(), company.users(), rules=rules, start=day(first), end=day(last), **SPAN
    )


def test_preset_sends_each_kind_of_user_to_its_stage(same):
    """New, regular, frequent, silent for a week and silent for four weeks: one user in each stage."""
    company = Company(
        {
            1: frozenset({53}),
            2: frozenset({20, 54}),
            3: frozenset({1, *range(46, 56)}),
            4: frozenset({1, 40}),
            5: frozenset({1, 12}),
        },
        {1: 50, 2: 0, 3: 0, 4: 0, 5: 0},
    )
    same(
        at(stock(company), 55),
        """
        end        | stage        | users | alive_users | share | complete
        2026-03-01 | introduction | 1     | 5           | 0.2   | true
        2026-03-01 | growth       | 1     | 5           | 0.2   | true
        2026-03-01 | mature       | 1     | 5           | 0.2   | true
        2026-03-01 | sleeping     | 1     | 5           | 0.2   | true
        2026-03-01 | lost         | 1     | 5           | 0.2   | true
    """,
    )


@FEW
@given(COMPANIES)
@pytest.mark.parametrize("rules", [DEFAULT_STAGES, EVERY_BOUND])
def test_stock_equals_reading_the_rules_user_by_user(rules, company):
    """First match wins, for every user and week end, with every kind of bound."""
    table = stock(company, rules)
    for period in WEEKS:
        last = number(period.end)
        expected = Counter(stage_by_hand(company, user, last, rules) for user in company.people)
        actual = table[table["end"] == pd.Timestamp(period.end)].set_index("stage")["users"]
        assert actual.to_dict() == {stage: expected[stage] for stage in STAGES}
        alive = sum(company.life(user) <= last for user in company.people)
        assert actual.sum() == alive


@FEW
@given(COMPANIES)
@pytest.mark.parametrize("rules", [DEFAULT_STAGES, EVERY_BOUND])
def test_moves_equal_pairing_the_stages_user_by_user(rules, company):
    """Every user alive at the end is in one cell; users who were not alive at the start enter."""
    expected = Counter(
        (stage_by_hand(company, user, 27, rules) or ENTERED, stage_by_hand(company, user, 55, rules))
        for user in company.people
        if company.life(user) <= 55
    )
    table = moves(company, 27, 55, rules)
    assert {(row.from_stage, row.to_stage): row.users for row in table.itertuples() if row.users} == dict(expected)


@FEW
@given(COMPANIES)
def test_rows_sum_to_one_and_margins_are_the_stocks(company):
    """Rows of the matrix sum to 1, its row totals are the stock before and its column totals the stock after."""
    table = moves(company, 27, 55)
    sums = table.groupby("from_stage")["share"].sum(min_count=1).dropna()
    assert sums.to_numpy() == pytest.approx([1.0] * len(sums))
    now, then = (at(stock(company), last).set_index("stage")["users"] for last in (55, 27))
    assert table.groupby("to_stage")["users"].sum().drop(LEFT).to_dict() == now.to_dict()
    assert table.groupby("from_stage")["users"].sum().drop(ENTERED).to_dict() == then.to_dict()


@LAWS
@given(COMPANIES)
def test_names_order_and_the_future_do_not_matter_and_twins_double(company):
    """Renaming and shuffling change nothing, later data change nothing before, twins double every cell."""
    whole = stock(company)
    pd.testing.assert_frame_equal(whole, stock(company.renamed()))
    assert (stock(company.doubled())["users"] == 2 * whole["users"]).all()
    shuffled = stages.stage_stock(
        company.user_days().sample(frac=1, random_state=1),
        company.users().sample(frac=1, random_state=2),
        rules=DEFAULT_STAGES,
        periods=WEEKS,
        **SPAN,
    )
    pd.testing.assert_frame_equal(whole, shuffled)
    past = company.until(27)
    cut = stages.stage_stock(past.user_days(), past.users(), rules=DEFAULT_STAGES, periods=WEEKS[:2], **SPAN)
    known_alike = all(company.known(user) == past.known(user) for user in past.people)
    if known_alike:
        pd.testing.assert_frame_equal(whole.head(10), cut)


def test_user_of_unknown_age_is_never_in_the_introduction():
    """Whoever was there when the data began may be an old user."""
    company = Company({1: frozenset({2})})
    counts = at(stock(company), 6).set_index("stage")["users"]
    assert counts["introduction"] == 0
    assert counts["growth"] == 1


def test_week_whose_look_back_starts_before_the_data_is_incomplete():
    """The preset looks back 29 days, so the first four weeks cannot be judged."""
    complete = stock(Company({})).groupby("end")["complete"].first()
    assert complete.tolist() == [False, False, True, True]


def test_look_back_covers_the_longest_question_the_rules_ask():
    """28 days of activity, 90 of orders if any rule asks for them, and the longest silence told apart."""
    assert stages.lookback_days(DEFAULT_STAGES) == 29
    assert stages.lookback_days(EVERY_BOUND) == 90
    assert stages.lookback_days((StageRule(stage="lost", min_silent_days=200), StageRule(stage="growth"))) == 201


def test_one_rule_without_bounds_puts_everybody_in_its_stage():
    """A list of one stage is still exhaustive."""
    company = Company({1: frozenset({2}), 2: frozenset({3})})
    counts = at(stock(company, (StageRule(stage="mature"),)), 6).set_index("stage")["users"]
    assert counts["mature"] == counts.sum() == 2


def test_documented_columns_come_back_even_from_nothing():
    """No users give zero counts and missing shares; no periods give no rows."""
    empty = Company({})
    table = stock(empty)
    assert table["users"].eq(0).all()
    assert table["share"].isna().all()
    assert all(name in stages.stage_stock.__doc__ for name in table)
    none = stages.stage_stock(empty.user_days(), empty.users(), rules=DEFAULT_STAGES, periods=[], **SPAN)
    assert none.columns.tolist() == table.columns.tolist()
    assert none.empty
    matrix = moves(empty, 27, 55)
    assert len(matrix) == 36
    assert all(name in stages.stage_transitions.__doc__ for name in matrix)


@LAWS
@given(COMPANIES)
@pytest.mark.parametrize("rules", [DEFAULT_STAGES, EVERY_BOUND])
def test_history_holds_the_matrix_of_every_pair_of_periods(rules, company):
    """Reading all periods in one pass gives each period's own matrix, and columns add up to the stock."""
    people = company.user_days(), company.users()
    history = stages.transition_history(*people, rules=rules, periods=WEEKS, **SPAN)
    for before, now in pairwise(WEEKS):
        rows = history[history["end"] == pd.Timestamp(now.end)].reset_index(drop=True)
        own = stages.stage_transitions(*people, rules=rules, start=before.end, end=now.end, **SPAN)
        pd.testing.assert_frame_equal(rows[own.columns], own)
    stocks = stock(company, rules).set_index(["end", "stage"])["users"]
    arrived = history.groupby(["end", "to_stage"])["users"].sum().drop(LEFT, level="to_stage")
    assert arrived.to_dict() == stocks.reindex(arrived.index).to_dict()


@FEW
@given(COMPANIES)
def test_stage_of_each_user_is_the_one_read_by_hand(company):
    """The engine table for other analyses has one row per user alive, with the first rule that holds."""
    found = stages.user_stages(company.user_days(), company.users(), rules=EVERY_BOUND, day=day(55)).to_pandas()
    expected = {user: stage_by_hand(company, user, 55, EVERY_BOUND) for user in company.people}
    assert dict(zip(found["user"], found["stage"], strict=True)) == {u: s for u, s in expected.items() if s}


def test_history_of_fewer_than_two_periods_is_empty_but_whole():
    """One period has no predecessor; the documented columns are there all the same."""
    company = Company({1: frozenset({2})})
    for periods in ([], WEEKS[:1]):
        table = stages.transition_history(
            company.user_days(), company.users(), rules=DEFAULT_STAGES, periods=periods, **SPAN
        )
        assert table.empty
        assert {"period", "start_end", "end", "from_stage", "share_low", "complete"} <= set(table.columns)
