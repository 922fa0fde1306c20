"""The index as a browser shows it: whole without its script, filtered and sorted with it, by mouse and by keyboard."""

import re
from datetime import UTC, datetime

import pytest

from opsbook.runs.index import rebuild
from runs.report_folders import REVIEW, Shelves, number

NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)
READ = "2026-11-20T12:00:00"
WIDTHS = (390, 1280, 1920)
CAMPAIGN = {"company": "shop", "type": "promotion", "channels": "push", "primary_metric": "orders", "grade": "A",
            "conclusion": "keep", "run": "spring", "period": "2026-03-09_2026-03-22", "end": "2026-03-22"}  # fmt: skip
CAMPAIGNS = (
    CAMPAIGN | {"campaign_id": "spring", "name": "Spring", "start": "2026-03-09", "relative": 0.25, "cost": 900.0},
    CAMPAIGN | {"campaign_id": "summer", "name": "summer", "start": "2026-06-01", "relative": -0.1, "grade": "C"},
    CAMPAIGN
    | {"campaign_id": "autumn", "name": "Autumn", "start": "2026-09-01", "conclusion": "harmful", "cost": 20.0},
)


def written(home, language):
    """Two companies, four runs, two languages, every state, a memory of three campaigns."""
    made = Shelves(home)
    made.company(language=language)
    made.company("grocer", folder="grocer", name="Grocer", language=language, currency="USD")
    for place, month in enumerate(("2026-06", "2026-07", "2026-08", "2026-10")):
        numbers = [
            number(value=1000.0 + 90 * place, low=900.0, high=1400.0),
            number("share", 0.1 * place, unit="share"),
        ]
        told = {"period": month, "as_of": f"{month}-28", "numbers": numbers}
        made.report(**told, status="good" if place else "bad")
        made.report(**told, language="zh", sentence="用户增加。")
    made.report(run="weekly", period="2026-W43", as_of="2026-10-25", status="warn", sentence="Watch the newcomers.")
    made.failure(run="weekly", period="2026-W43", problem="The table `orders` is empty. Ask its owner.")
    made.report(**REVIEW, run="spring", parameters={"campaign_id": "spring", "name": "Spring"})
    made.report(company="grocer", notebook="02_retention_survival", status="bad", sentence="Fewer stay than before.")
    made.memory(*CAMPAIGNS)
    return rebuild(home, now=NOW)


