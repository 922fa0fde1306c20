"""On the simulated company, every headline of every report agrees with the truth it was made from.

A count is the true one exactly; the strangers whom the check flags (they are in no users table) are in the truth too
and are added where the report counts them. An estimate's 95 % interval covers the truth. Nothing has a tolerance.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pandas as pd
import pytest
import yaml

from company_intervals import hazard_rows
from opsbook.analysis import memory

MONTH, MONTH_BEFORE, WEEK, WEEK_BEFORE = "2026-10", "2026-09", "2026-10-19", "2026-10-12"
MONTHLY = f"01_user_lifecycle/monthly/{MONTH}"
END, DAY = {"month": "2026-10-31", "week": "2026-10-25"}, pd.Timedelta(days=1)
WEEKLY = "01_user_lifecycle/weekly/2026-W43"
RETENTION = "02_retention_survival/weekly_cohorts/2026-04-01_2026-09-30"
SIGNUP_MONTHS, MONTH_BEFORE_SIGNUPS = pd.period_range("2026-04", "2026-09", freq="M").astype(str), "2026-03"
CAMPAIGNS = {
    "spring_coupons": "2026-03-09_2026-03-22",
    "mid_year_618": "2026-06-05_2026-06-18",
    "checkin_challenge": "2026-07-27_2026-08-09",
    "autumn_lottery": "2026-09-14_2026-09-27",
}
TESTS = {"ab_onboarding": "2025-11-01_2026-01-31", "ab_button": "2026-04-20_2026-05-10"}
PLAN = f"04_campaign_plan/mid_year_618/{CAMPAIGNS['mid_year_618']}"
STATUS = {"keep": "good", "no_effect": "neutral", "undecidable": "unknown"}
LOST = {"mid_year_618"}  # planted to move orders and add none, at a cost: it can only have lost money


@dataclass(frozen=True)
class Exact:
    """The value, and where one is told the previous value, are these to the last digit that a float holds."""

    value: float
    previous: float | None = None

    def check(self, number: dict) -> None:
        """Fail where the number of results.json is another one."""
        assert number["value"] == pytest.approx(self.value, rel=1e-9)
        if self.previous is not None:
            assert number["previous"] == pytest.approx(self.previous, rel=1e-9)


@dataclass(frozen=True)
class Covered:
    """The 95 % interval holds this."""

    truth: float

    def check(self, number: dict) -> None:
        """Fail where the number of results.json is another one."""
        assert number["low"] <= self.truth <= number["high"]


@dataclass(frozen=True)
class Untold:
    """No number is shown, because none may be read."""

    def check(self, number: dict) -> None:
        """Fail where the number of results.json is another one."""
        assert number["value"] is None


@dataclass(frozen=True)
class Foretold:
    """Of days that the simulated company has not lived: only what is possible can be asked of it here.

    tests/analysis/test_early_warning.py holds numbers of this kind against companies that lived on.
    """

    lowest: float
    highest: float

    def check(self, number: dict) -> None:
        """Fail where the interval does not hold the value or leaves what is possible."""
        assert self.lowest <= number["low"] <= number["value"] <= number["high"] <= self.highest


@dataclass(frozen=True)
class Between:
    """A number without an interval of its own, such as a planned size: it lies where the truth lets it."""

    lowest: float
    highest: float

    def check(self, number: dict) -> None:
        """Fail where the number of results.json leaves the span."""
        assert self.lowest <= number["value"] <= self.highest


Expected = dict[str, Exact | Covered | Untold | Foretold | Between]


def lifecycle(truth: dict, *, kind: str, period: str, before: str) -> Expected:
    """What notebook 01 should tell of one period."""
    told, strangers = truth["facts"]["periods"][kind], truth["dirt"]["events"]["orphan_lives"]["periods"][kind]
    now, then = ({k: v + strangers[p].get(k, 0) * (k != "days") for k, v in told[p].items()} for p in (period, before))
    way = [row for label, row in told.items() if label <= period and row["funnel_entered"]][-1]
    return {
        "active_users": Exact(now["active"], previous=then["active"]),
        "daily_users": Exact(now["user_days"] / now["days"]),
        "stickiness": Exact(now["sticky_user_days"] / 28 / now["sticky_users"]),
        "new_users": Exact(now["new"], previous=then["new"]),
        "retained": Exact(now["current"] / then["active"]),
        "quick_ratio": Exact((now["new"] + now["resurrected"]) / now["dormant"]),
        "paying": Exact(now["buyers"] / now["active"]),
        "activated": Exact(now["activated"] / now["whole_newcomers"]),
        "arpu": Exact(now["net_revenue_yuan"] / now["active"]),
        "invited": Exact(now["invited_users"] / now["new"]),
        "funnel_converted": Exact(way["funnel_converted"] / way["funnel_entered"]),
        "arppu": Exact(now["net_revenue_yuan"] / now["buyers"]),
    } | worth(truth, until=END[kind])


def worth(truth: dict, *, until: str) -> Expected:
    """What notebook 01 should tell of the future, seen from the last day of its period."""
    steady, future = truth["steady_state"][until], truth["expected_of_customers"]["from"][until]
    return {
        "steady_mau": Covered(steady["steady"]),
        "steady_week_1": Covered(steady["week_1_point"]),
        "ltv_90": Covered(value_in_days(90, truth, until)),
        "expected_orders": Covered(future["orders"]),
        "expected_value": Covered(future["net_yuan"]),
    }


def value_in_days(days: int, truth: dict, until: str) -> float:
    """Expected yuan per sign-up of all months whose last one could be watched for so many days."""
    expected, signups = truth["expected_net_yuan_per_signup"]["by_month"], truth["facts"]["signups"]
    whole = [m for m in expected if pd.Period(m).end_time + pd.Timedelta(days=days - 1) < pd.Timestamp(until) + DAY]
    return sum(expected[m][str(days)] * signups[m] for m in whole) / sum(signups[m] for m in whole)


def retention(truth: dict) -> Expected:
    """What notebook 02 should tell."""
    told, facts, strangers = truth["survival"], truth["facts"], truth["dirt"]["events"]["orphan_lives"]
    curve = dict(zip(told["days"], told["not_silent"]["21"]["all"], strict=True))
    both = [part["silent_users"]["21"][MONTH_BEFORE_SIGNUPS] for part in (facts, strangers)]
    silent = {name: sum(part[name] for part in both) for name in both[0]}
    return {
        "threshold": Exact(21),
        "false_churn": Covered(told["false_churn"]["21"]),
        "came_back": Exact(silent["came_back"] / silent["silent"]),
        **{f"day_{n}": Exact(retained_on(n, facts, strangers)) for n in (7, 30)},
        "later_30": Between(retained_on(30, facts, strangers), curve[30] + told["false_churn"]["21"] * (1 - curve[30])),
        "active_90": Covered(curve[90]),
        "median": Covered(told["median_days"]["21"]),
        "restricted_mean": Covered(told["restricted_mean_days"]["not_silent_21"]),
        "risk_leavers": Foretold(0, facts["periods"]["month"][MONTH]["active"]),
        "risk_auc": Foretold(0.5, 1),
        "risk_value": Foretold(0, facts["periods"]["month"][MONTH]["net_revenue_yuan"]),
    }


def retained_on(day: int, *lives: dict) -> float:
    """Of the sign-ups of the report's months, the share active on that day."""
    counted = [life["retained_on_day"][str(day)] for life in lives]
    active, users = (sum(one[of][month] for one in counted for month in SIGNUP_MONTHS) for of in ("active", "users"))
    return active / users


