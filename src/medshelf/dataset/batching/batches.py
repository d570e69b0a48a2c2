"""One pass over samples, a batch at a time."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medshelf.core.errors import MissingExtraError, SettingError
from medshelf.dataset.batching.augmentation import Augmentation, generator
from medshelf.dataset.batching.filling import Moments, best_fill
from medshelf.dataset.batching.items import Item
from medshelf.dataset.batching.pixels import PixelSource

if TYPE_CHECKING:
    from medshelf.dataset.batching.resident import Resident

Normalisation = tuple[float | Sequence[float], float | Sequence[float]]

_KEPT_BUFFERS = 4


@dataclass(frozen=True)
class Pass:
    """Which samples a pass visits, and what it gives.

    Attributes:
        order: Row numbers in the order of the pass, int64.
        batch_size: Rows per batch; the last batch may be smaller.
        device: Torch device, or None for NumPy arrays.
    """

    order: np.ndarray
    batch_size: int
    device: str | None

    def __post_init__(self) -> None:
        """Refuse a batch size that yields nothing."""
        if self.batch_size < 1:
            problem = f"batch_size is {self.batch_size}"
            raise SettingError(problem, "Use 1 or more")

    def __len__(self) -> int:
        """Return the number of batches."""
        return math.ceil(len(self.order) / self.batch_size)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the row numbers of each batch."""
        for start in range(0, len(self.order), self.batch_size):
            yield self.order[start : start + self.batch_size]


@dataclass(frozen=True)
class Filled:
    """Batches made from stored pixels at once; see `Dataset.batches`.

    An output array is used again as soon as nobody holds it, so a loop that drops its batches
    runs in two buffers, and one that keeps them gets new ones.

    Attributes:
        visit: Which samples.
        source: Their pixels.
        targets: All targets.
        n_spatial: Spatial axes of an image.
        as_rgb: Repeat a single channel three times.
        normalise: (mean, std) on the [0, 1] scale.
        augment: Random flips and shifts, drawn anew with `seed` at each pass.
        seed: Of the augmentation.
        resident: The split on a GPU, where it is there.
    """

    visit: Pass
    source: PixelSource
    targets: np.ndarray
    n_spatial: int
    as_rgb: bool
    normalise: Normalisation
    augment: Augmentation | None
    seed: int | Sequence[int]
    resident: Resident | None

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self.visit)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Yield the batches; each call is the same pass again."""
        shape = self.source.image_shape
        channels = shape[self.n_spatial] if len(shape) > self.n_spatial else 1
        n_outputs = 3 if self.as_rgb and channels == 1 else channels
        moments = Moments.make(*self.normalise, n_outputs)
        if self.resident is not None:
            yield from self.resident.visit(self.visit, moments, self.augment, self.seed)
            return
        height, width = math.prod(shape[: self.n_spatial - 1]), shape[self.n_spatial - 1]
        buffers = _Buffers((self.visit.batch_size, n_outputs, *shape[: self.n_spatial]))
        fill = best_fill()
        random = generator(self.seed)
        for rows in self.visit:
            pixels, index = self.source.lookup(rows)
            out = buffers.take()[: len(rows)]
            draw = None if self.augment is None else self.augment.draw(len(rows), random)
            fill(
                pixels.reshape(len(pixels), height, width, channels),
                index,
                moments,
                draw,
                out.reshape(len(rows), n_outputs, height, width),
            )
            yield _to(out, self.visit.device), _to(self.targets[rows], self.visit.device)


@dataclass(frozen=True)
class Stacked:
    """Batches of items that went through a transform, one by one.

    Attributes:
        visit: Which samples.
        fetch: Row numbers to items.
    """

    visit: Pass
    fetch: Callable[[Sequence[int]], Sequence[Item]]

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self.visit)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Yield the batches."""
        for rows in self.visit:
            images, targets = zip(*self.fetch(rows.tolist()), strict=True)
            yield _stack(images, self.visit.device), _stack(targets, self.visit.device)


Batches = Filled | Stacked


class _Buffers:
    """Arrays of one shape; one is free again when nobody outside refers to it or to a view."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._arrays: list[np.ndarray] = []
        self._idle = 0

    def take(self) -> np.ndarray:
        """Return a free array, float32, its content undefined."""
        for position in range(len(self._arrays)):
            if sys.getrefcount(self._arrays[position]) == self._idle:
                return self._arrays[position]
        if len(self._arrays) == _KEPT_BUFFERS:
            del self._arrays[0]
        self._arrays.append(np.empty(self._shape, np.float32))
        self._idle = sys.getrefcount(self._arrays[-1])
        return self._arrays[-1]


def _to(array: np.ndarray, device: str | None) -> Any:
    return array if device is None else _torch().from_numpy(array).to(device)


def _stack(values: Sequence[Any], device: str | None) -> Any:
    if device is None and not hasattr(values[0], "detach"):
        return np.stack(values)
    torch = _torch()
    stacked = torch.stack([torch.as_tensor(value) for value in values])
    return stacked if device is None else stacked.to(device)


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("torch", "train") from error
    return torch
