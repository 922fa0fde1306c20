"""What a report depends on, as hashes: equal fingerprints mean an equal report, so it need not be made again."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from opsbook.inputs import looks, own_run
from opsbook.runs.report import Report

PACKAGE = Path(__file__).resolve().parents[1]
NO_CODE = {".pyc", ".pyo"}
PACKAGES = (
    "babel",
    "duckdb",
    "holidays",
    "ibis-framework",
    "ipykernel",
    "lifelines",
    "matplotlib",
    "nbclient",
    "nbconvert",
    "nh3",
    "numpy",
    "openpyxl",
    "opsbook",
    "pandas",
    "papermill",
    "pyarrow",
    "pydantic",
    "scipy",
    "seaborn",
    "tzdata",
    "zhplot",
)


def fingerprints(report: Report, *, workbook: Any, inputs: Mapping[str, Any]) -> dict[str, str]:
    """Name and hash of everything that can change the report."""
    return {
        "inputs": of(inputs),
        "parameters": of(report.parameters),
        "workbook": of(workbook.model_dump(mode="json")),
        "notebook": of_files(own_run.files_of(report.notebook, home=report.home)),
        "code": code(),
        "packages": of(versions()),
    } | _looks(report, workbook)


def _looks(report: Report, workbook: Any) -> dict[str, str]:
    """Earlier looks at a campaign widen its intervals; where there is none, there is nothing to depend on."""
    run = own_run.model_of(report.notebook, home=report.home).model_validate(report.parameters)
    found = looks.earlier(run, workbook, home=report.home, as_of=report.as_of)
    return {"looks": of([str(day) for day in found])} if found else {}


def of(content: Any) -> str:
    """SHA-256 of any content that JSON can hold, the same for equal content."""
    return _sha(json.dumps(content, sort_keys=True, ensure_ascii=False, default=str).encode())


def of_files(paths: Iterable[Path], *, below: Path | None = None) -> str:
    """SHA-256 over names and bytes of files."""
    parts = [(path.relative_to(below).as_posix() if below else path.name, _sha(path.read_bytes())) for path in paths]
    return of(sorted(parts))


@cache
def code() -> str:
    """SHA-256 of the package: every file below lib/opsbook that is not compiled."""
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix not in NO_CODE]
    return of_files(files, below=PACKAGE)


@cache
def versions() -> dict[str, str]:
    """Python and the packages a report's numbers or looks can depend on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


@cache
def commit(home: Path) -> dict[str, Any]:
    """The checkout's commit and whether files differ from it; empty where there is no repository."""
    head = _git(home, "rev-parse", "HEAD")
    return {} if head is None else {"commit": head, "dirty": bool(_git(home, "status", "--porcelain", "-uno"))}


def _git(home: Path, *words: str) -> str | None:
    try:
        told = subprocess.run(["git", *words], cwd=home, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return told.stdout.strip()


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
