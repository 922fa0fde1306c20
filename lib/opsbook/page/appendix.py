"""The appendix: what the words mean, what the run was told, and what the report was made with."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from typing import Any

from opsbook.page import words
from opsbook.page.bundles import element, escaped
from opsbook.page.data_card import facts

PACKAGES = ("opsbook", "pandas", "numpy", "scipy", "lifelines", "ibis-framework", "duckdb", "matplotlib", "seaborn")


def appendix_html(book: Any, area: str, terms: Sequence[str]) -> str:
    """Definitions, parameters of the run, thresholds of the workbook, versions of the packages."""
    defined = definitions_html(area, terms)
    folded = {
        "page.parameters": _pairs(_stated(book.run.model_dump(mode="json"))),
        "page.thresholds": _pairs(_stated(book.limits.model_dump(mode="json"))),
        "page.provenance": _pairs(_data_key(book) | versions()),
    }
    return (element("h3", words.label("page.definitions")) + defined if defined else "") + "".join(
        f'<details class="data">{element("summary", words.label(key))}{content}</details>'
        for key, content in folded.items()
    )


def _stated(values: Mapping[str, Any]) -> dict[str, Any]:
    """Only the values that say something; parameters left open decide nothing."""
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def definitions(area: str, terms: Sequence[str]) -> list[tuple[str, str]]:
    """Name and meaning of the terms, by default of all terms the area defines."""
    head = f"{area}.definition."
    chosen = terms or [key.removeprefix(head) for key in words.keys(head)]
    return [(_of("term", area, term), _of("definition", area, term)) for term in chosen]


def definitions_html(area: str, terms: Sequence[str]) -> str:
    """A definition list of the terms; "" when there are none."""
    lines = definitions(area, terms)
    return (
        "<dl>" + "".join(element("dt", name) + element("dd", text) for name, text in lines) + "</dl>" if lines else ""
    )


def _of(kind: str, area: str, term: str) -> str:
    return words.find(f"{area}.{kind}.{term}") or words.label(f"common.{kind}.{term}")


def _data_key(book: Any) -> dict[str, str]:
    """The fingerprint of the inputs, short: two reports of equal data have equal ones."""
    key = facts(book).get("key", "")
    return {words.label("page.data_key"): key[:16]} if key else {}


def versions() -> dict[str, str]:
    """Package -> installed version, for the packages that make numbers or pictures."""
    return {"Python": platform.python_version()} | dict(_installed(PACKAGES))


def _installed(names: Iterable[str]) -> Iterable[tuple[str, str]]:
    for name in names:
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            continue


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
