"""Bring the files of a dataset to disk, verified."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Protocol, cast
from urllib.parse import urlsplit

from medshelf.acquire import partial
from medshelf.acquire.locate import fetch_command, locate
from medshelf.acquire.provenance import write_source, write_terms
from medshelf.acquire.verify import (
    Status,
    compare,
    digest,
    hash_algorithm,
    read_errors,
    remember,
    verify,
)
from medshelf.catalog.record import FileRecord, Record
from medshelf.core.errors import ChecksumError, LayoutError, NotFetchedError, UnknownNameError
from medshelf.core.files import lock, storage_errors
from medshelf.core.settings import Settings

_HOSTS = {"http": "http", "https": "http", "phantom": "phantom"}


class _Host(Protocol):
    def fetch(self, file: FileRecord, target: Path, settings: Settings) -> None: ...


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """What a fetch would do about one file.

    Attributes:
        name: File name.
        url: Where it would come from.
        target: Where it lies, or would be put.
        size_bytes: Published length; null where it is not published.
        hash: Published hash; null where none is published.
        status: How the file at `target` compares; null where there is none.
    """

    name: str
    url: str
    target: Path
    size_bytes: int | None
    hash: str | None
    status: Status | None

    @property
    def present(self) -> bool:
        """Whether nothing has to be fetched."""
        return self.status in {Status.VERIFIED, Status.UNPUBLISHED}


def plan(
    record: Record,
    *,
    options: Mapping[str, str],
    root: Path | None = None,
    settings: Settings | None = None,
) -> tuple[PlannedFile, ...]:
    """Say what `fetch` would do, without opening a connection.

    Raises:
        StorageError: A folder or file cannot be read.
    """
    settings = settings or Settings.from_environment()
    folder = _find(record, options, root, settings) or root or settings.raw_folder(record.id)
    return tuple(_plan_file(folder, file, settings) for file in record.select(**options))


def fetch(
    record: Record,
    *,
    options: Mapping[str, str],
    root: Path | None = None,
    force: bool = False,
    settings: Settings | None = None,
) -> Path:
    """Fetch the files of a variant that do not lie somewhere already.

    Processes that fetch the same file wait for each other, and the later ones find it there.

    Args:
        record: The dataset.
        options: Reader options of the variant, e.g. `{"size": "64"}`.
        root: Folder to fetch into; the raw folder of medshelf's home by default.
        force: Fetch again, and replace what lies there.
        settings: The environment's by default.

    Returns:
        The folder that holds the files; one of the search path where they lay there already.

    Raises:
        ChecksumError: Another file of that name lies there, or the wrong bytes came.
        DownloadError: A server refused or failed.
        OfflineError: The network is switched off or out of reach.
        StorageError: The folder is read-only or full.
    """
    settings = settings or Settings.from_environment()
    found = None if force else _find(record, options, root, settings)
    if found is not None:
        return found
    folder = root or settings.raw_folder(record.id)
    command = fetch_command(record, options, root)
    for file in record.select(**options):
        target = _target(folder, file)
        host = _find_host(file)
        with lock(target):
            if force or not _is_there(file, target, settings, command):
                host.fetch(file, partial.part_path(target), settings)
                _install(record, file, target, settings)
    return folder


def _find(
    record: Record, options: Mapping[str, str], root: Path | None, settings: Settings
) -> Path | None:
    try:
        return locate(record, options=options, root=root, settings=settings).folder
    except (NotFetchedError, ChecksumError):
        return None


def _plan_file(folder: Path, file: FileRecord, settings: Settings) -> PlannedFile:
    target = _target(folder, file)
    with read_errors(target):
        exists = target.is_file()
    status = verify(target, file, settings).status if exists else None
    return PlannedFile(file.name, file.url, target, file.size_bytes, file.hash, status)


def _target(folder: Path, file: FileRecord) -> Path:
    """Join folder and name. The record's model checks the name too; this is the last gate."""
    if file.name in {"", ".", ".."} or PurePath(file.name).name != file.name:
        problem = f"A record names the file {file.name!r}, which would lie outside {folder}"
        raise LayoutError(problem, "Correct the record: a file name has no folders in it")
    return folder / file.name


def _find_host(file: FileRecord) -> _Host:
    scheme = urlsplit(file.url).scheme
    if scheme not in _HOSTS:
        kind = f"kind of address for {file.name}"
        raise UnknownNameError(kind, file.url, _HOSTS)
    module = importlib.import_module(f"medshelf.acquire.hosts.{_HOSTS[scheme]}")
    return cast("_Host", module)


def _is_there(file: FileRecord, target: Path, settings: Settings, command: str) -> bool:
    if not target.exists():
        return False
    verdict = verify(target, file, settings)
    if verdict.status is Status.MODIFIED:
        raise ChecksumError(
            target,
            str(verdict.expected),
            verdict.actual,
            f"Move it away, or replace it with: {command} --force",
        )
    return True


def _install(record: Record, file: FileRecord, target: Path, settings: Settings) -> None:
    """Verify the part and give it its name; provenance first, so that no file is without it."""
    part = partial.part_path(target)
    actual = digest(part, hash_algorithm(file))
    verdict = compare(part, file, actual)
    if verdict.status is Status.MODIFIED:
        partial.discard(part)
        raise ChecksumError(
            part,
            str(verdict.expected),
            verdict.actual,
            f"The wrong bytes were deleted. Fetch again; if it happens again, {file.url} no "
            "longer gives the published file, or a proxy alters it: report it",
        )
    write_terms(record, target.parent)
    write_source(record, file, target, digest=actual, size_bytes=part.stat().st_size)
    with storage_errors(target):
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        part.replace(target)
    partial.discard(part)
    remember(target, {hash_algorithm(file): actual}, settings)
