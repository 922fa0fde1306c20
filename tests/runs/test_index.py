"""The page that lists every report: opens from a folder, asks nobody for anything, finds what one types."""

import json
import re
import shutil
from pathlib import Path

import pytest

from opsbook.runs.entries import Entry
from opsbook.runs.index import page, rebuild
from opsbook.runs.run import make
from runs.reports_left import leave

EVIL = '<script>alert("1")</script>\' onmouseover=x'


def entry(**changed):
    """A good report with nothing special about it."""
    usual = {
        "folder": "01_user_lifecycle/monthly/2026-10",
        "company": "shop",
        "notebook": "01_user_lifecycle",
        "run": "monthly",
        "period": "2026-10",
        "period_start": "2026-10-01",
        "period_end": "2026-10-31",
        "language": "en",
        "good": True,
        "verdict_status": "good",
        "verdict": "Users grew.",
        "made_at": "2026-11-01T08:00:00Z",
        "failed_at": "",
        "failure": "",
    }
    return Entry(**usual | changed)


def test_the_index_lists_reports_with_verdict_date_and_failure_mark(checkout):
    """Every report folder is found by its record, newest period first, and a later failure is shown."""
    for period in ("2026-09", "2026-10"):
        (report,) = checkout.reports("01/monthly", period=period)
        make(checkout.job(period=report.period, parameters=report.parameters))
    checkout.notebook("1/0")
    make(checkout.job(force=True))
    shown = rebuild(checkout.home).read_text(encoding="utf-8")
    listed = json.loads((checkout.home / "outputs/index.json").read_text(encoding="utf-8"))
    assert listed["schema"] == "opsbook.index/1"
    assert [report["period"] for report in listed["reports"]] == ["2026-10", "2026-09"]
    assert [bool(report["failed_at"]) for report in listed["reports"]] == [True, False]
    assert "All is well in 2026-09." in shown
    assert 'href="01_user_lifecycle/monthly/2026-10/report.html"' in shown
    assert 'href="01_user_lifecycle/monthly/2026-10/last-failure/error.txt"' in shown


@pytest.mark.parametrize("language", ["en", "zh"])
def test_text_from_data_is_escaped_everywhere(language):
    """A verdict, run or failure that is a script shows as text."""
    evil = entry(verdict=EVIL, run=EVIL, period=EVIL, failure=EVIL, failed_at="2026-11-02", folder=f"a/{EVIL}/b")
    shown = page([evil], language=language)
    assert shown.count("<script>") == 1
    assert "onmouseover=x'" not in shown
    assert not re.search(r"<[^>]*\sonmouseover", re.sub(r'"[^"]*"', '""', shown))


def test_the_page_asks_for_nothing_from_anywhere():
    """No address, no other file but the reports; the only script is the one whose hash the policy allows."""
    shown = page([entry()], language="en")
    assert not re.search(r"(?:https?:)?//\w", shown)
    assert re.findall(r"(?:src|href)=\"([^\"]*)\"", shown) == [
        f"01_user_lifecycle/monthly/2026-10/{name}"
        for name in ("report.html", "notebook.ipynb", "results.json", "run.json")
    ]
    assert "default-src 'none'" in shown
    assert not re.search(r"\sstyle=|\son\w+=", shown)


def test_a_workbook_and_a_pdf_are_linked_where_they_lie(checkout):
    """report.xlsx of a run and report.pdf, once printed, stand in the list of files; a link never leads nowhere."""
    leave(checkout, period="2026-09")
    leave(checkout, period="2026-10", **{"report.pdf": "%PDF", "report.xlsx": "PK"})
    shown = rebuild(checkout.home).read_text(encoding="utf-8")
    assert 'href="01_user_lifecycle/monthly/2026-10/report.pdf"' in shown
    assert 'href="01_user_lifecycle/monthly/2026-10/report.xlsx"' in shown
    assert "2026-09/report.pdf" not in shown


def test_the_page_speaks_the_workbooks_language():
    """Headings, states and the empty page exist in both languages."""
    assert "<h1>报告</h1>" in page([entry()], language="zh")
    assert "良好" in page([entry()], language="zh")
    assert "There is no report yet" in page([], language="en")


def test_the_page_can_be_searched_and_is_whole_without_script(tmp_path: Path):
    """Typing narrows the rows to those that hold every word; the policy lets exactly our script run."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    path = tmp_path / "index.html"
    found = [entry(), entry(period="2026-09", verdict="用户减少。"), entry(notebook="02_retention_survival")]
    path.write_text(page(found, language="en"), encoding="utf-8")
    with sync_playwright() as browser_kit:
        browser = browser_kit.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 390, "height": 800})
        said: list[str] = []
        tab.on("console", lambda message: said.append(message.text))
        tab.on("request", lambda request: said.append(request.url) if not request.url.startswith("file:") else None)
        tab.goto(path.as_uri())
        tab.get_by_label("Search").fill("2026-09 减少")
        assert [row.inner_text().split()[0] for row in tab.locator("tbody tr:visible").all()] == ["monthly"]
        assert tab.locator("section:visible").count() == 1
        tab.get_by_label("Search").fill("nothing like it")
        assert tab.get_by_text("No report matches.").is_visible()
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        assert said == []
        browser.close()
