"""The campaign plan says the right thing in both languages with equal numbers, and what it cannot know."""

import re
from datetime import date

import pandas as pd
import pytest

from opsbook.analysis import memory, registered, sizing
from opsbook.inputs.memory import typed
from opsbook.inputs.registration import in_time, promised
from opsbook.inputs.run_params import CampaignRun
from opsbook.page import theme, words
from opsbook.page.charts import plan as charts
from opsbook.page.says import plan as says
from opsbook.page.says import registered as registered_says

FILE = {"campaign_id": "sale", "name": "Sale", "name_zh": "大促", "start": "2026-03-09", "end": "2026-03-22",
        "type": "promotion", "comparison": "holdout", "experiment_id": "sale", "control_share": 0.2,
        "goals": [{"metric": "orders", "target": 500}]}  # fmt: skip
WANTED = {"days": 42, "worthwhile": 0.2}


def campaign(**changed) -> CampaignRun:
    return CampaignRun.model_validate(FILE | changed)


def sizes(*lifts: float) -> pd.DataFrame:
    """Lifts seen with 10, 20 and 50 % held out over 42 days (and twice as large over 14)."""
    rows = [[days, share, 1000, 1000 * share, 1.0, 0.3, lift / 2, lift * (1 if days == 42 else 2)]
            for days in (14, 42) for share, lift in zip((0.1, 0.2, 0.5), lifts, strict=True)]  # fmt: skip
    return pd.DataFrame(rows, columns=sizing.SIZES)


NAN = float("nan")
GOOD, MORE, FEW, NONE = sizes(0.19, 0.15, 0.1), sizes(0.4, 0.3, 0.2), sizes(0.9, 0.8, 0.7), sizes(NAN, NAN, NAN)
CASES = [
    ("enough", "good", "spare", GOOD, {}),
    ("exact", "good", "good", GOOD, {"control_share": 0.1}),
    ("more", "warn", "more", MORE, {}),
    ("needed", "warn", "no_share", GOOD, {"control_share": None}),
    ("too_few", "bad", "too_few", FEW, {}),
    ("none", "unknown", "unknown", NONE, {}),
    ("enough", "warn", "not_randomised", GOOD, {"comparison": "before_after"}),
]


@pytest.mark.parametrize(("sentence", "status", "verdict", "table", "changed"), CASES)
def test_every_verdict_with_its_sentence(sentence, status, verdict, table, changed):
    """To spare, just enough, more needed, no share yet, too few whatever is held out, unknown, without a lot."""
    file = campaign(**changed)
    share = sizing.smallest(table, **WANTED)
    said = says.sizes(table, share, planned=file.control_share, power=0.8, **WANTED)
    found, told = says.verdict(table, share, file, power=0.8, **WANTED)
    assert (said.key, found, told.key) == (f"plan.sizes.{sentence}", status, f"plan.verdict.{verdict}")
    for part in (said, told, says.rule(power=0.8, **WANTED)):
        assert numbers(part.text("en")) == numbers(part.text("zh"))


def test_numbers_are_missing_where_nothing_is_known():
    """Audience, smallest lift and holdout carry n; without sizes they are missing, not zero."""
    assert says.audience_number(GOOD)["value"] == 1000
    assert says.detectable(GOOD, days=42, planned=0.2)["value"] == 0.15
    assert says.holdout(GOOD, 0.1, days=42)["value"] == 100
    assert says.audience_number(GOOD.iloc[:0])["value"] is None
    assert says.detectable(NONE, days=42, planned=0.2)["value"] is None
    assert says.holdout(FEW, None, days=42)["value"] is None
    assert says.planned_holdout(GOOD, 0.2, days=42)["value"] == 200
    assert says.planned_holdout(GOOD, None, days=42) | {"method": ""} == {
        "key": "planned_holdout", "method": "", "card": False, "unit": "users", "value": None, "n": None,
    }  # fmt: skip


def test_planned_and_fewest_holdout_stand_side_by_side():
    """Whoever plans 20 % and would do with 10 % reads both, in people and as shares, in either language."""
    told = says.verdict(GOOD, 0.1, campaign(), power=0.8, **WANTED)[1]
    assert "hold out 200 users (20.0%)" in told.text("en")
    assert "to see one of the 20.0% worth having, 100 (10.0%) would do" in told.text("en")
    assert "计划留出 200 人（20.0%）作对照" in told.text("zh")
    assert "留 100 人（10.0%）即可" in told.text("zh")


