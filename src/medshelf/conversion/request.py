"""What a user asks for when converting, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from medshelf.conversion.preparation import Preparation

Existing = Literal["refuse", "resume", "overwrite"]


@dataclass(frozen=True, slots=True)
class Labour:
    """How the work is done; the product does not depend on it.

    Attributes:
        workers: Processes; by default one per core that this process may use, 0 is this process.
        engine: `local` or `ray`.
        address: Of a Ray cluster.
    """

    workers: int | None = None
    engine: Literal["local", "ray"] = "local"
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    Attributes:
        target: Name of the writer, e.g. `coco`.
        preparation: What is done to images.
        options: The writer's own options.
        drop: What may be lost, names of `contents.CONTENTS`.
        on_error: `stop` at a sample that cannot be read, or `skip` it and list it.
        existing: What happens where the folder is there already.
        shard_size: Samples per piece of work; the writer's own number by default.
    """

    target: str
    preparation: Preparation = field(default_factory=Preparation)
    options: Mapping[str, str] = field(default_factory=dict)
    drop: frozenset[str] = frozenset()
    on_error: Literal["stop", "skip"] = "stop"
    existing: Existing = "refuse"
    shard_size: int | None = None


@dataclass(frozen=True, slots=True)
class Converted:
    """What was written.

    Attributes:
        folder: The product; of one in an object store its URL.
        n_written: Samples.
        skipped: Sample id to the reason why it is not there.
        dropped: What the format cannot carry and the user gave up.
    """

    folder: Path | str
    n_written: int
    skipped: Mapping[str, str]
    dropped: tuple[str, ...]
