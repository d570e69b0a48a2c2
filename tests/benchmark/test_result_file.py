"""The standard result file of MedMNIST."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medshelf.benchmark.result_file import ResultName, parse_name, read_scores, write_scores
from medshelf.core.errors import FormatError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "octmnist_test_[AUC]0.672_[ACC]0.892@3.csv",
            ResultName("octmnist", "28", "test", "3", 0.672, 0.892),
        ),
        (
            "pathmnist_224_val_[AUC]0.990_[ACC]0.911@model1.csv",
            ResultName("pathmnist", "224", "val", "model1", 0.990, 0.911),
        ),
        (
            "breastmnist_train_[AUC]1.000_[ACC]0.5@1700000000.12.csv",
            ResultName("breastmnist", "28", "train", "1700000000.12", 1.0, 0.5),
        ),
        ("organmnist3d_64_test@x.csv", ResultName("organmnist3d", "64", "test", "x")),
        (
            "phantom-3d-ordinal_test_[AUC]0.500_[ACC]0.500.csv",
            ResultName("phantom-3d-ordinal", "28", "test", "", 0.5, 0.5),
        ),
    ],
)
def test_names_are_parsed_and_built(name: str, expected: ResultName) -> None:
    found = parse_name(Path("somewhere") / name)
    assert found == expected
    if "0.5@" not in name:
        assert str(found) == name


@pytest.mark.parametrize("name", ["scores.csv", "breastmnist_tests_@1.csv", "a_28x_test@1.csv", ""])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(FormatError, match=r"(?s)is not of the form .*Rename the file"):
        parse_name(Path("folder") / name)


def test_scores_come_back_whatever_the_order_of_lines(tmp_path: Path) -> None:
    y_score = np.random.default_rng(0).random((7, 4)).astype(np.float32)
    path = write_scores(tmp_path, ResultName("octmnist", "28", "test", "1", 0.6724, 0.8), y_score)
    assert path.name == "octmnist_test_[AUC]0.672_[ACC]0.800@1.csv"
    lines = path.read_text().splitlines()
    assert lines[0].startswith("0,0.")
    path.write_text("\n".join(reversed(lines)))
    np.testing.assert_array_equal(read_scores(path).astype(np.float32), y_score)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not a table of numbers"),
        ("0,0.5\n1,abc\n", "not a table of numbers"),
        ("0\n1\n", "no score columns"),
        ("0,0.5\n2,0.5\n", r"sample 1 is missing or repeated \(of 2 lines\)"),
        ("0,0.5\n0,0.5\n", "sample 1 is missing or repeated"),
        ("1,0.5\n2,0.5\n", "sample 0 is missing or repeated"),
        ("0,0.5,0.5\n1,0.5\n", "a line has fewer values"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "octmnist_test_[AUC]0.5_[ACC]0.5@1.csv"
    path.write_text(content)
    with pytest.raises(FormatError, match=message):
        read_scores(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="not a table of numbers"):
        read_scores(tmp_path / "octmnist_test@1.csv")
