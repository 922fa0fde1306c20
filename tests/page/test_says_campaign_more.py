"""Sentences about groups, what lasted, abnormal users, pay, invitations and channels: each case, both languages."""

import re

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import abnormal as abnormal_analysis
from opsbook.analysis import anyway as anyway_analysis
from opsbook.analysis import effect_groups as groups_analysis
from opsbook.analysis import money, pull_forward
from opsbook.analysis.margins import BreakEven, sensitivity
from opsbook.analysis.paid_back import PaidBack
from opsbook.analysis.persistence import COLUMNS as WEEKS
from opsbook.analysis.persistence import HalfLife
from opsbook.analysis.proportion import Estimate
from opsbook.analysis.referral import CycleTime
from opsbook.analysis.response import FITTED, Move
from opsbook.inputs.abnormal import AbnormalRules
from opsbook.inputs.segments import Exports, Segment
from opsbook.page import theme, words
from opsbook.page.charts import channels as channel_charts
from opsbook.page.charts import effect_groups as group_charts
from opsbook.page.charts import lasting as lasting_charts
from opsbook.page.charts import pays as pays_charts
from opsbook.page.says import abnormal, channels, effect_groups, lasting, pays, referral

NAMED = {"core": Segment(name="core users", name_zh="核心用户", rule={"attribute": "city", "equals": "a"})}
NAN = float("nan")


def groups():
    """Two channels, both lives and the inside of a segment, with figures typed by hand."""
    rows = [["channel", "push", 0.5], ["channel", "mail", -0.1], ["life", "new", 0.2], ["segment:core", "in", 0.3]]
    table = pd.DataFrame([[*row[:2], 90.0, 80.0, row[2]] for row in rows], columns=groups_analysis.SHOWN[:5])
    for name in ("relative", "shrunk"):
        table = table.assign(**{name: table["relative"], f"{name}_low": table["relative"] - 0.1})
        table = table.assign(**{f"{name}_high": table["relative"] + 0.1})
    return table.assign(weight=0.6, p=0.2, p_holm=0.4, compared=4, suppressed=False)[groups_analysis.SHOWN]


def splits(dimension="channel", p=0.4):
    return pd.DataFrame([[dimension, 2, p, p, 1]], columns=groups_analysis.SPLITS)


def whom(split=None, *, grade="A", shown=None):
    split = splits() if split is None else split
    return effect_groups.effects(groups() if shown is None else shown, split, NAMED, grade=grade, metric="orders")


def weeks(value=0.1, half=0.05, count=4):
    row = {"week": 1, "treated_users": 3000, "control_users": 800, "difference": value, "low": value - half}
    row |= {"high": value + half, "relative": value, "relative_low": value - half, "relative_high": value + half}
    return pd.DataFrame([row | {"week": week + 1} for week in range(count)], columns=WEEKS)


def after(table=None, *, case="none", grade="A", metric="orders"):
    half = HalfLife(2.0, 1.0, 4.0, 3000, case)
    return lasting.weeks(weeks() if table is None else table, half, metric=metric, grade=grade)


def ledger(other=-40.4):
    rows = [
        ["gross", 900.0, NAN],
        ["baseline", -100.3, 20],
        ["other", other, 20],
        ["later", -59.3, 30],
        ["net", 0.0, 50],
    ]
    table = pd.DataFrame(rows, columns=["line", "total", "half"])
    table.loc[4, "total"] = table["total"][:4].sum()
    table = table.assign(low=table["total"] - table["half"], high=table["total"] + table["half"])
    return table.assign(treated_users=3000, control_users=800)[pull_forward.COLUMNS]


def stays(difference=5.0, half=2.0):
    row = {"segment": "campaign", "users": 64, "days": 20.0, "other_users": 471, "other_days": 20.0 - difference}
    row |= {"difference": difference, "low": difference - half, "high": difference + half, "horizon_days": 90.0}
    return pd.DataFrame([row])


def kept(difference=5.0, half=2.0, **told):
    return lasting.acquired(stays(difference, half), **({"churn_after_days": 21} | told))


