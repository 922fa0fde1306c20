"""The aha search counts as by hand, finds what was planted, and finds nothing where nothing is, at its stated rate."""

from datetime import date, timedelta
from hashlib import md5

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from opsbook.analysis import aha, early
from opsbook.analysis.early import Early
from opsbook.inputs.aha import AhaSettings

START, END = date(2026, 1, 1), date(2026, 6, 30)
SMALL = AhaSettings(windows=(1, 3), counts=(1, 2), outcome_days=(5, 6), permutations=99, min_users=1)
SEEN = {"data_start": START, "settled_through": END, "end": END, "seed": 7}


def drawn(seed: int) -> tuple[list[tuple[int, int, str]], list[int]]:
    """Random visits (user, age, event) of 60 users, and the day each was born."""
    rng = np.random.default_rng(seed)
    visits = zip(
        rng.integers(0, 60, 400), rng.integers(0, 7, 400), rng.choice(["read", "check", "post"], 400), strict=True
    )
    return [(int(user), int(age), str(event)) for user, age, event in visits], rng.integers(0, 6, 60).tolist()


def company(visits: list[tuple[int, int, str]], births: list[int]) -> tuple[pd.DataFrame, ...]:
    """Steps, user days and users of (user, age, event); everybody signs up within the first days of the data."""
    names = [f"u{number}" for number in range(len(births))]
    first = [pd.Timestamp(START) + pd.Timedelta(days=day) for day in births]
    users = pd.DataFrame({"user": range(len(births)), "user_id": names, "first_day": first, "life_start": "signup"})
    users["channel"] = ["ads" if number % 2 else "organic" for number in range(len(births))]
    rows = [(user, first[user] + pd.Timedelta(days=age), event) for user, age, event in visits]
    steps = pd.DataFrame(rows, columns=["user", "day", "event"])
    steps = steps.astype({"user": "int64", "day": "datetime64[ns]", "event": "str"})
    return steps, steps[["user", "day"]].drop_duplicates(), users


def counted(tables: tuple[pd.DataFrame, ...], chosen: AhaSettings = SMALL, **changed: object) -> Early:
    groups = {"words": ["read", "post"], "one": ["check"]}
    return early.early_behaviour(*tables, settings=chosen, groups=groups, **SEEN | changed)


def is_train(user_id: str, seed: int) -> bool:
    return int(md5(f"{user_id}:{seed}".encode()).hexdigest()[:8], 16) < 2**31


def by_hand(visits: list[tuple[int, int, str]], births: list[int]) -> dict[tuple, tuple]:
    """Every behaviour's reach, and users and stayers on both sides of the half that judges, one user at a time."""
    cells = {}
    things = {"read": {"read"}, "check": {"check"}, "post": {"post"}, "words": {"read", "post"}, "active_days": None}
    done_by_anybody = {event for _user, age, event in visits if age < 3}
    for item, events in things.items():
        if events and not events & done_by_anybody:
            continue
        for window in SMALL.windows:
            for count in SMALL.counts:
                doers, sides = 0, {True: [0, 0], False: [0, 0]}
                for user in range(len(births)):
                    own = [(age, event) for who, age, event in visits if who == user]
                    ages = [age for age, event in own if age < window and (events is None or event in events)]
                    did = len(set(ages) if events is None else ages) >= count
                    doers += did
                    if any(age >= window for age, _event in own) and not is_train(f"u{user}", 7):
                        sides[did][0] += 1
                        sides[did][1] += any(age >= 5 for age, _event in own)
                cells[item, window, count] = (doers, *sides[True], *sides[False])
    return cells


@pytest.mark.parametrize("seed", range(4))
def test_counts_equal_counting_user_by_user(seed):
    """Reach, users and stayers of every behaviour are those of plain Python, halves by hash included."""
    visits, births = drawn(seed)
    found = aha.search(counted(company(visits, births)), seed=3)
    hand = by_hand(visits, births)
    for row in found.itertuples():
        doers, users, stayed, rest, rest_stayed = hand[row.item, row.window_days, row.at_least]
        assert row.reach == pytest.approx(doers / len(births))
        assert (row.done_users, row.other_users) == (users, rest)
        assert (row.done_share, row.other_share) == pytest.approx((stayed / users, rest_stayed / rest))
    assert len(found) > 15
    assert "one" not in set(found["item"])


