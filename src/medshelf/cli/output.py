"""What all commands share: their common options, JSON, logs, errors."""

from __future__ import annotations

import json
import logging
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from medshelf.core.version import __version__

Dataset = Annotated[str, typer.Argument(metavar="ID", help="Dataset id, e.g. breastmnist.")]
Root = Annotated[
    Path | None, typer.Option(help="The only folder to look for files in, or to fetch into.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no log lines.")]
AllowModified = Annotated[
    bool, typer.Option("--allow-modified", help="Accept files that are not the published ones.")
]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", "-o", help="Option of the reader, NAME=VALUE; may be repeated."),
]
Records = Annotated[
    list[Path] | None,
    typer.Option("--records", help="Folder of further records; may be given several times."),
]


class Language(StrEnum):
    """Languages of the output."""

    EN = "en"
    ZH = "zh"


Lang = Annotated[
    Language | None, typer.Option("--lang", help="en or zh; the locale decides by default.")
]
Download = Annotated[bool, typer.Option("--download", help="Fetch the files if they are missing.")]


def _print_version(asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


def common(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """Public medical datasets: fetch, open, benchmark. Not for clinical use."""


def start(*, quiet: bool) -> None:
    """Send log lines to stderr, unless `quiet`."""
    from medshelf.core.progress import set_quiet

    set_quiet(quiet=quiet)
    logging.basicConfig(
        level=logging.ERROR if quiet else logging.INFO, format="%(message)s", stream=sys.stderr
    )
    for noisy in ("httpx", "httpcore", "filelock"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def options(given: list[str] | None) -> dict[str, str]:
    """Return reader options as a mapping.

    Raises:
        BadParameter: One is not NAME=VALUE.
    """
    found = {}
    for each in given or ():
        name, sign, value = each.partition("=")
        if not sign:
            message = f"{each!r} is not NAME=VALUE"
            raise typer.BadParameter(message, param_hint="--option")
        found[name] = value
    return found


def use_records(folders: list[Path] | None) -> None:
    """Add folders of records to those that the environment names, for this process."""
    if folders:
        named = [os.environ.get("MEDSHELF_RECORDS", ""), *map(str, folders)]
        os.environ["MEDSHELF_RECORDS"] = os.pathsep.join(each for each in named if each)


def language(asked: Language | None) -> str:
    """Return the language of the output, `en` or `zh`."""
    from medshelf.core.settings import Settings

    return asked.value if asked is not None else Settings.from_environment().language


def note(text: str) -> None:
    """Tell the user something that is not the result, on stderr."""
    logging.getLogger(__name__).info("%s", text)


def print_json(value: Any) -> None:
    """Print the result as JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def fail(message: str) -> int:
    """Print an error without a traceback; return the exit status."""
    print(f"medshelf: {message}", file=sys.stderr)
    return 1
