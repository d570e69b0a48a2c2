"""`medshelf evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medshelf.cli.output import AllowModified, Json, Quiet, Root, note, print_json, start

_NAME = "A result file, e.g. breastmnist_test_[AUC]0.901_[ACC]0.863@run1.csv."


def run(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=_NAME)],
    root: Root = None,
    allow_modified: AllowModified = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Score a result file in the standard naming with the official metrics."""
    start(quiet=quiet)
    from medshelf import api

    result = api.evaluate(file, root=root, allow_modified=allow_modified)
    scores = result.scores
    if not result.name_agrees:
        note("Note: the metrics in the file's name are not the ones computed from its scores.")
    if json:
        names = {"dataset": result.name.dataset, "size": result.name.size}
        names |= {"split": result.name.split, "run": result.name.run}
        agreement = {"name_agrees": result.name_agrees, "modified": result.modified}
        print_json(names | agreement | scores.as_dict())
        return
    if result.modified:
        print("modified data: the labels are not from the published file")
    print(f"AUC                {scores.auc}")
    print(f"ACC                {scores.acc}")
    print(f"majority floor     {scores.floor.acc:.3f} (always {scores.floor.prediction!r})")
    print(f"balanced accuracy  {scores.balanced_accuracy:.3f}")
    print(f"macro F1           {scores.macro_f1:.3f}")
    error = scores.calibration_error
    print(
        f"calibration error  {'scores are not probabilities' if error is None else f'{error:.3f}'}"
    )
    for name, recall in scores.recall.items():
        print(f"recall             {recall:.3f} {name}")
    print(f"95 % intervals from {scores.n_resamples} resamples of {scores.n_samples} samples")
