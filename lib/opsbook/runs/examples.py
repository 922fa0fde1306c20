"""Companies to try the workbook on: a simulated one and a real one."""

from __future__ import annotations

import json
from pathlib import Path

SIZE = "company.json"


def write_demo(folder: Path, *, users: int, seed: int, force: bool = False) -> str:
    """Write the simulated company unless the same one is there; returns what to tell the person."""
    from opsbook.simulate import write_company

    told = {"users": users, "seed": seed}
    mark = folder / SIZE
    if not force and mark.is_file() and json.loads(mark.read_text(encoding="utf-8")) == told:
        return f"The simulated company of {users:,} users, seed {seed}, is already in {folder} (or use --force)"
    mark.unlink(missing_ok=True)
    write_company(folder, users=users, seed=seed)
    mark.write_text(json.dumps(told) + "\n", encoding="utf-8")
    return f"Wrote a simulated company of {users:,} users, seed {seed}, to {folder}; its true numbers are in truth.json"


def write_campaigns(folder: Path) -> str:
    """Write the retailer's campaign files; returns what to tell the person."""
    from opsbook.inputs.completejourney import write_campaigns as write

    written = write(folder)
    return f"Wrote {len(written)} campaign files to {folder}"
