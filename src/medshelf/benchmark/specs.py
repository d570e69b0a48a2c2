"""What a run is asked to do, to the last detail, and the name that this gives it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from medshelf.benchmark.models import find_model
from medshelf.benchmark.protocol import Protocol
from medshelf.core.errors import FormatError, RunError, UnknownNameError
from medshelf.dataset.labelled_images import LabelledImages

PRECISIONS = ("float32", "tfloat32", "bfloat16")
"""Number formats of convolutions and matrix products; `tfloat32` is what torch uses on CUDA if left
alone, for convolutions."""

_ODD = re.compile(r"[^A-Za-z0-9.+-]+")
_MAX_LENGTH = 60


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
        new_head: The last layer started from chance, the others from the weights.
        tested_on: The other dataset, where a protocol tests on one.
        compiled: The network was compiled for training, which rounds differently.
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
    compiled: bool = False
    new_head: bool = False

    @property
    def follows_protocol(self) -> bool:
        """Whether the whole protocol was asked for."""
        return self.epochs == self.protocol_epochs

    @property
    def group(self) -> str:
        """Name that runs share which differ in the seed alone; legal for a folder everywhere."""
        content = "".join(self.files.values()).rpartition(":")[2][:8]
        parts = (
            slug(self.dataset),
            "" if self.size == "28" else self.size,
            slug(self.protocol),
            slug(self.model),
            f"weights-{self.weights.rpartition(':')[2][:8]}" if self.weights else "",
            "new-head" if self.new_head else "",
            "" if self.precision == PRECISIONS[0] else self.precision,
            "deterministic" if self.deterministic else "",
            "compiled" if self.compiled else "",
            "" if self.follows_protocol else f"{self.epochs}epochs",
            f"on-{slug(self.tested_on)}" if self.tested_on else "",
            f"modified-{content}" if self.modified else "",
        )
        return "_".join(each for each in parts if each)

    @property
    def name(self) -> str:
        """Name of the run's folder."""
        return f"{self.group}_seed{self.seed}"

    def differences(self, other: RunSpec) -> list[str]:
        """Return the names of the fields that differ."""
        own, theirs = asdict(self), asdict(other)
        return [name for name in own if own[name] != theirs[name]]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a protocol leaves open.

    Attributes:
        epochs: Instead of the protocol's; results then say so.
        precision: As in `RunSpec`.
        deterministic: As in `RunSpec`.
        weights: State dict to start from.
        device: `auto` or a torch device.
        compiled: As in `RunSpec`.
        new_head: Let the last layer start from chance, e.g. for other classes than those of the
            weights. A fit on frozen features never takes the last layer.
    """

    epochs: int | None = None
    precision: str = PRECISIONS[0]
    deterministic: bool = False
    weights: Path | None = None
    device: str = "auto"
    compiled: bool = False
    new_head: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be run.

        Raises:
            RunError: `epochs` is not positive, or a new head is asked for without weights.
            UnknownNameError: There is no such precision.
        """
        if self.precision not in PRECISIONS:
            raise UnknownNameError("precision", self.precision, PRECISIONS)
        if self.epochs is not None and self.epochs < 1:
            problem = f"{self.epochs} epochs were asked for"
            raise RunError(problem, "Ask for 1 or more")
        if self.new_head and self.weights is None:
            problem = "A new last layer is asked for, but no weights for the others"
            raise RunError(problem, "Name a file of weights, e.g. --weights FILE --new-head")


def specify(
    data: Mapping[str, LabelledImages],
    protocol: Protocol,
    model: str,
    settings: Settings,
    *,
    seed: int,
) -> RunSpec:
    """Say exactly what is to be run; settings that the fit has no use for are left out.

    Raises:
        RunError: The protocol or the model is not for this dataset.
        UnknownNameError: There is no such model.
    """
    meta, tested = data["train"].manifest.meta, data["test"].manifest.meta
    protocol.check_dataset(meta)
    found = find_model(model)
    if found.dimensions is not None and found.dimensions != meta.dimensions:
        problem = f"Model {model!r} is for {found.dimensions}D images, not for {meta.dataset!r}"
        raise RunError(problem, "Choose a model for them, e.g. resnet18 (2D) or resnet18-3d")
    is_network = found.kind == "network"
    is_trained = is_network and protocol.fit.kind == "training"
    return RunSpec(
        dataset=meta.dataset,
        size=meta.options.get("size", "28"),
        files={**meta.files, **tested.files},
        modified=meta.modified or tested.modified,
        synthetic=meta.synthetic or tested.synthetic,
        protocol=protocol.id,
        protocol_epochs=protocol.epochs,
        epochs=(settings.epochs if is_trained else None) or protocol.epochs,
        model=model,
        seed=seed,
        precision=settings.precision if is_network else PRECISIONS[0],
        deterministic=settings.deterministic,
        weights="" if settings.weights is None else _hash(settings.weights),
        tested_on="" if tested.dataset == meta.dataset else tested.dataset,
        compiled=settings.compiled and is_trained,
        new_head=settings.new_head and is_trained,
    )


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    except OSError as error:
        remedy = "Name a file of weights (.safetensors, .pt, .pth)"
        raise FormatError(path, error.strerror or str(error), remedy) from error


def slug(name: str) -> str:
    """Return a name as part of a folder's name; two names never give the same.

    What is not a letter, digit, `.`, `+` or `-` becomes `-`; a hash follows where that changed it.
    """
    plain = _ODD.sub("-", name)
    if plain == name and len(name) <= _MAX_LENGTH:
        return name
    return f"{plain[:_MAX_LENGTH]}~{hashlib.sha256(name.encode()).hexdigest()[:8]}"
