"""Every sentence of notebook 03 takes the right case, says the same numbers in both languages, and claims no cause."""

import re
from collections import Counter
from datetime import date

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import attainment, before_after, money
from opsbook.analysis.selection import Gap
from opsbook.analysis.verdict import RULES, UNKNOWN, Evidence, Span, Verdict
from opsbook.inputs.campaign import Note
from opsbook.inputs.run_params import Goal
from opsbook.inputs.workbook import Incident
from opsbook.page import tables, theme, words
from opsbook.page.charts import campaign as charts
from opsbook.page.says import abnormal as abnormal_says
from opsbook.page.says import campaign as says
from opsbook.page.says import campaign_evidence as evidence
from opsbook.page.says import campaign_numbers as numbers
from opsbook.page.says import campaign_verdict
from opsbook.page.words import Sentence

NAN = float("nan")
CAUSAL = re.compile(r"\bcaus(e|ed|es)\b|\braised\b|\blowered\b|\badded\b|\bbrought\b|带来|使|造成", re.IGNORECASE)


def goals(*actual: float) -> pd.DataFrame:
    metrics = ["orders", "revenue", "participants"]
    asked = [Goal(metric=name, target=100) for name in metrics[: len(actual)]]
    return attainment.attained(dict(zip(metrics, actual, strict=False)), asked)


def said_goals(*actual: float):
    table = goals(*actual)
    return says.goals(table)


def with_cost(*actual: float, cost: float = 860.0, budget: float | None = 1000.0):
    """The goals and a cost goal of 1,000, as the sentence tells them."""
    limit = attainment.attained({"cost": cost}, [Goal(metric="cost", target=1000, direction="lower")])
    table = pd.concat([goals(*actual), limit]) if actual else limit
    return says.goals(table, budget=budget)


def totals(during: float = 150, after: float = 100, ratio: float = 1.5) -> pd.DataFrame:
    rows = [("campaign", during, 100.0, 90.0, 110.0, ratio), ("after", after, 100.0, 90.0, 110.0, after / 100)]
    return pd.DataFrame(rows, columns=["phase", "actual", "expected", "low", "high", "ratio"])


def funnel(*users: int, young: int = 0) -> pd.DataFrame:
    first = max(users[0], 1) if users else 1
    steps = zip(["exposed", "view <b>", "converted"], users, users[:1] + users, strict=False)
    rows = [
        (k, name, n, max(p - n, 0), n / first, n / first - 0.01, n / first + 0.01, n / max(p, 1))
        for k, (name, n, p) in enumerate(steps, 1)
    ]
    names = ["step", "event", "users", "lost", "share_of_entry", "share_of_entry_low", "share_of_entry_high"]
    return pd.DataFrame(rows, columns=[*names, "share_of_previous"]).assign(incomplete=young)


def reach(participants: int = 40, exposed: int = 100) -> pd.DataFrame:
    rate = participants / exposed if exposed else NAN
    row = {"group": "all", "members": 120, "exposed": exposed, "participants": participants, "converters": 9}
    row |= {"participation": rate, "participation_low": rate - 0.05, "participation_high": rate + 0.05}
    return pd.DataFrame([row])


def by_channel(*shares: float) -> pd.DataFrame:
    rows = [("search", 50, s, s - 0.02, s + 0.02) for s in shares[:1]]
    rows += [("other", 50, s, s - 0.02, s + 0.02) for s in shares[1:]]
    names = ["group", "exposed", "participation", "participation_low", "participation_high"]
    return pd.DataFrame(rows, columns=names)


def costs(*amounts: float) -> pd.DataFrame:
    table = pd.DataFrame({"kind": ["media", "redemptions"][: len(amounts)], "detail": "", "amount": amounts})
    return table.astype({"amount": float}).assign(share=0.5)


def returns(
    low: float = 400.0, value: float = 500.0, high: float = 600.0, *, margin: float | None = 0.5, cost: float = 100
):
    amount = money.Amount(value, low, high)
    return money.returns(gross_revenue=1000.0, incremental=amount, margin=margin, cost=cost)


def health(*, failed: str = "", ratio: str = "passed") -> pd.DataFrame:
    checks = ["sample_ratio", "balance", "control_exposed", "crossed"]
    outcomes = ["failed" if check == failed else "passed" for check in checks]
    outcomes[0] = ratio if not failed else outcomes[0]
    return pd.DataFrame({"check": checks, "measured": 0.5, "limit": 0.001, "outcome": outcomes})


ARMS = pd.DataFrame({"variant": ["control", "t"], "users": [200, 800]})


def increments(during: float = 0.4, after: float = 0.1, net: float = 0.2, metric: str = "orders") -> pd.DataFrame:
    rows = [
        (metric, window, method, 800, 200, 1.2, 1.0, v, v - 0.05, v + 0.05, v, v - 0.05, v + 0.05, 800 * v, 1.0, 2.0)
        for window, v in (("during", during), ("after", after), ("net", net))
        for method in ("plain", "cuped")
    ]
    names = ["metric", "window", "method", "treated_users", "control_users", "treated", "control", "difference", "low"]
    names += ["high", "relative", "relative_low", "relative_high", "total", "total_low", "total_high"]
    return pd.DataFrame(rows, columns=names)


