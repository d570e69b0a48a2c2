"""One pass over samples, a batch at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medshelf.core.errors import MissingExtraError, SettingError

Normalisation = tuple[float | Sequence[float], float | Sequence[float]]


@dataclass(frozen=True)
class Batches:
    """An iterable over `(images, targets)`.

    Attributes:
        fetch: Row numbers to images, uint8 (n, C, *spatial) or a sequence, and targets.
        order: Row numbers in the order of the pass.
        batch_size: Rows per batch.
        device: Torch device, or None for NumPy arrays.
        normalise: (mean, std) on the [0, 1] scale.
    """

    fetch: Callable[[np.ndarray], tuple[Any, Any]]
    order: np.ndarray
    batch_size: int
    device: str | None
    normalise: Normalisation | None

    def __post_init__(self) -> None:
        """Refuse a batch size that yields nothing."""
        if self.batch_size < 1:
            problem = f"batch_size is {self.batch_size}"
            raise SettingError(problem, "Use 1 or more")

    def __len__(self) -> int:
        """Return the number of batches."""
        return math.ceil(len(self.order) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        """Yield the batches; each call is the same pass again."""
        for start in range(0, len(self.order), self.batch_size):
            images, targets = self.fetch(self.order[start : start + self.batch_size])
            if not isinstance(images, np.ndarray):
                yield _stack(images, self.device), _stack(targets, self.device)
            elif self.device is None:
                yield self._scale(images), targets
            else:
                yield self._scale_torch(images), _torch().as_tensor(targets, device=self.device)

    def _scale(self, images: np.ndarray) -> np.ndarray:
        scaled = np.ascontiguousarray(images, dtype=np.float32)
        scaled /= np.float32(255)
        if self.normalise is not None:
            mean, std = (_per_channel(each, scaled.ndim) for each in self.normalise)
            scaled -= mean
            scaled /= std
        return scaled

    def _scale_torch(self, images: np.ndarray) -> Any:
        torch = _torch()
        scaled = torch.from_numpy(np.ascontiguousarray(images)).to(self.device).float().div_(255)
        if self.normalise is not None:
            mean, std = (
                torch.from_numpy(_per_channel(each, scaled.ndim)).to(self.device)
                for each in self.normalise
            )
            scaled.sub_(mean).div_(std)
        return scaled


def _per_channel(value: float | Sequence[float], ndim: int) -> np.ndarray:
    return np.asarray(value, dtype=np.float32).reshape(1, -1, *(1,) * (ndim - 2))


def _stack(values: Sequence[Any], device: str | None) -> Any:
    first = values[0]
    if device is None and not hasattr(first, "detach"):
        return np.stack(values)
    torch = _torch()
    tensors = [torch.as_tensor(value) for value in values]
    stacked = torch.stack(tensors)
    return stacked if device is None else stacked.to(device)


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("torch", "train") from error
    return torch
