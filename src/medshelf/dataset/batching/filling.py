"""Fill a batch from stored pixels: gather, augment, scale, normalise, channels first.

The arithmetic is float32, in the order of torchvision's `ToTensor` and `Normalize`:
(pixel / 255 - mean) / std. Where numba is installed (`medshelf[fast]`) the same is done in one
pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from medshelf.dataset.batching.augmentation import Draw

_POWER_OF_TWO = 0.5  # the mantissa that frexp gives


@dataclass(frozen=True, slots=True)
class Moments:
    """What is subtracted and divided by, per channel, on the [0, 1] scale.

    Attributes:
        mean: Float32 (K,).
        std: Float32 (K,).
        inverse: 1 / std where multiplying by it equals dividing, to the bit: powers of two.
    """

    mean: np.ndarray
    std: np.ndarray
    inverse: np.ndarray | None

    @classmethod
    def make(cls, mean: float | Sequence[float], std: float | Sequence[float], k: int) -> Moments:
        """Spread numbers, or one per channel, over `k` channels."""
        spread = np.full(k, std, np.float32)
        exact = (np.frexp(spread)[0] == _POWER_OF_TWO).all()
        return cls(np.full(k, mean, np.float32), spread, 1 / spread if exact else None)


Fill = Callable[[np.ndarray, np.ndarray, Moments, Draw | None, np.ndarray], None]


@cache
def best_fill() -> Fill:
    """Return the compiled form where numba is installed, else the plain one."""
    try:
        from medshelf.dataset.batching.compiled import fill as compiled
    except ImportError:
        return fill
    return compiled


def fill(
    pixels: np.ndarray, rows: np.ndarray, moments: Moments, draw: Draw | None, out: np.ndarray
) -> None:
    """Fill `out` in plain NumPy.

    Args:
        pixels: All stored images, uint8 (N, H, W, C).
        rows: Which to take, int64 (n,).
        moments: Of K channels.
        draw: Flips and shifts of the n images; None leaves them.
        out: Float32 (n, K, H, W); K is C, or more to repeat a single channel.
    """
    images = pixels[rows]
    if draw is not None:
        images = _augment(images, draw)
    out[:] = np.moveaxis(images, -1, 1)
    out /= np.float32(255)
    out -= moments.mean[:, None, None]
    out /= moments.std[:, None, None]


def _augment(images: np.ndarray, draw: Draw) -> np.ndarray:
    n, height, width, _ = images.shape
    margin = int(np.abs(draw.shifts).max(initial=0))
    padded = np.pad(images, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    columns = np.broadcast_to(np.arange(width), (n, width))
    columns = np.where(draw.flips[:, None], columns[:, ::-1], columns) + draw.shifts[:, 1:]
    lines = np.arange(height) + draw.shifts[:, :1]
    sample = np.arange(n)[:, None, None]
    return padded[sample, lines[:, :, None] + margin, columns[:, None, :] + margin]
