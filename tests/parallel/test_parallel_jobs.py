"""What a job makes: the same bytes whoever does it, and errors that reach the caller."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from medshelf.core.errors import FormatError, SettingError, StorageError, UnknownNameError
from medshelf.core.files import lock
from medshelf.parallel.cores import _group_cores, available_cores
from medshelf.parallel.run import JobError, Outcome, run
from tests.parallel.job_tasks import (
    Crowded,
    Digests,
    Environment,
    FileLimited,
    Poisoned,
    Raising,
    Silent,
)

N_ITEMS = 50


def contents(outcome: Outcome) -> list[bytes]:
    return [each.read_bytes() for each in outcome.paths]


def listed(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if not each.name.startswith("shard-"))


@pytest.fixture(autouse=True)
def bare_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare each worker the import of pytest, which is the main module here."""
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    path = tmp_path_factory.mktemp("expected") / "all"
    Digests()(range(N_ITEMS), path)
    lines = path.read_bytes().splitlines(keepends=True)
    return [b"".join(lines[start : start + 8]) for start in range(0, N_ITEMS, 8)]


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_same_bytes_for_any_number_of_workers(
    tmp_path: Path, expected: list[bytes], workers: int
) -> None:
    outcome = run(Digests(), N_ITEMS, tmp_path / "job", shard_size=8, workers=workers)
    assert contents(outcome) == expected
    assert outcome.lost == ()
    assert [each.name for each in outcome.paths] == [f"shard-{each:08}" for each in range(7)]
    assert listed(tmp_path / "job") == [".journal.json.lock", "journal.json"]


def test_a_finished_job_is_not_done_again(tmp_path: Path) -> None:
    first = run(Digests(), N_ITEMS, tmp_path, shard_size=8, workers=1, suffix=".txt")
    made = [(each.stat().st_ino, each.stat().st_mtime_ns) for each in first.paths]
    first.paths[2].unlink()
    again = run(Digests(), N_ITEMS, tmp_path, shard_size=8, workers=1, suffix=".txt")
    assert again == first
    now = [(each.stat().st_ino, each.stat().st_mtime_ns) for each in again.paths]
    assert [a == b for a, b in zip(made, now, strict=True)] == [True] * 2 + [False] + [True] * 4
    assert all(each.suffix == ".txt" for each in again.paths)


def test_no_items_make_no_shards(tmp_path: Path) -> None:
    assert run(Digests(), 0, tmp_path / "job") == Outcome((), ())
    assert (tmp_path / "job" / "journal.json").exists()


@pytest.mark.parametrize("workers", [1, 3])
def test_items_that_end_their_process_are_left_out(
    tmp_path: Path, expected: list[bytes], workers: int
) -> None:
    task = Poisoned(killed=(3, 4), exited=(48, 49))
    outcome = run(task, N_ITEMS, tmp_path, shard_size=8, workers=workers)
    assert [each.item for each in outcome.lost] == [3, 4, 48, 49]
    reasons = [each.reason for each in outcome.lost]
    assert ["SIGKILL" in each for each in reasons] == [True, True, False, False]
    assert all("exit code 3" in each for each in reasons[2:])
    kept = b"".join(expected).splitlines()
    kept = [line for number, line in enumerate(kept) if number not in {3, 4, 48, 49}]
    assert b"".join(contents(outcome)).splitlines() == kept
    assert outcome.paths[6].read_bytes() == b""  # all of its items are lost
    assert run(task, N_ITEMS, tmp_path, shard_size=8, workers=2) == outcome
    assert listed(tmp_path) == [".journal.json.lock", "journal.json"]


def test_lost_items_are_remembered_before_their_shard_is_written(tmp_path: Path) -> None:
    task = Poisoned(exited=(5,))
    first = run(task, 8, tmp_path, shard_size=8, workers=1)
    first.paths[0].unlink()  # as if killed between the two
    assert run(task, 8, tmp_path, shard_size=8, workers=0) == first  # item 5 would end the tests


def test_a_task_that_always_ends_its_process_stops_the_job(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"Each of the 8 items of shard 0 .* exit code 3"):
        run(Poisoned(exited=tuple(range(8))), 8, tmp_path, workers=1)


def test_items_that_end_it_only_together_stop_the_job(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"(?s)shard 0 \(8 items .* exit code 7.*smaller shard_size"):
        run(Crowded(4), 8, tmp_path, shard_size=8, workers=1)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        ("format", FormatError, "Cannot read scan.dcm: it has no pixels"),
        ("full", StorageError, "No space left on device"),
        ("missing", FileNotFoundError, "/no/such/file"),
        ("decode", UnicodeDecodeError, "invalid start byte"),
    ],
)
def test_an_exception_keeps_its_class_and_words(
    tmp_path: Path, kind: str, error: type[Exception], said: str, workers: int
) -> None:
    with pytest.raises(error, match=said) as caught:
        run(Raising(kind, 20), N_ITEMS, tmp_path, shard_size=8, workers=workers)
    assert type(caught.value) is error
    if workers:
        assert "in fail" in "".join(caught.value.__notes__)
    assert (tmp_path / "shard-00000000").exists()
    assert not (tmp_path / "shard-00000002").exists()


def test_an_exception_that_cannot_travel_is_told(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"LocalError: of a class that cannot be imported"):
        run(Raising("local", 0), 4, tmp_path, workers=1)


