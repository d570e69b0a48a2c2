"""Find where the files of a dataset already lie."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medshelf.acquire.selection import choose_entries
from medshelf.acquire.standing.adopted import adopted_folders, known_lock
from medshelf.acquire.standing.lockfile import FilesLock, entry_key
from medshelf.acquire.standing.verify import Status, Verdict, known_digest, read_errors, verify
from medshelf.catalog.record import FileRecord, Record
from medshelf.core.errors import ChecksumError, NotFetchedError
from medshelf.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Located:
    """The files of one variant, all in one folder.

    Attributes:
        folder: Where they lie.
        modified: At least one is not the published file.
        digests: File name to `md5:...` of what lies there, whatever is published; of a list of
            files, its pattern to one `sha256:...` over all their hashes.
    """

    folder: Path
    modified: bool
    digests: dict[str, str]


def locate(
    record: Record,
    *,
    options: Mapping[str, str],
    root: Path | None = None,
    allow_modified: bool = False,
    settings: Settings | None = None,
    files: Sequence[FileRecord] | None = None,
) -> Located:
    """Find the first folder that holds all files of a variant as they were published.

    Args:
        record: The dataset.
        options: Reader options of the variant, e.g. `{"size": "64"}`.
        root: Search only here; else the raw folder of medshelf's home, folders that were adopted,
            then the search path. Each place may hold the files themselves or a folder named after
            the dataset's id.
        allow_modified: Where no copy is as published, take the first that is not.
        settings: The environment's by default.
        files: Entries of the record to look for; by default all of the variant but samples.

    Raises:
        NotFetchedError: No place holds all files.
        ChecksumError: All copies differ from the published files.
        StorageError: A place or a file cannot be read.
    """
    settings = settings or Settings.from_environment()
    files = files or choose_entries(record, options)
    places = search_places(record, root, settings)
    missing = {each: missing_files(record, each, files, settings) for each in places}
    complete = [folder for folder, names in missing.items() if not names]
    if not complete:
        nearest = min(missing.values(), key=len)
        command = fetch_command(record, options, root)
        raise NotFetchedError(record.id, ", ".join(nearest), missing, f"Fetch it with: {command}")
    wrong = []
    for folder in complete:
        modified = _modified(folder, files, settings)
        if modified is None:
            digests = _digests(record, folder, files, settings)
            return Located(folder, modified=False, digests=digests)
        wrong.append(modified)
    if allow_modified:
        digests = _digests(record, complete[0], files, settings)
        return Located(complete[0], modified=True, digests=digests)
    path, verdict = wrong[0]
    raise ChecksumError(
        path,
        str(verdict.expected),
        verdict.actual,
        f"Fetch the published file with: {fetch_command(record, options, root)} --force; or open "
        "this one as it is with --allow-modified (in Python: allow_modified=True), and every "
        "result will say so",
    )


def fetch_command(record: Record, options: Mapping[str, str], root: Path | None = None) -> str:
    """Return the command line that fetches a variant."""
    words = ["medshelf", "fetch", record.id]
    for option, value in options.items():
        words += [f"--{option}", value]
    if root is not None:
        words += ["--root", str(root)]
    return " ".join(words)


def search_places(record: Record, root: Path | None, settings: Settings) -> list[Path]:
    """Return the folders that may hold a dataset, the first to be taken first."""
    if root is not None:
        return [root, root / record.id]
    places = [settings.raw_folder(record.id), *adopted_folders(record.id, settings)]
    for folder in settings.search_path:
        places += [folder, folder / record.id]
    return list(dict.fromkeys(places))


def missing_files(
    record: Record, folder: Path, files: Iterable[FileRecord], settings: Settings
) -> list[str]:
    """Return the names of the files that a folder does not hold.

    Raises:
        StorageError: The folder cannot be read.
    """
    missing = []
    with read_errors(folder):
        for file in files:
            if file.many:
                known = known_lock(folder, record.id, settings)
                missing += _missing_of_list(known, folder, file)
            elif not (folder / file.name).is_file():
                missing.append(file.name)
    return missing


def _missing_of_list(known: FilesLock, folder: Path, file: FileRecord) -> list[str]:
    names = known.entries.get(entry_key(file))
    if names is None:
        return [file.name]
    return [name for name in names if not _has_length(known, folder, name)]


def _has_length(known: FilesLock, folder: Path, name: str) -> bool:
    path = folder / name
    locked = known.files.get(name)
    return path.is_file() and (locked is None or path.stat().st_size == locked.size_bytes)


def _modified(
    folder: Path, files: Iterable[FileRecord], settings: Settings
) -> tuple[Path, Verdict] | None:
    for file in files:
        if file.many:
            continue
        path = folder / file.name
        verdict = verify(path, file, settings)
        if verdict.status is Status.MODIFIED:
            return path, verdict
    return None


def _digests(
    record: Record, folder: Path, files: Iterable[FileRecord], settings: Settings
) -> dict[str, str]:
    found = {}
    for file in files:
        if file.many:
            known = known_lock(folder, record.id, settings)
            names = known.entries.get(entry_key(file), [])
            lines = "".join(f"{known.files[name].sha256} {name}\n" for name in names)
            found[file.name] = f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
        else:
            found[file.name] = known_digest(folder / file.name, "md5", settings)
    return found
