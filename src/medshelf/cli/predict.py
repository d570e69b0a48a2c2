"""`medshelf predict`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medshelf.cli.explain import RunName
from medshelf.cli.output import AllowModified, Json, Quiet, Root, fail, note, print_json, start

if TYPE_CHECKING:
    from medshelf.benchmark.predicting import Prediction

_WINDOW = "For values that are not 8-bit: lung, bone ... or centre,width."


def run(
    name: RunName,
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGES...", help="Files, or folders of them.")
    ],
    csv: Annotated[Path | None, typer.Option(help="Write one line per image.")] = None,
    window: Annotated[str | None, typer.Option(help=_WINDOW)] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    root: Root = None,
    allow_modified: AllowModified = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say what a finished run sees in images, with probabilities. Not for clinical use."""
    start(quiet=quiet)
    from medshelf import api
    from medshelf.benchmark.predicting import image_files, write_csv
    from medshelf.dataset.presentation import NOT_CLINICAL

    files, left_out = image_files(images)
    if left_out:
        note(f"{len(left_out)} files in folders are no images: {left_out[0].name} ...")
    ready = api.open_predictor(
        name, window=window, device=device, root=root, allow_modified=allow_modified
    )
    found = []
    for each in ready.predict(files):
        found.append(each)
        if not json:
            print("\n".join(_lines(each)))
    if json:
        print_json({"use": NOT_CLINICAL, "predictions": [each.as_dict() for each in found]})
    else:
        print(NOT_CLINICAL)
    if csv is not None:
        write_csv(csv, ready.task, found)
    n_failed = sum(bool(each.error) for each in found)
    if n_failed:
        raise typer.Exit(fail(f"{n_failed} of {len(found)} images could not be read"))


def _lines(each: Prediction) -> Iterator[str]:
    """Yield what is said of one image, and what was done to it."""
    if each.error:
        yield f"{each.path}: {each.error}"
        return
    sure = "" if each.probability is None else f"  {each.probability:.3f}"
    yield f"{each.path}: {'; '.join(each.said) or 'no label'}{sure}"
    chances = (each.probabilities or {}).items()
    yield "  " + "; ".join(f"{name} {chance:.3f}" for name, chance in chances)
    yield f"  image: {'; '.join(each.steps) or 'taken as it is'}"
