"""Charts of notebook 01 about activity: each draws its table, or returns None where there is nothing to draw."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from opsbook.inputs.festivals import moving_festival
from opsbook.inputs.workbook import Incident
from opsbook.page import theme, words
from opsbook.page.charts import bars
from opsbook.page.says.lifecycle import UNEVEN

WINDOWS = {28: "main", 7: "resurrected", 1: "warn"}
FLOWS = ["current", "resurrected", "new", "unknown"]


def rolling_actives(
    rolling: pd.DataFrame, *, incidents: Sequence[Incident] = (), calendar: str | None = None
) -> Figure | None:
    """Three lines of distinct users in 1, 7 and 28 days; incomplete windows grey, incidents and festivals shaded."""
    if rolling.empty or not rolling["users"].any():
        return None
    fig, ax = theme.axes()
    for window, color in WINDOWS.items():
        _rolling_line(ax, rolling[rolling["window_days"] == window], theme.COLORS[color], window)
    first, last = rolling["day"].min().date(), rolling["day"].max().date()
    _bands(ax, _incidents(incidents), first, last)
    _bands(ax, _spring_festivals(calendar, first, last), first, last, side="right")
    ax.set_ylim(bottom=0)
    _name_windows(ax, rolling)
    ax.set_ylabel(words.label("common.axis.active_users"))
    theme.count_axis(ax)
    theme.date_axis(ax)
    return fig


def period_actives(
    changes: pd.DataFrame, *, last_year: pd.DataFrame | None = None, target: float | None = None
) -> Figure | None:
    """A bar per period with its number; the usual range on the last one, last year's number and the target as lines."""
    if changes.empty or not changes["active_users"].any():
        return None
    fig, ax = theme.axes()
    places, users = np.arange(len(changes)), changes["active_users"].to_numpy()
    shades = [theme.COLORS["main" if whole else "band"] for whole in changes["complete"]]
    alphas = np.where(places == places[-1], 1.0, 0.55)
    for place, height, color, alpha in zip(places, users, shades, alphas, strict=True):
        ax.bar(place, height, color=color, alpha=alpha, width=0.72)
    ax.set_ylim(0, max(_headroom(changes), 1.12 * (target or 0)))
    beside = _usual_range(ax, changes, float(places[-1]))
    _bar_numbers(ax, places, users, [theme.text_on(_over_paper(*pair)) for pair in zip(shades, alphas, strict=True)])
    if last_year is not None and len(last_year):
        users_then = float(last_year["base_users"].iloc[0])
        theme.target_line(ax, users_then)
        text = f"{words.label('lifecycle.chart.last_year')} {_count(users_then)}"
        beside.append((users_then, text, theme.INK))
    if beside:
        bars.side_labels(ax, len(changes) - 0.6, *map(list, zip(*beside, strict=True)))
    if target is not None:
        theme.target_line(ax, target, words.label("page.card.target", target=_count(target)))
    bars.period_ticks(ax, changes)
    ax.set_ylabel(words.label("common.axis.active_users"))
    theme.count_axis(ax)
    return fig


def active_days(spread: pd.DataFrame) -> Figure | None:
    """How many of the window's users came on 1, 2, … days."""
    if not spread["users"].sum() or not spread["complete"].all():
        return None
    fig, ax = theme.axes(height=3.0)
    ax.bar(spread["active_days"], spread["share"], color=theme.COLORS["main"], width=0.8)
    n = words.label("lifecycle.chart.n", n=spread["users"].sum())
    ax.set_xlabel(f"{words.label('lifecycle.chart.active_days', window=len(spread))} ({n})")
    ax.set_ylabel(words.label("lifecycle.chart.share_active"))
    ax.set_xticks([1, *range(7, len(spread) + 1, 7)])
    theme.percent_axis(ax)
    return fig


def growth(flows: pd.DataFrame) -> Figure | None:
    """Active users by origin above zero, users who fell silent below; the last period's numbers as labels."""
    if flows.empty or not (flows["active_users"].any() or flows["dormant"].any()):
        return None
    fig, ax = theme.axes(height=4.0)
    places, floor = np.arange(len(flows)), np.zeros(len(flows))
    fade = np.where(flows["complete"], 1.0, 0.4)
    labels = []
    for flow in [name for name in FLOWS if flows[name].any()]:
        bars.stack(ax, places, flows[flow].to_numpy(), floor, theme.COLORS[flow], fade)
        labels.append((floor[-1] + flows[flow].iloc[-1] / 2, flow, flows[flow].iloc[-1]))
        floor = floor + flows[flow].to_numpy()
    bars.stack(ax, places, -flows["dormant"].to_numpy(), np.zeros(len(flows)), theme.COLORS["dormant"], fade)
    labels.append((-flows["dormant"].iloc[-1] / 2, "dormant", flows["dormant"].iloc[-1]))
    ax.axhline(0, color=theme.INK, linewidth=0.8)
    texts = [_flow_label(flow, users) for _, flow, users in labels]
    shades = [theme.COLORS[flow] for _, flow, _ in labels]
    bars.side_labels(ax, places[-1] + 0.45, [height for height, *_ in labels], texts, shades)
    bars.period_ticks(ax, flows)
    ax.set_ylabel(words.label("common.axis.users"))
    theme.count_axis(ax)
    return fig


