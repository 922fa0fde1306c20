"""Sentences and charts about the plan, the pace and the last campaign take the right case in both languages."""

import re
from datetime import date

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis.pace import COLUMNS, PATH
from opsbook.inputs.campaign import Earlier
from opsbook.page import tables, theme, words
from opsbook.page.charts import pace as pace_charts
from opsbook.page.charts import plan_gap as charts
from opsbook.page.says import pace as pace_says
from opsbook.page.says import plan_gap as says

LEVELS = ("exposed", "participants", "converters", "orders", "revenue")
FACTORS = ("exposed", "mix", "participation", "conversion", "frequency", "value", "unrecorded")
LAST = Earlier(campaign_id="spring", name="Spring", name_zh="春季", start=date(2026, 3, 9), end=date(2026, 3, 22))


def parts(first: float = 0.99, spread: float = 300.0, **moved: float) -> pd.DataFrame:
    """Parts typed by hand: over all channels, and half of each in two channels."""
    rows = []
    for name, share in (("all", 1.0), ("push", 0.75), ("other", 0.25)):
        values = {"gap": sum(moved.values())} | moved
        values |= {} if name == "all" else {"delivery": moved.get("exposed", 0.0), "rates": 0.0}
        largest = max(moved, key=lambda key: abs(moved[key]))
        for factor, value in values.items():
            lead = first if factor == largest and name == "all" else np.nan
            own = spread * share * (1 if value else 0.0)
            rows.append([factor, name, value * share, value * share - own, value * share + own, lead])
    table = pd.DataFrame(rows, columns=["factor", "channel", "part", "low", "high", "first"])
    actual = np.where(table["channel"] == "all", 10_000.0, 5_000.0) + sum(moved.values())
    return table.assign(planned=np.where(table["channel"] == "all", 10_000.0, 5_000.0), actual=actual)


def gap(missing: str = "", levels: tuple[str, ...] = LEVELS, **told: float) -> words.Sentence:
    return says.gap(parts(**(told or {"exposed": -2000.0})), levels=levels, missing=missing)


def targets(audience: int = 900) -> pd.DataFrame:
    row = {"audience": audience, "shown": 600, "share_shown": 0.67, "share_shown_low": 0.6, "share_shown_high": 0.7}
    return pd.DataFrame([row | {"outside": 30, "share_outside": 0.05}])


def rails(*outcomes: str) -> pd.DataFrame:
    metrics = ["revenue", "orders", "buyers"][: len(outcomes)]
    table = pd.DataFrame({"metric": metrics, "outcome": list(outcomes)})
    return table.assign(relative=-0.049, relative_low=-0.166, relative_high=0.067)


CASES = {
    "plan_gap.no_plan": lambda: gap("no_plan"),
    "plan_gap.no_table": lambda: gap("no_table"),
    "plan_gap.running": lambda: gap("running"),
    "plan_gap.below": lambda: gap(exposed=-2000.0, participation=700.0, value=-100.0),
    "plan_gap.above": lambda: gap(participation=2000.0, conversion=900.0),
    "plan_gap.unclear": lambda: gap(participation=-900.0, exposed=800.0),
    "plan_gap.finding": lambda: says.finding(
        words.Sentence("campaign.goals.none"), gap(exposed=-2000.0), missing=""),
    "plan_channels.none": lambda: says.channels(
        parts(exposed=-2000.0).query("channel == 'all'"), levels=LEVELS, missing=""),
    "plan_channels.unclear": lambda: says.channels(parts(exposed=-100.0), levels=LEVELS, missing=""),
    "plan_channels.known": lambda: says.channels(parts(exposed=-2000.0), levels=LEVELS, missing=""),
    "audience.none": lambda: says.audience(targets().iloc[:0], min_cell=10),
    "audience.few": lambda: says.audience(targets(3), min_cell=10),
    "audience.hidden": lambda: says.audience(targets().assign(shown=np.nan), min_cell=10),
    "audience.known": lambda: says.audience(targets(), min_cell=10),
    "guardrails.none": lambda: says.guardrails(rails()),
    "guardrails.some": lambda: says.guardrails(rails("held", "broken", "cannot_tell")),
    "plan_apart.product": lambda: apart(2220.0, 1780.0),
    "plan_apart.left_out": lambda: apart(2500.0, 2037.0),
    "plan_apart.left_out_few": lambda: apart(2500.0, 2037.0, left_out=3.0),
    "plan_steps.heading": lambda: says.steps(pd.DataFrame({"step": [1]}), missing=""),
    "plan_steps.running": lambda: says.steps(pd.DataFrame({"step": [1]}), missing="running"),
    **{f"plan_below.{factor}": lambda factor=factor: why(gap(**{factor: -2000.0})) for factor in FACTORS},
    **{f"plan_above.{factor}": lambda factor=factor: why(gap(**{factor: 2000.0})) for factor in FACTORS},
    "plan_away.share": lambda: away("participation"),
    "plan_away.amount": lambda: away("value"),
    "plan_below.participants": lambda: why(gap(participants=-2000.0)),
    "plan_above.participants": lambda: why(gap(participants=2000.0)),
}  # fmt: skip


