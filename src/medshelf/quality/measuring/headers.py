"""One pass over the headers of a manifest's files: what in them may tell of a person.

No value is kept. A sign of it is: what it looks like, its length, and a digest with a secret key
that is thrown away with the pass, so that equal values can be counted and none can be guessed.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from medshelf.core.errors import MissingExtraError
from medshelf.core.files import atomic_path, lock
from medshelf.core.manifest import Manifest
from medshelf.core.settings import Settings
from medshelf.core.version import __version__
from medshelf.formats.entry import Entry
from medshelf.formats.tree import fingerprint
from medshelf.parallel.run import Outcome, run
from medshelf.quality.passes import Passes
from medshelf.quality.personal.header_values import (
    DICOM,
    NIFTI,
    PICTURES,
    Value,
    read_values,
    safe_reason,
)
from medshelf.quality.personal.identifying import KINDS
from medshelf.quality.personal.personal_text import find_personal

LAYOUT = 1
"""Counts up when what is read changes."""

_HEADERS: dict[str, pl.DataType | type[pl.DataType]] = {
    "row": pl.UInt32,
    "sample_id": pl.String,
    "place": pl.UInt16,
    "path": pl.String,
    "member": pl.String,
    "tag": pl.String,
    "keyword": pl.String,
    "vr": pl.String,
    "action": pl.String,
    "kind": pl.Enum(KINDS),
    "n_values": pl.UInt32,
    "n_characters": pl.UInt32,
    "digest": pl.String,
    "note": pl.String,
}
HEADERS = pl.Schema(_HEADERS)
"""One row per medium, element and kind of value, in the order of the manifest.

