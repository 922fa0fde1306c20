"""Who is at risk: rows against plain Python, no look into the future, and worlds whose truth we chose."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from opsbook.analysis import contact_list, early_warning, risk_check, risk_model, risk_rows, risk_value
from opsbook.analysis.risk_list import Draw
from opsbook.analysis.risk_rows import Question
from opsbook.errors import ParameterError

START = date(2026, 1, 1)
TAU, AHEAD = 10, 7
ASKED = Question(TAU, AHEAD, ("read",), ("channel",))


def company(seed: int, *, users: int = 300, last: int = 200) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Users who visit on a share of days of their own and leave by a daily chance; some signals go with both."""
    random = np.random.default_rng(seed)
    begin = random.integers(0, max(last - 20, 1), users)
    channel = random.choice(["ads", "web"], users)
    visit = np.where(random.random(users) < 0.5, 0.7, 0.25)
    leave = np.where(channel == "ads", 0.03, 0.006)
    ends = begin + random.geometric(leave)
    rows = [
        (user, day)
        for user in range(users)
        for day in range(begin[user], min(ends[user], last) + 1)
        if day == begin[user] or random.random() < visit[user]
    ]
    table = pd.DataFrame(rows, columns=["user", "number"])
    people = pd.DataFrame({"user": range(users), "user_id": [f"u{user:04d}" for user in range(users)],
                           "first_day": pd.to_datetime(START) + pd.to_timedelta(begin, unit="D"),
                           "channel": channel})  # fmt: skip
    return user_days(table), people


def user_days(table: pd.DataFrame) -> pd.DataFrame:
    """The mart's user_days of (user, day number): an order of 5 on every third day, reading on even ones."""
    table = table.sort_values(["user", "number"], ignore_index=True)
    third = (table["number"] % 3 == 0).astype("int64")
    return table.assign(
        day=pd.to_datetime(START) + pd.to_timedelta(table["number"], unit="D"),
        gap_after=-table.groupby("user")["number"].diff(-1), orders=third, revenue=5.0 * third,
        n_read=(table["number"] % 2 == 0).astype("int64"),
    )  # fmt: skip


def on(number: int) -> date:
    return START + timedelta(days=number)


def answered(days: pd.DataFrame, people: pd.DataFrame, last: int, **more) -> early_warning.Alarm:
    return early_warning.answer(days, people, ASKED, data_start=START, as_of=on(last), metric="revenue", **more)


@pytest.fixture(scope="module")
def alarm() -> early_warning.Alarm:
    return answered(*company(1, users=1500), 200, value_days=30)


def twin(days: set[int], landmark: int) -> dict[str, object] | None:
    """One user's row by the definition, in plain Python; days are those of the user, all of them."""
    past = sorted(day for day in days if day <= landmark)
    if not past or landmark - past[-1] >= TAU:
        return None
    last = {day for day in past if day > landmark - 28}
    recent = {day for day in last if day > landmark - 14}
    after = sorted(days)
    begun = [day for day in after if landmark - TAU < day <= landmark + AHEAD]
    silent = [day for day in begun if not any(day < other <= day + TAU for other in after)]
    gaps = len(past) - 1
    mean = (past[-1] - past[0]) / gaps if gaps else 0
    ratio = (landmark - past[-1]) / mean if mean else 0
    before = len(last) - len(recent)
    return {
        "recency_days": landmark - past[-1],
        "left": bool(silent),
        "active_28": max(edge for edge in risk_rows.ACTIVE_28 if edge <= len(last)),
        "active_7": max(e for e in risk_rows.ACTIVE_7 if e <= len({d for d in past if d > landmark - 7})),
        "trend": -1 if 2 * len(recent) <= before and before >= 2 else 1 if len(recent) >= max(2 * before, 2) else 0,
        "rhythm": -1 if len(past) < 3 else sum(ratio >= low for low in risk_rows.RHYTHM[1:]),
        "group_read": int(any(day % 2 == 0 for day in last)),
    }


