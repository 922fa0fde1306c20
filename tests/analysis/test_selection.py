"""Participants against the others: what the gap was before."""

from datetime import date

import ibis
import pandas as pd
import pytest

from opsbook.analysis import selection


def test_campaign_8_is_nearly_all_selection(shared):
    """Redeemers 617.7 during and 583.5 before; households not reached 140.9 and 131.7 (reference, Complete Journey)."""
    lines = pd.read_parquet(shared("completejourney_transactions.parquet"))
    sent = pd.read_parquet(shared("completejourney_campaigns.parquet"))
    redeemed = pd.read_parquet(shared("completejourney_coupon_redemptions.parquet"))
    days = lines.assign(user=lines["household_id"], day=lines["transaction_timestamp"].dt.normalize())
    days = days.groupby(["user", "day"], as_index=False).agg(revenue=("sales_value", "sum"))
    recipients = sent.loc[sent["campaign_id"] == 8, ["household_id"]].rename(columns={"household_id": "user"})
    took_part = recipients["user"].isin(redeemed.loc[redeemed["campaign_id"] == 8, "household_id"])
    found = selection.groups(
        days[["user"]].drop_duplicates(),
        ibis.memtable(recipients.assign(participated=took_part)),
        days,
        start=date(2017, 5, 8),
        end=date(2017, 6, 25),
        data_start=date(2017, 1, 1),
    ).set_index("group")
    assert found["users"].to_dict() == {"participants": 158, "exposed_only": 918, "not_reached": 1393}
    assert found.loc["participants", ["during", "before"]].tolist() == pytest.approx([617.7, 583.5], abs=0.1)
    assert found.loc["not_reached", ["during", "before"]].tolist() == pytest.approx([140.9, 131.7], abs=0.1)
    assert found.loc["exposed_only", ["during", "before"]].tolist() == pytest.approx([354.0, 364.5], abs=0.1)


def test_gap_before_as_a_share_of_the_gap_during(table):
    """The gap is read against users who were only shown the campaign; its share before says how much is selection."""
    groups = table("""
        group        | users | before | during
        participants | 10    | 90     | 110
        exposed_only | 40    | 10     | 10
        not_reached  | 50    | 1      | 1
    """)
    assert selection.gap(groups) == ("exposed_only", 80, 100, 0.8)


def test_everybody_else_where_nobody_was_only_shown_it(table):
    """Without users who were only shown it, the others are everybody else."""
    found = selection.gap(table("group | users | before | during\nparticipants | 5 | 3 | 9\nnot_reached | 7 | 1 | 1"))
    assert found == ("not_reached", 2, 8, 0.25)


@pytest.mark.parametrize(
    "text", ["group | users | before | during", "group | users | before | during\nnot_reached | 3 | 1 | 1"]
)
def test_no_participants_no_gap(table, text):
    """Without participants there is nothing to refuse."""
    assert pd.isna(selection.gap(table(text)).during)


def test_small_groups_are_not_shown(table):
    """A group below min_cell is left out, and then there is no gap to speak of."""
    groups = table("group | users | before | during\nparticipants | 9 | 3 | 9\nexposed_only | 10 | 1 | 1")
    found = selection.shown(groups, min_cell=10)
    assert found["group"].tolist() == ["exposed_only"]
    assert pd.isna(selection.gap(found).during)


def test_window_before_must_be_in_the_data(table):
    """When the days before are not all in the data, the figure before is missing rather than too small."""
    days = table("user | day | revenue\n1 | 2026-03-02 | 5\n1 | 2026-03-01 | 4")
    members = ibis.memtable(pd.DataFrame({"user": [1], "participated": [True]}))
    asked = {"start": date(2026, 3, 2), "end": date(2026, 3, 3), "data_start": date(2026, 3, 1)}
    found = selection.groups(table("user\n1\n2"), members, days, **asked)
    assert found["group"].tolist() == ["participants", "not_reached"]
    assert found["before"].isna().all()
    assert found["during"].tolist() == [5, 0]


def test_users_who_came_later_are_no_others(table):
    """Who signed up after the start was not there to be compared with; a participant of those days still counts."""
    users = table("user | first_day\n1 | 2026-01-01\n2 | 2026-02-01\n3 | 2026-03-02\n4 | 2026-03-02")
    days = table("user | day | revenue\n2 | 2026-03-01 | 8\n3 | 2026-03-03 | 50\n4 | 2026-03-03 | 20")
    members = pd.DataFrame({"user": [4], "participated": [True]})
    asked = {"start": date(2026, 3, 1), "end": date(2026, 3, 7), "data_start": date(2026, 1, 1)}
    found = selection.groups(users, members, days, **asked).set_index("group")
    assert found["users"].to_dict() == {"participants": 1, "not_reached": 2}
    assert found["during"].to_dict() == {"participants": 20, "not_reached": 4}
