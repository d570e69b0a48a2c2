"""`medshelf demo`."""

from __future__ import annotations

from typing import Annotated

import typer

from medshelf.cli.benchmark import print_benchmark
from medshelf.cli.output import Json, Quiet, Root, note, start


def run(
    epochs: Annotated[int, typer.Option(min=1, help="Epochs; the protocol asks for 100.")] = 8,
    root: Root = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run the whole way on BreastMNIST in a few minutes, and write a report to look at."""
    start(quiet=quiet)
    from medshelf import api

    note("BreastMNIST: find or fetch, verify, train ResNet-18 for a few epochs, score, report.")
    done = api.demo(root=root, epochs=epochs)
    print_benchmark(done, json=json)
    if not json:
        shown = done.runs[0].spec
        place = f" --root {root}" if root and not shown.synthetic else ""
        print(f"look at its samples: medshelf serve {shown.dataset}{place}")
