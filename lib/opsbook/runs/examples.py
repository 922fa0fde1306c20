"""Companies to try the workbook on: a simulated one and a real one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from opsbook.runs.fingerprints import PACKAGE, of_files

MARK = "company.json"


def write_demo(folder: Path, *, users: int, seed: int, force: bool = False) -> str:
    """Write the simulated company unless the same one is there; returns what to tell the person."""
    from opsbook.simulate import write_company

    told = {"users": users, "seed": seed, "code": of_files((PACKAGE / "simulate").rglob("*.py"), below=PACKAGE)}
    what = f"company of {users:,} users, seed {seed}"
    if not force and _mark(folder) == told:
        return f"The simulated {what}, is already in {folder} (--force writes it again)"
    with _Bar(users) as bar:
        write_company(folder, users=users, seed=seed, progress=bar.show)
    (folder / MARK).write_text(json.dumps(told) + "\n", encoding="utf-8")
    return f"Wrote a simulated {what}, to {folder}; its true numbers are in truth.json"


def write_campaigns(folder: Path) -> str:
    """Write the retailer's campaign files; returns what to tell the person."""
    from opsbook.inputs.completejourney import write_campaigns as write

    write(folder)
    return f"Wrote {len(list(folder.glob('*.yaml')))} campaign files to {folder}"


class _Bar:
    """A bar of users written, on a terminal only."""

    def __init__(self, users: int) -> None:
        from tqdm import tqdm

        self.bar: Any = tqdm(total=users, unit="user", disable=not sys.stderr.isatty())

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def show(self, done: int, _: int) -> None:
        self.bar.update(done - self.bar.n)


def _mark(folder: Path) -> Any:
    try:
        return json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
