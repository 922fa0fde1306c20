"""Survival curves from counted durations."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter, NelsonAalenFitter

import survival_data as data
from opsbook.analysis import hazard, life_table, segment_survival, survival, survival_time

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


def test_open_university_withdrawals(shared):
    """OULAD: 29,496 registrations, 6,974 withdrawals and S at 30/60/120/180/234 days, to 1e-9 (R survival 3.5)."""
    rows = data.oulad(shared("oulad_student_registration.csv.gz"), shared("oulad_courses.csv.gz"))
    durations = data.counted(data.from_rows(rows["t"], rows["left"]))
    assert (life_table.users(durations), durations["churned"].sum()) == (29_496, 6_974)
    expected = [0.931177108761, 0.893714401953, 0.840012205045, 0.789090046108, 0.765256305940]
    np.testing.assert_allclose([active(durations, day) for day in (30, 60, 120, 180, 234)], expected, atol=1e-9)


def test_open_university_with_delayed_entry(shared):
    """OULAD entering at registration: 29,486 rows and S at 30/120/234 days, to 1e-9 (R survival 3.5)."""
    rows = data.oulad(shared("oulad_student_registration.csv.gz"), shared("oulad_courses.csv.gz"))
    rows = rows[rows["date_registration"].notna()].assign(entry=lambda r: r["date_registration"].clip(lower=0))
    rows = rows[rows["t"] > rows["entry"]]
    durations = data.counted(data.from_rows(rows["t"], rows["left"], entry=rows["entry"]))
    assert life_table.users(durations) == 29_486
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
    ours = hazard.nelson_aalen(rows)["cumulative_hazard"]
    np.testing.assert_allclose(ours, np.ravel(hazards.cumulative_hazard_.loc[at]), atol=1e-12)


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


def test_a_share_beyond_the_last_day_watched_is_missing():
    """Nothing is said about day 50 when the last patient was watched until day 35."""
    assert np.isnan(active(SIX_MP, 50))


def test_an_empty_table_gives_empty_answers():
    """Without users every curve is empty with its columns and every number is missing."""
    none = SIX_MP.iloc[:0].assign(segment="a")
    assert list(survival.kaplan_meier(none)) == COLUMNS
    assert survival.survival_curve(none, horizon_days=9).empty
    assert segment_survival.curves(none, by="segment", horizon_days=9).empty
    assert segment_survival.restricted_means(none, by="segment", horizon_days=9).empty
    assert hazard.hazard(none, horizon_days=9).empty
    assert hazard.nelson_aalen(none).empty
    assert np.isnan([survival.active_at(none, day=3).value, survival_time.quantile_days(none).value]).all()
    assert np.isnan(survival_time.restricted_mean(none, horizon_days=3).value)
