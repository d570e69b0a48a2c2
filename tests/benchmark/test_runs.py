"""Runs: their records, repeating, resuming, refusing, on images and volumes made for the tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import medshelf
from medshelf.benchmark.protocol import find_protocol
from medshelf.benchmark.result_file import read_scores
from medshelf.benchmark.runs import RunSpec, find_runs, method_name, open_finished, read_run
from medshelf.benchmark.specs import Settings, slug, specify
from medshelf.core.errors import FormatError, RunError, StorageError, UnknownNameError
from medshelf.core.files import lock
from tests.medmnist_files import make_file

torch = pytest.importorskip("torch")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402 - needs torch

from medshelf.benchmark.fits.fit import Assignment  # noqa: E402
from medshelf.benchmark.fits.inputs import Inputs  # noqa: E402
from medshelf.benchmark.fits.network import seconds_per_epoch  # noqa: E402
from medshelf.benchmark.fits.state import State  # noqa: E402
from tests.benchmark.training_networks import (  # noqa: E402
    PLAIN,
    TINY,
    short_protocol,
    splits,
    train,
    without_time,
)

SETS = {"breastmnist": 2, "retinamnist": 5, "chestmnist": 14}
SPEC = RunSpec("a", "28", {"a.npz": "md5:0123456789ab"}, False, False, "p", 100, 100, "m", 0)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    for dataset in SETS:
        make_file(tmp_path / "raw", dataset)
    return tmp_path / "raw"


@pytest.mark.parametrize("dataset", SETS)
def test_a_run_writes_down_everything(raw: Path, tmp_path: Path, dataset: str) -> None:
    found = train(splits(raw, dataset), tmp_path / "runs")
    record = json.loads((found.folder / "run.json").read_text())
    assert record["spec"]["epochs"] == 2
    assert record["spec"]["protocol_epochs"] == 100
    assert record["spec"]["modified"] is True
    assert record["spec"]["precision"] == "float32"
    assert record["spec"]["compiled"] is False
    assert record["spec"]["files"][f"{dataset}.npz"].startswith("md5:")
    assert record["selection"]["split"] == "val"
    assert record["selection"]["epoch"] in {1, 2}
    assert record["hardware"]["device"] == "cpu"
    assert set(record["versions"]) >= {"python", "medshelf", "torch", "numpy", "polars"}
    assert record["protocol"]["fit"]["optimiser"] == {"name": "adam", "learning_rate": 0.001}
    assert [each["epoch"] for each in record["history"]] == [1, 2]
    assert record["wall_s"] > 0
    assert record["notes"] == []
    assert 0.05 <= record["temperature"] <= 20
    convolution, normalisation, k = 4 * 3 * 9 + 4, 2 * 4, SETS[dataset]
    assert record["cost"] == {
        "parameters": convolution + normalisation + (4 * 49 + 1) * k,
        "macs": 4 * 49 * 27 + 4 * 49 * k,
    }
    for split, n_samples in (("val", 6), ("test", 9)):
        scores = read_scores(found.folder / found.result_files[split])
        assert scores.shape == (n_samples, k)
        assert record["scores"][split]["n_samples"] == n_samples
    if dataset != "chestmnist":
        np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    assert read_run(found.folder) == found
    kept = {path.name for path in sorted(found.folder.iterdir()) if not path.name.startswith(".")}
    assert kept == {"run.json", "weights.safetensors", *found.result_files.values()}


def test_volumes_are_trained_on(tmp_path: Path) -> None:
    make_file(tmp_path, "adrenalmnist3d")
    data = splits(tmp_path, "adrenalmnist3d")
    found = train(data, tmp_path / "runs", protocol=short_protocol("medmnist3d-28"))
    assert len(found.history) == 2
    fit = open_finished(found, data["test"].task, "cpu")
    expected = read_scores(found.folder / found.result_files["test"])
    np.testing.assert_allclose(fit.predict(data["test"].images()), expected, rtol=1e-5)


def test_the_network_keeps_the_selected_weights(raw: Path, tmp_path: Path) -> None:
    data = splits(raw)
    found = train(data, tmp_path)
    fit = open_finished(found, data["test"].task, "cpu")
    (images,) = (
        each[0] for each in Inputs(short_protocol().data, 9, "cpu").evaluation(data["test"])
    )
    network = fit.network()
    assert not network.training
    expected = read_scores(found.folder / found.result_files["test"])
    with torch.no_grad():
        np.testing.assert_allclose(network(images).softmax(1), expected, rtol=1e-5)
    from medshelf.benchmark.models.weights import read_metadata

    told = read_metadata(found.folder / "weights.safetensors")
    assert (told["model"], told["dataset"], told["seed"]) == (TINY, "breastmnist", "0")
    assert json.loads(told["classes"]) == list(data["test"].classes)
    assert told["protocol"] == "medmnist-28"
    assert told["medshelf"] == found.versions["medshelf"]


def test_training_starts_from_given_weights(raw: Path, tmp_path: Path) -> None:
    data = splits(raw)
    weights = train(data, tmp_path, seed=5).folder / "weights.safetensors"
    tuned, fresh = train(data, tmp_path, weights=weights), train(data, tmp_path)
    assert "_weights-" in tuned.spec.group
    assert tuned.spec.weights.startswith("sha256:")
    assert tuned.history[0]["train_loss"] < fresh.history[0]["train_loss"]
    other = splits(raw, "retinamnist")
    with pytest.raises(RunError, match=r"(?s)classes are not those of 'retinamnist'.*--new-head"):
        train(other, tmp_path, weights=weights)
    new_head = train(other, tmp_path, weights=weights, new_head=True)
    assert "_new-head_" in new_head.spec.name
    assert new_head.history[0]["train_loss"] != train(other, tmp_path).history[0]["train_loss"]
    weights.write_bytes(weights.read_bytes()[:300])
    with pytest.raises(FormatError, match=r"weights\.safetensors: no safetensors file"):
        train(data, tmp_path, weights=weights)


def test_a_finished_run_is_not_run_again(raw: Path, tmp_path: Path) -> None:
    data = splits(raw)
    first = train(data, tmp_path)
    before = (first.folder / "weights.safetensors").stat().st_mtime_ns
    assert train(data, tmp_path) == first
    assert train(data, tmp_path, seed=1).scores != first.scores
    assert (first.folder / "weights.safetensors").stat().st_mtime_ns == before


def test_same_seed_same_numbers_and_the_callers_random_state_is_left_alone(
    raw: Path, tmp_path: Path
) -> None:
    first = train(splits(raw), tmp_path / "first")
    torch.manual_seed(1234)
    expected = torch.rand(3)
    torch.manual_seed(1234)
    second = train(splits(raw), tmp_path / "second")
    assert torch.equal(torch.rand(3), expected)
    assert without_time(first) == without_time(second)


def test_low_precision_is_another_run_and_says_so(raw: Path, tmp_path: Path) -> None:
    exact, low = (train(splits(raw), tmp_path, precision=each) for each in ("float32", "bfloat16"))
    assert "_bfloat16_" in low.spec.name
    assert low.history[0]["train_loss"] != exact.history[0]["train_loss"]
    assert low.history[0]["train_loss"] == pytest.approx(exact.history[0]["train_loss"], rel=0.1)


@pytest.mark.filterwarnings("ignore:.*script_method:DeprecationWarning")  # torch's own
def test_a_compiled_run_is_another_run_with_nearly_the_same_losses(
    raw: Path, tmp_path: Path
) -> None:
    data = splits(raw)
    data["train"] = data["train"][:10]  # batches of one size: the compiler is slow
    plain, compiled = (train(data, tmp_path, PLAIN, compiled=each) for each in (False, True))
    assert compiled.spec.compiled
    assert "_compiled_" in compiled.spec.name
    losses = [[each["train_loss"] for each in found.history] for found in (plain, compiled)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.benchmark.training_networks import splits, train
replace, saved = Path.replace, []
def kill(path, target):
    saved.append(Path(target).name)
    if saved.count("last.pt") == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(path, target)
Path.replace = kill
train(splits(Path(sys.argv[1])), Path(sys.argv[2]), epochs=4)
"""


