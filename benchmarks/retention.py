"""Notebook 02 from the mart, and the same tables from plain pandas and lifelines on one row per user."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.statistics import multivariate_logrank_test

from benchmarks.case import Case, Frames
from benchmarks.events import DAYS, FIRST_DAY
from opsbook.analysis import churn, cohorts, cox, logrank, survival, time_to_churn
from opsbook.mart.mart import Mart

START = date.fromisoformat(FIRST_DAY)
END = START + timedelta(days=DAYS - 1)
TAU = 28
DIGITS = 5
RULE = {"as_of": END, "churn_after_days": TAU}
CURVE_DAYS = [0, 7, 30, 60, 90, 180]


def gaps(mart: Mart) -> pd.DataFrame:
    """Lengths of all silences."""
    return churn.gap_table(mart.user_days, as_of=END)


def gaps_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same by sorting and differencing."""
    visits = frames.user_days[["user", "day"]].sort_values(["user", "day"], ignore_index=True)
    following = visits["day"].shift(-1).where(visits["user"] == visits["user"].shift(-1))
    closed = following.notna()
    days = (following.fillna(pd.Timestamp(END)) - visits["day"]).dt.days
    table = pd.DataFrame({"gap_days": days, "returned": closed, "open": ~closed}).groupby("gap_days").sum()
    return table.reset_index().astype("int64")


def durations(mart: Mart) -> pd.DataFrame:
    """Time to churn, counted."""
    return time_to_churn.durations(mart.user_days, mart.users, **RULE)


