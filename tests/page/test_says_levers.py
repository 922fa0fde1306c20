"""Sentences and charts about levers and the steady state take the right case and say the same in both languages."""

import re

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis.levers import LEVERS
from opsbook.page import theme, words
from opsbook.page.charts import levers as charts
from opsbook.page.says import levers as says

STEADY = ["week_1", "current", "resurrected", "waking", "newcomers", "returns"]


def parts(net: int = 40, channels: tuple[str, ...] = ("all", "ads", "unknown"), **moved: float) -> pd.DataFrame:
    """Half of every part in each channel; by default acquisition alone moves, clearly."""
    values = dict.fromkeys(LEVERS, 0.0) | {"acquisition": 40.0} | moved
    rows = [
        (lever, name, value * share, value * share - 12 * (value != 0), value * share + 12 * (value != 0))
        for lever, value in values.items()
        for name, share in zip(channels, (1.0, 0.75, 0.25), strict=False)
    ]
    table = pd.DataFrame(rows, columns=["lever", "channel", "part", "low", "high"])
    return table.assign(previous_users=900, active_users=lambda t: 900 + np.where(t["channel"] == "unknown", 0, net))


def checked(total: float, within: float, fired: bool = False) -> pd.DataFrame:
    row = {"channels": 4, "base_users": 900, "total_change": total, "total_low": total - 0.011}
    row |= {"total_high": total + 0.012, "within_change": within, "within_low": within - 0.013}
    return pd.DataFrame([row | {"within_high": within + 0.014, "share_against": 0.93, "fired": fired}])


def level(steady: float = 1300.0, halving: float = 7.0, high: float = 9.0) -> pd.DataFrame:
    row = {"end": pd.Timestamp("2026-10-31"), "weeks": 8, "today": 1000, "steady": steady, "weekly": 700.0}
    row |= {"steady_low": steady - 105, "steady_high": steady + 111, "weekly_low": 650.0, "weekly_high": 760.0}
    row |= {"newcomers": 57.5, "returns": 12.25, "halving_weeks": halving}
    return pd.DataFrame([row | {"halving_low": 5.0, "halving_high": high}])


def gains(gain: float = 34.9) -> pd.DataFrame:
    rates = [0.61, 0.92, 0.8, 0.17, 57.5, 12.25]
    table = pd.DataFrame({"lever": STEADY, "now": rates, "n": 2040})
    return table.assign(gain=gain, low=gain - 2.1, high=gain + 2.2)


def tried(miss: float) -> pd.DataFrame:
    row = {"end": pd.Timestamp("2026-09-05"), "weeks": 8, "then": 900, "said": 970.0, "said_low": 950.0}
    return pd.DataFrame([row | {"said_high": 990.0, "came": 1000, "miss": miss, "miss_no_change": -0.1}])


WEEKS = pd.DataFrame({"end": pd.date_range("2026-09-05", periods=9, freq="7D"), "active_28": range(960, 1005, 5)})
PATH = pd.DataFrame({"end": pd.date_range("2026-10-31", periods=27, freq="7D"), "users": np.linspace(1000, 1200, 27)})
PATH = PATH.assign(low=PATH["users"] - 20, high=PATH["users"] + 20)
CASES = {
    "levers.empty": lambda: says.levers(parts().tail(0)),
    "levers.incomplete": lambda: says.levers(parts().assign(low=np.nan, high=np.nan)),
    "levers.up": lambda: says.levers(parts(retention=-5.0)),
    "levers.down": lambda: says.levers(parts(-40, acquisition=-40.0)),
    "levers.same": lambda: says.levers(parts(0, acquisition=4.0, mix=-4.0)),
    "lever_channels.none": lambda: says.channels(parts().tail(0)),
    "lever_channels.one": lambda: says.channels(parts(channels=("all", "unknown"))),
    "lever_channels.known": lambda: says.channels(parts()),
    "paradox.none": lambda: says.paradox(checked(0, 0).tail(0)),
    "paradox.fired_up": lambda: says.paradox(checked(0.05, -0.03, fired=True)),
    "paradox.fired_down": lambda: says.paradox(checked(-0.05, 0.03, fired=True)),
    "paradox.same": lambda: says.paradox(checked(0.05, 0.03)),
    "paradox.unclear": lambda: says.paradox(checked(0.01, -0.004)),
    "steady.weeks": lambda: says.steady(level().tail(0), "weeks"),
    "steady.few": lambda: says.steady(level().tail(0), "few"),
    "steady.stay": lambda: says.steady(level().tail(0), "stay"),
    "steady.up": lambda: says.steady(level()),
    "steady.down": lambda: says.steady(level(600.0, high=np.nan)),
    "steady.unclear": lambda: says.steady(level(1010.0)),
    "steady_check.none": lambda: says.check(tried(0).tail(0)),
    "steady_check.nearer": lambda: says.check(tried(-0.03)),
    "steady_check.farther": lambda: says.check(tried(-0.23)),
    "gains.none": lambda: says.gains(gains().assign(gain=0.1)),
    "gains.untold": lambda: says.gains(gains().tail(0)),
    "gains.known": lambda: says.gains(gains()),
    "steady_season": lambda: says.season(level()),
}
PIECES = {
    "levers.clear", "levers.clear_none", "levers.unclear", "levers.unclear_none", "levers.part",
    "lever_channels.all_known", "lever_channels.some_unknown",
    "steady.half_known", "steady.half_open", "steady.half_slow",
    *(f"gains.{lever}" for lever in says.SAID),
}  # fmt: skip


