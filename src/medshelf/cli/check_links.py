"""`medshelf check-links`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from medshelf.cli.output import Json, Quiet, Records, note, print_json, start, use_records

if TYPE_CHECKING:
    from medshelf.acquire.links import Link
    from medshelf.catalog.record import Record


def run(
    datasets: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Dataset ids; all by default.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for an answer.")] = 20,
    pause: Annotated[
        float, typer.Option(min=0, help="Seconds between two requests to one host.")
    ] = 1,
    records: Records = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Ask every address of the catalog whether it still answers; exit 1 if one is dead."""
    start(quiet=quiet)
    use_records(records)
    from medshelf.acquire.link_answer import LinkStatus
    from medshelf.acquire.links import check_links, count_statuses
    from medshelf.catalog.shelf import all_records, find_record

    chosen = map(find_record, datasets) if datasets else all_records()
    links = [link for record in chosen for link in _links(record)]
    verdicts = check_links(links, timeout_s=timeout, pause_s=pause)
    counts = count_statuses(verdicts)
    if json:
        print_json([asdict(each) for each in verdicts])
    else:
        for each in verdicts:
            if each.status is not LinkStatus.OK:
                print(f"{each.status:11}  {each.link.dataset}  {each.link.field}  {each.link.url}")
                print(f"             {each.detail}")
    note(", ".join(f"{n} {status}" for status, n in counts.items()))
    if counts[LinkStatus.DEAD]:
        raise typer.Exit(1)


def _links(record: Record) -> list[Link]:
    from medshelf.acquire.links import Link

    pages: dict[str, tuple[str, ...]] = {
        "homepage": (record.homepage,) if record.homepage else (),
        "download_urls": record.download_urls,
        "papers": record.papers,
    }
    found = [Link(record.id, field, url) for field, urls in pages.items() for url in urls]
    files = (each.url for each in record.files if each.url.startswith("http"))
    return found + [Link(record.id, "files", url, is_file=True) for url in files]
