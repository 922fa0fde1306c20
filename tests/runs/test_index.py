"""The page that lists every report: what it says of reports, failures, ages and campaigns, whoever wrote the words."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from opsbook.page import words
from opsbook.runs import index_attention, index_filters, index_rows, memory_table
from opsbook.runs.index import gathered, page, rebuild
from opsbook.runs.index_names import LONGEST, age_text, first_sentence
from opsbook.runs.run import make
from runs.report_folders import REVIEW, Shelves, number

NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)
EVIL = '<script>alert("1")</script>\' onmouseover=x'
SPRING = {
    "company": "shop", "campaign_id": "spring", "name": "Spring", "name_zh": "春季", "type": "promotion",
    "channels": "push|mailing", "start": "2026-03-09", "end": "2026-03-22", "reviewed_through": "2026-04-30",
    "after_complete": True, "comparison": "holdout", "primary_metric": "orders", "conclusion": "keep", "rule": "r",
    "grade": "A", "relative": 0.25, "relative_low": 0.1, "relative_high": 0.4, "participants": 1200, "cost": 900.5,
    "run": "spring", "period": "2026-03-09_2026-03-22",
}  # fmt: skip


@pytest.fixture
def shelves(tmp_path):
    """A home with one company and no report."""
    made = Shelves(tmp_path)
    made.company()
    return made


@pytest.fixture
def seen(shelves):
    """What the index shows of the home now, by its parts."""
    return lambda part, **changed: part(replace(gathered(shelves.home, NOW), **changed))


@pytest.fixture(autouse=True)
def _english():
    with words.speaking("en"):
        yield


def states(items):
    return [(item.state, item.period) for item in items if item.stale]


def test_the_index_lists_reports_with_verdict_date_and_failure_mark(checkout):
    """Every report folder is found by its record, newest period first, and a later failure is shown."""
    for period in ("2026-09", "2026-10"):
        (report,) = checkout.reports("01/monthly", period=period)
        make(checkout.job(period=report.period, parameters=report.parameters))
    checkout.notebook("1/0")
    make(checkout.job(force=True))
    shown = rebuild(checkout.home).read_text(encoding="utf-8")
    listed = json.loads((checkout.home / "outputs/index.json").read_text(encoding="utf-8"))
    assert [report["period"] for report in listed["reports"]] == ["2026-10", "2026-09"]
    assert [bool(report["last_failed"]) for report in listed["reports"]] == [True, False]
    assert "All is well in 2026-09." in shown
    for name in ("report.html", "last-failure/error.txt", "last-failure/notebook.ipynb"):
        assert f'href="01_user_lifecycle/monthly/2026-10/{name}"' in shown


def test_machines_read_the_same_from_index_json(shelves):
    """One object per folder: last good and failed run, campaign, last day of data, its age, whether that is too old."""
    shelves.report(period="2026-08", as_of="2026-08-31")
    shelves.report(**REVIEW, run="spring", parameters={"campaign_id": "spring", "name": "Spring"})
    rebuild(shelves.home, now=NOW)
    told = json.loads((shelves.outputs / "index.json").read_text())
    monthly, review = told["reports"]
    assert (told["schema"], told["built_at"]) == ("opsbook.index/2", "2026-11-03T09:00:00Z")
    assert (monthly["as_of"], monthly["age_days"], monthly["stale"]) == ("2026-08-31", 64, True)
    assert (monthly["last_good"], monthly["last_failed"]) == ("2026-11-02T08:00:00Z", "")
    assert (review["campaign"], review["campaign_name"], review["stale"]) == ("spring", "Spring", False)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_text_from_data_is_escaped_everywhere(shelves, language):
    """A verdict, run, failure, number, campaign or company that is a script shows as text."""
    shelves.company(name=f"'{EVIL.replace(chr(39), chr(39) * 2)}'")
    told = {"sentence": EVIL, "parameters": {"campaign_id": EVIL, "name": EVIL}}
    for period in ("2026-09", "2026-10"):
        shelves.report(**told, period=period, numbers=[number(label=EVIL, key=EVIL)])
    shelves.failure(problem=EVIL)
    shelves.report(**REVIEW, run="spring", **told)
    shelves.memory(SPRING | dict.fromkeys(["campaign_id", "name", "type", "channels", "grade", "conclusion"], EVIL))
    with words.speaking(language):
        shown = page(replace(gathered(shelves.home, NOW), language=language))
    assert shown.count("<script>") == 1
    assert not re.search(r"<[^>]*\sonmouseover", re.sub(r'"[^"]*"', '""', shown))


def test_the_page_asks_for_nothing_from_anywhere(shelves):
    """No address, no other file but those of reports; style and script are those whose hashes the policy allows."""
    shelves.report()
    shown = page(gathered(shelves.home, NOW))
    links = [one for one in re.findall(r"(?:src|href)=\"([^\"]*)\"", shown) if not one.startswith("#")]
    assert {one for one in links if one != "data:,"} == {
        f"01_user_lifecycle/monthly/2026-10/{name}"
        for name in ("report.html", "notebook.ipynb", "results.json", "run.json")
    }
    assert "default-src 'none'" in shown
    assert not re.search(r"(?:https?:)?//\w|\sstyle=|\son\w+=", shown)


def test_an_empty_folder_says_how_to_begin(shelves):
    """Without a report the page is one sentence, in the workbook's language."""
    assert "There is no report yet" in page(gathered(shelves.home, NOW))
    shelves.company(language="zh")
    assert "还没有报告" in page(gathered(shelves.home, NOW))


