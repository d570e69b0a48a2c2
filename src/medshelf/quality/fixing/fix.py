"""`fix_geometry`: a folder like the raw tree, with corrected copies and links to all else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import polars as pl

from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.core.files import write_text
from medshelf.core.version import __version__
from medshelf.formats.entry import Entry
from medshelf.formats.tree import fingerprint
from medshelf.parallel.run import run
from medshelf.quality.case import Case
from medshelf.quality.fixing import overlay
from medshelf.quality.fixing.copying import copy_format
from medshelf.quality.fixing.headers import read_headers
from medshelf.quality.fixing.plan import DEFAULT_STEPS, STEPS, Change, Step, make_plan
from medshelf.quality.fixing.task import FixingTask, copy_path, described
from medshelf.quality.judging.evidence import media_of

_SHARD_SIZE = 4
_WORLD = "LRPAIS"


@dataclass(frozen=True, slots=True)
class Fixed:
    """What was done, or with `dry_run` would be.

    Attributes:
        folder: That of the copies.
        manifest: The manifest of the corrected set; null where nothing was written.
        changes: One mapping per copy: `file`, `copy`, `samples`, `steps`, `before` and `after`
            (size, orientation, affine), and where it was written `moved_mm` (how far the header's
            rounding puts the farthest voxel from where it should be), `sha256_source` and
            `sha256_copy`.
        unfixed: One mapping per file that is not as it should be and was not changed: `file`,
            `samples`, `reason`.
        n_volumes: Volumes that were looked at.
    """

    folder: Path
    manifest: Path | None
    changes: tuple[dict[str, Any], ...]
    unfixed: tuple[dict[str, Any], ...]
    n_volumes: int

    def as_dict(self) -> dict[str, Any]:
        """Return all for JSON."""
        manifest = None if self.manifest is None else str(self.manifest)
        return {**asdict(self), "folder": str(self.folder), "manifest": manifest}


def fix_geometry(
    case: Case,
    folder: Path,
    *,
    what: Sequence[str] = DEFAULT_STEPS,
    orientation: str = "RAS",
    dry_run: bool = False,
    overwrite: bool = False,
) -> Fixed:
    """Write corrected copies of the volumes whose geometry is wrong; values are never resampled.

    The folder becomes like the raw tree: copies where something was changed, links to the raw files
    elsewhere, `manifest.parquet`, whose root it is, and `geometry.json`, the record. A call that
    was cut off goes on where it stopped. The raw tree is only read.

    Args:
        case: The manifest, and how passes over the files are run.
        folder: For the copies.
        what: Steps to take: `masks`, `orientation`, `shear`.
        orientation: That volumes are turned to.
        dry_run: Say what would be done, and write nothing.
        overwrite: Remove what another call wrote into the folder.

    Raises:
        SettingError: No step is named, the orientation is none, or the folder lies in the raw tree,
            holds it, or holds something else.
        UnknownNameError: There is no such step.
        StorageError: The folder cannot be written.
        LayoutError: The raw tree cannot be listed.
    """
    steps = _steps(what)
    if sorted(_WORLD.find(each) // 2 for each in orientation) != [0, 1, 2]:
        problem = f"{orientation!r} is no orientation"
        raise SettingError(problem, "Name three directions, e.g. RAS or LPS")
    folder = folder.expanduser().absolute()
    overlay.require_apart(folder, case.root)
    headers, drawn = read_headers(case)
    changes, reasons = make_plan(headers, drawn, steps, orientation)
    unfixed = [
        {"file": Entry(*file).location, "samples": headers[file].samples, "reason": reason}
        for file, reason in reasons.items()
    ]
    if dry_run:
        told = tuple(described(each) for each in changes)
        return Fixed(folder, None, told, tuple(unfixed), len(headers))
    key = _key(case, steps, orientation)
    overlay.claim(folder, case.root, key, overwrite=overwrite)
    done, failed = _write_copies(case, folder, changes, key)
    _write_rest(case, folder, [change for change, _ in done])
    fixed = Fixed(
        folder=folder,
        manifest=folder / overlay.MANIFEST,
        changes=tuple(record for _, record in done),
        unfixed=(*unfixed, *failed),
        n_volumes=len(headers),
    )
    about = {"dataset": case.meta.dataset, "version": case.meta.version, "medshelf": __version__}
    asked = {"raw_tree": str(case.root), "what": steps, "orientation": orientation}
    content = {**about, **asked, **fixed.as_dict()}
    write_text(folder / overlay.RECORD, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return fixed


def _steps(what: Iterable[str]) -> tuple[Step, ...]:
    for each in (named := tuple(what)):
        if each not in STEPS:
            raise UnknownNameError("step", each, STEPS)
    if not named:
        raise SettingError("No step is named", f"Name some of: {', '.join(STEPS)}")
    return cast("tuple[Step, ...]", tuple(each for each in STEPS if each in named))


def _key(case: Case, what: Sequence[str], orientation: str) -> str:
    """Return a digest of all that the copies depend on."""
    media = media_of(case).with_columns(pl.col("role").cast(pl.String)).collect()
    parts = [__version__, str(case.root.resolve()), fingerprint(case.root), [*what], orientation]
    digest = hashlib.sha256(json.dumps(parts).encode())
    digest.update(media.hash_rows(seed=0).to_numpy().tobytes())
    return digest.hexdigest()


def _write_copies(
    case: Case, folder: Path, changes: Sequence[Change], key: str
) -> tuple[list[tuple[Change, dict[str, Any]]], list[dict[str, Any]]]:
    """Write all copies; return those that were written with their records, and the others."""
    passes = case.passes
    outcome = run(
        FixingTask(case.root, folder, tuple(changes)),
        len(changes),
        folder / overlay.WORK / "shards",
        shard_size=_SHARD_SIZE,
        workers=passes.workers,
        engine=passes.engine,
        address=passes.address,
        title="fix-geometry",
        suffix=".jsonl",
        key=key,
    )
    lines = [line for path in outcome.paths for line in path.read_text("utf-8").splitlines()]
    records = {record["file"]: record for record in map(json.loads, lines)}
    lost = {each.item: each.reason for each in outcome.lost}
    done, failed = [], []
    for number, change in enumerate(changes):
        name = Entry(*change.header.file).location
        record = records.get(name, {"problem": f"its process ended: {lost.get(number)}"})
        if "problem" in record:
            samples = change.header.samples
            failed.append({"file": name, "samples": samples, "reason": record["problem"]})
        else:
            done.append((change, record))
    return done, failed


def _write_rest(case: Case, folder: Path, copied: Sequence[Change]) -> None:
    """Link what has no copy, and write the manifest."""
    loose = [each.header.file.path for each in copied if each.header.file.member is None]
    overlay.link_rest(case.root, folder, loose)
    places = {each.header.file: (copy_path(each), copy_format(each)) for each in copied}
    table = overlay.copies_table(places)
    manifest = overlay.corrected_manifest(case.manifest, folder, table)
    manifest.write(folder / overlay.MANIFEST)