def test_rows_are_those_of_the_definition():
    """Who lives, who leaves and what is known of them: every user and landmark, by plain Python."""
    days, people = company(2, users=150, last=160)
    landmarks = [60, 100, 143]
    table = risk_rows.rows(days, people, ASKED, on=[on(day) for day in landmarks], through=on(160)).to_pandas()
    table["number"] = (pd.to_datetime(table["landmark"]) - pd.Timestamp(START)).dt.days
    found = table.set_index(["user", "number"]).to_dict("index")
    visits = days.groupby("user")["number"].agg(set)
    expected = {(user, day): twin(visits[user], day) for user in visits.index for day in landmarks}
    expected = {key: row for key, row in expected.items() if row is not None}
    assert found.keys() == expected.keys()
    assert len(found) > 60
    for key, row in expected.items():
        assert {name: found[key][name] for name in row} == row, key


def test_a_silence_that_began_before_the_landmark_counts_as_leaving(table, same):
    """One is silent since day 55 for good, one comes back in time, one is churned already, one leaves later."""
    log = table("""
        user | number
        0    | 40
        0    | 55
        1    | 55
        1    | 64
        1    | 74
        2    | 49
        3    | 60
        3    | 67
    """)
    people = pd.DataFrame({"user": range(4), "user_id": list("abcd"), "first_day": pd.Timestamp(START), "channel": "x"})
    rows = risk_rows.rows(user_days(log), people, ASKED, on=[on(60)], through=on(77))
    same(
        rows.order_by("user").to_pandas(),
        """
        user | recency_days | left
        0    | 5            | true
        1    | 5            | false
        3    | 0            | true
        """,
    )


@pytest.mark.parametrize("late", ["active_days", "last_active_day", "exit_road"])
def test_a_column_that_no_landmark_could_have_known_is_refused(late):
    """What is only known at the end of life would teach the model its own answer: the error says so."""
    days, people = company(1, users=20)
    with pytest.raises(ParameterError, match="immortal time"):
        risk_rows.rows(days, people.assign(**{late: 1}), Question(TAU, AHEAD, (), (late,)), on=[on(60)], through=on(90))


def test_an_outcome_that_cannot_be_known_yet_is_missing():
    """Seventeen days must have passed; with sixteen the answer is nothing, not `stayed`."""
    days, people = company(3, users=60, last=100)
    for wait, unknown in ((17, False), (16, True)):
        rows = risk_rows.rows(days, people, ASKED, on=[on(100 - wait)], through=on(100)).to_pandas()
        assert rows["left"].isna().all() == unknown


def test_nothing_after_the_last_day_changes_a_score(alarm):
    """The same company with another future: every score, weight, check and list is the same to the last digit."""
    days, people = company(1, users=1500)
    random = np.random.default_rng(9)
    known = days[days["number"] <= 180]
    futures = []
    for _world in range(2):
        later = pd.DataFrame({"user": random.integers(0, 1500, 4000), "number": random.integers(181, 260, 4000)})
        mixed = pd.concat([known[["user", "number"]], later.drop_duplicates()])
        futures.append(answered(user_days(mixed), people, 180, value_days=30))
    futures.append(answered(user_days(known[["user", "number"]]), people, 180, value_days=30))
    draw = Draw(1, "shop", "weekly", on(180), 50, 0.2)
    lists = [contact_list.roster(found, draw=draw) for found in futures]
    for found, listed in zip(futures[1:], lists[1:], strict=True):
        pd.testing.assert_frame_equal(found.today, futures[0].today)
        pd.testing.assert_frame_equal(found.card, futures[0].card)
        pd.testing.assert_frame_equal(listed, lists[0])
    assert len(lists[0]) == 50


def test_the_landmarks_leave_no_outcome_open(alarm):
    """The check's outcome is known today, the training's outcomes were known on the check's day."""
    when, wait = alarm.landmarks, timedelta(days=ASKED.wait_days)
    assert when.validation == on(200) - wait
    assert max(when.training) + wait <= when.validation
    assert all(
        later - day >= timedelta(days=AHEAD) for day, later in zip(when.training, when.training[1:], strict=False)
    )