def found(flagged=24, everybody=2061, rules=("tree", "instant", "silent")):
    rows = [*[[rule, 30] for rule in rules], ["flagged", flagged], ["all", everybody]]
    return pd.DataFrame(rows, columns=abnormal_analysis.FOUND)


def lines(new=40, listed=24):
    rows = [["all", 2061, new, 695, 4170.0, 1105, 8254.0], ["without", 2037, new - listed, 671, 4026.0, 1105, 8254.0]]
    rows += [["flagged", 24, listed, 24, 144.0, 0, 0.0]]
    return pd.DataFrame(rows, columns=abnormal_analysis.LINES)


def screened(new=40, **told):
    return abnormal.screen(found(**told), lines(new), min_cell=10)


def without(grade="A", left_out=12):
    row = pd.DataFrame([[left_out, 3169, 0.2, 0.1, 0.3]], columns=abnormal_analysis.WITHOUT)
    net = {"metric": "orders", "window": "net", "method": "cuped", "relative": 0.25}
    return abnormal.effect(row, pd.DataFrame([net]), metric="orders", grade=grade, min_cell=10)


def bought(during=(100.0, 10.0, 180.0), net=(40.0, -30.0, 110.0), grade="A", after_days=28):
    rows = [["during", 1000, 200, 300, 300.0 - during[0], 150.0, 260.0, 0.667, *during]]
    rows += [["net", 1000, 200, 330, 290.0, 240.0, 350.0, 0.879, *net]]
    table = pd.DataFrame(rows, columns=anyway_analysis.BUYERS)
    return pays.anyway(table, grade=grade, days_since_end=40, after_days=after_days)


def bought_part(name, *asked, **more):
    return bought(*asked, **more).values[name]


def priced(case="known", **told):
    row = {"unit": "buyer", "price": 12.5, "price_low": 8.25, "price_high": 40.5, "case": case}
    return pays.prices(pd.DataFrame([row]), **({"grade": "A"} | told))


def earned():
    days = pd.to_datetime(["2026-03-15", "2026-03-22"])
    table = pd.DataFrame({"day": days, "days": [7, 14], "earned": [400.0, 900.0], "low": [200.0, 600.0]})
    return table.assign(high=[500.0, 1200.0], cost=700.0, treated_users=900, control_users=300)


def back(case, *, grade="A", margin=0.4):
    day = pd.Timestamp("2026-03-22")
    return pays.paid_back(PaidBack(day, day, day, case), earned(), grade=grade, margin=margin)


def even(value=0.3, low=0.2, high=0.5, case="known", *, margin=0.4, grade="A"):
    return pays.margins(BreakEven(value, low, high, case), margin=margin, grade=grade)


def coupons(states=("issued", "redeemed", "expired"), events=("claim",)):
    counts = {"issued": 300, "redeemed": 120, "expired": 180, "open": 180}
    rows = [[state, counts[state], 0.4, 0.35, 0.46, 600.0] for state in states]
    return pays.coupons(
        pd.DataFrame(rows, columns=["state", "coupons", "share", "low", "high", "amount"]), issue_events=events
    )


def invited(median=12.0, kind="referral", rows=1):
    table = pd.DataFrame({"cohort": [pd.NaT], "users": 420, "invitees": 22, "k": 0.05, "k_low": 0.03, "k_high": 0.07})
    return referral.k(table.iloc[:rows], CycleTime(median, 8.0, 20.0, 53), kind=kind)


def brought(difference=0.1, users=60):
    row = {"measure": "retained", "invited_users": users, "invited": 0.4, "other_users": 300, "other": 0.4 - difference}
    table = pd.DataFrame([row | {"difference": difference, "low": difference - 0.05, "high": difference + 0.05}])
    return referral.quality(table, min_cell=10, kind="referral")


def paid(value=12.5, kind="referral"):
    return referral.price(Estimate(value, 9.25, 20.75, 60), kind=kind, invited=60)


def shown(share=0.8, planned=1000.0):
    row = {"channel": "push", "exposed": share * 1000, "share_of_plan": share if planned else NAN}
    return channels.delivered(pd.DataFrame([row | {"planned_exposed": planned}]))


