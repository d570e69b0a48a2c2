"""Getting the files of datasets: fetch, verify, where, adopt, clean."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from medshelf.acquire import fetch as acquire
from medshelf.acquire.gates.foreseen import foresee_gates
from medshelf.acquire.gates.login import Found, login_status
from medshelf.acquire.selection import ALL, Choice, choose_entries
from medshelf.acquire.standing.adopted import adopt as adopt_folder
from medshelf.acquire.standing.checking import Checked, check_folder
from medshelf.acquire.standing.locate import missing_files, search_places
from medshelf.acquire.standing.places import (
    Place,
    Usage,
    find_places,
    measure_usage,
    remove_dataset,
    remove_unfinished,
)
from medshelf.acquire.standing.provenance import terms_text
from medshelf.acquire.survey import Survey, survey
from medshelf.catalog.record import FileRecord, Record
from medshelf.catalog.shelf import find_record
from medshelf.catalog.steps import access_steps
from medshelf.core.errors import NotFetchedError, UnsupportedError
from medshelf.core.settings import Settings

_EXAMPLE_BYTES_PER_S = 100_000_000 / 8


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a fetch would need.

    Attributes:
        files: What it would do about each file.
        missing_bytes: What would come, of known length.
        n_unknown: Files and lists of unknown length.
        free_bytes: Room on the disk that it would be written to.
        seconds_at_100_mbit: How long the known bytes take at 100 Mbit/s.
        access: Access class of the record.
        access_steps: How one gets the data; empty where nobody knows.
        homepage: Of the dataset.
        gates: What is known to be in the way, each beginning with its kind.
    """

    files: tuple[acquire.PlannedFile, ...]
    missing_bytes: int
    n_unknown: int
    free_bytes: int
    seconds_at_100_mbit: float
    access: str
    access_steps: str
    homepage: str | None
    gates: tuple[str, ...]


def fetch(  # noqa: PLR0913 - what a fetch may be told
    dataset: str,
    *,
    size: int | None = None,
    root: str | Path | None = None,
    force: bool = False,
    include: str | tuple[str, ...] = (),
    exclude: str | tuple[str, ...] = (),
    part: str | tuple[str, ...] = (),
    sample: bool = False,
    accept_licence: bool = False,
    mirror: str | None = None,
) -> Path:
    """Download the files of a dataset and verify them; licence and citation are written beside.

    Args:
        dataset: Catalog id, e.g. `breastmnist`.
        size: Edge length of the images; the first that the record offers by default.
        root: Folder to fetch into; `$MEDSHELF_HOME/raw/<id>` by default.
        force: Fetch again even if the files are there, and replace modified ones.
        include: Patterns over paths, `*` for any characters; only files that match one.
        exclude: Patterns over paths; no files that match one.
        part: Parts that the record names, e.g. `annotations`; only these.
        sample: The small edition that some publishers offer.
        accept_licence: You have read the terms and accept them.
        mirror: Root of an address below which `<id>/<path>` holds each file.

    Returns:
        The folder that holds the files.

    Raises:
        UnknownNameError: There is no such dataset, size or part.
        UnsupportedError: The catalog knows neither files nor an address of this dataset.
        SettingError: No file is left by the patterns, or there is no sample.
        GateError: Only you can open the way: a login, rules, a licence to accept.
        OfflineError: There is no network, or MEDSHELF_OFFLINE is set.
        DownloadError: The server refused or failed.
        ChecksumError: What came, or what lies there, is not the published file.
        StorageError: The folder cannot be written, or has not enough room.
    """
    record = _find(dataset)
    choice = Choice(
        _patterns(include), _patterns(exclude), _patterns(part), sample, mirror, accept_licence
    )
    options, folder = variant(record, size), as_folder(root)
    return acquire.fetch(record, options=options, root=folder, force=force, choice=choice)


def plan(
    dataset: str,
    *,
    size: int | None = None,
    root: str | Path | None = None,
    choice: Choice = ALL,
) -> tuple[acquire.PlannedFile, ...]:
    """Say what `fetch` would do, without opening a connection.

    Args:
        dataset: Catalog id.
        size: As for `fetch`.
        root: As for `fetch`.
        choice: Which files; all by default.
    """
    record = _find(dataset)
    return acquire.plan(record, options=variant(record, size), root=as_folder(root), choice=choice)