def campaign(truth: dict, params: dict, name: str) -> Expected:
    """What notebook 03 should tell of one campaign."""
    told = truth["campaigns"][name]
    cost = told["media_cost_yuan"] + told["redemption_cost_yuan"] + params["fixed_cost"]
    known = told["before_after"]
    counted = {
        "attainment": Exact(attainment(told, params["goals"], cost)),
        "goals_reached": Exact(goals_reached(told, params["goals"])),
        "participants": Exact(told["participants"]),
        "forecast": Covered(told[params["goals"][0]["metric"]]),
        "participation": Exact(told["exposed_participants"] / told["exposed"]),
        "before_after": Exact(known["during_yuan"] / known["users"], previous=known["before_yuan"] / known["users"]),
        "abnormal": Exact(told["bonus_hunters"]),
        "cost": Exact(cost),
        "roi_gross": Exact(told["net_revenue_of_exposed_yuan"] / cost),
    }
    return counted | caused(told, params["margin"], cost)


def goals_reached(told: dict, goals: list[dict]) -> int:
    """How many goals beside the cost were reached; all of them are to be at least their target."""
    actual = {"participants": told["participants"], "new_users": told["new_users"]}
    actual["revenue"] = told["net_revenue_of_exposed_yuan"]
    return sum(actual[goal["metric"]] >= goal["target"] for goal in goals if goal["metric"] != "cost")


