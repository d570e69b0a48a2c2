"""`medshelf where`."""

from __future__ import annotations

import typer

from medshelf.cli.output import Dataset, Json, Records, note, print_json, start, use_records


def run(dataset: Dataset, records: Records = None, json: Json = False) -> None:
    """Print every folder that holds files of a dataset; exit 1 if there is none."""
    start(quiet=False)
    use_records(records)
    from dataclasses import asdict

    from medshelf import api

    places = api.where(dataset)
    if json:
        print_json([asdict(each) for each in places])
    for each in places if not json else ():
        count = "" if each.found is None else f"  {each.found} of {each.expected} files"
        print(f"{each.folder}  ({each.kind}){count}")
    if not places:
        note(f"No copy of {dataset} was found. Fetch it with: medshelf fetch {dataset}")
        raise typer.Exit(1)
