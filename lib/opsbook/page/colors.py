"""The company's colour made readable on light and on dark paper."""

from __future__ import annotations

import colorsys
import re

import numpy as np

DEFAULT = "#2f5d8a"
LIGHT, DARK = "#ffffff", "#161c24"
READABLE = 4.5
INVERT, PANEL = 0.9, "#191f28"  # as style.css has them for charts at night; a test compares them
_LUMA = np.array([0.213, 0.715, 0.072])
_HALF_TURN = 2 * np.array([_LUMA] * 3) - np.eye(3)  # hueRotate(180deg) of the Filter Effects specification
_HEX = re.compile(r"#[0-9a-fA-F]{6}")


def brand(color: str) -> dict[str, str]:
    """The colour as given, and versions with a contrast of at least 4.5 on light and on dark paper."""
    given = color if _HEX.fullmatch(color) else DEFAULT
    return {"given": given, "light": readable(given, LIGHT), "dark": readable(given, DARK)}


def readable(color: str, paper: str) -> str:
    """The colour, darker or lighter in small steps until it can be read on the paper."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_channels(color))
    step = -0.02 if luminance(paper) > 0.5 else 0.02
    while contrast(color, paper) < READABLE and 0 <= lightness <= 1:
        lightness += step
        color = _hex(colorsys.hls_to_rgb(hue, min(1.0, max(0.0, lightness)), saturation))
    return color


def hue(color: str) -> float:
    """Place on the colour circle, 0 to 1."""
    return colorsys.rgb_to_hls(*_channels(color))[0]


def hues_apart(one: float, other: float) -> float:
    """How far two hues lie apart on the circle, 0 to 0.5."""
    return min(abs(one - other), 1 - abs(one - other))


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio of two colours, 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def at_night(color: str) -> str:
    """What the page's dark filter makes of a colour of a chart: turned by half, lightened by the panel behind it."""
    channels = np.array(_channels(color))
    turned = _HALF_TURN @ (INVERT * (1 - channels) + (1 - INVERT) * channels)
    red, green, blue = np.maximum(np.clip(turned, 0, 1), _channels(PANEL)).tolist()
    return _hex((red, green, blue))


def luminance(color: str) -> float:
    """WCAG 2 relative luminance, 0 (black) to 1 (white)."""
    red, green, blue = (_linear(channel) for channel in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def _channels(color: str) -> tuple[float, float, float]:
    red, green, blue = (int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue


def _hex(channels: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in channels)
