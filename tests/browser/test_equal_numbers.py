"""One number, one value: the page as a browser shows it, the message, the workbook and results.json agree."""

import json

import openpyxl

from opsbook.page import words
from opsbook.page.message import CARDS
from opsbook.page.results import read_results
from opsbook.page.units import UNITS

TYPED = ("label", "key", "value", "low", "high")
CARD = "all => all.map(c => [c.querySelector('.label').innerText, c.querySelector('.value').innerText])"


def reports(made) -> list:
    return sorted(path.parent for path in (made.home / "outputs").rglob("report.html"))


def title(folder) -> dict:
    notebook = json.loads((folder / "notebook.ipynb").read_text())
    assert read_results(notebook) is not None
    told = (output.get("data", {}) for cell in notebook["cells"] for output in cell.get("outputs", []))
    return next(data[kind] for data in told for kind in data if kind.startswith("application/vnd.opsbook.title"))


def test_page_message_workbook_and_results_tell_the_same_numbers(made, open_page):
    """A card shows the number of results.json in the page's format, the message repeats it, the workbook holds it."""
    for folder in reports(made):
        results = json.loads((folder / "results.json").read_text())
        by_label = {number["label"]: number for number in results["numbers"]}
        shown = open_page(folder / "report.html", 1280)
        cards = dict(shown.page.eval_on_selector_all(".card", CARD))
        shown.page.context.close()
        with words.speaking(results["language"], currency=title(folder)["currency"]):
            told = {label: words.show(by_label[label]["value"], UNITS[by_label[label]["unit"]]) for label in cards}
        assert cards == told, folder
        known = [f"{label} {value}" for label, value in cards.items() if by_label[label]["value"] is not None]
        message = (folder / "message.txt").read_text()
        assert all(words_of in message for words_of in known[:CARDS]), folder
        assert (folder / "message.md").read_text().replace("**", "") == message
        book = openpyxl.load_workbook(folder / "report.xlsx", read_only=True)
        rows = list(book.worksheets[1].iter_rows(min_row=2, max_col=5, values_only=True))
        numbers = [
            tuple(number[name] for name in ("label", "key", "value", "low", "high")) for number in results["numbers"]
        ]
        assert rows == numbers, folder
        book.close()
