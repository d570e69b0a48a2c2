"""One file of a raw tree, loose or a member of an archive: its bytes, or the JSON in it."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from medshelf.core.errors import FormatError, LayoutError
from medshelf.formats.archive import MAX_BYTES, read_member

_PUBLISHED = "Use the published file, or pass the folder of the dataset"


class Entry(NamedTuple):
    """One file of a tree, or one member of an archive in it.

    Attributes:
        path: Relative to the root, with `/` between folders.
        member: Name in the archive at `path`; null for a loose file.
    """

    path: str
    member: str | None = None

    @property
    def location(self) -> str:
        """Path and member as one text."""
        return self.path if self.member is None else f"{self.path}/{self.member}"

    def source(self, root: Path) -> Path | bytes:
        """Return what the functions of `formats` read: the path of a loose file, else bytes.

        Raises:
            FormatError: The member cannot be read.
            LayoutError: The path leads out of the root.
        """
        if self.member is None:
            return _inside(root, self.path)
        return read_bytes(root, self.path, self.member)


def read_bytes(
    root: Path, path: str, member: str | None = None, *, max_bytes: int = MAX_BYTES
) -> bytes:
    """Read a file of a tree, or a member of an archive in it.

    Raises:
        FormatError: It cannot be read, or is larger than `max_bytes`.
        LayoutError: The path leads out of the root.
    """
    file = _inside(root, path)
    if member is not None:
        return read_member(file, member, max_bytes=max_bytes)
    try:
        size_bytes = file.stat().st_size
        if size_bytes <= max_bytes:
            return file.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise FormatError(file, reason, "Check path and permissions") from error
    reason = f"it has {size_bytes:,} bytes, more than {max_bytes:,}"
    raise FormatError(file, reason, "Pass a larger max_bytes if the file is to be trusted")


def read_json(root: Path, entry: Entry) -> Any:
    """Read a JSON file of a tree, UTF-8 with or without a byte order mark.

    Raises:
        FormatError: It is no JSON, truncated, nested too deeply, or cannot be read.
    """
    data = read_bytes(root, *entry)
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise FormatError(root / entry.location, f"not JSON ({error})") from error


def read_object(root: Path, entry: Entry, **keys: type) -> dict[str, Any]:
    """Read a JSON file that holds one object.

    Args:
        root: Of the tree.
        entry: The file.
        keys: Keys that it must have, and the type of their values.

    Raises:
        FormatError: It is no JSON, truncated, nested too deeply, or cannot be read.
        LayoutError: It is no object, a key is missing, or a value is of another type.
    """
    document = read_json(root, entry)
    if not isinstance(document, dict):
        problem = f"{root / entry.location}: it holds no object but a {type(document).__name__}"
        raise LayoutError(problem, _PUBLISHED)
    for key, kind in keys.items():
        if not isinstance(document.get(key), kind):
            problem = f"{root / entry.location}: there is no {key!r} that is a {kind.__name__}"
            raise LayoutError(problem, _PUBLISHED)
    return document


def _inside(root: Path, path: str) -> Path:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\0" in path:
        problem = f"The path {path!r} leads out of {root}"
        raise LayoutError(problem, "Read the dataset again, and report its manifest if that fails")
    return root / path
