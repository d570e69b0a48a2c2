"""Text that fits: widths are estimated, because only the browser knows the font."""

from __future__ import annotations

import math
import re
import unicodedata

from markupsafe import Markup

from medshelf.report.charts.svg import element

FONT = 13
SMALL = 11.5
LINE = 16
_BREAKS = re.compile(r"(?<=[ _/-])")
DASH = "\N{EN DASH}"
# Ems in DejaVu Sans, the widest of the fonts that the pages ask for.
_EMS = dict.fromkeys("ijlI.,:;'|! ", 0.34) | dict.fromkeys("frt()[]/-", 0.42)
_EMS |= dict.fromkeys("mMW@%", 0.98) | dict.fromkeys("w", 0.82)


def text_width(text: str, size: float = FONT) -> int:
    """Estimate the width of `text` in whole pixels at font size `size`; rather too wide."""
    return math.ceil(size * sum(map(_ems, text)))


def shorten(text: str, width: float, size: float = FONT) -> str:
    """Cut `text` with an ellipsis so that it fits into `width` pixels."""
    if text_width(text, size) <= width:
        return text
    kept = 0
    room = width - text_width("…", size)
    for character in text:
        room -= size * _ems(character)
        if room < 0:
            break
        kept += 1
    return text[:kept].rstrip() + "…"


def wrap(text: str, width: float, size: float = FONT) -> list[str]:
    """Break `text` into at most two lines of `width` pixels; the second may be cut."""
    if text_width(text, size) <= width:
        return [text]
    head = _fitting(_BREAKS.split(text), width, size) or _fitting(list(text), width, size)
    if not head:
        return [shorten(text, width, size)]
    return [head.rstrip(), shorten(text[len(head) :], width, size)]


def text(
    x: float,
    y: float,
    content: str,
    class_: str = "",
    anchor: str | None = None,
    full: str = "",
) -> Markup:
    """Place text; `y` is its vertical middle, `full` a tooltip where it differs from the text."""
    tooltip = [element("title", full)] if full and full != content else []
    return element(
        "text", content, *tooltip, x=x, y=y, dy="0.35em", class_=class_ or None, text_anchor=anchor
    )


def row_name(x: float, y: float, name: str, width: float) -> list[Markup]:
    """Write a row's name in one or two lines that end at `x` and are centred on `y`."""
    lines = wrap(name, width)
    top = y - LINE * (len(lines) - 1) / 2
    return [
        text(x, top + LINE * row, line, "name", "end", name if lines != [name] else "")
        for row, line in enumerate(lines)
    ]


def name_width(names: list[str], limit: float) -> float:
    """Width of a column that holds all names, at most `limit`."""
    return min(limit, max((text_width(name) for name in names), default=0))


def number_text(value: float, digits: int = 4) -> str:
    """Write a number to `digits` significant digits; whole ones in full, none as a dash."""
    if not math.isfinite(value):
        return DASH
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:.{digits}g}"


def _fitting(parts: list[str], width: float, size: float) -> str:
    """Join as many of the first parts as fit into `width` pixels."""
    head = ""
    for part in parts:
        if text_width((head + part).rstrip(), size) > width:
            break
        head += part
    return head


def _ems(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0
    return _EMS.get(character, 0.74 if character.isupper() else 0.63)
