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

from medshelf.benchmark import provenance
from medshelf.benchmark.models import PUBLISHED_NAMES
from medshelf.benchmark.protocol import Protocol
from medshelf.benchmark.result_file import ResultName, write_scores
from medshelf.benchmark.scores import Scores, score
from medshelf.core.errors import FormatError, MissingExtraError, RunError, UnknownNameError
from medshelf.core.files import lock, make_folder, write_text
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
        return f"{self.dataset}{size}_{self.protocol}_{self.model}{precision}{epochs}{modified}"

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
        del values["folder"]
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def specify(
    dataset: LabelledImages,
    protocol: Protocol,
    model: str,
    *,
    seed: int,
    epochs: int | None,
    precision: str = PRECISIONS[0],
) -> RunSpec:
    """Say exactly what is to be run.

    Raises:
        RunError: The protocol is not for this dataset, or `epochs` is not positive.
        UnknownNameError: There is no such precision.
    """
    meta = dataset.manifest.meta
    protocol.check_dataset(meta)
    if precision not in PRECISIONS:
        raise UnknownNameError("precision", precision, PRECISIONS)
    if epochs is not None and epochs < 1:
        problem = f"{epochs} epochs were asked for"
        raise RunError(problem, "Ask for 1 or more")
    return RunSpec(
        dataset=meta.dataset,
        size=meta.options.get("size", "28"),
        files=dict(meta.files),
        modified=meta.modified,
        synthetic=meta.synthetic,
        protocol=protocol.id,
        protocol_epochs=protocol.epochs,
        epochs=epochs or protocol.epochs,
        model=model,
        seed=seed,
        precision=precision,
    )


def run(
    spec: RunSpec,
    protocol: Protocol,
    data: Mapping[str, LabelledImages],
    *,
    folder: Path,
    device: str,
) -> Run:
    """Train, predict, score and write down; a finished run is read, an interrupted one resumed.

    Args:
        spec: From `specify`.
        protocol: The protocol that the spec names.
        data: Its splits by name.
        folder: Where the run's own folder is made.
        device: `auto` or a torch device.

    Raises:
        MissingExtraError: torch is not installed.
        RunError: Another run lies in the folder, or the training failed.
        StorageError: The folder cannot be written, or another process runs the same run.
    """
    target = make_folder(folder / spec.name)
    with lock(target / "run", timeout_s=0):
        if (target / RUN_FILE).exists():
            return _finished(target, spec)
        return _execute(spec, protocol, data, target, device)


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
    spec: RunSpec, protocol: Protocol, data: Mapping[str, LabelledImages], folder: Path, device: str
) -> Run:
    try:
        from medshelf.benchmark import training
    except ImportError as error:
        raise MissingExtraError("torch", "train") from error
    trainer = training.Training(
        protocol=protocol,
        model=spec.model,
        seed=spec.seed,
        n_epochs=spec.epochs,
        device=training.choose_device(device),
        precision=spec.precision,
        folder=folder,
    )
    progress = trainer.run(data)
    scores: dict[str, Scores] = {}
    files: dict[str, str] = {}
    for split in dict.fromkeys((protocol.selection.split, protocol.test_split)):
        probabilities, dataset = trainer.predict(data[split]), data[split]
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
        selection={
            **protocol.selection.model_dump(),
            "epoch": progress.best_epoch,
            "value": progress.best_metric,
        },
        scores=scores,
        history=[asdict(each) for each in progress.history],
        result_files=files,
        wall_s=sum(each.seconds for each in progress.history),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        hardware=provenance.hardware(trainer.device),
        versions=provenance.versions(),
        protocol=protocol.model_dump(mode="json"),
    )
    write_text(folder / RUN_FILE, finished.to_json())
    (folder / training.LAST).unlink()
    return finished


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
    model = found.spec.model
    return f"{PUBLISHED_NAMES.get(model, model)}{found.protocol['method_suffix']}"
