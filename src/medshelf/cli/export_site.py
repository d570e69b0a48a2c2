"""`medshelf export-site`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medshelf.cli.output import (
    Json,
    Language,
    Quiet,
    Records,
    language,
    print_json,
    start,
    use_records,
)


def run(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What to write.")],
    lang: Annotated[
        Language | None, typer.Option(help="Only this language; both by default.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a site that was written before.")
    ] = False,
    records: Records = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write catalog and leaderboards as a static site that lies anywhere and needs no server."""
    start(quiet=quiet)
    use_records(records)
    from medshelf.explorer.exporting import export_site

    languages = ("en", "zh") if lang is None else (language(lang),)
    written = export_site(folder, languages, overwrite=overwrite)
    if json:
        print_json({"folder": written, "languages": languages})
    else:
        print(written)
