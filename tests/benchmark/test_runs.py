"""Training, resuming, run records and the leaderboard, on generated images."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import medshelf
from medshelf.api import Benchmark
from medshelf.benchmark.leaderboard import caveats, leaderboard, quoted
from medshelf.benchmark.result_file import read_scores
from medshelf.benchmark.runs import find_runs, read_run
from medshelf.core.errors import FormatError, RunError, StorageError, UnknownNameError
from medshelf.core.files import lock
from medshelf.core.settings import Settings
from tests.medmnist_files import make_file

torch = pytest.importorskip("torch")

SETS = {"breastmnist": 2, "retinamnist": 5, "chestmnist": 14}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for dataset in SETS:
        make_file(tmp_path / "raw", dataset)
    return tmp_path / "raw"


def run(folder: Path, dataset: str = "breastmnist", **options: object) -> Benchmark:
    options = {"seeds": 1, "epochs": 2, "device": "cpu", "allow_modified": True} | options
    return medshelf.run_benchmark(dataset, root=folder, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("dataset", SETS)
def test_a_run_writes_down_everything(folder: Path, dataset: str) -> None:
    done = run(folder, dataset)
    (found,) = done.runs
    record = json.loads((found.folder / "run.json").read_text())
    assert record["spec"]["epochs"] == 2
    assert record["spec"]["protocol_epochs"] == 100
    assert record["spec"]["modified"] is True
    assert record["spec"]["precision"] == "float32"
    assert record["spec"]["files"] == {f"{dataset}.npz": found.spec.files[f"{dataset}.npz"]}
    assert found.spec.files[f"{dataset}.npz"].startswith("md5:")
    assert record["selection"]["split"] == "val"
    assert record["hardware"]["device"] == "cpu"
    assert set(record["versions"]) == {"python", "medshelf", "torch", "numpy", "polars"}
    assert record["protocol"]["fit"]["optimiser"] == {"name": "adam", "learning_rate": 0.001}
    assert [each["epoch"] for each in record["history"]] == [1, 2]
    assert record["wall_s"] > 0
    for split, n_samples in (("val", 6), ("test", 9)):
        scores = read_scores(found.folder / found.result_files[split])
        assert scores.shape == (n_samples, SETS[dataset])
        assert record["scores"][split]["n_samples"] == n_samples
    if dataset != "chestmnist":
        np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    assert read_run(found.folder) == found
    page = done.report.read_text()
    assert "2 epochs, not the protocol (100)" in page
    assert "modified data" in page.lower()
    assert not (found.folder / "last.pt").exists()


def test_the_result_file_is_scored_alike_by_evaluate(folder: Path) -> None:
    (found,) = run(folder).runs
    path = found.folder / found.result_files["test"]
    result = medshelf.evaluate(path, root=folder, allow_modified=True)
    expected = found.scores["test"]
    assert (result.scores.auc, result.scores.acc) == (expected.auc, expected.acc)
    assert result.scores.recall == expected.recall
    assert result.scores.calibration_error == pytest.approx(expected.calibration_error, abs=1e-6)
    assert result.name_agrees
    assert result.modified
    assert result.name.run == "resnet18_medmnist-28_seed0"
    wrong = path.with_name("breastmnist_test_[AUC]0.123_[ACC]0.456@x.csv")
    path.rename(wrong)
    assert not medshelf.evaluate(wrong, root=folder, allow_modified=True).name_agrees


def test_a_finished_run_is_not_run_again(folder: Path) -> None:
    (first,) = run(folder).runs
    before = (first.folder / "best.pt").stat().st_mtime_ns
    both = run(folder, seeds=2).runs
    assert both[0] == first
    assert both[1].spec.seed == 1
    assert both[1].scores != first.scores
    assert (first.folder / "best.pt").stat().st_mtime_ns == before


def test_same_seed_same_numbers(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (first,) = run(folder).runs
    torch.manual_seed(1234)
    monkeypatch.setenv("MEDSHELF_HOME", str(tmp_path / "other"))
    (second,) = run(folder).runs
    assert first.folder != second.folder
    assert first.scores == second.scores
    weights = [torch.load(each.folder / "best.pt", weights_only=True) for each in (first, second)]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_low_precision_is_another_run_and_says_so(folder: Path) -> None:
    (exact,), (low,) = (run(folder, precision=each).runs for each in ("float32", "bfloat16"))
    assert low.spec.name == exact.spec.name.replace("resnet18", "resnet18_bfloat16")
    assert low.spec.precision == "bfloat16"
    assert "convolutions in bfloat16" in caveats(low)
    assert caveats(exact) == [each for each in caveats(low) if "bfloat16" not in each]
    assert low.history[0]["train_loss"] != exact.history[0]["train_loss"]
    assert low.history[0]["train_loss"] == pytest.approx(exact.history[0]["train_loss"], rel=0.1)


def test_training_leaves_the_callers_random_state_alone(folder: Path) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    run(folder, epochs=1)
    assert torch.equal(torch.rand(3), expected)


def start_process(folder: Path, home: Path, epochs: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "medshelf", "benchmark", "breastmnist", "--seeds", "1"]
    command += ["--epochs", str(epochs), "--root", str(folder), "--allow-modified", "--quiet"]
    return subprocess.Popen(command, env={**os.environ, "MEDSHELF_HOME": str(home)})


@pytest.mark.parametrize("moment", ["in an epoch", "while saving"])
def test_killed_and_resumed_gives_the_uninterrupted_result(
    folder: Path, tmp_path: Path, moment: str
) -> None:
    epochs = 4
    assert start_process(folder, tmp_path / "whole", epochs).wait() == 0
    process = start_process(folder, tmp_path / "killed", epochs)
    wanted = {"in an epoch": "last.pt", "while saving": ".last.pt.part"}[moment]
    deadline = time.monotonic() + 120
    while not list((tmp_path / "killed").rglob(wanted)):
        assert time.monotonic() < deadline
        assert process.poll() is None, "it ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not list((tmp_path / "killed").rglob("run.json"))
    assert start_process(folder, tmp_path / "killed", epochs).wait() == 0
    whole, resumed = (
        next(find_runs(tmp_path / home / "runs", "breastmnist")) for home in ("whole", "killed")
    )
    assert resumed.scores == whole.scores
    assert resumed.selection == whole.selection
    assert len(resumed.history) == epochs
    for split, name in whole.result_files.items():
        assert resumed.result_files[split] == name
        assert (resumed.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_a_damaged_checkpoint_is_named(folder: Path) -> None:
    target = Settings.from_environment().runs_folder / run(folder).runs[0].spec.name
    (target / "run.json").unlink()
    (target / "last.pt").write_bytes(b"half a checkpoint")
    with pytest.raises(
        FormatError, match=r"(?s)last\.pt: not a checkpoint.*Delete it and run again"
    ):
        run(folder)


def test_a_damaged_run_record_is_named(folder: Path) -> None:
    target = run(folder).runs[0].folder / "run.json"
    target.write_text(target.read_text()[:200])
    with pytest.raises(FormatError, match=r"run\.json: not a run"):
        run(folder)


def test_a_run_of_other_files_is_not_taken_for_this_one(folder: Path) -> None:
    target = run(folder).runs[0].folder / "run.json"
    target.write_text(target.read_text().replace('"breastmnist.npz": "md5:', '"x.npz": "md5:'))
    with pytest.raises(RunError, match=r"(?s)same name made from other files.*Move that folder"):
        run(folder)


def test_a_run_in_progress_elsewhere_is_not_joined(folder: Path) -> None:
    target = Settings.from_environment().runs_folder / run(folder).runs[0].spec.name
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom medshelf.core.files import lock\n"
        "with lock(Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(target / "run")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(StorageError, match="in use by another medshelf process"):
            run(folder)
        holder.communicate()
    with lock(target / "run", timeout_s=0):
        pass


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"model": "resnet19"},
            UnknownNameError,
            "Unknown model 'resnet19'.*Did you mean: resnet18",
        ),
        ({"protocol": "medmnist-29"}, UnknownNameError, "Did you mean: medmnist-28"),
        ({"device": "cuda:99"}, RunError, "Device 'cuda:99' cannot be used"),
        ({"device": "abacus"}, RunError, "Device 'abacus' cannot be used"),
        ({"epochs": 0}, RunError, "0 epochs were asked for"),
        ({"precision": "float16"}, UnknownNameError, "Unknown precision 'float16'"),
    ],
)
def test_bad_options(
    folder: Path, options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"(?s){message}"):
        run(folder, **options)


def test_a_3d_set_is_refused_before_anything_is_read() -> None:
    with pytest.raises(RunError, match="is for 2D images, 'organmnist3d' has 3D images"):
        medshelf.run_benchmark("organmnist3d")


def test_a_home_that_cannot_be_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MEDSHELF_HOME", str(tmp_path / "file"))
    with pytest.raises(StorageError, match=r"(?s)Cannot write .*MEDSHELF_HOME"):
        run(folder)


def test_quoted_numbers_are_the_published_ones() -> None:
    assert len([each for name in QUOTED_SETS for each in quoted(name)]) == 145
    by_method = {(each.method, each.kind): each for each in quoted("breastmnist")}
    published = by_method["ResNet-18 (28)", "published"]
    assert (published.auc, published.acc, published.n_seeds) == (0.901, 0.863, None)
    replicated = by_method["ResNet-18 (28)", "replication"]
    assert (replicated.auc_text, replicated.acc_text) == ("0.874 ± 0.012", "0.806 ± 0.008")
    assert replicated.n_seeds == 3
    assert published.kind_text == "published (quoted)"


QUOTED_SETS = [each for each in medshelf.datasets() if "mnist" in each]


def test_measured_entries_have_mean_sd_and_caveats(folder: Path) -> None:
    done = run(folder, seeds=2)
    aucs = [each.scores["test"].auc.value for each in done.runs]
    (entry,) = [e for e in leaderboard("breastmnist", done.runs, None) if e.kind == "measured"]
    assert entry.auc == pytest.approx(np.mean(aucs))
    assert entry.auc_sd == pytest.approx(np.std(aucs, ddof=1))
    assert entry.n_seeds == 2
    assert entry.note == (
        "2 epochs, not the protocol (100), modified data, not the published files"
    )


def test_the_leaderboard_ends_with_the_floor_where_data_are_at_hand(real_data: Path) -> None:
    floor = medshelf.leaderboard("breastmnist", root=real_data)[-1]
    assert floor.kind == "floor"
    assert floor.acc == pytest.approx(114 / 156)
    assert medshelf.leaderboard("pathmnist")[-1].kind == "published"