def cac_table(second=30.0):
    rows = [["push", 100.0, 40, 10.0], ["mail", 200.0, 60, second]]
    table = pd.DataFrame(rows, columns=["channel", "cost", "new_users", "cac"]).assign(watched=50, stayed=30)
    for name in ("cac", "effective_cac"):
        value = table["cac"]
        table = table.assign(**{name: value, f"{name}_low": value - 2.5, f"{name}_high": value + 3.5})
    return table


def responses(case="flat"):
    row = ["push", 70, 500.0, 100, 0.5, 0.3, 0.7, 0.1, 1.2, 5.0, 9.5, 7.5, 12.5, case]
    return pd.DataFrame([row], columns=FITTED)


def moved(case, **told):
    return channels.move(Move("push", "mail", 50.0, 8.0, 2.0, 14.0, 0.95, 2, case), responses(), **told)


CASES = {
    "whom.none": lambda: whom(grade="D"),
    "whom.few": lambda: whom(splits().iloc[:0]),
    "whom.alike": whom,
    "whom.differs": lambda: whom(splits(p=0.01)),
    "whom.segment_differs": lambda: whom(splits("segment:core", 0.01)),
    "lasting.none": lambda: after(grade="E"),
    "lasting.young": lambda: after(weeks().iloc[:0]),
    "lasting.nothing": lambda: after(weeks(half=0.3)),
    "lasting.dip": lambda: after(weeks(value=-0.3)),
    "lasting.lasts": lambda: after(case="open"),
    "lasting.half_life": lambda: after(case="known"),
    "lasting.ledger_orders": lambda: lasting.ledger(ledger(NAN), metric="orders", grade="A", running=False),
    "lasting.ledger_money": lambda: lasting.ledger(ledger(NAN), metric="revenue", grade="A", running=False),
    "lasting.ledger_marked_orders": lambda: lasting.ledger(ledger(), metric="orders", grade="A", running=False),
    "lasting.ledger_marked_money": lambda: lasting.ledger(ledger(), metric="revenue", grade="A", running=False),
    "lasting.no_threshold": lambda: kept(churn_after_days=None),
    "lasting.no_newcomers": lambda: lasting.acquired(stays().iloc[:0], churn_after_days=21),
    "lasting.suspected": lambda: lasting.acquired(stays().iloc[:0], churn_after_days=21, suspects=24),
    "lasting.longer": kept,
    "lasting.shorter": lambda: kept(-5.0),
    "lasting.alike": lambda: kept(1.0),
    "abnormal.nobody": lambda: screened(everybody=0),
    "abnormal.cannot_tell": lambda: screened(rules=("silent",)),
    "abnormal.clean": lambda: screened(flagged=0),
    "abnormal.few": lambda: screened(flagged=3),
    "abnormal.listed": lambda: screened(new=300),
    "abnormal.listed_new": screened,
    "abnormal.listed_rest": lambda: abnormal.finding(screened(), pd.DataFrame({"metric": ["new_users"]})),
    "abnormal.effect": without,
    "abnormal.written": lambda: abnormal.written(found(), exports=Exports()),
    "abnormal.rules": lambda: abnormal.heading(found(), AbnormalRules()),
    "pays.anyway_none": lambda: bought(grade="E"),
    "pays.anyway": bought,
    "anyway_during.up": lambda: bought_part("during"),
    "anyway_during.down": lambda: bought_part("during", (-100.0, -180.0, -10.0)),
    "anyway_during.unclear": lambda: bought_part("during", (20.0, -60.0, 100.0)),
    "anyway_net.up": lambda: bought_part("later", net=(140.0, 30.0, 210.0)),
    "anyway_net.down": lambda: bought_part("later", net=(-140.0, -210.0, -30.0)),
    "anyway_net.unclear": lambda: bought_part("later"),
    "anyway_base.part": lambda: bought_part("base"),
    "anyway_base.control": lambda: bought_part("base", (-100.0, -180.0, -10.0)),
    "pays.price_known": priced,
    "pays.price_open": lambda: priced("open"),
    "pays.price_none": lambda: priced("none"),
    "pays.back_no_margin": lambda: back("none", margin=None),
    **{f"pays.back_{case}": lambda case=case: back(case) for case in ("none", "known", "likely", "open", "not")},
    "pays.even": lambda: even(margin=None),
    "pays.even_above": lambda: even(margin=0.6),
    "pays.even_below": lambda: even(margin=0.1),
    "pays.even_within": even,
    "pays.even_never": lambda: even(1.5, 1.2, 2.5),
    "pays.even_open": lambda: even(case="open"),
    "pays.even_none": lambda: even(case="none"),
    "pays.coupons_none": lambda: coupons(()),
    "pays.coupons_redeemed": lambda: coupons(["redeemed"], ()),
    "pays.coupons_odd": lambda: coupons(["redeemed"]),
    "pays.coupons_expired": coupons,
    "pays.coupons_open": lambda: coupons(["issued", "redeemed", "open"]),
    "referral.none": lambda: invited(rows=0),
    "referral.k": lambda: invited(NAN),
    "referral.not_one": lambda: invited(NAN, "promotion"),
    "referral.cycle": invited,
    "referral.few": lambda: brought(users=4),
    "referral.better": brought,
    "referral.worse": lambda: brought(-0.1),
    "referral.alike": lambda: brought(0.01),
    "referral.price": paid,
    "referral.price_unknown": lambda: paid(NAN),
    "channels_why.no_plan": lambda: shown(planned=0.0),
    "channels_why.behind": shown,
    "channels_why.delivered": lambda: shown(1.1),
    "channels_why.no_cost": lambda: channels.cac(cac_table().iloc[:0]),
    "channels_why.no_media": lambda: channels.cac(cac_table(), booked=pd.DataFrame({"kind": [], "amount": []})),
    "channels_why.no_media_but": lambda: channels.cac(
        cac_table(), booked=pd.DataFrame({"kind": ["redemptions"] * 2, "amount": [1161.0, 0.0]})
    ),
    "channels_why.cac_unknown": lambda: channels.cac(cac_table().iloc[:1]),
    "channels_why.cac_differ": lambda: channels.cac(cac_table()),
    "channels_why.cac_alike": lambda: channels.cac(cac_table(12.0)),
    "channels_why.marginal_unknown": lambda: channels.marginal(responses("cannot_tell")),
    "channels_why.marginal_flat": lambda: channels.marginal(responses()),
    "channels_why.marginal_falling": lambda: channels.marginal(responses("falling")),
    "channels_why.move_suspects": lambda: moved("better", suspects=words.Sentence("campaign.phases.totals")),
    "channels_why.move_none": lambda: moved("none"),
    "channels_why.move_unsure": lambda: moved("unsure"),
    "channels_why.move_better": lambda: moved("better"),
}
PIECES = re.compile(r"whom\.(member|split|group|of)|lasting\.axis|pays\.(axis|yes|no$|cannot_tell)|channels_why\.group")


