"""Every real report in a real browser: the page rules hold for whatever the notebooks wrote."""

import json

import pytest


def pages(made) -> list:
    return sorted((made.home / "outputs").rglob("report.html"))


@pytest.mark.parametrize("width", [390, 1280])
def test_every_report_is_quiet_and_fits(made, open_page, width):
    """No request, no console message, no horizontal scroll in any report of any company in either language."""
    for path in pages(made):
        shown = open_page(path, width)
        assert shown.requests == [], path
        assert shown.complaints == [], path
        assert shown.overflow() <= 0, path
        shown.page.context.close()


def test_every_first_screen_answers(made, open_page):
    """Title, verdict and the first row of numbers are on the first screen of every report."""
    for path in pages(made):
        shown = open_page(path, 1280)
        for selector in ("h1", ".verdict", ".card:first-child"):
            assert shown.above_fold(selector), (path, selector)
        shown.page.context.close()


@pytest.mark.parametrize(("width", "dark"), [(390, False), (1280, True)])
def test_no_report_has_a_barrier(made, open_page, width, dark):
    """axe-core finds nothing serious in any report, everything unfolded, light on a phone and dark on a desk."""
    for path in pages(made):
        shown = open_page(path, width, dark=dark, bypass_csp=True)
        shown.page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
        assert shown.barriers() == [], path
        shown.page.context.close()


def test_every_report_says_what_to_do(made, open_page):
    """What is to be decided stands on the first screen of every report, and no finding is too long to read there."""
    for path in pages(made):
        shown = open_page(path, 1280)
        assert shown.above_fold(".decide"), path
        assert all(len(text) <= 221 for text in shown.page.locator(".findings li").all_inner_texts()), path
        shown.page.context.close()


def test_every_section_tells_how_it_counts(made, open_page):
    """Each question of a report folds one passport with formula, window and evidence under its figures."""
    for path in pages(made):
        shown = open_page(path, 1280)
        folded = shown.page.eval_on_selector_all(
            ".sections > section", "all => all.map(one => one.querySelectorAll('details.passport').length)"
        )
        assert max(folded) == 1, path
        assert sum(folded) >= 3, path
        shown.page.context.close()


def test_every_figure_has_its_sentence_as_alt_text(made, open_page):
    """The alternative text of every picture is the sentence that stands over it."""
    for path in pages(made):
        shown = open_page(path, 1280)
        pairs = shown.page.eval_on_selector_all(
            "figure",
            "all => all.filter(f => f.querySelector('img')).map(f => [f.querySelector('img').alt, f.innerText])",
        )
        assert pairs, path
        for alt, text in pairs:
            assert alt, path
            assert " ".join(alt.split()) in " ".join(text.split()), path
        shown.page.context.close()


def test_no_report_is_heavy(made):
    """A whole report stays under 1.5 MB and holds neither scripts nor addresses."""
    for path in pages(made):
        text = path.read_text()
        assert len(text.encode()) < 1_500_000, path
        assert "<script" not in text, path
        assert "http://" not in text.replace("http://www.w3.org", ""), path


def test_the_index_lists_every_report(made, open_page):
    """outputs/index.html opens offline, lists each report with its verdict, and its search narrows the list."""
    shown = open_page(made.home / "outputs/index.html", 1280)
    assert shown.requests == []
    assert shown.complaints == []
    listed = json.loads((made.home / "outputs/index.json").read_text())
    assert len(listed["reports"] if isinstance(listed, dict) else listed) == len(pages(made))
    links = shown.page.eval_on_selector_all("a[href$='report.html']", "all => all.length")
    assert links >= len(pages(made))
