"""A state of the page as a line for the terminal, and as Python."""

from __future__ import annotations

import shlex

from medshelf.explorer.shelf.collection import Kind
from medshelf.explorer.shelf.state import State

_NOT_IN_CONDITION = "# without the choice of issue {rule}, which no condition says"


def as_cli(kind: Kind, name: str, state: State) -> str:
    """Return the command that writes the chosen samples as a manifest."""
    source = name if kind == "datasets" else f"{name}.parquet"
    line = f"medshelf convert {shlex.quote(source)} chosen --to manifest"
    if condition := state.condition():
        line += f" --filter {shlex.quote(condition)}"
    return _remarked(line, state)


def as_python(kind: Kind, name: str, state: State) -> str:
    """Return the lines that open the chosen samples."""
    if kind == "datasets":
        lines = ["import medshelf", f"samples = medshelf.load({name!r})"]
    else:
        lines = [
            "from medshelf.api.manifests import open_manifest",
            "from medshelf.dataset.dataset import Dataset",
            f"samples = Dataset(open_manifest({f'{name}.parquet'!r})[0])",
        ]
    if condition := state.condition():
        lines[-1] += f".filter({condition!r})"
    return _remarked("\n".join(lines), state)


def _remarked(text: str, state: State) -> str:
    if not state.issue:
        return text
    return f"{_NOT_IN_CONDITION.format(rule=state.issue)}\n{text}"
