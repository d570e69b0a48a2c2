"""`filling.fill` in one pass over the pixels, compiled; equal to the bit."""

from __future__ import annotations

import numpy as np
from numba import njit

from medshelf.dataset.batching.augmentation import Draw
from medshelf.dataset.batching.filling import Moments

_RGB = 3


def fill(
    pixels: np.ndarray, rows: np.ndarray, moments: Moments, draw: Draw | None, out: np.ndarray
) -> None:
    """Fill `out`; see `filling.fill` for the arguments."""
    n, height, width, channels = pixels.shape
    flat = out.reshape(*out.shape[:2], height * width)
    invert = moments.inverse is not None
    scale = moments.inverse if invert else moments.std
    if draw is None:
        images = pixels.reshape(n, height * width * channels)
        _fill(images, rows, channels, moments.mean, scale, invert, flat)
    else:
        lines = pixels.reshape(n, height, width * channels)
        _fill_changed(lines, rows, channels, moments.mean, scale, invert, *draw, flat)


@njit(nogil=True, cache=True, error_model="numpy")
def _fill(images, rows, channels, mean, scale, invert, out):  # noqa: ANN001, ANN202, PLR0913, PLR0917
    planes = np.empty((channels, out.shape[2]), np.uint8)
    for sample in range(rows.shape[0]):
        _split(images[rows[sample]], planes)
        _normalise(planes, mean, scale, invert, out[sample])


@njit(nogil=True, cache=True, error_model="numpy")
def _fill_changed(images, rows, channels, mean, scale, invert, flips, shifts, out):  # noqa: ANN001, ANN202, PLR0913, PLR0917
    _, height, length = images.shape
    planes = np.empty((channels, out.shape[2]), np.uint8)
    mirrored = np.empty_like(planes)
    window = np.empty((height, length), np.uint8)
    flat = window.reshape(height * length)
    for sample in range(rows.shape[0]):
        _cut(images[rows[sample]], shifts[sample, 0], shifts[sample, 1] * channels, window)
        _split(flat, planes)
        if flips[sample]:
            _flip(planes, length // channels, mirrored)
            _normalise(mirrored, mean, scale, invert, out[sample])
        else:
            _normalise(planes, mean, scale, invert, out[sample])


@njit(nogil=True, cache=True, error_model="numpy")
def _cut(image, down, right, window):  # noqa: ANN001, ANN202
    height, width = image.shape
    if down != 0 or right != 0:
        for line in range(height):
            target = window[line]
            for column in range(width):
                target[column] = 0
    first, last = max(0, -right), min(width, width - right)
    for line in range(max(0, -down), min(height, height - down)):
        source, target = image[line + down, first + right : last + right], window[line, first:last]
        for column in range(target.shape[0]):
            target[column] = source[column]


@njit(nogil=True, cache=True, error_model="numpy")
def _split(image, planes):  # noqa: ANN001, ANN202
    if planes.shape[0] == _RGB:
        first, second, third = planes[0], planes[1], planes[2]
        for place in range(first.shape[0]):
            first[place] = image[3 * place]
            second[place] = image[3 * place + 1]
            third[place] = image[3 * place + 2]
    else:
        planes[0] = image


@njit(nogil=True, cache=True, error_model="numpy")
def _flip(planes, width, mirrored):  # noqa: ANN001, ANN202
    length, one = np.uint64(width), np.uint64(1)  # unsigned: no index can count from the end
    for channel in range(planes.shape[0]):
        plane, target = planes[channel], mirrored[channel]
        for first in range(0, plane.shape[0], width):
            start = np.uint64(first)
            for column in range(length):
                target[start + column] = plane[start + length - one - column]


@njit(nogil=True, cache=True, error_model="numpy")
def _normalise(planes, mean, scale, invert, out):  # noqa: ANN001, ANN202
    for channel in range(out.shape[0]):
        plane, target = planes[min(channel, planes.shape[0] - 1)], out[channel]
        centre, by = mean[channel], scale[channel]
        if invert:
            for place in range(plane.shape[0]):
                target[place] = (np.float32(plane[place]) / np.float32(255) - centre) * by
        else:
            for place in range(plane.shape[0]):
                target[place] = (np.float32(plane[place]) / np.float32(255) - centre) / by
