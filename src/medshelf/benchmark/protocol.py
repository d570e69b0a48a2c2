"""A protocol says exactly how a number is made. It is a YAML record, not code."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from medshelf.core.errors import FormatError, RunError, UnknownNameError
from medshelf.core.manifest import Meta

PROTOCOLS = Path(__file__).parent / "protocols"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataRecipe(_Part):
    """What the network sees.

    Attributes:
        size: Edge length of the stored images that are used.
        dimensions: Spatial axes of an image.
        channels: Grey images are repeated to this many channels.
        resize: How images are brought to another size; null leaves them.
        mean: Subtracted after scaling to [0, 1].
        std: Divided by afterwards.
    """

    size: int
    dimensions: int = Field(ge=2, le=3)
    channels: int
    resize: None = None
    mean: float
    std: float = Field(gt=0)


class Optimiser(_Part):
    """Adam with PyTorch's defaults for all but the learning rate."""

    name: Literal["adam"]
    learning_rate: float = Field(gt=0)


class Schedule(_Part):
    """The learning rate is multiplied by `gamma` at these fractions of all epochs."""

    name: Literal["multi-step"]
    milestones: tuple[float, ...]
    gamma: float


class Selection(_Part):
    """Which epoch's weights are kept: the first with the highest metric on the split."""

    split: Literal["train", "val", "test"]
    metric: Literal["auc", "acc"]


class Protocol(_Part):
    """One way to train and score.

    Attributes:
        id: Name in commands, run folders and tables.
        network_form: `small-image` is a 3x3 stem without pooling.
        method_suffix: What published tables write behind the model's name.
    """

    id: str
    title: str
    source: str
    data: DataRecipe
    network_form: Literal["small-image"]
    method_suffix: str
    epochs: int = Field(gt=0)
    batch_size: int = Field(gt=0)
    optimiser: Optimiser
    schedule: Schedule
    selection: Selection
    test_split: Literal["test"] = "test"

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
    """Return the ids of all protocols, sorted."""
    return sorted(path.stem for path in PROTOCOLS.glob("*.yaml"))


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
