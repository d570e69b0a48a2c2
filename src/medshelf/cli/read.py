"""`medshelf read`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medshelf.cli.output import (
    Dataset,
    Json,
    Options,
    Quiet,
    Records,
    Root,
    note,
    options,
    print_json,
    start,
    use_records,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from medshelf.dataset.overview import LabelCount, Overview

_N_LABELS = 40


def run(
    dataset: Dataset,
    root: Root = None,
    option: Options = None,
    out: Annotated[
        Path | None, typer.Option(help="Also write the manifest into this Parquet file.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a tree that is not complete.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Read the raw files, whatever is in the cache.")
    ] = False,
    records: Records = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read a raw tree into its manifest, and say what is in it and what is missing."""
    start(quiet=quiet)
    use_records(records)
    from medshelf import api
    from medshelf.dataset.overview import overview

    manifest = api.read(dataset, root=root, options=options(option), strict=strict, fresh=fresh)
    if out is not None:
        manifest.write(out)
        note(f"written: {out}")
    found = overview(manifest)
    if json:
        print_json(found.as_dict())
    else:
        _show(found)


def _show(found: Overview) -> None:
    from medshelf.cli.tables import console

    screen = console()
    meta = found.meta
    screen.print(f"[bold]{_plain(meta.name)}[/bold]  {meta.dataset}")
    people = [
        f"{n:,} {what}"
        for n, what in ((found.n_patients, "patients"), (found.n_studies, "studies"))
        if n
    ]
    screen.print(_plain(", ".join([f"{found.n_samples:,} rows ({meta.unit})", *people])))
    _facts(screen, found)
    if found.labels:
        screen.print(_label_table(found.labels, found.by_split))
    for name, counts in found.facets.items():
        screen.print(f"[dim]{name:11}[/dim] {_plain(_counts(counts))}")
    _issues(screen, found)
    screen.print("\n[bold]First rows[/bold]")
    for row in found.first:
        screen.print(_plain(_in_one_line(row)), soft_wrap=True)


def _facts(screen: Any, found: Overview) -> None:
    meta = found.meta
    facts = {
        "splits": _counts(found.by_split),
        "media": _counts(found.media),
        "no media": f"{found.without_media:,} rows" if found.without_media else "",
        "stated": _counts(
            {
                name: n
                for name, n in found.stated.items()
                if name not in ("media", "label", "labels") and name not in found.facets
            }
        ),
        "licence": meta.licence or "not known",
        "labels by": meta.label_origin or "origin not stated",
    }
    for name, text in facts.items():
        if text:
            screen.print(f"[dim]{name:11}[/dim] {_plain(text)}")
    for each in meta.limitations:
        screen.print(f"[dim]{'note':11}[/dim] {_plain(each)}")


def _label_table(labels: Iterable[LabelCount], by_split: Mapping[str, int]) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    shown, left_out = Table(box=SIMPLE_HEAD), 0
    several = any(each.task for each in labels)
    for name in (*(("task",) if several else ()), "label", *(("state",) if several else ())):
        shown.add_column(name)
    for split in (*by_split, *(("all",) if len(by_split) > 1 else ())):
        shown.add_column(split, justify="right")
    for number, each in enumerate(labels):
        if number >= _N_LABELS:
            left_out += 1
            continue
        row = [each.task or "", each.name, each.state] if several else [each.name]
        numbers = [each.by_split.get(split, 0) for split in by_split]
        numbers += [each.n] if len(by_split) > 1 else []
        shown.add_row(*map(_plain, row), *[f"{n:,}" for n in numbers])
    if left_out:
        shown.caption = f"and {left_out:,} more: see --json"
    return shown


def _issues(screen: Any, found: Overview) -> None:
    for each in found.meta.issues:
        colour = {"error": "red", "warning": "yellow"}.get(each.severity, "default")
        text = _plain(f"{each.where}: {each.message}. {each.remedy}.")
        screen.print(f"[{colour}]{each.severity}[/{colour}] {text}")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counts.items())


def _in_one_line(row: Mapping[str, Any]) -> str:
    parts = []
    for name, value in row.items():
        text = str(value).replace("\n", " ")
        parts.append(f"{name}={text[:117] + '...' if len(text) > 120 else text}")  # noqa: PLR2004
    return "- " + ", ".join(parts)


def _plain(text: str) -> str:
    """Return text that stands between markup as it is; `tables.plain` says what goes."""
    from rich.markup import escape

    from medshelf.cli.tables import plain

    return escape(plain(text).plain)
