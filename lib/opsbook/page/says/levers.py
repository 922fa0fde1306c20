"""Sentences of notebook 01 about the levers behind a change, and about the level at which the number comes to rest."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opsbook.analysis.levers import ALL, LEVERS, NO_CHANNEL
from opsbook.analysis.steady_state import METHOD_STEADY, POINTS
from opsbook.page.says.rows import direction, last_row
from opsbook.page.words import Sentence

HALF_A_USER = 0.5
SAID = ["week_1", "current", "waking", "newcomers"]


def levers(parts: pd.DataFrame) -> Sentence:
    """Which levers moved the number of active users, and which cannot be told apart from zero."""
    if parts.empty:
        return Sentence("lifecycle.levers.empty")
    total = moving(parts)
    if total["low"].isna().any():
        return Sentence("lifecycle.levers.incomplete")
    whole = last_row(parts[parts["channel"] == ALL])
    net = int(whole["active_users"] - whole["previous_users"])
    clear = is_clear(total["low"], total["high"])
    told = {"net": abs(net), "users": whole["active_users"], "previous": whole["previous_users"]}
    named = {"clear": _listed("clear", total[clear]), "unclear": _listed("unclear", total[~clear])}
    return Sentence(f"lifecycle.levers.{'up' if net > 0 else 'down' if net < 0 else 'same'}", **told, **named)


def is_clear(low: Any, high: Any) -> Any:
    """Whether a part's interval lies beyond zero by more than rounding to whole users could hide."""
    return (low >= HALF_A_USER) | (high <= -HALF_A_USER)


def moving(parts: pd.DataFrame) -> pd.DataFrame:
    """The parts over all channels, largest first, without the levers that cannot move in this company."""
    total = parts[parts["channel"] == ALL]
    able = (total[["part", "low", "high"]].fillna(1) != 0).any(axis=1)
    return total[able].sort_values("part", key=abs, ascending=False, kind="stable")


def lever_table(parts: pd.DataFrame) -> pd.DataFrame:
    """The parts over all channels, for reading: one row per lever."""
    return parts.loc[parts["channel"] == ALL, ["lever", "part", "low", "high"]].reset_index(drop=True)


def channels(parts: pd.DataFrame) -> Sentence:
    """The channel that moved most, with its strongest lever, and how many users have no channel."""
    apart = parts[parts["channel"] != ALL]
    if parts.empty or parts["low"].isna().any():
        return Sentence("lifecycle.lever_channels.none")
    if apart["channel"].nunique() < 2:
        return Sentence("lifecycle.lever_channels.one")
    net = (apart["active_users"] - apart["previous_users"]).abs()
    most = apart[apart["channel"] == apart.loc[net.idxmax(), "channel"]]
    row = last_row(most.loc[[most["part"].abs().idxmax()]])
    told = {"channel": channel(row["channel"]), "net": int(row["active_users"] - row["previous_users"])}
    told |= {"previous": row["previous_users"], "users": row["active_users"], "part": _part("part", row)}
    return Sentence("lifecycle.lever_channels.known", **told, without=_without_channel(apart))


def channel_table(parts: pd.DataFrame) -> pd.DataFrame:
    """For reading: one row per channel, a column per lever with its interval, and their sum, the channel's change."""
    cells = [
        Sentence("lifecycle.cell.part", part=part, low=low, high=high)
        for part, low, high in zip(parts["part"], parts["low"], parts["high"], strict=True)
    ]
    told = parts.assign(part=pd.Series(cells, index=parts.index, dtype=object))
    order = parts["channel"].drop_duplicates()
    able = [lever for lever in LEVERS if lever in set(moving(parts)["lever"])]
    wide = told.pivot(index="channel", columns="lever", values="part").reindex(index=order, columns=able)
    users = parts.drop_duplicates("channel").set_index("channel")[["previous_users", "active_users"]]
    change = (users["active_users"] - users["previous_users"]).rename("change_users")
    return pd.concat([users, change, wide], axis=1).rename_axis("channel").reset_index()


def paradox(checked: pd.DataFrame) -> Sentence:
    """Whether the channel mix turns the change of retention around (Simpson)."""
    if checked.empty:
        return Sentence("lifecycle.paradox.none")
    row = last_row(checked)
    told = {name: row[name] for name in ("total_change", "total_low", "total_high", "within_change")}
    told |= {name: row[name] for name in ("within_low", "within_high", "channels")}
    if row["fired"]:
        case = "fired_up" if row["total_change"] > 0 else "fired_down"
        return Sentence(f"lifecycle.paradox.{case}", **told, against=row["share_against"])
    opposite = row["total_change"] * row["within_change"] < 0
    return Sentence(f"lifecycle.paradox.{'unclear' if opposite else 'same'}", **told)


