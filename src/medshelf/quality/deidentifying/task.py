"""Shards of a de-identification: some files of a raw tree to clean copies, and what was done."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from medshelf.core.errors import MissingExtraError, StorageError
from medshelf.core.files import atomic_path
from medshelf.formats.entry import Entry
from medshelf.quality.deidentifying import pictures, volumes
from medshelf.quality.deidentifying.dicom_file import clean_dicom
from medshelf.quality.deidentifying.pseudonyms import Pseudonyms
from medshelf.quality.personal.confidentiality import Option
from medshelf.quality.personal.header_values import DICOM, safe_reason

PICTURES = ("png", "jpg", "jpeg", "tif", "tiff", "gif", "webp", "bmp")
_VOLUMES: dict[str, Callable[[BinaryIO, BinaryIO], list[str]]] = {
    "nii": volumes.clean_nifti,
    "nii.gz": volumes.clean_nifti,
    "mha": volumes.clean_metaimage,
    "nrrd": volumes.clean_nrrd,
}
FORMATS = (*DICOM, *PICTURES, *_VOLUMES)
"""Formats that can be cleaned."""
TEXT_IN_PIXELS = "the file says that text is burned into its pixels"
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class CleaningTask:
    """Writes clean copies; see `parallel.run`.

    Attributes:
        files: Parquet file with `path`, `member`, `format` and `target` (below `folder`) of each.
        root: What the paths are relative to.
        folder: Where the copies go; null only says what would be done.
        retained: What stays.
        key: The secret of the stand-ins.
    """

    files: Path
    root: Path
    folder: Path | None
    retained: frozenset[Option]
    key: bytes = field(repr=False)

    def __call__(self, items: range | tuple[int, ...], path: Path) -> None:
        """Clean some files, and write a line of JSON for each."""
        lines: list[str] = []
        if items:
            first, length = items[0], items[-1] - items[0] + 1
            table = pl.scan_parquet(self.files, glob=False).slice(first, length).collect()
            lines = [
                json.dumps({"target": row["target"], **self._clean(row)})
                for row in table[[each - first for each in items]].iter_rows(named=True)
            ]
        path.write_text("".join(f"{each}\n" for each in lines), encoding="utf-8")

    def _clean(self, row: dict[str, Any]) -> dict[str, Any]:
        try:
            source = Entry(row["path"], row["member"]).source(self.root)
            data, done = self._cleaned(source, row["format"])
            if self.folder is not None:
                with atomic_path(self.folder / row["target"]) as part:
                    part.write_bytes(data)
            return {"source": _sha256(source), "result": _sha256(data), **done}
        except (MissingExtraError, StorageError):
            raise
        except Exception as error:  # noqa: BLE001 - decoders raise anything on damaged bytes
            return {"problem": safe_reason(error)}

    def _cleaned(self, source: Path | bytes, file_format: str) -> tuple[bytes, dict[str, Any]]:
        if file_format in DICOM:
            done = clean_dicom(source, Pseudonyms(self.key), self.retained)
            review = [TEXT_IN_PIXELS] if done.has_text_in_pixels else []
            return done.data, {"actions": done.actions, "review": review}
        data = source if isinstance(source, bytes) else source.read_bytes()
        if file_format in _VOLUMES:
            data, removed = _clean_volume(data, _VOLUMES[file_format])
        elif file_format in PICTURES:
            data, removed = pictures.cleaned(data)
        else:
            msg = f"files of format {file_format} cannot be cleaned"
            raise ValueError(msg)
        return data, {"actions": {"remove": removed} if removed else {}, "review": []}


def _clean_volume(
    data: bytes, clean: Callable[[BinaryIO, BinaryIO], list[str]]
) -> tuple[bytes, list[str]]:
    target = io.BytesIO()
    if not data.startswith(_GZIP):
        removed = clean(io.BytesIO(data), target)
        return target.getvalue(), removed
    with gzip.open(io.BytesIO(data)) as source, gzip.GzipFile("", "wb", 6, target, 0) as packed:
        removed = clean(source, packed)  # type: ignore[arg-type]
    return target.getvalue(), removed


def _sha256(source: Path | bytes) -> str:
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
