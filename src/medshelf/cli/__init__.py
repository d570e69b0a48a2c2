"""The command line: one module per command. Results on stdout, progress and logs on stderr."""

from __future__ import annotations

import sys

import typer

from medshelf.cli import (
    adopt,
    benchmark,
    catalog,
    check,
    check_links,
    cite,
    clean,
    compare,
    convert,
    deidentify,
    demo,
    du,
    evaluate,
    explain,
    export,
    export_site,
    fetch,
    fix_geometry,
    info,
    leaderboard,
    learn,
    lineage,
    listing,
    login_status,
    new_reader,
    predict,
    profile,
    protocols,
    read,
    robustness,
    rules,
    search,
    serve,
    show,
    unpack,
    verify,
    where,
)
from medshelf.cli.output import common, fail

app = typer.Typer(
    name="medshelf",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback()(common)
app.command("list")(listing.run)
for module in (
    search,
    info,
    compare,
    lineage,
    cite,
    learn,
    check_links,
    fetch,
    verify,
    where,
    adopt,
    unpack,
    clean,
    du,
    login_status,
    read,
    show,
    serve,
    profile,
    check,
    rules,
    fix_geometry,
    deidentify,
    convert,
    new_reader,
    benchmark,
    protocols,
    evaluate,
    explain,
    predict,
    export,
    export_site,
    robustness,
    demo,
):
    app.command(module.__name__.rpartition(".")[2].replace("_", "-"))(module.run)
app.add_typer(catalog.app, name="catalog")
app.add_typer(leaderboard.app, name="leaderboard")


def main() -> None:
    """Run the command line; exit 0 on success, 1 on a failure, 2 on wrong usage."""
    from medshelf.core.errors import MedshelfError

    try:
        app()
    except MedshelfError as error:
        sys.exit(fail(str(error)))
    except KeyboardInterrupt:
        sys.exit(130)
