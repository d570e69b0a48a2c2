"""Many images in one picture."""

from __future__ import annotations

import numpy as np

from medshelf.core.errors import SettingError

_RGB = 3
_VOLUME_AXES = 4


def montage(
    images: np.ndarray,
    n_columns: int,
    *,
    n_slices: int = 1,
    gap: int = 2,
    background: int = 255,
) -> np.ndarray:
    """Tile images row by row, from the top left.

    Args:
        images: uint8; grey (N, H, W), RGB (N, H, W, 3), or grey volumes (N, D, H, W). Four axes
            with a last one of length 3 are taken for RGB.
        n_columns: Tiles per row.
        n_slices: Slices shown of a volume, side by side and evenly spaced along D; one is the
            middle. Without effect on two-dimensional images.
        gap: Pixels between tiles.
        background: Grey value of gaps and empty tiles, 0 to 255.

    Returns:
        One picture, uint8 (height, width) or (height, width, 3).

    Raises:
        SettingError: There is no image, the array is none of the above, or a number is out of
            range.
    """
    _check(images)
    _require("n_columns", n_columns, 1, None)
    _require("gap", gap, 0, None)
    _require("background", background, 0, 255)
    tiles = _slices(images, n_slices) if _are_volumes(images) else images
    n_tiles, height, width = tiles.shape[:3]
    n_rows = -(-n_tiles // n_columns)
    canvas = np.full(
        (n_rows * (height + gap) - gap, n_columns * (width + gap) - gap, *tiles.shape[3:]),
        background,
        dtype=np.uint8,
    )
    for position, tile in enumerate(tiles):
        row, column = divmod(position, n_columns)
        top, left = row * (height + gap), column * (width + gap)
        canvas[top : top + height, left : left + width] = tile
    return canvas


def _slices(volumes: np.ndarray, n_slices: int) -> np.ndarray:
    """Lay slices of each volume side by side, (N, D, H, W) to (N, H, n_slices * W)."""
    n_volumes, depth, height, width = volumes.shape
    _require("n_slices", n_slices, 1, depth)
    chosen = (2 * np.arange(n_slices) + 1) * depth // (2 * n_slices)
    shown = volumes[:, chosen]
    return shown.transpose(0, 2, 1, 3).reshape(n_volumes, height, n_slices * width)


def _are_volumes(images: np.ndarray) -> bool:
    return images.ndim == _VOLUME_AXES and images.shape[-1] != _RGB


def _check(images: np.ndarray) -> None:
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or not images.size:
        shape = "x".join(str(length) for length in images.shape)
        problem = f"An array of {images.dtype} with shape {shape} cannot be tiled"
        raise SettingError(problem, "Pass at least one image: uint8 NxHxW, NxHxWx3 or NxDxHxW")


def _require(name: str, value: int, low: int, high: int | None) -> None:
    if value < low or (high is not None and value > high):
        bounds = f"{low} or more" if high is None else f"a number from {low} to {high}"
        problem = f"{name} = {value} of a montage is out of range"
        raise SettingError(problem, f"Choose {bounds}")