def test_a_broken_workbook_does_not_hide_the_reports(shelves):
    """The index must show failures, also those of a workbook that cannot be read."""
    shelves.report()
    (shelves.home / "params/workbook.yaml").write_text("company: [", encoding="utf-8")
    assert "Users grew." in rebuild(shelves.home, now=NOW).read_text(encoding="utf-8")


def test_what_failed_comes_first_then_bad_then_to_be_watched(shelves, seen):
    """The list is ordered by how serious it is; good reports and bad ones of older periods are not on it."""
    shelves.report(run="calm")
    shelves.report(run="watch", status="warn")
    shelves.report(run="ill", status="bad")
    shelves.report(run="cured", period="2026-09", as_of="2026-09-30", status="bad")
    shelves.report(run="cured")
    shelves.failure(run="broken", period="2026-09")
    assert states(seen(index_attention.items)) == [("failed", "2026-09"), ("bad", "2026-10"), ("warn", "2026-10")]


def test_languages_of_a_report_are_one_line(shelves, seen):
    """A bad report in two languages is told once, in the reader's language, with a link to each."""
    shelves.report(status="bad", sentence="Fewer users.")
    shelves.report(status="bad", sentence="用户减少。", language="zh")
    (english,) = [item for item in seen(index_attention.items) if item.state == "bad"]
    (chinese,) = [item for item in seen(index_attention.items, language="zh") if item.state == "bad"]
    assert (english.text, chinese.text) == ("Fewer users.", "用户减少。")
    assert [(one.text, one.href) for one in english.links] == [
        ("report (English)", "01_user_lifecycle/monthly/2026-10/report.html"),
        ("report (Chinese)", "01_user_lifecycle/monthly/2026-10.zh/report.html"),
    ]


def test_the_worst_of_several_languages_counts(shelves, seen):
    """Where only one language was made again, its bad verdict is told, whoever reads."""
    shelves.report(sentence="Users grew.")
    shelves.report(language="zh", status="bad", sentence="用户减少。")
    (item,) = [item for item in seen(index_attention.items) if item.state == "bad"]
    assert (item.text, item.lang) == ("用户减少。", "zh-CN")


def test_the_counts_add_up(shelves, seen):
    """Each run is counted once, by the worst of its state; the reports made on the day are counted one by one."""
    shelves.report(run="calm", status="neutral", made_at="2026-11-03T01:00:00Z")
    shelves.report(run="calm", status="neutral", language="zh", made_at="2026-11-02T15:59:59Z")
    shelves.report(run="ill", status="bad", as_of="2026-09-01")
    shelves.report(run="broken", status="bad")
    shelves.failure(run="broken")
    assert [card.value for card in seen(index_attention.cards)] == [1, 1, 1, 1, 1]


def test_a_failed_attempt_is_told_with_its_reason_and_the_last_good_report(shelves, seen):
    """The row keeps verdict and date of the last good report and adds when and why the newer attempt failed."""
    shelves.report()
    shelves.failure(problem="No orders after 2026-10-20. Ask the data's owner.", made_at="2026-11-02T22:30:00Z")
    (row,) = seen(index_rows.groups)[0].rows
    assert (row.made, row.failure.date, row.failure.why) == ("2026-11-02", "2026-11-03", "No orders after 2026-10-20.")
    assert [one.text for one in row.failure.links] == ["error.txt", "notebook.ipynb"]


def test_a_failure_before_the_kernel_has_no_notebook_to_link(shelves, seen):
    """A period that never succeeded names the run's last good one; only files that are there are linked."""
    shelves.report(period="2026-09", as_of="2026-09-30")
    shelves.failure(period="2026-10", notebook_kept=False)
    never, _ = seen(index_rows.groups)[0].rows
    assert (never.href, never.made, never.before.text) == ("", "", "2026-09")
    assert [one.text for one in never.failure.links] == ["error.txt"]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Cell 3 failed. See below.", "Cell 3 failed."),
        ("Version 1.5 is too old", "Version 1.5 is too old"),
        ("数据被拒绝。请检查。", "数据被拒绝。"),
        ("one\ntwo", "one"),
        ("", ""),
        ("x" * 400, "x" * (LONGEST - 1) + "…"),
    ],
)
def test_the_first_sentence_is_enough(text, first):
    """A reason ends with its first sentence or line; one without end is cut."""
    assert first_sentence(text) == first


