"""What a network sees of stored images, by the protocol's recipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from medshelf.benchmark.protocol import DataRecipe
from medshelf.core.errors import RunError
from medshelf.dataset.batching.batches import Batches
from medshelf.dataset.batching.filling import Moments
from medshelf.dataset.batching.resident import Normalising
from medshelf.dataset.labelled_images import LabelledImages

_FACTORS = 2  # stream of random numbers, apart from those of the order and of the augmentation


@dataclass(frozen=True, slots=True)
class Inputs:
    """Stored images on their way into a network.

    Attributes:
        recipe: The protocol's.
        batch_size: Of evaluation and training.
        device: Torch device.
        dataset: Catalog id of the set that `arrays` come from.
    """

    recipe: DataRecipe
    batch_size: int
    device: str
    dataset: str = ""

    def training(self, dataset: LabelledImages, seed: Sequence[int]) -> Prepared:
        """Return one shuffled pass over labelled images.

        Args:
            dataset: The images.
            seed: Decides the order and what is drawn; each epoch needs its own.
        """
        factors: torch.Tensor | None = None
        if self._factor(dataset.manifest.meta.dataset) is not None:
            drawn = np.random.default_rng((_FACTORS, *seed)).random(len(dataset), np.float32)
            factors = torch.from_numpy(drawn).to(self.device)
        batches = dataset.batches(
            self.batch_size,
            shuffle=True,
            seed=seed,
            device=self.device,
            normalise=(self.recipe.mean, self.recipe.std),
        )
        return Prepared(self, batches, factors)

    def evaluation(self, dataset: LabelledImages) -> Prepared:
        """Return one pass over labelled images in their order."""
        batches = dataset.batches(
            self.batch_size, device=self.device, normalise=(self.recipe.mean, self.recipe.std)
        )
        return Prepared(self, batches, self._factor(dataset.manifest.meta.dataset))

    def arrays(self, images: np.ndarray) -> Iterator[torch.Tensor]:
        """Yield batches as `evaluation` does, of images as stored.

        Args:
            images: Uint8 (N, *spatial) or (N, *spatial, C).
        """
        n_spatial, factor = self.recipe.dimensions, self._factor(self.dataset)
        if images.ndim == n_spatial + 1:
            images = images[..., None]
        moments = Moments.make(self.recipe.mean, self.recipe.std, images.shape[-1])
        normalise = Normalising(moments, self.device, n_spatial)
        for start in range(0, len(images), self.batch_size):
            part = torch.from_numpy(images[start : start + self.batch_size]).to(self.device)
            yield self.seen(normalise(part), factor)

    def seen(self, images: torch.Tensor, factor: torch.Tensor | float | None) -> torch.Tensor:
        """Return what the network sees of normalised images (n, C, *spatial).

        Args:
            images: On their device; they may be changed.
            factor: Of the grey values before normalisation, one or (n,); None leaves them.

        Raises:
            RunError: They have neither one channel nor those of the recipe.
        """
        if factor is not None:
            images = self._multiplied(images, factor)
        if images.shape[1] not in {1, self.recipe.channels}:
            raise RunError(
                f"The images have {images.shape[1]} channels, the protocol has "
                f"{self.recipe.channels}",
                "Choose a protocol for them",
            )
        if self.recipe.resize is not None:
            images = enlarged(images, self.recipe.resize.edge)
        return images.expand(-1, self.recipe.channels, *images.shape[2:])

    def _factor(self, dataset: str) -> float | None:
        rule = self.recipe.shape_factor
        return rule.evaluation if rule is not None and dataset in rule.datasets else None

    def _multiplied(self, images: torch.Tensor, factor: torch.Tensor | float) -> torch.Tensor:
        if isinstance(factor, torch.Tensor):
            factor = factor.reshape(-1, *(1,) * (images.ndim - 1))
        images = images * factor
        black = self.recipe.mean / self.recipe.std
        return images + (factor - 1) * black if black else images


@dataclass(frozen=True)
class Prepared:
    """One pass over what the network sees.

    Attributes:
        inputs: How the images are prepared.
        batches: As stored, scaled and normalised.
        factors: One for all, or one for each sample in the order of the pass, float32 (N,).
    """

    inputs: Inputs
    batches: Batches
    factors: torch.Tensor | float | None

    @property
    def n_samples(self) -> int:
        """How many samples the pass visits."""
        return len(self.batches.visit.order)

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield images, float32 (n, C, *spatial), and targets as the dataset has them."""
        start = 0
        for images, targets in self.batches:
            factor, stop = self.factors, start + len(targets)
            if isinstance(factor, torch.Tensor):
                factor = factor[start:stop]
            yield self.inputs.seen(images, factor), targets
            start = stop


def enlarged(images: torch.Tensor, edge: int) -> torch.Tensor:
    """Resize by nearest neighbour, with the pixels that Pillow's NEAREST takes.

    Args:
        images: (n, C, *spatial); every spatial axis is resized.
        edge: Length of each spatial axis in the result.
    """
    for axis in range(2, images.ndim):
        places = _places(images.shape[axis], edge, str(images.device))
        images = images.index_select(axis, places)
    return images


@cache
def _places(length: int, edge: int, device: str) -> torch.Tensor:
    # Pillow adds up the step in double precision; a product would round otherwise.
    steps = np.full(edge, length / edge)
    steps[0] /= 2
    return torch.from_numpy(np.cumsum(steps).astype(np.int64)).to(device)
