"""Sentences about invitations: how many users a user brings, how fast, and whether those brought are worth as much."""

from __future__ import annotations

import pandas as pd

from opsbook.analysis.proportion import Estimate, wilson
from opsbook.analysis.referral import CycleTime
from opsbook.page.says.rows import direction
from opsbook.page.words import Sentence

REFERRAL = "referral"  # the type of campaign whose point is that users bring others
QUALITY = {"difference": "signed_number", "low": "signed_number", "high": "signed_number"}


def shown(cohorts: pd.DataFrame, *, min_cell: int, kind: str) -> pd.DataFrame:
    """The cohorts large enough to be shown; the last row, everybody, only where no small one could be told from it.

    Of a campaign that is not made of invitations none.

    Columns of which nothing is recorded, such as invites, are left out.
    """
    if kind != REFERRAL:
        return cohorts.iloc[:0]
    rows = cohorts[cohorts["users"] >= min_cell].dropna(axis="columns", how="all")
    hidden = len(cohorts) - len(rows)
    return rows.iloc[:-1] if hidden == 1 and len(rows) else rows


def k(cohorts: pd.DataFrame, cycle: CycleTime, *, kind: str) -> Sentence:
    """K of everybody who started during the campaign, and the time an invitation takes."""
    if kind != REFERRAL:
        return Sentence("campaign.referral.not_one")
    whole = cohorts[cohorts["cohort"].isna()]
    if cohorts.empty or whole.empty or not whole["users"].iloc[0]:
        return Sentence("campaign.referral.none")
    row = whole.iloc[0]
    told = {"k": row["k"], "low": row["k_low"], "high": row["k_high"], "n": row["users"], "invitees": row["invitees"]}
    if pd.isna(cycle.median):
        return Sentence("campaign.referral.k", **told)
    days = {"days": cycle.median, "days_low": cycle.low, "days_high": cycle.high, "cycle_n": cycle.n}
    return Sentence("campaign.referral.cycle", **told, **days)


def quality(table: pd.DataFrame, *, min_cell: int, kind: str) -> Sentence | None:
    """Whether invited newcomers come back as often as the others; None where nobody was or should be invited."""
    if kind != REFERRAL or "retained" not in set(table["measure"]):
        return None
    row = table[table["measure"] == "retained"].iloc[0]
    if min(row["invited_users"], row["other_users"]) < min_cell:
        return Sentence("campaign.referral.few")
    told = {"invited": row["invited"], "other": row["other"], "n": row["invited_users"], "others": row["other_users"]}
    told |= {"difference": row["difference"], "low": row["low"], "high": row["high"]}
    case = {"up": "better", "down": "worse"}.get(direction(row["low"], row["high"]), "alike")
    return Sentence(f"campaign.referral.{case}", **told)


def compared(table: pd.DataFrame, *, min_cell: int) -> pd.DataFrame:
    """The measures for reading; none where a group is too small to be shown."""
    small = table.empty or table[["invited_users", "other_users"]].min().min() < min_cell
    return table.iloc[:0] if small else table


def stayed(table: pd.DataFrame) -> Estimate:
    """Share of the invited newcomers who were active on day 7, from `referral.quality`."""
    own = table[table["measure"] == "retained"]
    users = int(own["invited_users"].sum())
    if not users:
        return Estimate(float("nan"), 0.0, 0.0, 0)
    return wilson(round(float(own["invited"].iloc[0]) * users), users)


def price(cost: Estimate, *, kind: str, invited: int) -> Sentence | None:
    """Cost of an invited user who stayed; only a referral campaign pays for invitations."""
    if not invited or kind != REFERRAL:
        return None
    if pd.isna(cost.value):
        return Sentence("campaign.referral.price_unknown")
    return Sentence("campaign.referral.price", value=cost.value, low=cost.low, high=cost.high, n=cost.n)
