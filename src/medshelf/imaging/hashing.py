"""Perceptual hashes: 64 bits that hardly change when a picture is stored in another way.

A picture is reduced once, to 32 by 32 means, and everything else is worked out from these: the
hash, the hashes of the picture mirrored and turned by right angles (they are in the same spectrum:
mirroring negates its odd frequencies, transposing exchanges the axes), and those of the picture
slightly turned or enlarged.

The hash is that of `imagehash.phash`: bit 63 - (8 u + v) says whether the coefficient with u cycles
from top to bottom and v from left to right, of the 8 x 8 lowest, is above the median of these 64.
Written as 16 hexadecimal digits it is what imagehash prints for the same 32 x 32 pixels.

Source: the definition at https://www.hackerfactor.com/blog/index.php?/archives/432-Looks-Like-It.html
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from medshelf.core.errors import SettingError

SIDE = 32
"""Edge of a reduced picture, in pixels."""

NO_HASH = np.uint64(0)
"""What `phash` gives for a picture without structure. No other picture has it."""

DIHEDRAL = (
    "as it is",
    "mirrored",
    "upside down",
    "half turn",
    "transposed",
    "quarter turn left",
    "quarter turn right",
    "anti-transposed",
)
"""The order of `phash_dihedral`. Mirrored: left and right exchanged; transposed: rows and columns.

