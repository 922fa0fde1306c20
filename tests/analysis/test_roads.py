"""By which road a life ends: exits, silence, ties, late entries; shares of every road; differences between segments."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

import activity_log as log_of
from opsbook.analysis import competing, roads, survival, time_to_churn, traps
from opsbook.errors import ParameterError
from opsbook.inputs.exits import Exits

AS_OF = date(2026, 3, 1)
START = pd.Timestamp("2026-01-01")
RULE = {"as_of": AS_OF, "churn_after_days": 10}


def company(active: dict, left: dict | None = None, *, signed_up=None, data_start=None, **more):
    """user_days and users of a company: user -> active days, user -> (exit day, road)."""
    pairs = [(user, pd.Timestamp(day)) for user, days in active.items() for day in days]
    log = pd.DataFrame(pairs, columns=["user", "day"]).astype({"day": "datetime64[ns]"})
    people = log_of.users(log, signed_up, data_start=data_start)
    exits = left or {}
    days = pd.Series({user: pd.Timestamp(day) for user, (day, _) in exits.items()}, dtype="datetime64[ns]")
    people["exit_day"] = days.reindex(people["user"]).to_numpy()
    people["exit_road"] = pd.Series([exits.get(user, (None, None))[1] for user in people["user"]], dtype="string")
    people["watched_through"] = pd.Series(pd.NaT, index=people.index, dtype="datetime64[ns]")
    return log_of.user_days(log), people.assign(**more)


def of_user(tables, user="a", **rule) -> tuple[int, str] | None:
    """Duration and cause of one user, None where not watched."""
    lives = roads.user_ends(*tables, **(RULE | rule)).to_pandas().set_index("user")
    return (int(lives.loc[user, "duration_days"]), lives.loc[user, "cause"]) if user in lives.index else None


STEADY = [f"2026-01-{day:02d}" for day in range(1, 16)]


@pytest.mark.parametrize(
    ("exit_day", "expected"),
    [
        ("2026-01-10", (9, "unsubscribed")),  # while active
        ("2026-01-15", (14, "unsubscribed")),  # on the last active day: the exit, not the silence after it
        ("2026-01-20", (19, "unsubscribed")),  # five days into a silence that nobody could have called one
        ("2026-01-25", (24, "unsubscribed")),  # the last day on which a return would have kept the user
        ("2026-01-26", (14, "silent")),  # one day later the silence had already ended the life
    ],
)
def test_silence_or_exit_whichever_came_first(exit_day, expected):
    """An exit within the threshold of the last active day comes first; after a longer silence it changes nothing."""
    assert of_user(company({"a": STEADY}, {"a": (exit_day, "unsubscribed")})) == expected


def test_without_an_exit_silence_is_dated_at_the_last_active_day():
    """Silent for the threshold: gone on the last active day, by silence."""
    assert of_user(company({"a": STEADY})) == (14, "silent")


def test_an_exit_in_the_last_days_classifies_nobody():
    """The last days of the data cannot tell silence, so no road may be counted in them either: censored."""
    tables = company({"a": ["2026-02-15", "2026-02-20"]}, {"a": ("2026-02-25", "banned")})
    assert of_user(tables) == (4, "")


def test_activity_after_an_exit_is_another_life():
    """Who unsubscribes and comes back later has left by that road all the same."""
    tables = company({"a": [*STEADY, "2026-01-16", "2026-02-28"]}, {"a": ("2026-01-10", "unsubscribed")})
    assert of_user(tables) == (9, "unsubscribed")


def test_an_exit_after_as_of_is_not_known_yet():
    """Asked about an earlier day, a later exit does not exist."""
    tables = company({"a": STEADY}, {"a": ("2026-01-20", "banned")})
    assert of_user(tables, as_of=date(2026, 1, 19)) == (8, "")


def test_a_signup_that_never_came_again_can_leave_by_a_road():
    """Sign-up is a sign of life: an exit within the threshold of it comes first, a later one does not."""
    for day, expected in (("2026-01-08", (7, "banned")), ("2026-01-12", (0, "silent"))):
        tables = company({"b": STEADY}, {"a": (day, "banned")}, signed_up={"a": "2026-01-01"})
        assert of_user(tables) == expected


def test_users_from_before_the_data_enter_late():
    """Life began in December, the data in January: at risk from then on; an exit counts as being seen in time."""
    tables = company(
        {"a": STEADY, "b": ["2026-02-01"]},
        {"b": ("2026-01-05", "banned")},
        signed_up={"a": "2025-12-22", "b": "2025-12-22", "c": "2025-12-22"},
        data_start="2026-01-01",
    )
    lives = roads.user_ends(*tables, **RULE).to_pandas().sort_values("user")
    assert lives[["user", "entry_days", "duration_days", "cause"]].values.tolist() == [
        ["a", 10, 24, "silent"],
        ["b", 10, 14, "banned"],
    ]


def test_without_the_silence_rule_only_exits_end_a_life():
    """Watched to the end of the course: silence is nothing; an exit on the last day watched counts, a later one not."""
    watched = {"watched_through": pd.Timestamp("2026-02-10")}
    signed_up = dict.fromkeys("abcde", "2026-01-01")
    left = {"b": ("2026-02-10", "withdrew"), "c": ("2026-02-11", "withdrew"), "d": ("2025-12-20", "withdrew")}
    tables = company({"a": ["2026-01-01"]}, left, signed_up=signed_up, **watched)
    assert [of_user(tables, user) for user in "abcde"] == [(40, ""), (40, "withdrew"), (40, ""), None, (40, "")]
    durations = time_to_churn.durations(*tables, **RULE)
    assert durations[["duration_days", "churned", "censored"]].values.tolist() == [[40, 1, 3]]
    fates = time_to_churn.fates(*tables, **RULE).set_index("fate")["users"]
    assert (fates["gone"], fates["undecided"], fates["not_at_risk"]) == (1, 3, 1)


def test_segments_together_are_everybody():
    """Counted by a column and added up again, the ends are those counted without it, a missing value included."""
    lives = {"a": STEADY, "b": STEADY, "c": ["2026-01-01"]}
    tables = company(lives, {"a": ("2026-01-10", "banned")}, channel=["x", "y", None])
    split = roads.ends(*tables, by=["channel"], **RULE)
    pd.testing.assert_frame_equal(roads.together(split), roads.ends(*tables, **RULE))
    assert len(split) == 3


def test_roads_may_not_split_by_what_is_found_out_later():
    """The road itself, and its day, are no segments: immortal time."""
    tables = company({"a": STEADY})
    with pytest.raises(ParameterError, match="immortal time"):
        roads.ends(*tables, by=["exit_road"], **RULE)


SPAN = 60


def brute(first: int, active: list[int], left: int | None, road: str, *, last: int, tau: int):
    """Walk through one life day by day; day 0 is the first day of the data."""
    left = left if left is not None and left <= last else None
    entry = max(first, 0)
    if first > last - tau or (left is not None and left < entry):
        return None
    signs = sorted({day for day in active if entry <= day <= last})
    if first >= 0:
        signs = sorted({first, *signs})
    elif not [day for day in [*signs, *([left] if left is not None else [])] if day - entry < tau]:
        return None
    end, cause = last - tau, ""
    quiet_since = None
    for day in range(entry, last + 1):
        if left == day:
            end, cause = (day, road) if day <= last - tau else (last - tau, "")
            break
        if day in signs:
            quiet_since = day
        elif quiet_since is not None and not [s for s in signs if quiet_since < s <= quiet_since + tau]:
            ended = left is not None and left <= quiet_since + tau
            if not ended and quiet_since <= last - tau:
                end, cause = quiet_since, "silent"
                break
    return None if first < 0 and end <= entry else (entry - first, end - first, cause)


def random_lives(rng, size: int) -> list[tuple[int, list[int], int | None, str]]:
    """First day, active days, day of the exit if any, and its road."""
    lives = []
    for _ in range(size):
        active = rng.integers(0, SPAN, rng.integers(0, 9)).tolist()
        left = int(rng.integers(-5, SPAN + 6)) if rng.random() < 0.7 else None
        lives.append((int(rng.integers(-20, 41)), active, left, str(rng.choice(["banned", "unsubscribed"]))))
    return lives


@pytest.mark.parametrize("seed", range(3))
def test_every_life_ends_as_a_walk_through_its_days_says(seed):
    """A thousand random lives, exits and late entries: the engine's answer is that of a walk day by day."""
    lives = random_lives(np.random.default_rng(seed), 1000)
    day = {offset: START + pd.Timedelta(days=offset) for offset in range(-30, SPAN + 10)}
    active = {name: [day[d] for d in days if d >= max(first, 0)] for name, (first, days, *_) in enumerate(lives)}
    left = {name: (day[d], road) for name, (_, _, d, road) in enumerate(lives) if d is not None}
    signed_up = {name: day[first] for name, (first, *_) in enumerate(lives)}
    tables = company(active, left, signed_up=signed_up, data_start=str(START.date()))
    found = roads.user_ends(*tables, as_of=day[SPAN - 1].date(), churn_after_days=10).to_pandas().set_index("user")
    got = {int(row.Index): (row.entry_days, row.duration_days, row.cause) for row in found.itertuples()}
    wrong = []
    for name, (first, days, d, road) in enumerate(lives):
        expected = brute(first, [x for x in days if x >= max(first, 0)], d, road, last=SPAN - 1, tau=10)
        wrong += [(lives[name], got.get(name), expected)] if got.get(name) != expected else []
    assert wrong == []
    assert len(got) > 500


