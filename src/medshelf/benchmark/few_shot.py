"""A few labelled samples of each class, drawn by a seed.

The training split alone is made small. Selection and test split stay whole, as the protocols' notes
say, so a selection split then holds far more labels than there are to train on.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from medshelf.core.errors import RunError
from medshelf.core.issues import Issue
from medshelf.core.tasks import Task, TaskKind
from medshelf.dataset.labelled_images import LabelledImages


def few_shot(dataset: LabelledImages, per_class: int, seed: int) -> LabelledImages:
    """Return a few samples of each class of a split, as stored, without its transforms.

    Args:
        dataset: One split, usually train.
        per_class: Samples of each class; of a multi-label set as many that have each label, and as
            many that have none.
        seed: Alone decides which. A larger `per_class` keeps those of a smaller one.

    Returns:
        The samples in the order of the split; Issues of its `meta` name the classes that have
        fewer, all of which are in it.

    Raises:
        RunError: `per_class` is below 1, or a class has no sample at all.
    """
    if per_class < 1:
        raise RunError(f"{per_class} samples of each class were asked for", "Ask for 1 or more")
    task, groups = dataset.task, _groups(dataset.task, dataset.targets)
    rows, issues = [], []
    for code, (name, members) in enumerate(groups.items()):
        if not len(members) and name != _NONE:
            problem = f"{dataset.meta.dataset!r} has no training sample of {name!r}"
            raise RunError(problem, "Choose a dataset that has some of each class")
        rows.append(np.random.default_rng((seed, code)).permutation(members)[:per_class])
        if len(members) < per_class:
            issues.append(_scarce(name, len(members), per_class))
    chosen = np.unique(np.concatenate(rows))
    ids = dataset.table["sample_id"][chosen]
    told = f"{per_class} of each {_what(task)}, seed {seed}"
    meta = replace(dataset.meta, options={**dataset.meta.options, "few_shot": told})
    manifest = dataset.manifest.filter(pl.col("sample_id").is_in(ids.implode()))
    return LabelledImages(replace(manifest, meta=meta.with_issues(*issues)))


_NONE = "(no label)"


def _groups(task: Task, targets: np.ndarray) -> dict[str, np.ndarray]:
    """Return the rows that each class or label may draw from."""
    if task.kind is not TaskKind.MULTI_LABEL:
        return {name: np.flatnonzero(targets == code) for code, name in enumerate(task.classes)}
    found = {name: np.flatnonzero(targets[:, code] == 1) for code, name in enumerate(task.classes)}
    return {**found, _NONE: np.flatnonzero((targets == 0).all(axis=1))}


def _what(task: Task) -> str:
    return "label" if task.kind is TaskKind.MULTI_LABEL else "class"


def _scarce(name: str, n: int, per_class: int) -> Issue:
    message = f"{n} training samples of {name!r}, where {per_class} were asked for"
    return Issue(
        "few-shot-scarce", "warning", name, message, "Ask for fewer, or mind the imbalance"
    )
