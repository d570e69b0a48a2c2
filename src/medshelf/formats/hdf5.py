"""HDF5 files: one dataset at a time, its rows read singly. Needs the extra `hdf5`.

What could lead out of the file or run code is refused: external links, external storage, virtual
datasets, references and objects. A file inside gzip has no rows that could be read singly.

Source: https://docs.h5py.org/en/stable/
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from medshelf.core.errors import FormatError, MissingExtraError, SettingError
from medshelf.formats.streams import GZIP_MAGIC, MAX_RATIO, open_stream, size_of

_MAX_LINKS = 16
_FREE_BYTES = 64 << 20  # may be asked for without a look at what is stored
_KINDS = "biufcSV"


class Rows:
    """A handle to a dataset. It keeps the file open; a pickled or forked copy opens it anew.

    Attributes:
        path: The file.
        member: Name of the dataset, e.g. `x` or `group/x`.
        shape: Length of each axis, in C order; `()` for a single value.
        dtype: In native byte order.
    """

    def __init__(self, path: Path, member: str) -> None:
        self.path, self.member = path, member
        self._held: tuple[int, Any] | None = None
        with _errors(path):
            dataset = self._dataset()
            self.shape: tuple[int, ...] = dataset.shape
            self.dtype: np.dtype[Any] = dataset.dtype.newbyteorder("=")
            chunk_bytes = math.prod(dataset.chunks or ()) * self.dtype.itemsize
            _check_room(path, dataset, chunk_bytes)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the open file behind."""
        return {**self.__dict__, "_held": None}

    def __len__(self) -> int:
        """Return the number of rows: the length of the first axis."""
        return self.shape[0] if self.shape else 0

    def close(self) -> None:
        """Close the file; reading opens it again."""
        if self._held is not None:
            self._held[1].file.close()
            self._held = None

    def read(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Read the rows from `start` up to, not including, `stop`; all by default.

        Raises:
            SettingError: The dataset has no such rows.
            FormatError: The file is damaged.
        """
        stop = len(self) if stop is None else stop
        if not 0 <= start <= stop <= len(self):
            problem = f"{self.member} of {self.path} has {len(self)} rows, not {start} to {stop}"
            raise SettingError(problem, "Choose rows that it has")
        return self._read(slice(start, stop), stop - start)

    def row(self, index: int) -> np.ndarray:
        """Read one row; a negative index counts from the end.

        Raises:
            SettingError: The dataset has no such row.
            FormatError: The file is damaged.
        """
        if not -len(self) <= index < len(self):
            problem = f"{self.member} of {self.path} has {len(self)} rows, none with index {index}"
            raise SettingError(problem, f"Choose one from 0 to {len(self) - 1}")
        return self._read(index % len(self), 1)

    def _read(self, selection: int | slice, n_rows: int) -> np.ndarray:
        with _errors(self.path):
            dataset = self._dataset()
            n_bytes = math.prod(self.shape[1:]) * n_rows * self.dtype.itemsize
            _check_room(self.path, dataset, n_bytes)
            values = np.asarray(dataset[selection if self.shape else ()])
            return values.astype(self.dtype, copy=False)

    def _dataset(self) -> Any:
        process = os.getpid()
        if self._held is None or self._held[0] != process:
            self._held = process, _find(self.path, _open(self.path), self.member)
        return self._held[1]


def list_members(path: Path) -> list[str]:
    """Return the names of the datasets in a file, sorted; links to other files are left out.

    Raises:
        FormatError: The file is damaged, or no HDF5.
        MissingExtraError: h5py is not installed.
    """
    names: list[str] = []
    with _errors(path), _open(path) as file:
        dataset = _h5py().Dataset
        file.visititems(
            lambda name, item: names.append(name) if isinstance(item, dataset) else None
        )
        if not all(isinstance(name, str) for name in names):
            raise FormatError(path, "the name of a dataset is not UTF-8")
    return sorted(names)


def open_dataset(path: Path, member: str) -> Rows:
    """Read what a dataset says of itself, and none of its values.

    Args:
        path: A `.h5` or `.hdf5` file.
        member: Name of the dataset, e.g. `x` or `group/x`.

    Raises:
        FormatError: The file is damaged or no HDF5, has no such dataset, or the dataset is of a
            kind that is refused.
        MissingExtraError: h5py is not installed.
    """
    return Rows(path, member)


def read_bytes(path: Path, member: str) -> bytes:
    """Read a dataset that holds a file, e.g. a JPEG: one string, one opaque value or uint8 (N,).

    Raises:
        FormatError: As `open_dataset`, or the dataset holds something else.
        MissingExtraError: h5py is not installed.
    """
    rows = Rows(path, member)
    text = rows.shape == () and rows.dtype.kind in "SV"
    if not text and (rows.dtype != np.uint8 or len(rows.shape) != 1):
        raise FormatError(path, f"{member!r} holds {rows.dtype} {rows.shape}, not one file")
    try:
        return rows.read().tobytes()
    finally:
        rows.close()


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        package = "h5py"
        raise MissingExtraError(package, "hdf5") from error
    return h5py


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, MemoryError) as error:
        raise FormatError(path, f"no whole HDF5 file ({error})") from error


def _open(path: Path) -> Any:
    h5py = _h5py()
    size_of(path)
    with open_stream(path, "raw") as stream:
        if stream.head(2) == GZIP_MAGIC:
            reason = "it is compressed with gzip, and HDF5 cannot be read inside that"
            raise FormatError(path, reason, f"Run: gunzip --keep {path}")
    return h5py.File(path, "r")


def _find(path: Path, file: Any, member: str) -> Any:
    """Go from group to group by hard links and by soft links inside the file."""
    h5py = _h5py()
    item: Any = file
    parts, n_links = member.split("/")[::-1], 0
    while parts:
        part = parts.pop()
        if part in ("", "."):
            continue
        link = item.get(part, getlink=True) if isinstance(item, h5py.Group) else None
        if link is None or isinstance(link, h5py.ExternalLink) or n_links > _MAX_LINKS:
            reason = f"it has no dataset {member!r}" if link is None else f"{member!r} is a link"
            raise FormatError(path, reason, "Choose one of those that list_members gives")
        if isinstance(link, h5py.SoftLink):
            n_links += 1
            item = file if link.path.startswith("/") else item
            parts += link.path.split("/")[::-1]
        else:
            item = item[part]
    if not isinstance(item, h5py.Dataset):
        raise FormatError(path, f"{member!r} is a group", "Choose a dataset in it")
    if refused := _refusal(item):
        raise FormatError(path, f"{member!r} {refused}", "Convert it to a plain dataset")
    return item


def _refusal(dataset: Any) -> str | None:
    """Say why a dataset is not read, if it is not."""
    if dataset.is_virtual or dataset.external:
        return "has its values in other files"
    if dataset.dtype.kind not in _KINDS or dataset.dtype.hasobject or dataset.shape is None:
        return f"holds {dataset.dtype}, which is neither numbers nor bytes of fixed length"
    return None


def _check_room(path: Path, dataset: Any, n_bytes: int) -> None:
    """Refuse what the stored bytes cannot hold, before it is allocated."""
    if n_bytes <= _FREE_BYTES:
        return
    stored = min(dataset.id.get_storage_size(), size_of(path))
    if n_bytes > stored * MAX_RATIO["gzip"]:
        raise FormatError(path, f"{n_bytes} bytes of it are asked for, {stored} are stored")
