"""run.json: what was run, on what, with what, and how it ended."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from opsbook.runs.clock import stamp
from opsbook.runs.fingerprints import commit, versions
from opsbook.runs.folder import Folder
from opsbook.runs.report import Report

NAME = "run.json"
SCHEMA = "opsbook.run/1"


def manifest(
    report: Report,
    *,
    status: str,
    fingerprints: Mapping[str, str],
    inputs: Mapping[str, Any],
    files: Mapping[str, bytes],
    started: datetime,
    finished: datetime,
    problem: str = "",
    engine: str = "",
) -> dict[str, Any]:
    """The record of one run; `files` are the files beside it, listed with size and SHA-256."""
    period = report.period
    return {
        "schema": SCHEMA,
        "status": status,
        "problem": problem,
        "notebook": report.notebook,
        "company": report.company_key,
        "run": report.run,
        "period": {"start": str(period.start), "end": str(period.end), "kind": period.kind, "label": period.label},
        "language": report.language,
        "as_of": str(report.as_of),
        "seed": report.seed,
        "parameters": report.parameters,
        "inputs": dict(inputs),
        "fingerprints": dict(fingerprints),
        "engine": engine,
        "source": commit(report.home),
        "packages": versions(),
        "files": {name: described(content) for name, content in sorted(files.items())},
        "started_at": stamp(started),
        "finished_at": stamp(finished),
        "seconds": round((finished - started).total_seconds(), 2),
    }


def as_bytes(content: Any) -> bytes:
    """JSON as it is written everywhere in outputs/: two spaces, readable Chinese, a final newline."""
    return (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read(folder: Path) -> dict[str, Any] | None:
    """The record in a folder, or None where there is none that can be read."""
    try:
        content = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and content.get("schema") == SCHEMA else None


def is_fresh(folder: Folder, fingerprints: Mapping[str, str]) -> bool:
    """Whether the good report in place was made from exactly this and still has all its files, unchanged."""
    record = read(folder.place)
    if not record or record["status"] != "good" or record["fingerprints"] != dict(fingerprints):
        return False
    return all(unchanged(folder.place / name, told) for name, told in record["files"].items())


def described(content: bytes) -> dict[str, Any]:
    """Size and SHA-256 of a file."""
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def unchanged(path: Path, told: Mapping[str, Any]) -> bool:
    """Whether the file is there and as it was described."""
    try:
        return described(path.read_bytes()) == dict(told)
    except OSError:
        return False
