"""Who was exposed, took part and converted."""

from datetime import date

import pandas as pd
import pytest

from opsbook.analysis import audience, funnels

SPAN = {"start": date(2026, 1, 10), "end": date(2026, 1, 20)}


@pytest.fixture
def world(table):
    """Steps, exposures, redemptions and users of a small campaign `c`."""
    steps = table("""
        user | at         | day        | event | campaign_id
        1    | 2026-01-12 | 2026-01-12 | join  | c
        1    | 2026-01-13 | 2026-01-13 | order |
        2    | 2026-01-09 | 2026-01-09 | join  | c
        2    | 2026-01-15 | 2026-01-15 | order | other
        3    | 2026-01-11 | 2026-01-11 | order |
        3    | 2026-01-12 | 2026-01-12 | join  |
        4    | 2026-01-21 | 2026-01-21 | join  | c
    """)
    exposures = table("""
        user | at         | day        | campaign_id | channel
        1    | 2026-01-08 | 2026-01-08 | c           | push
        1    | 2026-01-11 | 2026-01-11 | c           | push
        2    | 2026-01-10 | 2026-01-10 | c           | push
        4    | 2026-01-25 | 2026-01-25 | c           | push
        5    | 2026-01-12 | 2026-01-12 | other       | push
    """)
    redemptions = table("user | at | day | campaign_id | cost\n2 | 2026-01-20 | 2026-01-20 | c | 5")
    users = table("""
        user | first_day  | channel
        1    | 2026-01-01 | search
        2    | 2026-01-10 | search
        3    | 2026-01-01 |
        4    | 2026-01-01 | search
        5    | 2026-01-01 | search
    """)
    return steps, exposures, redemptions, users


def people(world, **changes):
    """Members of campaign `c`."""
    steps, exposures, redemptions, users = world
    found = audience.touches(steps, exposures, redemptions, campaign_id="c", **SPAN, **changes)
    return audience.members(found, users, start=SPAN["start"])


def test_members_by_participation_event(world, same):
    """Taking part counts from start to end, exposure up to the end, conversion from the participation on."""
    same(
        people(world, participation_events=["join"]).order_by("user").to_pandas(),
        """
        user | exposed | participated | converted | life     | channel
        1    | true    | true         | true      | existing | search
        2    | true    | false        | false     | new      | search
        3    | false   | true         | false     | existing | –
        """,
    )


def test_without_events_a_redemption_is_participation(world):
    """Where no event is named, redeeming the campaign's reward is taking part."""
    found = people(world).to_pandas().set_index("user")["participated"]
    assert found.to_dict() == {1: False, 2: True}


def test_participation_rate_by_life(world, same):
    """The rate is participants among the exposed, with its Wilson interval; groups from large to small."""
    same(
        audience.participation(people(world, participation_events=["join"]), by="life"),
        """
        group    | members | exposed | participants | converters | participation
        existing | 2       | 1       | 2            | 1          | 1
        new      | 1       | 1       | 0            | 0          | 0
        """,
    )


def test_unknown_channel_is_named(world):
    """Users without a channel stand under `unknown`."""
    found = audience.participation(people(world, participation_events=["join"]), by="channel")
    assert found["group"].tolist() == ["search", "unknown"]


def test_new_members_are_counted(world):
    """A member whose life began on the start day is new."""
    assert audience.new_members(people(world)) == 1


def test_order_in_the_same_second_as_the_redemption_converts(table):
    """A coupon is redeemed by paying: the order at the same instant is its conversion."""
    order = table("user | at | day | event | campaign_id\n1 | 2026-01-12 | 2026-01-12 | order | c")
    coupon = table("user | at | day | campaign_id | cost\n1 | 2026-01-12 | 2026-01-12 | c | 5")
    shown = coupon.drop(columns="cost").assign(channel="push")
    touched = audience.touches(order, shown, coupon, campaign_id="c", **SPAN)
    found = funnels.funnel(touched, path=audience.PATH, **SPAN, window_days=11, as_of=date(2026, 3, 1))
    assert found["users"].tolist() == [1, 1, 1]


def test_campaign_nobody_saw(world):
    """A campaign without a row has no members and no groups, and nothing fails."""
    steps, exposures, redemptions, users = (frame.iloc[:0] for frame in world)
    found = audience.touches(steps, exposures, redemptions, campaign_id="c", **SPAN)
    members = audience.members(found, users, start=SPAN["start"])
    assert audience.participation(members).empty
    assert audience.new_members(members) == 0


def test_campaign_id_with_a_script_is_only_data(world):
    """A campaign id that looks like a script or SQL matches nothing and breaks nothing."""
    steps, exposures, redemptions, _users = world
    for odd in ("<script>alert(1)</script>", "'; drop table users; --"):
        touched = audience.touches(steps, exposures, redemptions, campaign_id=odd, **SPAN, participation_events=[odd])
        assert int(touched.filter(touched.event != "converted").count().to_pandas()) == 0


def test_steps_of_string_dtype_work(world):
    """Tables with pandas' string type give the same members."""
    steps, exposures, redemptions, users = world
    typed = steps.assign(event=pd.array(steps["event"], dtype="string"))
    first = people(world, participation_events=["join"]).order_by("user").to_pandas()
    second = people((typed, exposures, redemptions, users), participation_events=["join"]).order_by("user").to_pandas()
    pd.testing.assert_frame_equal(first, second)


def test_small_groups_are_pooled_with_a_partner(table, same):
    """A group below min_cell takes the next smallest with it, so that it cannot be worked out from the total."""
    groups = table("""
        group  | members | exposed | participants | converters | exposed_participants | participation
        search | 90      | 90      | 30           | 3          | 30                   | 0.33
        ads    | 40      | 40      | 10           | 2          | 10                   | 0.25
        mail   | 4       | 4       | 2            | 1          | 2                    | 0.5
    """).assign(participation_low=0.0, participation_high=1.0)
    found = audience.pooled(groups, min_cell=10)
    same(
        found,
        """
        group  | members | exposed | participants | converters | exposed_participants
        search | 90      | 90      | 30           | 3          | 30
        other  | 44      | 44      | 12           | 3          | 12
    """,
    )
    assert found["participation"].iloc[1] == 12 / 44


def test_large_groups_stay_as_they_are(world):
    """Nothing is pooled when every group is large enough, and an empty table stays empty."""
    groups = audience.participation(people(world, participation_events=["join"]), by="life")
    assert audience.pooled(groups, min_cell=1)["group"].tolist() == ["existing", "new"]
    assert audience.pooled(groups.iloc[:0], min_cell=10).empty


def test_one_small_group_alone_is_pooled(world):
    """When all members together are few, they stand under one group."""
    groups = audience.participation(people(world, participation_events=["join"]), by="life")
    found = audience.pooled(groups, min_cell=10)
    assert (found["group"].tolist(), found["members"].tolist()) == (["all"], [3])


@pytest.mark.parametrize(("given_", "path"), [({"exposures"}, audience.PATH), (set(), audience.PATH[1:])])
def test_path_starts_where_the_data_start(given_, path):
    """Without exposures the campaign's funnel starts with participation."""
    assert audience.path(given_) == path


def test_steps_of_another_campaign_are_left_out(world):
    """Steps marked with another campaign are not this campaign's; unmarked ones may be."""
    steps = world[0]
    assert int(audience.own_steps(steps, campaign_id="c").count().to_pandas()) == 6