def why(sentence: words.Sentence) -> words.Sentence:
    return sentence.values["why"].values["said"]


def apart(planned: float, counted: float, left_out: float = 24.0, target: float = 2200.0) -> words.Sentence:
    """What is said beside the steps of the goal for participants."""
    actual = counted + left_out if counted == 2037.0 else 1780.0
    funnel = pd.DataFrame([["participants", planned, counted]], columns=["step", "planned", "actual"])
    goal = pd.DataFrame([["participants", target, actual]], columns=["metric", "target", "actual"])
    return says.steps(funnel, missing="", goals=goal).values["apart"]


def away(factor: str) -> words.Sentence:
    """How the step of the part that leads stands to its plan."""
    steps = [["participation", 0.6, 0.48], ["value", 72.0, 71.02]]
    table = pd.DataFrame(steps, columns=["step", "planned", "actual"])
    said = says.gap(parts(**{factor: -2000.0}), levels=LEVELS, missing="", steps=table)
    return why(said).values["away"]


def row(metric: str = "participants", pace: str | None = "on_track", forecast: float = 900.0, **more: object) -> dict:
    told = {"metric": metric, "direction": "higher", "target": 800.0, "so_far": 500.0, "due": 450.0, "days": 6}
    told |= {"forecast": forecast, "low": forecast - 50, "high": forecast + 60, "came": np.nan, "source": "earlier"}
    return told | {"pace": pace} | more


def paced(*rows: dict) -> pd.DataFrame:
    return pd.DataFrame([*rows], columns=COLUMNS)


def goal(**told: object) -> words.Sentence:
    return pace_says.pace(paced(row(**told)), days=14, running=True).values["parts"]


def compared(change: float = 0.2, width: float = 0.1) -> pd.DataFrame:
    rows = [
        ["exposed", 1200, 1000, change, change - width, change + width],
        ["participation", 0.5, 0.45, 0.05, 0.01, 0.09],
        ["conversion", 0.5, 0.5, 0.0, -0.02, 0.02],
        ["value_per_converter", 90.0, 80.0, 10.0, -2.0, 22.0],
        ["cost_per_participant", 3.5, 3.0, 0.17, np.nan, np.nan],
    ]
    return pd.DataFrame(rows, columns=["measure", "this", "last", "change", "low", "high"])


