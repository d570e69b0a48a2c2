"""Robustness: the formulas, fits whose error is known, and a finished run from end to end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

import medshelf
from medshelf.api.robustness import damage, robustness
from medshelf.benchmark.assessing import Assessment, Plan, assess
from medshelf.benchmark.corruption_errors import Errors, hits
from medshelf.benchmark.finding import find_run
from medshelf.benchmark.protocol import find_protocol
from medshelf.benchmark.runs import Settings, run, specify
from medshelf.benchmark.scores import score
from medshelf.cli import app
from medshelf.core.errors import FormatError, MetricError, RunError, UnknownNameError
from medshelf.core.settings import Settings as Environment
from medshelf.core.tasks import Task, TaskKind
from medshelf.dataset.labelled_images import LabelledImages
from tests.medmnist_files import make_file

N_SAMPLES = 1200


class Corner:
    """A fit that looks at one pixel: bright means the second class."""

    device = "cpu"

    def __init__(self, *, blind: bool = False, turned: bool = False) -> None:
        self.blind, self.turned = blind, turned

    def predict(self, images: np.ndarray) -> np.ndarray:
        if self.blind:
            return np.full((len(images), 2), 0.5, np.float32)
        bright = (images[:, 0, 0] > 127) != self.turned
        return np.stack([~bright, bright], axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    labels = (np.arange(N_SAMPLES) % 3 == 0).astype(np.uint8)
    images = np.repeat(labels * 255, 28 * 28).reshape(-1, 28, 28)
    folder = tmp_path_factory.mktemp("raw")
    make_file(folder, "breastmnist", test_images=images, test_labels=labels[:, None])
    return folder


@pytest.fixture
def corners(folder: Path) -> LabelledImages:
    found = medshelf.load("breastmnist", "test", root=folder, allow_modified=True)
    assert isinstance(found, LabelledImages)
    return found


def error_of(found: Assessment, name: str, severity: int) -> float:
    (cell,) = (e for e in found.cells if (e.corruption, e.severity) == (name, severity))
    return cell.balanced_error


def test_an_error_that_is_known_beforehand(corners: LabelledImages) -> None:
    plan = Plan(("impulse-noise", "gaussian-noise", "brightness-down"), (1, 5))
    found = assess(Corner(), corners, plan)  # type: ignore[arg-type]
    assert found.clean.balanced_error == 0
    assert (found.clean.auc, found.clean.acc) == (1, 1)
    assert error_of(found, "impulse-noise", 1) == pytest.approx(0.01 / 2, abs=0.006)
    assert error_of(found, "impulse-noise", 5) == pytest.approx(0.17 / 2, abs=0.025)
    flipped = NormalDist().cdf(-127.5 / (0.26 * 255))
    assert error_of(found, "gaussian-noise", 5) == pytest.approx(flipped, abs=0.015)
    assert error_of(found, "gaussian-noise", 1) == 0
    assert error_of(found, "brightness-down", 5) == 0
    expected = np.mean([each.balanced_error for each in found.cells])
    assert found.mean_error.value == pytest.approx(expected)
    assert found.mean_error.low < expected < found.mean_error.high
    assert found.mean_rise.value == pytest.approx(expected)
    assert (found.mce, found.relative_mce, found.baseline) == (None, None, ())


def test_comparisons_are_paired(corners: LabelledImages) -> None:
    noise = Plan(("impulse-noise",), (3, 5))
    itself = assess(Corner(), corners, noise, baseline=Corner())  # type: ignore[arg-type]
    assert itself.mce is not None
    assert (itself.mce.low, itself.mce.value, itself.mce.high) == (1, 1, 1)
    assert itself.relative_mce == 1
    assert itself.baseline == (itself.clean, *itself.cells)
    blind = assess(Corner(blind=True), corners, noise, baseline=Corner())  # type: ignore[arg-type]
    assert blind.mean_error.value == 0.5
    assert (blind.mean_rise.low, blind.mean_rise.value, blind.mean_rise.high) == (0, 0, 0)
    assert blind.relative_mce == 0
    assert blind.mce is not None
    assert blind.mce.value == pytest.approx(0.5 / itself.mean_error.value)


def test_what_is_not_defined_is_said(corners: LabelledImages) -> None:
    plan = Plan(("brightness-down", "impulse-noise"), (5,))
    found = assess(Corner(blind=True), corners, plan, baseline=Corner())  # type: ignore[arg-type]
    assert found.mce is None
    assert found.relative_mce is None
    assert found.by_corruption[0].ce is None
    assert found.by_corruption[1].ce is not None
    assert found.notes == (
        "mCE is not defined: the baseline makes no error under brightness-down",
        "relative mCE is not defined: the baseline's error does not rise under brightness-down",
    )


def test_a_fit_that_gives_no_numbers_is_named(corners: LabelledImages) -> None:
    class Broken(Corner):
        def predict(self, images: np.ndarray) -> np.ndarray:
            return np.full((len(images), 2), np.nan, np.float32)

    with pytest.raises(MetricError, match="not finite"):
        assess(Broken(), corners, Plan(("pixelate",)))  # type: ignore[arg-type]


def test_formulas_by_hand() -> None:
    mine = Errors(np.array(0.1), np.array([[0.2, 0.4], [0.1, 0.3]]))
    baseline = Errors(np.array(0.2), np.array([[0.3, 0.5], [0.2, 0.8]]))
    assert mine.mean == pytest.approx(0.25)
    assert mine.rise == pytest.approx(0.15)
    assert mine.against(baseline) == pytest.approx([0.6 / 0.8, 0.4 / 1.0])
    assert mine.relative_to(baseline) == pytest.approx([0.4 / 0.4, 0.2 / 0.6])
    steady = Errors(np.array(0.3), np.array([[0.3, 0.3], [0.0, 0.0]]))
    assert np.isnan(mine.relative_to(steady)).all()
    assert np.isnan(mine.against(steady)).tolist() == [False, True]


@settings(max_examples=12)
@given(kind=st.sampled_from(TaskKind), seed=st.integers(0, 1000))
def test_balanced_error_is_one_less_balanced_accuracy(kind: TaskKind, seed: int) -> None:
    random = np.random.default_rng(seed)
    n_classes = 2 if kind is TaskKind.BINARY else 4
    task = Task("label", kind, tuple("abcd"[:n_classes]))
    scores = random.random((40, n_classes))
    multi_label = kind is TaskKind.MULTI_LABEL
    codes = random.permutation(np.arange(40 * (n_classes if multi_label else 1)))
    labels = codes.reshape(40, -1) % 2 if multi_label else codes % n_classes
    try:
        expected = 1 - score(task, labels, scores).balanced_accuracy
    except MetricError:
        return
    assert hits(task, labels, scores).error == pytest.approx(expected)


@pytest.mark.parametrize(
    ("corruptions", "severities", "error", "message"),
    [
        ((), (1,), RunError, r"corruptions \(none\) cannot be measured"),
        (("pixelate", "pixelate"), (1,), RunError, "pixelate, pixelate cannot be measured"),
        (("pixelate",), (), RunError, r"severities \(none\) cannot be measured"),
        (("pixelate",), (1, 1), RunError, "severities 1, 1 cannot be measured"),
        (("pixelate",), (0, 6), RunError, "severities 0, 6 are not all 1 to 5"),
        (("pixelated",), (1,), UnknownNameError, "Did you mean: pixelate"),
    ],
)
def test_bad_plans(
    corruptions: tuple[str, ...], severities: tuple[int, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Plan(corruptions, severities)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with runs of two models on noise, and the raw file beside them."""
    pytest.importorskip("sklearn")
    home = tmp_path_factory.mktemp("home")
    random = np.random.default_rng(0)
    images = {
        f"{split}_images": random.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        for split, n in (("train", 12), ("val", 6), ("test", 9))
    }
    make_file(home / "raw-files", "breastmnist", **images)
    protocol = find_protocol("medmnist-28")
    data = {}
    for split in ("train", "val", "test"):
        data[split] = medshelf.load(
            "breastmnist", split, root=home / "raw-files", allow_modified=True
        )
    choices = Settings(epochs=1, device="cpu")
    for model in ("logistic-regression", "majority"):
        spec = specify(data, protocol, model, choices, seed=0)  # type: ignore[arg-type]
        run(spec, protocol, data, choices, folder=home / "runs")  # type: ignore[arg-type]
    return home


