"""A how-to-read line explains the marks of its chart that are drawn, and no others."""

import pandas as pd
import pytest

from opsbook.analysis.margins import BreakEven
from opsbook.page import words
from opsbook.page.says import lasting, memory, pays, retention_definitions

NAN = float("nan")
EVEN = BreakEven(0.4, 0.2, 0.8, "known")
FAR = BreakEven(1.4, 1.2, 1.8, "known")


@pytest.mark.parametrize(
    ("own", "even", "marks"),
    [(True, EVEN, "dot diamond"), (True, FAR, "dot"), (False, EVEN, "diamond"), (False, FAR, "")],
)
def test_margins_explain_the_dot_and_the_diamond_that_are_drawn(own, even, marks):
    """A break-even margin above 1 is not drawn, nor a margin nobody gave."""
    told = words.label(pays.margins_how(pd.DataFrame({"given": [False, own]}), even)).lower()
    assert [mark for mark in ("dot", "diamond") if mark in told] == marks.split()


@pytest.mark.parametrize(("low", "banded"), [(0.1, True), (NAN, False), (None, False)])
def test_the_memory_explains_its_band_where_there_is_one(low, banded):
    """Without a typical effect, or without its span, no grey band is drawn."""
    expected = None if low is None else pd.Series({"new_low": low, "new_high": 0.3})
    assert ("Grey band" in words.label(memory.how(expected))) == banded


@pytest.mark.parametrize(("total", "marked"), [(8.0, True), (NAN, False)])
def test_the_ledger_explains_other_orders_where_orders_are_marked(total, marked):
    """Without marked orders the line is missing."""
    lines = pd.DataFrame({"line": ["gross", "other"], "total": [9.0, total]})
    assert ("Other orders" in words.label(lasting.ledger_how(lines))) == marked
    assert "Other orders" not in words.label(lasting.ledger_how(lines.head(1)))


@pytest.mark.parametrize(("share", "counted"), [(0.3, True), (NAN, False)])
def test_definitions_explain_24_hours_where_they_are_counted(share, counted):
    """Without the instant of signing up there is nothing to explain."""
    table = pd.DataFrame({"counted_as": ["on_day", "on_24_hours"], "share": [0.3, share]})
    assert ("24 hours" in words.label(retention_definitions.how(table))) == counted


@pytest.mark.parametrize(
    "key",
    [
        "campaign.how.margins_dot",
        "campaign.how.margins_even",
        "campaign.how.margins_plain",
        "campaign.how.memory_alone",
        "campaign.how.pull_forward_unmarked",
        "retention.how.definitions_days",
    ],
)
def test_the_shorter_lines_stand_in_both_languages(key):
    """Each ends as a sentence does."""
    assert words.Sentence(key).text("en").endswith(".")
    assert words.Sentence(key).text("zh").endswith("。")