PACE_CASES = {
    "pace.none": lambda: pace_says.pace(paced(), days=14, running=True),
    "pace.running": lambda: pace_says.pace(paced(row(), row("cost", "missed")), days=14, running=True),
    "pace.over": lambda: pace_says.pace(paced(row(came=880.0), row("revenue", came=1200.0)), days=14, running=False),
    "pace.untried": lambda: pace_says.pace(paced(row(forecast=np.nan)), days=14, running=False),
    "pace_goal.reached": lambda: goal(pace="reached"),
    "pace_goal.on_track": lambda: goal(pace="on_track"),
    "pace_goal.behind": lambda: goal(pace="behind"),
    "pace_goal.missed": lambda: goal(metric="cost", pace="missed"),
    "pace_goal.cannot_tell": lambda: goal(pace="cannot_tell"),
    "pace_goal.unknown": lambda: goal(pace="cannot_tell", forecast=np.nan),
    "pace_goal.no_target": lambda: goal(pace=None, target=np.nan),
    "pace_goal.tried": lambda: pace_says.pace(paced(row(came=880.0)), days=14, running=False).values["parts"],
    "goals_running.so_far": lambda: pace_says.goals(words.Sentence("campaign.goals.none"), running=True),
    "last_time.none": lambda: pace_says.last_time(compared(), None, running=False),
    "last_time.no_data": lambda: pace_says.last_time(compared().iloc[:0], LAST, running=False),
    "last_time.known": lambda: pace_says.last_time(compared(), LAST, running=False),
    "last_time.same_day": lambda: pace_says.last_time(compared().iloc[[2]], LAST, running=True),
}
ALL_CASES = CASES | PACE_CASES
PIECES = re.compile(
    r"plan_(why|channel|step|metric|factor|amount|part|chart|axis)\.|pace_(part|interval|word|chart)\.|"
    r"last_(measure|change)\.|last_time\.(clear|no_clear|alike|nothing|part)|guardrails\.(held|broken|cannot_tell|open)"
)


@pytest.mark.parametrize("case", ALL_CASES)
def test_each_case_is_reached_and_says_the_same_numbers_in_both_languages(case):
    """The table leads to its case; the Chinese text holds every number of the English one below ten thousand."""
    sentence = ALL_CASES[case]()
    assert sentence.key == f"campaign.{case}"
    english, chinese = sentence.text("en"), sentence.text("zh")
    wanted = [
        n for n in re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?%?", english) if float(n.strip("%").replace(",", "")) < 1e4
    ]
    assert [n for n in wanted if n not in chinese] == [], (english, chinese)
    assert re.search(r"[\u4e00-\u9fff]", chinese)
    assert not re.search(r"[\u4e00-\u9fff]|\bnan\b|\bNone\b(?! of)", english)
    assert not re.search(r"\bcaused\b|because of", english)


def test_every_case_of_the_catalogue_has_a_test():
    """No sentence about plan, pace or the last campaign is left out."""
    areas = {case.split(".")[0] for case in ALL_CASES}
    known = {key.removeprefix("campaign.") for key in words.keys("campaign.")}
    assert {key for key in known if key.split(".")[0] in areas and not PIECES.match(key)} == set(ALL_CASES)


def test_a_reason_is_named_only_when_it_is_clear_and_clearly_the_largest():
    """Channels and rules are blamed when their part is below zero and first in 95 of 100; else nobody is blamed."""
    assert "Fewer users were shown it than planned" in gap(exposed=-2000.0).text("en")
    assert "The participation rate was below plan" in gap(participation=-2000.0).text("en")
    rivals = gap(exposed=-1000.0, participation=-1100.0, first=0.6)
    assert "none is clearly the largest" in rivals.text("en")
    assert "under-delivered" not in rivals.text("en")
    alone = gap(exposed=-1000.0, first=0.7)
    assert "the rest cannot be told" in alone.text("en")


def test_without_a_clear_part_nobody_can_tell_why():
    """A clear gap made of many unclear parts has no reason; clear parts on the other side are still told."""
    table = parts(exposed=-250.0, participation=-250.0, conversion=-250.0, value=-250.0)
    text = says.gap(table, levels=LEVELS, missing="").text("en")
    assert "Why cannot be told" in text
    mixed = gap(exposed=-2000.0, conversion=-500.0, value=600.0).text("en")
    assert "Also on that side: conversion" in mixed
    assert "Clearly on the other side: order value" in mixed
    none = gap(exposed=-100.0)
    assert "No part of the funnel is clear of zero either." in none.text("en")