def test_a_verdict_names_its_metric_and_its_certainty():
    """A lift is one of something, and seen so often: neither is left to the line of the rule."""
    for table, share in ((GOOD, 0.1), (MORE, 0.5), (FEW, None)):
        told = says.verdict(table, share, campaign(), power=0.8, **WANTED)[1]
        assert "in orders of" in told.text("en")
        assert "80.0% certainty" in told.text("en")
        assert numbers(told.text("en")) == numbers(told.text("zh"))


def test_a_plan_registered_after_the_start_is_for_the_next_campaign():
    """It is called neither good nor bad any more, and the sentence says for which campaign it holds."""
    said = says.verdict(GOOD, 0.1, campaign(), power=0.8, **WANTED)
    start = date(2026, 3, 9)
    for registered_on in (None, date(2026, 3, 8)):
        assert says.standing(*said, start=start, registered_on=registered_on) == said
    status, late = says.standing(*said, start=start, registered_on=start)
    assert status == "neutral"
    assert "began on 9 Mar 2026" in late.text("en")
    assert "for the next one like it. Measurable" in late.text("en")
    assert "2026年3月9日" in late.text("zh")


def test_durations_are_compared_where_there_are_several():
    """Each span with its smallest share, or that none is enough."""
    said = says.durations(MORE, **WANTED)
    assert "14 days → none is enough" in said.text("en")
    assert "42 days → 50.0%" in said.text("en")
    assert numbers(said.text("en")) == numbers(said.text("zh"))
    assert says.durations(GOOD[GOOD["days"] == 42], **WANTED) is None


def test_goals_are_judged_or_it_says_why_not():
    """No goals, no planned reach, no earlier campaign; else each goal with its judgement."""
    rows = [["orders", 500.0, 140.0, 280.0, 240.0, 320.0, "ambitious"],
            ["revenue", 9e3, 6e3, 12e3, 10e3, 14e3, "modest"]]  # fmt: skip
    table = pd.DataFrame(rows, columns=["metric", "target", "last", "expected", "low", "high", "judgement"])
    earlier = {
        "campaign_id": "old",
        "name": "Old sale",
        "name_zh": "老大促",
        "start": "2026-01-01",
        "end": "2026-01-09",
    }
    file = campaign(earlier=earlier)
    assert says.goals(table.iloc[:0], campaign(goals=[]), exposed=None).key == "plan.goals.no_goals"
    assert says.goals(table.iloc[:0], file, exposed=None).key == "plan.goals.no_plan"
    assert says.goals(table.iloc[:0], file, exposed=100.0).key == "plan.goals.no_last"
    assert says.goals(table.iloc[:0], campaign(), exposed=100.0).key == "plan.goals.no_earlier"
    english = says.goals(table, file, exposed=4000.0).text("en")
    assert "Old sale" in english
    assert "goal 500: ambitious" in english
    with words.speaking("zh", currency="CNY"):
        chinese = says.goals(table, file, exposed=4000.0).text("zh")
    assert "老大促" in chinese
    assert "偏高" in chinese
    theme.use("en", "#2f5d8a")
    assert charts.goals(table) is not None
    assert charts.goals(table.iloc[:0]) is None
    assert charts.sizes(GOOD, planned=0.2, **WANTED) is not None
    assert charts.sizes(NONE, planned=0.2, **WANTED) is None


@pytest.mark.parametrize(("lift", "reach"), [(0.5, "above"), (0.2, "unclear"), (0.01, "below")])
def test_the_typical_effect_is_set_against_the_lift_worth_having(lift, reach):
    """Three earlier promotions clearly above, around or clearly below it; of two nothing is said."""
    rows = [{"company": "c", "campaign_id": str(k), "type": "promotion", "grade": "A", "after_complete": True,
             "primary_metric": "orders", "start": f"2026-01-0{k + 1}", "end": "2026-01-31",
             "relative": lift + k / 100, "relative_low": lift + k / 100 - 0.02,
             "relative_high": lift + k / 100 + 0.02} for k in range(3)]  # fmt: skip
    before = typed(pd.DataFrame(rows))
    groups = memory.typical(before, memory.planned(campaign()))
    said = says.before(before, groups, campaign())
    assert said.values["against"].key == f"plan.before.{reach}"
    assert numbers(said.text("en")) == numbers(said.text("zh"))
    few = says.before(before.iloc[:2], memory.typical(before.iloc[:2], memory.planned(campaign())), campaign())
    assert few.key == "plan.before.few"


def test_the_page_says_whom_it_is_about_and_what_it_promises():
    """By rule or everybody active; the promise lists what the file says and leaves out what it does not."""
    for changed, kind in (({}, "active"), ({"audience_rule": {"since": "last_activity", "at_most": 9}}, "rule")):
        file = campaign(**changed)
        said = says.audience(file, sizing.audience_of(file), as_of=date(2026, 3, 8))
        assert said.key == f"plan.audience.{kind}"
    told = says.promises(campaign()).set_index("field")["promised"]
    assert str(told["primary_metric"]) == "orders"
    assert "guardrails" not in told
    assert len(says.limits()) == 3
    assert says.name(campaign(name="", name_zh="")) == "sale"


