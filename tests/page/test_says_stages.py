"""The sentences and charts of stages in depth: every case is reached, with the same numbers in both languages."""

import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis.stage_moves import MOVES
from opsbook.analysis.stages import ENTERED, LEFT, STAGES
from opsbook.analysis.usage_interval import BOUNDS, TARGETS
from opsbook.inputs.workbook import DEFAULT_STAGES, StageRule
from opsbook.page import theme, words
from opsbook.page.charts import ribbons
from opsbook.page.charts import stages as charts
from opsbook.page.says import stages as says

OWN = (StageRule(stage="mature"),)


def thresholds(*fits: str) -> pd.DataFrame:
    table = pd.DataFrame({"threshold": list(TARGETS), "bound": list(BOUNDS.values()), "fit": fits})
    known = table["fit"].isin(["fits", "early", "late"])
    told = {"suggested_days": 4.0, "low": 4.0, "high": 5.0}
    table = table.assign(**{name: np.where(known, days, np.nan) for name, days in told.items()})
    return table.assign(in_use_days=[13.0, 7.0, 28.0], target_share=0.9, watched_days=400, returns_seen=1234)


def curve() -> pd.DataFrame:
    day = np.arange(1, 41)
    share = 1 - np.exp(-day / 3)
    return pd.DataFrame({
        "day": day, "returned_share": share, "returned_low": share - 0.01, "returned_high": share + 0.001,
        "returns_seen": 1234, "watched_days": 40,
    })  # fmt: skip


def matrix(asleep: int = 60, complete: bool = True) -> pd.DataFrame:
    rows = [(one, other, 0) for one in [*STAGES, ENTERED] for other in [*STAGES, LEFT]]
    table = pd.DataFrame(rows, columns=["from_stage", "to_stage", "users"]).set_index(["from_stage", "to_stage"])
    cells = {("mature", "mature"): 200, ("mature", "sleeping"): asleep, ("lost", "lost"): 900, (ENTERED, "growth"): 80}
    for cell, users in cells.items():
        table.loc[cell, "users"] = users
    table = table.reset_index()
    table["from_users"] = table.groupby("from_stage")["users"].transform("sum")
    share = table["users"] / table["from_users"].where(table["from_users"] > 0)
    return table.assign(share=share, share_low=share - 0.01, share_high=share + 0.01, complete=complete)


def rates(now: int = 700, periods: int = 2, complete: bool = True) -> pd.DataFrame:
    ends = pd.date_range("2026-01-31", periods=periods, freq="ME")
    rows = [
        (move, f"2026-0{number + 1}", end, 700 if number < periods - 1 else now, 1000)
        for move in MOVES
        for number, end in enumerate(ends)
    ]
    table = pd.DataFrame(rows, columns=["move", "period", "end", "users", "from_users"])
    share = table["users"] / 1000
    return table.assign(start_end=table["end"], share=share, share_low=share - 0.03, share_high=share + 0.03,
                        complete=complete)  # fmt: skip


def hidden(*cells: tuple[str, str]) -> pd.DataFrame:
    """The matrix as stages.without_small_cells leaves it."""
    table = matrix().set_index(["from_stage", "to_stage"]).astype({"users": "float64"})
    table.loc[list(cells), ["users", "share", "share_low", "share_high"]] = np.nan
    return table.reset_index()


def untold(*moves: str) -> pd.DataFrame:
    """The last period's rates without those that would give away a small cell."""
    table = rates().astype({"users": "float64"})
    now = (table["end"] == table["end"].max()) & table["move"].isin(moves)
    table.loc[now, ["users", "share", "share_low", "share_high"]] = np.nan
    return table


