"""Every sentence of notebook 01 takes the right case and says the same numbers in both languages."""

import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from opsbook.page import theme, words
from opsbook.page.charts import lifecycle as charts
from opsbook.page.charts import lifecycle_stocks as stock_charts
from opsbook.page.says import lifecycle as says
from opsbook.page.says import lifecycle_numbers as numbers
from opsbook.page.says import lifecycle_stocks as stocks
from opsbook.page.says.rows import direction
from opsbook.page.words import Sentence

MONTHS = pd.date_range("2026-01-01", periods=8, freq="MS")
NOTHING = pd.DataFrame()


def changes(low: float = -0.02, high: float = 0.05, **last: object) -> pd.DataFrame:
    table = pd.DataFrame({
        "period": MONTHS.strftime("%Y-%m"), "start": MONTHS, "end": MONTHS + pd.offsets.MonthEnd(0),
        "active_users": 1234, "mean_daily_users": 321.5, "complete": True, "previous_users": 1200.0,
        "change_users": 34.0, "change": 34 / 1200, "change_low": low, "change_high": high, "earlier_changes": 7,
    })  # fmt: skip
    for name, value in last.items():
        table.loc[7, name] = value
    return table


def restless() -> pd.DataFrame:
    """Rises and falls by turns: no run of either."""
    return changes().assign(change=[0.01, -0.01] * 4)


def falling() -> pd.DataFrame:
    return changes().assign(change=-0.01)


def year_ago(low: float, high: float) -> pd.DataFrame:
    row = {"base": "2025-08", "base_users": 900, "active_users": 1234, "change": 0.371}
    return pd.DataFrame([row | {"change_low": low, "change_high": high}])


def rolling(complete: bool = True) -> pd.DataFrame:
    days = pd.date_range("2026-08-28", "2026-08-31")
    rows = [(day, window, 100 * window, complete) for day in days for window in (1, 7, 28)]
    return pd.DataFrame(rows, columns=["day", "window_days", "users", "complete"])


def sticky(last: float = 0.31, rows: int = 3, **changed: object) -> pd.DataFrame:
    ends = MONTHS[:rows] + pd.offsets.MonthEnd(0)
    share = np.array([0.30] * (rows - 1) + [last])
    table = pd.DataFrame({
        "end": ends, "window_days": 28, "mean_daily_users": 99.5, "active_users": 500, "stickiness": share,
        "low": share - 0.01, "high": share + 0.01, "n": 500, "complete": True,
    })  # fmt: skip
    for name, value in changed.items():
        table.loc[rows - 1, name] = value
    return table


def flows(new: int = 60, dormant: int = 40, **last: object) -> pd.DataFrame:
    table = pd.DataFrame({
        "period": MONTHS.strftime("%Y-%m"), "start": MONTHS, "end": MONTHS + pd.offsets.MonthEnd(0),
        "active_users": 260 + new - dormant, "previous_users": 250, "new": new, "new_silent": 0,
        "current": 250 - dormant, "resurrected": 10, "first_use": 0, "unknown": 0, "dormant": dormant,
        "complete": True, "retained": 0.84, "retained_low": 0.79, "retained_high": 0.88,
        "quick_ratio": 1.75, "quick_ratio_low": 1.19, "quick_ratio_high": 2.58,
    })  # fmt: skip
    for name, value in last.items():
        table.loc[7, name] = value
    return table


def laws(holds: bool = True) -> pd.DataFrame:
    return pd.DataFrame({"period": ["2026-07", "2026-08"] * 2, "law": "parts", "left": 1, "right": 1, "holds": holds})


def stock(mature: int = 300, periods: int = 2, complete: bool = True) -> pd.DataFrame:
    stages = ["introduction", "growth", "mature", "sleeping", "lost"]
    counts = [[100, 150, 300, 50, 400]] * (periods - 1) + [[100, 450 - mature, mature, 50, 400]]
    rows = [
        (f"2026-0{number + 1}", MONTHS[number] + pd.offsets.MonthEnd(0), stage, users)
        for number, period in enumerate(counts)
        for stage, users in zip(stages, period, strict=True)
    ]
    table = pd.DataFrame(rows, columns=["period", "end", "stage", "users"])
    share = table["users"] / 1000
    return table.assign(
        alive_users=1000, share=share, share_low=share - 0.02, share_high=share + 0.02, complete=complete
    )