def figures_in(text: str) -> list[str]:
    return sorted(re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?%?", text))


@pytest.mark.parametrize("case", CASES)
def test_each_case_is_reached_and_says_the_same_numbers_in_both_languages(case):
    """The table leads to its case; the Chinese text holds every number of the English one."""
    sentence = CASES[case]()
    assert sentence.key == f"lifecycle.{case}"
    english, chinese = sentence.text("en"), sentence.text("zh")
    numbers = figures_in(chinese)
    assert all(number in numbers for number in figures_in(english.replace("week-1", ""))), (english, chinese)
    assert re.search(r"[\u4e00-\u9fff]", chinese)
    assert not re.search(r"[\u4e00-\u9fff]|nan|None", english)
    assert "–" not in english


def test_every_case_of_the_catalogue_has_a_test():
    """No sentence about levers or the steady state is left out."""
    areas = {case.split(".")[0] for case in CASES}
    known = {key.removeprefix("lifecycle.") for key in words.keys("lifecycle.")}
    assert {key for key in known if key.split(".")[0] in areas} - PIECES == set(CASES)


def test_clear_levers_are_named_apart_from_those_that_may_be_zero():
    """A lever whose interval covers zero is not claimed, one that cannot move is not named, the largest comes first."""
    text = says.levers(parts(retention=-5.0, inherited=60.0)).text("en")
    clear, unclear = text.split("Not to be told apart from 0:")
    assert clear.index("the base carried over +60") < clear.index("acquisition +40")
    assert "retention −5 (95% interval −17 to +7)" in unclear
    assert "mix" not in text
    assert "No lever moved clearly." in says.levers(parts(3, acquisition=3.0)).text("en")


def test_a_part_that_rounding_would_show_as_zero_is_not_called_clear():
    """An interval from 0.1 to 1.6 users reads as 0 to 2, so it stands among those not told apart from zero."""
    assert [bool(says.is_clear(*pair)) for pair in [(0.1, 1.6), (0.6, 1.6), (-3.0, -0.6), (-3.0, 4.0)]] == [
        False, True, True, False,
    ]  # fmt: skip


def test_gains_below_half_a_user_are_left_to_the_table():
    """Nothing is told in words where one more point brings nobody."""
    assert says.gains(gains(0.2)).key == "lifecycle.gains.none"
    assert len(says.gain_table(gains(0.2))) == 6


def test_halving_that_may_take_years_says_so():
    """An open interval and a level never half reached have words of their own; at rest nothing is told."""
    assert "more than two years" in says.steady(level(high=np.nan)).text("en")
    assert "takes more than two years" in says.steady(level(halving=np.nan)).text("en")
    assert "Half" not in says.steady(level(1010.0)).text("en")


def test_users_without_a_channel_are_said_with_their_share():
    """900 of 1,840 active users carry no channel: the sentence says so."""
    assert "48.9% of the 1,840 active users have no recorded channel" in says.channels(parts()).text("en")
    assert "no recorded" not in says.channels(parts(channels=("all", "ads", "search"))).text("en")


def test_tables_for_reading_show_intervals_in_words():
    """Channels in rows, levers that can move in columns; rates as percent and flows as counts."""
    wide = says.channel_table(parts(retention=-5.0))
    assert wide.columns.tolist() == [
        "channel", "previous_users", "active_users", "change_users", "acquisition", "retention",
    ]  # fmt: skip
    assert wide["channel"].tolist() == ["all", "ads", "unknown"]
    assert str(wide["acquisition"].iloc[0]) == "+40 (+28 to +52)"
    assert says.lever_table(parts())["lever"].tolist() == LEVERS
    assert [str(cell) for cell in says.gain_table(gains())["now"]] == ["61.0%", "92.0%", "80.0%", "17.0%", "58", "12"]
    assert len(says.channel_table(parts().tail(0))) == len(says.gain_table(gains().tail(0))) == 0


def test_headline_numbers_carry_interval_n_and_method_also_when_empty():
    """`page.number` gets all it asks for; without a level the value is missing."""
    full = [says.steady_number(level()), says.gain_number(gains())]
    assert all(number["low"] < number["value"] < number["high"] and number["n"] for number in full)
    assert [number["key"] for number in full] == ["steady_mau", "steady_week_1"]
    assert says.steady_number(level().tail(0))["value"] is None
    assert says.gain_number(gains().tail(0))["value"] is None


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_charts_are_drawn_from_tables_and_left_out_for_empty_ones(language):
    """Each chart draws its table in both languages and returns None where there is nothing."""
    with words.speaking(language):
        theme.use(language)
        charts.levers(parts(retention=-5.0, mix=-20.0)).canvas.draw()
        charts.steady(WEEKS, PATH, level()).canvas.draw()
        charts.steady(WEEKS, PATH.assign(users=PATH["users"][::-1].to_numpy()), level(600.0)).canvas.draw()
    assert charts.levers(parts().tail(0)) is None
    assert charts.levers(parts().assign(low=np.nan)) is None
    assert charts.steady(WEEKS.tail(0), PATH.tail(0), level().tail(0)) is None
