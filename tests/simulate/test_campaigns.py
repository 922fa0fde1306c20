"""Campaigns and tests do to the written orders what the truth says they do."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from opsbook.simulate.world import World

WORLD = World()
CAMPAIGNS = {campaign.key: campaign for campaign in WORLD.campaigns}
HEALTHY = ["spring_coupons", "mid_year_618", "checkin_challenge"]


def _per_user(company, key: str, first: date, last: date) -> pd.DataFrame:
    """One row per assigned user: arm, orders and yuan between two days."""
    arms = company.clean("assignments").query("experiment == @key").set_index("uid")["arm"]
    orders = company.clean("orders")
    orders = orders[orders["at"].between(pd.Timestamp(first), pd.Timestamp(last + timedelta(days=1)))]
    net = (orders["amount_cents"] - orders["refund_cents"]) / 100
    sums = pd.DataFrame({"orders": net.groupby(orders["uid"]).size(), "yuan": net.groupby(orders["uid"]).sum()})
    return sums.reindex(arms.index).fillna(0.0).assign(arm=arms)


def _difference(users: pd.DataFrame, unit: str) -> tuple[float, float]:
    """Treatment minus control per user, and its standard error."""
    arms = users.groupby("arm")[unit].agg(["mean", "var", "size"])
    return arms["mean"]["treatment"] - arms["mean"]["control"], np.sqrt((arms["var"] / arms["size"]).sum())


def _spans(key: str) -> dict[str, tuple[date, date]]:
    campaign = CAMPAIGNS[key]
    after = campaign.end + timedelta(days=1), campaign.after_end
    return {
        "added_during": (campaign.start, campaign.end),
        "added_after": after,
        "net": (campaign.start, campaign.after_end),
    }


@pytest.mark.parametrize("key", HEALTHY)
@pytest.mark.parametrize("unit", ["orders", "yuan"])
def test_arms_differ_by_the_true_effect(sisters, demo, key, unit):
    """During, after and in sum the randomised difference lies around the truth, over several seeds."""
    for company in (*sisters, demo):
        true = company.truth["campaigns"][key]["effect_per_assigned_user"][unit]
        for name, (first, last) in _spans(key).items():
            value, error = _difference(_per_user(company, key, first, last), unit)
            assert abs(value - true[name]) < 3.5 * error, (company.truth["seed"], name)


def test_the_demo_shows_what_each_campaign_was_built_for(demo):
    """The coupons' net interval lies above 0; the sale gains and gives back; the challenge's net interval covers 0."""

    def low_high(key: str, name: str) -> tuple[float, float]:
        value, error = _difference(_per_user(demo, key, *_spans(key)[name]), "orders")
        return value - 1.96 * error, value + 1.96 * error

    assert low_high("spring_coupons", "net")[0] > 0
    assert low_high("mid_year_618", "added_during")[0] > 0
    assert low_high("mid_year_618", "added_after")[1] < 0
    for key in ("mid_year_618", "checkin_challenge"):
        low, high = low_high(key, "net")
        assert low < 0 < high


def test_effects_add_up(company):
    """Net is during plus after; moved orders are given back to the last one; a null is exactly null."""
    for key, told in company.truth["campaigns"].items():
        for effect in told["effect_per_assigned_user"].values():
            assert effect["net"] == pytest.approx(effect["added_during"] + effect["added_after"], abs=2e-6), key
    effects = {key: told["effect_per_assigned_user"]["orders"] for key, told in company.truth["campaigns"].items()}
    assert effects["mid_year_618"]["net"] == 0 < effects["mid_year_618"]["added_during"]
    assert effects["checkin_challenge"]["added_during"] == effects["checkin_challenge"]["added_after"] == 0


def test_only_the_lottery_has_a_broken_sample_ratio(demo):
    """The planned control share is met by every campaign but one, which misses it beyond chance."""
    for key, told in demo.truth["campaigns"].items():
        counts = np.array([told["assigned_control"], told["assigned_treatment"]])
        planned = np.array([0.2, 0.8]) * counts.sum()
        p = stats.chisquare(counts, planned).pvalue
        assert (p > 0.001) == told["assignment_is_random"], key


def test_the_lottery_held_back_users_who_were_silent(demo):
    """Before the start its control arm bought less, so that a difference between the arms means nothing."""
    start = CAMPAIGNS["autumn_lottery"].start
    before = _per_user(demo, "autumn_lottery", start - timedelta(days=28), start - timedelta(days=1))
    value, error = _difference(before, "orders")
    assert value > 3 * error


def test_control_users_are_never_shown_the_campaign(company):
    """Exposures, joins and coupons belong to the treated arm (and, for the lottery, to bonus hunters)."""
    arms, events = company.clean("assignments"), company.clean("events")
    joined = events.loc[events["action"] == "join_campaign", ["uid", "campaign"]]
    for rows in (company.clean("exposures"), company.clean("redemptions"), joined):
        touched = rows.merge(arms, left_on=["uid", "campaign"], right_on=["uid", "experiment"])
        assert len(touched)
        assert (touched["arm"] == "treatment").all()


def test_after_spans_end_within_the_data():
    """28 days follow every campaign, and no campaign starts before the one before it is over."""
    campaigns = sorted(WORLD.campaigns, key=lambda each: each.start)
    assert campaigns[-1].after_end <= WORLD.as_of
    assert all(one.after_end < two.start for one, two in pairwise(campaigns))


def test_onboarding_works_and_the_button_does_nothing(demo):
    """Shares of finished guides lie around the planted ones; orders per user of the button test do not differ."""
    told = demo.truth["experiments"]["ab_onboarding"]
    events, arms = demo.clean("events"), demo.clean("assignments")
    finished = set(events.loc[events["action"] == "finish_guide", "uid"])
    for arm, own in arms[arms["experiment"] == "ab_onboarding"].groupby("arm"):
        done = own["uid"].isin(finished)
        assert (done.sum(), len(done)) == (told["finished_counted"][arm], told["users"][arm])
        true = told[f"share_{arm}"]
        assert abs(done.mean() - true) < 3.5 * np.sqrt(true * (1 - true) / len(done))
    button = WORLD.button
    value, error = _difference(_per_user(demo, "ab_button", button.start, button.end), "orders")
    assert abs(value) < 3.5 * error
