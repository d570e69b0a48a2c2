"""What is written beside fetched files: licence, citation, and where the bytes came from."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from medshelf.catalog.citation import bibtex
from medshelf.catalog.licence import licence_of
from medshelf.catalog.record import FileRecord, Record
from medshelf.core.files import lock, write_text
from medshelf.core.version import __version__


def licence_text(record: Record) -> str:
    """Return the terms of a dataset as plain text: licence, duties, warning."""
    licence = licence_of(record)
    name = record.licence.id if record.licence else "not known"
    version = f", version {record.version}" if record.version else ""
    lines = [f"{record.name}{version}", f"Licence: {name}"]
    if licence is not None:
        lines += [licence.en, *([licence.url] if licence.url else [])]
        lines += ["", *(f"- {duty}" for duty in licence.duties())]
        lines += [f"- {licence.note.en}"] if licence.note else []
    if licence is None or licence.attribution is None:
        lines += [f"Read its terms before use: {record.homepage or 'see the publisher'}"]
    lines += ["", *(f"Limitation: {each.en}" for each in record.limitations)]
    return "\n".join([*lines, "", "Not for clinical use.", ""])


def citation_text(record: Record) -> str:
    """Return the BibTeX entries of a dataset and its sources; empty where nothing is to cite."""
    entries = bibtex(record)
    return f"{entries}\n" if entries else ""


def terms_text(record: Record) -> str:
    """Return licence and citation as one text to be shown before use."""
    return "\n".join(text for text in (licence_text(record), citation_text(record)) if text)


def write_terms(record: Record, folder: Path) -> None:
    """Write `<id>.licence.txt` and, where there is one, `<id>.citation.bib`.

    Raises:
        StorageError: The folder cannot be written.
    """
    licence = folder / f"{record.id}.licence.txt"
    # Variants of one dataset may be fetched at once and share these files.
    with lock(licence):
        _write_changed(licence, licence_text(record))
        if text := citation_text(record):
            _write_changed(folder / f"{record.id}.citation.bib", text)


def write_source(
    record: Record, file: FileRecord, target: Path, *, digest: str, size_bytes: int
) -> None:
    """Write `<file name>.source.json` beside a file that is about to be put in place.

    Args:
        record: The dataset.
        file: The file's record.
        target: Final path of the file.
        digest: Hash of the bytes that came.
        size_bytes: Their length.

    Raises:
        StorageError: The folder cannot be written.
    """
    fields = {
        "dataset": record.id,
        "version": record.version,
        "url": file.url,
        "hash": digest,
        "hash_published": file.hash is not None,
        "size_bytes": size_bytes,
        "fetched_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "medshelf": __version__,
    }
    write_text(target.with_name(f"{target.name}.source.json"), json.dumps(fields, indent=2) + "\n")


def _write_changed(target: Path, text: str) -> None:
    try:
        if target.read_text("utf-8") == text:
            return
    except (OSError, UnicodeDecodeError):
        pass  # absent or damaged: written again
    write_text(target, text)
