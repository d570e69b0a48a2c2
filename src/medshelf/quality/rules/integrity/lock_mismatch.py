"""A file that is not the one that was fetched.

**What.** `files.lock` says which files were fetched, how long they are and their SHA-256. A file of
it is missing or has another length; with the setting `lock-mismatch.hashes=1` every byte is
compared.

**Why.** A file that was changed after the fetch changes the results, and nothing else tells.

**Example.** A table that a spreadsheet program saved again, with its dates in another form.

**Remedy.** `medshelf verify ID` names the files; delete those and fetch them again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from medshelf.acquire.standing.adopted import known_lock
from medshelf.acquire.standing.checking import check_folder
from medshelf.acquire.standing.lockfile import LockedFile
from medshelf.catalog.record import Record
from medshelf.core.issues import Issue, Severity
from medshelf.core.settings import Settings
from medshelf.quality.case import Case
from medshelf.quality.judging.crossing import N_SHOWN
from medshelf.quality.judging.evidence import media_of
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "error"
NEEDS = ("record",)
TITLE_ZH = "文件与锁定记录不符"
SETTINGS = {"hashes": 0}

_SCHEMA = dict.fromkeys(("path", "state", "expected", "actual"), pl.String)


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per state: changed, missing."""
    settings = Settings.from_environment()
    record = case.record
    if record is None or not case.root.is_dir():
        return
    locked = known_lock(case.root, record.id, settings).files
    if not locked:
        return
    by_hash = bool(case.setting("lock-mismatch.hashes", SETTINGS["hashes"]))
    found = _by_hash(record, case.root, settings) if by_hash else _by_size(case.root, locked)
    bad = pl.DataFrame(found, schema=_SCHEMA, orient="row")
    media = media_of(case).select("row", "sample_id", "path").collect()
    for (state,), files in bad.group_by("state", maintain_order=True):
        yield _issue(str(state), files, media, len(locked))


def _by_size(root: Path, locked: Mapping[str, LockedFile]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, file in sorted(locked.items()):
        path, wanted = root / name, f"{file.size_bytes:,} bytes"
        if not path.is_file():
            found.append((name, "missing", wanted, "no file"))
        elif (size_bytes := path.stat().st_size) != file.size_bytes:
            found.append((name, "changed", wanted, f"{size_bytes:,} bytes"))
    return found


def _by_hash(record: Record, root: Path, settings: Settings) -> list[tuple[str, ...]]:
    checked = check_folder(record, root, settings)
    return [
        (each.name, each.state.value, each.expected or "", each.actual or "")
        for each in checked
        if each.bad
    ]


def _issue(state: str, files: pl.DataFrame, media: pl.DataFrame, n_locked: int) -> Issue:
    touched = media.join(files, on="path", how="semi").unique("row").sort("row")
    return Issue(
        rule="lock-mismatch",
        severity=SEVERITY,
        where=f"{state} files",
        message=f"{files.height:,} of {counted(n_locked, 'fetched file')} {state}",
        remedy=f"{'Fetch them' if state == 'missing' else 'Delete them, and fetch them'} again: "
        "medshelf fetch ID",
        samples=tuple(touched["sample_id"]),
        evidence=tuple(files.head(N_SHOWN).iter_rows(named=True)),
    )