def steady(level: pd.DataFrame, refusal: str = "") -> Sentence:
    """Where 28-day actives settle, against today's, and how long half of the way takes; or why there is no telling."""
    if level.empty:
        return Sentence(f"lifecycle.steady.{refusal or 'weeks'}")
    row = last_row(level)
    told = {"level": row["steady"], "low": row["steady_low"], "high": row["steady_high"]}
    told |= {name: row[name] for name in ("today", "weeks", "end", "newcomers", "returns")}
    case = direction(row["steady_low"] - row["today"], row["steady_high"] - row["today"])
    return Sentence(f"lifecycle.steady.{case}", **told, half=_half(row))


def gains(table: pd.DataFrame) -> Sentence:
    """What one more point of a rate and one percent more new users would add at rest; the rest is in the table."""
    if table.empty:
        return Sentence("lifecycle.gains.untold")
    shown = table[(table["gain"].abs() >= HALF_A_USER) & table["lever"].isin(SAID)]
    if shown.empty:
        return Sentence("lifecycle.gains.none")
    parts = [
        Sentence(f"lifecycle.gains.{row.lever}", gain=row.gain, low=row.low, high=row.high)
        for row in shown.itertuples(index=False)
    ]
    return Sentence("lifecycle.gains.known", parts=parts)


def check(table: pd.DataFrame) -> Sentence:
    """How near the same computation, made some weeks ago, would have come to today's number."""
    if table.empty:
        return Sentence("lifecycle.steady_check.none")
    row = last_row(table)
    told = {name: row[name] for name in ("end", "weeks", "said", "said_low", "said_high", "came", "miss")}
    nearer = abs(row["miss"]) < abs(row["miss_no_change"])
    case = "nearer" if nearer else "farther"
    inside = row["said_low"] <= row["came"] <= row["said_high"]
    told["held"] = Sentence(f"lifecycle.steady_held.{'inside' if inside else 'outside'}")
    return Sentence(f"lifecycle.steady_check.{case}", **told, then=row["then"], miss_no_change=row["miss_no_change"])


def gain_table(table: pd.DataFrame) -> pd.DataFrame:
    """The gains for reading: today's rate or flow, and the step, in words."""
    rate = table["lever"].isin(POINTS)
    now = [Sentence(f"lifecycle.cell.{_unit(one)}", value=value) for one, value in zip(rate, table["now"], strict=True)]
    step = [Sentence(f"lifecycle.steady_step.{'point' if one else 'percent'}") for one in rate]
    shown = table.assign(now=pd.Series(now, dtype=object), more=pd.Series(step, dtype=object))
    return shown[["lever", "now", "more", "gain", "low", "high", "n"]]


def steady_number(level: pd.DataFrame) -> dict[str, Any]:
    """Steady 28-day actives as keyword arguments of `page.number`."""
    row = last_row(level)
    told = {"value": row.get("steady"), "low": row.get("steady_low"), "high": row.get("steady_high")}
    return {"key": "steady_mau", "n": row.get("today"), "unit": "users", "method": METHOD_STEADY} | told


def gain_number(table: pd.DataFrame, lever: str = "week_1") -> dict[str, Any]:
    """The gain of one lever as keyword arguments of `page.number`."""
    row = last_row(table[table["lever"] == lever])
    told = {name: row.get(name) for name in ("low", "high", "n")}
    return {"key": f"steady_{lever}", "value": row.get("gain"), "unit": "users", "method": METHOD_STEADY} | told


def channel(name: str) -> str | Sentence:
    """A channel as the company calls it; the workbook's own three names in words."""
    return Sentence(f"lifecycle.channel.{name}") if name in (ALL, "other", NO_CHANNEL) else name


def _listed(case: str, rows: pd.DataFrame) -> Sentence:
    """The levers with their parts in one sentence, or nothing."""
    if rows.empty:
        return Sentence(f"lifecycle.levers.{case}_none")
    return Sentence(f"lifecycle.levers.{case}", parts=[_part("part", row) for row in rows.to_dict("records")])


def _part(key: str, row: Any) -> Sentence:
    told = {name: row[name] for name in ("part", "low", "high")}
    return Sentence(f"lifecycle.levers.{key}", lever=Sentence(f"lifecycle.lever_said.{row['lever']}"), **told)


def _without_channel(apart: pd.DataFrame) -> Sentence:
    users = apart.drop_duplicates("channel").set_index("channel")["active_users"]
    if not users.get(NO_CHANNEL, 0):
        return Sentence("lifecycle.lever_channels.all_known")
    return Sentence("lifecycle.lever_channels.some_unknown", share=users[NO_CHANNEL] / users.sum(), n=users.sum())


def _half(row: dict[str, Any]) -> Sentence:
    if pd.isna(row["halving_weeks"]):
        return Sentence("lifecycle.steady.half_slow")
    told = {"k": row["halving_weeks"], "k_low": row["halving_low"], "k_high": row["halving_high"]}
    return Sentence(f"lifecycle.steady.half_{'open' if pd.isna(told['k_high']) else 'known'}", **told)


def _unit(rate: bool) -> str:
    return "share" if rate else "users"


def season(level: pd.DataFrame) -> Sentence | None:
    """That the level at rest is a what-if, and what it carries on for ever; nothing where no level is told."""
    return Sentence("lifecycle.steady_season") if len(level) else None
