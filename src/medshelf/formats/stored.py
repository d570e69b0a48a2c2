"""Values as a file stores them: first axis fastest, compressed or not, either byte order."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medshelf.core.errors import FormatError
from medshelf.formats.streams import (
    MAX_RATIO,
    Encoding,
    Stream,
    name_of,
    open_anywhere,
    open_stream,
    reading,
    size_of,
)

_INDEX_FROM_BYTES = 16 << 20  # less is decoded in the time that an index takes
_RUN_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class StoredArray:
    """Where an array lies in a file. Making one reads no values, but checks that there is room.

    Attributes:
        source: The file, or its bytes.
        shape: Length of each axis, the fastest first.
        dtype: As stored, with its byte order.
        encoding: Compression, or `text` for numbers in ASCII.
        start_bytes: Where in the file the (compressed) data start; -1 where they are its end.
        skip_bytes: How many decoded bytes come before the first value.

    Raises:
        FormatError: The file is too short for such an array, even if perfectly compressed.
    """

    source: Path | bytes
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    encoding: Encoding = "raw"
    start_bytes: int = 0
    skip_bytes: int = 0

    def __post_init__(self) -> None:
        """Check that the file has room for the values."""
        size = size_of(self.source)
        if self.start_bytes < 0:
            object.__setattr__(self, "start_bytes", max(0, size - self.size_bytes))
        stored = max(0, size - self.start_bytes)
        text = self.encoding == "text"
        needed = math.prod(self.shape) if text else self.skip_bytes + self.size_bytes
        if needed > stored * MAX_RATIO[self.encoding]:
            shape = "x".join(str(length) for length in self.shape)
            raise FormatError(
                name_of(self.source),
                f"it has {stored} bytes of {self.encoding} data, too few for the "
                f"{shape} values of {self.dtype.name} that its header states",
            )

    @property
    def size_bytes(self) -> int:
        """Length of the decoded values."""
        return math.prod(self.shape) * self.dtype.itemsize

    def read(self) -> np.ndarray:
        """Read all values, in native byte order, axes as in `shape`.

        What needs no decoding is mapped from the file, copy-on-write, and loaded where it is used.

        Raises:
            FormatError: The data are damaged or end too early, or do not fit in memory.
        """
        path, start = name_of(self.source), self.start_bytes + self.skip_bytes
        with reading(path):
            if self.encoding == "text":
                return self._parse()
            aligned = start % self.dtype.itemsize == 0 and self.dtype.isnative
            if self.encoding == "raw" and aligned and isinstance(self.source, Path):
                return np.memmap(self.source, self.dtype, "c", start, self.shape, "F")
            array = np.empty(self.shape, self.dtype, order="F")
        with open_stream(self.source, self.encoding, self.start_bytes) as stream:
            stream.seek(self.skip_bytes)
            stream.fill(_bytes_of(array))
            if self.encoding != "raw":
                stream.finish()
        return _native(array)

    def take(self, axis: int, index: int) -> np.ndarray:
        """Read the values at one place of an axis, decoding and holding no more than it takes.

        Args:
            axis: Position in `shape`.
            index: From 0 to the axis' length - 1.

        Raises:
            FormatError: The data are damaged or end too early.
        """
        if self.encoding == "text":
            return self.read()[(slice(None),) * axis + (index,)]
        n_bytes = math.prod(self.shape[:axis]) * self.dtype.itemsize
        if n_bytes < _RUN_BYTES and axis + 1 < len(self.shape):
            with open_stream(self.source, self.encoding, self.start_bytes) as stream:
                return _native(self._pick(stream, axis, index))
        with self._open_for_runs(axis) as stream:
            return _native(self._runs(stream, axis, index))

    def _open_for_runs(self, axis: int) -> AbstractContextManager[Stream]:
        """Open the data so that runs far from each other are reached without what lies between."""
        far = math.prod(self.shape[: axis + 1]) * self.dtype.itemsize >= _INDEX_FROM_BYTES
        whole_file = self.encoding == "gzip" and self.start_bytes == 0
        if far and whole_file and isinstance(self.source, Path):
            return open_anywhere(self.source)
        return open_stream(self.source, self.encoding, self.start_bytes)

    def _runs(self, stream: Stream, axis: int, index: int) -> np.ndarray:
        """Read the wanted values alone; they lie together in one run per place of later axes."""
        taken = np.empty((*self.shape[:axis], *self.shape[axis + 1 :]), self.dtype, order="F")
        n_outer = math.prod(self.shape[axis + 1 :])
        for outer, run in enumerate(np.split(_flat(taken), n_outer)):
            at = outer * self.shape[axis] + index
            stream.seek(self.skip_bytes + at * run.nbytes)
            stream.fill(_bytes_of(run))
        return taken

    def _pick(self, stream: Stream, axis: int, index: int) -> np.ndarray:
        """Read slabs, one after the other, and pick the wanted values from each."""
        last = axis + 1
        while last < len(self.shape) and math.prod(self.shape[:last]) < _RUN_BYTES:
            last += 1
        slab = np.empty(self.shape[:last], self.dtype, order="F")
        wanted = slab[(slice(None),) * axis + (index,)]
        taken = np.empty((*wanted.shape, *self.shape[last:]), self.dtype, order="F")
        pieces = taken.reshape((*wanted.shape, -1), order="F")
        stream.seek(self.skip_bytes)
        for outer in range(pieces.shape[-1]):
            stream.fill(_bytes_of(slab))
            pieces[..., outer] = wanted
        return taken

    def _parse(self) -> np.ndarray:
        with open_stream(self.source, "raw", self.start_bytes) as stream:
            words = stream.head(size_of(self.source)).split()
        if len(words) < math.prod(self.shape):
            reason = f"it has {len(words)} values, its header states {math.prod(self.shape)}"
            raise FormatError(name_of(self.source), reason)
        try:
            return _numbers(words[: math.prod(self.shape)], self.dtype).reshape(
                self.shape, order="F"
            )
        except ValueError as error:
            raise FormatError(
                name_of(self.source), f"its values are no numbers ({error})"
            ) from error


def _numbers(words: list[bytes], dtype: np.dtype[Any]) -> np.ndarray:
    if dtype.kind not in "iu":
        return np.array([float(each) for each in words], dtype)
    limits, numbers = np.iinfo(dtype), [int(each) for each in words]
    if not all(limits.min <= each <= limits.max for each in numbers):
        msg = f"one is out of the range of {dtype.name}"
        raise ValueError(msg)
    return np.array(numbers, dtype)


def _bytes_of(array: np.ndarray) -> memoryview:
    return _flat(array).view(np.uint8).data


def _flat(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1, order="F")


def _native(array: np.ndarray) -> np.ndarray:
    if array.dtype.isnative:
        return array
    return array.byteswap(inplace=True).view(array.dtype.newbyteorder("="))
