"""Rates per step, the largest loss, groups, waiting times and the trend of a walked funnel, on tables made by hand."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter

from opsbook.analysis import conversion_time, funnel_modes, funnel_rates, funnel_trend
from opsbook.inputs.funnels import Funnel, default_funnel
from opsbook.inputs.periods import between, period_of

PATH = Funnel.model_validate({"name": "f", "steps": ["a", {"event": "b", "optional": True}, "c", "d"]})
PERIODS = [period_of(date(2026, 1, 1), "month"), period_of(date(2026, 2, 1), "month")]


def walked(rows):
    """A walk given as (cohort, user, complete, depth, did the optional step)."""
    table = pd.DataFrame(rows, columns=["cohort", "user", "complete", "depth", "b"])
    for k, step in ((1, 1), (3, 2), (4, 3)):
        table[f"reached_{k}"] = table["complete"] & (table["depth"] >= step)
    table["reached_2"] = table["complete"] & table["b"]
    return ibis.memtable(table)


def crowd(cohort, *, entered, reached, ended, first=0, young=0):
    """So many users who entered, came to c, came to d; every second one did b."""
    depth = [3] * ended + [2] * (reached - ended) + [1] * (entered - reached)
    rows = [(cohort, first + n, True, far, n % 2 == 0) for n, far in enumerate(depth)]
    return rows + [(cohort, first + entered + n, False, 0, False) for n in range(young)]


def test_rates_are_taken_from_the_last_step_that_may_not_be_skipped(same):
    """An optional step has a rate but no loss, and the step after it is compared with the one before it."""
    table = walked(crowd(0, entered=10, reached=6, ended=3, young=2))
    found = funnel_rates.rates(funnel_rates.counts(table, funnel=PATH, periods=PERIODS[:1]))
    same(
        found,
        """
        step | event | optional | users | lost | share_of_entry | share_of_previous | incomplete
        1    | a     | false    | 10    | 0    | 1              | 1                 | 2
        2    | b     | true     | 5     | 0    | 0.5            | 0.5               | 2
        3    | c     | false    | 6     | 4    | 0.6            | 0.6               | 2
        4    | d     | false    | 3     | 3    | 0.3            | 0.5               | 2
        """,
    )


def test_shown_is_the_last_period_whose_windows_are_over():
    """A period of young entries alone is not shown while an earlier one can be; without any, the last stands."""
    young = [(1, 99, False, 0, False)]
    counts = funnel_rates.counts(walked(crowd(0, entered=4, reached=2, ended=1) + young), funnel=PATH, periods=PERIODS)
    assert funnel_rates.shown(counts)["period"].unique().tolist() == ["2026-01"]
    alone = funnel_rates.counts(walked(young), funnel=PATH, periods=PERIODS)
    assert funnel_rates.shown(alone)["incomplete"].tolist() == [1] * 4


@pytest.mark.parametrize(("reached", "ended", "event", "clear"), [(40, 35, "c", True), (80, 61, "c", False)])
def test_largest_loss_is_claimed_only_where_it_is_clear(reached, ended, event, clear):
    """60 against 5 is clear, 20 against 19 is not; the p value is that of a fair coin."""
    table = walked(crowd(0, entered=100, reached=reached, ended=ended))
    rates = funnel_rates.rates(funnel_rates.counts(table, funnel=PATH, periods=PERIODS[:1]))
    loss = funnel_rates.largest_loss(rates).iloc[0]
    assert (loss["event"], bool(loss["clear"])) == (event, clear)


def test_equally_large_losses_are_rarely_called_different():
    """With two equal chances of loss the largest is called clear in no more than 5 % of companies."""
    rng, wrong = np.random.default_rng(1), 0
    for _ in range(200):
        a, b, _c = rng.multinomial(300, [0.3, 0.3, 0.4])
        rows = pd.DataFrame({
            "step": [1, 2, 3], "event": ["x", "y", "z"], "optional": False, "users": [300, 300 - a, 300 - a - b],
            "lost": [0, a, b], "previous": [300, 300, 300 - a],
        })  # fmt: skip
        wrong += bool(funnel_rates.largest_loss(rows)["clear"].iloc[0])
    assert wrong / 200 <= 0.08


def test_nobody_lost_is_no_loss():
    """Where everybody goes on, no step is named."""
    table = walked(crowd(0, entered=5, reached=5, ended=5))
    rates = funnel_rates.rates(funnel_rates.counts(table, funnel=PATH, periods=PERIODS[:1]))
    assert funnel_rates.largest_loss(rates).empty


def test_groups_are_compared_with_all_others_and_small_ones_pooled():
    """The group that converts differently is clear after Holm's correction; three users are shown under no name."""
    rows = crowd(0, entered=300, reached=200, ended=150) + crowd(0, entered=300, reached=90, ended=60, first=300)
    rows += crowd(0, entered=3, reached=1, ended=1, first=600) + crowd(0, entered=30, reached=15, ended=9, first=603)
    users = pd.DataFrame({"user": range(633), "channel": ["web"] * 300 + ["ads"] * 300 + ["tiny"] * 3 + [None] * 30})
    found = funnel_rates.broken_down(walked(rows), users, funnel=PATH, periods=PERIODS[:1], min_cell=10)
    assert found["group"].unique().tolist() == ["ads", "web", "other"]
    whole = found[found["step"] == 0].set_index("group")
    assert whole["users"].tolist() == [60, 150, 10]
    assert whole["rest_previous"].tolist() == [333, 333, 600]
    assert (whole.loc[["ads", "web"], "p_adjusted"] < 0.001).all()
    assert (found["p_adjusted"] >= found["p_value"]).all()


