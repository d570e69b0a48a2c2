"""Unpacking that is killed, meets itself, meets a limit, or gets much to do in little memory."""

from __future__ import annotations

import gzip
import lzma
import random
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from medshelf.acquire.unpacking.unpack import unpack
from tests.acquire import unpack_program
from tests.acquire.archive_bytes import Packed, split_zip, tar_bytes, tarred, zip_bytes

WAIT_S = 120
RNG = random.Random(3)
FILES = {f"set/{n % 2}/{n}.bin": RNG.randbytes(3000) for n in range(4)}
INNER = zip_bytes(Packed(b"deep/a.txt", b"deep"), Packed(b"b.txt", b"b"))


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


def zipped(folder: Path) -> Path:
    members = [Packed(name.encode(), data) for name, data in FILES.items()]
    (folder / "x.zip").write_bytes(zip_bytes(*members, Packed(b"inner.zip", INNER)))
    return folder / "x.zip"


def packed_tar(folder: Path) -> Path:
    link = tarred("link", b"", type=tarfile.LNKTYPE, linkname="set/0/0.bin")
    data = tar_bytes(*(tarred(*each) for each in FILES.items()), link)
    (folder / "x.tar.gz").write_bytes(gzip.compress(data))
    return folder / "x.tar.gz"


def split(folder: Path) -> Path:
    members = [Packed(name.encode(), data) for name, data in FILES.items()]
    return split_zip(folder, "x", *members, part=5000)


def seven_zip(folder: Path) -> Path:
    py7zr = pytest.importorskip("py7zr")
    with py7zr.SevenZipFile(folder / "x.7z", "w") as archive:
        for name, data in FILES.items():
            archive.writestr(data, name)
    return folder / "x.7z"


@pytest.mark.parametrize(
    ("make", "nested"), [(zipped, 1), (packed_tar, 0), (split, 0), (seven_zip, 0)]
)
def test_killed_at_every_step_it_completes(
    make: Callable[[Path], Path], nested: int, raw: Path, tmp_path: Path
) -> None:
    (tmp_path / "work").mkdir()
    words = [unpack_program.__file__, make(raw), tmp_path / "work", nested]
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 20


