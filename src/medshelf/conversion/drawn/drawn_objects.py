"""The objects of a sample: each with its class, its box, and its outline where it has one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from medshelf.conversion.cases.label_codes import background_values
from medshelf.conversion.drawn.object_choice import KIND_OF, UNNAMED, ObjectChoice
from medshelf.conversion.drawn.outlines import ellipse, enclosed_area
from medshelf.conversion.drawn.regions import Region, connected, whole
from medshelf.conversion.drawn.run_lengths import unpacked
from medshelf.conversion.moving import prepared_mask
from medshelf.conversion.prepared import Prepared
from medshelf.core.errors import LayoutError
from medshelf.core.manifest import Meta
from medshelf.dataset.fields import Medium, Shape
from medshelf.dataset.masks import Legend, legend_of, region
from medshelf.formats.raster import Raster

_LENGTHS = {"box": (4,), "ellipse": (4, 5)}
_LEAST, _SHOWN = 6, 8
_REMEDY = "Leave the sample out with --on-error skip; report the release"
_CROWD, _CODE, _AREA, _TIE = "iscrowd", "segmentation", "area", "annotation"
_SOURCE = "source_id"
_READ = (_CROWD, _CODE, _AREA, _TIE)


@dataclass(frozen=True, slots=True, eq=False)
class DrawnObject:
    """One object, in pixels of the prepared image.

    Attributes:
        name: Its class.
        box: x_min, y_min, x_max, y_max between pixels.
        area: In pixels: of the mask, else what the outline or the box encloses.
        polygons: Its outline, float64 (N, 2) each; several where it has several parts.
        region: Its mask; null where it is drawn.
        points: x, y, x, y ...
        annotator: Who drew it.
        is_crowd: It is a group of things that are not told apart.
        extra: What else is stated of it.
    """

    name: str
    box: tuple[float, float, float, float]
    area: float
    polygons: tuple[np.ndarray, ...] = ()
    region: Region | None = None
    points: tuple[float, ...] = ()
    annotator: str | None = None
    is_crowd: bool = False
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_outline(self) -> bool:
        """Whether more than its box or points is known."""
        return bool(self.polygons) or self.region is not None


def drawn_objects(
    sample: Prepared, choice: ObjectChoice, meta: Meta, size: tuple[int, int]
) -> list[DrawnObject]:
    """Return the objects of a sample: shapes in their order, then masks.

    A box and polygons that COCO files state as one annotation are one object again, and a
    run-length code in such a file is its mask.

    Args:
        sample: On its way into another format.
        choice: What becomes objects.
        meta: Facts of the dataset, with the legend.
        size: Height and width of the prepared image.

    Raises:
        LayoutError: A shape has too few corners, a box ends before it begins, a run-length code is
            damaged, a crop cuts off a point, or a mask is not on the grid of the image.
        FormatError: A mask cannot be read.
    """
    found = [_of_shapes(each, sample, choice, size) for each in _groups(sample, choice)]
    masks = _of_masks(sample, choice, meta) if "masks" in choice.kinds else ()
    return [*(each for each in found if each is not None), *masks]


def _groups(sample: Prepared, choice: ObjectChoice) -> list[list[Shape]]:
    """Return shapes that are one object together."""
    groups: dict[tuple[Any, ...], list[Shape]] = {}
    for n, each in enumerate(sample.shapes()):
        if each.kind not in KIND_OF or _is_of_another(each, choice):
            continue
        _check(each, sample)
        tie = None if each.kind == "point" else each.extra.get(_TIE)
        key = (n,) if tie is None else (tie, each.label, each.annotator)
        if each.kind == "box" and any(other.kind == "box" for other in groups.get(key, ())):
            key = (n,)
        groups.setdefault(key, []).append(each)
    return list(groups.values())


def _of_shapes(
    shapes: Sequence[Shape], sample: Prepared, choice: ObjectChoice, size: tuple[int, int]
) -> DrawnObject | None:
    name, extra = shapes[0].label or UNNAMED, _extra(shapes)
    drawn = [each for each in shapes if KIND_OF[str(each.kind)] in choice.kinds]
    boxes, points = (
        next((each.points for each in drawn if each.kind == kind), ()) for kind in ("box", "point")
    )
    if points and len(points) != 2 * choice.n_points[name]:
        problem = f"A crop cuts off some points of {name!r} in sample {sample.sample.id}"
        raise LayoutError(problem, "Leave points out, e.g. --with objects=boxes,polygons")
    polygons = tuple(_polygon(each) for each in drawn if each.kind not in ("box", "point"))
    part = None
    if _CODE in extra and "polygons" in choice.kinds:
        part = _coded(extra[_CODE], sample, size)
        if part is None:
            return None  # a crop cuts it off
    if not (boxes or polygons or points or part):
        return None
    box = _box(boxes, polygons, part, points)
    area = float(part.area) if part else enclosed_area(polygons)
    if not part and not polygons and not points:
        area = (box[2] - box[0]) * (box[3] - box[1])
    return DrawnObject(
        name=name,
        box=box,
        area=_stated_area(extra, area) if not sample.preparation.moves else area,
        polygons=() if part else polygons,
        region=part,
        points=points,
        annotator=shapes[0].annotator,
        is_crowd=extra.get(_CROWD) == "1",
        extra={name: text for name, text in extra.items() if name not in _READ},
    )


def _box(
    stated: Sequence[float],
    polygons: Sequence[np.ndarray],
    part: Region | None,
    points: Sequence[float],
) -> tuple[float, float, float, float]:
    if stated:
        x_min, y_min, x_max, y_max = stated
        return x_min, y_min, x_max, y_max
    if part:
        return part.box
    corners = np.concatenate([*polygons, np.reshape(points, (-1, 2))])
    (x_min, y_min), (x_max, y_max) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return x_min, y_min, x_max, y_max


def _polygon(shape: Shape) -> np.ndarray:
    if shape.kind == "ellipse":
        return ellipse(shape.points)
    return np.array(shape.points, np.float64).reshape(-1, 2)


def _check(shape: Shape, sample: Prepared) -> None:
    points, kind = np.array(shape.points, np.float64), str(shape.kind)
    n = len(points)
    if kind in _LENGTHS:
        is_whole = n in _LENGTHS[kind]
    else:
        is_whole = n % 2 == 0 and n >= (2 if kind == "point" else _LEAST)
    if kind == "box" and is_whole:
        is_whole = bool((points[:2] <= points[2:]).all())
    if not is_whole or not np.isfinite(points).all():
        problem = f"The {kind} of {shape.label!r} in sample {sample.sample.id} is none: "
        problem += ", ".join(f"{each:g}" for each in points[:_SHOWN])
        raise LayoutError(problem, _REMEDY)


def _extra(shapes: Sequence[Shape]) -> dict[str, str]:
    found = {name: text for each in shapes for name, text in each.extra.items()}
    return found | ({_SOURCE: found[_TIE]} if _TIE in found else {})


def _stated_area(extra: Mapping[str, str], area: float) -> float:
    try:
        stated = float(extra.get(_AREA, ""))
    except ValueError:
        return area
    return stated if np.isfinite(stated) else area


def _coded(code: str, sample: Prepared, size: tuple[int, int]) -> Region | None:
    """Return the mask that a COCO file states as a run-length code."""
    moves = sample.preparation.moves
    try:
        if not moves:
            mask = unpacked(json.loads(code), size)
        else:
            raster = sample.sample.raster()
            shape = tuple(raster.array.shape[raster.axes.index(each)] for each in "YX")
            mask = unpacked(json.loads(code), (shape[0], shape[1]))
            drawn = replace(raster, array=mask, axes="YX", photometric="label")
            mask = prepared_mask(drawn, sample.preparation).array
    except (ValueError, TypeError, RecursionError) as error:
        problem = f"A 'segmentation' of sample {sample.sample.id} cannot be read: {error}"
        raise LayoutError(problem, _REMEDY) from error
    return next(whole(mask), None)


def _of_masks(sample: Prepared, choice: ObjectChoice, meta: Meta) -> Iterator[DrawnObject]:
    legend = legend_of(meta, sample.sample.extra.get("dataset"))
    drawn: dict[str, dict[str | None, Medium]] = {}
    for each in sample.sample.media:
        if each.role == "mask" and not _is_of_another(each, choice):
            drawn.setdefault(str(each.label or each.name), {})[each.annotator] = each
    plain, bare = _with_meta(sample, meta), _with_meta(sample, replace(meta, options={}))
    for shown, by in drawn.items():
        for annotator in by:
            # a mask that is named after what it shows shows that, whatever its values
            is_named = choice.by_structure and shown in legend
            raster = (bare if is_named else plain).mask(shown, annotator)
            for name, values in _layers(raster, choice, legend, shown):
                for part in _instances(values, choice.instances):
                    yield DrawnObject(name, part.box, part.area, region=part, annotator=annotator)


def _layers(
    raster: Raster, choice: ObjectChoice, legend: Legend, shown: str
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each structure of a mask with its values, (Y, X), 0 elsewhere."""
    if raster.axes.endswith("C"):
        array = raster.as_axes("YXC")
        for name in choice.structures:
            if name in legend:
                yield name, array[..., list(legend[name])].max(axis=-1)
        return
    array = raster.as_axes("YX")
    if choice.by_structure:
        nothing = (0,) if shown in legend else background_values(legend)
        if shown in choice.structures:
            yield shown, _only(array, ~region(array, nothing))
        return
    for name in choice.structures:
        if name in legend:
            yield name, _only(array, region(array, legend[name]))


def _only(array: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the values inside, 0 elsewhere; where 0 is a value of a structure, 1 more."""
    shift = 1 if (inside & (array == 0)).any() else 0
    return np.where(inside, array.astype(np.int64) + shift, 0)


def _with_meta(sample: Prepared, meta: Meta) -> Prepared:
    if meta is sample.sample.meta:
        return sample  # which may have decoded its image
    row = replace(sample.sample, meta=meta)
    return Prepared(sample.key, sample.split, row, sample.preparation)


def _is_of_another(drawn: Shape | Medium, choice: ObjectChoice) -> bool:
    return bool(choice.annotator) and drawn.annotator not in (None, choice.annotator)


def _instances(values: np.ndarray, how: str) -> Iterator[Region]:
    if how == "values":
        for each in np.unique(values[values != 0]):
            yield from whole(values == each)
    elif how == "structures":
        yield from whole(values != 0)
    else:
        yield from connected(values != 0)
