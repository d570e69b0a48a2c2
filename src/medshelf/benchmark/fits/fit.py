"""What all fits have in common: from training data to probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

    from medshelf.benchmark.protocol import Protocol as Recipe
    from medshelf.benchmark.specs import RunSpec
    from medshelf.core.tasks import Task
    from medshelf.dataset.labelled_images import LabelledImages


@dataclass(frozen=True, slots=True)
class Cost:
    """What a prediction costs.

    Attributes:
        parameters: Trained numbers; None where the model has no fixed number.
        macs: Multiply-accumulate operations of one sample; None where they are not counted.
    """

    parameters: int | None = None
    macs: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a fit has found.

    Attributes:
        choice: What the selection split chose, e.g. `{"epoch": 25}` or `{"neighbours": 5}`.
        value: The selection metric of that choice.
        history: One entry per epoch, or per choice that was tried.
        seconds: Of fitting, interruptions left out.
        cost: Of a prediction.
        notes: What kept the fit from following the protocol, in words, e.g. a halved batch.
    """

    choice: dict[str, Any]
    value: float
    history: list[dict[str, Any]]
    seconds: float
    cost: Cost
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Assignment:
    """Everything that a fit needs to know.

    Attributes:
        protocol: How.
        dataset: Catalog id of the training data.
        task: Kind and classes.
        model: Name of the model.
        seed: Of everything random.
        epochs: Usually the protocol's.
        device: Torch device, or `auto`.
        precision: Number format of convolutions and matrix products.
        deterministic: Refuse operations whose result depends on chance.
        weights: State dict to start from, or None.
        folder: Where the run lies; checkpoints and weights go there.
        compiled: Compile the network for training; results differ in rounding.
        new_head: Start the last layer from chance, whatever the weights hold for it.
    """

    protocol: Recipe
    dataset: str
    task: Task
    model: str
    seed: int
    epochs: int
    device: str
    precision: str
    deterministic: bool
    weights: Path | None
    folder: Path
    compiled: bool = False
    new_head: bool = False

    @classmethod
    def of(
        cls,
        spec: RunSpec,
        protocol: Recipe,
        task: Task,
        *,
        device: str,
        weights: Path | None,
        folder: Path,
    ) -> Assignment:
        """Return what a run with a spec asks of its fit."""
        return cls(
            protocol=protocol,
            dataset=spec.dataset,
            task=task,
            model=spec.model,
            seed=spec.seed,
            epochs=spec.epochs,
            device=device,
            precision=spec.precision,
            deterministic=spec.deterministic,
            weights=weights,
            folder=folder,
            compiled=spec.compiled,
            new_head=spec.new_head,
        )


class Fit(Protocol):
    """A model on its way from training data to probabilities.

    Attributes:
        device: What it runs on, e.g. `cpu` or `cuda:0`.
    """

    device: str

    def run(self, data: Mapping[str, LabelledImages]) -> Outcome:
        """Fit on `data["train"]`, choose on the selection split; go on where an earlier run ended.

        Raises:
            RunError: The fit failed.
        """

    def predict(self, images: LabelledImages | np.ndarray) -> np.ndarray:
        """Return probabilities, float32 (N, K), of what `run` has kept.

        Args:
            images: A dataset, or images as stored: uint8 (N, *spatial) or (N, *spatial, C).
        """

    def close(self) -> None:
        """Delete what only an interrupted run needs."""
