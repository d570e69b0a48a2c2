"""What is left of a job when its processes are killed: nothing running, nothing half-written."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medshelf.parallel.run import run
from tests.parallel.job_tasks import Digests

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc"
)
ROOT = Path(__file__).parents[2]
N_ITEMS, SHARD_SIZE = 80, 4


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("expected")
    outcome = run(Digests(), N_ITEMS, folder, shard_size=SHARD_SIZE, workers=0)
    return [each.read_bytes() for each in outcome.paths]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def begin(*words: object) -> subprocess.Popen[bytes]:
        program = [sys.executable, "-m", "tests.parallel.job_program", tmp_path / "job", *words]
        process = subprocess.Popen(
            [str(each) for each in program],
            cwd=ROOT,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()
        process.stderr.close()


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def pids(notes: Path) -> list[int]:
    return sorted(int(each.name) for each in notes.iterdir())


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def finished(folder: Path) -> dict[str, tuple[int, int]]:
    shards = {each.name: each.stat() for each in sorted(folder.glob("shard-*"))}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in shards.items()}


def contents(folder: Path) -> list[bytes]:
    return [each.read_bytes() for each in sorted(folder.glob("shard-*"))]


def test_a_killed_worker_is_replaced(
    tmp_path: Path,
    notes: Path,
    start: Callable[..., subprocess.Popen[bytes]],
    expected: list[bytes],
) -> None:
    process = start(2, "noted", notes)
    until(lambda: len(pids(notes)) == 2)
    os.kill(pids(notes)[0], signal.SIGKILL)
    assert process.wait() == 0
    assert len(pids(notes)) == 3
    assert contents(tmp_path / "job") == expected
    assert '"lost": []' in (tmp_path / "job" / "journal.json").read_text()
    assert not sorted((tmp_path / "job").glob(".part-*"))


def test_a_killed_job_goes_on_where_it_stopped(
    tmp_path: Path, start: Callable[..., subprocess.Popen[bytes]], expected: list[bytes]
) -> None:
    chance = random.Random(20)
    kept: dict[str, tuple[int, int]] = {}
    for workers in (1, 2, 3, 2):
        process = start(workers, "digests", tmp_path)
        before = len(kept)
        goal = min(before + chance.randint(0, 2), len(expected) - 1)
        until(lambda goal=goal: len(finished(tmp_path / "job")) >= goal)
        time.sleep(chance.random() * 0.1)
        process.kill()
        process.wait()
        now = finished(tmp_path / "job")
        assert kept.items() <= now.items()
        assert before or len(now) < len(expected)  # the first round at least is cut short
        kept = now
    assert kept
    assert start(2, "digests", tmp_path).wait() == 0
    assert kept.items() <= finished(tmp_path / "job").items()
    assert contents(tmp_path / "job") == expected
    assert not sorted((tmp_path / "job").glob(".part-*"))


@pytest.mark.parametrize("task", ["noted", "haunted", "deaf"])
def test_workers_end_when_the_parent_is_killed(
    notes: Path, start: Callable[..., subprocess.Popen[bytes]], task: str
) -> None:
    process = start(1, task, notes)
    until(lambda: len(pids(notes)) == (3 if task == "haunted" else 1))
    assert alive(pids(notes)[-1])
    process.kill()
    until(lambda: not any(alive(each) for each in pids(notes)))


def test_ctrl_c_leaves_no_process_and_keeps_what_is_finished(
    tmp_path: Path,
    notes: Path,
    start: Callable[..., subprocess.Popen[bytes]],
    expected: list[bytes],
) -> None:
    process = start(2, "noted", notes)
    until(lambda: len(pids(notes)) == 2 and finished(tmp_path / "job"))
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    said = process.stderr.read()
    assert process.wait() == -signal.SIGINT
    assert said.count(b"Traceback") == 1  # of the parent alone
    until(lambda: not any(alive(each) for each in pids(notes)))
    kept = finished(tmp_path / "job")
    assert start(2, "noted", notes).wait() == 0
    assert kept.items() <= finished(tmp_path / "job").items()
    assert contents(tmp_path / "job") == expected
