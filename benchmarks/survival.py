"""Notebook 02's estimators on a million users: from counts, beside lifelines and R on rows, with equal results."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from lifelines import CoxPHFitter, KaplanMeierFitter, NelsonAalenFitter
from lifelines.statistics import multivariate_logrank_test
from lifelines.utils import restricted_mean_survival_time

from benchmarks.lives import CAUSES, COVARIATES, read_lives, write_lives
from benchmarks.measure import Measured, measure
from opsbook.analysis import competing, cox, hazard, logrank, segment_survival, survival
from opsbook.inputs.sources import without_progress_bar

DAYS = [0, 7, 30, 60, 90, 180]
HORIZON = 180
R_SCRIPT = Path(__file__).with_suffix(".R")
HEAD = f"{'from counts | lifelines and R on rows':<40}{'count s':>9}{'s':>7}{'MB':>7}"
TITLE = f"{HEAD}{'s':>10}{'MB':>7}{'lifelines':>10}{'s':>9}{'R':>9}"


def lives_of(folder: Path) -> ir.Table:
    """One row per user, read by the engine."""
    con = ibis.duckdb.connect()
    without_progress_bar(con)
    return con.read_parquet(folder / "lives.parquet")


def counted(folder: Path, *by: str, late: bool = True) -> pd.DataFrame:
    """The users of the file counted by entry, duration and `by`; without `late` those watched from their first day."""
    lives = lives_of(folder) if late else lives_of(folder).filter(ibis._.entry_days == 0)
    groups = lives.group_by(["entry_days", "duration_days", *by])
    return groups.agg(churned=lives.churned.sum(), censored=(1 - lives.churned).sum()).to_pandas()


def by_channel(folder: Path) -> pd.DataFrame:
    """Users watched from their first day, counted by channel."""
    return counted(folder, "channel", late=False)


def by_covariates(folder: Path) -> pd.DataFrame:
    """Users watched from their first day, counted by all covariates."""
    return counted(folder, *COVARIATES, late=False)


def all_by_covariates(folder: Path) -> pd.DataFrame:
    """All users, counted by all covariates."""
    return counted(folder, *COVARIATES)


def ends(folder: Path) -> pd.DataFrame:
    """Users watched from their first day, counted by how they left."""
    lives = lives_of(folder).filter(ibis._.entry_days == 0)
    table = lives.group_by(["duration_days", "cause"]).agg(users=lives.count()).to_pandas()
    names = dict(enumerate(["", *(f"{place} {name}" for place, name in enumerate(CAUSES))]))
    return table.assign(cause=table["cause"].map(names))


def rows_of(folder: Path) -> pd.DataFrame:
    """One row per user in memory, for lifelines; the covariates also as columns of 0 and 1."""
    lives = read_lives(folder)
    levels = {
        f"{name}={level}": lives[name] == level for name in COVARIATES for level in lives[name].cat.categories[1:]
    }
    return pd.concat([lives, pd.DataFrame(levels).astype(float)], axis=1)


def curve(durations: pd.DataFrame) -> pd.DataFrame:
    """Kaplan-Meier with late entries and its interval, on six days."""
    table = survival.survival_curve(durations, horizon_days=max(DAYS)).set_index("day").loc[DAYS]
    return table[["active", "active_low", "active_high"]].reset_index(drop=True)


def curve_by_lifelines(rows: pd.DataFrame) -> pd.DataFrame:
    """The same on rows."""
    fit = KaplanMeierFitter().fit(rows["duration_days"].astype(float), rows["churned"], entry=rows["entry_days"])
    table = pd.concat([fit.survival_function_, fit.confidence_interval_survival_function_], axis=1)
    return table.reindex(DAYS, method="pad").set_axis(["active", "active_low", "active_high"], axis=1)


def hazards(durations: pd.DataFrame) -> pd.DataFrame:
    """Nelson-Aalen with late entries, on six days."""
    table = hazard.nelson_aalen(durations).set_index("duration_days").loc[DAYS]
    return table[["cumulative_hazard"]]


def hazards_by_lifelines(rows: pd.DataFrame) -> pd.DataFrame:
    """The same on rows."""
    fit = NelsonAalenFitter(nelson_aalen_smoothing=False)
    fit.fit(rows["duration_days"].astype(float), rows["churned"], entry=rows["entry_days"])
    return fit.cumulative_hazard_.reindex(DAYS, method="pad").set_axis(["cumulative_hazard"], axis=1)


def means(durations: pd.DataFrame) -> pd.DataFrame:
    """Restricted mean days by channel, with Greenwood's standard error."""
    table = segment_survival.restricted_means(durations, by="channel", horizon_days=HORIZON)
    return table.sort_values("channel")[["days", "standard_error"]]