@pytest.mark.parametrize("case", CASES)
def test_each_case_is_reached_and_says_the_same_numbers_in_both_languages(case):
    """The table leads to its case, and the Chinese text holds every number of the English one."""
    sentence = CASES[case]()
    assert sentence.key == f"campaign.{case}"
    english, chinese = sentence.text("en"), sentence.text("zh")
    wanted = re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?%?", re.sub(r"\d+ (Mar|May) 2026|tenth", "", english))
    assert [number for number in wanted if number not in chinese] == [], (english, chinese)
    assert re.search(r"[\u4e00-\u9fff]", chinese)
    assert not re.search(r"[\u4e00-\u9fff]|\bnan\b|\bNone\b", english)


def test_every_case_of_the_catalogue_is_reached():
    """No sentence of these sections stands in the catalogue without a table that leads to it."""
    sections = ("whom.", "lasting.", "abnormal.", "pays.", "anyway_", "referral.", "channels_why.")
    known = {key.removeprefix("campaign.") for key in words.catalogue("en") if key.startswith("campaign.")}
    assert {key for key in known if key.startswith(sections) and not PIECES.match(key)} == set(CASES)


def test_days_that_are_not_watched_are_not_told_as_zero():
    """A test without days after its end says that later orders are not counted."""
    lines = ledger(NAN)
    lines.loc[lines["line"] == "later", ["total", "low", "high"]] = 0.0
    said = lasting.ledger(lines, metric="orders", grade="A", running=False)
    assert "orders after the end are not counted" in said.text("en")
    assert "活动后的订单不计" in said.text("zh")


