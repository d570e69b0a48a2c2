"""Where copies of a dataset lie, how much room they take, and what may be thrown away."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from medshelf.acquire.selection import choose_entries
from medshelf.acquire.standing.adopted import adopted_folders
from medshelf.acquire.standing.locate import missing_files, search_places
from medshelf.acquire.standing.verify import read_errors
from medshelf.catalog.record import Record
from medshelf.core.files import lock, storage_errors
from medshelf.core.settings import Settings

_PART = (".part", ".part.json", ".part.segments")


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that holds a dataset, or some of it.

    Attributes:
        folder: Where.
        kind: `home`, `adopted`, `search path`, `hugging face cache`, `kaggle cache`, `nnU-Net raw`
            or `LMUData`; medshelf reads the first three, the others after `medshelf adopt`.
        found: Files of the record that lie there; null where the layout is the cache's own.
        expected: Files that the record names; a list of files counts as one.
    """

    folder: Path
    kind: str
    found: int | None
    expected: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What a dataset takes on the disk.

    Attributes:
        dataset: Catalog id, the folder's name.
        size_bytes: All files of its raw folder.
        n_files: How many.
        unfinished_bytes: Those of downloads that are not whole.
    """

    dataset: str
    size_bytes: int
    n_files: int
    unfinished_bytes: int


def find_places(record: Record, settings: Settings) -> tuple[Place, ...]:
    """Return every place where files of a dataset lie."""
    return (*_searched(record, settings), *_caches(record))


def measure_usage(settings: Settings) -> tuple[Usage, ...]:
    """Measure the raw folders in medshelf's home, the largest first.

    Raises:
        StorageError: A folder cannot be read.
    """
    raw = settings.home / "raw"
    with read_errors(raw):
        folders = [each for each in sorted(raw.glob("*")) if each.is_dir()]
        found = [_measure(each) for each in folders]
    return tuple(sorted(found, key=lambda each: -each.size_bytes))


def remove_unfinished(dataset: str, settings: Settings) -> int:
    """Delete what unfinished downloads of a dataset left; return how many bytes that were.

    Raises:
        StorageError: Another process fetches it at the moment, or a file cannot be deleted.
    """
    folder = settings.raw_folder(dataset)
    if not folder.is_dir():
        return 0
    with lock(folder / dataset, timeout_s=0), storage_errors(folder):
        freed = 0
        for path in _parts(folder):
            freed += path.stat().st_size
            path.unlink()
        return freed


def remove_dataset(dataset: str, settings: Settings) -> int:
    """Delete the raw folder of a dataset in medshelf's home; return how many bytes that were.

    Raises:
        StorageError: Another process fetches it at the moment, or a file cannot be deleted.
    """
    folder = settings.raw_folder(dataset)
    if not folder.is_dir():
        return 0
    with lock(folder / dataset, timeout_s=0), storage_errors(folder):
        freed = _measure(folder).size_bytes
        shutil.rmtree(folder)
    return freed


def _searched(record: Record, settings: Settings) -> Iterator[Place]:
    adopted = adopted_folders(record.id, settings)
    # Of variants, some may be there and others not: every file counts.
    entries = record.files if record.choices("size") else choose_entries(record, {})
    for folder in search_places(record, None, settings):
        found = len(entries) - len(missing_files(record, folder, entries, settings))
        kind = "adopted" if folder in adopted else "search path"
        if folder == settings.raw_folder(record.id):
            kind = "home"
        if found > 0:
            yield Place(folder, kind, found, len(entries))


def _caches(record: Record) -> Iterator[Place]:
    for kind, folder in (*_hub_caches(record), *_named_folders(record)):
        if folder.is_dir():
            yield Place(folder, kind, None, len(record.files))


def _hub_caches(record: Record) -> Iterator[tuple[str, Path]]:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    hub = Path(os.environ.get("HF_HOME") or cache / "huggingface") / "hub"
    hub = Path(os.environ.get("HF_HUB_CACHE") or hub).expanduser()
    kaggle = Path(os.environ.get("KAGGLEHUB_CACHE") or Path.home() / ".cache/kagglehub")
    for scheme, address in _addresses(record):
        owner, _, name = address.partition("/")
        if scheme == "hf":
            _, _, repo = address.partition("/")
            snapshots = hub / f"datasets--{repo.replace('/', '--')}" / "snapshots"
            yield from (("hugging face cache", each) for each in sorted(snapshots.glob("*")))
        elif scheme == "kaggle" and name:
            versions = kaggle / "datasets" / owner / name / "versions"
            yield from (("kaggle cache", each) for each in sorted(versions.glob("*")))
        elif scheme == "kaggle-competition":
            yield "kaggle cache", kaggle / "competitions" / owner


def _addresses(record: Record) -> Iterable[tuple[str, str]]:
    """Return scheme and repository of each file's address, without revision and path, once."""
    found = []
    for file in record.files:
        scheme, _, rest = file.url.partition(":")
        n_steps = {"hf": 3, "kaggle": 2, "kaggle-competition": 1}.get(scheme)
        steps = unquote(rest).split("/")[:n_steps]
        found.append((scheme, "/".join(steps).partition("@")[0]))
    return dict.fromkeys(found)


def _named_folders(record: Record) -> Iterator[tuple[str, Path]]:
    names = {_plain(each) for each in (record.id, record.name, *record.aliases)}
    for folder in _children("nnUNet_raw", "*"):
        # Dataset001_BrainTumour, Task01_BrainTumour
        _, _, name = folder.name.partition("_")
        if _plain(folder.name) in names or _plain(name) in names:
            yield "nnU-Net raw", folder
    for path in (*_children("LMUData", "*"), *_children("LMUData", "images/*")):
        if _plain(path.stem) in names:
            # A table of questions lies among others, so its folder is shared.
            yield "LMUData", path.parent if path.suffix == ".tsv" else path


def _children(variable: str, pattern: str) -> list[Path]:
    value = os.environ.get(variable)
    return sorted(Path(value).expanduser().glob(pattern)) if value else []


def _plain(name: str) -> str:
    return "".join(each for each in name.casefold() if each.isalnum())


def _measure(folder: Path) -> Usage:
    sizes = [each.stat().st_size for each in sorted(folder.rglob("*")) if each.is_file()]
    unfinished = sum(each.stat().st_size for each in _parts(folder))
    return Usage(folder.name, sum(sizes), len(sizes), unfinished)


def _parts(folder: Path) -> list[Path]:
    files = [each for each in sorted(folder.rglob("*")) if each.is_file()]
    return [each for each in files if each.name.endswith(_PART)]
