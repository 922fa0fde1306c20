"""Numbers, dates and money as a reader of the language expects them; the specs of `{field:spec}` in the catalogues.

Shares are 0-1 and are shown as percent; differences of shares are shown as points. A missing value is "–".
The minus sign is U+2212, so that it is as wide as the plus sign in a column of figures.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import pandas as pd
from babel import Locale
from babel.dates import format_date
from babel.lists import format_list
from babel.numbers import format_currency, format_decimal, get_currency_symbol

from opsbook.errors import OperatorError

MISSING = "–"
MINUS = "−"
LOCALES = {"en": "en", "zh": "zh_Hans_CN"}
_DAY = {"en": "d MMM y", "zh": "y年M月d日"}
_MONTH = {"en": "MMMM y", "zh": "y年M月"}
_WAN, _YI = 10_000, 100_000_000
_EDGE, _UNITS = "\0", ("万", "亿")
_SPAN = re.compile(r"([−+]?\d[\d,.]*)( points| days| 个百分点| 天)( to | ~ | 至 )([−+]?\d[\d,.]*)\2")
_HAN = re.compile("[一-鿿]")
_DIGIT = re.compile(r"[\d%×]")
_HAN_LATIN = re.compile("[一-鿿][A-Za-z]|[A-Za-z][一-鿿]")


def render(value: Any, spec: str, *, language: str, currency: str = "") -> str:
    """The value in the language by the rule named `spec`; "–" for None, NaN and infinities.

    raises: OperatorError for a spec that does not exist or a value the spec cannot show.
    """
    if spec not in SPECS:
        raise OperatorError(f"`{spec}` is not a way to format a field", fix=f"use one of {', '.join(sorted(SPECS))}")
    if is_missing(value):
        return MISSING
    try:
        text = SPECS[spec](value, language, currency)
    except (TypeError, ValueError, AttributeError, ArithmeticError) as wrong:
        raise OperatorError(f"{value!r} cannot be shown as `{spec}`", found=str(wrong)) from wrong
    return text.replace("-", MINUS) if spec in _NUMERIC else text


def unit_once(text: str) -> str:
    """`−0.4 points to +1.0 points` as people say it: −0.4 to +1.0 points."""
    return _SPAN.sub(r"\1\3\4\2", text)


def is_missing(value: Any) -> bool:
    """Whether the value is None, NaN, NaT, NA or infinite."""
    if value is None or value is pd.NaT or value is pd.NA:
        return True
    return isinstance(value, float) and not math.isfinite(value)


@lru_cache(maxsize=4)
def locale(language: str) -> Locale:
    """The Babel locale of a workbook language."""
    return Locale.parse(LOCALES[language])


def plural(value: Any, language: str) -> str:
    """The CLDR plural category of a number: one or other in English, always other in Chinese."""
    return "other" if is_missing(value) else str(locale(language).plural_form(abs(value)))


def plain(value: float, language: str, decimals: int = 0) -> str:
    """The number with group separators and exactly this many decimals, never abbreviated."""
    pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
    return str(format_decimal(_exact(value, decimals), format=pattern, locale=locale(language))).replace("-", MINUS)


def _exact(value: float, decimals: int) -> Decimal:
    """Rounded half away from zero as people do by hand; negative zero becomes zero."""
    step = Decimal(1).scaleb(-decimals)
    return Decimal(str(value)).quantize(step, rounding="ROUND_HALF_UP") + 0


def _signed(show: Callable[[Any, str, str], str]) -> Callable[[Any, str, str], str]:
    def with_sign(value: Any, language: str, currency: str) -> str:
        text = show(abs(value), language, currency)
        if not any(digit in text for digit in "123456789"):
            return text
        return ("+" if value > 0 else MINUS) + text

    return with_sign


def _count(value: Any, language: str, currency: str = "") -> str:
    return _abbreviated(float(value)) if language == "zh" else plain(value, language)


def _whole(value: Any, language: str, currency: str = "") -> str:
    """Every digit, never 万: for n, row counts and tables."""
    return plain(value, language)


def _abbreviated(value: float, head: str = "") -> str:
    """Chinese grouping by ten thousand (万) and hundred million (亿), decided after rounding."""
    size = abs(_exact(value, 0))
    for unit, name in ((_YI, "亿"), (_WAN, "万")):
        if size >= unit or (name == "亿" and _exact(abs(value) / _WAN, 2) >= _WAN):
            return f"{head}{plain(value / unit, 'zh', 2)} {name}"
    return head + plain(value, "zh")


def _number(value: Any, language: str, currency: str = "") -> str:
    """Three significant digits, but never fewer than the integer has."""
    if value == 0:
        return "0"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    text = plain(value, language, min(decimals, 12))
    return text.rstrip("0").rstrip(".") if "." in text else text


def _percent(value: Any, language: str, currency: str = "") -> str:
    return plain(100 * _decimal(value), language, _percent_decimals(value)) + "%"


def _chance(value: Any, language: str, currency: str = "") -> str:
    """A probability; none is told as certain or as impossible only because it rounds to that."""
    shown = plain(100 * _decimal(value), language, 1)
    return {"100.0": ">99%", "0.0": "<1%"}.get(shown, shown + "%")


def _points(value: Any, language: str, currency: str = "") -> str:
    unit = " 个百分点" if language == "zh" else " points"
    return plain(100 * _decimal(value), language, _percent_decimals(value)) + unit


def _percent_decimals(value: float) -> int:
    return 2 if 0 < abs(value) < 0.001 else 1


def _decimal(value: Any) -> Any:
    """A decimal of the shortest text of the number, so that 0.145 is 14.5 % and not 14.499…"""
    return Decimal(str(float(value)))


def _money(value: Any, language: str, currency: str) -> str:
    if language == "zh" and abs(_exact(value, 0)) >= _WAN:
        sign = "-" if value < 0 else ""
        return sign + _abbreviated(abs(float(value)), _symbol(currency, language))
    return _money_whole(value, language, currency)


def _money_whole(value: Any, language: str, currency: str) -> str:
    """Every digit, never 万: for the cells of one column."""
    decimals = 0 if abs(_exact(value, 0)) >= 1000 else 2
    if not currency:
        return plain(value, language, decimals)
    pattern = "¤#,##0" + (".00" if decimals else "")
    amount = _exact(value, decimals)
    return str(format_currency(amount, currency, pattern, locale(language), currency_digits=False))


def _symbol(currency: str, language: str) -> str:
    return str(get_currency_symbol(currency, locale(language))) if currency else ""


def _date(value: Any, language: str, currency: str = "") -> str:
    return str(format_date(_as_date(value), format=_DAY[language], locale=locale(language)))


def _month(value: Any, language: str, currency: str = "") -> str:
    return str(format_date(_as_date(value), format=_MONTH[language], locale=locale(language)))


def _weekday(value: Any, language: str, currency: str = "") -> str:
    return str(format_date(_as_date(value), format="EEEE", locale=locale(language)))


def _as_date(value: Any) -> date:
    if isinstance(value, str):
        return date.fromisoformat(value[:10])
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else pd.Timestamp(value).date()


def _days(value: Any, language: str, currency: str = "") -> str:
    number = _number(value, language) if value != int(value) else plain(value, language)
    if language == "zh":
        return f"{number} 天"
    return f"{number} day" + ("" if number.lstrip("-" + MINUS) == "1" else "s")


def _ratio(value: Any, language: str, currency: str = "") -> str:
    decimals = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return plain(value, language, decimals) + "×"


def _pvalue(value: Any, language: str, currency: str = "") -> str:
    if value < 0.001:
        return "p < 0.001"
    return f"p = {plain(value, language, 3 if value < 0.1 else 2)}"


def _list(value: Any, language: str, currency: str = "") -> str:
    items = [value] if isinstance(value, str) else value
    texts = [f"{_EDGE}{_text(item, language, currency)}{_EDGE}" for item in items]
    parts = str(format_list(texts, locale=locale(language))).split(_EDGE)
    return joined([_and(*three) for three in zip(["", *parts[:-1]], parts, [*parts[1:], ""], strict=True)], language)


def _and(before: str, part: str, after: str) -> str:
    """The Chinese 和, set off from digits and signs as it is from Latin letters."""
    if part != "和":
        return part
    return f"{' ' * bool(_DIGIT.search(before[-1:]))}和{' ' * bool(_DIGIT.match(after))}"


def joined(parts: Sequence[str], language: str) -> str:
    """Pieces of a sentence put together; in Chinese a space parts Han from Latin letters, and none follows 万 or 亿."""
    if language != "zh":
        return "".join(parts)
    text = ""
    for part in filter(None, parts):
        if text[-1:] in _UNITS and _HAN.match(part[1:2]) and part[0] == " ":
            text += part[1:]
        else:
            text += f" {part}" if _HAN_LATIN.fullmatch(text[-1:] + part[0]) else part
    return text


def _text(value: Any, language: str, currency: str = "") -> str:
    """Words as they are; a date as a date, a float with three digits, a list joined with "and"."""
    if isinstance(value, str):
        return value
    if hasattr(value, "text") and hasattr(value, "values"):
        return str(value.text(language))
    if isinstance(value, date):
        return _date(value, language)
    if isinstance(value, float):
        return _number(value, language).replace("-", MINUS)
    return _list(value, language) if isinstance(value, Sequence) else str(value)


SPECS: dict[str, Callable[[Any, str, str], str]] = {
    "text": _text,
    "list": _list,
    "count": _count,
    "whole": _whole,
    "number": _number,
    "percent": _percent,
    "chance": _chance,
    "points": _points,
    "money": _money,
    "money_whole": _money_whole,
    "signed_count": _signed(_count),
    "signed_whole": _signed(_whole),
    "signed_number": _signed(_number),
    "signed_percent": _signed(_percent),
    "signed_points": _signed(_points),
    "signed_money": _signed(_money),
    "signed_money_whole": _signed(_money_whole),
    "signed_days": _signed(_days),
    "date": _date,
    "month": _month,
    "weekday": _weekday,
    "days": _days,
    "ratio": _ratio,
    "pvalue": _pvalue,
}
_NUMERIC = set(SPECS) - {"text", "list", "date", "month", "weekday", "pvalue"}
