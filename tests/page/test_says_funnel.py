"""Every sentence of the funnel takes its case and says the same numbers in both languages; charts draw or do not."""

import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from opsbook.inputs.funnels import Funnel, default_funnel
from opsbook.page import theme, words
from opsbook.page.charts import funnel as charts
from opsbook.page.says import funnel as says

NAMES = {"sign_up": "sign-up", "whole": "whole"}
BY = Funnel(name="f", steps=("a", "b"))
FULL = Funnel.model_validate({
    "name": "leads", "name_zh": "线索", "window_days": 30, "hold": "channel", "exclude": ["spam"], "entry": "event",
    "steps": ["a", {"event": "b", "within": "3 days", "name_zh": "乙"}, "c"],
})  # fmt: skip
EMPTY = pd.DataFrame(columns=["step", "event"])


def rates(users=(200, 90, 30), young=0, day=False):
    start = pd.Timestamp("2026-10-01")
    share, n = np.array(users) / max(users[0], 1), len(users)
    before = np.r_[users[0], users[:-1]]
    return pd.DataFrame({
        "cohort": 0, "period": "2026-10", "start": start, "end": start if day else pd.Timestamp("2026-10-31"),
        "group": "all", "step": range(1, n + 1), "event": ["sign_up", "read", "order"][:n], "optional": False,
        "users": users, "lost": before - users, "previous": before, "share_of_entry": share,
        "share_of_entry_low": share * 0.9, "share_of_entry_high": share, "share_of_previous": share,
        "share_of_previous_low": share * 0.9, "share_of_previous_high": share, "incomplete": young,
    })  # fmt: skip


def loss(other=60, clear=True):
    row = {"step": 2, "event": "read", "previous": 200, "lost": 110, "share_lost": 0.55, "share_lost_low": 0.481}
    row |= {"share_lost_high": 0.617, "other_event": "order", "other_lost": other, "p_value": 0.001, "clear": clear}
    return pd.DataFrame([row])


def soon(median=30.0, whole=0.4):
    told = {"step": [0, 2, 3], "event": ["whole", "read", "order"], "waited": [210, 211, 99], "share_1d": 0.371}
    told |= {"share_1d_low": 0.291, "share_1d_high": 0.461, "median_hours": median, "share_7d": whole}
    told |= {"share_7d_low": whole - 0.1, "share_7d_high": whole + 0.1}
    return pd.DataFrame(told)


def groups(p=0.001, clear=3):
    rows = [(group, step) for group in ("ads", "web") for step in (0, 2)]
    table = pd.DataFrame(rows, columns=["group", "step"]).assign(
        event=["whole", "read"] * 2, entered=120, previous=120, users=30, share=0.25, share_low=0.181, share_high=0.334,
        rest_share=0.351, difference=-0.101, difference_low=-0.19, difference_high=-0.011, p_value=p,
    )  # fmt: skip
    return table.assign(p_adjusted=np.where(np.arange(4) < clear, p, 0.5))


def changed(p=0.5, share=0.31, step_p=0.5):
    return pd.DataFrame({
        "step": [0, 2], "event": ["whole", "read"], "period": "2026-10", "share": [share, 0.52],
        "earlier_share": [0.302, 0.5], "expected_low": [0.27, 0.48], "expected_high": [0.34, 0.53],
        "earlier_periods": 11, "p_value": [p, step_p], "p_adjusted": [p, step_p],
    })  # fmt: skip


CASES = {
    "none": lambda: says.definition(None),
    "default": lambda: says.definition(default_funnel({"view": ["pv"], "buy": ["order"]})),
    "defined": lambda: says.definition(FULL),
    "no_steps": lambda: says.steps(EMPTY, EMPTY, names=NAMES),
    "empty": lambda: says.steps(rates((0, 0, 0)), EMPTY, names=NAMES),
    "young": lambda: says.steps(rates((0, 0, 0), young=7), EMPTY, names=NAMES),
    "no_loss": lambda: says.steps(rates((9, 9, 9)), EMPTY, names=NAMES),
    "loss_only": lambda: says.steps(rates(young=1), loss(other=0), names=NAMES),
    "loss_clear": lambda: says.steps(rates(young=12), loss(), names=NAMES),
    "loss_unclear": lambda: says.steps(rates(day=True), loss(clear=False), names=NAMES),
    "time_unknown": lambda: says.time_to_convert(soon().assign(share_1d=np.nan), names=NAMES),
    "time_half": lambda: says.time_to_convert(soon(), names=NAMES),
    "time_no_half": lambda: says.time_to_convert(soon(np.nan, np.nan), names=NAMES),
    "groups_none": lambda: says.groups(groups().tail(0), funnel=BY, names=NAMES),
    "groups_unclear": lambda: says.groups(groups(0.2), funnel=BY, names=NAMES),
    "groups_clear": lambda: says.groups(groups(), funnel=BY, names=NAMES),
    "trend_empty": lambda: says.trend(EMPTY, names=NAMES),
    "trend_few": lambda: says.trend(changed(p=np.nan), names=NAMES),
    "trend_up": lambda: says.trend(changed(0.01, 0.36), names=NAMES),
    "trend_down": lambda: says.trend(changed(0.01, 0.21, step_p=0.01), names=NAMES),
    "trend_unclear": lambda: says.trend(changed(), names=NAMES),
}
PARTS = (
    *("mode_", "best_entry", "first_entry", "hold", "exclude", "within", "sign_up", "whole", "any_step", "young_"),
    *("on_day", "time_whole", "minutes", "hours", "days", "group_part", "groups_more", "group.", "moved_"),
)