From the fifth on, what is named is the transposed picture as it is, upside down, mirrored and both.
"""

_CENTRE = (SIDE - 1) / 2
_LOW = 8
_BATCH = 32
"""More makes BLAS share a product among threads, which costs more than the product."""
_ROUND_OFF = 1e-6
"""Several relative errors of a float32: what these add up to in a coefficient is nothing."""
_STEPS = 1000
_TINY = 1e-300
_LARGEST = 1e30


class View(NamedTuple):
    """What may have been done to a copy.

    Attributes:
        turn_deg: Turned counterclockwise about the centre, in degrees.
        zoom: 1.1 shows 1 / 1.1 of each edge.
        down: How far below the centre of the picture the centre of what is shown lies, in pixels
            of the reduced picture.
        right: The same to the right.
        dark_corners: What lies outside is as dark as the darkest pixel; else it repeats the border.
    """

    turn_deg: float = 0.0
    zoom: float = 1.0
    down: float = 0.0
    right: float = 0.0
    dark_corners: bool = False


def reduced(array: np.ndarray) -> np.ndarray:
    """Reduce a picture to 32 x 32 means, each of the area that it covers.

    Pixels that lie across a border count for both sides by the share of their area; a picture
    smaller than 32 pixels is enlarged by the same rule.

    Args:
        array: (Y, X), integers, floats or booleans in any unit. What is not finite, or beyond
            1e30, counts as the lowest of the other values.

    Returns:
        float32 (32, 32), in the same unit.

    Raises:
        SettingError: It has not two axes, no pixels, or holds no real numbers.
    """
    if array.ndim != 2 or not array.size or array.dtype.kind not in "buif":  # noqa: PLR2004
        problem = f"An array {array.shape} of {array.dtype} cannot be hashed"
        raise SettingError(problem, "Pass one channel of one picture, (rows, columns) of numbers")
    if array.dtype.kind == "f":
        usable = np.abs(array) <= min(_LARGEST, float(np.finfo(array.dtype).max))
        if not usable.all():
            lowest = array[usable].min() if usable.any() else 0
            array = np.where(usable, array, lowest)
    return np.ascontiguousarray(_means(_means(array).T).T, dtype=np.float32)


def _means(array: np.ndarray) -> np.ndarray:
    """Reduce the first axis of (Y, X) to 32 means, float64 (32, X)."""
    n = len(array)
    exact = np.uint32 if array.dtype == np.uint8 else np.float64
    sums = np.zeros((SIDE, array.shape[1]))
    for band in range(SIDE):
        (start, before), (stop, after) = divmod(band * n, SIDE), divmod((band + 1) * n, SIDE)
        if stop > start:
            sums[band] = np.add.reduce(array[start:stop], axis=0, dtype=exact)
        if before:
            sums[band] -= np.multiply(array[start], before / SIDE, dtype=np.float64)
        if after:
            sums[band] += np.multiply(array[stop], after / SIDE, dtype=np.float64)
    return sums * (SIDE / n)


def phash(reduced: np.ndarray) -> np.ndarray:
    """Hash reduced pictures.

    Brighter, darker, and more or less contrast, as long as nothing is clipped, give the same hash.

    Args:
        reduced: (N, 32, 32), of `reduced`.

    Returns:
        uint64 (N,). `NO_HASH` where the picture has no structure (all one value, or nothing but
        fine texture): such pictures are alike in nothing, so leave them out before comparing.
    """
    return _bits(_spectrum(reduced))


def phash_dihedral(reduced: np.ndarray) -> np.ndarray:
    """Hash reduced pictures as they are, mirrored and turned by right angles.

    Args:
        reduced: (N, 32, 32).

    Returns:
        uint64 (8, N) in the order of `DIHEDRAL`; equal to `phash` of each turned picture.
    """
    spectrum = _spectrum(reduced)
    odd = np.where(np.arange(_LOW) % 2, -1.0, 1.0)
    views = []
    for turned in (spectrum, spectrum.transpose(0, 2, 1)):
        views += [turned, turned * odd, turned * odd[:, None], turned * np.outer(odd, odd)]
    found = [_bits(each) for each in views]
    return np.stack([found[n] for n in (0, 1, 2, 3, 4, 6, 5, 7)])


def dihedral(reduced: np.ndarray, name: str) -> np.ndarray:
    """Mirror or turn pictures (N, Y, X) in the way that `DIHEDRAL` names; a view."""
    at = DIHEDRAL.index(name)
    turned = reduced.transpose(0, 2, 1) if at >= 4 else reduced  # noqa: PLR2004
    upside_down = at in (2, 3, 5, 7)
    mirrored = at in (1, 3, 6, 7)
    return turned[:, :: -1 if upside_down else 1, :: -1 if mirrored else 1]


def resampled(reduced: np.ndarray, view: View) -> np.ndarray:
    """Show reduced pictures as a copy that was turned or cropped would, by bilinear interpolation.

    Args:
        reduced: (N, 32, 32).
        view: What was done to the copy.

    Returns:
        float32 (N, 32, 32).
    """
    angle = np.deg2rad(view.turn_deg)
    down, right = np.mgrid[:SIDE, :SIDE] - _CENTRE
    y = (np.cos(angle) * down + np.sin(angle) * right) / view.zoom + _CENTRE + view.down
    x = (np.cos(angle) * right - np.sin(angle) * down) / view.zoom + _CENTRE + view.right
    top, left = (np.clip(np.floor(each), 0, SIDE - 2).astype(np.intp) for each in (y, x))
    below, beside = (np.clip(each - low, 0, 1) for each, low in ((y, top), (x, left)))
    flat = np.asarray(reduced, dtype=np.float32).reshape(len(reduced), SIDE * SIDE)
    out = np.zeros_like(flat)
    for step_y, weight_y in ((0, 1 - below), (1, below)):
        for step_x, weight_x in ((0, 1 - beside), (1, beside)):
            at = (top + step_y) * SIDE + left + step_x
            out += np.take(flat, at.ravel(), axis=1) * _flat(weight_y * weight_x)
    if view.dark_corners:
        outside = np.maximum(np.abs(y - _CENTRE), np.abs(x - _CENTRE)) - _CENTRE
        dark = flat.min(axis=1, keepdims=True, initial=np.inf)
        out = dark + (out - dark) * _flat(np.clip(1 - outside, 0, 1))
    return out.reshape(-1, SIDE, SIDE)


def _flat(weights: np.ndarray) -> np.ndarray:
    return weights.astype(np.float32).ravel()


@cache
def _waves() -> np.ndarray:
    """Return the 8 lowest frequencies of the DCT-II of 32 values, float64 (8, 32)."""
    places = (np.arange(SIDE) + 0.5) * (np.pi / SIDE)
    return np.cos(np.outer(np.arange(_LOW), places))


def _spectrum(reduced: np.ndarray) -> np.ndarray:
    """Return the low frequencies, float64 (N, 8, 8): 0 where round-off, all 0 where no structure.

    The first, which is the mean, is given as infinite: of a picture whose lowest value is 0 no
    other can be above it, so its bit says nothing, whatever the zero of the unit is.
    """
    if reduced.shape[1:] != (SIDE, SIDE):
        problem = f"An array {reduced.shape} holds no reduced pictures (N, {SIDE}, {SIDE})"
        raise SettingError(problem, "Stack what hashing.reduced gives")
    found = np.empty((len(reduced), _LOW, _LOW))
    for start in range(0, len(reduced), _BATCH):
        values = reduced[start : start + _BATCH].astype(np.float64)
        largest = np.abs(values).max(axis=(1, 2))
        values[~np.isfinite(largest)] = 0
        across = values.reshape(-1, SIDE) @ _waves().T
        across = np.ascontiguousarray(across.reshape(-1, SIDE, _LOW).transpose(0, 2, 1))
        batch = (across.reshape(-1, SIDE) @ _waves().T).reshape(-1, _LOW, _LOW).transpose(0, 2, 1)
        floor = largest * (_ROUND_OFF * SIDE)
        batch[~(np.abs(batch) > floor[:, None, None])] = 0
        # Ties, as symmetric pictures have them, must not hang on the order of additions.
        batch = np.rint(batch / np.maximum(floor, _TINY)[:, None, None] * _STEPS)
        batch[:, 0, 0] = 0
        batch[:, 0, 0] = np.where(batch.any(axis=(1, 2)), np.inf, 0)
        found[start : start + _BATCH] = batch
    return found


def _bits(spectrum: np.ndarray) -> np.ndarray:
    flat = spectrum.reshape(-1, _LOW * _LOW)
    half = _LOW * _LOW // 2
    ordered = np.partition(flat, (half - 1, half), axis=1)
    middle = ordered[:, half - 1 : half + 1].mean(axis=1)
    return np.packbits(flat > middle[:, None], axis=1).view(">u8").ravel().astype(np.uint64)