def attainment(told: dict, goals: list[dict], cost: float) -> float:
    """Weighted mean of the goals' attainment, each up to 1."""
    actual = {"participants": told["participants"], "new_users": told["new_users"], "cost": cost}
    actual["revenue"] = told["net_revenue_of_exposed_yuan"]
    weights = [goal.get("weight", 1) for goal in goals]
    ratios = [actual[goal["metric"]] / goal["target"] for goal in goals]
    lower = [goal.get("direction") == "lower" for goal in goals]
    reached = [min(1, 1 / ratio if less else ratio) for ratio, less in zip(ratios, lower, strict=True)]
    return sum(w * r for w, r in zip(weights, reached, strict=True)) / sum(weights)


def caused(told: dict, margin: float, cost: float) -> Expected:
    """The numbers that need a sound comparison."""
    keys = ("net_relative", "net_orders", "roi_incremental", "roi_margin")
    beside = ("beside_revenue", "beside_active_days")
    first = {"beside_orders": Untold()}  # the metric that decides stands in a number of its own
    if not told["assignment_is_random"]:
        return first | dict.fromkeys((*keys, *beside), Untold())
    orders, yuan = (told["effect_per_assigned_user"][u]["net"] * told["assigned_treatment"] for u in ("orders", "yuan"))
    values = (told["relative_order_lift_net"], orders, yuan / cost, (yuan * margin - cost) / cost)
    paid = told["effect_per_assigned_user"]["yuan"]
    first["beside_revenue"] = Covered(paid["net"] / (paid["untreated_during"] + paid["untreated_after"]))
    first["beside_active_days"] = Foretold(-1, 1)  # truth.json does not tell what a campaign adds to days of activity
    return first | {key: Covered(value) for key, value in zip(keys, values, strict=True)}


def report(name: str) -> str:
    return f"03_campaign_review/{name}/{CAMPAIGNS[name]}"


def _campaign(name: str, made) -> Expected:
    params = yaml.safe_load((made.home / f"params/03_campaign_review/{name}.yaml").read_text())
    return campaign(made.truth, params, name)


def plan(made) -> Expected:
    """The plan of the mid-year sale: its audience is the one then drawn, its review as precise as it foretold."""
    told = made.truth["campaigns"]["mid_year_618"]
    drawn = told["assigned_treatment"] + told["assigned_control"]
    strangers = made.truth["dirt"]["events"]["orphan_users"]
    (lift,) = [n for n in made.results(report("mid_year_618"))["numbers"] if n["key"] == "net_relative"]
    seen = 2.8 / 1.96 * (lift["high"] - lift["low"]) / 2
    return {
        "audience": Between(drawn, drawn + strangers),
        "detectable": Between(0.8 * seen, 1.25 * seen),
        "planned_holdout": Between(0.2 * drawn - 1, 0.2 * (drawn + strangers) + 1),
        "holdout": Between(0.05 * drawn, 0.2 * drawn + strangers),
    }


