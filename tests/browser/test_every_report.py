"""Every real report in a real browser: the page rules hold for whatever the notebooks wrote."""

import json

import pytest

ALT = "all => all.filter(f => f.querySelector('img')).map(f => [f.querySelector('img').alt, f.innerText])"
PASSPORTS = "all => all.map(one => one.querySelectorAll('details.passport').length)"
CUT = "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.ariaLabel)"
UNFOLD = "all => all.forEach(one => one.open = true)"


def pages(made) -> list:
    return sorted((made.home / "outputs").rglob("report.html"))


def one_of_each(made) -> list:
    """One report of every notebook and language of the simulated company, which fills every section."""
    outputs = made.home / "outputs"
    named = {path: path.relative_to(outputs).parts for path in pages(made)}
    return sorted({(p[0], p[-2].endswith(".zh")): path for path, p in named.items() if p[0][:2].isdigit()}.values())


def cut_tables(shown, frames) -> list:
    """Names of the tables wider than their frames with everything unfolded; closes the page."""
    shown.page.eval_on_selector_all("details", UNFOLD)
    cut = shown.page.eval_on_selector_all(frames, CUT)
    shown.page.context.close()
    return cut


@pytest.mark.parametrize("width", [390, 1280])
def test_every_report_keeps_the_promises_of_its_first_screen(made, open_page, width):
    """No request, no console message, no horizontal scroll; title and verdict first, and on a desk the decision too."""
    for path in pages(made):
        shown = open_page(path, width)
        assert shown.requests == [], path
        assert shown.complaints == [], path
        assert shown.overflow() <= 0, path
        for selector in ("h1", ".verdict", *((".decide", ".card:first-child") if width == 1280 else ())):
            assert shown.above_fold(selector), (path, selector)
        assert all(len(text) <= 221 for text in shown.page.locator(".findings li").all_inner_texts()), path
        shown.page.context.close()


def test_every_figure_has_its_sentence_and_every_section_its_passport(made, open_page):
    """The alternative text of a picture is the sentence over it; each question folds at most one passport below."""
    for path in pages(made):
        shown = open_page(path, 1280)
        pairs = shown.page.eval_on_selector_all("figure", ALT)
        assert pairs, path
        for alt, text in pairs:
            assert alt, path
            assert " ".join(alt.split()) in " ".join(text.split()), path
        folded = shown.page.eval_on_selector_all(".sections > section", PASSPORTS)
        assert (max(folded), sum(folded) >= 3) == (1, True), path
        shown.page.context.close()


def test_every_table_fits_on_a_laptop(made, open_page):
    """With everything unfolded no table is cut at its right edge at 1280 pixels."""
    for path in pages(made):
        assert cut_tables(open_page(path, 1280), ".scroll") == [], path


def test_text_of_tables_is_read_downwards_on_a_phone(made, open_page):
    """Tables of text are never wider than a phone: their rows are blocks."""
    for path in one_of_each(made):
        assert cut_tables(open_page(path, 390), ".scroll:has(.stack)") == [], path


def test_no_report_has_a_barrier(made, open_page):
    """axe-core finds nothing serious with everything unfolded, on a light phone or, in Chinese, on a dark desk."""
    for path in one_of_each(made):
        chinese = path.parent.name.endswith(".zh")
        shown = open_page(path, 1280 if chinese else 390, dark=chinese, bypass_csp=True)
        shown.page.eval_on_selector_all("details", UNFOLD)
        assert shown.barriers() == [], path
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
