"""Batches on a GPU: the stored pixels lie there once, and everything else happens there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from medshelf.dataset.batching.augmentation import Augmentation, Draw, generator
from medshelf.dataset.batching.filling import Moments
from medshelf.dataset.batching.pixels import PixelSource

_SHARE_OF_FREE = 0.5


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
        n_bytes = len(source) * int(np.prod(source.image_shape))
        where = torch.device(device)
        if where.type == "cuda" and n_bytes > _SHARE_OF_FREE * torch.cuda.mem_get_info(where)[0]:
            return None
        images = torch.from_numpy(source.gather(np.arange(len(source)))).to(where)
        if images.ndim == n_spatial + 1:
            images = images[..., None]
        return cls(images, torch.tensor(targets, device=where))

    def visit(
        self,
        batches: Iterable[np.ndarray],
        moments: Moments,
        augment: Augmentation | None,
        seed: int | Sequence[int],
    ) -> Iterator[tuple[Any, Any]]:
        """Yield `(images, targets)` of each array of row numbers, as `Filled` gives them.

        Nothing is read back from the device; the draws of the augmentation are sent there.
        """
        device, random = self.images.device, generator(seed)
        shape = (1, -1, *(1,) * (self.images.ndim - 2))
        mean, std = (
            torch.from_numpy(each).to(device).reshape(shape) for each in (moments.mean, moments.std)
        )
        for rows in batches:
            index = torch.from_numpy(rows).to(device, non_blocking=True)
            images = self.images[index]
            if augment is not None:
                images = _augment(images, augment.draw(len(rows), random))
            scaled = images.movedim(-1, 1).to(torch.float32).div_(255)
            scaled = scaled.expand(-1, len(moments.mean), *scaled.shape[2:])
            yield ((scaled - mean) / std).contiguous(), self.targets[index]


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
