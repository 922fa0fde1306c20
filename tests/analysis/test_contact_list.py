"""Today's list: who is drawn into which arm, what the list is worth, and how many must be left alone to see it."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.test_early_warning import answered, company, on
from opsbook.analysis import contact_list, early_warning, risk_list
from opsbook.analysis.detectable import smallest_fall
from opsbook.analysis.risk_list import Draw


@pytest.fixture(scope="module")
def alarm() -> early_warning.Alarm:
    return answered(*company(1, users=1500), 200, value_days=30)


def test_the_draw_depends_on_seed_run_day_and_id_alone(alarm):
    """Another order of rows, other users or another day's list leave a user's arm; another salt draws afresh."""
    draw = Draw(1, "shop", "weekly", on(200), 100, 0.2)
    listed = contact_list.roster(alarm, draw=draw)
    arms = dict(zip(listed["user_id"], listed["variant"], strict=True))
    assert all(risk_list.variant(user, draw=draw) == arm for user, arm in reversed(arms.items()))
    assert (
        contact_list.roster(alarm, draw=replace(draw, capacity=40))["variant"].tolist()
        == listed["variant"].tolist()[:40]
    )
    others = [
        replace(draw, seed=2),
        replace(draw, run="daily"),
        replace(draw, as_of=on(199)),
        replace(draw, company="b"),
    ]
    ids = [f"user{number}" for number in range(3000)]
    mine = np.array([risk_list.variant(user, draw=draw) == "control" for user in ids])
    for other in others:
        theirs = np.array([risk_list.variant(user, draw=other) == "control" for user in ids])
        assert mine[theirs].mean() == pytest.approx(0.2, abs=0.06)
        assert mine[~theirs].mean() == pytest.approx(0.2, abs=0.03)
    assert len({one.salt_id for one in [draw, *others]}) == 5


def test_positions_are_uniform():
    """Ten thousand ids in a row fall evenly over 0 to 1 (Kolmogorov-Smirnov), for whole numbers and texts alike."""
    from scipy.stats import kstest

    for ids in (range(10_000), [f"user-{number}" for number in range(10_000)]):
        assert kstest([risk_list.position(user, salt="s") for user in ids], "uniform").pvalue > 0.01


def test_resting_users_are_passed_over_and_registered_arms_stand(alarm):
    """Whoever rests is replaced by the next in rank; an arm that was registered before is not drawn again."""
    draw = Draw(1, "shop", "weekly", on(200), 30, 0.2)
    whole = contact_list.roster(alarm, draw=draw)
    resting = whole["user_id"].tolist()[:10]
    rest = contact_list.roster(alarm, draw=draw, left_out=resting)
    assert not set(rest["user_id"]) & set(resting)
    assert rest["user_id"].tolist()[:20] == whole["user_id"].tolist()[10:]
    turned = dict.fromkeys(whole["user_id"], "control")
    assert set(contact_list.roster(alarm, draw=draw, registered=turned)["variant"]) == {"control"}


def test_ranking_by_recency_puts_the_longest_silent_first(alarm):
    """Where the model is not better, silence alone makes the order."""
    listed = contact_list.roster(replace(alarm, used="recency"), draw=Draw(1, "s", "r", on(200), 60, 0.2))
    assert listed["recency_days"].is_monotonic_decreasing
    assert (listed["rank"] == range(1, 61)).all()


def test_refused_levels_give_a_list_without_probabilities(alarm):
    """Ranking only: risk and value are missing, the order stays."""
    refused = replace(alarm, chosen_check=replace(alarm.chosen_check, levels="refused"))
    listed = contact_list.roster(refused, draw=Draw(1, "s", "r", on(200), 60, 0.2))
    assert listed["risk"].isna().all()
    assert listed["value"].isna().all()
    assert contact_list.prospect(refused, capacity=60, holdout_share=0.2)["detectable_fall"] is None


@pytest.mark.parametrize("used", ["model", "recency"])
def test_the_list_to_come_is_worth_what_its_users_are_worth(alarm, used):
    """Told before the draw, the worth of the list is the sum over the users that the draw then lists."""
    found = replace(alarm, used=used)
    listed = contact_list.roster(found, draw=Draw(1, "s", "r", on(200), 60, 0.2))
    told = contact_list.prospect(found, capacity=60, holdout_share=0.2)
    assert told["value"] == pytest.approx(listed["value"].sum(), abs=0.005 * 60)
    assert told["baseline"] == pytest.approx(listed["risk"].mean(), abs=1e-4)


def test_the_trial_of_a_list_names_how_many_to_leave_alone(alarm):
    """As many as show the share hoped for; where half the list does not, the smallest share that half of it shows."""
    coming = contact_list.prospect(alarm, capacity=60, holdout_share=0.2)
    told = contact_list.trial(coming, save_rate=0.02)
    assert told["needed"] is None
    fall = smallest_fall(coming["baseline"], base_n=30, changed_n=30)
    assert told["half_rate"] == pytest.approx(fall / coming["baseline"])
    enough = contact_list.trial(coming, save_rate=told["half_rate"] * 1.2)
    assert enough["needed"] < told["half"] == 30


def test_a_list_without_probabilities_has_no_trial(alarm):
    """Nobody can say how many to leave alone where no level is known."""
    assert contact_list.trial({"listed": 60, "baseline": None}, save_rate=0.1) == {}
    assert contact_list.trial({"listed": 0, "baseline": None}, save_rate=0.1) == {}


def test_the_read_out_comes_when_every_outcome_is_known(alarm):
    """The day on which the last user of the list could have been silent for long enough."""
    told = contact_list.prospect(alarm, capacity=60, holdout_share=0.2)
    assert (told["within_days"], told["read_out"]) == (7, on(200 + 17))


def test_the_worth_of_the_list_has_the_interval_of_its_bands(alarm):
    """Each end is the sum over the drawn users of their risk times their band's end for one leaver kept."""
    told = contact_list.prospect(alarm, capacity=60, holdout_share=0.2)
    listed = contact_list.roster(alarm, draw=Draw(1, "s", "r", on(200), 60, 0.2))
    bands = alarm.today.set_index("band")
    for end in ("value_low", "value_high"):
        each = bands[end] / bands["expected_leavers"]
        assert told[end] == pytest.approx((listed["risk"] * listed["band"].map(each)).sum(), rel=1e-3)
    assert told["value_low"] < told["value"] < told["value_high"]
