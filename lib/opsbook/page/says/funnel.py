"""Sentences of notebook 01 about the funnel: what is followed, where users are lost, how soon they go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from opsbook.analysis.funnel_rates import step_names
from opsbook.inputs.funnels import DEFAULT_NAME, Funnel
from opsbook.page import words
from opsbook.page.says.rows import span
from opsbook.page.told import told_column
from opsbook.page.words import Sentence

SURE = 0.05
MOST_PARTS = 3
ARROW = " → "


def names(funnel: Funnel | None) -> dict[str, str]:
    """Every step's name in the tables -> its name in the reader's language."""
    if funnel is None:
        return {}
    if funnel.mode == "any_order":
        own = {name: words.label("lifecycle.funnel.any_step", step=name) for name in step_names(funnel)}
    else:
        chinese = words.language() == "zh"
        own = {step.name: (step.name_zh if chinese else None) or words.named(step.name) for step in funnel.steps}
    return own | {"sign_up": words.label("lifecycle.funnel.sign_up"), "whole": words.label("lifecycle.funnel.whole")}


def definition(funnel: Funnel | None) -> Sentence:
    """What is followed and under which rules, or how to define a funnel."""
    if funnel is None:
        return Sentence("lifecycle.funnel.none")
    known = names(funnel)
    chinese = words.language() == "zh"
    path = [known.get(name, name) for name in funnel.names]
    if funnel.mode == "any_order":
        steps = [(step.name_zh if chinese else None) or words.named(step.name) for step in funnel.steps]
        path = [*path[: len(path) - len(steps)], *steps]
    told = {"steps": ARROW.join(path), "window": funnel.window_days, "rules": _rules(funnel)}
    if funnel.name == DEFAULT_NAME:
        return Sentence("lifecycle.funnel.default", **told)
    return Sentence("lifecycle.funnel.defined", name=(funnel.name_zh if chinese else None) or funnel.name, **told)


def steps(rates: pd.DataFrame, loss: pd.DataFrame, *, names: dict[str, str]) -> Sentence:
    """The share that went the whole way, where most are lost, and how sure that is; open windows apart."""
    if rates.empty:
        return Sentence("lifecycle.funnel.no_steps")
    entered, young = int(rates["users"].iloc[0]), int(rates["incomplete"].iloc[0])
    if not entered:
        return Sentence("lifecycle.funnel.young", n=young) if young else Sentence("lifecycle.funnel.empty")
    last = rates.iloc[-1]
    told = {
        "when": span(last["start"], last["end"]),
        "n": entered,
        "last_step": names.get(last["event"], last["event"]),
    }
    told |= {"share": last["share_of_entry"], "low": last["share_of_entry_low"], "high": last["share_of_entry_high"]}
    told |= {
        "young": Sentence("lifecycle.funnel.young_some", n=young) if young else Sentence("lifecycle.funnel.young_none")
    }
    if loss.empty:
        return Sentence("lifecycle.funnel.no_loss", **told)
    return Sentence(f"lifecycle.funnel.loss_{_sureness(loss.iloc[0])}", **told, **_lost(loss.iloc[0], names))


def time_to_convert(summary: pd.DataFrame, *, names: dict[str, str]) -> Sentence:
    """The slowest step: how many go on within a day, and when half have; and how soon the whole funnel is done."""
    known = summary[summary["step"] > 0].dropna(subset=["share_1d"]) if len(summary) else summary
    if known.empty:
        return Sentence("lifecycle.funnel.time_unknown")
    row = known.sort_values(["share_1d", "step"], kind="stable").iloc[0]
    told = {"step": names.get(row["event"], row["event"]), "share": row["share_1d"], "n": row["waited"]}
    told |= {"low": row["share_1d_low"], "high": row["share_1d_high"], "whole": _whole_time(summary)}
    if pd.isna(row["median_hours"]):
        return Sentence("lifecycle.funnel.time_no_half", **told)
    return Sentence("lifecycle.funnel.time_half", median=_waiting(row["median_hours"]), **told)


def groups(table: pd.DataFrame, *, funnel: Funnel | None, names: dict[str, str]) -> Sentence:
    """Which groups clearly differ from the rest, over the whole funnel or at a step; none is an answer."""
    by = funnel.by[0] if funnel and funnel.by else ""
    column = words.find(f"lifecycle.column.{by}", f"common.column.{by}") or words.readable(by)
    column = column.lower()
    if table.empty:
        return Sentence("lifecycle.funnel.groups_none", by=column)
    told = {"by": column, "groups": table["group"].nunique(), "compared": int(table["p_value"].notna().sum())}
    clear = table[table["p_adjusted"] <= SURE].sort_values(["p_adjusted", "step", "group"], kind="stable")
    if clear.empty:
        widest = table[table["step"] == 0].assign(size=lambda t: t["difference"].abs()).sort_values("size").iloc[-1]
        return Sentence("lifecycle.funnel.groups_unclear", **told, **_part(widest, names))
    clearest, *next_ones = (_part(row, names) for _, row in clear.head(MOST_PARTS).iterrows())
    more = Sentence(
        "lifecycle.funnel.groups_more", parts=[Sentence("lifecycle.funnel.group_part", **one) for one in next_ones]
    )
    return Sentence(
        "lifecycle.funnel.groups_clear", **told, **clearest, clear=len(clear), more=more if next_ones else ""
    )


def trend(changed: pd.DataFrame, *, names: dict[str, str]) -> Sentence:
    """Whether the last period's conversion differs from what the earlier ones lead to expect, whole and by step."""
    if changed.empty:
        return Sentence("lifecycle.funnel.trend_empty")
    row = changed[changed["step"] == 0].iloc[0]
    told = {"period": row["period"], "share": row["share"], "earlier": row["earlier_periods"]}
    if pd.isna(row["p_value"]):
        return Sentence("lifecycle.funnel.trend_few", **told)
    told |= {"mean": row["earlier_share"], "low": row["expected_low"], "high": row["expected_high"]}
    case = "unclear" if row["p_adjusted"] > SURE else "up" if row["share"] > row["earlier_share"] else "down"
    return Sentence(f"lifecycle.funnel.trend_{case}", **told, steps=_moved(changed, names))