def span(value: float) -> Span:
    return Span(value, value - 0.05, value + 0.05)


def facts(during: float = 0.4, after: float = 0.1, net: float = 0.2, *, unknown_net: bool = False, **more) -> Evidence:
    total = UNKNOWN if unknown_net else span(net)
    more = {"comparison": "holdout", **more}
    known = {"during": span(during), "after": span(after), "net": total}
    return Evidence(net_relative=total, **known, **more)


def effect(*values: float, grade: str = "A", rule: str = "works_and_pays", metric: str = "orders", **changes):
    decision, table = Verdict(RULES[rule][0], rule, grade), increments(*values, metric=metric)
    if metric != "orders":
        table = table.assign(treated=0.5221, control=0.4847, difference=0.0375)[table["method"] == "plain"]
    return evidence.effect(table, facts(*values, **changes), decision, metric=metric)


def compared(low: float, high: float, rows: int = 1) -> pd.DataFrame:
    row = ["revenue", 80, 20.0, 25.0, 5.0, low, high, 0.25, 0.01]
    names = ["metric", "users", "before", "during", "change", "low", "high", "relative", "p"]
    return pd.DataFrame([row] * rows, columns=names)


def fell(users: int) -> pd.DataFrame:
    rows = [("fell_by_half", users, 572.0, 183.0, 296.0), ("everybody", 900, 424.0, 464.0, 463.0)]
    return pd.DataFrame(rows, columns=["group", "users", "first", "second", "third"])


KEEP = Verdict("keep", "works_without_cost", "A")


def flat_beside(orders=0.0):
    """Net lines of orders and revenue; orders may stand clearly above the control group."""
    rows = [("orders", orders), ("revenue", 0.01)]
    table = pd.DataFrame(rows, columns=["metric", "relative"]).assign(window="net", method="cuped")
    return table.assign(relative_low=table["relative"] - 0.1, relative_high=table["relative"] + 0.1)


