"""A few samples of each class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import medshelf
from medshelf.benchmark.few_shot import few_shot
from medshelf.core.errors import RunError
from medshelf.dataset.labelled_images import LabelledImages
from tests.medmnist_files import make_file

SETS = ("phantom-grey-binary", "phantom-rgb-multi-class", "phantom-3d-ordinal")


def ids(dataset: LabelledImages) -> list[str]:
    return dataset.table["sample_id"].to_list()


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("per_class", [1, 5])
def test_so_many_of_each_class(name: str, per_class: int) -> None:
    whole = medshelf.load(name, "train")
    few = few_shot(whole, per_class, seed=3)
    assert isinstance(few, LabelledImages)
    assert np.bincount(few.targets).tolist() == [per_class] * whole.task.n_classes
    assert few.meta.issues == whole.meta.issues
    assert few.meta.options["few_shot"] == f"{per_class} of each class, seed 3"
    assert ids(few) == sorted(ids(few))


def test_samples_keep_their_images_and_labels() -> None:
    whole = medshelf.load("phantom-rgb-multi-class", "train")
    few = few_shot(whole, 4, seed=0)
    rows = [ids(whole).index(each) for each in ids(few)]
    np.testing.assert_array_equal(few.images(), whole.images(np.array(rows)))
    np.testing.assert_array_equal(few.targets, whole.targets[rows])


def test_the_seed_alone_decides_and_more_keeps_fewer() -> None:
    whole = medshelf.load("phantom-rgb-multi-class", "train")
    assert ids(few_shot(whole, 5, 1)) == ids(few_shot(whole, 5, 1))
    assert ids(few_shot(whole, 5, 1)) != ids(few_shot(whole, 5, 2))
    assert set(ids(few_shot(whole, 5, 1))) < set(ids(few_shot(whole, 20, 1)))


def test_labels_have_their_positives_and_as_many_have_none() -> None:
    whole = medshelf.load("phantom-grey-multi-label", "train")
    few = few_shot(whole, 6, seed=0)
    assert (few.targets.sum(axis=0) >= 6).all()
    assert (few.targets.sum(axis=1) == 0).sum() == 6
    assert len(few) <= 6 * 5
    assert few.meta.options["few_shot"] == "6 of each label, seed 0"


def test_a_scarce_class_is_taken_whole_and_told(tmp_path: Path) -> None:
    make_file(tmp_path, "retinamnist")  # 12 training images of 5 classes: 3, 3, 2, 2, 2
    whole = medshelf.load("retinamnist", "train", root=tmp_path, allow_modified=True)
    few = few_shot(whole, 3, seed=0)
    assert np.bincount(few.targets).tolist() == [3, 3, 2, 2, 2]
    found = [each for each in few.meta.issues if each.rule == "few-shot-scarce"]
    assert [each.where for each in found] == list(whole.classes[2:])
    assert "2 training samples of" in found[0].message
    assert "where 3 were asked for" in found[0].message


def test_a_class_without_samples_is_refused() -> None:
    whole = medshelf.load("phantom-grey-binary", "train").filter("label == 'lesion'")
    with pytest.raises(RunError, match="no training sample of 'no lesion'"):
        few_shot(whole, 1, seed=0)


def test_none_cannot_be_asked_for() -> None:
    with pytest.raises(RunError, match="0 samples of each class were asked for"):
        few_shot(medshelf.load("phantom-grey-binary", "train"), 0, seed=0)
