"""Random flips and shifts of pictures, as random numbers: whoever fills a batch applies them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

_STREAM = 1


class Draw(NamedTuple):
    """What was drawn for the pictures of one batch.

    Attributes:
        flips: Mirror left and right, bool (n,).
        shifts: Rows and columns that the window is moved down and right, int64 (n, 2).
    """

    flips: np.ndarray
    shifts: np.ndarray


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Padded crop, then flip; pixels from outside are 0.

    The same distribution as torchvision's `RandomCrop(size, padding)` and
    `RandomHorizontalFlip(flip)`, not the same random numbers.

    Attributes:
        padding: A window of the picture's size is cut at random from the picture with this many
            pixels added on each side.
        flip: Probability of mirroring left and right.
    """

    padding: int = 4
    flip: float = 0.5

    def draw(self, n: int, random: np.random.Generator) -> Draw:
        """Draw for `n` pictures."""
        shifts = random.integers(-self.padding, self.padding, (n, 2), endpoint=True)
        return Draw(random.random(n) < self.flip, shifts)


def generator(seed: int | Sequence[int]) -> np.random.Generator:
    """Return the source of draws for a pass; not that of the order, which has the same seed."""
    return np.random.default_rng((_STREAM, *np.atleast_1d(seed).tolist()))
