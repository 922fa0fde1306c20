"""Cumulative incidence of competing ends."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

import survival_data as data
from opsbook.analysis import competing, survival


def mgus2(path) -> pd.DataFrame:
    raw = pd.read_csv(path)
    days = np.where(raw["pstat"] == 1, raw["ptime"], raw["futime"])
    cause = np.where(raw["pstat"] == 1, "progression", np.where(raw["death"] == 1, "death", ""))
    return pd.DataFrame({"duration_days": days, "cause": cause, "users": 1})


def test_gammopathy_progression_and_death(shared):
    """mgus2 at 60/120/240 months, progression and death, to 1e-10 (R survival 3.5)."""
    incidence = competing.cumulative_incidence(mgus2(shared("ref_mgus2.csv.gz")))
    at = [competing.incidence_at(incidence, day=month).set_index("cause")["share"] for month in (60, 120, 240)]
    expected = [0.0341037129743, 0.0637221680131, 0.0998137159355]
    np.testing.assert_allclose([row["progression"] for row in at], expected, atol=1e-10)
    expected = [0.320367010268, 0.531817704080, 0.724027976143]
    np.testing.assert_allclose([row["death"] for row in at], expected, atol=1e-10)


FROZEN = json.loads((Path(__file__).parents[1] / "r" / "competing.json").read_text())


def patients(raw: pd.DataFrame, part: str) -> pd.DataFrame:
    """mgus2 as a whole, one sex of it, or everybody seen only from a month of their own on."""
    ends = mgus2(raw)
    if part == "delayed":
        ends = ends.assign(entry_days=(np.arange(1, len(ends) + 1) * 7) % 24)
        return ends[ends["duration_days"] > ends["entry_days"]]
    return ends if part == "whole" else ends[(pd.read_csv(raw)["sex"] == part).to_numpy()]


@pytest.mark.parametrize("part", ["whole", "delayed", "F", "M"])
def test_shares_and_standard_errors_are_those_of_r(shared, part):
    """mgus2, whole, by sex and with delayed entry: shares to 1e-10 (R survfit of a multi-state factor).

    R's standard error is the infinitesimal jackknife; Marubini's closed form agrees with it to a fiftieth.
    """
    incidence = competing.cumulative_incidence(patients(shared("ref_mgus2.csv.gz"), part))
    for place, month in enumerate(FROZEN["months"]):
        told = competing.incidence_at(incidence, day=month).set_index("cause")
        for cause in ("progression", "death"):
            assert told.loc[cause, "share"] == pytest.approx(FROZEN[part][cause][place], abs=1e-10)
            expected = FROZEN[part][f"{cause}_error"][place]
            assert told.loc[cause, "standard_error"] == pytest.approx(expected, rel=0.02)


@data.LAWS
@given(data.users(late=True))
def test_all_roads_and_those_still_active_add_up_to_one(rows):
    """On every day the shares of the causes and the survival share sum to 1, also with late entries."""
    ends = rows.assign(cause=rows["segment"].where(rows["churned"] == 1, ""), users=1)
    incidence = competing.cumulative_incidence(ends)
    steps = survival.kaplan_meier(rows).set_index("duration_days")["active"]
    total = incidence.groupby("duration_days")["share"].sum()
    np.testing.assert_allclose(total + steps.reindex(total.index), 1, atol=1e-12)


@data.LAWS
@given(data.users(late=True))
def test_a_single_road_is_one_minus_the_survival_curve(rows):
    """With one cause the incidence is 1 - S and its s.e. is Greenwood's."""
    ends = rows.assign(cause=np.where(rows["churned"] == 1, "left", ""), users=1)
    incidence = competing.cumulative_incidence(ends)
    if rows["churned"].sum():
        steps = survival.kaplan_meier(rows)
        np.testing.assert_allclose(incidence["share"], 1 - steps["active"], atol=1e-12)
        alive = steps["active"] > 1e-9
        np.testing.assert_allclose(incidence["standard_error"][alive], steps["standard_error"][alive], atol=1e-9)


def test_the_standard_error_has_the_size_of_a_bootstrap(shared):
    """mgus2: the closed-form s.e. at 120 months is within a seventh of 100 resamples of the patients."""
    ends = mgus2(shared("ref_mgus2.csv.gz"))
    row = competing.incidence_at(competing.cumulative_incidence(ends), day=120).set_index("cause").loc["progression"]
    random = np.random.default_rng(7)
    draws = [ends.assign(users=random.multinomial(len(ends), [1 / len(ends)] * len(ends))) for _ in range(100)]
    again = [competing.incidence_at(competing.cumulative_incidence(d), day=120).set_index("cause") for d in draws]
    assert np.std([a.loc["progression", "share"] for a in again]) == pytest.approx(row["standard_error"], rel=0.14)
    assert row["low"] < row["share"] < row["high"]


def test_without_ends_there_are_no_rows():
    """Nobody, or nobody who left, gives an empty table with its columns."""
    nobody = pd.DataFrame({"duration_days": [3], "cause": [""], "users": [5]})
    for ends in (nobody, nobody.iloc[:0]):
        assert list(competing.cumulative_incidence(ends)) == competing.COLUMNS
        assert competing.cumulative_incidence(ends).empty
