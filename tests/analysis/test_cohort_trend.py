"""Are newer cohorts better at the same age: counts, standardisation, and trends whose truth we chose."""

import shutil
import subprocess
from collections import Counter
from datetime import date

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import age_shares, cohort_trend
from opsbook.analysis.age_shares import Age
from opsbook.analysis.cohort_window import Window
from opsbook.inputs.periods import between

COMPANIES = 40
WEEKS = Window("week", date(2026, 1, 5), date(2026, 3, 1))


def company(rng, cohorts=16, size=400, shares=(0.2, 0.4), mix=(0.5, 0.5), slope=0.0, spread=0.0):
    """Counts of two groups whose mix and log-odds move by chosen amounts; spread = cohort's own deviation."""
    rows = []
    for n in range(cohorts):
        far = n / (cohorts - 1)
        first = rng.binomial(size, mix[0] + (mix[1] - mix[0]) * far)
        own = slope * far + rng.normal(0, spread)
        for level, users, share in zip("ab", (first, size - first), shares, strict=True):
            chance = 1 / (1 + np.exp(-(np.log(share / (1 - share)) + own)))
            day = pd.Timestamp("2026-01-05") + pd.Timedelta(days=7 * n)
            rows.append((day, level, "day", 7, users, rng.binomial(users, chance)))
    return pd.DataFrame(rows, columns=["cohort", "level", "unit", "age", "users", "retained"])


def told(seed: int, companies: int = COMPANIES, **asked: object) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.concat([cohort_trend.trends(company(rng, **asked)) for _ in range(companies)])


def test_an_age_is_counted_only_where_the_youngest_member_could_be_seen(table, same):
    """Week 1 is days 7 to 13; the cohort whose last member has not lived them is left out; a blank level is unknown."""
    users = table("""
        user | first_day  | life_start | channel
        a    | 2026-01-05 | signup     | ads
        b    | 2026-01-11 | signup     | ads
        c    | 2026-01-06 | signup     |
        d    | 2026-02-16 | signup     | ads
        e    | 2026-01-05 | unknown    | ads
    """)
    days = table("""
        user | day
        a    | 2026-01-05
        a    | 2026-01-12
        a    | 2026-01-15
        b    | 2026-01-17
        c    | 2026-01-19
        d    | 2026-02-23
    """)
    counted = age_shares.counts(days, users, window=WEEKS, ages=[Age("day", 6), Age("week", 1)], by="channel")
    same(counted, """
        cohort     | level   | unit | age | users | retained
        2026-01-05 | ads     | day  | 6   | 2     | 1
        2026-01-05 | unknown | day  | 6   | 1     | 0
        2026-02-16 | ads     | day  | 6   | 1     | 0
        2026-01-05 | ads     | week | 1   | 2     | 1
        2026-01-05 | unknown | week | 1   | 1     | 1
    """)  # fmt: skip


def test_counts_equal_a_walk_over_rows():
    """On random small companies the engine counts what a loop over users and days counts."""
    rng = np.random.default_rng(5)
    born = {n: date(2026, 1, 5) + pd.Timedelta(days=int(d)) for n, d in enumerate(rng.integers(0, 45, 40))}
    rows = {(n, born[n] + pd.Timedelta(days=int(d))) for n in born for d in rng.integers(0, 40, 6)}
    days = pd.DataFrame(sorted(rows), columns=["user", "day"]).assign(day=lambda t: pd.to_datetime(t["day"]))
    users = pd.DataFrame({"user": list(born), "first_day": pd.to_datetime(list(born.values()))})
    users = users.assign(life_start="signup")
    for row in age_shares.counts(days, users, window=WEEKS, ages=age_shares.DAYS).to_dict("records"):
        first = row["cohort"].date()
        members = [n for n in born if first <= born[n] <= first + pd.Timedelta(days=6)]
        back = [n for n in members if (n, born[n] + pd.Timedelta(days=row["age"])) in rows
                and born[n] + pd.Timedelta(days=row["age"]) <= WEEKS.as_of]  # fmt: skip
        assert (row["users"], row["retained"]) == (len(members), len(back))
        assert first + pd.Timedelta(days=6 + row["age"]) <= WEEKS.as_of