def test_a_day_of_its_own_calibrates_and_chooses_where_history_allows(alarm):
    """Three landmarks, each with an outcome known on the next; the check's day changes neither ranking nor learning."""
    when, wait = alarm.landmarks, timedelta(days=ASKED.wait_days)
    assert when.tuning == when.validation - wait == on(200) - 2 * wait
    assert max(when.training) + wait <= when.tuning
    assert alarm.tuned in ("hold", "recalibrated", "refused")


@pytest.mark.parametrize(("last", "tuning"), [(78, True), (77, False)])
def test_a_short_history_falls_back_on_the_check_to_choose(last, tuning):
    """Three waits of seventeen days and four weeks are needed for three landmarks; a day less gives two."""
    first, *rest = risk_rows.plans(ASKED, data_start=START, as_of=on(last), most=6)
    assert (first.tuning is not None, len(rest)) == (tuning, int(tuning))
    assert first.validation == on(last) - timedelta(days=ASKED.wait_days)


def test_too_few_leavers_on_the_day_of_choosing_fall_back_too(monkeypatch):
    """Where only the later day has leavers enough to check anything, it chooses too, and the answer says so."""
    days, people = company(5, users=900, last=200)
    wait = ASKED.wait_days
    table = risk_rows.rows(days, people, ASKED, on=[on(200 - 2 * wait), on(200 - wait)], through=on(200)).to_pandas()
    choosing, judging = table.groupby("landmark")["left"].sum()
    assert choosing < judging
    monkeypatch.setattr(early_warning, "MIN_CHECKED", judging)
    found = answered(days, people, 200, value_days=30)
    assert (found.case, found.landmarks.tuning, found.tuned) == ("ready", None, "")


def test_levels_moved_on_the_day_of_choosing_are_judged_on_another():
    """Risk that falls by half after learning is moved once: on a later day that mostly holds, the old level never."""
    random, held, before = np.random.default_rng(43), [], []
    for _world in range(40):
        learned = drawn("rich", 6000, random)
        tuning, tested = (drawn("fallen", 4000, random) for _ in range(2))
        model = risk_model.learned(learned, factors=["recency", "a", "b"])
        seen = risk_check.check(model.scores(tuning), tuning)
        moved = model.recalibrated(seen.shift, seen.slope)
        held.append(risk_check.check(moved.scores(tested), tested).levels == "hold")
        before.append(risk_check.check(model.scores(tested), tested).levels == "hold")
    assert np.mean(held) >= 0.55  # two intervals, which do not know how unsure the day was that moved the levels
    assert np.mean(before) <= 0.05


def test_recalibrating_twice_adds_up():
    """Moved and stretched again, log odds are those of both moves in turn."""
    counted = drawn("rich", 6000, np.random.default_rng(1))
    model = risk_model.learned(counted, factors=["recency", "a", "b"])
    twice = model.recalibrated(0.3, 0.8).recalibrated(-0.1, 1.2)
    expected = -0.1 + 1.2 * (0.3 + 0.8 * model.scores(counted))
    np.testing.assert_allclose(twice.scores(counted), expected, atol=1e-5)


def test_a_planted_signal_makes_the_model_better_and_stands_on_top_of_the_scorecard(alarm):
    """Users of one channel leave five times as often: the model beats recency, and says so of the channel."""
    assert (alarm.case, alarm.used, alarm.check.status) == ("ready", "model", "better")
    ads = alarm.card[(alarm.card["factor"] == "channel") & (alarm.card["level"] == "ads")].iloc[0]
    assert ads["odds_low"] > 1
    assert ads["clear"]


