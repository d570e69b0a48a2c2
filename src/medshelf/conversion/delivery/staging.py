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

from medshelf.conversion.delivery.places import WORK, Place, read_text
from medshelf.conversion.product import CARD, stated_key, stated_product
from medshelf.conversion.request import Converted, Existing, Request
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
        place: Where the product is to appear.
        key: What `key_of` gave.
    """

    place: Place
    key: str

    @property
    def folder(self) -> Path:
        """The growing product."""
        return self.place.anchor.with_name(f".{self.place.anchor.name}.part")

    @property
    def table(self) -> Path:
        """The rows that are converted, Parquet."""
        return self.folder / WORK / "table.parquet"

    @property
    def shards(self) -> Path:
        """The records of written samples."""
        return self.folder / WORK / "shards"

    def product(self) -> Converted | None:
        """Return what the product of just this conversion says; null where it is not there."""
        card = self.place.card()
        if card is None or stated_key(card) != self.key:
            return None
        return stated_product(self.place.name, card)

    @contextmanager
    def opened(self, root: Path, existing: Existing) -> Iterator[bool]:
        """Make the folder, or go on with that of a stopped run; let the product appear at the end.

        Args:
            root: The raw tree, in which nothing is written.
            existing: What to do where the product, or an unfinished one, is there.

        Yields:
            Whether the folder holds the whole product already, and it has only to appear.

        Raises:
            SettingError: The product would lie in the raw tree, or around it.
            StorageError: Something else lies there, or another run writes it.
        """
        anchor, raw = self.place.anchor.resolve(), root.resolve()
        if anchor.is_relative_to(raw) or raw.is_relative_to(anchor):
            problem = f"{self.place.name} lies in the raw tree {root}, or around it"
            raise SettingError(problem, "The raw tree is never changed: choose a folder outside")
        with lock(self.place.anchor, timeout_s=0):
            is_foreign = self.folder.exists() and not self._is_ours()
            if is_foreign and existing != "overwrite":
                problem = f"{self.folder} is what another conversion left unfinished"
                remedy = "Run that one again to finish it, or pass --overwrite"
                raise StorageError(problem, remedy)
            self.place.check(self.key, existing)
            if is_foreign:
                with storage_errors(self.folder):
                    shutil.rmtree(self.folder)
            is_whole = stated_key(read_text(self.folder / CARD)) == self.key
            if not is_whole:
                make_folder(self.folder / WORK)
                write_text(self.folder / WORK / "key", self.key)
            yield is_whole
            self.place.take(self.folder, self.key)

    def tidy(self) -> None:
        """Delete what killed processes left half-written in the product."""
        with storage_errors(self.folder):
            for each in sorted(self.folder.rglob(".*.part")):
                each.unlink(missing_ok=True)

    def _is_ours(self) -> bool:
        """Say whether it is of this conversion, or has not been given to any yet."""
        key = read_text(self.folder / WORK / "key") or stated_key(read_text(self.folder / CARD))
        if key is None:
            return not any(sorted(self.folder.glob("[!.]*")))
        return key == self.key
