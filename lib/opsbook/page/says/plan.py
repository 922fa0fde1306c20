"""Sentences of the campaign plan: can it be measured, what is a realistic goal, what is promised."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from opsbook.analysis.memory import expected, measured
from opsbook.analysis.sizing import BreakEvenLift, smallest
from opsbook.inputs.registration import promised
from opsbook.inputs.run_params import CampaignRun
from opsbook.inputs.segments import Segment
from opsbook.page import words
from opsbook.page.says.memory import elsewhere
from opsbook.page.says.pace import joined
from opsbook.page.says.promised import readable
from opsbook.page.words import Sentence

SIZES = {"control_share": "percent", "explained": "percent", "half_width": "percent", "detectable": "percent"}
METHOD = "two means of unequal groups after CUPED, audience of the past"
RANDOMISED = ("holdout", "ab")
MONEY = ("orders", "revenue")  # metrics whose lift can stand beside one of revenue


def name(campaign: CampaignRun) -> str:
    """The campaign as the reader's language calls it."""
    own = campaign.name_zh if words.language() == "zh" else campaign.name
    return own or campaign.name or campaign.campaign_id


def audience(campaign: CampaignRun, meant: Segment, *, as_of: date) -> Sentence:
    """Whom the numbers are about, and which data they rest on."""
    kind = "rule" if campaign.audience_rule else "active"
    return Sentence(f"plan.audience.{kind}", as_of=as_of, start=campaign.start, end=campaign.end)


def audience_number(sizes: pd.DataFrame) -> dict[str, Any]:
    """Users the campaign is for, on the last day of data."""
    users = int(sizes["users"].iloc[0]) if len(sizes) else None
    return {"key": "audience", "value": users, "n": users, "unit": "users", "method": "exact count"}


def detectable(sizes: pd.DataFrame, *, days: int, planned: float | None) -> dict[str, Any]:
    """The smallest lift that the planned holdout sees."""
    row = _row(sizes, days, planned)
    told = {"value": None, "n": None} if row is None else {"value": row["detectable"], "n": int(row["users"])}
    return {"key": "detectable", "unit": "share", "method": METHOD, **told}


def holdout(sizes: pd.DataFrame, share: float | None, *, days: int) -> dict[str, Any]:
    """Users to hold out for the lift worth having."""
    return {"key": "holdout", "method": METHOD, **_held_out(sizes, share, days)}


def planned_holdout(sizes: pd.DataFrame, planned: float | None, *, days: int) -> dict[str, Any]:
    """Users that the campaign's file holds out; no card where it names no share."""
    held = _held_out(sizes, planned, days)
    return {"key": "planned_holdout", "method": "planned share of the audience", "card": planned is not None, **held}


def _held_out(sizes: pd.DataFrame, share: float | None, days: int) -> dict[str, Any]:
    row = _row(sizes, days, share)
    told = {"value": None, "n": None} if row is None else {"value": int(row["control_users"]), "n": int(row["users"])}
    return {"unit": "users", **told}


def sizes(
    table: pd.DataFrame, share: float | None, *, days: int, worthwhile: float, planned: float | None, power: float
) -> Sentence:
    """The holdout that is needed, beside the planned one."""
    if table[table["days"] == days]["detectable"].notna().sum() == 0:
        return Sentence("plan.sizes.none", days=days)
    told: dict[str, Any] = {"days": days, "worthwhile": worthwhile, "power": power}
    best = table[table["days"] == days]["detectable"].min()
    row = _row(table, days, share)
    if row is None:
        return Sentence("plan.sizes.too_few", best=best, n=int(table["users"].iloc[0]), **told)
    needed = {"share": row["control_share"], "control": int(row["control_users"]), "n": int(row["users"])}
    own = _row(table, days, planned)
    if own is None:
        return Sentence("plan.sizes.needed", **told, **needed)
    told |= {"planned": own["control_share"], "planned_users": int(own["control_users"]), "seen": own["detectable"]}
    if share == own["control_share"]:
        return Sentence("plan.sizes.exact", **told)
    told |= needed
    return Sentence("plan.sizes.enough" if own["detectable"] <= worthwhile else "plan.sizes.more", **told)


def durations(table: pd.DataFrame, *, days: int, worthwhile: float) -> Sentence | None:
    """How the smallest holdout depends on how long is watched; None where the data allow one duration only."""
    spans = sorted(set(table["days"]))
    if len(spans) < 2:
        return None
    parts = [_span(table, span, worthwhile) for span in spans]
    return Sentence("plan.durations", worthwhile=worthwhile, spans=parts)


