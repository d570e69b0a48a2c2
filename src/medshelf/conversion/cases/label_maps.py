"""The masks of a sample as one map of numbers, on the grid of its image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medshelf.conversion.cases.label_codes import LabelCodes, background_values
from medshelf.conversion.cases.volumes import check_grid
from medshelf.core.errors import LayoutError
from medshelf.dataset import decoding
from medshelf.dataset.fields import Medium
from medshelf.dataset.masks import Legend, part_of, read_mask, region
from medshelf.dataset.sample import Sample
from medshelf.formats.raster import Raster

_TABLE = 1 << 16
_BITS = 64
_UNNAMED = 'State all of them, e.g. --with "legend=0=background; 1=liver"; report the release'
_OVERLAP = 'State what lies in what, e.g. --with "legend=1,2=liver; 2=tumour"'


@dataclass(frozen=True, slots=True)
class MaskChoice:
    """Which masks are taken, and what they mean.

    Attributes:
        codes: The numbers to write.
        names: Names or labels of masks; all where empty.
        annotator: Whose; anybody's where empty.
    """

    codes: LabelCodes
    names: Sequence[str] = ()
    annotator: str = ""

    def of(self, sample: Sample) -> dict[str, list[Medium]]:
        """Return the files of the chosen masks of a sample, by what they show."""
        found: dict[str, list[Medium]] = defaultdict(list)
        for each in sample.media:
            chosen = not self.names or {each.name, each.label} & set(self.names)
            if each.role == "mask" and chosen and self.annotator in ("", each.annotator):
                found[str(each.label or each.name)].append(each)
        return dict(found)


def label_map(sample: Sample, choice: MaskChoice, legend: Legend, image: Raster) -> Raster | None:
    """Return the masks of a sample as one map; null where it has none.

    Args:
        sample: Has the masks.
        choice: Which of them.
        legend: What their values mean.
        image: What they were drawn on, as read.

    Returns:
        uint8, the spatial axes and the geometry of the image.

    Raises:
        LayoutError: A mask has another grid, a value that is not in the legend, or is nowhere a
            number; masks overlap that are no regions.
        FormatError: A file cannot be read.
    """
    axes = "".join(each for each in image.axes if each in "XYZ")
    whole: np.ndarray | None = None
    layers: dict[str, np.ndarray] = {}
    for name, media in choice.of(sample).items():
        raster = _read(sample, media, choice, legend, image)
        if raster.axes.endswith("C"):
            layers |= _channels(raster, legend, axes)
        elif choice.codes.by_structure:
            nothing = background_values(legend) if name not in legend else (0,)
            array = raster.as_axes(axes)
            layers[name] = array != 0 if set(nothing) == {0} else ~region(array, nothing)
        else:
            whole = _coded(
                raster.as_axes(axes),
                choice.codes.of_values(legend),
                f"Mask {name!r} of {sample.id}",
            )
    if layers:
        whole = _merged(layers, choice.codes, sample.id)
    return None if whole is None else replace(image, array=whole, axes=axes, photometric="label")


def _read(
    sample: Sample, media: list[Medium], choice: MaskChoice, legend: Legend, image: Raster
) -> Raster:
    where = _place(sample, media[0])
    of_class = choice.codes.by_structure and {each.label for each in media} & set(legend)
    pictures = any(each.format in decoding.PICTURES for each in media)
    # values of volumes are looked at when they are numbered, and only then
    known = legend if pictures and not of_class else {}
    raster = read_mask(sample.root, media, known, sample.meta.dimensions)
    check_grid(raster, image, str(where), sample.meta.dataset)
    if raster.array.dtype.kind == "f" and np.isnan(raster.array).any():
        problem = f"{where} of sample {sample.id} holds values that are no number (NaN)"
        raise LayoutError(problem, "Leave the sample out with --on-error skip; report the release")
    return raster


def _place(sample: Sample, medium: Medium) -> Path:
    return decoding.location(sample.root, medium)


def _channels(raster: Raster, legend: Legend, axes: str) -> dict[str, np.ndarray]:
    """Return what each channel of a mask shows, but the background; the legend numbers channels."""
    background = set(background_values(legend)) if "background" in _folded(legend) else set()
    shown = {name: values for name, values in legend.items() if not set(values) <= background}
    parts = {name: part_of(raster, values) for name, values in shown.items()}
    return {name: part.as_axes(axes) for name, part in parts.items()}


def _folded(names: Iterable[str]) -> set[str]:
    return {each.casefold() for each in names}


def _coded(array: np.ndarray, codes: Mapping[int, int], where: str) -> np.ndarray:
    """Return the number for each value, uint8.

    Raises:
        LayoutError: A value has none.
    """
    same = dict(enumerate(range(len(codes)))) == codes
    if array.dtype == np.uint8 and same and array.max(initial=0) < len(codes):
        return array
    values = np.array(sorted({0, *codes}), np.int64)
    numbers = np.array([codes.get(int(each), 0) for each in values], np.int16)
    table = np.full(_TABLE, -1, np.int16)
    table[values[values < _TABLE]] = numbers[values < _TABLE]
    coded = np.empty_like(array, np.uint8)
    # along the axis whose slices lie together, so that a slice stays in the processor's cache
    slowest = int(np.argmax(np.abs(array.strides)))
    source, target = np.moveaxis(array, slowest, 0), np.moveaxis(coded, slowest, 0)
    for old, new in zip(source, target, strict=True):
        if old.dtype.kind in "bu" and old.dtype.itemsize <= 2:  # noqa: PLR2004
            found = table[old.view(np.uint8) if old.dtype == bool else old]
        else:
            place = np.searchsorted(values, old).clip(0, len(values) - 1)
            found = np.where(values[place] == old, numbers[place], -1)
        if found.min(initial=0) < 0:
            strange = ", ".join(f"{each:g}" for each in np.unique(old[found < 0])[:5])
            problem = f"{where} has the values {strange}, which the legend does not name"
            raise LayoutError(problem, _UNNAMED)
        new[...] = found
    return coded


def _merged(layers: Mapping[str, np.ndarray], codes: LabelCodes, sample: str) -> np.ndarray:
    numbers = {name.casefold(): code for name, code in codes.labels().items()}
    if strange := [each for each in layers if each.casefold() not in numbers]:
        problem = f"Nothing says which number {strange[0]!r} of sample {sample} has in a mask"
        raise LayoutError(problem, "Name it, and which channel is background, in the legend")
    if codes.order:
        return _regions(layers, codes, sample)
    merged = np.zeros_like(next(iter(layers.values())), np.uint8)
    for name, inside in layers.items():
        code = numbers[name.casefold()]
        if code and (merged[inside] != 0).any():
            problem = f"Masks of sample {sample} overlap: {name!r} and another one"
            raise LayoutError(problem, _OVERLAP)
        if code:
            merged[inside] = code
    return merged


def _regions(layers: Mapping[str, np.ndarray], codes: LabelCodes, sample: str) -> np.ndarray:
    """Return the number whose regions are just those that are drawn there."""
    names = list(codes.names)
    if len(names) > _BITS:
        problem = f"There are {len(names)} regions with masks of their own, more than {_BITS}"
        raise LayoutError(problem, "Choose fewer: --with masks=...")
    wide = np.min_scalar_type((1 << len(names)) - 1)
    drawn = np.zeros_like(next(iter(layers.values())), wide)
    for n, name in enumerate(names):
        if name in layers:
            drawn |= layers[name].astype(wide) << wide.type(n)
    known = {0: 0}
    for code in sorted({code for each in codes.names.values() for code in each}, reverse=True):
        known[sum(1 << n for n, name in enumerate(names) if code in codes.names[name])] = code
    merged = np.zeros_like(drawn, np.uint8)
    for found in np.unique(drawn).tolist():
        if found not in known:
            shown = ", ".join(name for n, name in enumerate(names) if found >> n & 1)
            problem = f"Sample {sample} has voxels of {shown} alone together, which is no value"
            raise LayoutError(problem, _OVERLAP)
        merged[drawn == found] = known[found]
    return merged
