"""What a fetch would bring, as the platforms themselves say: names, lengths, closed gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medshelf.acquire.asking import ask
from medshelf.acquire.fetch import PlannedFile, plan
from medshelf.acquire.placing import by_hand
from medshelf.acquire.selection import ALL, Choice, choose_entries
from medshelf.acquire.standing.locate import fetch_command
from medshelf.acquire.standing.lockfile import LockWriter
from medshelf.acquire.transfers.jobs import Asked, Job, plan_work
from medshelf.acquire.transfers.session import shared
from medshelf.catalog.record import FileRecord, Record
from medshelf.core.errors import DownloadError, GateError, MissingExtraError, OfflineError
from medshelf.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Survey:
    """What would come.

    Attributes:
        files: As `fetch.plan` gives them, with every file of a list whose host was asked.
        closed: What the hosts refused, each as one text that begins with the kind of gate.
    """

    files: tuple[PlannedFile, ...]
    closed: tuple[str, ...]


def survey(
    record: Record,
    *,
    options: Mapping[str, str],
    root: Path | None = None,
    settings: Settings | None = None,
    choice: Choice = ALL,
) -> Survey:
    """Ask the hosts what a fetch would bring, where the record does not say it; nothing is written.

    Without a network the record alone speaks. Arguments as for `fetch.plan`.

    Raises:
        LayoutError: A listed name would lead out of the folder.
        StorageError: A folder or file cannot be read.
    """
    settings = settings or Settings.from_environment()
    planned = plan(record, options=options, root=root, settings=settings, choice=choice)
    entries = choose_entries(record, options, choice)
    folder = root or settings.raw_folder(record.id)
    command = fetch_command(record, options, root)
    asked = Asked(record, folder, choice, settings, command, force=False)
    files: list[PlannedFile] = []
    closed: list[str] = []
    online = not settings.offline
    with shared():
        for entry, known in zip(entries, planned, strict=True):
            found: Sequence[PlannedFile] = [known]
            if online and not (known.present or by_hand(entry)) and _unsaid(entry):
                try:
                    found = _ask(asked, entry, known)
                except GateError as error:
                    page = f": {error.page}" if error.page else ""
                    closed.append(f"{error.kind}: {error.problem}. {error.step}{page}")
                except OfflineError as error:
                    online = False
                    closed.append(f"network: {error.problem}")
                except (DownloadError, MissingExtraError) as error:
                    closed.append(f"unknown: {error.problem}")
            files += found
    return Survey(tuple(files), tuple(dict.fromkeys(closed)))


def _unsaid(entry: FileRecord) -> bool:
    return entry.many or entry.size_bytes is None


def _ask(asked: Asked, entry: FileRecord, known: PlannedFile) -> list[PlannedFile]:
    jobs = plan_work(asked, [entry], LockWriter(asked.folder, asked.record)).jobs
    return [_planned(asked, job, known) for job in jobs]


def _planned(asked: Asked, job: Job, known: PlannedFile) -> PlannedFile:
    size_bytes = job.file.size_bytes
    if size_bytes is None and job.entry.url.startswith(("http://", "https://")):
        size_bytes = _ask_length(asked, job.file.url)
    return replace(
        known,
        name=job.file.name,
        url=job.file.url,
        target=job.target,
        size_bytes=size_bytes,
        hash=job.file.hash,
    )


def _ask_length(asked: Asked, url: str) -> int | None:
    answer = ask(url, asked.settings, method="HEAD", what="the length of the file")
    length = answer.headers.get("content-length", "")
    is_page = answer.headers.get("content-type", "").startswith("text/html")
    return int(length) if length.isascii() and length.isdigit() and not is_page else None