def means_by_lifelines(rows: pd.DataFrame) -> pd.DataFrame:
    """The means on rows; the variance of lifelines is another one."""
    first = rows[rows["entry_days"] == 0]
    fits = [
        KaplanMeierFitter().fit(part["duration_days"].astype(float), part["churned"])
        for _, part in first.groupby("channel", observed=True)
    ]
    return pd.DataFrame({"days": [restricted_mean_survival_time(fit, t=HORIZON) for fit in fits]})


def segments(durations: pd.DataFrame) -> pd.DataFrame:
    """Log-rank test by channel."""
    return pd.DataFrame({"chi2": [logrank.test(durations, by="channel").chi2]})


def segments_by_lifelines(rows: pd.DataFrame) -> pd.DataFrame:
    """The same on rows."""
    first = rows[rows["entry_days"] == 0]
    test = multivariate_logrank_test(first["duration_days"].astype(float), first["channel"], first["churned"])
    return pd.DataFrame({"chi2": [test.test_statistic]})


def roads(durations: pd.DataFrame) -> pd.DataFrame:
    """Cumulative incidence of three causes, on five days; without lifelines, which moves tied users apart by chance."""
    table = competing.cumulative_incidence(durations)
    return table[table["duration_days"].isin(DAYS[1:])][["share", "standard_error"]]


def model(durations: pd.DataFrame) -> pd.DataFrame:
    """Cox regression on ten covariates, exact Efron from counts; level by level in the order of lives.py."""
    table = cox.fit(durations, covariates=list(COVARIATES)).table
    table = table[table["level"] != "a"].sort_values("level", kind="stable").set_index("covariate")
    return table.loc[list(COVARIATES), ["coefficient", "standard_error"]]


def model_by_lifelines(rows: pd.DataFrame) -> pd.DataFrame:
    """The same on rows of users watched from their first day."""
    return _cox_by_lifelines(rows[rows["entry_days"] == 0])


def model_late_by_lifelines(rows: pd.DataFrame) -> pd.DataFrame:
    """The same on rows, with late entries."""
    return _cox_by_lifelines(rows, entry_col="entry")


def _cox_by_lifelines(rows: pd.DataFrame, **entry: str) -> pd.DataFrame:
    levels = [name for name in rows if "=" in name]
    # lifelines wants positive times: everybody a day later, but those watched from the first day enter at 0
    data = rows[levels].assign(t=rows["duration_days"] + 1.0, e=rows["churned"])
    data = data.assign(entry=rows["entry_days"] + (rows["entry_days"] > 0)) if entry else data
    fit = CoxPHFitter().fit(data, "t", "e", **entry)
    return pd.DataFrame({"coefficient": fit.params_[levels], "standard_error": fit.standard_errors_[levels]})


@dataclass(frozen=True)
class Estimator:
    """A name, the key in R's results, counting, the work from counts, the same by lifelines, and how equal they are."""

    name: str
    key: str
    count: Callable[..., pd.DataFrame]
    ours: Callable[[pd.DataFrame], pd.DataFrame]
    lifelines: Callable[[pd.DataFrame], pd.DataFrame] | None
    tolerance: float