def _rolling_line(ax: Axes, line: pd.DataFrame, color: str, window: int) -> None:
    days, users = theme.days_of(line["day"]), line["users"].astype(float)
    ax.plot(days, users, color=theme.COLORS["band"], linewidth=1.6)
    ax.plot(days, users.where(line["complete"]), color=color, linewidth=1.4 if window == 1 else 2.2)


def _name_windows(ax: Axes, rolling: pd.DataFrame) -> None:
    """Each line's name and last complete number right of its end; a line without one is named incomplete."""
    heights, texts, shades = [], [], []
    for window, color in WINDOWS.items():
        line = rolling[rolling["window_days"] == window]
        whole = line[line["complete"]]
        users = (whole if len(whole) else line)["users"].iloc[-1]
        told = _count(users) if len(whole) else words.label("lifecycle.chart.incomplete")
        heights.append(float(users))
        texts.append(f"{words.label(f'lifecycle.chart.window_{window}')} {told}")
        shades.append(theme.COLORS[color if len(whole) else "muted"])
    bars.side_labels(ax, float(theme.days_of(rolling["day"]).max()), heights, texts, shades)


def _incidents(incidents: Sequence[Incident]) -> list[tuple[date, date, str]]:
    chinese = words.language() == "zh"
    return [(one.start, one.end, (one.name_zh if chinese else None) or one.name) for one in incidents]


def _spring_festivals(calendar: str | None, first: date, last: date) -> list[tuple[date, date, str]]:
    """The week from New Year's Eve on, where the workbook keeps the Chinese calendar: the deepest dip of the year."""
    years = range(first.year, last.year + 1) if calendar == "CN" else range(0)
    days = [day for year in years if (day := moving_festival("春节", year))]
    name = words.label("lifecycle.chart.spring_festival")
    return [(day - timedelta(days=1), day + timedelta(days=6), name) for day in days]


def _bands(ax: Axes, spans: list[tuple[date, date, str]], first: date, last: date, *, side: str = "left") -> None:
    """Shade the spans that are in view; festivals are named towards the past, so that no incident is written over."""
    for start, end, name in spans:
        if first <= end and start <= last:
            begin, finish = max(start, first), min(end, last) + timedelta(days=1)
            theme.shade(ax, begin, finish)
            anchor = begin if side == "left" else finish
            ax.annotate(name, (anchor, 1), xycoords=("data", "axes fraction"), xytext=(0, 3), ha=side,
                        textcoords="offset points", color=theme.SOFT_INK, fontsize=10.5)  # fmt: skip


def _usual(row: pd.Series) -> bool:
    """Whether there is a usual range that tells something; one over a factor of UNEVEN would only flatten the bars."""
    return bool(pd.notna(row["change_high"]) and 1 + row["change_high"] <= UNEVEN * (1 + row["change_low"]))


def _usual_range(ax: Axes, changes: pd.DataFrame, place: float) -> list[tuple[float, str, str]]:
    """Where the last number would lie if it moved from the previous one as usual: its log change turned around.

    Drawn if it tells something; returns its label: height, text and colour.
    """
    row = changes.iloc[-1]
    if not _usual(row):
        return []
    half = np.log1p(row["change_high"]) - np.log1p(row["change"])
    low, high = (row["previous_users"] * np.exp(side) for side in (-half, half))
    ax.errorbar(place, np.sqrt(low * high), [[np.sqrt(low * high) - low], [high - np.sqrt(low * high)]],
                fmt="none", ecolor=theme.INK, elinewidth=1.4, capsize=5)  # fmt: skip
    return [(high, words.label("lifecycle.chart.usual"), theme.SOFT_INK)]


def _over_paper(color: str, alpha: float) -> tuple[float, ...]:
    """The colour as it looks when it is partly transparent over the paper."""
    return tuple(
        alpha * own + (1 - alpha) * under for own, under in zip(to_rgb(color), to_rgb(theme.PAPER), strict=True)
    )


def _bar_numbers(ax: Axes, places: np.ndarray, users: np.ndarray, inks: list[str]) -> None:
    """Every bar's number inside its foot, where neither whiskers nor lines run; upright when bars are many."""
    crowded = len(places) > 8
    for place, count, ink in zip(places, users, inks, strict=True):
        ax.annotate(_count(count), (place, 0), xytext=(0, 5), textcoords="offset points", ha="center", va="bottom",
                    rotation=90 if crowded else 0, fontsize=10, color=ink)  # fmt: skip


def _headroom(changes: pd.DataFrame) -> float:
    high = float(changes["active_users"].max())
    row = changes.iloc[-1]
    if _usual(row):
        high = max(high, float(row["previous_users"] * (1 + row["change_high"]) / (1 + row["change"])))
    return 1.12 * high


def _flow_label(flow: str, users: int) -> str:
    return words.label("lifecycle.chart.flow", flow=words.label(f"lifecycle.flow.{flow}"), users=users)


def _count(users: float) -> str:
    return words.show(int(users), "count")
