"""npz archives: mapped from a cache, never unpickled, never taken for whole when they are not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from medshelf.core.errors import FormatError, StorageError
from medshelf.core.settings import Settings
from medshelf.formats.npz import open_array, open_npy, read_headers, write_arrays


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "a.npz"
    np.savez_compressed(
        path, images=np.arange(240, dtype=np.uint8).reshape(10, 4, 6), labels=np.arange(10)
    )
    return path


def test_headers_are_read_without_the_arrays(archive: Path) -> None:
    headers = read_headers(archive)
    assert list(headers) == ["images", "labels"]
    assert headers["images"].shape == (10, 4, 6)
    assert headers["images"].dtype == np.uint8
    assert headers["images"].size_bytes == 240 + 128


def test_arrays_are_mapped_and_read_only(archive: Path) -> None:
    images = open_array(archive, "images")
    assert isinstance(images, np.memmap)
    np.testing.assert_array_equal(images, np.load(archive)["images"])
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 1


def test_stored_members_and_version_2_headers(tmp_path: Path) -> None:
    path = tmp_path / "b.npz"
    with zipfile.ZipFile(path, "w") as file, file.open("x.npy", "w") as member:
        np.lib.format.write_array(member, np.arange(5), version=(2, 0))
    np.testing.assert_array_equal(open_array(path, "x"), np.arange(5))


def test_a_changed_file_is_unpacked_again(archive: Path) -> None:
    open_array(archive, "labels")
    np.savez_compressed(archive, labels=np.arange(3))
    os.utime(archive, ns=(1, 1))
    np.testing.assert_array_equal(open_array(archive, "labels"), np.arange(3))


def test_written_archives_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("one.npz", "two.npz"):
        write_arrays(tmp_path / name, x=np.arange(6).reshape(2, 3).T, y=np.zeros(2, np.uint8))
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    np.testing.assert_array_equal(np.load(tmp_path / "one.npz")["x"], np.arange(6).reshape(2, 3).T)


class Bomb:
    """Would create a file if anything unpickled it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.path,)  # type: ignore[return-value]


def test_pickled_objects_are_refused_and_not_run(tmp_path: Path) -> None:
    path, trace = tmp_path / "evil.npz", tmp_path / "was-run"
    np.savez(path, images=np.array([Bomb(trace)], dtype=object))
    with pytest.raises(FormatError, match="pickled Python objects"):
        read_headers(path)
    with pytest.raises(FormatError, match="pickled Python objects"):
        open_array(path, "images")
    assert not trace.exists()


@pytest.mark.parametrize("kept", [0, 10, 200, -40, -1])
def test_truncated_files_are_refused(archive: Path, kept: int) -> None:
    archive.write_bytes(archive.read_bytes()[:kept])
    with pytest.raises(FormatError, match=r"(?s)not a whole zip.*fetch it again"):
        read_headers(archive)


def test_damaged_bytes_are_found_by_the_crc(tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    np.savez(path, x=np.zeros(5000, np.uint8))
    content = bytearray(path.read_bytes())
    content[3000] ^= 1
    path.write_bytes(content)
    with pytest.raises(FormatError, match="CRC"):
        open_array(path, "x")
    assert not list(Settings.from_environment().cache.rglob("*.npy"))


@pytest.mark.parametrize(
    ("offset", "change"),
    [(42, b"\xf0\xff\xff\x7f"), (42, b"\xff\xff\xff\xff"), (6, b"\xff\0"), (46, b"\xff\xff")],
    ids=["place behind the end", "place before the start", "version", "name"],
)
def test_a_damaged_directory_is_refused(offset: int, change: bytes, archive: Path) -> None:
    data = bytearray(archive.read_bytes())
    at = data.index(b"PK\1\2")
    data[at + 8 : at + 10] = b"\0\x08"  # names are UTF-8
    data[at + offset : at + offset + len(change)] = change
    archive.write_bytes(bytes(data))
    with pytest.raises(FormatError, match=r"whole zip|no array|No such|Invalid"):
        open_array(archive, next(iter(read_headers(archive))))


def test_headers_of_python_2_are_read_without_a_warning(tmp_path: Path) -> None:
    text = b"{'descr': '<i4', 'fortran_order': False, 'shape': (2L,), }"
    data = b"\x93NUMPY\1\0\x76\0" + text.ljust(117) + b"\n" + np.arange(2, dtype="<i4").tobytes()
    (tmp_path / "a.npy").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as target:
        target.writestr("x.npy", data)
    assert read_headers(tmp_path / "a.npz")["x"].shape == (2,)
    for array in (open_npy(tmp_path / "a.npy"), open_array(tmp_path / "a.npz", "x")):
        assert array.tolist() == [0, 1]


def test_a_header_that_does_not_end(tmp_path: Path) -> None:
    header = b"\x93NUMPY\1\0\x10\0{'descr': '<i4'((\n"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as target:
        target.writestr("x.npy", header)
    (tmp_path / "a.npy").write_bytes(header)
    with pytest.raises(FormatError, match="no npy header"):
        read_headers(tmp_path / "a.npz")
    with pytest.raises(FormatError, match="no plain array"):
        open_npy(tmp_path / "a.npy")


@pytest.mark.parametrize("name", ["../../../out", "/tmp/out", "a/../../../../out"])
def test_a_name_that_leads_out_of_the_cache(name: str, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    write_arrays(tmp_path / "a.npz", **{name: np.zeros(3)})
    with pytest.raises(FormatError, match="leads out"):
        open_array(tmp_path / "a.npz", name)
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "a.npz"])


