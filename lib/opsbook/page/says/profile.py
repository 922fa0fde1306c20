"""Sentences about who a group of users is: the attributes that stand out, the behaviour, and clusters nobody named."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd

from opsbook.analysis.clusters import LEVEL, STABLE, Clusters
from opsbook.page import words
from opsbook.page.words import Sentence

CLEAR = 0.05
LITTLE = 0.2  # standard deviations: a small difference by Cohen
TGI_FORMATS = dict.fromkeys(["tgi", "tgi_low", "tgi_high"], "number") | {"p": "pvalue", "p_bh": "pvalue"}
TESTED = {"p": "pvalue", "p_bh": "pvalue"}


def attributes(table: pd.DataFrame, *, group: Any, n: int, against: str, min_cell: int = 10) -> Sentence:
    """The value that is most over-represented and the one most under-represented, after correcting for the search."""
    told: dict[str, Any] = {"group": group, "n": n}
    if table.empty and n < min_cell:
        return Sentence("lifecycle.profile.few", group=group)
    if table.empty:
        return Sentence("lifecycle.profile.none", **told)
    told["compared"] = int(table["tested"].iloc[0])
    clear = table[table["p_bh"] < CLEAR]
    high, low = (clear[side].sort_values("tgi") for side in (clear["tgi"] > 100, clear["tgi"] < 100))
    base = Sentence(f"lifecycle.against.{against}")
    case = "both" if len(high) and len(low) else "high" if len(high) else "low" if len(low) else "even"
    for name, rows, place in (("high", high, -1), ("low", low, 0)):
        if case in (name, "both"):
            told |= _named(name, rows.iloc[place])
    return Sentence(f"lifecycle.profile.{case}", against=base, **told)


def behaviours(table: pd.DataFrame, *, group: Any, counted: Collection[str] = ()) -> Sentence:
    """The behaviour in which the group lies farthest from everybody else, if possible one its rule does not count."""
    clear = table[table["p_bh"] < CLEAR] if len(table) else table
    if table.empty:
        return Sentence("lifecycle.behaviours.few", group=group)
    told: dict[str, Any] = {"group": group, "compared": int(table["tested"].iloc[0])}
    if clear.empty:
        return Sentence("lifecycle.behaviours.even", **told)
    news = clear[~clear["behaviour"].isin(counted)]
    apart = "some" if len(news) and len(news) < len(clear) else "none"
    told["apart"] = Sentence(f"lifecycle.behaviours_apart.{apart}")
    told_of = news if len(news) else clear
    top = told_of.loc[told_of["standardised"].abs().idxmax()]
    told |= {"behaviour": Sentence(f"lifecycle.behaviour.{top['behaviour']}"), "d": abs(top["standardised"])}
    ends = sorted(abs(top[f"standardised_{end}"]) for end in ("low", "high"))
    told |= {"low": ends[0], "high": ends[1], "mean": top["mean_group"], "rest": top["mean_rest"]}
    told |= {"n": top["own_users"], "clear": len(clear), "own": len(clear) - len(news)}
    side = "more" if top["standardised"] > 0 else "less"
    return Sentence(f"lifecycle.behaviours.{'little' if told['d'] < LITTLE else side}", **told)


def clusters(found: Clusters) -> Sentence:
    """How many clusters hold and what tells each, or why none does."""
    told: dict[str, Any] = {"n": found.sampled_users, "agreement": found.agreement}
    if not found.sampled_users:
        return Sentence("lifecycle.clusters.off")
    if found.k:
        firsts = found.table.drop_duplicates("cluster").to_dict("records")
        parts = [
            Sentence("lifecycle.clusters.part", name=cluster_name(found.table, row["cluster"]), share=row["share"])
            for row in firsts
        ]
        return Sentence("lifecycle.clusters.found", k=found.k, parts=parts, **told)
    if pd.isna(found.agreement):
        return Sentence("lifecycle.clusters.few", n=found.sampled_users)
    if found.agreement < STABLE:
        return Sentence("lifecycle.clusters.unstable", **told)
    return Sentence("lifecycle.clusters.one_cloud", p=found.p, level=LEVEL, **told)


def cluster_name(table: pd.DataFrame, cluster: int) -> Sentence:
    """A cluster named by the two behaviours that tell it from everybody else most."""
    rows = table[(table["cluster"] == cluster) & table["standardised"].notna()]
    top = rows.reindex(rows["standardised"].abs().sort_values(ascending=False, kind="stable").index).head(2)
    traits = [
        Sentence(f"lifecycle.trait.{'more' if row['standardised'] > 0 else 'less'}", feature=feature(row["feature"]))
        for row in top.to_dict("records")
    ]
    return Sentence("lifecycle.clusters.name", cluster=cluster, traits=traits)


def feature(name: str) -> Sentence | str:
    """A behaviour in words: the catalogue's, else the company's own event group."""
    key = f"lifecycle.behaviour.{name}"
    return Sentence(key) if key in words.catalogue("en") else words.readable(name)


def attribute(name: str) -> Sentence | str:
    """An attribute in words: the catalogue's, else the column's own name."""
    key = f"lifecycle.attribute.{name}"
    return Sentence(key) if key in words.catalogue("en") else words.readable(name)


def value(name: str, *, pooled: bool) -> Sentence | str:
    """A value of an attribute in words; a pool is named after its largest member."""
    key = f"common.{name}"
    own = Sentence(key) if key in words.catalogue("en") else name
    return Sentence("lifecycle.profile.with_others", value=own) if pooled else own


def _named(side: str, row: pd.Series) -> dict[str, Any]:
    told = {"attribute": attribute(row["attribute"]), "value": value(row["value"], pooled=bool(row["pooled"]))}
    told |= {"tgi": row["tgi"], "low": row["tgi_low"], "high": row["tgi_high"], "share": row["share_group"]}
    told |= {"base": row["share_comparison"], "users": row["own_users"]}
    return {f"{side}_{name}": given for name, given in told.items()}
