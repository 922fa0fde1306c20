"""Survival curves, medians and restricted means from counted durations."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter, NelsonAalenFitter

import survival_data as data
from opsbook.analysis import survival

COLUMNS = ["duration_days", "at_risk", "churned", "censored", "active", "standard_error", "active_low", "active_high"]
SIX_MP = data.from_rows(*zip(*data.SIX_MP, strict=True))


def active(durations, day):
    return survival.active_at(durations, day=day).value


def test_six_mp_shares_error_and_interval_are_the_textbooks():
    """Freireich's 6-MP arm: S(6), S(10), S(23), Greenwood s.e. and log-log interval at 6, to 1e-12 (R survival 3.5)."""
    steps = survival.kaplan_meier(SIX_MP).set_index("duration_days")
    expected = [0.857142857143, 0.752941176471, 0.448179271709]
    np.testing.assert_allclose(steps.loc[[6, 10, 23], "active"], expected, atol=1e-12)
    six = steps.loc[6, ["standard_error", "active_low", "active_high"]].to_numpy(float)
    np.testing.assert_allclose(six, [0.076360354832, 0.619717955266, 0.951551747647], atol=1e-12)


def test_lung_cancer_shares_and_interval(shared):
    """NCCTG lung: S(180), S(365) and the log-log interval at 180 days, to 1e-9 (R survival 3.5)."""
    lung = data.lung(shared("ref_lung.csv.gz"))
    half_year = survival.active_at(lung, day=180)
    expected = [0.72167065341, 0.658304528446, 0.775314690717]
    np.testing.assert_allclose(half_year[:3], expected, atol=1e-9)
    assert active(lung, 365) == pytest.approx(0.40924162446, abs=1e-9)


def test_lung_cancer_restricted_means(shared):
    """NCCTG lung: restricted mean to 365 days by sex with the Greenwood-integral s.e., to 1e-8 (R survival 3.5)."""
    lung = data.lung(shared("ref_lung.csv.gz"))
    means = survival.restricted_means(lung, by="sex", horizon_days=365).set_index("sex").loc[["1", "2"]]
    np.testing.assert_allclose(means["days"], [241.495085192, 297.465409532], atol=1e-8)
    np.testing.assert_allclose(means["standard_error"], [10.3582264911, 10.7913239788], atol=1e-8)


def test_open_university_withdrawals(shared):
    """OULAD: 29,496 registrations, 6,974 withdrawals and S at 30/60/120/180/234 days, to 1e-9 (R survival 3.5)."""
    rows = data.oulad(shared("oulad_student_registration.csv.gz"), shared("oulad_courses.csv.gz"))
    durations = data.counted(data.from_rows(rows["t"], rows["left"]))
    assert (survival.users(durations), durations["churned"].sum()) == (29_496, 6_974)
    expected = [0.931177108761, 0.893714401953, 0.840012205045, 0.789090046108, 0.765256305940]
    np.testing.assert_allclose([active(durations, day) for day in (30, 60, 120, 180, 234)], expected, atol=1e-9)


def test_open_university_with_delayed_entry(shared):
    """OULAD entering at registration: 29,486 rows and S at 30/120/234 days, to 1e-9 (R survival 3.5)."""
    rows = data.oulad(shared("oulad_student_registration.csv.gz"), shared("oulad_courses.csv.gz"))
    rows = rows[rows["date_registration"].notna()].assign(entry=lambda r: r["date_registration"].clip(lower=0))
    rows = rows[rows["t"] > rows["entry"]]
    durations = data.counted(data.from_rows(rows["t"], rows["left"], entry=rows["entry"]))
    assert survival.users(durations) == 29_486
    expected = [0.931082941363, 0.839879333952, 0.765146303540]
    np.testing.assert_allclose([active(durations, day) for day in (30, 120, 234)], expected, atol=1e-9)


