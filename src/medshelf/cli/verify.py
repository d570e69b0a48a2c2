"""`medshelf verify`."""

from __future__ import annotations

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


def run(
    dataset: Dataset,
    root: Root = None,
    records: Records = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare every file on disk with what was fetched; exit 1 if one is changed or missing."""
    start(quiet=quiet)
    use_records(records)
    from collections import Counter
    from dataclasses import asdict

    from medshelf import api

    checked = api.verify(dataset, root=root)
    if json:
        print_json([asdict(each) for each in checked])
    else:
        for each in checked:
            if each.state != "verified":
                print(f"{each.state:11}  {each.name}")
    counts = Counter(each.state for each in checked)
    note(", ".join(f"{n:,} {state}" for state, n in sorted(counts.items())))
    if any(each.bad for each in checked):
        raise typer.Exit(1)
