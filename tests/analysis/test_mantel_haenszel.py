"""Mantel-Haenszel compares like with like: published figures, statsmodels, and coverage where the truth is known."""

import numpy as np
import pytest
from scipy.stats import norm
from statsmodels.stats.contingency_tables import StratifiedTable

from opsbook.analysis import mantel_haenszel as mh

# Admitted and rejected men, admitted and rejected women, departments A to F (Bickel, Hammel & O'Connell 1975).
BERKELEY = np.array(
    [(512, 313, 89, 19), (353, 207, 17, 8), (120, 205, 202, 391), (138, 279, 131, 244), (53, 138, 94, 299),
     (22, 351, 24, 317)]
)  # fmt: skip


def four(tables: np.ndarray) -> tuple[np.ndarray, ...]:
    """Hits, users, base hits, base users of (hits, misses, base hits, base misses)."""
    a, b, c, d = np.moveaxis(np.asarray(tables), -1, 0)
    return a, a + b, c, c + d


def test_berkeley_common_odds_ratio_and_p_value():
    """Over departments the odds ratio is .90469683 and the corrected p .2323 (reference.md): Simpson's paradox."""
    ratio = mh.odds_ratio(*four(BERKELEY))
    assert ratio.value == pytest.approx(0.90469683, abs=1e-8)
    assert ratio.n == BERKELEY.sum()
    found = mh.score(*four(BERKELEY))
    corrected = (abs(found.excess) - 0.5) / np.sqrt(found.variance)
    assert 2 * norm.sf(corrected) == pytest.approx(0.2323, abs=5e-5)
    assert mh.risk_difference(*four(BERKELEY)).low < 0 < mh.risk_difference(*four(BERKELEY)).high
    pooled = [part.sum() for part in four(BERKELEY)]
    assert pooled[0] / pooled[1] - pooled[2] / pooled[3] == pytest.approx(0.445 - 0.304, abs=2e-3)


def test_ratios_and_score_equal_statsmodels():
    """The odds ratio with its interval, the risk ratio and the test agree with an independent library."""
    rng = np.random.default_rng(5)
    tables = rng.integers(1, 40, (7, 4))
    other = StratifiedTable([row.reshape(2, 2).astype(float) for row in tables])
    odds = mh.odds_ratio(*four(tables))
    assert odds.value == pytest.approx(other.oddsratio_pooled)
    assert (odds.low, odds.high) == pytest.approx(other.oddsratio_pooled_confint())
    assert mh.risk_ratio(*four(tables)).value == pytest.approx(other.riskratio_pooled)
    assert mh.score(*four(tables)).z ** 2 == pytest.approx(other.test_null_odds().statistic)


def test_one_stratum_is_the_plain_difference():
    """With one stratum the difference is that of the two shares and the ratio their ratio."""
    one = ([30], [100], [10], [80])
    assert mh.risk_difference(*one).value == pytest.approx(0.3 - 0.125)
    assert mh.risk_ratio(*one).value == pytest.approx(0.3 / 0.125)
    assert mh.risk_difference(*one).n == 180


def test_strata_of_one_side_say_nothing_and_no_strata_give_nothing():
    """A stratum in which everybody is in the group changes no figure; with only such strata all are missing."""
    plain = mh.risk_difference([30, 0], [100, 0], [10, 0], [80, 0])
    assert mh.risk_difference([30, 5], [100, 9], [10, 0], [80, 0]) == plain
    nothing = mh.risk_difference([5], [9], [0], [0])
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()
    assert nothing.n == 0
    assert np.isnan(mh.score([5], [9], [0], [0]).z)
    assert np.isnan(mh.odds_ratio([0], [9], [3], [9]).value)


def test_comparisons_side_by_side_equal_one_after_the_other():
    """A further axis is a further comparison."""
    both = np.stack([BERKELEY, BERKELEY[:, [2, 3, 0, 1]]])
    there, back = mh.risk_difference(*four(both)).value
    assert there == pytest.approx(mh.risk_difference(*four(BERKELEY)).value)
    assert there == pytest.approx(-back)


def test_impossible_counts_are_refused():
    """More hits than users is a mistake of the caller."""
    with pytest.raises(ValueError, match="hits"):
        mh.risk_difference([5], [4], [1], [4])


@pytest.mark.parametrize(("strata", "users"), [(4, 200), (150, 6)])
def test_intervals_hold_the_truth_in_95_of_100_simulations(strata, users):
    """Few large and many small strata: the intervals of difference and ratio cover the truth at their nominal rate."""
    rng = np.random.default_rng(11)
    runs, base = 2000, rng.uniform(0.2, 0.5, strata)
    n1 = rng.binomial(users, 0.4, (runs, strata))
    n0 = users - n1
    difference = mh.risk_difference(rng.binomial(n1, base + 0.1), n1, rng.binomial(n0, base), n0)
    ratio = mh.risk_ratio(rng.binomial(n1, base * 1.3), n1, rng.binomial(n0, base), n0)
    for found, truth in ((difference, 0.1), (ratio, 1.3)):
        covered = ((found.low <= truth) & (truth <= found.high)).mean()
        assert covered == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / runs))
    assert difference.value.mean() == pytest.approx(0.1, abs=0.003)
