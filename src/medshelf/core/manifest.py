"""The manifest: one table, the same columns for every dataset, one row per sample."""

from __future__ import annotations

import hashlib
import json
import operator
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from medshelf.core.errors import FormatError, LayoutError
from medshelf.core.files import atomic_path
from medshelf.core.issues import Issue
from medshelf.core.tasks import Task, TaskKind

SPLITS = ("train", "val", "test")

MEDIA = pl.Struct(
    {
        "name": pl.String,
        "role": pl.Enum(["image", "mask", "video", "mesh", "signal", "audio", "text"]),
        "path": pl.String,
        "member": pl.String,
        "index": pl.Int64,
        "format": pl.String,
        "label": pl.String,
        "annotator": pl.String,
    }
)
LABEL = pl.Struct(
    {
        "task": pl.String,
        "name": pl.String,
        "value": pl.Float32,
        "source": pl.String,
        "annotator": pl.String,
    }
)
_NAMED_VALUE = pl.Struct({"name": pl.String, "value": pl.String})
SHAPE = pl.Struct(
    {
        "kind": pl.Enum(["box", "box3d", "ellipse", "polygon", "contour", "point", "sphere"]),
        "label": pl.String,
        "points": pl.List(pl.Float64),
        "unit": pl.Enum(["pixel", "mm"]),
        "media": pl.String,
        "frame": pl.Int64,
        "annotator": pl.String,
        "extra": pl.List(_NAMED_VALUE),
    }
)
TEXT = pl.Struct(
    dict.fromkeys(("report", "findings", "impression", "caption", "context"), pl.String)
)

_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "sample_id": pl.String,
    "split": pl.Enum(SPLITS),
    "patient_id": pl.String,
    "study_id": pl.String,
    "media": pl.List(MEDIA),
    "label": pl.String,
    "labels": pl.List(LABEL),
    "shapes": pl.List(SHAPE),
    "text": TEXT,
    "question": pl.String,
    "options": pl.List(pl.String),
    "answers": pl.List(pl.String),
    "explanation": pl.String,
    "language": pl.String,
    "turns": pl.List(pl.Struct({"role": pl.String, "content": pl.String})),
    "age_years": pl.Float32,
    "sex": pl.String,
    "view": pl.String,
    "laterality": pl.String,
    "site": pl.String,
    "scanner": pl.String,
    "extra": pl.List(_NAMED_VALUE),
}
SCHEMA = pl.Schema(_COLUMNS)
"""Column names and polars types; `docs/manifest.md` says what each column means."""

_METADATA_KEY = "medshelf"


