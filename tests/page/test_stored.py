"""Cells of numbers are saved as numbers, words of the catalogue by their keys, prose as it is told."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsbook.page import sheets, tables, words
from opsbook.page.stored import saved, specs
from opsbook.page.told import Told
from opsbook.page.words import Sentence

FIGURES = st.floats(-1e9, 1e9)


def part(value: float, low: float, high: float) -> Sentence:
    return Sentence("lifecycle.cell.part", part=value, low=low, high=high)


def column(*cells: object) -> pd.DataFrame:
    return pd.DataFrame({"moved": pd.Series(cells, dtype=object)})


@given(st.lists(st.tuples(FIGURES, FIGURES, FIGURES), min_size=1, max_size=5))
def test_a_number_and_its_interval_are_three_columns(rows):
    """Whatever the figures, the saved columns hold them to the last digit, in either language."""
    table = column(*(part(*row) for row in rows))
    stored = []
    for language in words.LANGUAGES:
        with words.speaking(language):
            stored.append(tables.from_parquet(tables.to_parquet(table)))
    assert list(stored[0]) == ["moved", "moved_low", "moved_high"]
    assert stored[0].to_numpy().tolist() == [list(row) for row in rows]
    pd.testing.assert_frame_equal(*stored)


def test_what_is_not_known_is_missing():
    """A cell without a number is empty beside numbers, whether it says so in words or not at all."""
    found = saved(column(part(3.0, 1.0, 5.0), Sentence("lifecycle.range.none"), None, part(2.0, None, None)))
    assert found["moved"].tolist()[:1] == [3.0]
    assert found["moved"].isna().tolist() == [False, True, True, False]
    assert found["moved_low"].isna().tolist() == [False, True, True, True]


def test_an_interval_alone_has_two_columns():
    """A column of ends only is saved as its two ends."""
    cells = [Sentence("lifecycle.range.share", low=0.1, high=0.3)] * 2
    assert saved(column(*cells)).to_dict("list") == {"moved_low": [0.1, 0.1], "moved_high": [0.3, 0.3]}


def test_what_stands_beside_a_value_is_called_after_it():
    """A count with its share in brackets is a count and a share."""
    found = saved(column(Sentence("lifecycle.cell_share.users", value=12, share=0.4)))
    assert found.to_dict("list") == {"moved": [12], "moved_share": [0.4]}


def test_words_are_saved_by_their_keys_and_names_as_they_are():
    """A word of the catalogue beside names of the data is its key; the workbook's definitions tell what it means."""
    table = column(Sentence("lifecycle.channel.other"), "ads", Told("x", Sentence("lifecycle.channel.all")))
    assert saved(table)["moved"].tolist() == ["other", "ads", "x"]
    with words.speaking("zh"):
        told = tables.columns_shown(table, area="lifecycle")[0]["words"]
        assert told["other"] == Sentence("lifecycle.channel.other").text()


@pytest.mark.parametrize(
    "cells",
    [
        ("as written", part(1, 0, 2)),
        (Sentence("lifecycle.traps.heading", n=1, fired=0, unknown=0), "as written"),
        (Sentence("campaign.net_roi.gain", roi=0.1, gained=1.0, cost=2.0),),
    ],
)
def test_prose_stays_prose(cells):
    """Where a column mixes text and figures, it is saved as it is read."""
    assert list(saved(column(*cells))) == ["moved"]
    assert [str(cell) for cell in saved(column(*cells))["moved"]] == [str(cell) for cell in cells]


def test_two_words_that_would_share_a_key_stay_words():
    """No two different words are saved as one."""
    table = column(Sentence("campaign.plan_why.nothing"), Sentence("retention.decide.nothing"))
    assert saved(table) is table


def test_saved_figures_keep_the_format_of_the_page():
    """Shares stay percentages in the workbook and money stays money, where a column has one unit."""
    shares = column(Sentence("lifecycle.range.share", low=0.1, high=0.3))
    assert specs(shares) == {"moved_low": "percent", "moved_high": "percent"}
    mixed = column(Sentence("lifecycle.cell.share", value=0.1), Sentence("lifecycle.cell.money", value=9.0))
    assert specs(mixed) == {"moved": "mixed"}
    with words.speaking("en"):
        shown = {one["name"]: one for one in tables.columns_shown(shares, area="lifecycle")}
    assert shown["moved_low"]["spec"] == "percent"
    assert shown["moved_high"]["label"].endswith("Upper")


def test_a_word_and_a_name_that_are_written_alike_stay_apart():
    """A company's channel called "other" is not the pool of the small ones: the column keeps what is read."""
    table = column(Sentence("lifecycle.channel.other"), "other")
    assert saved(table) is table


def test_a_column_that_another_would_overwrite_is_refused():
    """No saved figure silently takes the place of another."""
    table = column(part(1.0, 0.0, 2.0)).assign(moved_low=9.0)
    with pytest.raises(ValueError, match="moved_low"):
        saved(table)


def test_what_a_cell_tells_beside_its_value_is_saved_with_it():
    """An interval that is not clear among many is saved with that, not as a clear one."""
    more = {"low": 0.01, "high": 0.1, "clear": "unclear"}
    found = saved(column(Told(0.05, Sentence("lifecycle.rfm_since.unjudged"), more)))
    assert found.to_dict("list") == {
        "moved": [0.05], "moved_low": [0.01], "moved_high": [0.1], "moved_clear": ["unclear"],
    }  # fmt: skip


def test_figures_of_several_units_keep_their_decimals_in_the_workbook():
    """A share beside a count of 1,129 is not shown as 1: each cell of such a column has its own decimals."""
    mixed = column(Sentence("lifecycle.cell.users", value=1129), Sentence("lifecycle.cell.share", value=0.797))
    shown = sheets.described("line", saved(mixed), tables.columns_shown(mixed, area="lifecycle"), "")
    rows = [cells[0] for cells in sheets.table("line", shown).rows]
    assert [(cell.value, cell.number_format) for cell in rows] == [(1129.0, "#,##0"), (0.797, "#,##0.000")]