def test_without_a_comparison_only_one_sentence_says_so():
    """Where no effect may be read, the first sentence of a section says so and the others are left out."""
    assert lasting.ledger(ledger(), metric="orders", grade="D", running=False) is None
    assert lasting.ledger(ledger(), metric="orders", grade="A", running=True) is None
    assert priced(grade="D") is None
    assert back("known", grade="D") is None
    assert even(grade="D") is None
    assert without(grade="E") is None


def test_rounded_lines_add_up_to_the_rounded_net():
    """Whatever the fractions, the lines shown add up to the net shown, and each is off by less than one."""
    rng = np.random.default_rng(1)
    for _ in range(200):
        values = rng.normal(0, 100, 4)
        shown = lasting.added_up(pd.Series([*values, values.sum()]), digits=0)
        assert sum(shown[:-1]) == shown[-1] == round(values.sum())
        assert np.abs(np.array(shown[:-1]) - values).max() < 1


def test_fewer_than_may_be_told_have_no_number():
    """The headline is missing where the listed are too few, or where the screen could not tell."""
    told = [
        abnormal.number(found(**asked), min_cell=10)["value"] for asked in ({}, {"flagged": 3}, {"rules": ("silent",)})
    ]
    assert told == [24, None, None]
    assert abnormal.rules(found(flagged=3), AbnormalRules(), min_cell=10)["users"].isna().tolist() == [False] * 3 + [
        True
    ]


def test_a_single_small_cohort_is_not_told_by_subtraction():
    """With one cohort hidden, the row of everybody is left out; with none or two it stays."""
    table = pd.DataFrame({"cohort": [1, 2, 3], "users": [40, 50, 90]})
    assert len(referral.shown(table, min_cell=10, kind="referral")) == 3
    assert referral.shown(table.assign(users=[5, 50, 55]), min_cell=10, kind="referral")["users"].tolist() == [50]
    assert referral.shown(table.assign(users=[5, 6, 11]), min_cell=10, kind="referral")["users"].tolist() == [11]


def test_invitations_are_judged_where_the_campaign_is_about_them():
    """Of any other type one sentence and no row stay: the page lists the question among those not answered."""
    table = pd.DataFrame({"cohort": [pd.NaT], "users": [420], "k": [0.05]})
    assert referral.shown(table, min_cell=10, kind="promotion").empty
    assert referral.quality(pd.DataFrame({"measure": ["retained"]}), min_cell=10, kind="promotion") is None
    assert paid(kind="promotion") is None


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_charts_draw_what_there_is_and_nothing_else(language):
    """Each chart draws in both languages; without rows, or without the right to speak of an effect, there is none."""
    words.use(language, currency="CNY")
    theme.use(language)
    table = sensitivity(revenue=(5000.0, 3000.0, 8000.0), cost=1000, margin=0.35)
    open_even = BreakEven(0.2, 0.1, 0.3, "known")
    day = pd.DataFrame({"day": [0, 1], "active": [0.9, 0.5], "active_low": 0.4, "active_high": 0.95, "at_risk": 50})
    curves = pd.concat([day.assign(came_by=name, users=60) for name in ("campaign", "others")])
    drawn = [
        group_charts.forest(groups(), NAMED, grade="A"),
        lasting_charts.weeks(weeks(), grade="A"),
        *(lasting_charts.ledger(ledger(), metric=metric, grade="A") for metric in ("orders", "revenue")),
        lasting_charts.acquired(curves, min_cell=10),
        pays_charts.paid_back(earned(), grade="A"),
        pays_charts.margins(table, open_even, grade="A"),
        channel_charts.cac(cac_table()),
    ]
    nothing = [
        group_charts.forest(groups(), NAMED, grade="D"),
        lasting_charts.weeks(weeks().iloc[:0], grade="A"),
        lasting_charts.ledger(ledger(), metric="orders", grade="D"),
        lasting_charts.acquired(curves, min_cell=99),
        pays_charts.paid_back(earned(), grade="D"),
        pays_charts.margins(table.iloc[:0], open_even, grade="A"),
        channel_charts.cac(cac_table().iloc[:1]),
    ]
    words.use("en")
    theme.use("en")
    assert all(figure is not None for figure in drawn)
    assert all(figure is None for figure in nothing)