def figures_in(text: str) -> Counter:
    return Counter(re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?%?", text.replace("October", "10")))


@pytest.mark.parametrize("case", CASES)
def test_each_case_is_reached_and_says_the_same_numbers_in_both_languages(case):
    """The table leads to its case; every number of the English text stands in the Chinese one."""
    sentence = CASES[case]()
    assert sentence.key == f"lifecycle.funnel.{case}"
    english, chinese = sentence.text("en"), sentence.text("zh")
    assert not figures_in(english) - figures_in(chinese), (english, chinese)
    assert re.search(r"[\u4e00-\u9fff]", chinese)
    assert not re.search(r"[\u4e00-\u9fff]|nan|None|  ", english)


def test_every_case_of_the_catalogue_has_a_test():
    """No sentence about the funnel is left out."""
    known = {key.removeprefix("lifecycle.funnel.") for key in words.keys("lifecycle.funnel.")}
    assert {key for key in known if not any(key.startswith(part) for part in PARTS)} == set(CASES)


def test_steps_carry_their_chinese_names_in_chinese():
    """A step with a Chinese name is shown under it in Chinese and under its own in English."""
    with words.speaking("zh"):
        assert says.names(FULL)["b"] == "乙"
        assert "线索" in says.definition(FULL).text("zh")
    assert says.names(FULL)["b"] == "b"


def test_rules_in_force_are_all_told():
    """The definition names the mode, the anchor, the held value, the exclusion and the limits of single steps."""
    text = says.definition(FULL).text("en")
    for word in ("30 days", "in this order", "goes furthest", "one channel", "spam", "limit of their own"):
        assert word in text


@pytest.mark.parametrize(("hours", "shown"), [(0.2, "12 minutes"), (1.0, "1 hour"), (47.0, "47 hours"), (72.0, "3")])
def test_waiting_times_are_told_in_a_fitting_unit(hours, shown):
    """A reader is told minutes, hours or days, whichever is short."""
    assert shown in says.time_to_convert(soon(hours), names=NAMES).text("en")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_charts_draw_what_they_are_given(language):
    """Every chart draws a full table in both languages."""
    curve = pd.DataFrame({"step": 2, "event": "read", "waited": 9, "hours": [0, 0.5, 30.0, 200.0]})
    curve["share"] = curve["share_low"] = curve["share_high"] = np.array([0, 0.1, 0.3, 0.4])
    table = pd.concat([rates().assign(step=0, start=pd.Timestamp(2026, month, 1)) for month in (8, 9)])
    table = table.assign(share=0.3, share_low=0.2, share_high=0.4, period=table["start"].dt.strftime("%Y-%m"))
    with words.speaking(language):
        theme.use(language)
        drawn = [
            charts.steps(rates(), names=NAMES), charts.time_to_convert(curve, names=NAMES), charts.groups(groups()),
            charts.trend(table, changed(), names=NAMES),
        ]  # fmt: skip
    assert all(drawn)


def test_charts_without_anything_to_draw_are_left_out():
    """No entry, no wait, one group or one period give no picture."""
    assert charts.steps(rates((0, 0, 0)), names=NAMES) is None
    assert charts.time_to_convert(pd.DataFrame(), names=NAMES) is None
    assert charts.groups(groups().tail(0)) is None
    assert charts.trend(rates().tail(0), changed(), names=NAMES) is None


def test_number_is_missing_where_nobody_entered():
    """Without entries there is no conversion to give, not one of zero."""
    assert says.converted(rates((0, 0, 0)))["value"] is None
    assert says.converted(rates())["value"] == 0.15


def test_steps_stand_in_the_table_by_their_names():
    """A step is called in the table what it is called in the sentence, an unnamed one keeps its key."""
    found = pd.DataFrame({"event": ["guide", "order"], "previous": [9, 5], "cohort": 0})
    shown = says.table(found, {"guide": "完成新手引导"})
    assert [str(cell) for cell in shown["event"]] == ["完成新手引导", "order"]
    assert [cell.value for cell in shown["event"]] == ["guide", "order"]
    assert list(shown) == ["event", "step_users"]
