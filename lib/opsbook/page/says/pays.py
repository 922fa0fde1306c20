"""Sentences about whether it paid: buyers anyway, the price of one more, payback, margins, coupons."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from opsbook.analysis.margins import BreakEven
from opsbook.analysis.paid_back import PaidBack
from opsbook.analysis.verdict import CAUSAL_GRADES
from opsbook.page.says.channels import budgets_of, no_cost
from opsbook.page.says.rows import direction
from opsbook.page.told import told_column
from opsbook.page.words import Sentence

ANYWAY = dict.fromkeys(["bought", "anyway", "anyway_low", "anyway_high", "extra", "extra_low", "extra_high"], "whole")
PRICES = dict.fromkeys(["price", "price_low", "price_high"], "money")
PRICES |= dict.fromkeys(["increment", "increment_low", "increment_high"], "whole")
EARNED = dict.fromkeys(["earned", "low", "high", "cost"], "money")
MARGINS = dict.fromkeys(["roi", "low", "high"], "signed_percent")
COUPONS = dict.fromkeys(["share", "low", "high"], "percent") | {"amount": "money"}


def anyway(buyers: pd.DataFrame, *, grade: str, days_since_end: int, after_days: int) -> Sentence:
    """Whether more of the treated bought, during the campaign and with the days after, and how many would have anyway.

    after_days: to be watched after the end; days_since_end: of the data, so that no day is told that was not counted
    """
    own = buyers[buyers["window"] == "during"]
    if own.empty or grade not in CAUSAL_GRADES:
        return Sentence("campaign.pays.anyway_none")
    row = own.iloc[0]
    during = Sentence(f"campaign.anyway_during.{direction(row['extra_low'], row['extra_high'])}", **_extra(row))
    later: Sentence | str = ""
    if min(after_days, days_since_end) > 0:
        net = buyers[buyers["window"] == "net"].iloc[0]
        later = Sentence(f"campaign.anyway_net.{direction(net['extra_low'], net['extra_high'])}", **_extra(net))
    named = ("bought", "anyway", "anyway_low", "anyway_high", "share_anyway", "control_users")
    told = {name: row[name] for name in named} | {"users": row["treated_users"]}
    base = Sentence(f"campaign.anyway_base.{'part' if row['extra'] > 0 else 'control'}", **told)
    return Sentence("campaign.pays.anyway", during=during, later=later, base=base)


def _extra(row: pd.Series) -> dict[str, float]:
    return {"extra": row["extra"], "low": row["extra_low"], "high": row["extra_high"]}


def prices(table: pd.DataFrame, *, grade: str) -> Sentence | None:
    """What one more buyer cost; None without a comparison or cost."""
    if table.empty or grade not in CAUSAL_GRADES:
        return None
    row = table[table["unit"] == "buyer"].iloc[0]
    told = {"value": row["price"], "low": row["price_low"], "high": row["price_high"]}
    return Sentence(f"campaign.pays.price_{row['case']}", **(told if row["case"] == "known" else _least(row)))


def paid_back(back: PaidBack, curve: pd.DataFrame, *, grade: str, margin: float | None) -> Sentence | None:
    """By when the cost was earned; None without a comparison."""
    if grade not in CAUSAL_GRADES:
        return None
    if back.case == "none":
        return Sentence(f"campaign.pays.back_{'no_margin' if margin is None else 'none'}")
    last = curve.iloc[-1]
    told = {"earned": last["earned"], "low": last["low"], "high": last["high"], "cost": last["cost"]}
    told |= {"until": last["day"], "margin": margin}
    days = {"known": {"day": back.day, "first": back.first, "last": back.last}, "likely": {"day": back.day}}
    return Sentence(f"campaign.pays.back_{back.case}", **told, **days.get(back.case, {}))


def margins(even: BreakEven, *, margin: float | None, grade: str) -> Sentence | None:
    """The margin at which it breaks even; None without a comparison."""
    if grade not in CAUSAL_GRADES or even.case == "no_cost":
        return None
    if even.case != "known":
        return Sentence(f"campaign.pays.even_{even.case}", **({"low": even.low} if even.case == "open" else {}))
    told = {"value": even.value, "low": even.low, "high": even.high}
    if even.low > 1:
        return Sentence("campaign.pays.even_never", **told)
    if margin is None:
        return Sentence("campaign.pays.even", **told)
    side = "above" if margin >= even.high else "below" if margin < even.low else "within"
    return Sentence(f"campaign.pays.even_{side}", margin=margin, **told)


def if_spent(
    returns: pd.DataFrame, missing: Mapping[str, float], *, grade: str, budget: float | None = None
) -> Sentence | None:
    """What the net return comes to if channels without a booked cost spent their budget; None where all is booked.

    returns: `money.returns`; missing: `says.channels.unbooked`; budget: of the campaign, told where it is then broken
    """
    row = returns.set_index("line").loc["margin"]
    if not missing:
        return None
    if grade not in CAUSAL_GRADES or pd.isna(row["roi"]):
        return no_cost(missing)
    cost = row["cost"] + sum(missing.values())
    roi = (row["numerator"] + row["cost"] - cost) / cost
    over: Sentence | str = ""
    if budget and row["cost"] <= budget < cost:
        over = Sentence("campaign.unbooked_over", cost=cost, used=cost / budget)
    return Sentence("campaign.unbooked.roi", channels=budgets_of(missing), roi=roi, booked=row["roi"], over=over)


def buyers_table(buyers: pd.DataFrame, *, days_since_end: int, after_days: int) -> pd.DataFrame:
    """The buyers for reading: where there are no extra ones, nobody is told to have bought anyway, who did not buy.

    Without a day after the campaign there is no row that counts such days.
    """
    shown = buyers if min(after_days, days_since_end) > 0 else buyers[buyers["window"] == "during"]
    columns = ["anyway", "anyway_low", "anyway_high", "share_anyway"]
    return shown.assign(**{name: shown[name].where(shown["extra"] > 0) for name in columns})


def price_table(prices: pd.DataFrame) -> pd.DataFrame:
    """What each more buyer and order cost, for reading: the case stands only where a price is not known."""
    told = [None if case == "known" else case for case in prices["case"]]
    names = told_column(prices["unit"], (Sentence(f"campaign.unit.{unit}") for unit in prices["unit"]), like=prices)
    return prices.rename(columns={"unit": "priced"}).assign(
        priced=names, case=pd.Series(told, prices.index, dtype=object)
    )


def coupons(table: pd.DataFrame, *, issue_events: object) -> Sentence:
    """What became of the coupons given out."""
    states = table.set_index("state")
    if table.empty:
        return Sentence("campaign.pays.coupons_none")
    redeemed = states.loc["redeemed"]
    told = {"redeemed": redeemed["coupons"], "amount": redeemed["amount"]}
    if "issued" not in states.index:
        return Sentence(f"campaign.pays.coupons_{'odd' if issue_events else 'redeemed'}", **told)
    told |= {"issued": states.at["issued", "coupons"], "share": redeemed["share"], "low": redeemed["low"]}
    told |= {"high": redeemed["high"], "rest": table["coupons"].iloc[-1]}
    return Sentence(f"campaign.pays.coupons_{table['state'].iloc[-1]}", **told)


def _least(row: pd.Series) -> dict[str, float]:
    return {"low": row["price_low"]} if row["case"] == "open" else {}


def margins_how(table: pd.DataFrame, even: BreakEven) -> str:
    """How to read the chart: the campaign's own margin and the break-even margin are explained where they are drawn."""
    own = bool(table["given"].any())
    if even.case == "known" and even.value <= 1:
        return "campaign.how.margins" if own else "campaign.how.margins_even"
    return "campaign.how.margins_dot" if own else "campaign.how.margins_plain"
