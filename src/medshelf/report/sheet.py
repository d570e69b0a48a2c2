"""Several charts in one SVG file that needs no page around it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from importlib.resources import files

from markupsafe import Markup

from medshelf.core.errors import ReportError
from medshelf.report.charts.svg import Chart, element

_FONTS = (
    'system-ui, "Segoe UI", Roboto, "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", '
    '"Noto Sans CJK SC", sans-serif'
)
_MARGIN, _BETWEEN, _TITLE, _HEAD = 32, 48, 30, 64


def sheet(title: str, charts: Sequence[Chart], *, note: str = "", columns: int = 3) -> str:
    """Lay out charts in columns below a title; each goes where the most room is left.

    Args:
        title: The heading.
        charts: In reading order; as wide as the widest.
        note: A sentence below the heading.
        columns: How many at most.

    Returns:
        An SVG file with its style inside; colours follow the reader's light or dark theme.

    Raises:
        ReportError: There is no chart, or no column.
    """
    if not charts or columns < 1:
        raise ReportError("A sheet of no charts", "Give at least one chart and one column")
    width = max(each.width for each in charts)
    bottoms = [_MARGIN + _HEAD] * min(columns, len(charts))
    parts = []
    for each in charts:
        column = bottoms.index(min(bottoms))
        left, top = _MARGIN + column * (width + _BETWEEN), bottoms[column]
        parts.append(_placed(each, left, top))
        bottoms[column] += _TITLE + _height(each) + _BETWEEN
    size = (
        2 * _MARGIN + len(bottoms) * (width + _BETWEEN) - _BETWEEN,
        max(bottoms) - _BETWEEN + _MARGIN,
    )
    return str(_file(title, note, parts, size))


def _file(title: str, note: str, parts: Sequence[Markup], size: tuple[int, int]) -> Markup:
    width, height = size
    css = files("medshelf.report").joinpath("charts/charts.css").read_text("utf-8")
    style = f"{css}text {{ fill: var(--text); font-family: {_FONTS} }}"
    return element(
        "svg",
        element("title", title),
        element("style", style),
        element("rect", width=width, height=height, style="fill: var(--ground)"),
        _line(title, _MARGIN + 12, 26, 650),
        _line(note, _MARGIN + 40, 14, 400),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
    )


def _line(text: str, y: float, size: int, weight: int) -> Markup:
    return element("text", text, x=_MARGIN, y=y, font_size=size, font_weight=weight)


def _placed(chart: Chart, left: float, top: float) -> Markup:
    name = element("text", chart.title, y=12, font_size=15, font_weight=650)
    moved = element("g", chart.svg, transform=f"translate(0 {_TITLE})")
    return element("g", name, moved, transform=f"translate({left} {top})")


def _height(chart: Chart) -> int:
    return int(ET.fromstring(str(chart.svg)).attrib["height"])  # noqa: S314 - made by our charts
