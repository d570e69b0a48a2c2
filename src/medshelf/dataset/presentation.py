"""What one must know of a dataset before using it, as text and for a notebook."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape

import polars as pl

from medshelf.core.errors import MedshelfError
from medshelf.core.manifest import SPLITS, Meta
from medshelf.core.tasks import Task
from medshelf.dataset.rows import Rows
from medshelf.dataset.sample import Sample

NOT_CLINICAL = "Not for clinical use."

_SHOWN_CLASSES = 20
_COLUMNS = 6


def facts(meta: Meta, rows: Rows) -> list[tuple[str, str]]:
    """Return name and text of each fact, in the order of reading."""
    return [
        *[("task", f"{each.name}, {each.kind}: {_classes(each)}") for each in meta.tasks],
        ("samples", f"{len(rows):,} ({official_splits(rows)}), one per {meta.unit}"),
        *[("part", meta.options[key]) for key in ("derived_split",) if key in meta.options],
        ("licence", meta.licence or "not stated"),
        ("labels", meta.label_origin or "origin not stated"),
        *[("note", each) for each in meta.limitations],
        *[(each.severity, f"{each.where}: {each.message}") for each in meta.issues],
    ]


def as_text(meta: Meta, rows: Rows) -> str:
    """Return the facts for a terminal."""
    lines = [f"  {name:8} {text}" for name, text in facts(meta, rows)]
    return "\n".join([title(meta), *lines, f"  {NOT_CLINICAL}"])


def as_html(meta: Meta, rows: Rows, samples: Sequence[Sample]) -> str:
    """Return a picture of some samples and the facts, for a notebook; all text is escaped."""
    lines = [
        f"<tr><th style='text-align:left'>{escape(name)}</th>"
        f"<td style='text-align:left'>{escape(text)}</td></tr>"
        for name, text in facts(meta, rows)
    ]
    table = f"<table>{''.join(lines)}</table>"
    return (
        f"<div><strong>{escape(title(meta))}</strong>{_pictures(meta, samples)}"
        f"{table}<p>{NOT_CLINICAL}</p></div>"
    )


def title(meta: Meta) -> str:
    """Return name and id, and whether the files are the published ones."""
    generated = " GENERATED: no medical data" if meta.synthetic else ""
    modified = " MODIFIED: not the published files" if meta.modified else ""
    return f"{meta.name} ({meta.dataset}){generated}{modified}"


def official_splits(rows: Rows) -> str:
    """Return the number of rows in each official split, as text."""
    present = split_counts(rows)
    named = [f"{name} {present[name]:,}" for name in SPLITS if name in present]
    if not named:
        return "no official split"
    return ", ".join([*named, *([f"no split {present[None]:,}"] if None in present else [])])


def split_counts(rows: Rows) -> Mapping[str | None, int]:
    """Return the number of rows in each official split; null for those in none."""
    return dict(rows.frame.group_by("split").agg(pl.len()).collect().iter_rows())


def _classes(task: Task) -> str:
    more = task.n_classes - _SHOWN_CLASSES
    shown = ", ".join(task.classes[:_SHOWN_CLASSES])
    return shown + (f" and {more} more" if more > 0 else "")


def _pictures(meta: Meta, samples: Sequence[Sample]) -> str:
    from medshelf.dataset.looking.thumbnails import thumbnails

    try:
        picture, problems = thumbnails(samples, _COLUMNS)
    except MedshelfError as error:
        return f"<p>{escape(error.problem)}</p>"
    file = io.BytesIO()
    picture.save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode("ascii")
    alt = escape(f"First image of {len(samples)} samples of {meta.name}", quote=True)
    missing = "".join(f"<p>{escape(each)}</p>" for each in problems)
    return f"<p><img alt='{alt}' src='data:image/png;base64,{data}'></p>{missing}"
