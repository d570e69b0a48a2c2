"""What the user has put into the folder of a dataset: taken, hashed and written into its lock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from medshelf.acquire.standing.lockfile import FilesLock, LockWriter, entry_key
from medshelf.acquire.standing.placed import lock_placed, names_of, placed_names
from medshelf.acquire.standing.provenance import write_terms
from medshelf.acquire.standing.verify import read_errors
from medshelf.acquire.transfers.jobs import Asked, target_of
from medshelf.catalog.record import FileRecord
from medshelf.core.errors import ChecksumError, NotFetchedError
from medshelf.core.files import make_folder
from medshelf.core.progress import progress_bar

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Placed:
    """What lies there.

    Attributes:
        entries: Entries that nothing has to come for.
        lists: `entry_key` of those that are lists, and the names that lie there.
        new: Names that the lock does not know, each with its entry.
    """

    entries: tuple[FileRecord, ...]
    lists: Mapping[str, tuple[str, ...]]
    new: tuple[tuple[str, FileRecord], ...]


def by_hand(entry: FileRecord) -> bool:
    """Whether only the user can bring a file."""
    return entry.url.startswith("manual:")


def find_placed(asked: Asked, entries: Sequence[FileRecord], lock: LockWriter) -> Placed:
    """Find out what lies there that the lock must know.

    A file without a published hash is taken on trust, as one that was fetched. Of a list that must
    be fetched by hand all that lies there counts as the whole: only the user knows its names.

    Raises:
        ChecksumError: A file has another length than when it came.
        NotFetchedError: Files that had lain there are gone.
        StorageError: The folder cannot be read.
    """
    there: list[FileRecord] = []
    lists: dict[str, tuple[str, ...]] = {}
    new: list[tuple[str, FileRecord]] = []
    for entry in entries:
        if asked.force and not by_hand(entry):
            continue
        names = tuple(_names(asked, entry, lock))
        if not names:
            continue
        if entry.many and not asked.force:
            _refuse_gaps(asked, entry, names, lock)
        if by_hand(entry):
            there.append(entry)
        if entry.many:
            lists[entry_key(entry)] = names
        new += [(name, entry) for name in names if asked.force or _is_new(asked, name, lock.lock)]
    return Placed(tuple(there), lists, tuple(new))


def lock_new(asked: Asked, placed: Placed, lock: LockWriter) -> None:
    """Hash what is new, and write it down with licence and citation beside it.

    Raises:
        ChecksumError: A file has not its published length.
        StorageError: A file cannot be read, or the folder cannot be written.
    """
    if placed.new:
        make_folder(asked.folder)
        lock.before_the_first(lambda: write_terms(asked.record, asked.folder))
    sizes = [(asked.folder / name).stat().st_size for name, _ in placed.new]
    with progress_bar(f"{asked.record.id}: hashing", sum(sizes), unit="B") as bar:
        for name, entry in placed.new:
            found = lock_placed(asked.folder / name, name, entry)
            lock.add(found)
            bar.update(found.size_bytes)
    if asked.choice.whole:
        for key, names in placed.lists.items():
            lock.complete(key, list(names), forget=asked.force)
    lock.flush()


def _names(asked: Asked, entry: FileRecord, lock: LockWriter) -> Iterator[str]:
    if not entry.many:
        target = target_of(asked.folder, entry)
        with read_errors(target):
            if entry.hash is None and target.is_file():
                yield entry.name
    elif by_hand(entry):
        for name in names_of(entry, asked.record, placed_names(asked.record, asked.folder)):
            locked = lock.lock.files.get(name)
            fetched = locked is not None and locked.source != entry.url
            if asked.choice.takes(name) and not fetched:
                yield name


def _refuse_gaps(asked: Asked, entry: FileRecord, names: Sequence[str], lock: LockWriter) -> None:
    known = lock.lock.entries.get(entry_key(entry), [])
    gone = [each for each in known if asked.choice.takes(each) and each not in set(names)]
    if gone:
        remedy = f"Put back what is missing, or do without it: {asked.command} --force"
        raise NotFetchedError(asked.record.id, ", ".join(gone[:_SHOWN]), [asked.folder], remedy)


def _is_new(asked: Asked, name: str, known: FilesLock) -> bool:
    locked = known.files.get(name)
    if locked is None:
        return True
    path = asked.folder / name
    size_bytes = path.stat().st_size
    if size_bytes != locked.size_bytes:
        wanted, found = (f"{each:,} bytes" for each in (locked.size_bytes, size_bytes))
        remedy = f"It has changed since it came: move it away, or run: {asked.command} --force"
        raise ChecksumError(path, wanted, found, remedy)
    return False