`tag` is `gggg,eeee` in lower case, at whatever depth of sequences; `private` for all private
elements together; `EXIF Artist`, `tEXt Author`, `NIfTI descrip` and the like in other files; null
for an `error`. `action` is that of DICOM's basic confidentiality profile. `kind`: see
`identifying.KINDS`. `n_values` counts them in the file; length (characters) and `digest` (16 hex
digits) are of the first. `note` says for `text` which patterns of `personal_text` match, for
`stated` the value, for `error` why the file cannot be read.
"""

_FORMATS = (*DICOM, *PICTURES, *NIFTI)
_FILE = ["path", "member", "format"]
_SIGNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "file": pl.UInt32,
    **{
        name: kind
        for name, kind in _HEADERS.items()
        if name not in ("row", "sample_id", "place", "path", "member")
    },
}
_SHARD_SIZE, _KEY_BYTES = 512, 32


def read_headers(manifest: Manifest, passes: Passes) -> pl.DataFrame:
    """Read the headers of the DICOM files, pictures and NIfTI volumes of a manifest.

    The result is kept below `$XDG_CACHE_HOME/medshelf/headers` and taken from there while rows and
    raw files are the same. It does not depend on the number of workers.

    Args:
        manifest: The rows.
        passes: How the pass is run.

    Returns:
        Columns of `HEADERS`; no row for a file that says nothing of interest.

    Raises:
        MissingExtraError: There are DICOM files, and pydicom is not installed.
        StorageError: The cache cannot be written, or another process reads the same headers.
        LayoutError: The raw tree cannot be listed.
    """
    places = pl.int_ranges(pl.col("media").list.len(), dtype=pl.UInt16).alias("place")
    media = (
        manifest.frame.with_row_index("row")
        .select("row", "sample_id", "media", places)
        .explode("media", "place")
        .unnest("media")
        .filter(pl.col("format").is_in(_FORMATS) & pl.col("path").is_not_null())
        .select("row", "sample_id", "place", *_FILE)
        .collect()
    )
    if media.is_empty():
        return pl.DataFrame(schema=HEADERS)
    files = media.select(_FILE).unique(maintain_order=True).with_row_index("file")
    signs = _signs(files, manifest, passes)
    found = media.join(files, on=_FILE, nulls_equal=True).join(signs, on="file")
    order = ["row", "place", "tag", "kind", "note"]
    return found.select(HEADERS.names()).sort(order, nulls_last=True, maintain_order=True)


@dataclass(frozen=True)
class HeaderTask:
    """Reads headers; see `parallel.run`.

    Attributes:
        files: Parquet file with `file`, `path`, `member` and `format`.
        root: What paths are relative to.
        key: Of the digests.
    """

    files: Path
    root: Path
    key: bytes = field(repr=False)

    def __call__(self, items: range | tuple[int, ...], path: Path) -> None:
        """Read the headers of some files and write their signs."""
        signs: list[dict[str, Any]] = []
        if items:
            first, length = items[0], items[-1] - items[0] + 1
            table = pl.scan_parquet(self.files, glob=False).slice(first, length).collect()
            for row in table[[each - first for each in items]].iter_rows(named=True):
                signs += self._signs_of(row)
        frame = pl.DataFrame(signs, {**_SIGNS, "text": pl.String}, orient="row")
        _with_patterns(frame).write_parquet(path, compression="lz4")

    def _signs_of(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        found: dict[tuple[str, str, str], dict[str, Any]] = {}
        try:
            with warnings.catch_warnings(action="ignore"):  # theirs might quote a value
                source = Entry(row["path"], row["member"]).source(self.root)
                for value in read_values(source, row["format"]):
                    key = (value.tag, value.kind, value.text if value.kind == "stated" else "")
                    sign = found.setdefault(key, self._sign(value) | {"file": row["file"]})
                    sign["n_values"] += 1
        except MissingExtraError:
            raise
        except Exception as error:  # noqa: BLE001 - pydicom and Pillow raise anything on damaged bytes
            note = safe_reason(error)
            empty = dict.fromkeys(_SIGNS)
            return [{**empty, "file": row["file"], "kind": "error", "n_values": 1, "note": note}]
        return list(found.values())

    def _sign(self, value: Value) -> dict[str, Any]:
        text = value.text.strip()
        digest = hashlib.blake2b(text.lower().encode(), key=self.key, digest_size=8)
        return {
            **{name: getattr(value, name) for name in ("tag", "keyword", "vr", "action", "kind")},
            "n_values": 0,
            "n_characters": len(text),
            "digest": digest.hexdigest() if text else None,
            "note": text if value.kind == "stated" else None,
            "text": text if value.kind == "text" else None,
        }


def _with_patterns(signs: pl.DataFrame) -> pl.DataFrame:
    """Put the patterns that a text matches in its place."""
    numbered = signs.with_row_index("number")
    kinds = find_personal(numbered.lazy().select("number", "text"), ["number"])
    notes = kinds.group_by("number").agg(pattern=pl.col("kind").sort().str.join(","))
    note = pl.coalesce("note", "pattern").alias("note")
    joined = numbered.join(notes, on="number", how="left", maintain_order="left")
    return joined.with_columns(note).select(*_SIGNS)


def _signs(files: pl.DataFrame, manifest: Manifest, passes: Passes) -> pl.DataFrame:
    root = manifest.root.resolve()
    state = fingerprint(root) if root.is_dir() else "no such folder"
    digest = hashlib.sha256(f"{__version__}\0{LAYOUT}\0{root}\0{state}".encode())
    digest.update(files.hash_rows(seed=0).to_numpy().tobytes())
    cache = Settings.from_environment().cache / "headers" / manifest.meta.dataset
    folder = cache / digest.hexdigest()[:32]
    signs = folder / "signs.parquet"
    with lock(folder / "all"):
        if not signs.is_file():
            _pass(files, root, passes, folder)
    return pl.read_parquet(signs, glob=False)


def _pass(files: pl.DataFrame, root: Path, passes: Passes, folder: Path) -> None:
    with atomic_path(folder / "files.parquet") as part:
        files.write_parquet(part)
    key = folder / "key"  # stays while the pass may have to go on
    if not key.is_file():
        with atomic_path(key) as part:
            part.touch(mode=0o600)
            part.write_bytes(secrets.token_bytes(_KEY_BYTES))
    outcome = run(
        HeaderTask(folder / "files.parquet", root, key.read_bytes()),
        files.height,
        folder / "shards",
        shard_size=_SHARD_SIZE,
        workers=passes.workers,
        engine=passes.engine,
        address=passes.address,
        title="headers",
        suffix=".parquet",
        key=folder.name,
    )
    with atomic_path(folder / "signs.parquet") as part:
        _joined(outcome).write_parquet(part)
    shutil.rmtree(folder / "shards", ignore_errors=True)
    key.unlink()


def _joined(outcome: Outcome) -> pl.DataFrame:
    found = pl.concat([pl.read_parquet(each, glob=False) for each in outcome.paths])
    lost = pl.DataFrame(
        [
            {
                "file": each.item,
                "kind": "error",
                "n_values": 1,
                "note": f"it ends the process: {each.reason}",
            }
            for each in outcome.lost
        ],
        {name: _SIGNS[name] for name in ("file", "kind", "n_values", "note")},
        orient="row",
    )
    return (
        pl.concat([found, lost], how="diagonal").select(*_SIGNS).sort("file", maintain_order=True)
    )
