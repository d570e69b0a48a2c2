"""`medshelf catalog`: the catalog as a whole."""

from __future__ import annotations

import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medshelf.cli.output import Json, Lang, Records, language, note, print_json, start, use_records
from medshelf.cli.tables import as_rich, console

if TYPE_CHECKING:
    from medshelf.catalog.record import Record
    from medshelf.catalog.statistics import Statistics

app = typer.Typer(no_args_is_help=True, help="The catalog as a whole: counts, checks, export.")


class Format(StrEnum):
    """What the catalog can be exported to."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    MARKDOWN = "markdown"
    CROISSANT = "croissant"


class CroissantVersion(StrEnum):
    """Versions of Croissant's specification."""

    V1_0 = "1.0"
    V1_1 = "1.1"


@app.command()
def stats(
    svg: Annotated[Path | None, typer.Option(help="Also draw the counts into this file.")] = None,
    png: Annotated[Path | None, typer.Option(help="The same as a PNG file.")] = None,
    records: Records = None,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Count the datasets by group, task, modality, access, year ..."""
    start(quiet=False)
    use_records(records)
    from medshelf.catalog.shelf import all_records
    from medshelf.catalog.statistics import catalog_statistics
    from medshelf.catalog.wording import number_text, phrase

    counted = catalog_statistics(all_records())
    shown_in = language(lang)
    _draw(counted, svg, png, shown_in)
    if json:
        print_json(asdict(counted))
        return
    screen = console()
    numbers = (number_text(each) for each in (counted.n_datasets, counted.n_phantoms))
    screen.print(phrase("n-datasets", shown_in).format(*numbers), style="bold")
    screen.print(phrase("counted-once-per-term", shown_in))
    for facet in counted.counts:
        screen.print(as_rich(counted.table(facet, shown_in)))


def _draw(counted: Statistics, svg: Path | None, png: Path | None, shown_in: str) -> None:
    from medshelf.api.catalog_pictures import statistics_picture
    from medshelf.core.files import atomic_path
    from medshelf.report.raster import png as as_png

    for path in (svg, png):
        if path is None:
            continue
        drawing = statistics_picture(counted, shown_in)
        content = drawing.encode() if path is svg else as_png(drawing)
        with atomic_path(path) as part:
            part.write_bytes(content)
        note(f"written: {path}")


@app.command()
def validate(
    path: Annotated[
        Path | None,
        typer.Argument(metavar="[PATH]", help="A record or a folder of them; all by default."),
    ] = None,
    records: Records = None,
    json: Json = False,
) -> None:
    """Check records and vocabulary, and report all problems at once; exit 1 if there are errors."""
    start(quiet=False)
    use_records(records)
    from medshelf.catalog.authoring.validation import validate as check

    problems = check(path)
    errors = [each for each in problems if each.severity == "error"]
    if json:
        print_json([asdict(each) for each in problems])
    else:
        for each in problems:
            print(each)
    note(f"{len(errors)} errors, {len(problems) - len(errors)} warnings")
    if errors:
        raise typer.Exit(1)


@app.command()
def add(
    dataset: Annotated[str, typer.Argument(metavar="ID", help="Id of the new dataset.")],
    folder: Annotated[
        Path, typer.Option(help="Folder of records to write into; give it with --records later.")
    ] = Path("records"),
    name: Annotated[str | None, typer.Option(help="Name, as its authors write it.")] = None,
    homepage: Annotated[str | None, typer.Option(help="Address of its page.")] = None,
    show: Annotated[bool, typer.Option("--print", help="Print the record, write nothing.")] = False,
) -> None:
    """Write the skeleton of a new record, with what each field may hold."""
    start(quiet=False)
    from medshelf.catalog.authoring.skeleton import skeleton
    from medshelf.core.errors import SettingError
    from medshelf.core.files import write_text

    given = {"name": name, "homepage": homepage}
    text = skeleton(dataset, **{key: value for key, value in given.items() if value})
    if show:
        print(text)
        return
    path = folder / f"{dataset}.yaml"
    if path.exists():
        problem = f"{path} exists already"
        raise SettingError(problem, "Edit it, or choose another id")
    write_text(path, text)
    print(path)
    note(f"Fill it in, then: medshelf catalog validate {path}")


@app.command()
def recent(
    since: Annotated[str, typer.Option(help="Date: 2024, 2024-05 or 2024-05-31.")],
    records: Records = None,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """List what was released, or added to the catalog, since a date, newest first."""
    use_records(records)
    from medshelf.catalog.recent import recent_records
    from medshelf.catalog.vocabulary import label

    found = recent_records(since)
    if json:
        print_json(
            [{"id": e.id, "name": e.name, "released": e.released, "added": e.added} for e in found]
        )
        return
    shown_in = language(lang)
    for each in found:
        tasks = ", ".join(label("tasks", task, shown_in) for task in each.tasks)
        print(f"{each.released or '':10}  {each.added or '':10}  {each.id}  {each.name}  ({tasks})")


@app.command()
def export(
    datasets: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Dataset ids; all by default.")
    ] = None,
    format: Annotated[  # noqa: A002
        Format, typer.Option(help="jsonl, csv, parquet, markdown or croissant.")
    ] = Format.JSONL,
    out: Annotated[
        Path | None,
        typer.Option(help="File, or folder for markdown and croissant, that does not exist yet."),
    ] = None,
    croissant_version: Annotated[
        CroissantVersion | None, typer.Option(help="1.0 or 1.1 (default).")
    ] = None,
    previews: Annotated[
        bool,
        typer.Option(
            "--previews", help="Samples on the pages, where data are at hand and licences allow it."
        ),
    ] = False,
    records: Records = None,
    lang: Lang = None,
) -> None:
    """Write the catalog: as records, as a table, as the collection's pages, or as Croissant."""
    start(quiet=False)
    use_records(records)
    from medshelf.api.catalog_files import export_catalog
    from medshelf.catalog.shelf import all_records, find_record

    wanted = dict.fromkeys(datasets or ())
    chosen = [find_record(each) for each in wanted] if wanted else list(all_records())
    asked = language(lang) if format is Format.MARKDOWN else lang
    if out is None:
        _print(format.value, chosen, asked, croissant_version)
        return
    export_catalog(
        format.value,
        out,
        records=chosen,
        language=asked,
        version=croissant_version,
        previews=previews,
    )
    note(f"written: {out}")


def _print(form: str, chosen: list[Record], shown_in: str | None, version: str | None) -> None:
    from medshelf.api.catalog_files import catalog_bytes
    from medshelf.catalog.export.croissant import croissant_text
    from medshelf.core.errors import SettingError

    if form in ("jsonl", "csv"):
        sys.stdout.buffer.write(catalog_bytes(form, chosen, shown_in))
    elif form == "croissant" and len(chosen) == 1:
        sys.stdout.buffer.write(croissant_text(chosen[0], version or "1.1").encode())
    else:
        raise SettingError(f"{form} does not go to the terminal", "Say where to write with --out")
