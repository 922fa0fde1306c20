"""Seasons, invitations and bonus hunters."""

from datetime import date

import numpy as np
import pandas as pd

from opsbook.simulate.season import season
from opsbook.simulate.world import World

WORLD = World()


def test_make_up_working_days_are_working_days():
    """A Sunday worked for a holiday (调休) is as active as a Monday, and holidays as active as Sundays."""
    factor = season(WORLD).activity
    assert factor[WORLD.index(date(2025, 9, 28))] == factor[WORLD.index(date(2025, 9, 29))]
    assert factor[WORLD.index(date(2025, 10, 1))] == factor[WORLD.index(date(2025, 9, 21))]


def test_spring_festival_and_the_incident_are_quiet(demo):
    """Daily actives fall at Spring Festival and most of all on the day of the outage."""
    daily = demo.days().groupby("day")["uid"].nunique()
    assert daily["2026-02-17":"2026-02-23"].mean() < 0.9 * daily["2026-02-02":"2026-02-08"].mean()
    assert daily["2026-05-12"] < 0.5 * daily["2026-05-11"]


def test_singles_day_brings_signups_and_orders(demo):
    """双11 lifts both against the weeks around it."""
    users, orders = demo.clean("users"), demo.clean("orders")
    for at in (users["at"], orders["at"]):
        daily = at.dt.normalize().value_counts().sort_index()
        around = pd.concat([daily["2025-10-13":"2025-10-26"], daily["2025-11-17":"2025-11-30"]])
        assert daily["2025-11-01":"2025-11-11"].mean() > 1.15 * around.mean()


def test_inviters_signed_up_before_those_they_invited(company):
    """Only referred users have an inviter, who is known and older."""
    users = company.clean("users").set_index("uid")
    hunters = company.truth["bonus_hunters"]
    invited = users[users["inviter"].notna() & ~users.index.isin(hunters)]
    assert len(invited) + len(hunters) - 1 == company.truth["facts"]["invited_users"]
    assert set(invited["source"].dropna()) == {"referral"}
    assert (users["at"].dt.normalize().reindex(invited["inviter"]).to_numpy() < invited["at"].to_numpy()).all()


def test_bonus_hunters_form_a_tree_take_the_prize_and_leave(demo):
    """Each was invited by another one, redeemed within minutes of signing up and never came back."""
    hunters = demo.truth["bonus_hunters"]
    users = demo.clean("users").set_index("uid").loc[hunters]
    assert users["inviter"].isna().sum() == 1
    assert set(users["inviter"].dropna()) <= set(hunters)
    taken = demo.clean("redemptions").set_index("uid")["at"].loc[hunters]
    assert ((taken - users["at"]) < pd.Timedelta(minutes=5)).all()
    days = demo.days().set_index("uid")["day"].loc[hunters]
    assert (days == users["at"].dt.normalize()).all()


def test_reading_prefers_new_content(company):
    """Contents are read after they were published, mostly within two weeks."""
    contents = pd.read_parquet(company.folder / "contents.parquet").set_index("item_id")["publish_time"]
    reads = company.clean("events").query("action == 'read_content'")
    age_days = (reads["ts_ms"] / 1000 - contents.reindex(reads["content"]).to_numpy()) / 86_400
    assert age_days.min() > 0
    assert np.mean(age_days < 14) > 0.9
