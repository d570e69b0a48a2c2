"""Where a product appears, all at once: a folder, or a prefix of an object store."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from medshelf.conversion.product import CARD
from medshelf.conversion.request import Existing
from medshelf.core.errors import StorageError
from medshelf.core.files import storage_errors

WORK = ".work"
"""The folder in a growing product that is no part of it."""


class Place(Protocol):
    """Where a product appears."""

    @property
    def name(self) -> Path | str:
        """The folder, or its URL."""

    @property
    def anchor(self) -> Path:
        """The path on this machine beside which the product grows, and which is locked."""

    def card(self) -> str | None:
        """Return the card of the product that is there; null where no whole one is."""

    def check(self, key: str, existing: Existing) -> None:
        """Refuse to write over what is there.

        Raises:
            StorageError: Something is there that may not be replaced.
        """

    def take(self, folder: Path, key: str) -> None:
        """Let the whole product appear, and delete the folder in which it grew.

        Raises:
            StorageError: It cannot be written.
        """


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """A folder; the product is renamed to it.

    Attributes:
        anchor: The folder, absolute.
    """

    anchor: Path

    @property
    def name(self) -> Path:
        """The folder."""
        return self.anchor

    def card(self) -> str | None:
        """Return the card that lies there."""
        return read_text(self.anchor / CARD)

    def check(self, key: str, existing: Existing) -> None:  # noqa: ARG002 - the folder was renamed
        """Refuse a folder that is not empty, unless it is a product to be replaced."""
        target = self.anchor
        if not target.exists() or (target.is_dir() and not any(sorted(target.iterdir()))):
            return
        if existing != "overwrite":
            problem = f"{target} is there already"
            raise StorageError(problem, "Choose another folder, or replace it with --overwrite")
        if not (target / CARD).is_file():
            raise not_ours(target)

    def take(self, folder: Path, key: str) -> None:  # noqa: ARG002 - nobody else writes here
        """Rename the folder; what is replaced is deleted last."""
        old = self.anchor.with_name(f".{self.anchor.name}.old")
        with storage_errors(self.anchor):
            if (folder / WORK).exists():
                shutil.rmtree(folder / WORK)
            if old.exists():
                shutil.rmtree(old)
            if self.anchor.exists():
                self.anchor.replace(old)
            folder.replace(self.anchor)
            if old.exists():
                shutil.rmtree(old)


def not_ours(place: Path | str) -> StorageError:
    """Return the refusal to delete what no conversion has written."""
    problem = f"{place} is no product of a conversion, and is not deleted"
    return StorageError(problem, "Choose another place, or move it away")


def read_text(path: Path) -> str | None:
    """Return a file's text; null where there is none."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