def test_expected_leavers_cover_what_then_happens():
    """Nine companies simulated on: the interval of the users expected to leave holds the number that really left."""
    hits = 0
    for seed in range(9):
        days, people = company(seed + 20, users=900, last=240)
        found = answered(user_days(days.loc[days["number"] <= 200, ["user", "number"]]), people, 200)
        truth = risk_rows.rows(days, people, ASKED, on=[on(200)], through=on(240)).to_pandas()
        hits += found.leavers.low <= truth["left"].sum() <= found.leavers.high
        assert found.alive == len(truth)
    assert hits >= 7


def cells() -> pd.DataFrame:
    """Every combination of recency and two more factors, with its share of users and two chances of leaving."""
    grid = pd.MultiIndex.from_product([[0, 1, 2, 3, 5, 7, 10], range(3), range(2)], names=["recency", "a", "b"])
    table = grid.to_frame(index=False)
    weight = np.exp(-0.15 * table["recency"])
    plain = -2 + 0.3 * table["recency"]
    rich = plain + 0.9 * table["a"] - 0.8 * table["b"]
    shares = {"share": weight / weight.sum(), "plain": plain, "rich": rich, "fallen": rich - 0.7}
    return table.assign(recency_days=table["recency"], **shares)


def drawn(truth: str, users: int, random: np.random.Generator) -> pd.DataFrame:
    table = cells()
    users_in = random.multinomial(users, table["share"])
    return table.assign(users=users_in, left=random.binomial(users_in, expit(table[truth])))


def tried(truth: str, seed: int) -> risk_check.Check:
    random = np.random.default_rng(seed)
    learned, tested = drawn(truth, 6000, random), drawn(truth, 3000, random)
    model = risk_model.learned(learned, factors=["recency", "a", "b"])
    return risk_check.check(model.scores(tested), tested)


def test_where_only_recency_matters_the_model_is_hardly_ever_called_better():
    """300 worlds without any other signal: at most 5 % are told that the model is better."""
    called = [tried("plain", seed).status == "better" for seed in range(300)]
    assert np.mean(called) <= 0.05


def test_where_other_things_matter_the_model_is_called_better():
    """60 worlds with two more signals: nearly all are told so."""
    assert np.mean([tried("rich", seed).status == "better" for seed in range(60)]) >= 0.95


def test_calibration_intervals_hold_the_truth():
    """True risks in 800 worlds: observed over expected holds 1, and the slope 1, in 93-97 %; bands object in 3-7 %."""
    random, ratio, slope, bands = np.random.default_rng(47), [], [], []
    for _world in range(800):
        tested = drawn("rich", 3000, random)
        users, left = tested[["users", "left"]].to_numpy(float).T
        found = risk_check.calibration(tested["rich"].to_numpy(), users, left)
        ratio.append(found.ratio_low <= 1 <= found.ratio_high)
        slope.append(found.slope_low <= 1 <= found.slope_high)
        bands.append(found.p_bands < 0.05)
    assert 0.93 <= np.mean(ratio) <= 0.97
    assert 0.93 <= np.mean(slope) <= 0.97
    assert 0.03 <= np.mean(bands) <= 0.07


def test_band_intervals_cover_the_true_risk_at_their_level():
    """Wilson intervals of the risk bands hold the bands' true mean risk in about 95 % of cases."""
    random, hits = np.random.default_rng(31), []
    for _world in range(400):
        tested = drawn("rich", 4000, random)
        table = risk_check.bands(tested["rich"].to_numpy(), *tested[["users", "left"]].to_numpy(float).T)
        hits += list(table["predicted"].between(table["low"], table["high"]))
    assert 0.93 <= np.mean(hits) <= 0.97


def test_auc_intervals_of_a_learned_model_cover_its_true_auc():
    """The true AUC of one learned scorecard, from the exact shares of all cells, lies in about 95 % of intervals."""
    random, table = np.random.default_rng(37), cells()
    model = risk_model.learned(drawn("rich", 6000, random), factors=["recency", "a", "b"])
    share = 1e9 * table["share"].to_numpy()
    truth = risk_check.auc(model.scores(table), share, share * expit(table["rich"].to_numpy())).value
    found = []
    for _world in range(400):
        tested = drawn("rich", 3000, random)
        found.append(risk_check.auc(model.scores(tested), *tested[["users", "left"]].to_numpy(float).T))
    assert 0.93 <= np.mean([one.low <= truth <= one.high for one in found]) <= 0.97


