"""Bring the files of a dataset to disk, verified."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from medshelf.acquire.gates.acceptance import require_acceptance
from medshelf.acquire.placing import find_placed, lock_new
from medshelf.acquire.selection import ALL, Choice, choose_entries
from medshelf.acquire.standing.locate import fetch_command, locate
from medshelf.acquire.standing.lockfile import LockWriter
from medshelf.acquire.standing.verify import Status, read_errors, verify
from medshelf.acquire.transfers import partial
from medshelf.acquire.transfers.batch import run_jobs
from medshelf.acquire.transfers.installing import bring
from medshelf.acquire.transfers.jobs import Asked, Work, find_host, plan_work, target_of
from medshelf.acquire.transfers.session import shared
from medshelf.catalog.record import FileRecord, Record
from medshelf.catalog.steps import access_steps
from medshelf.core.errors import ChecksumError, GateError, NotFetchedError
from medshelf.core.files import lock, require_space
from medshelf.core.settings import Settings


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """What a fetch would do about one file.

    Attributes:
        name: File name; a pattern where only the host knows the files.
        url: Where it would come from.
        target: Where it lies, or would be put.
        size_bytes: Published length; null where it is not published.
        hash: Published hash; null where none is published.
        status: How the file at `target` compares; null where there is none.
        part: What it holds; null where the record does not say.
    """

    name: str
    url: str
    target: Path
    size_bytes: int | None
    hash: str | None
    status: Status | None
    part: str | None = None

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
    choice: Choice = ALL,
) -> tuple[PlannedFile, ...]:
    """Say what `fetch` would do, without opening a connection.

    Raises:
        StorageError: A folder or file cannot be read.
    """
    settings = settings or Settings.from_environment()
    entries = choose_entries(record, options, choice)
    found = _find(record, options, root, settings, entries)
    folder = found or root or settings.raw_folder(record.id)
    return tuple(_plan_file(folder, file, settings, found=found) for file in entries)


def fetch(
    record: Record,
    *,
    options: Mapping[str, str],
    root: Path | None = None,
    force: bool = False,
    settings: Settings | None = None,
    choice: Choice = ALL,
) -> Path:
    """Fetch the files of a variant that do not lie somewhere already.

    Processes that fetch the same dataset wait for each other, and the later ones find it there.

    Args:
        record: The dataset.
        options: Reader options of the variant, e.g. `{"size": "64"}`.
        root: Folder to fetch into; the raw folder of medshelf's home by default.
        force: Fetch again, and replace what lies there.
        settings: The environment's by default.
        choice: Which files; all by default.

    Returns:
        The folder that holds the files; one of the search path where they lay there already.

    Raises:
        GateError: The licence must be accepted, or the publisher asks for a step of the user.
        ChecksumError: Another file of that name lies there, or the wrong bytes came.
        DownloadError: A server refused or failed.
        OfflineError: The network is switched off or out of reach.
        StorageError: The folder is read-only or full.
    """
    settings = settings or Settings.from_environment()
    entries = choose_entries(record, options, choice)
    folder = root or settings.raw_folder(record.id)
    command = fetch_command(record, options, root)
    asked = Asked(record, folder, choice, settings, command, force)
    found = None if force else _find(record, options, root, settings, entries, choice)
    if found is not None:
        if found == folder:
            _lock_placed(asked, entries)
        return found
    for entry in entries:
        if not entry.many:
            target_of(folder, entry)
        find_host(entry)
    require_acceptance(record, settings, command, accept=choice.accept_licence)
    with lock(folder / record.id), _gates(asked, entries):
        _fetch(asked, entries)
    return folder


def _lock_placed(asked: Asked, entries: Sequence[FileRecord]) -> None:
    """Write down what the user has placed; a folder that cannot be written stays as it is."""
    new = find_placed(asked, entries, LockWriter(asked.folder, asked.record)).new
    if new and os.access(asked.folder, os.W_OK):
        with lock(asked.folder / asked.record.id):
            writer = LockWriter(asked.folder, asked.record)
            lock_new(asked, find_placed(asked, entries, writer), writer)


def _fetch(asked: Asked, entries: Sequence[FileRecord]) -> None:
    writer = LockWriter(asked.folder, asked.record)
    with shared() as session:
        placed = find_placed(asked, entries, writer)
        work = plan_work(asked, [each for each in entries if each not in placed.entries], writer)
        lock_new(asked, placed, writer)
        if not work.jobs:
            _complete(asked, work, writer)
            return
        _require_space(asked, work)
        try:
            run_jobs(
                work.jobs,
                lambda job: bring(asked, job, session, writer),
                session,
                asked.record.id,
            )
            _complete(asked, work, writer)
        finally:
            writer.flush()


def _complete(asked: Asked, work: Work, writer: LockWriter) -> None:
    if asked.choice.whole:
        for key, names in work.lists.items():
            writer.complete(key, list(names))
    writer.flush()


def _require_space(asked: Asked, work: Work) -> None:
    needed = sum(job.file.size_bytes or 0 for job in work.jobs)
    there = sum(
        partial.counted_bytes(partial.part_path(job.target), job.file.url) for job in work.jobs
    )
    require_space(asked.folder, max(needed - there, 0))


@contextmanager
def _gates(asked: Asked, entries: Sequence[FileRecord]) -> Iterator[None]:
    """Add what only the engine knows to what a host says: the command, and where files go."""
    try:
        yield
    except GateError as error:
        if error.command is not None:
            raise
        step = _by_hand(asked, entries, error) if error.kind == "manual" else error.step
        raise GateError(
            error.kind, error.problem, step, page=error.page, command=asked.command
        ) from error


def _by_hand(asked: Asked, entries: Sequence[FileRecord], error: GateError) -> str:
    step = f"{error.step}, put it into"
    if any(each.url.startswith("manual:http") for each in entries):
        step = f"{access_steps(asked.record, asked.settings.language)} Put what comes into"
    adopt = f"medshelf adopt {asked.record.id} FOLDER"
    return f"{step} {asked.folder} (or leave it where it lies: {adopt})"


def _find(
    record: Record,
    options: Mapping[str, str],
    root: Path | None,
    settings: Settings,
    entries: Sequence[FileRecord],
    choice: Choice = ALL,
) -> Path | None:
    if not choice.whole and any(entry.many for entry in entries):
        return None
    try:
        return locate(record, options=options, root=root, settings=settings, files=entries).folder
    except (NotFetchedError, ChecksumError):
        return None


def _plan_file(
    folder: Path, file: FileRecord, settings: Settings, *, found: Path | None
) -> PlannedFile:
    facts = (file.size_bytes, file.hash)
    if file.many:
        status = Status.UNPUBLISHED if found else None
        return PlannedFile(file.name, file.url, folder / file.name, *facts, status, file.part)
    target = target_of(folder, file)
    with read_errors(target):
        exists = target.is_file()
    status = verify(target, file, settings).status if exists else None
    return PlannedFile(file.name, file.url, target, *facts, status, file.part)
