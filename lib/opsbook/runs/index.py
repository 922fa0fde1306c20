"""outputs/index.html and index.json: every report on one page that opens from a folder, without a server."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from filelock import FileLock

from opsbook.runs import clock, manifest
from opsbook.runs.entries import entries
from opsbook.runs.folder import HIDDEN
from opsbook.runs.index_companies import known_companies
from opsbook.runs.index_page import page
from opsbook.runs.index_shelf import Shelf

SCHEMA = "opsbook.index/2"
WAIT_SECONDS = 60


def rebuild(home: Path, *, now: datetime | None = None) -> Path:
    """Write both files from the records in outputs/, one writer at a time; returns the page's path.

    now: the instant from which ages are counted, with its offset; by default the present one
    """
    outputs = home / "outputs"
    (outputs / HIDDEN).mkdir(parents=True, exist_ok=True)
    with FileLock(outputs / HIDDEN / "index.lock", timeout=WAIT_SECONDS):
        shelf = gathered(home, now or clock.now())
        content = {"schema": SCHEMA, "built_at": clock.stamp(shelf.now), "reports": shelf.as_json()}
        _replace(outputs / "index.json", manifest.as_bytes(content))
        _replace(outputs / "index.html", page(shelf).encode())
    return outputs / "index.html"


def gathered(home: Path, now: datetime) -> Shelf:
    """All that the index shows, in the language and the zone of the default company."""
    from opsbook.inputs.memory import kept

    known = tuple(known_companies(home))
    here = now.astimezone(ZoneInfo(known[0].zone))
    return Shelf(tuple(entries(home / "outputs")), kept(home), known, here, known[0].language)


def _replace(path: Path, content: bytes) -> None:
    draft = path.parent / HIDDEN / path.name
    draft.write_bytes(content)
    os.replace(draft, path)
