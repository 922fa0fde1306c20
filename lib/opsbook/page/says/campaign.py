"""Sentences of the campaign review: what was reached, when, by whom, at what cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from opsbook.analysis.money import Amount
from opsbook.analysis.verdict import CAUSAL_GRADES
from opsbook.inputs.campaign import Note
from opsbook.inputs.run_params import CampaignRun
from opsbook.page import words
from opsbook.page.words import Sentence

SHOWN_OTHERS = 6
HOURS = {"value": "whole", "usual": "number", "low": "whole", "high": "whole"}
ATTAINMENT = {"goal_share": "percent"}
PARTICIPATION = dict.fromkeys(("participation", "participation_low", "participation_high"), "percent")
COSTS = {"amount": "money"}
PHASES = {"ratio": "percent"}
RETURNS = dict.fromkeys(("numerator", "numerator_low", "numerator_high", "cost"), "money")
RETURNS |= dict.fromkeys(("roi", "low", "high"), "percent")
GROSS, INCREMENTAL, MARGIN = "gross", "incremental", "margin"


def goals(attained: pd.DataFrame, *, budget: float | None = None) -> Sentence:
    """How many goals of the business were reached and which is furthest behind; a limit of cost stands apart.

    budget: of the campaign; a cost goal of the same amount is called so
    """
    if attained.empty:
        return Sentence("campaign.goals.none")
    costs = is_limit(attained)
    business = _reached(attained[~costs], kind="business" if costs.any() else "all")
    if not costs.any():
        return business
    cost = _cost_goal(attained[costs].iloc[0], budget)
    if costs.all():
        return Sentence("campaign.goals.cost_only", cost=cost)
    return Sentence("campaign.goals.and_cost", business=business, cost=cost)


def is_limit(attained: pd.DataFrame) -> pd.Series:
    """Which goals are the most that may be spent: staying below it is no success of the campaign."""
    return (attained["metric"] == "cost") & (attained["direction"] == "lower")


def used(attained: pd.DataFrame) -> pd.Series:
    """How much of each goal there is: the attainment, and of a cost the share of its target that was spent."""
    return attained["attainment"].mask(is_limit(attained), attained["actual"] / attained["target"])


def _cost_goal(row: pd.Series, budget: float | None) -> Sentence:
    limit = Sentence(f"campaign.goals_limit.{'budget' if row['target'] == budget else 'goal'}")
    if not row["actual"] > 0:
        return Sentence("campaign.goals_cost.nothing", limit=limit)
    case = "within" if row["reached"] else "over"
    return Sentence(f"campaign.goals_cost.{case}", limit=limit, used=row["actual"] / row["target"])


def _reached(attained: pd.DataFrame, *, kind: str) -> Sentence:
    """How many of the goals that can be checked were reached; a single one of the business is called by its name."""
    known = attained[attained["attainment"].notna() | attained["reached"].astype(bool)]
    if known.empty:
        return Sentence("campaign.goals.unknown", n=len(attained))
    n, reached = len(known), int(known["reached"].sum())
    missing = len(attained) - n
    noun = Sentence(f"campaign.goals_{'one' if n == 1 else 'kind'}.{kind}")
    told: dict[str, Any] = {"n": n, "kind": noun, "reached": reached}
    told["unchecked"] = Sentence(f"campaign.goals_unchecked.{'some' if missing else 'none'}", missing=missing)
    only = "_only" if n == len(attained) == 1 else ""
    if reached == n:
        return Sentence(f"campaign.goals{only}.{'reached' if only else 'all'}", goal=_goal(known), **told)
    behind = known[~known["reached"].astype(bool)].sort_values("attainment", kind="stable")
    told |= {"worst": _goal(behind), "attainment": behind["attainment"].iloc[0]}
    return Sentence(f"campaign.goals{only}.{'some' if reached else 'missed'}", **told)


def _goal(table: pd.DataFrame) -> Sentence:
    return Sentence(f"campaign.goal.{table['metric'].iloc[0]}")


def how_goals(attained: pd.DataFrame, overall: float) -> Sentence:
    """How to read the goals, and how they weigh in the one attainment of all of them."""
    known = attained.dropna(subset=["attainment"])
    if known.empty:
        return Sentence("campaign.how.goals")
    weights = [
        Sentence("campaign.goal_weight", goal=Sentence(f"campaign.goal.{metric}"), weight=weight)
        for metric, weight in zip(known["metric"], known["weight"], strict=True)
    ]
    return Sentence("campaign.how.goals_weighted", overall=overall, weights=weights)


def goal_table(attained: pd.DataFrame) -> pd.DataFrame:
    """The goals for reading: each is called by whom it counts; of a cost stands what of it was used."""
    shares = attained.assign(attainment=used(attained))
    return shares.rename(columns={"metric": "goal", "attainment": "goal_share"})


def phases(totals: pd.DataFrame, *, metric: str) -> Sentence:
    """The campaign as a whole, and the days after, against the weekdays before; a description, not an effect.

    totals: `phase_curve.phase_totals` of `phase_curve.whole_campaign`
    """
    named = Sentence(f"campaign.metric.{metric}")
    rows = totals.set_index("phase")
    if "campaign" not in rows.index or pd.isna(rows.at["campaign", "ratio"]):
        return Sentence("campaign.phases.no_baseline", metric=named)
    during = rows.loc["campaign"]
    change = during["ratio"] - 1
    if during["actual"] > during["high"]:
        after = rows.loc["after"] if "after" in rows.index else None
        if after is not None and after["actual"] < after["low"]:
            return Sentence("campaign.phases.up_then_dip", metric=named, change=change, after=after["ratio"] - 1)
        steady = Sentence(f"campaign.phases_after.{'none' if after is None else 'steady'}")
        return Sentence("campaign.phases.up", metric=named, change=change, after=steady)
    branch = "down" if during["actual"] < during["low"] else "unclear"
    return Sentence(f"campaign.phases.{branch}", metric=named, change=change)


def peak_hours(table: pd.DataFrame, *, event: str | None) -> Sentence | None:
    """The highest day and its highest hour, and when it stood furthest above the usual; None without a day."""
    if table.empty:
        return None
    top = table.iloc[int(table["value"].argmax())]
    told = {"what": Sentence(f"campaign.peak.{'orders' if event else 'events'}"), "total": table["value"].sum()}
    told |= {"day": top["day"], "hour": _hour(top["hour"]), "value": top["value"]}
    if pd.isna(top["usual"]) or not table["usual"].sum() > 0:
        return Sentence("campaign.peak.alone", **told)
    told |= {"ratio": table["value"].sum() / table["usual"].sum(), "days": int(top["usual_days"])}
    apart = table.iloc[int((table["value"] - table["usual"]).argmax())]
    return Sentence("campaign.peak.usual", extra=_hour(apart["hour"]), more=apart["value"] - apart["usual"], **told)


def others(run: CampaignRun, *, festivals: bool) -> Sentence:
    """Which other campaigns of the company ran in the days shown; festivals: of `season.marked`."""
    if not run.others:
        return Sentence(f"campaign.others.none{'_festivals' if festivals else ''}")
    own = [str((o.name_zh if words.language() == "zh" else None) or o.name or o.campaign_id) for o in run.others]
    inside = sum(o.start <= run.end and o.end >= run.start for o in run.others if run.start and run.end)
    case = "many" if len(own) > SHOWN_OTHERS else "some"
    return Sentence(f"campaign.others.{case}", n=len(own), names=own[:SHOWN_OTHERS], inside=inside)


def _hour(hour: float) -> str:
    return f"{int(hour):02}:00"


def phase_totals() -> Sentence:
    """What the table of phases is, and is not."""
    return Sentence("campaign.phases.totals")


def funnel(table: pd.DataFrame) -> Sentence:
    """The share that went the whole way and the step before which most are lost; open windows apart."""
    if table.empty:
        return Sentence("campaign.funnel.no_path")
    entered, young = int(table["users"].iloc[0]), int(table["incomplete"].iloc[0])
    if not entered:
        return Sentence("campaign.funnel.young", n=young) if young else Sentence("campaign.funnel.empty")
    later = table.iloc[1:]
    if later.empty:
        return Sentence("campaign.funnel.one_step", n=entered)
    worst = later.sort_values(["lost", "step"], ascending=[False, True]).iloc[0]
    fields = {
        "n": entered,
        "last": table["share_of_entry"].iloc[-1],
        "step": event(worst["event"]),
        "lost": 1 - worst["share_of_previous"],
    }
    if young:
        return Sentence("campaign.funnel.loss_young", young=young, **fields)
    return Sentence("campaign.funnel.loss", **fields)


def walked(table: pd.DataFrame) -> pd.DataFrame:
    """The steps of a funnel for reading; none where nobody entered it, so that no row of zeros is shown."""
    return table if table[["users", "incomplete"]].to_numpy().any() else table.iloc[:0]


def of_participants(table: pd.DataFrame, reach: pd.DataFrame) -> pd.DataFrame:
    """A table about who took part; no row where nobody did, such as in a test that is shown without a record.

    reach: `audience.participation` for all
    """
    return table if reach["participants"].sum() else table.iloc[:0]


def event(name: str) -> Sentence | str:
    """The reader's word for a step of the campaign's own path; a company's event keeps its name."""
    return Sentence(f"campaign.event.{name}") if name in ("exposed", "participated", "converted") else name