def test_the_reason_for_no_split_is_told_once():
    """No plan, no table, still running: one word each, and the finding falls back to the goals."""
    assert says.reason((), planned=False, ended=True) == "no_plan"
    assert says.reason((), planned=True, ended=True) == "no_table"
    assert says.reason(LEVELS, planned=True, ended=False) == "running"
    assert says.reason(LEVELS, planned=True, ended=True) == ""
    goals = words.Sentence("campaign.goals.none")
    assert says.finding(goals, gap("no_plan"), missing="no_plan") is goals
    assert says.channels(parts(exposed=1.0), levels=(), missing="no_plan") == gap("no_plan")
    assert says.steps(pd.DataFrame(), missing="no_plan") == gap("no_plan")
    assert pace_says.finding(goals, gap(), running=True) == gap()
    assert pace_says.finding(goals, gap(), running=False) is None
    assert pace_says.finding(gap(), goals, running=False) == gap()


def test_the_forecast_of_the_first_screen_is_missing_when_nothing_is_known():
    """The forecast carries interval, days and target, and is a card only while the campaign runs."""
    assert pace_says.number(paced(row()), running=True) | {"method": ""} == {
        "key": "forecast", "value": 900, "n": 6, "unit": "users", "method": "", "card": True,
        "low": 850, "high": 960, "target": 800, "counted": "days",
    }  # fmt: skip
    assert pace_says.number(paced(), running=True)["value"] is None


def test_tables_for_reading_have_the_unit_of_each_row(table):
    """Users as counts, rates as percent, money as money; channels with their users planned and shown."""
    steps = table("""
        step          | planned | actual | low | high | attainment
        exposed       | 100     | 80     | 70  | 90   | 0.8
        participation | 0.5     | 0.55   | 0.5 | 0.6  | 1.1
        frequency     | 1.5     | 2      | 1   | 3    | 1.33
    """)
    assert [str(cell) for cell in says.step_table(steps)["actual"]] == ["80", "55.0%", "2"]
    both = table("channel | planned_exposed | exposed\npush | 100 | 60\nother | 50 | 40")
    wide = says.channel_table(parts(exposed=-2000.0), both, levels=LEVELS)
    assert [str(cell) for cell in wide["channel"]] == ["push", "other (small channels)"]
    assert wide[["planned_users", "users"]].to_numpy().tolist() == [[100, 60], [50, 40]]
    assert says.channel_table(parts(exposed=1.0).iloc[:0], both, levels=LEVELS).empty
    shown = pace_says.pace_table(paced(row(), row("revenue", "behind")))
    assert str(shown["interval"].iloc[0]) == "850 to 960"
    assert "came" not in shown
    assert "came" in pace_says.pace_table(paced(row(came=3.0)))
    assert [str(v) for v in pace_says.last_table(compared())["this"]] == ["1,200", "50.0%", "50.0%", "90.00", "3.50"]


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_charts_are_drawn_from_tables_and_left_out_for_empty_ones(language):
    """The waterfall and the pace are drawn in both languages, and None stands for nothing to draw."""
    days = pd.date_range("2026-03-09", periods=14, freq="D")
    way = pd.DataFrame({"metric": "participants", "day": days, "actual": 5.0, "due": 6.0, "forecast": 8.0})
    way = way.assign(low=7.0, high=9.0)[PATH]
    with words.speaking(language):
        theme.use(language)
        charts.gap(parts(exposed=-2000.0, value=300.0), levels=LEVELS).canvas.draw()
        charts.gap(parts(participation=-20.0), levels=LEVELS[:3]).canvas.draw()
        pace_charts.pace(way, paced(row(came=9.0)), running=True).canvas.draw()
        pace_charts.pace(way, paced(row(pace=None, target=np.nan)), running=True).canvas.draw()
    assert charts.gap(parts(exposed=1.0).iloc[:0], levels=()) is None
    assert charts.gap(parts(exposed=1.0).assign(low=np.nan), levels=LEVELS) is None
    assert pace_charts.pace(way, paced(row()), running=False) is None
    assert pace_charts.pace(way, paced(row(forecast=np.nan)), running=True) is None


