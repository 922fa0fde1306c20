"""The report as a reader's browser shows it."""

import io

import pytest
from matplotlib import pyplot as plt
from PIL import Image, ImageChops

from opsbook.page import svg, theme
from opsbook.page.unbroken import unbroken
from page.demo_report import EVIL, demo_words, line_chart, report


@pytest.fixture(scope="module", autouse=True)
def _demo_words():
    with demo_words():
        yield


@pytest.fixture(params=["en", "zh"])
def html(request):
    return report(request.param)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_the_page_is_quiet_and_fits(open_page, html, width, dark):
    """No request, no console message, no horizontal scroll, light and dark, from phone to large screen."""
    shown = open_page(html, width, dark=dark)
    shown.page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    assert shown.requests == []
    assert shown.complaints == []
    assert shown.overflow() <= 0


def test_the_first_screen_answers(open_page, html):
    """Title, verdict, what is to decide, numbers and findings are visible without scrolling on a laptop."""
    shown = open_page(html, 1280)
    for selector in ("h1", ".meta", ".verdict", ".decide", ".card", ".findings"):
        assert shown.above_fold(selector), selector


def test_what_is_folded_is_not_printed_as_a_word_alone(open_page, html):
    """Paper cannot be unfolded: a fold prints when it is open, and not even its name when it is not."""
    shown = open_page(html, 1280, media="print")
    fold = shown.page.locator("details.data").first
    assert not fold.is_visible()
    fold.evaluate("one => { one.open = true }")
    assert fold.is_visible()


def test_a_phone_shows_title_and_verdict_first(open_page, html):
    """On a phone the first window holds title and verdict."""
    shown = open_page(html, 390)
    assert shown.above_fold("h1")
    assert shown.above_fold(".verdict")


def test_contents_lead_to_their_sections(open_page):
    """Every entry of the contents brings its section into the window."""
    shown = open_page(report(), 1280)
    for link in shown.page.query_selector_all(".contents a"):
        link.click()
        assert shown.visible(link.get_attribute("href"))


@pytest.mark.parametrize("kind", ["code", "passport", "data"])
def test_what_is_folded_opens_by_keyboard(open_page, kind):
    """Enter on the focused toggle shows code, passport or table, again hides it; no script is involved."""
    shown = open_page(report())
    toggle = shown.page.query_selector(f"details.{kind} summary")
    toggle.focus()
    for is_open in (True, False):
        shown.page.keyboard.press("Enter")
        assert shown.page.eval_on_selector(f"details.{kind}", "one => one.open") is is_open


def test_the_skip_link_is_the_first_stop(open_page):
    """The first press of Tab shows the skip link; Enter moves on to the findings."""
    shown = open_page(report())
    shown.page.keyboard.press("Tab")
    assert shown.page.evaluate("document.activeElement.className") == "skip"
    assert shown.visible(".skip")
    shown.page.keyboard.press("Enter")
    assert shown.page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read_on_its_paper(open_page, html, dark):
    """Every visible text has a contrast of at least 4.5 against what lies behind it."""
    shown = open_page(html, 1280, dark=dark)
    assert shown.page.evaluate(FAINT_TEXT) == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_has_no_barrier(open_page, html, width, dark):
    """axe-core finds nothing serious, with everything unfolded, whoever reads with whatever."""
    shown = open_page(html, width, dark=dark, bypass_csp=True)
    shown.page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    assert shown.barriers() == []


def test_charts_scale_with_the_window(open_page):
    """A picture is never wider than its phone, and keeps its proportions."""
    shown = open_page(report(), 390)
    box = shown.page.query_selector("figure img").bounding_box()
    assert box["width"] <= 390
    assert box["width"] / box["height"] == pytest.approx(2, abs=0.05)


def test_print_shows_no_code_and_cuts_no_figure(open_page):
    """On paper code and contents are gone, and a figure may not break across pages."""
    shown = open_page(report(), 1280, media="print")
    assert not shown.page.is_visible("details.code")
    assert not shown.page.is_visible(".contents")
    assert shown.page.eval_on_selector("figure", "one => getComputedStyle(one).breakInside") == "avoid"


def test_nothing_from_the_company_runs(open_page):
    """A campaign whose name holds scripts opens no dialog, asks for nothing, and shows its name."""
    shown = open_page(report("zh", text=EVIL))
    assert shown.complaints == []
    assert shown.requests == []
    assert "<script>alert(1)</script>" in shown.page.inner_text("h1")
    assert shown.page.query_selector_all("script, iframe, svg:not(.spark), [onerror], [onload]") == []
    assert shown.page.query_selector_all(".spark") != []


