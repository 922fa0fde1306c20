"""The tables of a new workbook as commented YAML: what was guessed of files, and examples of what was not there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from opsbook.inputs.contract import TABLES, ContractColumn, TableContract
from opsbook.inputs.look import SeenTable
from opsbook.inputs.proposal import Guess, Proposal
from opsbook.runs.option_lines import flow

HEAD = """\
# Only `events` or `orders` is needed. Left of each colon stands the contract's name (docs/contract.md),
# right of it your own."""
GROUPS = """\
#event_groups:                      # name (letters, digits, _): its events, in the order of the usual path
#  browsing: [search, view_item]"""
EXAMPLE = "events"  # switched on when neither it nor orders was found: a workbook needs one of them


def tables_text(found: Mapping[str, Proposal], left: Sequence[SeenTable]) -> str:
    """The block `tables:`; files that look like nothing are named above it."""
    lines = [HEAD, *(f"# Not used, nothing looks like it: {seen.path} ({', '.join(seen.columns)})" for seen in left)]
    for name, contract in TABLES.items():
        example = _example(contract, on=name == EXAMPLE and not {"events", "orders"} & found.keys())
        lines += ["tables:"] * (name == next(iter(TABLES)))
        lines += _found(found[name], contract, off=is_off(found, name)) if name in found else example
    return "\n".join(lines)


def is_off(found: Mapping[str, Proposal], name: str) -> bool:
    """Whether a table is written switched off: it lacks a column, and the workbook can do without it."""
    active = [other for other in ("events", "orders") if other in found and not found[other].missing]
    return bool(found[name].missing and active)


def event_groups_text(events: Proposal | None) -> str:
    """Names of events that were seen, for a person to group; none is grouped by guessing."""
    if not events or "event" not in events.columns:
        return GROUPS
    counted = Counter(events.seen.values[events.columns["event"].column])
    return f"# seen: {', '.join(name for name, _ in counted.most_common(20))}\n{GROUPS}"


def _found(proposal: Proposal, contract: TableContract, *, off: bool) -> Iterator[str]:
    """The lines of a table; `off` puts a # before each that has none."""
    for line in _found_lines(proposal, contract):
        yield f"#{line}" if off and not line.startswith("#") else line


def _found_lines(proposal: Proposal, contract: TableContract) -> Iterator[str]:
    yield f"  {contract.name}:  # {contract.grain}"
    yield f"    path: {flow(proposal.seen.path)}  # relative to the checkout, or absolute; globs are one table"
    yield "    columns:"
    yield from (_column_line(column, proposal) for column in contract.columns)
    if proposal.group_by:
        yield f"    group_by: {flow(list(proposal.group_by))}  # ? the files hold a row per product of an order"
    if proposal.attributes:
        yield f"    attributes: {flow(proposal.attributes)}  # ? further columns that reports may split by"
    if csv := _csv(proposal):
        yield f"    csv: {flow(csv)}  # ? how the files are written"
    if proposal.unused:
        yield f"    # not used: {', '.join(proposal.unused)}"


def _column_line(column: ContractColumn, proposal: Proposal) -> str:
    guess = proposal.columns.get(column.name)
    if guess:
        return f"      {column.name}: {flow(guess.how or guess.column)}  # {_why(guess)}{_meaning(column)}"
    if column.required:
        there = ", ".join(proposal.unused) or "no other columns"
        return f"      {column.name}: NOT_FOUND  # ? needed: {_meaning(column)}; left are {there}"
    return f"#      {column.name}: …  # {_meaning(column)}"


def _example(contract: TableContract, *, on: bool) -> Iterator[str]:
    off, mark = ("", "? ") if on else ("#", "")
    yield f"{off}  {contract.name}:  # {contract.grain}"
    yield f"{off}    path: data/{contract.name}.parquet  # {mark}Parquet or CSV (also gz), or a glob of them"
    yield f"{off}    columns:"
    for column in contract.columns:
        marked = mark if column.required else ""
        yield f"{off if column.required else '#'}      {column.name}: {column.name}  # {marked}{_meaning(column)}"


def _why(guess: Guess) -> str:
    return f"? {guess.why}: " if guess.why else ""


def _meaning(column: ContractColumn) -> str:
    return column.meaning + ("" if column.required else " (optional)")


def _csv(proposal: Proposal) -> dict[str, str]:
    told = {"encoding": proposal.seen.encoding} if proposal.seen.encoding != "utf-8" else {}
    by_sql = any("sql" in guess.how for guess in proposal.columns.values())
    return told | ({"dateformat": proposal.dateformat} if proposal.dateformat and not by_sql else {})
