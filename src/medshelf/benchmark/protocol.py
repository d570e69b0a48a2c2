"""A protocol says exactly how a number is made. It is a YAML record, not code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from medshelf.core.errors import FormatError, RunError, UnknownNameError
from medshelf.core.manifest import Meta

PROTOCOLS = Path(__file__).parent / "protocols"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Resize(_Part):
    """How stored images are brought to the edge length that the network sees."""

    edge: int = Field(gt=0)
    method: Literal["nearest"]


class ShapeFactor(_Part):
    """Volumes that hold a shape are multiplied by a number, so that their grey value says nothing.

    Attributes:
        datasets: Which sets hold shapes.
        train: A number drawn uniformly from [0, 1) for each volume and epoch.
        evaluation: The number at evaluation.
    """

    datasets: tuple[str, ...]
    train: Literal["uniform"]
    evaluation: float


class DataRecipe(_Part):
    """What the network sees.

    Attributes:
        size: Edge length of the stored images that are used.
        dimensions: Spatial axes of an image.
        channels: Grey images are repeated to this many channels.
        resize: How images are brought to another size; null leaves them.
        mean: Subtracted after scaling to [0, 1].
        std: Divided by afterwards.
        shape_factor: For the sets of shapes.
    """

    size: int
    dimensions: int = Field(ge=2, le=3)
    channels: int
    resize: Resize | None = None
    mean: float
    std: float = Field(gt=0)
    shape_factor: ShapeFactor | None = None

    @property
    def edge(self) -> int:
        """Edge length of the images that the network sees."""
        return self.size if self.resize is None else self.resize.edge


class Optimiser(_Part):
    """Adam with PyTorch's defaults for all but the learning rate."""

    name: Literal["adam"]
    learning_rate: float = Field(gt=0)


class Schedule(_Part):
    """The learning rate is multiplied by `gamma` at these fractions of all epochs."""

    name: Literal["multi-step"]
    milestones: tuple[float, ...]
    gamma: float


class Training(_Part):
    """All weights of the network are trained; models that are no networks are fitted their way."""

    kind: Literal["training"]
    epochs: int = Field(gt=0)
    batch_size: int = Field(gt=0)
    optimiser: Optimiser
    schedule: Schedule


class LinearProbe(_Part):
    """A logistic regression on the features of a network that stays as it is.

    Attributes:
        strengths: Inverse regularisation strengths; the selection split chooses one.
    """

    kind: Literal["linear-probe"]
    strengths: tuple[float, ...] = Field(min_length=1)


class Neighbours(_Part):
    """The nearest training samples vote, by cosine similarity of frozen features.

    Attributes:
        counts: How many neighbours; the selection split chooses one.
    """

    kind: Literal["knn"]
    counts: tuple[int, ...] = Field(min_length=1)


class FewShot(_Part):
    """Only so many training samples of each class, drawn by the run's seed.

    Attributes:
        per_class: Samples of each class; of each label its positives and as many without a label.
    """

    per_class: int = Field(gt=0)


class Selection(_Part):
    """Which epoch or choice is kept: the first with the highest metric on the split."""

    split: Literal["train", "val", "test"]
    metric: Literal["auc", "acc"]


class Protocol(_Part):
    """One way to train and score.

    Attributes:
        id: Name in commands, run folders and tables.
        network_form: `small-image` is a 3x3 stem without pooling, `imagenet` a 7x7 stem of stride 2
            with pooling.
        method_suffix: What published tables write behind the model's name.
        fit: How predictions are made from training data.
        few_shot: Train on so many samples only.
        test_on: `same` dataset, or `other`: one that the run names, with labels harmonised.
        notes: What a reader of its results must know, one sentence or more each.
    """

    id: str
    title: str
    source: str
    data: DataRecipe
    network_form: Literal["small-image", "imagenet"]
    method_suffix: str
    fit: Annotated[Training | LinearProbe | Neighbours, Field(discriminator="kind")]
    selection: Selection
    few_shot: FewShot | None = None
    test_on: Literal["same", "other"] = "same"
    test_split: Literal["test"] = "test"
    notes: tuple[str, ...] = ()

    @property
    def epochs(self) -> int:
        """Passes over the training data; one where features are made once."""
        return self.fit.epochs if isinstance(self.fit, Training) else 1

    def check_dataset(self, meta: Meta) -> None:
        """Refuse a dataset that the protocol is not made for.

        Raises:
            RunError: It has another number of spatial axes.
        """
        if meta.dimensions != self.data.dimensions:
            raise RunError(
                f"Protocol {self.id!r} is for {self.data.dimensions}D images, "
                f"{meta.dataset!r} has {meta.dimensions}D images",
                "Choose a dataset or a protocol of the same kind",
            )


def protocol_ids() -> list[str]:
    """Return the ids of all protocols, sorted; numbers in them by their value."""
    return sorted((path.stem for path in PROTOCOLS.glob("*.yaml")), key=_by_value)


def _by_value(name: str) -> list[str | int]:
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def find_protocol(name: str) -> Protocol:
    """Read one protocol.

    Raises:
        UnknownNameError: There is none of that id.
    """
    if name not in protocol_ids():
        raise UnknownNameError("protocol", name, protocol_ids())
    return read_protocol(PROTOCOLS / f"{name}.yaml")


def read_protocol(path: Path) -> Protocol:
    """Read a protocol file.

    Raises:
        FormatError: The file is not YAML, or breaks the model.
    """
    try:
        fields = yaml.load(path.read_text("utf-8"), Loader=yaml.CBaseLoader)  # noqa: S506 - text only
        return Protocol.model_validate(fields)
    except (yaml.YAMLError, ValidationError) as error:
        raise FormatError(path, str(error), "Correct the protocol") from error
