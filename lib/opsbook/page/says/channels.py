"""Sentences about channels: what they delivered, what a user who stayed cost, and whether money should move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from opsbook.analysis.response import Move
from opsbook.page.words import Sentence

DELIVERED = {"share_of_plan": "percent", "budget": "money", "cost": "money"}
DELIVERED |= dict.fromkeys((f"cost_per_participant{end}" for end in ("", "_low", "_high")), "money")
CAC = {"cost": "money"} | {f"{name}cac{end}": "money" for name in ("", "effective_") for end in ("", "_low", "_high")}
SITE = {"new_users": "site_new_users"}
RESPONSE = dict.fromkeys(["cost", "average"], "money")


def shown(delivered: pd.DataFrame, *, min_cell: int) -> pd.DataFrame:
    """The channels large enough to be shown (participants, or users shown)."""
    size = delivered["exposed"].fillna(delivered["participants"])
    return delivered[size >= min_cell].reset_index(drop=True)


def delivered(table: pd.DataFrame) -> Sentence | None:
    """The channel furthest behind its plan; None where no channel delivered anything."""
    planned = table.dropna(subset=["share_of_plan"]).sort_values("share_of_plan", kind="stable")
    if table.empty:
        return None
    if planned.empty:
        return Sentence("campaign.channels_why.no_plan", n=len(table))
    worst = planned.iloc[0]
    told = {"channel": group(worst["channel"]), "share": worst["share_of_plan"], "exposed": worst["exposed"]}
    told |= {"planned": worst["planned_exposed"], "n": len(planned)}
    return Sentence(f"campaign.channels_why.{'behind' if worst['share_of_plan'] < 1 else 'delivered'}", **told)


def cac(table: pd.DataFrame, *, booked: pd.DataFrame | None = None) -> Sentence:
    """The dearest and the cheapest channel by cost per new user who came and stayed, if their intervals stay apart.

    booked: `money.ledger` of a company without a table of costs: what is booked is no advertising
    """
    if booked is not None:
        return _no_media(booked)
    if table.empty:
        return Sentence("campaign.channels_why.no_cost")
    known = table.dropna(subset=["effective_cac"]).sort_values("effective_cac", kind="stable")
    if len(known) < 2:
        return Sentence("campaign.channels_why.cac_unknown")
    best, worst = known.iloc[0], known.iloc[-1]
    told = {"best": group(best["channel"]), "worst": group(worst["channel"]), "n": int(known["new_users"].sum())}
    for name, row in (("best", best), ("worst", worst)):
        told |= {f"{name}_cac": row["effective_cac"], f"{name}_low": row["effective_cac_low"]}
        told |= {f"{name}_high": row["effective_cac_high"]}
    apart = best["effective_cac_high"] < worst["effective_cac_low"]
    return Sentence(f"campaign.channels_why.{'cac_differ' if apart else 'cac_alike'}", **told)


def _no_media(booked: pd.DataFrame) -> Sentence:
    """That no advertising cost is recorded, and what the cost of the campaign is instead."""
    paid = booked[booked["amount"] > 0]
    if paid.empty:
        return Sentence("campaign.channels_why.no_media")
    kinds = [Sentence(f"campaign.kind.{kind}") for kind in dict.fromkeys(paid["kind"])]
    return Sentence("campaign.channels_why.no_media_but", amount=float(paid["amount"].sum()), kinds=kinds)


def marginal(table: pd.DataFrame) -> Sentence | None:
    """Whether the last tenth of any channel's money brought clearly less; None where nothing was spent."""
    if table.empty:
        return None
    known = table[table["case"] != "cannot_tell"]
    falling = known[known["case"] == "falling"].sort_values("elasticity", kind="stable")
    told: dict[str, Any] = {"n": len(known), "channels": len(table)}
    if known.empty:
        return Sentence("campaign.channels_why.marginal_unknown", channels=len(table))
    if falling.empty:
        return Sentence("campaign.channels_why.marginal_flat", **told)
    row = falling.iloc[0]
    told |= {"channel": group(row["channel"]), "marginal": row["marginal"], "low": row["marginal_low"]}
    told |= {"high": row["marginal_high"], "average": row["average"], "days": row["days"]}
    return Sentence("campaign.channels_why.marginal_falling", **told)


def unbooked(budgets: Mapping[str, float | None], ledger: pd.DataFrame) -> dict[str, float]:
    """Channels with a budget of which no cost is booked; ledger: `money.ledger`."""
    booked = set(ledger.loc[ledger["kind"] == "media", "detail"])
    return {name: budget for name, budget in budgets.items() if budget and name not in booked}


def no_cost(missing: Mapping[str, float]) -> Sentence | None:
    """That money was planned for a channel and none booked; missing: `unbooked`."""
    return Sentence("campaign.unbooked.some", channels=budgets_of(missing)) if missing else None


def budgets_of(missing: Mapping[str, float]) -> list[Sentence]:
    """Each channel with its budget."""
    return [Sentence("campaign.unbooked_channel", channel=group(name), budget=missing[name]) for name in missing]


def cac_table(table: pd.DataFrame) -> pd.DataFrame:
    """The cost of new users for reading: those counted are all of the company, not the campaign's own."""
    return table.rename(columns=SITE)


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The fits for reading, value and interval in one cell; the word for each comes first."""
    rows = table.to_dict("records")
    told = table[["channel", "case", "days", "cost", "new_users", "average"]]
    elasticity: list[Any] = [_cell("number", row, "elasticity") for row in rows]
    marginal: list[Any] = [_cell("money", row, "marginal") for row in rows]
    told = told.rename(columns=SITE)
    return told.assign(elasticity=elasticity, marginal=marginal).astype({"elasticity": object, "marginal": object})


def move(found: Move, responses: pd.DataFrame, *, suspects: Sentence | None = None) -> Sentence | None:
    """Whether a tenth of one channel's money would do more in another, and how sure that is.

    suspects: of `says.abnormal.newcomers`; new users who are mostly suspected are no measure of a channel
    """
    if responses.empty:
        return None
    if suspects is not None:
        return Sentence("campaign.channels_why.move_suspects")
    if found.case == "none":
        return Sentence("campaign.channels_why.move_none")
    told: dict[str, Any] = {
        "source": group(found.source),
        "target": group(found.target),
        "amount": found.amount,
        "gain": found.gain,
    }
    told |= {"low": found.low, "high": found.high, "chance": found.probability, "pairs": found.pairs}
    told |= {"days": responses.set_index("channel").at[found.source, "days"]}
    return Sentence(f"campaign.channels_why.move_{found.case}", **told)


def _cell(unit: str, row: Mapping[Any, Any], column: str) -> Sentence | None:
    value, low, high = (row[f"{column}{end}"] for end in ("", "_low", "_high"))
    return None if pd.isna(value) else Sentence(f"campaign.channel_cell.{unit}", value=value, low=low, high=high)


def group(name: str) -> Sentence | str:
    """The reader's word for pooled, unplanned or unknown channels; a company's channel keeps its name."""
    return Sentence(f"campaign.channels_why.group.{name}") if name in ("other", "unknown", "unplanned", "all") else name
