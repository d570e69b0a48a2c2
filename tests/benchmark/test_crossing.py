"""Trained on one dataset, tested on another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import medshelf
from medshelf.api import Files, Request, run_matrix
from medshelf.benchmark.crossing import Crossing, comparable, cross
from medshelf.benchmark.protocol import Resize, find_protocol
from medshelf.benchmark.scores import score
from medshelf.benchmark.specs import Settings
from medshelf.core.errors import RunError, SettingError
from medshelf.core.tasks import Task, TaskKind
from medshelf.dataset.labelled_images import LabelledImages
from tests.medmnist_files import make_file

RECIPE = find_protocol("cross-dataset-28").data


def open_split(folder: Path, name: str, split: str, size: int = 28) -> LabelledImages:
    if name.startswith("phantom"):
        return medshelf.load(name, split)
    if not (folder / f"{name}.npz").exists():
        make_file(folder, name, size)
    return medshelf.load(name, split, size=size, root=folder, allow_modified=True)


def crossed(
    folder: Path, one: str, other: str, labels: Mapping[str, str] | None = None
) -> Crossing:
    train = {split: open_split(folder, one, split) for split in ("train", "val")}
    return cross(train, open_split(folder, other, "test"), RECIPE, labels)


def rules(found: Crossing) -> list[str]:
    return [each.rule for each in found.issues]


def test_the_same_classes_of_another_dataset(tmp_path: Path) -> None:
    found = crossed(tmp_path, "organamnist", "organcmnist")
    plain = open_split(tmp_path, "organcmnist", "test")
    np.testing.assert_array_equal(found.test.targets, plain.targets)
    np.testing.assert_array_equal(found.test.images(), plain.images())
    assert found.test.meta.dataset == "organcmnist"
    assert found.shared == plain.classes[:9]  # 9 test images, so the last two do not occur
    assert rules(found) == ["crossing-not-scored", "crossing-related"]
    assert "'pancreas', 'spleen'" in found.issues[0].message
    assert "(shared)" in found.issues[1].message
    assert found.test.meta.issues[-2:] == found.issues


def test_grey_and_rgb_of_the_same_classes_go_together(tmp_path: Path) -> None:
    found = crossed(tmp_path, "phantom-grey-multi-class", "phantom-rgb-multi-class")
    assert found.shared == ("disc", "ring", "square", "cross")
    assert rules(found) == []


def test_other_classes_are_left_out_and_counted(tmp_path: Path) -> None:
    labels = {"grade 1": "ring", "grade 3": "disc"}
    found = crossed(tmp_path, "phantom-grey-multi-class", "phantom-rgb-ordinal", labels)
    plain = open_split(tmp_path, "phantom-rgb-ordinal", "test")
    assert found.shared == ("disc", "ring")
    kept = np.isin(plain.targets, (1, 3))
    assert len(found.test) == kept.sum()
    expected = np.where(plain.targets[kept] == 1, 1, 0)  # codes of the training data
    np.testing.assert_array_equal(found.test.targets, expected)
    np.testing.assert_array_equal(found.test.images(), plain.images(np.flatnonzero(kept)))
    assert rules(found)[-2:] == ["crossing-left-out", "crossing-not-scored"]
    n_zero = int((plain.targets == 0).sum())
    assert f"'grade 0' ({n_zero} samples)" in found.issues[-2].message


def test_labels_that_both_state(tmp_path: Path) -> None:
    labels = {"ring": "mass", "disc": "edema"}
    found = crossed(tmp_path, "chestmnist", "phantom-grey-multi-label", labels)
    plain = open_split(tmp_path, "phantom-grey-multi-label", "test")
    assert found.shared == ("mass", "edema")
    task = open_split(tmp_path, "chestmnist", "train").task
    stated = [task.classes.index(each) for each in found.shared]
    np.testing.assert_array_equal(found.test.targets[:, stated], plain.targets[:, [1, 0]])
    assert np.isnan(np.delete(found.test.targets, stated, axis=1)).all()
    scores = np.random.default_rng(0).random((len(plain), 14)).astype(np.float32)
    train = open_split(tmp_path, "chestmnist", "train").targets
    fewer = comparable(task, found.test.targets, scores, train)
    assert fewer.task.classes == found.shared
    np.testing.assert_array_equal(fewer.y_score, scores[:, stated])
    assert set(score(fewer.task, fewer.y_true, fewer.y_score).recall) == set(found.shared)


@pytest.mark.parametrize(
    ("one", "other", "labels", "message"),
    [
        ("breastmnist", "breastmnist", None, "is trained on and cannot be the other dataset"),
        ("breastmnist", "pneumoniamnist", None, "share none of the classes"),
        ("breastmnist", "pneumoniamnist", {"pneumonia": "malignant"}, "share 'malignant' of"),
        ("breastmnist", "chestmnist", None, "one class per image, the other several labels"),
        ("phantom-grey-binary", "phantom-3d-binary", None, "different forms: 28 x 28 and 28 x 28"),
    ],
)
def test_what_does_not_go_together(
    one: str, other: str, labels: dict[str, str] | None, message: str, tmp_path: Path
) -> None:
    with pytest.raises(RunError, match=message):
        crossed(tmp_path, one, other, labels)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"moon": "disc"}, "'moon' is no class of"),
        ({"grade 1": "disc", "grade 2": "disc"}, "are different labels of"),
    ],
)
def test_wrong_labels(labels: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=message):
        crossed(tmp_path, "phantom-grey-multi-class", "phantom-rgb-ordinal", labels)


def test_another_size_only_where_the_recipe_resizes(tmp_path: Path) -> None:
    train = {"train": open_split(tmp_path, "organamnist", "train")}
    test = open_split(tmp_path, "organcmnist", "test", size=64)
    with pytest.raises(RunError, match="different forms: 28 x 28 and 64 x 64"):
        cross(train, test, RECIPE)
    resized = RECIPE.model_copy(update={"resize": Resize(edge=224, method="nearest")})
    assert len(cross(train, test, resized).test) == 9


def make_task() -> Task:
    return Task("t", TaskKind.MULTI_CLASS, ("a", "b", "c", "d"))


def test_probabilities_of_what_occurs_are_divided_by_their_sum() -> None:
    y_true, y_train = np.array([1, 3, 3, 1]), np.array([0, 1, 1, 3, 2])
    y_score = np.array(
        [[0.5, 0.3, 0.1, 0.1], [0, 0.1, 0.5, 0.4], [1, 0, 0, 0], [0.1, 0.2, 0.3, 0.4]],
        np.float32,
    )
    found = comparable(make_task(), y_true, y_score, y_train)
    assert found.task == Task("t", TaskKind.BINARY, ("b", "d"))
    assert found.y_true.tolist() == [0, 1, 1, 0]
    assert found.y_train.tolist() == [0, 0, 1]
    expected = [[0.75, 0.25], [0.2, 0.8], [0.5, 0.5], [1 / 3, 2 / 3]]
    np.testing.assert_allclose(found.y_score, expected, atol=1e-6)
    scores = score(found.task, found.y_true, found.y_score, y_train=found.y_train)
    assert scores.auc.value == 0.75
    assert scores.floor.prediction == "b"


def test_nothing_changes_where_every_class_occurs() -> None:
    y_true, y_score = np.arange(4), np.eye(4, dtype=np.float32)
    found = comparable(make_task(), y_true, y_score, y_true)
    assert found.task == make_task()
    assert found.y_score is y_score


def test_classes_keep_their_order_whatever_the_other_dataset_has(tmp_path: Path) -> None:
    train = {"train": open_split(tmp_path, "phantom-grey-multi-class", "train")}
    plain = open_split(tmp_path, "phantom-rgb-multi-class", "test")
    classes = tuple(each.upper() for each in reversed(plain.classes))
    meta = replace(plain.meta, tasks=(replace(plain.task, classes=classes),))
    frame = plain.manifest.frame.with_columns(pl.col("label").str.to_uppercase())
    test = LabelledImages(replace(plain.manifest, frame=frame, meta=meta))
    assert test.targets.tolist() == (3 - plain.targets).tolist()
    found = cross(train, test, RECIPE)
    np.testing.assert_array_equal(found.test.targets, plain.targets)
    assert rules(found) == ["label-names-joined"] * 4


def test_a_run_is_scored_and_reported_in_the_shared_classes_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    monkeypatch.setenv("MEDSHELF_HOME", str(tmp_path / "home"))
    for each in ("retinamnist", "breastmnist"):
        make_file(tmp_path, each)
    labels = tmp_path / "labels.yaml"
    labels.write_text('malignant: ill\n"4": ill\n"normal, benign": well\n"0": well\n')
    request = Request(
        datasets=("retinamnist",),
        models=("tests.models_out.small_network:Flat",),
        protocol="cross-dataset-28",
        seeds=1,
        settings=Settings(epochs=1, device="cpu"),
        files=Files(tmp_path, allow_modified=True, test_on="breastmnist", labels=labels),
    )
    (done,) = run_matrix(request).benchmarks
    (found,) = done.runs
    recall = found.scores["test"].recall
    assert list(recall) == ["0", "4"]
    assert list(found.scores["val"].recall) == ["0", "1", "2", "3", "4"]
    page = done.report.read_text("utf-8")
    assert (
        "Not scored, since no test sample has them: &#39;1&#39;, &#39;2&#39;, &#39;3&#39;" in page
    )
    assert f"4 (AUC {found.scores['test'].auc.value:.3f})" in page
