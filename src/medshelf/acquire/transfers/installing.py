"""What came is verified, named and written down."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from medshelf.acquire.remote import RemoteFile
from medshelf.acquire.standing.lockfile import LockedFile, LockWriter
from medshelf.acquire.standing.members import hash_members
from medshelf.acquire.standing.provenance import write_source, write_terms
from medshelf.acquire.standing.verify import Status, compare, hash_algorithm, read_errors, remember
from medshelf.acquire.transfers import partial
from medshelf.acquire.transfers.hashing import hash_file
from medshelf.acquire.transfers.jobs import Asked, Job, find_host, refuse_modified
from medshelf.acquire.transfers.meter import needed_algorithms
from medshelf.acquire.transfers.session import Session
from medshelf.acquire.transfers.transfer import SMALL_BYTES, transfer
from medshelf.acquire.transfers.unzipping import take_out
from medshelf.core.errors import ChecksumError
from medshelf.core.files import make_folder, storage_errors

# The loss of a small file to a power cut is found by its hash, and costs little.
_SYNCED_BYTES = 1 << 20
# Of more files, `files.lock` alone says where they came from.
_FEW = 100


def bring(asked: Asked, job: Job, session: Session, lock: LockWriter) -> None:
    """Fetch, verify and name one file.

    Raises:
        MedshelfError: It did not come, or the wrong bytes did.
    """
    part = partial.part_path(job.target)
    if job.entry.many:
        if not asked.force and _adopt(asked, job, lock):
            return
        make_folder(job.target.parent)
    if job.remote is None:
        find_host(job.entry).fetch(job.entry, part, asked.settings)
    else:
        transfer(_as_sent(job.remote), part, asked.settings)
    zipped = job.remote is not None and job.remote.zipped
    whole = take_out(part, job.file.name) if zipped else part
    digests = session.digests.pop(part, None)
    if digests is None or whole != part:
        with read_errors(whole):
            digests = hash_file(whole, needed_algorithms(job.file.hash or "md5:"))
    _install(asked, job, whole, digests, lock)
    if zipped:
        partial.discard(part)
    lock.add(_locked(job, digests))


def _as_sent(remote: RemoteFile) -> RemoteFile:
    return replace(remote, size_bytes=None, hash=None) if remote.zipped else remote


def _adopt(asked: Asked, job: Job, lock: LockWriter) -> bool:
    """Take a file of a list that lies there but is not in the lock, as a killed process leaves it.

    Where nothing is published its name is enough: a file gets it only when it is whole.
    """
    with read_errors(job.target):
        if not job.target.is_file():
            return False
        digests = hash_file(job.target, needed_algorithms(job.file.hash))
    refuse_modified(asked, compare(job.target, job.file, _known(job, digests)), job.target)
    lock.add(_locked(job, digests))
    return True


def _known(job: Job, digests: dict[str, str]) -> str:
    algorithm = hash_algorithm(job.file)
    return digests[algorithm if algorithm in digests else "sha256"]


def _install(asked: Asked, job: Job, part: Path, digests: dict[str, str], lock: LockWriter) -> None:
    actual = _known(job, digests)
    verdict = compare(part, job.file, actual)
    if verdict.status is Status.MODIFIED:
        partial.discard(part)
        raise ChecksumError(
            part,
            str(verdict.expected),
            verdict.actual,
            f"The wrong bytes were deleted. Fetch again; if it happens again, {job.file.url} no "
            "longer gives the published file, or a proxy alters it: report it",
        )
    size_bytes = part.stat().st_size
    lock.before_the_first(lambda: write_terms(asked.record, asked.folder))
    if not job.entry.many and len(asked.record.files) <= _FEW:
        write_source(asked.record, job.file, job.target, digest=actual, size_bytes=size_bytes)
    with storage_errors(job.target):
        if size_bytes >= _SYNCED_BYTES:
            with part.open("rb") as stream:
                os.fsync(stream.fileno())
        part.replace(job.target)
    if not 0 < (job.file.size_bytes or 0) <= SMALL_BYTES:
        partial.discard(part)
    if not job.entry.many:
        remember(job.target, digests, asked.settings)


def _locked(job: Job, digests: dict[str, str]) -> LockedFile:
    archive = job.entry.archive and job.file.hash is None
    with read_errors(job.target):
        return LockedFile(
            name=job.file.name,
            size_bytes=job.target.stat().st_size,
            sha256=digests["sha256"],
            published=job.file.hash,
            source=job.remote.source if job.remote else job.file.url,
            fetched_utc=datetime.now(UTC).isoformat(timespec="seconds"),
            members=hash_members(job.target) if archive else None,
        )