def test_the_policy_stops_what_the_sanitiser_might_miss(open_page):
    """A script, a handler and a picture from elsewhere put into the finished page do nothing."""
    hostile = "<script>document.title='run'</script><img src=https://example.org/spy.png onerror=document.title='run'>"
    shown = open_page(report().replace("</main>", f"{hostile}</main>"))
    assert shown.page.title() != "run"
    assert shown.complaints
    assert all("Content Security Policy" in text for text in shown.complaints)


FAINT_TEXT = """() => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const light = c => { const f = v => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 };
    return .2126 * f(c[0]) + .7152 * f(c[1]) + .0722 * f(c[2]) };
  const paper = node => { for (; node; node = node.parentElement) {
    const c = rgb(getComputedStyle(node).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c }
    return [255, 255, 255] };
  const faint = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !node.checkVisibility()) continue;
    const [a, b] = [light(rgb(getComputedStyle(node).color)), light(paper(node))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) faint.push([node.className, walk.currentNode.data.trim().slice(0, 40)]);
  }
  return faint;
}"""


def test_smaller_svg_shows_the_same_pixels(browser, tmp_path):
    """The chart as matplotlib writes it and as the report holds it look alike: no pixel differs by a quarter."""
    theme.use("zh")
    shots, text, fig = [], io.StringIO(), line_chart()
    fig.savefig(text, format="svg")
    for name, drawn in (("whole", text.getvalue()), ("small", svg.small(text.getvalue()))):
        (tmp_path / f"{name}.svg").write_text(drawn)
        page = browser.new_page(viewport={"width": 800, "height": 500})
        page.goto((tmp_path / f"{name}.svg").as_uri())
        shots.append(Image.open(io.BytesIO(page.screenshot())).convert("L"))
        page.close()
    plt.close(fig)
    assert min(shots[0].getextrema()) < 100
    assert ImageChops.difference(*shots).getextrema()[1] < 64


@pytest.mark.parametrize(
    ("dark", "media", "light"), [(False, "screen", True), (True, "screen", False), (True, "print", True)]
)
def test_a_chart_has_the_paper_of_its_page(open_page, dark, media, light):
    """The same picture is bright by day and on paper, and dark at night."""
    shown = open_page(report("en"), 1280, dark=dark, media=media)
    with Image.open(io.BytesIO(shown.page.locator(".plot img").first.screenshot())) as drawn:
        paper = drawn.convert("L").getpixel((3, 3))
    assert (paper > 240) if light else (paper < 60)


def test_a_phone_enlarges_a_chart_by_keyboard(open_page):
    """Space on the switch makes the picture as wide as on a desk, inside its own box; again makes it fit."""
    shown = open_page(report("en"), 390)
    picture, switch = shown.page.locator(".plot img").first, shown.page.locator(".zoom").first
    fitting = picture.bounding_box()["width"]
    switch.focus()
    shown.page.keyboard.press("Space")
    assert picture.bounding_box()["width"] > 1.5 * fitting
    assert shown.overflow() <= 0
    shown.page.keyboard.press("Space")
    assert picture.bounding_box()["width"] == fitting


def test_a_desk_has_no_switch_to_enlarge(open_page):
    """Where the chart is as wide as it gets, nothing asks to enlarge it, nor does a stop of the Tab key."""
    shown = open_page(report("en"), 1280)
    assert not shown.page.locator(".plot label").first.is_visible()
    assert not shown.page.locator(".zoom").first.is_visible()


@pytest.mark.parametrize("number", ["−¥3,446", "+¥4.26", "¥1.93 万", "−¥1.14 万 ~ +¥4,125"])
def test_no_line_breaks_inside_a_chinese_number(open_page, number):
    """Wherever the right edge falls, a minus stays with its ¥ and the digits with their 万."""
    lines = "".join(f'<p style="width:{width}px;margin:0">相差{number}，见下表</p>' for width in range(60, 200, 4))
    page = open_page(
        unbroken(f'<html lang="zh-CN"><style>.nowrap{{white-space:nowrap}}</style>{lines}</html>'), 390
    ).page
    tops = page.eval_on_selector_all(".nowrap", "all => all.map(one => [...one.getClientRects()].map(r => r.y))")
    assert tops
    assert all(len(set(ys)) == 1 for ys in tops)
