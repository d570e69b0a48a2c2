"""Which datasets lie on this machine, found out without opening a manifest."""

from __future__ import annotations

import time
from functools import lru_cache

from medshelf.acquire.standing.adopted import adopted_folders
from medshelf.acquire.standing.places import find_places
from medshelf.catalog.filters import Filters
from medshelf.catalog.record import Record
from medshelf.catalog.search import search
from medshelf.catalog.shelf import read_record, record_paths
from medshelf.core.errors import MedshelfError
from medshelf.core.settings import Settings

_READ = {"home", "adopted", "search path"}
_KEPT_S = 20


def at_hand(record: Record, settings: Settings | None = None) -> bool:
    """Say whether all files of a dataset lie where medshelf reads them; their content is not read.

    Of a set with variants, such as sizes, one file is enough.
    """
    settings = settings or Settings.from_environment()
    try:
        return _is_whole(record, settings)
    except MedshelfError:  # its own page says what is wrong
        return False


def _is_whole(record: Record, settings: Settings) -> bool:
    if record.files:
        places = find_places(record, settings)
    elif settings.raw_folder(record.id).is_dir() or adopted_folders(record.id, settings):
        from medshelf.api.acquiring import where  # brings all that fetches, and few need it

        places = where(record.id)
    else:
        return False
    return any(
        each.kind in _READ
        and (each.found or 0) >= (1 if record.choices("size") else max(each.expected, 1))
        for each in places
    )


def present() -> frozenset[str]:
    """Return the datasets with a reader that are at hand; looked for every 20 s at most."""
    return _present(Settings.from_environment(), int(time.monotonic() // _KEPT_S))


@lru_cache(maxsize=2)
def _present(settings: Settings, _: int) -> frozenset[str]:
    readable = search("", Filters(readable=True), limit=None).hits
    paths = record_paths()
    records = (read_record(paths[each.id]) for each in readable)
    return frozenset(each.id for each in records if at_hand(each, settings))