def test_tables_for_reading_carry_names_and_no_bookkeeping():
    """Groups are named in the reader's language; columns that only the test needs are left out."""
    shown = effect_groups.readable(groups(), splits(p=0.01), NAMED)
    assert [str(name) for name in shown["group"]] == ["push", "mail", "new in the last 28 days", "core users"]
    assert shown["p_split"].iloc[0] == 0.01
    assert not {"suppressed", "compared", "p"} & set(shown)
    assert next(iter(lasting.lines(ledger()))) == "entry"
    assert len(abnormal.readable(lines(), found())) == 3
    assert abnormal.readable(lines(), found(flagged=0)).empty
    assert str(channels.readable(responses())["elasticity"].iloc[0]) == "0.5 (0.3 to 0.7)"
    assert channels.readable(responses("cannot_tell").assign(marginal=NAN))["marginal"].tolist() == [None]


def test_what_is_not_clear_is_told_with_the_interval_that_is_not_clear():
    """Where only the ratio's interval leaves out zero, the sentence shows that of the difference, which decides."""
    table = weeks(value=-0.02, half=0.03).assign(relative=-0.2, relative_low=-0.39, relative_high=-0.01)
    said = after(table)
    assert said.key == "campaign.lasting.nothing"
    assert "−0.02, −0.05 to +0.01" in said.text("en")
    assert "−39" not in said.text("en")


@pytest.mark.parametrize(("value", "case"), [(3.21, "open"), (3.21, "known"), (-3.21, "none"), (0.01, "none")])
def test_revenue_per_user_after_the_end_is_told_as_money(value, case):
    """Whatever lasted, a difference in revenue has a currency; one in orders has none."""
    table = weeks(value=value, half=1.0)
    with words.speaking("en", currency="CNY"):
        money, orders = (after(table, case=case, metric=metric).text() for metric in ("revenue", "orders"))
    assert f"¥{abs(value):.2f}" in money
    assert "¥" not in orders
    with words.speaking("zh", currency="CNY"):
        assert f"¥{abs(value):.2f}" in after(table, case=case, metric="revenue").text()


def test_new_users_who_all_look_abnormal_lead_the_finding_and_the_goal():
    """All of them listed leave none to be trusted, most of them at most the rest; a handful is none."""
    goals, asked = words.Sentence("campaign.goals.none"), pd.DataFrame({"metric": ["new_users"]})
    everybody, most = (abnormal.screen(found(), lines(new), min_cell=10) for new in (24, 40))
    assert everybody.text("zh").startswith("参与活动的 24 名新用户全部疑似异常，剔除后没有剩下任何新用户。")
    assert everybody.text("en").startswith("All 24 new users who took part look abnormal")
    assert most.text("zh").startswith("参与活动的 40 名新用户中有 24 名疑似异常，可信的拉新最多 16 名。")
    assert "at most 16" in most.text("en")
    told = abnormal.with_goals(goals, asked, lines(24))
    assert "没有剩下任何新用户" in told.text("zh")
    assert "no new user is left" in told.text("en")
    assert abnormal.with_goals(goals, asked, lines(300)) is goals
    assert abnormal.with_goals(goals, asked.iloc[:0], lines(24)) is goals