@data.LAWS
@given(data.users())
def test_counts_agree_with_lifelines_on_rows(rows):
    """Kaplan-Meier, its interval and Nelson-Aalen from counts equal lifelines on rows to 1e-12."""
    steps = survival.kaplan_meier(data.counted(rows.drop(columns="segment")))
    days = rows["duration_days"].to_numpy(float)
    km = KaplanMeierFitter().fit(days, rows["churned"])
    at = steps["duration_days"].to_numpy(float)
    np.testing.assert_allclose(steps["active"], np.ravel(km.predict(at)), atol=1e-12)
    inside = steps["active"].between(0, 1, inclusive="neither").to_numpy()
    band = km.confidence_interval_survival_function_.loc[at[inside]].to_numpy()
    np.testing.assert_allclose(steps.loc[inside, ["active_low", "active_high"]], band, atol=1e-12)
    hazards = NelsonAalenFitter(nelson_aalen_smoothing=False).fit(days, rows["churned"])
    ours = survival.nelson_aalen(rows)["cumulative_hazard"]
    np.testing.assert_allclose(ours, np.ravel(hazards.cumulative_hazard_.loc[at]), atol=1e-12)


@data.LAWS
@given(data.users(late=True))
def test_delayed_entry_agrees_with_a_count_by_hand(rows):
    """At risk on a day are exactly the users who entered before it (or at 0) and have not left before it."""
    table = survival.life_table(data.counted(rows))
    for day, at_risk in zip(table["duration_days"], table["at_risk"], strict=True):
        watched = ((rows["entry_days"] < day) | (rows["entry_days"] == 0)) & (rows["duration_days"] >= day)
        assert at_risk == watched.sum()


@data.LAWS
@given(data.users(late=True), st.randoms())
def test_row_order_and_counting_change_nothing(rows, random):
    """The curve of shuffled rows, of counts and of rows is the same curve."""
    order = list(range(len(rows)))
    random.shuffle(order)
    first = survival.survival_curve(rows, horizon_days=30)
    for other in (rows.iloc[order], data.counted(rows)):
        pd.testing.assert_frame_equal(survival.survival_curve(other, horizon_days=30), first)


@data.LAWS
@given(data.users(late=True))
def test_twice_the_users_give_the_same_curve_and_a_smaller_error(rows):
    """Doubling every user leaves the shares alone and divides the standard error by the root of two."""
    one = survival.kaplan_meier(rows)
    two = survival.kaplan_meier(rows.assign(churned=2 * rows["churned"], censored=2 * rows["censored"]))
    np.testing.assert_allclose(two["active"], one["active"], atol=1e-12)
    alive = one["active"] > 0
    np.testing.assert_allclose(two["standard_error"][alive] * np.sqrt(2), one["standard_error"][alive], atol=1e-12)


@data.LAWS
@given(data.users(late=True), st.integers(1, 30))
def test_restricted_mean_is_the_area_under_the_curve(rows, horizon):
    """Summing the step curve day by day gives the restricted mean."""
    mean = survival.restricted_mean(rows, horizon_days=horizon)
    days = np.arange(int(mean.horizon_days))
    steps = survival.kaplan_meier(rows)
    place = np.searchsorted(steps["duration_days"].to_numpy(), days, side="right")
    assert mean.value == pytest.approx(np.concatenate([[1.0], steps["active"].to_numpy()])[place].sum())
    assert np.isnan(mean.low) or mean.low <= mean.value <= mean.high


@data.LAWS
@given(data.users(late=True))
def test_curve_never_rises_and_stays_a_share(rows):
    """The share active falls from 1 and stays between its interval's ends."""
    curve = survival.survival_curve(rows, horizon_days=40)
    assert curve["active"].is_monotonic_decreasing
    known = curve.dropna(subset=["active_low"])
    assert known["active"].between(known["active_low"] - 1e-12, known["active_high"] + 1e-12).all()


