"""`medshelf export`."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from medshelf.cli.explain import RunName
from medshelf.cli.output import AllowModified, Json, Quiet, Root, print_json, start


class Kind(StrEnum):
    """Kinds of file."""

    ONNX = "onnx"
    TORCHSCRIPT = "torchscript"


def run(
    name: RunName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What to write.")],
    to: Annotated[Kind, typer.Option(help="onnx or torchscript.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file.")] = False,
    root: Root = None,
    allow_modified: AllowModified = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write the network of a finished run for other programs. Not for clinical use."""
    start(quiet=quiet)
    from medshelf import api

    told = api.export(
        name, file, to=to, overwrite=overwrite, root=root, allow_modified=allow_modified
    )
    if json:
        print_json({"file": file, **asdict(told)})
        return
    shape = " x ".join(map(str, told.input_shape))
    low, high = told.input_range
    print(f"{file}: {told.model} of {told.run}, {to}")
    print(f"input   {told.input_name}, float32 {shape} ({told.axes}), {told.channel_order}")
    print(f"        {low:g} to {high:g}: a stored 8-bit value divided by 255")
    print(f"output  {told.output_name}, float32: {told.output}")
    print(f"classes {'; '.join(told.classes)}")
    print(f"temperature {told.temperature:.3f} (inside)")
    print(told.use)
