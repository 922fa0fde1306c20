"""What campaigns of this kind have done before: the typical effect, where this one stands, and the order of all.

Only effects of evidence grade A or B, read over the whole after-period, are effects here; the others are listed, not
averaged. Effects are relative net lifts of one primary metric, so that campaigns of different size can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from opsbook.analysis.pooling import pooled, shrunken
from opsbook.analysis.verdict import CAUSAL_GRADES, Evidence, Verdict
from opsbook.inputs.memory import typed

METHOD = "random effects (Paule-Mandel, Hartung-Knapp) over earlier campaigns"
TYPICAL = ["kind", "group", "campaigns", "typical", "low", "high", "new_low", "new_high", "p_differ"]
ENOUGH, FORESEEN = 3, 5  # with fewer, an average and a prediction are wider than anything a campaign can do
RANKED = ["rank", "shrunk", "shrunk_low", "shrunk_high"]


def row(
    told: Mapping[str, Any],
    facts: Evidence,
    decision: Verdict,
    *,
    net: pd.DataFrame,
    returns: pd.DataFrame,
    reviewed_through: date,
) -> pd.DataFrame:
    """What is kept of one review.

    told:    company, campaign_id, name, name_zh, type, channels (list), start, end, comparison, primary_metric,
             attainment (0-1), participants (users)
    net:     `incrementality.ledger` of the primary metric; empty without a comparison; returns: `money.returns`
    returns: one row -- company, campaign_id, …, start, end, reviewed_through (days), after_complete, conclusion, rule,
             grade, users (treated), relative (net lift as a share of the comparison) and total (over all treated) with
             their intervals, participants, attainment, cost (currency), roi (of margin) with interval

    >>> from opsbook.analysis.money import NOTHING_KNOWN, returns
    >>> told = {"company": "shop", "campaign_id": "spring", "type": "coupon", "channels": ["ads", "app"],
    ...         "start": date(2026, 3, 1), "end": date(2026, 3, 10), "primary_metric": "revenue", "participants": 800}
    >>> money = returns(gross_revenue=9000, incremental=NOTHING_KNOWN, margin=0.3, cost=500)
    >>> kept = row(told, Evidence("none"), Verdict("adjust", "no_comparison", "D"), net=pd.DataFrame(), returns=money,
    ...            reviewed_through=date(2026, 4, 7))
    >>> print(kept[["campaign_id", "channels", "grade", "participants", "relative", "cost"]].to_string(index=False))
    campaign_id channels grade  participants  relative  cost
         spring  ads|app     D         800.0       NaN 500.0
    """
    last = net[net["window"] == "net"] if len(net) else net
    money = returns.set_index("line").loc["margin"]
    found = dict(told) | {"channels": "|".join(told["channels"])}
    found |= dict(zip(("relative", "relative_low", "relative_high"), facts.net_relative, strict=True))
    found |= {name: float(last[name].iloc[0]) for name in ("total", "total_low", "total_high") if len(last)}
    found |= {"users": float(last["treated_users"].iloc[0])} if len(last) else {}
    found |= {"cost": money["cost"], "roi": money["roi"], "roi_low": money["low"], "roi_high": money["high"]}
    found |= {"conclusion": decision.conclusion, "rule": decision.rule, "grade": decision.grade}
    found |= {"after_complete": facts.after_complete and facts.ended, "reviewed_through": reviewed_through}
    return typed(pd.DataFrame([found]))


def joined(earlier: pd.DataFrame, this: pd.DataFrame) -> pd.DataFrame:
    """The memory with this campaign in it, whether or not it was kept before.

    >>> earlier = typed(pd.DataFrame({"campaign_id": ["spring", "summer"], "grade": ["C", "B"]}))
    >>> again = typed(pd.DataFrame({"campaign_id": ["spring"], "grade": ["A"]}))
    >>> print(joined(earlier, again)[["campaign_id", "grade"]].to_string(index=False))
    campaign_id grade
         summer     B
         spring     A
    """
    others = earlier[earlier["campaign_id"] != this["campaign_id"].iloc[0]]
    return typed(pd.concat([others, this], ignore_index=True)) if len(others) else this.reset_index(drop=True)


def planned(campaign: Any) -> pd.DataFrame:
    """A campaign that has not begun, as a row without results: its type, channels and metric are known.

    >>> from types import SimpleNamespace
    >>> autumn = SimpleNamespace(campaign_id="autumn", type="coupon", start=date(2026, 9, 1), end=date(2026, 9, 7),
    ...                          primary_metric="revenue", channels=("ads", "app"))
    >>> print(planned(autumn)[["campaign_id", "type", "start", "channels", "relative"]].to_string(index=False))
    campaign_id   type      start channels  relative
         autumn coupon 2026-09-01  ads|app       NaN
    """
    names = ("campaign_id", "type", "start", "end", "primary_metric")
    told = {name: getattr(campaign, name) for name in names} | {"channels": "|".join(campaign.channels)}
    return typed(pd.DataFrame([told]))


def measured(memory: pd.DataFrame, *, metric: str) -> pd.DataFrame:
    """The campaigns whose effect on the metric is known, with it as value, low, high.

    >>> memory = typed(pd.DataFrame({"campaign_id": ["a", "b", "c"], "grade": ["A", "C", "A"], "after_complete": True,
    ...                              "primary_metric": ["revenue", "revenue", "orders"], "relative": [0.1, 0.3, 0.2],
    ...                              "relative_low": [0.0, 0.2, 0.1], "relative_high": [0.2, 0.4, 0.3]}))
    >>> print(measured(memory, metric="revenue")[["campaign_id", "value", "low", "high"]].to_string(index=False))
    campaign_id  value  low  high
              a    0.1  0.0   0.2
    """
    sure = memory["grade"].isin(CAUSAL_GRADES) & memory["after_complete"] & (memory["primary_metric"] == metric)
    own = memory[sure & np.isfinite(memory["relative_low"]) & np.isfinite(memory["relative_high"])]
    return own.assign(value=own["relative"], low=own["relative_low"], high=own["relative_high"])


def typical(earlier: pd.DataFrame, this: pd.DataFrame) -> pd.DataFrame:
    """The typical effect of earlier campaigns of the same type, through the same channel, and of all.

    earlier, this: rows as from `row`
    returns: one row per group -- kind (type, channel, all), group (its name), campaigns (effects known), typical with
             low and high, new_low and new_high (where the effect of a further one should lie), p_differ (chance of so
             much spread if all were equal); missing with fewer than three effects, new_ with fewer than five

    >>> lift = pd.Series([0.05, 0.10, 0.15, 0.10])
    >>> earlier = pd.DataFrame({"relative": lift, "relative_low": lift - 0.04, "relative_high": lift + 0.04,
    ...                         "campaign_id": list("abcd"), "type": ["coupon"] * 3 + ["gift"], "channels": "ads"})
    >>> earlier = typed(earlier.assign(grade="A", after_complete=True, primary_metric="revenue"))
    >>> this = typed(pd.DataFrame({"primary_metric": ["revenue"], "type": "gift", "channels": "ads|app"}))
    >>> columns = ["kind", "group", "campaigns", "typical", "low", "high"]
    >>> print(typical(earlier, this)[columns].round(3).to_string(index=False))
       kind group  campaigns  typical   low  high
       type  gift          1      NaN   NaN   NaN
    channel   ads          4      0.1 0.035 0.165
    channel   app          0      NaN   NaN   NaN
        all   all          4      0.1 0.035 0.165
    """
    own = this.iloc[0]
    known = measured(earlier, metric=str(own["primary_metric"]))
    groups = [("type", str(own["type"]), known["type"] == own["type"])]
    groups += [("channel", name, _through(known, name)) for name in str(own["channels"]).split("|") if name]
    groups.append(("all", "all", pd.Series(data=True, index=known.index)))
    rows = [[kind, name, *_pooled(known[chosen.astype(bool)])] for kind, name, chosen in groups]
    return pd.DataFrame(rows, columns=TYPICAL)


def expected(groups: pd.DataFrame) -> pd.Series | None:
    """The group that says most of the next campaign: its type, else all; None where neither has enough effects.

    >>> groups = pd.DataFrame({"kind": ["type", "channel", "all"], "group": ["gift", "ads", "all"],
    ...                        "campaigns": [1, 4, 4], "typical": [float("nan"), 0.12, 0.1]})
    >>> expected(groups)["group"], expected(groups.iloc[:2])
    ('all', None)
    """
    known = groups[groups["kind"].isin(["type", "all"]) & groups["typical"].notna()]
    return None if known.empty else known.iloc[0]


def standing(this: pd.DataFrame, group: pd.Series | None) -> str:
    """Where this effect stands in what was to be expected: above, below, within, or unknown.

    >>> this = typed(pd.DataFrame({"grade": ["A"], "after_complete": True, "primary_metric": "revenue", "relative": 0.4,
    ...                            "relative_low": 0.3, "relative_high": 0.5}))
    >>> group = pd.Series({"new_low": -0.05, "new_high": 0.25})
    >>> standing(this, group), standing(this.assign(relative_low=0.1), group), standing(this, None)
    ('above', 'within', 'unknown')
    """
    own = this.iloc[0]
    if group is None or pd.isna(group["new_low"]) or measured(this, metric=str(own["primary_metric"])).empty:
        return "unknown"
    if own["relative_low"] > group["new_high"]:
        return "above"
    return "below" if own["relative_high"] < group["new_low"] else "within"


def ranked(memory: pd.DataFrame, *, metric: str) -> pd.DataFrame:
    """All campaigns, those with a known effect first and in its order, each drawn towards the others.

    returns: the rows of memory -- with rank (missing where the effect is not known) and shrunk with its interval

    >>> memory = typed(pd.DataFrame({"campaign_id": ["a", "b", "c"], "grade": ["A", "D", "B"], "after_complete": True,
    ...                              "primary_metric": "revenue", "relative": [0.1, 0.9, 0.3],
    ...                              "relative_low": [0.0, 0.8, 0.2], "relative_high": [0.2, 1.0, 0.4]}))
    >>> found = ranked(memory, metric="revenue")
    >>> print(found[["campaign_id", "grade", "relative", "rank", "shrunk"]].round(2).to_string(index=False))
    campaign_id grade  relative  rank  shrunk
              c     B       0.3   1.0     0.3
              a     A       0.1   2.0     0.1
              b     D       0.9   NaN     NaN
    """
    known = measured(memory, metric=metric)
    drawn = shrunken(known)[RANKED[1:]] if len(known) else pd.DataFrame(columns=RANKED[1:], dtype="float64")
    table = memory.drop(columns=RANKED, errors="ignore").join(drawn)
    table["rank"] = table["shrunk"].rank(ascending=False, method="min")
    return table.sort_values(["rank", "start", "campaign_id"], na_position="last", ignore_index=True)


def _through(known: pd.DataFrame, channel: str) -> pd.Series:
    return known["channels"].map(lambda names: channel in names.split("|"))


def _pooled(effects: pd.DataFrame) -> list[float]:
    if len(effects) < ENOUGH:
        return [len(effects), *[float("nan")] * 6]
    found = pooled(effects)
    ahead = [max(found.new_low, -1.0), found.new_high] if len(effects) >= FORESEEN else [float("nan")] * 2
    return [len(effects), *found.typical[:3], *ahead, found.p_differ]
