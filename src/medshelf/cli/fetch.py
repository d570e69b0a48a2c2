"""`medshelf fetch`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from medshelf.cli.output import Dataset, Json, Quiet, Root, note, print_json, start


def run(
    dataset: Dataset,
    size: Annotated[int | None, typer.Option(help="Edge length of the images.")] = None,
    root: Root = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Fetch again, replace what is there.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Open no connection.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Download a dataset and verify it; print the folder that holds it."""
    start(quiet=quiet)
    from medshelf import api

    if offline:
        os.environ["MEDSHELF_OFFLINE"] = "1"
    planned = api.plan(dataset, size=size, root=root)
    if dry_run:
        _print_plan(planned, json=json)
        return
    note(api.terms(dataset))
    folder = api.fetch(dataset, size=size, root=root, force=force)
    if json:
        print_json({"dataset": dataset, "folder": folder, "files": [each.name for each in planned]})
    else:
        print(folder)


def _print_plan(planned: tuple[object, ...], *, json: bool) -> None:
    from dataclasses import asdict

    rows = [asdict(each) | {"present": each.present} for each in planned]  # type: ignore[call-overload,attr-defined]
    if json:
        print_json(rows)
        return
    for row in rows:
        size = "size not published" if row["size_bytes"] is None else f"{row['size_bytes']:,} bytes"
        action = (
            f"there already ({row['status']})" if row["present"] else f"would fetch {row['url']}"
        )
        print(f"{row['target']}  {size}  {row['hash'] or 'no published hash'}  {action}")
