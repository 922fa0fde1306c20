"""Charts of notebook 03: each draws the table it is given and returns None where there is nothing to draw."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from opsbook.analysis.incrementality import headline
from opsbook.inputs.campaign import Other
from opsbook.inputs.festivals import festival_runs
from opsbook.inputs.workbook import Incident
from opsbook.page import theme, words
from opsbook.page.charts.end_labels import End, end_labels
from opsbook.page.says import campaign as says

Marked = Incident | Other
NAMED_OTHERS = 3
LINES = 12  # of names above the foot of a curve, at most
BESIDE = 2.0  # pixels that stay free around a name
PHASE_COLORS = {
    "warm_up": "phase_warm_up",
    "burst": "phase_burst",
    "wind_down": "phase_wind_down",
    "campaign": "phase_burst",
    "after": "phase_after",
}
EFFECTS = ("orders", "revenue", "active_days")
RELATIVE = ["relative", "relative_low", "relative_high"]
WINDOW_COLORS = {"during": "main", "after": "actual", "net": "target"}
GROUP_COLORS = {"participants": "main", "exposed_only": "control", "not_reached": "muted"}


def goals(attained: pd.DataFrame) -> Figure | None:
    """One bar per goal up to its attainment (a cost: the share used), cut at 150 %; the line at 100 % is the goal."""
    known = attained.dropna(subset=["attainment"])
    if known.empty:
        return None
    fig, ax = theme.axes(height=0.9 + 0.55 * len(known))
    places = np.arange(len(known))[::-1]
    shares, spent = says.used(known), says.is_limit(known)
    shown = shares.clip(upper=1.5)
    judged = known["reached"].map({True: "good", False: "bad"}).mask(spent & known["reached"], "muted")
    colors = [theme.COLORS[color] for color in judged]
    ax.barh(places, shown, color=colors, height=0.55)
    for place, value, width, cost, color in zip(places, shares, shown, spent, colors, strict=True):
        told = words.label("campaign.goals_used", used=value) if cost else words.show(value, "percent")
        inside = width < 1 < width + _room(told)
        ink, gap, side = (theme.text_on(color), -0.015, "right") if inside else (theme.INK, 0.015, "left")
        ax.text(width + gap, place, told, va="center", ha=side, color=ink, fontsize=11.5)
    ax.axvline(1, color=theme.COLORS["target"], linewidth=1.2, linestyle=(0, (5, 3)))
    ax.set_yticks(places, [words.label(f"campaign.goal.{name}") for name in known["metric"]])
    named = "campaign.column.goal_share" if spent.any() else "campaign.axis.attainment"
    _across(ax, words.label(named), right=max(1.15, shown.max() + 0.18 + 0.1 * spent.any()))
    return fig


def _room(text: str) -> float:
    """About how much of the goals' axis a text takes behind its bar; a Han character is twice as wide."""
    return 0.015 + sum(0.042 if ord(letter) > 0x2E80 else 0.021 for letter in text)


def phase_curve(
    curve: pd.DataFrame,
    *,
    metric: str,
    incidents: Sequence[Marked] = (),
    calendar: str | None = None,
    others: Sequence[Marked] = (),
) -> Figure | None:
    """The daily line over the usual band of its weekday; phases shaded; festivals, incidents and others named below.

    others: further campaigns of these days; of many the longest are named, the sentence counts them all
    """
    if curve.empty or not curve["value"].any():
        return None
    fig, ax = theme.axes(height=4.0)
    days, grey = theme.days_of(curve["day"]), theme.COLORS["expected"]
    ax.fill_between(days, curve["low"], curve["high"], color=grey, alpha=0.3, linewidth=0)
    ax.plot(days, curve["expected"], color=grey, linewidth=1.2)
    ax.plot(days, curve["value"], color=theme.COLORS["main"])
    ax.set_ylim(0, float(curve[["value", "high"]].max().max()) * 1.08)
    ax.set_xlim(days[0] - 0.5, days[-1] + 0.5)
    _shade_phases(ax, curve["phase"].tolist(), days)
    ax.set_ylabel(words.label(f"common.axis.{metric}"))
    theme.count_axis(ax)
    theme.date_axis(ax)
    fig.draw_without_rendering()  # the plot has its final width, by which names are measured
    _mark(ax, _marked_days(days, [*incidents, *_longest(others)], calendar))
    return fig


