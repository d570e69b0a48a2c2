"""Result files that somebody made elsewhere and entered: copied, scored, written down."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from medshelf.benchmark import provenance
from medshelf.benchmark.caveats import MODIFIED, SELECTED_ON_TEST
from medshelf.benchmark.result_file import ResultName, write_scores
from medshelf.benchmark.scores import Scores
from medshelf.core.errors import FormatError, RunError, SettingError
from medshelf.core.files import lock, write_text

ENTERED_FILE = "entered.json"


@dataclass(frozen=True, slots=True)
class Claim:
    """What whoever enters a result says of it.

    Attributes:
        method: Name of the method; the run's name in the file by default.
        selected_on: Split that chose the weights; empty if it is not said.
        seconds: Of training; None if it is not said.
        note: What else must be known.
    """

    method: str = ""
    selected_on: str = ""
    seconds: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            SettingError: There is no such split, or the seconds are no positive number.
        """
        if self.selected_on not in {"", "train", "val", "test"}:
            problem = f"Weights cannot be selected on {self.selected_on!r}"
            raise SettingError(problem, "Say train, val or test, or leave it out")
        if self.seconds is not None and not 0 <= self.seconds < float("inf"):
            raise SettingError(f"{self.seconds} is no time of training", "Give seconds")


@dataclass(frozen=True, slots=True)
class Entered:
    """An entered result, as `entered.json` holds it.

    Attributes:
        name: What the file's name says.
        method: Name of the method.
        selected_on: As in `Claim`.
        seconds: As in `Claim`.
        note: As in `Claim`.
        scores: Computed here, from the file's scores and the labels.
        modified: The labels come from files that are not the published ones.
        files: Raw file name to hash, of the labels.
        versions: Of what computed the scores.
        entered: UTC time in ISO 8601.
        folder: Where it lies.
    """

    name: ResultName
    method: str
    selected_on: str
    seconds: float | None
    note: str
    scores: Scores
    modified: bool
    files: dict[str, str]
    versions: dict[str, str]
    entered: str
    folder: Path

    @property
    def caveats(self) -> list[str]:
        """What keeps it from being compared with published numbers."""
        found = ["entered result file: how it was made is not known here"]
        if self.selected_on == "test":
            found.append(SELECTED_ON_TEST)
        if self.modified:
            found.append(MODIFIED)
        return [*found, self.note] if self.note else found


def enter(  # noqa: PLR0913 - what a record of a result is made of
    results_folder: Path,
    name: ResultName,
    y_score: np.ndarray,
    scores: Scores,
    claim: Claim,
    *,
    files: dict[str, str],
    modified: bool,
) -> Entered:
    """Copy a scored result into the home and write down what is known of it.

    Args:
        results_folder: Holds one folder per entered result.
        name: What the file's name says.
        y_score: Its scores (N, K), in the order of the split.
        scores: From `scores.score`.
        claim: What is said of it.
        files: Raw file name to hash, of the labels.
        modified: Whether those are not the published files.

    Raises:
        RunError: It is not of the test split, has no method's name, or was entered before.
        StorageError: The home cannot be written.
    """
    if name.split != "test":
        problem = f"The file holds scores of the split {name.split!r}"
        raise RunError(problem, "Enter scores of the test split; evaluate scores the others")
    method = (claim.method or name.run).strip()
    if not method:
        raise RunError("The method has no name", "Give --method, or a run's name in the file name")
    folder = results_folder / f"{name.dataset}_{_digest(name, y_score)}"
    named = ResultName(
        *(name.dataset, name.size, name.split, name.run),
        auc=scores.auc.value,
        acc=scores.acc.value,
    )
    with lock(results_folder / folder.name):
        if (folder / ENTERED_FILE).exists():
            before = read_entered(folder)
            raise RunError(
                f"These scores were entered before, as {before.method!r} on {before.entered}",
                f"To enter them anew, delete {folder} first",
            )
        entered = Entered(
            name=named,
            method=method,
            selected_on=claim.selected_on,
            seconds=claim.seconds,
            note=" ".join(claim.note.split()),
            scores=scores,
            modified=modified,
            files=files,
            versions=provenance.versions(),
            entered=datetime.now(UTC).isoformat(timespec="seconds"),
            folder=folder,
        )
        write_scores(folder, named, y_score)
        write_text(folder / ENTERED_FILE, _json(entered))
    return entered


def read_entered(folder: Path) -> Entered:
    """Read the record of an entered result.

    Raises:
        FormatError: It is damaged.
    """
    path = folder / ENTERED_FILE
    try:
        values: dict[str, Any] = json.loads(path.read_text("utf-8"))
        values["name"] = ResultName(**values["name"])
        values["scores"] = Scores.from_dict(values["scores"])
        return Entered(folder=folder, **values)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise FormatError(path, f"no entered result ({error})", "Move the folder away") from error


def _json(entered: Entered) -> str:
    values = {each.name: getattr(entered, each.name) for each in fields(entered)}
    values |= {"name": asdict(entered.name), "scores": entered.scores.as_dict()}
    del values["folder"]
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _digest(name: ResultName, y_score: np.ndarray) -> str:
    """Identify scores whatever the file's name and the order of its lines."""
    content = np.ascontiguousarray(y_score, dtype="<f8").tobytes()
    return hashlib.sha256(f"{name.size}\0{name.split}\0".encode() + content).hexdigest()[:16]
