"""The index as one self-contained HTML document: no request leaves it, and every text from data is escaped.

It looks like the reports because it has their style sheet; it is whole without its script, which filters, sorts, and
counts how old the data are on the day of reading.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from opsbook.runs.index_companies import Company
from opsbook.runs.index_shelf import Shelf

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES = Path(__file__).parent / "index_template"
BRAND = (
    ":root{{--brand-given:{given};--brand:{light}}}\n"
    "@media screen and (prefers-color-scheme:dark){{:root{{--brand:{dark}}}}}\n"
)


def page(shelf: Shelf) -> str:
    """The document in the language of the shelf."""
    from markupsafe import Markup

    from opsbook.page import words
    from opsbook.runs.index_view import view

    style, script = _style(shelf.companies[0]), _own("index.js")
    # style and script are files of this package; everything else is escaped
    safe = {"style": Markup(style), "script": Markup(script)}
    with words.speaking(shelf.language):
        return _template().render(view(shelf), **safe, style_hash=_hash(style), script_hash=_hash(script))


@cache
def _template() -> Template:
    """Every value is escaped; a name that the view does not give is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(TEMPLATES)
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return made.get_template("index.html.j2")


def _style(company: Company) -> str:
    """The reports' style sheet, the index's own lines, and the company's colour."""
    from opsbook.page import colors

    shared = (resources.files("opsbook.page") / "template/opsbook/style.css").read_text(encoding="utf-8")
    return "\n".join([shared, _own("index.css"), BRAND.format(**colors.brand(company.brand_color))])


@cache
def _own(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