@pytest.mark.parametrize(
    ("period", "as_of", "late"),
    [
        ("2026-W43", "2026-10-26", False),
        ("2026-W43", "2026-10-25", True),
        ("2026-09", "2026-09-29", False),
        ("2026-09", "2026-09-28", True),
        ("2026-Q2", "2026-07-26", False),
        ("2026-Q2", "2026-07-25", True),
        ("2026-11-01", "2026-11-01", False),
        ("2026-10-31", "2026-10-31", True),
        ("2025-01-01..2025-02-01", "2025-02-01", False),
    ],
)
def test_data_may_be_as_old_as_the_kind_of_period_allows(shelves, period, as_of, late):
    """Eight days for a week, 35 for a month, 100 for a quarter, two for a day; a fixed range is never out of date."""
    shelves.report(run="any", period=period, as_of=as_of)
    (told,) = gathered(shelves.home, NOW).as_json()
    assert told["stale"] is late


def test_only_the_newest_period_of_a_run_can_be_out_of_date(shelves, seen):
    """A month that has passed is not out of date because it has passed; a failed newer one does not hide it."""
    shelves.report(period="2026-08", as_of="2026-08-31")
    shelves.report(period="2026-09", as_of="2026-09-20")
    shelves.failure(period="2026-10")
    assert states(seen(index_attention.items)) == [("failed", "2026-10"), ("stale", "2026-09")]
    with words.speaking("zh"):
        assert "周报" not in page(replace(gathered(shelves.home, NOW), language="zh"))
        assert "月报的数据应在 35 天以内，目前只到 2026-09-20。" in page(
            replace(gathered(shelves.home, NOW), language="zh")
        )


def test_ages_are_words():
    """Today, one day, more."""
    assert [age_text(days) for days in (0, 1, 26)] == ["today", "1 day old", "26 days old"]


def test_choices_are_those_that_tell_reports_apart(shelves, seen):
    """A filter with a single answer is left out; periods are grouped by kind, the newest first."""
    shelves.report(period="2026-10")
    shelves.report(period="2026-09", as_of="2026-09-30", status="bad")
    shelves.report(run="weekly", period="2026-W43")
    choices = {choice.name: choice for choice in seen(index_filters.choices)}
    assert list(choices) == ["period", "status"]
    assert [group for group, _ in choices["period"].groups] == ["Weeks", "Months"]
    assert [value for value, _ in choices["period"].groups[1][1]] == ["2026-10", "2026-09"]
    assert [value for value, _ in choices["status"].groups[0][1]] == ["bad", "good", "stale"]


def test_the_memory_stands_with_intervals_and_links(shelves, seen):
    """Each campaign leads to its review in the reader's language; numbers carry interval and unit."""
    for language in ("en", "zh"):
        shelves.report(**REVIEW, run="spring", language=language, parameters={"campaign_id": "spring"})
    shelves.memory(SPRING, SPRING | {"campaign_id": "lost", "relative": None, "cost": None, "start": "2026-05-01"})
    lost, spring = seen(memory_table.rows)
    assert spring.href == "03_campaign_review/spring/2026-03-09_2026-03-22/report.html"
    told = {name: (cell.text, cell.more) for name, cell in spring.cells.items()}
    assert told["effect"] == ("+25.0%", "+10.0% to +40.0%")
    assert told["cost"] == ("CN¥900.50", "")
    assert told["channels"] == ("Push message, mailing", "")
    assert (lost.cells["effect"].text, lost.cells["effect"].value) == ("–", None)
    with words.speaking("zh"):
        _, spring = seen(memory_table.rows, language="zh")
    assert spring.href == "03_campaign_review/spring/2026-03-09_2026-03-22.zh/report.html"
    assert (spring.cells["campaign"].text, spring.cells["channels"].text) == ("春季", "推送、mailing")


def test_a_remembered_campaign_whose_review_is_gone_has_no_link(shelves, seen):
    """The row stays; a dead link would not."""
    shelves.memory(SPRING)
    (row,) = seen(memory_table.rows)
    assert row.href == ""


def test_companies_are_named_where_there_are_several(shelves):
    """One company needs no name on every line; two do, each in its own money."""
    shelves.report()
    assert "Shop ·" not in page(gathered(shelves.home, NOW))
    shelves.company("grocer", folder="grocer", name="Grocer", currency="USD")
    shelves.report(company="grocer")
    shelves.memory(SPRING, SPRING | {"company": "grocer", "campaign_id": "other"})
    shown = page(gathered(shelves.home, NOW))
    assert "Shop ·" in shown
    assert "CN¥900.50" in shown
    assert "$900.50" in shown


def test_a_workbook_and_a_pdf_are_linked_where_they_lie(shelves):
    """report.xlsx of a run and report.pdf, once printed, stand in the list of files; a link never leads nowhere."""
    shelves.report(period="2026-09")
    folder = shelves.report(period="2026-10")
    for name in ("report.pdf", "report.xlsx"):
        (folder / name).write_bytes(b"there")
    shown = page(gathered(shelves.home, NOW))
    assert f'href="{folder.relative_to(shelves.outputs).as_posix()}/report.pdf"' in shown
    assert "2026-10/report.xlsx" in shown
    assert "2026-09/report.pdf" not in shown
