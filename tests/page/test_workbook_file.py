"""report.xlsx: what is in the report is in the workbook, typed, and nothing in it is a formula."""

import io
import math
import string
from datetime import UTC, date, datetime, timedelta
from zipfile import ZipFile

import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opsbook.page import cells, sheets, words
from opsbook.page.results import read_results, read_tables
from opsbook.page.tables import from_parquet, to_parquet
from opsbook.page.workbook_file import titles, workbook_bytes
from page.demo_report import daily_table, notebook

FORMULA = '=HYPERLINK("https://example.org","pay")'
ODD = ["=1+1", "+1", "-1", "@x", "\t=1", "#N/A", "=", "a\x00b\x1fc", "\ud800", "双11 活动", "", " padded "]


def made(nb, language="en"):
    """The workbook of an executed notebook, as bytes."""
    return workbook_bytes(nb, read_results(nb), read_tables(nb), language=language)


def opened(content):
    """The workbook as openpyxl reads it."""
    return openpyxl.load_workbook(io.BytesIO(content))


def lines(sheet):
    """The values of a sheet, row by row."""
    return [list(row) for row in sheet.iter_rows(values_only=True)]


def one_table(frame):
    """The sheet of a workbook that holds this table alone."""
    stored = from_parquet(to_parquet(frame))
    results = {"as_of": "2026-10-31", "sections": []}
    nb = {"cells": [{"outputs": [{"data": {"application/vnd.opsbook.table+json": {"name": "odd"}}}]}]}
    return opened(workbook_bytes(nb, results, {"odd": stored}, language="en"))["odd"]


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_table_comes_back_as_it_is_in_the_files(language):
    """Each table is a sheet of its own whose cells equal the saved table, dates as dates and truth values as such."""
    nb = notebook(language)
    book = opened(made(nb, language))
    assert len(book.sheetnames) == 3 + len(read_tables(nb)) == 5
    for name, table in read_tables(nb).items():
        found = pd.DataFrame(lines(book[name])[1:], columns=table.columns)
        pd.testing.assert_frame_equal(found, table, check_dtype=False)


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_headline_numbers_equal_those_of_results_json(language):
    """Every field of every number stands in its column, to the last digit, as a number."""
    nb = notebook(language)
    sheet = opened(made(nb, language)).worksheets[1]
    told = read_results(nb)["numbers"]
    assert len(told) == 4
    names = sheets.NUMBERS[:-1]
    assert [row[:-1] for row in lines(sheet)[1:]] == [[same(number[name]) for name in names] for number in told]
    assert lines(sheet)[0][0] == {"en": "Number", "zh": "指标"}[language]


def test_numbers_are_shown_in_their_units():
    """A share is shown as percent, money with two decimals, counts with none, a day as a day."""
    book = opened(made(notebook()))
    of_number = {row[1].value: row[2].number_format for row in book["Headline numbers"].iter_rows(min_row=2)}
    assert of_number == {"actives": "#,##0", "retained": "0.0%", "revenue": "#,##0.00", "quick": "0.00"}
    shown = [cell.number_format for cell in book["actives"][2]][:4]
    assert shown == ["yyyy-mm-dd", "#,##0", "0.0%", "General"]


def test_the_contents_lead_to_every_sheet():
    """The first sheet says what the report is, and links every other one beside its sentence."""
    book = opened(made(notebook()))
    first = book.worksheets[0]
    links = {cell.value: cell.hyperlink.location for (cell,) in first["A1:A30"] if cell.hyperlink}
    assert links == {name: f"'{name}'!A1" for name in book.sheetnames[1:]}
    text = lines(first)
    assert ["Data through", datetime(2026, 11, 4), None] in text
    assert ["actives", 40, "People came back after 14 days: Double 11"] in text


def test_heads_are_the_pages_words_and_the_raw_names_are_kept():
    """A Chinese workbook has Chinese heads; its last sheet says what each column is called in the files."""
    book = opened(made(notebook("zh"), "zh"))
    heads = lines(book["actives"])[0]
    told = [row for row in lines(book["口径说明"]) if row[0] == "列名" and row[1] == "actives"]
    assert [row[2] for row in told] == heads
    assert [row[3] for row in told] == list(daily_table("Double 11").columns)
    assert heads[0] != "day"
    assert ["指标口径", None, "Loyal user", None, "Came back often."] in lines(book["口径说明"])


def test_a_text_never_becomes_a_formula():
    """A campaign called like a formula stays a text in every cell, also when somebody edits it."""
    content = made(notebook(text=FORMULA))
    with ZipFile(io.BytesIO(content)) as parts:
        assert not any(b"<f>" in parts.read(name) or b"<f " in parts.read(name) for name in parts.namelist())
    cells_with = [
        cell for sheet in opened(content) for row in sheet for cell in row if str(cell.value).startswith("=HYPERLINK")
    ]
    assert len(cells_with) > 40
    assert all(cell.data_type == "s" and cell.quotePrefix for cell in cells_with)


