import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise

import nbformat
import nbformat.v4 as nb4
import pandas as pd
import pytest

from opsbook.errors import OperatorError
from opsbook.page import words
from opsbook.page.arrange import split_at_headings
from opsbook.page.export import HTML_LANG, ReportExporter
from opsbook.page.page import Page
from opsbook.page.results import strip_tables
from opsbook.page.words import Sentence
from page import demo_report
from page.demo_report import EVIL, notebook, report, with_output

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
CSP = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
WRITTEN = """html head meta link title style body a header main section nav div span p h1 h2 h3 ul ol li figure
figcaption img details summary pre code table thead tbody tr th td dl dt dd strong em br"""
ELEMENTS = set(WRITTEN.split())
DRAWN = {"svg", "path", "circle", "input", "label"}  # the tiny line on a card, the switch that enlarges a chart


class Elements(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        """Keep the element."""
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        """Keep the text."""
        self.text.append(data)

    def all(self, tag):
        """Attributes of every element of the tag."""
        return [attributes for name, attributes in self.found if name == tag]


def render(nb) -> str:
    return ReportExporter().from_notebook_node(nb)[0]


@pytest.fixture(scope="module", params=["en", "zh"])
def language(request):
    return request.param


def test_first_screen_comes_first(language):
    """Title, period, verdict, numbers and findings stand before the contents, and these before the sections."""
    html = report(language)
    order = ['class="eyebrow"', "<h1>", 'class="meta"', 'class="verdict warn"', 'class="cards of4"', 'class="findings"']
    order += [
        'class="contents"',
        'id="s1"',
        "<figcaption>",
        'class="plot"',
        'class="how"',
        'class="data"',
        'class="code"',
    ]
    places = [html.index(mark) for mark in order]
    assert places == sorted(places)


def test_the_page_is_in_the_language_of_the_book(language):
    """The lang attribute, and only the headings of that language."""
    html = report(language)
    assert f'<html lang="{HTML_LANG[language]}">' in html
    assert ("Who is active?" in html) == (language == "en")
    assert ("谁在活跃？" in html) == (language == "zh")


def test_contents_name_every_section():
    """Each heading is one entry that leads to its section."""
    page = Elements(report())
    anchors = {a["href"][1:] for a in page.all("a") if (a.get("href") or "").startswith("#s")}
    assert anchors == {"s1", "s2", "s3", "s4"}
    assert anchors <= {section.get("id") for section in page.all("section")}


def test_status_is_told_in_words():
    """The verdict's colour stands beside an icon and a word."""
    assert '<span class="icon" aria-hidden="true">!</span>Watch' in report()


def test_every_picture_has_its_sentence_as_alt():
    """Alternative text and headline are one string."""
    page = Elements(report())
    (picture,) = page.all("img")
    assert picture["alt"] == "People came back after 14 days: Double 11"
    assert picture["alt"] in page.text
    assert picture["src"].startswith("data:image/")


@pytest.mark.parametrize("mime", ["image/png", "image/jpeg", "image/svg+xml"])
def test_a_picture_without_alt_fails(mime):
    """A report with a picture that nobody described is not rendered."""
    with pytest.raises(OperatorError, match="no alternative text"):
        render(with_output({mime: PICTURE}))


def test_a_described_picture_is_shown():
    """Alternative text comes from the output's metadata."""
    html = render(with_output({"image/png": PICTURE}, {"image/png": {"alt": "a dot", "width": 10}}))
    assert f'<img src="data:image/png;base64,{PICTURE}" alt="a dot" width="10">' in html


def test_the_last_expression_of_a_cell_is_shown():
    """Results of expressions appear like displayed ones."""
    data = {"text/html": "<table><tr><td>42</td></tr></table>", "text/plain": "42"}
    assert "<td>42</td>" in render(with_output(data, kind="execute_result"))


def test_code_is_folded_and_needs_no_script():
    """Every section's code is in a closed details element; the parameter cells are not shown."""
    nb = notebook()
    tags = {"tags": ["injected-parameters"]}
    nb.cells.insert(1, nb4.new_code_cell('secret_name = "x"', metadata=tags, id="injected"))
    html = render(nb)
    assert html.count('<details class="code">') == 5
    assert "<details open" not in html
    assert "secret_name" not in html


def test_the_page_fetches_and_runs_nothing():
    """A content security policy, no script, and no address but data images and places in the page."""
    html = report()
    page = Elements(html)
    assert CSP in [meta.get("content") for meta in page.all("meta")]
    assert {tag for tag, _ in page.found} <= ELEMENTS | DRAWN
    for _, attributes in page.found:
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("src") or "data:").startswith("data:")
        assert (attributes.get("href") or "#").startswith(("#", "data:,"))
    assert "url(" not in html
    assert "@import" not in html