def matrix(mature: int = 200, asleep: int = 100, more: dict[tuple[str, str], int] | None = None) -> pd.DataFrame:
    stages = ["introduction", "growth", "mature", "sleeping", "lost"]
    rows = [(one, other, 0) for one in [*stages, "entered"] for other in [*stages, "left_observation"]]
    table = pd.DataFrame(rows, columns=["from_stage", "to_stage", "users"]).set_index(["from_stage", "to_stage"])
    table.loc[("mature", "mature"), "users"] = mature
    table.loc[("sleeping", "growth"), "users"] = asleep // 4
    table.loc[("sleeping", "lost"), "users"] = asleep - asleep // 4
    for cell, users in (more or {}).items():
        table.loc[cell, "users"] = users
    table = table.reset_index()
    table["from_users"] = table.groupby("from_stage")["users"].transform("sum")
    return table.assign(share=table["users"] / table["from_users"].where(table["from_users"] > 0), complete=True)


FULL = {("growth", "mature"): 30, ("entered", "mature"): 40}
QUIET = {("lost", "lost"): 90, ("growth", "lost"): 30}
LEAKY = {("mature", "lost"): 4, ("introduction", "mature"): 40, ("introduction", "lost"): 50}


def groups(top_low: float = 0.5, users: int = 30) -> pd.DataFrame:
    keys = ["HHH", "LHH", "HLH", "LLH", "HHL", "LHL", "HLL", "LLL"]
    share = pd.Series([0.6, 0.4, 0, 0, 0, 0, 0, 0.0])
    return pd.DataFrame({
        "key": keys, "users": users, "buyers": 8 * users, "share_users": 0.125, "share_users_low": 0.1,
        "share_users_high": 0.15, "revenue": 100 * share, "share_revenue": share if users else np.nan,
        "share_revenue_low": share - 0.6 + top_low, "share_revenue_high": share + 0.05, "revenue_per_user": 3.0,
    })  # fmt: skip


def cuts(tied: int = 10, buyers: int = 100) -> pd.DataFrame:
    measures = ["recency_days", "orders", "revenue"]
    return pd.DataFrame(
        {"measure": measures, "cut": [30.0, 2.0, 99.5], "buyers": buyers, "high_users": 40, "tied_users": tied}
    )


def line(value: float = 0.4) -> pd.DataFrame:
    rows = [
        ("acquisition", "new_users", 0.0 if np.isnan(value) else 120.0, "users"),
        ("activation", "activated", value, "share"),
        ("retention", "retained", value, "share"),
        ("revenue", "paying", value, "share"),
        ("revenue", "arpu", 10 * value, "money"),
        ("revenue", "arppu", 20 * value, "money"),
        ("revenue", "arppu_capped", 19 * value, "money"),
        ("referral", "invited", np.nan, "share"),
    ]
    table = pd.DataFrame(rows, columns=["step", "metric", "value", "unit"])
    return table.assign(low=table["value"], high=table["value"], n=50, method="Wilson")


