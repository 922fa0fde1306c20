"""The screen for abnormal participants: planted hunters are all found, honest companies have hardly any."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import abnormal
from opsbook.inputs.abnormal import AbnormalRules

SPAN = {"campaign_id": "spring", "start": date(2026, 3, 9), "end": date(2026, 3, 22)}
BORN, UNDATED = pd.Timestamp("2026-03-10 10:00"), pd.NaT


def screened(users, *, later=(), rules=None, as_of=date(2026, 4, 30), rewards=True):
    """Screen users given as (user, inviter, signed up at, joined at); later: users active after joining."""
    table = pd.DataFrame(users, columns=["user", "invited_by", "signed_up_at", "joined"])
    known = table.assign(first_day=table["signed_up_at"].dt.normalize(), user_id=table["user"].map("id{}".format))
    known = known.assign(invited_by=known["invited_by"].astype("Int32"), exit_road=pd.Series([None] * len(known)))
    joined = table.dropna(subset=["joined"])
    touches = joined.rename(columns={"joined": "at"})[["user", "at"]].assign(event="participated")
    touches = touches.assign(day=touches["at"].dt.normalize())
    members = joined[["user"]].assign(participated=True, life="new")
    taken = touches.assign(campaign_id="spring", cost=6.0).drop(columns="event").iloc[: None if rewards else 0]
    days = pd.DataFrame({"user": list(later), "day": pd.Timestamp("2026-03-25")}).astype({"user": "int64"})
    found = abnormal.screen(ibis.memtable(members), ibis.memtable(touches), known, days, taken,
                            rules=rules or AbnormalRules(), as_of=as_of, **SPAN)  # fmt: skip
    return found, known


def tree(size, *, minutes=1, branches=3):
    """A whole invitation tree that joins some minutes after each sign-up."""
    joined = BORN + pd.Timedelta(minutes=minutes)
    return [(user, (user - 1) // branches if user else None, BORN, joined) for user in range(size)]


def counts(found):
    return abnormal.found(found).set_index("rule")["users"].to_dict()


def test_a_tree_of_hunters_is_found_from_root_to_leaf():
    """Twenty accounts of one tree, four levels deep, that take the prize within a minute and never return."""
    found, _ = screened(tree(20))
    assert counts(found) == {"tree": 20, "instant": 20, "silent": 20, "flagged": 20, "all": 20}


def test_a_long_chain_is_one_tree():
    """Each account inviting the next is as much one tree as one account inviting all."""
    found, _ = screened(tree(30, branches=1))
    assert counts(found)["tree"] == 30
    found, _ = screened([(0, None, BORN - pd.Timedelta(days=90), UNDATED), *tree(12, branches=99)[1:]])
    assert counts(found)["tree"] == 11


def test_honest_users_meet_one_rule_at_most():
    """Few friends of one inviter, a user who joins on sign-up and stays, one who leaves: none is listed."""
    friends = [
        (1, None, BORN - pd.Timedelta(days=99), UNDATED),
        *[(n, 1, BORN, BORN + pd.Timedelta(days=2)) for n in (2, 3)],
    ]
    others = [(8, None, BORN, BORN + pd.Timedelta(minutes=3)), (9, None, BORN, BORN + pd.Timedelta(days=1))]
    found, _ = screened([*friends, *others], later=[2, 3, 8])
    assert counts(found) == {"tree": 0, "instant": 1, "silent": 1, "flagged": 0, "all": 4}


@pytest.mark.parametrize(
    ("rules", "flagged"),
    [
        ({"tree_users": 40}, 20),
        ({"tree_users": 40, "instant_minutes": 0.5}, 0),
        ({"tree_users": 40, "instant_minutes": 0.5, "rules_met": 1}, 20),
        ({"silent_days": 90, "rules_met": 3}, 0),
    ],
)
def test_thresholds_are_the_files(rules, flagged):
    """A rule that is set too wide to be met no longer counts; silence is judged once its days have passed."""
    found, _ = screened(tree(20), rules=AbnormalRules(**rules))
    assert counts(found)["flagged"] == flagged


def test_what_a_company_does_not_record_is_not_asked():
    """Without invitations and instants of sign-up only silence is left, and one rule lists nobody."""
    found, _ = screened([(n, None, UNDATED, BORN) for n in range(4)])
    assert found.asked == ("silent",)
    assert counts(found) == {"silent": 4, "flagged": 0, "all": 4}


def test_with_and_without_add_up_and_hide_a_few():
    """The lines without and flagged add up to all; below min_cell users neither is told."""
    found, _ = screened(
        [*tree(20), *[(n, None, BORN - pd.Timedelta(days=50), BORN) for n in range(30, 60)]], later=range(30, 60)
    )
    orders = pd.DataFrame(
        {"user": [31, 3], "day": pd.Timestamp("2026-03-12"), "net": [50.0, 10.0], "is_purchase": True}
    )
    asked = SPAN | {"min_cell": 10}
    table = abnormal.with_and_without(found, orders.assign(campaign_id=None), **asked).set_index("line")
    assert table.loc["flagged", ["participants", "redemptions", "reward_cost", "revenue"]].tolist() == [20, 20, 120, 10]
    assert (table.loc["without"] + table.loc["flagged"]).tolist() == table.loc["all"].tolist()
    hidden = abnormal.with_and_without(found, orders.assign(campaign_id=None), **(asked | {"min_cell": 25}))
    assert hidden.set_index("line").loc[["without", "flagged"]].isna().all().all()


@pytest.mark.parametrize(
    ("new_listed", "new_others", "told"),
    [
        (12, 0, (12, 0, 12)),
        (12, 15, (27, 15, 12)),
        (2, 15, (17, None, None)),
        (12, 1, (13, None, None)),
        (2, 1, (None, None, None)),
    ],
)
def test_a_few_new_users_are_told_neither_by_themselves_nor_by_subtraction(new_listed, new_others, told):
    """20 listed and 30 others: how many of them are new is missing where fewer than ten listed, others or all are."""
    found, _ = screened(
        [*tree(20), *[(n, None, BORN - pd.Timedelta(days=50), BORN) for n in range(30, 60)]], later=range(30, 60)
    )
    new = [*range(new_listed), *range(30, 30 + new_others)]
    life = found.table.user.isin(new).ifelse("new", "existing")
    orders = pd.DataFrame({"user": [31], "day": pd.Timestamp("2026-03-12"), "net": [50.0], "is_purchase": True})
    table = abnormal.with_and_without(
        found._replace(table=found.table.mutate(life=life)), orders.assign(campaign_id=None), **SPAN, min_cell=10
    ).set_index("line")
    shown = table["new_users"].astype(object).where(table["new_users"].notna(), None)
    assert tuple(shown[["all", "without", "flagged"]]) == told
    assert table["participants"].tolist() == [50, 30, 20]


def test_the_list_names_users_rules_and_tree():
    """One row per listed user with the company's own ids, and the id at the root of the tree."""
    found, known = screened(tree(8))
    listed = abnormal.roster(found, known).to_pandas()
    assert list(listed) == abnormal.ROSTER
    assert listed["user_id"].tolist() == [f"id{n}" for n in range(8)]
    assert set(listed["tree"]) == {"id0"}
    assert set(listed["rules"]) == {"tree instant silent"}
    assert listed["minutes"].tolist() == [1.0] * 8


def test_the_effect_without_listed_users_leaves_only_them_out():
    """Listed users who were assigned leave the comparison; without any there is nothing to compare again."""
    found, _ = screened(tree(20))
    arms = pd.DataFrame({"user": np.arange(15, 55), "arm": ["treated", "control"] * 20, "orders_before": 1})
    arms = arms.assign(orders_net=np.where(arms["user"] < 20, 50, np.where(arms["arm"] == "treated", 3, 2)))
    row = abnormal.effect_without(ibis.memtable(arms), found, metric="orders").iloc[0]
    assert (row["left_out"], row["users"]) == (5, 35)
    assert row["relative"] == pytest.approx(0.5)
    assert abnormal.effect_without(ibis.memtable(arms[arms["user"] >= 20]), found, metric="orders").empty