def test_missing_member(archive: Path) -> None:
    with pytest.raises(FormatError, match="no array 'masks'"):
        open_array(archive, "masks")


def test_members_that_are_no_arrays(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x.npy", b"hello")
        file.writestr("readme.txt", b"hello")
    with pytest.raises(FormatError, match=r"x\.npy has no npy header"):
        read_headers(path)


@pytest.mark.parametrize("shape", ["(10**9,)", "(3, -2)", "(-3, -2)", "(9,)", "(6, 2)"])
def test_headers_that_lie_about_the_size(tmp_path: Path, shape: str) -> None:
    path = tmp_path / "e.npz"
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("x.npy", content + bytes(6))
    with pytest.raises(FormatError, match=r"its header says|no npy header"):
        read_headers(path)


def test_fortran_order_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.npz"
    np.savez(path, x=np.asfortranarray(np.ones((3, 4))))
    with pytest.raises(FormatError, match="Fortran"):
        read_headers(path)


def test_password_is_refused(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = 0
        while (start := content.find(mark, start)) >= 0:
            content[start + offset] |= 1
            start += 4
    archive.write_bytes(content)
    with pytest.raises(FormatError, match=r"encrypted|password"):
        read_headers(archive)


def test_a_cache_that_cannot_be_written(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocker = tmp_path / "file"
    blocker.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocker))
    with pytest.raises(StorageError, match=r"(?s)Cannot write .*XDG_CACHE_HOME"):
        open_array(archive, "images")


def test_a_disk_without_room(archive: Path) -> None:
    """The kernel's limit on file size stands in for a full disk: the write fails half way."""
    script = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from medshelf.core.errors import StorageError\n"
        "from medshelf.formats.npz import open_array\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))\n"
        "try:\n    open_array(Path(sys.argv[1]), 'images')\n"
        "except StorageError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(archive)], capture_output=True, text=True, check=True
    )
    assert "Cannot write" in done.stdout
    np.testing.assert_array_equal(open_array(archive, "images"), np.load(archive)["images"])


def open_program(path: Path, member: str) -> list[str]:
    """A program that opens one array and prints its sum."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom medshelf.formats.npz import open_array\n"
        "print(open_array(Path(sys.argv[1]), sys.argv[2]).sum())"
    )
    return [sys.executable, "-c", script, str(path), member]


def test_killed_while_unpacking_leaves_nothing_half(tmp_path: Path) -> None:
    path = tmp_path / "large.npz"
    expected = np.random.default_rng(0).integers(0, 255, 60_000_000, dtype=np.uint8)
    np.savez_compressed(path, x=expected)
    cache = Settings.from_environment().cache
    process = subprocess.Popen(open_program(path, "x"))
    deadline = time.monotonic() + 60
    while not (parts := list(cache.rglob(".x.npy.part"))) or parts[0].stat().st_size < 1 << 20:
        assert time.monotonic() < deadline
        assert process.poll() is None, "it ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not list(cache.rglob("x.npy"))
    np.testing.assert_array_equal(open_array(path, "x"), expected)
    assert not list(cache.rglob("*.part"))


def test_two_processes_unpack_once(archive: Path) -> None:
    processes = [
        subprocess.Popen(open_program(archive, "images"), stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    results = {process.communicate()[0].strip() for process in processes}
    assert results == {str(np.arange(240).sum())}


@pytest.mark.parametrize("order", ["C", "F"])
def test_loose_arrays_are_mapped_and_read_only(tmp_path: Path, order: str) -> None:
    array = np.asarray(np.arange(24, dtype=">i2").reshape(4, 3, 2), order=order)  # type: ignore[call-overload]
    np.save(tmp_path / "a.npy", array)
    mapped = open_npy(tmp_path / "a.npy")
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(mapped, array)
    with pytest.raises(ValueError, match="read-only"):
        mapped[0] = 1


def test_loose_arrays_that_are_none_are_refused(tmp_path: Path) -> None:
    path, trace = tmp_path / "a.npy", tmp_path / "was-run"
    np.save(path, np.array([Bomb(trace)], dtype=object))
    objects = path.read_bytes()
    np.save(path, np.arange(24))
    good = path.read_bytes()
    hostile = good.replace(b"(24,), }", b"(9**9,)}"), good.replace(b"(24,), ", b"(2400,)")
    for content in (objects, good[:-1], good[:20], good[:5], b"", b"hello", b"PK\3\4", *hostile):
        path.write_bytes(content)
        with pytest.raises(FormatError, match="no plain array"):
            open_npy(path)
    assert not trace.exists()
    with pytest.raises(FormatError, match="No such file"):
        open_npy(tmp_path / "none.npy")


def test_real_loose_arrays(altered_data: Path) -> None:
    paths = sorted(altered_data.rglob("*.npy"))
    if not paths:
        pytest.skip("There are no .npy files beside the real MedMNIST files")
    for path in paths:
        np.testing.assert_array_equal(open_npy(path), np.load(path))
