"""The campaign's file: what it may hold, and every contradiction refused with its line before anything runs."""

from datetime import date

import pytest

from opsbook.errors import ParameterError
from opsbook.inputs.campaign import Note, Plan
from opsbook.inputs.campaign_laws import refuse_unanswerable
from opsbook.inputs.earlier import with_earlier, with_others
from opsbook.inputs.home import RunFile
from opsbook.inputs.run_params import CampaignRun
from opsbook.inputs.yaml_file import load, read_yaml

NOTEBOOK = "03_campaign_review"
DATES = "start: 2026-03-09\nend: 2026-03-22\n"
PLAN = """\
plan:
  exposed: 2000
  participation_rate: 0.5
  conversion_rate: 0.4
  order_value: 80
"""


def file(tmp_path, text, name="spring.yaml"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


def refusal(tmp_path, text):
    with pytest.raises(ParameterError) as raised:
        load(file(tmp_path, text), CampaignRun)
    assert raised.value.exit_code == 2
    return str(raised.value)


CONTRADICTIONS = {
    "ends before it starts": (
        "start: 2026-03-22\nend: 2026-03-09\n", ["`end` (line 2)", "ends (2026-03-09) before it starts"]),
    "phase outside": (
        DATES + "phases:\n  - {name: warm_up, start: 2026-03-01, end: 2026-03-10}\n",
        ["`phases.0` (line 4)", "warm_up is not within the campaign"]),
    "phases overlap": (
        DATES + "phases:\n  - {name: warm_up, start: 2026-03-09, end: 2026-03-12}\n"
        "  - {name: burst, start: 2026-03-12, end: 2026-03-20}\n",
        ["`phases.1` (line 5)", "burst overlaps the phase warm_up"]),
    "shares of phases": (
        DATES + "phases:\n  - {name: burst, start: 2026-03-09, end: 2026-03-22, share: 0.7}\n",
        ["`phases` (line 3)", "add up to 1 (found 0.7)"]),
    "shares leave days out": (
        DATES + "phases:\n  - {name: burst, start: 2026-03-09, end: 2026-03-20, share: 1}\n",
        ["`phases` (line 3)", "cover every day"]),
    "two goals of one metric": (
        "goals:\n  - {metric: orders, target: 3}\n  - {metric: orders, target: 4}\n",
        ["`goals.1.metric` (line 3)", "orders has two goals"]),
    "holdout without experiment": (
        "name: x\ncomparison: holdout\n", ["`comparison` (line 2)", "needs experiment_id"]),
    "holdout of nobody": (
        "comparison: holdout\nexperiment_id: x\ncontrol_share: 0\n", ["`control_share` (line 3)", "compares nothing"]),
    "variants do not add up": (
        "variants:\n  control: 0.5\n  a: 0.4\n", ["`variants` (line 1)", "add up to 1 (found 0.9)"]),
    "control is no variant": (
        "variants: {none: 0.5, a: 0.5}\n", ["`variants` (line 1)", "'control' is not among the variants"]),
    "control share contradicts": (
        "control_share: 0.2\nvariants: {control: 0.5, a: 0.5}\n",
        ["`control_share` (line 1)", "contradicts variants.control: 0.5"]),
    "did without anybody treated": (
        "name: x\ncomparison: did\n", ["`comparison` (line 2)", "needs `treated` (a rule) or `units`"]),
    "did with both": (
        "comparison: did\ntreated: {attribute: channel, equals: ads}\nunits: {attribute: channel, treated: [ads]}\n",
        ["`units` (line 3)", "once"]),
    "did by behaviour": (
        "comparison: did\ntreated: {since: last_activity, at_least: 7}\n",
        ["`treated` (line 2)", "regression to the mean"]),
    "synthetic control without units": (
        "name: x\ncomparison: synthetic_control\n", ["`comparison` (line 2)", "needs `units`"]),
    "treated where nobody asks": (
        "comparison: holdout\nexperiment_id: x\ntreated: {attribute: channel, equals: ads}\n",
        ["`treated` (line 3)", "not by comparison: holdout"]),
    "units where nobody asks": (
        "units: {attribute: channel, treated: [ads]}\n", ["`units` (line 1)", "not by comparison: before_after"]),
    "a unit treated twice": (
        "comparison: did\nunits: {attribute: channel, treated: [ads, ads]}\n",
        ["`units.treated` (line 2)", "'ads' stands twice"]),
    "nobody treated": (
        "comparison: did\nunits: {attribute: channel, treated: []}\n", ["`units.treated` (line 2)", "at least 1 item"]),
    "shares without a mean": (
        "comparison: did\nprimary_metric: buyers\ntreated: {attribute: channel, equals: ads}\n",
        ["`primary_metric` (line 2)", "means"]),
    "a placebo that is not over": (
        DATES + "after_days: 14\ncomparison: did\ntreated: {attribute: channel, equals: ads}\n"
        "placebo_dates: [2026-01-05, 2026-02-20]\n",
        ["`placebo_dates.1` (line 6)", "would be over on 2026-03-19"]),
    "placebos of a lot": (
        DATES + "placebo_dates: [2026-01-05]\n", ["`placebo_dates.0` (line 3)", "read by did with `treated`"]),
    "arms without a lot": (
        "primary_arms: [a]\nstrata: channel\n",
        ["`primary_arms` (line 1)", "`strata` (line 2)", "read by holdout and ab"]),
    "the control as primary arm": (
        "comparison: ab\nexperiment_id: x\nprimary_arms: [control]\n",
        ["`primary_arms.0` (line 3)", "'control' is the control"]),
    "a primary arm that is no variant": (
        "comparison: ab\nexperiment_id: x\nvariants: {control: 0.5, a: 0.5}\nprimary_arms: [b]\n",
        ["`primary_arms.0` (line 4)", "'b' is not among the variants (control, a)"]),
    "an unknown boundary": (
        "monitoring: obrien\n", ["`monitoring` (line 1)", "obrien_fleming"]),
    "margin above one": ("name: x\nmargin: 1.2\n", ["`margin` (line 2)", "less than or equal to 1"]),
    "subsidies over the budget": (
        "subsidies:\n  - {text: a, budget_share: 0.7}\n  - {text: b, budget_share: 0.5}\n",
        ["`subsidies` (line 1)", "add up to 1.2"]),
    "channels do not add up": (
        PLAN + "  by_channel:\n    push: {exposed: 900}\n    text: {exposed: 900}\n",
        ["`plan.by_channel` (line 6)", "exposed of the channels add up to 1800, the overall plan says 2000"]),
    "rates of channels do not add up": (
        PLAN + "  by_channel:\n    push: {exposed: 1000, participation_rate: 0.9}\n    text: {exposed: 1000}\n",
        ["`plan.by_channel` (line 6)", "participants of the channels add up to 1400, the overall plan says 1000"]),
    "a channel without its users": (
        PLAN + "  by_channel:\n    push: {participation_rate: 0.5}\n",
        ["`plan.by_channel.push` (line 7)", "needs exposed"]),
    "a plan with a hole": (
        "plan:\n  exposed: 10\n  order_value: 3\n",
        ["`plan.order_value` (line 3)", "order_value needs conversion_rate"]),
    "orders without value": (
        "plan:\n  exposed: 10\n  orders_per_buyer: 2\n",
        ["`plan.orders_per_buyer` (line 3)", "needs order_value"]),
    "a channel nobody uses": (
        "channels: [text]\nplan:\n  exposed: 5\n  by_channel:\n    push: {exposed: 5}\n",
        ["`plan.by_channel.push` (line 5)", "push is not in `channels` (text)"]),
    "budgets of channels": (
        "budget: 10\nplan:\n  by_channel:\n    push: {exposed: 5, budget: 20}\n",
        ["`plan.by_channel` (line 3)", "exceed the budget (10)"]),
    "two budgets": (
        "budget: 10\nplan: {budget: 20}\n", ["`plan.budget` (line 2)", "stands at `budget` of the file"]),
    "a guardrail that allows a gain": (
        "guardrails:\n  - {metric: revenue, worst: 0.02}\n",
        ["`guardrails.0.worst` (line 2)", "zero or below"]),
    "a misspelt step": ("plan:\n  expsed: 10\n", ["`plan.expsed` (line 2)", "did you mean exposed?"]),
    "a misspelt condition": (
        "audience_rule: {atribute: channel, equals: ads}\n",
        ["`audience_rule.atribute` (line 1)", "did you mean attribute?"]),
    "converting that is ordering": (
        DATES + "comparison: ab\nexperiment_id: a\nprimary_metric: converted\n",
        ["`primary_metric` (line 5)", "the metric is buyers"]),
    "converting without a lot": (
        DATES + "conversion_events: [guide]\nprimary_metric: converted\n",
        ["`primary_metric` (line 4)", "arms drawn by lot"]),
    "an earlier campaign that is later": (
        DATES + "earlier: {campaign_id: a, start: 2026-03-01, end: 2026-03-15}\n",
        ["`earlier.end` (line 3)", "must have ended before"]),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_a_contradiction_is_refused_with_its_line(tmp_path, case):
    """What cannot be meant together is one error with file, line and both sides, and exit code 2."""
    text, words = CONTRADICTIONS[case]
    said = refusal(tmp_path, text)
    assert [word for word in [*words, "spring.yaml"] if word not in said] == [], said


def test_all_contradictions_of_a_file_are_told_at_once(tmp_path):
    """Nobody has to run a file three times to find three mistakes."""
    said = refusal(tmp_path, DATES + "comparison: ab\nvariants: {control: 0.5}\nsubsidies: [{text: a}]\nbudget: 3\n")
    assert "`comparison` (line 3)" in said
    assert "`variants` (line 4)" in said


def test_a_file_of_the_first_version_is_still_valid(tmp_path):
    """Lessons as plain texts, goals without direction and no plan at all are read as before."""
    run = load(file(tmp_path, DATES + "goals:\n  - {metric: cost, target: 3}\nlessons: [start earlier]\n"), CampaignRun)
    assert run.lessons == [Note(text="start earlier")]
    assert run.goals[0].direction == "lower"
    assert (run.plan, run.audience_rule, run.earlier) == (None, None, None)


def test_everything_a_file_may_hold(tmp_path):
    """Plan, channels, variants, guardrails, subsidies, rule and notes are typed and travel as plain values."""
    text = DATES + PLAN + "  by_channel:\n    push: {exposed: 1200}\n    text: {exposed: 800}\n"
    text += (
        "channels: [push, text]\nbudget: 900\naudience_rule:\n  not: {count: orders, within_days: 90, at_least: 1}\n"
    )
    text += "variants: {control: 0.2, small: 0.4, large: 0.4}\nguardrails: [{metric: revenue, worst: -0.02}]\n"
    text += "subsidies: [{text: 5 off, face_value: 5, budget_share: 1}]\n"
    text += "decisions:\n  - {text: again in May, owner: Growth, due: 2026-04-01}\n"
    run = load(file(tmp_path, text), CampaignRun)
    assert run.plan.channel("push").level("revenue") == pytest.approx(1200 * 0.5 * 0.4 * 80)
    assert run.control_share == 0.2
    assert run.decisions[0].due == date(2026, 4, 1)
    plain = run.model_dump(mode="json", exclude_none=True, by_alias=True)
    assert CampaignRun.model_validate(plain) == run


def test_a_plan_may_be_written_by_channel_alone():
    """What the overall plan leaves open is not made up; a channel keeps its own rates."""
    plan = Plan(by_channel={"push": {"exposed": 10, "participation_rate": 0.5}})
    assert (plan.level("exposed"), plan.channel("push").level("participants")) == (None, 5)


ASKS = {
    "goal without its table": (
        "goals:\n  - {metric: revenue, target: 3}\n", ["`goals.0.metric` (line 2)", "revenue needs the table orders"]),
    "cost without costs": (
        "goals:\n  - {metric: cost, target: 3}\n", ["`goals.0.metric` (line 2)", "costs or redemptions"]),
    "holdout without assignments": (
        "comparison: holdout\nexperiment_id: x\n", ["`comparison` (line 1)", "needs the table assignments"]),
    "channels without exposures": (
        "plan:\n  by_channel:\n    push: {exposed: 3}\n", ["`plan.by_channel` (line 2)", "need the table exposures"]),
    "nobody can take part": (
        "goals:\n  - {metric: participants, target: 3}\n", ["`participation_events`", "without the table redemptions"]),
    "units of an attribute nobody has": (
        "comparison: did\nunits: {attribute: city, treated: [a]}\n",
        ["`units.attribute` (line 2)", "'city' is no attribute of users (known: channel)"]),
    "strata of an attribute nobody has": (
        "comparison: ab\nexperiment_id: x\nstrata: city\n", ["`strata` (line 3)", "'city' is no attribute"]),
    "treated by an attribute nobody has": (
        "comparison: did\ntreated: {attribute: citty, equals: a}\n", ["`treated` (line 2)", "'citty' does not exist"]),
    "weighted without anybody shown": (
        "comparison: weighted\n", ["`comparison` (line 1)", "needs `treated`, or the table exposures"]),
    "an attribute nobody has": (
        "audience_rule: {attribute: citty, equals: a}\n", ["`audience_rule` (line 1)", "'citty' does not exist"]),
}  # fmt: skip


@pytest.mark.parametrize("case", ASKS)
def test_what_the_company_has_no_table_for_is_refused_with_its_line(tmp_path, workbook, case):
    """A goal, comparison, channel or rule that no table can answer stops before a kernel starts."""
    text, words = ASKS[case]
    path = file(tmp_path, text)
    with pytest.raises(ParameterError) as raised:
        refuse_unanswerable(
            load(path, CampaignRun), workbook({"events": {"path": "e.csv"}}), lines=read_yaml(path)[1], where=path
        )
    assert [word for word in [*words, "spring.yaml"] if word not in str(raised.value)] == []
    assert raised.value.exit_code == 2


def test_a_fixed_cost_answers_a_cost_goal(tmp_path, workbook):
    """With a fixed cost written down a goal for cost needs no table; nor does a channel that is the user's own."""
    text = (
        "fixed_cost: 3\ngoals: [{metric: cost, target: 3}]\nplan: {channel_of: users, by_channel: {a: {exposed: 3}}}\n"
    )
    refuse_unanswerable(load(file(tmp_path, text), CampaignRun), workbook({"events": {"path": "e.csv"}}))


def campaign(tmp_path, name, start, end, kind="promotion"):
    text = f"campaign_id: {name}\ntype: {kind}\nstart: {start}\nend: {end}\nparticipation_events: [join]\n"
    return RunFile("", NOTEBOOK, name, file(tmp_path, text, f"{name}.yaml"))


def test_the_last_campaign_of_the_type_is_found_among_the_files(tmp_path):
    """The one that ended last before this one began, of the same type; broken files and other notebooks are passed."""
    files = [
        campaign(tmp_path, "older", "2026-01-01", "2026-01-10"),
        campaign(tmp_path, "last", "2026-02-01", "2026-02-10"),
        campaign(tmp_path, "lottery", "2026-02-15", "2026-02-20", "lottery"),
        campaign(tmp_path, "overlaps", "2026-03-01", "2026-03-12"),
        RunFile("", NOTEBOOK, "broken", file(tmp_path, "start: [\n", "broken.yaml")),
        RunFile("", NOTEBOOK, "undated", file(tmp_path, "campaign_id: x\n", "undated.yaml")),
        RunFile("", "01_user_lifecycle", "monthly", file(tmp_path, "period: last-month\n", "monthly.yaml")),
    ]
    run = CampaignRun(campaign_id="this", type="promotion", start="2026-03-09", end="2026-03-22")
    found = with_earlier(run, files).earlier
    assert (found.campaign_id, found.start, found.participation_events) == ("last", date(2026, 2, 1), ["join"])
    assert with_earlier(run.model_copy(update={"type": "offline"}), files).earlier is None
    assert with_earlier(with_earlier(run, files), files[:1]).earlier.campaign_id == "last"


def test_other_campaigns_of_the_days_shown_are_found(tmp_path):
    """Within four weeks before the start and the days after the end, but not the campaign itself nor distant ones."""
    texts = {"own": DATES, "near": "campaign_id: near\nstart: 2026-02-20\nend: 2026-02-24\n",
             "far": "campaign_id: far\nstart: 2025-01-01\nend: 2025-01-09\n"}  # fmt: skip
    files = []
    for name, text in texts.items():
        path = tmp_path / f"{name}.yaml"
        path.write_text(text if "campaign_id" in text else f"campaign_id: own\n{text}")
        files.append(RunFile("", NOTEBOOK, name, path))
    run = with_others(load(files[0].path, CampaignRun), files)
    assert [other.campaign_id for other in run.others] == ["near"]
    told = run.model_copy(update={"others": run.others * 2})
    assert with_others(told, files) is told
