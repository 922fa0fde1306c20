"""outputs/index.html and index.json: every report on one page that opens from a folder, without a server."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock

from opsbook.errors import OperatorError
from opsbook.inputs.home import workbook_path
from opsbook.inputs.workbook import read_workbook
from opsbook.runs import manifest
from opsbook.runs.entries import Entry, entries
from opsbook.runs.folder import HIDDEN, LAST_FAILURE
from opsbook.runs.index_page import PAGE, SCRIPT, STYLE

SCHEMA = "opsbook.index/1"
WAIT_SECONDS = 60
Word = Callable[..., str]


def rebuild(home: Path) -> Path:
    """Write both files from the records in outputs/, one writer at a time; returns the page's path."""
    outputs = home / "outputs"
    (outputs / HIDDEN).mkdir(parents=True, exist_ok=True)
    with FileLock(outputs / HIDDEN / "index.lock", timeout=WAIT_SECONDS):
        found = entries(outputs)
        content = {"schema": SCHEMA, "reports": [entry.as_json() for entry in found]}
        _replace(outputs / "index.json", manifest.as_bytes(content))
        _replace(outputs / "index.html", page(found, language=_language(home)).encode())
    return outputs / "index.html"


def page(found: Sequence[Entry], *, language: str) -> str:
    """The index as one self-contained HTML document: no request leaves it, and every text from data is escaped."""
    from opsbook.page import words

    with words.speaking(language):
        body = _body(found, words.label)
        title = escape(words.label("runs.index.title"))
    return PAGE.format(
        language="zh-CN" if language == "zh" else "en",
        title=title,
        body=body,
        style=STYLE,
        script=SCRIPT,
        style_hash=_hash(STYLE),
        script_hash=_hash(SCRIPT),
    )


def _body(found: Sequence[Entry], word: Word) -> str:
    failures = sum(bool(entry.failed_at) for entry in found)
    counted = word("runs.index.count", reports=sum(entry.good for entry in found), failures=failures)
    head = f"<header><h1>{escape(word('runs.index.title'))}</h1><p>{escape(counted)}</p>{_search(word)}</header>"
    if not found:
        return f"{head}<main><p>{escape(word('runs.index.empty'))}</p></main>"
    groups = groupby(found, key=lambda entry: (entry.company, entry.notebook))
    sections = (_section(company, notebook, list(rows), word) for (company, notebook), rows in groups)
    none = f'<p id="none" role="status" hidden>{escape(word("runs.index.none"))}</p>'
    return f"{head}<main>{''.join(sections)}{none}</main>"


def _search(word: Word) -> str:
    said = escape(word("runs.index.search"))
    return (
        f'<label class="search" hidden><span>{said}</span><input id="search" type="search" autocomplete="off"></label>'
    )


def _section(company: str, notebook: str, rows: Sequence[Entry], word: Word) -> str:
    names = ("run", "period", "language", "verdict", "made", "files")
    heads = "".join(f'<th scope="col">{escape(word(f"runs.index.{name}"))}</th>' for name in names)
    title = f"{company} · {notebook}"
    return (
        f"<section><h2>{escape(title)}</h2><table><thead><tr>{heads}</tr></thead>"
        f"<tbody>{''.join(_row(entry, word) for entry in rows)}</tbody></table></section>"
    )


def _row(entry: Entry, word: Word) -> str:
    words = (entry.company, entry.notebook, entry.run, entry.period, entry.language, entry.verdict, entry.failure)
    period = escape(entry.period)
    shown = f'<a href="{_link(entry, "report.html")}">{period}</a>' if entry.good else period
    cells = (
        ("run", escape(entry.run)),
        ("period", shown),
        ("language", escape(entry.language)),
        ("verdict", _verdict(entry, word)),
        ("made", escape(entry.made_at[:10])),
        ("files", _files(entry)),
    )
    inner = "".join(
        f'<td data-name="{escape(word(f"runs.index.{name}"), quote=True)}">{content}</td>' for name, content in cells
    )
    return f'<tr data-words="{escape(" ".join(words).lower(), quote=True)}">{inner}</tr>'


def _verdict(entry: Entry, word: Word) -> str:
    status = entry.verdict_status if entry.verdict_status in ("good", "warn", "bad", "neutral") else "unknown"
    said = ""
    if entry.good:
        said = f'<span class="{status}">{escape(word(f"runs.verdict.{status}"))}</span> {escape(entry.verdict)}'
    if not entry.failed_at:
        return said
    told = escape(word("runs.index.failed", date=entry.failed_at[:10]))
    link = _link(entry, f"{LAST_FAILURE}/error.txt")
    return f'{said}<p class="failure"><a href="{link}">{told}</a> {escape(entry.failure)}</p>'


def _files(entry: Entry) -> str:
    names = (*entry.also, "notebook.ipynb", "results.json", "run.json") if entry.good else ()
    return " ".join(f'<a href="{_link(entry, name)}">{name}</a>' for name in names)


def _link(entry: Entry, name: str) -> str:
    return escape(quote(f"{entry.folder}/{name}"), quote=True)


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _language(home: Path) -> str:
    try:
        return read_workbook(workbook_path(home)).language
    except OperatorError:
        return "en"


def _replace(path: Path, content: bytes) -> None:
    draft = path.parent / HIDDEN / path.name
    draft.write_bytes(content)
    os.replace(draft, path)
