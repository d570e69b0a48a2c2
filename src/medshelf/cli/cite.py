"""`medshelf cite`."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from medshelf.cli.output import Json, Records, print_json, use_records


class Style(StrEnum):
    """How a work is written."""

    BIBTEX = "bibtex"
    APA = "apa"
    TEXT = "text"


def run(
    datasets: Annotated[list[str], typer.Argument(metavar="ID...", help="Dataset ids.")],
    style: Annotated[
        Style, typer.Option("--format", help="bibtex, apa (7th edition) or text.")
    ] = Style.BIBTEX,
    records: Records = None,
    json: Json = False,
) -> None:
    """Print what to cite for all sets of a study, the sources of derived sets included."""
    use_records(records)
    from medshelf.catalog.citation import cited_works, reference
    from medshelf.catalog.shelf import find_record

    works = cited_works([find_record(each) for each in datasets])
    if json:
        print_json([asdict(each) for each in works])
    elif style is Style.BIBTEX:
        print("\n\n".join(each.bibtex for each in works))
    else:
        for each in works:
            print(reference(each, style.value))
