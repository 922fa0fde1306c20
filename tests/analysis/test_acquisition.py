"""What a new user cost, what the last tenth of the money brought, and whether moving it helps: by hand and by truth."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import chi2

from opsbook.analysis import acquisition, response

SPAN = {"campaign_id": "spring", "start": date(2026, 3, 2), "end": date(2026, 3, 8)}
COSTS = """
    day        | channel | campaign_id | amount
    2026-03-02 | search  |             | 60
    2026-03-03 | search  | spring      | 40
    2026-03-03 | search  | summer      | 500
    2026-03-20 | search  |             | 500
    2026-03-02 | offline |             | 10
"""


def people(*, users=8, stayed=5):
    """Newcomers of search on Tuesday, some of whom come back two days later, and one of another channel."""
    known = pd.DataFrame({"user": range(users + 1), "first_day": pd.Timestamp("2026-03-03"), "life_start": "signup"})
    known["channel"] = ["search"] * users + ["offline"]
    back = pd.DataFrame({"user": range(stayed), "day": pd.Timestamp("2026-03-05")})
    return known, pd.concat([back, known.rename(columns={"first_day": "day"})[["user", "day"]]])


def test_cost_per_new_user_and_per_user_who_stayed(table):
    """100 of cost on 8 new users is 12.5 each; 5 of them came back, which is 20 each; other campaigns do not count."""
    known, days = people()
    found = acquisition.by_channel(table(COSTS), known, days, **SPAN, as_of=date(2026, 4, 1), min_cell=5)
    (row,) = found.to_dict("records")
    assert (row["channel"], row["cost"], row["new_users"], row["stayed"]) == ("search", 100, 8, 5)
    assert (row["cac"], row["effective_cac"]) == (12.5, 20)
    assert row["cac_low"] == pytest.approx(100 / (chi2.ppf(0.975, 18) / 2))
    assert row["cac_high"] == pytest.approx(100 / (chi2.ppf(0.025, 16) / 2))


def test_users_whose_week_is_not_over_are_not_called_gone(table):
    """Three days after sign-up nobody is known not to stay, and the cost of one who did is not told."""
    known, days = people()
    found = acquisition.by_channel(table(COSTS), known, days, **SPAN, as_of=date(2026, 3, 6), min_cell=5)
    assert found["watched"].iloc[0] == 0
    assert found[["share_stayed", "effective_cac"]].isna().all().all()


def test_days_carry_cost_and_newcomers_of_their_channel(table, same):
    """One row per channel and day with cost, and who came by that channel on that day."""
    found = acquisition.daily(table(COSTS), people()[0], **SPAN)
    same(
        found,
        """
        channel | day        | cost | new_users
        offline | 2026-03-02 | 10   | 0
        search  | 2026-03-02 | 60   | 0
        search  | 2026-03-03 | 40   | 8
        """,
    )


def test_what_channels_delivered_against_their_plan():
    """Shown against planned, and the price of a participant only where media is booked on the channel."""
    both = pd.DataFrame({"channel": ["push", "mail"], "planned_exposed": [200.0, 100], "exposed": [150.0, 120]})
    ledger = pd.DataFrame({"kind": ["media", "fixed"], "detail": ["push", ""], "amount": [300.0, 50]})
    found = acquisition.delivered(both.assign(participants=[60.0, 10]), ledger, budgets={"push": 250})
    assert found["share_of_plan"].tolist() == [0.75, 1.2]
    assert found.loc[0, ["budget", "cost", "cost_per_participant"]].tolist() == [250, 300, 5]
    assert found.loc[1, ["budget", "cost", "cost_per_participant"]].isna().all()


def spent(rng, *, days=60, level=100.0, rate=0.5, slope=0.6, channel="search"):
    """Daily cost that varies, and newcomers that follow it with the elasticity `slope`; `rate` per money at `level`."""
    cost = level * rng.lognormal(0, 0.5, days)
    users = rng.poisson(rate * level * (cost / level) ** slope)
    return pd.DataFrame(
        {"channel": channel, "day": pd.date_range("2026-01-01", periods=days), "cost": cost, "new_users": users}
    )


def test_elasticity_is_statsmodels():
    """The regression is the quasi-Poisson one of statsmodels, which found it another way."""
    made = spent(np.random.default_rng(4), rate=0.05)
    intercept, slope, error, dispersion = response.fit(made["cost"].to_numpy(), made["new_users"].to_numpy(float))
    model = sm.GLM(made["new_users"], sm.add_constant(np.log(made["cost"])), family=sm.families.Poisson())
    other = model.fit(scale="X2")
    assert [intercept, slope] == pytest.approx(other.params.tolist(), rel=1e-6)
    scale = max(other.scale, 1.0)
    assert dispersion == pytest.approx(scale, rel=1e-4)
    assert error == pytest.approx(other.bse.iloc[1] * np.sqrt(scale / other.scale), rel=1e-4)


def test_intervals_cover_elasticity_and_the_price_of_the_last_tenth():
    """In 93 to 97 of 100 histories the intervals hold what was planted."""
    rng, slope, hits = np.random.default_rng(5), 0.6, []
    for _ in range(1000):
        made = spent(rng, days=70, level=60.0, rate=0.15, slope=slope)
        row = response.responses(made).iloc[0]
        expected = 0.15 * 60 * ((made["cost"] / 60) ** slope).sum()
        true = made["cost"].sum() / expected * 0.1 / (1 - 0.9**slope)
        hits.append(
            (
                row["elasticity_low"] <= slope <= row["elasticity_high"],
                row["marginal_low"] <= true <= row["marginal_high"],
            )
        )
    assert all(0.93 <= share <= 0.97 for share in np.mean(hits, axis=0)), np.mean(hits, axis=0)


@pytest.mark.parametrize(
    ("asked", "case"),
    [({"slope": 0.5}, "falling"), ({"slope": 1.0}, "flat"), ({"slope": 2.0}, "rising"), ({"days": 14}, "cannot_tell"),
     ({"rate": 0.01, "level": 20.0}, "cannot_tell")],
)  # fmt: skip
def test_each_history_gets_its_word(asked, case):
    """Falling and rising returns are named, constant ones are flat, and short or noisy histories cannot tell."""
    assert response.responses(spent(np.random.default_rng(6), **asked))["case"].tolist() == [case]


def test_spend_that_hardly_varies_cannot_tell():
    """The same sum every day shows nothing about any other sum."""
    made = spent(np.random.default_rng(6)).assign(cost=lambda days: 100 + days.index % 2)
    row = response.responses(made).iloc[0]
    assert row["case"] == "cannot_tell"
    assert np.isnan(row["marginal"])


def costly(rng, *, rates=(0.05, 0.5)):
    """A dear channel and a cheap one, with the shares of their newcomers who stayed."""
    days = pd.concat([spent(rng, rate=rate, channel=name) for rate, name in zip(rates, ("dear", "cheap"), strict=True)])
    cac = pd.DataFrame({"channel": ["dear", "cheap"], "watched": [100, 100], "stayed": [60, 60]})
    return response.responses(days), cac


def test_money_moves_from_the_dear_channel_to_the_cheap_one():
    """Where one channel brings ten times as many for the same money, a tenth moved there is surely better."""
    move = response.best_move(*costly(np.random.default_rng(7)), seed=1)
    assert (move.source, move.target, move.case, move.pairs) == ("dear", "cheap", "better", 2)
    assert move.probability > 0.99
    assert 0 < move.low < move.gain < move.high


def test_between_channels_alike_nobody_can_tell():
    """Between two channels with the same return the move is hardly ever called better."""
    said = [response.best_move(*costly(np.random.default_rng(n), rates=(0.1, 0.1)), seed=1).case for n in range(40)]
    assert said.count("better") <= 10


def test_one_channel_or_a_far_too_large_sum_moves_nothing():
    """A tenth of a giant's money is more than a small channel could be asked about."""
    responses, cac = costly(np.random.default_rng(7))
    assert response.best_move(responses.iloc[:1], cac, seed=1).case == "none"
    giant = responses.assign(cost=[1e6, 1.0])
    assert response.best_move(giant, cac, seed=1).pairs == 1