CASES = {
    "goals.none": lambda: said_goals(),
    "goals.all": lambda: said_goals(100, 130),
    "goals.some": lambda: said_goals(100, 80, 70),
    "goals.missed": lambda: said_goals(90, 80),
    "goals.unknown": lambda: said_goals(NAN, NAN),
    "goals.and_cost": lambda: with_cost(90, 80),
    "goals.cost_only": lambda: with_cost(),
    "phases.no_baseline": lambda: says.phases(totals(ratio=NAN), metric="orders"),
    "phases.up": lambda: says.phases(totals(), metric="orders"),
    "phases.up_then_dip": lambda: says.phases(totals(after=70), metric="active_users"),
    "phases.down": lambda: says.phases(totals(80, ratio=0.8), metric="orders"),
    "phases.unclear": lambda: says.phases(totals(105, ratio=1.05), metric="orders"),
    "phases.totals": lambda: says.phase_totals(),
    "funnel.no_path": lambda: says.funnel(funnel()),
    "funnel.empty": lambda: says.funnel(funnel(0, 0)),
    "funnel.young": lambda: says.funnel(funnel(0, 0, young=7)),
    "funnel.one_step": lambda: says.funnel(funnel(12)),
    "funnel.loss": lambda: says.funnel(funnel(100, 40, 30)),
    "funnel.loss_young": lambda: says.funnel(funnel(100, 90, 30, young=5)),
    "participants.nobody": lambda: says.participants(reach(0), 0, min_cell=10),
    "participants.rate": lambda: says.participants(reach(), 9, min_cell=10),
    "participants.rate_new": lambda: says.participants(reach(), 12, min_cell=10),
    "participants.no_exposure": lambda: says.participants(reach(exposed=0), 12, min_cell=10),
    "channels.none": lambda: says.channels(by_channel(NAN)),
    "channels.one": lambda: says.channels(by_channel(0.4)),
    "channels.differ": lambda: says.channels(by_channel(0.4, 0.6)),
    "channels.alike": lambda: says.channels(by_channel(0.41, 0.43)),
    "health.none": lambda: evidence.health(health().iloc[:0], ARMS.iloc[:0]),
    "health.good": lambda: evidence.health(health(), ARMS),
    "health.untested": lambda: evidence.health(health(ratio="untested"), ARMS),
    "health.bad": lambda: evidence.health(health(failed="balance"), ARMS),
    "effect.none": lambda: effect(grade="D", rule="before_after_only", unknown_net=True),
    "effect.broken": lambda: effect(grade="E", rule="sample_ratio_mismatch", unknown_net=True),
    "effect.untested": lambda: effect(grade="C", rule="plan_unknown"),
    "effect.untested_rule": lambda: effect(grade="C", rule="checks_untested", comparison="did"),
    "effect.adjusted": lambda: effect(grade="C", rule="adjusted_only", comparison="weighted"),
    "effect.checks_failed": lambda: effect(grade="D", rule="checks_failed", failed=("fit", "pre_trend")),
    "effect.open": lambda: effect(rule="after_not_over", after_complete=False),
    "effect.up_caused": lambda: effect(),
    "effect.down_caused": lambda: effect(0.1, -0.4, -0.2, rule="net_loss"),
    "effect.moved_caused": lambda: effect(0.4, -0.3, 0.01, rule="pulled_forward"),
    "effect.share_up_caused": lambda: effect(metric="converted"),
    "effect.share_down_caused": lambda: effect(0.1, -0.4, -0.2, rule="net_loss", metric="converted"),
    "effect.share_unclear": lambda: effect(0.02, 0.01, 0.01, rule="too_small", metric="buyers"),
    "effect.unclear": lambda: effect(0.02, 0.01, 0.01, rule="too_small"),
    "beside.unclear": lambda: evidence.beside(flat_beside(), KEEP, metric="converted"),
    "beside.some": lambda: evidence.beside(flat_beside(orders=0.3), KEEP, metric="converted"),
    "beside.all": lambda: evidence.beside(flat_beside(orders=0.3).head(1), KEEP, metric="buyers"),
    "effect.ledger": lambda: evidence.ledger(increments(), effect(), metric="orders"),
    "before_after.none": lambda: evidence.before_after(compared(1, 9, 0)),
    "before_after.clear": lambda: evidence.before_after(compared(1, 9)),
    "before_after.unclear": lambda: evidence.before_after(compared(-1, 11)),
    "regression.none": lambda: evidence.regression(fell(9).iloc[:0]),
    "regression.few": lambda: evidence.regression(fell(9)),
    "regression.shown": lambda: evidence.regression(fell(156)),
    "selection.none": lambda: evidence.selection(Gap("exposed_only", NAN, NAN, NAN)),
    "selection.no_before": lambda: evidence.selection(Gap("exposed_only", NAN, 9.0, NAN)),
    "selection.behind": lambda: evidence.selection(Gap("exposed_only", -3.0, -1.0, 3.0)),
    "selection.mostly": lambda: evidence.selection(Gap("not_reached", 451.8, 476.8, 0.948)),
    "selection.partly": lambda: evidence.selection(Gap("exposed_only", 10.0, 100.0, 0.1)),
    "ledger.nothing": lambda: says.ledger(costs(), budget=None),
    "ledger.plain": lambda: says.ledger(costs(100, 300), budget=None),
    "ledger.within": lambda: says.ledger(costs(100, 300), budget=500),
    "ledger.over": lambda: says.ledger(costs(100, 300), budget=350),
    "roi.no_cost": lambda: says.returns(returns(cost=0), grade="A"),
    "roi.gross_only": lambda: says.returns(returns(NAN, NAN, NAN), grade="A"),
    "roi.no_margin": lambda: says.returns(returns(margin=None), grade="A"),
    "roi.pays": lambda: says.returns(returns(), grade="A"),
    "roi.likely_pays": lambda: says.returns(returns(low=100), grade="A"),
    "roi.likely_loses": lambda: says.returns(returns(100, 150, 400), grade="A"),
    "roi.loses": lambda: says.returns(returns(-50, 20, 90), grade="A"),
    "price.known": lambda: says.price(money.Amount(5.0, 2.0, 10.0), money.Amount(20.0, 10.0, 50.0), cost=100),
    "price.unknown": lambda: says.price(money.NOTHING_KNOWN, money.Amount(20.0, -10.0, 50.0), cost=100),
    "price.free": lambda: says.price(money.NOTHING_KNOWN, money.Amount(20.0, -10.0, 50.0), cost=0),
    "price.none": lambda: says.price(money.NOTHING_KNOWN, money.NOTHING_KNOWN, cost=100),
    "lessons.none": lambda: says.lessons(says.written([], [])),
    "lessons.some": lambda: says.lessons(says.written([Note(text="start earlier")], [Note(text="again in May")])),
    "verdict_days.short": lambda: campaign_verdict.basis(metric="orders", days=28, known=7, worthwhile_lift=0.2),
    "verdict_days.none": lambda: campaign_verdict.basis(metric="orders", days=28, known=-3, worthwhile_lift=0.2),
    "verdict_days.during": lambda: campaign_verdict.basis(metric="orders", days=0, known=0, worthwhile_lift=0.2),
    "verdict.metric": lambda: campaign_verdict.basis(metric="orders", days=28, known=28, worthwhile_lift=0.2),
}


@pytest.mark.parametrize(
    ("said", "english", "chinese"),
    [
        (with_cost(90, 80), "None of 2 business goals was reached", "2 个业务目标均未达成"),
        (with_cost(90, 80), "Booked cost within budget (86.0% used).", "已入账成本在预算内（已用 86.0%）。"),
        (
            with_cost(90, 80, budget=900.0),
            "Booked cost within its goal (86.0% used).",
            "已入账成本在目标内（已用 86.0%）。",
        ),
        (
            with_cost(90, 80, cost=1016.0),
            "Booked cost over budget (101.6% used).",
            "已入账成本超出预算（已用 101.6%）。",
        ),
        (with_cost(100, 80), "1 of 2 business goals was reached", "2 个业务目标中达成 1 个"),
        (with_cost(100, 130), "All 2 business goals were reached", "2 个业务目标全部达成"),
        (with_cost(90), "The one business goal was not reached", "唯一的业务目标未达成"),
        (
            with_cost(100),
            "The one business goal (orders of everyone reached) was reached",
            "唯一的业务目标（触达用户订单数）已达成",
        ),
        (with_cost(), "No business goal was set.", "未设定业务目标。"),
        (with_cost(100, cost=0.0), "No cost is booked, so nobody can say", "没有入账成本，无法判断"),
        (
            said_goals(100),
            "The one goal (orders of everyone reached) was reached.",
            "唯一的目标（触达用户订单数）已达成",
        ),
        (
            said_goals(100, NAN),
            "The one goal that can be checked was reached; of 1 more",
            "1 个目标全部达成；另有 1 个缺少",
        ),
        (said_goals(90, NAN), "The one goal that can be checked was not reached", "1 个目标均未达成"),
        (said_goals(90, 80, NAN), "None of 2 goals was reached", "2 个目标均未达成"),
        (said_goals(100, 80, NAN), "of 1 more the data to check it are missing", "另有 1 个缺少核对所需的数据"),
    ],
)
def test_a_cost_below_its_budget_is_no_goal_of_the_business_reached(said, english, chinese):
    """Goals of the business are counted by themselves; of the cost stands how much of its limit was used."""
    told = same_in_both(said)
    assert english in told[0]
    assert chinese in told[1]


