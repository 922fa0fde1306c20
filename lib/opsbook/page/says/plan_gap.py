"""Sentences of the campaign review about its plan: how far from it, which part of the funnel, which channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from opsbook.analysis.plan_gap import ALL, BY_RATES, DELIVERY, WHOLE, total
from opsbook.analysis.verdict import RANDOMISED
from opsbook.page.told import Told, told_column
from opsbook.page.words import Sentence

TERMS = ("plan_gap", "product_metric", "exposure_channel")
LEADS = 0.95  # in so many of the redrawn campaigns the part must be the largest before it is called so
HALF = 0.5
KINDS = {"revenue": "money"}
RATES = ("participation", "conversion")
OFFER = (*RATES, "frequency", "value")  # what the offer itself moves
FORMATS = {"plan_share": "percent", "first": "chance"}
SUMS = (WHOLE, BY_RATES, "exposed", "participants", "mix")
Row = Mapping[Any, Any]


def reason(levels: Sequence[str], *, planned: bool, ended: bool) -> str:
    """Why there is nothing to split: no_plan, no_table, running; empty where there is."""
    if not planned:
        return "no_plan"
    if not levels:
        return "no_table"
    return "" if ended else "running"


def gap(parts: pd.DataFrame, *, levels: Sequence[str], missing: str, steps: pd.DataFrame | None = None) -> Sentence:
    """How far from the plan, and which part is behind it where one clearly is; else that nobody can tell.

    parts: `plan_gap.gap`; missing: `reason`; steps: `plan_gap.steps`, by which the part is told in its own unit
    """
    if missing:
        return Sentence(f"campaign.plan_gap.{missing}")
    planned, actual, net = total(parts)
    kind, whole = KINDS.get(levels[-1], "count"), _rows(parts, WHOLE)
    told: dict[str, Any] = {"metric": Sentence(f"campaign.plan_metric.{levels[-1]}"), "actual": _amount(kind, actual)}
    told |= {"planned": _amount(kind, planned), "net": _part(kind, whole)}
    if not _clear(whole):
        return Sentence("campaign.plan_gap.unclear", **told, parts=_clear_parts(parts, kind))
    told |= {"size": _amount(kind, abs(net)), "share": abs(net) / planned}
    case = "above" if net > 0 else "below"
    return Sentence(f"campaign.plan_gap.{case}", **told, why=_why(parts, kind, case, steps))


def weakest(parts: pd.DataFrame, steps: pd.DataFrame) -> Sentence | None:
    """The step of the offer that fell furthest behind its plan, if any clearly did; who was shown it is another matter.

    parts: `plan_gap.gap`; steps: `plan_gap.steps`
    """
    rows = [row for row in moving(parts).to_dict("records") if row["factor"] in OFFER and row["high"] <= -HALF]
    behind = steps[steps["actual"] < steps["planned"]]  # over all channels: their mix may hide what each of them did
    short = [row for row in rows if row["factor"] in set(behind["step"])]
    if not short:
        return None
    factor = min(short, key=lambda row: row["part"])["factor"]
    own = behind[behind["step"] == factor].iloc[0]
    told = {name: _shown(factor, own[name]) for name in ("actual", "planned")}
    return Sentence("campaign.next_where.factor", factor=_short(factor), **told)


def finding(goals: Sentence, gap: Sentence, *, missing: str) -> Sentence:
    """The finding of the first screen: the goals and, where it can be split, what is behind the gap to the plan."""
    return goals if missing else Sentence("campaign.plan_gap.finding", goals=goals, gap=gap)


def channels(parts: pd.DataFrame, *, levels: Sequence[str], missing: str) -> Sentence:
    """The channel furthest from its plan, if that is clear, with the largest part within it."""
    apart = parts[(parts["channel"] != ALL)]
    if missing:
        return Sentence(f"campaign.plan_gap.{missing}")
    if apart.empty:
        return Sentence("campaign.plan_channels.none")
    kind, gaps = KINDS.get(levels[-1], "count"), apart[apart["factor"] == WHOLE]
    clear = gaps[[_clear(row) for row in gaps.to_dict("records")]]
    if clear.empty:
        return Sentence("campaign.plan_channels.unclear", n=len(gaps))
    row = clear.loc[clear["part"].abs().idxmax()].to_dict()
    own = apart[(apart["channel"] == row["channel"]) & ~apart["factor"].isin(SUMS)]
    same = own[own["part"] * row["part"] > 0]
    most = same.loc[same["part"].abs().idxmax()].to_dict()
    told = {"channel": channel(row["channel"]), "net": _part(kind, row), "factor": _short(most["factor"])}
    return Sentence("campaign.plan_channels.known", **told, part=_part(kind, most))


def audience(table: pd.DataFrame, *, min_cell: int, comparison: str = "") -> Sentence:
    """How much of the audience was shown the campaign, and how many outside it.

    table: `targeting.targeted`; comparison: of the campaign, a control group drawn by lot is not to be shown it
    """
    if table.empty:
        return Sentence("campaign.audience.none")
    row = table.iloc[0]
    if row["audience"] < min_cell:
        return Sentence("campaign.audience.few", n=row["audience"])
    if pd.isna(row["shown"]):
        return Sentence("campaign.audience.hidden", n=row["audience"], least=min_cell)
    told = {"n": row["audience"], "share": row["share_shown"], "low": row["share_shown_low"]}
    told |= {"high": row["share_shown_high"], "outside": row["share_outside"]}
    held = Sentence(f"campaign.audience_held.{'some' if comparison in RANDOMISED else 'none'}")
    return Sentence("campaign.audience.known", **told, held=held)


def guardrails(table: pd.DataFrame) -> Sentence:
    """Which guardrails were broken, which held, and of which nobody can tell whether they were, with their interval.

    table: `guardrail.check`
    """
    if table.empty:
        return Sentence("campaign.guardrails.none")
    unknown = (table["outcome"] == "cannot_tell") & table["relative_low"].isna()
    cases = table["outcome"].mask((table["outcome"] == "cannot_tell") & ~unknown, "open")
    names = {case: [_metric(name) for name in table.loc[cases == case, "metric"]] for case in ("broken", "held")}
    names["cannot_tell"] = [_metric(name) for name in table.loc[unknown, "metric"]]
    parts = [Sentence(f"campaign.guardrails.{case}", names=own) for case, own in names.items() if own]
    parts += [_open(row) for row in table[cases == "open"].to_dict("records")]
    return Sentence("campaign.guardrails.some", parts=parts)


def _open(row: Row) -> Sentence:
    told = {"value": row["relative"], "low": row["relative_low"], "high": row["relative_high"]}
    return Sentence("campaign.guardrails.open", metric=_metric(row["metric"]), **told)


def _metric(name: str) -> Sentence:
    return Sentence(f"campaign.metric.{name}")


def step_table(steps: pd.DataFrame) -> pd.DataFrame:
    """The funnel for reading: plan, actual with its interval, and attainment, each in the unit of its step."""
    rows = [
        {
            "step": Told(row["step"], Sentence(f"campaign.plan_step.{row['step']}")),
            **{name: Told(row[name], _shown(row["step"], row[name])) for name in ("planned", "actual", "low", "high")},
            "plan_share": row["attainment"],
        }
        for row in steps.to_dict("records")
    ]
    return pd.DataFrame(rows, columns=["step", "planned", "actual", "low", "high", "plan_share"])


def steps(table: pd.DataFrame, *, missing: str, goals: pd.DataFrame | None = None, min_cell: int = 10) -> Sentence:
    """What the table of steps holds; and of a running campaign, that the plan is for the whole of it.

    table: `plan_gap.steps`; goals: `attainment.attained`, whose participants may be others than the funnel's
    """
    if table.empty:
        return Sentence(f"campaign.plan_gap.{missing or 'no_table'}")
    apart = Sentence("campaign.plan_why.nothing") if goals is None else _beside_goal(table, goals, min_cell)
    return Sentence(f"campaign.plan_steps.{'running' if missing == 'running' else 'heading'}", apart=apart)


def _beside_goal(table: pd.DataFrame, goals: pd.DataFrame, min_cell: int) -> Sentence:
    """Why participants stand on one page with two rates: the goal is not the funnel's product, or counts others too."""
    own, goal = _participants(table, "step"), _participants(goals, "metric")
    if not own or not goal or (_same(own["planned"], goal["target"]) and _same(own["actual"], goal["actual"])):
        return Sentence("campaign.plan_why.nothing")
    told, rest = {"target": goal["target"], "planned": own["planned"]}, goal["actual"] - own["actual"]
    if rest < HALF:
        return Sentence("campaign.plan_apart.product", **told)
    if rest < min_cell:
        return Sentence("campaign.plan_apart.left_out_few", **told, least=min_cell)
    counts = {"all": goal["actual"], "counted": own["actual"], "rest": rest}
    return Sentence("campaign.plan_apart.left_out", **told, **counts)