def test_curve_has_one_row_per_day_until_nobody_is_watched(table, same):
    """The daily curve repeats the last step between exits and ends with the last user watched."""
    same(
        survival.survival_curve(
            table("""
        duration_days | churned | censored
        1             | 1       | 1
        3             | 1       | 1
    """),
            horizon_days=10,
        ),
        """
        day | active | at_risk | churned | censored
        0   | 1      | 4       | 0       | 0
        1   | 0.75   | 4       | 1       | 1
        2   | 0.75   | 2       | 0       | 0
        3   | 0.375  | 2       | 1       | 1
    """,
    )


def test_a_user_is_not_at_risk_before_entering(table, same):
    """Somebody who could be seen from day 2 on neither counts nor churns before day 3."""
    same(
        survival.life_table(
            table("""
        entry_days | duration_days | churned | censored
        0          | 2             | 1       | 0
        2          | 5             | 1       | 0
        0          | 5             | 0       | 1
    """)
        ),
        """
        duration_days | at_risk | churned | censored
        2             | 2       | 1       | 0
        5             | 2       | 1       | 1
    """,
    )


def test_a_user_who_leaves_before_entering_is_refused(table):
    """A row whose duration does not exceed its late entry was never at risk, and says so."""
    with pytest.raises(ValueError, match="leave before they enter"):
        survival.life_table(
            table("""
            entry_days | duration_days | churned | censored
            5          | 5             | 1       | 0
        """)
        )


def test_the_median_is_reached_or_missing(table):
    """The median is the first day with at most half of the users left; a curve above one half has none."""
    half = table("""
        duration_days | churned | censored
        4             | 1       | 0
        7             | 1       | 0
        9             | 0       | 2
    """)
    assert survival.quantile_days(half).value == 7
    assert np.isnan(survival.quantile_days(half, share_left=0.6).value)
    assert survival.quantile_days(SIX_MP)[:2] == (23, 13)


def test_a_share_beyond_the_last_day_watched_is_missing():
    """Nothing is said about day 50 when the last patient was watched until day 35."""
    assert np.isnan(active(SIX_MP, 50))
    assert survival.restricted_mean(SIX_MP, horizon_days=50).horizon_days == 35


def test_hazard_counts_user_days(table, same):
    """The risk per day is churned users over user-days watched, in bands of days."""
    same(
        survival.hazard(
            table("""
        duration_days | churned | censored
        1             | 1       | 0
        3             | 0       | 1
    """),
            every_days=2,
            horizon_days=4,
        ),
        """
        from_day | to_day | user_days_at_risk | churned | hazard_per_day
        0        | 1      | 4                 | 1       | 0.25
        2        | 3      | 2                 | 0       | 0
    """,
    )


def test_small_segments_are_pooled_so_that_none_can_be_subtracted(table, same):
    """A pool of fewer than min_cell users takes the smallest shown segment in."""
    durations = table("""
        duration_days | channel | churned | censored
        1             | ads     | 40      | 0
        1             | search  | 0       | 20
        1             | friends | 2       | 1
    """)
    same(
        survival.largest_segments(durations, by="channel", min_cell=10),
        """
        duration_days | channel | churned | censored
        1             | ads     | 40      | 0
        1             | other   | 2       | 21
    """,
    )


def test_an_empty_table_gives_empty_answers():
    """Without users every curve is empty with its columns and every number is missing."""
    none = SIX_MP.iloc[:0].assign(segment="a")
    assert list(survival.kaplan_meier(none)) == COLUMNS
    assert survival.survival_curve(none, horizon_days=9).empty
    assert survival.curves(none, by="segment", horizon_days=9).empty
    assert survival.restricted_means(none, by="segment", horizon_days=9).empty
    assert survival.hazard(none, horizon_days=9).empty
    assert survival.nelson_aalen(none).empty
    assert np.isnan([survival.active_at(none, day=3).value, survival.quantile_days(none).value]).all()
    assert np.isnan(survival.restricted_mean(none, horizon_days=3).value)
