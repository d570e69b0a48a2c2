"""YOLO as Ultralytics reads it: a text file of boxes or polygons for each picture.

    data.yaml                  names of classes; train, val, test: folders
    images/train/p001.png      as released where nothing is done
    labels/train/p001.txt      `0 0.5 0.5 0.25 0.5` per object; empty where there is none

Places are shares of width and height, cut at the edges of the picture, with all digits that a
double has. `task=detect` writes the box of every object, `task=segment` one polygon for each: holes
and further parts are joined to it by cuts that run there and back. The same row is written once. An
ellipse becomes a polygon of 64 corners, a shape without label is an `object`.

Source: https://docs.ultralytics.com/datasets/detect and /segment, dataset format
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl

from medshelf.conversion.cases.segmentation import stated_meta
from medshelf.conversion.clipping import clipped
from medshelf.conversion.contents import contents
from medshelf.conversion.drawn.drawn_objects import DrawnObject, drawn_objects
from medshelf.conversion.drawn.object_choice import OPTIONS as OF_OBJECTS
from medshelf.conversion.drawn.object_choice import ObjectChoice, choose_objects
from medshelf.conversion.drawn.outlines import joined, outlines
from medshelf.conversion.drawn.picture_bytes import picture_bytes
from medshelf.conversion.job import Job, Part, Record
from medshelf.conversion.prepared import Prepared
from medshelf.core.errors import LayoutError, SettingError
from medshelf.core.files import atomic_path, make_folder, write_text
from medshelf.core.manifest import SPLITS, Manifest
from medshelf.dataset.fields import Shape

CARRIES = frozenset({"pictures", "boxes", "polygons", "masks"})
OPTIONS: Mapping[str, str] = {
    **OF_OBJECTS,
    "task": "segment (default where there are outlines or masks) or detect: boxes around them",
    "val": "split that data.yaml names as val where there is none: train or test",
    "crowds": "what becomes of groups that COCO calls crowds: left-out, or object; else refused",
}
SHARD_SIZE = 256

_KINDS = ("boxes", "polygons", "masks")
_VALUES = {
    "task": ("", "detect", "segment"),
    "val": ("", "train", "test"),
    "crowds": ("", "left-out", "object"),
}
_REMEDY = "Leave the sample out with --on-error skip; report the release"


def plan(manifest: Manifest, options: Mapping[str, str]) -> dict[str, Any]:
    """Return task, classes and the split for validation.

    Raises:
        SettingError: An option has another value, nothing becomes objects, samples have no split,
            there is none for training or validation, or as `object_choice.choose_objects`.
        UnknownNameError: There is no such kind of object.
    """
    for name, known in _VALUES.items():
        if options.get(name, "") not in known:
            problem = f"{name}={options[name]!r} is not known"
            raise SettingError(problem, f"Choose {' or '.join(known[1:])}")
    choice = choose_objects(manifest, options, _KINDS)
    if not choice.names:
        remedy = "Choose other objects, or convert to another format, e.g. --to image-folder"
        raise SettingError("No sample has boxes, outlines or masks to write", remedy)
    held = set(contents(manifest)) & set(choice.kinds)
    outlined = bool(held & {"polygons", "masks"})
    task = options.get("task") or ("segment" if outlined else "detect")
    if task == "segment" and not outlined:
        problem = "task=segment needs outlines or masks, and samples have boxes only"
        raise SettingError(problem, "Choose --with task=detect")
    return {"choice": asdict(choice), "task": task, "val": _split_of_val(manifest, options)}


@contextmanager
def shard(job: Job, part: Part, number: int) -> Iterator[Callable[[Prepared], Record]]:  # noqa: ARG001
    """Give a function that writes one picture with its labels."""
    choice = ObjectChoice(**job.plan["choice"])
    meta = stated_meta(job.meta, job.options)
    codes = {name: code for code, name in enumerate(choice.names)}
    is_box = job.plan["task"] == "detect"

    def write(sample: Prepared) -> Record:
        picture = picture_bytes(sample)
        size = picture.height, picture.width
        found = drawn_objects(sample, choice, meta, size)
        rows: dict[str, None] = {}
        for each in found:
            if _is_written(each, sample, job.options.get("crowds", "")):
                numbers = (_box if is_box else _polygon)(each, sample, size)
                rows[f"{codes[each.name]} {' '.join(map(repr, numbers))}\n"] = None
        for folder in ("images", "labels"):
            make_folder(job.folder / folder / part.name)
        name = f"{part.name}/{sample.key}"
        with atomic_path(job.folder / f"images/{name}.{picture.ending}") as path:
            path.write_bytes(picture.content)
        write_text(job.folder / f"labels/{name}.txt", "".join(rows))
        return {}

    yield write


def finish(job: Job) -> None:
    """Write the file that names classes and folders."""
    import yaml

    folders = {part.name: f"images/{part.name}" for part in job.parts}
    folders.setdefault("val", folders[job.plan["val"]])
    names = dict(enumerate(job.plan["choice"]["names"]))
    about: dict[str, Any] = {name: folders[name] for name in SPLITS if name in folders}
    text = yaml.safe_dump(about | {"names": names}, allow_unicode=True, sort_keys=False)
    write_text(job.folder / "data.yaml", text)


def _split_of_val(manifest: Manifest, options: Mapping[str, str]) -> str:
    found = manifest.frame.select(pl.col("split").cast(pl.String).unique()).collect()["split"]
    splits, val = set(found), options.get("val", "")
    if None in splits or "train" not in splits:
        what = "Samples have no split" if None in splits else "There is no split for training"
        raise SettingError(what, "Make one, e.g. --split patient:0.7,0.1,0.2")
    if "val" in splits and val:
        raise SettingError(f"val={val!r} is not needed, there is a split val", "Leave it out")
    if "val" not in splits and val not in splits:
        remedy = "Make one, e.g. --split patient:0.7,0.1,0.2, or name another: --with val=train"
        raise SettingError("There is no split for validation, which YOLO asks for", remedy)
    return val or "val"


def _is_written(drawn: DrawnObject, sample: Prepared, crowds: str) -> bool:
    if drawn.is_crowd and not crowds:
        problem = f"Sample {sample.sample.id} has a crowd of {drawn.name!r}, unknown to YOLO"
        remedy = "Say what becomes of crowds: --with crowds=left-out, or --with crowds=object"
        raise SettingError(problem, remedy)
    return not drawn.is_crowd or crowds == "object"


def _box(drawn: DrawnObject, sample: Prepared, size: tuple[int, int]) -> list[float]:
    cut = _inside("box", drawn.box, drawn, sample, size)
    low, high = np.array(cut[:2]), np.array(cut[2:])
    lengths = np.array(size[::-1], np.float64)
    return [*((low + high) / 2 / lengths).tolist(), *((high - low) / lengths).tolist()]


def _polygon(drawn: DrawnObject, sample: Prepared, size: tuple[int, int]) -> list[float]:
    if not drawn.has_outline:
        problem = f"Sample {sample.sample.id} has a box of {drawn.name!r} without an outline"
        raise SettingError(problem, "Write boxes, --with task=detect, or --with objects=polygons")
    one = joined(outlines(drawn.region) if drawn.region else drawn.polygons)
    if drawn.region is None:
        cut = _inside("polygon", one.ravel().tolist(), drawn, sample, size)
        one = np.array(cut).reshape(-1, 2)
    return (one / np.array(size[::-1], np.float64)).ravel().tolist()


def _inside(
    kind: str,
    points: list[float] | tuple[float, ...],
    drawn: DrawnObject,
    sample: Prepared,
    size: tuple[int, int],
) -> tuple[float, ...]:
    shape = Shape(kind, drawn.name, tuple(points), "pixel", None, None, None, {})
    cut = clipped(shape, {"X": size[1], "Y": size[0]})
    if cut is None:
        problem = f"The {kind} of {drawn.name!r} lies outside of sample {sample.sample.id}"
        raise LayoutError(problem, _REMEDY)
    return cut.points