def drawn(rng, n: int, hazards: dict[str, float], *, days: int = 120, late: bool = False) -> pd.DataFrame:
    """Users who leave by the roads with constant daily hazards, censored at random, some entering late; counted."""
    total = sum(hazards.values())
    life = rng.geometric(total, n)
    cause = rng.choice(list(hazards), n, p=np.array(list(hazards.values())) / total).astype(object)
    watched = rng.integers(20, days, n)
    entry = np.where(late & (rng.random(n) < 0.4), rng.integers(1, 15, n), 0)
    rows = pd.DataFrame({"entry_days": entry, "duration_days": np.minimum(life, watched)})
    rows["cause"] = np.where(life <= watched, cause, "")
    rows = rows[(rows["entry_days"] == 0) | (rows["duration_days"] > rows["entry_days"])]
    return rows.value_counts().rename("users").reset_index()


def planted(hazards: dict[str, float], cause: str, day: int) -> float:
    total = sum(hazards.values())
    return hazards[cause] / total * (1 - (1 - total) ** day)


HAZARDS = {"banned": 0.002, "silent": 0.012, "unsubscribed": 0.006}


@pytest.mark.parametrize("late", [False, True])
def test_intervals_hold_the_planted_shares(late):
    """Each road's 95 % interval at day 60 holds the planted incidence in 93-97 % of companies, late entries or not."""
    rng = np.random.default_rng(20260101)
    hits = []
    for _ in range(300):
        ends = drawn(rng, 800, HAZARDS, late=late)
        told = competing.incidence_at(competing.cumulative_incidence(ends), day=60)
        hits += [
            low <= planted(HAZARDS, cause, 60) <= high for cause, low, high in told[["cause", "low", "high"]].values
        ]
    assert 0.93 <= np.mean(hits) <= 0.97


