"""One run: a network trained by a protocol on a dataset with a seed, in a folder of its own.

A run is whole when `run.json` is there; it is written last. A folder without it is a run that was
interrupted, and starting the same run again goes on from its last checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from medshelf.benchmark import provenance
from medshelf.benchmark.fits import open_fit
from medshelf.benchmark.fits.fit import Assignment, Cost, Fit
from medshelf.benchmark.models import find_model
from medshelf.benchmark.protocol import Protocol
from medshelf.benchmark.result_file import ResultName, write_scores
from medshelf.benchmark.scores import Scores, score
from medshelf.core.errors import FormatError, RunError, UnknownNameError
from medshelf.core.files import lock, make_folder, write_text
from medshelf.core.tasks import Task
from medshelf.dataset.labelled_images import LabelledImages

RUN_FILE = "run.json"
PRECISIONS = ("float32", "bfloat16")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What is asked for; two runs with equal specs on one machine give equal results.

    Attributes:
        dataset: Catalog id.
        size: Edge length of the stored images.
        files: Raw file name to hash.
        modified: The files are not the published ones.
        synthetic: Generated data.
        protocol: Id of the protocol.
        protocol_epochs: Epochs that the protocol asks for.
        epochs: Epochs that were asked for; the protocol was followed if they are equal.
        model: Name of the network.
        seed: Of weights and order.
        precision: Number format of the convolutions and matrix products in training.
        deterministic: Operations whose result depends on chance were refused.
        weights: Hash of the state dict that the training started from; empty if from chance.
        tested_on: The other dataset, where a protocol tests on one.
    """

    dataset: str
    size: str
    files: dict[str, str]
    modified: bool
    synthetic: bool
    protocol: str
    protocol_epochs: int
    epochs: int
    model: str
    seed: int
    precision: str = "float32"
    deterministic: bool = False
    weights: str = ""
    tested_on: str = ""

    @property
    def follows_protocol(self) -> bool:
        """Whether the whole protocol was asked for."""
        return self.epochs == self.protocol_epochs

    @property
    def group(self) -> str:
        """Name that runs share which differ in the seed alone."""
        size = "" if self.size == "28" else f"_{self.size}"
        epochs = "" if self.follows_protocol else f"_{self.epochs}epochs"
        content = "".join(self.files.values()).rpartition(":")[2][:8]
        modified = f"_modified-{content}" if self.modified else ""
        precision = "" if self.precision == PRECISIONS[0] else f"_{self.precision}"
        deterministic = "_deterministic" if self.deterministic else ""
        weights = f"_weights-{self.weights.rpartition(':')[2][:8]}" if self.weights else ""
        tested_on = f"_on-{self.tested_on}" if self.tested_on else ""
        model = self.model.replace(":", "-").replace("/", "-")
        return (
            f"{self.dataset}{size}_{self.protocol}_{model}{weights}{precision}{deterministic}"
            f"{epochs}{tested_on}{modified}"
        )

    @property
    def name(self) -> str:
        """Name of the run's folder."""
        return f"{self.group}_seed{self.seed}"


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

    def to_json(self) -> str:
        """Return the content of `run.json`."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        values["spec"] = asdict(self.spec)
        values["scores"] = {split: each.as_dict() for split, each in self.scores.items()}
        values["cost"] = asdict(self.cost)
        del values["folder"]
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a protocol leaves open.

    Attributes:
        epochs: Instead of the protocol's; results then say so.
        precision: As in `RunSpec`.
        deterministic: As in `RunSpec`.
        weights: State dict to start from.
        device: `auto` or a torch device.
    """

    epochs: int | None = None
    precision: str = PRECISIONS[0]
    deterministic: bool = False
    weights: Path | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        """Refuse what cannot be run.

        Raises:
            RunError: `epochs` is not positive.
            UnknownNameError: There is no such precision.
        """
        if self.precision not in PRECISIONS:
            raise UnknownNameError("precision", self.precision, PRECISIONS)
        if self.epochs is not None and self.epochs < 1:
            problem = f"{self.epochs} epochs were asked for"
            raise RunError(problem, "Ask for 1 or more")


