"""What lies on disk of a dataset: the top of its folder, by names below it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from medshelf.acquire.standing.places import Place, find_places
from medshelf.catalog.record import Record
from medshelf.core.errors import MedshelfError
from medshelf.core.settings import Settings

_MOST_ENTRIES: Final = 40
_MOST_LOOKED_AT: Final = 5_000


class OnDisk(BaseModel):
    """A copy of a dataset.

    Attributes:
        found: Files of the record that lie there; null where the record names none.
        expected: Files that the record names.
        lines: Names of the two upper levels, indented; no line holds the folder's own place.
        cut: Whether there is more than the lines say.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    found: int | None
    expected: int
    lines: tuple[str, ...]
    cut: bool


def on_disk(record: Record) -> tuple[OnDisk, ...]:
    """Return the copies of a dataset that medshelf reads."""
    settings = Settings.from_environment()
    try:
        places = find_places(record, settings) if record.files else ()
    except MedshelfError:  # the folder cannot be read; opening the samples says why
        return ()
    return tuple(_looked_at(record, each) for each in places if each.found)


def _looked_at(record: Record, place: Place) -> OnDisk:
    own = place.kind in {"home", "adopted"} or place.folder.name == record.id
    names = None if own else frozenset(each.name.partition("/")[0] for each in record.files)
    lines = list(islice(_lines(place.folder, "", names, deeper=True), _MOST_ENTRIES + 1))
    cut = len(lines) > _MOST_ENTRIES
    return OnDisk(
        found=place.found,
        expected=place.expected,
        lines=tuple(lines[:_MOST_ENTRIES]),
        cut=cut,
    )


def _lines(
    folder: Path, indent: str, names: frozenset[str] | None, *, deeper: bool
) -> Iterator[str]:
    """Yield names, folders with a slash; links are named and not followed.

    Args:
        folder: Where.
        indent: Before each name.
        names: What may be named; null for all but hidden files.
        deeper: Whether the folders' own entries follow them.
    """
    try:
        with os.scandir(folder) as entries:
            listed = sorted(islice(entries, _MOST_LOOKED_AT), key=lambda each: each.name)
    except OSError:
        return
    for each in listed:
        if each.name.startswith(".") or (names is not None and each.name not in names):
            continue
        inside = each.is_dir(follow_symlinks=False)
        yield f"{indent}{each.name}{'/' if inside else ''}"
        if inside and deeper:
            yield from _lines(Path(each.path), f"{indent}  ", None, deeper=False)
