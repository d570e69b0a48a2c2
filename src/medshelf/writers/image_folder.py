"""Pictures in folders by split (and class), with a table of everything else that is stated.

    labels.csv                   one line per sample
    train/benign/p001.png        class folders where every sample has one class
    test/...                     no split: pictures/...

`torchvision.datasets.ImageFolder` and `datasets.load_dataset("imagefolder")` read the folders; the
table has the column `file_name` that the latter takes as metadata.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from medshelf.conversion.job import Job, Part, Record
from medshelf.conversion.naming import file_names
from medshelf.conversion.prepared import Prepared
from medshelf.conversion.stated.sample_facts import facts
from medshelf.core.errors import SettingError
from medshelf.core.files import atomic_path, make_folder
from medshelf.core.manifest import Manifest

CARRIES = frozenset({"pictures", "class", "findings", "uncertain", "unstated", "grades", "texts"})
OPTIONS: Mapping[str, str] = {"classes": "folders (default), or none: all pictures in one folder"}
SHARD_SIZE = 256

_KINDS = ("png", "jpg", "tif", "bmp")


def plan(manifest: Manifest, options: Mapping[str, str]) -> dict[str, Any]:
    """Return the folder of each class.

    Raises:
        SettingError: An option has another value, or two classes would have one folder.
    """
    chosen = options.get("classes", "folders")
    if chosen not in ("folders", "none"):
        raise SettingError(f"classes={chosen!r} is not known", "Choose folders or none")
    names = [
        name
        for task in manifest.meta.tasks
        if "label" in task.kind.columns
        for name in task.classes
    ]
    return {"folders": file_names(names, "classes") if chosen == "folders" else {}}


@contextmanager
def shard(job: Job, part: Part, number: int) -> Iterator[Callable[[Prepared], Record]]:  # noqa: ARG001
    """Give a function that writes one picture."""
    folders = job.plan["folders"]

    def write(sample: Prepared) -> Record:
        content, ending = sample.file(_KINDS)
        parts = [part.split or "pictures"]
        if sample.sample.label in folders:
            parts.append(folders[sample.sample.label])
        name = "/".join([*parts, f"{sample.key}.{ending}"])
        make_folder((job.folder / name).parent)
        with atomic_path(job.folder / name) as path:
            path.write_bytes(content)
        return {"file_name": name, **facts(sample)}

    yield write


def finish(job: Job) -> None:
    """Write the table."""
    columns: dict[str, None] = {}
    for record in job.records():
        columns |= dict.fromkeys(record)
    with (
        atomic_path(job.folder / "labels.csv") as path,
        path.open("w", encoding="utf-8", newline="") as file,
    ):
        table = csv.DictWriter(file, list(columns), restval="")
        table.writeheader()
        table.writerows(job.records())