def specify(
    data: Mapping[str, LabelledImages],
    protocol: Protocol,
    model: str,
    settings: Settings,
    *,
    seed: int,
) -> RunSpec:
    """Say exactly what is to be run.

    Raises:
        RunError: The protocol or the model is not for this dataset.
        UnknownNameError: There is no such model.
    """
    meta, tested = data["train"].manifest.meta, data["test"].manifest.meta
    protocol.check_dataset(meta)
    takes = find_model(model).dimensions
    if takes is not None and takes != meta.dimensions:
        problem = f"Model {model!r} is for {takes}D images, {meta.dataset!r} has {meta.dimensions}D"
        raise RunError(problem, "Choose a model for them, e.g. resnet18 (2D) or resnet18-3d")
    return RunSpec(
        dataset=meta.dataset,
        size=meta.options.get("size", "28"),
        files=dict(meta.files),
        modified=meta.modified,
        synthetic=meta.synthetic,
        protocol=protocol.id,
        protocol_epochs=protocol.epochs,
        epochs=settings.epochs or protocol.epochs,
        model=model,
        seed=seed,
        precision=settings.precision,
        deterministic=settings.deterministic,
        weights="" if settings.weights is None else _hash(settings.weights),
        tested_on="" if tested.dataset == meta.dataset else tested.dataset,
    )


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    except OSError as error:
        raise FormatError(path, f"cannot be read ({error.strerror})", "Name a file") from error


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
            return _finished(target, spec)
        fit = open_fit(
            Assignment(
                protocol=protocol,
                dataset=spec.dataset,
                task=data["train"].task,
                model=spec.model,
                seed=spec.seed,
                epochs=spec.epochs,
                device=settings.device,
                precision=spec.precision,
                deterministic=spec.deterministic,
                weights=settings.weights,
                folder=target,
            )
        )
        return _execute(spec, protocol, data, fit, target)


def _finished(folder: Path, spec: RunSpec) -> Run:
    found = read_run(folder)
    if found.spec != spec:
        raise RunError(
            f"{folder} holds a run with the same name made from other files or settings",
            "Move that folder away and run again",
        )
    _LOG.info("%s is finished already", spec.name)
    return found


def _execute(
    spec: RunSpec, protocol: Protocol, data: Mapping[str, LabelledImages], fit: Fit, folder: Path
) -> Run:
    outcome = fit.run(data)
    scores: dict[str, Scores] = {}
    files: dict[str, str] = {}
    for split in dict.fromkeys((protocol.selection.split, protocol.test_split)):
        probabilities, dataset = fit.predict(data[split]), data[split]
        scores[split] = score(
            dataset.task, dataset.targets, probabilities, y_train=data["train"].targets
        )
        name = ResultName(
            *(spec.dataset, spec.size, split, f"{spec.model}_{spec.protocol}_seed{spec.seed}"),
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
    )
    write_text(folder / RUN_FILE, finished.to_json())
    fit.close()
    return finished


def open_finished(found: Run, task: Task, device: str = "auto") -> Fit:
    """Return the fit of a finished run, ready to predict.

    Args:
        found: From `read_run`.
        task: The task of the dataset that it was trained on.
        device: `auto` or a torch device.

    Raises:
        FormatError: Its weights are damaged.
        MissingExtraError: What it needs is not installed.
    """
    spec = found.spec
    return open_fit(
        Assignment(
            protocol=Protocol.model_validate(found.protocol),
            dataset=spec.dataset,
            task=task,
            model=spec.model,
            seed=spec.seed,
            epochs=spec.epochs,
            device=device,
            precision=spec.precision,
            deterministic=spec.deterministic,
            weights=None,
            folder=found.folder,
        )
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
    """Return the method as published tables write it, e.g. `ResNet-18 (28)`."""
    return f"{find_model(found.spec.model).published_name}{found.protocol['method_suffix']}"
