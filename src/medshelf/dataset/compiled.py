"""`filling.fill` in one pass over the pixels, compiled; equal to the bit."""

from __future__ import annotations

import numpy as np
from numba import njit

from medshelf.dataset.augmentation import Draw
from medshelf.dataset.filling import Moments

_RGB = 3


def fill(
    pixels: np.ndarray, rows: np.ndarray, moments: Moments, draw: Draw | None, out: np.ndarray
) -> None:
    """Fill `out`; see `filling.fill` for the arguments."""
    if draw is None:
        _fill(pixels, rows, *moments, out)
    else:
        _fill_changed(pixels, rows, *moments, draw.flips, draw.shifts, out)


@njit(nogil=True, cache=True, error_model="numpy")
def _fill(pixels, rows, mean, std, out):  # noqa: ANN001, ANN202
    _, height, width, channels = pixels.shape
    n_pixels = height * width
    planes = np.empty((channels, n_pixels), np.uint8)
    for sample in range(rows.shape[0]):
        _split(pixels[rows[sample]].reshape(n_pixels * channels), planes)
        _normalise(planes, mean, std, out[sample])


@njit(nogil=True, cache=True, error_model="numpy")
def _fill_changed(pixels, rows, mean, std, flips, shifts, out):  # noqa: ANN001, ANN202, PLR0913, PLR0917
    _, height, width, channels = pixels.shape
    planes = np.empty((channels, height * width), np.uint8)
    window = np.empty((height, width * channels), np.uint8)
    for sample in range(rows.shape[0]):
        image = pixels[rows[sample]].reshape((height, width * channels))
        _cut(image, shifts[sample, 0], shifts[sample, 1] * channels, window)
        _split(window.reshape(height * width * channels), planes)
        if flips[sample]:
            _flip(planes, width)
        _normalise(planes, mean, std, out[sample])


@njit(nogil=True, cache=True, error_model="numpy")
def _cut(image, down, right, window):  # noqa: ANN001, ANN202
    height, width = image.shape
    first, last = min(width, max(0, -right)), max(0, min(width, width - right))
    for line in range(height):
        if 0 <= line + down < height and first < last:
            window[line, :first] = 0
            window[line, first:last] = image[line + down, first + right : last + right]
            window[line, last:] = 0
        else:
            window[line] = 0


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
def _flip(planes, width):  # noqa: ANN001, ANN202
    for channel in range(planes.shape[0]):
        plane = planes[channel]
        for start in range(0, plane.shape[0], width):
            for column in range(width // 2):
                left, right = start + column, start + width - 1 - column
                plane[left], plane[right] = plane[right], plane[left]


@njit(nogil=True, cache=True, error_model="numpy")
def _normalise(planes, mean, std, out):  # noqa: ANN001, ANN202
    for channel in range(out.shape[0]):
        plane = planes[min(channel, planes.shape[0] - 1)]
        centre, spread = mean[channel], std[channel]
        target = out[channel].reshape(plane.shape[0])
        for place in range(plane.shape[0]):
            target[place] = (np.float32(plane[place]) / np.float32(255) - centre) / spread
