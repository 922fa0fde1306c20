"""Where 28-day actives settle: the chain's fixed point, reached by simulation, with intervals that hold."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from scipy.stats import binom

from opsbook.analysis import steady_state as steady
from opsbook.analysis import weekly_chain
from opsbook.mart.tables import Tabular
from small_company import COMPANIES, START, Company, day

FEW = settings(max_examples=5, deadline=None)
RATES = {"new": 0.6, "current": 0.8, "resurrected": 0.5, "silent_1": 0.3, "silent_2": 0.1, "silent_3": 0.05}
FLOWS = {"newcomers": 60.0, "returns": 20.0}


def patterns_of(company: Company, end: int = 59, **more: int) -> pd.DataFrame:
    return weekly_chain.weekly_patterns(company.user_days(), company.users(), end=day(end), data_start=START, **more)


def chain(**changed: float) -> pd.DataFrame:
    """Rates as chain_rates returns them: as counted and, twice the same, redrawn."""
    return pd.DataFrame([RATES | FLOWS | changed] * 3)


def today(**stocks: int) -> pd.DataFrame:
    """Weeks as chain_weeks returns them, with these stocks at the end of each."""
    held = dict.fromkeys(weekly_chain.STATES, 0) | stocks
    row = held | {f"next_{state}": 0 for state in weekly_chain.STATES} | {"returns": 0, "active_28": sum(held.values())}
    return pd.DataFrame([row] * 3).assign(end=pd.date_range("2026-01-04", periods=3, freq="7D"))


def state_by_hand(company: Company, user: int, end: int) -> str | None:
    """The state at the end of a week that ends on a day, from the last four weeks one by one."""
    ago = [bool(company.active(end - 7 * k - 6, end - 7 * k) & {user}) for k in range(4)]
    if not any(ago):
        return None
    if not ago[0]:
        return f"silent_{ago.index(True)}"
    born = company.known(user) and end - 6 <= company.life(user) <= end
    return "new" if born else "current" if ago[1] else "resurrected"


def simulated(rng: np.random.Generator, weeks: int = 12, burn_in: int = 30) -> pd.DataFrame:
    """Patterns of users who follow RATES one by one, arrivals Poisson, after a burn-in."""
    span, parts = burn_in + weeks, []
    for state, flow in (("new", "newcomers"), ("resurrected", "returns")):
        arrivals = rng.poisson(FLOWS[flow], size=span)
        start = np.repeat(np.arange(span), arrivals)
        active = np.zeros((len(start), span), dtype=bool)
        place = np.full(len(start), -1)
        for week in range(span):
            chance = np.array([*RATES.values(), 0.0])[place]
            now = (start == week) | ((start < week) & (rng.random(len(start)) < chance))
            silent = np.where(place < 3, 3, np.where(place < 5, place + 1, 6))
            came = np.where(place < 3, 1, 2)
            place = np.where(start > week, -1, np.where(now, came, np.where(place < 0, -1, silent)))
            place[place == 6] = -1
            place[start == week] = weekly_chain.STATES.index(state)
            active[:, week] = now
        life = np.where(state == "new", span - 1 - start, weeks)
        parts.append(pd.DataFrame(active[:, ::-1][:, :weeks]).assign(life=np.minimum(life, weeks)))
    rows = pd.concat(parts)
    rows = rows[rows[list(range(weeks))].any(axis=1)]
    counted = rows.groupby(list(rows.columns)).size().rename("users").reset_index()
    return counted.set_axis([*(f"active_{week}" for week in range(weeks)), "life_week", "users"], axis=1)


def test_states_of_a_hand_made_company(table, same):
    """New, current, silent, resurrected: each user is in one state a week, and the next week tells who was active."""
    days = table("""
        user | day
        1    | 2026-02-06
        1    | 2026-02-10
        1    | 2026-02-28
        2    | 2026-02-03
        2    | 2026-02-27
        3    | 2026-01-08
        3    | 2026-02-24
        4    | 2026-02-24
    """)
    users = table("""
        user | first_day  | first_active_day | life_start
        1    | 2026-02-05 | 2026-02-06       | signup
        2    | 2025-01-01 | 2026-02-03       | signup
        3    | 2026-01-08 | 2026-01-08       | unknown
        4    | 2026-02-23 | 2026-02-24       | signup
    """)
    end = day(55)  # 1 March 2026, a Sunday: the weeks end on Sundays
    found = weekly_chain.weekly_patterns(days, users, end=end, data_start=START)
    same(
        weekly_chain.chain_weeks(found, end=end),
        """
        end        | new | current | resurrected | silent_1 | silent_2 | silent_3 | active_28 | returns | next_new | next_silent_2
        2026-02-01 | 0   | 0       | 0           | 0        | 0        | 1        | 1         |         | 0        | 0
        2026-02-08 | 1   | 0       | 1           | 0        | 0        | 0        | 2         | 1       | 1        | 0
        2026-02-15 | 0   | 1       | 0           | 1        | 0        | 0        | 2         | 0       | 0        | 0
        2026-02-22 | 0   | 0       | 0           | 1        | 1        | 0        | 2         | 0       | 0        | 1
        2026-03-01 | 1   | 0       | 3           | 0        | 0        | 0        | 4         | 1       |          |
    """,  # noqa: E501 - a typed table reads better whole
    )


@FEW
@given(COMPANIES)
def test_stocks_and_moves_equal_looking_at_every_user_and_week(company):
    """Each week's stocks, moves and returns are those of a loop, and their sum is the 28-day actives."""
    found = weekly_chain.chain_weeks(patterns_of(company), end=day(59)).set_index("end")
    for week in range(4, -1, -1):
        end = 59 - 7 * week
        states = {user: state_by_hand(company, user, end) for user in company.people}
        row, later = found.loc[pd.Timestamp(day(end))], company.active(end + 1, end + 7)
        for state in weekly_chain.STATES:
            inside = {user for user, own in states.items() if own == state}
            assert row[state] == len(inside), state
            assert week == 0 or row[f"next_{state}"] == len(inside & later), state
        assert row["active_28"] == len(company.active(end - 27, end))
        back = [user for user, own in states.items() if own == "resurrected"]
        away = [user for user in back if not company.active(end - 34, end - 7) & {user}]
        assert week == 4 or row["returns"] == len(away)


