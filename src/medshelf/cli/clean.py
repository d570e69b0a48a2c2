"""`medshelf clean`."""

from __future__ import annotations

from typing import Annotated

import typer

from medshelf.cli.output import Json, Records, note, print_json, start, use_records


def run(
    datasets: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Dataset ids; all by default.")
    ] = None,
    data: Annotated[
        bool, typer.Option("--data", help="Delete the fetched files of these datasets, too.")
    ] = False,
    records: Records = None,
    json: Json = False,
) -> None:
    """Delete what unfinished downloads left in medshelf's home."""
    start(quiet=False)
    use_records(records)
    if data and not datasets:
        message = "name the datasets whose files are to be deleted"
        raise typer.BadParameter(message, param_hint="--data")
    from medshelf import api

    freed = api.clean(*(datasets or ()), data=data)
    if json:
        print_json({"freed_bytes": freed})
    else:
        note(f"{freed:,} bytes freed")