def test_the_table_of_goals_shows_how_much_of_the_budget_was_used():
    """A cost of 860 of 1,000 stands as 86 % used, not as 116 % attained."""
    limit = attainment.attained({"cost": 860.0}, [Goal(metric="cost", target=1000, direction="lower")])
    assert says.goal_table(pd.concat([goals(90), limit]))["goal_share"].round(3).tolist() == [0.9, 0.86]


def test_how_attainment_is_counted_agrees_with_the_table_beside_it():
    """The formula and the definition tell a cost as the share used, as chart and table do; only the mean turns it."""
    for key in ("campaign.passport.goals.formula", "campaign.definition.attainment"):
        told = [words.Sentence(key).text(language) for language in words.LANGUAGES]
        for text, used, mean in zip(
            told, ("used", "已用占比"), ("mean takes a cost as target", "加权平均时成本按"), strict=True
        ):
            assert 0 < text.index(used) < text.index(mean)


def figures_in(text: str) -> Counter:
    return Counter(re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?%?", text))


def same_in_both(sentence: words.Sentence) -> tuple[str, str]:
    """The two texts, after the checks that hold for every sentence."""
    english, chinese = sentence.text("en"), sentence.text("zh")
    assert not figures_in(english) - figures_in(chinese), (english, chinese)
    assert re.search(r"[\u4e00-\u9fff]", chinese)
    assert not re.search(r"[\u4e00-\u9fff]|\bnan\b|\bNone$|\{|\}", english)
    return english, chinese


@pytest.mark.parametrize("case", CASES)
def test_each_case_is_reached_and_says_the_same_numbers_in_both_languages(case):
    """The table leads to its case, and English and Chinese tell the same figures."""
    sentence = CASES[case]()
    assert sentence.key == f"campaign.{case}"
    same_in_both(sentence)


@pytest.mark.parametrize(
    ("unseen", "english", "chinese"),
    [
        (3, "Fewer than 10 more took part", "另有不足 10 人参与"),
        (12, "12 more took part", "另有 12 人参与"),
        (0, "", ""),
    ],
)
def test_a_few_participants_without_a_record_are_not_counted(unseen, english, chinese):
    """Those who took part unseen are told by number from min_cell on, below it only as fewer than that."""
    table = reach().assign(participants=40 + unseen)
    told = same_in_both(says.participants(table, 0, min_cell=10))
    assert english in told[0]
    assert chinese in told[1]
    assert (" 3 " in told[0]) is False
    assert ("record" in told[0]) == (unseen > 0)


def test_the_windows_of_regression_are_named_by_their_days():
    """Three windows of 28 days end the day before the start: the headings say which days before it they hold."""
    assert before_after.QUIET_DAYS == 28
    days = ["84–57", "56–29", "28–1"]
    for language, tilde in (("en", "–"), ("zh", "~")):
        with words.speaking(language):
            heads = [tables.column_label(name, "campaign") for name in evidence.quiet(fell(156)).columns[2:]]
        assert [span.replace("–", tilde) in head for span, head in zip(days, heads, strict=True)] == [True] * 3


def test_every_case_of_the_catalogue_has_a_test():
    """No sentence of the parts that choose a case is left out; verdicts and rules are tried below."""
    chosen = {case.split(".")[0] for case in CASES} - {"verdict"}
    known = {key.removeprefix("campaign.") for key in words.keys("campaign.")}
    assert {key for key in known if key.split(".")[0] in chosen} == set(CASES) - {"verdict.metric"}


@pytest.mark.parametrize("metric", ["orders", "revenue", "active_days", "buyers"])
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_its_verdict_in_both_languages(rule, metric):
    """Each rule gives a verdict and its own name in words; without grade A none of them claims a cause."""
    grade = "A" if RULES[rule][0] in ("keep", "improve", "harmful", "no_effect") else "D"
    decision = Verdict(RULES[rule][0], rule, grade)
    value = -0.2 if rule == "net_loss" else 0.2
    table = increments(net=value, metric=metric).assign(method="plain" if metric == "buyers" else "cuped")
    tried = {"failed": ("fit",), "untested": ("placebo_units", "placebo_time")}
    concluded = campaign_verdict.verdict(decision, facts(net=value, **tried), table, metric=metric)
    for sentence in (concluded, campaign_verdict.rule(decision, Sentence("campaign.promise.late_goals"))):
        english, chinese = same_in_both(sentence)
        if grade != "A":
            assert not CAUSAL.search(english.split(":", 1)[-1]), english
            assert not CAUSAL.search(chinese.replace("带来", "") if "（" in chinese else chinese), chinese
    assert f"grade {grade}" in str(concluded).lower() or grade in str(concluded)


@pytest.mark.parametrize("language", words.LANGUAGES)
@pytest.mark.parametrize("rule", RULES)
def test_a_conclusion_has_one_name_in_the_verdict_the_tables_and_the_definition(rule, language):
    """A verdict opens with the word by which tables, the memory of campaigns and the definition call its conclusion."""
    conclusion = RULES[rule][0]
    with words.speaking(language):
        name = words.label(f"common.conclusion.{conclusion}")
        said = campaign_verdict.verdict(Verdict(conclusion, rule, "A"), facts(), increments(), metric="orders").text()
        in_tables = {tables.cell_text(conclusion, "conclusion", "text", area) for area in ("campaign", "plan")}
        defined = words.label("campaign.definition.verdict").lower()
    assert name in said.replace("：", ":").split(":")[0].lower()
    assert in_tables == {name}
    assert name in defined


def test_verdict_words_exist_for_each_rule_and_no_other():
    """The catalogue has a verdict and a rule for every rule of the analysis, and none besides."""
    helpers = {"metric", "graded", "lost"}
    for part in ("verdict", "rule"):
        assert {key.rsplit(".", 1)[-1] for key in words.keys(f"campaign.{part}.")} - helpers == set(RULES)


@pytest.mark.parametrize("grade", ["C", "D", "E"])
def test_no_cause_is_claimed_without_grade_a_or_b(grade):
    """Whatever the figures, the sentences about effect and return of lower grades hold no causal verb."""
    rule = {"C": "plan_unknown", "D": "before_after_only", "E": "sample_ratio_mismatch"}[grade]
    sentences = [
        effect(0.4, -0.3, 0.2, grade=grade, rule=rule),
        says.returns(returns(), grade=grade),
        evidence.before_after(compared(1, 9)),
        evidence.selection(Gap("not_reached", 451.8, 476.8, 0.948)),
        says.phases(totals(), metric="orders"),
    ]
    for sentence in sentences:
        english, chinese = same_in_both(sentence)
        assert not CAUSAL.search(english), english
        assert not CAUSAL.search(chinese), chinese


def test_causal_verbs_stand_only_where_grade_a_speaks():
    """In the whole English catalogue causal verbs appear in effects named so, in verdicts of grade A, and in limits."""
    spoken = {key for key in words.keys("campaign.") if CAUSAL.search(texts_of(key))}
    allowed = ("campaign.effect.", "campaign.verdict.", "campaign.limit.", "campaign.how.", "campaign.definition.")
    odd = {key for key in spoken if not key.startswith(allowed)} - {"campaign.question", "campaign.loss"}
    assert not odd
    effects = {key for key in spoken if key.startswith("campaign.effect.")}
    assert all(key.endswith("_caused") for key in effects)
    verdicts = {key.rsplit(".", 1)[-1] for key in spoken if key.startswith("campaign.verdict.")}
    assert all(RULES[rule][0] != "undecidable" for rule in verdicts)


def texts_of(key: str) -> str:
    entry = words.catalogue("en")[key]
    return " ".join(text for pieces in entry.forms.values() for text, _, _ in pieces)


def test_finding_falls_back_to_before_and_after():
    """Without a control group the finding of the first screen is the honest before/after."""
    said = CASES["effect.none"](), CASES["before_after.clear"]()
    assert evidence.main_finding(*said, Verdict("undecidable", "before_after_only", "D")) == said[1]
    assert evidence.main_finding(*said, Verdict("keep", "works_and_pays", "A")) == said[0]
    broken = words.Sentence("campaign.effect.broken")
    assert evidence.main_finding(broken, said[1], Verdict("undecidable", "sample_ratio_mismatch", "E")) is None


def test_only_a_share_of_users_needs_its_other_metrics_beside_it():
    """Where the verdict reads orders the chart tells the others; without grade A or B nothing stands beside it."""
    assert evidence.beside(flat_beside(), KEEP, metric="orders") is None
    assert evidence.beside(flat_beside(), Verdict("undecidable", "checks_failed", "D"), metric="converted") is None
    told = words.Sentence("campaign.phases.totals")
    assert evidence.belief_finding(told, KEEP, metric="converted") is told
    assert evidence.belief_finding(told, KEEP, metric="orders") is None


def test_a_metric_without_ends_does_not_stand_beside_the_share():
    """At a strict level a ratio may have no ends: it is left out, and where none has any nothing is said."""
    table = flat_beside(orders=0.3)
    one = table.assign(relative_high=table["relative_high"].where(table["metric"] == "orders"))
    assert evidence.beside(one, KEEP, metric="converted").key == "campaign.beside.all"
    assert evidence.beside(table.assign(relative_low=NAN, relative_high=NAN), KEEP, metric="converted") is None


@pytest.mark.parametrize("case", ["up", "up_then_dip", "down", "unclear"])
def test_a_phase_is_of_the_whole_company_and_no_effect(case):
    """Whatever the days did, the sentence says whose orders they are and that they are no effect."""
    english, chinese = same_in_both(CASES[f"phases.{case}"]())
    assert "of the whole company" in english
    assert "not the effect" in english
    assert "全站" in chinese
    assert "不是活动效果" in chinese


@pytest.mark.parametrize("case", ["clear", "unclear"])
def test_before_and_after_is_no_proof_in_both_languages(case):
    """With or without a change, before and after alone says nothing about an effect."""
    english, chinese = same_in_both(CASES[f"before_after.{case}"]())
    assert "before and after" in english
    assert "仅为前后对比" in chinese
    assert ("不能证明活动有无效果" in chinese) == ("prove no effect either way" in english)


@pytest.mark.parametrize(
    ("after", "said"), [(0.0, "counted over its own days only"), (0.4, "the days after it included")]
)
def test_days_after_are_named_as_included_only_where_they_were_counted(after, said):
    """A campaign that asks for no days after its end is not told as if they had been read."""
    table = increments().assign(treated=0.5, control=0.4)
    table.loc[table["window"] == "after", ["treated", "control"]] = after
    told = campaign_verdict.verdict(KEEP, facts(), table, metric="orders")
    assert said in told.text("en")


def test_an_unbooked_budget_stands_in_the_finding_about_money():
    """Whoever reads the return on the first screen reads what it would be with the budget that is not booked."""
    pays = CASES["roi.pays"]()
    missing = words.Sentence("campaign.unbooked.roi", channels=["sms"], roi=1.433, booked=1.9, over="")
    told = evidence.money_finding(pays, KEEP, unbooked=missing)
    assert told.text("en").endswith("Not booked: sms; if spent, about 143.3%.")
    assert evidence.money_finding(pays, KEEP, unbooked=words.Sentence("campaign.unbooked.some", channels=["x"])) == pays


def test_an_effect_read_over_the_whole_does_not_name_a_missing_part():
    """A share of users who converted has no days after of its own: no dash stands for them."""
    english, chinese = same_in_both(effect(0.4, float("nan"), 0.4))
    assert "–." not in english
    assert "after it" not in english
    assert "活动后 –" not in chinese


def test_no_effect_at_a_sure_loss_is_bad_news():
    """A campaign that only moved orders is for information, unless its margin surely misses its cost."""
    moved = Verdict("no_effect", "pulled_forward", "A")
    assert campaign_verdict.status(moved, facts()) == "neutral"
    lost = facts(roi_margin=Span(-1.28, -1.97, -0.59))
    assert campaign_verdict.status(moved, lost) == "bad"
    said = campaign_verdict.verdict(moved, lost, increments(), metric="orders")
    assert "It lost money" in said.text("en")
    assert "亏损" in said.text("zh")


def test_ledger_without_an_effect_says_why():
    """An empty ledger stands under the sentence that says why there is no effect."""
    said = CASES["effect.broken"]()
    assert evidence.ledger(increments().iloc[:0], said, metric="orders") == said


def test_the_last_finding_is_about_money_or_the_comparison_that_is_refused():
    """Where no incremental return may be read, it is the comparison that is refused; nothing spent is no finding."""
    pays, refused = CASES["roi.pays"](), CASES["selection.mostly"]()
    guess, sure = Verdict("undecidable", "before_after_only", "D"), Verdict("keep", "works_and_pays", "A")
    assert (evidence.money_finding(pays, guess), evidence.refused_finding(refused, guess)) == (None, refused)
    assert (evidence.money_finding(pays, sure), evidence.refused_finding(refused, sure)) == (pays, None)
    assert evidence.money_finding(words.Sentence("campaign.roi.no_cost"), sure) is None
    assert evidence.refused_finding(words.Sentence("campaign.selection.none"), guess) is None
    assert evidence.refused_finding(refused, guess, more=pays) is None


def limits(decision: Verdict, comparison: str = "holdout", last: str = "2026-03-08") -> list[Sentence]:
    """What a review of 9 March cannot tell of a campaign up to 1 March; last: of the weeks after the end."""
    told = {"end": date(2026, 3, 1), "after_days": 28, "as_of": date(2026, 3, 9)}
    weeks = pd.DataFrame({"end": pd.to_datetime([last] if last else [])})
    return evidence.cannot_tell(decision, comparison=comparison, weeks=weeks, **told)


@pytest.mark.parametrize(
    ("last", "grade", "key"),
    [
        ("2026-03-08", "A", "later"),
        ("2026-03-29", "A", "later_weeks"),
        ("2026-03-29", "C", "later"),
        ("", "A", "later"),
    ],
)
def test_weeks_are_left_out_of_what_cannot_be_told_only_where_they_are_shown(last, grade, key):
    """Without grade A or B, or a week beyond the days that were read, the section on lasting tells nothing later."""
    rule = "works_and_pays" if grade == "A" else "plan_unknown"
    said = next(s for s in limits(Verdict("keep", rule, grade), last=last) if "later" in s.key)
    assert said.key == f"campaign.limit.{key}"
    english, chinese = same_in_both(said)
    assert ("Did it last" in english, "效果持续了吗" in chinese) == (key == "later_weeks",) * 2


@pytest.mark.parametrize(
    ("rule", "grade", "comparison", "first"),
    [
        ("works_and_pays", "A", "holdout", "later"),
        ("sample_ratio_mismatch", "E", "holdout", "broken"),
        ("before_after_only", "D", "before_after", "before_after"),
        ("before_after_only", "D", "did", "before_after"),
        ("checks_failed", "D", "did", "checks"),
        ("checks_untested", "C", "synthetic_control", "checks"),
        ("adjusted_only", "C", "weighted", "checks"),
        ("works_and_pays", "B", "did", "later"),
    ],
)
def test_limits_depend_on_the_evidence(rule, grade, comparison, first):
    """What cannot be told starts with the comparison that is missing or broken; without a lot, with its blind spot."""
    decision = Verdict(RULES[rule][0], rule, grade)
    said = limits(decision, comparison)
    assert said[0].key == f"campaign.limit.{first}"
    assert ("campaign.limit.quasi" in [s.key for s in said]) == (comparison not in ("holdout", "before_after"))
    for sentence in said:
        same_in_both(sentence)
    assert next(s for s in said if s.key.endswith("later")).values["until"] == date(2026, 3, 9)


def test_owner_and_day_of_a_decision_are_shown_where_somebody_wrote_them():
    """Plain texts make a table of texts; an owner or a day due adds its column."""
    plain = says.written([Note(text="a")], [])
    assert plain.columns.tolist() == ["note", "text"]
    full = says.written([Note(text="a")], [Note(text="b", owner="Growth", due="2026-05-01")])
    assert full["owner"].tolist() == ["", "Growth"]
    assert full["due"].tolist() == [pd.NaT, pd.Timestamp("2026-05-01")]


def test_typed_text_is_only_text():
    """Lessons, decisions and event names are shown as typed, whatever they hold."""
    odd = "<script>alert(1)</script>"
    assert says.written([Note(text=odd)], [Note(text=odd)])["text"].tolist() == [odd, odd]
    assert says.event(odd) == odd
    assert says.group(odd) == odd


def test_an_ab_test_shows_what_else_its_version_does():
    """Other metrics than the one that decides are cards of a test alone, and numbers only where the grade allows."""
    table = pd.concat([increments(metric="orders"), increments(net=-0.05, metric="revenue")])
    asked = {"metric": "orders", "grade": "A"}
    shown = numbers.beside(table, "revenue", comparison="ab", **asked)
    assert (shown["key"], shown["value"], shown["card"], shown["n"]) == ("beside_revenue", -0.05, True, 1000)
    held = numbers.beside(table, "revenue", comparison="holdout", **asked)
    assert (held["value"], held["card"]) == (-0.05, False)
    own = numbers.beside(table, "orders", comparison="ab", **asked)
    assert (own["value"], own["card"]) == (None, False)
    for refused in (numbers.beside(table, "revenue", comparison="ab", metric="orders", grade="D"),
                    numbers.beside(table, "active_days", comparison="ab", **asked)):  # fmt: skip
        assert (refused["value"], refused["card"]) == (None, False)


def test_headline_numbers_carry_n_interval_and_method():
    """Every number has what `page.number` asks for; those of an effect are missing without grade A or B."""
    net = increments()[lambda t: t["method"] == "cuped"]
    full = [
        numbers.attainment(goals(100, 80), 0.9), numbers.goals_reached(goals(100, 80)), numbers.participants(reach()),
        numbers.participation(reach()),
        numbers.net_relative(net, grade="A"), numbers.net_total(net, metric="orders", grade="A"),
        numbers.before_after(compared(1, 9), grade="D"), numbers.cost(costs(1, 2), budget=None),
        *(numbers.roi(returns(), line=line, grade="A", users=9) for line in money.LINES),
    ]  # fmt: skip
    assert all(number["value"] is not None and number["method"] and number["n"] for number in full)
    assert [number["key"] for number in full if number["card"]] == [
        "goals_reached", "participation", "net_relative", "net_orders", "before_after", "cost", "roi_margin",
    ]  # fmt: skip
    hidden = [numbers.net_relative(net, grade="C"), numbers.roi(returns(), line="margin", grade="D", users=9)]
    assert all(number["value"] is None and not number["card"] for number in hidden)
    assert not numbers.roi(returns(), line="gross", grade="D", users=9)["card"]
    assert numbers.roi(returns(margin=None), line="incremental", grade="A", users=9)["card"]


def test_the_return_is_of_the_users_whose_net_effect_it_reads():
    """One comparison has one n; without a comparison the users reached stand there."""
    net = increments()[lambda t: t["method"] == "cuped"]
    assert numbers.compared_users(net, others=9) == numbers.net_relative(net, grade="A")["n"]
    assert numbers.compared_users(net.iloc[:0], others=9) == 9


def test_numbers_of_empty_tables_are_missing():
    """Nothing known gives no card and no value, not a zero."""
    nothing = increments().iloc[:0]
    empty = [
        numbers.participation(reach().iloc[:0]), numbers.net_relative(nothing, grade="A"),
        numbers.net_total(nothing, metric="orders", grade="A"), numbers.before_after(compared(1, 2, 0), grade="D"),
    ]  # fmt: skip
    assert all(number["value"] is None and not number["card"] for number in empty)
    assert not numbers.attainment(goals(), NAN)["card"]
    assert not numbers.cost(costs(), budget=None)["card"]


def curve(values: float = 10.0) -> pd.DataFrame:
    days = pd.date_range("2026-05-20", periods=50)
    names = ["before"] * 16 + ["warm_up"] * 5 + ["burst"] * 9 + ["wind_down"] * 2 + ["after"] * 18
    band = {"expected": 8.0, "low": 4.0, "high": 12.0}
    return pd.DataFrame({"day": days, "phase": names, "value": values * (1 + np.arange(50) % 3), **band})


def groups(*before: float) -> pd.DataFrame:
    names = ["participants", "exposed_only", "not_reached"][: len(before)]
    return pd.DataFrame({"group": names, "users": 30, "before": before, "during": before})


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_charts_are_drawn_and_left_out_for_empty_tables(language):
    """Each chart draws its table in both languages and returns None where there is nothing to draw."""
    incident = [Incident(start=date(2026, 6, 1), end=date(2026, 6, 2), name="Outage", name_zh="故障")]
    with words.speaking(language):
        theme.use(language)
        drawn = [
            charts.goals(goals(90, 120, 300)),
            charts.phase_curve(curve(), metric="orders", incidents=incident, calendar="CN"),
            charts.phase_curve(curve().assign(low=NAN, high=NAN, expected=NAN), metric="active_users"),
            charts.funnel(funnel(100, 40, 30)),
            charts.participation(by_channel(0.4, 0.6)),
            charts.effect(increments()),
            charts.selection(groups(583.5, 364.5, 131.7)),
        ]
        for figure in drawn:
            figure.canvas.draw()
        assert charts.goals(goals()) is None
        assert charts.phase_curve(curve(0.0), metric="orders") is None
        assert charts.funnel(funnel(0, 0)) is None
        assert charts.funnel(funnel()) is None
        assert charts.participation(by_channel(0.4)) is None
        assert charts.effect(increments().iloc[:0]) is None
        assert charts.selection(groups()) is None


def test_checks_are_read_as_chances_and_shares():
    """A p of nothing is not shown as 0, which a share may be."""
    table = pd.DataFrame({"check": ["sample_ratio", "crossed"], "measured": [1e-64, 0.0], "limit": [0.001, 0.01]})
    read = evidence.health_table(table.assign(outcome=["failed", "passed"]))
    assert read["measured"].tolist() == ["p < 0.001", "0.0%"]
    assert evidence.health_table(table.iloc[:0]).empty


def test_newcomers_who_are_mostly_abnormal_are_a_finding():
    """They stand on the first screen when they are half of all newcomers or more, and not for a handful."""
    told = {"listed": 24, "n": 2061, "share": 0.01, "cost": 144.0, "revenue": 0.0, "rules": 5}
    listed = words.Sentence("campaign.abnormal.listed_new", **told, newcomers="")
    revenue, of_new = (pd.DataFrame({"metric": [metric]}) for metric in ("revenue", "new_users"))
    assert abnormal_says.finding(listed, revenue) is listed
    assert abnormal_says.finding(listed, of_new) == words.Sentence("campaign.abnormal.listed_rest", **told)
    assert abnormal_says.finding(words.Sentence("campaign.abnormal.listed", **told, new=3, all_new=24), of_new) is None
    assert abnormal_says.finding(words.Sentence("campaign.abnormal.nobody"), of_new) is None


@pytest.mark.parametrize(
    ("value", "english", "chinese"),
    [
        (1.904, "190.4% (95.20 net gained on 50.00 spent)", "190.4%（花 50.00，净赚 95.20）"),
        (-0.8, "−80.0% (40.00 net lost on 50.00 spent)", "−80.0%（花 50.00，净亏 40.00）"),
        (
            -1.28,
            "−128.0% (64.00 net lost: the 50.00 spent and 14.00 of margin)",
            "−128.0%（净亏 64.00：花掉的 50.00 没有收回，毛利还少了 14.00）",
        ),
    ],
)
def test_the_net_return_has_one_unit_and_says_what_it_comes_to(value, english, chinese):
    """A share of the cost everywhere, with the money gained or lost on what was spent where it is told first."""
    said = says.net_roi(value, cost=50.0)
    assert (said.text("en"), said.text("zh")) == (english, chinese)
    assert numbers.roi(returns(), line="margin", grade="A", users=9)["unit"] == "return"


def test_a_share_is_told_from_and_to_so_that_its_relative_change_is_not_read_as_points():
    """Both groups' shares, the points between them, and the relative change named so."""
    said = effect(metric="converted")
    assert "from 48.5% to 52.2%, +3.8 points (relative +20.0%" in said.text("en")
    assert "转化率从 48.5% 升至 52.2%，+3.8 个百分点（相对 +20.0%" in said.text("zh")


def test_where_nobody_took_part_no_row_of_zeros_is_shown():
    """A funnel nobody entered and a table of participants without any have no row; open windows still show."""
    assert says.walked(funnel(0, 0)).empty
    assert len(says.walked(funnel(0, 0, young=7))) == 2
    assert len(says.walked(funnel(100, 40))) == 2
    assert says.of_participants(reach(), reach(0)).empty
    assert len(says.of_participants(reach(), reach())) == 1