ESTIMATORS = [
    Estimator("Kaplan-Meier, late entries, interval", "curve", counted, curve, curve_by_lifelines, 1e-9),
    Estimator("Nelson-Aalen, late entries", "hazards", counted, hazards, hazards_by_lifelines, 1e-9),
    Estimator("restricted means of five channels", "means", by_channel, means, means_by_lifelines, 1e-7),
    Estimator("log-rank test of five channels", "segments", by_channel, segments, segments_by_lifelines, 1e-6),
    Estimator("Aalen-Johansen, three causes", "roads", ends, roads, None, 1e-9),
    Estimator("Cox, ten covariates, 29 levels", "model", by_covariates, model, model_by_lifelines, 1e-5),
    Estimator("the same with late entries", "model_late", all_by_covariates, model, model_late_by_lifelines, 1e-5),
]


def by_r(folder: Path) -> dict[str, dict]:
    """Seconds and results of R by case; empty where R or its packages are missing."""
    found = shutil.which("Rscript")
    if not found:
        return {}
    levels = [text for name, size in COVARIATES.items() for text in (name, str(size))]
    told = subprocess.run([found, str(R_SCRIPT), str(folder), *levels], capture_output=True, text=True, check=False)
    if "there is no package called" in told.stderr:
        return {}
    if told.returncode:
        raise RuntimeError(told.stderr)
    return json.loads(told.stdout)


def compare(home: Path, *, users: int) -> None:
    """Print one line per estimator; fail when a result differs."""
    folder = write_lives(home.resolve(), users=users)
    r = by_r(folder)
    print(
        f"\n{users:,} users with durations in days" + ("" if r else "; R with survival and jsonlite is not installed")
    )
    print(TITLE)
    for place, case in enumerate(ESTIMATORS):
        counting = measure(count, place, folder, repeat=1)
        ours = measure(estimate, place, folder, prepare=load_counts, repeat=1)
        theirs = measure(run_lifelines, place, folder, prepare=load_rows, repeat=1) if case.lifelines else None
        if theirs:
            assert_equal(case, ours.result, theirs.result)
        if r:
            assert_equal(case, ours.result, pd.DataFrame(r[case.key]["result"], index=range(len(ours.result))))
        print(line(case.name, counting, ours, theirs, r.get(case.key, {}).get("seconds")), flush=True)


def assert_equal(case: Estimator, ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """The columns that both give are the same numbers."""
    np.testing.assert_allclose(
        ours[list(theirs)].to_numpy(), theirs.to_numpy(), rtol=case.tolerance, atol=case.tolerance, err_msg=case.name
    )


def line(name: str, counting: Measured, ours: Measured, theirs: Measured | None, r_seconds: float | None) -> str:
    """One printed row: seconds and memory, and how many times lifelines and R take beside counting and estimating."""
    seconds = counting.seconds + ours.seconds
    text = f"{name:<40}{counting.seconds:>9.2f}{ours.seconds:>7.2f}{max(counting.peak_mb, ours.peak_mb):>7.0f}"
    blank = " " * 27
    text += f"{theirs.seconds:>10.2f}{theirs.peak_mb:>7.0f}{theirs.seconds / seconds:>9.1f}x" if theirs else blank
    return text if r_seconds is None else f"{text}{r_seconds:>9.2f}{r_seconds / seconds:>8.1f}x"


def count(place: int, folder: Path) -> pd.DataFrame:
    """Counting alone, from the file."""
    return ESTIMATORS[place].count(folder)


def load_counts(place: int, folder: Path) -> tuple[int, pd.DataFrame]:
    """Counts in memory before the estimator is timed."""
    return place, count(place, folder)


def estimate(loaded: tuple[int, pd.DataFrame]) -> pd.DataFrame:
    """The estimator's work on the counts."""
    return ESTIMATORS[loaded[0]].ours(loaded[1])


def load_rows(place: int, folder: Path) -> tuple[int, pd.DataFrame]:
    """Rows in memory before lifelines is timed."""
    return place, rows_of(folder)


def run_lifelines(loaded: tuple[int, pd.DataFrame]) -> pd.DataFrame:
    """The same by lifelines."""
    work = ESTIMATORS[loaded[0]].lifelines
    assert work is not None
    return work(loaded[1])