@dataclass(frozen=True, slots=True)
class Meta:
    """What is true of a whole dataset and travels with its table.

    Attributes:
        dataset: Catalog id.
        name: The name as its authors write it.
        version: The release that was read.
        unit: What one row is: image, volume, study, series, frame, question, patch.
        tasks: Label tasks with their class order.
        dimensions: Spatial axes of an image, 2 or 3; null where images differ.
        channels: 1 for grey, 3 for RGB; null where images differ.
        splits: Published number of rows per official split.
        licence: SPDX id of the data's licence.
        citation: BibTeX entries, the sources of a derived set included.
        label_origin: Who or what gave the labels, where that is known.
        limitations: What one must know before training on it.
        options: Reader options that chose this table, e.g. `{"size": "64"}`.
        files: Raw file name to the hash of what was read, e.g. `md5:...`.
        synthetic: Generated data, not medical.
        modified: The raw files are not the published ones; every result says so.
        issues: What the reader found odd.
    """

    dataset: str
    name: str
    version: str | None = None
    unit: str = "image"
    tasks: tuple[Task, ...] = ()
    dimensions: int | None = None
    channels: int | None = None
    splits: Mapping[str, int] = field(default_factory=dict)
    licence: str | None = None
    citation: str = ""
    label_origin: str | None = None
    limitations: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    synthetic: bool = False
    modified: bool = False
    issues: tuple[Issue, ...] = ()

    def with_issues(self, *issues: Issue) -> Meta:
        """Return a copy that carries further Issues."""
        return replace(self, issues=(*self.issues, *issues))

    def to_json(self) -> str:
        """Return the fields as a JSON object."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Meta:
        """Restore what `to_json` wrote."""
        fields: dict[str, Any] = json.loads(text)
        fields["tasks"] = tuple(
            Task(each["name"], TaskKind(each["kind"]), tuple(each["classes"]))
            for each in fields["tasks"]
        )
        fields["limitations"] = tuple(fields.get("limitations", ()))
        fields["issues"] = tuple(Issue.from_dict(each) for each in fields["issues"])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Manifest:
    """One row per sample, in the canonical order of `sample_id`.

    Attributes:
        frame: The rows, lazily; its schema is `SCHEMA`.
        meta: What is true of the whole dataset.
        root: The folder that `media.path` is relative to.
        lasting: Whether a stored copy of the table is worth its space; False where the rows are
            scanned from the raw files as fast as from a copy.
    """

    frame: pl.LazyFrame
    meta: Meta
    root: Path
    lasting: bool = True

    @classmethod
    def from_columns(cls, frame: pl.LazyFrame, meta: Meta, root: Path) -> Manifest:
        """Fill in the columns that a reader did not set with null, in schema order.

        Raises:
            LayoutError: `frame` has a column that the schema does not know.
        """
        present = frame.collect_schema()
        unknown = sorted(set(present) - set(SCHEMA))
        if unknown:
            raise LayoutError(
                f"The reader of {meta.dataset!r} made unknown columns: {', '.join(unknown)}",
                "Use the columns of the manifest schema; anything else goes into 'extra'",
            )
        columns = [
            pl.col(name).cast(kind) if name in present else pl.lit(None, kind).alias(name)
            for name, kind in SCHEMA.items()
        ]
        return cls(frame.select(columns), meta, root)

    @property
    def task(self) -> Task:
        """The only label task.

        Raises:
            LayoutError: The dataset has no label task, or several.
        """
        if len(self.meta.tasks) != 1:
            names = ", ".join(task.name for task in self.meta.tasks) or "none"
            raise LayoutError(
                f"{self.meta.dataset!r} does not have exactly one task (tasks: {names})",
                "Name the task",
            )
        return self.meta.tasks[0]

    def filter(self, predicate: pl.Expr) -> Manifest:
        """Keep the rows for which `predicate` is true."""
        return replace(self, frame=self.frame.filter(predicate))

    def split(self, name: str) -> Manifest:
        """Keep the rows of one official split."""
        return self.filter(pl.col("split") == name)

    def n_samples(self) -> int:
        """Count the rows."""
        return int(self.frame.select(pl.len()).collect().item())

    def class_codes(self) -> np.ndarray:
        """Return the single label of each row as its position in `task.classes`, int64 (N,).

        Raises:
            LayoutError: A row has no label or one that is not a class of the task.
        """
        labels = self.frame.select("label").collect()["label"]
        codes = labels.replace_strict(
            {name: code for code, name in enumerate(self.task.classes)},
            default=None,
            return_dtype=pl.Int64,
        )
        if codes.null_count():
            row = int(codes.is_null().arg_true()[0])
            raise LayoutError(
                f"Row {row} of {self.meta.dataset!r} has the label {labels[row]!r}, "
                f"which is not a class of task {self.task.name!r}",
                "Correct the class list of the dataset's record, or report the row",
            )
        return codes.to_numpy()

    def label_matrix(self, task: str | None = None, source: str | None = None) -> np.ndarray:
        """Return the multi-label targets densely, float32 (N, classes).

        Values: 1 present, 0 absent, -1 uncertain, NaN not stated.

        Args:
            task: Name of the task; the only one by default.
            source: Label source to use, e.g. `chexpert`; all by default.
        """
        chosen = self.task if task is None else _named(self.meta.tasks, task)
        rows = self.frame.select(pl.row_index("row"), "labels").collect()
        matrix = np.full((rows.height, chosen.n_classes), np.nan, dtype=np.float32)
        wanted = pl.col("task") == chosen.name
        if source is not None:
            wanted &= pl.col("source") == source
        entries = rows.explode("labels").drop_nulls("labels").unnest("labels").filter(wanted)
        columns = entries["name"].replace_strict(
            {name: code for code, name in enumerate(chosen.classes)}, return_dtype=pl.Int64
        )
        matrix[entries["row"].to_numpy(), columns.to_numpy()] = entries["value"].to_numpy()
        return matrix

    def digest(self) -> str:
        """Return 32 hexadecimal digits that change when rows, their order, or facts change.

        For names of what is kept in the cache: other versions of polars give other digits.
        """
        columns = ("sample_id", "media", "label", "labels", "shapes")
        hashes = [pl.col(name).hash(seed) for seed, name in enumerate(columns, start=1)]
        each_row = reduce(operator.xor, hashes, pl.row_index().hash(0)).hash(0)
        told = self.frame.select(pl.len(), each_row.sum().alias("rows"))
        parts = [self.meta.to_json(), *map(str, told.collect().row(0))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]

    def write(self, path: Path) -> None:
        """Write table and metadata to one Parquet file, atomically."""
        metadata = {_METADATA_KEY: self.meta.to_json()}
        with atomic_path(path) as part:
            self.frame.sink_parquet(part, compression="zstd", metadata=metadata)


def read_manifest(path: Path, root: Path) -> Manifest:
    """Open a manifest that `Manifest.write` wrote; rows are scanned lazily.

    Raises:
        FormatError: The file is not Parquet, or not a manifest.
    """
    try:
        metadata = pl.read_parquet_metadata(path)
        frame = pl.scan_parquet(path, glob=False)
        schema = frame.collect_schema()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise FormatError(path, f"not a Parquet file ({error})") from error
    if _METADATA_KEY not in metadata or schema != SCHEMA:
        raise FormatError(path, "Parquet, but not a manifest of this version", "Read the set again")
    return Manifest(frame, Meta.from_json(metadata[_METADATA_KEY]), root)


def _named(tasks: tuple[Task, ...], name: str) -> Task:
    for task in tasks:
        if task.name == name:
            return task
    known = ", ".join(task.name for task in tasks)
    problem = f"There is no task {name!r}"
    raise LayoutError(problem, f"Choose one of: {known}")
