"""Tables as Markdown, LaTeX, CSV and HTML."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl

from medshelf.catalog.export import markdown_text
from medshelf.core.errors import SettingError
from medshelf.core.files import write_text
from medshelf.report.page import Cell, Link, Page, Table, cell_text

_ESCAPES = str.maketrans(
    {
        **{each: f"\\{each}" for each in "&%$#_{}"},
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "±": r"$\pm$",
    }
)


@dataclass(frozen=True, slots=True)
class View:
    """Tables with what must be said of them.

    Attributes:
        title: Heading.
        tables: What readers see.
        notes: Sentences below it.
        records: The same as plain values, one per line of the CSV file.
        language: `en` or `zh`.
    """

    title: str
    tables: Sequence[Table]
    notes: Sequence[str]
    records: Sequence[Mapping[str, Any]]
    language: str = "en"


def write_view(view: View, path: Path) -> None:
    """Write a table in the format that the file's name ends with.

    Raises:
        SettingError: There is no such format.
        StorageError: The file cannot be written.
    """
    write = WRITERS.get(path.suffix.lower())
    if write is None:
        problem = f"Cannot write a leaderboard as {path.name!r}"
        raise SettingError(problem, f"End the name with one of: {', '.join(WRITERS)}")
    write_text(path, write(view))


def markdown(view: View) -> str:
    """Return the tables as GitHub-flavoured Markdown."""
    body = "\n\n".join(map(_markdown_table, view.tables))
    title, notes = markdown_text.escape(view.title), map(markdown_text.escape, view.notes)
    return f"# {title}\n\n{body}\n\n{markdown_text.bullets(notes)}\n"


def latex(view: View) -> str:
    """Return the tables for LaTeX with the packages booktabs and hyperref.

    Pairs of AUC and ACC columns stand below their dataset.
    """
    parts = [f"% {' '.join(view.title.split())}"]
    parts += [_tabular(table) for table in view.tables]
    parts += [f"\\noindent {latex_text(note)}" for note in view.notes]
    return "\n\n".join(parts) + "\n"


def latex_text(text: str) -> str:
    """Return text as LaTeX prints it."""
    return " ".join(text.split()).translate(_ESCAPES)


def csv(view: View) -> str:
    """Return the plain values as CSV; what is not known is empty."""
    buffer = io.StringIO()
    pl.DataFrame(list(view.records), infer_schema_length=None).write_csv(buffer)
    return buffer.getvalue()


def html(view: View) -> str:
    """Return a page with the tables."""
    page = Page(view.title, lang=view.language)
    for table in view.tables:
        page.table(table)
    for note in view.notes:
        page.paragraph(note)
    return page.html()


WRITERS: dict[str, Callable[[View], str]] = {
    ".md": markdown,
    ".tex": latex,
    ".csv": csv,
    ".html": html,
}


def _markdown_cell(cell: Cell) -> str:
    if isinstance(cell, Link):
        return markdown_text.link(cell.text, cell.url)
    return markdown_text.escape(cell_text(cell))


def _latex_cell(cell: Cell) -> str:
    if isinstance(cell, Link):
        return f"\\href{{{cell.url.translate(_ESCAPES)}}}{{{latex_text(cell.text)}}}"
    return latex_text(cell_text(cell))


def _tabular(table: Table) -> str:
    form = "".join("r" if table.is_numeric(place) else "l" for place in range(len(table.header)))
    lines = [f"\\begin{{tabular}}{{{form}}}", "\\toprule", *_head(table.header), "\\midrule"]
    lines += [" & ".join(map(_latex_cell, row)) + r" \\" for row in table.rows]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"])


def _head(header: Sequence[str]) -> list[str]:
    stems = [_pair(header, name) for name in header]
    if not any(stems):
        return [" & ".join(map(latex_text, header)) + r" \\"]
    above = []
    for stem, group in groupby(stems):
        n = len(list(group))
        above += [f"\\multicolumn{{{n}}}{{c}}{{{latex_text(stem)}}}"] if stem else [""] * n
    below = [
        latex_text(name[len(stem) :].strip()) for name, stem in zip(header, stems, strict=True)
    ]
    return [" & ".join(above) + r" \\", " & ".join(below) + r" \\"]


def _pair(header: Sequence[str], name: str) -> str:
    """Return what an AUC and an ACC column have in common; empty for other columns."""
    stem = name.removesuffix(" AUC").removesuffix(" ACC")
    places = [place for place, each in enumerate(header) if each == f"{stem} AUC"]
    return stem if any(header[place + 1] == f"{stem} ACC" for place in places) else ""


def _markdown_table(table: Table) -> str:
    rows = [[_markdown_cell(cell) for cell in row] for row in table.rows]
    numeric = [place for place in range(len(table.header)) if table.is_numeric(place)]
    return markdown_text.table(table.header, rows, numeric)
