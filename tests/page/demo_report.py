"""A made-up company, its page, and an executed notebook of that page: what the tests of page and browser look at."""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from types import MappingProxyType, SimpleNamespace
from typing import Any
from unittest import mock

import nbformat.v4 as nb4
import pandas as pd

from opsbook.inputs.periods import Period
from opsbook.inputs.run_params import CampaignRun
from opsbook.inputs.workbook import Company, Thresholds
from opsbook.page import theme, words
from opsbook.page.export import ReportExporter
from opsbook.page.page import Page
from opsbook.page.words import Sentence

EVIL = (
    "<script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)></svg>"
    """"'><a href="javascript:alert(4)">x</a>"""
)

DEMO = {
    "demo.title": "Review of {campaign}",
    "demo.question": "Did {campaign} bring people back?",
    "demo.number.actives": "Active users",
    "demo.number.retained": "Retained on day 7",
    "demo.number.revenue": "Net revenue",
    "demo.number.quick": "Quick ratio",
    "demo.actives.up": "Actives rose to {n:count}.",
    "demo.actives.down": "Actives fell to {n:count}.",
    "demo.returned": "People came back after {days:days}: {text}",
    "demo.text": "{text}",
    "demo.how": "Each point is one day.",
    "demo.passport.actives.formula": "users / users",
    "demo.passport.actives.denominator": "users of {start:date}",
    "demo.passport.actives.window": "{start:date} to {end:date}",
    "demo.term.loyal": "Loyal user",
    "demo.definition.loyal": "Came back often.",
}


@contextmanager
def demo_words() -> Iterator[None]:
    """Both catalogues with the area `demo` added; the language spoken before is given back."""
    real = words.catalogue
    extra = {key: words._entry(key, text, "demo") for key, text in DEMO.items()}
    both = {name: MappingProxyType({**real(name), **extra}) for name in words.LANGUAGES}
    with mock.patch.object(words, "catalogue", lambda name: both[name]), words.speaking("en", currency=""):
        yield


