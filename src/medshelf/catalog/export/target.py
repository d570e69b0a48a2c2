"""Write an export whole or not at all, and never over what lies there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from medshelf.core.errors import SettingError
from medshelf.core.files import make_folder, storage_errors


def write_folder(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files into a new folder, which appears when all of them are written.

    Args:
        folder: Must not exist, or be empty.
        files: Content by relative path with forward slashes.

    Returns:
        The folder.

    Raises:
        SettingError: Something lies there already.
        StorageError: The folder cannot be written.
    """
    refuse_existing(folder)
    make_folder(folder.parent)
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    with storage_errors(folder):
        try:
            for name, content in files.items():
                path = part / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.encode() if isinstance(content, str) else content)
            part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return folder


def refuse_existing(target: Path) -> None:
    """Refuse to write over a file or into a folder that holds something.

    Raises:
        SettingError: Something lies at `target`.
        StorageError: It cannot be looked at.
    """
    with storage_errors(target):
        empty = target.is_dir() and not target.is_symlink() and not sorted(target.iterdir())
        if os.path.lexists(target) and not empty:
            raise SettingError(
                f"{target} exists already", "Choose another place, or remove what lies there"
            )