def _participants(table: pd.DataFrame, column: str) -> Row:
    rows = table[table[column] == "participants"].to_dict("records")
    return rows[0] if rows else {}


def _same(one: float, other: float) -> bool:
    return abs(one - other) < HALF


def channel_table(parts: pd.DataFrame, both: pd.DataFrame, *, levels: Sequence[str]) -> pd.DataFrame:
    """For reading: one row per channel, its users and its figure against plan, and the gap in two parts.

    parts: `plan_gap.gap`; both: `delivery.together`
    """
    apart = parts[parts["channel"] != ALL]
    if apart.empty:
        return pd.DataFrame(columns=["channel"])
    kind, size = KINDS.get(levels[-1], "count"), levels[0]
    users = both.set_index("channel")[[f"planned_{size}", size]].fillna(0).round().astype("int64")
    users.columns = pd.Index(["planned_users", "users"])
    cells = [_part(f"{kind}_cell", row) for row in apart.to_dict("records")]
    wide = apart.assign(part=pd.Series(cells, index=apart.index, dtype=object)).pivot(
        index="channel", columns="factor", values="part"
    )
    shown = wide[[WHOLE, DELIVERY] + ([BY_RATES] if len(levels) > 1 else [])].add_prefix("part_")
    table = users.join(shown).rename_axis("channel").reset_index()
    return table.assign(channel=told_column(table["channel"], map(channel, table["channel"]), like=table))


