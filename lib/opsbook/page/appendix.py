"""The data card and the appendix: what was read, what the words mean, and what the report was made with."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from typing import Any

import pandas as pd

from opsbook.page import words
from opsbook.page.bundles import element, escaped
from opsbook.page.tables import to_html
from opsbook.page.words import Sentence

PACKAGES = ("opsbook", "pandas", "numpy", "scipy", "lifelines", "ibis-framework", "duckdb", "matplotlib", "seaborn")


def data_card_html(book: Any, area: str) -> str:
    """Span and tables of the data, then every rule that dropped or flagged rows."""
    start = getattr(book, "data_start", None) or book.period.start
    given = [Sentence(f"common.table.{name}") for name in sorted(book.given)]
    parts = [
        element("p", words.label("page.data.span", start=start, end=book.as_of)),
        element("p", words.label("page.data.tables", tables=given)),
        _about(frame_of(book.mart.about), area),
        _checks(frame_of(book.mart.checks), area),
    ]
    return "".join(parts)


def appendix_html(book: Any, area: str, terms: Sequence[str]) -> str:
    """Definitions, parameters of the run, thresholds of the workbook, versions of the packages."""
    defined = definitions_html(area, terms)
    folded = {
        "page.parameters": _pairs(_stated(book.run.model_dump(mode="json"))),
        "page.thresholds": _pairs(_stated(book.limits.model_dump(mode="json"))),
        "page.provenance": _pairs(versions()),
    }
    return (element("h3", words.label("page.definitions")) + defined if defined else "") + "".join(
        f'<details class="data">{element("summary", words.label(key))}{content}</details>'
        for key, content in folded.items()
    )


def _stated(values: Mapping[str, Any]) -> dict[str, Any]:
    """Only the values that say something; parameters left open decide nothing."""
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def definitions_html(area: str, terms: Sequence[str]) -> str:
    """A definition list of the terms, by default of all terms the area defines; "" when there are none."""
    head = f"{area}.definition."
    chosen = terms or [key.removeprefix(head) for key in words.keys(head)]
    lines = [(_of("term", area, term), _of("definition", area, term)) for term in chosen]
    return (
        "<dl>" + "".join(element("dt", name) + element("dd", text) for name, text in lines) + "</dl>" if lines else ""
    )


def _of(kind: str, area: str, term: str) -> str:
    return words.find(f"{area}.{kind}.{term}") or words.label(f"common.{kind}.{term}")


def versions() -> dict[str, str]:
    """Package -> installed version, for the packages that make numbers or pictures."""
    return {"Python": platform.python_version()} | dict(_installed(PACKAGES))


def _installed(names: Iterable[str]) -> Iterable[tuple[str, str]]:
    for name in names:
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            continue


def frame_of(table: Any) -> pd.DataFrame:
    """A mart table (Ibis or pandas) as a DataFrame."""
    return table if isinstance(table, pd.DataFrame) else table.to_pandas()


def _about(about: pd.DataFrame, area: str) -> str:
    if about.empty:
        return ""
    pairs = zip(about["key"].astype(str), about["value"], strict=True)
    return _pairs({words.find(f"page.about.{key}") or key: value for key, value in pairs})


def _checks(checks: pd.DataFrame, area: str) -> str:
    found = checks[checks["rows"] > 0] if len(checks) else checks
    if found.empty:
        return element("p", words.label("page.data.clean"))
    shown = found.assign(table=[words.find(f"common.table.{name}") or name for name in found["table"]])
    return element("p", words.label("page.data.checked")) + to_html(shown, area=area, name="checks")


def _pairs(values: Mapping[str, Any]) -> str:
    """A two-column table of names and values, with nested values on several lines."""
    rows = "".join(
        f'<tr><th scope="row">{escaped(name)}</th><td>{_value(value)}</td></tr>' for name, value in values.items()
    )
    return f'<div class="scroll"><table class="pairs"><tbody>{rows}</tbody></table></div>'


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{escaped(name)} = {_value(inner)}" for name, inner in value.items() if inner is not None)
    if isinstance(value, (list, tuple)):
        return "<br>".join(_value(item) for item in value)
    if isinstance(value, bool):
        return escaped(words.label("common.yes" if value else "common.no"))
    return escaped(words.show(value) if isinstance(value, float) else value)
