"""Clean copies of a dataset's files, with a record of what was removed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from medshelf.core.files import atomic_path, lock
from medshelf.core.issues import Issue
from medshelf.core.manifest import Manifest
from medshelf.core.version import __version__
from medshelf.formats.entry import Entry
from medshelf.parallel.run import run
from medshelf.quality.case import Case
from medshelf.quality.deidentifying.place import (
    AUDIT,
    FILES,
    JOB,
    MANIFEST,
    Wishes,
    place,
    require_apart,
    secret,
)
from medshelf.quality.deidentifying.pseudonyms import Pseudonyms
from medshelf.quality.deidentifying.rows import FILE, Personal, as_clean_manifest, clean_rows
from medshelf.quality.deidentifying.task import CleaningTask
from medshelf.quality.passes import Passes
from medshelf.quality.personal.confidentiality import EDITION

_SHARD_SIZE = 64
_RULES = ("dicom-identifiers", "dicom-free-text", "dicom-private-tags", "file-metadata")


@dataclass(frozen=True, slots=True)
class Deidentified:
    """What was done.

    Attributes:
        folder: Where the copies, `manifest.parquet` and `audit.json` are.
        n_files: Files of the manifest.
        n_cleaned: Files with a clean copy.
        actions: Number of files by action and tag (`remove 0010,1000`).
        failed: Place of each file without a copy, and why.
        review: Place of each file that a person has to look at, and why.
        personal: Rows whose texts look personal; the new manifest has none of their texts.
        issues: What the privacy rules find in the copies.
    """

    folder: Path
    n_files: int
    n_cleaned: int
    actions: Mapping[str, int]
    failed: tuple[tuple[str, str], ...]
    review: tuple[tuple[str, str], ...]
    personal: tuple[Personal, ...]
    issues: tuple[Issue, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every file was cleaned, nobody has to look, and no rule finds an error."""
        bad = any(each.severity == "error" for each in self.issues)
        return not (self.failed or self.review or self.personal or bad)

    def as_dict(self) -> dict[str, Any]:
        """Return all for JSON; it names files and samples of the raw tree."""
        return {
            "folder": str(self.folder),
            "n_files": self.n_files,
            "n_cleaned": self.n_cleaned,
            "actions": dict(self.actions),
            "failed": [{"file": file, "reason": reason} for file, reason in self.failed],
            "review": [{"file": file, "reason": reason} for file, reason in self.review],
            "personal": [
                {"sample_id": each.sample_id, "column": each.column, "kind": each.kind}
                for each in self.personal
            ],
            "issues": [each.as_dict() for each in self.issues],
            "complete": self.is_complete,
        }


def deidentify(
    manifest: Manifest, out: Path, wishes: Wishes | None = None, passes: Passes | None = None
) -> Deidentified:
    """Write clean copies of all files of a manifest, a manifest of them, and an audit record.

    DICOM files are cleaned by the Basic Application Level Confidentiality Profile, pictures and
    volumes lose their texts; pixels are never altered. Members of archives become files. Ids, names
    of files and UIDs are replaced, the same by the same. A run that was killed goes on.

    Args:
        manifest: The rows.
        out: The folder to write, outside of the raw tree.
        wishes: How.
        passes: How the work is spread; by default over the cores of this machine. Without `pixels`
            the copies are not decoded to look for text that is burned into them.

    Raises:
        SettingError: `out` or the key lies where it must not; dates are both retained and shifted.
        StorageError: `out` holds something else, or cannot be written.
        FormatError: The key file holds no key.
        MissingExtraError: There are DICOM files, and pydicom is not installed.
    """
    wishes, passes = wishes or Wishes(), passes or Passes()
    root, out = manifest.root.resolve(), out.expanduser().resolve()
    require_apart(root, out, wishes)
    with place(out, wishes) as folder, lock(folder / JOB / "all"):
        key = secret(wishes, folder)
        files = _files_of(manifest, Pseudonyms(key))
        lines = _clean_all(files, root, folder, key, wishes, passes)
        done = files.join(lines, on="target", how="left", maintain_order="left")
        targets = done.filter(pl.col("problem").is_null()).select(*FILE, "target")
        rows, personal = clean_rows(manifest, targets, Pseudonyms(key), wishes.retain)
        clean = replace(as_clean_manifest(manifest, rows), root=folder)
        clean.write(folder / MANIFEST)
        issues = () if wishes.dry_run else _issues(clean, passes)
        found = _summary(out, done, personal, issues)
        _write_audit(folder, done, found, wishes)
        shutil.rmtree(folder / JOB, ignore_errors=True)
    return found


