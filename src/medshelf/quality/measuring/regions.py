"""What is drawn in a mask: one row per structure, with its size, place and connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from medshelf.dataset.masks import Legend
from medshelf.formats.raster import Raster
from medshelf.quality.measuring.decoded import MismatchError

MAX_VALUES = 4096
"""Different values beyond which an array is no mask of structures."""

Box = tuple[slice, ...]

_BACKGROUND = "background"
_MAX_AT_ONCE = 1 << 16


def structures_of(mask: Raster, legend: Legend, label: str | None) -> list[dict[str, Any]]:
    """Return the structures that a mask shows, or could show.

    Args:
        mask: In the axes of `decoded.ORDER`; with channels, each of them is a value.
        legend: What values mean; may be empty.
        label: Of the medium; where it is stated and no value has a name, all of them are that
            structure, and where the legend knows the label itself, the file shows it alone.

    Returns:
        `structure`, the whole numbers `numbers`, `values` and `in_legend` of each.

    Raises:
        MismatchError: The values are too many, or no whole numbers.
    """
    channels = mask.array.shape[-1] if mask.axes.endswith("C") else None
    present = list(range(channels)) if channels else [each for each in _present(mask) if each]
    named = {
        name: [each for each in values if channels or each]
        for name, values in legend.items()
        if name.lower() != _BACKGROUND
    }
    known = {each for values in legend.values() for each in values}
    strange = [each for each in present if each not in known]
    if label is not None and (not legend or label in legend):
        inside = not strange if legend else None
        return [_structure(label, present or named.get(label, []), in_legend=inside)]
    rows = [_structure(name, values, in_legend=True) for name, values in named.items() if values]
    unknown = False if legend else None
    return rows + [_structure(f"{each:g}", [each], in_legend=unknown) for each in strange]


def regions_of(
    mask: Raster, legend: Legend, label: str | None, image: np.ndarray | None
) -> list[dict[str, Any]]:
    """Measure the structures of a mask; see `measures.REGION_MEASURES`.

    Args:
        mask: As for `structures_of`.
        legend: As there.
        label: As there.
        image: Values of the mask's size, without channels; null where there is none.

    Raises:
        MismatchError: As there.
    """
    found = structures_of(mask, legend, label)
    boxes = _boxes_of(mask)
    return [_region(mask, each, _box_of(each["numbers"], boxes), image) for each in found]


def _region(
    mask: Raster, structure: Mapping[str, Any], box: Box | None, image: np.ndarray | None
) -> dict[str, Any]:
    columns = {name: structure[name] for name in ("structure", "values", "in_legend")}
    if box is None:
        return columns | {"n_pixels": 0, "n_components": 0, "n_holes": 0, "touches_border": False}
    crop, axes = _where(mask.array[box], mask.axes, structure["numbers"])
    n_pixels = int(np.count_nonzero(crop))
    spatial = [axes.index(each) for each in "XYZ" if each in axes]
    corners = [each for n in spatial for each in (box[n].start, box[n].stop - 1)]
    edges = mask.array.shape
    touches = any(box[n].start == 0 or box[n].stop == edges[n] for n in spatial)
    inside = None if image is None else image[box][crop]
    return {
        **columns,
        "n_pixels": n_pixels,
        **_sizes(mask, n_pixels, len(spatial)),
        **_connection(crop, axes),
        "touches_border": touches,
        "box": corners,
        "intensity_mean": None if inside is None else float(inside.mean(dtype=np.float64)),
    }


def _structure(name: str, numbers: Sequence[float], *, in_legend: bool | None) -> dict[str, Any]:
    values = ",".join(f"{each:g}" for each in numbers)
    return {"structure": name, "numbers": numbers, "values": values, "in_legend": in_legend}


def _present(mask: Raster) -> list[float]:
    found = np.unique(mask.array)
    if len(found) > MAX_VALUES:
        raise MismatchError(f"It has {len(found):,} different values, too many for a mask")
    return [each.item() for each in found]


def _where(array: np.ndarray, axes: str, numbers: Sequence[float]) -> tuple[np.ndarray, str]:
    if axes.endswith("C"):
        inside = [int(each) for each in numbers if each < array.shape[-1]]
        return (array[..., inside] != 0).any(axis=-1), axes[:-1]
    if len(numbers) == 1:
        return array == numbers[0], axes
    return np.isin(array, list(numbers)), axes


def _boxes_of(mask: Raster) -> dict[float, Box]:
    """Return where each value, or what is not 0 in each channel, lies."""
    array = mask.array
    found: dict[float, Box | None]
    if mask.axes.endswith("C"):
        found = {float(n): _box(array[..., n] != 0) for n in range(array.shape[-1])}
    elif (boxes := _boxes_at_once(array)) is not None:
        found = {float(n): each for n, each in enumerate(boxes, 1)}
    else:
        found = {each: _box(array == each) for each in _present(mask) if each}
    return {number: box for number, box in found.items() if box is not None}


def _boxes_at_once(array: np.ndarray) -> Sequence[Box | None] | None:
    """Return the boxes of the values 1, 2, ...; null where SciPy or small whole numbers are not."""
    if array.dtype.kind not in "iu" or int(array.min()) < 0 or int(array.max()) > _MAX_AT_ONCE:
        return None
    try:
        from scipy import ndimage
    except ImportError:
        return None
    found: list[Box | None] = ndimage.find_objects(array)
    return found


def _box_of(numbers: Sequence[float], boxes: Mapping[float, Box]) -> Box | None:
    """Return the box around those of several values."""
    found = [boxes[each] for each in numbers if each in boxes]
    if not found:
        return None
    return tuple(
        slice(min(each.start for each in along), max(each.stop for each in along))
        for along in zip(*found, strict=True)
    )


def _box(where: np.ndarray) -> Box | None:
    box = []
    for axis in range(where.ndim):
        others = tuple(each for each in range(where.ndim) if each != axis)
        places = np.flatnonzero(where.any(axis=others))
        if not len(places):
            return None
        box.append(slice(int(places[0]), int(places[-1]) + 1))
    return tuple(box)


def _sizes(mask: Raster, n_pixels: int, n_spatial: int) -> dict[str, float]:
    spacing = mask.spacing_mm
    if spacing is None or len(spacing) < n_spatial or n_spatial not in (2, 3) or "T" in mask.axes:
        return {}
    name = "area_mm2" if n_spatial == 2 else "volume_mm3"  # noqa: PLR2004
    return {name: n_pixels * float(np.prod(spacing[:n_spatial]))}


def _connection(crop: np.ndarray, axes: str) -> dict[str, int]:
    """Count components and holes; of several frames the sum."""
    try:
        from scipy import ndimage
    except ImportError:
        return {}
    frames = crop if "T" in axes else crop[None]
    n_components = n_holes = 0
    full = np.ones((3,) * (frames.ndim - 1), bool)
    for frame in frames:
        n_components += int(ndimage.label(frame, full)[1])
        n_holes += int(ndimage.label(np.pad(~frame, 1, constant_values=True))[1]) - 1
    return {"n_components": n_components, "n_holes": n_holes}
