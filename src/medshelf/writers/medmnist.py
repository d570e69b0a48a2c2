"""MedMNIST's archive: six arrays, opened by the package `medmnist` and all that was made for it.

    chest.npz              size 28; chest_224.npz: other sizes
        train_images, val_images, test_images, train_labels, val_labels, test_labels
    info.json              the entry for `medmnist.INFO`

Images are uint8: (N, S, S) grey, (N, S, S, 3) RGB, (N, S, S, S) volumes with the slices along the
first axis. Labels are (N, 1), the number of the class, or (N, L) of 0 and 1; uint8 as published,
int64 beyond 256 classes. A finding that is uncertain or not stated is 0, which has to be asked for:
--drop uncertain,unstated. Of several images the first one is taken, likewise.

Source: https://doi.org/10.1038/s41597-022-01721-8 and https://github.com/MedMNIST/MedMNIST
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import polars as pl

from medshelf.conversion.contents import contents
from medshelf.conversion.job import Job, Part, Record
from medshelf.conversion.preparation import Preparation
from medshelf.conversion.prepared import Prepared
from medshelf.conversion.stated.blocks import append_blocks, block_path
from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.core.files import atomic_path, write_text
from medshelf.core.manifest import SPLITS, Manifest, Meta
from medshelf.core.tasks import Task, TaskKind

CARRIES = frozenset({"pictures", "volumes", "class", "findings"})
OPTIONS: Mapping[str, str] = {
    "flag": "name of the set and its file; by default the id of the dataset",
    "task": "which task the labels are of, where there are several",
    "source": "which labels of a multi-label task, where several sources state them",
    "compression": "deflate (default), or none: larger, and made faster",
}
SHARD_SIZE = 512

_PUBLISHED = 28
_RGB, _VOLUME = 3, 3
_TASKS = {
    TaskKind.BINARY: "binary-class",
    TaskKind.MULTI_CLASS: "multi-class",
    TaskKind.ORDINAL: "ordinal-regression",
    TaskKind.MULTI_LABEL: "multi-label, binary-class",
}
_COMPRESSIONS = {"deflate": zipfile.ZIP_DEFLATED, "none": zipfile.ZIP_STORED}


def plan(manifest: Manifest, options: Mapping[str, str]) -> dict[str, Any]:
    """Return task, classes and kind of image.

    Raises:
        SettingError: There is no task, or several and none is named; a split is missing, or samples
            have no split or label; some are pictures and some volumes; an option has another value.
        UnknownNameError: There is no such task.
    """
    if (compression := options.get("compression", "deflate")) not in _COMPRESSIONS:
        problem = f"compression={compression!r} is not known"
        raise SettingError(problem, "Choose deflate or none")
    flag = options.get("flag", manifest.meta.dataset)
    if not re.fullmatch(r"[A-Za-z0-9-]+", flag):
        problem = f"The flag {flag!r} has other characters than letters, digits and -"
        raise SettingError(problem, "Choose another one: --with flag=NAME")
    task = _task(manifest.meta, options.get("task"))
    _check_splits(manifest)
    _check_labels(manifest, task, options.get("source"))
    held = contents(manifest)
    if "pictures" in held and "volumes" in held:
        problem = f"{held['pictures']:,} samples are pictures and {held['volumes']:,} volumes"
        raise SettingError(problem, "Choose one kind with --filter")
    return {
        "flag": flag,
        "task": task.name,
        "kind": task.kind.value,
        "classes": list(task.classes),
        "source": options.get("source"),
        "dimensions": 3 if "volumes" in held else 2,
        "channels": manifest.meta.channels,
        "compression": compression,
    }


def check_preparation(preparation: Preparation, plan: Mapping[str, Any]) -> None:
    """Refuse what gives no array of one shape.

    Raises:
        SettingError: No single size is asked for, it is not known whether images are grey, or
            volumes are to be RGB.
    """
    if len(set(preparation.size)) != 1:
        problem = "MedMNIST's arrays hold images of one size, all edges equal"
        raise SettingError(problem, "Choose it, e.g. --size 28")
    if not _channels(preparation, plan):
        problem = "It is not stated whether all images are grey or all are RGB"
        raise SettingError(problem, "Choose one: --channels grey or --channels rgb")
    if plan["dimensions"] == _VOLUME and _channels(preparation, plan) == _RGB:
        raise SettingError("MedMNIST's volumes have no colours", "Choose --channels grey")


@contextmanager
def shard(job: Job, part: Part, number: int) -> Iterator[Callable[[Prepared], Record]]:
    """Give a function that appends one image to a block of pixels."""
    shape = _shape(job)
    axes = "ZYX" if job.plan["dimensions"] == _VOLUME else "YXC" if len(shape) == _RGB else "YX"
    with atomic_path(block_path(job, part, number)) as path, path.open("wb") as block:

        def write(sample: Prepared) -> Record:
            raster = sample.image()
            what = f"{raster.array.dtype} {raster.axes} {raster.array.shape}"
            if sorted(raster.axes) != sorted(axes) or raster.array.dtype != np.uint8:
                problem = f"The image of {sample.sample.id} is {what}, not uint8 {axes} {shape}"
                remedy = "Choose --window or --dtype uint8, and --channels grey or rgb"
                raise SettingError(problem, remedy)
            label = _label(sample, job.plan)
            block.write(raster.as_axes(axes).tobytes())
            return {"label": label}

        yield write


def finish(job: Job) -> None:
    """Write the archive part by part, and the entry for `medmnist.INFO`."""
    size = job.preparation.size[0]
    name = job.plan["flag"] + (f"_{size}" if size != _PUBLISHED else "")
    labels = {part.name: _labels(job, part) for part in job.parts}
    counts = {split: len(rows) for split, rows in labels.items()}
    with (
        atomic_path(job.folder / f"{name}.npz") as path,
        zipfile.ZipFile(path, "w", _COMPRESSIONS[job.plan["compression"]]) as archive,
    ):
        for part in job.parts:
            shape = (counts[part.name], *_shape(job))
            with _member(archive, f"{part.name}_images", shape) as file:
                append_blocks(job, part, file)
        for split, rows in labels.items():
            with _member(archive, f"{split}_labels", rows.shape, rows.dtype) as file:
                file.write(rows.tobytes())
    info = json.dumps(_info(job, counts), indent=2, ensure_ascii=False)
    write_text(job.folder / "info.json", info + "\n")


def _task(meta: Meta, name: str | None) -> Task:
    names = [each.name for each in meta.tasks]
    if name is None and len(names) != 1:
        problem = f"{meta.dataset!r} has {len(names) or 'no'} label tasks, the format holds one"
        remedy = "Convert to another format"
        listed = f"Name one: --with task=NAME, of {', '.join(names)}"
        raise SettingError(problem, listed if names else remedy)
    if name is not None and name not in names:
        raise UnknownNameError("task", name, names)
    return meta.tasks[names.index(name) if name else 0]


def _check_splits(manifest: Manifest) -> None:
    split = pl.col("split").cast(pl.String)
    found = manifest.frame.select(split.unique()).collect()["split"].to_list()
    missing = [each for each in SPLITS if each not in found]
    if missing or None in found:
        what = f"no {' and no '.join(missing)} split" if missing else "samples without a split"
        problem = f"{manifest.meta.dataset!r} has {what}"
        raise SettingError(problem, "Derive all three, e.g. --split patient:0.7,0.1,0.2")


def _check_labels(manifest: Manifest, task: Task, source: str | None) -> None:
    if task.kind is TaskKind.MULTI_LABEL:
        name = _chosen(pl.col("labels"), task.name, source)
        without = (name.list.len().fill_null(0) == 0).sum()
        twice = (name.list.n_unique() < name.list.len()).sum()
    else:
        known = pl.col("label").is_in(task.classes).fill_null(value=False)
        without, twice = (~known).sum(), pl.lit(0)
    found = manifest.frame.select(without=without, twice=twice).collect()
    if n := found["without"][0]:
        problem = f"{n:,} samples have no label of the task {task.name!r}"
        raise SettingError(problem, 'Leave them out, e.g. --filter "label is not null"')
    if n := found["twice"][0]:
        problem = f"{n:,} samples have several statements about one finding of {task.name!r}"
        raise SettingError(problem, "Name the source: --with source=NAME")


def _chosen(labels: pl.Expr, task: str, source: str | None) -> pl.Expr:
    field = pl.element().struct.field
    wanted = field("task") == task
    if source is not None:
        wanted &= field("source") == source
    return labels.list.eval(field("name").filter(wanted))


def _channels(preparation: Preparation, plan: Mapping[str, Any]) -> int | None:
    asked = {"grey": 1, "rgb": _RGB, None: plan["channels"]}[preparation.channels]
    return asked if asked in (1, _RGB) else None


def _shape(job: Job) -> tuple[int, ...]:
    edges = (job.preparation.size[0],) * job.plan["dimensions"]
    return (*edges, _RGB) if _channels(job.preparation, job.plan) == _RGB else edges


def _label(sample: Prepared, plan: Mapping[str, Any]) -> list[int]:
    if plan["kind"] != TaskKind.MULTI_LABEL:
        return [plan["classes"].index(sample.sample.label)]
    values = {
        each.name: each.value
        for each in sample.sample.labels
        if each.task == plan["task"] and plan["source"] in (None, each.source)
    }
    return [int(values.get(name) == 1) for name in plan["classes"]]


def _labels(job: Job, part: Part) -> np.ndarray:
    n_classes = len(job.plan["classes"])
    multi = job.plan["kind"] == TaskKind.MULTI_LABEL
    narrow = multi or n_classes <= np.iinfo(np.uint8).max + 1
    codes = (code for record in job.records(part) for code in record["label"])
    flat = np.fromiter(codes, np.uint8 if narrow else np.int64)
    return flat.reshape(-1, n_classes if multi else 1)


@contextmanager
def _member(
    archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], kind: Any = np.uint8
) -> Iterator[Any]:
    """Open an array of the archive, after its header, for the values."""
    entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = archive.compression
    descr = np.lib.format.dtype_to_descr(np.dtype(kind))
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    with archive.open(entry, "w", force_zip64=True) as file:
        np.lib.format.write_array_header_1_0(file, header)
        yield file


def _info(job: Job, counts: Mapping[str, int]) -> dict[str, Any]:
    flag = job.plan["flag"]
    entry = {
        "python_class": "".join(filter(str.isalnum, flag.title())),
        "description": job.meta.name,
        "task": _TASKS[TaskKind(job.plan["kind"])],
        "label": {str(code): name for code, name in enumerate(job.plan["classes"])},
        "n_channels": _channels(job.preparation, job.plan),
        "n_samples": dict(counts),
        "license": job.meta.licence or "not stated",
    }
    return {flag: entry}