@pytest.fixture
def names(trained: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Return the runs' names, in a home of this test's own."""
    shutil.copytree(trained / "runs", tmp_path / "home" / "runs")
    monkeypatch.setenv("MEDSHELF_HOME", str(tmp_path / "home"))
    return [each.name for each in sorted((tmp_path / "home" / "runs").iterdir())]


def test_a_run_from_its_name_to_a_page(names: list[str], trained: Path, tmp_path: Path) -> None:
    page, sheet = tmp_path / "page.html", tmp_path / "sheet.png"
    arguments = ["robustness", names[0], "--baseline", names[1], "--severities", "5,1"]
    arguments += ["--corruptions", "impulse-noise,contrast-down", "--device", "cpu", "--json"]
    arguments += ["--root", str(trained / "raw-files"), "--allow-modified", "--quiet"]
    done = CliRunner().invoke(app, [*arguments, "--html", str(page), "--pictures", str(sheet)])
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    folder = Environment.from_environment().runs_folder / names[0]
    assert json.loads((folder / "robustness.json").read_text()) == result
    assert [result["run"], result["baseline_run"]] == names
    assert (result["severities"], result["n_samples"], result["seed"]) == ([1, 5], 9, 0)
    assert result["modified"] is True
    assert result["follows_protocol"] is True  # pixels are not fitted over epochs
    assert {"numpy", "pillow", "torch"} <= set(result["versions"])
    assert set(result["levels"]) == {"impulse-noise", "contrast-down"}
    assessment = result["assessment"]
    assert len(assessment["cells"]) == 4
    assert len(assessment["baseline"]) == 5
    clean = find_run(names[0]).scores["test"]
    assert assessment["clean"]["auc"] == pytest.approx(clean.auc.value, abs=0.06)
    html = page.read_text()
    assert "Robustness of" in html
    assert "Modified data" in html
    assert html.count("data:image/png") == 1
    with Image.open(sheet) as picture:
        assert picture.size == (150 + 3 * 112 + 8, 22 + 2 * 112 + 4)


def test_the_same_numbers_again_and_a_table(names: list[str], trained: Path) -> None:
    asked = damage(
        names[0],
        corruptions=["shot-noise"],
        severities=[2],
        root=trained / "raw-files",
        allow_modified=True,
    )
    first, second = (asked.measure(device="cpu").assessment for _ in range(2))
    assert first == second
    arguments = ["robustness", names[0], "--severities", "2", "--corruptions", "shot-noise"]
    arguments += ["--root", str(trained / "raw-files"), "--allow-modified", "--device", "cpu"]
    shown = CliRunner().invoke(app, arguments)
    assert f"{first.mean_error}" in shown.stdout
    assert "shot-noise" in shown.stdout


def test_corruptions_that_fit_are_the_default(names: list[str], trained: Path) -> None:
    asked = damage(names[0], root=trained / "raw-files", allow_modified=True)
    assert len(asked.plan.corruptions) == 7
    assert asked.plan.severities == (1, 2, 3, 4, 5)


def test_other_files_than_the_runs_are_refused(names: list[str], folder: Path) -> None:
    asked = damage(names[0], root=folder, allow_modified=True)
    with pytest.raises(RunError, match="made from other files than those of 'breastmnist' at hand"):
        asked.measure(device="cpu")


def test_runs_are_found_by_name_and_path(names: list[str]) -> None:
    folder = Environment.from_environment().runs_folder / names[0]
    for each in (names[0], folder, str(folder), folder / "run.json"):
        assert find_run(each).folder == folder
    with pytest.raises(UnknownNameError, match=f"Did you mean: .*{names[1]}"):
        find_run(f"{names[1]}0")


def test_what_is_no_finished_run(names: list[str]) -> None:
    folder = Environment.from_environment().runs_folder
    (folder / "halfway").mkdir()
    with pytest.raises(RunError, match=r"(?s)no run\.json in halfway.*goes on where it ended"):
        find_run("halfway")
    (folder / names[0] / "run.json").write_text("{}")
    with pytest.raises(FormatError, match="not a run"):
        find_run(names[0])
    shutil.rmtree(folder)
    with pytest.raises(RunError, match=r"no run in .* is finished"):
        robustness("breastmnist")


def test_severities_that_are_no_numbers(names: list[str]) -> None:
    done = CliRunner().invoke(app, ["robustness", names[0], "--severities", "1,two"])
    assert done.exit_code == 2
    assert "is no list of whole numbers" in done.output
