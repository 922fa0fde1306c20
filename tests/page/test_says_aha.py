"""Sentences and charts about early behaviour, drivers and stage ageing: every case, both languages, never "causes"."""

import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import aha as analysis
from opsbook.analysis import drivers as driver_analysis
from opsbook.analysis import stage_ageing
from opsbook.inputs.aha import AhaSettings
from opsbook.inputs.funnels import Funnel, FunnelStep
from opsbook.page import theme, words
from opsbook.page.charts import aha as aha_charts
from opsbook.page.charts import drivers as driver_charts
from opsbook.page.says import aha as says
from opsbook.page.says import drivers as driver_says

SETTINGS = AhaSettings()
FUNNEL = Funnel(name="leads", steps=[FunnelStep(any_of=(name,)) for name in ("registered", "cleaned", "signed")])
NAMES = {"names": {name: name.title() for name in FUNNEL.names}}


def people(users: int = 900) -> pd.DataFrame:
    table = pd.DataFrame({"seen_after_days": [0, 1, 3, 7, 14], "users": users, "train_users": users // 2})
    table = table.assign(test_users=users // 2, retained=users // 3, share=0.333 if users else np.nan)
    return table.assign(share_low=table["share"] - 0.03, share_high=table["share"] + 0.03)


def cells(p: float = 0.002, low: float = 0.04, close: bool = True, kind: str = "event", **best: object) -> pd.DataFrame:
    """Three counts of one event and one of another; the first row is the best."""
    table = pd.DataFrame({
        "kind": [kind, "event", "group", "active_days"], "item": ["read", "read", "login", "active_days"],
        "window_days": [7, 7, 7, 1], "at_least": [3, 1, 5, 2], "reach": [0.3, 0.6, 0.2, 0.8],
        "done_users": 150, "done_share": 0.65, "other_users": 250, "other_share": 0.55, "difference": 0.1,
        "adjusted": [0.09, 0.05, -0.02, 0.01], "adjusted_ratio": 1.2, "naive": 0.21, "train_adjusted": 0.1,
        "train_z": [4.1, 3.0, 0.2, 0.1], "p_search": [p, 0.04, 0.9, 0.95], "is_best": [True, False, False, False],
        "is_close": [False, close, False, False],
    })  # fmt: skip
    table = table.assign(reach_low=table["reach"] - 0.02, reach_high=table["reach"] + 0.02)
    table = table.assign(difference_low=0.02, difference_high=0.18)
    table = table.assign(adjusted_low=table["adjusted"] - 0.09 + low, adjusted_high=table["adjusted"] + 0.06)
    for name, value in best.items():
        table.loc[0, name] = value
    return table[analysis.COLUMNS]


def screened(p: float = 0.001, rows: int = 3, kind: str = "attribute") -> pd.DataFrame:
    table = pd.DataFrame({
        "kind": [kind, "event", "attribute"], "name": ["channel", "event", "city_tier"],
        "value": ["referral", "search", "tier_1"], "group_users": [120, 60, 70], "converted": [60, 20, 21],
        "group_share": [0.5, 0.33, 0.3], "group_share_low": 0.25, "group_share_high": 0.6, "rest_converted": 80,
        "rest_converted_share": 0.3, "difference": [0.2, 0.03, -0.11], "difference_low": [0.1, -0.1, -0.2],
        "difference_high": [0.3, 0.15, -0.01], "p_value": [p / 3, 0.4, 0.04], "p_adjusted": [p, 0.4, 0.06],
        "compared": 3,
    })  # fmt: skip
    return table[driver_analysis.COLUMNS].head(rows)


def aged(standing: int = 40, share: float = 0.55) -> pd.DataFrame:
    table = pd.DataFrame({
        "step": [1, 2], "event": ["registered", "cleaned"], "standing": standing, "days_median": [12.0, 1.0],
        "days_p75": 30.0, "days_p90": 60.0, "moved_on": 200, "slow_after_days": 9.0, "watched_longest_days": 99.0,
        "overdue": [22, 4], "share_overdue": [share, share / 2],
    })  # fmt: skip
    table = table.assign(
        share_overdue_low=table["share_overdue"] - 0.1, share_overdue_high=table["share_overdue"] + 0.1
    )
    return table[stage_ageing.COLUMNS]


STEP = {"funnel": FUNNEL, "step": 2}
CASES = {
    "aha.nobody": lambda: says.people(people(0), settings=SETTINGS),
    "aha.few": lambda: says.people(people(9), settings=SETTINGS),
    "aha.people": lambda: says.people(people(), settings=SETTINGS),
    "aha.untold": lambda: says.search(cells().head(0), people(), settings=SETTINGS),
    "aha.nothing": lambda: says.search(cells(p=0.3), people(), settings=SETTINGS),
    "aha.unconfirmed": lambda: says.search(cells(low=-0.01), people(), settings=SETTINGS),
    "aha.found": lambda: says.search(cells(), people(), settings=SETTINGS),
    "aha.next_untold": lambda: says.what_next(cells().head(0)),
    "aha.next_none": lambda: says.what_next(cells(p=0.3)),
    "aha.next_alone": lambda: says.what_next(cells(close=False)),
    "aha.next_close": lambda: says.what_next(cells()),
    "aha.did_event": lambda: says.behaviour(cells().iloc[0].to_dict()),
    "aha.did_group": lambda: says.behaviour(cells().iloc[2].to_dict()),
    "aha.did_active_days": lambda: says.behaviour(cells().iloc[3].to_dict()),
    "drivers.empty": lambda: driver_says.drivers(screened(rows=0), **STEP, **NAMES),
    "drivers.nothing": lambda: driver_says.drivers(screened(0.2), **STEP, **NAMES),
    "drivers.more": lambda: driver_says.drivers(screened(), **STEP, **NAMES),
    "drivers.less": lambda: driver_says.drivers(screened().assign(difference=-0.2), **STEP, **NAMES),
    "drivers.attribute": lambda: driver_says.what(screened().iloc[0].to_dict()),
    "drivers.event": lambda: driver_says.what(screened().iloc[1].to_dict()),
    "ageing.empty": lambda: driver_says.ageing(aged().head(0), **NAMES),
    "ageing.nobody": lambda: driver_says.ageing(aged(share=np.nan), **NAMES),
    "ageing.known": lambda: driver_says.ageing(aged(), **NAMES),
    "ageing.same_day": lambda: driver_says.ageing(aged().assign(slow_after_days=0.0), **NAMES),
}
PARTS = {"aha.within", "aha.experiment", "aha.experiment_none", "drivers.step"}


def figures_in(text: str) -> Counter:
    return Counter(re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?%?", text))


@pytest.mark.parametrize("case", CASES)
def test_each_case_is_reached_and_says_the_same_numbers_in_both_languages(case):
    """The table leads to its case; every number of the English text stands in the Chinese one; nothing is a cause."""
    sentence = CASES[case]()
    assert sentence.key == f"lifecycle.{case}"
    english, chinese = sentence.text("en"), sentence.text("zh")
    assert not figures_in(english) - figures_in(chinese), (english, chinese)
    assert re.search(r"[一-鿿]", chinese)
    assert not re.search(r"[一-鿿]|nan|None", english)
    assert not re.search(r"caused|leads to|because of", english)


def test_every_case_of_the_catalogue_has_a_test():
    """No sentence that chooses a case is left out."""
    chosen = {case.split(".")[0] for case in CASES}
    known = {key.removeprefix("lifecycle.") for key in words.keys("lifecycle.")}
    assert {key for key in known if key.split(".")[0] in chosen} - PARTS == set(CASES)


def test_once_and_first_day_are_words():
    """Once within a day reads as such, more often as a number of times; groups and days of activity in their words."""
    assert str(says.behaviour({"kind": "event", "item": "read", "at_least": 1, "window_days": 1})) == (
        "“read” on the first day"
    )
    assert "3 times in the first 7 days" in str(says.behaviour(cells().iloc[0].to_dict()))


def test_experiment_is_left_out_where_no_size_would_do():
    """A difference that no experiment of two shares can show half of is not given a number of users."""
    assert "users per group" in str(says.what_next(cells()))
    assert "users per group" not in str(says.what_next(cells(other_share=1.0)))


def test_step_is_the_one_most_are_lost_at():
    """Without a loss the second step is followed."""
    assert driver_says.step_taken(pd.DataFrame({"step": [3]})) == 3
    assert driver_says.step_taken(pd.DataFrame({"step": []})) == 2
    assert "24" in str(driver_says.how())


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_charts_are_drawn_from_tables_and_left_out_for_empty_ones(language):
    """Each chart draws its table in both languages and returns None where there is nothing."""
    with words.speaking(language):
        theme.use(language)
        for table in (cells(), cells(p=0.3), cells(kind="group")):
            aha_charts.grid(table).canvas.draw()
            aha_charts.trade_off(table).canvas.draw()
        driver_charts.drivers(screened()).canvas.draw()
        driver_charts.ageing(aged(), **NAMES).canvas.draw()
    assert aha_charts.grid(cells().head(0)) is None
    assert aha_charts.trade_off(cells().head(0)) is None
    assert driver_charts.drivers(screened(rows=0)) is None
    assert driver_charts.ageing(aged(share=np.nan), **NAMES) is None


def test_what_was_tried_is_named_as_a_reader_knows_it():
    """An attribute has the catalogue's name; an early event stands by itself."""
    words.use("zh")
    tried = pd.DataFrame({"kind": ["attribute", "event"], "name": ["channel", "event"], "value": ["ads", "checkin"]})
    name, none = driver_says.table(tried)["name"]
    assert (str(name), none) == ("渠道", None)
