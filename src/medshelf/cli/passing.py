"""The options of commands that pass over all files: processes, cluster, or no pixels at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from medshelf.quality.passes import Passes

Engine = Literal["local", "ray"]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; one per core by default.")]
EngineOption = Annotated[Engine, typer.Option("--engine", help="local, or ray for a cluster.")]
Address = Annotated[str | None, typer.Option(help="Address of the Ray cluster.")]
NoPixels = Annotated[
    bool, typer.Option("--no-pixels", help="Open no image; tables and texts only.")
]


def passes(workers: int | None, engine: Engine, address: str | None, *, no_pixels: bool) -> Passes:
    """Return what the options say."""
    from medshelf.quality.passes import Passes

    return Passes(workers, engine, address, pixels=not no_pixels)
