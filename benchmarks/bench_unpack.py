"""Unpack archives to disk, against `unzip`, `tar`, and Python's zipfile and tarfile.

One core, archives in the page cache. The others check no space and begin anew when killed.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from pairs import compare

from medshelf.acquire.unpacking.unpack import Options, unpack

RNG = random.Random(0)
SETS = {
    "10,000 of 12 kB": (10_000, 12_000),
    "100 of 2 MB": (100, 2_000_000),
    "1 of 200 MB": (1, 200_000_000),
}
OPTIONS = Options(max_bytes=1 << 40)


def content(size_bytes: int) -> bytes:
    """Return bytes that deflate to about half."""
    return b"".join(
        RNG.randbytes(500) + bytes(500) for _ in range(min(size_bytes, 2_000_000) // 1000)
    ) * max(1, size_bytes // 2_000_000)


def make(folder: Path, n_files: int, size_bytes: int) -> tuple[Path, Path]:
    """Write the same members as a zip and as a tar.gz."""
    files = folder / "files"
    files.mkdir()
    for number in range(n_files):
        (files / f"{number:06}.png").write_bytes(content(size_bytes))
    zipped, tarred = folder / "x.zip", folder / "x.tar.gz"
    with (
        zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        tarfile.open(tarred, "w:gz", compresslevel=1) as tar,
    ):
        for path in sorted(files.iterdir()):
            archive.write(path, path.name)
            tar.add(path, path.name)
    shutil.rmtree(files)
    return zipped, tarred


def into_new(folder: Path, work: Callable[[Path], object]) -> Callable[[], None]:
    """Return a function that unpacks into a new folder and removes it, which is timed too."""
    numbers = itertools.count()

    def run() -> None:
        target = folder / f"out-{os.getpid()}-{next(numbers)}"
        work(target)
        shutil.rmtree(target)

    return run


def by_us(path: Path) -> Callable[[Path], object]:
    """Return a function that unpacks an archive that has never been listed."""

    def work(target: Path) -> None:
        path.touch()
        unpack(path, target, OPTIONS)

    return work


def by_program(*words: str) -> Callable[[Path], object]:
    """Return a function that runs a program on a folder, its last word."""

    def work(target: Path) -> None:
        target.mkdir()
        subprocess.run([*words, str(target)], check=True, stdout=subprocess.DEVNULL)

    return work


def by_zipfile(path: Path) -> Callable[[Path], object]:
    """Return a function that unpacks with the standard library."""

    def work(target: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(target)

    return work


def by_tarfile(path: Path) -> Callable[[Path], object]:
    """Return a function that unpacks with the standard library."""

    def work(target: Path) -> None:
        with tarfile.open(path) as archive:
            archive.extractall(target, filter="data")

    return work


def unpacking(folder: Path) -> None:
    """Print all ratios."""
    for name, (n_files, size_bytes) in SETS.items():
        work = folder / f"{n_files}"
        work.mkdir()
        zipped, tarred = make(work, n_files, size_bytes)
        peers = {
            zipped: {"zipfile": by_zipfile(zipped)},
            tarred: {"tarfile": by_tarfile(tarred)},
        }
        if shutil.which("unzip"):
            peers[zipped]["unzip"] = by_program("unzip", "-q", str(zipped), "-d")
        if shutil.which("tar"):
            peers[tarred]["tar"] = by_program("tar", "xzf", str(tarred), "-C")
        for path, programs in peers.items():
            ours = into_new(work, by_us(path))
            for program, theirs in programs.items():
                compare(f"{path.name}, {name}: against {program}", ours, into_new(work, theirs))
        shutil.rmtree(work)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        unpacking(Path(name))
