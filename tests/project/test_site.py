"""The documentation site: it builds without a warning, holds every page, and asks nothing from outside."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from documents import ANALYSIS, DOCS, HOME, PAGES, read

FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}
NAVIGATION = {"next", "prev", "index", "search", "canonical"}
OUTSIDE = r"(https?:)?//"


class Requests(HTMLParser):
    """What a browser fetches to show a page."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def handle_starttag(self, tag, attrs):
        """Note the address of whatever the element loads."""
        found = dict(attrs)
        if tag in FETCHED and found.get(FETCHED[tag]) and found.get("rel") not in NAVIGATION:
            self.asked.append(found[FETCHED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "-n", "--keep-going", "-q", "-b", "html", str(DOCS), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    return out


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_holds_every_page(site):
    """`make docs` finds no broken link, no unknown reference and no page that nothing leads to."""
    made = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.html")}
    sources = {path.relative_to(DOCS).with_suffix("").as_posix() for path in PAGES if path.is_relative_to(DOCS)}
    assert sources | {f"api/{path.stem}" for path in ANALYSIS.glob("[a-z]*.py")} <= made


@pytest.mark.slow
def test_the_site_asks_for_nothing_from_outside(site):
    """No script, style, font or picture of a built page comes from another host."""
    looked = 0
    for path in site.rglob("*.html"):
        page = Requests()
        page.feed(read(path))
        looked += len(page.asked)
        assert not [url for url in page.asked if re.match(OUTSIDE, url)], path.name
    for path in site.rglob("*.css"):
        assert not re.findall(rf"(?:url\(|@import )[\"']?{OUTSIDE}", read(path)), path.name
    assert looked > 1000


@pytest.mark.slow
def test_the_reference_shows_the_docstrings_as_they_are(site):
    """A module's page holds signatures and docstrings, grain and source, word for word."""
    shown = read(site / "api/survival.html")
    assert "Kaplan &amp; Meier 1958" in shown
    assert "kaplan_meier" in shown


def test_every_relative_link_works():
    """Links between pages, and to pages that the build writes, lead to something that is there."""
    followed = 0
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", read(page)):
            place = (page.parent / target).resolve()
            assert is_written_by_the_build(place) or place.exists(), (page.name, target)
            followed += 1
    assert followed > 100


def is_written_by_the_build(place: Path) -> bool:
    module = (ANALYSIS / f"{place.stem}.py").exists() or place.stem == "index"
    return place.parent == DOCS / "api" and module


def test_the_readme_leads_to_every_guide():
    """A reader of the README finds each guide."""
    told = read(HOME / "README.md")
    assert [path.name for path in (DOCS / "guides").glob("*.md") if f"docs/guides/{path.name}" not in told] == []


def test_every_page_stands_in_the_contents():
    """A page that nothing leads to is a page nobody reads: each one is in the index, and nothing else is."""
    listed = set(re.findall(r"^[a-z_/]+$", read(DOCS / "index.md"), re.M))
    pages = {page.relative_to(DOCS).with_suffix("").as_posix() for page in PAGES if page.is_relative_to(DOCS)}
    assert pages - {"index"} == listed - {"api/index"}


def test_every_estimator_is_explained():
    """Each analysis module whose formulas have a source stands on the estimators' page."""
    told = read(DOCS / "guides/estimators.md")
    named = {path.stem for path in ANALYSIS.glob("*.py") if re.search(r"^ .*\bsource: ", read(path), re.M)}
    assert len(named) > 60
    assert [name for name in sorted(named) if f"../api/{name}.md" not in told] == []
