"""Opens the data of a run: splits of a dataset, as its protocol wants them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from medshelf.api.data import load
from medshelf.benchmark.crossing import cross
from medshelf.benchmark.few_shot import few_shot
from medshelf.benchmark.protocol import Protocol
from medshelf.benchmark.queueing.orders import Order
from medshelf.core.errors import FormatError, RunError
from medshelf.core.manifest import SPLITS
from medshelf.dataset.labelled_images import LabelledImages

_MAX_LABELS_BYTES = 1_000_000


def open_labelled(dataset: str, split: str, **options: Any) -> LabelledImages:
    """Open a split for training or scoring.

    Args:
        dataset: Catalog id.
        split: As for `load`.
        options: As for `load`.

    Raises:
        RunError: It is no set of labelled images of one size. Also as `load`.
    """
    found = load(dataset, split, **options)
    if not isinstance(found, LabelledImages):
        problem = f"{dataset!r} is no set of labelled images of one size"
        raise RunError(problem, "Choose a set such as breastmnist; `medshelf list` shows them")
    return found


def read_labels(path: Path) -> dict[str, str]:
    """Read a YAML file that gives names of classes a common name.

    Args:
        path: Lines such as `"normal, benign": not malignant`.

    Raises:
        FormatError: It cannot be read, is too large, or is no mapping of names to names.
    """
    remedy = "Write lines such as: nevus: benign"
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_LABELS_BYTES + 1)
        if len(text) > _MAX_LABELS_BYTES:
            raise FormatError(path, f"it has more than {_MAX_LABELS_BYTES:,} bytes", remedy)
        found = yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506 - makes text only
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise FormatError(path, str(error), remedy) from error
    if not isinstance(found, dict) or not all(
        isinstance(name, str) for pair in found.items() for name in pair
    ):
        raise FormatError(path, "it is no mapping of names to names", remedy)
    return found


def _digest(mapping: Mapping[str, str]) -> str:
    text = "".join(f"{name}\0{common}\n" for name, common in sorted(mapping.items()))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Files:
    """Where the data of runs come from.

    Attributes:
        root: As for `load`.
        download: As for `load`.
        allow_modified: As for `load`.
        test_on: Dataset whose test split is scored instead.
        labels: File that says which of its labels is which of ours.
    """

    root: str | Path | None = None
    download: bool = False
    allow_modified: bool = False
    test_on: str | None = None
    labels: Path | None = None

    def absolute(self) -> Files:
        """Return the same with absolute paths, for processes in another working folder."""
        root = None if self.root is None else Path(self.root).expanduser().absolute()
        labels = None if self.labels is None else self.labels.absolute()
        return replace(self, root=root, labels=labels)

    def __call__(self, order: Order) -> dict[str, LabelledImages]:
        """Return the splits by name, as the run sees them."""
        return self.of(order.spec.dataset, order.protocol, order.spec.seed)

    def of(self, dataset: str, protocol: Protocol, seed: int) -> dict[str, LabelledImages]:
        """Return the splits of a dataset, as a run with that seed sees them.

        Raises:
            RunError: It is no set of labelled images of one size, or cannot be drawn from or tested
                as the protocol says.
        """
        data = {split: self._split(dataset, split, protocol) for split in SPLITS}
        if self.test_on is not None:
            data["test"] = self._other(data, protocol, self.test_on)
        if protocol.few_shot is not None:
            data["train"] = few_shot(data["train"], protocol.few_shot.per_class, seed)
        return data

    def _other(
        self, data: dict[str, LabelledImages], protocol: Protocol, other: str
    ) -> LabelledImages:
        mapping = read_labels(self.labels) if self.labels is not None else {}
        test = self._split(other, protocol.test_split, protocol)
        found = cross(data, test, protocol.data, mapping).test
        if not mapping:
            return found
        files = {**found.meta.files, "labels": _digest(mapping)}
        return LabelledImages(replace(found.manifest, meta=replace(found.meta, files=files)))

    def _split(self, dataset: str, split: str, protocol: Protocol) -> LabelledImages:
        return open_labelled(
            dataset,
            split,
            size=protocol.data.size,
            root=self.root,
            download=self.download,
            allow_modified=self.allow_modified,
        )
