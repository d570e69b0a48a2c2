"""Reading a chart back from its SVG."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from medshelf.report.charts.svg import Chart

Point = tuple[float, float]


def root(chart: Chart) -> ET.Element:
    """Parse the chart; namespaces are cut off."""
    tree = ET.fromstring(str(chart.svg))
    for each in tree.iter():
        each.tag = each.tag.removeprefix("{http://www.w3.org/2000/svg}")
    return tree


def find(chart: Chart, tag: str, class_: str = "") -> list[ET.Element]:
    """Elements of one kind that have a class."""
    return [
        each
        for each in root(chart).iter(tag)
        if not class_ or class_ in each.get("class", "").split()
    ]


def number(element: ET.Element, name: str) -> float:
    return float(element.get(name, "nan"))


def texts(chart: Chart, class_: str = "") -> list[str]:
    """What is written, without tooltips."""
    return [written(each) for each in find(chart, "text", class_)]


def written(element: ET.Element) -> str:
    spans = "".join(each.text or "" for each in element if each.tag == "tspan")
    return (element.text or "") + spans


def titles(chart: Chart) -> list[str]:
    return [each.text or "" for each in find(chart, "title")]


def runs(path: ET.Element) -> list[list[Point]]:
    """The pixels of each unbroken part of a path of M and L."""
    return [
        [(float(x), float(y)) for x, y in re.findall(r"([-\d.]+),([-\d.]+)", part)]
        for part in path.get("d", "").split("M")
        if part.strip()
    ]


def tick_pixels(chart: Chart, anchor: str, along: str) -> dict[float, float]:
    """Value to pixel, as the tick labels of one axis (`middle`: x, `end`: y) say."""
    return {
        float(written(each).replace(",", "")): number(each, along)
        for each in find(chart, "text", "tick")
        if each.get("text-anchor") == anchor
    }


def ruler(ticks: dict[float, float]) -> tuple[float, float]:
    """Slope and offset of the straight line through the ticks."""
    (low, first), (high, last) = min(ticks.items()), max(ticks.items())
    slope = (last - first) / (high - low)
    return slope, first - slope * low