def durations_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same from one row per user."""
    lives = _lives(frames)
    counted = lives.groupby(["entry_days", "duration_days"])["churned"].agg(["sum", "size"]).reset_index()
    counted["censored"] = counted["size"] - counted["sum"]
    return counted.rename(columns={"sum": "churned"}).drop(columns="size").astype("int64")


def curve(mart: Mart) -> pd.DataFrame:
    """Kaplan-Meier with its interval."""
    steps = survival.survival_curve(durations(mart), horizon_days=180).set_index("day").loc[CURVE_DAYS]
    return steps[["active", "active_low", "active_high"]].reset_index()


def curve_by_lifelines(frames: Frames) -> pd.DataFrame:
    """The same by lifelines on rows."""
    lives = _lives(frames)
    fit = KaplanMeierFitter().fit(lives["duration_days"].astype(float), lives["churned"], entry=lives["entry_days"])
    band = fit.confidence_interval_survival_function_
    names = ["active", "active_low", "active_high"]
    table = pd.concat([fit.survival_function_, band], axis=1).reindex(CURVE_DAYS, method="pad")
    return table.set_axis(names, axis=1).rename_axis("day").reset_index()


def segments(mart: Mart) -> pd.DataFrame:
    """Log-rank test by channel of users watched from their first day."""
    split = time_to_churn.durations(mart.user_days, mart.users, by=["channel"], **RULE)
    result = logrank.test(split[split["entry_days"] == 0], by="channel")
    return pd.DataFrame({"chi2": [result.chi2], "p": [result.p]})


def segments_by_lifelines(frames: Frames) -> pd.DataFrame:
    """The same by lifelines on rows."""
    lives = _lives(frames).query("entry_days == 0")
    result = multivariate_logrank_test(lives["duration_days"].astype(float), lives["channel"], lives["churned"])
    return pd.DataFrame({"chi2": [result.test_statistic], "p": [result.p_value]})


def model(mart: Mart) -> pd.DataFrame:
    """Cox regression on channel and platform, exact Efron from counts."""
    counted = time_to_churn.durations(mart.user_days, mart.users, by=["channel", "platform"], **RULE)
    table = cox.fit(counted[counted["entry_days"] == 0], covariates=["channel", "platform"]).table
    compared = table[~table["is_reference"]].sort_values(["covariate", "level"], ignore_index=True)
    return compared[["covariate", "level", "coefficient"]].round({"coefficient": DIGITS})


def model_by_lifelines(frames: Frames) -> pd.DataFrame:
    """The same by lifelines on rows, past the small relative change of the likelihood at which it would stop."""
    lives = _lives(frames).query("entry_days == 0")
    names = [(name, level) for name in ("channel", "platform") for level in _levels(lives[name])]
    rows = pd.DataFrame({f"{name}={level}": (lives[name] == level).astype(float) for name, level in names})
    rows = rows.assign(t=lives["duration_days"].to_numpy(float) + 1, e=lives["churned"].to_numpy())
    found = CoxPHFitter().fit(rows, "t", "e", fit_options={"r_precision": 1e-16}).params_
    table = pd.DataFrame(names, columns=["covariate", "level"])
    return table.assign(coefficient=[round(found[f"{name}={level}"], DIGITS) for name, level in names])


def grid(mart: Mart) -> pd.DataFrame:
    """Weekly cohort triangle, complete cells."""
    cells = cohorts.retained_on(mart.user_days, mart.users, window=cohorts.Window("week", START, END), last_age=12)
    return cells.loc[cells["complete"], ["cohort", "age", "users", "retained"]].reset_index(drop=True)


def grid_in_pandas(frames: Frames) -> pd.DataFrame:
    """The same by one row per user and week."""
    users = frames.users[(frames.users["life_start"] != "unknown") & (frames.users["first_day"] <= pd.Timestamp(END))]
    born = users.set_index("user")["first_day"].dt.to_period("W").dt.start_time
    visits = frames.user_days[["user", "day"]].assign(week=frames.user_days["day"].dt.to_period("W").dt.start_time)
    visits = visits[["user", "week"]].drop_duplicates()
    cohort = visits["user"].map(born)
    age = (visits["week"] - cohort).dt.days // 7
    counts = pd.DataFrame({"cohort": cohort, "age": age}).dropna().value_counts().rename("retained")
    cells = pd.MultiIndex.from_product([np.sort(born.unique()), range(13)], names=["cohort", "age"])
    table = counts.reindex(cells, fill_value=0).reset_index()
    table.insert(2, "users", table["cohort"].map(born.value_counts()))
    ends = table["cohort"] + pd.to_timedelta(7 * (table["age"] + 1) - 1, unit="D")
    return table[(table["cohort"] >= pd.Timestamp(START)) & (ends <= pd.Timestamp(END))].reset_index(drop=True)


def _lives(frames: Frames) -> pd.DataFrame:
    """One row per user at risk: channel, platform, entry_days, duration_days, churned, by the rule in plain sight."""
    as_of, tau = pd.Timestamp(END), pd.Timedelta(days=TAU)
    people = frames.users[(frames.users["life_start"] != "unknown") & (frames.users["first_day"] <= as_of - tau)]
    born = people.set_index("user")["first_day"]
    visits = frames.user_days[["user", "day"]].sort_values(["user", "day"], ignore_index=True)
    visits = visits[visits["day"] >= visits["user"].map(born)]
    following = visits.groupby("user")["day"].shift(-1)
    long = (following - visits["day"] > tau) | (following.isna() & (as_of - visits["day"] >= tau))
    first = visits.groupby("user")["day"].min().reindex(people["user"])
    churn_day = visits[long].groupby("user")["day"].min().reindex(people["user"])
    begin, entry = people["first_day"].to_numpy(), people["entry_day"].to_numpy()
    quiet = first.isna() | (first - begin > tau)
    churn_day = churn_day.mask((quiet & (begin == entry)).to_numpy(), pd.Series(begin, index=churn_day.index))
    end = churn_day.fillna(as_of - tau)
    late_quiet = (begin < entry) & (first.isna() | (first - entry >= tau) | (end <= entry)).to_numpy()
    days = {"entry_days": (entry - begin) // np.timedelta64(1, "D"), "duration_days": (end - begin).dt.days.to_numpy()}
    lives = people[["channel", "platform"]].assign(**days, churned=churn_day.notna().to_numpy())
    return lives[~late_quiet]


def _levels(column: pd.Series) -> list[str]:
    counts = column.value_counts()
    order = sorted(counts.index, key=lambda name: (-counts[name], name))
    return sorted(order[1:])


BOTH = ("user_days", "users")
CASES = [
    Case("lengths of all silences", gaps, gaps_in_pandas),
    Case("time to churn, counted", durations, durations_in_pandas, BOTH),
    Case("survival curve | lifelines", curve, curve_by_lifelines, BOTH),
    Case("log-rank by channel | lifelines", segments, segments_by_lifelines, BOTH),
    Case("Cox by channel and platform | lifelines", model, model_by_lifelines, BOTH),
    Case("weekly cohort triangle", grid, grid_in_pandas, BOTH),
]