def test_one_group_is_no_comparison():
    """Where all users are of one channel, or users lack the column, the table is empty."""
    rows = crowd(0, entered=30, reached=15, ended=9)
    users = pd.DataFrame({"user": range(30), "channel": "web"})
    for given in (users, users.drop(columns="channel")):
        assert funnel_rates.broken_down(walked(rows), given, funnel=PATH, periods=PERIODS[:1], min_cell=10).empty


def test_without_a_funnel_every_table_is_empty():
    """A company that defines nothing gets empty tables, not an error."""
    rates = funnel_rates.rates(funnel_rates.counts(None, funnel=None, periods=PERIODS))
    waits = conversion_time.durations(None, funnel=None, cohort=0)
    trend = funnel_trend.trend(rates)
    users = pd.DataFrame({"user": [1], "channel": ["web"]})
    empty = [
        rates, funnel_rates.shown(rates), funnel_rates.largest_loss(rates), waits, conversion_time.summary(waits),
        conversion_time.curves(waits), trend, funnel_trend.last_against_earlier(trend),
        funnel_rates.broken_down(None, users, funnel=None, periods=PERIODS, min_cell=10),
    ]  # fmt: skip
    assert all(table.empty for table in empty)


def waiting(hours, watched):
    """A two-step walk of one period: hours until the second step (missing: never), hours watched."""
    return pd.DataFrame({"cohort": 0, "hours_1": 0.0, "hours_2": hours, "watched_hours": watched})


TWO = Funnel.model_validate({"name": "f", "steps": ["a", "b"]})


def test_waiting_times_equal_an_independent_kaplan_meier():
    """Median and shares are those of lifelines on one row per user, open entries censored."""
    rng = np.random.default_rng(5)
    true, watched = rng.exponential(30, 301), rng.choice([24.0, 100.0, 168.0], 301)
    went = true <= watched
    counted = conversion_time.durations(waiting(np.where(went, true, np.nan), watched), funnel=TWO, cohort=0)
    found = conversion_time.summary(counted).set_index("step").loc[2]
    minutes = np.floor(60 * np.where(went, true, watched))
    theirs = KaplanMeierFitter().fit(minutes / 60, went)
    assert found["median_hours"] == pytest.approx(theirs.median_survival_time_, abs=1e-9)
    for name, hours in (("share_1h", 1), ("share_1d", 24)):
        assert found[name] == pytest.approx(1 - theirs.predict(hours), abs=1e-9)
    curve = conversion_time.curves(counted)
    drawn = curve[curve["step"] == 2].set_index("hours")["share"]
    assert drawn.to_numpy() == pytest.approx(1 - theirs.predict(drawn.index + 1e-7).to_numpy(), abs=1e-9)


def test_median_is_recovered_from_censored_entries_with_nominal_coverage():
    """Simulated waits of a known median, many entries young: the interval holds the truth as often as it says."""
    rng, held = np.random.default_rng(11), 0
    for _ in range(100):
        true, watched = rng.exponential(24 / np.log(2), 200), rng.uniform(10, 168, 200)
        hours = np.where(true <= watched, true, np.nan)
        minutes = np.floor(60 * np.where(np.isnan(hours), watched, hours)) / (24 * 60)
        open_ = np.isnan(hours).astype(int)
        rows = pd.DataFrame(
            {"step": 2, "event": "b", "duration_days": minutes, "churned": 1 - open_, "censored": open_}
        )
        found = conversion_time.summary(rows).iloc[0]
        held += found["median_hours_low"] <= 24 <= found["median_hours_high"]
    assert 0.90 <= held / 100 <= 0.99


def test_time_not_watched_is_not_told():
    """Nobody was watched for seven days, so the share within seven days is missing, not low."""
    counted = conversion_time.durations(waiting([np.nan, 2.0], [30.0, 30.0]), funnel=TWO, cohort=0)
    found = conversion_time.summary(counted).set_index("step").loc[2]
    assert np.isnan(found["share_7d"])
    assert found["share_1d"] == 0.5