def value(top_low: float = 0.55, revenue: float = 100.0, complete: bool = True) -> pd.DataFrame:
    share = pd.Series([0.0, 0.1, 0.6, 0.1, 0.2]) if revenue else pd.Series([np.nan] * 5)
    return pd.DataFrame({
        "stage": STAGES, "users": 200, "alive_users": 1000, "share": 0.2, "share_low": 0.18, "share_high": 0.22,
        "buyers": 10, "orders": 20, "revenue": revenue, "share_revenue": share,
        "share_revenue_low": share - 0.6 + top_low, "share_revenue_high": share + 0.05, "orders_per_user": 0.1,
        "revenue_per_user": 3.0, "revenue_per_user_low": 2.5, "revenue_per_user_high": 3.5, "window_days": 365,
        "complete": complete,
    })  # fmt: skip


def chances(last: float = 0.01) -> pd.DataFrame:
    rows = [(h, s, 1000, c) for h, f in ((7, 0.8), (28, 1.0)) for s, c in ((7, 0.5 * f), (28, 0.2 * f), (90, last * f))]
    table = pd.DataFrame(rows, columns=["within_days", "silent_days", "silences", "chance"])
    return table.assign(low=table["chance"] * 0.9, high=table["chance"] * 1.1)


CASES = {
    "usage_interval.known": lambda: says.thresholds(thresholds("fits", "early", "unknown"), rules=DEFAULT_STAGES),
    "usage_interval.none": lambda: says.thresholds(thresholds(*["not_used"] * 3), rules=OWN),
    "usage_interval.unjudged": lambda: says.thresholds(thresholds(*["unknown"] * 3), rules=OWN),
    "stage_flow.incomplete": lambda: says.flow(matrix(complete=False)),
    "stage_flow.few": lambda: says.flow(matrix(asleep=3)),
    "stage_flow.known": lambda: says.flow(matrix()),
    "stage_flow.hidden": lambda: says.flow(hidden(("mature", "mature"))),
    "stage_flow.few_hidden": lambda: says.flow(hidden(("mature", "sleeping"), ("lost", "lost"))),
    "move_trend.partly": lambda: says.moves(untold("fell_asleep")),
    "move_trend.hidden": lambda: says.moves(untold(*MOVES)),
    "move_trend.empty": lambda: says.moves(rates(complete=False)),
    "move_trend.first": lambda: says.moves(rates(periods=1)),
    "move_trend.up": lambda: says.moves(rates(800)),
    "move_trend.down": lambda: says.moves(rates(600)),
    "move_trend.unclear": lambda: says.moves(rates()),
    "stage_worth.incomplete": lambda: says.value(value(complete=False)),
    "stage_worth.empty": lambda: says.value(value(revenue=0)),
    "stage_worth.carries": lambda: says.value(value()),
    "stage_worth.even": lambda: says.value(value(0.1)),
    "wake.empty": lambda: says.waking(chances().tail(0), silent_days=7),
    "wake.often": lambda: says.waking(chances(0.3), silent_days=7),
    "wake.rarely": lambda: says.waking(chances(), silent_days=90),
    "wake.known": lambda: says.waking(chances(), silent_days=7),
}
PARTS = {f"usage_interval.{part}" for part in ("preset", "own", "fits", "early", "late", "unknown")}


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
    assert not re.search(r"[\u4e00-\u9fff]|nan|None|–", english)


def test_every_case_of_the_catalogue_has_a_test():
    """No sentence of the areas that choose a case is left out."""
    chosen = {case.split(".")[0] for case in CASES}
    known = {key.removeprefix("lifecycle.") for key in words.keys("lifecycle.")}
    assert {key for key in known if key.split(".")[0] in chosen} - PARTS == set(CASES)


@pytest.mark.parametrize("fit", ["fits", "early", "late", "unknown"])
def test_each_verdict_on_a_threshold_has_its_words(fit):
    """Every fit of a threshold is said, in both languages and with the threshold in use."""
    sentence = says.thresholds(thresholds("not_used", fit, "fits"), rules=OWN)
    for language in words.LANGUAGES:
        assert "7" in sentence.text(language)
        assert not re.search(r"nan|None|–", sentence.text(language))