def test_a_refused_write_leaves_nothing_half_written(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="File too large"):
        run(FileLimited(), 4, tmp_path, workers=1)
    assert listed(tmp_path) == [".journal.json.lock", "journal.json"]
    assert not (tmp_path / "shard-00000000").exists()


def test_a_task_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="Silent was called with the path"):
        run(Silent(), 4, tmp_path, workers=1)


def test_a_task_that_cannot_be_sent_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="cannot be sent to another process"):
        run(lambda *_: None, 4, tmp_path)
    assert not (tmp_path / "journal.json").exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"n_items": 49}, "n_items 50, not 49"),
        ({"shard_size": 9}, "shard_size 8, not 9"),
        ({"suffix": ".csv"}, "suffix '', not '.csv'"),
        ({"task": Digests("other")}, "key '"),
        ({"task": Silent()}, r"Digests', not '.*Silent'"),
        ({"key": "v2"}, "not 'v2'"),
    ],
)
def test_the_folder_of_another_job_is_refused(
    tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    asked = {"task": Digests(), "n_items": N_ITEMS, "shard_size": 8, "workers": 0}
    run(folder=tmp_path, **asked)
    before = (tmp_path / "journal.json").read_bytes()
    with pytest.raises(JobError, match=f"holds the shards of another job: .*{said}"):
        run(folder=tmp_path, **(asked | changed))
    assert (tmp_path / "journal.json").read_bytes() == before


def test_shards_without_a_journal_are_refused(tmp_path: Path) -> None:
    (tmp_path / "shard-00000000").write_bytes(b"who knows")
    with pytest.raises(JobError, match=r"holds 1 shards and no journal\.json"):
        run(Digests(), N_ITEMS, tmp_path, shard_size=8, workers=0)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"lost": 1}', '{"lost": [], "n_items": 3}'])
def test_a_damaged_journal_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "journal.json").write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=r"journal\.json: it is not the journal of a job"):
        run(Digests(), N_ITEMS, tmp_path, workers=0)


def test_two_runs_into_one_folder_are_refused(tmp_path: Path) -> None:
    with (
        lock(tmp_path / "journal.json"),
        pytest.raises(StorageError, match="in use by another medshelf process"),
    ):
        run(Digests(), N_ITEMS, tmp_path, workers=0)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"n_items": -1}, "n_items is -1"),
        ({"shard_size": 0}, "shard_size is 0"),
        ({"workers": -2}, "workers is -2"),
        ({"suffix": "/../x"}, "no end of a file's name"),
    ],
)
def test_senseless_settings_are_refused(
    tmp_path: Path, option: dict[str, object], said: str
) -> None:
    with pytest.raises(SettingError, match=said):
        run(**({"task": Digests(), "n_items": 1, "folder": tmp_path} | option))


def test_an_unknown_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Unknown engine 'dusk'"):
        run(Digests(), 1, tmp_path, engine="dusk")


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "job").touch()
    with pytest.raises(StorageError, match="Cannot write"):
        run(Digests(), 1, tmp_path / "job", workers=0)


def test_workers_use_one_thread_unless_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("POLARS_MAX_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    outcome = run(Environment(), 1, tmp_path, workers=1)
    assert outcome.paths[0].read_text() == "1 5"
    assert "POLARS_MAX_THREADS" not in os.environ


@pytest.mark.parametrize(
    ("files", "membership", "cores"),
    [
        ({"a/b/cpu.max": "max 100000", "a/cpu.max": "150000 100000"}, "0::/a/b", 2),
        ({"a/cpu.max": "400000 100000", "cpu.max": "100000 100000"}, "0::/a", 1),
        ({"cpu/a/cpu.cfs_quota_us": "300000", "cpu/a/cpu.cfs_period_us": "100000"}, "4:cpu:/a", 3),
        ({"cpu/a/cpu.cfs_quota_us": "-1", "cpu/a/cpu.cfs_period_us": "100000"}, "4:cpu:/a", None),
        ({}, "0::/a", None),
    ],
)
def test_the_limit_of_the_control_group_counts(
    tmp_path: Path, files: dict[str, str], membership: str, cores: int | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    (tmp_path / "membership").write_text(membership + "\n")
    assert _group_cores(tmp_path, tmp_path / "membership") == (cores or sys.maxsize)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_affinity_counts() -> None:
    program = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from medshelf.parallel.cores import available_cores; print(available_cores())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"1"
    assert 1 <= available_cores() <= len(os.sched_getaffinity(0))


def test_a_script_without_a_main_guard_is_told(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from medshelf.parallel.run import run\n"
        "from tests.parallel.job_tasks import Digests\n"
        f"run(Digests(), 4, Path({str(tmp_path)!r}) / 'job', workers=1)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, script], capture_output=True, env=environment, check=False
    )
    assert done.returncode == 1
    assert b"JobError: The worker processes end before they begin" in done.stderr
    assert b'if __name__ == "__main__":' in done.stderr


def test_the_journal_says_what_the_job_is(tmp_path: Path) -> None:
    run(Poisoned(exited=(1,)), 2, tmp_path, workers=1, key="k")
    assert json.loads((tmp_path / "journal.json").read_text()) == {
        "n_items": 2,
        "shard_size": 256,
        "suffix": "",
        "task": "tests.parallel.job_tasks.Poisoned",
        "key": "k",
        "lost": [{"item": 1, "reason": "its process ended with exit code 3"}],
    }
