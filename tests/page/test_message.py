"""A report in five lines says what the page says, with the page's own words."""

import re

import pytest

from opsbook.page.bundles import bundle
from opsbook.page.message import DECIDED, SHORT, message


def notebook(**changed) -> dict:
    """Title, verdict, five numbers (one without a value, one that is no card) and a finding, as cells show them."""
    words = {"change": "", "interval": "", "target": ""}
    numbers = [
        {"value": 12, "card": True, "words": words | {"label": "Orders", "value": "12", "interval": "9 – 15"}},
        {"value": None, "card": True, "words": words | {"label": "Nothing", "value": "–"}},
        {"value": 3, "card": False, "words": words | {"label": "Hidden", "value": "3"}},
        {"value": 5, "card": True, "words": words | {"label": "Users", "value": "5", "change": "up 3%"}},
        {"value": 7, "card": True, "words": words | {"label": "Days", "value": "7"}},
    ]
    shown = {
        "title": {"company": "Shop", "title": "Review", "period_text": "March", "through_text": "data through April"},
        "verdict": {"status_text": "Good", "sentence": "It works."},
        "finding": {"text": "Orders rose. Nobody knows why."},
    } | changed
    told = [(kind, payload) for kind, payload in shown.items() if payload] + [("number", one) for one in numbers]
    outputs = [{"data": bundle(kind, payload, plain="")} for kind, payload in told]
    return {"cells": [{"outputs": outputs}, {"cell_type": "markdown"}]}


def test_five_lines_say_what_happened_and_how_sure():
    """Title, verdict, the numbers that are cards and known, the first finding, where the rest is."""
    assert message(notebook(), language="en").splitlines() == [
        "Shop · Review · March",
        "Good: It works.",
        "Orders 12, 9 – 15; Users 5, up 3%; Days 7",
        "Orders rose. Nobody knows why.",
        "Intervals, n and reasons: report.html; data through April.",
    ]


def test_markdown_marks_the_same_words():
    """Without its stars the Markdown is the text."""
    marked = message(notebook(), language="zh", markdown=True)
    assert "**Shop · Review · March**" in marked
    assert "Orders **12**" in marked
    assert marked.replace("**", "") == message(notebook(), language="zh")


def test_what_is_not_there_takes_no_line():
    """No verdict, no finding: fewer lines; a finding that repeats the verdict is left out."""
    assert len(message(notebook(verdict=None, finding=None), language="en").splitlines()) == 3
    assert len(message(notebook(finding={"text": "It works."}), language="en").splitlines()) == 4


def test_the_last_line_says_what_to_do():
    """What was asked, what the numbers say to it, who owns it; then the report needs no line of its own."""
    told = {"asked": "Raise it?", "text": "Nothing yet.", "owner_text": "Owner: Growth"}
    last = message(notebook(decision=told), language="en").splitlines()[-1]
    assert last == "To decide: Raise it? Nothing yet. Owner: Growth"
    alone = message(notebook(decision=told | {"asked": "", "owner_text": ""}), language="zh", markdown=True)
    assert alone.splitlines()[-1] == "**待决策**：Nothing yet。"


def test_what_is_suggested_is_not_cut_from_the_question():
    """A decision of two or three sentences reaches the chat whole; a finding of that length would not."""
    told = {
        "asked": "",
        "text": "Run it again as it is? " + "It did not pay for itself. " * 10 + "We suggest: change it.",
    }
    last = message(notebook(decision=told | {"owner_text": ""}), language="en").splitlines()[-1]
    assert "We suggest: change it." in last
    assert SHORT < len(last) <= DECIDED


@pytest.mark.parametrize(
    "sentence", ["Orders rose a little in every region but one. ", "订单在各地区都略有上升，只有一个地区例外。"]
)
def test_a_long_finding_ends_with_a_sentence(sentence):
    """As many whole sentences as fit."""
    line = message(notebook(finding={"text": sentence * 20}), language="en").splitlines()[3]
    assert len(line) <= SHORT
    assert line.endswith(sentence.strip())


def test_a_long_sentence_is_cut_at_a_word():
    """Never within a word, and the cut is shown."""
    line = message(notebook(finding={"text": "word " * 100}), language="en").splitlines()[3]
    assert re.fullmatch(r"(word )+word…", line)
