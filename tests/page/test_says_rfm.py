"""Every sentence about RFM groups, AARRR changes and traps takes the right case, with the same numbers in Chinese."""

import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis.buyers import KEYS
from opsbook.analysis.rfm_migration import ENTERED, LEFT
from opsbook.analysis.traps import Check
from opsbook.inputs.plays import Play
from opsbook.page import theme, words
from opsbook.page.charts import rfm as charts
from opsbook.page.says import aarrr as aarrr_says
from opsbook.page.says import rfm as says
from opsbook.page.says import traps as trap_says


def moves(settled: bool = True, users: int = 50) -> pd.DataFrame:
    grid = pd.MultiIndex.from_product([[*KEYS, ENTERED], [*KEYS, LEFT]], names=["from_key", "to_key"])
    table = pd.DataFrame({"users": float(users)}, index=grid).reset_index()
    ends = {"start": pd.Timestamp("2026-08-31"), "end": pd.Timestamp("2026-09-30"), "window_days": 365}
    shares = {"share": 1 / 9 if users else np.nan, "share_low": 0.05, "share_high": 0.2}
    hidden = (table["from_key"] == "LHH") & (table["to_key"] == "LLL")
    return table.assign(**ends, **shares, from_users=9.0 * users, to_users=9.0 * users, settled=settled, hidden=hidden)


def kept(low: float = -0.05, high: float = 0.02, share: float = 0.8, p_holm: float = 0.5) -> pd.DataFrame:
    table = pd.DataFrame({"key": KEYS, "from_users": 120.0, "share_kept": share, "share_kept_low": 0.7})
    table = table.assign(share_kept_high=0.88, base_users=110.0, share_kept_before=0.82, kept_points=(low + high) / 2)
    return table.assign(kept_points_low=low, kept_points_high=high, p_holm=p_holm, clear=p_holm <= 0.05)


def stable(share: float, low: float, high: float, buyers: int = 500) -> pd.DataFrame:
    row = {"measure": "orders", "direction": "lower", "cut": 2.0, "moved_cut": 1.8, "buyers": buyers}
    shares = {"share_changed": share, "share_changed_low": low, "share_changed_high": high}
    return pd.DataFrame([row | shares | {"changed_users": 10}])


def sheet(changes: list[float], p_holm: float = 0.01, users: float = 90.0) -> pd.DataFrame:
    change = np.resize(np.array(changes), 8)
    told = {"users": users, "share_users": 0.125, "revenue": 900.0, "share_revenue": 0.125, "shown": True}
    table = pd.DataFrame({"key": KEYS, "change": change, "change_low": change - 0.1, "change_high": change + 0.1})
    return table.assign(**told, p_holm=np.where(np.isnan(change), np.nan, p_holm))


def line(p_holm: float = 0.01, change: float = 0.1) -> pd.DataFrame:
    metrics = [("new_users", "users"), ("paying", "share"), ("arppu", "money"), ("invited", "share")]
    table = pd.DataFrame(metrics, columns=["metric", "unit"]).assign(step="revenue", value=0.4, low=0.3, high=0.5, n=80)
    table = table.assign(base_value=0.3, change=change, change_low=change - 0.05, change_high=change + 0.05)
    table = table.assign(p_holm=p_holm, clear=p_holm <= 0.05, compared=0 if np.isnan(p_holm) else 4, method="Wilson")
    table.loc[3, ["value", "low", "high", "change", "change_low", "change_high"]] = np.nan
    return table


