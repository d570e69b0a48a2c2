"""The work of one shard: corrected copies of some files, and a line of record for each."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from medshelf.core.errors import MedshelfError
from medshelf.core.files import make_folder
from medshelf.formats.entry import Entry
from medshelf.formats.geometry import orientation
from medshelf.parallel.shards import Items
from medshelf.quality.fixing.copying import copy_format, write_copy
from medshelf.quality.fixing.headers import File
from medshelf.quality.fixing.plan import Change


@dataclass(frozen=True, slots=True)
class FixingTask:
    """Writes corrected copies; an instance is sent to the workers.

    Attributes:
        root: The raw tree.
        folder: Where the copies go.
        changes: All of them; items are places in it.
    """

    root: Path
    folder: Path
    changes: tuple[Change, ...]

    def __call__(self, items: Items, path: Path) -> None:
        """Write the copies of some items, and their records as JSON lines into `path`."""
        lines = [json.dumps(self._fix(self.changes[each])) for each in items]
        path.write_text("".join(f"{each}\n" for each in lines), encoding="utf-8")

    def _fix(self, change: Change) -> dict[str, Any]:
        record = described(change)
        target = self.folder / record["copy"]
        try:
            make_folder(target.parent)
            moved_mm = write_copy(self.root, change, target)
            return {
                **record,
                "moved_mm": moved_mm,
                "sha256_source": _sha256(self.root, change.header.file),
                "sha256_copy": _sha256(self.folder, File(record["copy"], None)),
            }
        except MedshelfError as error:
            return {**record, "problem": error.problem}


def described(change: Change) -> dict[str, Any]:
    """Return what is to be done to a file, for JSON: before and after."""
    header, after = change.header, change.after
    lengths = [header.lengths[each] for each in change.turn.order]
    return {
        "file": Entry(*header.file).location,
        "copy": copy_path(change),
        "samples": list(header.samples),
        "steps": list(change.steps),
        "before": _geometry(header.affine, header.lengths),
        "after": _geometry(after, lengths),
    }


def copy_path(change: Change) -> str:
    """Return where the copy goes, below its folder: as in the raw tree, `.nii.gz` added if it must.

    A member of an archive gets a folder beside the archive.
    """
    path, member = change.header.file
    name = path if member is None else f"{path}.corrected/{member}"
    return name if change.header.format == copy_format(change) else f"{name}.nii.gz"


def _geometry(affine: Any, lengths: Any) -> dict[str, Any]:
    stated = affine is not None
    return {
        "size": [int(each) for each in lengths],
        "orientation": orientation(affine) if stated else None,
        "affine": affine.tolist() if stated else None,
    }


def _sha256(root: Path, file: File) -> str:
    source = Entry(*file).source(root)
    with BytesIO(source) if isinstance(source, bytes) else source.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