@pytest.fixture(scope="module", params=["en", "zh"])
def index(request, tmp_path_factory):
    """The index in each language."""
    return written(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def english(tmp_path_factory):
    """The index in English."""
    return written(tmp_path_factory.mktemp("home"), "en")


@pytest.fixture
def page(open_page, english):
    """The English index, open."""
    shown = open_page(english).page
    shown.set_default_timeout(5000)
    return shown


def rows(page, selector="#reports tbody tr"):
    """Run and period of the visible reports."""
    return [one.inner_text().split()[:3] for one in page.locator(f"{selector}:visible").all()]


def campaigns(page):
    """Visible campaigns, from above."""
    return [re.split(r"\s", one.inner_text())[0] for one in page.locator(".memory tbody th:visible").all()]


def hidden(page):
    """Everything with words of its own that cannot be seen."""
    return page.evaluate(
        "[...document.querySelectorAll('main h2, main h3, main p, main td, main th, main svg')]"
        ".filter(one => !one.checkVisibility() && !one.closest('#attention li')).map(one => one.id || one.textContent)"
    )


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_quiet_and_fits(open_page, index, width, dark):
    """No request, no console message, no horizontal scroll, from phone to large screen, light and dark."""
    shown = open_page(index, width, dark=dark)
    assert shown.requests == []
    assert shown.complaints == []
    assert shown.overflow() <= 0


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_nobody_is_shut_out(browser, index, width, dark):
    """Axe finds nothing, on a phone and a desk, light and dark; the policy, which forbids axe too, is set aside."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    scheme = "dark" if dark else "light"
    context = browser.new_context(bypass_csp=True, viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab = context.new_page()
    tab.goto(index.as_uri())
    found = axe.run(tab).response["violations"]
    context.close()
    assert [(one["id"], [node["target"] for node in one["nodes"][:3]]) for one in found] == []


@pytest.mark.parametrize("width", [390, 1280])
def test_without_script_everything_is_there(browser, index, width):
    """Every report, campaign, line and reason is shown and linked; only the controls of the script are not."""
    context = browser.new_context(java_script_enabled=False, viewport={"width": width, "height": 800})
    tab = context.new_page()
    tab.goto(index.as_uri())
    seen = tab.locator("#reports tbody tr:visible").count(), tab.locator(".memory tbody tr:visible").count()
    assert seen == (11, 3)
    assert tab.locator("svg.spark:visible").count() == 2
    assert tab.locator("#attention li:visible").count() == 3
    assert tab.locator("a[href$='last-failure/error.txt']:visible").count() == 2
    assert not tab.locator("#filters").is_visible()
    assert tab.locator("main button:visible").count() == 0
    context.close()


def test_with_script_nothing_is_hidden_at_first(page):
    """Opened without a choice, the page shows all it has."""
    assert [one for one in hidden(page) if one != "none"] == []
    assert page.inner_text("#count") == "11 of 11 reports"


@pytest.mark.parametrize(
    ("choice", "value", "left"),
    [
        ("company", "grocer", 1),
        ("notebook", "03_campaign_review", 1),
        ("period", "2026-08", 2),
        ("campaign", "spring", 1),
        ("status", "bad", 2),
        ("status", "failed", 1),
        ("status", "stale", 1),
        ("language", "zh", 4),
    ],
)
def test_each_choice_narrows_the_list(page, choice, value, left):
    """The count says how many are left, the address keeps the choice, and clearing shows all again."""
    page.select_option(f"[name={choice}]", value)
    assert page.inner_text("#count") == f"{left} of 11 reports"
    assert len(rows(page)) == left
    assert page.evaluate("location.hash") == f"#{choice}={value}"
    page.click("#clear")
    assert len(rows(page)) == 11
    assert page.evaluate("location.hash") == ""


def test_choices_and_words_add_up(page):
    """A report stays when it answers every choice and holds every word; sections without any are gone."""
    page.select_option("[name=language]", "en")
    page.fill("[name=q]", "monthly 2026-0")
    assert rows(page) == [
        ["monthly", "2026-08", "English"],
        ["monthly", "2026-07", "English"],
        ["monthly", "2026-06", "English"],
    ]
    assert page.locator("#reports h3:visible").count() == 1
    page.fill("[name=q]", "nothing like it")
    assert page.inner_text("#none") == "No report matches."
    assert page.inner_text("#count") == "0 of 11 reports"


def test_filters_reach_the_campaigns_the_lines_and_the_list_of_trouble(page):
    """A choice that a campaign, a line or a warning has an answer to narrows it too; others leave it alone."""
    page.select_option("[name=language]", "zh")
    assert len(campaigns(page)) == 3
    page.select_option("[name=company]", "grocer")
    assert not page.is_visible("#campaigns")
    assert not page.is_visible("#trends")
    assert page.locator("#attention li:visible").count() == 1
    page.click("#clear")
    page.select_option("[name=status]", "bad")
    assert campaigns(page) == ["Autumn"]


def test_a_sent_address_opens_the_same_view(open_page, english, page):
    """Choices, words and order are in the hash; whoever opens it sees what the sender saw, and Back works."""
    page.select_option("[name=status]", "good")
    page.fill("[name=q]", "shop")
    page.get_by_role("button", name="Cost").click()
    hash_ = page.evaluate("location.hash")
    other = open_page(english).page
    other.evaluate("hash => { location.hash = hash }", hash_)
    other.wait_for_function("document.querySelector('[name=q]').value === 'shop'")
    assert rows(other) == rows(page)
    assert other.get_attribute("[data-key=cost]", "aria-sort") == "ascending"
    other.go_back()
    other.wait_for_function("document.querySelector('[name=q]').value === ''")
    assert len(rows(other)) == 11


def test_a_link_inside_the_page_keeps_the_choices(page):
    """Jumping to a section is not taken for a choice of nothing."""
    page.select_option("[name=status]", "bad")
    page.click(".places a[href='#reports']")
    assert page.evaluate("location.hash") == "#reports"
    assert len(rows(page)) == 2


@pytest.mark.parametrize(
    ("column", "upwards", "downwards"),
    [
        ("Campaign", ["Autumn", "Spring", "summer"], ["summer", "Spring", "Autumn"]),
        ("Net lift", ["summer", "Spring", "Autumn"], ["Spring", "summer", "Autumn"]),
        ("Cost", ["Autumn", "Spring", "summer"], ["Spring", "Autumn", "summer"]),
        ("Dates", ["Spring", "summer", "Autumn"], ["Autumn", "summer", "Spring"]),
        ("Verdict", ["summer", "Spring", "Autumn"], ["Autumn", "summer", "Spring"]),
    ],
)
@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_campaigns_sort_both_ways_unknown_last(page, column, upwards, downwards, way):
    """A column's head sorts up, then down; unknown values stay at the end; the order is told to listeners."""
    button = page.get_by_role("button", name=column, exact=True)
    told = []
    for _ in range(2):
        button.click() if way == "mouse" else button.press("Enter")
        assert page.locator(".memory thead th[aria-sort]").count() == 1
        told.append((page.locator(".memory thead th[aria-sort]").get_attribute("aria-sort"), campaigns(page)))
    assert told == [("ascending", upwards), ("descending", downwards)]


def test_ages_are_those_of_the_day_of_reading(browser, english):
    """Days after it was built the page counts on: ages grow, runs go out of date, and none was made today."""
    context = browser.new_context(timezone_id="Asia/Shanghai")
    tab = context.new_page()
    tab.clock.set_fixed_time(READ)
    tab.goto(english.as_uri())
    assert tab.locator(".data .age").all_inner_texts() == ["20 days old"] * 2
    assert (tab.inner_text("#n-stale"), tab.inner_text("#n-today")) == ("1", "0")
    tab.clock.set_fixed_time("2026-12-10T12:00:00")
    tab.reload()
    assert tab.inner_text("#n-stale") == "3"
    assert tab.locator("#attention li:visible").count() == 5
    tab.select_option("[name=status]", "stale")
    assert tab.locator("#reports tbody tr:visible").count() == 4
    context.close()


def test_filters_work_by_keyboard_alone(page):
    """Tab reaches search, choices and the clear button in order; typing and arrows narrow, Enter clears."""
    page.focus("[name=q]")
    page.keyboard.type("grocer")
    assert len(rows(page)) == 1
    for name in ("company", "notebook", "period", "campaign", "status", "language"):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.name") == name
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert len(rows(page)) == 11


def test_numbers_stand_to_the_right_and_the_wide_table_scrolls_in_its_box(open_page, english):
    """On a phone the memory scrolls by itself, its first column stays, and its numbers end where their heads end."""
    page = open_page(english, 390).page
    box = page.locator("#campaigns .scroll")
    assert box.evaluate("one => one.scrollWidth > one.clientWidth")
    box.evaluate("one => { one.scrollLeft = 300 }")
    assert page.locator(".memory tbody th").first.bounding_box()["x"] >= 0
    assert page.eval_on_selector(".memory td.c-cost", "one => getComputedStyle(one).textAlign") == "right"


def test_lines_are_drawn_in_ink_that_can_be_seen(open_page, english):
    """The line has the colour of its text on light and dark paper, and keeps it in print."""
    for dark, media in ((False, "screen"), (True, "screen"), (False, "print")):
        page = open_page(english, 1280, dark=dark, media=media).page
        stroke, ink = page.eval_on_selector(
            "svg.spark .line", "one => [getComputedStyle(one).stroke, getComputedStyle(one.parentElement).color]"
        )
        assert stroke == ink
        assert page.get_attribute("svg.spark", "aria-label").startswith("4 periods, from 1,000 (2026-06) to 1,270")


def test_print_leaves_the_controls_out(open_page, english):
    """On paper there are all reports and campaigns, and nothing to click on."""
    page = open_page(english, 1280, media="print").page
    assert not page.is_visible("#filters")
    assert page.locator("#reports tbody tr:visible").count() == 11
    assert page.locator(".memory tbody tr:visible").count() == 3