def test_odd_texts_do_not_break_the_file():
    """Signs of formulas, error values and control characters are texts; what XML refuses is replaced."""
    frame = pd.DataFrame({"text": [text.replace("\ud800", "\x01") for text in ODD]})
    found = [row[0] for row in lines(one_table(frame))[1:]]
    wanted = [text.replace("\ud800", "\ufffd").replace("\x00", "\ufffd").replace("\x1f", "\ufffd") for text in ODD]
    assert found == [text or None for text in wanted]
    assert cells.plain("\ud800") == "\ufffd"
    assert len(cells.plain("x" * 40_000)) == cells.LONGEST_TEXT


def test_types_that_excel_lacks_are_told_in_those_it_has():
    """Zones become wall clocks, periods and lists texts, categories their values, infinities nothing."""
    frame = pd.DataFrame(
        {
            "zone": pd.to_datetime(["2026-10-01 23:30", None]).tz_localize("Asia/Shanghai"),
            "whole": pd.array([1, None], dtype="Int64"),
            "kind": pd.Categorical(["=a", None]),
            "month": pd.PeriodIndex(["2026-10", "2026-11"], freq="M"),
            "span": pd.to_timedelta(["1 days 02:00:00", None]),
            "items": [["a", 1], {"b": 2}],
            "broken": [math.inf, math.nan],
            "truth": pd.array([True, None], dtype="boolean"),
            "long": [2**60, 1],
        }
    )
    _, first, second = lines(one_table(frame))
    moment, spans = datetime(2026, 10, 1, 23, 30), timedelta(days=1, hours=2)
    assert first == [moment, 1, "=a", "2026-10", spans, "['a', 1]", None, True, str(2**60)]
    assert second == [None, None, None, "2026-11", None, "{'b': 2}", None, None, 1]


def test_a_value_no_column_could_hold_is_told_as_well():
    """Days outside Excel's calendar are texts, plain dates are dates."""
    assert cells.plain(datetime(1899, 5, 1)) == "1899-05-01 00:00:00"
    assert cells.plain(date(2026, 5, 1)) == datetime(2026, 5, 1)
    assert cells.plain(datetime(2026, 5, 1, 8, tzinfo=UTC)) == datetime(2026, 5, 1, 8)
    assert cells.plain(pd.NA) is None


COLUMNS = st.one_of(
    st.lists(st.floats(allow_nan=True, allow_infinity=False), min_size=3, max_size=3),
    st.lists(st.integers(-(2**53), 2**53), min_size=3, max_size=3),
    st.lists(st.booleans(), min_size=3, max_size=3),
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8), min_size=3, max_size=3),
    st.lists(st.datetimes(datetime(1901, 1, 1), datetime(2200, 1, 1)).map(lambda t: t.replace(microsecond=0))),
)


@given(st.dictionaries(st.text(string.printable, min_size=1, max_size=40), COLUMNS, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_survives_the_way_through_excel(columns):
    """Whatever the columns are called and hold, the sheet holds the same values, cell for cell."""
    frame = pd.DataFrame({"№": [1, 2, 3]} | {name: (values + [None] * 3)[:3] for name, values in columns.items()})
    found = lines(one_table(frame))[1:]
    stored = from_parquet(to_parquet(frame))
    wanted = [[same(value) for value in row] for row in stored.itertuples(index=False, name=None)]
    assert [[same(value) for value in row] for row in found] == wanted


def same(value):
    """A value as both sides can say it: nothing for an empty text, whole numbers over fifteen digits as text."""
    typed = cells.plain(value)
    return None if typed == "" else typed


@given(st.lists(st.text(max_size=50), max_size=20))
@settings(deadline=None)
def test_titles_of_sheets_are_valid_and_unique(names):
    """Any names become titles of at most 31 characters without the signs Excel refuses, unique but for their case."""
    found = titles(names)
    assert len({title.casefold() for title in found}) == len(names)
    assert all(0 < len(title) <= 31 and not set(title) & set("[]:*?/\\") and title[0] != "'" for title in found)
    assert "history" not in {title.casefold() for title in found}


def test_a_table_longer_than_a_sheet_is_cut_and_says_so(monkeypatch):
    """Rows beyond what a sheet takes are left out, and the contents say how many there are."""
    monkeypatch.setattr(sheets, "MOST_ROWS", 25)
    book = opened(made(notebook()))
    assert book["actives"].max_row == 26
    note = next(row[2] for row in lines(book.worksheets[0]) if row[0] == "actives")
    assert note.endswith("The first 25 of 40 rows: a sheet takes no more. All of them are in tables/.")


def test_equal_executions_give_equal_bytes(monkeypatch):
    """No clock gets into the file: made at another time it is the same to the byte."""
    import time

    first = made(notebook())
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    assert made(notebook()) == first
    with ZipFile(io.BytesIO(first)) as parts:
        assert {member.date_time for member in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert b"2026-11-04T00:00:00Z" in parts.read("docProps/core.xml")


def test_every_table_has_a_frozen_head_and_a_filter():
    """The head row stays in sight and filters; columns are as wide as what they hold."""
    sheet = opened(made(notebook()))["actives"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:E41")
    assert 8 <= sheet.column_dimensions["A"].width <= 60
    assert all(cell.font.bold for cell in sheet[1])