@FEW
@given(COMPANIES)
def test_names_order_and_the_future_do_not_matter_and_twins_double(company):
    """Renamed, shuffled and cut data give the same patterns; twins double their users."""
    whole = patterns_of(company)
    pd.testing.assert_frame_equal(whole, patterns_of(company.renamed()))
    shuffled = [frame.sample(frac=1, random_state=5) for frame in (company.user_days(), company.users())]
    pd.testing.assert_frame_equal(whole, read(*shuffled))
    pd.testing.assert_frame_equal(patterns_of(company.doubled()).assign(users=lambda t: t["users"] // 2), whole)
    later = Company({user: days | {60, 63} for user, days in company.visits.items()}, company.signups)
    pd.testing.assert_frame_equal(whole, patterns_of(later))


def read(user_days: Tabular, users: Tabular) -> pd.DataFrame:
    return weekly_chain.weekly_patterns(user_days, users, end=day(59), data_start=START)


def test_the_steady_state_is_a_fixed_point_and_a_long_projection_reaches_it():
    """One more week changes nothing at rest, and from anywhere the chain gets there."""
    rates = chain()
    matrix, inflow = steady.step_matrix(rates)
    level = steady.steady_level(today(current=10), rates)["steady"].iloc[0]
    stocks = np.array([1000.0, 0, 0, 0, 5, 0])
    for _week in range(2000):
        stocks = matrix[0] @ stocks + inflow[0]
    np.testing.assert_allclose(matrix[0] @ stocks + inflow[0], stocks, atol=1e-9)
    assert stocks.sum() == pytest.approx(level, abs=1e-6)
    path = steady.steady_path(today(new=1000), rates, weeks_ahead=500)
    assert path["users"].iloc[0] == 1000
    assert path["users"].iloc[-1] == pytest.approx(level, abs=1e-6)


def test_users_who_follow_the_chain_one_by_one_settle_at_its_level():
    """A plain simulation of users, without any matrix, has the same 28-day actives on average."""
    rng = np.random.default_rng(3)
    stocks = [weekly_chain.chain_weeks(simulated(rng), end=day(59))["active_28"].mean() for _run in range(12)]
    level = steady.steady_level(today(current=10), chain())["steady"].iloc[0]
    assert np.mean(stocks) == pytest.approx(level, abs=4 * np.std(stocks) / 12**0.5)


def test_gains_are_the_finite_differences_of_the_level():
    """One more point of a rate is worth what the level changes when the rate does, and close to its slope."""
    rates, weeks = chain(), today(**dict.fromkeys(weekly_chain.STATES, 50))
    base = steady.steady_level(weeks, rates)["steady"].iloc[0]
    table = steady.steady_gains(weeks, rates).set_index("lever")
    moved = {lever: {state: RATES[state] + 0.01 for state in states} for lever, states in steady.POINTS.items()}
    moved |= {flow: {flow: 1.01 * FLOWS[flow]} for flow in steady.PERCENTS}
    for lever, changed in moved.items():
        again = steady.steady_level(weeks, chain(**changed))["steady"].iloc[0]
        assert table.loc[lever, "gain"] == pytest.approx(again - base), lever
    slope = steady.steady_level(weeks, chain(current=RATES["current"] + 1e-6))["steady"].iloc[0] - base
    assert table.loc["current", "gain"] == pytest.approx(1e4 * slope, rel=0.15)
    assert table.loc["newcomers", "gain"] + table.loc["returns", "gain"] == pytest.approx(0.01 * base)


def test_rate_that_cannot_rise_by_a_point_has_no_gain():
    """99.5 % and one more point is not a rate."""
    weeks = today(**dict.fromkeys(weekly_chain.STATES, 50))
    table = steady.steady_gains(weeks, chain(new=0.995)).set_index("lever")
    assert pd.isna(table.loc["week_1", "gain"])
    assert table.loc["current", "gain"] > 0


def test_halving_time_is_when_half_of_the_gap_has_closed():
    """The path is at most half as far from rest in the told week, and farther in the week before."""
    weeks, rates = today(new=100), chain()
    row = steady.steady_level(weeks, rates).iloc[0]
    gap = (steady.steady_path(weeks, rates, weeks_ahead=60)["users"] - row["steady"]).abs()
    told = int(row["halving_weeks"])
    assert gap[told] <= gap[0] / 2 < gap[told - 1]
    slow = steady.steady_level(weeks, chain(current=0.9999, new=1.0, resurrected=0.9999)).iloc[0]
    assert pd.isna(slow["halving_weeks"])


def test_intervals_cover_the_true_level_and_gain_nominally():
    """Of 140 simulated companies 95 % of the intervals hold the level and the week-1 gain of the true chain."""
    rng, runs = np.random.default_rng(7), 140
    known = today(current=10, new=10, resurrected=10, silent_1=10, silent_2=10, silent_3=10)
    truth = steady.steady_level(known, chain())["steady"].iloc[0]
    gain = steady.steady_gains(known, chain()).set_index("lever").loc["week_1", "gain"]
    held = np.zeros(2)
    for seed in range(runs):
        found = simulated(rng)
        weeks, rates = (
            weekly_chain.chain_weeks(found, end=day(59)),
            weekly_chain.chain_rates(found, seed=seed, draws=250),
        )
        row, more = steady.steady_level(weeks, rates).iloc[0], steady.steady_gains(weeks, rates).iloc[0]
        held += [row["steady_low"] <= truth <= row["steady_high"], more["low"] <= gain <= more["high"]]
    low, high = binom.ppf([0.001, 0.999], runs, [0.93, 0.97])
    assert (held >= low).all(), held / runs
    assert (held <= high).all(), held / runs


@pytest.mark.parametrize(
    ("company", "reason"),
    [
        (Company({}), "few"),
        (Company({user: frozenset(range(60)) for user in range(30)}, dict.fromkeys(range(30), -50)), "stay"),
        (Company({user: frozenset({10, 20, 31 + user, 50}) for user in range(4)}), "few"),
    ],
)
def test_what_cannot_be_estimated_is_refused_with_its_reason(company, reason):
    """Nobody leaves, or too few users pass: no rates, no level, no gains, no path."""
    found = patterns_of(company)
    weeks = weekly_chain.chain_weeks(found, end=day(59))
    assert weekly_chain.refusal(weeks) == reason
    rates = weekly_chain.chain_rates(found, seed=1)
    assert all(part.empty for part in (rates, steady.steady_level(weeks, rates), steady.steady_gains(weeks, rates)))
    assert steady.steady_path(weeks, rates).empty


def test_too_short_data_are_refused_and_short_data_are_averaged_over_fewer_weeks():
    """Under eight weeks there is no chain; with ten, six weeks are averaged, with twenty no more than asked for."""
    company = Company({1: frozenset({50})})
    short = patterns_of(company, end=54)
    assert weekly_chain.refusal(weekly_chain.chain_weeks(short, end=day(54))) == "weeks"
    assert len(weekly_chain.chain_weeks(patterns_of(company, end=69), end=day(69))) == 6 + 1
    assert len(weekly_chain.chain_weeks(patterns_of(company, end=139, weeks=5), end=day(139))) == 5 + 1


def test_rows_in_any_order_and_the_same_seed_give_the_same_draws():
    """Patterns that move alike are drawn as one, so the order of rows changes nothing, not even the noise."""
    found = simulated(np.random.default_rng(1))
    rates = weekly_chain.chain_rates(found, seed=5, draws=20)
    again = weekly_chain.chain_rates(found.sample(frac=1, random_state=2), seed=5, draws=20)
    pd.testing.assert_frame_equal(rates, again)
    assert not rates.equals(weekly_chain.chain_rates(found, seed=6, draws=20))


def test_check_says_what_would_have_been_said_and_what_came():
    """The prediction of four weeks ago is that of the data cut there, and the miss is against today's count."""
    rng, people = np.random.default_rng(2), range(120)
    visits = {user: frozenset(np.flatnonzero(rng.random(84) < 0.12).tolist()) for user in people}
    company = Company(visits, dict.fromkeys(people, -30))
    days, users = company.user_days(), company.users()
    weeks = weekly_chain.chain_weeks(patterns_of(company, end=83, weeks=4), end=day(83))
    row = steady.steady_check(days, users, weeks, data_start=START, seed=3).iloc[0]
    earlier = patterns_of(company.until(55), end=55, weeks=4)
    rates = weekly_chain.chain_rates(earlier, seed=3)
    path = steady.steady_path(weekly_chain.chain_weeks(earlier, end=day(55)), rates, weeks_ahead=4)
    assert (row["end"], row["weeks"]) == (pd.Timestamp(day(55)), 4)
    assert (row["said"], row["said_low"], row["said_high"]) == tuple(path.iloc[-1][["users", "low", "high"]])
    assert (row["then"], row["came"]) == (len(company.active(28, 55)), len(company.active(56, 83)))
    assert row["miss"] == pytest.approx(row["said"] / row["came"] - 1)
    assert row["miss_no_change"] == pytest.approx(row["then"] / row["came"] - 1)
    assert all(name in steady.steady_check.__doc__ for name in row.index)
    assert steady.steady_check(days, users, weeks, data_start=day(20), seed=3).empty
    assert steady.steady_check(days, users, weeks.tail(0), data_start=START, seed=3).empty


def test_documented_columns_are_the_returned_ones():
    """Every returned column stands in the docstring of its function."""
    found = simulated(np.random.default_rng(1))
    weeks, rates = weekly_chain.chain_weeks(found, end=day(59)), weekly_chain.chain_rates(found, seed=1, draws=10)
    made = {
        steady.steady_level: steady.steady_level(weeks, rates),
        steady.steady_gains: steady.steady_gains(weeks, rates),
        steady.steady_path: steady.steady_path(weeks, rates),
    }
    for function, table in made.items():
        assert all(name in function.__doc__ for name in table.columns), function.__name__
    assert {"returns", "active_28", "end"} < set(weeks.columns)
