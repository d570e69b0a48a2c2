"""`medshelf show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medshelf.cli.output import (
    Dataset,
    Options,
    Quiet,
    Records,
    Root,
    note,
    options,
    start,
    use_records,
)


def run(
    dataset: Dataset,
    sample: Annotated[str, typer.Argument(help="Number of the sample, from 0, or its id.")],
    root: Root = None,
    option: Options = None,
    out: Annotated[
        Path | None, typer.Option(help="Picture to write; <ID>_<SAMPLE>.png by default.")
    ] = None,
    by_id: Annotated[
        bool, typer.Option("--id", help="SAMPLE is an id, even if it is a number.")
    ] = False,
    window: Annotated[
        str | None, typer.Option(help="lung, mediastinum, abdomen ... or centre,width in HU.")
    ] = None,
    edge: Annotated[int, typer.Option(help="Longest side of an image, in pixels.")] = 512,
    records: Records = None,
    quiet: Quiet = False,
) -> None:
    """Draw a sample as a person would look at it: images with masks and shapes, text, answers."""
    start(quiet=quiet)
    use_records(records)
    from medshelf import api
    from medshelf.core.errors import UnknownNameError
    from medshelf.core.files import atomic_path
    from medshelf.dataset.dataset import Dataset as Samples
    from medshelf.dataset.looking.look import look
    from medshelf.imaging.window import parse_window

    samples = Samples(api.read(dataset, root=root, options=options(option)))
    number = None if by_id or not sample.isdecimal() else int(sample)
    if number is not None and number >= len(samples):
        known = f"0 to {len(samples) - 1}"
        raise UnknownNameError(f"sample of {dataset}:", sample, [known])
    shown = samples.find(sample) if number is None else samples.sample(number)
    picture = look(shown, window=parse_window(window) if window else None, edge=edge)
    target = out or Path(f"{dataset}_{shown.id.replace('/', '_')}.png")
    with atomic_path(target) as part:
        picture.save(part, "PNG")
    note(f"written: {target}")
    print(target)
