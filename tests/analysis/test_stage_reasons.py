"""What goes with leaving inside each stage, and whether a model holds on later users: by hand and on chosen worlds."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from activity_log import user_days, users
from opsbook.analysis import cox_check, stage_reasons
from opsbook.errors import ParameterError
from opsbook.inputs.workbook import StageRule
from survival_data import counted, from_rows

RULES = [StageRule(stage="sleeping", min_silent_days=4), StageRule(stage="growth")]
ASKED = {"rules": RULES, "day": date(2026, 3, 10), "as_of": date(2026, 4, 30), "churn_after_days": 10}


def test_durations_from_a_day_by_stage(table, same):
    """1 stays to the end; 2 leaves on 12 March; 3 sleeps and wakes; 4 sleeps for good; 5 had left before."""
    log = table("""
        user | day
        1    | 2026-03-09
        1    | 2026-03-18
        1    | 2026-03-27
        1    | 2026-04-05
        1    | 2026-04-14
        1    | 2026-04-23
        2    | 2026-03-10
        2    | 2026-03-12
        3    | 2026-03-05
        3    | 2026-03-13
        4    | 2026-03-04
        5    | 2026-02-20
        5    | 2026-03-20
    """)
    days = user_days(log).assign(orders=lambda t: (t["user"] == 2).astype(int))
    people = users(log, dict.fromkeys(range(1, 6), "2026-01-01")).assign(channel=["ads", "web", "ads", "web", "ads"])
    found = stage_reasons.durations(days, people, covariates=["channel"], **ASKED)
    same(
        found,
        """
        stage    | duration_days | channel | churned | censored
        growth   | 2             | web     | 1       | 0
        growth   | 41            | ads     | 0       | 1
        sleeping | 0             | web     | 1       | 0
        sleeping | 3             | ads     | 1       | 0
        """,
    )
    assert found["recent_orders"].tolist() == ["1+", "0", "0", "0"]


def test_a_covariate_found_out_later_is_refused(table):
    """The last active day cannot explain who leaves."""
    log = table("user | day\n1 | 2026-03-09")
    with pytest.raises(ParameterError, match="immortal"):
        stage_reasons.durations(user_days(log).assign(orders=0), users(log), covariates=["last_active_day"], **ASKED)


def stage(random, name, *, ratio, size=600):
    """Users of one stage; those with orders leave at `ratio` times the risk of the others."""
    x = random.integers(0, 2, size)
    life = random.exponential(20, size) / ratio**x
    day = np.minimum(np.floor(life), 40).astype(int)
    rows = from_rows(day, life < 40, recent_orders=np.where(x == 1, "1+", "0"), channel=random.choice(["a", "b"], size))
    return counted(rows.assign(stage=name))


def test_each_stage_has_its_own_reason():
    """Orders go with staying among the mature and with nothing in growth; a stage with few leavers is not asked."""
    random = np.random.default_rng(3)
    rows = pd.concat([stage(random, "mature", ratio=0.5), stage(random, "growth", ratio=1.0),
                      stage(random, "introduction", ratio=0.5, size=30)])  # fmt: skip
    found = stage_reasons.reasons(rows, covariates=["channel"])
    told = stage_reasons.seeds(rows, found).set_index("stage")
    assert told["case"].to_dict() == {"introduction": "few", "growth": "unclear", "mature": "clear"}
    row = told.loc["mature"]
    assert (row["covariate"], {row["level"], row["reference"]}) == ("recent_orders", {"0", "1+"})
    ratio = row["hazard_ratio"] if row["level"] == "1+" else 1 / row["hazard_ratio"]
    assert ratio == pytest.approx(0.5, abs=0.12)


def test_a_stage_of_users_who_are_all_alike_has_no_reason():
    """With one level of everything there is nothing to compare, and the stage says so."""
    rows = stage(np.random.default_rng(1), "mature", ratio=1.0).assign(recent_orders="0", channel="a")
    rows = rows.groupby(["stage", "duration_days", "channel", "recent_orders"], as_index=False).sum()
    found = stage_reasons.reasons(rows, covariates=["channel"])
    assert found.empty
    assert stage_reasons.seeds(rows, found)["case"].tolist() == ["few"]


def test_hazard_ratios_inside_a_stage_cover_the_truth():
    """Simulated truth: 93-97 of 100 intervals hold the ratio of 0.6, and equal users are claimed in 3-7 of 100."""
    random, held, claimed = np.random.default_rng(4), [], []
    for _company in range(300):
        found = stage_reasons.reasons(stage(random, "mature", ratio=0.6, size=300), covariates=["channel"])
        row = found[found["covariate"] == "recent_orders"].iloc[0]
        held.append(row["low"] <= (0.6 if row["level"] == "1+" else 1 / 0.6) <= row["high"])
        null = stage_reasons.reasons(stage(random, "growth", ratio=1.0, size=300), covariates=["channel"])
        claimed.append((null["p_holm"] < 0.05).any())
    assert 0.93 <= np.mean(held) <= 0.97
    assert 0.03 <= np.mean(claimed) <= 0.07


def cohort(random, *, ratio=2.0, scale=40.0, size=3000):
    """Users with risks by two covariates, watched for 90 days."""
    x, y = random.integers(0, 2, size), random.integers(0, 2, size)
    life = random.exponential(scale, size) / ratio**x / 1.5**y
    day = np.minimum(np.floor(life), 90).astype(int)
    columns = {"x": np.where(x == 1, "yes", "no"), "y": np.where(y == 1, "yes", "no")}
    return counted(from_rows(day, life < 90, **columns))


ABOUT = {"covariates": ["x", "y"], "within_days": 30}


def test_a_model_of_the_same_world_can_be_trusted():
    """Later users of the same law: ranked better than chance, levels met in the bands, in most of 20 worlds."""
    random, cases, inside = np.random.default_rng(5), [], []
    for _world in range(20):
        table, trust = cox_check.calibration(cohort(random), cohort(random), **ABOUT)
        cases.append(trust.case)
        inside.append(table["inside"].mean())
    assert cases.count("both") >= 15
    assert np.mean(inside) >= 0.75
    assert table["predicted"].is_monotonic_increasing


def test_a_world_that_leaves_faster_keeps_the_ranking_only():
    """Twice the risk for everybody: who leaves first is still told, how many is not."""
    random = np.random.default_rng(6)
    _table, trust = cox_check.calibration(cohort(random), cohort(random, scale=20.0), **ABOUT)
    assert trust.case == "ranking"
    assert trust.observed.low > trust.predicted


def test_a_world_without_the_reasons_keeps_nothing():
    """Later users whose risk no longer depends on what the model learnt: no trust."""
    random = np.random.default_rng(7)
    later = cohort(random).assign(x="no", y="no")
    assert cox_check.calibration(cohort(random), later, **ABOUT)[1].case in ("none", "ranking")
    shuffled = cohort(random, ratio=1.0, size=400).assign(y="no")
    assert cox_check.calibration(cohort(random), shuffled, **ABOUT)[1].case != "both"


def test_few_users_cannot_tell():
    """Fewer than a hundred later users, or no estimate: few."""
    random = np.random.default_rng(8)
    assert cox_check.calibration(cohort(random), cohort(random, size=60), **ABOUT)[1].case == "few"
    assert cox_check.calibration(cohort(random).assign(x="no", y="no"), cohort(random), **ABOUT)[1].case == "few"