NUMBERS = {
    "heavy_tail": {"n": 300, "top_users": 10, "top_share": 0.31},
    "same_day_orders": {"n": 900, "share": 0.12, "low": 0.1, "high": 0.14, "mean": 3.4, "merged": 3.1},
    "outside_window": {"dropped": 12, "flagged": 7},
    "day_boundary": {"n": 900, "share": 0.12, "night": 0.03},
    "left_truncation": {"n": 900, "unknown": 12, "early": 40},
    "undecided": {"n": 90, "undecided": 12},
    "incomplete_periods": {"n": 12, "incomplete": 2},
    "regression_to_mean": {"n": 90, "base_n": 80, "fell": 0.2, "usual": 0.18, "change": 0.02, "low": -0.1,
                           "high": 0.14},
    "many_compared": {"n": 24, "alone": 3, "kept": 1, "by_chance": 1.2},
    "simpson_paying": {"users": 900, "channels": 4, "total": 0.012, "inside": -0.02, "mix": 0.032,
                       "inside_low": -0.03, "inside_high": -0.01},
    "simpson_arpu": {"users": 900, "channels": 4, "total": 1.2, "inside": -2.0, "mix": 3.2,
                     "inside_low": -3.0, "inside_high": -1.0},
}  # fmt: skip
SIMPSON = ("simpson_paying", "simpson_arpu")
STATES = {"fired": True, "silent": False, "unknown": None}
CASES = {
    "rfm_moves.empty": lambda: says.moves(kept(), moves().head(0)),
    "rfm_moves.unsettled": lambda: says.moves(kept(), moves(settled=False)),
    "rfm_moves.few": lambda: says.moves(kept(share=np.nan), moves()),
    "rfm_moves.alone": lambda: says.moves(kept(np.nan, np.nan), moves()),
    "rfm_moves.usual": lambda: says.moves(kept(), moves()),
    "rfm_moves.worse": lambda: says.moves(kept(-0.1, -0.02, p_holm=0.01), moves()),
    "rfm_moves.better": lambda: says.moves(kept(0.02, 0.1, p_holm=0.01), moves()),
    "rfm_kept.alone": lambda: says.kept(kept(p_holm=np.nan)),
    "rfm_kept.none": lambda: says.kept(kept()),
    "rfm_kept.some": lambda: says.kept(kept(p_holm=0.01)),
    "rfm_stability.robust": lambda: says.stability(stable(0.05, 0.03, 0.08)),
    "rfm_stability.unclear": lambda: says.stability(stable(0.09, 0.07, 0.12)),
    "rfm_stability.fragile": lambda: says.stability(stable(0.3, 0.25, 0.35)),
    "rfm_sheet.empty": lambda: says.sheet(sheet([0.2], users=np.nan).assign(shown=False), moves()),
    "rfm_sheet.alone": lambda: says.sheet(sheet([np.nan]), moves()),
    "rfm_sheet.both": lambda: says.sheet(sheet([0.2, -0.2]), moves()),
    "rfm_sheet.grew": lambda: says.sheet(sheet([0.2]), moves()),
    "rfm_sheet.shrank": lambda: says.sheet(sheet([-0.2]), moves()),
    "rfm_sheet.still": lambda: says.sheet(sheet([0.2], p_holm=0.4), moves()),
    "aarrr_change.empty": lambda: aarrr_says.changes(line(np.nan)),
    "aarrr_change.none": lambda: aarrr_says.changes(line(0.4, change=0.01)),
    "aarrr_change.alone": lambda: aarrr_says.changes(line(0.4)),
    "aarrr_change.news": lambda: aarrr_says.news(line(0.01)),
    "aarrr_change.some": lambda: aarrr_says.changes(line(0.01)),
    "traps.channels": lambda: trap_says.channels(*(Check(name, False, NUMBERS[name]) for name in SIMPSON)),
    "traps.heading": lambda: trap_says.heading([Check("undecided", True), Check("many_compared", None)]),
} | {
    f"trap_{trap}.{case}": lambda trap=trap, state=state: trap_says.said(Check(trap, state, NUMBERS[trap]))
    for trap in NUMBERS
    for case, state in STATES.items()
}  # fmt: skip