def experiment(truth: dict, name: str) -> Expected:
    """What notebook 03 should tell of an A/B test without reach, goals, costs or margin."""
    nobody = (
        "attainment",
        "goals_reached",
        "forecast",
        "participation",
        "abnormal",
        "roi_gross",
        "roi_incremental",
        "roi_margin",
    )
    told = dict.fromkeys(nobody, Untold()) | {"participants": Exact(0), "cost": Exact(0)}
    if name == "ab_button":
        effect = truth["experiments"][name]["effect_orders_per_user"]
        found = {key: Covered(effect) for key in ("net_relative", "net_orders", "beside_revenue", "beside_active_days")}
        found["beside_orders"] = Untold()
        return (
            told | found | {"before_after": Between(0, truth["facts"]["periods"]["month"][MONTH]["net_revenue_yuan"])}
        )
    users, done = (truth["experiments"][name][key] for key in ("users", "finished_counted"))
    share = {arm: done[arm] / users[arm] for arm in users}
    gained = share["treatment"] - share["control"]
    counted = {"net_relative": Exact(gained / share["control"]), "net_converted": Exact(gained * users["treatment"])}
    counted |= {
        f"beside_{name}": Foretold(-1, 1) for name in ("orders", "revenue", "active_days")
    }  # later than counted
    return told | counted | {"before_after": Untold()}


def _tested(name: str, made) -> Expected:
    return experiment(made.truth, name)


REPORTS: dict[str, Callable[..., Expected]] = {
    MONTHLY: lambda made: lifecycle(made.truth, kind="month", period=MONTH, before=MONTH_BEFORE),
    WEEKLY: lambda made: lifecycle(made.truth, kind="week", period=WEEK, before=WEEK_BEFORE),
    RETENTION: lambda made: retention(made.truth),
    **{report(name): partial(_campaign, name) for name in CAMPAIGNS},
    PLAN: plan,
    **{f"03_campaign_review/{name}/{days}": partial(_tested, name) for name, days in TESTS.items()},
}


@pytest.mark.parametrize("name", REPORTS)
def test_every_headline_agrees_with_the_truth(made, name):
    """Each number of results.json equals its true count or covers its true value; a number without a truth fails."""
    numbers, expected = made.numbers(name), REPORTS[name](made)
    assert set(numbers) == set(expected)
    wrong = {key: (one, numbers[key]) for key, one in expected.items() if not _agrees(one, numbers[key])}
    assert not wrong


def _agrees(one: Exact | Covered | Untold | Foretold | Between, number: dict) -> bool:
    try:
        one.check(number)
    except AssertionError:
        return False
    return True


def test_no_report_of_the_company_is_left_out(made):
    """Every folder with results in either language is one of the reports checked here."""
    outputs = made.home / "outputs"
    found = {str(file.parent.relative_to(outputs)) for file in outputs.glob("0*/*/*/results.json")}
    assert {name.removesuffix(".zh") for name in found} == set(REPORTS)


def test_growth_of_every_month_is_the_true_one(made):
    """New, current, resurrected, dormant and active users of each month, strangers added, are the generator's own."""
    flows = pd.read_csv(made.home / "outputs" / MONTHLY / "tables/growth.csv").set_index("period")
    truth = made.truth
    strangers = truth["dirt"]["events"]["orphan_lives"]["periods"]["month"]
    for month, told in truth["facts"]["periods"]["month"].items():
        if month in flows.index:
            names = {"new": "new", "current": "current", "resurrected": "resurrected", "dormant": "dormant"}
            for column, name in (names | {"active_users": "active"}).items():
                assert flows.loc[month, column] == told[name] + strangers[month][name], (month, column)


def test_channel_curves_cover_their_truth(made):
    """At day 90 all six channels' 95 % intervals cover the true share not yet silent."""
    lines = pd.read_csv(made.home / "outputs" / RETENTION / "tables/segments.csv").query("day == 90")
    truth = made.truth["survival"]
    true = {name: dict(zip(truth["days"], line, strict=True))[90] for name, line in truth["not_silent"]["21"].items()}
    known = lines[lines["channel"].isin(true)]
    low, high = (known[name] for name in known.columns if name.endswith(("_low", "_high")))
    assert len(known) == 6
    assert [c for c, a, b in zip(known["channel"], low, high, strict=True) if not a <= true[c] <= b] == []


