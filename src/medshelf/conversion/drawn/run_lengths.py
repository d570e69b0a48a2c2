"""Run-length codes of COCO: lengths of runs down the columns, the first of zeros.

Source: https://github.com/cocodataset/cocoapi, common/maskApi.h and rleToString in maskApi.c.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from medshelf.conversion.drawn.regions import Region

_BITS, _MORE, _SIGN, _FIRST = 5, 32, 16, 48
_MOST_CHARACTERS = 8
_LONGEST = 1 << 31


def run_lengths(region: Region, height: int, width: int) -> list[int]:
    """Return the lengths of runs of 0 and 1 in turn, down the columns of an image.

    Args:
        region: What is 1.
        height: Of the image in pixels.
        width: Of the image in pixels.
    """
    columns = region.mask.T
    steps = np.zeros((columns.shape[0], columns.shape[1] + 2), np.int8)
    steps[:, 1:-1] = columns
    steps = np.diff(steps, axis=1)
    at, starts = np.nonzero(steps > 0)
    before = (region.x + at) * height + region.y
    starts, ends = before + starts, before + np.nonzero(steps < 0)[1]
    apart = starts[1:] != ends[:-1]  # a run may go on at the top of the next column
    edges = np.empty(2 * (np.count_nonzero(apart) + 1), np.int64)
    edges[0::2] = starts[np.r_[True, apart]]
    edges[1::2] = ends[np.r_[apart, True]]
    counts = np.diff(edges, prepend=0, append=height * width)
    return (counts if counts[-1] else counts[:-1]).tolist()


def packed(counts: Sequence[int]) -> str:
    """Return lengths of runs as the text that COCO's own tools write.

    From the fourth on, what is written is the difference from the last but one; 5 bits per
    character, the lowest first.
    """
    values = np.array(counts, np.int64)
    values[3:] = values[3:] - np.array(counts, np.int64)[1:-2]
    codes = np.zeros((len(values), _MOST_CHARACTERS), np.uint8)
    kept = np.zeros(codes.shape, bool)
    going = np.ones(len(values), bool)
    for n in range(_MOST_CHARACTERS):
        low = values & (_MORE - 1)
        values = values >> _BITS
        more = values != np.where(low & _SIGN, -1, 0)
        codes[:, n], kept[:, n] = low + _MORE * more + _FIRST, going
        going &= more
    return codes[kept].tobytes().decode("ascii")


def unpacked(code: Any, shape: tuple[int, int]) -> np.ndarray:
    """Return the mask of a run-length code, bool of `shape`.

    Args:
        code: `{"size": [height, width], "counts": ...}`; counts are numbers or text.
        shape: Height and width of the image.

    Raises:
        ValueError: It is no such code, or one of another size.
    """
    if not isinstance(code, dict) or list(code.get("size", ())) != list(shape):
        msg = f"it is no run-length code of {shape[0]} x {shape[1]} pixels"
        raise ValueError(msg)
    counts = code.get("counts")
    numbers = _numbers(counts) if isinstance(counts, str) else counts
    if not isinstance(numbers, list) or not all(
        isinstance(each, int) and 0 <= each < _LONGEST for each in numbers
    ):
        msg = "its counts are neither whole numbers nor their text"
        raise ValueError(msg)
    n_pixels = shape[0] * shape[1]
    if sum(numbers) != n_pixels:
        msg = f"its counts make {sum(numbers)} pixels, not {n_pixels}"
        raise ValueError(msg)
    values = np.repeat(np.arange(len(numbers)) % 2 == 1, numbers)
    return values.reshape(shape, order="F")


def _numbers(text: str) -> list[int]:
    numbers: list[int] = []
    words = [ord(each) - _FIRST for each in text]
    ends = [n + 1 for n, each in enumerate(words) if not each & _MORE]
    if not all(0 <= each < 2 * _MORE for each in words) or not ends or ends[-1] != len(words):
        msg = "its counts are no whole text of run lengths"
        raise ValueError(msg)
    for start, end in pairwise([0, *ends]):
        if end - start > _MOST_CHARACTERS:
            msg = "its counts hold a number that is too long"
            raise ValueError(msg)
        bits = sum((each & (_MORE - 1)) << _BITS * n for n, each in enumerate(words[start:end]))
        if words[end - 1] & _SIGN:
            bits -= 1 << _BITS * (end - start)
        numbers.append(bits + numbers[-2] if len(numbers) > 2 else bits)  # noqa: PLR2004
    return numbers
