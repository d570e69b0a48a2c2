"""What a sample states beside its images, for tables with a line per sample."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from medshelf.conversion.job import Record
from medshelf.conversion.prepared import Prepared
from medshelf.core.files import atomic_path

_FACTS = ("patient_id", "study_id", "age_years", "sex", "view", "laterality", "site", "scanner")
_TEXTS = ("report", "findings", "impression", "caption", "context")


def facts(sample: Prepared) -> Record:
    """Return column to value: id, split, labels, patient, texts; what is not stated is left out."""
    row = sample.sample
    found: Record = {"sample_id": row.id, "split": sample.split, "label": row.label}
    found |= {each: getattr(row, each) for each in _FACTS}
    found |= {each: getattr(row.text, each) for each in _TEXTS} if row.text else {}
    for each in row.labels:
        parts = [each.task, each.name, each.source, each.annotator]
        found[" / ".join(filter(None, parts))] = each.value
    return {name: value for name, value in found.items() if value is not None}


def write_table(path: Path, columns: Iterable[Record], rows: Iterator[Record]) -> None:
    """Write a CSV file, UTF-8, whose columns are all that any row has, `sample_id` first.

    Args:
        path: The file.
        columns: The rows once, for their columns.
        rows: The rows again; they are not held in memory.
    """
    names: dict[str, None] = {"sample_id": None}
    for each in columns:
        names |= dict.fromkeys(each)
    with atomic_path(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(names), restval="")
        table.writeheader()
        table.writerows(rows)