def test_killed_while_saving_and_resumed_gives_the_uninterrupted_result(
    raw: Path, tmp_path: Path
) -> None:
    whole = train(splits(raw), tmp_path / "whole", epochs=4)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, raw, tmp_path / "killed"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    (folder,) = sorted((tmp_path / "killed").iterdir())
    progress = torch.load(folder / "last.pt", weights_only=True)["progress"]
    assert len(progress["history"]) == 1
    assert (folder / ".last.pt.part").exists()
    assert not (folder / "run.json").exists()
    resumed = train(splits(raw), tmp_path / "killed", epochs=4)
    assert without_time(resumed) == without_time(whole)
    for split, name in whole.result_files.items():
        assert (resumed.folder / name).read_bytes() == (whole.folder / name).read_bytes(), split


def test_a_damaged_checkpoint_is_named(raw: Path, tmp_path: Path) -> None:
    folder = train(splits(raw), tmp_path).folder
    (folder / "run.json").unlink()
    (folder / "last.pt").write_bytes(b"half a checkpoint")
    message = r"(?s)last\.pt: not a checkpoint.*Delete it and run again"
    with pytest.raises(FormatError, match=message):
        train(splits(raw), tmp_path)


def test_a_damaged_run_record_is_named(raw: Path, tmp_path: Path) -> None:
    path = train(splits(raw), tmp_path).folder / "run.json"
    path.write_text(path.read_text()[:200])
    with pytest.raises(FormatError, match=r"run\.json: not a run"):
        train(splits(raw), tmp_path)


