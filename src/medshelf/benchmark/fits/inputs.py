"""What a network sees of stored images, by the protocol's recipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from medshelf.benchmark.protocol import DataRecipe
from medshelf.dataset.batching.batches import Batches
from medshelf.dataset.labelled_images import LabelledImages


@dataclass(frozen=True, slots=True)
class Inputs:
    """Stored images on their way into a network.

    Attributes:
        recipe: The protocol's.
        batch_size: Of evaluation and training.
        device: Torch device.
    """

    recipe: DataRecipe
    batch_size: int
    device: str

    def training(self, dataset: LabelledImages, seed: Sequence[int]) -> Batches:
        """Return one shuffled pass over labelled images."""
        return dataset.batches(
            self.batch_size,
            shuffle=True,
            seed=seed,
            device=self.device,
            normalise=(self.recipe.mean, self.recipe.std),
        )

    def evaluation(self, dataset: LabelledImages) -> Batches:
        """Return one pass over labelled images in their order."""
        return dataset.batches(
            self.batch_size, device=self.device, normalise=(self.recipe.mean, self.recipe.std)
        )

    def arrays(self, images: np.ndarray) -> Iterator[torch.Tensor]:
        """Yield batches of images as stored, uint8 (N, *spatial) or (N, *spatial, C)."""
        if images.ndim == self.recipe.dimensions + 1:
            images = images[..., None]
        for start in range(0, len(images), self.batch_size):
            part = torch.from_numpy(images[start : start + self.batch_size]).to(self.device)
            scaled = part.movedim(-1, 1).to(torch.float32).div_(255)
            scaled = scaled.expand(-1, self.recipe.channels, *scaled.shape[2:])
            yield ((scaled - self.recipe.mean) / self.recipe.std).contiguous()