def phases_how(
    curve: pd.DataFrame, *, incidents: Sequence[Marked] = (), calendar: str | None = None, others: Sequence[Marked] = ()
) -> str:
    """How to read the curve: the bars at its foot are explained where there are any."""
    if curve.empty:
        return "campaign.how.phases"
    marked = _marked_days(theme.days_of(curve["day"]), [*incidents, *_longest(others)], calendar)
    return "campaign.how.phases_marked" if marked else "campaign.how.phases"


def peak_hours(table: pd.DataFrame) -> Figure | None:
    """Bars per hour of the peak day, over the span of the same weekdays before."""
    if table.empty:
        return None
    fig, ax = theme.axes(height=3.0)
    hours, grey = table["hour"].to_numpy(), theme.COLORS["expected"]
    ax.bar(hours, table["value"], color=theme.COLORS["main"], width=0.8)
    if table["usual"].notna().any():
        ax.fill_between(hours, table["low"], table["high"], color=grey, alpha=0.45, linewidth=0, step="mid", zorder=3)
        ax.step(hours, table["usual"], where="mid", color=theme.INK, linewidth=1.2, zorder=4)
    ax.set_xticks(range(0, 24, 3), [f"{hour:02}:00" for hour in range(0, 24, 3)])
    ax.grid(visible=False, axis="x")
    theme.count_axis(ax)
    ax.set_ylabel(words.label("campaign.axis.per_hour"))
    return fig


def funnel(table: pd.DataFrame) -> Figure | None:
    """One bar per step: users who came so far, as a share of all who entered, with 95 % whiskers."""
    if not table["users"].any():
        return None
    fig, ax = theme.axes(height=0.9 + 0.6 * len(table))
    places = np.arange(len(table))[::-1]
    ax.barh(places, table["share_of_entry"], color=theme.COLORS["main"], height=0.6)
    errors = _whiskers(table, "share_of_entry")
    ax.errorbar(table["share_of_entry"], places, xerr=errors, fmt="none", ecolor=theme.INK, elinewidth=1.2, capsize=3)
    ends = table["share_of_entry_high"].tolist()
    for place, end, users, share in zip(places, ends, table["users"], table["share_of_entry"], strict=True):
        text = f"{words.show(users, 'count')}  ({words.show(share, 'percent')})"
        ax.text(end + 0.015, place, text, va="center", fontsize=11.5)
    ax.set_yticks(places, [_event(name) for name in table["event"]])
    _across(ax, words.label("common.axis.share"), right=1.28)
    return fig


def participation(groups: pd.DataFrame) -> Figure | None:
    """Participation rate of each group with its interval, highest first."""
    known = groups.dropna(subset=["participation"]).sort_values("participation", kind="stable")
    if len(known) < 2:
        return None
    fig, ax = theme.axes(height=0.9 + 0.5 * len(known))
    places = np.arange(len(known))
    errors, color = _whiskers(known, "participation"), theme.COLORS["main"]
    ax.errorbar(known["participation"], places, xerr=errors, fmt="o", color=color, capsize=3, markersize=7)
    ax.set_yticks(places, [_counted(*pair) for pair in zip(known["group"], known["exposed"], strict=True)])
    ax.set_ylim(-0.6, len(known) - 0.4)
    _across(ax, words.label("campaign.axis.participation"), right=known["participation_high"].max() * 1.08)
    return fig