def test_a_finished_run_of_other_files_or_rules_is_not_taken_for_this_one(
    raw: Path, tmp_path: Path
) -> None:
    path = train(splits(raw), tmp_path).folder / "run.json"
    text = path.read_text()
    path.write_text(text.replace('"breastmnist.npz": "md5:', '"x.npz": "md5:'))
    with pytest.raises(RunError, match=r"(?s)made from other files or settings \(files\).*Move"):
        train(splits(raw), tmp_path)
    path.write_text(text.replace('"gamma": 0.1', '"gamma": 0.2'))
    with pytest.raises(RunError, match=r"\(protocol\)"):
        train(splits(raw), tmp_path)
    path.write_text(text.replace('"title": "', '"title": "New: '))
    assert train(splits(raw), tmp_path).protocol["title"].startswith("New: ")


def test_an_interrupted_run_is_not_resumed_by_another_one(raw: Path, tmp_path: Path) -> None:
    folder = train(splits(raw), tmp_path).folder
    (folder / "run.json").unlink()
    (folder / "last.pt").write_bytes(b"half a checkpoint")
    with pytest.raises(FormatError):
        train(splits(raw), tmp_path)
    path = folder / "spec.json"
    text = path.read_text()
    path.write_text(text.replace('"batch_size": 5', '"batch_size": 6'))
    with pytest.raises(
        RunError, match=r"(?s)other files or settings \(protocol\).*Move that folder"
    ):
        train(splits(raw), tmp_path)
    path.write_text(text.replace('"synthetic": false', '"synthetic": true'))
    with pytest.raises(RunError, match=r"\(synthetic\)"):
        train(splits(raw), tmp_path)
    path.write_text(text[:100])
    with pytest.raises(FormatError, match=r"spec\.json: not what a run began with"):
        train(splits(raw), tmp_path)
    path.write_text(text)
    (folder / "last.pt").unlink()
    assert train(splits(raw), tmp_path).history


