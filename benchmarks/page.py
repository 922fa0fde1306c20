"""From an executed notebook to its files: our page beside nbconvert's own, the message and the workbook.

Works on the reports that `make reports` left in outputs/; each notebook is rendered by an exporter that exists already,
as in a batch, and both exporters get the notebook as it lies on disk.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import HTMLExporter

from benchmarks.measure import measure
from opsbook.page.export import report_html
from opsbook.page.message import message

OUTPUTS = Path(__file__).resolve().parents[1] / "outputs"
Notebook = Any


def notebooks(outputs: Path = OUTPUTS) -> list[Path]:
    """The heaviest executed notebook of every kind, in the order of their names."""
    found = sorted(outputs.glob("*/*/*/notebook.ipynb"), key=lambda path: path.stat().st_size)
    return sorted({path.relative_to(outputs).parts[0]: path for path in found}.values())


def read(path: Path) -> Notebook:
    """The notebook, and a first rendering, after which templates are compiled and modules loaded."""
    nb = nbformat.from_dict(json.loads(path.read_text(encoding="utf-8")))
    report_html(nb)
    return nb


def plain(nb: Notebook) -> str:
    """The ordinary page of nbconvert."""
    return str(HTMLExporter().from_notebook_node(nb)[0])


def both_messages(nb: Notebook) -> tuple[str, str]:
    """message.txt and message.md."""
    return message(nb, language="en"), message(nb, language="en", markdown=True)


WORKS: dict[str, Callable[[Notebook], Any]] = {"page": report_html, "nbconvert": plain, "message": both_messages}


def compare() -> None:
    """Print the table; says so where there are no reports yet."""
    print("\nfrom the executed notebook to its page, seconds; nbconvert's ordinary page beside it")
    print("\n".join(lines()) or "no reports in outputs/: `make reports` makes them", flush=True)


def lines(outputs: Path = OUTPUTS) -> Iterator[str]:
    """A line per notebook: seconds and size of both pages, their ratio, and the seconds of the messages."""
    for path in notebooks(outputs):
        done = {name: measure(work, path, prepare=read) for name, work in WORKS.items()}
        ours, theirs = done["page"], done["nbconvert"]
        sizes = "/".join(f"{len(one.result.encode()) / 1e6:.2f}" for one in (ours, theirs))
        yield (
            f"{path.relative_to(outputs).parts[0]:<24} {ours.seconds:6.3f} s  nbconvert {theirs.seconds:6.3f} s"
            f"  {theirs.seconds / ours.seconds:4.1f}x  {sizes} MB  messages {done['message'].seconds:6.3f} s"
        )
