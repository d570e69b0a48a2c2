"""`medshelf learn`."""

from __future__ import annotations

from typing import Annotated

import typer

from medshelf.cli.output import Json, Lang, language, print_json


def run(
    path: Annotated[
        str | None, typer.Argument(metavar="[PATH]", help="beginner, researcher or engineer.")
    ] = None,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Show three ways into medical data, each step with a command that runs."""
    from medshelf.catalog.learning import learning_paths
    from medshelf.core.errors import UnknownNameError

    paths = learning_paths()
    if path is not None and path not in paths:
        raise UnknownNameError("learning path", path, paths)
    chosen = {name: each for name, each in paths.items() if path in (None, name)}
    if json:
        print_json({name: each.model_dump(exclude_defaults=True) for name, each in chosen.items()})
        return
    for each in chosen.values():
        print(each.title.of(language(lang)))
        for number, step in enumerate(each.steps, 1):
            print(f"  {number}. {step.text.of(language(lang))}")
            print(f"     $ {step.command}")
