"""Finished runs and their data, joined: what a run gets wrong, and how it looks."""

from __future__ import annotations

from pathlib import Path

from medshelf.api.finished_runs import open_splits
from medshelf.benchmark.explaining import explanation
from medshelf.benchmark.explaining.explanation import Explanation
from medshelf.benchmark.finding import find_run
from medshelf.benchmark.runs import open_finished
from medshelf.core.errors import UnknownNameError


def explain(
    run: str | Path,
    *,
    split: str = "test",
    html: str | Path | None = None,
    device: str = "auto",
    root: str | Path | None = None,
    allow_modified: bool = False,
) -> Explanation:
    """Explain a finished run: errors, confusions, calibration, where it looks, subgroups.

    Args:
        run: Name of its folder in the runs folder, or a path.
        split: One that the run has scored: `test`, or its selection split.
        html: File to write a page to.
        device: `auto` or a torch device; only networks need one.
        root: As for `load`.
        allow_modified: As for `load`.

    Raises:
        FormatError: A result file or the weights are damaged.
        MissingExtraError: The run's model needs a package that is not installed.
        NotFetchedError: The dataset's files are not at hand.
        RunError: The run is not finished, or was made from other files than those at hand.
        StorageError: The page cannot be written.
        UnknownNameError: There is no such run, or it has not scored the split.
    """
    found = find_run(run)
    if split not in found.result_files:
        raise UnknownNameError("split of this run", split, found.result_files)
    wanted = (split, found.selection["split"])
    data = open_splits(found, wanted, root=root, allow_modified=allow_modified)
    fit = open_finished(found, data[split].task, device)
    told = explanation.explain(found, fit, data, split)
    if html is not None:
        from medshelf.benchmark.explaining.page import explanation_page

        explanation_page(told, found, data[split]).write(Path(html))
    return told