def participants(reach: pd.DataFrame, new_users: int, *, min_cell: int) -> Sentence:
    """How many took part, out of how many who were shown it; those new or unrecorded only where they may be counted.

    reach: `audience.participation` for all
    """
    if reach.empty or not reach["participants"].sum():
        return Sentence("campaign.participants.nobody")
    row = reach.iloc[0]
    if not row["exposed"]:
        return Sentence("campaign.participants.no_exposure", participants=row["participants"])
    names = {"rate": "participation", "low": "participation_low", "high": "participation_high"}
    fields = {name: row[column] for name, column in names.items()}
    joined = round(row["participation"] * row["exposed"])
    fields |= {"joined": joined, "exposed": row["exposed"]}
    fields["unseen"] = _unseen(int(row["participants"] - joined), min_cell=min_cell)
    if new_users < min_cell:
        return Sentence("campaign.participants.rate", **fields)
    return Sentence("campaign.participants.rate_new", new=new_users / row["members"], **fields)


def _unseen(users: int, *, min_cell: int) -> Sentence:
    case = "none" if not users else "few" if users < min_cell else "some"
    return Sentence(f"campaign.participants_unseen.{case}", n=users, least=min_cell)


def channels(participation: pd.DataFrame) -> Sentence:
    """The channels with the highest and the lowest participation, if their intervals stay apart."""
    known = participation.dropna(subset=["participation"]).sort_values("participation", kind="stable")
    if known.empty:
        return Sentence("campaign.channels.none")
    if len(known) == 1:
        return Sentence("campaign.channels.one")
    worst, best = known.iloc[0], known.iloc[-1]
    fields = {"best_share": best["participation"], "worst_share": worst["participation"]}
    if worst["participation_high"] >= best["participation_low"]:
        return Sentence("campaign.channels.alike", **fields)
    return Sentence("campaign.channels.differ", best=group(best["group"]), worst=group(worst["group"]), **fields)


