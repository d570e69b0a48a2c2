"""A finished run and the data that it was made from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from medshelf.api.opening import open_labelled
from medshelf.benchmark.runs import Run
from medshelf.core.errors import RunError
from medshelf.dataset.labelled_images import LabelledImages


def open_splits(
    found: Run,
    splits: Iterable[str],
    *,
    root: str | Path | None = None,
    allow_modified: bool = False,
) -> dict[str, LabelledImages]:
    """Open splits of the dataset of a run, images as stored.

    Args:
        found: The run.
        splits: Names, e.g. `test`.
        root: As for `load`.
        allow_modified: As for `load`.

    Raises:
        ChecksumError: The files are not the published ones and `allow_modified` is False.
        NotFetchedError: The files are not at hand.
        RunError: The run was made from other files, or was tested on another dataset.
    """
    spec = found.spec
    if spec.tested_on:
        problem = f"Run {spec.name!r} was tested on another dataset, {spec.tested_on}"
        raise RunError(problem, "Choose a run that was trained and tested on one dataset")
    opened = {}
    for split in dict.fromkeys(splits):
        data = open_labelled(
            spec.dataset, split, size=int(spec.size), root=root, allow_modified=allow_modified
        )
        if dict(data.manifest.meta.files) != spec.files:
            here = ", ".join(" ".join(each) for each in data.manifest.meta.files.items())
            made = ", ".join(" ".join(each) for each in spec.files.items())
            problem = (
                f"Run {spec.name!r} was made from other files ({made}) than those here ({here})"
            )
            raise RunError(problem, "Name the folder with the run's files as root")
        opened[split] = data
    return opened