def foresee(
    dataset: str,
    *,
    size: int | None = None,
    root: str | Path | None = None,
    choice: Choice = ALL,
    ask: bool = False,
) -> Outlook:
    """Say what a fetch would need: bytes, time, room, gates.

    Args:
        dataset: Catalog id.
        size: As for `fetch`.
        root: As for `fetch`.
        choice: Which files; all by default.
        ask: Ask the platforms for names and lengths that the record does not have.
    """
    record, settings, folder = _find(dataset), Settings.from_environment(), as_folder(root)
    options = variant(record, size)
    if ask:
        found = survey(record, options=options, root=folder, settings=settings, choice=choice)
    else:
        found = Survey(plan(dataset, size=size, root=root, choice=choice), ())
    entries = choose_entries(record, options, choice)
    present = {each.name for each in found.files if each.present}
    gates = foresee_gates(record, [each for each in entries if each.name not in present], settings)
    kinds = tuple(f"{each.partition(':')[0]}:" for each in gates)
    sizes = [each.size_bytes for each in found.files if not each.present]
    missing = sum(filter(None, sizes))
    folder = folder or settings.raw_folder(dataset)
    existing = next(each for each in (folder, *folder.absolute().parents) if each.is_dir())
    return Outlook(
        files=found.files,
        missing_bytes=missing,
        n_unknown=sizes.count(None),
        free_bytes=shutil.disk_usage(existing).free,
        seconds_at_100_mbit=missing / _EXAMPLE_BYTES_PER_S,
        access=record.access,
        access_steps=access_steps(record, settings.language),
        homepage=record.homepage,
        gates=(*gates, *(each for each in found.closed if not each.startswith(kinds))),
    )


def terms(dataset: str) -> str:
    """Return licence, papers and citation of a dataset, to be read before use."""
    record = _find(dataset)
    papers = "\n".join(f"Paper: {each}" for each in record.papers)
    return "\n".join(text for text in (papers, terms_text(record)) if text)


def verify(dataset: str, *, root: str | Path | None = None) -> tuple[Checked, ...]:
    """Compare every file of a dataset on disk with what was fetched, or is published.

    Args:
        dataset: Catalog id.
        root: The only folder to look in; by default the first place that holds some of it.

    Raises:
        UnknownNameError: There is no such dataset.
        NotFetchedError: Nothing of it is there.
        StorageError: A file cannot be read.
    """
    record = _find(dataset)
    settings = Settings.from_environment()
    places = search_places(record, as_folder(root), settings)
    for folder in places:
        missing = missing_files(record, folder, record.files, settings)
        if record.files and len(missing) < len(record.files):
            return check_folder(record, folder, settings)
        if any(not each.bad for each in check_folder(record, folder, settings)):
            return check_folder(record, folder, settings)
    name = record.files[0].name if record.files else "every file"
    raise NotFetchedError(dataset, name, places, f"Fetch it with: medshelf fetch {dataset}")


def where(dataset: str) -> tuple[Place, ...]:
    """Return every folder that holds files of a dataset: home, search path, caches of others."""
    return find_places(_find(dataset), Settings.from_environment())


def adopt(dataset: str, folder: str | Path) -> tuple[str, ...]:
    """Verify a download that lies in a folder, and use it from now on where it lies.

    Returns:
        The names of its files.

    Raises:
        UnknownNameError: There is no such dataset.
        NotFetchedError: No file of it lies there.
        ChecksumError: A file is not the published one.
        StorageError: A file cannot be read.
    """
    return adopt_folder(_find(dataset), Path(folder), Settings.from_environment())


def clean(*datasets: str, data: bool = False) -> int:
    """Delete what unfinished downloads left in medshelf's home; return the bytes freed.

    Args:
        datasets: Catalog ids; all by default.
        data: Delete the whole raw folders of these datasets.

    Raises:
        UnknownNameError: There is no such dataset.
        StorageError: One is being fetched at the moment, or cannot be deleted.
    """
    settings = Settings.from_environment()
    if not datasets:
        return sum(remove_unfinished(each.dataset, settings) for each in measure_usage(settings))
    remove = remove_dataset if data else remove_unfinished
    return sum(remove(find_record(each).id, settings) for each in datasets)


def du() -> tuple[Usage, ...]:
    """Measure the datasets in medshelf's home, the largest first."""
    return measure_usage(Settings.from_environment())


def as_folder(root: str | Path | None) -> Path | None:
    """Return a folder that the user gave, with `~` replaced."""
    return None if root is None else Path(root).expanduser()


def variant(record: Record, size: int | None) -> dict[str, str]:
    """Return the options that choose a variant.

    Raises:
        UnknownNameError: There is no such size.
        UnsupportedError: The record names no files.
    """
    if not record.files:
        problem = f"The record of {record.id!r} has neither files nor an address"
        raise UnsupportedError(problem, "Add homepage or files to its record")
    if size is None:
        sizes = record.choices("size")
        return {"size": sizes[0]} if sizes else {}
    record.select(size=str(size))
    return {"size": str(size)}


def _find(dataset: str) -> Record:
    """Find a record; one without files stands for a list of files that the user must bring."""
    record = find_record(dataset)
    address = next(iter(record.download_urls), record.homepage)
    if record.files or not address:
        return record
    by_hand = FileRecord(name="*", url=f"manual:{address}")
    return record.model_copy(update={"files": (by_hand,)})


def _patterns(given: str | tuple[str, ...]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


__all__ = [
    "Checked",
    "Found",
    "Outlook",
    "Place",
    "Usage",
    "adopt",
    "clean",
    "du",
    "fetch",
    "foresee",
    "login_status",
    "plan",
    "terms",
    "verify",
    "where",
]
