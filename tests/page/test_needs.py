"""What a page does where a need is not met that the workbook's exits decide: one line, once, and no number."""

from types import SimpleNamespace

import pandas as pd
import pytest

from opsbook.inputs.exits import Exits
from opsbook.page.page import Page
from opsbook.page.words import Sentence
from page.demo_report import Collected, make_book

ROADS = {"roads": {"withdrawn": {"events": "withdraw"}}}


def said() -> Sentence:
    return Sentence("demo.actives.up", n=3)


def page_of(exits: dict, shown: Collected) -> Page:
    book = make_book()
    book.workbook = SimpleNamespace(**vars(book.workbook), exits=Exits.model_validate(exits))
    return Page(book, emit=shown)


@pytest.mark.parametrize(
    ("need", "exits", "met"),
    [
        ("exits", {}, False),
        ("exits", ROADS, True),
        ("silence", ROADS, True),
        ("silence", ROADS | {"exits_only": True}, False),
        ("activity", ROADS | {"exits_only": True}, False),
    ],
)
def test_a_need_of_exits_is_met_or_told_in_one_line(need, exits, met, shown):
    """Sentences, tables, findings and numbers appear, or one line says once why they do not."""
    page = page_of(exits, shown)
    page.say(said(), needs=[need])
    page.finding(said(), needs=[need])
    page.table(pd.DataFrame({"n": [1]}), said(), name="t", needs=[need])
    page.number("actives", 3, n=3, method="counted", needs=[need])
    assert shown.kinds() == (["say", "finding", "table", "number"] if met else ["absent"])


def test_without_the_need_there_is_no_verdict(shown):
    """The first screen says that it gives no verdict, instead of a wrong one."""
    page = page_of(ROADS | {"exits_only": True}, shown)
    page.verdict("good", said(), needs=["activity"])
    told = shown.last("verdict")
    assert told["status"] == "unknown"
    assert "no verdict" in told["sentence"]
