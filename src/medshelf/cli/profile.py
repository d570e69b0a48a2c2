"""`medshelf profile`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medshelf.cli.output import (
    Json,
    Lang,
    Options,
    Quiet,
    Records,
    Root,
    language,
    note,
    options,
    print_json,
    start,
    use_records,
)
from medshelf.cli.passing import Address, EngineOption, NoPixels, Workers, passes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from medshelf.quality.profile import Profile
    from medshelf.quality.profiling.figure import Figure


def run(
    dataset: Annotated[str, typer.Argument(metavar="ID|MANIFEST", help="Id or Parquet manifest.")],
    root: Root = None,
    option: Options = None,
    html: Annotated[
        Path | None, typer.Option(help="Also write a page with pictures and charts.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Also write a dataset card, as Hugging Face has them.")
    ] = None,
    against_catalog: Annotated[
        bool, typer.Option("--against-catalog", help="Compare with what the catalog states.")
    ] = False,
    workers: Workers = None,
    engine: EngineOption = "local",
    address: Address = None,
    no_pixels: NoPixels = False,
    lang: Lang = None,
    records: Records = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a dataset: sizes, classes, people, intensities, texts, boxes, masks."""
    start(quiet=quiet)
    use_records(records)
    from medshelf.api import quality

    case = quality.open_case(
        dataset,
        root=root,
        options=options(option),
        passes=passes(workers, engine, address, no_pixels=no_pixels),
    )
    found = quality.profile(case)
    if html is not None:
        quality.write_profile_page(found, case, html, language(lang))
        note(f"written: {html}")
    if markdown is not None:
        quality.write_dataset_card(found, case, markdown, language(lang))
        note(f"written: {markdown}")
    figures = quality.against_catalog(found, case) if against_catalog else None
    if json:
        from dataclasses import asdict

        told = {} if figures is None else {"against_catalog": [asdict(each) for each in figures]}
        print_json({**found.as_dict(), **told})
    elif figures is not None:
        _show_figures(figures, language(lang))
    else:
        _show(found, language(lang))


def _show(found: Profile, tongue: str) -> None:
    from medshelf.cli.tables import as_rich, console, plain
    from medshelf.quality.pages.words import Words
    from medshelf.quality.profiling.page_tables import annotation_table, resolution_table

    screen, word = console(), Words(tongue)
    screen.print(plain(f"{found.name}  {found.dataset}"), style="bold")
    counts = found.counts
    told = [f"{word(name)} {n:,}" for name, n in counts.by_split.items()]
    people = f", {counts.n_patients:,} {word('patients')}" if counts.n_patients else ""
    screen.print(plain(f"{counts.n_samples:,} {word('samples')} ({', '.join(told)}){people}"))
    for table in (
        resolution_table(found.resolution, tongue),
        annotation_table(found.annotation, tongue) if found.annotation else None,
    ):
        if table is not None:
            screen.print(as_rich(table))
    for channel in found.intensity:
        if channel.per_pixel is not None:
            mean, sd = (
                ", ".join(f"{each:.5g}" for each in given)
                for given in (channel.per_pixel.mean, channel.per_pixel.sd)
            )
            name = (
                f"{channel.name or '-'} ({channel.dtype}): {word('mean')} {mean}, {word('sd')} {sd}"
            )
            screen.print(plain(name))


def _show_figures(figures: Iterable[Figure], tongue: str) -> None:
    from medshelf.catalog.cards.parts import Table
    from medshelf.cli.tables import as_rich, console
    from medshelf.quality.profiling.words import word

    header = ("figure", "catalog", "measured", "verdict", "why")
    rows = tuple(
        (
            f"{each.field} {each.what}".strip(),
            _numbers(each.recorded),
            _numbers(each.ours),
            word(each.verdict, tongue),
            _reason(each, tongue),
        )
        for each in figures
    )
    console().print(as_rich(Table(header, rows, frozenset({1, 2}))))


def _reason(figure: Figure, tongue: str) -> str:
    from medshelf.quality.profiling.words import word

    if figure.verdict == "equal":
        return ""
    return word(figure.reason or "unexplained", tongue)


def _numbers(values: float | tuple[float, ...] | None) -> str:
    if values is None:
        return "-"
    return " x ".join(
        f"{each:,.6g}" for each in (values if isinstance(values, tuple) else [values])
    )
