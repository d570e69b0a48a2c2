"""Find records by id. A record is read when it is asked for, not before."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import yaml
from pydantic import ValidationError

from medshelf.catalog.citation import bibtex
from medshelf.catalog.record import Record
from medshelf.core.errors import FormatError, UnknownNameError
from medshelf.core.manifest import Meta

RECORDS = Path(__file__).parent / "records"


def dataset_ids() -> list[str]:
    """Return all ids, sorted."""
    return sorted(path.stem for path in RECORDS.glob("*.yaml"))


def find_record(dataset: str) -> Record:
    """Return the record of one dataset; capitals do not matter.

    Raises:
        UnknownNameError: There is no such id; near ones are named.
    """
    known = dataset_ids()
    wanted = str(dataset).strip().lower()
    if wanted not in known:
        raise UnknownNameError("dataset", dataset, known)
    return read_record(RECORDS / f"{wanted}.yaml")


@lru_cache(maxsize=64)
def read_record(path: Path) -> Record:
    """Read one record file.

    Every YAML scalar is read as text and the model gives it its type, so that `no`, dates and
    all-digit hashes stay what they look like.

    Raises:
        FormatError: The file is not YAML, or breaks the model; all problems are listed.
    """
    try:
        fields = yaml.load(path.read_text("utf-8"), Loader=yaml.CBaseLoader)  # noqa: S506 - text only
        return Record.model_validate(fields)
    except yaml.YAMLError as error:
        raise FormatError(path, str(error), "Correct the YAML") from error
    except ValidationError as error:
        raise FormatError(path, "; ".join(_sentences(error)), "Correct these fields") from error


def manifest_meta(record: Record, **options: str) -> Meta:
    """Return what a manifest carries of a record.

    Args:
        record: The dataset.
        options: Reader options of the variant.
    """
    return Meta(
        dataset=record.id,
        name=record.name,
        version=record.version,
        unit=record.unit,
        tasks=record.core_tasks(),
        dimensions=record.dimensions,
        channels=record.channels,
        splits={str(split): n for split, n in record.splits.items()},
        licence=record.licence,
        citation=bibtex(record.citations),
        label_origin=record.label_origin,
        options=options,
        synthetic=record.synthetic,
    )


def _sentences(error: ValidationError) -> Iterator[str]:
    for each in error.errors():
        place = ".".join(str(part) for part in each["loc"])
        yield f"{place}: {each['msg']}"
