"""MedMNIST's layout: one archive of six arrays per dataset and size.

Raw tree:
    breastmnist.npz       size 28
    breastmnist_64.npz    other sizes
        train_images, train_labels, val_images, val_labels, test_images, test_labels

Images are uint8: (N, S, S) grey, (N, S, S, 3) RGB, (N, S, S, S) volumes. Labels are integers,
(N, 1), or (N, K) of 0 and 1 for multi-label sets.

Known quirks: size 28 has no suffix; there are no patient ids; sample i is the same in every size;
some copies in circulation have other counts under the official name (reported as an Issue).

Source: https://doi.org/10.1038/s41597-022-01721-8 and https://doi.org/10.5281/zenodo.10519652
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from medshelf.core.errors import LayoutError
from medshelf.core.issues import Issue
from medshelf.core.manifest import LABEL, MEDIA, SPLITS, Manifest, Meta
from medshelf.core.tasks import Task, TaskKind
from medshelf.formats.npz import ArrayHeader, open_array, read_headers

SINGLE_FILES = True
"""The raw tree is exactly the files of the record, each of which must be the published one."""

_OFFICIAL = "Use the published file, or report the difference if it is the published one"


def read(root: Path, meta: Meta, *, size: str = "28") -> Manifest:
    """Read one MedMNIST file.

    Args:
        root: The folder that holds the file.
        meta: Facts of the dataset; its id is the stem of the file name.
        size: Edge length of the images in pixels or voxels.

    Raises:
        FormatError: The file is damaged or holds pickled objects.
        LayoutError: An array is missing, or has another shape, dtype or value than the layout says.
    """
    name = f"{meta.dataset}.npz" if size == "28" else f"{meta.dataset}_{size}.npz"
    path = root / name
    headers = read_headers(path)
    task = meta.tasks[0]
    frames = []
    for split in sorted(SPLITS):
        n_samples = _check_arrays(path, headers, split, meta, int(size))
        labels = _read_labels(path, split, task, n_samples)
        frames.append(_split_frame(name, split, labels, task))
    meta = meta.with_issues(*_count_issues(path, headers, meta))
    return replace(Manifest.from_columns(pl.concat(frames), meta, root), lasting=False)


def _check_arrays(
    path: Path, headers: dict[str, ArrayHeader], split: str, meta: Meta, size: int
) -> int:
    images, labels = (_header(path, headers, f"{split}_{part}") for part in ("images", "labels"))
    expected = (size,) * (meta.dimensions or 2) + ((3,) if meta.channels == 3 else ())  # noqa: PLR2004
    if images.shape[1:] != expected or images.dtype != np.uint8:
        raise LayoutError(
            f"{path}: {split}_images is {images.dtype} {images.shape}, "
            f"not uint8 {('N', *expected)}".replace("'", ""),
            _OFFICIAL,
        )
    columns = meta.tasks[0].n_classes if meta.tasks[0].kind is TaskKind.MULTI_LABEL else 1
    if labels.shape[1:] != (columns,) or not np.issubdtype(labels.dtype, np.integer):
        raise LayoutError(
            f"{path}: {split}_labels is {labels.dtype} {labels.shape}, not integer (N, {columns})",
            _OFFICIAL,
        )
    if images.shape[0] != labels.shape[0] or not images.shape[0]:
        raise LayoutError(
            f"{path}: split {split!r} has {images.shape[0]} images and {labels.shape[0]} labels",
            _OFFICIAL,
        )
    return images.shape[0]


def _header(path: Path, headers: dict[str, ArrayHeader], key: str) -> ArrayHeader:
    if key not in headers:
        raise LayoutError(
            f"{path}: there is no array {key!r} (found: {', '.join(headers) or 'none'})", _OFFICIAL
        )
    return headers[key]


def _read_labels(path: Path, split: str, task: Task, n_samples: int) -> np.ndarray:
    labels = np.asarray(open_array(path, f"{split}_labels")).astype(np.int64)
    highest = 1 if task.kind is TaskKind.MULTI_LABEL else task.n_classes - 1
    wrong = np.flatnonzero(((labels < 0) | (labels > highest)).any(axis=1))
    if wrong.size:
        raise LayoutError(
            f"{path}: {wrong.size} of {n_samples} labels of split {split!r} are not in "
            f"0..{highest}; the first is {labels[wrong[0]].tolist()} at index {wrong[0]}",
            _OFFICIAL,
        )
    return labels


def _split_frame(name: str, split: str, labels: np.ndarray, task: Task) -> pl.LazyFrame:
    index = pl.col("index")
    image = pl.struct(
        name=pl.lit("image"),
        role=pl.lit("image"),
        path=pl.lit(name),
        member=pl.lit(f"{split}_images"),
        index=index,
        format=pl.lit("npz"),
        label=pl.lit(None),
        annotator=pl.lit(None),
    )
    if task.kind is TaskKind.MULTI_LABEL:
        target = _entries(labels, task).alias("labels")
    else:
        names = pl.Series(task.classes)
        target = names.gather(labels[:, 0]).alias("label")
    frame = pl.LazyFrame({"index": pl.arange(len(labels), eager=True), target.name: target})
    return frame.select(
        pl.format(f"{split}/{{}}", index.cast(pl.String).str.zfill(6)).alias("sample_id"),
        pl.lit(split).alias("split"),
        pl.concat_list(image.cast(MEDIA)).alias("media"),
        target.name,
    )


def _entries(labels: np.ndarray, task: Task) -> pl.Series:
    """Turn (N, K) of 0 and 1 into one list of K label structs per row."""
    n_samples, n_labels = labels.shape
    flat = pl.DataFrame({"name": list(task.classes) * n_samples, "value": labels.ravel()}).select(
        pl.struct(
            task=pl.lit(task.name),
            name="name",
            value="value",
            source=pl.lit(None),
            annotator=pl.lit(None),
        ).cast(LABEL)
    )
    return flat.to_series().reshape((n_samples, n_labels)).arr.to_list()


def _count_issues(path: Path, headers: dict[str, ArrayHeader], meta: Meta) -> Iterator[Issue]:
    for split, published in meta.splits.items():
        found = headers[f"{split}_labels"].shape[0]
        if found != published:
            yield Issue(
                rule="sample-count",
                severity="warning",
                where=f"{path.name}, split {split}",
                message=f"{found} samples, {published} are published",
                remedy="Results are not comparable with published ones; fetch the published file",
            )
