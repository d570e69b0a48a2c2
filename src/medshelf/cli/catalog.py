"""`medshelf catalog`: the catalog as a whole."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from medshelf.cli.info import as_rich, console
from medshelf.cli.output import Json, Lang, Records, language, note, print_json, start, use_records

app = typer.Typer(no_args_is_help=True, help="The catalog as a whole: counts, checks, export.")


class Format(StrEnum):
    """What the catalog can be exported to."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    MARKDOWN = "markdown"
    CROISSANT = "croissant"


@app.command()
def stats(
    svg: Annotated[Path | None, typer.Option(help="Also draw the counts into this file.")] = None,
    records: Records = None,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Count the datasets by group, task, modality, access, year ..."""
    start(quiet=False)
    use_records(records)
    from medshelf.catalog.shelf import all_records
    from medshelf.catalog.statistics import catalog_statistics, picture
    from medshelf.core.files import write_text

    counted = catalog_statistics(all_records())
    if svg is not None:
        write_text(svg, picture(counted, language(lang)))
        note(f"written: {svg}")
    if json:
        print_json(asdict(counted))
        return
    screen = console()
    screen.print(f"{counted.n_datasets} (+ {counted.n_phantoms})")
    for facet in counted.counts:
        screen.print(as_rich(counted.table(facet, language(lang))))


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
    from medshelf.catalog.validation import validate as check

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
    from medshelf.catalog.skeleton import skeleton
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
    format: Annotated[  # noqa: A002
        Format, typer.Option(help="jsonl, csv, parquet, markdown or croissant.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="File, or folder for markdown and croissant; stdout by default."),
    ] = None,
    records: Records = None,
    lang: Lang = None,
) -> None:
    """Write the catalog: as a table, as the collection's pages, or as Croissant metadata."""
    start(quiet=False)
    use_records(records)
    from medshelf.catalog.export import export as write

    text = write(format.value, out, language(lang))
    if text is not None:
        print(text, end="")
    else:
        note(f"written: {out}")