def test_hazard_ratios_cover_what_an_endless_population_shows(made):
    """Every level of every covariate: its 95 % interval covers the least-false value of the large sample."""
    fitted = pd.read_csv(made.home / "outputs" / RETENTION / "tables/hazard_ratios.csv")
    rows = pd.DataFrame(hazard_rows(fitted, made.truth))
    assert len(rows) == (~fitted["is_reference"]).sum()
    assert rows.loc[~rows["truth"].between(rows["low"], rows["high"]), "what"].tolist() == []


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_each_campaign_gets_the_verdict_it_deserves(made, name):
    """Works: keep; pulled forward and no effect: no effect; broken assignment: undecidable; in both languages.

    What added nothing and surely cost more than its margin is told as a problem.
    """
    expected = "bad" if name in LOST else STATUS[made.truth["campaigns"][name]["expected_verdict"]]
    assert made.results(report(name))["verdict"]["status"] == expected
    assert made.results(f"{report(name)}.zh")["verdict"]["status"] == expected


def test_roads_out_cover_their_truth(made):
    """Share gone by each road within 30, 90 and 180 days: every 95 % interval covers what an endless company shows.

    Every banned account is counted; over channels, the interval of the difference covers the true one.
    """
    told, tables = made.truth["exits"], made.home / "outputs" / RETENTION / "tables"
    shown = pd.read_csv(tables / "roads.csv").set_index(["cause", "day"])
    for road in ("silent", "unsubscribed", "refunded"):
        for day, true in zip(told["incidence"]["days"], told["incidence"]["all"][road], strict=True):
            assert shown.loc[(road, day), "low"] <= true <= shown.loc[(road, day), "high"], (road, day)
    assert shown.loc[("banned", 90), "ended"] == told["recorded"]["banned"]
    assert shown.groupby("day")["share"].sum().tolist() == pytest.approx([1, 1, 1])


def test_channels_take_the_roads_that_were_planted(made):
    """Within 90 days users of short videos and social ads clearly unsubscribe more often, and as often as planted."""
    told, tables = made.truth["exits"]["incidence"], made.home / "outputs" / RETENTION / "tables"
    rows = pd.read_csv(tables / "roads_compared.csv").query("cause == 'unsubscribed'").set_index("level")
    true = {
        name: told[name]["unsubscribed"][told["days"].index(90)] for name in ("short_video", "social_ads", "search")
    }
    for name, share in true.items():
        assert rows.loc[name, "low"] <= share <= rows.loc[name, "high"], name
    assert (rows.loc[["short_video", "social_ads"], "road_difference_low"] > 0).all()
    assert (rows.loc[["short_video", "social_ads"], "p_holm"] < 0.01).all()


def test_both_tests_get_the_verdict_they_deserve(made):
    """The onboarding that works is kept, the button that does nothing has no effect, in both languages."""
    for name, status in (("ab_onboarding", "good"), ("ab_button", "neutral")):
        for language in ("", ".zh"):
            told = made.results(f"03_campaign_review/{name}/{TESTS[name]}{language}")["verdict"]
            assert told["status"] == status, (name, language)


def test_the_memory_ranks_the_campaigns_as_the_truth_does(made):
    """The working campaign first, those without a net effect behind it, the broken lottery without a rank."""
    kept = pd.read_parquet(made.home / "outputs" / "campaigns.parquet").query("company == 'demo'")
    found = memory.ranked(kept[kept["campaign_id"].isin(CAMPAIGNS)], metric="orders").set_index("campaign_id")
    truth = made.truth["campaigns"]
    assert set(kept["campaign_id"]) == {*truth, *TESTS}
    assert found.index[0] == max(truth, key=lambda name: truth[name]["relative_order_lift_net"]) == "spring_coupons"
    assert found["conclusion"].to_dict() == {name: told["expected_verdict"] for name, told in truth.items()}
    assert found["rank"].isna().to_dict() == {name: not told["assignment_is_random"] for name, told in truth.items()}


def test_later_reviews_read_the_earlier_ones(made):
    """The lottery's page shows all before it, three campaigns and the button with a known effect on orders."""
    for language in ("", ".zh"):
        tables = made.home / "outputs" / f"{report('autumn_lottery')}{language}" / "tables"
        assert len(pd.read_parquet(tables / "memory.parquet")) == 6
        typical = pd.read_parquet(tables / "memory_typical.parquet")
        assert typical.loc[typical["kind"] == "all", "campaigns"].tolist() == [4]
