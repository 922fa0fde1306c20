"""Log-rank tests from counted durations."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from lifelines.statistics import multivariate_logrank_test

import survival_data as data
from opsbook.analysis import logrank


def test_leukaemia_arms_differ_by_the_textbooks_chi_square():
    """6-MP against placebo: chi2 16.7929409892 to 1e-9 (R survival 3.5)."""
    result = logrank.test(data.counted(data.leukaemia()), by="arm")
    assert result.chi2 == pytest.approx(16.7929409892, abs=1e-9)
    assert (result.degrees, result.segments, result.n) == (1, 2, 42)


def test_lung_cancer_by_sex(shared):
    """NCCTG lung by sex: chi2 10.3267419549 to 1e-9 (R survival 3.5)."""
    assert logrank.test(data.lung(shared("ref_lung.csv.gz")), by="sex").chi2 == pytest.approx(10.3267419549, abs=1e-9)


def test_open_university_by_gender(shared):
    """OULAD withdrawals by gender: chi2 27.6966627525 to 1e-9 (R survival 3.5)."""
    rows = data.oulad(shared("oulad_student_registration.csv.gz"), shared("oulad_courses.csv.gz"))
    people = pd.read_csv(shared("oulad_student_info.csv.gz"))
    rows = rows.merge(people, on=["code_module", "code_presentation", "id_student"], validate="one_to_one")
    durations = data.counted(data.from_rows(rows["t"], rows["left"], gender=rows["gender"]))
    assert logrank.test(durations, by="gender").chi2 == pytest.approx(27.6966627525, abs=1e-9)


@data.LAWS
@given(data.users(least=4))
def test_three_segments_agree_with_lifelines_on_rows(rows):
    """The k-sample test from counts equals lifelines on rows to 1e-9."""
    result = logrank.test(data.counted(rows), by="segment")
    assume(result.degrees == rows["segment"].nunique() - 1 > 0)
    theirs = multivariate_logrank_test(rows["duration_days"].astype(float), rows["segment"], rows["churned"])
    assert result.chi2 == pytest.approx(theirs.test_statistic, rel=1e-9, abs=1e-9)


@data.LAWS
@given(data.users(late=True, least=4))
def test_with_delayed_entry_it_equals_a_sum_over_days_by_hand(rows):
    """Observed minus expected of two segments, with late entries, equals the day-by-day sum."""
    two = rows[rows["segment"] != "c"]
    result = logrank.test(two, by="segment")
    assume(result.degrees == 1)
    gap = variance = 0.0
    for day in two["duration_days"].unique():
        watched = two[((two["entry_days"] < day) | (two["entry_days"] == 0)) & (two["duration_days"] >= day)]
        n, n1 = len(watched), (watched["segment"] == "a").sum()
        left = watched[(watched["duration_days"] == day) & (watched["churned"] == 1)]
        d, d1 = len(left), (left["segment"] == "a").sum()
        if n:
            gap += d1 - d * n1 / n
        if n > 1:
            variance += d * (n1 / n) * (1 - n1 / n) * (n - d) / (n - 1)
    assert result.chi2 == pytest.approx(gap**2 / variance, rel=1e-9)


def test_pairs_carry_holm_and_the_difference_of_days():
    """Every pair has its test, Holm's p over the pairs, and the difference of the restricted means."""
    three = data.leukaemia()
    three["arm"] = np.where(three.index % 5 == 0, "mixed", three["arm"])
    pairs = logrank.pairwise(three, by="arm", horizon_days=20)
    assert len(pairs) == 3
    assert (pairs["p_holm"] >= pairs["p"]).all()
    assert pairs["days_difference"].between(pairs["low"], pairs["high"]).all()
    assert set(pairs["horizon_days"]) == {20}


def test_segments_that_were_never_at_risk_together_are_not_compared(table):
    """Each pair that shares its days can differ once: two pairs apart give 2 degrees, a lone segment adds none."""
    rows = table("""
        entry_days | duration_days | segment | churned | censored
        0          | 3             | a       | 4       | 6
        0          | 3             | b       | 1       | 9
        10         | 15            | c       | 5       | 5
        10         | 15            | d       | 2       | 8
        20         | 25            | e       | 3       | 3
    """)
    result = logrank.test(rows, by="segment")
    pairs = [logrank.test(rows[rows["segment"].isin(pair)], by="segment").chi2 for pair in (["a", "b"], ["c", "d"])]
    assert result.degrees == 2
    assert result.chi2 == pytest.approx(sum(pairs), rel=1e-12)


@pytest.mark.parametrize("segments", [2, 5])
def test_equal_segments_differ_as_often_as_chance_says(segments):
    """Five equal segments of 40,000 users with durations in days: p below 5 % in about 5 % of 400 draws."""
    random = np.random.default_rng(segments)
    share = 0.02 * np.exp(-np.arange(60) / 30)
    fates = np.append(share, 1 - share.sum())
    names = [f"s{i}" for i in range(segments)]
    rows = pd.MultiIndex.from_product([names, range(60)], names=["segment", "duration_days"]).to_frame(index=False)
    found = []
    for _ in range(400):
        left = random.multinomial(40_000, fates, size=segments)
        stayed = np.zeros((segments, 60), dtype="int64")
        stayed[:, -1] = left[:, -1]
        result = logrank.test(rows.assign(churned=left[:, :-1].ravel(), censored=stayed.ravel()), by="segment")
        assert result.degrees == segments - 1
        found.append(result.p < 0.05)
    assert 0.02 < np.mean(found) < 0.085


def test_one_segment_or_no_churn_cannot_be_tested():
    """With nothing to compare the test is missing instead of wrong."""
    rows = data.leukaemia()
    alone = rows[rows["arm"] == "6-MP"]
    nobody = rows.assign(censored=rows["churned"] + rows["censored"], churned=0)
    for durations in (alone, nobody, rows.iloc[:0]):
        assert np.isnan(logrank.test(durations, by="arm").p)
    assert logrank.pairwise(alone, by="arm", horizon_days=20).empty
