"""What is marked in the pictures of schematics: masks, boxes, points, tracks.

Each is drawn around a finding: its centre and radii (x, y, rx, ry) in hundredths of the edge.
"""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from medshelf.report.charts.svg import element, join

POINT = "#ff4f87"
"""The colour of points and class names."""

_MASK, _BOX, _PAPER = "#12c2b0", "#ffb52e", "#ffffff"


def line(path: str, colour: str, width: float = 1.5) -> Markup:
    """Draw an open path."""
    return element(
        "path", d=path, fill="none", stroke=colour, stroke_width=width, stroke_linecap="round"
    )


def _mask(x: float, y: float, rx: float, ry: float) -> Markup:
    path = (
        f"M{x - rx:g} {y:g}q{-rx * 0.1:g} {-ry * 1.1:g} {rx:g} {-ry:g}"
        f"t{rx:g} {ry * 0.8:g}q{rx * 0.2:g} {ry:g} {-rx * 0.8:g} {ry * 1.1:g}"
        f"t{-rx * 1.2:g} {-ry * 0.9:g}z"
    )
    return element("path", d=path, fill=_MASK, fill_opacity=0.35, stroke=_MASK, stroke_width=1.8)


def _box(x: float, y: float, rx: float, ry: float) -> Markup:
    width, height = 2 * rx + 6, 2 * ry + 6
    return element(
        "rect",
        x=x - width / 2,
        y=y - height / 2,
        width=width,
        height=height,
        fill="none",
        stroke=_BOX,
        stroke_width=2,
    )


def _points(x: float, y: float, rx: float, ry: float) -> Markup:
    places = ((x - rx, y), (x + rx, y), (x, y - ry), (x, y + ry))
    return join(
        element("circle", cx=px, cy=py, r=2.2, fill=POINT, stroke=_PAPER, stroke_width=0.8)
        for px, py in places
    )


def _track(x: float, y: float, _rx: float, _ry: float) -> Markup:
    path = f"M{x:g} {y:g}q{(20 - x) / 2:g} {(30 - y) / 2 - 12:g} {20 - x:g} {84 - y:g}"
    return element(
        "path",
        d=path,
        fill="none",
        stroke=_BOX,
        stroke_width=2,
        stroke_dasharray="1 4",
        stroke_linecap="round",
    )


MARKS: dict[str, Callable[[float, float, float, float], Markup]] = {
    "segmentation": _mask,
    "detection": _box,
    "tracking": _track,
    "keypoints": _points,
    "counting": _points,
}
"""How each task marks a finding."""
