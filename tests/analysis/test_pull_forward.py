"""The pull-forward ledger adds up exactly, says what it counts, and finds what was moved and what was taken over."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import pull_forward

SPAN = {"campaign_id": "spring", "start": date(2026, 3, 2), "end": date(2026, 3, 8)}


def units(rng, *, users=4000, taken=0.0, dip=0.0):
    """Assigned users of whom the treated half buys half as much again with a coupon, and the orders that carry it."""
    rate, treated = rng.gamma(2, 0.5, users), np.arange(users) % 2 == 1
    own = rng.poisson(0.5 * rate * treated)
    other = rng.poisson(rate * (1 - taken * treated))
    after = rng.poisson(2 * rate * (1 - dip * treated))
    counts = {"orders_before": rng.poisson(2 * rate), "orders_during": own + other, "orders_after": after}
    table = pd.DataFrame({"user": range(users), "arm": np.where(treated, "treated", "control")} | counts)
    orders = pd.DataFrame({"user": np.repeat(np.arange(users), own), "day": pd.Timestamp("2026-03-04")})
    orders = orders.assign(campaign_id="spring", is_purchase=True, net=20.0)
    return ibis.memtable(table.assign(orders_net=table["orders_during"] + after)), orders


def lines(*made, **asked):
    table = pull_forward.ledger(*made, metric="orders", **(SPAN | asked))
    return table.set_index("line")


def test_the_lines_add_up_exactly():
    """Gross, baseline, other and later add up to net, with the campaign marked on orders and without."""
    made = units(np.random.default_rng(1), taken=0.2, dip=0.1)
    for campaign in ("spring", "never marked"):
        table = lines(*made, campaign_id=campaign)["total"]
        assert table.drop("net").sum() == pytest.approx(table["net"], abs=1e-9)


def test_gross_counts_the_orders_of_the_campaign():
    """Gross is the number of marked orders of treated users, and the control arm bought nothing with it."""
    made = units(np.random.default_rng(1))
    table = lines(*made)
    assert table.loc["gross", "total"] == len(made[1])
    assert table.loc["baseline", "total"] == 0


def test_what_the_campaign_took_and_moved_is_covered():
    """In 93 to 97 of 100 campaigns each line's interval holds what was planted: taken over, given back, net."""
    rng, taken, dip, hits = np.random.default_rng(2), 0.3, 0.1, []
    for _ in range(150):
        table, users = lines(*units(rng, users=1500, taken=taken, dip=dip)), 750
        truth = {"later": -2 * dip * users, "net": (0.5 - taken - 2 * dip) * users}
        hits += [table.loc[line, "low"] <= value <= table.loc[line, "high"] for line, value in truth.items()]
    assert 0.93 <= np.mean(hits) <= 0.97


def test_without_marks_other_orders_cannot_be_told_apart():
    """Where no order carries the campaign, gross is all that was bought and other is missing."""
    made = units(np.random.default_rng(3))
    table = lines(*made, campaign_id="never marked")
    bought = made[0].to_pandas().query("arm == 'treated'")["orders_during"].sum()
    assert table.loc["gross", "total"] == bought
    assert np.isnan(table.loc["other", "total"])


def test_orders_of_a_control_arm_that_used_it_are_a_deduction():
    """Coupons that reached the control arm stand against gross, and the lines still add up."""
    made = units(np.random.default_rng(4))
    leaked = made[1].assign(user=lambda orders: orders["user"].where(orders.index % 5 > 0, orders["user"] - 1))
    table = lines(made[0], leaked)
    assert table.loc["baseline", "total"] < 0
    assert table["total"].drop("net").sum() == pytest.approx(table.loc["net", "total"], abs=1e-9)


def test_one_arm_makes_no_ledger():
    """Without a control arm there is no line."""
    made = units(np.random.default_rng(3), users=40)
    assert pull_forward.ledger(made[0].filter(ibis._.arm == "treated"), made[1], metric="orders", **SPAN).empty
