"""What a campaign delivered: who counts, through which channel, and what is pooled."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import delivery
from opsbook.inputs.campaign import Plan

SPAN = {"campaign_id": "c", "start": date(2026, 1, 10), "end": date(2026, 1, 20)}
MEMBERS = """
    user | exposed | participated | converted | life     | channel
    1    | true    | true         | true      | existing | ads
    2    | true    | true         | false     | existing | ads
    3    | true    | false        | false     | new      | search
    4    | false   | true         | true      | new      | search
"""
EXPOSURES = """
    campaign_id | user | at                  | day        | channel
    c           | 1    | 2026-01-10 08:00:00 | 2026-01-10 | push
    c           | 1    | 2026-01-09 08:00:00 | 2026-01-09 | text
    other       | 2    | 2026-01-08 08:00:00 | 2026-01-08 | text
    c           | 2    | 2026-01-11 08:00:00 | 2026-01-11 | push
    c           | 2    | 2026-01-11 08:00:00 | 2026-01-11 | banner
    c           | 3    | 2026-01-12 08:00:00 | 2026-01-12 |
    c           | 3    | 2026-01-25 08:00:00 | 2026-01-25 | push
"""
TOUCHES = """
    user | at                  | event
    1    | 2026-01-11 10:00:00 | participated
    1    | 2026-01-12 10:00:00 | participated
    1    | 2026-01-12 10:00:00 | converted
    2    | 2026-01-12 10:00:00 | participated
    4    | 2026-01-13 10:00:00 | participated
    4    | 2026-01-13 10:00:00 | converted
"""
ORDERS = """
    user | at                  | day        | net  | is_purchase | campaign_id
    1    | 2026-01-11 09:00:00 | 2026-01-11 | 1    | true        | c
    1    | 2026-01-12 10:00:00 | 2026-01-12 | 2.5  | true        | c
    1    | 2026-01-20 10:00:00 | 2026-01-20 | 4    | true        | –
    1    | 2026-01-20 11:00:00 | 2026-01-20 | 8    | true        | other
    1    | 2026-01-20 12:00:00 | 2026-01-20 | -16  | false       | c
    1    | 2026-01-21 10:00:00 | 2026-01-21 | 32   | true        | c
    4    | 2026-01-13 10:00:00 | 2026-01-13 | 64   | true        | c
"""
PLAN = Plan(exposed=20, participation_rate=0.5, conversion_rate=0.5, order_value=10, orders_per_buyer=2,
            by_channel={"text": {"exposed": 5}, "push": {"exposed": 15}})  # fmt: skip


def stamped(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(at=pd.to_datetime(frame["at"]))


@pytest.fixture
def people(table):
    """The campaign's people, as an engine table."""
    given = [table(EXPOSURES), table(ORDERS), table(TOUCHES)]
    exposures, orders, touches = (stamped(frame) for frame in given)
    orders["campaign_id"] = orders["campaign_id"].astype("string")

    def make(**more):
        members = ibis.memtable(table(MEMBERS))
        return delivery.people(members, ibis.memtable(touches), exposures, orders, **SPAN, **more)

    return make


def test_the_channel_is_the_one_that_showed_it_first(people, same):
    """An earlier exposure wins, by name where two came at once; a user without one, or without a channel, is unknown.

    Orders count from taking part to the end, of converters, unless another campaign claims them.
    """
    found = people().order_by("user").to_pandas()
    same(found, """
        user | channel | exposed | participated | converted | orders | revenue
        1    | text    | true    | true         | true      | 2      | 6.5
        2    | banner  | true    | true         | false     | 0      | 0
        3    | unknown | true    | false        | false     | 0      | 0
        4    | unknown | false   | true         | true      | 1      | 64
    """)  # fmt: skip
    own = people(channel_of="users").order_by("user").to_pandas()
    assert own["channel"].tolist() == ["ads", "ads", "search", "search"]