def effect(increments: pd.DataFrame, *, metric: str = "orders") -> Figure | None:
    """Treated against control, relative: per metric, the judged one first, during, after and net; zero as a line."""
    known = headline(increments).dropna(subset=["relative"])
    shown = [name for name in dict.fromkeys([metric, *EFFECTS]) if name in set(known["metric"])]
    if not shown:
        return None
    fig, ax = theme.axes(height=1.0 + 1.25 * len(shown))
    ticks: dict[float, str] = {}
    for block, metric in enumerate(shown):
        part = known[known["metric"] == metric]
        estimates = dict(zip(part["window"], part[RELATIVE].to_numpy().tolist(), strict=True))
        for line, window in enumerate(name for name in WINDOW_COLORS if name in estimates):
            place = -4.0 * block - line
            _estimate(ax, estimates[window], place, theme.COLORS[WINDOW_COLORS[window]])
            ticks[place] = _metric_window(metric, window)
    ax.axvline(0, color=theme.INK, linewidth=1)
    ax.set_yticks(list(ticks), list(ticks.values()))
    ax.set_xlabel(words.label("campaign.axis.relative"))
    ax.grid(axis="x")
    theme.percent_axis(ax, "x")
    return fig


def selection(groups: pd.DataFrame) -> Figure | None:
    """Net revenue per user of each group before and during the campaign, one line per group, named at its end."""
    known = groups.dropna(subset=["before", "during"])
    if "participants" not in set(known["group"]):
        return None
    fig, ax = theme.axes(height=3.6)
    ends, columns = [], [known[name].tolist() for name in ("group", "users", "before", "during")]
    for name, users, before, during in zip(*columns, strict=True):
        color = theme.COLORS[GROUP_COLORS[name]]
        ax.plot([0, 1], [before, during], marker="o", color=color)
        ends.append(End(1, during, _counted(name, users), color))
    ax.set_xticks([0, 1], [words.label("campaign.window.before"), words.label("campaign.window.during")])
    ax.set_xlim(-0.15, 1.9)
    ax.set_ylim(bottom=0)
    end_labels(ax, ends)
    ax.set_ylabel(words.label("campaign.axis.per_user"))
    theme.money_axis(ax)
    return fig


def _across(ax: Axes, label: str, *, right: float) -> None:
    ax.set_xlim(0, right)
    ax.set_xlabel(label)
    ax.grid(axis="y", visible=False)
    ax.grid(axis="x")
    theme.percent_axis(ax, "x")


def _whiskers(table: pd.DataFrame, name: str) -> np.ndarray:
    value = table[name]
    return np.vstack([(value - table[f"{name}_low"]).clip(lower=0), (table[f"{name}_high"] - value).clip(lower=0)])


def _estimate(ax: Axes, estimate: list[float], place: float, color: str) -> None:
    value, low, high = estimate
    ax.plot([low, high], [place, place], color=color, linewidth=2.4)
    ax.plot(value, place, marker="o", markersize=7, color=color)


def _shade_phases(ax: Axes, phases: list[str], days: np.ndarray) -> None:
    names = [phase for phase in dict.fromkeys(phases) if phase != "before"]
    for line, phase in enumerate(names):
        own = days[[name == phase for name in phases]]
        color = theme.COLORS[PHASE_COLORS[phase]]
        ax.axvspan(own[0] - 0.5, own[-1] + 0.5, color=color, alpha=0.13, linewidth=0)
        _name_above(ax, (own[0] + own[-1]) / 2, _phase(phase), line % 2 if len(names) > 2 else 0)


def _name_above(ax: Axes, day: float, text: str, line: int) -> None:
    """A name over the plot; neighbours stand on two lines, because a phase may be shorter than its name."""
    placed: dict[str, Any] = {
        "xycoords": ("data", "axes fraction"),
        "textcoords": "offset points",
        "ha": "center",
        "fontsize": 10.5,
    }
    ax.annotate(text, (day, 1.0), xytext=(0, 4 + 14 * line), **placed)


