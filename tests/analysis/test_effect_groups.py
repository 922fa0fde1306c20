"""For whom it worked: one effect for all is not called different, a planted difference is, and intervals cover."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import effect_groups, means
from opsbook.analysis.moments import stacked

START, LIFT, DRAWS = date(2026, 3, 9), 0.4, 85
ATTRIBUTES = ["city", "phone", "age", "source_page"]
ASKED = {"metric": "orders", "segments": ["core"], "attributes": ATTRIBUTES, "start": START, "min_cell": 10}


def company(rng, *, users=3000, lift_of_city=(LIFT, LIFT, LIFT, LIFT)):
    """Units, users and people of one campaign whose effect may depend on the city; rates differ between users."""
    facts = {name: rng.integers(0, 4, users) for name in ATTRIBUTES}
    rate, treated = rng.gamma(1.5, 1 / 1.5, users), rng.random(users) < 0.5
    lift = 1 + treated * np.asarray(lift_of_city)[facts["city"]]
    arms = np.where(treated, "treated", "control")
    orders = {"orders_before": rng.poisson(rate), "orders_net": rng.poisson(1.2 * rate * lift)}
    units = pd.DataFrame({"user": range(users), "arm": arms} | orders)
    first = pd.to_datetime(np.where(rng.random(users) < 0.2, "2026-03-01", "2025-12-01"))
    known = {name: np.char.add("v", column.astype(str)) for name, column in facts.items()}
    people = pd.DataFrame({"user": range(users), "first_day": first, "channel": "organic"} | known)
    flags = pd.DataFrame({"user": range(users), "in:core": rng.random(users) < 0.3})
    return ibis.memtable(units), people, ibis.memtable(flags)


@pytest.fixture(scope="module")
def alike():
    """Effects of many campaigns that work alike for everybody."""
    rng = np.random.default_rng(5)
    return [effect_groups.effects(*company(rng, users=1200), **ASKED) for _ in range(DRAWS)]


def test_intervals_of_groups_cover_the_one_effect(alike):
    """The interval of a group's own effect covers the truth in 93 to 97 of 100."""
    rows = pd.concat(alike).dropna(subset=["value"])
    assert len(rows) > 1500
    assert 0.93 <= rows["low"].le(np.log1p(LIFT)).mul(rows["high"].ge(np.log1p(LIFT))).mean() <= 0.97


def test_one_effect_for_all_is_not_called_different(alike):
    """Where every group gains alike, some way of splitting looks different in hardly more than 5 of 100 campaigns."""
    smallest = [effect_groups.splits(table)["p_holm"].min() for table in alike]
    assert np.mean(np.array(smallest) < 0.05) <= 0.08


def test_shrinking_comes_nearer_to_the_truth(alike):
    """Seen together, groups lie nearer to the truth than by their own figures, and their intervals still cover it."""
    rows = pd.concat([effect_groups.shown(table) for table in alike]).dropna(subset=["relative"])
    own, shrunk = (np.log1p(rows[name]).sub(np.log1p(LIFT)).pow(2).mean() for name in ("relative", "shrunk"))
    assert shrunk < 0.85 * own
    covers = rows["shrunk_low"].le(LIFT) & rows["shrunk_high"].ge(LIFT)
    assert 0.93 <= covers.mean() <= 0.985  # cautious where all groups are alike, as here


def test_a_planted_difference_is_found_and_named():
    """A campaign that works in one city of four is found to differ by city, and by nothing else."""
    units, users, people = company(np.random.default_rng(8), users=12_000, lift_of_city=(0.0, 0.0, 0.0, 1.0))
    table = effect_groups.effects(units, users, people, **ASKED)
    differ = effect_groups.splits(table)
    assert differ.loc[differ["p_holm"] < 0.05, "dimension"].tolist() == ["city"]
    cities = effect_groups.shown(table).query("dimension == 'city'").set_index("group")
    assert cities["shrunk"].idxmax() == "v3"
    assert cities.loc["v3", "shrunk_low"] <= 1.0 <= cities.loc["v3", "shrunk_high"]
    assert differ["compared"].iloc[0] == len(differ) == 6


def test_a_group_is_the_ratio_of_its_arms():
    """A group's figure is the ratio of its arms' means, the days before taken out, as `means` computes it."""
    units, users, people = company(np.random.default_rng(3))
    row = effect_groups.effects(units, users, people, **ASKED).query("dimension == 'city' and group == 'v2'").iloc[0]
    both = units.to_pandas().merge(users, on="user").query("city == 'v2'")
    arms = [stacked(part["orders_net"], part["orders_before"]) for _, part in both.groupby("arm")]
    control, treated = arms
    assert row["treated_users"] == treated.n
    assert np.expm1(row["value"]) == pytest.approx(means.relative(*means.cuped(treated, control)).value)


def test_small_groups_are_not_shown_nor_told_by_subtraction():
    """A city with too few users in one arm is hidden, and a second with it; a dimension of one group is left out."""
    units, users, people = company(np.random.default_rng(4), users=400)
    few = users.assign(city=np.where(users.index < 12, "tiny", np.where(users.index < 200, "b", "a")))
    table = effect_groups.effects(units, few, people, **ASKED)
    city = table.query("dimension == 'city'").set_index("group")
    assert city["suppressed"].sum() == 2
    assert city.loc["tiny", "suppressed"]
    assert city.loc["tiny", ["treated_users", "value", "low"]].isna().all()
    assert "channel" not in set(table["dimension"])


def test_nobody_assigned_gives_no_row():
    """Without an experiment there is no group, no split and no error."""
    units, users, people = company(np.random.default_rng(4), users=50)
    table = effect_groups.effects(units.filter(ibis._.user < 0), users, people, **ASKED)
    assert len(table) == len(effect_groups.shown(table)) == len(effect_groups.splits(table)) == 0
