"""Colours that carry meaning: series looks and the ramp of heat maps.

Series differ by colour and dash, so that they can be told apart without colour, too. The colours
themselves lie in `charts.css`; only the ramp is computed, because the text on it must be legible.
"""

from __future__ import annotations

import math

LEVELS = 20
_COLOURS = 7
_DASHES = 4
_RAMPS = {
    "light": ((0xF5, 0xF7, 0xF9), (0x08, 0x45, 0x94)),
    "dark": ((0x1A, 0x20, 0x29), (0x9C, 0xCC, 0xFF)),
}
_TEXTS = ((0, 0, 0), (255, 255, 255))

Colour = tuple[int, int, int]


def series_class(index: int) -> str:
    """Return the CSS classes of the i-th series: 28 combinations of colour and dash."""
    return f"s{index % _COLOURS} d{index % _DASHES}"


def heat_class(share: float) -> str:
    """Return the CSS class of a cell; only a share of exactly 0 gets the lowest level."""
    if not math.isfinite(share):
        return "h0"
    return f"h{math.ceil(min(max(share, 0), 1) * LEVELS)}"


def heat_colours(theme: str, level: int) -> tuple[Colour, Colour]:
    """Return ground and text colour of a level; of black and white the more legible one."""
    low, high = _RAMPS[theme]
    part = level / LEVELS
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(low, high, strict=True))
    ground = (red, green, blue)
    return ground, max(_TEXTS, key=lambda text: contrast(text, ground))


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of two sRGB colours, 1 to 21.

    Source: WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
    """
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def heat_css() -> str:
    """Write the rules of all levels, for both themes."""
    light = "\n".join(_rule("light", level) for level in range(LEVELS + 1))
    dark = "\n".join(_rule("dark", level) for level in range(LEVELS + 1))
    return f"{light}\n@media screen and (prefers-color-scheme: dark) {{\n{dark}\n}}\n"


def _rule(theme: str, level: int) -> str:
    ground, text = (f"rgb{colour}" for colour in heat_colours(theme, level))
    return f".h{level} rect {{ fill: {ground} }} .h{level} text {{ fill: {text} }}"


def _luminance(colour: Colour) -> float:
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4  # noqa: PLR2004
        for each in (channel / 255 for channel in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
