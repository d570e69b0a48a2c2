"""Pieces of one file that several workers write, put together when all are there."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import IO

from medshelf.conversion.job import Job, Part

_PIECE_BYTES = 1 << 20


def block_path(job: Job, part: Part, number: int) -> Path:
    """Return where the piece of a shard goes; it is deleted when the product is whole."""
    return job.shards.parent / "blocks" / part.name / f"{number:06}"


def append_blocks(job: Job, part: Part, file: IO[bytes]) -> None:
    """Append all pieces of a split to a file, in order."""
    for number in range(part.n_shards):
        with block_path(job, part, number).open("rb") as block:
            shutil.copyfileobj(block, file, _PIECE_BYTES)
