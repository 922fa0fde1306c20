"""The nbconvert exporter `opsbook`: an executed notebook as one self-contained HTML report without any script.

`jupyter nbconvert --to opsbook notebook.ipynb` works as well as the runner.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from traitlets import default
from traitlets.config import Config

from opsbook.page import colors, words
from opsbook.page.arrange import SHOWN_TYPES, heading_text, report_of
from opsbook.page.bundles import escaped
from opsbook.page.desk import ICONS
from opsbook.page.emphasis import claim
from opsbook.page.numbers import ARROWS
from opsbook.page.sanitize import clean, no_alt
from opsbook.page.shorten import shortened
from opsbook.page.spark import spark
from opsbook.page.unbroken import unbroken

TEMPLATES = Path(__file__).parent / "template"
HTML_LANG = {"en": "en", "zh": "zh-CN"}
BRIEF = 140  # characters of a long rule on the first screen
PICTURES = ("image/svg+xml", "image/png", "image/jpeg")
LEXER, FORMATTER = PythonLexer(), HtmlFormatter(nowrap=True)
UNCOLOURED = re.compile(r'<span class="(?:n|p|o|w)">([^<]*)</span>')  # names and punctuation keep the text's colour
# every printable character but those that would end the attribute, the address or look like markup
PLAIN_IN_URL = "".join(sorted(set(string.printable[:95]) - set('"#%<&')))


class ReportExporter(TemplateExporter):
    """Notebook -> report. Fails with OperatorError when a picture has no alternative text."""

    export_from_notebook = "Opsbook report"
    output_mimetype = "text/html"
    template_name = "opsbook"
    optimistic_validation = True  # else the notebook is validated anew after each of nbconvert's ten preprocessors

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    @default("template_extension")
    def _template_extension_default(self) -> str:
        return ".html.j2"

    @default("extra_template_basedirs")
    def _default_extra_template_basedirs(self) -> list[str]:
        return [str(TEMPLATES)]

    @property
    def default_config(self) -> Config:
        """Our order of output types: never script, widgets or PDF."""
        ours = Config({"NbConvertBase": {"display_data_priority": list(SHOWN_TYPES)}})
        return _merged(super().default_config, ours)

    def default_filters(self) -> Any:
        """The stock filters and ours; each returns HTML that is safe to print."""
        yield from super().default_filters()
        yield from {
            "claim": claim,
            "clean": clean,
            "markdown": markdown,
            "inline": inline,
            "python": python,
            "picture": picture,
            "shown_picture": shown_picture,
            "sparkline": sparkline,
            "brief": partial(shortened, most=BRIEF),
        }.items()

    def from_notebook_node(self, nb: Any, resources: Any = None, **kw: Any) -> Any:
        """The report's HTML, and nbconvert's resources."""
        resources = dict(resources or {})
        report = report_of(nb, name=str(resources.get("metadata", {}).get("name", "")))
        resources["opsbook"] = {
            "report": report,
            "lang": HTML_LANG[report.language],
            "say": partial(say, report.language),
            "icons": ICONS,
            "arrows": ARROWS,
            "brand": colors.brand(str(report.title.get("brand_color", ""))),
            "contents": [(s.anchor, heading_text(s, markdown)) for s in report.sections if s.heading],
        }
        output, resources = super().from_notebook_node(nb, resources, **kw)
        resources.pop("opsbook", None)
        return unbroken(output) if report.language == "zh" else output, resources


@lru_cache(maxsize=1)
def exporter() -> ReportExporter:
    """One exporter per process, with its template compiled."""
    made = ReportExporter()
    assert made.template
    return made


def report_html(nb: Any) -> str:
    """The page of an executed notebook, given as nbformat or as plain JSON."""
    from nbformat import from_dict

    return str(exporter().from_notebook_node(from_dict(nb))[0])


def _merged(base: Config, ours: Config) -> Config:
    both = Config(base)
    both.merge(ours)
    return both


def say(language: str, key: str, **fields: Any) -> str:
    """A catalogue text in the report's language, escaped."""
    return escaped(words.entry(key, language).fill(fields, language))


def markdown(source: str) -> str:
    """Markdown as safe HTML."""
    rendered = MarkdownWithMath(renderer=IPythonRenderer(escape=False, exclude_anchor_links=True)).render(source)
    return clean(rendered)


def inline(source: str) -> str:
    """One line of Markdown without its paragraph."""
    return markdown(source).strip().removeprefix("<p>").removesuffix("</p>")


def python(source: str) -> str:
    """Python code as highlighted, escaped HTML."""
    marked = str(highlight(source, LEXER, FORMATTER)).rstrip()
    return UNCOLOURED.sub(r"\1", marked)


def picture(output: Any, mime: str) -> str:
    """The output's picture as <img>; raises OperatorError when its metadata gives no alternative text."""
    about = output.get("metadata", {}).get(mime, {})
    if not str(about.get("alt", "")).strip():
        raise no_alt()
    size = "".join(f' {side}="{int(about[side])}"' for side in ("width", "height") if about.get(side))
    return f'<img src="{_data_url(output["data"][mime], mime)}" alt="{escaped(about["alt"])}"{size}>'


def shown_picture(output: Any) -> str:
    """The output's picture in whichever format it has, "" when it has none."""
    mime = next((name for name in PICTURES if name in output["data"]), None)
    return picture(output, mime) if mime else ""


def sparkline(number: Mapping[str, Any]) -> str:
    """The past of a headline number as a tiny inline SVG."""
    shown = number["words"]
    return spark(shown["points"], label=shown["trend"], target=number.get("target"))


def _data_url(data: str, mime: str) -> str:
    """SVG stays text, a quarter smaller than base64; where it holds no single quote they stand for the double ones."""
    text = data if isinstance(data, str) else "".join(data)
    if mime != "image/svg+xml":
        return f"data:{mime};base64,{escaped(''.join(text.split()))}"
    quoted = text if "'" in text else text.replace('"', "'")
    return f"data:{mime}," + quote(quoted, safe=PLAIN_IN_URL).replace("url(", "url%28")
