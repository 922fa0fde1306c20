"""Sentences of notebook 01 about the traps that were looked for: what was found, in the words of each trap."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from opsbook.analysis.traps import Check
from opsbook.page.words import Sentence

VALUES = ("base_value", "value")
ORDER = ["fired", "silent", "unknown"]


def said(check: Check) -> Sentence:
    """What the check found; a trap that cannot be looked for says why."""
    return Sentence(f"lifecycle.trap_{check.trap}.{check.case}", **({} if check.case == "unknown" else check.numbers))


def channels(paying: Check, arpu: Check) -> Sentence:
    """What the mix of channels did to the two money metrics, once where it can do nothing to either."""
    if paying.fired is None and arpu.fired is None:
        return said(paying)
    return Sentence("lifecycle.traps.channels", paying=said(paying), arpu=said(arpu))


def mix_table(mix: pd.DataFrame) -> pd.DataFrame:
    """The split of each metric's change for reading, each value in the format of its unit."""
    rows = [row | {"unit": "share" if row["metric"] == "paying" else "money"} for row in mix.to_dict("records")]
    cells = {name: [Sentence(f"lifecycle.cell.{row['unit']}", value=row[name]) for row in rows] for name in VALUES}
    for name in ("total", "inside", "mix"):
        cells[f"change_{name}"] = [Sentence(f"lifecycle.cell_change.{row['unit']}", value=row[name]) for row in rows]
    for name in ("total", "inside"):
        ends = [(row["unit"], row[f"{name}_low"], row[f"{name}_high"]) for row in rows]
        cells[f"change_{name}_range"] = [_range(*end) for end in ends]
    texts = {name: pd.Series(values, index=mix.index, dtype=object) for name, values in cells.items()}
    return mix[["metric", "users", "channels"]].assign(**texts)


def _range(unit: str, low: float, high: float) -> Sentence:
    if pd.isna(low):
        return Sentence("lifecycle.range.none")
    return Sentence(f"lifecycle.range_change.{unit}", low=low, high=high)


def heading(checks: Sequence[Check]) -> Sentence:
    """The line above the table of checks made."""
    cases = [check.case for check in checks]
    told = {case: cases.count(case) for case in ("fired", "unknown")}
    return Sentence("lifecycle.traps.heading", n=len(checks), **told)


def table(checks: Sequence[Check]) -> pd.DataFrame:
    """One row per trap looked for, open ones first: its name, and whether it lies open here with what was found."""
    ordered = sorted(checks, key=lambda check: ORDER.index(check.case))
    names = [Sentence(f"lifecycle.trap.{check.trap}") for check in ordered]
    found = [Sentence(f"lifecycle.trap_result.{check.case}", found=said(check)) for check in ordered]
    return pd.DataFrame({"trap": pd.Series(names, dtype=object), "found": pd.Series(found, dtype=object)})
