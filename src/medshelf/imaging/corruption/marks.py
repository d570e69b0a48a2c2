"""Short words in pictures, readable from 28 pixels on."""

from __future__ import annotations

from functools import cache

import numpy as np

from medshelf.imaging.corruption.draws import Draws

WORDS = ("L", "R", "AP", "PA", "12", "7", "3", "LAT", "T4", "48")
"""What is written."""

_DOWN, _ACROSS = 3, 2
_ROWS = 5
_HEIGHT_SHARE = 0.09
_MIDDLE = 127.5
_GLYPHS = {
    "L": "100 100 100 100 111",
    "R": "110 101 110 101 101",
    "A": "010 101 111 101 101",
    "P": "110 101 110 100 100",
    "T": "111 010 010 010 010",
    "1": "010 110 010 010 111",
    "2": "110 001 010 100 111",
    "3": "110 001 010 001 110",
    "4": "101 101 111 001 001",
    "7": "111 001 010 010 010",
    "8": "111 101 111 101 111",
}


def lettered(planes: np.ndarray, count: int, draws: Draws) -> np.ndarray:
    """Write `count` words into each picture, at most 6, uint8 (N, C, 1, H, W).

    Words and places are the sample's own; the first words are the same for every count. Each has
    a sixth of the picture to itself.
    """
    height, width = planes.shape[-2:]
    numbers = draws.shares(_DOWN * _ACROSS, 4)
    cells = np.argsort(numbers[..., 3], axis=1, kind="stable")
    means = planes.sum(axis=(1, 2, 3, 4), dtype=np.int64) / planes[0].size
    inks = np.where(means > _MIDDLE, 0, 255).astype(np.uint8)
    out = planes.copy()
    for row, ink in enumerate(inks):
        for (choice, y, x, _), cell in zip(numbers[row, :count], cells[row], strict=False):
            mask = _word(WORDS[int(choice * len(WORDS))], min(height, width))
            high, wide = mask.shape
            down, right = divmod(int(cell), _ACROSS)
            top = _place((down + y) / _DOWN, y, height, high)
            left = _place((right + x) / _ACROSS, x, width, wide)
            out[row, :, 0, top : top + high, left : left + wide][:, mask] = ink
    return out


def _place(share: float, inner: float, edge: int, length: int) -> int:
    """Return where a word begins, so that it ends within its cell and the picture."""
    return max(0, min(round(share * edge - inner * (length + 1)), edge - length))


@cache
def _word(word: str, edge: int) -> np.ndarray:
    """Return a word's pixels, bool (height, width), for a picture of that edge."""
    letters = [np.array([list(map(int, row)) for row in _GLYPHS[each].split()]) for each in word]
    spaced = [np.pad(each, ((0, 0), (0, 1))) for each in letters]
    scale = max(1, round(edge * _HEIGHT_SHARE / _ROWS))
    return np.hstack(spaced)[:, :-1].repeat(scale, 0).repeat(scale, 1) == 1