def test_killed_while_it_replaces_it_completes(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    other = tmp_path / "other.zip"
    other.write_bytes(zip_bytes(Packed(b"old.txt", b"old")))
    words = [unpack_program.__file__, zipped(raw), tmp_path / "work", 0, other]
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def program(code: str, *words: object) -> subprocess.Popen[str]:
    lines = [
        "import os, resource, sys",
        "from pathlib import Path",
        "from medshelf.acquire.unpacking.unpack import Options, unpack",
        code,
    ]
    return subprocess.Popen(
        [sys.executable, "-c", "\n".join(lines), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stop_before(name: str, archive: Path) -> None:
    """Begin to unpack, and be killed when this file is about to be put in place."""
    code = """
def stop(event, arguments):
    if event == "os.rename" and str(arguments[1]).endswith(sys.argv[2]):
        os.kill(os.getpid(), 9)
sys.addaudithook(stop)
unpack(Path(sys.argv[1]))
"""
    process = program(code, archive, name)
    _, error = process.communicate(timeout=WAIT_S)
    assert (process.returncode, error) == (-9, "")


def test_what_is_whole_is_not_unpacked_again(raw: Path) -> None:
    archive = zipped(raw)
    stop_before("/1/1.bin", archive)
    tree = raw / ".x.unpacking" / "tree"
    before = {each: each.stat().st_ino for each in tree.rglob("*") if each.is_file()}
    assert before
    assert (raw / ".x.unpacking" / "part").stat().st_size == 3000
    unpack(archive)
    after = {raw / "x" / each.relative_to(tree): inode for each, inode in before.items()}
    assert {each: each.stat().st_ino for each in after} == after


def test_a_file_that_is_short_is_unpacked_again(raw: Path) -> None:
    archive = zipped(raw)
    stop_before("/inner.zip", archive)
    short = raw / ".x.unpacking" / "tree" / "set" / "0" / "0.bin"
    short.write_bytes(b"")
    folder = unpack(archive).folder
    assert (folder / "set" / "0" / "0.bin").read_bytes() == FILES["set/0/0.bin"]


def test_what_another_archive_left_is_not_used(raw: Path) -> None:
    archive = zipped(raw)
    stop_before("/inner.zip", archive)
    other = {name: RNG.randbytes(len(data)) for name, data in FILES.items()}
    archive.write_bytes(zip_bytes(*(Packed(name.encode(), data) for name, data in other.items())))
    folder = unpack(archive).folder
    assert {name: (folder / name).read_bytes() for name in FILES} == other
    assert not (folder / "inner.zip").exists()


def test_a_full_disk_is_told_and_gone_on_from(raw: Path) -> None:
    data = RNG.randbytes(300_000)
    archive = raw / "x.zip"
    archive.write_bytes(zip_bytes(Packed(b"a.txt"), Packed(b"b.bin", data)))
    code = """
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
unpack(Path(sys.argv[1]))
"""
    process = program(code, archive)
    _, error = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert f"StorageError: Cannot write {raw / 'x' / 'b.bin'}: File too large" in error
    assert not (raw / "x").exists()
    assert (raw / ".x.unpacking" / "tree" / "a.txt").exists()
    assert (unpack(archive).folder / "b.bin").read_bytes() == data


def test_a_folder_that_cannot_be_written(raw: Path) -> None:
    archive = zipped(raw)
    (raw / "file").write_text("in the way")
    process = program("unpack(Path(sys.argv[1]), Path(sys.argv[2]))", archive, raw / "file" / "x")
    _, error = process.communicate(timeout=WAIT_S)
    assert "StorageError: Cannot write" in error


def test_two_processes_unpack_once(raw: Path) -> None:
    archive = packed_tar(raw)
    code = "print(unpack(Path(sys.argv[1])).was_there)"
    running = [program(code, archive) for _ in range(2)]
    said = [each.communicate(timeout=WAIT_S) for each in running]
    assert sorted(out for out, _ in said) == ["False\n", "True\n"]
    assert [error for _, error in said] == ["", ""]


# Memory

LARGE = 200 << 20
PACKERS = {"tar.gz": gzip.open, "tar.xz": lzma.open}


def large(folder: Path, kind: str) -> Path:
    """Pack 200 MiB of zeros, with a byte here and there."""
    path = folder / f"x.{kind}"
    block = bytearray(1 << 20)
    block[5000] = 1
    if kind == "zip":
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
            archive.open("big", "w", force_zip64=True) as file,
        ):
            for _ in range(LARGE >> 20):
                file.write(block)
        return path
    info = tarfile.TarInfo("big")
    info.size = LARGE
    options = {"compresslevel": 1} if kind == "tar.gz" else {"preset": 0}
    with PACKERS[kind](path, "wb", **options) as file:
        file.write(info.tobuf())
        for _ in range(LARGE >> 20):
            file.write(block)
        file.write(bytes(1024))
    return path


@pytest.mark.parametrize("kind", ["zip", *PACKERS])
def test_memory_does_not_grow_with_a_member(kind: str, raw: Path) -> None:
    (raw / "zip.zip").write_bytes(zip_bytes(Packed(b"a")))
    (raw / "tgz.tgz").write_bytes(gzip.compress(tar_bytes(tarred("a"))))
    code = """
for each in sys.argv[2:]:
    unpack(Path(each))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
done = unpack(Path(sys.argv[1]), options=Options(max_bytes=1 << 30))
print(done.size_bytes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    process = program(code, large(raw, kind), raw / "zip.zip", raw / "tgz.tgz")
    out, error = process.communicate(timeout=WAIT_S)
    assert error == ""
    size_bytes, grown_kb = map(int, out.split())
    assert size_bytes == LARGE
    assert grown_kb < 32_000
