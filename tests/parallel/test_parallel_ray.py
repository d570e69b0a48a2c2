"""The same jobs on a Ray cluster: two nodes on this machine, with token authentication."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from medshelf.core.errors import MissingExtraError, SettingError
from medshelf.parallel.run import JobError, run
from tests.parallel.job_tasks import Digests, Poisoned

needs_ray = pytest.mark.skipif(
    find_spec("ray") is None or not Path("/proc/self/stat").exists(),
    reason="ray is not installed, or processes cannot be looked up in /proc",
)
ROOT = Path(__file__).parents[2]
N_ITEMS, SHARD_SIZE = 80, 4


class Nodes:
    """The nodes of one cluster, each in a session of its own, so that each can be killed alone."""

    def __init__(self, folder: Path) -> None:
        self.environment = os.environ | {
            "HOME": str(folder),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_health_check_initial_delay_ms": "0",
            "RAY_health_check_period_ms": "500",
            "RAY_health_check_timeout_ms": "500",
            "RAY_health_check_failure_threshold": "4",
        }
        (folder / "token").write_text(secrets.token_hex(32))
        with socket.socket() as free:
            free.bind(("", 0))
            port = free.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        self.started: list[subprocess.Popen[bytes]] = []
        self.start("--head", f"--port={port}", "--include-dashboard=false")

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        program = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1"]
        node = subprocess.Popen(
            [*program, "--object-store-memory=80000000", *options],
            env=self.environment,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.started.append(node)
        said = b""
        while b"Ray runtime started" not in said:
            line = node.stdout.readline()
            assert line, said.decode()
            said += line
        return node

    def kill(self, node: subprocess.Popen[bytes]) -> None:
        kill(of_session(node.pid))
        node.wait()
        node.stdout.close()
        self.started.remove(node)


def of_session(session: int) -> list[int]:
    """List the running processes of a session by number."""
    found = []
    for folder in sorted(Path("/proc").glob("[0-9]*")):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(folder.name))
    return found


def names(pids: list[int]) -> set[str]:
    found = set()
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            found.add(Path(f"/proc/{pid}/comm").read_text().strip())
    return found


def kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 120
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def contents(folder: Path) -> list[bytes]:
    return [each.read_bytes() for each in sorted(folder.glob("shard-*"))]


@pytest.fixture(scope="module", autouse=True)
def ray_files() -> Iterator[None]:
    with (
        pytest.MonkeyPatch.context() as patch,
        # short, as sockets lie in it; the last agents of a killed Ray may still write there
        tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as name,
    ):
        patch.setenv("RAY_TMPDIR", name)
        yield


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    cluster = Nodes(tmp_path_factory.mktemp("cluster"))
    yield cluster
    for node in reversed(cluster.started.copy()):
        cluster.kill(node)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def begin(environment: dict[str, str], *words: object) -> subprocess.Popen[str]:
        program = [sys.executable, "-m", "tests.parallel.job_program", tmp_path / "job", *words]
        process = subprocess.Popen(
            [str(each) for each in program],
            cwd=ROOT,
            env=environment,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@needs_ray
def test_a_node_killed_in_the_midst_changes_no_byte(
    tmp_path: Path, nodes: Nodes, start: Callable[..., subprocess.Popen[str]]
) -> None:
    second = nodes.start(f"--address={nodes.address}")
    notes = tmp_path / "notes"
    notes.mkdir()
    job = start(nodes.environment, 0, "placed", notes, "ray", nodes.address)
    until(lambda: job.poll() is not None or len(sorted(notes.iterdir())) == 2)
    nodes.kill(second)
    at_kill = len(contents(tmp_path / "job"))
    said, errors = job.communicate()
    assert job.returncode == 0, errors
    assert said == "()"
    assert at_kill < N_ITEMS // SHARD_SIZE
    run(Digests(), N_ITEMS, tmp_path / "local", shard_size=SHARD_SIZE, workers=2)
    assert contents(tmp_path / "job") == contents(tmp_path / "local")


@needs_ray
def test_poison_is_found_as_locally_by_a_ray_that_ends_with_the_job(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    job = start(os.environ | {"HOME": str(tmp_path)}, 2, "poisoned", tmp_path, "ray")
    said, errors = job.communicate()
    assert job.returncode == 0, errors
    until(lambda: not of_session(job.pid))
    assert (tmp_path / ".ray" / "auth_token").stat().st_size > 0
    task = Poisoned(killed=(5,))
    local = run(task, N_ITEMS, tmp_path / "local", shard_size=SHARD_SIZE, workers=2, key="one")
    assert said == repr(local.lost)
    assert contents(tmp_path / "job") == contents(tmp_path / "local")
    journals = [(tmp_path / each / "journal.json").read_bytes() for each in ("job", "local")]
    assert journals[0] == journals[1]


@needs_ray
@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("raising", "FormatError: Cannot read scan.dcm: it has no pixels"),
        ("homeless", "JobError: A worker cannot load the task"),
    ],
)
def test_an_error_arrives_from_a_cluster(
    tmp_path: Path, nodes: Nodes, start: Callable[..., subprocess.Popen[str]], task: str, said: str
) -> None:
    job = start(nodes.environment, 1, task, tmp_path, "ray", nodes.address)
    _, errors = job.communicate()
    assert job.returncode == 1
    assert said in errors


@needs_ray
def test_a_killed_job_goes_on_with_another_engine(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    job = start(os.environ | {"HOME": str(tmp_path)}, 2, "digests", tmp_path, "ray")
    until(lambda: job.poll() is not None or contents(tmp_path / "job"))
    job.kill()
    job.wait()
    until(lambda: not {"raylet", "gcs_server", "ray::_answer"} & names(of_session(job.pid)))
    kill(of_session(job.pid))  # Ray's agents would end by themselves, a minute later
    assert 0 < len(contents(tmp_path / "job")) < N_ITEMS // SHARD_SIZE
    task = Digests(pause_s=0.02)
    run(task, N_ITEMS, tmp_path / "job", shard_size=SHARD_SIZE, workers=2, key="one")
    run(task, N_ITEMS, tmp_path / "local", shard_size=SHARD_SIZE, workers=2)
    assert contents(tmp_path / "job") == contents(tmp_path / "local")


def test_without_ray_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    with pytest.raises(MissingExtraError, match=r'pip install "medshelf\[ray\]"'):
        run(Digests(), 4, tmp_path, engine="ray")


@needs_ray
@pytest.mark.parametrize(
    ("address", "error", "said"),
    [
        ("127.0.0.1:9", JobError, r"No Ray cluster at 127\.0\.0\.1:9: .*refused"),
        ("ray://127.0.0.1:9", SettingError, "ray://127.0.0.1:9 is no address"),
        ("head", SettingError, "head is no address of a Ray cluster"),
    ],
)
def test_an_address_without_a_cluster_is_refused(
    tmp_path: Path,
    start: Callable[..., subprocess.Popen[str]],
    address: str,
    error: type[Exception],
    said: str,
) -> None:
    job = start(os.environ | {"HOME": str(tmp_path)}, 1, "digests", tmp_path, "ray", address)
    _, errors = job.communicate()
    assert re.search(f"{error.__name__}: {said}", errors), errors


def test_ray_does_not_work_in_this_process(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="workers is 0 and the engine ray"):
        run(Digests(), 4, tmp_path, engine="ray", workers=0)