def test_participants_never_recorded_as_shown_stand_apart(people, same):
    """The chain of the plan holds the exposed; without exposures at all everybody is in it and exposed is missing."""
    same(delivery.delivered(people(), exposures_known=True), """
        channel | recorded | exposed | participants | converters | orders | revenue
        banner  | true     | 1       | 1            | 0          | 0      | 0
        text    | true     | 1       | 1            | 1          | 2      | 6.5
        unknown | false    | 0       | 1            | 1          | 1      | 64
        unknown | true     | 1       | 0            | 0          | 0      | 0
    """)  # fmt: skip
    blind = delivery.delivered(people(), exposures_known=False)
    assert blind["recorded"].all()
    assert blind["exposed"].isna().all()
    assert blind["participants"].sum() == 3


def test_the_plan_as_counts(same):
    """Each channel multiplied out, to the cent; without channels one row, without a plan none."""
    same(delivery.planned(PLAN), """
        channel | exposed | participants | converters | orders | revenue
        text    | 5       | 2.5          | 1.25       | 2.5    | 25
        push    | 15      | 7.5          | 3.75       | 7.5    | 75
    """)  # fmt: skip
    short = delivery.planned(Plan(exposed=20, participation_rate=0.5))
    same(short, "channel | exposed | participants | converters\nall | 20 | 10 | –")
    assert delivery.planned(None).empty


def test_side_by_side_with_unplanned_channels_as_one(people, same):
    """Channels of the plan first, what nobody planned as one, a planned channel that showed nobody at zero."""
    both = delivery.together(delivery.delivered(people(), exposures_known=True), delivery.planned(PLAN), min_cell=1)
    same(both, """
        channel   | planned_exposed | exposed | participants | converters | orders | revenue
        text      | 5               | 1       | 1            | 1          | 2      | 6.5
        push      | 15              | 0       | 0            | 0          | 0      | 0
        unplanned | –               | 2       | 1            | 0          | 0      | 0
    """)  # fmt: skip


COUNTED = """
    channel | recorded | exposed | participants | converters | orders | revenue | orders_variance | revenue_variance | covariance
    a       | true     | 900     | 300          | 100        | 150    | 9000    | 0.5             | 400              | 5
    b       | true     | 4       | 2            | 1          | 1      | 50      | –               | –                | –
    c       | true     | 800     | 200          | 50         | 60     | 4000    | 0.4             | 300              | 4
"""  # noqa: E501 - a typed table reads better whole


def test_a_small_channel_is_pooled_with_another_so_that_none_can_be_subtracted(table, same):
    """Four users may not be shown, nor be what is left when the others are taken from the total; the plan pools too."""
    plan = Plan(exposed=1000, by_channel={"a": {"exposed": 500}, "b": {"exposed": 300}, "c": {"exposed": 200}})
    both = delivery.together(table(COUNTED), delivery.planned(plan), min_cell=10)
    same(both, """
        channel | planned_exposed | exposed | participants | revenue
        a       | 500             | 900     | 300          | 9000
        other   | 500             | 804     | 202          | 4050
    """)  # fmt: skip
    assert len(delivery.together(table(COUNTED), delivery.planned(plan), min_cell=1)) == 3


def test_pooled_spread_is_that_of_all_converters():
    """The variance of two channels together is what one finds over their converters' own orders."""
    rng = np.random.default_rng(1)
    orders = [rng.poisson(1, 40) + 1.0, rng.poisson(2, 25) + 1.0]
    money = [60 * o + rng.normal(0, 9, len(o)) for o in orders]
    rows = [
        ["a", True, 100, 60, len(o), o.sum(), m.sum(), o.var(ddof=1), m.var(ddof=1), np.cov(o, m)[0, 1]]
        for o, m in zip(orders, money, strict=True)
    ]
    one = delivery.together(
        pd.DataFrame(rows, columns=delivery.COLUMNS), delivery.planned(Plan(exposed=100)), min_cell=1
    ).iloc[0]
    whole = np.concatenate(orders), np.concatenate(money)
    expected = [whole[0].var(ddof=1), whole[1].var(ddof=1), np.cov(*whole)[0, 1]]
    assert one[list(delivery.SPREAD)].astype(float).tolist() == pytest.approx(expected)
    assert one["channel"] == "all"
