"""Find records by id, in medshelf's folder and in the user's; one is read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from medshelf.catalog.marked_yaml import Finding, read_marked
from medshelf.catalog.record import Record
from medshelf.core.errors import FormatError, LayoutError, UnknownNameError
from medshelf.core.settings import Settings

RECORDS = Path(__file__).parent / "records"


def record_folders() -> tuple[Path, ...]:
    """Return the folders that hold records: medshelf's own, then those of `$MEDSHELF_RECORDS`.

    Raises:
        LayoutError: A folder that the user named does not exist.
    """
    folders = Settings.from_environment().records
    for folder in folders:
        if not folder.is_dir():
            problem = f"The folder of records {folder} does not exist"
            raise LayoutError(problem, "Name a folder of YAML records, or unset MEDSHELF_RECORDS")
    return (RECORDS, *folders)


def record_paths() -> dict[str, Path]:
    """Return the file of every record by id, sorted by id.

    Raises:
        LayoutError: Two folders have a record of the same id.
    """
    paths: dict[str, Path] = {}
    for folder in record_folders():
        for path in sorted(folder.glob("*.yaml"), key=lambda each: each.name):
            if path.stem in paths:
                raise LayoutError(
                    f"{path} has the id of {paths[path.stem]}",
                    "Give the record another id, and its file the same name",
                )
            paths[path.stem] = path
    return dict(sorted(paths.items()))


def dataset_ids() -> list[str]:
    """Return all ids, sorted."""
    return list(record_paths())


def find_record(dataset: str) -> Record:
    """Return the record of one dataset; capitals do not matter.

    Raises:
        UnknownNameError: There is no such id; near ones are named.
        FormatError: Its file is damaged.
    """
    paths = record_paths()
    wanted = str(dataset).strip().lower()
    if wanted not in paths:
        raise UnknownNameError("dataset", dataset, paths)
    return read_record(paths[wanted])


def all_records() -> Iterator[Record]:
    """Yield every record in the order of its id.

    Raises:
        FormatError: A file is damaged.
    """
    for path in record_paths().values():
        yield read_record(path)


@lru_cache(maxsize=1024)
def read_record(path: Path) -> Record:
    """Read one record file.

    Every YAML scalar is read as text and the model gives it its type, so that `no`, dates and
    all-digit hashes stay what they look like.

    Raises:
        FormatError: `read_marked` refuses the file or finds a key twice, or the file breaks the
            model; all problems are listed.
    """
    document = read_marked(path)
    if document.faults:
        raise FormatError(path, "; ".join(_faults(document.faults)), "Correct the YAML")
    try:
        record = Record.model_validate(document.values)
    except ValidationError as error:
        raise FormatError(path, "; ".join(_sentences(error)), "Correct these fields") from error
    if record.id != path.stem:
        raise FormatError(path, f"its id is {record.id!r}", "Name the file after the id")
    return record


def _faults(faults: Iterable[Finding]) -> Iterator[str]:
    for each in faults:
        key = f"{each.place[-1]!r} " if each.place else ""
        yield f"line {each.line}: {key}{each.message} ({each.remedy})"


def _sentences(error: ValidationError) -> Iterator[str]:
    for each in error.errors():
        place = ".".join(str(part) for part in each["loc"])
        yield f"{place}: {each['msg']}"
