"""Queues of runs: isolation, resuming, other queues, devices, estimates, on miniature files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from medshelf.api import Files, Request, plan_matrix, run_matrix
from medshelf.api.ordering import order_runs
from medshelf.benchmark.queueing.devices import find_devices, lease, slots
from medshelf.benchmark.queueing.orders import FAILURE_FILE, Order, state_of
from medshelf.benchmark.queueing.queue import Done, Failure, Hands, duration, run_queue
from medshelf.benchmark.runs import Settings, read_run
from medshelf.core.errors import RunError, SettingError
from medshelf.core.files import lock
from tests.benchmark.queue_openers import Failing
from tests.medmnist_files import make_file

torch = pytest.importorskip("torch")
ROOT = Path(__file__).parents[2]
SETS = ("breastmnist", "retinamnist")
TINY = "tests.benchmark.training_networks:Tiny"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    for dataset in SETS:
        make_file(tmp_path / "raw", dataset)
    return Files(tmp_path / "raw", allow_modified=True)


@pytest.fixture
def runs_folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / "runs"


def request_of(
    files: Files, model: str = "majority", seeds: object = 2, epochs: int = 1
) -> Request:
    settings = Settings(epochs=epochs, device="cpu")
    return Request(
        datasets=SETS[:1],
        models=(model,),
        seeds=seeds,  # type: ignore[arg-type]
        settings=settings,
        files=files,
    )


def orders_of(files: Files, **options: object) -> tuple[Order, ...]:
    return order_runs(request_of(files, **options)).orders  # type: ignore[arg-type]


def stamps(folder: Path) -> dict[str, int]:
    return {each.parent.name: each.stat().st_mtime_ns for each in sorted(folder.glob("*/run.json"))}


def test_a_failed_run_stops_no_other_and_is_tried_again(files: Files, runs_folder: Path) -> None:
    orders = orders_of(files, seeds=3)
    names = [each.spec.name for each in orders]
    done = run_queue(orders, Failing(files, seed=0), Hands(), folder=runs_folder)
    assert [each.spec.seed for each in done.finished] == [1, 2]
    assert done.failed == (Failure(names[0], "ValueError: the disk is on fire"),)
    written = json.loads((runs_folder / names[0] / FAILURE_FILE).read_text())
    assert written["reason"] == "ValueError: the disk is on fire"
    assert "queue_openers.py" in written["traceback"]
    state = state_of(orders[0], runs_folder)
    assert (state.text, state.reason) == ("failed", "ValueError: the disk is on fire")
    before = stamps(runs_folder)
    again = run_queue(orders, files, Hands(), folder=runs_folder)
    assert [each.spec.name for each in again.finished] == names
    assert again.failed == ()
    assert not (runs_folder / names[0] / FAILURE_FILE).exists()
    assert before.items() < stamps(runs_folder).items()
    assert not sorted(runs_folder.glob(".queue-*"))


def test_a_run_that_ends_its_process_is_given_up_and_named(files: Files, runs_folder: Path) -> None:
    orders = orders_of(files)
    done = run_queue(orders, Failing(files, 1, deadly=True), Hands(), folder=runs_folder)
    assert [each.spec.seed for each in done.finished] == [0]
    (failure,) = done.failed
    assert failure.run == orders[1].spec.name
    assert "ended its process again and again: its process ended with exit code 7" in failure.reason
    assert state_of(orders[1], runs_folder).kind == "failed"


def test_runs_of_another_queue_are_left_out_and_named(files: Files, runs_folder: Path) -> None:
    orders = orders_of(files)
    target = runs_folder / orders[0].spec.name
    with lock(target / "run"):
        assert state_of(orders[0], runs_folder).kind == "running"
        done = run_queue(orders, files, Hands(), folder=runs_folder)
    assert done.held == (orders[0].spec.name,)
    assert [each.spec.seed for each in done.finished] == [1]
    assert done.failed == ()


def test_two_queues_at_once_do_each_run_once(files: Files, runs_folder: Path) -> None:
    command = [sys.executable, "-m", "medshelf", "benchmark", "breastmnist", "--models", "majority"]
    command += ["--queue", "--root", str(files.root), "--allow-modified", "--json", "--seeds", "4"]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [each.communicate() for each in started]
    assert [each.returncode for each in started] == [0, 0], said
    assert len(stamps(runs_folder)) == 4
    told = [json.loads(out) for out, _ in said]
    for each in told:
        assert len(each["runs"]) + len(each["held"]) >= 4
        assert each["failed"] == []
    finishes = [err.count(" finished") for _, err in said]
    assert sum(finishes) >= 4


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 240
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_killed_queue_goes_on_from_the_checkpoint(files: Files, runs_folder: Path) -> None:
    epochs = 15
    command = [sys.executable, "-m", "medshelf", "benchmark", "breastmnist", "--seeds", "1"]
    command += ["--epochs", str(epochs), "--device", "cpu", "--queue", "--quiet"]
    command += ["--root", str(files.root), "--allow-modified", "--models", TINY]
    (order,) = orders_of(files, model=TINY, seeds=1, epochs=epochs)
    process = subprocess.Popen(command, cwd=ROOT)
    checkpoint = runs_folder / order.spec.name / "last.pt"
    until(lambda: process.poll() is not None or checkpoint.exists())
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    until(lambda: state_of(order, runs_folder).kind != "running")
    state = state_of(order, runs_folder)
    assert state.kind == "interrupted"
    assert 0 < state.epochs_done < epochs
    assert state.text == f"interrupted at epoch {state.epochs_done}"
    kept = torch.load(checkpoint, weights_only=True)["progress"]["history"]
    assert sorted(runs_folder.glob(".queue-*"))
    done = run_queue([order], files, Hands(), folder=runs_folder)
    (found,) = done.finished
    assert len(found.history) == epochs
    assert [each["seconds"] for each in found.history[: len(kept)]] == [
        each["seconds"] for each in kept
    ]
    assert not sorted(runs_folder.glob(".queue-*"))


def test_a_plan_tells_states_and_times_and_writes_nothing(files: Files, runs_folder: Path) -> None:
    hands = Hands()
    request = request_of(files, model=TINY, seeds=3, epochs=2)
    first, second, _ = order_runs(request).orders
    run_queue([first], files, hands, folder=runs_folder)
    write = runs_folder / second.spec.name
    write.mkdir()
    (write / FAILURE_FILE).write_text('{"reason": "no memory"}')
    before = sorted(runs_folder.rglob("*"))
    plan = plan_matrix(request, hands)
    assert [each.state.kind for each in plan.runs] == ["finished", "failed", "new"]
    assert plan.runs[0].seconds == 0
    assert plan.runs[1].seconds == plan.runs[2].seconds
    assert plan.seconds == sum(each.seconds or 0 for each in plan.runs) > 0
    assert [each for each in sorted(runs_folder.rglob("*")) if each.name != ".run.lock"] == [
        each for each in before if each.name != ".run.lock"
    ]
    untimed = plan_matrix(request_of(files), hands)
    assert [each.seconds for each in untimed.runs] == [None, None]
    assert untimed.seconds is None


def test_a_damaged_record_is_a_failure_of_that_run(files: Files, runs_folder: Path) -> None:
    orders = orders_of(files)
    target = runs_folder / orders[0].spec.name
    target.mkdir(parents=True)
    (target / "run.json").write_text("{")
    assert "not a run" in state_of(orders[0], runs_folder).reason
    done = run_queue(orders, files, Hands(), folder=runs_folder)
    assert [each.run for each in done.failed] == [orders[0].spec.name]
    assert "Move the folder away" in done.failed[0].reason
    assert len(done.finished) == 1


def test_a_matrix_here_equals_one_in_a_queue(
    files: Files, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    request = request_of(files, model="knn", seeds=1)
    (here,) = run_matrix(request).benchmarks
    monkeypatch.setenv("MEDSHELF_HOME", str(tmp_path / "other"))
    (queued,) = run_matrix(request, Hands.of("cpu", workers=2)).benchmarks
    assert queued.runs[0].folder != here.runs[0].folder
    assert queued.runs[0].scores == here.runs[0].scores
    assert read_run(queued.runs[0].folder) == queued.runs[0]
    assert queued.report.exists()


def test_a_queue_of_nothing_left_starts_no_process(files: Files, runs_folder: Path) -> None:
    orders = orders_of(files, seeds=1)
    first = run_queue(orders, files, Hands(), folder=runs_folder)
    again = run_queue(orders, Failing(files, 0), Hands(), folder=runs_folder)
    assert again == Done(first.finished)


def test_each_process_holds_another_device(tmp_path: Path) -> None:
    devices = slots(("cuda:0", "cuda:1"), None)
    assert devices == ("cuda:0", "cuda:1")
    with lease(devices, tmp_path) as first:
        with lease(devices, tmp_path) as second:
            assert (first, second) == devices
        with lease(devices, tmp_path) as third:
            assert third == second
    assert slots(("cuda:0", "cuda:1"), 3) == ("cuda:0", "cuda:1", "cuda:0")
    assert slots(("cpu",), 2) == ("cpu", "cpu")
    assert Hands(("cpu",)).n_runs == 1


@pytest.mark.parametrize(
    ("device", "error", "message"),
    [
        ("abacus", RunError, "Device 'abacus' cannot be used"),
        ("cuda:99", RunError, "Device 'cuda:99' cannot be used .this machine has"),
        ("cpu,cpu", SettingError, "A device is named twice: cpu,cpu"),
    ],
)
def test_devices_are_looked_up_before_any_work(
    device: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        find_devices(device)
    with pytest.raises(error, match=message):
        Hands.of(device)


def test_hands_of_a_cluster() -> None:
    assert Hands.of("auto", engine="ray").n_runs is None
    assert Hands.of("auto", 3, "ray").slots == ()
    with pytest.raises(SettingError, match="Several devices"):
        Hands.of("cuda:0,cuda:1", engine="ray")
    with pytest.raises(SettingError, match="0 workers"):
        Hands.of("cpu", 0)


def test_durations() -> None:
    assert [duration(each) for each in (3.4, 700, 9000)] == ["3 s", "12 min", "2.5 h"]


@pytest.fixture
def ray_environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    # short, as sockets lie in it; the last agents of Ray may still write there
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as name:
        yield os.environ | {"HOME": str(tmp_path), "RAY_TMPDIR": name}


@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")
def test_a_queue_on_ray(files: Files, runs_folder: Path, ray_environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "medshelf", "benchmark", "breastmnist", "--seeds", "2"]
    command += ["--models", "majority", "--queue", "--engine", "ray", "--workers", "1"]
    command += ["--device", "cpu", "--root", str(files.root), "--allow-modified", "--json"]
    done = subprocess.run(command, env=ray_environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [each["run"] for each in json.loads(done.stdout)["runs"]] == sorted(stamps(runs_folder))
    assert "2/2" in done.stderr
