"""A product in an object store, or on whatever else has an fsspec URL, e.g. `s3://bucket/folder`.

Such a store cannot rename a folder. The product therefore grows on this machine and is copied file
by file when it is whole, `medshelf.json` last: where that is, and no claim beside it, all is there.
A store shows an object only when all of it has arrived.

    .medshelf-part.json     the claim, while a run is copying: its key
    medshelf.json           the card
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from medshelf.conversion.delivery.places import WORK, LocalFolder, Place, not_ours, read_text
from medshelf.conversion.product import CARD, stated_key
from medshelf.conversion.request import Existing
from medshelf.core.errors import MedshelfError, MissingExtraError, SettingError, StorageError
from medshelf.core.files import storage_errors
from medshelf.core.progress import progress_bar
from medshelf.core.settings import Settings

CLAIM = ".medshelf-part.json"
_AT_ONCE = 256
_URL = re.compile(r"(?P<protocol>[A-Za-z][A-Za-z0-9+.-]+)://(?P<rest>.*)", re.DOTALL)


def place_of(folder: Path | str) -> Place:
    """Return where a product is to appear.

    Raises:
        SettingError: A URL holds a password, a query, or no folder.
    """
    found = _URL.fullmatch(str(folder)) if isinstance(folder, str) else None
    if found is None:
        return LocalFolder(Path(folder).expanduser().absolute())
    rest = found["rest"].rstrip("/")
    if found["protocol"] in ("file", "local"):
        return LocalFolder(Path(rest).absolute())
    if "@" in rest.partition("/")[0] or "?" in rest or "#" in rest:
        problem = f"The {found['protocol']} URL holds a user name, a query or a fragment"
        remedy = "Give credentials as the store's own library takes them (environment, files)"
        raise SettingError(problem, remedy)
    if not rest.partition("/")[2]:
        problem = f"{folder} names no folder in the store"
        raise SettingError(problem, "Write e.g. s3://bucket/folder")
    return StoredFolder(f"{found['protocol']}://{rest}")


@dataclass(frozen=True, slots=True)
class StoredFolder:
    """A prefix of an object store.

    Attributes:
        name: Its URL, without a slash at the end.
    """

    name: str

    @property
    def anchor(self) -> Path:
        """A path in the cache; what grows beside it takes as much space as the product."""
        digest = hashlib.sha256(self.name.encode()).hexdigest()[:16]
        return Settings.from_environment().cache / "outgoing" / digest

    def card(self) -> str | None:
        """Return the card that lies there, unless a run is copying."""
        with self._opened() as (store, base):
            if store.exists(f"{base}/{CLAIM}"):
                return None
            return _text(store, f"{base}/{CARD}")

    def check(self, key: str, existing: Existing) -> None:
        """Refuse a prefix that is not empty, unless it is a product to be replaced.

        An empty one is claimed at once, which also shows that it can be written.
        """
        with self._opened() as (store, base):
            there, claim = self._listed(store, base), _text(store, f"{base}/{CLAIM}")
            if not there:
                self._claim(store, base, key)
                return
        if claim is not None and stated_key(claim) == key:
            return
        if existing != "overwrite" and claim is not None:
            problem = f"{self.name} is what another conversion left unfinished, or is writing"
            raise StorageError(problem, "Run that one again to finish it, or pass --overwrite")
        if existing != "overwrite":
            problem = f"{self.name} is there already"
            raise StorageError(problem, "Choose another folder, or replace it with --overwrite")
        if claim is None and CARD not in there:
            raise not_ours(self.name)

    def take(self, folder: Path, key: str) -> None:
        """Copy the product; what an earlier run has copied, and is there whole, is not sent again.

        Raises:
            StorageError: Something cannot be written, or has another size when it is there.
            MissingExtraError: fsspec, or what it needs for this kind of URL, is not installed.
        """
        files = _files(folder)
        sent = folder / WORK / "sent"
        with self._opened() as (store, base):
            self._claim(store, base, key)
            self._clear(store, base, files)
            self._send(store, base, folder, sent)
            there = self._listed(store, base)
            if wrong := [each for each in files if each != CARD and there.get(each) != files[each]]:
                problem = f"{self.name}/{wrong[0]} is not of the size that was sent"
                raise StorageError(problem, "Run again to send it once more")
            store.put_file(str(folder / CARD), f"{base}/{CARD}")
            store.rm_file(f"{base}/{CLAIM}")
        with storage_errors(folder):
            shutil.rmtree(folder)

    def _claim(self, store: Any, base: str, key: str) -> None:
        store.pipe_file(f"{base}/{CLAIM}", json.dumps({"key": key}).encode())

    def _clear(self, store: Any, base: str, files: dict[str, int]) -> None:
        """Delete what is there and no part of the product, the card first."""
        there = self._listed(store, base)
        stale = [each for each in there if each not in files and each != CLAIM]
        for each in [CARD] * (CARD in there) + stale:
            store.rm_file(f"{base}/{each}")

    def _send(self, store: Any, base: str, folder: Path, sent: Path) -> None:
        """Copy all files but the card, and write down which have arrived."""
        files, there = _files(folder), self._listed(store, base)
        arrived = set((read_text(sent) or "").splitlines())
        left = (
            name
            for name, size in files.items()
            if name != CARD and not (there.get(name) == size and json.dumps(name) in arrived)
        )
        with (
            progress_bar("Sending", len(files) - 1, unit="file") as bar,
            storage_errors(sent),
            sent.open("a", encoding="utf-8") as journal,
        ):
            while names := list(islice(left, _AT_ONCE)):
                store.put([str(folder / each) for each in names], [f"{base}/{n}" for n in names])
                journal.writelines(json.dumps(each) + "\n" for each in names)
                journal.flush()
                bar.update(len(names))

    def _listed(self, store: Any, base: str) -> dict[str, int]:
        """Return the objects below, by name, with their sizes in bytes."""
        store.invalidate_cache()
        found: dict[str, dict[str, Any]] = store.find(base, detail=True)
        return {name[len(base) + 1 :]: each["size"] for name, each in found.items()}

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, str]]:
        """Give the file system and the folder in it; turn what its library raises."""
        try:
            import fsspec
        except ImportError as error:
            raise MissingExtraError("fsspec", "remote") from error
        try:
            store, base = fsspec.core.url_to_fs(self.name)
            yield store, base.rstrip("/")
        except MedshelfError:
            raise
        except ImportError as error:
            if self.name.startswith("s3"):
                raise MissingExtraError("s3fs", "remote") from error
            raise StorageError(f"{self.name} cannot be opened: {_line(error)}", _REMEDY) from error
        except Exception as error:  # whatever the library of a store raises
            problem = f"{self.name} cannot be read or written: {_line(error)}"
            raise StorageError(problem, _REMEDY) from error


_REMEDY = "Check the address, the credentials and what they allow; then run again to go on"


def _files(folder: Path) -> dict[str, int]:
    """Return the files of a whole product with their sizes in bytes."""
    found = sorted(each for each in folder.rglob("*") if each.is_file())
    names = {each.relative_to(folder).as_posix(): each for each in found}
    return {
        name: each.stat().st_size for name, each in names.items() if not name.startswith(f"{WORK}/")
    }


def _text(store: Any, path: str) -> str | None:
    try:
        content: bytes = store.cat_file(path)
    except FileNotFoundError:
        return None
    return content.decode("utf-8", "replace")


def _line(error: BaseException) -> str:
    """Return an error's first line, with its class."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__} {lines[0]}".strip().rstrip(".")