def group(name: str) -> Sentence | str:
    """The reader's word for the pooled or unknown group; a company's channel keeps its name."""
    return Sentence(f"campaign.group.{name}") if name in ("other", "unknown") else name


def ledger(table: pd.DataFrame, *, budget: float | None) -> Sentence:
    """What the campaign cost, against its budget where one is written down."""
    if table.empty:
        return Sentence("campaign.ledger.nothing")
    kinds = table.groupby("kind")["amount"].sum().sort_values(ascending=False, kind="stable")
    total = float(table["amount"].sum())
    fields = {"total": total, "kind": Sentence(f"campaign.kind.{kinds.index[0]}"), "share": kinds.iloc[0] / total}
    if not budget:
        return Sentence("campaign.ledger.plain", **fields)
    if total > budget:
        return Sentence("campaign.ledger.over", over=total - budget, budget=budget, **fields)
    return Sentence("campaign.ledger.within", spent=total / budget, budget=budget, **fields)


def returns(table: pd.DataFrame, *, grade: str) -> Sentence:
    """Whether it pays, as far as the evidence allows: without grade A or B only the gross line may be read."""
    lines = table.set_index("line")
    gross, incremental, margin = (lines.loc[name] for name in (GROSS, INCREMENTAL, MARGIN))
    if pd.isna(gross["roi"]):
        return Sentence("campaign.roi.no_cost")
    if pd.isna(incremental["roi"]) or grade not in CAUSAL_GRADES:
        return Sentence("campaign.roi.gross_only", gross=gross["roi"])
    if pd.isna(margin["roi"]):
        fields = {"incremental": incremental["roi"], "low": incremental["low"], "high": incremental["high"]}
        return Sentence("campaign.roi.no_margin", **fields)
    told = {"margin": net_roi(margin["roi"], cost=margin["cost"]), "low": margin["low"], "high": margin["high"]}
    return Sentence(f"campaign.roi.{_pays(margin)}", **told)


