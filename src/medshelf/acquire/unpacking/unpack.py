"""Unpack archives to disk: safely, whole or not at all, and from where a killed process stopped.

Nothing needs it: readers take members from where they lie. Only files are made, with permissions
0644 and their dates; no link, device or pipe ever (a link within a tar becomes a copy of its file)
and no empty folder. What is unpacked lies in a hidden folder beside its place until it is whole:

    x.zip
    .x.unpacking/  tree/ (files that are whole), part (the one being written), state.json
    x/  and  .x.unpacked.json, which says what `x` was made from
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from medshelf.acquire.standing.verify import read_errors
from medshelf.acquire.unpacking.names import refused_names, unportable_names
from medshelf.acquire.unpacking.parts import is_continuation, parts_of
from medshelf.acquire.unpacking.sources import Item, open_archive, stem_of
from medshelf.acquire.unpacking.staging import Staging, is_published, published
from medshelf.core.errors import (
    FormatError,
    LayoutError,
    MedshelfError,
    MissingExtraError,
    SettingError,
    StorageError,
)
from medshelf.core.files import lock
from medshelf.core.issues import Issue, Severity
from medshelf.core.progress import progress_bar

MAX_NESTED = 4
"""How deep archives in archives may be unpacked."""

_FREE_BYTES = 1 << 30  # what any archive may unpack to, however small it is
_MAX_RATIO = 200
_CHUNK_BYTES = 1 << 20
_SHOWN = 5
_IN_PLACE = "read its members in place, for which nothing has to be unpacked"


@dataclass(frozen=True, slots=True)
class Options:
    """How to unpack.

    Attributes:
        encoding: Of names that do not state theirs, e.g. `gbk`; guessed by default.
        nested: How many levels of archives in archives are unpacked too, into folders of their
            names beside them.
        skip_refused: Leave out what cannot be unpacked safely, and say so, instead of refusing.
        max_bytes: Refuse what unpacks to more; by default 1 GiB or, if that is more, 200 times
            the length of the archive.
        force: Replace a folder that was unpacked before and is another now.
    """

    encoding: str | None = None
    nested: int = 0
    skip_refused: bool = False
    max_bytes: int | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was unpacked.

    Attributes:
        archive: The archive.
        folder: Where its files lie.
        n_files: How many.
        size_bytes: Of all files together.
        issues: What was guessed, left out, or is not portable.
        was_there: They lay there already.
    """

    archive: Path
    folder: Path
    n_files: int
    size_bytes: int
    issues: tuple[Issue, ...] = ()
    was_there: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, for JSON."""
        return asdict(self)


def find_archives(root: Path) -> list[Path]:
    """Return the archives below a folder, by their names; of a split one the part to be opened.

    Hidden folders, and those that were unpacked before, are left out.

    Raises:
        LayoutError: There is none.
    """
    found = []
    for each in sorted(root.rglob("*")):
        if stem_of(each) and not is_continuation(each) and each.is_file():
            inside = each.relative_to(root)
            unpacked = any(is_published(root / folder) for folder in inside.parents)
            if not unpacked and not any(part.startswith(".") for part in inside.parts):
                found.append(each)
    if not found:
        problem = f"There is no archive in {root}"
        raise LayoutError(problem, "Its files are unpacked already, or it is another folder")
    return found


def default_folder(archive: Path) -> Path:
    """Return where an archive is unpacked to: the folder of its name beside it.

    Raises:
        SettingError: Its name has no suffix of an archive.
    """
    stem = stem_of(archive)
    if not stem:
        problem = f"{archive.name!r} has none of the suffixes of archives"
        raise SettingError(problem, "Name the folder to unpack to with --out")
    return archive.with_name(stem)


def unpack(
    archive: Path,
    folder: Path | None = None,
    options: Options = Options(),
) -> Unpacked:
    """Unpack an archive into a folder of its own.

    Killed at any point, the same call goes on from the last whole file; the folder is there when
    all is. Processes that unpack the same wait for each other.

    Args:
        archive: A zip, tar (plain, or packed by gzip, bzip2, xz or zstd) or 7z; of a split zip
            the `.zip`, of one cut in pieces the `.001`.
        folder: What to unpack to; it must not exist yet, unless it was made so before.
        options: How.

    Raises:
        FormatError: It is no archive, damaged, protected by a password, a bomb, or has members
            that cannot be unpacked safely.
        MissingExtraError: A 7z or tar.zst, and the extra `archives` is not installed.
        SettingError: There is no such encoding, or too deep a nesting was asked for.
        StorageError: The folder exists, cannot be written, or its disk has too little room.
    """
    if not 0 <= options.nested <= MAX_NESTED:
        problem = f"Archives in archives cannot be unpacked {options.nested} levels deep"
        raise SettingError(problem, f"Pass a number from 0 to {MAX_NESTED}")
    state = _state_of(archive, options)
    folder = folder or default_folder(archive)
    with lock(folder):
        if (done := published(folder, state, force=options.force)) is not None:
            return Unpacked(archive, folder, *done, was_there=True)
        staging = Staging(folder, state)
        job = _Job(staging, options)
        try:
            job.fill(archive, "", options.nested)
            if _state_of(archive, options) != state:
                raise FormatError(archive, "it changed while it was unpacked", "Unpack it again")
        except StorageError:
            staging.tidy()
            raise
        except MedshelfError:
            staging.remove()
            raise
        made = staging.publish(job.issues)
    return Unpacked(archive, folder, *made)


class _Job:
    """One archive, and those in it, on their way into a tree."""

    def __init__(self, staging: Staging, options: Options) -> None:
        self._staging, self._options = staging, options
        self._left_bytes = options.max_bytes
        self.issues: list[Issue] = []

    def fill(self, archive: Path, prefix: str, depth: int) -> None:
        """Unpack what is not there yet; `prefix` is the folder in the tree, and ends with `/`."""
        opened = open_archive(archive, self._options.encoding)
        self.issues += opened.issues
        items = self._accepted(archive, opened.items, prefix)
        total = sum(each.member.size_bytes for each in items)
        self._take(archive, opened.size_bytes, total)
        missing = [
            each
            for each in items
            if not self._staging.has(prefix + each.path, each.member.size_bytes)
        ]
        self._staging.require_room([each.member.size_bytes for each in missing])
        left = sum(each.member.size_bytes for each in missing)
        title = f"unpack {archive.name}"
        with progress_bar(title, total, unit="B", start=total - left) as bar:
            opened.copy(missing, _Folder(self._staging, prefix, bar))
        if depth:
            self._fill_nested(archive, items, prefix, depth - 1)

    def _accepted(self, archive: Path, items: Sequence[Item], prefix: str) -> list[Item]:
        """Return the items that can be unpacked safely; the others are an error or an Issue."""
        refused = {each.member.name: each.member.problem for each in items if each.member.problem}
        sound = [each for each in items if not each.member.problem]
        names = refused_names([each.path for each in sound], self._staging.disk(prefix))
        refused |= {each.member.name: names[each.path] for each in sound if each.path in names}
        if refused:
            shown = "; ".join(f"{name!r}: {why}" for name, why in list(refused.items())[:_SHOWN])
            more = f"; and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
            reason = f"{len(refused)} of its {len(items)} members cannot be unpacked: {shown}{more}"
            if not self._options.skip_refused:
                remedy = f"Leave them out with --skip-refused, or {_IN_PLACE}"
                raise FormatError(archive, reason, remedy)
            self._note("archive-members-refused", "error", archive, reason)
        accepted = [each for each in sound if each.path not in names]
        if not accepted:
            raise FormatError(archive, "it holds no file that can be unpacked")
        if odd := unportable_names([each.path for each in accepted]):
            shown = ", ".join(map(repr, odd[:_SHOWN]))
            reason = f"{len(odd)} names cannot be on every system, e.g. {shown}"
            self._note("archive-names-not-portable", "info", archive, reason)
        return accepted

    def _take(self, archive: Path, packed_bytes: int, total_bytes: int) -> None:
        """Count bytes against what the outermost archive may unpack to."""
        if self._left_bytes is None:
            self._left_bytes = max(_FREE_BYTES, _MAX_RATIO * packed_bytes)
        if total_bytes > self._left_bytes:
            reason = f"its {packed_bytes:,} bytes would unpack to {total_bytes:,}, as a bomb"
            remedy = f"If its publisher is to be trusted: --max-bytes {total_bytes}; or {_IN_PLACE}"
            raise FormatError(archive, reason, remedy)
        self._left_bytes -= total_bytes

    def _fill_nested(self, archive: Path, items: Sequence[Item], prefix: str, depth: int) -> None:
        """Unpack the archives among the items; one that cannot be is left as it is."""
        taken = {each.casefold() for item in items for each in _with_folders(item.path)}
        for item in items:
            path = PurePosixPath(item.path)
            stem = stem_of(path)
            if not stem or is_continuation(path):
                continue
            folder = str(path.with_name(stem))
            if folder.casefold() in taken:
                reason = f"{item.path!r} is left packed: there is a {folder!r} already"
                self._note("archive-left-packed", "warning", archive, reason)
                continue
            taken.add(folder.casefold())
            try:
                self.fill(self._staging.tree / prefix / item.path, f"{prefix}{folder}/", depth)
            except (FormatError, MissingExtraError) as error:
                self._staging.remove_below(prefix + folder)
                reason = f"{item.path!r} is left packed: {error.problem}"
                self._note("archive-left-packed", "warning", archive, reason)

    def _note(self, rule: str, severity: Severity, archive: Path, message: str) -> None:
        self.issues.append(Issue(rule, severity, archive.name, message, _IN_PLACE.capitalize()))


class _Folder:
    """A folder of the tree, as what copies bytes sees it."""

    def __init__(self, staging: Staging, prefix: str, bar: Any) -> None:
        self._staging, self._prefix, self._bar = staging, prefix, bar

    @contextmanager
    def part(self, item: Item) -> Iterator[Callable[[bytes | bytearray], object]]:
        """Take the bytes of one file."""
        member = item.member
        with self._staging.part(self._prefix + item.path, member) as write:
            yield write
        self._bar.update(member.size_bytes)

    def again(self, item: Item, of: Item) -> None:
        """Take the bytes of a file that is there already."""
        source = self._staging.tree / (self._prefix + of.path)
        with self.part(item) as write, read_errors(source), source.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                write(chunk)


def _with_folders(path: str) -> list[str]:
    return [path, *map(str, PurePosixPath(path).parents)]


def _state_of(archive: Path, options: Options) -> dict[str, Any]:
    """Return what tells one unpacking from another."""
    if not archive.is_file():
        raise FormatError(archive, "there is no such file", "Check the path")
    with read_errors(archive):
        parts = [(each.name, each.stat()) for each in parts_of(archive)]
    return {
        "parts": [[name, stat.st_size, stat.st_mtime_ns] for name, stat in parts],
        "encoding": options.encoding,
        "nested": options.nested,
        "skip_refused": options.skip_refused,
    }