SPREAD = pd.DataFrame({"active_days": range(1, 29), "users": [40, *[1] * 26, 10], "share": 0.1, "complete": True})
LEAK = {"quick_ratio_high": 0.9}
CASES = {
    "active.empty": lambda: says.active_users(changes(active_users=0).tail(0)),
    "active.incomplete": lambda: says.active_users(changes(complete=False)),
    "active.first": lambda: says.active_users(changes(change=np.nan)),
    "active.unjudged": lambda: says.active_users(changes(np.nan, np.nan)),
    "active.up": lambda: says.active_users(changes(0.01, 0.05)),
    "active.down": lambda: says.active_users(changes(-0.05, -0.01)),
    "active.unclear": lambda: says.active_users(changes()),
    "active.uneven": lambda: says.active_users(changes(-0.9, 17.0)),
    "last_year.none": lambda: says.last_year(year_ago(0, 0).tail(0)),
    "last_year.up": lambda: says.last_year(year_ago(0.3, 0.4), aligned=True),
    "last_year.down": lambda: says.last_year(year_ago(-0.4, -0.3)),
    "last_year.unclear": lambda: says.last_year(year_ago(-0.1, 0.4)),
    "last_year.unjudged": lambda: says.last_year(year_ago(np.nan, np.nan)),
    "rolling.empty": lambda: says.rolling_actives(rolling(False)),
    "rolling.known": lambda: says.rolling_actives(rolling()),
    "stickiness.empty": lambda: says.stickiness(sticky(complete=False)),
    "stickiness.first": lambda: says.stickiness(sticky(rows=1)),
    "stickiness.up": lambda: says.stickiness(sticky(0.40)),
    "stickiness.down": lambda: says.stickiness(sticky(0.20)),
    "stickiness.unclear": lambda: says.stickiness(sticky()),
    "stickiness.unjudged": lambda: says.stickiness(sticky(low=np.nan, high=np.nan)),
    "active_days.empty": lambda: says.active_days(SPREAD.assign(users=0)),
    "active_days.seldom": lambda: says.active_days(SPREAD, min_cell=50),
    "active_days.known": lambda: says.active_days(SPREAD),
    "growth.empty": lambda: says.growth(flows().tail(0)),
    "growth.incomplete": lambda: says.growth(flows(complete=False)),
    "growth.up": lambda: says.growth(flows()),
    "growth.down": lambda: says.growth(flows(20, 80, unknown=3)),
    "growth.same": lambda: says.growth(flows(30, 40)),
    "quick.undefined": lambda: says.quick_ratio(flows(quick_ratio=np.nan)),
    "quick.up": lambda: says.quick_ratio(flows()),
    "quick.down": lambda: says.quick_ratio(flows(quick_ratio_low=0.5, quick_ratio_high=0.9)),
    "quick.unclear": lambda: says.quick_ratio(flows(quick_ratio_low=0.5)),
    "quick.unjudged": lambda: says.quick_ratio(flows(quick_ratio_low=np.nan)),
    "origin.empty": lambda: says.origin(flows(complete=False)),
    "origin.known": lambda: says.origin(flows()),
    "identities.empty": lambda: says.identities(laws().tail(0)),
    "identities.hold": lambda: says.identities(laws()),
    "identities.broken": lambda: says.identities(laws(False)),
    "new_silent.nobody": lambda: says.new_silent(flows(new=0)),
    "new_silent.none": lambda: says.new_silent(flows()),
    "new_silent.some": lambda: says.new_silent(flows(new_silent=15)),
    "stages.empty": lambda: stocks.stages(stock().tail(0)),
    "stages.incomplete": lambda: stocks.stages(stock(complete=False)),
    "stages.first": lambda: stocks.stages(stock(periods=1)),
    "stages.up": lambda: stocks.stages(stock(400)),
    "stages.down": lambda: stocks.stages(stock(200)),
    "stages.unclear": lambda: stocks.stages(stock(305)),
    "transitions.few": lambda: stocks.transitions(matrix(100, 5)),
    "transitions.incomplete": lambda: stocks.transitions(matrix().assign(complete=False)),
    "transitions.woke": lambda: stocks.transitions(matrix(5, 100, FULL)),
    "transitions.kept_only": lambda: stocks.transitions(matrix(200, 20, QUIET)),
    "transitions.woke_only": lambda: stocks.transitions(matrix(30, 100, LEAKY)),
    "transitions.hidden": lambda: stocks.transitions(matrix(30, 20, {("mature", "lost"): 4})),
    "transitions.known": lambda: stocks.transitions(matrix()),
    "rfm.empty": lambda: stocks.rfm(groups(users=0)),
    "rfm.carries": lambda: stocks.rfm(groups()),
    "rfm.even": lambda: stocks.rfm(groups(0.1)),
    "rfm_cuts.clear": lambda: stocks.rfm_cuts(cuts()),
    "rfm_cuts.tied": lambda: stocks.rfm_cuts(cuts(60)),
    "aarrr.empty": lambda: stocks.aarrr(line(np.nan)),
    "aarrr.line": lambda: stocks.aarrr(line()),
    "verdict.unknown": lambda: says.verdict(changes(np.nan, np.nan), flows())[1],
    "verdict.down": lambda: says.verdict(changes(-0.05, -0.01), flows())[1],
    "verdict.up": lambda: says.verdict(changes(0.01, 0.05), flows())[1],
    "verdict.leaking": lambda: says.verdict(changes(), flows().assign(**LEAK))[1],
    "verdict.rises": lambda: says.verdict(changes(), flows())[1],
    "verdict.falls": lambda: says.verdict(falling(), flows())[1],
    "verdict.unclear": lambda: says.verdict(restless(), flows())[1],
}


