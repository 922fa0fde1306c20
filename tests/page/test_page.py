import json

import pandas as pd
import pytest

from opsbook.errors import OperatorError
from opsbook.page import register, words
from opsbook.page.data_card import rule_text
from opsbook.page.page import Page, area_of
from opsbook.page.results import read_results, read_tables, strip_tables
from opsbook.page.words import Sentence
from page.demo_report import daily_table, line_chart, make_book, notebook

UP = ("demo.actives.up", 310)


def up():
    return Sentence(UP[0], n=UP[1])


def test_a_figure_carries_its_sentence_as_alt_text(page, shown):
    """Headline and alternative text are the same string."""
    page.figure(line_chart(), up(), name="actives")
    data, metadata = shown.outputs[-1]
    assert metadata["image/svg+xml"]["alt"] == str(up())
    assert shown.last("figure")["sentence"] == str(up())
    assert "image/png" not in data


def test_a_figure_brings_its_table(page, shown):
    """The table follows the figure, folded, and travels as Parquet under its name."""
    page.figure(line_chart(), up(), table=daily_table(), name="actives", how="demo.how")
    assert shown.kinds() == ["desk", "figure", "table"]
    assert (shown.last("table")["name"], shown.last("table")["folded"], shown.last("table")["rows"]) == (
        "actives",
        True,
        40,
    )


def test_without_a_figure_the_sentence_stands(page, shown):
    """A chart that has nothing to draw leaves its sentence."""
    page.figure(None, up(), name="actives")
    assert shown.kinds() == ["figure"]


def test_a_section_without_its_table_says_so(page, shown):
    """One line names the table that the company does not have; nothing else is shown."""
    page.figure(line_chart(), up(), table=daily_table(), name="revenue", needs=("orders", "costs"))
    assert shown.kinds() == ["absent"]
    assert shown.last("absent")["text"] == "Not shown: the company has no table of orders and costs."


def test_a_number_without_its_table_is_left_out(page, shown):
    """No card and no result for what cannot be known."""
    page.number("revenue", 5, needs=("orders",))
    page.finish()
    assert shown.last("results")["numbers"] == []


@pytest.mark.parametrize("second", ["table", "figure"])
def test_table_names_are_unique(page, second):
    """Two tables of one name are refused, since they would be one file."""
    page.table(daily_table(), up(), name="actives")
    with pytest.raises(OperatorError, match="called `actives`"):
        page.table(daily_table(), up(), name="actives") if second == "table" else page.figure(
            None, up(), table=daily_table(), name="actives"
        )


def test_an_analyst_may_run_a_cell_again(page, monkeypatch):
    """The same JupyterLab cell may show its table twice; another cell may not."""
    monkeypatch.setattr(register, "running_cell", lambda: "cell-1")
    page.table(daily_table(), up(), name="actives")
    page.table(daily_table(), up(), name="actives")
    monkeypatch.setattr(register, "running_cell", lambda: "cell-2")
    with pytest.raises(OperatorError, match="called `actives`"):
        page.table(daily_table(), up(), name="actives")


def test_a_table_needs_a_name(page):
    """A table without a name would be a file without a name."""
    with pytest.raises(OperatorError, match="needs a name"):
        page.figure(None, up(), table=daily_table())


def test_an_unknown_status_is_refused(page):
    """A verdict is good, warn, bad, unknown or neutral."""
    with pytest.raises(OperatorError, match="`great` is not a status"):
        page.verdict("great", up())


def test_finish_tells_everything_as_json(page, shown):
    """The results object holds verdict, numbers, findings and sections, and says that it is complete."""
    page.title()
    page.number("actives", 310, low=300, high=320, n=1000, unit="users", method="count")
    page.verdict("good", up(), rule="up > 0")
    page.finding(up())
    page.figure(None, up(), name="actives")
    page.finish()
    results = json.loads(json.dumps(shown.last("results")))
    assert results["schema"] == "opsbook.results/1"
    assert results["complete"] is True
    assert results["verdict"] == {"status": "good", "sentence": str(up()), "rule": "up > 0"}
    assert results["numbers"][0]["value"] == 310
    assert results["findings"] == [str(up())]
    assert results["sections"] == [{"name": "actives", "sentence": str(up())}]
    assert results["period"] == {"start": "2026-10-01", "end": "2026-10-31", "label": "2026-10"}


