"""`medshelf new-reader`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medshelf.cli.output import Dataset, note, start


def run(
    dataset: Dataset,
    folder: Annotated[Path, typer.Option(help="A checkout of medshelf.")] = Path(),
) -> None:
    """Begin a reader: write record entry, reader and fixture, which run as they are."""
    start(quiet=False)
    from medshelf.api.reader_skeleton import write_reader_skeleton

    for path in write_reader_skeleton(dataset, folder):
        print(path)
    module = dataset.replace("-", "_")
    note(
        f"Change the fixture to the true layout, then the reader until it passes: "
        f"python -m pytest tests/contract -k {module}"
    )
