"""`medshelf search`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from medshelf.cli.output import Json, Lang, Records, language, note, print_json, start, use_records

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table

    from medshelf.catalog.search import Hit, Results

Many = list[str] | None
_COLUMNS = ("id", "name", "modalities", "tasks", "n_samples", "access", "licence", "year")
_BETWEEN = " · "
_WIDE = 110


def run(
    words: Annotated[
        Many, typer.Argument(metavar="[WORDS]...", help="English, Chinese or both; none for all.")
    ] = None,
    task: Annotated[Many, typer.Option(help="Task, e.g. segmentation.")] = None,
    modality: Annotated[Many, typer.Option(help="Modality, e.g. ct.")] = None,
    anatomy: Annotated[Many, typer.Option(help="Body part, e.g. lung.")] = None,
    condition: Annotated[Many, typer.Option(help="Disease or finding.")] = None,
    group: Annotated[Many, typer.Option(help="Group of the catalog, e.g. retina.")] = None,
    dimension: Annotated[Many, typer.Option(help="2D, 3D, video, text ...")] = None,
    access: Annotated[
        Many, typer.Option(help="open, registration, application, credentialed or unknown.")
    ] = None,
    licence: Annotated[Many, typer.Option(help="Licence id, e.g. CC-BY-4.0.")] = None,
    licence_allows: Annotated[
        Many, typer.Option(help="commercial, redistribution or derivatives.")
    ] = None,
    format: Annotated[Many, typer.Option(help="File format, e.g. nii.gz.")] = None,  # noqa: A002
    platform: Annotated[Many, typer.Option(help="Where it lies, e.g. zenodo.")] = None,
    text_language: Annotated[Many, typer.Option(help="Language of texts, e.g. zh.")] = None,
    min_samples: Annotated[int | None, typer.Option(min=0)] = None,
    max_samples: Annotated[int | None, typer.Option(min=0)] = None,
    since: Annotated[int | None, typer.Option(help="First year of release.")] = None,
    until: Annotated[int | None, typer.Option(help="Last year of release.")] = None,
    readable: Annotated[
        bool, typer.Option("--readable", help="Only sets that medshelf can open.")
    ] = False,
    sort: Annotated[str, typer.Option(help="relevance, samples, year or name.")] = "relevance",
    limit: Annotated[int, typer.Option(min=0, help="Lines at most; 0 for all.")] = 20,
    facets: Annotated[
        bool, typer.Option("--facets", help="Count the hits by every facet instead.")
    ] = False,
    records: Records = None,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Find datasets by words and facets."""
    start(quiet=False)
    use_records(records)
    from medshelf.catalog.filters import Filters
    from medshelf.catalog.search import search

    filters = Filters(
        group=group or (),
        dimension=dimension or (),
        modality=modality or (),
        task=task or (),
        anatomy=anatomy or (),
        condition=condition or (),
        access=access or (),
        language=text_language or (),
        format=format or (),
        platform=platform or (),
        licence=licence or (),
        licence_allows=licence_allows or (),
        min_samples=min_samples,
        max_samples=max_samples,
        since=since,
        until=until,
        readable=True if readable else None,
    )
    found = search(
        " ".join(words or ()),
        filters,
        sort=sort,  # type: ignore[arg-type]
        limit=limit or None,
        language=language(lang),
    )
    if json:
        from dataclasses import asdict

        print_json(asdict(found))
        return
    if facets:
        _print_facets(found)
    elif found.hits:
        _print_hits(found)
    for remark in found.remarks:
        note(remark)


def _print_hits(found: Results) -> None:
    """Print aligned lines into a pipe, else a table, or two lines per hit if there is no room."""
    columns = [found.labels["field"][column] for column in _COLUMNS]
    rows = [_cells(hit, found.labels) for hit in found.hits]
    if not sys.stdout.isatty():
        _print_aligned([columns, *rows])
        return
    from rich.console import Console

    screen = Console(highlight=False, emoji=False)
    screen.print(_table(columns, rows) if screen.width >= _WIDE else _pairs_of_lines(rows))


def _cells(hit: Hit, labels: dict[str, dict[str, str]]) -> list[str]:
    """Return what is shown of a hit, in the order of the columns."""
    samples = "" if hit.n_samples is None else f"{hit.n_samples:,}"
    unit = labels["unit"][hit.unit] if hit.unit and samples else ""
    return [
        hit.id,
        hit.name,
        ", ".join(labels["modality"][each] for each in hit.modalities),
        ", ".join(labels["task"][each] for each in hit.tasks),
        f"{samples} {unit}".strip(),
        labels["access"][hit.access],
        hit.licence or "",
        str(hit.year or ""),
    ]


def _print_aligned(rows: list[list[str]]) -> None:
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, strict=True)
        print("  ".join(cell + " " * (width - cell_len(cell)) for cell, width in cells).rstrip())


def _table(columns: list[str], rows: list[list[str]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0))
    for name, shown_as in zip(_COLUMNS, columns, strict=True):
        table.add_column(
            Text(shown_as),
            justify="right" if name == "n_samples" else "left",
            style="bold" if name == "id" else "",
            no_wrap=name not in {"name", "modalities", "tasks"},
            overflow="fold",
        )
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _pairs_of_lines(rows: list[list[str]]) -> Group:
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    lines: list[RenderableType] = []
    for dataset, name, *rest in rows:
        lines.append(Text.assemble((dataset, "bold"), "  ", name))
        lines.append(Padding(Text(_BETWEEN.join(cell for cell in rest if cell)), (0, 0, 0, 4)))
    return Group(*lines)


def _print_facets(found: Results) -> None:
    from rich.console import Console
    from rich.text import Text

    screen = Console(highlight=False, emoji=False)
    for facet, counts in found.facets.items():
        if counts:
            screen.print(Text(found.labels["facet"][facet], style="bold"))
        for each in counts:
            named = each.value if each.label == each.value else f"{each.value}  {each.label}"
            screen.print(Text(f"{each.count:>7,}  {named}"), soft_wrap=True)