def test_a_short_period_borrows_the_half_year_before_it():
    """Weekly cohorts reach back 26 weeks from the period's end, never beyond it; those below min_cell are left out."""
    days = pd.to_datetime(["2025-10-27", "2026-03-02", "2026-03-02", "2026-03-09", "2026-04-06", "2026-05-04"])
    counted = pd.DataFrame({"cohort": days, "unit": "day", "age": 1, "users": [20, 6, 6, 9, 20, 20]})
    april = between(date(2026, 4, 1), date(2026, 4, 30))
    kept = age_shares.since(counted, window=WEEKS, period=april, min_cell=10)
    assert list(kept["cohort"]) == list(days[[1, 2, 4]])


def test_small_groups_are_pooled_until_every_cohort_has_them(table, same):
    """`b` and `c` are missing in a cohort, `a` and `d` are not: the two small ones are one group."""
    counted = table("""
        cohort     | level | users | retained
        2026-01-05 | a     | 50    | 10
        2026-01-05 | b     | 9     | 3
        2026-01-05 | d     | 20    | 3
        2026-01-12 | a     | 50    | 20
        2026-01-12 | c     | 8     | 2
        2026-01-12 | d     | 20    | 4
    """)
    same(age_shares.pooled(counted), """
        cohort     | level | users | retained
        2026-01-05 | a     | 50    | 10
        2026-01-05 | d     | 20    | 3
        2026-01-05 | other | 9     | 3
        2026-01-12 | a     | 50    | 20
        2026-01-12 | d     | 20    | 4
        2026-01-12 | other | 8     | 2
    """)  # fmt: skip
    thin = counted[counted["level"].isin(["a", "b"])]
    assert set(age_shares.pooled(thin)["level"]) == {"other"}


def test_standardisation_by_hand(table):
    """Mix of all cohorts 60 to 40: the first cohort would have .6 * .2 + .4 * .5, its own mix alone makes otherwise."""
    counted = table("""
        cohort     | level | users | retained
        2026-01-05 | a     | 80    | 16
        2026-01-05 | b     | 20    | 10
        2026-01-12 | a     | 40    | 8
        2026-01-12 | b     | 60    | 30
    """)
    made = age_shares.standardised(counted)
    assert made["adjusted"].tolist() == pytest.approx([0.32, 0.32], abs=1e-12)
    assert made["mix"].tolist() == pytest.approx([0.8 * 0.2 + 0.2 * 0.5, 0.4 * 0.2 + 0.6 * 0.5], abs=1e-12)
    spread = 0.36 * (16.5 / 81) * (64.5 / 81) / 80 + 0.16 * 0.25 / 20
    assert made["adjusted_users"].iloc[0] == pytest.approx(0.32 * 0.68 / spread, abs=1e-9)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_the_trend_is_that_of_r():
    """Fitted ends and dispersion equal R's glm with family quasibinomial."""
    users, back = [120, 90, 150, 80, 110, 95], [30, 35, 40, 31, 36, 40]
    script = f"""k <- c({",".join(map(str, back))}); n <- c({",".join(map(str, users))}); x <- 0:5 / 5
        f <- glm(cbind(k, n - k) ~ x, family = quasibinomial, control = list(epsilon = 1e-14))
        b <- coef(f); m <- b[1] + b[2] / 2; s <- qt(.975, 4) * sqrt(vcov(f)[2, 2])
        r <- function(d) plogis(m + d / 2) - plogis(m - d / 2)
        cat(format(c(plogis(b[1]), plogis(b[1] + b[2]), r(b[2]), r(b[2] - s), r(b[2] + s), summary(f)$dispersion),
            digits = 12))"""
    answer = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=True).stdout
    made = cohort_trend.trend(np.arange(6) * 7.0, np.array(back) / users, np.array(users, float))
    assert list(made) == pytest.approx([float(x) for x in answer.split()], abs=1e-7)


