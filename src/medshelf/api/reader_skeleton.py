"""A reader and its fixture to begin with: they run and agree, for a table with images."""

from __future__ import annotations

from pathlib import Path

from medshelf.catalog.authoring.skeleton import skeleton
from medshelf.catalog.shelf import record_paths
from medshelf.core.errors import SettingError
from medshelf.core.files import write_text

_READERS = Path("src/medshelf/readers")
_FIXTURES = Path("tests/fixtures")
_RECORDS = Path("src/medshelf/catalog/records")

_READER = '''"""{name}.

Raw tree:
    labels.csv                  image, patient, diagnosis
    images/<image>.png

Known quirks: say here what a reader must know, and nothing that is not seen in the files.

Source: {source}
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from medshelf.core.assembly import assemble, missing_files, unused_files
from medshelf.core.columns import entries, extra, media
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats.tables import read_table
from medshelf.formats.tree import LOCATION, attach, find_one, left_over, list_files

_TABLE = "labels.csv"


def read(root: Path, meta: Meta) -> Manifest:
    """Read the dataset.

    Args:
        root: The folder that holds table and images, unpacked or not.
        meta: Facts of the dataset.

    Raises:
        LayoutError: The table or one of its columns is missing.
        FormatError: The table is truncated, or an archive cannot be read.
    """
    files = list_files(root)
    entry = find_one(files, _TABLE)
    columns = ("image", "patient", "diagnosis")
    table = read_table(entry.source(root), name=root / entry.location, required=columns)
    rows = attach(table.with_columns(file=pl.col("image") + ".png"), files, "file")
    images = files.filter(pl.col("suffix") == "png")
    issues = [
        *missing_files(rows.filter(pl.col("path").is_null())["file"], _TABLE),
        *unused_files(left_over(images, rows).select(LOCATION).to_series(), _TABLE),
    ]
    columns = rows.select(
        sample_id="image",
        patient_id="patient",
        media=entries(media("image")),
        extra=extra({{"diagnosis": pl.col("diagnosis")}}),
    )
    return assemble(columns, meta, root, issues)
'''

_FIXTURE = '''"""{name} in miniature: an image that is in no table, a row without image."""

from __future__ import annotations

from pathlib import Path

from tests.contract.making import medium, named_values, picture, text

SOURCE = "{source}"
RECORD = "{dataset}"
GREYS = {{"a1": 10, "a2": 20}}
ISSUES = ["file-missing", "file-unused"]
TABLES = ("labels.csv",)


def make(root: Path) -> None:
    text(root / "labels.csv", "image,patient,diagnosis\\na2,7,benign\\na1,7,\\nb1,8,malignant\\n")
    for sample, grey in GREYS.items():
        picture(root / f"images/{{sample}}.png", grey)
    picture(root / "images/c1.png", 99)


def _row(sample: str, patient: str, diagnosis: str = "") -> dict[str, object]:
    there = sample in GREYS
    return {{
        "sample_id": sample,
        "patient_id": patient,
        "media": [medium("image", "image", f"images/{{sample}}.png")] if there else None,
        "extra": named_values({{"diagnosis": diagnosis}}),
    }}


EXPECTED = [_row("a1", "7"), _row("a2", "7", "benign"), _row("b1", "8", "malignant")]
'''


def write_reader_skeleton(dataset: str, checkout: Path) -> tuple[Path, ...]:
    """Write a reader and its fixture, and name the reader in the record.

    They are for a table with one image per row and pass the contract as they are; what differs in
    the release is then changed, the fixture first.

    Args:
        dataset: Catalog id; where there is no such record, its skeleton is written too.
        checkout: The folder of medshelf's sources.

    Returns:
        What was written.

    Raises:
        SettingError: `checkout` is no such folder, a file is there already, the record names a
            reader, or the id is not in kebab case.
        StorageError: A file cannot be written.
    """
    module = dataset.replace("-", "_")
    reader, fixture = checkout / _READERS / f"{module}.py", checkout / _FIXTURES / f"{module}.py"
    record = checkout / _RECORDS / f"{dataset}.yaml"
    if not reader.parent.is_dir() or not fixture.parent.is_dir():
        problem = f"{checkout} does not hold medshelf's sources ({_READERS} and {_FIXTURES})"
        raise SettingError(problem, "Run it in a checkout, or name one with --folder")
    for path in (reader, fixture):
        if path.exists():
            raise SettingError(f"{path} exists already", "Edit it, or remove it first")
    facts = {"name": dataset, "source": "where the layout is described", "dataset": dataset}
    text = _with_reader(dataset, record)
    write_text(record, text)
    write_text(reader, _READER.format(**facts))
    write_text(fixture, _FIXTURE.format(**facts))
    return record, reader, fixture


def _with_reader(dataset: str, record: Path) -> str:
    """Return the text of the record with the reader in it."""
    line = f"reader: {{name: {dataset}}}\n"
    if not record.exists():
        if dataset in record_paths():
            problem = f"The record of {dataset!r} is {record_paths()[dataset]}, not {record}"
            raise SettingError(problem, "Name the checkout that holds it with --folder")
        return skeleton(dataset) + "\n" + line
    text = record.read_text("utf-8")
    if any(each.startswith("reader:") for each in text.splitlines()):
        raise SettingError(f"{record} names a reader already", "Edit that one")
    return text.rstrip("\n") + "\n" + line