def test_a_run_in_progress_elsewhere_is_not_joined(raw: Path, tmp_path: Path) -> None:
    target = train(splits(raw), tmp_path).folder
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
            train(splits(raw), tmp_path)
        holder.communicate()
    with lock(target / "run", timeout_s=0):
        pass


def test_a_run_of_an_earlier_version_is_read_but_does_not_predict(
    raw: Path, tmp_path: Path
) -> None:
    data = splits(raw)
    path = train(data, tmp_path).folder / "run.json"
    record = json.loads(path.read_text())
    for name in ("deterministic", "weights", "tested_on", "compiled", "new_head"):
        del record["spec"][name]
    del record["cost"], record["notes"], record["temperature"], record["protocol"]["fit"]
    record["protocol"]["epochs"] = 100
    record["spec"]["model"] = "resnet19"
    path.write_text(json.dumps(record))
    found = read_run(path.parent)
    assert (found.cost.parameters, found.notes, found.spec.compiled) == (None, [], False)
    assert method_name(found) == "resnet19 (28)"
    with pytest.raises(RunError, match=r"(?s)protocols this version cannot follow.*run again"):
        open_finished(found, data["test"].task)


def test_missing_weights_are_named(raw: Path, tmp_path: Path) -> None:
    data = splits(raw)
    found = train(data, tmp_path)
    (found.folder / "weights.safetensors").unlink()
    with pytest.raises(FormatError, match=r"weights\.safetensors: there is no such file"):
        open_finished(found, data["test"].task, "cpu").predict(data["test"])


def test_settings_that_a_fit_has_no_use_for_are_no_part_of_its_name(raw: Path) -> None:
    data, asked = splits(raw), Settings(epochs=3, precision="bfloat16", compiled=True)
    fitted = specify(data, find_protocol("medmnist-28"), "majority", asked, seed=0)
    assert (
        fitted.name
        == specify(data, find_protocol("medmnist-28"), "majority", Settings(), seed=0).name
    )
    assert fitted.follows_protocol
    probed = specify(data, find_protocol("linear-probe-28"), TINY, asked, seed=0)
    assert (probed.epochs, probed.precision, probed.compiled) == (1, "bfloat16", False)


def test_another_dataset_is_tested_on(raw: Path, tmp_path: Path) -> None:
    make_file(tmp_path / "other", "pneumoniamnist")
    data = splits(raw) | {"test": splits(tmp_path / "other", "pneumoniamnist")["test"]}
    found = train(data, tmp_path / "runs")
    assert found.spec.tested_on == "pneumoniamnist"
    assert "_on-pneumoniamnist_" in found.spec.name
    assert set(found.spec.files) == {"breastmnist.npz", "pneumoniamnist.npz"}
    assert found.result_files["val"].startswith("breastmnist_val_")
    assert found.result_files["test"].startswith("pneumoniamnist_test_")
    assert list(find_runs(tmp_path / "runs", "breastmnist")) == [found]


def test_names_of_groups_are_legal_and_never_shared() -> None:
    models = (
        "m",
        "m_bfloat16",
        "monai:DenseNet121",
        "monai-DenseNet121",
        "my_pkg.nets:Tiny",
        "a/b",
    )
    specs = [replace(SPEC, model=each) for each in models]
    specs += [replace(SPEC, precision="bfloat16"), replace(SPEC, compiled=True)]
    specs += [replace(SPEC, protocol="medmnist+-64", size="64"), replace(SPEC, epochs=3)]
    specs += [replace(SPEC, model="x" * 300), replace(SPEC, model="x" * 301)]
    groups = [each.group for each in specs]
    assert len({each.lower() for each in groups}) == len(groups)
    assert all(len(each) < 200 and not set(each) & set('<>:"/\\|?* %') for each in groups)
    assert "a_64_medmnist+-64_m" in groups
    assert "monai-DenseNet121~" in replace(SPEC, model="monai:DenseNet121").group
    assert slug("resnet18-3d") == "resnet18-3d"


