"""Licences that must be accepted before anything moves, and who has accepted which when."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from medshelf.acquire.standing.provenance import licence_text
from medshelf.catalog.licence import licence_of
from medshelf.catalog.record import Record
from medshelf.core.errors import GateError
from medshelf.core.files import lock, write_text
from medshelf.core.settings import Settings


class Acceptance(BaseModel):
    """One licence that was accepted.

    Attributes:
        version: Of the dataset; null where the record names none.
        licence: Its id.
        accepted_utc: When.
        sha256: Of the text that was shown: another text is another licence.
        text: What was shown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str | None
    licence: str
    accepted_utc: str
    sha256: str
    text: str


class _Acceptances(BaseModel):
    model_config = ConfigDict(extra="forbid")

    accepted: list[Acceptance] = []


def needs_acceptance(record: Record) -> bool:
    """Whether the licence is the publisher's own agreement and no public licence.

    Public licences (Creative Commons, MIT, ...) bind by use, and all of them let the data be passed
    on; an agreement is made with the user, and none does.
    """
    licence = licence_of(record)
    return licence is not None and licence.redistribution is not True


def is_accepted(record: Record, settings: Settings) -> bool:
    """Whether the present text was accepted for the present version."""
    return any(
        each.version == record.version and each.sha256 == _hash(record)
        for each in _read(_path(record, settings)).accepted
    )


def require_acceptance(record: Record, settings: Settings, command: str, *, accept: bool) -> None:
    """Let a fetch go on only if its licence needs no acceptance, or was or is accepted.

    Args:
        record: The dataset.
        settings: Where acceptances are kept.
        command: The command line that is run, for the message.
        accept: The user accepts now.

    Raises:
        GateError: The licence must be accepted.
        StorageError: The acceptance cannot be written.
    """
    if not needs_acceptance(record) or is_accepted(record, settings):
        return
    licence = licence_of(record)
    name, page = (licence.en, licence.url or record.homepage) if licence else (record.id, None)
    if not accept:
        problem = f"{record.name} comes under terms that must be accepted first: {name}"
        step = "Read them"
        raise GateError("licence", problem, step, page=page, command=f"{command} --accept-licence")
    path = _path(record, settings)
    with lock(path):
        kept = _read(path)
        kept.accepted.append(
            Acceptance(
                version=record.version,
                licence=record.licence.id if record.licence else "",
                accepted_utc=datetime.now(UTC).isoformat(timespec="seconds"),
                sha256=_hash(record),
                text=licence_text(record),
            )
        )
        write_text(path, kept.model_dump_json(indent=2) + "\n")


def _path(record: Record, settings: Settings) -> Path:
    return settings.home / "licences" / f"{record.id}.json"


def _hash(record: Record) -> str:
    return hashlib.sha256(licence_text(record).encode()).hexdigest()


def _read(path: Path) -> _Acceptances:
    try:
        return _Acceptances.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return _Acceptances()