def planned_exposed(campaign: CampaignRun) -> float | None:
    """Users the plan will show the campaign to."""
    return campaign.plan.level("exposed") if campaign.plan else None


def goals(table: pd.DataFrame, campaign: CampaignRun, *, exposed: float | None) -> Sentence:
    """Which goals lie beyond what the last campaign's rates would bring."""
    if not campaign.goals:
        return Sentence("plan.goals.no_goals")
    if table.empty:
        case = "no_plan" if not exposed else "no_last" if campaign.earlier else "no_earlier"
        return Sentence(f"plan.goals.{case}")
    before = campaign.before
    last = (before.name_zh if words.language() == "zh" else before.name) or before.name or before.campaign_id
    parts = joined([_goal(row) for row in table.to_dict("records")])
    told = {"last": last, "exposed": exposed, "goals": parts, "n": len(table)}
    told |= {"within": int((table["judgement"] != "ambitious").sum())}
    high = [Sentence(f"campaign.goal.{name}") for name in table.loc[table["judgement"] == "ambitious", "metric"]]
    told["unlikely"] = Sentence(f"plan.unlikely.{'some' if high else 'none'}", names=high)
    return Sentence("plan.goals.told", **told)


def pays(found: BreakEvenLift | None, campaign: CampaignRun, sizes: pd.DataFrame, *, days: int) -> Sentence:
    """From which lift the campaign earns its planned cost, beside the lift worth having and the one that is seen."""
    if found is None:
        planned = campaign.budget and campaign.margin
        return Sentence("plan.pays.no_sales", days=days) if planned else Sentence("plan.pays.unplanned")
    told = {**found._asdict(), "days": days, "bar": _bar(found, campaign)}
    told["unseen"] = _unseen(found, sizes, campaign, days)
    return Sentence(f"plan.pays.{'open' if np.isinf(found.high) else 'known'}", **told)


def pays_finding(said: Sentence) -> Sentence | None:
    """From which lift it pays as a finding of the first screen; None where it cannot be told."""
    return said if said.key in ("plan.pays.known", "plan.pays.open") else None


def _bar(found: BreakEvenLift, campaign: CampaignRun) -> Sentence | str:
    """A lift of orders is set beside one of revenue, as with unchanged baskets; days of activity are not."""
    asked = campaign.worthwhile_lift
    if campaign.primary_metric not in MONEY or asked > found.high:
        return ""
    case = "above" if asked < found.low else "near"
    return Sentence(f"plan.pays_bar.{case}", worthwhile=asked, metric=_metric(campaign))


def _unseen(found: BreakEvenLift, sizes: pd.DataFrame, campaign: CampaignRun, days: int) -> Sentence | str:
    """That a lift which just pays may not be seen with the planned holdout, and with which it is; else nothing."""
    planned = _row(sizes, days, campaign.control_share)
    if planned is None or campaign.primary_metric not in MONEY or planned["detectable"] <= found.lift:
        return ""
    told = {"seen": planned["detectable"], "metric": _metric(campaign)}
    share = smallest(sizes, days=days, worthwhile=found.lift)
    if share is None:
        return Sentence("plan.pays_unseen.none", **told)
    return Sentence("plan.pays_unseen.share", share=share, control=_held_out(sizes, share, days)["value"], **told)


def _metric(campaign: CampaignRun) -> Sentence:
    return Sentence(f"campaign.metric.{campaign.primary_metric}")


def before(memory: pd.DataFrame, groups: pd.DataFrame, campaign: CampaignRun) -> Sentence:
    """The typical effect of earlier campaigns beside the lift worth having."""
    metric = Sentence(f"campaign.metric.{campaign.primary_metric}")
    known = measured(memory, metric=campaign.primary_metric)
    group = expected(groups)
    if group is None:
        told = {"reviewed": len(memory), "known": len(known), "metric": metric}
        return Sentence("plan.before.few", elsewhere=elsewhere(memory, metric=campaign.primary_metric), **told)
    kind = Sentence(f"campaign.type.{group['group']}" if group["kind"] == "type" else "campaign.memory.all_types")
    told = {"n": group["campaigns"], "typical": group["typical"], "low": group["low"], "high": group["high"]}
    worth = campaign.worthwhile_lift
    reach = "above" if group["low"] > worth else "below" if group["high"] < worth else "unclear"
    said = Sentence(f"plan.before.{reach}", worthwhile=worth)
    return Sentence("plan.before.typical", kind=kind, metric=metric, against=said, **told)