def test_chart_of_flows_leaves_out_who_stays_lost_and_keeps_everybody_else():
    """The ribbons hold the users who moved or stayed awake; both columns have their numbers."""
    moved = says.moving(matrix())
    assert moved["users"].sum() == 340
    with words.speaking("en"):
        theme.use("en")
        texts = [text.get_text() for text in charts.flow(matrix()).axes[0].texts]
    assert {"mature 260", "joined since 80", "mature 200", "growth 80", "sleeping 60"} == set(texts)


def test_a_hidden_cell_is_neither_drawn_nor_told():
    """What the matrix hides is in no ribbon, no number beside a block and no sentence."""
    shown = hidden(("mature", "sleeping"), ("mature", "mature"))
    with words.speaking("en"):
        theme.use("en")
        texts = {text.get_text() for text in charts.flow(shown).axes[0].texts}
    assert texts == {"joined since 80", "growth 80"}
    assert not {"60", "200"} & set(figures_in(says.flow(shown).text("en")))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [((), "lost"), ((("mature", "sleeping"),), "both"), ((("lost", "lost"), ("mature", "sleeping")), "hidden")],
)
def test_the_sentence_says_what_is_not_drawn(cells, expected):
    """The lost who stay lost by number where the matrix tells it, and that hidden flows are left out."""
    assert says._undrawn(hidden(*cells)).key == f"lifecycle.stage_flow_out.{expected}"


def test_a_few_who_could_make_a_move_are_not_counted_in_the_sentence():
    """Neither a share of five sleeping users nor that they are five stands beside the rates that are told."""
    table = rates().astype({"users": "float64", "from_users": "float64"})
    few = (table["end"] == table["end"].max()) & (table["move"] == "woke_sleeping")
    table.loc[few, ["users", "from_users", "share", "share_low", "share_high"]] = np.nan
    english = says.moves(table).text("en")
    assert "sleeping users woke" not in english
    assert "stayed mature" in english
    table.loc[table["move"] == "kept_mature", ["users", "from_users", "share"]] = np.nan
    assert says.moves(table).key == "lifecycle.move_trend.empty"


def test_a_line_whose_last_rate_is_hidden_is_named_without_a_share():
    """An older share would be read as today's."""
    with words.speaking("en"):
        theme.use("en")
        texts = [text.get_text() for text in charts.moves(untold("fell_asleep")).axes[0].texts]
        none = [text.get_text() for text in charts.moves(untold(*MOVES)).axes[0].texts]
        last = rates().assign(complete=lambda table: table["end"] < table["end"].max())
        before = [text.get_text() for text in charts.moves(last).axes[0].texts]
    assert sorted("%" in text for text in texts) == [False, True, True]
    assert ["%" in text for text in none] == [False] * 3
    assert ["%" in text for text in before] == [True] * 3


def test_ribbons_stack_without_overlap_and_fill_their_blocks():
    """Blocks go downwards in order, the heights of a column are its users, and middles are inside."""
    theme.use("en")
    fig, ax = theme.axes()
    flows = [ribbons.Flow("a", "x", 30), ribbons.Flow("a", "y", 10), ribbons.Flow("b", "y", 60)]
    colors = dict.fromkeys("abxy", "#0a5a94")
    left, right = ribbons.draw(ax, flows, left=["a", "b"], right=["x", "y"], colors=colors, gap=0.1)
    assert left == {"a": -20.0, "b": -80.0}
    assert right == {"x": -15.0, "y": -75.0}
    fig.canvas.draw()


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_charts_are_drawn_from_tables_and_left_out_for_empty_ones(language):
    """Each chart draws its table in both languages and returns None where there is nothing."""
    fits = thresholds("fits", "early", "late")
    drawn = [
        (charts.flow, matrix(), matrix(complete=False)),
        (charts.moves, rates(), rates(complete=False)),
        (charts.value, value(), value(revenue=0)),
        (lambda table: charts.returns(table, fits), curve(), curve().tail(0)),
        (charts.waking, chances(), chances().tail(0)),
    ]
    with words.speaking(language):
        theme.use(language)
        for chart, table, nothing in drawn:
            chart(table).canvas.draw()
            assert chart(nothing) is None
