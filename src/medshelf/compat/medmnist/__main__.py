"""`python -m medshelf.compat.medmnist`: the command line of `medmnist`.

Each argument may be given by name (`--size=64`, `--size 64`) or by its place, as the peer's are.
"""

from __future__ import annotations

import argparse
import inspect
import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from medshelf.compat import medmnist
from medshelf.compat.medmnist import files
from medshelf.compat.medmnist.info import DEFAULT_ROOT, HOMEPAGE, INFO
from medshelf.core.errors import MedshelfError, SettingError, UnknownNameError
from medshelf.core.files import storage_errors

_SIZES = (28, 64, 128, 224)
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


def available() -> Iterator[str]:
    """List the datasets and their sizes."""
    yield f"MedMNIST v{medmnist.__version__} @ {HOMEPAGE}"
    yield "All available datasets:"
    for flag, facts in INFO.items():
        first, *others = _class(flag).available_sizes
        sizes = ", ".join((f"{first} (default)", *map(str, others)))
        yield f"\t{flag:<15} | {facts['python_class']:<15} | Size: {sizes}."


def download(size: int | str | None = None, root: str = DEFAULT_ROOT) -> Iterator[str]:
    """Fetch all datasets of a size (28 by default), or of all sizes with `all`."""
    wanted = 28 if size is None else size
    chosen = [edge for edge in _SIZES if wanted in {edge, "all"}]
    if not chosen:
        problem = f"There is no size {size!r}"
        raise SettingError(problem, f"Choose one of: {', '.join(map(str, _SIZES))}, all")
    for edge in chosen:
        for flag, facts in INFO.items():
            name = f"{flag:<15} | {facts['python_class']:<15}"
            if edge not in _class(flag).available_sizes:
                yield f"Size {edge} is not available for {name}"
                continue
            yield f"Downloading {name} | Size: {edge}"
            files.fetch(flag, edge, files.check_root(root))


def clean(root: str = DEFAULT_ROOT) -> Iterator[str]:
    """Delete the datasets' files from the root; other files stay."""
    for flag in INFO:
        for size in _class(flag).available_sizes:
            path = Path(root) / f"{flag}{files.size_flag(size)}.npz"
            if path.is_file():
                with storage_errors(path):
                    path.unlink()
                yield f"Deleted {path}"


def info(flag: str) -> Iterator[str]:
    """Print what is known of a dataset, as JSON."""
    _class(flag)
    yield json.dumps(INFO[flag], indent=4)


def save(
    flag: str,
    folder: str,
    postfix: str | None = None,
    root: str = DEFAULT_ROOT,
    download: bool = False,  # noqa: FBT001, FBT002
    size: int | str | None = None,
) -> Iterator[str]:
    """Write all splits of a dataset as pictures with a table."""
    chosen = _class(flag)
    for split in ("train", "val", "test"):
        yield f"Saving {flag} {split}..."
        opened = chosen(split, download=download, root=root, size=size)
        opened.save(folder, *(() if postfix is None else (postfix,)))


def evaluate(path: str) -> Iterator[str]:
    """Score a result file in the standard naming."""
    medmnist.Evaluator.parse_and_evaluate(path)
    yield from ()


_COMMANDS: dict[str, Callable[..., Iterator[str]]] = {
    command.__name__: command for command in (available, download, clean, info, save, evaluate)
}


def main(words: list[str] | None = None) -> int:
    """Run one command; return 0 on success, 1 on a failure. Wrong usage exits with 2."""
    prog = "python -m medshelf.compat.medmnist"
    parser = argparse.ArgumentParser(prog, description="The command line of medmnist.")
    parser.add_argument("command", choices=list(_COMMANDS))
    words = sys.argv[1:] if words is None else words
    command = _COMMANDS[parser.parse_args(words[:1]).command]
    arguments = _arguments(command, words[1:], f"{prog} {command.__name__}")
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        for line in command(**arguments):
            print(line, flush=True)  # noqa: T201 - this is a command line
    except MedshelfError as error:
        print(f"medmnist: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _class(flag: str) -> Any:
    if flag not in INFO:
        raise UnknownNameError("dataset", flag, INFO)
    return getattr(medmnist, INFO[flag]["python_class"])


def _arguments(command: Callable[..., object], words: list[str], prog: str) -> dict[str, Any]:
    parameters = inspect.signature(command).parameters
    parser = argparse.ArgumentParser(prog, description=command.__doc__, allow_abbrev=False)
    order = ", ".join(parameters) or "none"
    parser.add_argument("values", nargs="*", help=f"The arguments by their place: {order}.")
    for name in parameters:
        switch: dict[str, Any] = {"nargs": "?", "const": "True"} if name == "download" else {}
        parser.add_argument(f"--{name}", default=argparse.SUPPRESS, **switch)
        if switch:
            off: dict[str, Any] = {"action": "store_const", "const": "False", "dest": name}
            parser.add_argument(f"--no{name}", default=argparse.SUPPRESS, **off)
    found: dict[str, Any] = vars(parser.parse_intermixed_args(words))
    values = found.pop("values")
    free = [name for name in parameters if name not in found]
    if len(values) > len(free):
        parser.error(f"too many arguments: {' '.join(values[len(free) :])}")
    found |= dict(zip(free, values, strict=False))
    needed = [name for name, each in parameters.items() if each.default is each.empty]
    missing = [name for name in needed if name not in found]
    if missing:
        parser.error(f"missing: {', '.join(missing)}")
    try:
        return {name: _value(name, text) for name, text in found.items()}
    except ValueError as error:
        parser.error(str(error))


def _value(name: str, text: str) -> object:
    """Turn a word into what the command takes: a number for a size, a truth for a switch."""
    if name == "size":
        return int(text) if text.isdecimal() else {"None": None}.get(text, text)
    if name == "download":
        if text.lower() not in _TRUTH:
            msg = f"--download takes True or False, not {text!r}"
            raise ValueError(msg)
        return _TRUTH[text.lower()]
    return text


if __name__ == "__main__":
    sys.exit(main())