def net_roi(value: float, *, cost: float) -> Sentence:
    """The net return as a share of the cost, and the money it comes to; more than the cost is lost where margin is."""
    told = {"roi": value, "gained": abs(value) * cost, "cost": cost}
    if value < -1:
        return Sentence("campaign.net_roi.loss_beyond", **told, margin_lost=(-1 - value) * cost)
    return Sentence(f"campaign.net_roi.{'gain' if value >= 0 else 'loss'}", **told)


def price(each: Amount, increment: Amount, *, cost: float) -> Sentence:
    """Cost of one incremental order, where there surely are any.

    each: `money.cost_per_increment` of the increment; cost: all that is booked
    """
    if pd.isna(increment.value):
        return Sentence("campaign.price.none")
    if not cost > 0:
        return Sentence("campaign.price.free")
    return (
        Sentence("campaign.price.unknown")
        if pd.isna(each.value)
        else Sentence("campaign.price.known", **each._asdict())
    )


def written(lessons: Sequence[Note], decisions: Sequence[Note]) -> pd.DataFrame:
    """What people typed into the campaign file, one row per line -- note (lesson, decision), text, owner, due.

    Columns of which nobody wrote anything are left out.
    """
    rows = [("lesson", *_note(note)) for note in lessons] + [("decision", *_note(note)) for note in decisions]
    table = pd.DataFrame(rows, columns=["note", "text", "owner", "due"]).astype({"due": "datetime64[ns]"})
    empty = {"owner": not table["owner"].ne("").any(), "due": table["due"].isna().all()}
    return table.drop(columns=[name for name, nothing in empty.items() if nothing])


def lessons(written: pd.DataFrame) -> Sentence:
    """How many lessons and decisions people wrote down."""
    return Sentence("campaign.lessons.some", n=len(written)) if len(written) else Sentence("campaign.lessons.none")


def _note(note: Note) -> tuple[str, str, pd.Timestamp | None]:
    return note.text, note.owner, pd.Timestamp(note.due) if note.due else None


def _pays(margin: pd.Series) -> str:
    if margin["roi"] >= 0:
        return "pays" if margin["low"] >= 0 else "likely_pays"
    return "loses" if margin["high"] < 0 else "likely_loses"
