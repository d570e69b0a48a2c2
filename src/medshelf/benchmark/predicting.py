"""What a finished run says of images in files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from medshelf.benchmark.calibration import calibrated
from medshelf.benchmark.fits.fit import Fit
from medshelf.benchmark.metrics import THRESHOLD
from medshelf.benchmark.preparing import Form, format_of, prepare
from medshelf.core.errors import FormatError, MedshelfError
from medshelf.core.files import atomic_path
from medshelf.core.tasks import Task, TaskKind
from medshelf.imaging.window import Window

_AT_ONCE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Prediction:
    """What is said of one image.

    Attributes:
        path: The file.
        said: The class; of a multi-label task every label that is present.
        probability: Of the class, calibrated; None for a multi-label task.
        probabilities: Class or label to its calibrated probability.
        steps: What was done to the image before.
        error: Why nothing is said; empty where something is.
    """

    path: Path
    said: tuple[str, ...] = ()
    probability: float | None = None
    probabilities: dict[str, float] | None = None
    steps: tuple[str, ...] = ()
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {**asdict(self), "path": str(self.path)}


@dataclass(frozen=True, slots=True)
class Predictor:
    """A finished run, ready for images.

    Attributes:
        fit: From `runs.open_finished`.
        task: Kind and classes.
        temperature: From `calibration`.
        form: Of the stored images that it was trained on.
        window: For values that are not 8-bit; None for DICOM's own, or a stretch.
    """

    fit: Fit
    task: Task
    temperature: float
    form: Form
    window: Window | None = None

    def predict(self, paths: Sequence[Path]) -> Iterator[Prediction]:
        """Yield a prediction for each file in its order; one that cannot be read says why.

        Raises:
            FormatError: The run's weights are damaged.
            RunError: The model cannot predict.
        """
        n_bytes = int(np.prod(self.form.shape))
        n_at_once = max(1, min(256, _AT_ONCE_BYTES // n_bytes))
        for start in range(0, len(paths), n_at_once):
            yield from self._part(paths[start : start + n_at_once])

    def _part(self, paths: Sequence[Path]) -> Iterator[Prediction]:
        images, found = [], []
        for path in paths:
            try:
                image, steps = prepare(path, self.form, self.window)
            except MedshelfError as error:
                found.append(Prediction(path, error=f"{error.problem}. {error.remedy}."))
                continue
            images.append(image)
            found.append(Prediction(path, steps=tuple(steps)))
        rows = iter(self._probabilities(images))
        for each in found:
            yield each if each.error else self._said(each, next(rows))

    def _probabilities(self, images: list[np.ndarray]) -> np.ndarray:
        if not images:
            return np.empty((0, self.task.n_classes))
        scores = self.fit.predict(np.stack(images))
        return calibrated(self.task, scores, self.temperature)

    def _said(self, blank: Prediction, row: np.ndarray) -> Prediction:
        names = self.task.classes
        chances = dict(zip(names, row.tolist(), strict=True))
        if self.task.kind is TaskKind.MULTI_LABEL:
            present = tuple(name for name in names if chances[name] > THRESHOLD)
            return Prediction(blank.path, present, None, chances, blank.steps)
        code = int(row.argmax())
        return Prediction(blank.path, (names[code],), float(row[code]), chances, blank.steps)


def image_files(given: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Return the files that are meant, those of a folder sorted, and what was left out of folders.

    Raises:
        FormatError: A folder cannot be listed, or holds no image.
    """
    chosen: list[Path] = []
    left_out: list[Path] = []
    for each in given:
        if not each.is_dir():
            chosen.append(each)
            continue
        try:
            inside = [path for path in sorted(each.iterdir()) if path.is_file()]
        except OSError as error:
            reason = error.strerror or str(error)
            raise FormatError(each, reason, "Check path and permissions") from error
        images = [path for path in inside if format_of(path)]
        if not images:
            raise FormatError(
                each, "the folder holds no image", "Name a folder of images, or files"
            )
        chosen += images
        left_out += sorted(set(inside) - set(images))
    return chosen, left_out


def write_csv(path: Path, task: Task, predictions: Sequence[Prediction]) -> None:
    """Write one line per image: path, what is said, probabilities by class, steps, error.

    Raises:
        StorageError: The file cannot be written.
    """
    rows = [
        {
            "path": str(each.path),
            "said": "; ".join(each.said),
            "probability": each.probability,
            **{
                f"probability of {name}": (each.probabilities or {}).get(name)
                for name in task.classes
            },
            "steps": "; ".join(each.steps),
            "error": each.error,
        }
        for each in predictions
    ]
    with atomic_path(path) as part:
        pl.DataFrame(rows, infer_schema_length=None).write_csv(part)
