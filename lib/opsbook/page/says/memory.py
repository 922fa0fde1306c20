"""Sentences of the campaign review about campaigns before it: the typical effect, where this one stands, the order."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opsbook.analysis.memory import expected, measured, standing
from opsbook.page import words
from opsbook.page.told import told_column
from opsbook.page.words import Sentence

SHOWN = [
    "rank",
    "campaign",
    "type",
    "start",
    "conclusion",
    "evidence",
    "effect",
    "shrunk",
    "attainment",
    "cost",
    "net_roi",
]
FORMATS = {"rank": "whole", "start": "date", "attainment": "percent", "cost": "money", "shrunk": "signed_percent",
           "net_roi": "signed_percent"}  # fmt: skip
TYPICAL = dict.fromkeys(("typical", "low", "high", "new_low", "new_high"), "signed_percent") | {"p_differ": "pvalue"}


def before(earlier: pd.DataFrame, this: pd.DataFrame, groups: pd.DataFrame) -> Sentence:
    """What earlier campaigns did, and where this one stands among them.

    earlier, this: `analysis.memory.row`; groups: `analysis.memory.typical`
    """
    metric = str(this["primary_metric"].iloc[0])
    if earlier.empty:
        return Sentence("campaign.memory.none")
    known = measured(earlier, metric=metric)
    told: dict[str, Any] = {
        "reviewed": len(earlier),
        "known": len(known),
        "metric": Sentence(f"campaign.metric.{metric}"),
    }
    group = expected(groups)
    told |= {"elsewhere": elsewhere(earlier, metric=metric)}
    if known.empty:
        return Sentence("campaign.memory.unknown", **told)
    if group is None:
        last = known.iloc[-1]
        told |= {"name": name(last), "effect": last["relative"], "low": last["low"], "high": last["high"]}
        return Sentence("campaign.memory.few", **told)
    told.pop("elsewhere")
    told |= {"kind": _kind(group), "typical": group["typical"], "low": group["low"], "high": group["high"]}
    told |= {"new_low": group["new_low"], "new_high": group["new_high"], "n": group["campaigns"]}
    if pd.isna(group["new_low"]):
        return Sentence("campaign.memory.average", **told)
    return Sentence("campaign.memory.typical", **told, this=_this(this, group))


def elsewhere(earlier: pd.DataFrame, *, metric: str) -> Sentence | str:
    """Which campaigns have an effect that can be read, of another metric; empty where there are none."""
    names = [name for name in dict.fromkeys(earlier["primary_metric"]) if name != metric]
    others = pd.concat([measured(earlier, metric=name) for name in names] or [earlier.iloc[:0]])
    if others.empty:
        return ""
    told = {"n": len(others), "grades": sorted(set(others["grade"])), "metric": Sentence(f"campaign.metric.{metric}")}
    measures = [Sentence(f"campaign.metric.{name}") for name in dict.fromkeys(others["primary_metric"])]
    return Sentence("campaign.memory_elsewhere", measures=measures, **told)


def order(table: pd.DataFrame) -> Sentence:
    """The first and the last of the campaigns whose effect is known.

    table: `analysis.memory.ranked`
    """
    known = table[table["rank"].notna()]
    if len(known) < 2:
        return Sentence("campaign.memory.unranked", n=len(known), reviewed=len(table))
    best, worst = known.iloc[0], known.iloc[-1]
    told = {"best": name(best), "best_effect": best["shrunk"], "worst": name(worst), "worst_effect": worst["shrunk"]}
    apart = best["shrunk_low"] > worst["shrunk_high"]
    return Sentence(f"campaign.memory.{'ranked' if apart else 'alike'}", n=len(known), reviewed=len(table), **told)


def kept(this: pd.DataFrame) -> Sentence:
    """What this review leaves in the memory of campaigns: `analysis.memory.row`."""
    row = this.iloc[0]
    told = {"conclusion": Sentence(f"common.conclusion.{row['conclusion']}"), "grade": row["grade"]}
    if pd.isna(row["relative"]):
        return Sentence("campaign.memory.kept_no_effect", **told)
    return Sentence("campaign.memory.kept", relative=row["relative"], **told)


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """The memory for reading: one row per campaign in the order of the effect."""
    kinds = told_column(
        table["type"], (words.find(f"campaign.type.{kind}") or kind for kind in table["type"]), like=table
    )
    named = told_column(table["campaign_id"], (name(row) for _place, row in table.iterrows()), like=table)
    lifts = pd.Series([_lift(row) for row in table.to_dict("records")], index=table.index, dtype=object)
    told = table.assign(campaign=named, type=kinds, evidence=table["grade"], effect=lifts, net_roi=table["roi"])
    told["cost"] = told["cost"].where(told["cost"] > 0)  # nothing booked is not a cost of nothing
    return told[SHOWN]


def groups_shown(groups: pd.DataFrame) -> pd.DataFrame:
    """Typical effects for reading: groups by their names."""
    named = (_kind(row) if row["kind"] != "channel" else row["group"] for _at, row in groups.iterrows())
    return groups.assign(group=told_column(groups["group"], named, like=groups))


def name(row: pd.Series) -> str:
    """The campaign as the reader's language calls it."""
    own = row["name_zh"] if words.language() == "zh" else row["name"]
    return str(own or row["name"] or row["campaign_id"])


def _lift(row: dict[Any, Any]) -> Sentence | None:
    if pd.isna(row["relative"]):
        return None
    told = {"value": row["relative"], "low": row["relative_low"], "high": row["relative_high"]}
    return Sentence("campaign.memory.lift", **told)


def _kind(group: pd.Series) -> Sentence:
    return Sentence(f"campaign.type.{group['group']}" if group["kind"] == "type" else "campaign.memory.all_types")


def _this(this: pd.DataFrame, group: pd.Series) -> Sentence:
    own = this.iloc[0]
    told = {"effect": own["relative"], "low": own["relative_low"], "high": own["relative_high"]}
    return Sentence(f"campaign.memory.this_{standing(this, group)}", **told)


def how(expected: pd.Series | None) -> str:
    """How to read the chart: the grey band is explained where there is one."""
    banded = expected is not None and pd.notna(expected["new_low"])
    return "campaign.how.memory" if banded else "campaign.how.memory_alone"
