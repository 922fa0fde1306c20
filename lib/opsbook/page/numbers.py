"""A headline number: the raw values for results.json and the same values as words on a card."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any

from scipy.special import ndtri

from opsbook.errors import OperatorError
from opsbook.page import format as formats
from opsbook.page import words
from opsbook.page.past import Past
from opsbook.page.spark import Point
from opsbook.page.trend import named, trend_sentence
from opsbook.page.units import UNITS as UNITS

ARROWS = {"up": "▲", "down": "▼", "unclear": "●", "alone": "●", "open": "●", "same": "●"}
COARSE = 0.2  # a relative change beyond this that may be chance is not "no change": there is too little to tell
FLAGS = ("limit", "further", "no_effect", "usual")
ROUNDED = 0.0005  # a gap of a share that is told as 0.0 points
WORDING = ("counted", "no_effect", "usual")  # fields of a number that only its card tells
OTHERS = 5  # numbers that a first screen compares beside the one its verdict judges
WIDER = float(ndtri(1 - 0.025 / OTHERS) / ndtri(0.975))  # of an interval, so that all of them hold together


@dataclass(frozen=True)
class Number:
    """One headline number.

    value, low, high, previous, target: in `unit` (a key of UNITS; shares 0-1). n: what was counted.
    change, change_low, change_high: against the previous period -- a difference for shares, points and days, else a
    share of the previous value (0.03 = 3 % more). Worked out from `previous` where only that is given.
    limit: the target is the most there may be, a budget. trend: what stands behind it, of `past.past`.
    further: another number's change was compared before it, so that its own must be clear among several (Bonferroni).
    counted: what n counts, a key of `page.card.n_…`, where it is not users. no_effect: the change may not be called
    one, so that it stands without arrow and colour. usual: the interval of the change is how it moved before, so that
    one inside it is no "no change". These are words of the card only.
    """

    key: str
    label: str
    value: float | None
    low: float | None
    high: float | None
    n: float | None
    unit: str
    method: str
    previous: float | None
    change: float | None
    change_low: float | None
    change_high: float | None
    target: float | None
    limit: bool = False
    trend: Past = field(default_factory=list)
    further: bool = False
    counted: str = ""
    no_effect: bool = False
    usual: bool = False

    def result(self) -> dict[str, Any]:
        """The number as results.json stores it."""
        told = asdict(self)
        return {name: told[name] for name in told if name not in WORDING}

    def card(self) -> dict[str, Any]:
        """The words of label, value, interval, change (with direction), target, n, method; "" for the unknown.

        Where there is a past, also `trend` (a sentence) and `points` as `spark` draws them.
        """
        return {
            "label": self.label,
            "value": words.show(self.value, UNITS[self.unit]),
            "interval": self.interval(),
            "direction": "" if self.no_effect else self.direction(),
            "change": self.change_text(),
            "target": self.target_text(),
            "n": self.n_text(),
            "method": method_name(self.method),
            "trend": str(trend_sentence(self._points(), unit=self.unit) or ""),
            "points": named(self._points(), unit=self.unit),
        }

    def n_text(self) -> str:
        """`n = 2,526`, or of what is no user `3 goals`; empty where the number is the count itself."""
        if self.n is None or (self.n == self.value and not self.counted):
            return ""
        return words.label(f"page.card.n_{self.counted}" if self.counted else "page.card.n", n=self.n)

    def interval(self) -> str:
        """`12.1% – 13.4%`, empty when there is no interval."""
        if self.low is None or self.high is None:
            return ""
        return words.label("page.card.interval", low=self._shown(self.low), high=self._shown(self.high))

    def target_text(self) -> str:
        """`target 6,000, 96% of it reached`; the share only where it means something."""
        if self.target is None:
            return ""
        shown = self._shown(self.target)
        if self.value is None or self.target <= 0 or self.value < 0:
            return words.label("page.card.target", target=shown)
        if self.unit == "share" and not self.limit:
            return _beside(self.value - self.target, shown)
        key = "page.card.limit_used" if self.limit else "page.card.target_reached"
        return words.label(key, target=shown, reached=self.value / self.target)

    def direction(self) -> str:
        """up, down, same; "" without a comparison; unclear when the interval of the change covers zero.

        alone: it does so only when it is widened for the number of changes that a first screen compares.
        open: it does, though the change looks large, because too little was counted.
        """
        if self.change is None:
            return ""
        if _covers_zero(self.change, self.change_low, self.change_high):
            return "open" if _relative(self.unit) and abs(self.change) > COARSE else "unclear"
        if self.further and _covers_zero(self.change, self.change_low, self.change_high, wider=WIDER):
            return "alone"
        return "same" if self.change == 0 else "up" if self.change > 0 else "down"

    def change_text(self) -> str:
        """`up 3.2% on the previous period` or the words for an unclear change."""
        if self.change is None:
            return ""
        case = "no_effect" if self.no_effect else self.direction()
        case = "usual" if self.usual and case in ("unclear", "open") else case
        signed = case in ("unclear", "alone", "open", "no_effect", "usual")
        shown = words.show(self.change if signed else abs(self.change), _change_spec(self.unit, signed=signed))
        return words.label(f"page.card.{case}", change=shown)

    def _points(self) -> list[Point]:
        return [(words.show(row["when"]), row["value"], row["low"], row["high"]) for row in self.trend]

    def _shown(self, value: float) -> str:
        return words.show(value, UNITS[self.unit])


def _beside(gap: float, target: str) -> str:
    """A share beside its target in points, without a word of which side is the better one."""
    if abs(gap) < ROUNDED:
        return words.label("page.card.target", target=target)
    return words.label(f"page.card.target_{'below' if gap < 0 else 'above'}", target=target, gap=abs(gap))


def number(key: str, label: str, value: Any, *, unit: str, method: str, **rest: Any) -> Number:
    """A Number of plain floats; raises OperatorError for a unit that does not exist."""
    if unit not in UNITS:
        raise OperatorError(f"`{unit}` is not a unit of a headline number", fix=f"use one of {', '.join(UNITS)}")
    past, flags = rest.pop("trend", None) or [], {name: bool(rest.pop(name, False)) for name in FLAGS}
    counted = rest.pop("counted", "")
    known: dict[str, Any] = {name: _plain(given) for name, given in rest.items()}
    if known.get("change") is None:
        known["change"] = _change(_plain(value), known.get("previous"), unit)
    fixed: dict[str, Any] = {"trend": past, "counted": counted} | flags
    return Number(key=key, label=label, value=_plain(value), unit=unit, method=method, **known, **fixed)


def method_name(method: str) -> str:
    """The method in the reader's language, as `common.method.<its words>` says; a name without an entry stays."""
    return words.find(f"common.method.{method_key(method)}") or method


def method_key(method: str) -> str:
    """`Kaplan-Meier, log-log interval` is `kaplan_meier_log_log_interval` in the catalogues."""
    return re.sub(r"[^a-z0-9]+", "_", method.lower()).strip("_")


def _change(value: float | None, previous: float | None, unit: str) -> float | None:
    if value is None or previous is None:
        return None
    if not _relative(unit):
        return value - previous
    return None if previous == 0 else value / previous - 1


def _relative(unit: str) -> bool:
    return unit not in ("share", "points", "days")


def _covers_zero(change: float, low: float | None, high: float | None, *, wider: float = 1.0) -> bool:
    """Whether zero is among the values that the interval, drawn wider from the change on, allows."""
    if low is None or high is None:
        return False
    return change + (low - change) * wider <= 0 <= change + (high - change) * wider


def _change_spec(unit: str, *, signed: bool) -> str:
    spec = {"share": "points", "points": "points", "days": "days"}.get(unit, "percent")
    return f"signed_{spec}" if signed else spec


def _plain(value: Any) -> float | None:
    """A Python int or float that JSON can carry, None for a missing value."""
    plain = value.item() if hasattr(value, "item") else value
    return None if formats.is_missing(plain) else plain
