"""`INFO`, `HOMEPAGE` and `DEFAULT_ROOT`: the catalog's records in the form of `medmnist`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from medshelf.compat.medmnist import __version__
from medshelf.core.errors import UnknownNameError
from medshelf.core.tasks import TaskKind

if TYPE_CHECKING:
    from medshelf.catalog.record import Record

    INFO: dict[str, dict[str, Any]]

__all__ = ["DEFAULT_ROOT", "HOMEPAGE", "INFO", "__version__"]

HOMEPAGE = "https://github.com/MedMNIST/MedMNIST/"
DEFAULT_ROOT = str(Path("~").expanduser() / ".medmnist")

_FLAGS = (
    "pathmnist",
    "chestmnist",
    "dermamnist",
    "octmnist",
    "pneumoniamnist",
    "retinamnist",
    "breastmnist",
    "bloodmnist",
    "tissuemnist",
    "organamnist",
    "organcmnist",
    "organsmnist",
    "organmnist3d",
    "nodulemnist3d",
    "adrenalmnist3d",
    "fracturemnist3d",
    "vesselmnist3d",
    "synapsemnist3d",
)
_TASKS = {
    TaskKind.BINARY: "binary-class",
    TaskKind.MULTI_CLASS: "multi-class",
    TaskKind.ORDINAL: "ordinal-regression",
    TaskKind.MULTI_LABEL: "multi-label, binary-class",
}


def __getattr__(name: str) -> Any:
    """Read the records when `INFO` is first asked for."""
    if name != "INFO":
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from medshelf.catalog.shelf import find_record

    return globals().setdefault("INFO", {flag: _entry(find_record(flag)) for flag in _FLAGS})


def task_kind(task: str) -> TaskKind:
    """Return the kind that a task string of `INFO` means.

    Raises:
        UnknownNameError: It is none of them.
    """
    for kind, name in _TASKS.items():
        if name == task:
            return kind
    raise UnknownNameError("task", task, _TASKS.values())


def _entry(record: Record) -> dict[str, Any]:
    files: dict[str, str] = {}
    for file in record.files:
        size = file.options["size"]
        ending = "" if size == "28" else f"_{size}"
        files[f"url{ending}"] = file.url
        files[f"MD5{ending}"] = (file.hash or "").removeprefix("md5:")
    task = record.label_tasks[0]
    return {
        "python_class": record.name,
        "description": _description(record),
        **files,
        "task": _TASKS[task.kind],
        "label": {str(code): name for code, name in enumerate(task.classes)},
        "n_channels": record.channels,
        "n_samples": {str(split): n for split, n in record.splits.items()},
        "license": _licence(record.licence.id if record.licence else ""),
    }


def _description(record: Record) -> str:
    """Say in one sentence what the set is, how large, and what it was made from."""
    task = record.label_tasks[0]
    colour = "RGB" if record.channels == 3 else "grey"  # noqa: PLR2004 - channels of RGB
    counts = ", ".join(f"{n:,} {split}" for split, n in record.splits.items())
    return (
        f"{record.name} holds {sum(record.splits.values()):,} {colour} {record.sample_unit}s "
        f"({', '.join(record.modalities)}; {', '.join(record.anatomy)}) with "
        f"{len(task.classes)} classes for {task.kind} classification: {counts}; "
        f"source: {_sources(record)}."
    )


def _sources(record: Record) -> str:
    from medshelf.catalog.lineage import source_records

    _, *sources = source_records(record)
    return "; ".join(each.name for each in sources) or "the authors' own"


def _licence(spdx: str) -> str:
    """Turn `CC-BY-NC-4.0` into `CC BY-NC 4.0`."""
    family, _, rest = spdx.partition("-")
    terms, _, version = rest.rpartition("-")
    return f"{family} {terms} {version}"
