"""The manifest itself, with the choice of samples, labels and split that was asked for.

    manifest.parquet     what `medshelf.api.manifests.open_manifest` and every command take

No image is opened; paths stay those of the raw tree, which is needed to read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import polars as pl

from medshelf.conversion.contents import CONTENTS
from medshelf.conversion.job import Job, Part, Record
from medshelf.conversion.prepared import Prepared
from medshelf.core.errors import SettingError
from medshelf.core.manifest import Manifest

CARRIES = frozenset(CONTENTS)
OPTIONS: Mapping[str, str] = {}
SHARD_SIZE = 0


def plan(manifest: Manifest, options: Mapping[str, str]) -> dict[str, Any]:  # noqa: ARG001
    """Return nothing: the rows are written as they are."""
    return {}


@contextmanager
def shard(job: Job, part: Part, number: int) -> Iterator[Callable[[Prepared], Record]]:  # noqa: ARG001
    """Refuse: no sample is opened."""

    def write(sample: Prepared) -> Record:
        raise NotImplementedError(sample.key)

    yield write


def finish(job: Job) -> None:
    """Write the table.

    Raises:
        SettingError: Images were to be prepared, which needs a format that holds them.
    """
    if job.preparation.alters:
        problem = "The manifest holds no images, so they cannot be prepared"
        raise SettingError(problem, "Leave --size and the like out, or choose another format")
    frame = pl.scan_parquet(job.table, glob=False).drop("key")
    Manifest(frame, job.meta, job.root).write(job.folder / "manifest.parquet")
