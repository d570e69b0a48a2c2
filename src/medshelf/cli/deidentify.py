"""`medshelf deidentify`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medshelf.cli.output import (
    Json,
    Options,
    Quiet,
    Records,
    Root,
    note,
    options,
    print_json,
    start,
    use_records,
)

if TYPE_CHECKING:
    from medshelf.quality.deidentifying.deidentify import Deidentified

_N_SHOWN = 20


class Retained(StrEnum):
    """What may stay."""

    UIDS = "uids"
    DATES = "dates"
    SHIFTED_DATES = "shifted-dates"
    PATIENT = "patient-characteristics"


def run(
    source: Annotated[
        str, typer.Argument(metavar="ID|MANIFEST", help="A dataset, or a manifest's Parquet file.")
    ],
    out: Annotated[Path, typer.Argument(help="Folder for the clean copies.")],
    root: Root = None,
    option: Options = None,
    retain: Annotated[
        list[Retained] | None,
        typer.Option(help="What stays although the profile removes it; may be repeated."),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(help="File of the secret behind the new ids, made where there is none."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be removed.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the copies of an earlier run.")
    ] = False,
    no_pixels: Annotated[
        bool, typer.Option("--no-pixels", help="Do not look for text in the pixels of the copies.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(help="Processes; by default one per core.", min=0)
    ] = None,
    records: Records = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write copies without what names a person; exit 1 where a person still has to look."""
    start(quiet=quiet)
    use_records(records)
    from medshelf.api.manifests import open_manifest
    from medshelf.quality.deidentifying.deidentify import deidentify
    from medshelf.quality.deidentifying.place import Wishes
    from medshelf.quality.passes import Passes

    manifest, _ = open_manifest(source, root, options(option))
    kept = frozenset(each.value for each in retain or ())
    wishes = Wishes(kept, key, overwrite=overwrite, dry_run=dry_run)  # type: ignore[arg-type]
    done = deidentify(manifest, out, wishes, Passes(workers=workers, pixels=not no_pixels))
    if json:
        print_json(done.as_dict())
    else:
        _show(done, dry_run=dry_run)
    if not done.is_complete:
        raise typer.Exit(1)


def _show(done: Deidentified, *, dry_run: bool) -> None:
    for name, n_files in done.actions.items():
        print(f"{n_files:>9,}  {name}")
    for title, pairs in (("not cleaned", done.failed), ("to be looked at", done.review)):
        for file, reason in pairs[:_N_SHOWN]:
            note(f"{title}: {file}: {reason}")
        if len(pairs) > _N_SHOWN:
            note(f"{title}: {len(pairs) - _N_SHOWN:,} more, see --json")
    if done.personal:
        rows = {each.sample_id for each in done.personal}
        note(f"texts of {len(rows):,} rows look personal and are left out: see --json")
    for each in done.issues:
        note(f"{each.severity}: {each.message}. {each.remedy}.")
    what = "would be cleaned" if dry_run else f"cleaned: {done.folder}"
    print(f"{done.n_cleaned:,} of {done.n_files:,} files {what}")