def _longest(others: Sequence[Marked]) -> list[Marked]:
    ordered = sorted(others, key=lambda other: (other.start - other.end, other.start))
    return sorted(ordered[:NAMED_OTHERS], key=lambda other: other.start)


def _marked_days(days: np.ndarray, incidents: Sequence[Marked], calendar: str | None) -> list[tuple[float, float, str]]:
    """Incidents and festivals that touch the curve's days, as day numbers, runs of one name as one span."""
    first, last = (mdates.num2date(day).date() for day in (days[0], days[-1]))
    spans = [(i.start, i.end, _named(i.name or getattr(i, "campaign_id", ""), i.name_zh)) for i in incidents]
    if calendar:
        found = festival_runs(calendar, first=first, last=last)
        spans += [(run.start, run.end, _named(run.name, run.name_zh)) for run in found]
    inside = [(max(a, first), min(b, last), name) for a, b, name in spans if b >= first and a <= last]
    return [(float(mdates.date2num(a)), float(mdates.date2num(b)), name) for a, b, name in inside]


def _mark(ax: Axes, marked: Sequence[tuple[float, float, str]]) -> None:
    """A bar at the foot for each span of days, and its name on the lowest line where it touches no name and no line."""
    taken: list[Bbox] = []
    curves = [line.get_transform().transform_path(line.get_path()) for line in ax.lines]
    for first, last, name in marked:
        ax.axvspan(first - 0.5, last + 0.5, ymax=0.03, color=theme.INK, alpha=0.6, linewidth=0)
        places = [_inside(ax, first, last), ("right", first - 1.0), ("left", last + 1.0)]
        for place, line in product(places, range(LINES)):
            note = _name_at_foot(ax, name, *place, line)
            box = note.get_window_extent().padded(BESIDE)
            if _is_free(ax, box, taken, curves):
                break
            note.remove()
        else:  # no free place: over the line, with a rim that keeps it readable
            note = _name_at_foot(ax, name, *places[0], LINES - 1)
            note.set_path_effects(theme.HALO)
            box = note.get_window_extent().padded(BESIDE)
        taken.append(box)


def _name_at_foot(ax: Axes, name: str, side: str, day: float, line: int) -> Annotation:
    told: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "ha": side, "fontsize": 9.5}
    return ax.annotate(name, (day, 0.045 + 0.055 * line), color=theme.SOFT_INK, **told)


def _is_free(ax: Axes, box: Bbox, taken: Sequence[Bbox], curves: Sequence[Path]) -> bool:
    """Whether a name there stays in the plot, over no other name and on no line."""
    inside = ax.bbox.x0 <= box.x0 and box.x1 <= ax.bbox.x1
    return (
        inside
        and not any(box.overlaps(other) for other in taken)
        and not any(curve.intersects_bbox(box, filled=False) for curve in curves)
    )


def _inside(ax: Axes, first: float, last: float) -> tuple[str, float]:
    """Alignment and day of a name so that it does not run out of the plot at either end."""
    left, right = ax.get_xlim()
    middle = (first + last) / 2
    place = (middle - left) / (right - left)
    if place < 0.1:
        return "left", first - 0.5
    return ("right", last + 0.5) if place > 0.9 else ("center", middle)


def _phase(name: str) -> str:
    return words.find(f"campaign.phase.{name}", f"common.phase.{name}") or name


def _event(name: str) -> str:
    return words.find(f"campaign.event.{name}") or words.named(name)


def _group(name: str) -> str:
    return words.find(f"campaign.group.{name}") or words.named(name)


def _counted(name: str, users: int) -> str:
    return f"{_group(name)} (n = {words.show(users, 'whole')})"


def _metric_window(metric: str, window: str) -> str:
    return f"{words.label(f'campaign.metric.{metric}')} · {words.label(f'campaign.window.{window}')}"


def _named(name: str, name_zh: Any) -> str:
    return str(name_zh) if words.language() == "zh" and name_zh else name
