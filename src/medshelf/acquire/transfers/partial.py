"""A file that has come in part, and the memo beside it that says what it is a part of.

A part grows at its end, or, where the server sends ranges of a large file, in segments of one
length that come in any order; then a second memo lists, one per line, the segments that are there.
"""

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
        segment_bytes: Length of a segment; null where the part grows at its end.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    validator: str | None
    size_bytes: int | None
    segment_bytes: int | None = None


def part_path(target: Path) -> Path:
    """Return where the bytes of `target` lie until they are whole and verified."""
    return target.with_name(f"{target.name}.part")


def memo_path(part: Path) -> Path:
    """Return where the memo of a part lies."""
    return part.with_name(f"{part.name}.json")


def segments_path(part: Path) -> Path:
    """Return where the segments that are there are listed."""
    return part.with_name(f"{part.name}.segments")


def received_bytes(part: Path) -> int:
    """Return how much of the file has come; of a part in segments, how long it is."""
    with storage_errors(part):
        return part.stat().st_size if part.exists() else 0


def counted_bytes(part: Path, url: str) -> int:
    """Return how much need not come again."""
    memo = read_memo(part, url)
    if memo is None:
        return 0
    if memo.segment_bytes is None or memo.size_bytes is None:
        return received_bytes(part)
    return min(len(read_segments(part, memo)) * memo.segment_bytes, memo.size_bytes)


def read_memo(part: Path, url: str) -> Memo | None:
    """Return the memo of a part; null where there is none, or one of another address."""
    try:
        memo = Memo.model_validate_json(memo_path(part).read_bytes())
    except (OSError, ValidationError):
        return None
    return memo if memo.url == url and part.exists() else None


def read_segments(part: Path, memo: Memo) -> set[int]:
    """Return the numbers of the segments that are there; what is no number is not believed."""
    try:
        lines = segments_path(part).read_bytes().split(b"\n")
    except OSError:
        return set()
    n_segments = -(-(memo.size_bytes or 0) // (memo.segment_bytes or 1))
    # The last line has no end where the process was killed while it wrote.
    found = {int(line) for line in lines[:-1] if line.isdigit() and len(line) < len("1" * 16)}
    return {each for each in found if each < n_segments}


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
    """Delete a part and its memos, where they exist.

    Raises:
        StorageError: The folder is read-only.
    """
    with storage_errors(part):
        # The list first: old segments beside new bytes would be taken for bytes that came.
        segments_path(part).unlink(missing_ok=True)
        part.unlink(missing_ok=True)
        memo_path(part).unlink(missing_ok=True)
