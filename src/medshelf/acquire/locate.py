"""Find where the files of a dataset already lie."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from medshelf.acquire.verify import Status, Verdict, known_digest, read_errors, verify
from medshelf.catalog.record import FileRecord, Record
from medshelf.core.errors import ChecksumError, NotFetchedError
from medshelf.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Located:
    """The files of one variant, all in one folder.

    Attributes:
        folder: Where they lie.
        modified: At least one is not the published file.
        digests: File name to `md5:...` of what lies there, whatever is published.
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
) -> Located:
    """Find the first folder that holds all files of a variant as they were published.

    Args:
        record: The dataset.
        options: Reader options of the variant, e.g. `{"size": "64"}`.
        root: Search only here; else the raw folder of medshelf's home, then the search path. Each
            place may hold the files themselves or a folder named after the dataset's id.
        allow_modified: Where no copy is as published, take the first that is not.
        settings: The environment's by default.

    Raises:
        NotFetchedError: No place holds all files.
        ChecksumError: All copies differ from the published files.
        StorageError: A place or a file cannot be read.
    """
    settings = settings or Settings.from_environment()
    files = record.select(**options)
    missing = {each: _missing(each, files) for each in _places(record, root, settings)}
    complete = [folder for folder, names in missing.items() if not names]
    if not complete:
        nearest = min(missing.values(), key=len)
        command = fetch_command(record, options, root)
        raise NotFetchedError(record.id, ", ".join(nearest), missing, command)
    wrong = []
    for folder in complete:
        modified = _modified(folder, files, settings)
        if modified is None:
            return Located(folder, modified=False, digests=_digests(folder, files, settings))
        wrong.append(modified)
    if allow_modified:
        return Located(complete[0], modified=True, digests=_digests(complete[0], files, settings))
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


def _places(record: Record, root: Path | None, settings: Settings) -> list[Path]:
    if root is not None:
        return [root, root / record.id]
    places = [settings.raw_folder(record.id)]
    for folder in settings.search_path:
        places += [folder, folder / record.id]
    return list(dict.fromkeys(places))


def _missing(folder: Path, files: Iterable[FileRecord]) -> list[str]:
    with read_errors(folder):
        return [file.name for file in files if not (folder / file.name).is_file()]


def _modified(
    folder: Path, files: Iterable[FileRecord], settings: Settings
) -> tuple[Path, Verdict] | None:
    for file in files:
        path = folder / file.name
        verdict = verify(path, file, settings)
        if verdict.status is Status.MODIFIED:
            return path, verdict
    return None


def _digests(folder: Path, files: Iterable[FileRecord], settings: Settings) -> dict[str, str]:
    return {file.name: known_digest(folder / file.name, "md5", settings) for file in files}
