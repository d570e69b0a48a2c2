"""Unpack one archive again and again, killed at each step in turn: for the tests of interruptions.

A step is whatever the interpreter reports before it touches the disk below the archive's folder.
After each kill the folder must not be there, or be whole; then the same call must complete it.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from medshelf.acquire.unpacking.unpack import Options, unpack

STEPS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.utime"}


def child(work: Callable[[], object]) -> int:
    """Run in a process of its own; return its exit status, negative where a signal ended it."""
    process = os.fork()
    if not process:
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def kill_at(step: int, folder: Path) -> None:
    """Let this process be killed at the given step."""
    left = step

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in STEPS and str(arguments[0]).startswith(str(folder)):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in sorted(folder.rglob("*"))
        if each.is_file()
    }


def killed(step: int, archive: Path, work: Path, options: Options, replace: Path | None) -> bool:
    """Kill one run at one step, complete it, and check both; return whether it came that far."""
    place = work / f"{step}"
    shutil.copytree(archive.parent, place)
    mine, folder = place / archive.name, place / "x"
    expected, old = contents(work / "expected"), {}
    if replace is not None:
        unpack(replace, folder)
        old = contents(folder)
    status = child(lambda: (kill_at(step, place), unpack(mine, folder, options)))
    assert status in (0, -signal.SIGKILL), (step, status)
    if folder.exists():
        assert contents(folder) in (expected, old), step
    assert child(lambda: unpack(mine, folder, options)) == 0, step
    assert contents(folder) == expected, step
    hidden = {each.name for each in place.iterdir() if each.name.startswith(".x")}
    assert hidden == {".x.unpacked.json", ".x.lock"}, (step, hidden)
    shutil.rmtree(place)
    return status != 0


def main(archive: Path, work: Path, nested: int, replace: Path | None = None) -> None:
    options = Options(nested=nested, force=replace is not None)
    unpack(archive, work / "expected", options)
    steps = itertools.takewhile(
        lambda step: killed(step, archive, work, options, replace), itertools.count()
    )
    sys.stdout.write(f"{len(list(steps))}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), *map(Path, sys.argv[4:]))
