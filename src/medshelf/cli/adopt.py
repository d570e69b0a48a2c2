"""`medshelf adopt`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medshelf.cli.output import (
    Dataset,
    Json,
    Quiet,
    Records,
    note,
    print_json,
    start,
    use_records,
)


def run(
    dataset: Dataset,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the files lie.")],
    records: Records = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Verify a download that lies in a folder and use it there; nothing is copied."""
    start(quiet=quiet)
    use_records(records)
    from medshelf import api

    names = api.adopt(dataset, folder)
    if json:
        print_json({"dataset": dataset, "folder": folder, "files": names})
    else:
        print(folder)
    note(f"{len(names):,} files; medshelf reads them where they lie")