def figures_in(text: str) -> Counter:
    return Counter(re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?%?", text))


@pytest.mark.parametrize("case", CASES)
def test_each_case_is_reached_and_says_the_same_numbers_in_both_languages(case):
    """The table leads to its case; every number of the English text stands in the Chinese one."""
    sentence = CASES[case]()
    assert sentence.key == f"lifecycle.{case}"
    english, chinese = sentence.text("en"), sentence.text("zh")
    assert not figures_in(english) - figures_in(chinese), (english, chinese)
    assert re.search(r"[\u4e00-\u9fff]", chinese)
    assert not re.search(r"[\u4e00-\u9fff]|nan|None", english)


def test_every_case_of_the_catalogue_has_a_test():
    """No sentence of the areas that choose a case is left out."""
    chosen = {case.split(".")[0] for case in CASES}
    known = {key.removeprefix("lifecycle.") for key in words.keys("lifecycle.")}
    parts = {f"aarrr.{metric}" for metric in line()["metric"]} | {"growth.unknown_none", "growth.unknown_some"}
    assert {key for key in known if key.split(".")[0] in chosen} - parts - {"stages.unjudged"} == set(CASES)


@pytest.mark.parametrize(
    ("case", "status"),
    [
        ("unknown", "unknown"),
        ("down", "bad"),
        ("up", "good"),
        ("leaking", "warn"),
        ("unclear", "neutral"),
        ("rises", "neutral"),
        ("falls", "warn"),
    ],
)
def test_verdict_gives_the_status_and_rule_of_its_case(case, status):
    """Each rule has one status, and the rule that fired is printed."""
    tables = {
        "unknown": (changes(np.nan, np.nan), flows()),
        "down": (changes(-0.05, -0.01), flows().assign(**LEAK)),
        "up": (changes(0.01, 0.05), flows()),
        "leaking": (changes(), flows().assign(**LEAK)),
        "unclear": (restless(), flows(**LEAK)),
        "rises": (changes(), flows(**LEAK)),
        "falls": (falling(), flows(**LEAK)),
    }
    found, _sentence, rule = says.verdict(*tables[case])
    assert (found, rule.key) == (status, f"lifecycle.rule.{case}")


def test_verdict_without_any_period_is_unknown():
    """No data is not no change."""
    assert says.verdict(changes().tail(0), flows().tail(0))[0] == "unknown"


@pytest.mark.parametrize(("move", "word"), [(0.01, "risen 8 times"), (-0.01, "fallen 8 times")])
def test_the_verdict_tells_a_long_run_and_the_target(move, word):
    """Eight rises of no clear size are news all the same; a target is told as the share that was reached."""
    said = says.verdict(changes().assign(change=move), flows(), target=2468)[1]
    assert word in said.text("en")
    assert "Target 2,468: 50.0% reached" in said.text("en")
    assert "8 期" in said.text("zh")
    broken = changes().assign(change=[move] * 5 + [-move] + [move] * 2)
    assert "in a row" not in says.verdict(broken, flows())[1].text("en")


def test_interval_that_touches_zero_is_no_clear_change():
    """A direction is claimed only when the whole interval lies on one side."""
    assert [direction(*pair) for pair in [(0.0, 1.0), (-1.0, 0.0), (0.1, 1.0), (-1.0, -0.1)]] == [
        "unclear", "unclear", "up", "down",
    ]  # fmt: skip


def test_stickiness_is_compared_with_a_window_that_shares_no_day():
    """Weekly ends are 7 days apart, so the base of a 28-day window is four rows earlier."""
    table = sticky(rows=6).assign(end=pd.date_range("2026-01-04", periods=6, freq="7D"))
    table["stickiness"] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert says.stickiness_change(table)[0] == pytest.approx(0.4)


def test_limits_name_what_these_data_lack():
    """Unknown starts and a missing users table are named among what cannot be told."""
    keys = [said.key for said in says.cannot_tell(flows(unknown=4), given=frozenset({"orders"}))]
    assert {"lifecycle.cannot.unknown", "lifecycle.cannot.signup"} < set(keys)
    assert len(says.cannot_tell(flows(), given=frozenset({"users"}))) == 5


def test_third_finding_is_about_value_or_else_about_stages():
    """With buyers the third finding is their value, without it is where users go."""
    assert stocks.third_finding(groups(), matrix()).key == "lifecycle.rfm.carries"
    assert stocks.third_finding(groups(users=0), matrix()).key == "lifecycle.transitions.known"
    assert stocks.third_finding(groups(users=0), matrix().assign(complete=False)) is None


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_charts_are_drawn_from_tables_and_left_out_for_empty_ones(language):
    """Each chart draws its table in both languages and returns None where there is nothing."""
    drawn = {
        charts.rolling_actives: rolling(),
        charts.period_actives: changes(),
        charts.active_days: SPREAD,
        charts.growth: flows(unknown=3),
        stock_charts.stages: stock(),
        stock_charts.transitions: matrix(5, 100),
        stock_charts.rfm: groups(),
    }
    with words.speaking(language):
        theme.use(language)
        for chart, table in drawn.items():
            chart(table).canvas.draw()
            assert chart(table.assign(users=0) if "users" in table else table.tail(0)) is None


def test_headline_numbers_carry_n_interval_and_method():
    """Every card has what `page.number` asks for, also from empty tables."""
    full = [
        numbers.active_users(changes()), numbers.stickiness(sticky()), numbers.new_users(flows()),
        numbers.retained(flows()), numbers.quick_ratio(flows()),
    ]  # fmt: skip
    assert all(number["value"] is not None and number["method"] and number["n"] for number in full)
    empty = [
        numbers.active_users(changes().tail(0)), numbers.stickiness(sticky().tail(0)),
        numbers.new_users(flows().tail(0)), numbers.retained(flows().tail(0)), numbers.quick_ratio(flows().tail(0)),
    ]  # fmt: skip
    assert all(number["value"] is None for number in empty)
    assert numbers.new_users(flows())["change_low"] < 0 < numbers.new_users(flows())["change_high"]


@pytest.mark.parametrize("language", words.LANGUAGES)
@pytest.mark.parametrize("then", [1150, 1190, 1230])
def test_the_usual_range_and_last_year_are_named_apart(language, then):
    """The two names beside the last bar never touch, however close their heights are."""
    with words.speaking(language):
        fig = charts.period_actives(changes(), last_year=year_ago(0.3, 0.4).assign(base_users=then))
        fig.canvas.draw()
        names = [words.label(f"lifecycle.chart.{name}") for name in ("usual", "last_year")]
        boxes = [text.get_window_extent() for text in fig.axes[0].texts if text.get_text().startswith(tuple(names))]
    assert len(boxes) == 2
    assert not boxes[0].overlaps(boxes[1])


@pytest.mark.parametrize("ends", [(np.nan, np.nan), (-0.05, -0.01), (-0.01, 0.02)])
def test_another_number_that_changed_stands_in_every_verdict(ends):
    """Whether active users fell, stood or cannot be judged, what else changed clearly is told behind it."""
    told = {"base": 80.0, "value": 97.22, "change": 17.22, "change_low": 4.68, "change_high": 29.76}
    moved = Sentence("lifecycle.aarrr_moved.money", metric=Sentence("lifecycle.metric.arpu"), **told)
    news = Sentence("lifecycle.aarrr_change.news", moved=moved, more="")
    said = says.verdict(changes(*ends), flows(), news=news)[1]
    assert "Clearly changed: revenue per active user 80.00 → 97.22" in said.text("en")
    assert "另有明显变化：活跃用户人均收入（ARPU）" in said.text("zh")
    assert "Clearly changed" not in says.verdict(changes(*ends), flows())[1].text("en")
