"""Batches on a GPU: the stored pixels lie there once, and everything else happens there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from medshelf.dataset.batching.augmentation import Augmentation, Draw, generator
from medshelf.dataset.batching.filling import Moments
from medshelf.dataset.batching.pixels import PixelSource

if TYPE_CHECKING:
    from medshelf.dataset.batching.batches import Pass

_SHARE_OF_FREE = 0.5
_CHUNK_BYTES = 1 << 26


@dataclass(frozen=True)
class Resident:
    """A split in the memory of a device.

    Attributes:
        images: Uint8 (N, *spatial, C).
        targets: As `Dataset.targets`.
    """

    images: torch.Tensor
    targets: torch.Tensor

    @classmethod
    def load(
        cls, source: PixelSource, targets: np.ndarray, n_spatial: int, device: str
    ) -> Resident | None:
        """Copy a split to a device; None where it would take more than half of what is free."""
        n_rows, shape = len(source), source.image_shape
        image_bytes = int(np.prod(shape))
        where = torch.device(device)
        free = torch.cuda.mem_get_info(where)[0] if where.type == "cuda" else None
        if free is not None and n_rows * image_bytes > _SHARE_OF_FREE * free:
            return None
        images = torch.empty((n_rows, *shape), dtype=torch.uint8, device=where)
        step = max(1, _CHUNK_BYTES // max(1, image_bytes))
        for start in range(0, n_rows, step):
            rows = np.arange(start, min(start + step, n_rows))
            images[start : start + step] = torch.from_numpy(source.gather(rows))
        if images.ndim == n_spatial + 1:
            images = images[..., None]
        return cls(images, torch.tensor(targets, device=where))

    def visit(
        self,
        visit: Pass,
        moments: Moments,
        augment: Augmentation | None,
        seed: int | Sequence[int],
    ) -> Iterator[tuple[Any, Any]]:
        """Yield `(images, targets)` of each batch of a pass, as `Filled` gives them.

        The order is sent once, the draws of the augmentation batch by batch; nothing is read back.
        """
        device, random = self.images.device, generator(seed)
        order = torch.from_numpy(visit.order).to(device)
        normalise = Normalising(moments, device, self.images.ndim - 2)
        for index in torch.split(order, visit.batch_size):
            images = self.images[index]
            if augment is not None:
                images = _augment(images, augment.draw(len(index), random))
            yield normalise(images), self.targets[index]


class Normalising:
    """Scale and normalise stored images on their device, as `filling.fill` does, to the bit."""

    def __init__(self, moments: Moments, device: torch.device | str, n_spatial: int) -> None:
        shape = (1, -1, *(1,) * n_spatial)
        self._n_channels = len(moments.mean)
        self._mean, self._std = (
            torch.from_numpy(each).to(device).reshape(shape) for each in (moments.mean, moments.std)
        )
        # A plain 255 would be multiplied by its rounded reciprocal on CUDA.
        self._white = torch.full((), 255.0, device=device)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Return float32 (n, K, *spatial) of uint8 (n, *spatial, C), C being K or 1."""
        scaled = images.movedim(-1, 1).to(torch.float32).div_(self._white)
        scaled = scaled.expand(-1, self._n_channels, *scaled.shape[2:])
        return ((scaled - self._mean) / self._std).contiguous()


def _augment(images: torch.Tensor, draw: Draw) -> torch.Tensor:
    """Apply a draw to (n, H, W, C); as `filling` does."""
    n, height, width, _ = images.shape
    flips, shifts = (torch.from_numpy(each).to(images.device) for each in draw)
    margin = int(np.abs(draw.shifts).max(initial=0))
    padded = torch.nn.functional.pad(images, (0, 0, margin, margin, margin, margin))
    columns = torch.arange(width, device=images.device).expand(n, width)
    columns = torch.where(flips[:, None], columns.flip(1), columns) + shifts[:, 1:] + margin
    lines = torch.arange(height, device=images.device) + shifts[:, :1] + margin
    sample = torch.arange(n, device=images.device)[:, None, None]
    return padded[sample, lines[:, :, None], columns[:, None, :]]
