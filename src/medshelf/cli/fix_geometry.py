"""`medshelf fix-geometry`."""

from __future__ import annotations

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
    from medshelf.quality.fixing.fix import Fixed

_N_SHOWN = 20


def run(
    source: Annotated[
        str, typer.Argument(metavar="ID|MANIFEST", help="Dataset id, or a manifest (.parquet).")
    ],
    folder: Annotated[Path, typer.Argument(help="For the copies; outside the raw tree.")],
    root: Root = None,
    option: Options = None,
    what: Annotated[
        list[str] | None,
        typer.Option(help="masks, orientation or shear; may be repeated. Not shear by default."),
    ] = None,
    orientation: Annotated[str, typer.Option(help="That volumes are turned to.")] = "RAS",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and write nothing.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Remove what an earlier call wrote.")
    ] = False,
    workers: Annotated[int | None, typer.Option(help="Processes; one per core by default.")] = None,
    records: Records = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write corrected copies of volumes: headers of masks, directions of axes. Never resamples."""
    start(quiet=quiet)
    use_records(records)
    from medshelf.api.manifests import open_manifest
    from medshelf.quality.case import Case
    from medshelf.quality.fixing.fix import fix_geometry
    from medshelf.quality.fixing.plan import DEFAULT_STEPS
    from medshelf.quality.passes import Passes

    manifest, record = open_manifest(source, root, options(option))
    fixed = fix_geometry(
        Case(manifest, record, Passes(workers=workers)),
        folder,
        what=what or DEFAULT_STEPS,
        orientation=orientation.upper(),
        dry_run=dry_run,
        overwrite=overwrite,
    )
    if json:
        print_json(fixed.as_dict())
    else:
        _show(fixed)


def _show(fixed: Fixed) -> None:
    verb = "would be corrected" if fixed.manifest is None else "corrected"
    print(f"{len(fixed.changes):,} of {fixed.n_volumes:,} volumes {verb}")
    for each in fixed.changes[:_N_SHOWN]:
        before, after = (each[name]["orientation"] or "no place" for name in ("before", "after"))
        print(f"  {each['file']}: {', '.join(each['steps'])} ({before} -> {after})")
    if fixed.unfixed:
        print(f"{len(fixed.unfixed):,} volumes are not as they should be, and were left:")
    for each in fixed.unfixed[:_N_SHOWN]:
        print(f"  {each['file']}: {each['reason']}")
    if max(len(fixed.changes), len(fixed.unfixed)) > _N_SHOWN:
        note("the record, or --json, has the rest")
    if fixed.manifest is not None:
        note(f"written: {fixed.manifest}")