@pytest.mark.parametrize("spread", [0.0, 0.25])
def test_no_trend_is_called_a_trend_one_time_in_twenty(spread):
    """Cohorts that differ by chance, or by more than chance: the interval misses 0 about 5 % of the time."""
    made = told(11, companies=100, spread=spread)
    for part in ("change", "adjusted_change"):
        missed = ((made[f"{part}_low"] > 0) | (made[f"{part}_high"] < 0)).mean()
        assert 0.01 <= missed <= 0.11
    assert (made["dispersion"].median() > 2) == (spread > 0)


def test_a_planted_trend_is_covered_and_called():
    """Log-odds that rise by 0.5: the interval holds the true change about 95 % of the time, and the users moved."""
    shares = np.array([0.2, 0.4])
    late = 1 / (1 + (1 - shares) / shares * np.exp(-0.5))
    truth = late.mean() - shares.mean()
    made = told(12, companies=100, slope=0.5, spread=0.05)
    for part in ("change", "adjusted_change"):
        covered = (made[f"{part}_low"] <= truth) & (truth <= made[f"{part}_high"])
        assert covered.mean() >= 0.89
    assert (made["conclusion"] == "better").mean() > 0.9
    assert (told(13, slope=-0.5)["conclusion"] == "worse").mean() > 0.9


def test_a_pure_mix_shift_is_named_as_mix():
    """The group that stays less shrinks from 70 to 30 %: shares rise, no user changed, and the report says so."""
    cases = Counter(told(14, mix=(0.7, 0.3))["conclusion"])
    assert cases["mix"] > 0.85 * COMPANIES


def test_a_fall_behind_a_better_mix_is_named_as_hidden():
    """Users get worse as fast as the mix gets better: the shares stand still and the conclusion is `hidden`."""
    cases = Counter(told(15, mix=(0.75, 0.25), slope=-0.47)["conclusion"])
    assert cases["hidden"] > 0.7 * COMPANIES


def test_few_cohorts_or_few_returns_tell_nothing():
    """Five cohorts, or a handful of returns, are no trend; one group leaves the mix blank."""
    rng = np.random.default_rng(16)
    assert cohort_trend.trends(company(rng, cohorts=5))["conclusion"].item() == "cannot_tell"
    assert cohort_trend.trends(company(rng, shares=(0.001, 0.001)))["conclusion"].item() == "cannot_tell"
    alone = cohort_trend.trends(company(rng).assign(level="all"))
    assert alone["levels"].item() == 1
    assert alone["adjusted_change"].isna().item()
    assert cohort_trend.trends(company(rng).iloc[:0]).empty


def test_a_handful_of_users_tells_nothing():
    """Six cohorts of eighteen users: an interval of more than 50 points is no trend, and it stays within 100."""
    made = cohort_trend.trends(company(np.random.default_rng(17), cohorts=6, size=9, shares=(0.5, 0.5)))
    assert made["conclusion"].item() == "cannot_tell"
    assert made[["change_low", "change_high"]].abs().to_numpy().max() < 1


def test_several_ages_are_judged_together():
    """What is clear at one age looked at alone may be chance among three: intervals hold for all ages at once."""
    cohorts = pd.DataFrame({"cohort": pd.date_range("2026-01-05", periods=8, freq="7D"), "users": 400})
    counted = cohorts.assign(level="all", unit="day", retained=[120, 134, 122, 138, 132, 148, 136, 152])
    alone = cohort_trend.trends(counted.assign(age=7)).iloc[0]
    among = cohort_trend.trends(pd.concat([counted.assign(age=age) for age in (1, 7, 30)])).set_index("age").loc[7]
    one = cohort_trend.trends(counted.assign(age=7), level=1 - 0.05 / 3).iloc[0]
    assert (alone["conclusion"], among["conclusion"]) == ("better", "no_trend")
    assert among["change_low"] == pytest.approx(one["change_low"])
    assert among["change"] == pytest.approx(alone["change"])
