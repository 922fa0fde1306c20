"""Files with a row per product of an order: several lines make one order, and the proposal says how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from opsbook.inputs.proposal import REPEATED, Guess, Proposal

KEYS = ("order_id", "user_id")
TOGETHER: Mapping[str, str] = {"amount": "sum", "discount": "sum", "refunded": "sum", "arrived_at": "max"}
BECAUSE = "several lines make one order"


def joined(proposal: Proposal, *, pieces: str) -> Proposal:
    """The proposal with `group_by` and aggregates where orders repeat; any other one as it is.

    pieces: the column that counts the pieces of a line, by which a price is multiplied; "" = the amount is the line's
    """
    if proposal.table != "orders" or proposal.missing or not _repeats(proposal):
        return proposal
    columns = {
        name: guess if name in KEYS else _aggregate(name, guess, proposal, pieces)
        for name, guess in proposal.columns.items()
    }
    return replace(proposal, columns=columns, group_by=KEYS)


def _repeats(proposal: Proposal) -> bool:
    orders = proposal.seen.values[proposal.columns["order_id"].column]
    return bool(orders) and 1 - len(set(orders)) / len(orders) > REPEATED


def _aggregate(name: str, guess: Guess, proposal: Proposal, pieces: str) -> Guess:
    how = {key: value for key, value in guess.how.items() if key != "column"}
    if "sql" in how:
        return replace(guess, how=how | {"sql": f"min({how['sql']})"}, why=BECAUSE)
    together = TOGETHER.get(name, "min")
    value = _number(guess.column, proposal) if together == "sum" else f'"{guess.column}"'
    if name == "amount" and pieces and "price" in guess.column.lower():
        value = f"{value} * {_number(pieces, proposal)}"
    return Guess(guess.column, {"sql": f"{together}({value})"} | how, BECAUSE)


def _number(column: str, proposal: Proposal) -> str:
    """The column as a number; in CSV files everything is text."""
    return f'CAST("{column}" AS DOUBLE)' if proposal.seen.types[column] == "VARCHAR" else f'"{column}"'
