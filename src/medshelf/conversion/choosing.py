"""Which samples are converted, with which labels, and into which split they go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import polars as pl

from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.core.manifest import Manifest
from medshelf.core.tasks import Task
from medshelf.dataset.dataset import Dataset
from medshelf.dataset.splitting import Unit

_UNITS = ("patient", "study", "sample")


@dataclass(frozen=True, slots=True)
class Choosing:
    """What the user asks for.

    Attributes:
        filter: A condition (`core.conditions`), e.g. `age_years > 18 and view == 'PA'`.
        labels: Classes to keep; all by default. Samples of other single classes are left out, and
            shapes of other labels where shapes have one of these.
        split: `official`, `none`, or unit and shares, e.g. `patient:0.7,0.1,0.2`.
        seed: Of a derived split.
        limit: At most so many samples, the first in the order of the manifest.
    """

    filter: str = ""
    labels: tuple[str, ...] = ()
    split: str = "official"
    seed: int = 0
    limit: int | None = None


def choose(manifest: Manifest, choosing: Choosing) -> Manifest:
    """Return the samples to convert, in the order of the manifest.

    A derived split stands in the column `split`; `meta.options["derived_split"]` says so.

    Raises:
        SettingError: The filter is no condition, the limit below 1, the split not written as it
            should be, or no sample is left.
        UnknownNameError: There is no such class.
    """
    if choosing.filter:
        manifest = Dataset(manifest).filter(choosing.filter).manifest
    if choosing.labels:
        manifest = _with_labels(manifest, choosing.labels)
    if choosing.limit is not None:
        if choosing.limit < 1:
            raise SettingError(f"The limit is {choosing.limit}", "Give 1 or more, or none")
        manifest = replace(manifest, frame=manifest.frame.head(choosing.limit))
    if not manifest.n_samples():
        problem = f"No sample of {manifest.meta.dataset!r} is left to convert"
        raise SettingError(problem, "Choose other labels, or a filter that is true for some")
    return _with_split(manifest, choosing)


def _with_labels(manifest: Manifest, names: Sequence[str]) -> Manifest:
    classes = [each for task in manifest.meta.tasks for each in task.classes]
    drawn = _shape_labels(manifest)
    known = list(dict.fromkeys([*classes, *drawn]))
    for name in names:
        if name not in known:
            raise UnknownNameError("class", name, known)
    wanted = list(names)
    single = [each for each in manifest.meta.tasks if "label" in each.kind.columns]
    frame = manifest.frame.with_columns(
        labels=pl.col("labels").list.filter(pl.element().struct.field("name").is_in(wanted))
    )
    if set(wanted) & set(drawn):
        of_others = pl.element().struct.field("label").is_in(wanted).fill_null(value=True)
        frame = frame.with_columns(shapes=pl.col("shapes").list.filter(of_others))
    if any(set(wanted) & set(task.classes) for task in single):
        frame = frame.filter(pl.col("label").is_in(wanted))
    tasks = [_narrowed(each, wanted) for each in manifest.meta.tasks]
    kept = tuple(each for each in tasks if each.classes)
    return replace(manifest, frame=frame, meta=replace(manifest.meta, tasks=kept))


def _shape_labels(manifest: Manifest) -> list[str]:
    shapes = manifest.frame.select(pl.col("shapes").explode()).drop_nulls().unnest("shapes")
    return shapes.select(pl.col("label").drop_nulls().unique().sort()).collect()["label"].to_list()


def _narrowed(task: Task, wanted: Sequence[str]) -> Task:
    return replace(task, classes=tuple(each for each in task.classes if each in wanted))


def _with_split(manifest: Manifest, choosing: Choosing) -> Manifest:
    if choosing.split == "official":
        return manifest
    kind = manifest.frame.collect_schema()["split"]
    if choosing.split == "none":
        return replace(manifest, frame=manifest.frame.with_columns(split=pl.lit(None, kind)))
    unit, shares = _parsed(choosing.split)
    parts = Dataset(manifest).split_by(unit, *shares, seed=choosing.seed)
    names = ("train", "test") if len(shares) == 2 else ("train", "val", "test")  # noqa: PLR2004
    of_id = pl.concat(
        part.manifest.frame.select("sample_id", split=pl.lit(name, kind))
        for part, name in zip(parts, names, strict=True)
    )
    frame = manifest.frame.drop("split").join(of_id, on="sample_id", maintain_order="left")
    how = f"{choosing.split}, seed {choosing.seed}"
    meta = replace(parts[0].meta, options={**manifest.meta.options, "derived_split": how})
    return Manifest.from_columns(frame, meta, manifest.root)


def _parsed(text: str) -> tuple[Unit, tuple[float, ...]]:
    unit, _, numbers = text.partition(":")
    try:
        shares = tuple(float(each) for each in numbers.split(","))
    except ValueError:
        shares = ()
    if unit not in _UNITS or len(shares) not in (2, 3) or not np.isclose(sum(shares), 1):
        problem = f"The split {text!r} is not written as it should be"
        raise SettingError(problem, "Write official, none, or e.g. patient:0.7,0.1,0.2")
    return cast("Unit", unit), shares
