"""Pixels by row number: thumbnails, pictures, slices in 16 bit, masks, volumes. Never a path."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Final

import numpy as np
from fastapi import Depends, Query, Request
from fastapi import Path as InPath
from fastapi.responses import Response

from medshelf.core.errors import SettingError, UnsupportedError
from medshelf.explorer.pixels import encoding
from medshelf.explorer.pixels.scene import Axis, Scene
from medshelf.explorer.pixels.seen import Pixels
from medshelf.explorer.pixels.structures import first_colours
from medshelf.explorer.pixels.thumbnails import thumbnail
from medshelf.explorer.site import Site
from medshelf.formats import nifti_writer
from medshelf.formats.raster import Raster
from medshelf.imaging.overlay import as_rgb
from medshelf.imaging.window import Window, parse_window

MOST_IN_3D: Final = 512**3
"""Values of a volume that are sent whole at most."""

_FOR_EVER: Final = "private, max-age=31536000, immutable"

Key = Annotated[str, InPath(pattern="^[0-9a-f]{32}$")]
Row = Annotated[int, InPath(ge=0, le=10**10)]
Slot = Annotated[int, InPath(ge=0, le=10_000)]
Shown = Annotated[str, Query(max_length=40, pattern=r"^[a-z0-9.,\-]*$")]


async def _pixels(request: Request) -> Pixels:  # async, or it would cost a thread
    found: Pixels = request.app.state.pixels
    return found


Seen = Annotated[Pixels, Depends(_pixels)]


def thumb(  # noqa: PLR0913 - the parts of an address
    seen: Seen,
    key: Key,
    row: Row,
    slot: Slot,
    size: Annotated[int, Query(ge=16, le=512)] = 128,
    window: Shown = "",
    *,
    overlay: bool = True,
) -> Response:
    """Return a small picture of an image, JPEG, its longer side `size` pixels."""

    def make() -> bytes:
        sample = seen.sample(key, row)
        seen.medium(sample, slot)
        with seen.turn():
            return thumbnail(sample, slot, size, window=window_of(window), overlay=overlay)

    name = f"{row}/{slot}/{size}/{window}/{int(overlay)}"
    return _answer(seen.store(key).get(name, make), "image/jpeg")


def picture(  # noqa: PLR0913 - the parts of an address
    seen: Seen,
    key: Key,
    row: Row,
    slot: Slot,
    axis: Axis | None = None,
    *,
    k: Annotated[int | None, Query(ge=0)] = None,
    window: Shown = "",
    masks: Annotated[str, Query(max_length=400, pattern=r"^[0-9,]*$")] = "",
) -> Response:
    """Return a picture, or one slice of a volume, as PNG, with masks drawn on it.

    Args:
        seen: What has pixels.
        key: Of the manifest.
        row: Of the sample.
        slot: Of the image.
        axis: `axial` by default.
        k: Number of the slice; the middle one by default.
        window: Preset, or `centre,width`.
        masks: Slots of the masks to draw, with commas.
    """
    scene = seen.scene(key, row, slot)
    axis = axis or scene.axes[0]
    number = scene.n_slices(axis) // 2 if k is None else k
    plane = scene.plane(axis, number)
    drawn = encoding.as_picture(scene, plane, window_of(window))
    firsts = first_colours(seen.sample(key, row))
    for each in sorted({int(each) for each in masks.split(",") if each}):
        structures, mask = seen.structures(key, row, each), seen.scene(key, row, each)
        _require_same_size(mask, scene)
        drawn = as_rgb(drawn)
        for colour, structure in enumerate(structures, start=firsts[each]):
            encoding.with_structure(drawn, mask.plane(axis, number), structure.values, colour)
    return _answer(encoding.png(drawn), "image/png")


def values(seen: Seen, key: Key, row: Row, slot: Slot, axis: Axis, k: int) -> Response:
    """Return a slice in 16 bit; the headers say its shape, and how to get its values back."""
    scene = seen.scene(key, row, slot)
    if scene.is_colour:
        problem = "A picture with colours has no single value per pixel"
        raise UnsupportedError(problem, "Ask for image.png")
    plane = scene.plane(axis, k)
    found = encoding.as_values(scene, plane)
    return _answer(
        found.content,
        "application/octet-stream",
        {
            "X-Rows": str(plane.array.shape[0]),
            "X-Columns": str(plane.array.shape[1]),
            "X-Slope": repr(found.slope),
            "X-Intercept": repr(found.intercept),
        },
    )


def numbers(seen: Seen, key: Key, row: Row, slot: Slot, axis: Axis, k: int) -> Response:
    """Return a slice of a mask, uint8: the number of a structure from 1 on, 0 outside."""
    structures = [each.values for each in seen.structures(key, row, slot)]
    plane = seen.scene(key, row, slot).plane(axis, k)
    content = encoding.as_numbers(plane, structures)
    shape = {"X-Rows": str(plane.array.shape[0]), "X-Columns": str(plane.array.shape[1])}
    return _answer(content, "application/octet-stream", shape)


def volume(seen: Seen, key: Key, row: Row, slot: Slot) -> Response:
    """Return a volume as NIfTI, every second value of each axis where it is large.

    Raises:
        UnsupportedError: It is no volume.
    """
    scene = seen.scene(key, row, slot)
    if not scene.is_volume:
        problem = "This is a picture, not a volume"
        raise UnsupportedError(problem, "Ask for image.png")
    step = 1
    while scene.array.size // step**3 > MOST_IN_3D:
        step += 1
    array = scene.array[::step, ::step, ::step]
    spacing = [each * step for each in scene.spacing_mm or (1.0, 1.0, 1.0)]
    affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    x, y, z = spacing
    raster = Raster(np.ascontiguousarray(array), "XYZ", spacing_mm=(x, y, z), affine=affine)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "volume.nii.gz"
        nifti_writer.write(path, raster)
        return _answer(path.read_bytes(), "application/gzip", {"X-Step": str(step)})


def register(site: Site) -> None:
    """Add the addresses of pixels."""
    start = "/media/{key}/{row}/{slot}"
    for path, made in (
        ("thumb.jpg", thumb),
        ("image.png", picture),
        ("slice/{axis}/{k}.i16", values),
        ("mask/{axis}/{k}.u8", numbers),
        ("volume.nii.gz", volume),
    ):
        site.router.add_api_route(f"{start}/{path}", made, include_in_schema=False)


def window_of(text: str) -> Window | None:
    """Return the window that an address names, None where it names none.

    Raises:
        UnknownNameError, SettingError: As `parse_window`.
    """
    return parse_window(text) if text else None


def _require_same_size(mask: Scene, image: Scene) -> None:
    if mask.array.shape[: 2 + image.is_volume] != image.array.shape[: 2 + image.is_volume]:
        sizes = [" x ".join(map(str, each.array.shape)) for each in (mask, image)]
        problem = f"The mask is {sizes[0]}, the image {sizes[1]}"
        raise SettingError(problem, "Leave the mask out")


def _answer(content: bytes, kind: str, headers: dict[str, str] | None = None) -> Response:
    return Response(
        content, media_type=kind, headers={"Cache-Control": _FOR_EVER} | (headers or {})
    )