def test_right_levels_hold_and_wrong_ones_are_moved_or_refused():
    """True risks hold nine times in ten; doubled odds are recalibrated to slope 1; a turned ranking is refused."""
    random = np.random.default_rng(41)
    kinds = {"true": [], "shifted": [], "turned": []}
    for _world in range(100):
        tested = drawn("rich", 4000, random)
        scores = tested["rich"].to_numpy()
        for name, told in (("true", scores), ("shifted", 1.5 * scores + 0.7), ("turned", -scores)):
            kinds[name].append(risk_check.check(told, tested))
    assert np.mean([one.levels == "hold" for one in kinds["true"]]) >= 0.85
    assert np.mean([one.levels == "recalibrated" for one in kinds["shifted"]]) >= 0.95
    assert {one.levels for one in kinds["turned"]} == {"refused"}
    moved = [one.slope * 1.5 for one in kinds["shifted"]]
    assert np.mean(moved) == pytest.approx(1, abs=0.05)


def test_value_is_the_difference_between_those_who_stayed_and_those_who_left():
    """Worth by hand in one band, pooled where few left, and totals that are linear in the assumed save rate."""
    random = np.random.default_rng(5)
    left = np.repeat([False, True, False, True], [400, 300, 100, 5])
    banded = pd.DataFrame({"user": range(805), "band": np.repeat([1, 2], [700, 105]), "left": left})
    days = pd.DataFrame(
        {
            "user": range(805),
            "day": pd.Timestamp("2026-03-02"),
            "revenue": random.gamma(2, np.where(left, 2, 5)).round(2),
        }
    )
    worth = risk_value.saved(
        risk_rows.engine_table(banded), days, landmark=date(2026, 3, 1), value_days=30, metric="revenue"
    )
    stayed, gone = days["revenue"][(banded["band"] == 1) & ~left], days["revenue"][(banded["band"] == 1) & left]
    assert worth["worth"].iloc[0] == pytest.approx(stayed.mean() - gone.mean(), abs=1e-4)
    assert worth["pooled"].tolist() == [False, True]
    assert worth["worth"].iloc[1] == pytest.approx(worth["worth"].iloc[0], abs=1e-4)
    risks = pd.DataFrame({"band": [1, 2], "users": [100, 50], "expected_leavers": [40.0, 30.0]})
    priced = risk_value.expected(risks, worth, save_rate=0.1)
    totals = risk_value.sensitivity(priced, save_rate=0.1, metric="revenue")
    assert totals["value"].iloc[1] == pytest.approx(priced["value"].sum())
    assert totals["value"].tolist() == pytest.approx([priced["value"].sum() * scale for scale in (0.5, 1, 2)])


@pytest.mark.parametrize(("last", "users", "case"), [(40, 300, "short"), (200, 12, "few"), (400, 200, "nobody")])
def test_what_cannot_be_told_is_said(last, users, case):
    """Too little time, too few users, or nobody alive: a case instead of a number, and an empty list."""
    found = answered(*company(6, users=users, last=min(last, 200)), last)
    assert found.case == case
    assert contact_list.roster(found, draw=Draw(1, "s", "r", on(last), 60, 0.2)).empty
    assert found.today.empty
    assert early_warning.lift_at(found, capacity=10).empty
    assert contact_list.prospect(found, capacity=60, holdout_share=0.2)["listed"] == 0


def test_both_orders_of_the_same_rows_give_the_same_answer(alarm):
    """Row order changes nothing."""
    days, people = company(1, users=1500)
    turned = answered(
        days.iloc[::-1].reset_index(drop=True), people.iloc[::-1].reset_index(drop=True), 200, value_days=30
    )
    pd.testing.assert_frame_equal(turned.today, alarm.today)
    pd.testing.assert_frame_equal(turned.card, alarm.card)
