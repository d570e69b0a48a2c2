"""From the entries of a record to the files that must come: hosts asked, names checked."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote, urlsplit

from medshelf.acquire import hosts
from medshelf.acquire.remote import RemoteFile
from medshelf.acquire.selection import Choice
from medshelf.acquire.standing.lockfile import LockWriter, entry_key
from medshelf.acquire.standing.verify import Status, Verdict, verify
from medshelf.catalog.record import FileRecord, Record
from medshelf.core.errors import ChecksumError, LayoutError, UnknownNameError
from medshelf.core.settings import Settings

_MODULES = {"https": "http", "kaggle-competition": "kaggle"}
_FORBIDDEN = frozenset('\\:*?"<>|') | {chr(code) for code in range(32)} | {"\x7f"}


@dataclass(frozen=True, slots=True)
class Job:
    """One file that must come.

    Attributes:
        file: What is known of it: the record's facts, and where it has none the host's.
        entry: The record's entry that it belongs to.
        target: Where it will lie.
        remote: How to ask for it; null where the host fetches by itself.
    """

    file: FileRecord
    entry: FileRecord
    target: Path
    remote: RemoteFile | None


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done.

    Attributes:
        jobs: Files that must come.
        lists: `entry_key` of entries that are lists, and the names that each has.
    """

    jobs: tuple[Job, ...]
    lists: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a fetch was asked for.

    Attributes:
        record: The dataset.
        folder: Where the files will lie.
        choice: Which of them.
        settings: The environment's.
        command: The command line, for messages.
        force: Fetch what is there, too.
    """

    record: Record
    folder: Path
    choice: Choice
    settings: Settings
    command: str
    force: bool


def plan_work(asked: Asked, entries: Iterable[FileRecord], lock: LockWriter) -> Work:
    """Find out which files must come; hosts of lists are asked for them.

    Raises:
        MedshelfError: A host refuses, a name leads out of the folder, another file lies there.
    """
    jobs: list[Job] = []
    lists: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        if not entry.many:
            if asked.force or not is_there(asked, entry):
                jobs.append(_single(asked, entry))
            continue
        listed = _list(asked, entry)
        lists[entry_key(entry)] = tuple(each.file.name for each in listed)
        jobs += [each for each in listed if asked.choice.takes(each.file.name)]
    _refuse_clashes(jobs)
    missing = [job for job in jobs if not job.entry.many or asked.force or _must_come(job, lock)]
    return Work(tuple(missing), lists)


def target_of(folder: Path, file: FileRecord) -> Path:
    """Join folder and name. The record's model checks the name too; this is the last gate.

    Raises:
        LayoutError: The name would lead out of the folder.
    """
    if file.name in {"", ".", ".."} or PurePath(file.name).name != file.name:
        problem = f"A record names the file {file.name!r}, which would lie outside {folder}"
        raise LayoutError(problem, "Correct the record: a file name has no folders in it")
    return folder / file.name


def find_host(file: FileRecord) -> Any:
    """Return the module of the host that an address names by its scheme.

    Raises:
        UnknownNameError: There is none.
    """
    scheme = urlsplit(file.url).scheme
    name = _MODULES.get(scheme, scheme.replace("-", "_"))
    if name not in _host_names():
        kind = f"kind of address for {file.name}"
        raise UnknownNameError(kind, file.url, [*_host_names(), *_MODULES])
    return importlib.import_module(f"medshelf.acquire.hosts.{name}")


@cache
def _host_names() -> tuple[str, ...]:
    return tuple(each.name for each in pkgutil.iter_modules(hosts.__path__))


def is_there(asked: Asked, entry: FileRecord) -> bool:
    """Whether a file of the record lies there as it was published.

    Raises:
        ChecksumError: Another file lies there.
    """
    target = target_of(asked.folder, entry)
    if not target.exists():
        return False
    refuse_modified(asked, verify(target, entry, asked.settings), target)
    return True


def refuse_modified(asked: Asked, verdict: Verdict, target: Path) -> None:
    """Do not go over a file that is not the published one.

    Raises:
        ChecksumError: It is another.
    """
    if verdict.status is Status.MODIFIED:
        raise ChecksumError(
            target,
            str(verdict.expected),
            verdict.actual,
            f"Move it away, or replace it with: {asked.command} --force",
        )


def _single(asked: Asked, entry: FileRecord) -> Job:
    target = target_of(asked.folder, entry)
    if asked.choice.mirror is not None:
        bare = RemoteFile(entry.name, entry.url, entry.url, hash=entry.hash)
        return _job(entry, target, _from_mirror(asked, bare))
    host = find_host(entry)
    if not hasattr(host, "resolve"):
        return Job(entry, entry, target, None)
    (remote,) = host.resolve(entry, asked.settings)
    return _job(entry, target, remote)


def _list(asked: Asked, entry: FileRecord) -> list[Job]:
    host = find_host(entry)
    if not hasattr(host, "resolve"):
        problem = f"{entry.url} cannot list its files, but the record asks for {entry.name}"
        raise LayoutError(problem, "Correct the record: name one file")
    found = []
    for remote in host.resolve(entry, asked.settings):
        if fnmatchcase(remote.name, entry.name):
            target = _listed_target(asked.folder, remote)
            chosen = _from_mirror(asked, remote) if asked.choice.mirror else remote
            found.append(_job(entry, target, chosen))
    if not found:
        problem = f"{entry.url} has no file that matches {entry.name}"
        raise LayoutError(problem, "The publisher may have changed it: look for a newer medshelf")
    return found


def _from_mirror(asked: Asked, remote: RemoteFile) -> RemoteFile:
    mirror = str(asked.choice.mirror).rstrip("/")
    url = f"{mirror}/{asked.record.id}/{quote(remote.name)}"
    return RemoteFile(remote.name, url, url, size_bytes=remote.size_bytes, hash=remote.hash)


def _job(entry: FileRecord, target: Path, remote: RemoteFile) -> Job:
    size_bytes, published = remote.size_bytes, remote.hash
    if not entry.many:
        size_bytes = entry.size_bytes or size_bytes
        published = entry.hash or published
        remote = replace(remote, name=entry.name)
    remote = replace(remote, size_bytes=size_bytes or None, hash=published)
    known = {"name": remote.name, "url": remote.source, "hash": published}
    # Names and hashes of a list take forms that a record's own may not.
    file = entry.model_copy(update=known | {"size_bytes": size_bytes})
    return Job(file, entry, target, remote)


def _listed_target(folder: Path, remote: RemoteFile) -> Path:
    parts = remote.name.split("/")
    if any(each in {"", ".", ".."} or _FORBIDDEN & set(each) for each in parts):
        problem = f"{remote.source} is listed under the name {remote.name!r}, which is no path "
        problem += f"below {folder} on every system"
        raise LayoutError(problem, "Leave it out with --exclude, and report it")
    return folder.joinpath(*parts)


def _refuse_clashes(jobs: Iterable[Job]) -> None:
    names: set[str] = set()
    for job in jobs:
        # A part of one file must not be another file, and no file a folder of another.
        taken = {job.file.name, f"{job.file.name}.part"}
        if taken & names:
            problem = f"Two files of one fetch would lie at {job.target}"
            raise LayoutError(problem, "Leave one out with --exclude, and report it")
        names |= taken


def _must_come(job: Job, lock: LockWriter) -> bool:
    if not job.target.is_file():
        return True
    size_bytes = job.target.stat().st_size
    if job.file.size_bytes not in {None, size_bytes}:
        return True
    return not lock.knows(job.file.name, size_bytes)
