"""A tree that grows file by file out of sight, and is put in place when it is whole."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from medshelf.acquire.unpacking.names import Disk
from medshelf.core.errors import FormatError, StorageError
from medshelf.core.files import make_folder, require_space, storage_errors, write_text
from medshelf.core.issues import Issue
from medshelf.formats.archive_index import Member

_BLOCK_BYTES = 4096
_PATH_BYTES = 4095
_FILE_MODE, _FOLDER_MODE = 0o644, 0o755
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
_FLAGS |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_DAY_S = 86_400
_EARLIEST_S = 315_532_800 + 2 * _DAY_S  # a zip without a date says 1980-01-01


class Contents(NamedTuple):
    """What a published folder holds.

    Attributes:
        n_files: Number of files.
        size_bytes: Of all together.
        issues: What was noted when it was made.
    """

    n_files: int
    size_bytes: int
    issues: tuple[Issue, ...] = ()


class Staging:
    """A hidden folder that holds a growing tree; one of the same state is gone on with.

    Attributes:
        tree: The files that are whole.

    Args:
        folder: What the tree will be.
        state: What tells it from any other tree of that name; JSON.

    Raises:
        StorageError: The folder cannot be made.
    """

    def __init__(self, folder: Path, state: Mapping[str, Any]) -> None:
        self._folder, self._state = folder, dict(state)
        self._work = _beside(folder, "unpacking")
        self.tree, self._part = self._work / "tree", self._work / "part"
        self._tree = str(self.tree)
        self._made = set[str]()
        if self._work.is_symlink():
            problem = f"{self._work} is a link, where files are to be unpacked"
            raise StorageError(problem, "Remove it")
        kept = self._work / "state.json"
        if _read(kept) != self._state:
            self.remove()
            make_folder(self._work)
            write_text(kept, json.dumps(self._state))
        self._make_folder("")

    def disk(self, prefix: str) -> Disk:
        """Return what the file system can hold below a folder of the tree."""
        with storage_errors(self._work):
            (self._work / "probe").touch()
            folds_case = (self._work / "PROBE").exists()
            (self._work / "probe").unlink()
        longest = max(len(os.fsencode(each.absolute())) for each in (self.tree, self._folder))
        room = _PATH_BYTES - longest - len(os.fsencode(prefix))
        return Disk(folds_case, windows=os.name == "nt", path_bytes=room)

    def require_room(self, sizes: Sequence[int]) -> None:
        """Refuse files that the disk has no room for.

        Args:
            sizes: Bytes of each.

        Raises:
            StorageError: Too few bytes, or too few files, are free.
        """
        blocks = sum(-(-each // _BLOCK_BYTES) for each in sizes)
        require_space(self._work, blocks * _BLOCK_BYTES)
        if not hasattr(os, "statvfs"):
            return
        disk = os.statvfs(self._work)
        if disk.f_files and len(sizes) > disk.f_favail:
            problem = f"{self._work} has room for {disk.f_favail:,} files more, not {len(sizes):,}"
            raise StorageError(problem, "Remove some files, or unpack to another disk")

    def has(self, path: str, size_bytes: int) -> bool:
        """Say whether a file lies in the tree; there it is whole."""
        try:
            return os.lstat(f"{self._tree}/{path}").st_size == size_bytes
        except OSError:
            return False

    @contextmanager
    def part(self, path: str, member: Member) -> Iterator[Callable[[bytes | bytearray], object]]:
        """Take the bytes of a file, which is put in the tree when the block has ended well.

        Args:
            path: Below the tree.
            member: Says how long the file is, and of when.

        Raises:
            FormatError: More or fewer bytes came.
            StorageError: They could not be written.
        """
        left = member.size_bytes
        try:
            self._make_folder(path.rpartition("/")[0])
            file = os.open(self._part, _FLAGS, _FILE_MODE)
            try:

                def write(data: bytes | bytearray) -> None:
                    nonlocal left
                    left -= len(data)
                    if left < 0:
                        raise FormatError(self._folder / path, "it is longer than is stated")
                    _write_all(file, data, self._folder / path)

                yield write
            finally:
                os.close(file)
            if left:
                raise FormatError(self._folder / path, f"it ends {left:,} bytes too early")
            if _EARLIEST_S <= member.modified_s <= time.time() + _DAY_S:
                os.utime(self._part, (member.modified_s, member.modified_s))
            self._part.replace(f"{self._tree}/{path}")
        except OSError:
            with storage_errors(self._folder / path):
                raise

    def publish(self, issues: Sequence[Issue]) -> Contents:
        """Put the tree in its place, and beside it what it was made from.

        Raises:
            StorageError: The folder cannot be written.
        """
        with storage_errors(self._folder):
            made = Contents(*_measured(self.tree), tuple(issues))
            old = _beside(self._folder, "old")
            shutil.rmtree(old, ignore_errors=True)
            if os.path.lexists(self._folder):
                self._folder.replace(old)
            marker = {
                "state": self._state,
                "n_files": made.n_files,
                "size_bytes": made.size_bytes,
                "issues": [each.as_dict() for each in issues],
            }
            write_text(_beside(self._folder, "unpacked.json"), json.dumps(marker, indent=2))
            self.tree.replace(self._folder)
            shutil.rmtree(old, ignore_errors=True)
        self.remove()
        return made

    def remove(self) -> None:
        """Delete all that was unpacked."""
        with storage_errors(self._work):
            if self._work.exists():
                shutil.rmtree(self._work)
        self._made.clear()

    def remove_below(self, path: str) -> None:
        """Delete a folder of the tree."""
        shutil.rmtree(self.tree / path, ignore_errors=True)
        self._made.clear()

    def tidy(self) -> None:
        """Delete the hidden folder if nothing has been unpacked yet."""
        if not _measured(self.tree)[0]:
            shutil.rmtree(self._work, ignore_errors=True)

    def _make_folder(self, path: str) -> None:
        if path in self._made:
            return
        if path:
            self._make_folder(path.rpartition("/")[0])
        with storage_errors(self._folder / path):
            (self.tree / path).mkdir(_FOLDER_MODE, exist_ok=True)
        self._made.add(path)


def published(folder: Path, state: Mapping[str, Any], *, force: bool) -> Contents | None:
    """Return what a folder holds that was unpacked before; null where it is to be made.

    Args:
        folder: The folder.
        state: As for `Staging`.
        force: A folder that was made from another state, or changed since, is to be replaced.

    Raises:
        StorageError: There is such a folder, and it is not to be replaced.
    """
    if not os.path.lexists(folder):
        return None
    marker = _read(_beside(folder, "unpacked.json"))
    try:
        kept = Contents(
            marker["n_files"], marker["size_bytes"], tuple(Issue(**e) for e in marker["issues"])
        )
    except (KeyError, TypeError) as error:
        problem = f"{folder} exists already, and was not made by unpacking"
        raise StorageError(problem, "Move it away, or name another folder with --out") from error
    whole = folder.is_dir() and not folder.is_symlink() and _measured(folder) == kept[:2]
    if whole and marker["state"] == state:
        shutil.rmtree(_beside(folder, "old"), ignore_errors=True)
        shutil.rmtree(_beside(folder, "unpacking"), ignore_errors=True)
        return kept
    if force:
        return None
    why = "holds another archive, or the same with other options" if whole else "was changed since"
    raise StorageError(f"{folder} {why}", "Replace it with --force, or move it away")


def is_published(folder: Path) -> bool:
    """Say whether a folder was made by unpacking."""
    return _beside(folder, "unpacked.json").is_file()


def _beside(folder: Path, what: str) -> Path:
    return folder.with_name(f".{folder.name}.{what}")


def _read(path: Path) -> Any:
    """Return the JSON object in a file; an empty one where there is none."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_all(file: int, data: bytes | bytearray, path: Path) -> None:
    with memoryview(data) as view:
        done = 0
        try:
            while done < len(view):
                done += os.write(file, view[done:])
        except OSError:
            with storage_errors(path):
                raise


def _measured(tree: Path) -> tuple[int, int]:
    """Count files and their bytes."""
    n_files = size_bytes = 0
    folders = [str(tree)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for each in entries:
                if each.is_dir(follow_symlinks=False):
                    folders.append(each.path)
                else:
                    n_files += 1
                    size_bytes += each.stat(follow_symlinks=False).st_size
    return n_files, size_bytes