@pytest.mark.parametrize(("day", "case"), [(date(2026, 3, 1), "in_time"), (date(2026, 3, 9), "late"), (None, "open")])
def test_the_promise_names_the_day_of_its_registration(day, case):
    """Before the first day it is a promise, on that day it is too late, and a page made by hand registers nothing."""
    said = says.promise(campaign(), registered_on=day)
    assert said.key == f"plan.promise.{case}"
    assert set(numbers(said.text("en"))) == set(numbers(said.text("zh"))) - {"3"}  # the month, a name in English
    assert (day is None) == ("Not registered" in said.text("en"))


def test_promises_are_read_as_words_not_as_settings():
    """Goals, guardrails, shares and rules in both languages; no key shows, and a rare rule is as written."""
    goals = [{"metric": "participants", "target": 2200}, {"metric": "cost", "target": 20000, "direction": "lower"}]
    file = campaign(
        goals=goals, guardrails=[{"metric": "revenue", "worst": -0.02}], control_share=0.2, monitoring="pocock",
        audience_rule={"since": "last_activity", "at_most": 27},
    )  # fmt: skip
    told = says.promises(file).set_index("field")["promised"]
    assert told["goals"].text("en") == "participants at least 2,200 and cost at most 20,000"
    assert told["guardrails"].text("en") == "net revenue no worse than −2.0%"
    assert told["audience_rule"].text("zh") == "近 28 天内活跃过的用户"
    assert "Pocock" in told["monitoring"].text("zh")
    for cell in told:
        assert not {"=", "_"} & set(str(cell)), cell
    odd = says.promises(campaign(audience_rule={"count": "orders", "within_days": 30, "at_least": 2}))
    assert "count = orders" in odd.set_index("field")["promised"]["audience_rule"]


@pytest.mark.parametrize(
    ("case", "days", "changed"),
    [("none", [], {}), ("late", ["2026-03-10"], {}), ("kept", ["2026-03-01"], {}),
     ("kept", ["2026-02-01", "2026-03-08", "2026-03-09"], {}),
     ("changed", ["2026-03-01"], {"primary_metric": "revenue"})],
)  # fmt: skip
def test_a_promise_is_kept_changed_late_or_missing(case, days, changed):
    """The last registration before the first day counts; one on the first day is too late."""
    versions = [{"registered_on": day, "promised": promised(campaign())} for day in days]
    kept = in_time(versions, date(2026, 3, 9))
    table = registered.compared(kept and kept["promised"], promised(campaign(**changed)))
    said = registered_says.promise(table, kept, versions, start=date(2026, 3, 9))
    assert said.key == f"campaign.registered.{case}"
    assert kept is None or kept["registered_on"] == max(day for day in days if day < "2026-03-09")
    assert said.text("zh")


def numbers(text: str) -> list[str]:
    return sorted(re.findall(r"[+−]?\d+(?:[.,]\d+)*%?", text.replace("95%", "")))


@pytest.mark.parametrize(("language", "told"), [("en", ["Sale", "control group"]), ("zh", ["大促", "对照组"])])
def test_a_promise_calls_things_by_their_names(language, told):
    """Experiment and control stand with the names that readers know, groups nobody named with their own."""
    with words.speaking(language):
        shown = says.promises(campaign(control_share=0.5, variants={"control": 0.5, "b_2": 0.5})).set_index("field")
        texts = shown["promised"].map(str)
        other = says.promises(campaign(experiment_id="exp_7")).set_index("field")["promised"]
    assert texts[["experiment_id", "control"]].tolist() == told
    assert "b_2 50.0%" in texts["variants"]
    assert told[1] in texts["variants"]
    assert other["experiment_id"] == "exp_7"


def test_labels_of_the_lengths_stand_apart():
    """Lengths whose lines end together are still told apart: no two labels meet."""
    table = pd.concat([sizes(0.2 + step / 1000, 0.15, 0.1).assign(days=28 + 14 * step) for step in range(3)])
    with words.speaking("zh"):
        fig = charts.sizes(table, days=42, worthwhile=0.2, planned=0.2)
        fig.canvas.draw()
        boxes = [text.get_window_extent() for text in fig.axes[0].texts if "天" in text.get_text()]
    assert len(boxes) == 3
    assert not any(one.overlaps(other) for place, one in enumerate(boxes) for other in boxes[:place])


