"""Sentences of “Compared with whom?”: other estimates, arms, looks, checks, placebos, balance and forecasts.

Each returns None where the campaign has no such comparison: then the page shows nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from opsbook.analysis.estimates import agree
from opsbook.analysis.experiment import SHARES
from opsbook.analysis.looks import once
from opsbook.analysis.verdict import ADJUSTED, CAUSAL_GRADES, CLAIM_CHECKS, QUASI, RANDOMISED
from opsbook.analysis.weighting import WORST_GAP
from opsbook.page.words import Sentence

RELATIVE = dict.fromkeys(("relative", "relative_low", "relative_high"), "signed_percent")
INFORMATION = {"share_spent": "percent", "share_peeking": "percent"}
WIDTH = {"share_width": "percent"}
WEIGHT = {"weight": "percent"}
CHANCES = {"share_better": "chance", "share_worthwhile": "chance"}
VARIANTS = ["variant", "users", "mean", "control", "difference", "low", "high", "p_holm"]
ALPHA = 0.05
EVEN = 0.001
SURE = 0.001  # chances nearer to 0 or 1 than this are not told to the digit: the prior is not known so well


def named(comparison: str) -> Sentence:
    """The comparison as the report calls it."""
    return Sentence(f"campaign.comparison.{comparison}")


def how_effect(comparison: str) -> str:
    """Which how-to-read line belongs under the chart of the effect."""
    return "campaign.how.effect" if comparison in (*RANDOMISED, "before_after") else f"campaign.how_effect.{comparison}"


def how_estimates(comparison: str) -> str:
    """Which how-to-read line belongs under the estimates side by side."""
    return f"campaign.how.estimates{'' if comparison in RANDOMISED else '_unlotted'}"


def checks(table: pd.DataFrame, *, comparison: str) -> Sentence | None:
    """Whether a comparison without a lot may be read: what failed, what could not be tried, or that all passed."""
    if table.empty:
        return Sentence("campaign.compared.impossible") if comparison in (*QUASI, *ADJUSTED) else None
    fields = {"comparison": named(comparison), "n": len(table)}
    for outcome in ("failed", "untested"):
        names = table.loc[table["outcome"] == outcome, "check"]
        gates = [name for name in names if name not in CLAIM_CHECKS] if outcome == "failed" else list(names)
        if gates:
            return Sentence(f"campaign.compared.{outcome}", checks=_checks(gates), **fields)
    claims = table.loc[table["outcome"] == "failed", "check"]
    if len(claims):
        return Sentence("campaign.compared.claim", checks=_checks(list(claims)), **fields)
    return Sentence(f"campaign.compared.{'adjusted' if comparison in ADJUSTED else 'passed'}", **fields)


def estimates(table: pd.DataFrame, *, metric: str) -> Sentence | None:
    """Whether the estimates side by side say the same."""
    if table.empty:
        return None
    fields = {"n": len(table), "low": table["difference"].min(), "high": table["difference"].max()}
    return Sentence(f"campaign.estimates.{agree(table)}", metric=_metric(metric), **fields)


def variants(
    table: pd.DataFrame, best: str, *, primary: Sequence[str], metric: str, level: float = 0.95
) -> Sentence | None:
    """Which arm is best, when it separates from all the others; else which arms beat the control, or that none does."""
    if table.empty:
        return None
    clear = table[table["p_holm"] <= 1 - level + 1e-12]  # as written, 1 - 0.95 is a hair less than 0.05
    fields = {"metric": _metric(metric), "n": len(table)}
    read = (
        Sentence("campaign.variants.primary", arms=list(primary)) if primary else Sentence("campaign.variants.pooled")
    )
    if best:
        row = table[table["variant"] == best].iloc[0]
        said = {"best": best, "difference": row["difference"], "low": row["low"], "high": row["high"]}
        return Sentence("campaign.variants.best", read=read, **said, **fields)
    if clear.empty:
        return Sentence("campaign.variants.none", read=read, **fields)
    moved = [Sentence("campaign.variants.arm", arm=arm, difference=value) for arm, value in
             zip(clear["variant"], clear["difference"], strict=True)]  # fmt: skip
    return Sentence("campaign.variants.some", arms=moved, read=read, **fields)


def looks(table: pd.DataFrame, *, monitoring: str) -> Sentence | None:
    """How often the campaign was looked at and what this look must cross; nothing for a single look at the end."""
    if table.empty or once(table):
        return None
    last = table.iloc[-1]
    fields = {"n": len(table), "share": last["share_information"], "boundary": last["boundary"]}
    if pd.isna(last["boundary"]):
        return Sentence("campaign.looks.unknown", n=len(table), share=last["share_information"])
    if len(table) == 1:
        return Sentence(f"campaign.looks.{monitoring}_first", **fields)
    return Sentence(f"campaign.looks.{monitoring}", peeking=last["share_peeking"], **fields)


def bayes(table: pd.DataFrame, *, grade: str, metric: str) -> Sentence | None:
    """The chance that the treated do better, and what a wrong choice costs; only where the grade allows an effect."""
    if table.empty or grade not in CAUSAL_GRADES or pd.isna(table["share_better"].iloc[0]):
        return None
    row = table.iloc[0]
    if not SURE < row["share_better"] < 1 - SURE:
        side = "better" if row["share_better"] > 0.5 else "worse"
        told = {"sure": 1 - SURE, "worthwhile": min(max(row["share_worthwhile"], SURE), 1 - SURE)}
        return Sentence(f"campaign.bayes.{side}", metric=_metric(metric), prior=_size(row["prior_sd"], metric), **told)
    told = {"better": row["share_better"], "worthwhile": row["share_worthwhile"]}
    told |= {name: _size(row[column], metric) for name, column in (("prior", "prior_sd"), ("loss", "expected_loss"))}
    return Sentence("campaign.bayes.read", metric=_metric(metric), **told)


def _size(value: float, metric: str) -> Sentence:
    """A change of a share in points, of anything else per user."""
    return Sentence(f"campaign.bayes_size.{'points' if metric in SHARES else 'number'}", value=value)


def placebo_dates(table: pd.DataFrame, *, metric: str) -> Sentence | None:
    """What the same comparison finds on dates without a campaign."""
    if table.empty:
        return None
    found = int((table["p_holm"] < ALPHA).sum())
    fields = {"n": len(table), "metric": _metric(metric), "largest": table["difference"].abs().max()}
    return Sentence(f"campaign.placebo_dates.{'some' if found else 'none'}", found=found, **fields)


def path(table: pd.DataFrame, increments: pd.DataFrame, *, metric: str) -> Sentence | None:
    """The treated units against what the others foretell: how well before the start, and how far apart since."""
    if table.empty:
        return None
    before = table[table["window"] == "before"]
    error = float(((before["actual"] - before["expected"]) ** 2).mean() ** 0.5 / before["actual"].mean())
    fields = {"weeks": len(before), "error": error, "metric": _metric(metric)}
    net = increments[(increments["metric"] == metric) & (increments["window"] == "net")]
    if net.empty:
        return Sentence("campaign.units_path.broken", **fields)
    told = {"low": net["relative_low"].iloc[0], "high": net["relative_high"].iloc[0]}
    return Sentence("campaign.units_path.shown", net=net["relative"].iloc[0], **told, **fields)


def donors(table: pd.DataFrame) -> Sentence | None:
    """Of which units the comparison is made; nothing where all of them weigh the same."""
    if table.empty or table["weight"].max() - table["weight"].min() < EVEN:
        return None
    first = table.iloc[0]
    return Sentence("campaign.donors.shown", n=len(table), unit=str(first["unit"]), weight=first["weight"])


def placebo_units(table: pd.DataFrame) -> Sentence | None:
    """Where the treated units stand among units that never had the campaign."""
    others = table[~table["is_treated"].astype(bool)]
    if others.empty:
        return None
    own = float(table.loc[table["is_treated"].astype(bool), "difference"].iloc[0])
    larger = int((others["difference"].abs() >= abs(own)).sum())
    return Sentence("campaign.placebo_units.shown", n=len(others), larger=larger)


def balance(table: pd.DataFrame) -> Sentence | None:
    """How far the groups were apart before, without weights and with them."""
    if table.empty:
        return None
    before, after = (float(table[name].abs().max()) for name in ("gap_before", "gap_after"))
    branch = "even" if after <= WORST_GAP else "uneven"
    return Sentence(f"campaign.balance.{branch}", n=len(table), before=before, after=max(after, EVEN))


def interrupted(table: pd.DataFrame, *, comparison: str, metric: str) -> Sentence | None:
    """The days of the campaign against their forecast; never an effect."""
    if comparison != "before_after":
        return None
    row = table[table["metric"] == (metric if metric in set(table["metric"]) else "orders")]
    if row.empty:
        return Sentence("campaign.foretold.none")
    found = row.iloc[0]
    clear = found["relative_low"] > 0 or found["relative_high"] < 0
    fields = {"relative": found["relative"], "low": found["relative_low"], "high": found["relative_high"]}
    named = _metric(str(found["metric"]))
    return Sentence(f"campaign.foretold.{'clear' if clear else 'unclear'}", metric=named, n=found["checks"], **fields)


def _metric(name: str) -> Sentence:
    return Sentence(f"campaign.metric.{name}")


def _checks(names: Sequence[str]) -> list[Sentence]:
    return [Sentence(f"campaign.check_name.{name}") for name in names]
