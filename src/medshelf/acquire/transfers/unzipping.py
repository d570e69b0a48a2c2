"""Files that a host packed one by one into zips on the way."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from medshelf.acquire.transfers import partial
from medshelf.core.errors import FormatError
from medshelf.core.files import require_space, storage_errors

_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)


def take_out(part: Path, name: str) -> Path:
    """Take a file out of the zip that a host packed it into alone.

    Args:
        part: What came.
        name: Path of the file, with `/`.

    Returns:
        Where the file lies: beside `part`, or `part` itself where it is no such zip.

    Raises:
        FormatError: The zip is damaged.
        StorageError: The disk has no room for what is in it.
    """
    if not zipfile.is_zipfile(part):
        return part
    whole = part.with_name(f"{part.name.removesuffix('.part')}.unzipped.part")
    try:
        with zipfile.ZipFile(part) as archive:
            members = archive.infolist()
            if [_last(each.filename) for each in members] != [_last(name)]:
                return part
            require_space(part.parent, members[0].file_size)
            with (
                storage_errors(whole),
                archive.open(members[0]) as packed,
                whole.open("wb") as file,
            ):
                shutil.copyfileobj(packed, file, 1 << 20)
    except _DAMAGED as error:
        partial.discard(part)
        reason = f"the zip that {name} came in is damaged ({error})"
        raise FormatError(part, reason, "It was deleted: fetch again") from error
    return whole


def _last(name: str) -> str:
    return PurePosixPath(name).name
