"""How passes over the files are run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Passes:
    """How passes over the files are run.

    Attributes:
        workers: Processes; by default one per core that this process may use.
        engine: `local` or `ray`.
        address: Of a Ray cluster.
        pixels: Whether files may be decoded; False leaves out what needs it.
    """

    workers: int | None = None
    engine: Literal["local", "ray"] = "local"
    address: str | None = None
    pixels: bool = True