def _files_of(manifest: Manifest, pseudonyms: Pseudonyms) -> pl.DataFrame:
    media = manifest.frame.select("media").explode("media").drop_nulls("media").unnest("media")
    files = media.select(FILE).drop_nulls("path").unique(maintain_order=True).collect()
    codes = [
        pseudonyms.code("file", Entry(path, member).location)
        for path, member, _ in files.iter_rows()
    ]
    code = pl.Series(codes, dtype=pl.String)
    suffix = pl.col("format").fill_null("bin").str.replace_all(r"[^0-9A-Za-z.]", "")
    target = pl.format(f"{FILES}/{{}}/{{}}.{{}}", code.str.slice(1, 2), code, suffix)
    return files.with_columns(target=target)


def _clean_all(
    files: pl.DataFrame, root: Path, folder: Path, key: bytes, wishes: Wishes, passes: Passes
) -> pl.DataFrame:
    """Clean the files; return `target`, `source`, `result`, `actions`, `review`, `problem`."""
    job = folder / JOB
    with atomic_path(job / "files.parquet") as part:
        files.write_parquet(part)
    outcome = run(
        CleaningTask(
            job / "files.parquet", root, None if wishes.dry_run else folder, wishes.retain, key
        ),
        files.height,
        job / "shards",
        shard_size=_SHARD_SIZE,
        workers=passes.workers,
        engine=passes.engine,
        address=passes.address,
        title="de-identifying",
        suffix=".jsonl",
    )
    lines: list[dict[str, Any]] = []
    for path in outcome.paths:
        lines += map(json.loads, path.read_text("utf-8").splitlines())
    lines += [
        {"target": files["target"][each.item], "problem": f"it ends the process: {each.reason}"}
        for each in outcome.lost
    ]
    schema = dict.fromkeys(("target", "source", "result", "actions", "problem"), pl.String)
    rows = [
        {**each, "actions": json.dumps(each.get("actions", {})), "review": each.get("review", [])}
        for each in lines
    ]
    return pl.DataFrame(rows, {**schema, "review": pl.List(pl.String)}, orient="row")


def _issues(clean: Manifest, passes: Passes) -> tuple[Issue, ...]:
    """Return what the privacy rules find in the copies."""
    from medshelf.quality.checking import check

    rules = (*_RULES, "burned-in-text") if passes.pixels else _RULES
    return check(Case(clean, passes=replace(passes, pixels=True)), select=rules).issues


def _summary(
    out: Path, done: pl.DataFrame, personal: tuple[Personal, ...], issues: tuple[Issue, ...]
) -> Deidentified:
    actions: dict[str, int] = {}
    for text, n_files in done.group_by("actions").len().sort("actions").iter_rows():
        for action, tags in json.loads(text or "{}").items():
            for tag in tags:
                name = f"{action} {tag}"
                actions[name] = actions.get(name, 0) + n_files
    failed = done.filter(pl.col("problem").is_not_null())
    return Deidentified(
        folder=out,
        n_files=done.height,
        n_cleaned=done.height - failed.height,
        actions=dict(sorted(actions.items())),
        failed=tuple(
            (Entry(each["path"], each["member"]).location, each["problem"])
            for each in failed.iter_rows(named=True)
        ),
        review=tuple(
            (Entry(each["path"], each["member"]).location, reason)
            for each in done.filter(pl.col("review").list.len() > 0).iter_rows(named=True)
            for reason in each["review"]
        ),
        personal=personal,
        issues=issues,
    )


def _write_audit(folder: Path, done: pl.DataFrame, found: Deidentified, wishes: Wishes) -> None:
    """Write what was done, without a value, a path or an id of the raw tree."""
    head = {
        "medshelf": __version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "profile": f"DICOM PS3.15 Basic Application Level Confidentiality Profile, {EDITION}",
        "retained": sorted(wishes.retain),
        "key": "kept by the user" if wishes.key else "random, thrown away",
        "n_files": found.n_files,
        "n_cleaned": found.n_cleaned,
        "n_rows_without_text": len({each.sample_id for each in found.personal}),
        "left_over": [
            {"rule": each.rule, "message": each.message, "samples": each.samples}
            for each in found.issues
        ],
    }
    with atomic_path(folder / AUDIT) as part, part.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head, indent=1)[:-2] + ',\n "files": [')
        for number, each in enumerate(done.iter_rows(named=True)):
            failed = each["problem"] is not None
            entry = {
                "file": None if failed else each["target"],
                "source_sha256": each["source"],
                "result_sha256": each["result"],
                "actions": json.loads(each["actions"] or "{}"),
                "review": each["review"],
                "problem": "not cleaned" if failed else None,
            }
            file.write(f"{',' if number else ''}\n  {json.dumps(entry)}")
        file.write("\n ]\n}\n")