def test_equal_segments_differ_by_chance_only():
    """A/A: two halves of one company differ at 5 % in about 5 % of trials."""
    rng = np.random.default_rng(7)
    false = []
    for _ in range(200):
        halves = [drawn(rng, 600, HAZARDS).assign(half=name) for name in ("one", "two")]
        told = roads.compare(pd.concat(halves, ignore_index=True), by="half", day=60)
        false += (told["p"] < 0.05).tolist()
    assert 0.03 <= np.mean(false) <= 0.07  # 600 comparisons: chance reaches 0.033 to 0.068


def test_differences_between_segments_carry_holm_and_both_shares():
    """A segment that unsubscribes thrice as often is found; its own share minus the rest's is the difference."""
    rng = np.random.default_rng(3)
    parts = {"ads": HAZARDS | {"unsubscribed": 0.018}, "organic": HAZARDS, "search": HAZARDS}
    ends = pd.concat([drawn(rng, 2000, hazards).assign(channel=name) for name, hazards in parts.items()])
    told = roads.compare(ends, by="channel", day=60)
    assert len(told) == 9
    row = told.set_index(["cause", "segment"]).loc[("unsubscribed", "ads")]
    assert row["difference"] == pytest.approx(row["share"] - row["share_rest"])
    assert row["difference_low"] > 0
    assert row["p"] < row["p_holm"] < 0.001


def test_a_segment_not_watched_long_enough_is_not_compared():
    """Nobody of the segment is watched on the day: no row, instead of a share from the others' time."""
    rng = np.random.default_rng(4)
    young = drawn(rng, 500, HAZARDS, days=40).assign(channel="young")
    old = drawn(rng, 500, HAZARDS).assign(channel="old")
    assert roads.compare(pd.concat([young, old]), by="channel", day=60).empty