def test_a_part_of_the_gap_is_told_in_its_own_unit_and_no_reason_is_made_up():
    """A rate below its plan is so many points below it; why is to be checked, never read from the gap."""
    steps = pd.DataFrame([["participation", 0.6, 0.48]], columns=["step", "planned", "actual"])
    said = says.gap(parts(participation=-2000.0), levels=LEVELS, missing="", steps=steps)
    assert "below plan by 12.0 points (48.0% against 60.0%)" in said.text("en")
    assert "低于计划 12.0 个百分点（实际 48.0%，计划 60.0%）" in said.text("zh")
    assert "do not say why" in said.text("en")
    assert "说明不了原因" in said.text("zh")
    for language, banned in (("en", r"appeal|deliver\w*ed:"), ("zh", "吸引力|触达不足")):
        assert not re.search(banned, said.text(language))


def test_two_rates_of_participants_are_named_apart():
    """The goal is not the funnel's product and may count more users; where both agree nothing is said."""
    assert "目标为 2,200，漏斗计划为 2,220" in apart(2220.0, 1780.0).text("zh")
    assert "已剔除无触达记录的 24 人" in apart(2500.0, 2037.0).text("zh")
    assert "without 24 not recorded as shown it" in apart(2500.0, 2037.0).text("en")
    few = apart(2500.0, 2037.0, left_out=3.0)
    assert "leaves out fewer than 10 not recorded" in few.text("en")
    assert "不足 10 人" in few.text("zh")
    assert not re.search("2,037|2,040|2037|2040", few.text("en") + few.text("zh"))
    assert apart(2200.0, 1780.0).key == "campaign.plan_why.nothing"
    none = pd.DataFrame(columns=["metric", "target", "actual"])
    said = says.steps(
        pd.DataFrame([["exposed", 1.0, 1.0]], columns=["step", "planned", "actual"]), missing="", goals=none
    )
    assert said.values["apart"].key == "campaign.plan_why.nothing"


def test_a_guardrail_nobody_can_tell_stands_with_its_interval():
    """What was measured is told beside it; without a comparison that there is none."""
    said = says.guardrails(rails("cannot_tell"))
    assert "cannot tell whether net revenue was hurt (−4.9%, −16.6% to +6.7%)" in said.text("en")
    assert "净收入是否受损无法判断（−4.9%，−16.6% ~ +6.7%）" in said.text("zh")
    lost = says.guardrails(rails("cannot_tell").assign(relative=np.nan, relative_low=np.nan, relative_high=np.nan))
    assert "no usable comparison" in lost.text("en")
    assert "没有可用的比较" in lost.text("zh")


def test_a_control_group_in_the_audience_is_named():
    """Who was held out was not to be shown it: a share below 100% is then no failure of the channels."""
    for how in ("holdout", "ab"):
        held = says.audience(targets(), min_cell=10, comparison=how)
        assert "control group" in held.text("en")
        assert "对照组" in held.text("zh")
    plain = says.audience(targets(), min_cell=10, comparison="before_after")
    assert "control group" not in plain.text("en")


def test_a_chance_of_being_largest_is_never_told_as_certain():
    """First in all redrawn campaigns is more than 99 of 100, first in none less than one, as other chances are told."""
    for first, told in ((1.0, "&gt;99%"), (0.0, "&lt;1%")):
        html = tables.to_html(parts(first=first, exposed=-2000.0), area="campaign", name="plan_gap", specs=says.FORMATS)
        assert told in html
