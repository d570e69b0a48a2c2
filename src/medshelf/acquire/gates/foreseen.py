"""Gates that are known to be in the way before a connection is opened."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from medshelf.acquire.gates.acceptance import is_accepted, needs_acceptance
from medshelf.acquire.gates.credentials import PLATFORMS, find_credential
from medshelf.acquire.hosts import manual
from medshelf.catalog.record import FileRecord, Record
from medshelf.core.errors import GateError
from medshelf.core.settings import Settings

_ALWAYS = {"kaggle": "kaggle", "kaggle-competition": "kaggle"}
_UNLESS_OPEN = {"physionet": "physionet", "hf": "hf"}


def foresee_gates(
    record: Record, entries: Iterable[FileRecord], settings: Settings
) -> tuple[str, ...]:
    """Say which gates are in the way, each as one text that begins with its kind.

    Args:
        record: The dataset.
        entries: Those of its files that must come.
        settings: Where acceptances are kept.

    Raises:
        SettingError: A credential cannot be used, or an address has another form.
    """
    found = []
    if needs_acceptance(record) and not is_accepted(record, settings):
        found.append("licence: must be accepted with --accept-licence")
    for entry in entries:
        scheme = urlsplit(entry.url).scheme
        platform = _ALWAYS.get(scheme)
        if record.access != "open":
            platform = _UNLESS_OPEN.get(scheme, platform)
        if platform and find_credential(platform) is None:
            known = PLATFORMS[platform]
            found.append(f"login: no credential for {known.name}. {known.setup}: {known.page}")
        elif scheme == "manual":
            found.append(_by_hand(entry, settings))
    return tuple(dict.fromkeys(found))


def _by_hand(entry: FileRecord, settings: Settings) -> str:
    try:
        manual.resolve(entry, settings)
    except GateError as error:
        return f"{error.kind}: {error.problem}"
    return ""