def moving(parts: pd.DataFrame) -> pd.DataFrame:
    """The parts over all channels in the order of the funnel, without those that cannot move."""
    whole = parts[(parts["channel"] == ALL) & (parts["factor"] != WHOLE)]
    return whole[(whole[["part", "low", "high"]].fillna(1) != 0).any(axis=1)]


def is_clear(low: Any, high: Any) -> Any:
    """Whether an interval lies beyond zero by more than rounding to whole users or units of money could hide."""
    return (low >= HALF) | (high <= -HALF)


def channel(name: str) -> str | Sentence:
    """A channel as the company calls it; the pools in words."""
    return Sentence(f"campaign.plan_channel.{name}") if name in ("other", "unplanned", "unknown", ALL) else name


def _why(parts: pd.DataFrame, kind: str, case: str, steps: pd.DataFrame | None) -> Sentence:
    sign = 1 if case == "above" else -1
    rows = [row for row in moving(parts).to_dict("records") if _clear(row)]
    with_gap = sorted((r for r in rows if r["part"] * sign > 0), key=lambda r: -abs(r["part"]))
    against = _against([row for row in rows if row["part"] * sign < 0], kind)
    if not with_gap:
        return Sentence("campaign.plan_why.cannot_tell", against=against)
    lead = with_gap[0]
    if lead["first"] >= LEADS:
        away = _away(lead["factor"], steps)
        said = Sentence(f"campaign.plan_{case}.{lead['factor']}", part=_part(kind, lead), away=away)
        return Sentence("campaign.plan_why.one", said=said, others=_others(with_gap[1:], kind), against=against)
    if len(with_gap) == 1:
        said = _named(lead, kind)
        return Sentence("campaign.plan_why.not_first", said=said, against=against)
    return Sentence("campaign.plan_why.several", parts=[_named(row, kind) for row in with_gap], against=against)


def _away(factor: str, steps: pd.DataFrame | None) -> Sentence:
    """How far a step of the funnel lies from its plan, in its own unit; nothing for the mix of channels."""
    own = [] if steps is None else steps[steps["step"] == factor].to_dict("records")
    if not own:
        return Sentence("campaign.plan_why.nothing")
    told: dict[str, Any] = {name: _shown(factor, own[0][name]) for name in ("actual", "planned")}
    if factor not in RATES:
        return Sentence("campaign.plan_away.amount", **told)
    return Sentence("campaign.plan_away.share", size=abs(own[0]["actual"] - own[0]["planned"]), **told)


def _others(rows: Sequence[Row], kind: str) -> Sentence:
    if not rows:
        return Sentence("campaign.plan_why.nothing")
    return Sentence("campaign.plan_why.others", parts=[_named(row, kind) for row in rows])


def _against(rows: Sequence[Row], kind: str) -> Sentence:
    if not rows:
        return Sentence("campaign.plan_why.nothing")
    return Sentence("campaign.plan_why.against", parts=[_named(row, kind) for row in rows])


def _clear_parts(parts: pd.DataFrame, kind: str) -> Sentence:
    rows = [row for row in moving(parts).to_dict("records") if _clear(row)]
    if not rows:
        return Sentence("campaign.plan_why.none_clear")
    return Sentence("campaign.plan_why.offsetting", parts=[_named(row, kind) for row in rows])


def _named(row: Row, kind: str) -> Sentence:
    return Sentence("campaign.plan_why.part", factor=_short(row["factor"]), part=_part(kind, row))


def _short(factor: str) -> Sentence:
    return Sentence(f"campaign.plan_factor.{factor}")


def _rows(parts: pd.DataFrame, factor: str) -> dict[str, Any]:
    found = parts[(parts["channel"] == ALL) & (parts["factor"] == factor)]
    return {str(name): value for name, value in found.iloc[0].to_dict().items()}


def _clear(row: Any) -> bool:
    return bool(is_clear(row["low"], row["high"]))


def _amount(kind: str, value: float) -> Sentence:
    return Sentence(f"campaign.plan_amount.{kind}", value=value)


def _part(kind: str, row: Any) -> Sentence:
    return Sentence(f"campaign.plan_part.{kind}", part=row["part"], low=row["low"], high=row["high"])


def _shown(step: str, value: float) -> Sentence:
    kind = "share" if step in RATES else "money" if step in ("value", "revenue") else "count"
    return Sentence(f"campaign.plan_amount.{'number' if step == 'frequency' else kind}", value=value)
