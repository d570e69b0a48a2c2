"""Finished runs by name."""

from __future__ import annotations

from pathlib import Path

from medshelf.benchmark.runs import RUN_FILE, Run, read_run
from medshelf.core.errors import RunError, UnknownNameError
from medshelf.core.settings import Settings


def find_run(name: str | Path) -> Run:
    """Return a finished run.

    Args:
        name: Name of a folder in the runs folder, or path of a run's folder or of its `run.json`.

    Raises:
        FormatError: Its `run.json` is damaged.
        RunError: The run is not finished, or no run is.
        UnknownNameError: There is no such run; near names are given.
    """
    runs_folder = Settings.from_environment().runs_folder
    path = Path(name).expanduser()
    for folder in (runs_folder / path, path, path.parent):
        if (folder / RUN_FILE).is_file() and (folder != path.parent or path.name == RUN_FILE):
            return read_run(folder)
    known = run_names(runs_folder)
    if path.is_dir() or (runs_folder / path).is_dir():
        problem = f"There is no {RUN_FILE} in {name}: the run is not finished"
        raise RunError(problem, "Start the same run again; it goes on where it ended")
    if not known:
        problem = f"Unknown run {str(name)!r}: no run in {runs_folder} is finished"
        raise RunError(problem, "Train a model first, e.g.: medshelf benchmark breastmnist")
    raise UnknownNameError("run", name, known)


def run_names(runs_folder: Path) -> list[str]:
    """Return the names of the finished runs in a folder, sorted."""
    return [path.parent.name for path in sorted(runs_folder.glob(f"*/{RUN_FILE}"))]
