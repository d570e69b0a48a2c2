"""Training that fails: loss, memory, chance, disk; and what is left afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from medshelf.benchmark.runs import open_finished
from medshelf.core.errors import FormatError, RunError, StorageError
from tests.medmnist_files import make_file

torch = pytest.importorskip("torch")

from medshelf.benchmark.fits.fit import Assignment  # noqa: E402 - needs torch
from medshelf.benchmark.fits.inputs import Inputs  # noqa: E402
from medshelf.benchmark.fits.network import seconds_per_epoch  # noqa: E402
from medshelf.benchmark.fits.state import State  # noqa: E402
from tests.benchmark import training_networks as networks  # noqa: E402
from tests.benchmark.training_networks import (  # noqa: E402
    PLAIN,
    TINY,
    short_protocol,
    splits,
    train,
    training_batches,
    without_time,
)

Data = dict[str, object]


@pytest.fixture
def data(tmp_path: Path) -> Data:
    make_file(tmp_path / "raw", "breastmnist")
    return splits(tmp_path / "raw")


@pytest.fixture
def disturbed(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], None]:
    return lambda watcher: monkeypatch.setattr(networks, "watch", watcher)


def assignment(data: Data, folder: Path, model: str = TINY, **changed: object) -> Assignment:
    known = {
        "protocol": short_protocol(),
        "dataset": "breastmnist",
        "task": data["train"].task,
        "model": model,
        "seed": 0,
        "epochs": 2,
        "device": "cpu",
        "precision": "float32",
        "deterministic": False,
        "weights": None,
        "folder": folder,
    }
    return Assignment(**{**known, **changed})


def above(limit: int, error: Callable[[], object], *, training: bool) -> object:
    def watcher(network: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        if network.training is training and len(x) > limit:
            error()
        return x

    return watcher


def accelerator_is_full() -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has ...")


def processor_is_full() -> None:
    torch.empty(1 << 50)


def test_a_loss_that_is_not_finite_names_its_step(
    data: Data, tmp_path: Path, disturbed: Callable[[object], None]
) -> None:
    disturbed(training_batches(lambda n, x: x * torch.nan if n >= 5 else x))
    message = (
        r"(?s)training loss is no longer finite at step 2 of epoch 2.*after epoch 1, is .*last.pt"
    )
    with pytest.raises(RunError, match=message):
        train(data, tmp_path / "runs", epochs=3)
    (last,) = (tmp_path / "runs").rglob("last.pt")
    saved = torch.load(last, weights_only=True)
    assert len(saved["progress"]["history"]) == 1
    assert all(each.isfinite().all() for each in saved["network"].values())
    disturbed(None)
    repaired, whole = (train(data, tmp_path / each, epochs=3) for each in ("runs", "whole"))
    assert without_time(repaired) == without_time(whole)


def test_a_last_step_that_breaks_the_weights_is_noticed(
    data: Data, tmp_path: Path, disturbed: Callable[[object], None]
) -> None:
    def break_weights(network: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        return x if network.training or len(x) < 3 else x * torch.inf

    disturbed(break_weights)
    message = "(?s)output is no longer finite at the end of epoch 1; there is no good state yet"
    with pytest.raises(RunError, match=message):
        train(data, tmp_path)


@pytest.mark.parametrize("full", [accelerator_is_full, processor_is_full, MemoryError])
def test_batches_are_halved_until_they_fit(
    data: Data,
    tmp_path: Path,
    disturbed: Callable[[object], None],
    full: Callable[[], object],
) -> None:
    def fill() -> None:
        if full is MemoryError:
            raise MemoryError
        full()

    disturbed(above(2, fill, training=True))
    found = train(data, tmp_path)
    (note,) = found.notes
    assert "From epoch 1 on, batches of 5 went through the network in parts of 2" in note
    assert "batch normalisation sees the parts" in note
    assert len(found.history) == 2


def test_the_result_does_not_depend_on_where_memory_ran_out(
    data: Data, tmp_path: Path, disturbed: Callable[[object], None]
) -> None:
    def fail_at(step: int) -> Callable[[int, torch.Tensor], torch.Tensor]:
        def disturb(n: int, x: torch.Tensor) -> torch.Tensor:
            if n == step:
                accelerator_is_full()
            return x

        return disturb

    found = []
    for step in (4, 6):  # both in the second epoch
        disturbed(training_batches(fail_at(step)))
        found.append(train(data, tmp_path / str(step)))
    assert without_time(found[0]) == without_time(found[1])
    assert "From epoch 2 on" in found[0].notes[0]


def test_an_interruption_does_not_forget_the_parts(
    data: Data, tmp_path: Path, disturbed: Callable[[object], None]
) -> None:
    largest: list[int] = []

    def disturb(n: int, x: torch.Tensor) -> torch.Tensor:
        largest.append(len(x))
        if n == 1:
            accelerator_is_full()
        if n == 8:  # 1 that failed, 5 parts of the first epoch
            raise KeyboardInterrupt
        return x

    disturbed(training_batches(disturb))
    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path)
    del largest[:]
    disturbed(training_batches(lambda _, x: largest.append(len(x)) or x))
    assert "parts of 3" in train(data, tmp_path).notes[0]
    assert max(largest) == 3


def test_gradients_of_parts_are_those_of_the_batch(data: Data, tmp_path: Path) -> None:
    batch = next(iter(Inputs(short_protocol().data, 5, "cpu").training(data["train"], (0, 0))))
    gradients, losses = [], []
    for n in (5, 2, 1):
        torch.manual_seed(0)
        state = State(assignment(data, tmp_path, PLAIN), "cpu")
        losses.append(float(state._backward(*batch, n)))
        gradients.append(state.network.linear.weight.grad)
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-6)
    assert gradients[0].abs().max() > 1e-3
    for each in gradients[1:]:
        torch.testing.assert_close(each, gradients[0], rtol=1e-5, atol=1e-7)


def test_too_little_memory_for_one_sample(
    data: Data, tmp_path: Path, disturbed: Callable[[object], None]
) -> None:
    disturbed(above(0, accelerator_is_full, training=True))
    message = r"(?s)more memory than there is for one sample \(CUDA out of memory\).*smaller model"
    with pytest.raises(RunError, match=message):
        train(data, tmp_path)
    with pytest.raises(RunError, match="more memory than there is for one sample"):
        seconds_per_epoch(assignment(data, tmp_path), data)


def test_evaluation_in_smaller_batches_changes_nothing(
    data: Data, tmp_path: Path, disturbed: Callable[[object], None]
) -> None:
    whole = train(data, tmp_path / "whole", PLAIN)
    disturbed(
        above(2, processor_is_full, training=False)
    )  # two samples are what a network is tried on
    found = train(data, tmp_path / "parts")
    disturbed(None)
    expected = train(data, tmp_path / "expected")
    assert found.notes == whole.notes == []
    assert found.scores == expected.scores
    disturbed(above(2, processor_is_full, training=False))
    images = data["test"].images()
    fit = open_finished(found, data["test"].task, "cpu")
    assert (fit.predict(images) == fit.predict(data["test"])).all()


def test_an_operation_that_depends_on_chance_is_named(
    data: Data, tmp_path: Path, disturbed: Callable[[object], None]
) -> None:
    def disturb(_: int, x: torch.Tensor) -> torch.Tensor:
        return x.clone().put_(torch.tensor([0]), torch.ones(1))

    disturbed(training_batches(disturb))
    with pytest.raises(RunError, match=r"(?s)put_ has no deterministic form.*another model"):
        train(data, tmp_path, deterministic=True)
    assert not torch.are_deterministic_algorithms_enabled()
    assert train(data, tmp_path).spec.deterministic is False


def test_deterministic_mode_is_another_run_and_repeats(data: Data, tmp_path: Path) -> None:
    before = torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32
    first, second = (train(data, tmp_path / each, deterministic=True) for each in "ab")
    assert without_time(first) == without_time(second)
    assert "_deterministic_" in first.spec.group
    assert (torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32) == before


def test_a_full_disk_leaves_the_last_checkpoint(
    data: Data, tmp_path: Path, disturbed: Callable[[object], None]
) -> None:
    def fill_disk(n: int, x: torch.Tensor) -> torch.Tensor:
        if n == 4:  # the second epoch: what is written there next meets a full disk
            (folder,) = tmp_path.glob("*_seed0")
            (folder / ".last.pt.part").symlink_to("/dev/full")
        return x

    disturbed(training_batches(fill_disk))
    with pytest.raises(
        StorageError, match=r"(?s)Cannot write .*last\.pt: No space.*Free some disk"
    ):
        train(data, tmp_path)
    (last,) = tmp_path.rglob("last.pt")
    assert len(torch.load(last, weights_only=True)["progress"]["history"]) == 1
    disturbed(None)
    assert len(train(data, tmp_path).history) == 2


def test_a_checkpoint_of_another_network_is_refused(data: Data, tmp_path: Path) -> None:
    state = State(assignment(data, tmp_path, PLAIN), "cpu")
    state.save(tmp_path / "last.pt", state.load(tmp_path / "last.pt"))
    message = r"(?s)last\.pt: a checkpoint of another network or version.*Delete it and run again"
    with pytest.raises(FormatError, match=message):
        State(assignment(data, tmp_path), "cpu").load(tmp_path / "last.pt")


def test_compiling_without_a_compiler_says_what_is_missing(tmp_path: Path) -> None:
    make_file(tmp_path / "raw", "breastmnist")
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from tests.benchmark.training_networks import splits, train\n"
        "from medshelf.core.errors import RunError\n"
        "try:\n    train(splits(Path(sys.argv[1])), Path(sys.argv[2]), compiled=True)\n"
        "except RunError as error:\n    print(error)\n"
    )
    missing = {"CXX": str(tmp_path / "none"), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "raw", tmp_path / "runs"],
        env={**os.environ, **missing, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot be compiled" in done.stdout
    assert "Install a C++ compiler" in done.stdout
