"""A run that is asked for, and how far it has come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol

from medshelf.benchmark import runs
from medshelf.benchmark.protocol import Protocol as Recipe
from medshelf.core.errors import FormatError, InUseError
from medshelf.core.files import lock, write_text
from medshelf.dataset.labelled_images import LabelledImages

FAILURE_FILE = "failure.json"
CHECKPOINT = "last.pt"


@dataclass(frozen=True, slots=True)
class Order:
    """One run that is asked for; small, as it is sent to other processes.

    Attributes:
        spec: What is to be run.
        protocol: The protocol that the spec names.
        settings: Those that the spec was made from.
        n_train: Training samples.
    """

    spec: runs.RunSpec
    protocol: Recipe
    settings: runs.Settings
    n_train: int


class Opener(Protocol):
    """Opens the data of a run, in whatever process it is called; it can be pickled."""

    def __call__(self, order: Order) -> Mapping[str, LabelledImages]:
        """Return the splits by name, as the run sees them."""


@dataclass(frozen=True, slots=True)
class State:
    """How far a run has come.

    Attributes:
        kind: `failed` where the last try ended with an error; it will be tried again.
        epochs_done: Of a run that is not finished, those in its checkpoint.
        reason: Of a failure.
    """

    kind: Literal["finished", "running", "failed", "interrupted", "new"]
    epochs_done: int = 0
    reason: str = ""

    @property
    def text(self) -> str:
        """The state as a table shows it, e.g. `interrupted at epoch 12`."""
        if self.kind == "finished" or not self.epochs_done:
            return self.kind
        return f"{self.kind} at epoch {self.epochs_done}"


def state_of(order: Order, folder: Path) -> State:
    """Look up how far a run has come, without changing anything.

    Args:
        order: The run.
        folder: The folder that holds the runs' folders.
    """
    target = folder / order.spec.name
    if not target.is_dir():
        return State("new")
    if (target / runs.RUN_FILE).exists():
        return _of_finished(order, target)
    try:
        n_done = _epochs_done(target)
    except FormatError as error:
        return State("failed", reason=str(error))
    try:
        with lock(target / "run", timeout_s=0):
            reason = _failure(target)
    except InUseError:
        return State("running", n_done)
    if reason:
        return State("failed", n_done, reason)
    return State("interrupted" if n_done else "new", n_done)


def _of_finished(order: Order, target: Path) -> State:
    try:
        found = runs.read_run(target)
    except FormatError as error:
        return State("failed", reason=str(error))
    if different := order.spec.differences(found.spec):
        reason = f"{target} holds a run with the same name and another {', '.join(different)}"
        return State("failed", reason=reason)
    return State("finished")


def _epochs_done(target: Path) -> int:
    path = target / CHECKPOINT
    if not path.exists():
        return 0
    try:
        import torch
    except ImportError:
        return 0
    try:  # mapped, so that the weights are not read
        saved = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        return len(saved["progress"]["history"])
    except Exception as error:
        raise FormatError(path, f"not a checkpoint ({error})", "Delete it") from error


def _failure(target: Path) -> str:
    try:
        return str(json.loads((target / FAILURE_FILE).read_text("utf-8"))["reason"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError):
        return f"{target / FAILURE_FILE} is damaged"


def write_failure(target: Path, reason: str, traceback: str = "") -> None:
    """Write down why a run ended, in its folder.

    Args:
        target: The run's folder.
        reason: As a user is told.
        traceback: As a developer needs it.

    Raises:
        StorageError: The folder cannot be written.
    """
    told = {"reason": reason, "when": datetime.now(UTC).isoformat(timespec="seconds")}
    content = told | ({"traceback": traceback} if traceback else {})
    write_text(target / FAILURE_FILE, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
