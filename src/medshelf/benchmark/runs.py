"""One run: a network trained by a protocol on a dataset with a seed, in a folder of its own.

A run is whole when `run.json` is there; it is written last. A folder without it is a run that was
interrupted, and starting the same run again goes on from its last checkpoint.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from medshelf.benchmark import provenance
from medshelf.benchmark.calibration import fit_temperature
from medshelf.benchmark.crossing import comparable
from medshelf.benchmark.fits import open_fit
from medshelf.benchmark.fits.fit import Assignment, Cost, Fit
from medshelf.benchmark.models import find_model
from medshelf.benchmark.protocol import Protocol
from medshelf.benchmark.result_file import ResultName, write_scores
from medshelf.benchmark.scores import Scores, score
from medshelf.benchmark.specs import PRECISIONS, RunSpec, Settings, slug, specify
from medshelf.core.errors import FormatError, RunError, UnknownNameError
from medshelf.core.files import lock, make_folder, write_text
from medshelf.core.tasks import Task
from medshelf.dataset.labelled_images import LabelledImages

__all__ = [
    "PRECISIONS",
    "RUN_FILE",
    "Run",
    "RunSpec",
    "Settings",
    "find_runs",
    "method_name",
    "open_finished",
    "read_run",
    "run",
    "specify",
]

RUN_FILE, SPEC_FILE = "run.json", "spec.json"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run, as `run.json` holds it.

    Attributes:
        spec: What was asked for.
        folder: Where it lies.
        selection: Split, metric, epoch and value that chose the weights.
        scores: Split name to metrics.
        history: One entry per epoch.
        result_files: Split name to the standard result file.
        cost: Of a prediction.
        notes: What kept the fit from following the protocol, in words.
        wall_s: Seconds of training, interruptions left out.
        finished: UTC time in ISO 8601.
        hardware: Device, processor, threads.
        versions: Of Python, medshelf and packages.
        protocol: The protocol's full text.
        temperature: Logits divided by it give calibrated probabilities, see `calibration`; None in
            runs of earlier versions.
    """

    spec: RunSpec
    folder: Path
    selection: dict[str, Any]
    scores: dict[str, Scores]
    history: list[dict[str, Any]]
    result_files: dict[str, str]
    cost: Cost
    notes: list[str]
    wall_s: float
    finished: str
    hardware: dict[str, Any]
    versions: dict[str, str]
    protocol: dict[str, Any]
    temperature: float | None = None

    def to_json(self) -> str:
        """Return the content of `run.json`."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        values["spec"] = asdict(self.spec)
        values["scores"] = {split: each.as_dict() for split, each in self.scores.items()}
        values["cost"] = asdict(self.cost)
        del values["folder"]
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def run(
    spec: RunSpec,
    protocol: Protocol,
    data: Mapping[str, LabelledImages],
    settings: Settings,
    *,
    folder: Path,
) -> Run:
    """Train, predict, score and write down; a finished run is read, an interrupted one resumed.

    Args:
        spec: From `specify`.
        protocol: The protocol that the spec names.
        data: Its splits by name.
        settings: Those that the spec was made from.
        folder: Where the run's own folder is made.

    Raises:
        MissingExtraError: torch is not installed.
        RunError: Another run lies in the folder, or the training failed.
        StorageError: The folder cannot be written, or another process runs the same run.
    """
    target = make_folder(folder / spec.name)
    with lock(target / "run", timeout_s=0):
        if (target / RUN_FILE).exists():
            return _finished(target, spec, protocol)
        _claim(target, spec, protocol)
        fit = open_fit(
            Assignment.of(
                *(spec, protocol, data["train"].task),
                device=settings.device,
                weights=settings.weights,
                folder=target,
            )
        )
        return _execute(spec, protocol, data, fit, target)


def _finished(folder: Path, spec: RunSpec, protocol: Protocol) -> Run:
    found = read_run(folder)
    different = spec.differences(found.spec)
    try:
        if _rules(Protocol.model_validate(found.protocol)) != _rules(protocol):
            different.append("protocol")
    except ValidationError:
        _LOG.info("%s is of an earlier version; its protocol is not compared", folder)
    _require_same(folder, different)
    _LOG.info("%s is finished already", spec.name)
    return found


def _claim(folder: Path, spec: RunSpec, protocol: Protocol) -> None:
    """Write down what runs in a folder, or compare it with what began there.

    Raises:
        FormatError: What was written down is damaged.
        RunError: Another run began there.
    """
    path, asked = folder / SPEC_FILE, {"spec": asdict(spec), "protocol": _rules(protocol)}
    if not path.exists():
        write_text(path, json.dumps(asked, indent=2, ensure_ascii=False) + "\n")
        return
    try:
        begun = json.loads(path.read_text("utf-8"))
        different = spec.differences(RunSpec(**begun["spec"]))
        if begun["protocol"] != asked["protocol"]:
            different.append("protocol")
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = f"not what a run began with ({error})"
        raise FormatError(path, reason, "Move the folder away") from error
    _require_same(folder, different)


def _rules(protocol: Protocol) -> dict[str, Any]:
    return protocol.model_dump(mode="json", exclude={"title", "source", "notes", "method_suffix"})


def _require_same(folder: Path, different: list[str]) -> None:
    if different:
        raise RunError(
            f"{folder} holds a run with the same name made from other files or settings "
            f"({', '.join(different)})",
            "Move that folder away and run again",
        )


def _execute(
    spec: RunSpec, protocol: Protocol, data: Mapping[str, LabelledImages], fit: Fit, folder: Path
) -> Run:
    outcome = fit.run(data)
    scores: dict[str, Scores] = {}
    files: dict[str, str] = {}
    temperature: float | None = None
    for split in dict.fromkeys((protocol.selection.split, protocol.test_split)):
        probabilities = fit.predict(data[split])
        if split == protocol.selection.split:
            temperature = fit_temperature(
                data[split].task, data[split].targets, probabilities
            ).value
        crossed = bool(spec.tested_on) and split == protocol.test_split
        scores[split] = _scored(data[split], data["train"], probabilities, crossed=crossed)
        meta = data[split].manifest.meta
        name = ResultName(
            *(meta.dataset, meta.options.get("size", "28"), split),
            f"{slug(spec.model)}_{slug(spec.protocol)}_seed{spec.seed}",
            auc=scores[split].auc.value,
            acc=scores[split].acc.value,
        )
        files[split] = write_scores(folder, name, probabilities).name
    finished = Run(
        spec=spec,
        folder=folder,
        selection={**protocol.selection.model_dump(), **outcome.choice, "value": outcome.value},
        scores=scores,
        history=outcome.history,
        result_files=files,
        cost=outcome.cost,
        notes=outcome.notes,
        wall_s=outcome.seconds,
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        hardware=provenance.hardware(fit.device),
        versions=provenance.versions(),
        protocol=protocol.model_dump(mode="json"),
        temperature=temperature,
    )
    write_text(folder / RUN_FILE, finished.to_json())
    (folder / SPEC_FILE).unlink(missing_ok=True)
    fit.close()
    return finished


def _scored(
    dataset: LabelledImages, train: LabelledImages, probabilities: np.ndarray, *, crossed: bool
) -> Scores:
    """Score predictions; of another dataset's samples in the classes that occur in both."""
    if not crossed:
        return score(dataset.task, dataset.targets, probabilities, y_train=train.targets)
    shared = comparable(dataset.task, dataset.targets, probabilities, train.targets)
    return score(shared.task, shared.y_true, shared.y_score, y_train=shared.y_train)


