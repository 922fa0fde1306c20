"""Intervals of the main headlines of one simulated company beside what they should cover, without any report."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from opsbook.analysis import (
    aha,
    churn,
    competing,
    cox,
    early,
    experiment,
    incrementality,
    landmark,
    ltv,
    roads,
    steady_state,
    survival,
    survival_time,
    time_to_churn,
)
from opsbook.inputs.workbook import Workbook, read_workbook
from opsbook.mart.build import ensure_mart
from opsbook.simulate import write_company

CHECKOUT = Path(__file__).parents[1]
RANDOMISED = ("spring_coupons", "mid_year_618", "checkin_challenge")
DAYS = (30, 90)


@dataclass(frozen=True)
class Company:
    """A simulated company, cleaned: its workbook, its mart and its truth."""

    book: Workbook
    mart: object
    truth: dict

    @property
    def user_tables(self) -> tuple:
        """Active days and users."""
        return self.mart.user_days, self.mart.users


def company(home: Path, *, seed: int, users: int) -> Company:
    """Write and clean a company with this seed."""
    truth = write_company(home / "data/demo", users=users, seed=seed)
    book = read_workbook(CHECKOUT / "params" / "workbook.yaml")
    return Company(book, ensure_mart(book, home=home), truth)


def all_intervals(one: Company) -> pd.DataFrame:
    """One row per quantity -- what, low, high, truth."""
    parts = [retention(one), channels(one), hazard_ratios(one), *(campaign(one, name) for name in RANDOMISED)]
    parts += [worth(one), at_rest(one), early_reading(one), roads_out(one)]
    return pd.DataFrame([row for rows in parts for row in rows])


def retention(one: Company) -> list[dict]:
    """False churn, survival, median and restricted mean of everybody."""
    rule, told = {"as_of": one.mart.as_of, "churn_after_days": 21}, one.truth["survival"]
    gaps = churn.false_churn(churn.gap_table(one.mart.user_days, as_of=one.mart.as_of)).set_index("threshold_days")
    rows = [
        _row(f"false churn at {g}", *gaps.loc[g, ["low", "high"]], told["false_churn"][str(g)]) for g in (14, 21, 30)
    ]
    durations = time_to_churn.durations(*one.user_tables, **rule)
    for day in DAYS:
        at = survival.active_at(durations, day=day)
        rows.append(_row(f"S({day})", at.low, at.high, _at(told, "all", day)))
    mean, median = survival_time.restricted_mean(durations, horizon_days=180), survival_time.quantile_days(durations)
    rows.append(_row("restricted mean", mean.low, mean.high, told["restricted_mean_days"]["not_silent_21"]))
    return [*rows, _row("median", median.low, median.high, told["median_days"]["21"])]


def channels(one: Company) -> list[dict]:
    """Share not silent after 90 days, by channel."""
    rule = {"as_of": one.mart.as_of, "churn_after_days": 21, "by": ["channel"]}
    split = time_to_churn.durations(*one.user_tables, **rule)
    rows = []
    for channel in sorted(one.truth["channels"]):
        at = survival.active_at(split[split["channel"] == channel], day=90)
        rows.append(_row(f"S(90) of {channel}", at.low, at.high, _at(one.truth["survival"], channel, 90)))
    return rows


def roads_out(one: Company) -> list[dict]:
    """Share gone by each road within 30 and 90 days."""
    told = one.truth["exits"]["incidence"]
    incidence = competing.cumulative_incidence(
        roads.ends(*one.user_tables, as_of=one.mart.as_of, churn_after_days=told["churn_after_days"])
    )
    rows = []
    for day in DAYS:
        found = competing.incidence_at(incidence, day=day).set_index("cause")
        for road in ("silent", "unsubscribed", "refunded"):
            true = dict(zip(told["days"], told["all"][road], strict=True))[day]
            rows.append(_row(f"gone by {road} at {day}", *found.loc[road, ["low", "high"]], true))
    return rows


def hazard_ratios(one: Company) -> list[dict]:
    """Log hazard ratios of falling silent after the landmark, as notebook 02 fits them."""
    rule = {"as_of": one.mart.as_of, "churn_after_days": 21}
    lives = time_to_churn.user_lives(*one.user_tables, by=["channel", "platform"], **rule)
    counted = landmark.durations(lives, one.mart.user_days, landmark_days=14, early=["active_days", "orders"])
    counted = landmark.pooled(counted, min_cell=10)
    table = cox.fit(counted, covariates=landmark.covariates(counted)).table
    return hazard_rows(table, one.truth)


def hazard_rows(table: pd.DataFrame, truth: dict) -> list[dict]:
    """Each estimated level of a fitted table beside the least-false value of an endless population."""
    told = truth["silence_risk"]["log_hazard_ratio"]
    half = 1.959964 * table["standard_error"]
    table = table.assign(low=table["coefficient"] - half, high=table["coefficient"] + half)
    fitted = table[~table["is_reference"]].to_dict("records")
    return [
        _row(f"{row['covariate']} {row['level']}", row["low"], row["high"], told[row["covariate"]][row["level"]])
        for row in fitted
        if row["level"] in told[row["covariate"]]
    ]


def campaign(one: Company, name: str) -> list[dict]:
    """Net increments of a randomised campaign, in orders and yuan over the treated arm, and as a share."""
    told, mart = one.truth["campaigns"][name], one.mart
    span = {key: date.fromisoformat(told[key]) for key in ("start", "end")}
    trial = {"experiment_id": name, "control": "control", "after_days": 28}
    moments = experiment.arm_moments(experiment.units(mart.assignments, mart.user_days, **trial, **span))
    found = incrementality.increments(moments)
    rows = []
    for metric, unit in (("orders", "orders"), ("revenue", "yuan")):
        effect = told["effect_per_assigned_user"][unit]
        _, low, high = incrementality.total(found, metric=metric)
        rows.append(_row(f"net {metric} of {name}", low, high, effect["net"] * told["assigned_treatment"]))
    net = incrementality.ledger(found, metric="orders").set_index("window").loc["net"]
    share = told["relative_order_lift_net"]
    return [*rows, _row(f"net share of {name}", net["relative_low"], net["relative_high"], share)]


def worth(one: Company) -> list[dict]:
    """Net revenue per sign-up in the first days: all whole months together, and by channel after half a year."""
    seen = {"data_start": one.book.data_start, "settled_through": one.mart.as_of}
    told, signups = one.truth["expected_net_yuan_per_signup"], one.truth["facts"]["signups"]
    found = ltv.observed_ltv(one.mart.orders, one.mart.users, **seen).query("cohort == 'all'").set_index("window_days")
    rows = []
    for days in (30, 90, 180):
        months = {month: row[str(days)] for month, row in told["by_month"].items() if str(days) in row}
        true = sum(value * signups[month] for month, value in months.items()) / sum(signups[m] for m in months)
        rows.append(_row(f"value in {days} days", *found.loc[days, ["ltv_low", "ltv_high"]], true))
    curves = ltv.ltv_curves(one.mart.orders, one.mart.users, by="channel", horizon_days=180, **seen)
    for row in curves[curves["age_days"] == 179].to_dict("records"):
        true = told["by_channel_followed_days"]["180"].get(row["channel"], {}).get("180")
        if true is not None:
            rows.append(_row(f"value in 180 days of {row['channel']}", row["ltv_low"], row["ltv_high"], true))
    return rows


def at_rest(one: Company) -> list[dict]:
    """28-day actives if the weekly rates stay, and what one more point of week-1 retention adds."""
    end = one.mart.as_of
    patterns = steady_state.weekly_patterns(*one.user_tables, end=end, data_start=one.book.data_start)
    weeks, told = steady_state.chain_weeks(patterns, end=end), one.truth["steady_state"][str(end)]
    rates = steady_state.chain_rates(patterns, seed=1)
    level, gain = steady_state.steady_level(weeks, rates).iloc[0], steady_state.steady_gains(weeks, rates).iloc[0]
    return [
        _row("28-day actives at rest", level["steady_low"], level["steady_high"], told["steady"]),
        _row("gain of a point of week 1", gain["low"], gain["high"], told["week_1_point"]),
    ]


def early_reading(one: Company) -> list[dict]:
    """Who read three contents in the first week and was seen after it: difference in coming a month later."""
    book, mart = one.book, one.mart
    asked = {"settings": book.aha.model_copy(update={"permutations": 99}), "groups": book.event_groups, "seed": 1}
    seen = {"end": mart.as_of, "data_start": book.data_start, "settled_through": mart.as_of}
    table = aha.search(early.early_behaviour(mart.steps, mart.user_days, mart.users, **asked, **seen), seed=1)
    cell = table.query("item == 'read_content' and window_days == 7 and at_least == 3")
    true = one.truth["early_behaviour"]["read_3_contents_in_first_7_days"]["stayed_difference"]
    bounds = cell[["difference_low", "difference_high"]].to_numpy().tolist()
    return [_row("difference by early reading", *pair, true) for pair in bounds]


def _at(survival_truth: dict, group: str, day: int) -> float:
    return survival_truth["not_silent"]["21"][group][survival_truth["days"].index(day)]


def _row(what: str, low: float, high: float, truth: float) -> dict:
    return {"what": what, "low": low, "high": high, "truth": truth}
