"""The texts of schematics: pages, questions, dialogues. They are drawn as bars, nothing is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from markupsafe import Markup

from medshelf.report.charts.svg import element, join

_INK, _PAPER, _QUIET, _ANSWER, _FOUND = "#5b6b7f", "#ffffff", "#b9c4d0", "#12a594", "#ffd98a"


def page(left: float, top: float, width: float) -> Markup:
    """Draw a page of lines, `width` pixels wide."""
    return join([_paper(left, top, width, width), *_heading(left, top), *_lines(left, top, width)])


def marked_page(left: float, top: float, width: float) -> Markup:
    """Draw a page of lines with parts of them marked."""
    marks = [
        element("rect", x=left + x * width, y=top + y, width=share * width, height=11, fill=_FOUND)
        for x, y, share in ((0.3, 29.5, 0.3), (0.12, 61.5, 0.24), (0.5, 77.5, 0.2))
    ]
    sheet = _paper(left, top, width, width)
    return join([sheet, *marks, *_heading(left, top), *_lines(left, top, width)])


def question(left: float, top: float, width: float) -> Markup:
    """Draw a question in a bubble, and answers of which one is chosen."""
    mark = f"M{left + 14} {top + 15}q0-6 6-6t6 6q0 4-6 7v3M{left + 20} {top + 32}v.5"
    parts = [
        _bubble(left, top, width, 42, tail=left + 26),
        _bar(mark, _INK, 3),
        _bar(f"M{left + 38} {top + 16}h{width - 54:g}M{left + 38} {top + 27}h{width - 74:g}"),
    ]
    for number in range(3):
        y = top + 66 + 24 * number
        chosen = number == 1
        fill = _ANSWER if chosen else _PAPER
        parts.append(element("circle", cx=left + 14, cy=y, r=6, fill=fill, stroke=_INK))
        parts.append(_bar(f"M{left + 30} {y}h{width - 50 - 12 * number:g}"))
        if chosen:
            parts.append(_bar(f"M{left + 11} {y}l2.4 2.6 4.2-5", _PAPER, 2))
    return join(parts)


def dialogue(left: float, top: float, width: float) -> Markup:
    """Draw two speakers' bubbles."""
    parts = []
    for number, (shift, lines) in enumerate(((0, 2), (26, 3), (0, 1))):
        x, y, wide = left + shift, top + (0, 44, 100)[number], width - 26
        tail = x + wide - 22 if shift else x + 18
        parts.append(_bubble(x, y, wide, 12 + 10 * lines, tail=tail))
        path = "".join(
            f"M{x + 12} {y + 11 + 10 * row}h{wide - 24 - 14 * row:g}" for row in range(lines)
        )
        parts.append(_bar(path, _ANSWER if shift else _QUIET))
    return join(parts)


TEXTS: dict[str, Callable[[float, float, float], Markup]] = {
    "vqa": question,
    "question-answering": question,
    "dialogue": dialogue,
    "captioning": page,
    "report-generation": page,
    "vision-language-pretraining": page,
    "information-extraction": marked_page,
}
"""What texts of each task look like; the first that a dataset has is drawn."""


def _paper(left: float, top: float, width: float, height: float) -> Markup:
    return element(
        "rect", x=left, y=top, width=width, height=height, rx=4, fill=_PAPER, stroke=_INK
    )


def _heading(left: float, top: float) -> Iterable[Markup]:
    yield _bar(f"M{left + 14} {top + 18}h42", _INK, 5)


def _lines(left: float, top: float, width: float) -> Iterable[Markup]:
    shares = (1, 0.92, 1, 0.84, 0.96, 0.6)
    path = "".join(
        f"M{left + 14} {top + 35 + 16 * row}h{(width - 28) * share:g}"
        for row, share in enumerate(shares)
    )
    yield _bar(path)


def _bubble(left: float, top: float, width: float, height: float, tail: float) -> Markup:
    """Draw a rounded box whose tail hangs down at `tail`."""
    path = (
        f"M{left + 8:g} {top}h{width - 16:g}q8 0 8 8v{height - 16:g}q0 8-8 8H{tail + 8:g}"
        f"l-8 8v-8H{left + 8:g}q-8 0-8-8v{-(height - 16):g}q0-8 8-8z"
    )
    return element("path", d=path, fill=_PAPER, stroke=_INK)


def _bar(path: str, colour: str = _QUIET, width: float = 4) -> Markup:
    return element(
        "path", d=path, fill="none", stroke=colour, stroke_width=width, stroke_linecap="round"
    )