def promises(campaign: CampaignRun) -> pd.DataFrame:
    """What is promised, for reading: one row per field."""
    rows = [
        [field, _promised(campaign, field, value)]
        for field, value in promised(campaign).items()
        if value not in (None, "", [], {})
    ]
    return pd.DataFrame(rows, columns=["field", "promised"], dtype=object)


def _promised(campaign: CampaignRun, field: str, value: Any) -> Sentence | str:
    """One promise in words; an experiment that is called as its campaign is told by the campaign's name."""
    if field == "experiment_id":
        return name(campaign) if value == campaign.campaign_id else words.named(str(value))
    return readable(field, value)


def promise(campaign: CampaignRun, *, registered_on: date | None) -> Sentence:
    """Since when the promise stands and what the review compares with it; only one made before the first day counts."""
    assert campaign.start
    told = {"metric": Sentence(f"campaign.metric.{campaign.primary_metric}"), "start": campaign.start}
    if registered_on is None:
        return Sentence("plan.promise.open", **told)
    case = "in_time" if registered_on < campaign.start else "late"
    return Sentence(f"plan.promise.{case}", day=registered_on, **told)


def verdict(
    table: pd.DataFrame, share: float | None, campaign: CampaignRun, *, days: int, worthwhile: float, power: float
) -> tuple[str, Sentence]:
    """Whether the campaign can be measured as planned: a status and a sentence."""
    told: dict[str, Any] = {"worthwhile": worthwhile, "metric": _metric(campaign), "power": power}
    if table[table["days"] == days]["detectable"].notna().sum() == 0:
        return "unknown", Sentence("plan.verdict.unknown", days=days)
    if campaign.comparison not in RANDOMISED:
        return "warn", Sentence("plan.verdict.not_randomised", **told)
    fewest = _row(table, days, share)
    if fewest is None:
        return "bad", Sentence("plan.verdict.too_few", n=int(table["users"].iloc[0]), **told)
    own = _row(table, days, campaign.control_share)
    if own is None:
        return "warn", Sentence("plan.verdict.no_share", share=share, **told)
    return _measured(own, fewest, told)


def _measured(own: pd.Series, fewest: pd.Series, told: dict[str, Any]) -> tuple[str, Sentence]:
    """The planned holdout beside the fewest users that see the lift worth having; both: rows of `sizing.sizes`."""
    told |= {"planned": own["control_share"], "seen": own["detectable"], "planned_users": int(own["control_users"])}
    if fewest["control_share"] == own["control_share"]:
        return "good", Sentence("plan.verdict.good", **told)
    told |= {"share": fewest["control_share"], "control": int(fewest["control_users"]), "enough": fewest["detectable"]}
    if own["detectable"] <= told["worthwhile"]:
        return "good", Sentence("plan.verdict.spare", **told)
    return "warn", Sentence("plan.verdict.more", **told)


def standing(status: str, said: Sentence, *, start: date | None, registered_on: date | None) -> tuple[str, Sentence]:
    """The verdict as it is, or for the next campaign of the kind where this one began before its registration."""
    if start is None or registered_on is None or registered_on < start:
        return status, said
    return "neutral", Sentence("plan.verdict.late", start=start, said=said)


def rule(*, days: int, worthwhile: float, power: float) -> Sentence:
    """What the verdict compares."""
    return Sentence("plan.rule", days=days, worthwhile=worthwhile, power=power)


def limits() -> list[Sentence]:
    """What a plan cannot know."""
    return [Sentence(f"plan.limit.{name}") for name in ("season", "drift", "spill")]


def _row(table: pd.DataFrame, days: int, share: float | None) -> pd.Series | None:
    if share is None:
        return None
    own = table[(table["days"] == days) & (table["control_share"] == share) & table["detectable"].notna()]
    return None if own.empty else own.iloc[0]


def _span(table: pd.DataFrame, days: int, worthwhile: float) -> Sentence:
    share = smallest(table, days=days, worthwhile=worthwhile)
    return Sentence("plan.span.none" if share is None else "plan.span.share", days=days, share=share)


def _goal(row: dict[Any, Any]) -> Sentence:
    unit = "money" if row["metric"] == "revenue" else "count"
    told = {name: row[name] for name in ("target", "expected", "low", "high")}
    metric = Sentence(f"campaign.goal.{row['metric']}")
    return Sentence(
        f"plan.goal.{unit}", metric=metric, judgement=Sentence(f"plan.judgement.{row['judgement']}"), **told
    )