def test_order_of_rows_and_what_comes_too_late_do_not_matter():
    """Shuffled rows, newcomers who cannot be watched to the end and days beyond the outcome change nothing."""
    steps, days, users = company(*drawn(11))
    found = aha.search(counted((steps, days, users)), seed=3)
    late = users.tail(1).assign(user=99, user_id="late", first_day=pd.Timestamp(END) - pd.Timedelta(days=5))
    unknown = users.tail(1).assign(user=98, user_id="old", life_start="unknown")
    after = pd.DataFrame({"user": [0, 98, 99], "day": pd.to_datetime(["2026-05-01", "2026-01-02", "2026-06-26"])})
    more = [pd.concat([days, after]), pd.concat([users, late, unknown])]
    more = [table.sample(frac=1, random_state=5) for table in (steps, *more)]
    pd.testing.assert_frame_equal(found, aha.search(counted(tuple(more)), seed=3))


def test_population_counts_who_was_seen_again(table, same):
    """Of three newcomers two were seen after the first day, one of them after the third, who also stayed."""
    visits = [(0, 0, "read"), (1, 0, "read"), (1, 1, "read"), (2, 0, "read"), (2, 5, "read")]
    found = aha.population(counted(company(visits, [0, 0, 0])))
    same(found, """
        seen_after_days | users | retained | share
        0               | 3     | 1        | 0.33333333333
        1               | 2     | 1        | 0.5
        3               | 1     | 1        | 1
    """)  # fmt: skip
    assert (found["train_users"] + found["test_users"] == found["users"]).all()


def made(levels: np.ndarray, retained: np.ndarray, stratum: np.ndarray, rng: np.random.Generator) -> Early:
    """What the engine would count of users x items levels in one window; everybody is seen later."""
    chosen = AhaSettings(windows=(7,), counts=(1, 2, 3), permutations=99, min_users=20)
    people = pd.DataFrame({"user": range(len(levels)), "seen": 1, "is_train": rng.random(len(levels)) < 0.5})
    people = people.assign(stratum=stratum.astype(str), retained=retained)
    rows = [people.assign(kind="event", item=f"e{place}", level_7=column) for place, column in enumerate(levels.T)]
    done = pd.concat(rows, ignore_index=True).query("level_7 > 0")

    def counts(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
        return table.groupby(keys)["retained"].agg(users="size", retained="sum").reset_index()

    searched = done[done["is_train"]].sort_values(["user", "kind", "item"])
    patterns = counts(done, [*early.KEYS, "level_7", *early.SIDES])
    return Early(counts(people, early.SIDES), patterns, people[people["is_train"]], searched, chosen)


def confounded(rng: np.random.Generator, users: int, effect: float = 0.0) -> Early:
    """Busy users do more of everything and stay more often; the first event adds `effect` when done twice."""
    busy = rng.integers(0, 3, users)
    levels = np.minimum(rng.poisson(0.4 + 0.8 * busy[:, None], (users, 6)), 3)
    return made(levels, rng.random(users) < 0.2 + 0.2 * busy + effect * (levels[:, 0] >= 2), busy, rng)


def test_search_seldom_finds_something_in_companies_without_anything_to_find():
    """Where only activity drives both, the best of 18 behaviours passes as rarely as stated (test_permutation: 400)."""
    rng = np.random.default_rng(20260101)
    found = [aha.search(confounded(rng, 400), seed=run)["p_search"].min() <= 0.05 for run in range(40)]
    assert np.mean(found) <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 40)


def test_comparing_the_equally_active_removes_what_activity_alone_brings():
    """Doing more goes with staying in every plain comparison and in none among users of the same activity."""
    cells = aha.search(confounded(np.random.default_rng(3), 20_000), seed=1)
    assert (cells["difference_low"] > 0).all()
    assert ((cells["adjusted_low"] < 0) & (cells["adjusted_high"] > 0)).mean() > 0.8
    assert cells["p_search"].min() > 0.05


def test_planted_behaviour_comes_first_and_its_effect_is_in_the_interval():
    """An effect of ten points planted on doing the first event twice is found, and measured within its interval."""
    cells = aha.search(confounded(np.random.default_rng(4), 20_000, effect=0.1), seed=1)
    best = cells.iloc[0]
    assert (best["item"], best["at_least"], best["is_best"]) == ("e0", 2, True)
    assert best["p_search"] == pytest.approx(0.01)
    assert best["adjusted_low"] < 0.1 < best["adjusted_high"]
    assert set(cells.loc[cells["is_close"], "item"]) <= {"e0"}


def test_sample_to_shuffle_agrees_with_the_counts():
    """With every searched user drawn, the shuffled users' own scores are those of the counted patterns."""
    whole = confounded(np.random.default_rng(5), 1000, effect=0.1)
    cells, done = aha._cells(whole)
    hits = done[whole.drawn["retained"].to_numpy()].sum(axis=0)
    users, retained = (aha._done(whole, cells[early.KEYS].drop_duplicates(), name) for name in ("users", "retained"))
    assert done.sum(axis=0).tolist() == users[:, 1, 1].sum(axis=-1)[: len(cells)].tolist()
    assert hits.tolist() == retained[:, 1, 1].sum(axis=-1)[: len(cells)].tolist()