def test_a_chart_of_one_share_is_drawn():
    """A short audience leaves one holdout that sees any lift; its chart needs no warning and no second point."""
    with words.speaking("en"):
        assert charts.sizes(sizes(0.9, NAN, NAN), days=28, worthwhile=0.2, planned=None) is not None


def test_a_plan_says_from_which_lift_it_pays():
    """With budget and margin the lift that earns the cost stands on the page; without them, that it cannot be told."""
    spent = pd.DataFrame({"days": [42], "users_now": [4000], "users": [3900], "mean": [50.0], "variance": [10000.0]})
    asked = {"days": 42, "control_share": 0.2, "margin": 0.35}
    told = says.pays(sizing.break_even(spent, cost=5600.0, **asked), campaign(), GOOD, days=42)
    assert told.key == "plan.pays.known"
    assert "10.0%" in told.text("en")
    assert numbers(told.text("en")) == numbers(told.text("zh"))
    assert says.pays_finding(told) == told


@pytest.mark.parametrize(
    ("spent", "changed", "case"),
    [({"variance": [1e6]}, {}, "open"), ({}, {"margin": None}, "unplanned"), ({}, {"budget": None}, "unplanned"),
     ({"mean": [0.0]}, {}, "no_sales"), ({"days": [14]}, {}, "no_sales")],
)  # fmt: skip
def test_why_the_lift_that_pays_is_open_or_unknown(spent, changed, case):
    """No upper end where spending differs too much; else the reason: not planned, or nothing bought in the data."""
    table = {"days": [42], "users_now": [4000], "users": [390], "mean": [50.0], "variance": [10000.0]} | spent
    file = campaign(**({"budget": 5600.0, "margin": 0.35} | changed))
    planned = {"control_share": 0.2, "cost": file.budget, "margin": file.margin}
    said = says.pays(sizing.break_even(pd.DataFrame(table), days=42, **planned), file, GOOD, days=42)
    assert said.key == f"plan.pays.{case}"
    assert numbers(said.text("en")) == numbers(said.text("zh"))
    assert (says.pays_finding(said) is None) == (case != "open")


@pytest.mark.parametrize(
    ("changed", "told"),
    [({"worthwhile_lift": 0.05}, True), ({"worthwhile_lift": 0.09}, False), ({"worthwhile_lift": 0.2}, False),
     ({"worthwhile_lift": 0.05, "primary_metric": "active_days"}, False)],
)  # fmt: skip
def test_a_bar_that_would_not_earn_the_cost_is_named(changed, told):
    """A worthwhile lift clearly below the one that pays is told in both languages; active days earn nothing."""
    earned = sizing.BreakEvenLift(lift=0.1, low=0.08, high=0.13, mean=50.0, cost=5600.0, margin=0.35)
    said = says.pays(earned, campaign(**changed), GOOD, days=42)
    assert ("would not pay" in said.text("en"), "不能回本" in said.text("zh")) == (told, told)
    assert numbers(said.text("en")) == numbers(said.text("zh"))


@pytest.mark.parametrize(
    ("changed", "near", "unseen"),
    [({"worthwhile_lift": 0.1}, True, True), ({"worthwhile_lift": 0.2}, False, True),
     ({"control_share": 0.5}, False, False), ({"primary_metric": "active_days", "worthwhile_lift": 0.1}, False, False)],
)  # fmt: skip
def test_a_lift_that_just_pays_is_set_beside_what_is_wanted_and_seen(changed, near, unseen):
    """A bar inside the interval may not earn the cost; a holdout that sees 15 % may miss a lift of 10 % that pays."""
    earned = sizing.BreakEvenLift(lift=0.1, low=0.08, high=0.13, mean=50.0, cost=5600.0, margin=0.35)
    said = says.pays(earned, campaign(**({"control_share": 0.2} | changed)), GOOD, days=42)
    assert ("may or may not earn" in said.text("en"), "未必能回本" in said.text("zh")) == (near, near)
    assert ("may not be seen" in said.text("en"), "未必测得出" in said.text("zh")) == (unseen, unseen)
    assert ("500 users (50.0%) held out would see it with the same certainty" in said.text("en")) == unseen
    assert numbers(said.text("en")) == numbers(said.text("zh"))


def test_a_lift_that_pays_and_no_holdout_sees_is_said_to_stay_unseen():
    """Where even half of the audience held out does not show it, no number is promised."""
    earned = sizing.BreakEvenLift(lift=0.05, low=0.04, high=0.06, mean=50.0, cost=5600.0, margin=0.35)
    said = says.pays(earned, campaign(), GOOD, days=42)
    assert "however many are held out" in said.text("en")
    assert "再多对照也不行" in said.text("zh")