def open_finished(found: Run, task: Task, device: str = "auto") -> Fit:
    """Return the fit of a finished run, ready to predict.

    Args:
        found: From `read_run`.
        task: The task of the dataset that it was trained on.
        device: `auto` or a torch device.

    Raises:
        FormatError: Its weights are damaged.
        MissingExtraError: What it needs is not installed.
        RunError: An earlier version made it.
    """
    spec = found.spec
    try:
        protocol = Protocol.model_validate(found.protocol)
    except ValidationError as error:
        raise RunError(
            f"{found.folder} was made by medshelf {found.versions.get('medshelf', '?')}, whose "
            "protocols this version cannot follow",
            "Move the folder away and run again",
        ) from error
    return open_fit(
        Assignment.of(spec, protocol, task, device=device, weights=None, folder=found.folder)
    )


def read_run(folder: Path) -> Run:
    """Read a finished run.

    Raises:
        FormatError: `run.json` is damaged or of another version.
    """
    path = folder / RUN_FILE
    try:
        values = json.loads(path.read_text("utf-8"))
        values["spec"] = RunSpec(**values["spec"])
        values["scores"] = {
            split: Scores.from_dict(each) for split, each in values["scores"].items()
        }
        values["cost"] = Cost(**values.get("cost", {}))
        values.setdefault("notes", [])
        return Run(folder=folder, **values)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise FormatError(path, f"not a run ({error})", "Move the folder away") from error


def find_runs(folder: Path, dataset: str) -> Iterator[Run]:
    """Yield the finished runs of a dataset below `folder`, sorted by name."""
    for path in sorted(folder.glob(f"{dataset}_*/{RUN_FILE}")):
        found = read_run(path.parent)
        if found.spec.dataset == dataset:
            yield found


def method_name(found: Run) -> str:
    """Return the method as published tables write it, e.g. `ResNet-18 (28)`.

    A model that is unknown here is called as the run calls it.
    """
    try:
        name = find_model(found.spec.model).published_name
    except UnknownNameError:
        name = found.spec.model
    return f"{name}{found.protocol.get('method_suffix', '')}"
