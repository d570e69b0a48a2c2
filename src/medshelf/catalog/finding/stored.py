"""Open the search index that fits the records as they are now; make it where there is none."""

from __future__ import annotations

import hashlib
import logging
import sys
from array import array
from functools import cache, lru_cache
from pathlib import Path

from medshelf.catalog.finding.index import Index, read_index, write_index
from medshelf.core.errors import StorageError
from medshelf.core.settings import Settings
from medshelf.core.version import __version__

_LOG = logging.getLogger(__name__)
_FOLDER = Path(__file__).parent
_CATALOG = _FOLDER.parent
_SHIPPED = _FOLDER / "index.bin"
_MODULES = ("bitset", "facets", "index", "indexing", "phrasing", "tables", "words")
_MADE_OF = (
    *(_CATALOG / each for each in ("records", "vocabulary", "licences.yaml")),
    *(_FOLDER / f"{each}.py" for each in _MODULES),
    _FOLDER / "sayings.yaml",
)
_KEPT = 8
_WAIT_S = 120


def open_index() -> Index:
    """Return the index of all records.

    It is read from the package or from the cache, or made and put into the cache. A cache that
    cannot be written costs the time of making it in every process.

    Raises:
        FormatError: A record file is damaged.
        LayoutError: A folder of records does not exist, or two records have one id.
    """
    settings = Settings.from_environment()
    key = catalog_key(settings.records)
    return _open(key, settings.records, settings.cache / "catalog")


def catalog_key(folders: tuple[Path, ...] = ()) -> str:
    """Return a hash of all that an index is made of: records, vocabulary, code.

    The content itself is hashed, 1 MB in 10 ms, so that no edit goes unseen, whatever the clock.

    Args:
        folders: The user's folders of records.
    """
    digest = hashlib.sha256(_own_digest().encode())
    for folder in folders:
        _add(digest, folder)
    return digest.hexdigest()[:32]


def write_shipped(path: Path) -> None:
    """Write the index of medshelf's own records, which a wheel carries.

    Raises:
        FormatError: A record file is damaged.
    """
    from medshelf.catalog.finding.indexing import make_index
    from medshelf.catalog.shelf import RECORDS, read_record

    own = sorted(RECORDS.glob("*.yaml"), key=lambda path: path.stem)
    write_index(make_index(map(read_record, own)), path, catalog_key())


@cache
def _own_digest() -> str:
    """Hash what comes with medshelf, once per process."""
    digest = hashlib.sha256(f"{__version__} {sys.byteorder} {array('I').itemsize}".encode())
    for part in _MADE_OF:
        _add(digest, part)
    return digest.hexdigest()


def _add(digest: hashlib._Hash, path: Path) -> None:
    """Hash names and content of a file, or of all YAML files of a folder."""
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    digest.update(f"{len(files)}\0".encode())
    for file in files:
        try:
            content = file.read_bytes()
        except OSError:  # whoever reads the record says what is wrong
            content = b""
        digest.update(f"{file.name}\0{len(content)}\0".encode())
        digest.update(content)


@lru_cache(maxsize=4)
def _open(key: str, folders: tuple[Path, ...], cache_folder: Path) -> Index:
    kept = cache_folder / f"{key}.bin"
    return _stored(_SHIPPED, key) or _stored(kept, key) or _make_and_keep(key, folders, kept)


def _stored(path: Path, key: str) -> Index | None:
    try:
        return read_index(path, key)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        _LOG.debug("The search index is made anew: %s", error)
        return None


def _make_and_keep(key: str, folders: tuple[Path, ...], target: Path) -> Index:
    from medshelf.core.files import atomic_path, lock

    index: Index | None = None
    try:
        with lock(target.with_name("index"), timeout_s=_WAIT_S):
            index = _stored(target, key)
            if index is None:
                index = _make()
                _own_digest.cache_clear()
                if catalog_key(folders) == key:  # else a record was edited meanwhile
                    with atomic_path(target) as part:
                        write_index(index, part, key)
                    _forget_old(target.parent)
    except StorageError as error:
        _LOG.warning("The search index is not kept: %s", error)
    return index or _make()


def _make() -> Index:
    from medshelf.catalog.finding.indexing import make_index
    from medshelf.catalog.licence import licences
    from medshelf.catalog.shelf import all_records, read_record
    from medshelf.catalog.vocabulary import terms

    for cached in (read_record, licences, terms):
        cached.cache_clear()
    return make_index(all_records())


def _forget_old(folder: Path) -> None:
    from medshelf.core.files import storage_errors

    files = sorted(folder.glob("*.bin"), key=lambda path: path.stat().st_mtime_ns)
    with storage_errors(folder):
        for path in files[:-_KEPT]:
            path.unlink(missing_ok=True)
