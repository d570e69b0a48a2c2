"""The pictures of one sample: each image, or three planes of it, with masks and shapes drawn on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw

from medshelf.core.errors import MedshelfError
from medshelf.dataset.masks import part_of
from medshelf.dataset.sample import Sample
from medshelf.formats.geometry import orientation
from medshelf.formats.raster import Raster
from medshelf.imaging.lettering import font
from medshelf.imaging.overlay import Colour, as_rgb, colour_of, draw_shape, tint
from medshelf.imaging.planes import centre_of, in_layout, spacing_in_layout, three_planes
from medshelf.imaging.window import Window, to_grey

_CAPTION_PX, _PAPER, _GREY, _YELLOW = 15, (255, 255, 255), (110, 110, 118), (255, 210, 90)
_MOST_VALUES = 8
_BACKGROUND = "background"
_UNSTATED = "LPS"
"""The layout that a volume without orientation is shown in, as it is stored."""


@dataclass
class Drawing:
    """Colours that were given, and what could not be drawn.

    Attributes:
        colours: Name of a structure or shape to its colour, in the order of appearance.
        notes: What could not be shown, and why.
    """

    colours: dict[str, Colour] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def colour(self, name: str) -> Colour:
        """Return the colour of a structure or shape; a new one is given one."""
        return self.colours.setdefault(name, colour_of(len(self.colours)))


Region = tuple[Raster, Colour]
"""Where a structure is, and its colour."""


def panels(
    sample: Sample,
    name: str,
    regions: Sequence[Region],
    drawing: Drawing,
    *,
    window: Window | None,
    edge: int,
) -> Iterator[Image.Image]:
    """Yield the pictures of one image: itself, or three planes.

    Args:
        sample: The sample.
        name: Which image.
        regions: What its masks show, from `regions`.
        drawing: Takes colours and what could not be drawn.
        window: Centre and width.
        edge: Longest side in pixels.
    """
    try:
        raster = _still(sample.raster(name))
    except MedshelfError as error:
        drawing.notes.append(f"{name}: {error.problem}")
        return
    if "Z" in raster.axes:
        yield from _planes(raster, regions, window, edge)
        if sample.shapes:
            drawing.notes.append(f"{len(sample.shapes)} shapes, which are not drawn on volumes")
        return
    picture = as_rgb(as_picture(raster, window))
    for where, colour in regions:
        if where.as_axes("YX").shape == picture.shape[:2]:
            tint(picture, where.as_axes("YX"), colour)
    image, scale = _scaled(Image.fromarray(picture), edge)
    _draw_shapes(sample, name, image, scale, drawing)
    yield _captioned(image, name if len(sample.images) > 1 else "")


def _draw_shapes(
    sample: Sample, name: str, image: Image.Image, scale: float, drawing: Drawing
) -> None:
    undrawn = 0
    for each in sample.shapes:
        if each.media in (None, name):
            drawn = each.unit == "pixel" and draw_shape(
                image,
                str(each.kind),
                each.points,
                drawing.colour(each.label or str(each.kind)),
                scale,
            )
            undrawn += not drawn
    if undrawn:
        drawing.notes.append(f"{undrawn} shapes on {name}, which are not in pixels of a picture")


def as_picture(raster: Raster, window: Window | None = None) -> np.ndarray:
    """Return a two-dimensional raster as a screen shows it, bright being dense.

    Args:
        raster: Axes Y, X and maybe C, in any order.
        window: Centre and width.

    Returns:
        uint8 (H, W) or (H, W, 3).
    """
    array = raster.as_axes("YXC" if "C" in raster.axes else "YX")
    if array.dtype.kind == "c":
        array = np.abs(array)
    if array.ndim == 3:  # noqa: PLR2004
        array = array[..., :3] if array.shape[-1] > 2 else array[..., 0]  # noqa: PLR2004
    grey = to_grey(array, window)
    return 255 - grey if raster.photometric == "inverted-grey" else grey


def _still(raster: Raster) -> Raster:
    """Take the middle of time, and of a volume of colours the first channel."""
    array, axes = raster.array, raster.axes
    for axis in "TC" if "Z" in axes else "T":
        if axis in axes:
            place = array.shape[axes.index(axis)] // 2 if axis == "T" else 0
            array = np.take(array, place, axes.index(axis))
            axes = axes.replace(axis, "")
    return Raster(array, axes, raster.photometric, raster.spacing_mm, raster.affine)


def regions(sample: Sample, drawing: Drawing) -> Iterator[Region]:
    """Yield what the masks of a sample show."""
    for name in sample.masks:
        try:
            annotators = [
                each.annotator
                for each in sample.media
                if each.role == "mask" and str(each.name) == name
            ]
            mask = _time_out(sample.mask_raster(name, annotators[0]))
        except MedshelfError as error:
            drawing.notes.append(f"mask {name}: {error.problem}")
            continue
        if annotators[0] is not None and len(set(annotators)) > 1:
            drawing.notes.append(f"mask {name} by others than {annotators[0]}")
        for label, where in _structures(sample, name, mask):
            if where.any():
                axes = mask.axes.replace("C", "")
                yield (
                    Raster(where, axes, "label", mask.spacing_mm, mask.affine),
                    drawing.colour(label),
                )


def _time_out(mask: Raster) -> Raster:
    if "T" not in mask.axes:
        return mask
    at = mask.axes.index("T")
    array = np.take(mask.array, mask.array.shape[at] // 2, at)
    return Raster(array, mask.axes.replace("T", ""), "label", mask.spacing_mm, mask.affine)


def _structures(sample: Sample, name: str, mask: Raster) -> Iterator[tuple[str, np.ndarray]]:
    legend = {
        label: values for label, values in sample.legend.items() if label.lower() != _BACKGROUND
    }
    labels = [each.label for each in sample.media if str(each.name) == name and each.label]
    if labels or mask.array.dtype == bool:
        yield labels[0] if labels else name, mask.array != 0
    elif legend:
        for label, values in legend.items():
            yield label, part_of(mask, values).array
    else:
        found = [each for each in np.unique(mask.array).tolist() if each]
        if not 1 < len(found) <= _MOST_VALUES:
            yield name, mask.array != 0
            return
        for value in found:
            yield f"{name} {value:g}", mask.array == value


def _planes(
    raster: Raster, regions: Sequence[Region], window: Window | None, edge: int
) -> Iterator[Image.Image]:
    codes = orientation(raster.affine) if raster.affine is not None else _UNSTATED
    spacing = raster.spacing_mm or (1.0, 1.0, 1.0)
    volume = in_layout(to_grey(raster.as_axes("XYZ"), window), codes)
    if raster.photometric == "inverted-grey":
        volume = 255 - volume
    masks = [(in_layout(each.as_axes("XYZ"), codes), colour) for each, colour in regions]
    masks = [(each, colour) for each, colour in masks if each.shape == volume.shape]
    union = (
        np.logical_or.reduce([each for each, _ in masks]) if masks else np.zeros(volume.shape, bool)
    )
    at, along = centre_of(union), spacing_in_layout((spacing[0], spacing[1], spacing[2]), codes)
    overlays = [three_planes(each, along, at) for each, _ in masks]
    for number, plane in enumerate(three_planes(volume, along, at)):
        picture = as_rgb(np.ascontiguousarray(plane.array))
        for overlay, (_, colour) in zip(overlays, masks, strict=True):
            tint(picture, overlay[number].array, colour)
        image = Image.fromarray(picture)
        down, across = plane.spacing_mm
        tall = image.resize(
            (image.width, max(1, round(image.height * down / across))), Image.Resampling.BILINEAR
        )
        shown = _scaled(tall, edge * 3 // 4)[0]
        if raster.affine is not None:
            _mark_edges(shown, plane.edges)
        slices = {"axial": at[2], "coronal": at[1], "sagittal": at[0]}
        yield _captioned(shown, f"{plane.name}, slice {slices[plane.name]}")


def _mark_edges(image: Image.Image, edges: str) -> None:
    draw, letters = ImageDraw.Draw(image), font(_CAPTION_PX)
    width, height = image.size
    places = (
        (4, height // 2),
        (width - 14, height // 2),
        (width // 2, 2),
        (width // 2, height - 20),
    )
    for letter, place in zip(edges, places, strict=True):
        draw.text(place, letter, _YELLOW, letters)


def _scaled(image: Image.Image, edge: int) -> tuple[Image.Image, float]:
    """Fit an image into a square; small ones keep their pixels visible."""
    scale = edge / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    smooth = Image.Resampling.BOX if scale < 1 else Image.Resampling.NEAREST
    return image.resize(size, smooth), scale


def _captioned(image: Image.Image, caption: str) -> Image.Image:
    if not caption:
        return image
    canvas = Image.new("RGB", (image.width, image.height + 22), _PAPER)
    canvas.paste(image, (0, 22))
    ImageDraw.Draw(canvas).text((0, 2), caption, _GREY, font(_CAPTION_PX))
    return canvas