def figures_in(text: str) -> Counter:
    return Counter(re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?%?", text))


@pytest.mark.parametrize("case", CASES)
def test_each_case_is_reached_and_says_the_same_numbers_in_both_languages(case):
    """The table leads to its case; every number of the English text stands in the Chinese one."""
    sentence = CASES[case]()
    assert sentence.key == f"lifecycle.{case}"
    english, chinese = sentence.text("en"), sentence.text("zh")
    dates = r"\d{1,2} [A-Z][a-z]{2} \d{4}|\d{4}年\d{1,2}月\d{1,2}日"
    left, right = (figures_in(re.sub(dates, "", text)) for text in (english, chinese))
    assert left == right, (english, chinese)
    assert re.search(r"[\u4e00-\u9fff]", chinese)
    assert not re.search(r"[\u4e00-\u9fff]|nan|None", english)


def test_every_case_of_the_catalogue_has_a_test():
    """No sentence of these areas is left out."""
    chosen = {case.split(".")[0] for case in CASES}
    known = {key.removeprefix("lifecycle.") for key in words.keys("lifecycle.")}
    assert {key for key in known if key.split(".")[0] in chosen} == set(CASES)


def test_a_difference_that_holm_takes_back_is_not_called_a_loss():
    """The interval of the best group alone lies below zero, but eight groups were compared: the usual fall."""
    assert says.moves(kept(-0.043, -0.007, p_holm=0.06), moves()).key == "lifecycle.rfm_moves.usual"


def test_no_buyers_leave_the_sentence_of_no_buyers():
    """Stability of nobody is not stability."""
    assert says.stability(stable(np.nan, np.nan, np.nan, buyers=0)).key == "lifecycle.rfm.empty"


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_action_sheet_takes_the_companys_plays_and_else_its_own(language):
    """A named play, owner and budget stand in the sheet in its language; the other groups get the suggestion."""
    plays = {"HHH": Play(play="call them", play_zh="致电", owner="Li", contacts=180), "LLL": Play(contacts=0)}
    with words.speaking(language, currency="CNY"):
        shown = says.sheet_table(sheet([0.2, np.nan], users=90.0), plays)
        texts = shown.map(str)
    assert texts["play"][0] == {"en": "call them", "zh": "致电"}[language]
    told = {"en": ["Li; budget 180 contacts, 2 per buyer", "not named"], "zh": ["Li；预算 180 次，人均 2 次", "未指定"]}
    assert texts["owner"].tolist()[:2] == told[language]
    assert "0" in texts["owner"][7]
    assert len(set(texts["play"])) == 8
    assert "90" in texts["buyers"][0]
    assert texts["since"][1] == "–"
    assert says.sheet_table(sheet([0.2], users=0.0), plays).empty


def _partly_hidden() -> pd.DataFrame:
    table = sheet([0.2])
    table.loc[0, ["users", "revenue", "p_holm"]] = np.nan
    return table


def test_an_action_sheet_without_owners_has_no_column_for_them():
    """A column that says “not named” in every row tells nothing."""
    assert "owner" not in says.sheet_table(sheet([0.2]), {"HHH": Play(play="call them")})


def test_a_hidden_group_shows_no_number_in_the_action_sheet():
    """The row stays, its size and value do not."""
    shown = says.sheet_table(_partly_hidden(), {}).head(1).map(str)
    assert set(shown["buyers"]) == set(shown["revenue"]) == {"too few to show"}
    assert set(shown["since"]) == {"–"}


def test_aarrr_table_shows_each_number_in_its_unit():
    """Shares are percent and points, money is money, what was not recorded is a dash."""
    shown = aarrr_says.change_table(line()).map(str)
    assert shown["value"].tolist() == ["0", "40.0%", "0.40", "–"]
    assert shown["change"].tolist() == ["0", "+10.0 points", "+0.10", "–"]
    assert shown["clear"].tolist() == ["up", "up", "up", "cannot tell"]
    assert aarrr_says.change_table(line(np.nan)).map(str)["clear"].unique().tolist() == ["cannot tell"]
    assert aarrr_says.change_table(line().head(0)).empty


def test_headline_numbers_carry_their_change():
    """The change of money is a share of the previous value, that of a share a difference."""
    number = aarrr_says.number(line(), "arppu")
    assert (number["previous"], number["change"]) == (0.3, pytest.approx(1 / 3))
    assert aarrr_says.number(line(), "paying")["change"] == pytest.approx(0.1)
    assert "change" not in aarrr_says.number(line(), "invited")


def test_traps_table_puts_open_ones_first():
    """One row per check made, fired or not, each with its sentence."""
    checks = [Check(trap, None if trap == "undecided" else trap == "many_compared", NUMBERS[trap]) for trap in NUMBERS]
    texts = trap_says.table(checks).map(str)
    assert texts["trap"].iloc[[0, -1]].tolist() == ["Many comparisons", "Users undecided at the end of the data"]
    assert texts["found"].str.startswith(("CARE", "Clear", "Cannot tell")).all()


def test_one_channel_is_said_once_for_both_metrics():
    """Where no mix can mislead, one line says so for paying share and revenue."""
    assert trap_says.channels(*(Check(name, None) for name in SIMPSON)).key == "lifecycle.trap_simpson_paying.unknown"


def test_split_by_channel_is_shown_in_its_units():
    """Paying share in points, revenue in money, what is missing as a dash."""
    parts = dict.fromkeys(["base_value", "value", "total", "inside", "mix"], 0.5)
    ends = {f"{name}_{end}": 0.1 for name in ("total", "inside") for end in ("low", "high")}
    mix = pd.DataFrame([{"metric": metric, "users": 9, "channels": 2} | parts | ends for metric in ("paying", "arpu")])
    shown = trap_says.mix_table(mix).map(str)
    assert shown["change_inside"].tolist() == ["+50.0 points", "+0.50"]
    assert trap_says.mix_table(mix.assign(total_low=np.nan)).map(str)["change_total_range"].tolist() == ["–", "–"]


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_charts_are_drawn_from_tables_and_left_out_for_empty_ones(language):
    """Each chart draws its table in both languages and returns None where there is nothing to draw."""
    with words.speaking(language):
        theme.use(language)
        charts.moves(moves()).canvas.draw()
        charts.kept(kept()).canvas.draw()
        assert charts.moves(moves().head(0)) is None
        assert charts.moves(moves(settled=False)) is None
        assert charts.kept(kept(share=np.nan)) is None


def test_only_a_clear_change_is_news():
    """A change that is clear among all compared is told on the first screen, one that is clear alone is not."""
    told = aarrr_says.news(line(0.01))
    clear = int(line(0.01)["clear"].sum())
    assert clear > 1
    assert f", and {clear - 1} other" in told.text("en")
    assert f"以及另外 {clear - 1} 项" in told.text("zh")
    assert aarrr_says.news(line(0.4)) is None
