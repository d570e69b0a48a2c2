"""`medshelf fetch`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medshelf.cli.output import (
    Dataset,
    Json,
    Quiet,
    Records,
    Root,
    note,
    print_json,
    start,
    use_records,
)

if TYPE_CHECKING:
    from medshelf.api.acquiring import Outlook

_SHOWN = 100


def run(
    dataset: Dataset,
    size: Annotated[int | None, typer.Option(help="Edge length of the images.")] = None,
    root: Root = None,
    include: Annotated[
        list[str] | None, typer.Option(help="Only files that match; may be repeated.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(help="No files that match; may be repeated.")
    ] = None,
    part: Annotated[
        list[str] | None, typer.Option(help="Only this part, e.g. annotations; may be repeated.")
    ] = None,
    sample: Annotated[
        bool, typer.Option("--sample", help="The publisher's small edition.")
    ] = False,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="You have read the terms and accept them.")
    ] = False,
    mirror: Annotated[
        str | None, typer.Option(help="Address below which ID/FILE holds each file.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Fetch again, replace what is there.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Open no connection.")] = False,
    records: Records = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Download a dataset and verify it; print the folder that holds it."""
    start(quiet=quiet)
    use_records(records)
    from medshelf import api
    from medshelf.acquire.selection import Choice

    if offline:
        os.environ["MEDSHELF_OFFLINE"] = "1"
    included, excluded, parts = (tuple(each or ()) for each in (include, exclude, part))
    choice = Choice(included, excluded, parts, sample, mirror, accept_licence)
    outlook = api.foresee(dataset, size=size, root=root, choice=choice, ask=dry_run)
    if dry_run:
        _print_plan(outlook, json=json)
        return
    note(api.terms(dataset))
    note(_access(outlook))
    folder = api.fetch(
        dataset,
        size=size,
        root=root,
        force=force,
        include=choice.include,
        exclude=choice.exclude,
        part=choice.parts,
        sample=sample,
        accept_licence=accept_licence,
        mirror=mirror,
    )
    if json:
        names = [each.name for each in outlook.files]
        print_json({"dataset": dataset, "folder": folder, "files": names})
    else:
        print(folder)


def _access(outlook: Outlook) -> str:
    steps = f": {outlook.access_steps}" if outlook.access_steps else ""
    return f"Access: {outlook.access}{steps}"


def _print_plan(outlook: Outlook, *, json: bool) -> None:
    from dataclasses import asdict

    rows = [asdict(each) | {"present": each.present} for each in outlook.files]
    if json:
        print_json(rows)
        return
    for row in rows[:_SHOWN]:
        size = "size not known" if row["size_bytes"] is None else f"{row['size_bytes']:,} bytes"
        print(f"{row['target']}  {size}  {row['hash'] or 'no published hash'}  {_action(row)}")
    if len(rows) > _SHOWN:
        print(f"... and {len(rows) - _SHOWN:,} more (--json lists them all)")
    for line in _summary(outlook):
        note(line)


def _action(row: dict[str, Any]) -> str:
    if row["present"]:
        return f"there already ({row['status']})"
    by_hand = row["url"].startswith("manual:")
    return f"{'to be brought by hand:' if by_hand else 'would fetch'} {row['url']}"


def _summary(outlook: Outlook) -> list[str]:
    minutes = outlook.seconds_at_100_mbit / 60
    come = f"{outlook.missing_bytes:,} bytes, {minutes:,.1f} minutes at 100 Mbit/s"
    if outlook.n_unknown:
        come += f", and {outlook.n_unknown:,} of unknown length"
    lines = [_access(outlook), f"To fetch: {come}"]
    if outlook.missing_bytes > outlook.free_bytes:
        lines.append("That is more than the disk has room for")
    lines.append(f"Free on the disk: {outlook.free_bytes:,} bytes")
    return [*lines, *(f"Gate: {each}" for each in outlook.gates)]
