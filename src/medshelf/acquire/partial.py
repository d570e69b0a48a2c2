"""A file that has come in part, and the memo beside it that says what it is a part of."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from medshelf.core.files import storage_errors, write_text


class Memo(BaseModel):
    """What the server said of the file when its first byte came.

    Attributes:
        url: Address that the record names, before redirects.
        validator: Strong ETag or Last-Modified date; null where the server gave neither, and then
            the part cannot be added to.
        size_bytes: Length of the whole file; null where the server did not say.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    validator: str | None
    size_bytes: int | None


def part_path(target: Path) -> Path:
    """Return where the bytes of `target` lie until they are whole and verified."""
    return target.with_name(f"{target.name}.part")


def memo_path(part: Path) -> Path:
    """Return where the memo of a part lies."""
    return part.with_name(f"{part.name}.json")


def received_bytes(part: Path) -> int:
    """Return how much of the file has come."""
    with storage_errors(part):
        return part.stat().st_size if part.exists() else 0


def read_memo(part: Path, url: str) -> Memo | None:
    """Return the memo of a part; null where there is none, or one of another address."""
    try:
        memo = Memo.model_validate_json(memo_path(part).read_bytes())
    except (OSError, ValidationError):
        return None
    return memo if memo.url == url and part.exists() else None


def start(part: Path, memo: Memo) -> None:
    """Begin a new, empty part.

    Raises:
        StorageError: The folder is read-only or full.
    """
    discard(part)
    # The memo first: new bytes below an old memo would be taken for part of the old file.
    write_text(memo_path(part), memo.model_dump_json())
    with storage_errors(part):
        part.touch()


def discard(part: Path) -> None:
    """Delete a part and its memo, where they exist.

    Raises:
        StorageError: The folder is read-only.
    """
    with storage_errors(part):
        part.unlink(missing_ok=True)
        memo_path(part).unlink(missing_ok=True)
