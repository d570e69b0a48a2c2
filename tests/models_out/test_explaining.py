"""What is explained of a run, against what its result file and labels say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import medshelf
from medshelf import api
from medshelf.benchmark.explaining.classes import (
    cases,
    class_errors,
    confusions,
    most_confident,
)
from medshelf.benchmark.explaining.explanation import Explanation
from medshelf.benchmark.explaining.subgroups import ATTRIBUTES, subgroups
from medshelf.benchmark.finding import find_run
from medshelf.benchmark.metrics import acc, auc
from medshelf.benchmark.result_file import read_scores
from medshelf.cli import app
from medshelf.core.errors import FormatError, RunError, UnknownNameError
from medshelf.core.tasks import Task, TaskKind

CLASSES = Task("t", TaskKind.MULTI_CLASS, ("a", "b", "c"))
LABELS = Task("t", TaskKind.MULTI_LABEL, ("p", "q"))
Y_TRUE = np.array([0, 0, 0, 1, 1, 2])
Y_SCORE = np.array(
    [
        [0.8, 0.1, 0.1],
        [0.1, 0.7, 0.2],
        [0.2, 0.6, 0.2],
        [0.1, 0.9, 0],
        [0.3, 0.3, 0.4],
        [0, 0.1, 0.9],
    ]
)


def explained(trained: dict[str, str], kind: str, home: Path, **options: Any) -> Explanation:
    root = None if kind == "binary" else home / "raw"
    return api.explain(
        trained[kind], root=root, allow_modified=kind != "binary", device="cpu", **options
    )


def test_errors_of_each_class_are_counted() -> None:
    a, b, c = class_errors(CLASSES, Y_TRUE, Y_SCORE)
    assert (a.support, b.support, c.support) == (3, 2, 1)
    assert (a.precision, a.recall, a.f1) == (1, pytest.approx(1 / 3), pytest.approx(0.5))
    assert (b.precision, b.recall) == (pytest.approx(1 / 3), 0.5)
    assert (c.precision, c.recall) == (0.5, 1)
    assert b.auc == 6 / 8
    first, second = confusions(CLASSES, Y_TRUE, Y_SCORE, 9)
    assert (first.true, first.said, first.count, first.share) == ("a", "b", 2, 2 / 3)
    assert (second.true, second.said, second.count, second.share) == ("b", "c", 1, 0.5)


def test_the_most_confident_mistakes_come_first() -> None:
    ids = [f"s{number}" for number in range(6)]
    found = cases(CLASSES, Y_TRUE, Y_SCORE, most_confident(CLASSES, Y_TRUE, Y_SCORE, 9), ids)
    assert [(each.sample_id, each.true, each.said, each.probability) for each in found] == [
        ("s1", "a", "b", 0.7),
        ("s2", "a", "b", 0.6),
        ("s4", "b", "c", 0.4),
    ]
    right = most_confident(CLASSES, Y_TRUE, Y_SCORE, 2, right=True)
    assert [row for row, _, _ in right] == [3, 5]


def test_labels_that_stand_alone_are_missed_or_said_wrongly() -> None:
    y_true = np.array([[1, 0], [1, 0], [0, 1]])
    y_score = np.array([[0.1, 0.2], [0.3, 0.9], [0.2, 0.6]])
    found = confusions(LABELS, y_true, y_score, 9)
    assert [(each.true, each.said, each.count) for each in found] == [
        ("p", "not p", 2),
        ("not q", "q", 1),
    ]
    chosen = most_confident(LABELS, y_true, y_score, 9)
    assert chosen == [(0, 0, 0.9), (1, 1, 0.9)]
    named = cases(LABELS, y_true, y_score, chosen, ["x", "y", "z"])
    assert [(each.true, each.said) for each in named] == [("p", "not p"), ("not q", "q")]


def test_subgroups_are_scored_where_there_are_enough() -> None:
    random = np.random.default_rng(0)
    task, n = Task("t", TaskKind.BINARY, ("no", "yes")), 400
    codes, chance = random.integers(0, 2, n), random.random(n)
    scores = np.stack([1 - chance, chance], axis=1)
    men = np.arange(n) < 150
    scores[men] = np.where(codes[men, None] == [0, 1], 0.9, 0.1)  # right for men alone
    sex = np.where(men, "M", "F").astype(object)
    sex[-5:] = "X"
    ages = np.where(men, 30.0, 70.0).astype(np.float32)
    empty: dict[str, list[None]] = {each: [None] * n for each in ATTRIBUTES}
    frame = pl.DataFrame({**empty, "sex": sex, "age_years": ages})
    found = subgroups(frame, task, codes, scores)
    by_value = {(each.attribute, each.value): each for each in found.scored}
    assert set(by_value) == {
        ("sex", "M"),
        ("sex", "F"),
        ("age_years", "18 to 39"),
        ("age_years", "65 to 79"),
    }
    women = ~men & (sex != "X")
    for value, inside in (("M", men), ("F", women)):
        group = by_value["sex", value]
        assert group.n_samples == inside.sum()
        assert group.auc.value == auc(task, codes[inside], scores[inside])
        assert group.acc.value == acc(task, codes[inside], scores[inside])
        assert group.auc.low <= group.auc.value <= group.auc.high
    assert by_value["sex", "M"].auc.value == 1
    assert any(each.startswith("sex X: not scored, of 5 samples") for each in found.notes)
    none = subgroups(pl.DataFrame(empty), task, codes, scores)
    assert not none.scored
    assert "states none of sex" in none.notes[0]


@pytest.mark.parametrize("kind", ["binary", "upsampled", "multi-label", "volumes"])
def test_a_network_is_explained(
    trained: dict[str, str], home: Path, tmp_path: Path, kind: str
) -> None:
    page = tmp_path / "page.html"
    told = explained(trained, kind, home, html=page)
    run = find_run(trained[kind])
    scores = read_scores(run.folder / run.result_files["test"])
    assert told.n_samples == len(scores) == run.scores["test"].n_samples
    assert {each.name: each.recall for each in told.classes} == pytest.approx(
        run.scores["test"].recall
    )
    calibration = told.calibration
    assert calibration.error_before == pytest.approx(run.scores["test"].calibration_error, abs=1e-6)
    assert calibration.fitted_on == "val"
    assert calibration.temperature.loss_after <= calibration.temperature.loss_before
    looked = told.grad_cam
    assert looked.layer == "second"
    assert looked.maps is not None
    assert looked.maps.shape[1:] == ((28,) * 3 if kind == "volumes" else (28, 28))
    assert all(each.is_right for each in looked.right)
    assert not any(each.is_right for each in looked.wrong)
    assert told.mistakes[: len(looked.wrong)] == looked.wrong
    chances = [each.probability for each in told.mistakes]
    assert chances == sorted(chances, reverse=True)
    assert json.loads(json.dumps(told.as_dict()))["grad_cam"]["layer"] == "second"
    text = page.read_text("utf-8")
    assert "Grad-CAM" in text
    assert "Not for clinical use" in text
    assert "states none of sex" in text
    assert told.mistakes[0].sample_id in text


@pytest.mark.parametrize(
    ("kind", "reason"), [("flat", "no convolution"), ("majority", "no trained network")]
)
def test_without_convolutions_all_but_the_maps_is_there(
    trained: dict[str, str], home: Path, tmp_path: Path, kind: str, reason: str
) -> None:
    told = explained(trained, kind, home, html=tmp_path / "page.html")
    assert reason in told.grad_cam.reason
    assert told.grad_cam.maps is None
    assert reason in (tmp_path / "page.html").read_text("utf-8")
    assert told.classes
    assert told.n_samples


def test_the_selection_split_can_be_explained(trained: dict[str, str], home: Path) -> None:
    told = explained(trained, "upsampled", home, split="val")
    assert told.n_samples == len(
        medshelf.load("retinamnist", "val", root=home / "raw", allow_modified=True)
    )


def test_the_command_prints_what_the_function_gives(trained: dict[str, str], home: Path) -> None:
    expected = explained(trained, "binary", home)
    done = CliRunner().invoke(app, ["explain", trained["binary"], "--json", "--quiet"])
    assert done.exit_code == 0
    assert json.loads(done.output) == json.loads(json.dumps(expected.as_dict()))
    plain = CliRunner().invoke(app, ["explain", trained["binary"], "--quiet"]).output
    assert f"{expected.n_wrong} of {expected.n_samples} samples wrong" in plain
    assert expected.mistakes[0].sample_id in plain


def test_what_cannot_be_explained_is_refused(
    trained: dict[str, str], home: Path, tmp_path: Path
) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean"):
        api.explain(trained["binary"][:-1] + "1")
    with pytest.raises(UnknownNameError, match="Unknown split of this run 'train'"):
        explained(trained, "binary", home, split="train")
    run = find_run(trained["flat"])
    folder = tmp_path / "copy"
    folder.mkdir()
    record = json.loads((run.folder / "run.json").read_text())
    record["spec"]["files"] = {"breastmnist.npz": "md5:0"}
    (folder / "run.json").write_text(json.dumps(record))
    with pytest.raises(RunError, match="made from other files"):
        api.explain(folder, root=home / "raw", allow_modified=True)
    record["spec"]["files"] = run.spec.files
    (folder / "run.json").write_text(json.dumps(record))
    with pytest.raises(FormatError, match=r"\.csv"):
        api.explain(folder, root=home / "raw", allow_modified=True)


def test_the_report_of_an_estimator_shows_choices_and_no_epochs(trained: dict[str, str]) -> None:
    run = find_run(trained["majority"])
    page = (run.folder.parent / f"{run.spec.group}.html").read_text("utf-8")
    assert "Choices that were tried, seed 0; AUC and ACC on &#39;val&#39;." in page
    assert "100 epochs" not in page
    assert "Keep it in mind when comparing." in page
