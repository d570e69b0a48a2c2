"""The standard result file of MedMNIST: scores of one split, and metrics in its name.

`{dataset}{_size}_{split}_[AUC]{auc:.3f}_[ACC]{acc:.3f}@{run}.csv`; no size for 28. Each line is the
sample's index and one score per column; lines may be in any order.

Source: https://doi.org/10.1038/s41597-022-01721-8, usage notes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from medshelf.core.errors import FormatError
from medshelf.core.files import atomic_path

_NAME = re.compile(
    r"^(?P<dataset>[^_]+)(_(?P<size>\d+))?_(?P<split>train|val|test)"
    r"(_\[AUC\](?P<auc>\d*\.?\d+)_\[ACC\](?P<acc>\d*\.?\d+))?(@(?P<run>.*?))?\.csv$"
)
_GRAMMAR = "{dataset}{_size}_{split}_[AUC]0.000_[ACC]0.000@{run}.csv"


@dataclass(frozen=True, slots=True)
class ResultName:
    """What the name of a result file says.

    Attributes:
        dataset: Catalog id.
        size: Edge length of the images.
        split: train, val or test.
        run: Free text that tells runs apart.
        auc: As printed in the name; None where it is not.
        acc: As printed in the name.
    """

    dataset: str
    size: str
    split: str
    run: str = ""
    auc: float | None = None
    acc: float | None = None

    def __str__(self) -> str:
        """Return the file name."""
        size = "" if self.size == "28" else f"_{self.size}"
        scores = "" if self.auc is None else f"_[AUC]{self.auc:.3f}_[ACC]{self.acc:.3f}"
        run = f"@{self.run}" if self.run else ""
        return f"{self.dataset}{size}_{self.split}{scores}{run}.csv"


def parse_name(path: Path) -> ResultName:
    """Read the name of a result file.

    Raises:
        FormatError: The name breaks the grammar.
    """
    match = _NAME.match(path.name)
    if match is None:
        raise FormatError(path, f"the name is not of the form {_GRAMMAR}", "Rename the file")
    text = match.groupdict()
    return ResultName(
        text["dataset"],
        text["size"] or "28",
        text["split"],
        text["run"] or "",
        float(text["auc"]) if text["auc"] else None,
        float(text["acc"]) if text["acc"] else None,
    )


def write_scores(folder: Path, name: ResultName, y_score: np.ndarray) -> Path:
    """Write scores (N, K) in the order of the split, atomically.

    Returns:
        The file's path.
    """
    path = folder / str(name)
    table = pl.DataFrame(y_score).with_row_index()
    with atomic_path(path) as part:
        table.write_csv(part, include_header=False)
    return path


def read_scores(path: Path) -> np.ndarray:
    """Read scores, float64 (N, K), in the order of the split.

    Raises:
        FormatError: The file is missing or no table of numbers, or an index is missing, repeated
            or out of range.
    """
    remedy = "Write one line per sample: its index, then its scores"
    try:
        table = pl.read_csv(path, has_header=False, glob=False).cast(pl.Float64)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise FormatError(path, f"not a table of numbers ({error})", remedy) from error
    if table.width < 2:  # noqa: PLR2004
        raise FormatError(path, "there are no score columns", remedy)
    if table.null_count().sum_horizontal().item():
        raise FormatError(path, "a line has fewer values than the others", remedy)
    values = table.to_numpy()
    order = np.argsort(values[:, 0], kind="stable")
    wrong = np.flatnonzero(values[order, 0] != np.arange(len(values)))
    if wrong.size:
        first = int(wrong[0])
        raise FormatError(
            path, f"sample {first} is missing or repeated (of {len(values)} lines)", remedy
        )
    return values[order, 1:]