def test_new_users_of_whom_too_few_could_be_told_are_left_out_of_every_sentence():
    """Where the counts of new users are missing, the screen tells participants only, and nothing leads the page."""
    hidden = lines().assign(new_users=[40.0, NAN, NAN])
    said = abnormal.screen(found(), hidden, min_cell=10)
    assert said.key == "campaign.abnormal.listed_rest"
    assert "–" not in said.text("en")
    goals, asked = words.Sentence("campaign.goals.none"), pd.DataFrame({"metric": ["new_users"]})
    assert abnormal.newcomers(hidden) is None
    assert abnormal.with_goals(goals, asked, hidden) is goals
    assert abnormal.finding(said, asked) is None
    assert without(left_out=3) is None


def test_new_users_of_the_whole_company_are_called_so():
    """The channels' new users are all of the company's, so their column has another name than the campaign's own."""
    table = pd.DataFrame({"channel": ["search"], "new_users": [389]})
    assert list(channels.cac_table(table)) == ["channel", "site_new_users"]


def test_a_budget_without_a_booked_cost_is_told_with_the_return_it_would_leave():
    """1,500 of text messages are planned and none booked: spent, they lower the return; what is booked is left out."""
    ledger = pd.DataFrame({"kind": ["media", "fixed"], "detail": ["push", "other"], "amount": [1909.0, 2000.0]})
    missing = channels.unbooked({"push": 3000.0, "sms": 1500.0, "banner": None}, ledger)
    assert missing == {"sms": 1500.0}
    returns = money.returns(gross_revenue=9e4, incremental=money.Amount(5e4, 1e4, 9e4), margin=0.3, cost=5000.0)
    said = pays.if_spent(returns, missing, grade="A")
    assert said.values["roi"] == pytest.approx((15000 - 6500) / 6500)
    assert "130.8% instead of 200.0%" in said.text("en")
    assert "若已花费，净 ROI 约为 130.8%，而不是 200.0%" in said.text("zh")
    assert "sms（预算 1,500）" in said.text("zh")
    over = pays.if_spent(returns, missing, grade="A", budget=6000.0)
    assert "the cost of 6,500 is 108.3% of the budget" in over.text("en")
    assert "成本为 6,500，是预算的 108.3%" in over.text("zh")
    assert "of the budget" not in pays.if_spent(returns, missing, grade="A", budget=7000.0).text("en")
    assert pays.if_spent(returns, missing, grade="E").key == "campaign.unbooked.some"
    assert "no cost is booked: sms (1,500)" in channels.no_cost(missing).text("en")
    assert channels.no_cost({}) is None
    assert pays.if_spent(returns, {}, grade="A") is None


def test_a_price_that_is_known_needs_no_verdict_beside_it():
    """The column of cases speaks only where there is no price; what is priced is told in words."""
    found = pd.DataFrame({"unit": ["buyer", "order"], "case": ["known", "open"]})
    shown = pays.price_table(found)
    assert shown["case"].tolist() == [None, "open"]
    assert [str(item) for item in shown["priced"]] == ["one more buyer", "one more order"]


def test_fewer_buyers_than_without_the_campaign_are_called_fewer():
    """A clear loss is no unclear gain, no buyer is told to have bought anyway, and days not watched are not told."""
    lost = bought((-100.0, -180.0, -10.0), (-120.0, -200.0, -40.0)).text("en")
    assert "Fewer users bought" in lost
    assert "With the days after it is fewer" in lost
    assert "anyway" not in lost
    assert "days after" not in bought(after_days=0).text("en")


def test_more_than_all_buyers_cannot_have_bought_anyway():
    """Where the test group bought less than the control group the table leaves the share open instead of 100%."""
    rows = [["net", 1000, 200, 330, 350.0, 300.0, 400.0, 1.0, -20.0, -90.0, 50.0]]
    rows += [["during", 1000, 200, 300, 200.0, 150.0, 260.0, 0.667, 100.0, 10.0, 180.0]]
    table = pd.DataFrame(rows, columns=anyway_analysis.BUYERS)
    shown = pays.buyers_table(table, days_since_end=9, after_days=28)
    assert shown["share_anyway"].isna().tolist() == [True, False]
    assert pays.buyers_table(table, days_since_end=9, after_days=0)["window"].tolist() == ["during"]
