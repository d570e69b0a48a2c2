"""Text that fits: widths are estimated, because only the browser knows the font."""

from __future__ import annotations

import math
import unicodedata

from markupsafe import Markup

from medshelf.report.charts.svg import element

FONT = 13
SMALL = 11.5
LINE = 16
DASH = "\N{EN DASH}"
_NARROW = set("fijlrtI.,:;'|!()[]/ -")
_BROAD = set("mwMW@%")


def text_width(text: str, size: float = FONT) -> float:
    """Estimate the width of `text` in pixels at font size `size`; rather too wide."""
    return size * sum(map(_ems, text))


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
    head = ""
    for word in text.split(" "):
        longer = f"{head} {word}".strip()
        if text_width(longer, size) > width:
            break
        head = longer
    if not head:
        while text_width(head + text[len(head)], size) <= width and len(head) < len(text) - 1:
            head += text[len(head)]
    if not head:
        return [shorten(text, width, size)]
    return [head, shorten(text[len(head) :].lstrip(), width, size)]


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


def _ems(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0
    if character in _NARROW:
        return 0.34
    if character in _BROAD:
        return 0.92
    return 0.68 if character.isupper() else 0.58
