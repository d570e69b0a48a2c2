"""Trained on one dataset, tested on another.

Classes are one where `dataset.harmonising` gives them one name. Test samples of a class that the
training data do not have are left out and counted. Of the classes of the training data only those
that occur among the test samples are scored: their probabilities are divided by their sum, since a
sample can be of no other class here, and AUC and ACC are those of a task with these classes alone
(with two of them a binary task, whose second class is the positive one). Labels of multi-label
tasks are independent, so those that the test data state are scored as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from medshelf.benchmark.protocol import DataRecipe
from medshelf.catalog.lineage import Lineage
from medshelf.catalog.shelf import all_records
from medshelf.core.errors import RunError, SettingError
from medshelf.core.issues import Issue
from medshelf.core.manifest import Manifest
from medshelf.core.tasks import Task, TaskKind
from medshelf.dataset.harmonising import common_names
from medshelf.dataset.labelled_images import LabelledImages


@dataclass(frozen=True, slots=True)
class Crossing:
    """Another dataset's test split, in the classes of the training data.

    Attributes:
        test: Its samples as stored; its task is that of the training data.
        shared: Classes that occur in both, in the order of the training data.
        issues: What was joined, left out and is related; also in the `meta` of `test`.
    """

    test: LabelledImages
    shared: tuple[str, ...]
    issues: tuple[Issue, ...]


@dataclass(frozen=True, slots=True)
class Comparable:
    """Predictions that the official metrics can score.

    Attributes:
        task: With the classes that are scored.
        y_true: As `scores.score` takes it.
        y_score: Float32 (N, K) of these classes.
        y_train: Training labels of these classes.
    """

    task: Task
    y_true: np.ndarray
    y_score: np.ndarray
    y_train: np.ndarray


def cross(
    train: Mapping[str, LabelledImages],
    test: LabelledImages,
    recipe: DataRecipe,
    labels: Mapping[str, str] | None = None,
) -> Crossing:
    """Bring another dataset's test split to the classes of the training data.

    Args:
        train: The training dataset's splits by name.
        test: The other dataset's split.
        recipe: The protocol's; a network resizes where it says so, and repeats grey channels.
        labels: Name in either dataset to a common name of your own; goes before the vocabulary.

    Raises:
        RunError: Both are one dataset, their images or tasks do not go together, or fewer than two
            classes (of multi-label tasks: no label) are shared.
        SettingError: `labels` names what is in neither, or joins two classes of one dataset.
    """
    ours, other = train["train"], test.meta.dataset
    _check_forms(ours, test, recipe)
    mapping, issues = _same_classes(ours, test, labels or {})
    view = _renamed(test, ours.task, mapping)
    present = _present(ours.task, view.targets)
    shared = tuple(ours.task.classes[code] for code in present)
    least = 1 if ours.task.kind is TaskKind.MULTI_LABEL else 2
    if len(shared) < least:
        listed = ", ".join(map(repr, shared)) or "none"
        raise RunError(
            f"{ours.meta.dataset!r} and the test samples of {other!r} share {listed} of the "
            f"classes {', '.join(map(repr, ours.task.classes))}, and {least} are needed",
            "Say which names mean the same in a file (--labels), or choose another dataset",
        )
    issues += [*_left_out(ours, test, mapping, shared), *_related(ours.meta.dataset, other)]
    meta = view.meta.with_issues(*issues)
    return Crossing(LabelledImages(replace(view.manifest, meta=meta)), shared, tuple(issues))


def comparable(
    task: Task, y_true: np.ndarray, y_score: np.ndarray, y_train: np.ndarray
) -> Comparable:
    """Leave out the classes that no test sample has, as the module's docstring says.

    Args:
        task: Of the training data.
        y_true: Targets of a `Crossing.test`.
        y_score: Probabilities (N, K) of all classes of the task.
        y_train: Targets of the training data.
    """
    present = _present(task, y_true)
    if len(present) == task.n_classes:
        return Comparable(task, y_true, y_score, y_train)
    names, kept = tuple(task.classes[code] for code in present), y_score[:, present]
    if task.kind is TaskKind.MULTI_LABEL:
        fewer = Task(task.name, task.kind, names)
        return Comparable(fewer, y_true[:, present], kept, y_train[:, present])
    sums = kept.sum(axis=1, keepdims=True)
    even = np.full_like(kept, 1 / len(present))
    kept = np.divide(kept, sums, out=even, where=sums > 0)
    kind = TaskKind.BINARY if len(present) == 2 else task.kind  # noqa: PLR2004
    trained = y_train[np.isin(y_train, present)]
    codes = (np.searchsorted(present, each) for each in (y_true, trained))
    return Comparable(Task(task.name, kind, names), next(codes), kept, next(codes))


def _present(task: Task, targets: np.ndarray) -> np.ndarray:
    """Return the codes of the classes that occur, of the labels that are stated, int64 sorted."""
    if task.kind is TaskKind.MULTI_LABEL:
        return np.flatnonzero(~np.isnan(targets).all(axis=0))
    return np.unique(targets)


def _check_forms(ours: LabelledImages, test: LabelledImages, recipe: DataRecipe) -> None:
    one, other = ours.meta.dataset, test.meta.dataset
    if one == other:
        problem = f"{one!r} is trained on and cannot be the other dataset that is tested on"
        raise RunError(problem, "Name another dataset, or choose a protocol that tests on the same")
    kinds = {each.task.kind is TaskKind.MULTI_LABEL for each in (ours, test)}
    if len(kinds) > 1:
        problem = f"Of {one!r} and {other!r} one has one class per image, the other several labels"
        raise RunError(problem, "Choose a dataset of the same kind of task")
    n_spatial = recipe.dimensions
    shapes = [each.images(slice(0, 1)).shape[1:] for each in (ours, test)]
    resized = recipe.resize is not None and len({len(each[:n_spatial]) for each in shapes}) == 1
    edges = {each[:n_spatial] for each in shapes}
    channels = {each[n_spatial] if len(each) > n_spatial else 1 for each in shapes}
    same_axes = ours.meta.dimensions == test.meta.dimensions == n_spatial
    if same_axes and (len(edges) == 1 or resized) and channels <= {1, recipe.channels}:
        return
    told = " and ".join(" x ".join(map(str, each)) for each in shapes)
    problem = f"Images of {one!r} and {other!r} have different forms: {told}"
    raise RunError(problem, "Choose a dataset with images of the same size and axes")


def _same_classes(
    ours: LabelledImages, test: LabelledImages, labels: Mapping[str, str]
) -> tuple[dict[str, str], list[Issue]]:
    """Return the name of each shared class in the test data to its name in the training data."""
    names = {each.meta.dataset: each.task.classes for each in (ours, test)}
    _check_given(labels, names)
    spellings, issues = common_names(names, labels)
    by_common = {common: name for name, common in spellings[ours.meta.dataset].items()}
    mapping = {
        name: by_common[common]
        for name, common in spellings[test.meta.dataset].items()
        if common in by_common
    }
    return mapping, issues


def _check_given(labels: Mapping[str, str], names: Mapping[str, Sequence[str]]) -> None:
    known = {name.casefold() for each in names.values() for name in each}
    for name in labels:
        if name.casefold() not in known:
            problem = f"{name!r} is no class of {' or '.join(map(repr, names))}"
            listed = ", ".join(name for each in names.values() for name in each)
            raise SettingError(problem, f"Name some of: {listed}")


def _renamed(test: LabelledImages, task: Task, mapping: Mapping[str, str]) -> LabelledImages:
    """Keep what is shared, under the names of the training data."""
    held = test.manifest
    if task.kind is TaskKind.MULTI_LABEL:
        old, entry = test.task, pl.element().struct
        wanted = entry.field("name").is_in(list(mapping)) & (entry.field("task") == old.name)
        name = pl.field("name").replace(mapping)
        kept = pl.element().filter(wanted)
        fields = kept.struct.with_fields(name=name, task=pl.lit(task.name))
        frame = held.frame.with_columns(pl.col("labels").list.eval(fields))
    else:
        names = pl.col("label").replace_strict(mapping, default=None, return_dtype=pl.String)
        frame = held.frame.with_columns(label=names).filter(pl.col("label").is_not_null())
    meta = replace(held.meta, tasks=(task,), splits={})
    return LabelledImages(Manifest(frame, meta, held.root, held.lasting))


def _left_out(
    ours: LabelledImages, test: LabelledImages, mapping: Mapping[str, str], shared: Sequence[str]
) -> Iterator[Issue]:
    one, other = ours.meta.dataset, test.meta.dataset
    strange = [name for name in test.classes if name not in mapping]
    if strange:
        what = "labels" if test.task.kind is TaskKind.MULTI_LABEL else "samples"
        told = ", ".join(f"{name!r} ({_count(test, name):,} samples)" for name in strange)
        message = f"Test {what} left out, since {one!r} has no such class: {told}"
        remedy = "Say in the file of labels if one of them has another name there"
        yield Issue("crossing-left-out", "warning", other, message, remedy)
    unseen = [name for name in ours.classes if name not in shared]
    if unseen:
        message = f"Not scored, since no test sample has them: {', '.join(map(repr, unseen))}"
        remedy = "Compare with scores of the same classes only"
        yield Issue("crossing-not-scored", "warning", other, message, remedy)


def _count(test: LabelledImages, name: str) -> int:
    code, targets = test.classes.index(name), test.targets
    column = targets[:, code] == 1 if targets.ndim > 1 else targets == code
    return int(column.sum())


def _related(one: str, other: str) -> Iterator[Issue]:
    overlap = Lineage(all_records()).overlap(one, other)
    if overlap.can_leak:
        steps = "; ".join(f"{e.child} {e.relation} {e.parent}" for e in overlap.path)
        message = f"{one!r} and {other!r} may share images ({overlap.verdict}): {steps}"
        remedy = "Check for the same images before the scores are taken for another dataset's"
        yield Issue("crossing-related", "warning", other, message, remedy)
