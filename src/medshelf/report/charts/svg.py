"""SVG text in which every string from outside is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH = 440
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Chart:
    """A finished chart.

    Attributes:
        title: What the chart shows; the page prints it above the picture.
        svg: The picture, safe to put into a page that carries `charts.css`.
        width: Natural width in CSS pixels.
    """

    title: str
    svg: Markup
    width: int


def element(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """Build one element; children that are not Markup are text and get escaped.

    In attribute names a trailing underscore falls away (`class_`) and others become hyphens;
    None leaves an attribute out; floats are rounded to 0.01.
    """
    parts = [f"<{name}"]
    for key, value in attributes.items():
        if value is not None:
            attribute = key.rstrip("_").replace("_", "-")
            parts.append(f' {attribute}="{escape(_plain(value))}"')
    inner = "".join(escape(clean(child)) for child in children)
    parts.append(f">{inner}</{name}>" if inner else "/>")
    return Markup("".join(parts))  # noqa: S704 - each part is escaped above


def join(parts: Iterable[Markup]) -> Markup:
    """Put elements one after the other."""
    return Markup("").join(parts)


def clean(text: str) -> str:
    """Replace the characters that neither XML nor HTML allows by U+FFFD."""
    return text if isinstance(text, Markup) else _NOT_XML.sub("\ufffd", text)


def chart(title: str, summary: str, size: tuple[int, int], parts: Iterable[Markup]) -> Chart:
    """Wrap elements into a picture that screen readers name by title and summary.

    Args:
        title: Its accessible name, too.
        summary: The data in words, for those who cannot see the picture.
        size: Width and height, pixels.
        parts: What is drawn, back to front.
    """
    width, height = size
    svg = element(
        "svg",
        element("desc", summary),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        class_="chart",
        role="img",
        aria_label=title,
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
    )
    return Chart(title, svg, width)


def _plain(value: str | float) -> str:
    if isinstance(value, str):
        return clean(value)
    return f"{round(value, 2) + 0.0:g}" if abs(value) < 1e4 else f"{value:.2f}"  # noqa: PLR2004