def simulated(users: int, seed: int) -> tuple[pd.DataFrame, ...]:
    """A company in which three reads in the first week halve the chance to leave; checking in does nothing."""
    rng = np.random.default_rng(seed)
    often = rng.beta(3, 3, users)
    ages = np.arange(40)
    willing = rng.random((users, 40)) < often[:, None]
    willing[:, 0] = True
    reads = rng.poisson(0.7, (users, 40)) * willing
    reads[:, 20:] = 0
    early_reads = reads[:, :7].sum(axis=1) >= 3
    gone = np.where(rng.random(users) < 0.35, rng.integers(1, 7, users), 99)
    leaves = rng.random(users) < np.where(early_reads, 0.25, 0.5)
    gone = np.minimum(gone, np.where(leaves, rng.integers(7, 28, users), 99))
    here = willing & (ages < gone[:, None])
    checks = here & (rng.random((users, 40)) < 0.3)
    rows = []
    for name, times in (("open", here.astype(int)), ("read", reads * here), ("check", checks.astype(int))):
        person, age = np.nonzero(times)
        again = np.repeat(np.arange(len(person)), times[person, age])
        rows.append(pd.DataFrame({"user": person[again], "age": age[again], "event": name}))
    steps = pd.concat(rows, ignore_index=True)
    first = pd.Timestamp(START) + pd.to_timedelta(rng.integers(0, 60, users), unit="D")
    steps["day"] = first[steps["user"]] + pd.to_timedelta(steps["age"], unit="D")
    people = pd.DataFrame({"user": range(users), "user_id": [f"u{n}" for n in range(users)], "first_day": first})
    people = people.assign(life_start="signup", channel="all")
    return steps[["user", "day", "event"]], steps[["user", "day"]].drop_duplicates(), people


def test_planted_behaviour_of_a_simulated_company_is_recovered():
    """Reading three times in the first week is found; checking in, which only those who stay can do often, is not."""
    tables = simulated(4000, 1)
    cells = aha.search(counted(tables, AhaSettings(permutations=199)), seed=1)
    best = cells.iloc[0]
    assert (best["item"], best["window_days"], best["at_least"]) == ("read", 7, 3)
    assert best["p_search"] == pytest.approx(1 / 200)
    assert best["adjusted_low"] > 0
    checks = cells[(cells["item"] == "check") & (cells["window_days"] == 7) & (cells["at_least"] == 2)].iloc[0]
    assert checks["naive"] > 0.1
    assert checks["adjusted_low"] < 0 < checks["adjusted_high"]
    assert checks["p_search"] > 0.05
    fewer = AhaSettings(permutations=199, sample_users=500)
    sampled = aha.search(counted(tables, fewer), seed=1)
    assert len(counted(tables, fewer).drawn) < 650
    kept = ["item", "window_days", "at_least", "adjusted", "train_z", "done_users"]
    pd.testing.assert_frame_equal(sampled[kept], cells[kept])
    assert sampled["p_search"].iloc[0] <= 0.02


def test_same_seed_same_answer():
    """Two equal searches are equal to the last digit."""
    whole = confounded(np.random.default_rng(5), 600)
    pd.testing.assert_frame_equal(aha.search(whole, seed=9), aha.search(whole, seed=9))


def test_nobody_to_watch_is_an_empty_table():
    """Data too short for the outcome give no behaviour, and say so by an empty table with all columns."""
    tables = company([(0, 0, "read")], [0])
    found = aha.search(counted(tables, end=START + timedelta(days=3)), seed=1)
    assert found.empty
    assert list(found) == aha.COLUMNS
    assert aha.population(counted(tables, end=START + timedelta(days=3)))["users"].sum() == 0


def test_users_per_arm_are_those_of_the_textbook():
    """For .60 against .70 with power .9 it takes 477 per arm (Fleiss 2003, without correction); none for 0."""
    assert aha.users_per_arm(0.6, 0.1, power=0.9) == pytest.approx(477, abs=2)
    assert aha.users_per_arm(0.5, 0.1) == 388
    assert aha.users_per_arm(0.5, 0.0) is None
    assert aha.users_per_arm(0.5, 0.6) is None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"windows": (7, 3)}, "must rise"), ({"outcome_days": (10, 20)}, "after the longest window"),
     ({"counts": ()}, "at least 1"), ({"outcome_days": (30, 20)}, "outcome_days 30 to 20")],
)  # fmt: skip
def test_settings_that_cannot_be_meant_are_refused(wrong, says):
    """Windows rise, and the outcome lies after the longest of them."""
    with pytest.raises(ValidationError, match=says):
        AhaSettings(**wrong)