@dataclass
class Collected:
    """Outputs of a page in the order in which they were shown."""

    outputs: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)

    def __call__(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """Keep an output."""
        self.outputs.append((data, metadata))

    def kinds(self) -> list[str]:
        """Kinds of the bundles, in order."""
        ours = [name for data, _ in self.outputs for name in data if "opsbook" in name]
        return [name.split("opsbook.")[1].split("+")[0] for name in ours]

    def last(self, kind: str) -> dict[str, Any]:
        """The payload of the last bundle of the kind."""
        name = f"application/vnd.opsbook.{kind}+json"
        return next(data[name] for data, _ in reversed(self.outputs) if name in data)

    def taken(self) -> list[Any]:
        """The collected outputs as notebook outputs; the collection is empty afterwards."""
        outputs = [nb4.new_output("display_data", data=data, metadata=about) for data, about in self.outputs]
        self.outputs.clear()
        return outputs


def make_book(language: str = "en", *, text: str = "Double 11", **changes: Any) -> SimpleNamespace:
    """A book of the kind that Page expects; `text` is whatever comes from the company: names, notes, examples."""
    company = Company(key="demo", name=f"Lantern Shop {text}", name_zh=f"灯笼优选 {text}", brand_color="#2f5d8a")
    checks = pd.DataFrame(
        [("events", "late", "drop", 120, 0.002, text, text)],
        columns=["table", "rule", "policy", "rows", "share", "examples", "sentence"],
    )
    about = pd.DataFrame([("rows_events", "60000"), ("key", "0123456789abcdef01")], columns=["key", "value"])
    book = {
        "workbook": SimpleNamespace(company=company, currency="CNY", zone="Asia/Shanghai", week_start="monday"),
        "language": language,
        "period": Period(date(2026, 10, 1), date(2026, 10, 31), "month", "2026-10"),
        "as_of": date(2026, 11, 4),
        "settled_through": date(2026, 11, 2),
        "data_start": date(2026, 1, 1),
        "notebook": "09_demo",
        "run": CampaignRun(name=text, name_zh=text, campaign_id="d11", lessons=[text], owner=text, decision=text),
        "mart": SimpleNamespace(checks=checks, about=about),
        "given": frozenset({"users", "events"}),
        "limits": Thresholds(),
    }
    return SimpleNamespace(**(book | changes))


def line_chart(label: str = "actives n = 310") -> Any:
    """A small chart of a month."""
    fig, ax = theme.axes()
    days = pd.date_range("2026-10-01", periods=31)
    ax.plot(days, range(31), color=theme.COLORS["main"])
    theme.date_axis(ax)
    theme.count_axis(ax)
    theme.label_line(ax, days[-1], 30, label, theme.COLORS["main"])
    return fig


def daily_table(text: str = "organic") -> pd.DataFrame:
    """Forty days of actives; `text` is a channel and a column name."""
    days = pd.date_range("2026-09-22", periods=40)
    return pd.DataFrame({"day": days, "users": range(1000, 1040), "share_active": 0.25, "channel": text, text: 1.5})


def notebook(language: str = "en", *, text: str = "Double 11") -> Any:
    """An executed notebook with one of everything; `text` goes wherever text of a company can go."""
    return copy.deepcopy(_executed(language, text))


@cache
def report(language: str = "en", *, text: str = "Double 11") -> str:
    """The HTML of that notebook."""
    return str(ReportExporter().from_notebook_node(_executed(language, text))[0])


@cache
def _executed(language: str, text: str) -> Any:
    collected = Collected()
    page = Page(make_book(language, text=text), emit=collected)
    nb = nb4.new_notebook(cells=[nb4.new_markdown_cell("# Demo", id="top")])

    def code(source: str, run: Callable[[], object]) -> None:
        run()
        nb.cells.append(nb4.new_code_cell(source, outputs=collected.taken(), id=f"c{len(nb.cells)}"))

    def heading(en: str, zh: str) -> None:
        for tag, words_of_it in (("en", en), ("zh", zh)):
            cell = nb4.new_markdown_cell(f"## {words_of_it}", metadata={"tags": [tag]}, id=f"m{len(nb.cells)}")
            nb.cells.append(cell)

    said = Sentence("demo.returned", days=14, text=text)
    code('book, page = opsbook.start("09_demo", vars())', lambda: (page.title(), page.data_card()))
    code("page.number(...)", lambda: _numbers(page, text))
    code("page.verdict(...)", lambda: page.verdict("warn", Sentence("demo.returned", days=7, text=text), rule=text))
    heading("Who is active?", "谁在活跃？")
    shown = {"table": daily_table(text), "name": "actives", "how": "demo.how"}
    code("page.figure(...)", lambda: (page.finding(said), page.figure(line_chart(), said, **shown)))
    code("page.table(...)", lambda: page.table(daily_table(text).head(3), said, name="top"))
    code("page.decide(...)", lambda: page.decide(said))
    code("page.passport(...)", lambda: page.passport("actives", evidence="counted"))
    heading("Who came back?", "谁回来了？")
    code("page.say(...)", lambda: (page.say(said), page.finding(Sentence("demo.text", text=text))))
    code("page.figure(None, …)", lambda: page.figure(None, said, needs=["orders"]))
    heading("What this report cannot tell", "本报告无法回答什么")
    code("page.cannot_tell(...)", lambda: page.cannot_tell(said))
    heading("Appendix", "附录")
    code("page.appendix()", lambda: page.appendix("loyal", "active"))
    code("page.finish()", page.finish)
    return nb


def _numbers(page: Page, text: str) -> None:
    past = [{"when": text, "value": value, "low": 0.9 * value, "high": None} for value in (11000, 11800, 12345)]
    page.number("actives", 12345, low=12100, high=12600, n=20000, unit="users", previous=11800, method=text, trend=past)
    change = {"previous": 0.4, "change_low": -0.01, "change_high": 0.03}
    page.number("retained", 0.412, low=0.398, high=0.427, n=4321, unit="share", **change)
    page.number("revenue", 1234567.0, n=8123, unit="money", previous=1300000)
    page.number("quick", 1.08, low=0.98, high=1.19, n=9000, unit="ratio", target=1.2)


def with_output(data: Mapping[str, Any], metadata: Mapping[str, Any] | None = None, kind: str = "display_data") -> Any:
    """A notebook with one cell that has this output."""
    extra = {"execution_count": 1} if kind == "execute_result" else {}
    output = nb4.new_output(kind, data=dict(data), metadata=dict(metadata or {}), **extra)
    return nb4.new_notebook(cells=[nb4.new_code_cell("show()", outputs=[output], id="only")])
