"""A sample as a person would look at it: images with what is drawn on them, text, answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PIL import Image, ImageDraw

from medshelf.core.errors import SettingError
from medshelf.dataset.looking.panels import Drawing, panels, regions
from medshelf.dataset.sample import Sample
from medshelf.imaging.lettering import chinese_font, font, is_chinese, wrapped
from medshelf.imaging.overlay import Colour
from medshelf.imaging.window import Window

_PAPER, _INK, _GREY, _RED = (255, 255, 255), (24, 24, 27), (110, 110, 118), (180, 60, 20)
_MARGIN, _GAP, _TEXT_PX, _TITLE_PX = 16, 8, 15, 19
_WIDTHS = (720, 1600)
_MOST_IMAGES, _MOST_CHARACTERS = 6, 3000


def look(sample: Sample, *, window: Window | None = None, edge: int = 512) -> Image.Image:
    """Draw a sample.

    A volume is three planes through the middle of what its mask shows, in radiological convention:
    the patient's right is on the left. What cannot be drawn is said below the picture.

    Args:
        sample: The sample.
        window: Centre and width in the image's unit; see `imaging.window.to_grey`.
        edge: Longest side of a picture or plane, in pixels.

    Returns:
        RGB.

    Raises:
        SettingError: `edge` is not from 64 to 4096.
        MissingExtraError: A format needs a package that is not installed.
    """
    if not 64 <= edge <= 4096:  # noqa: PLR2004
        raise SettingError(f"An edge of {edge} pixels cannot be drawn", "Choose 64 to 4096")
    drawing = Drawing()
    found = list(regions(sample, drawing))
    pictures = [
        panel
        for name in sample.images[:_MOST_IMAGES]
        for panel in panels(sample, name, found, drawing, window=window, edge=edge)
    ]
    if not sample.images and sample.meta.dimensions:
        drawing.notes.append("the image, since no file for it is at hand")
    if len(sample.images) > _MOST_IMAGES:
        drawing.notes.append(f"{len(sample.images) - _MOST_IMAGES} more images")
    width = max(_WIDTHS[0], min(_WIDTHS[1], sum(each.width + _GAP for each in pictures)))
    blocks = [
        _text(f"{sample.meta.name}: {sample.id}", width, _TITLE_PX),
        _text(_facts(sample), width, colour=_GREY),
        *_rows(pictures, width),
        *([_swatches(drawing.colours, width)] if drawing.colours else []),
        *[_text(each, width) for each in _texts(sample)],
        *[_text(f"Not shown: {each}", width, colour=_RED) for each in drawing.notes],
        _text(
            f"{sample.meta.licence or 'licence not stated'}. Not for clinical use.",
            width,
            colour=_GREY,
        ),
    ]
    return _stacked(blocks, width)


def _rows(panels: Sequence[Image.Image], width: int) -> Iterator[Image.Image]:
    """Lay panels side by side, as many as fit into a row."""
    row: list[Image.Image] = []
    for panel in [*panels, None]:
        used = sum(each.width + _GAP for each in row)
        if row and (panel is None or used + panel.width > width):
            canvas = Image.new("RGB", (width, max(each.height for each in row)), _PAPER)
            left = 0
            for each in row:
                canvas.paste(each, (left, 0))
                left += each.width + _GAP
            yield canvas
            row = []
        if panel is not None:
            row.append(panel)


def _swatches(colours: dict[str, Colour], width: int) -> Image.Image:
    """Draw the legend, in as many lines as it takes."""
    letters = font(_TEXT_PX)
    places, left, top = [], 0, 0
    for name, colour in colours.items():
        length = round(letters.getlength(name)) + 40
        if left and left + length > width:
            left, top = 0, top + 24
        places.append((name, colour, left, top))
        left += length
    canvas = Image.new("RGB", (width, top + 24), _PAPER)
    draw = ImageDraw.Draw(canvas)
    for name, colour, left, top in places:
        draw.rectangle([left, top + 3, left + 14, top + 17], colour, _GREY)
        draw.text((left + 20, top + 1), name, _INK, letters)
    return canvas


def _facts(sample: Sample) -> str:
    present = [each.name or "" for each in sample.labels if each.value == 1]
    if sample.labels and all(each.value == 0 for each in sample.labels):
        present = [f"none of {len(sample.labels)} labels"]
    unsure = [f"{each.name} uncertain" for each in sample.labels if each.value == -1]
    graded = [
        f"{each.name} {each.value:g}"
        for each in sample.labels
        if each.value not in (None, 0, 1, -1)
    ]
    age = None if sample.age_years is None else f"{sample.age_years:g} years"
    facts = (
        sample.label, *present, *unsure, *graded, sample.split and f"split {sample.split}",
        sample.patient_id and f"patient {sample.patient_id}", age, sample.sex, sample.view,
        sample.laterality, sample.site, sample.scanner,
    )  # fmt: skip
    return " | ".join(each for each in facts if each) or "nothing else is stated"


def _texts(sample: Sample) -> Iterator[str]:
    """Yield the paragraphs of a sample."""
    if sample.text:
        for name in ("context", "report", "findings", "impression", "caption"):
            if text := getattr(sample.text, name):
                yield f"{name.title()}: {text}"
    if question := sample.question:
        yield f"Question: {question.text}"
        for number, option in enumerate(question.options):
            mark = "*" if option in question.answers else " "
            yield f"    {mark} {chr(ord('A') + number % 26)}. {option}"
        yield f"Answer: {'; '.join(question.answers) or 'not published'}"
        if question.explanation:
            yield f"Explanation: {question.explanation}"
    for turn in sample.turns:
        yield f"{turn.role or '?'}: {turn.content or ''}"


def _text(text: str, width: int, size: int = _TEXT_PX, colour: Colour = _INK) -> Image.Image:
    letters = chinese_font(size) if is_chinese(text) else font(size)
    if letters is None:
        text = f"(Chinese text of {len(text)} characters: this machine has no font for it)"
        letters = font(size)
    if len(text) > _MOST_CHARACTERS:
        text = f"{text[:_MOST_CHARACTERS]} ... ({len(text) - _MOST_CHARACTERS:,} more characters)"
    lines = wrapped(text, letters, width)
    canvas = Image.new("RGB", (width, len(lines) * round(size * 1.4)), _PAPER)
    draw = ImageDraw.Draw(canvas)
    for number, line in enumerate(lines):
        draw.text((0, number * round(size * 1.4)), line, colour, letters)
    return canvas


def _stacked(blocks: Sequence[Image.Image], width: int) -> Image.Image:
    height = sum(each.height + _GAP for each in blocks)
    canvas = Image.new("RGB", (width + 2 * _MARGIN, height + 2 * _MARGIN), _PAPER)
    top = _MARGIN
    for each in blocks:
        canvas.paste(each, (_MARGIN, top))
        top += each.height + _GAP
    return canvas
