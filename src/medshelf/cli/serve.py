"""`medshelf serve`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from medshelf.cli.output import Json, Quiet, Records, Root, note, print_json, start, use_records

if TYPE_CHECKING:
    from medshelf.explorer.server import Opened


def run(
    named: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID|MANIFEST]...", help="Ids or Parquet manifests; none: all."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Port; a free one by default.")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Name or address to listen at; this machine alone by default.")
    ] = "localhost",
    root: Root = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Only print the address.")
    ] = False,
    no_token: Annotated[
        bool, typer.Option("--no-token", help="Let every user of this machine in.")
    ] = False,
    fetch_assets: Annotated[
        bool,
        typer.Option("--fetch-assets", help="Fetch missing JavaScript for the pages, and end."),
    ] = False,
    records: Records = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show the catalog, samples, quality and leaderboards in the browser, read-only."""
    start(quiet=quiet)
    use_records(records)
    from medshelf.explorer import server
    from medshelf.explorer.holdings import Holdings
    from medshelf.explorer.listening import Wish

    if fetch_assets:
        fetched = server.fetch_assets()
        print_json(fetched) if json else note(f"fetched: {', '.join(fetched) or 'nothing'}")
        return
    if missing := server.missing_assets():
        note(f"{', '.join(missing)} missing; get it with: medshelf serve --fetch-assets")
    wish = Wish(host, port, not no_token, not (no_browser or json))
    if not wish.is_local:
        note(f"warning: other machines can reach {host}, and what they see is not encrypted")

    def ready(opened: Opened) -> None:
        if json:
            print_json({"url": opened.url, "port": opened.port, "pid": os.getpid()})
        else:
            print(opened.url)
            note("Stop with Ctrl-C.")
        _flush()

    server.serve(Holdings(tuple(named or ()), root), wish, ready)


def _flush() -> None:
    import sys

    sys.stdout.flush()
