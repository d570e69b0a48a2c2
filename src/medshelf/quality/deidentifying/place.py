"""Where the copies go, and where the secret lies that their ids are made from."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from medshelf.core.errors import FormatError, SettingError, StorageError
from medshelf.core.files import atomic_path, make_folder, storage_errors
from medshelf.quality.deidentifying.pseudonyms import KEY_BYTES
from medshelf.quality.personal.confidentiality import Option

AUDIT, MANIFEST, FILES, JOB = "audit.json", "manifest.parquet", "files", ".deidentifying"


@dataclass(frozen=True, slots=True)
class Wishes:
    """How to de-identify.

    Attributes:
        retain: What stays although the basic profile removes it.
        key: File of the secret that stand-ins are made from, made where there is none; without it
            the secret is random and thrown away.
        overwrite: Replace what is in the folder.
        dry_run: Write nothing that stays; say what would be done.
    """

    retain: frozenset[Option] = frozenset()
    key: Path | None = None
    overwrite: bool = False
    dry_run: bool = False


def require_apart(root: Path, out: Path, wishes: Wishes) -> None:
    """Refuse an output in the raw tree or around it, a key in the output, contrary wishes.

    Raises:
        SettingError: They are such.
    """
    if out.is_relative_to(root) or root.is_relative_to(out):
        problem = f"{out} and the raw tree {root} lie in one another"
        raise SettingError(problem, "Choose a folder beside the raw tree, which is never changed")
    if wishes.key is not None and wishes.key.expanduser().resolve().is_relative_to(out):
        problem = f"The key {wishes.key} would lie among the copies"
        raise SettingError(problem, "Keep it elsewhere: whoever has it can undo the stand-ins")
    if {"dates", "shifted-dates"} <= wishes.retain:
        problem = "Dates cannot be both retained and shifted"
        raise SettingError(problem, "Choose one of dates and shifted-dates")


@contextmanager
def place(out: Path, wishes: Wishes) -> Iterator[Path]:
    """Yield the folder to write to: `out`, or a temporary one that goes away with the block.

    Raises:
        StorageError: There is something else in `out`, or it cannot be written.
    """
    if wishes.dry_run:
        with tempfile.TemporaryDirectory(prefix="medshelf-") as folder:
            yield Path(folder)
        return
    if wishes.overwrite and (out / JOB).is_dir():
        with storage_errors(out):
            for name in (JOB, FILES):
                shutil.rmtree(out / name, ignore_errors=True)
    is_job = (out / JOB).is_dir()
    if out.is_dir() and any(sorted(out.iterdir())) and not is_job:
        if not wishes.overwrite:
            problem = f"{out} is not empty"
            raise StorageError(problem, "Choose another folder, or pass --overwrite")
        if not (out / AUDIT).is_file():
            problem = f"{out} holds no {AUDIT}, so it was not made by this command"
            raise StorageError(problem, "Choose another folder")
        with storage_errors(out):
            for name in (AUDIT, MANIFEST):
                (out / name).unlink(missing_ok=True)
            shutil.rmtree(out / FILES, ignore_errors=True)
    make_folder(out / JOB)
    yield out


def secret(wishes: Wishes, folder: Path) -> bytes:
    """Return the secret: the user's, or one that lies in the job's folder until it is done.

    Raises:
        FormatError: The user's file holds no key.
        StorageError: A new key cannot be written.
    """
    make_folder(folder / JOB)
    path = folder / JOB / "key" if wishes.key is None else wishes.key.expanduser()
    if path.is_file():
        try:
            key = bytes.fromhex(path.read_text("ascii"))
        except (OSError, ValueError) as error:
            remedy = "Pass a file that this command made, or a new path"
            raise FormatError(path, "it holds no key", remedy) from error
        if len(key) < KEY_BYTES:
            remedy = f"A key is {2 * KEY_BYTES} hexadecimal digits"
            raise FormatError(path, f"its key has only {len(key)} bytes", remedy)
        return key
    key = secrets.token_bytes(KEY_BYTES)
    if wishes.dry_run:
        return key
    with atomic_path(path) as part:
        part.touch(mode=0o600)
        part.write_text(key.hex(), encoding="ascii")
    return key
