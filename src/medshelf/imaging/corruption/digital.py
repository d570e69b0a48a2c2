"""What storing and sending do to pictures.

Source: Hendrycks and Dietterich 2019, https://openreview.net/forum?id=HJz6tiCqYm; Di Salvo et al.
2024, https://arxiv.org/abs/2406.17536
"""

from __future__ import annotations

import io
import math

import numpy as np

from medshelf.imaging.corruption.draws import Draws
from medshelf.imaging.corruption.filtering import along_axes
from medshelf.imaging.corruption.noise import to_bytes

LEVELS = {
    "pixelate": (0.8, 0.6, 0.4, 0.3, 0.25),
    "jpeg-compression": (50, 30, 15, 10, 7),
}
_BLOCK = 8
_RGB = 3


def pixelate(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Show the picture in fewer, larger pixels, as a low resolution that was enlarged.

    Severity: pixels per edge that are left, as a share of the edge. Volumes: along all three axes.
    """
    del draws
    return to_bytes(along_axes(planes, lambda edge: _coarse(edge, level)))


def jpeg_compression(planes: np.ndarray, level: float, draws: Draws) -> np.ndarray:
    """Compress as JPEG and open again.

    Severity: JPEG quality. Colour is not subsampled. Volumes: each slice is compressed.
    """
    del draws
    n_samples, n_channels, depth, height, width = planes.shape
    slices = planes.transpose(0, 2, 3, 4, 1).reshape(-1, height, width, n_channels)
    out = _compressed(slices, int(level)).reshape(n_samples, depth, height, width, n_channels)
    return out.transpose(0, 4, 1, 2, 3)


def _coarse(edge: int, share: float) -> np.ndarray:
    """Return the matrix (edge, edge) that gives every pixel the mean of its large pixel."""
    count = max(1, round(edge * share))
    starts = np.arange(count)[:, None] * edge / count
    pixels = np.arange(edge)[None]
    overlap = np.minimum(pixels + 1, starts + edge / count) - np.maximum(pixels, starts)
    means = np.clip(overlap, 0, None) * count / edge
    owner = ((np.arange(edge) + 0.5) * count / edge).astype(np.int64)
    return means[owner].astype(np.float32)


def _compressed(slices: np.ndarray, quality: int) -> np.ndarray:
    """Compress slices (n, H, W, C) on one sheet.

    JPEG treats blocks of 8 x 8 pixels apart and repeats the last pixel to fill them, so a slice
    comes out as it would alone.
    """
    from PIL import Image

    n_slices, height, width, n_channels = slices.shape
    columns = math.isqrt(n_slices)
    rows = -(-n_slices // columns)
    fill = ((0, rows * columns - n_slices), (0, -height % _BLOCK), (0, -width % _BLOCK), (0, 0))
    tiles = np.pad(slices, fill, mode="edge")
    high, wide = tiles.shape[1:3]
    grid = tiles.reshape(rows, columns, high, wide, n_channels).transpose(0, 2, 1, 3, 4)
    sheet = grid.reshape(rows * high, columns * wide, n_channels)
    file = io.BytesIO()
    picture = Image.fromarray(sheet if n_channels == _RGB else sheet[..., 0])
    picture.save(file, "JPEG", quality=quality, subsampling=0)
    opened = np.asarray(Image.open(file)).reshape(rows, high, columns, wide, n_channels)
    tiles = opened.transpose(0, 2, 1, 3, 4).reshape(rows * columns, high, wide, n_channels)
    return tiles[:n_slices, :height, :width]
