"""`medshelf search`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from medshelf.cli.output import Json, Lang, Records, language, note, print_json, start, use_records

if TYPE_CHECKING:
    from medshelf.catalog.search import Hit, Results

Many = list[str] | None
_PIPE_WIDTH = 140


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
    text = " ".join(words or ())
    shown_in = language(lang)
    found = search(text, filters, sort=sort, limit=limit or None, language=shown_in)  # type: ignore[arg-type]
    if json:
        from dataclasses import asdict

        print_json(asdict(found))
        return
    if facets:
        _print_facets(found)
    else:
        _print_hits(found.hits, shown_in)
    for unknown, near in found.suggestions.items():
        note(f"{unknown} -> {near}?")
    note(f"{len(found.hits)} / {found.total}")


def _print_hits(hits: tuple[Hit, ...], lang: str) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from medshelf.catalog.vocabulary import label

    table = Table(box=SIMPLE_HEAD)
    for column in ("id", "name", "modalities", "tasks", "n_samples", "access", "licence", "year"):
        table.add_column(
            label("fields", column, lang),
            justify="right" if column in {"n_samples", "year"} else "left",
            no_wrap=column == "id",
            overflow="fold",
        )
    for hit in hits:
        samples = "" if hit.n_samples is None else f"{hit.n_samples:,}"
        unit = label("sample_units", hit.unit, lang) if hit.unit else ""
        table.add_row(
            hit.id,
            hit.name,
            ", ".join(label("modalities", each, lang) for each in hit.modalities),
            ", ".join(label("tasks", each, lang) for each in hit.tasks),
            f"{samples} {unit}".strip(),
            label("access", hit.access, lang),
            hit.licence or "",
            str(hit.year or ""),
        )
    Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False).print(table)


def _print_facets(found: Results) -> None:
    for facet, counts in found.facets.items():
        print(facet)
        for each in counts:
            name = each.label if each.label == each.value else f"{each.label} ({each.value})"
            print(f"  {each.count:>5}  {name}")