def test_a_road_that_hardly_anybody_took_is_shown_and_not_tested():
    """Eight bans in one segment and none in the others are no clear difference, whatever a normal interval says."""
    rng = np.random.default_rng(9)
    parts = [drawn(rng, 800, {"silent": 0.01}).assign(channel=name) for name in "abc"]
    bans = pd.DataFrame({"entry_days": [0], "duration_days": [5], "cause": ["banned"], "users": [8], "channel": ["a"]})
    told = roads.compare(pd.concat([*parts, bans]), by="channel", day=60).query("cause == 'banned'")
    assert len(told) == 3
    assert told[["p", "p_holm", "difference_low"]].isna().all(axis=None)
    assert (told["difference"] != 0).all()


def test_of_two_segments_one_is_compared():
    """The other one would say the same with the opposite sign."""
    rng = np.random.default_rng(10)
    halves = [drawn(rng, size, HAZARDS).assign(half=name) for name, size in (("small", 500), ("large", 900))]
    assert set(roads.compare(pd.concat(halves), by="half", day=60)["segment"]) == {"large"}


def test_shares_of_all_roads_and_of_the_active_add_up_to_one():
    """On every day of the curve; it ends where fewer than ten users are watched."""
    ends = drawn(np.random.default_rng(5), 400, HAZARDS, late=True)
    curve = roads.curve(ends, horizon_days=200)
    total = curve.groupby("day")["share"].sum()
    np.testing.assert_allclose(total, 1, atol=1e-12)
    assert curve.loc[curve["day"] == curve["day"].max(), "at_risk"].min() >= 10
    told = roads.at_days(curve)
    assert told["cause"].iloc[-1] == "active"
    assert set(told["day"]) == {30, 90}


def test_nobody_watched_gives_an_empty_curve():
    """Without users there is nothing to draw and nothing to print."""
    nobody = pd.DataFrame({"entry_days": [0], "duration_days": [3], "cause": [""], "users": [0]}).iloc[:0]
    assert roads.curve(nobody, horizon_days=90).empty
    assert roads.at_days(roads.curve(nobody, horizon_days=90)).empty
    assert traps.one_minus_km(nobody, day=90).fired is None


def test_one_minus_km_overstates_every_road():
    """Other exits as censored: 1-KM of each road is above its share, together above all who left; in points."""
    ends = drawn(np.random.default_rng(6), 5000, HAZARDS)
    check = traps.one_minus_km(ends, day=90)
    share = roads.curve(ends, horizon_days=90).query("day == 90").set_index("cause")["share"]
    assert check.fired
    road = check.numbers["road"]
    assert check.numbers["share"] == pytest.approx(share[road])
    assert check.numbers["points"] == pytest.approx(check.numbers["km"] - share[road])
    assert check.numbers["together"] > 1 - share["active"]
    alone = drawn(np.random.default_rng(6), 500, {"silent": 0.01})
    assert traps.one_minus_km(alone, day=60).fired is None


def test_one_minus_km_is_that_of_the_survival_curve():
    """What the trap calls 1-KM is Kaplan-Meier with every other end censored."""
    ends = drawn(np.random.default_rng(8), 600, HAZARDS)
    road = traps.one_minus_km(ends, day=60).numbers["road"]
    own = ends["cause"] == road
    rows = ends.assign(churned=ends["users"].where(own, 0), censored=ends["users"].where(~own, 0))
    expected = 1 - survival.active_at(rows, day=60).value
    assert traps.one_minus_km(ends, day=60).numbers["km"] == pytest.approx(expected, abs=1e-12)


def test_misspelt_events_are_told_with_the_nearest_one():
    """An event that nobody ever had comes with the nearest event there is, or with none."""
    exits = Exits.model_validate({"roads": {"u": {"events": ["unsubscibe", "zzz"]}, "b": {"events": "ban"}}})
    recorded = pd.DataFrame({"user": [1], "event": ["ban"]})
    steps = pd.DataFrame({"user": [1, 2], "event": ["open", "unsubscribe"]})
    assert roads.unseen(recorded, steps, exits) == {"unsubscibe": "unsubscribe", "zzz": ""}
    assert roads.unseen(recorded, steps, Exits()) == {}
