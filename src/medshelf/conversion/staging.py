"""The hidden folder in which a product grows until it is whole."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from medshelf.conversion.product import CARD, stated_key
from medshelf.conversion.request import Existing, Request
from medshelf.core.errors import SettingError, StorageError
from medshelf.core.files import lock, make_folder, storage_errors, write_text
from medshelf.core.manifest import Meta
from medshelf.core.version import __version__


def key_of(table: pl.DataFrame, meta: Meta, request: Request, plan: Mapping[str, Any]) -> str:
    """Return a digest of all that the product depends on."""
    asked = asdict(request)
    for how in ("existing", "on_error"):
        del asked[how]
    asked["drop"] = sorted(request.drop)
    digest = hashlib.sha256()
    for each in (__version__, meta.to_json(), json.dumps([asked, plan], sort_keys=True)):
        digest.update(each.encode() + b"\0")
    digest.update(table.hash_rows(seed=0).to_numpy().tobytes())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a conversion works.

    Attributes:
        target: The product, absolute.
        key: What `key_of` gave.
    """

    target: Path
    key: str

    @property
    def folder(self) -> Path:
        """The growing product."""
        return self.target.with_name(f".{self.target.name}.part")

    @property
    def table(self) -> Path:
        """The rows that are converted, Parquet."""
        return self._work / "table.parquet"

    @property
    def shards(self) -> Path:
        """The records of written samples."""
        return self._work / "shards"

    @property
    def _work(self) -> Path:
        return self.folder / ".work"

    def is_finished(self) -> bool:
        """Whether the product of just this conversion is there."""
        return stated_key(self.target) == self.key

    @contextmanager
    def opened(self, root: Path, existing: Existing) -> Iterator[None]:
        """Make the folder, or go on with that of a stopped run; let the product appear at the end.

        Args:
            root: The raw tree, in which nothing is written.
            existing: What to do where the product, or an unfinished one, is there.

        Raises:
            SettingError: The product would lie in the raw tree.
            StorageError: Something else lies there, or another run writes it.
        """
        if self.target.is_relative_to(root.absolute()):
            problem = f"{self.target} lies in the raw tree {root}, which is never changed"
            raise SettingError(problem, "Choose a folder outside of it")
        with lock(self.target, timeout_s=0):
            self._make_room(existing)
            make_folder(self._work)
            write_text(self._work / "key", self.key)
            yield
            with storage_errors(self.target):
                shutil.rmtree(self._work)
                if self.target.exists():
                    shutil.rmtree(self.target)
                self.folder.replace(self.target)

    def _make_room(self, existing: Existing) -> None:
        there = self.target.exists() and (
            not self.target.is_dir() or any(sorted(self.target.iterdir()))
        )
        if there and existing != "overwrite":
            problem = f"{self.target} is there already"
            raise StorageError(problem, "Choose another folder, or replace it with --overwrite")
        if there and not (self.target / CARD).is_file():
            problem = f"{self.target} is no product of a conversion, and is not deleted"
            raise StorageError(problem, "Choose another folder, or move it away")
        if self.folder.exists() and not self._is_ours():
            if existing != "overwrite":
                problem = f"{self.folder} is what another conversion left unfinished"
                raise StorageError(problem, "Run that one again to finish it, or pass --overwrite")
            with storage_errors(self.folder):
                shutil.rmtree(self.folder)

    def _is_ours(self) -> bool:
        try:
            return (self._work / "key").read_text("utf-8") == self.key
        except OSError:
            return False
