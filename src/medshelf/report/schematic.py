"""The picture of a dataset whose data are not at hand: a schematic drawn from facts, marked as one.

It shows of what kind the samples are (one frame, a stack of slices, a film, a trace, a text), what
such images look like in general, and what was marked in them. It shows no data.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from markupsafe import Markup

from medshelf.core.errors import ReportError
from medshelf.report.charts.svg import element, join
from medshelf.report.schematic_marks import MARKS, POINT, line
from medshelf.report.schematic_words import TEXTS, page

WIDTH, HEIGHT = 360, 218

_LOOKS = {
    "adaptive-optics": "microscopy",
    "angiography": "vessels",
    "audio": "traces",
    "cbct": "ct",
    "colposcopy": "endoscopy",
    "confocal-microscopy": "vessels",
    "ecg": "traces",
    "eeg": "traces",
    "electron-microscopy": "microscopy",
    "eye-tracking": "traces",
    "fmri": "mri",
    "infrared-camera": "photo",
    "infrared-reflectance": "vessels",
    "intraoral-scan": "mesh",
    "natural-image": "photo",
    "octa": "vessels",
    "physiological-signal": "traces",
    "signal": "traces",
    "spatial-transcriptomics": "histopathology",
    "surgical-microscopy": "endoscopy",
    "video": "photo",
}
_EDGE = 136
_INK, _PAPER, _RULE, _GROUND, _STRIP = "#5b6b7f", "#ffffff", "#c3ccd6", "#f3f6f9", "#232a33"
_FONTS = "system-ui, 'Segoe UI', Roboto, 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC'"


@dataclass(frozen=True, slots=True)
class _Glyph:
    """What images of a modality look like.

    Attributes:
        svg: A square picture.
        finding: Centre and radii (x, y, rx, ry) of what one would mark, in hundredths of the edge.
    """

    svg: Markup
    finding: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class _Panel:
    """One picture with what is marked in it.

    Attributes:
        glyph: The picture.
        tasks: What is marked.
        left: Left side, pixels.
        top: Upper side, pixels.
        edge: Width and height, pixels.
    """

    glyph: _Glyph
    tasks: frozenset[str]
    left: float
    top: float
    edge: float

    def draw(self, dx: float = 0, dy: float = 0, edge: float | None = None) -> Markup:
        """Draw the picture in a frame, moved by (dx, dy) pixels."""
        x, y, size = self.left + dx, self.top + dy, edge or self.edge
        shapes = [draw(*self.glyph.finding) for task, draw in MARKS.items() if task in self.tasks]
        inner = element(
            "svg", self.glyph.svg, *shapes, x=x, y=y, width=size, height=size, viewBox="0 0 100 100"
        )
        outline = element("rect", x=x, y=y, width=size, height=size, fill="none", stroke=_INK)
        return join([inner, outline])


def schematic(
    dimensions: Sequence[str], modalities: Sequence[str], tasks: Collection[str], *, mark: str
) -> str:
    """Draw the schematic of a dataset as one SVG file; the same facts give the same bytes.

    Args:
        dimensions: E.g. `2D`, `3D`, `video`, `text`. Unknown ones are drawn as one frame.
        modalities: E.g. `ct`; the first that has a picture of its own counts.
        tasks: E.g. `segmentation`, `vqa`; those that mark nothing are not shown.
        mark: The words that say that this is no data; they are written below the picture.

    Raises:
        ReportError: The mark is empty.
    """
    if not mark.strip():
        raise ReportError("A schematic has no mark", "Say in it that no data are shown")
    medium = min((each for each in dimensions if each != "text"), key=_rank, default=None)
    words = next((draw for task, draw in TEXTS.items() if task in tasks), None)
    if words is None and "text" in dimensions:
        words = page
    parts = [_rect((0.5, 0.5, WIDTH - 1, HEIGHT - 1), _GROUND, _RULE, dashes="6 4")]
    if medium is not None or words is None:
        left = 38 if words else (WIDTH - _EDGE) / 2
        panel = _Panel(_glyph(medium, modalities), frozenset(tasks), left, 34, _EDGE)
        parts.append(_MEDIA.get(medium or "", _frame)(panel))
    if words is not None:
        parts.append(words(212 if medium else 112, 38, 124 if medium else 136))
    parts.append(_mark(mark))
    return str(_svg(mark, parts))


def _rank(dimension: str) -> int:
    """Return the place of a dimension among those that are drawn first; plain frames come last."""
    drawn = [*_MEDIA]
    return drawn.index(dimension) if dimension in drawn else len(drawn)


def _svg(title: str, parts: Sequence[Markup]) -> Markup:
    return element(
        "svg",
        element("title", title),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        width=WIDTH,
        height=HEIGHT,
    )


def _mark(text: str) -> Markup:
    return element(
        "text",
        text,
        x=WIDTH / 2,
        y=HEIGHT - 16,
        text_anchor="middle",
        font_family=_FONTS,
        font_size=13,
        fill=_INK,
    )


def _glyph(medium: str | None, modalities: Sequence[str]) -> _Glyph:
    looks = [_LOOKS.get(each, each) for each in (*modalities, medium or "")]
    return _read_glyph(next((each for each in looks if each in _glyph_names()), "plain"))


@cache
def _glyph_names() -> frozenset[str]:
    folder = files("medshelf.report").joinpath("glyphs")
    return frozenset(sorted(each.name.removesuffix(".svg") for each in folder.iterdir()))


@cache
def _read_glyph(name: str) -> _Glyph:
    text = files("medshelf.report").joinpath("glyphs", f"{name}.svg").read_text("utf-8")
    x, y, rx, ry = map(float, ET.fromstring(text).attrib["data-finding"].split())  # noqa: S314 - ours
    return _Glyph(Markup(text.strip()), (x, y, rx, ry))  # noqa: S704 - our own files


def _rect(
    place: tuple[float, float, float, float], fill: str, line: str | None = None, dashes: str = ""
) -> Markup:
    x, y, width, height = place
    return element(
        "rect",
        x=x,
        y=y,
        width=width,
        height=height,
        rx=4,
        fill=fill,
        stroke=line,
        stroke_dasharray=dashes or None,
    )


def _frame(panel: _Panel) -> Markup:
    return join([panel.draw(), *_chip(panel)])


def _stack(panel: _Panel) -> Markup:
    """Draw slices behind the first one."""
    size = panel.edge - 18
    behind = [
        _rect((panel.left + 7 * step, panel.top + 20 - 7 * step, size, size), shade, _INK)
        for step, shade in ((4, "#b4bec9"), (3, "#96a2b0"), (2, "#788696"), (1, "#5c6a7b"))
    ]
    return join([*behind, panel.draw(0, 20, size), *_chip(panel)])


def _stack_in_time(panel: _Panel) -> Markup:
    """Draw a stack of slices over an arrow of time."""
    y, start, end = panel.top - 12, panel.left, panel.left + panel.edge
    arrow = f"M{start} {y}H{end}M{end - 6} {y - 4}l6 4-6 4"
    ticks = "".join(f"M{start + share * panel.edge:g} {y - 3}v6" for share in (0.2, 0.4, 0.6, 0.8))
    return join([line(f"{arrow}{ticks}", _INK), _stack(panel)])


def _film(panel: _Panel) -> Markup:
    """Draw three frames on a strip of film; a smaller one where a text stands beside it."""
    beside = panel.left < (WIDTH - panel.edge) / 2
    size, gap = (52.0, 5.0) if beside else (84.0, 7.0)
    width = 3 * size + 4 * gap
    left = panel.left - 16 if beside else (WIDTH - width) / 2
    top = panel.top + (panel.edge - size) / 2
    holes = [
        _rect((left + 6 + 16 * number, y, 8, 8), _GROUND)
        for number in range(int(width // 16))
        for y in (top - 13, top + size + 5)
    ]
    frames = [
        panel.draw(left + gap + number * (size + gap) - panel.left, top - panel.top, size)
        for number in range(3)
    ]
    strip = _rect((left, top - 18, width, size + 36), _STRIP)
    return join([strip, *holes, *frames, *_chip(panel)])


_MEDIA: dict[str, Callable[[_Panel], Markup]] = {
    "4D": _stack_in_time,
    "3D": _stack,
    "video": _film,
}
"""How samples are laid out; the first that a dataset has is drawn. Others are one frame."""


def _chip(panel: _Panel) -> list[Markup]:
    """Draw the name plate of a class, without a name, below the picture."""
    if "classification" not in panel.tasks:
        return []
    x, y = panel.left + 8, panel.top + panel.edge - 9
    pill = element("rect", x=x, y=y, width=66, height=20, rx=10, fill=_PAPER, stroke=_INK)
    dot = element("circle", cx=x + 12, cy=y + 10, r=4.5, fill=POINT)
    return [pill, dot, line(f"M{x + 23} {y + 10}h32", _INK, 4)]
