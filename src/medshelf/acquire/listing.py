"""What all hosts do with a record's address and with a platform's list of files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from pydantic import TypeAdapter, ValidationError

from medshelf.acquire.asking import get_json
from medshelf.acquire.gates.refusals import NEWER
from medshelf.acquire.remote import RemoteFile
from medshelf.catalog.record import FileRecord
from medshelf.core.errors import DownloadError, SettingError
from medshelf.core.settings import Settings

_T = TypeVar("_T")

_SHOWN = 5


def match_address(file: FileRecord, pattern: str, form: str) -> re.Match[str]:
    """Take the address of a file apart.

    Args:
        file: The file's record.
        pattern: Regular expression for the whole of `file.url`.
        form: The same for people, e.g. `zenodo:RECORD/FILE`.

    Raises:
        SettingError: The record's address has another form.
    """
    match = re.fullmatch(pattern, file.url)
    if match is None:
        problem = f"The record of {file.name} has the address {file.url}, which is not {form}"
        raise SettingError(problem, "Correct the address in the record")
    return match


def get_as(model: type[_T], url: str, settings: Settings, **asked: Any) -> _T:
    """Ask an API and read its JSON answer as a model.

    Args:
        model: What the answer is checked against; keys that it does not know are passed over.
        url: What is asked for.
        settings: The environment's.
        asked: Further arguments of `asking.get_json`.

    Raises:
        DownloadError: The answer has another form, or the API refuses.
        OfflineError: The network is switched off or out of reach.
    """
    answer = get_json(url, settings, **asked)
    try:
        return TypeAdapter(model).validate_python(answer)
    except ValidationError as error:
        where = ".".join(str(each) for each in error.errors()[0]["loc"]) or "the whole"
        problem = f"{asked.get('source') or url} answers in an unknown form (at {where})"
        raise DownloadError(problem, NEWER) from None


def choose(
    file: FileRecord, files: Iterable[RemoteFile], path: str, where: str
) -> tuple[RemoteFile, ...]:
    """Return what an entry means: all files of a listing, or the one at `path`.

    Args:
        file: The file's record.
        files: The listing.
        path: Name in the listing; empty where the listing must have one file only.
        where: Whose listing it is, for people.

    Raises:
        DownloadError: The listing has no such file.
    """
    listed = sorted(files, key=lambda each: each.name)
    if file.many:
        return tuple(listed)
    found = [each for each in listed if not path or each.name == path]
    if len(found) == 1:
        return (replace(found[0], name=file.name),)
    names = ", ".join(each.name for each in listed[:_SHOWN]) or "no files"
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    wanted = path or "one file only"
    raise DownloadError(f"{where} does not have {wanted}; it has {names}{more}", NEWER)


def quoted(path: str) -> str:
    """Escape a path for an address; its slashes stay."""
    return quote(path, safe="/")


def host_of(url: str) -> str:
    """Return the host name of an address, in lower case."""
    return urlsplit(url).hostname or ""
