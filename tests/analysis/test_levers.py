"""The change in active users as a sum of parts: exact, fair to every order, and with intervals that hold."""

from dataclasses import replace
from itertools import permutations
from math import factorial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from opsbook.analysis import growth, levers
from opsbook.inputs.periods import Period
from small_company import COMPANIES, START, Company, day, number, weeks

SPAN = {"data_start": START, "settled_through": day(59)}
FEW = settings(max_examples=5, deadline=None)
LAWS = settings(max_examples=20, deadline=None)
NAMES = ["ads", "friends", "search"]
SOURCES = {"signups": "new_active", "base_users": "kept", "pool": "woken"}
SIX = ["acquisition", "activation", "retention", "resurrection", "mix", "inherited"]


def with_channels(users: pd.DataFrame) -> pd.DataFrame:
    return users.assign(channel=pd.Series([NAMES[user % 3] for user in users["user"]], dtype="object"))


def counted(company: Company, periods: list[Period] | None = None, **more: int) -> pd.DataFrame:
    users = with_channels(company.users())
    return levers.lever_counts(company.user_days(), users, periods=periods or weeks()[4:7], **SPAN, **more)


def counts(previous: list[dict[str, int]], now: list[dict[str, int]]) -> pd.DataFrame:
    """Counts typed by hand, one dict per channel of NAMES."""
    rows = [
        {"period": period, "channel": name} | dict.fromkeys(levers.COUNTS, 0) | row
        for period, channels in (("before", previous), ("now", now))
        for name, row in zip(NAMES, channels, strict=False)
    ]
    table = pd.DataFrame(rows)
    return table.assign(active_users=table[["new_active", "kept", "woken", "unknown"]].sum(axis=1), complete=True)


def parts_of(table: pd.DataFrame, channel: str = levers.ALL, **more: int) -> pd.Series:
    parts = levers.lever_parts(table, seed=1, **({"draws": 20} | more))
    return parts[parts["channel"] == channel].set_index("lever")["part"]


def channel_counts() -> st.SearchStrategy[dict[str, int]]:
    def source(size: str, active: str) -> st.SearchStrategy[dict[str, int]]:
        pair = st.tuples(st.integers(0, 40), st.integers(0, 40))
        return pair.map(lambda both: {size: max(both), active: min(both)})

    parts = [source(*names) for names in SOURCES.items()]
    return st.tuples(*parts, st.integers(0, 3)).map(
        lambda found: found[0] | found[1] | found[2] | {"unknown": found[3]}
    )


def both_periods() -> st.SearchStrategy[pd.DataFrame]:
    channels = st.lists(channel_counts(), min_size=3, max_size=3)
    return st.builds(counts, channels, channels)


def actives(table: pd.DataFrame, moved: set[str]) -> dict[str, float]:
    """Active users by channel when the levers in `moved` stand at this period and the others at the previous one."""
    at = {period: table[table["period"] == period].set_index("channel") for period in ("before", "now")}

    def share(period: str, part: str, whole: float, name: str) -> float | None:
        return at[period].loc[name, part] / whole if whole else None

    def known(lever: str, here: dict[str, float | None]) -> float:
        chosen, other = ("now", "before") if lever in moved else ("before", "now")
        found = here[chosen] if here[chosen] is not None else here[other]
        return 0.0 if found is None else found

    result = dict.fromkeys(NAMES, 0.0)
    for size, active, size_lever, rate_lever in levers.SOURCES:
        totals = {period: float(at[period][size].sum()) for period in at}
        for name in NAMES:
            mix = known("mix", {period: share(period, size, totals[period], name) for period in at})
            rates = {period: share(period, active, at[period].loc[name, size], name) for period in at}
            result[name] += known(size_lever, totals) * mix * known(rate_lever, rates)
    return result