def test_headers_of_tables_have_scopes():
    """Screen readers know what each header cell heads."""
    assert all(th.get("scope") in ("col", "row") for th in Elements(report()).all("th"))


def test_ids_are_unique():
    """Every link leads to one place."""
    ids = [attributes["id"] for _, attributes in Elements(report()).found if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_headings_step_down_one_level_at_a_time():
    """One h1; no level is skipped."""
    levels = [int(tag[1]) for tag, _ in Elements(report()).found if tag in ("h1", "h2", "h3", "h4", "h5")]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("text", [EVIL, "</style></title></pre></details>" + EVIL, "{{ 7*7 }}{% raw %}" + EVIL])
def test_text_of_the_company_is_text(language, text):
    """Names and notes that hold markup show as what they are, wherever they appear in the report."""
    page = Elements(report(language, text=text))
    assert {tag for tag, _ in page.found} <= ELEMENTS | DRAWN
    assert all(attributes["class"] == "spark" for attributes in page.all("svg"))
    assert not [name for _, attributes in page.found for name in attributes if name.startswith("on")]
    assert [(one["type"], one["class"]) for one in page.all("input")] == [("checkbox", "zoom")]
    assert len(page.all("img")) == 1
    assert "<script>alert(1)</script>" in "".join(page.text)


OUTPUTS = {
    "html": {"text/html": f"<p>{EVIL}</p>"},
    "markdown": {"text/markdown": f"# {EVIL}\n[x](javascript:alert(1)) <b onclick=alert(1)>b</b>"},
    "plain": {"text/plain": EVIL},
    "latex": {"text/latex": f"${EVIL}$"},
    "javascript": {"application/javascript": "alert(1)", "text/plain": "<Javascript>"},
    "mermaid": {"text/vnd.mermaid": f"graph TD; A[{EVIL}]"},
    "widget": {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/plain": EVIL},
    "pdf": {"application/pdf": "JVBERi0="},
    "styler": {"text/html": f"<style>#T_1{{color:red}}</style><table id=T_1><caption>{EVIL}</caption></table>"},
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_no_output_runs_anything(name):
    """Any kind of output an analyst can show is cleaned or shown as text."""
    page = Elements(render(with_output(OUTPUTS[name])))
    assert {tag for tag, _ in page.found} <= ELEMENTS | {"caption", "b"}
    for _, attributes in page.found:
        assert not [key for key in attributes if key.startswith("on")]
        assert not (attributes.get("href") or "").startswith("javascript")


def test_a_script_inside_a_picture_stays_inside_it():
    """SVG is shown as an image, where scripts do not run."""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg">{EVIL}</svg>'
    page = Elements(render(with_output({"image/svg+xml": svg}, {"image/svg+xml": {"alt": "x"}})))
    assert "svg" not in {tag for tag, _ in page.found}


def test_streams_and_errors_are_text():
    """What was printed is escaped; warnings for the desk are left out; a traceback has no terminal codes."""
    cell = nb4.new_code_cell("x", id="x")
    cell.outputs = [
        nb4.new_output("stream", name="stdout", text=EVIL),
        nb4.new_output("stream", name="stderr", text="a warning for the desk"),
        nb4.new_output("error", ename="E", evalue=EVIL, traceback=[f"\x1b[31m{EVIL}\x1b[0m"]),
    ]
    html = render(nb4.new_notebook(cells=[cell]))
    assert html.count("&lt;script&gt;alert(1)") == 2
    assert "a warning for the desk" not in html
    assert "\x1b" not in html


def test_markdown_of_a_cell_is_cleaned():
    """A Markdown cell may format text, not run anything."""
    nb = nb4.new_notebook(cells=[nb4.new_markdown_cell(f"## {EVIL}\n\n**bold** {EVIL}", id="m")])
    page = Elements(render(nb))
    assert {tag for tag, _ in page.found} <= ELEMENTS
    assert "strong" in {tag for tag, _ in page.found}


def test_a_comment_in_a_code_block_is_no_heading():
    """Sections begin at second-level headings outside fences."""
    text = "# Top\nintro\n## One?\nbody\n```\n## not a heading\n# nor this\n```\n## Two?"
    assert split_at_headings(text) == [
        ("", "intro"),
        ("One?", "body\n```\n## not a heading\n# nor this\n```"),
        ("Two?", ""),
    ]


def test_a_notebook_of_anybody_becomes_a_plain_page():
    """Without our bundles the first heading is the title and the cells stay in order."""
    nb = nb4.new_notebook(cells=[nb4.new_markdown_cell("# Hello\n\ntext", id="a"), nb4.new_code_cell("1 + 1", id="b")])
    html = render(nb)
    assert "<h1>Hello</h1>" in html
    assert "<p>text</p>" in html


def test_a_finding_is_not_said_twice_in_a_row():
    """A finding that is also the headline of its figure stands on the first screen and over the figure, not thrice."""
    html = report()
    said = "People came back after 14 days: Double 11"
    assert html.count(f'<p class="finding">{said}</p>') == 0
    assert f'<a href="#s1">{said}</a>' in html


def test_a_table_without_rows_leaves_its_sentence_once():
    """A figure and a table that have nothing to show under the same sentence say it once and draw no empty table."""
    shown = demo_report.Collected()
    with demo_report.demo_words():
        page = Page(demo_report.make_book(), emit=shown)
        said, nothing = Sentence("demo.actives.up", n=310), pd.DataFrame({"users": []})
        page.figure(None, said, table=nothing, name="actives")
        page.table(nothing, said, name="totals")
        html = render(nb4.new_notebook(cells=[nb4.new_code_cell("show()", outputs=shown.taken(), id="only")]))
    assert html.count(str(said)) == 1
    assert "<table" not in html


@pytest.mark.parametrize("rows", [0, 2])
def test_only_what_has_something_to_show_is_a_headline(rows):
    """A sentence over nothing stands in plain type, the same sentence over a table is its headline."""
    shown = demo_report.Collected()
    with demo_report.demo_words():
        page = Page(demo_report.make_book(), emit=shown)
        table = pd.DataFrame({"users": [7] * rows})
        page.figure(None, Sentence("demo.actives.up", n=310), table=table, name="actives")
        page.table(table, Sentence("demo.actives.down", n=310), name="totals")
        html = render(nb4.new_notebook(cells=[nb4.new_code_cell("show()", outputs=shown.taken(), id="only")]))
    plain = re.findall(r'<p class="say">(.*?)</p>', html)
    assert len(plain) == (0 if rows else 2)


def test_a_table_the_company_lacks_is_named_once_in_a_section():
    """Two questions of one section that need orders say once that there are none; of the next only the list says it."""
    shown = demo_report.Collected()
    with demo_report.demo_words():
        page = Page(demo_report.make_book(), emit=shown)
        page.say(Sentence("demo.actives.up", n=310), needs=["orders"])
        asked = shown.taken()
        cells = [nb4.new_code_cell("show()", outputs=asked, id=name) for name in "abc"]
        cells.insert(2, nb4.new_markdown_cell("## Next?", id="head"))
        html = render(nb4.new_notebook(cells=cells))
    assert html.count('<p class="absent">') == 1
    assert html.count(words.label("page.absent", tables=[Sentence("common.table.orders")])) == 2
    assert "<h2>Next?</h2>" not in html
    assert "<strong>Next?</strong>" in html


def test_the_page_is_the_same_with_or_without_the_tables_inside():
    """Taking the Parquet out of the notebook does not change what is shown."""
    nb = notebook()
    assert render(strip_tables(nb)) == report()


def test_overhead_is_small():
    """Everything but pictures is below 40 KB."""
    html = report()
    pictures = sum(len(img["src"]) for img in Elements(html).all("img"))
    assert len(html.encode()) - pictures < 40_000


def test_equal_books_give_equal_notebooks():
    """Running the cells twice gives the same outputs, pictures and Parquet included."""
    assert demo_report._executed.__wrapped__("zh", "Double 11") == notebook("zh")


def test_plain_nbconvert_writes_the_same_report(tmp_path):
    """`jupyter nbconvert --to opsbook`, in another process with another hash seed, gives the same bytes."""
    nbformat.write(notebook(), tmp_path / "demo.ipynb")
    command = [sys.executable, "-m", "nbconvert", "--to", "opsbook", "demo.ipynb"]
    environment = os.environ | {"PYTHONHASHSEED": "4711"}
    subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert (tmp_path / "demo.html").read_text(encoding="utf-8") == report()