def converted(rates: pd.DataFrame) -> dict[str, Any]:
    """The number: share of entered users who went the whole way; without a value when nobody could."""
    if rates.empty or not rates["users"].iloc[0]:
        return {"key": "funnel_converted", "value": None, "unit": "share", "n": 0}
    last = rates.iloc[-1]
    interval = {"low": last["share_of_entry_low"], "high": last["share_of_entry_high"], "method": "Wilson"}
    told = {"value": last["share_of_entry"], "n": int(rates["users"].iloc[0]), "unit": "share"}
    return {"key": "funnel_converted"} | told | interval


def table(found: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """A table of the funnel for reading: steps by their names, no keys, users at the step before under its own name."""
    hidden = ["cohort", "start", "end", *(["group"] if "cohort" in found else [])]
    if "event" in found:
        called = (names.get(name, name) for name in found["event"])
        found = found.assign(event=told_column(found["event"], called, like=found))
    return found.drop(columns=[name for name in hidden if name in found]).rename(columns={"previous": "step_users"})


def _rules(funnel: Funnel) -> list[Sentence]:
    """The settings in force, in words."""
    rules = [Sentence(f"lifecycle.funnel.mode_{funnel.mode}")]
    if funnel.entry == "event":
        rules.append(Sentence(f"lifecycle.funnel.{funnel.anchor}"))
    if funnel.hold:
        rules.append(Sentence("lifecycle.funnel.hold", column=funnel.hold))
    if funnel.exclude:
        events = sorted({event for one in funnel.exclude for event in one.any_of})
        rules.append(Sentence("lifecycle.funnel.exclude", events=events))
    if any(step.within for step in funnel.steps):
        rules.append(Sentence("lifecycle.funnel.within"))
    return rules


def _sureness(row: pd.Series) -> str:
    return "only" if not row["other_lost"] else "clear" if row["clear"] else "unclear"


def _lost(row: pd.Series, names: dict[str, str]) -> dict[str, Any]:
    told = {"step": names.get(row["event"], row["event"]), "lost": row["lost"], "share_lost": row["share_lost"]}
    told |= {"lost_low": row["share_lost_low"], "lost_high": row["share_lost_high"]}
    return told | {"other": names.get(row["other_event"], row["other_event"]), "other_lost": row["other_lost"]}


def _whole_time(summary: pd.DataFrame) -> Sentence:
    row = summary[summary["step"] == 0].iloc[0]
    if pd.isna(row["share_7d"]) or pd.isna(row["share_7d_low"]):
        return Sentence("lifecycle.funnel.time_whole_none")
    told = {"done": row["share_7d"], "done_low": row["share_7d_low"], "done_high": row["share_7d_high"]}
    return Sentence("lifecycle.funnel.time_whole", **told, entered=row["waited"])


def _waiting(hours: float) -> Sentence:
    """A waiting time in the unit a reader would use."""
    if hours < 1:
        return Sentence("lifecycle.funnel.minutes", value=max(1, round(60 * hours)))
    if hours < 48:
        return Sentence("lifecycle.funnel.hours", value=hours)
    return Sentence("lifecycle.funnel.days", value=hours / 24)


def _part(row: pd.Series, names: dict[str, str]) -> dict[str, Any]:
    told = {"group": words.find(f"lifecycle.funnel.group.{row['group']}") or row["group"]}
    told |= {"step": names.get(row["event"], row["event"]), "share": row["share"], "rest": row["rest_share"]}
    told |= {"difference": row["difference"], "n": row["previous"]}
    return told | {"low": row["difference_low"], "high": row["difference_high"]}


def _moved(changed: pd.DataFrame, names: dict[str, str]) -> Sentence:
    """The steps whose rate clearly moved."""
    moved = changed[(changed["step"] > 0) & (changed["p_adjusted"] <= SURE)]
    if moved.empty:
        return Sentence("lifecycle.funnel.moved_none")
    parts = [
        Sentence("lifecycle.funnel.moved_part", step=names.get(row["event"], row["event"]), share=row["share"],
                 low=row["expected_low"], high=row["expected_high"])
        for _, row in moved.iterrows()
    ]  # fmt: skip
    return Sentence("lifecycle.funnel.moved_some", parts=parts)