def by_enumeration(table: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Each lever's mean contribution over all 720 orders, channel by channel."""
    values = {}
    for order in permutations(SIX):
        for place in range(7):
            moved = frozenset(order[:place])
            if moved not in values:
                values[moved] = actives(table, set(moved))
    parts = dict.fromkeys([(lever, name) for lever in SIX for name in NAMES], 0.0)
    for order in permutations(SIX):
        for place, lever in enumerate(order):
            before, after = values[frozenset(order[:place])], values[frozenset(order[: place + 1])]
            for name in NAMES:
                parts[lever, name] += (after[name] - before[name]) / factorial(6)
    return parts


def test_counts_of_a_hand_made_company(table, same):
    """Who signs up, stays, lies in the silent pool and comes back is counted per channel, in both periods."""
    days = table("""
        user | day
        1    | 2026-01-05
        1    | 2026-01-12
        1    | 2026-01-19
        2    | 2026-01-06
        2    | 2026-01-20
        3    | 2026-01-13
        4    | 2026-01-21
        5    | 2026-01-14
        5    | 2026-01-22
    """)
    users = table("""
        user | first_day  | first_active_day | life_start | channel
        1    | 2026-01-05 | 2026-01-05       | signup     | ads
        2    | 2026-01-06 | 2026-01-06       | signup     | ads
        3    | 2026-01-13 | 2026-01-13       | signup     | friends
        4    | 2026-01-15 | 2026-01-21       | signup     | friends
        5    | 2026-01-14 | 2026-01-14       | unknown    | friends
        6    | 2026-01-20 |                  | signup     | friends
    """)
    found = levers.lever_counts(days, users, periods=weeks(3), **SPAN)
    same(
        found,
        """
        period   | channel | signups | new_active | base_users | kept | pool | woken | unknown | active_users | complete
        2026-W03 | ads     | 0       | 0          | 2          | 1    | 0    | 0     | 0       | 1            | true
        2026-W03 | friends | 2       | 1          | 0          | 0    | 0    | 0     | 1       | 2            | true
        2026-W04 | ads     | 0       | 0          | 1          | 1    | 1    | 1     | 0       | 2            | true
        2026-W04 | friends | 1       | 0          | 2          | 1    | 1    | 1     | 0       | 2            | true
    """,
    )


@FEW
@given(COMPANIES)
def test_counts_agree_with_growth_accounting(company):
    """Summed over channels the counts are the flows of growth accounting, and they add up to the active users."""
    table = counted(company, weeks())
    flows = growth.growth_accounting(company.user_days(), company.users(), periods=weeks(), **SPAN)
    sums = table.groupby("period")[[*levers.COUNTS, "active_users"]].sum()
    for row in flows.tail(2).to_dict("records"):
        found = sums.loc[row["period"]] if len(sums) else dict.fromkeys([*levers.COUNTS, "active_users"], 0)
        assert (found["new_active"], found["kept"], found["woken"], found["unknown"]) == (
            row["new"], row["current"], row["resurrected"], row["unknown"],
        )  # fmt: skip
        assert found["signups"] == row["new"] + row["new_silent"]
        assert (found["base_users"], found["active_users"]) == (row["previous_users"], row["active_users"])


@FEW
@given(COMPANIES)
def test_names_order_and_the_future_do_not_matter_and_twins_double(company):
    """Renaming and shuffling users and later data change no count; twins double every count and every part."""
    users = with_channels(company.users())
    whole = counted(company)
    renamed = users.assign(user=users["user"] + 500).sample(frac=1, random_state=1)
    days = company.user_days().assign(user=lambda t: t["user"] + 500).sample(frac=1, random_state=2)
    pd.testing.assert_frame_equal(whole, levers.lever_counts(days, renamed, periods=weeks()[4:7], **SPAN))
    last = number(weeks()[6].end)
    days = company.user_days()
    past = days[days["day"] <= pd.Timestamp(day(last))]
    pd.testing.assert_frame_equal(whole, levers.lever_counts(past, users, periods=weeks()[4:7], **SPAN))
    twins = pd.concat([users, users.assign(user=users["user"] + 100)])
    days = pd.concat([company.user_days(), company.user_days().assign(user=lambda t: t["user"] + 100)])
    double = levers.lever_counts(days, twins, periods=weeks()[4:7], **SPAN)
    pd.testing.assert_frame_equal(double[levers.COUNTS], 2 * whole[levers.COUNTS])
    if len(whole):
        np.testing.assert_allclose(parts_of(double), 2 * parts_of(whole), atol=1e-9)


@LAWS
@given(both_periods())
def test_parts_add_up_to_the_change_of_every_channel_and_of_all(table):
    """No user is lost or counted twice: parts sum to the change, channels sum to the total."""
    parts = levers.lever_parts(table, seed=1, draws=20)
    change = parts.drop_duplicates("channel").set_index("channel").eval("active_users - previous_users")
    np.testing.assert_allclose(parts.groupby("channel")["part"].sum()[change.index], change, atol=1e-9)
    apart = parts[parts["channel"] != levers.ALL].groupby("lever")["part"].sum()
    np.testing.assert_allclose(apart[levers.LEVERS], parts_of(table)[levers.LEVERS], atol=1e-9)
    assert (parts["low"] <= parts["part"] + 1e-12).all()
    assert (parts["high"] >= parts["part"] - 1e-12).all()


@settings(max_examples=4, deadline=None)
@given(both_periods())
def test_parts_equal_the_mean_over_all_720_orders(table):
    """The split is the Shapley value: the same as trying every order in which six levers can move."""
    expected = by_enumeration(table)
    for name in NAMES:
        found = parts_of(table, name)
        assert [found[lever] for lever in SIX] == pytest.approx([expected[lever, name] for lever in SIX], abs=1e-9)


@LAWS
@given(both_periods())
def test_equal_periods_have_no_parts_and_an_unmoved_lever_has_none(table):
    """Nothing changed means every part is 0; retention that is the same in every channel contributes nothing."""
    before = table[table["period"] == "before"]
    still = pd.concat([before, before.assign(period="now")], ignore_index=True)
    np.testing.assert_allclose(parts_of(still), 0, atol=1e-12)
    half = table.assign(base_users=2 * table["base_users"], kept=table["base_users"])
    half["active_users"] = half[["new_active", "kept", "woken", "unknown"]].sum(axis=1)
    assert parts_of(half)["retention"] == pytest.approx(0, abs=1e-12)
    assert parts_of(half[half["channel"] == "ads"])["mix"] == 0


@LAWS
@given(both_periods())
def test_channels_may_be_renamed_and_the_reverse_change_has_the_reverse_parts(table):
    """A channel's name carries no weight, and going back takes away what going there gave."""
    new = {"ads": "z", "friends": "y", "search": "x"}
    renamed = table.assign(channel=table["channel"].map(new)).sort_values(["period", "channel"], ignore_index=True)
    for name in NAMES:
        np.testing.assert_allclose(parts_of(renamed, new[name]), parts_of(table, name), atol=1e-9)
    back = pd.concat([table[table["period"] == "now"], table[table["period"] == "before"]], ignore_index=True)
    np.testing.assert_allclose(parts_of(back), -parts_of(table), atol=1e-9)


def test_parts_of_one_channel_by_hand():
    """40 of 100 stay, then 60 of 120: retention brings (0.5 - 0.4) x 110, the larger base 20 x 0.45."""
    found = parts_of(counts([{"base_users": 100, "kept": 40}], [{"base_users": 120, "kept": 60}]))
    assert found["retention"] == pytest.approx(11.0)
    assert found["inherited"] == pytest.approx(9.0)
    assert found.drop(["retention", "inherited"]).abs().max() == 0


def test_activation_that_cannot_move_has_no_doubt():
    """Where life begins with the first activity, all new users are active by definition: 0 from 0 to 0."""
    table = counts([{"signups": 20, "new_active": 20}], [{"signups": 30, "new_active": 30}])
    row = levers.lever_parts(table, seed=1).query("lever == 'activation' and channel == 'all'").iloc[0]
    assert (row["part"], row["low"], row["high"]) == (0, 0, 0)


def test_intervals_cover_the_true_parts_nominally():
    """Of 250 simulated pairs of periods 95 % of the intervals hold the part of the true rates and arrivals."""
    rng, runs = np.random.default_rng(11), 250
    base, pool = np.array([[300, 200, 80], [320, 180, 90]]), np.array([[900, 500, 300], [950, 520, 280]])
    arrivals = np.array([[60.0, 40, 25], [75, 40, 20]])
    rates = {"new_active": [[0.8, 0.6, 0.7], [0.7, 0.6, 0.8]], "kept": [[0.6, 0.5, 0.4], [0.55, 0.5, 0.5]]}
    rates["woken"] = [[0.05, 0.08, 0.04], [0.06, 0.08, 0.05]]

    def told(signups: np.ndarray, active: dict[str, np.ndarray]) -> pd.DataFrame:
        sizes = {"signups": signups, "base_users": base, "pool": pool} | active
        rows = [[{name: float(sizes[name][period][k]) for name in sizes} for k in range(3)] for period in (0, 1)]
        return counts(*rows)

    expected = {name: np.array(rates[name]) * size for name, size in zip(rates, (arrivals, base, pool), strict=True)}
    truth = parts_of(told(arrivals, expected))
    held = pd.Series(0, index=levers.LEVERS)
    for seed in range(runs):
        signups = rng.poisson(arrivals)
        drawn = {name: rng.binomial(n, rates[name]) for name, n in zip(rates, (signups, base, pool), strict=True)}
        parts = levers.lever_parts(told(signups, drawn), seed=seed, draws=300)
        parts = parts[parts["channel"] == levers.ALL].set_index("lever")
        held += (parts["low"] <= truth) & (truth <= parts["high"])
    low, high = binom.ppf([0.001, 0.999], runs, [0.93, 0.97]) / runs
    tried = held[["acquisition", "activation", "retention", "resurrection"]] / runs
    assert tried.between(low, high).all(), tried


def test_small_channels_are_one_and_never_known_by_subtraction():
    """A channel below min_cell is merged, with the next smallest one if the rest would still be below it."""
    company = Company({user: frozenset({29, 36, 43}) for user in range(30)}, dict.fromkeys(range(30), 0))
    users = company.users()
    users["channel"] = ["rare"] * 2 + ["small"] * 12 + ["large"] * 16
    found = levers.lever_counts(company.user_days(), users, periods=weeks()[4:7], **SPAN, min_cell=10)
    assert found["channel"].unique().tolist() == ["large", "other"]
    assert found.groupby("channel")["base_users"].first().tolist() == [16, 14]
    alone = levers.lever_counts(company.user_days(), users, periods=weeks()[4:7], **SPAN, max_channels=1)
    assert alone["channel"].unique().tolist() == ["large", "other"]


def test_company_without_channels_has_one_and_its_mix_cannot_move():
    """Orders alone name no channel: everybody is in `unknown`, and the mix part is exactly 0."""
    company = Company({user: frozenset({29 + user % 7, 36, 43 + user % 5}) for user in range(20)})
    found = levers.lever_counts(company.user_days(), company.users(), periods=weeks()[4:7], **SPAN)
    assert found["channel"].unique().tolist() == ["unknown"]
    assert parts_of(found)["mix"] == 0


def test_simpson_in_the_channel_mix_is_caught():
    """Retention rises in both channels and falls over all, because the base moved to the channel that keeps worse."""
    before = [{"base_users": 9000, "kept": 8100}, {"base_users": 1000, "kept": 300}]
    now = [{"base_users": 3000, "kept": 2790}, {"base_users": 7000, "kept": 2450}]
    row = levers.channel_paradox(counts(before, now)).iloc[0]
    assert row["fired"]
    assert row["total_change"] == pytest.approx(0.524 - 0.84)
    assert row["within_change"] == pytest.approx(0.6 * 0.03 + 0.4 * 0.05)
    assert row["share_against"] == pytest.approx(1.0)
    assert (row["channels"], row["base_users"]) == (2, 10000)


def test_simpson_does_not_fire_for_small_numbers_or_one_channel():
    """The same rates from a hundredth of the users are noise; one channel has no mix."""
    before = [{"base_users": 90, "kept": 81}, {"base_users": 10, "kept": 3}]
    now = [{"base_users": 30, "kept": 28}, {"base_users": 70, "kept": 25}]
    assert not levers.channel_paradox(counts(before, now))["fired"].iloc[0]
    assert levers.channel_paradox(counts(before[:1], now[:1])).empty


def test_without_three_periods_or_settled_days_nothing_is_claimed():
    """Fewer than three periods give no table, an incomplete one no interval, a gap is refused."""
    company = Company({1: frozenset({1, 8, 15})}, {1: 1})
    none = counted(company, weeks(2))
    assert none.empty
    assert levers.lever_parts(none, seed=1).empty
    assert levers.channel_paradox(none).empty
    late = levers.lever_counts(
        company.user_days(), company.users(), periods=weeks(3), data_start=START, settled_through=day(19)
    )
    assert levers.lever_parts(late, seed=1)[["low", "high"]].isna().all(axis=None)
    with pytest.raises(ValueError, match="consecutive"):
        counted(company, [weeks()[0], weeks()[1], replace(weeks()[3])])


@pytest.mark.parametrize("function", [levers.lever_counts, levers.lever_parts, levers.channel_paradox])
def test_documented_columns_are_the_returned_ones(function):
    """Every returned column stands in the docstring."""
    company = Company({user: frozenset({29, 36 + user % 2, 43}) for user in range(9)}, dict.fromkeys(range(9), 0))
    table = counted(company)
    made = {"lever_parts": lambda: levers.lever_parts(table, seed=1), "lever_counts": lambda: table}
    found = made.get(function.__name__, lambda: levers.channel_paradox(table))()
    assert all(name in function.__doc__ for name in found.columns)
