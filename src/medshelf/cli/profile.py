"""`medshelf profile`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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

    from medshelf.quality.profiling.figure import Figure
    from medshelf.quality.profile import Profile


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
        _show_figures(figures)
    else:
        _show(found, language(lang))


def _show(found: Profile, tongue: str) -> None:
    from medshelf.catalog.cards.parts import Table
    from medshelf.cli.tables import as_rich, console, plain
    from medshelf.quality.pages.words import Words

    screen, word = console(), Words(tongue)
    screen.print(plain(f"{found.name}  {found.dataset}"), style="bold")
    counts = found.counts
    told = [f"{word(name)} {n:,}" for name, n in counts.by_split.items()]
    people = f", {counts.n_patients:,} {word('patients')}" if counts.n_patients else ""
    screen.print(plain(f"{counts.n_samples:,} {word('samples')} ({', '.join(told)}){people}"))
    rows: list[tuple[str, ...]] = []
    for each in found.resolution:
        for name, values in (("size (pixels)", each.size_px), ("spacing (mm)", each.spacing_mm)):
            if values is not None:
                ends = (values.minimum, values.median, values.maximum)
                cells = (" x ".join(f"{number:.4g}" for number in end) for end in ends)
                rows.append((f"{word(name)} {each.axes}", *cells, f"{values.n:,}"))
    if rows:
        header = ("", *word.all("minimum|median|maximum|images"))
        screen.print(as_rich(Table(header, tuple(rows), frozenset({4}))))
    if found.annotation:
        header = tuple(word.all("class|of|cases|percent|minimum|median|maximum|unit"))
        screen.print(as_rich(Table(header, tuple(_class_rows(found, word)), frozenset({2, 3}))))
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


def _class_rows(found: Profile, word: Any) -> Iterable[tuple[str, ...]]:
    for each in found.annotation:
        extent: tuple[str, ...] = ("", "", "")
        if each.extent is not None:
            ends = (each.extent.minimum, each.extent.median, each.extent.maximum)
            extent = tuple(f"{value:.4g}" for value in ends)
        percent = f"{each.percent:.1f}"
        yield (each.name, word(each.of), f"{each.cases:,}", percent, *extent, each.unit or "")


def _show_figures(figures: Iterable[Figure]) -> None:
    from medshelf.catalog.cards.parts import Table
    from medshelf.cli.tables import as_rich, console

    header = ("figure", "catalog", "measured", "verdict", "why")
    rows = tuple(
        (
            f"{each.field} {each.what}".strip(),
            _numbers(each.recorded),
            _numbers(each.ours),
            each.verdict,
            each.reason or "",
        )
        for each in figures
    )
    console().print(as_rich(Table(header, rows, frozenset({1, 2}))))


def _numbers(values: float | tuple[float, ...] | None) -> str:
    if values is None:
        return "-"
    return " x ".join(
        f"{each:,.6g}" for each in (values if isinstance(values, tuple) else [values])
    )
