"""matplotlib's SVG made small: the same drawing with fewer digits, fewer blanks and no names that nothing refers to.

A report holds some forty charts and must travel by mail; half of each is the outlines of letters, written in units of
1/2048 of the font's size. A hundredth of a point is far below what a screen or a printer shows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

GLYPH_UNITS = 24  # outlines keep 1/24 of their digits: a thirteenth of a pixel at the size of a label
UNIT = 0.015625 * GLYPH_UNITS  # of an outline, in hundredths of the font's size
POINT_PARTS = 100
XLINK = ' xmlns:xlink="http://www.w3.org/1999/xlink"'
NOISE = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)
NAME = re.compile(r' id="(?:figure|axes|patch|line2d|text|[xy]tick|matplotlib\.axis|[A-Za-z]+Collection|legend)_\d+"')
EMPTY = re.compile(r"<g(?: [^>]*)?/>|<g></g>")
GROUP = re.compile(r"(<g(?: [^>]*)?>|</g>)")
GLYPH = re.compile(r'( d="([^"]*)")? transform="scale\(0\.015625\)"')
WORD = re.compile(r'(<g(?: [^>]*)?) scale\((\S+) -\2\)"([^>]*>.*?</g>)', re.DOTALL)
LETTER = re.compile(r'(<use [^>]*?) transform="translate\((\S+) (\S+)\)( scale\([^)]*\))?"')
PATH = re.compile(r' d="(M [^"]*)"')
COMMAND = re.compile(r"([A-Za-z])([^A-Za-z]*)")
PLACED = re.compile(r' (?:transform|points|x|y|width|height)="[^"]*"')
TRANSLATE = re.compile(r"translate\([^)]*\)")
LONG = re.compile(r"-?\d+\.\d{3,}")
REFERENCE = re.compile(r'( id="| href="#|url\(#)([^")]+)(["|)])')
STYLE = re.compile(r' style="([^"]*)"')
BLANKS = re.compile(r" *([:;,]) *")


def small(svg: str) -> str:
    """The same picture in fewer bytes; equal input gives equal output."""
    bare = re.sub(r">\s+<", "><", NOISE.sub("", svg)).strip().replace(XLINK, "").replace(' xlink:href="', ' href="')
    flat = "".join(_without_empty_groups(EMPTY.sub("", NAME.sub("", bare))))
    written = GLYPH.sub(_glyph, WORD.sub(_word, flat))
    drawn = PATH.sub(lambda found: f' d="{_relative(found[1], POINT_PARTS)}"', written)
    return _classes(_short_names(PLACED.sub(_rounded, drawn)))


def _without_empty_groups(text: str) -> Iterator[str]:
    """Groups that say nothing about their members are opened up."""
    kept: list[bool] = []
    for part in GROUP.split(text):
        if part.startswith("<g>") or part.startswith("<g "):
            kept.append(part != "<g>")
            yield part if kept[-1] else ""
        elif part != "</g>" or kept.pop():
            yield part


def _glyph(found: re.Match[str]) -> str:
    return f' d="{_relative(found[2], 1 / GLYPH_UNITS)}"' if found[1] else ""


def _word(found: re.Match[str]) -> str:
    """A text in the units of its outlines, so that neither they nor their places need a scale of their own."""
    inside = LETTER.sub(_letter, found[3]).replace("<rect ", f'<rect transform="scale({1 / UNIT:g})" ')
    return f'{found[1]} scale({float(found[2]) * UNIT:g} -{float(found[2]) * UNIT:g})"{inside}'


def _letter(found: re.Match[str]) -> str:
    across, up = (round(float(place) / UNIT) for place in (found[2], found[3]))
    if found[4]:
        return f'{found[1]} transform="translate({across} {up}){found[4]}"'
    return found[1] + "".join(f' {axis}="{place}"' for axis, place in (("x", across), ("y", up)) if place)


def _relative(path: str, parts: float) -> str:
    """The path in steps from point to point, which are shorter to write; rounded points, so that errors do not add."""
    x, y, written = 0, 0, []
    for letter, text in COMMAND.findall(path):
        numbers = [round(float(number) * parts) for number in text.split()]
        steps = [number - (y if place % 2 else x) for place, number in enumerate(numbers)]
        written.append(("z" if letter in "zZ" else letter.lower()) + _joined(steps, parts))
        x, y = numbers[-2:] if numbers else (x, y)
    return "".join(written)


def _joined(steps: list[int], parts: float) -> str:
    """Blanks stand only between two numbers, and a minus needs none before it."""
    shown = [_shown(step / parts if parts > 1 else step) for step in steps]
    return "".join(text if text.startswith("-") or not place else f" {text}" for place, text in enumerate(shown))


def _rounded(found: re.Match[str]) -> str:
    """Positions are rounded, the factors of a scale are not."""
    if "scale" in found[0]:
        return TRANSLATE.sub(lambda part: LONG.sub(lambda number: _shown(float(number[0])), part[0]), found[0])
    return LONG.sub(lambda number: _shown(float(number[0])), found[0])


def _shown(number: float) -> str:
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _short_names(text: str) -> str:
    """Every name by which the drawing refers to itself becomes a short one, in order of appearance."""
    names = {name: f"i{place:x}" for place, name in enumerate(dict.fromkeys(re.findall(r' id="([^"]+)"', text)))}
    return REFERENCE.sub(lambda found: found[1] + names.get(found[2], found[2]) + found[3], text)


def _classes(text: str) -> str:
    """Styles that stand on several shapes are written once."""
    tight = STYLE.sub(lambda found: BLANKS.sub(r"\1", found[0]), text)
    often = [style for style, times in Counter(STYLE.findall(tight)).items() if times > 1]
    names = {style: f"s{place:x}" for place, style in enumerate(often)}
    named = STYLE.sub(lambda found: f' class="{names[found[1]]}"' if found[1] in names else found[0], tight)
    rules = "".join(f".{name}{{{style}}}" for style, name in names.items())
    return named.replace("</style>", f"{rules}</style>", 1)