def test_a_finding_that_comes_first_leads_the_others(page, shown):
    """What changed clearly in a late section stands before what an early one always tells."""
    page.title()
    early, late = Sentence(UP[0], n=1), Sentence(UP[0], n=2)
    page.finding(early)
    page.finding(late, here=False, first=True)
    page.finding(None, first=True)
    page.finish()
    assert shown.last("results")["findings"] == [str(late), str(early)]
    assert shown.last("finding")["first"] is True


def test_results_say_which_numbers_stand_on_cards(page, shown):
    """Whoever reads results.json knows the first screen's numbers from those of the appendix."""
    page.number("actives", 310, unit="users", method="count")
    page.number("retained", 0.5, unit="share", method="count", card=False)
    page.finish()
    assert [number["card"] for number in shown.last("results")["numbers"]] == [True, False]


def test_title_speaks_the_language_of_the_book(shown):
    """Company, campaign and period are those of the language."""
    Page(make_book("zh"), emit=shown).title()
    title = shown.last("title")
    assert title["company"] == "灯笼优选 Double 11"
    assert (title["period_text"], title["through_text"]) == (
        "2026年10月1日 至 2026年10月31日",
        "数据截至 2026年11月4日",
    )


def test_data_card_counts_what_was_dropped(page, shown):
    """Rows read, and for each rule what it did to how many rows."""
    page.data_card()
    html = shown.outputs[-1][0]["text/html"]
    for text in ("1 Jan 2026", "60,000", "arrived after the settling days", "dropped", "120", "0.2%"):
        assert text in html


def test_data_card_of_clean_data_says_so(shown):
    """No finding is a statement."""
    book = make_book()
    book.mart.checks = book.mart.checks.iloc[:0]
    Page(book, emit=shown).data_card()
    assert "No rule dropped or flagged a row." in shown.outputs[-1][0]["text/html"]


def test_appendix_tells_definitions_parameters_and_versions(page, shown):
    """Definitions in words, parameters that were given, thresholds, and what made the report."""
    page.appendix("loyal", "active")
    html = shown.outputs[-1][0]["text/html"]
    for text in ("Came back often.", "Did at least one qualifying event", "campaign_id", "horizon_days", "pandas"):
        assert text in html
    assert "budget" not in html.split("drop_budget")[0]


def test_the_area_is_found_in_the_notebook_s_name():
    """01_user_lifecycle speaks the words of `lifecycle`; a notebook without words is refused."""
    assert area_of("09_demo") == "demo"
    with pytest.raises(OperatorError, match="No catalogue belongs"):
        area_of("09_nothing")


def test_results_are_those_of_a_finished_notebook():
    """Without the last cell there are no results."""
    nb = notebook()
    assert read_results(nb)["complete"] is True
    nb.cells.pop()
    assert read_results(nb) is None


def test_tables_are_taken_out_of_the_notebook():
    """All tables come back by name; the stripped notebook has none and the given one keeps them."""
    nb = notebook()
    tables = read_tables(nb)
    assert list(tables) == ["actives", "top"]
    pd.testing.assert_series_equal(tables["actives"]["day"], daily_table()["day"], check_freq=False)
    assert read_tables(strip_tables(nb)) == {}
    assert list(read_tables(nb)) == ["actives", "top"]


def test_two_tables_of_one_name_are_found_in_a_notebook():
    """A notebook whose tables would overwrite each other is refused."""
    nb = notebook()
    nb.cells.append(nb.cells[-1].copy())
    nb.cells.extend(cell for cell in list(nb.cells) if cell.get("source", "").startswith("page.table"))
    with pytest.raises(OperatorError, match="Two tables of the report are called `top`"):
        read_tables(nb)


@pytest.mark.parametrize(("language", "told"), [("en", "no user id"), ("zh", "缺少 用户 ID")])
def test_a_rule_about_a_column_calls_it_by_its_name(language, told):
    """Readers do not know the contract's names of columns."""
    with words.speaking(language):
        assert rule_text("missing_user_id").replace(" ", "") == told.replace(" ", "")
        assert "signup source" in rule_text("missing_signup_source")