def periods_of(rates, n):
    """Rates of a two-step funnel by period."""
    parts = [
        pd.DataFrame({
            "cohort": k, "period": f"{k}", "start": pd.Timestamp(2026, 1, 1) + pd.Timedelta(days=30 * k),
            "end": pd.Timestamp(2026, 1, 30) + pd.Timedelta(days=30 * k), "event": ["a", "b"], "optional": False,
            "step": [1, 2], "users": [n, round(n * share)], "previous": n, "incomplete": 0,
        })
        for k, share in enumerate(rates)
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(("last", "clear"), [(0.20, True), (0.31, False), (0.45, True)])
def test_last_period_is_judged_against_the_earlier_ones(last, clear):
    """Far from seven like periods it is called a change, near them it is not."""
    trend = funnel_trend.trend(periods_of([0.30, 0.31, 0.29, 0.30, 0.32, 0.28, 0.30, last], 2000))
    found = funnel_trend.last_against_earlier(trend).set_index("step").loc[0]
    assert (found["p_adjusted"] <= 0.05) == clear
    assert (not found["expected_low"] <= last <= found["expected_high"]) == clear


def test_few_earlier_periods_judge_nothing():
    """With four earlier periods there is a rate and no range."""
    found = funnel_trend.last_against_earlier(funnel_trend.trend(periods_of([0.3] * 5, 100)))
    assert found[["expected_low", "p_value", "p_adjusted"]].isna().all(axis=None)


@pytest.mark.parametrize("between_periods", [0.0, 0.15])
def test_expected_range_holds_the_next_period_as_often_as_it_says(between_periods):
    """Whether or not periods differ beyond chance, about 95 of 100 next periods lie in the range."""
    rng, held = np.random.default_rng(8), 0
    for _ in range(100):
        logits = -0.8 + between_periods * rng.standard_normal(13)
        users = rng.binomial(800, 1 / (1 + np.exp(-logits)))
        found = funnel_trend.last_against_earlier(funnel_trend.trend(periods_of(users / 800, 800))).iloc[0]
        held += found["expected_low"] <= found["share"] <= found["expected_high"]
    assert 0.90 <= held / 100 <= 1


def test_taobao_funnel_equals_an_independent_computation(shared):
    """View, intent, purchase within a day on the Taobao log: a loop over users in pandas finds the same users."""
    names = ["user", "item", "category", "behaviour", "at"]
    log = pd.read_csv(shared("taobao_userbehavior_114users.csv.gz"), names=names)
    at = pd.to_datetime(log["at"], unit="s")
    local = at + pd.Timedelta(hours=8)
    steps = log.assign(at=at, day=local.dt.normalize(), event=log["behaviour"], content_id=log["item"].astype(str))
    steps = steps[(steps["day"] >= "2017-11-24") & (steps["day"] <= "2017-12-03")]
    groups = {"view": ["pv"], "intent": ["fav", "cart"], "purchase": ["buy"]}
    period = between(date(2017, 11, 25), date(2017, 12, 1))
    for hold, chosen in ((None, steps), ("content_id", steps[steps["user"] % 4 == 0])):
        funnel = default_funnel(groups).model_copy(update={"window_days": 1, "hold": hold})
        nobody = pd.DataFrame({"user": [0], "signed_up_at": [pd.NaT], "signed_up_day": [pd.NaT]})
        found = funnel_modes.walk(chosen, nobody, funnel=funnel, periods=[period], as_of=date(2017, 12, 3))
        users = found.aggregate(**{f"n{k}": found[f"reached_{k}"].sum() for k in (1, 2, 3)}).to_pandas()
        assert users.iloc[0].tolist() == taobao_by_hand(chosen, groups, period, held=hold is not None)


def taobao_by_hand(steps, groups, period, *, held):
    """Users who viewed, who then fav'd or carted, who then bought, the same item if held, within a day of a view."""
    own = steps.assign(step=steps["event"].map({event: name for name, events in groups.items() for event in events}))
    reached = {name: set() for name in groups}
    for (user, *_item), rows in own.groupby(["user", "content_id"] if held else ["user"]):
        at = {name: np.sort(rows.loc[rows["step"] == name, "at"].to_numpy()) for name in groups}
        days = rows.loc[(rows["step"] == "view") & rows["day"].between(str(period.start), str(period.end)), "at"]
        for start in days.to_numpy():
            reached["view"].add(user)
            moment, end = start, start + np.timedelta64(1, "D")
            for name in ("intent", "purchase"):
                place = np.searchsorted(at[name], moment)
                if place == len(at[name]) or at[name][place] > end:
                    break
                moment = at[name][place]
                reached[name].add(user)
    return [len(users) for users in reached.values()]


def test_rates_of_too_few_users_stay_out_of_the_trend():
    """A period of nine users has no point where ten are the least."""
    few = pd.concat([periods_of([0.3], 9), periods_of([0.2, 0.3], 40).query("cohort == 1")], ignore_index=True)
    assert funnel_trend.trend(few, min_cell=10)["period"].unique().tolist() == ["1"]