class Reading(TorchDispatchMode):
    """Counts operations that wait for the device."""

    def __init__(self) -> None:
        super().__init__()
        self.n_waits = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        waiting = ("_local_scalar_dense", "nonzero", "equal", "masked_select")
        self.n_waits += str(func).split(".")[1] in waiting
        return func(*args, **(kwargs or {}))


def assignment(data: dict[str, object], folder: Path) -> Assignment:
    protocol = short_protocol()
    return Assignment(
        *(protocol, "breastmnist", data["train"].task, TINY, 0, 2, "cpu"),
        precision="float32",
        deterministic=False,
        weights=None,
        folder=folder,
    )


def test_no_step_waits_for_the_device(raw: Path, tmp_path: Path) -> None:
    data = splits(raw)
    state = State(assignment(data, tmp_path), "cpu")
    state.optimiser.step = lambda: None  # on a CPU it reads its own counters
    waits = []
    with Reading() as reading:
        batches = Inputs(short_protocol().data, 2, "cpu").training(data["train"], (0, 0))
        state.train(batches, lambda: waits.append(reading.n_waits))
    assert waits == [0] * 6
    with Reading() as reading:
        float(torch.ones(1))
    assert reading.n_waits == 1


def test_seconds_of_an_epoch_are_measured_without_a_trace(raw: Path, tmp_path: Path) -> None:
    data, folder = splits(raw), tmp_path / "empty"
    folder.mkdir()
    before = torch.get_rng_state()
    assert 0 < seconds_per_epoch(assignment(data, folder), data) < 60
    assert not sorted(folder.iterdir())
    assert torch.equal(torch.get_rng_state(), before)


def test_the_result_file_is_scored_alike_by_evaluate(raw: Path, tmp_path: Path) -> None:
    found = train(splits(raw), tmp_path)
    path = found.folder / found.result_files["test"]
    result = medshelf.evaluate(path, root=raw, allow_modified=True)
    expected = found.scores["test"]
    assert (result.scores.auc, result.scores.acc) == (expected.auc, expected.acc)
    assert result.scores.recall == expected.recall
    assert result.scores.calibration_error == pytest.approx(expected.calibration_error, abs=1e-6)
    assert result.name_agrees
    assert result.modified
    assert result.name.run == f"{slug(TINY)}_medmnist-28_seed0"
    wrong = path.with_name("breastmnist_test_[AUC]0.123_[ACC]0.456@x.csv")
    path.rename(wrong)
    assert not medshelf.evaluate(wrong, root=raw, allow_modified=True).name_agrees


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"model": "resnet19"},
            UnknownNameError,
            "Unknown model 'resnet19'.*Did you mean: resnet18",
        ),
        ({"device": "cuda:99"}, RunError, "Device 'cuda:99' cannot be used"),
        ({"device": "abacus"}, RunError, "Device 'abacus' cannot be used"),
        ({"epochs": 0}, RunError, "0 epochs were asked for"),
        ({"precision": "float16"}, UnknownNameError, "Unknown precision 'float16'"),
        ({"precision": "tfloat32"}, RunError, "Device 'cpu' has no tfloat32.*precision float32"),
        (
            {"weights": Path("none.pt")},
            FormatError,
            "none.pt: No such file.*Name a file of weights",
        ),
        ({"new_head": True}, RunError, "no weights for the others.*--weights FILE --new-head"),
    ],
)
def test_bad_options(
    raw: Path, tmp_path: Path, options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"(?s){message}"):
        train(splits(raw), tmp_path, **options)  # type: ignore[arg-type]


def test_volumes_are_refused_by_a_protocol_for_pictures(tmp_path: Path) -> None:
    make_file(tmp_path, "organmnist3d")
    with pytest.raises(RunError, match="is for 2D images, 'organmnist3d' has 3D images"):
        train(splits(tmp_path, "organmnist3d"), tmp_path)


def test_a_folder_that_cannot_be_made(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match=r"(?s)Cannot write .*MEDSHELF_HOME"):
        train(splits(raw), tmp_path / "file")
