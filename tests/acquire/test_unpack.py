"""Unpacking: what lies on disk is what was packed, whatever it was packed by."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import random
import shutil
import struct
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from medshelf.acquire import unpacking
from medshelf.acquire.unpacking.unpack import MAX_NESTED, Options, find_archives, unpack
from medshelf.core.errors import (
    FormatError,
    LayoutError,
    MissingExtraError,
    SettingError,
    StorageError,
)
from medshelf.formats.tree import list_files
from tests.acquire.archive_bytes import (
    DEFLATED,
    Packed,
    pieces,
    seven_zip_bytes,
    split_zip,
    tar_bytes,
    tarred,
    zip_bytes,
)

RNG = random.Random(7)
DATE = 1_600_000_000
FILES = {
    "set/images/b.png": RNG.randbytes(70_000),
    "set/images/a.png": b"grey" * 9000,
    "set/labels.csv": b"image,label\n",
    "图像.txt": "肺".encode(),
}
MEMBERS = [Packed(name.encode(), data, DEFLATED) for name, data in FILES.items()]


def zipped(path: Path, method: int) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.mkdir("set")
        for name, data in FILES.items():
            info = zipfile.ZipInfo(name, time.localtime(DATE)[:6])
            info.external_attr, info.compress_type = 0o104777 << 16, method
            archive.writestr(info, data)
    return path


def tar_of_files(path: Path, pack: Callable[[bytes], bytes]) -> Path:
    members = [tarred(*each, mtime=DATE, mode=0o4777) for each in FILES.items()]
    folders = [tarred(each, b"", type=tarfile.DIRTYPE, mode=0) for each in ("set/", "empty/")]
    path.write_bytes(pack(tar_bytes(*folders, *members)))
    return path


def zstd(data: bytes) -> bytes:
    module = pytest.importorskip(
        "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    )
    return module.compress(data)


def seven_zip(path: Path) -> Path:
    py7zr = pytest.importorskip("py7zr")
    with py7zr.SevenZipFile(path, "w") as archive:
        for name, data in FILES.items():
            archive.writestr(data, name)
    return path


MAKERS: dict[str, Callable[[Path], Path]] = {
    "stored": lambda folder: zipped(folder / "x.zip", zipfile.ZIP_STORED),
    "deflated": lambda folder: zipped(folder / "x.zip", zipfile.ZIP_DEFLATED),
    "bzip2": lambda folder: zipped(folder / "x.zip", zipfile.ZIP_BZIP2),
    "lzma": lambda folder: zipped(folder / "x.ZIP", zipfile.ZIP_LZMA),
    "tar": lambda folder: tar_of_files(folder / "x.tar", bytes),
    "tar.gz": lambda folder: tar_of_files(folder / "x.tar.gz", gzip.compress),
    "tgz": lambda folder: tar_of_files(folder / "x.tgz", gzip.compress),
    "tar.bz2": lambda folder: tar_of_files(folder / "x.tar.bz2", bz2.compress),
    "tar.xz": lambda folder: tar_of_files(folder / "x.tar.xz", lzma.compress),
    "tar.zst": lambda folder: tar_of_files(folder / "x.tar.zst", zstd),
    "7z": lambda folder: seven_zip(folder / "x.7z"),
    "split": lambda folder: split_zip(folder, "x", *MEMBERS, part=10_007),
    "split in headers": lambda folder: split_zip(folder, "x", *MEMBERS, part=1_009),
    "split zip64": lambda folder: split_zip(folder, "x", *MEMBERS, part=9_973, zip64=True),
    "zip in pieces": lambda folder: pieces(folder, "x.zip", zip_bytes(*MEMBERS), 20_000),
    "7z in pieces": lambda folder: pieces(
        folder, "x.7z", seven_zip(folder / "whole").read_bytes(), 20_000
    ),
}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


def saved(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    assert not any(each.is_symlink() for each in folder.rglob("*"))
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in folder.rglob("*")
        if not each.is_dir()
    }


def visible(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if each.suffix != ".lock")


@pytest.mark.parametrize("kind", MAKERS)
def test_files_are_what_was_packed(kind: str, raw: Path) -> None:
    archive = MAKERS[kind](raw)
    if kind == "7z in pieces":
        (raw / "whole").unlink()
    before = visible(raw)
    done = unpack(archive)
    assert done.folder == raw / "x"
    assert tree(raw / "x") == FILES
    assert (done.n_files, done.size_bytes) == (4, sum(map(len, FILES.values())))
    assert not done.was_there
    assert done.issues == ()
    assert visible(raw) == sorted([*before, "x", ".x.unpacked.json"])
    again = unpack(archive)
    assert again.was_there
    assert again.n_files == 4


@pytest.mark.parametrize("kind", ["deflated", "tar", "tar.xz"])
def test_dates_are_kept_and_permissions_are_not(kind: str, raw: Path) -> None:
    folder = unpack(MAKERS[kind](raw)).folder
    mask = os.umask(0)
    os.umask(mask)
    for name in FILES:
        state = (folder / name).stat()
        assert abs(state.st_mtime - DATE) <= 2
        assert state.st_mode & 0o7777 == 0o644 & ~mask
    assert (folder / "set").stat().st_mode & 0o7777 == 0o755 & ~mask
    assert not (folder / "empty").exists()


def test_permissions_do_not_widen_with_the_mask(raw: Path) -> None:
    archive = MAKERS["deflated"](raw)
    code = "import os, sys; from pathlib import Path;"
    code += "from medshelf.acquire.unpacking.unpack import unpack;"
    code += "os.umask(0); unpack(Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(archive)], check=True)
    assert (raw / "x" / "set" / "labels.csv").stat().st_mode & 0o7777 == 0o644
    assert (raw / "x" / "set").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize("date", [0, 1, -5, 1 << 33, 1 << 38, float("inf"), 10**11])
def test_a_date_that_makes_no_sense_is_not_kept(date: float, raw: Path) -> None:
    data = tar_bytes(tarred("a.txt", mtime=0, pax_headers={"mtime": str(date)}))
    folder = unpack(saved(raw, "x.tar", data)).folder
    assert abs((folder / "a.txt").stat().st_mtime - time.time()) < 3600


def test_a_zips_utc_date_counts_more_than_its_local_one(raw: Path) -> None:
    extra = struct.pack("<HHBi", 0x5455, 5, 1, DATE)
    folder = unpack(saved(raw, "x.zip", zip_bytes(Packed(b"a", extra=extra)))).folder
    assert (folder / "a").stat().st_mtime == DATE


@pytest.mark.parametrize("pack", [bytes, lzma.compress], ids=["tar", "tar.xz"])
def test_links_in_a_tar_become_copies(pack: Callable[[bytes], bytes], raw: Path) -> None:
    links = [
        tarred("b/soft", b"", type=tarfile.SYMTYPE, linkname="../a.txt"),
        *(tarred(f"hard{n}", b"", type=tarfile.LNKTYPE, linkname="a.txt") for n in range(5)),
    ]
    data = tar_bytes(tarred("a.txt", b"there"), *links, tarred("z.txt", b"after"))
    folder = unpack(saved(raw, "x.tar", pack(data)), options=Options()).folder
    hard = {f"hard{n}": b"there" for n in range(5)}
    assert tree(folder) == {"a.txt": b"there", "b/soft": b"there", "z.txt": b"after", **hard}
    assert all(each.stat().st_nlink == 1 for each in folder.rglob("*") if each.is_file())


def test_the_reader_sees_each_file_once(raw: Path) -> None:
    unpack(MAKERS["deflated"](raw))
    files = list_files(raw)
    assert files.height == len(FILES)
    assert files["member"].is_null().all()


def test_a_zip_of_windows_has_backslashes(raw: Path) -> None:
    folder = unpack(saved(raw, "x.zip", zip_bytes(Packed(b"set\\a.txt", b"1")))).folder
    assert tree(folder) == {"set/a.txt": b"1"}


# Encodings

CHINESE = ["胸部/肺炎_01.png", "胸部/正常_02.png"]


def coded(names: list[str], encoding: str) -> bytes:
    return zip_bytes(*(Packed(each.encode(encoding), each.encode(), flags=0) for each in names))


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_undeclared_names_are_recognised_and_said_so(encoding: str, raw: Path) -> None:
    done = unpack(saved(raw, "x.zip", coded(CHINESE, encoding)))
    assert tree(done.folder) == {each: each.encode() for each in CHINESE}
    (issue,) = done.issues
    assert issue.rule == "archive-encoding-guessed"
    assert CHINESE[1] in issue.message or CHINESE[0] in issue.message


def test_a_declared_encoding_is_taken(raw: Path) -> None:
    done = unpack(saved(raw, "x.zip", coded(["ひ/か.png"], "cp932")), options=Options("cp932"))
    assert sorted(tree(done.folder)) == ["ひ/か.png"]
    assert done.issues == ()


def test_western_names_are_not_taken_for_chinese(raw: Path) -> None:
    names = ["été/père.png", "Bär.png"]
    done = unpack(saved(raw, "x.zip", coded(names, "cp437")))
    assert sorted(tree(done.folder)) == sorted(names)
    assert "CP437 was taken" in done.issues[0].message


def test_a_split_zip_with_chinese_names(raw: Path) -> None:
    members = [Packed(each.encode("gbk"), each.encode(), flags=0) for each in CHINESE]
    assert sorted(tree(unpack(split_zip(raw, "x", *members, part=50)).folder)) == sorted(CHINESE)


def test_a_tar_with_chinese_names(raw: Path) -> None:
    data = tar_bytes(*(tarred(each) for each in CHINESE), encoding="gbk")
    done = unpack(saved(raw, "x.tar", data))
    assert sorted(tree(done.folder)) == sorted(CHINESE)
    assert "gb18030 was taken" in done.issues[0].message


def test_a_tar_in_another_encoding_asks_for_it(raw: Path) -> None:
    archive = saved(raw, "x.tar", tar_bytes(tarred("été.png"), encoding="latin-1"))
    with pytest.raises(FormatError, match="its names are not utf-8"):
        unpack(archive)
    assert sorted(tree(unpack(archive, options=Options("latin-1")).folder)) == ["été.png"]


def test_an_encoding_that_does_not_exist(raw: Path) -> None:
    with pytest.raises(SettingError, match="There is no encoding 'klingon'"):
        unpack(MAKERS["deflated"](raw), options=Options("klingon"))


# Parts


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (MAKERS["split"], "x.z02"),
        (MAKERS["split"], "x.z01"),
        (MAKERS["split zip64"], "x.z03"),
        (MAKERS["zip in pieces"], "x.zip.002"),
    ],
)
def test_a_missing_part_is_named(make: Callable[[Path], Path], part: str, raw: Path) -> None:
    archive = make(raw)
    (raw / part).unlink()
    with pytest.raises(FormatError, match=rf"part {part} is missing"):
        unpack(archive)
    assert not (raw / "x").exists()


@pytest.mark.parametrize(("kind", "part"), [("split", "x.z01"), ("zip in pieces", "x.zip.002")])
def test_a_later_part_says_which_to_open(kind: str, part: str, raw: Path) -> None:
    MAKERS[kind](raw)
    with pytest.raises(FormatError, match=r"Pass the first, \.001; of a split zip the last, \.zip"):
        unpack(raw / part)


def test_parts_of_a_split_zip_by_the_zip_program(raw: Path) -> None:
    program = shutil.which("zip")
    if program is None:
        pytest.skip("There is no program zip")
    for name, data in (("a", RNG.randbytes(200_000)), ("b", b"b" * 99)):
        (raw / name).write_bytes(data)
    subprocess.run([program, "-q", "-s", "64k", "x.zip", "a", "b"], cwd=raw, check=True)
    folder = unpack(raw / "x.zip").folder
    assert tree(folder) == {each: (raw / each).read_bytes() for each in "ab"}
    assert (folder / "a").stat().st_mtime == int((raw / "a").stat().st_mtime)


def test_archives_of_a_folder_are_found_once(raw: Path) -> None:
    MAKERS["split"](raw)
    pieces(raw, "y.zip", zip_bytes(*MEMBERS), 20_000)
    (raw / "sub").mkdir()
    MAKERS["tar.gz"](raw / "sub")
    for name in ("scan.nii.gz", "table.csv", ".hidden.zip", "x.zipped"):
        (raw / name).write_bytes(b"")
    found = [str(each.relative_to(raw)) for each in find_archives(raw)]
    assert found == ["sub/x.tar.gz", "x.zip", "y.zip.001"]
    with pytest.raises(LayoutError, match="There is no archive in"):
        find_archives(raw / "sub" / "none")


def test_archives_in_what_was_unpacked_are_not_found(raw: Path) -> None:
    archive = saved(raw, "x.zip", nest(1))
    folder = unpack(archive, options=Options(nested=1)).folder
    assert (folder / "level1.zip").is_file()
    assert find_archives(raw) == [archive]


# Archives in archives


def nest(levels: int) -> bytes:
    data = zip_bytes(Packed(b"deep.txt", b"deep"))
    for level in range(levels, 0, -1):
        data = zip_bytes(Packed(f"level{level}.zip".encode(), data), Packed(b"note.txt", b"n"))
    return data


@pytest.mark.parametrize("depth", range(4))
def test_archives_in_archives_to_a_depth(depth: int, raw: Path) -> None:
    done = unpack(saved(raw, "x.zip", nest(3)), options=Options(nested=depth))
    names = sorted(tree(done.folder))
    deepest = [each for each in names if each.endswith("level3/deep.txt")]
    assert len(deepest) == (depth == 3)
    assert max(each.count("/") for each in names) == depth
    assert done.n_files == len(names)
    assert unpack(raw / "x.zip", options=Options(nested=depth)).was_there


@pytest.mark.parametrize("depth", [-1, MAX_NESTED + 1])
def test_too_deep_a_nesting(depth: int, raw: Path) -> None:
    with pytest.raises(SettingError, match=f"{depth} levels deep"):
        unpack(saved(raw, "x.zip", nest(1)), options=Options(nested=depth))


def test_what_cannot_be_unpacked_stays_packed(raw: Path) -> None:
    inner = zip_bytes(Packed(b"a.txt"))
    members = {
        "good.zip": inner,
        "bad.zip": b"no zip",
        "evil.zip": zip_bytes(Packed(b"ok"), Packed(b"../../../out.txt")),
        "taken.zip": inner,
        "taken/other.txt": b"1",
        "twice.zip": inner,
        "TWICE.tar": tar_bytes(tarred("b.txt")),
        "damaged.zip": zip_bytes(Packed(b"first"), Packed(b"second", crc=5)),
    }
    data = zip_bytes(*(Packed(name.encode(), each) for name, each in members.items()))
    done = unpack(saved(raw, "x.zip", data), options=Options(nested=2))
    found = {"good/a.txt": b"x", "TWICE/b.txt": b"x"}
    assert tree(done.folder) == {**members, **found}
    left = {each.message.split("'")[1]: each.message for each in done.issues}
    assert sorted(left) == ["bad.zip", "damaged.zip", "evil.zip", "taken.zip", "twice.zip"]
    assert "leads out" in left["evil.zip"]
    assert visible(raw) == [".x.unpacked.json", "x", "x.zip"]


# A folder that is there


def test_a_folder_of_someone_else_is_not_touched(raw: Path) -> None:
    (raw / "x").mkdir()
    (raw / "x" / "mine.txt").write_text("mine")
    for force in (False, True):
        with pytest.raises(StorageError, match=r"x exists already, and was not made by unpacking"):
            unpack(MAKERS["deflated"](raw), options=Options(force=force))
    assert tree(raw / "x") == {"mine.txt": b"mine"}


@pytest.mark.parametrize("target", ["nowhere", "raw"])
def test_a_link_in_the_way_is_not_followed(target: str, raw: Path) -> None:
    (raw / "x").symlink_to(raw.parent / target)
    with pytest.raises(StorageError, match="exists already"):
        unpack(MAKERS["deflated"](raw))
    (raw / "x").unlink()
    (raw / ".x.unpacking").symlink_to(raw.parent)
    with pytest.raises(StorageError, match="is a link"):
        unpack(MAKERS["deflated"](raw))


def test_a_newer_archive_is_unpacked_when_forced(raw: Path) -> None:
    unpack(saved(raw, "x.zip", zip_bytes(Packed(b"old.txt"))))
    archive = saved(raw, "x.zip", zip_bytes(Packed(b"new.txt", b"newer")))
    with pytest.raises(StorageError, match=r"holds another archive.*\n.*--force"):
        unpack(archive)
    assert tree(raw / "x") == {"old.txt": b"x"}
    assert not unpack(archive, options=Options(force=True)).was_there
    assert tree(raw / "x") == {"new.txt": b"newer"}
    assert visible(raw) == [".x.unpacked.json", "x", "x.zip"]


@pytest.mark.parametrize("change", ["lost", "longer", "marker"])
def test_a_folder_that_was_changed_is_not_taken_for_whole(change: str, raw: Path) -> None:
    archive = MAKERS["deflated"](raw)
    unpack(archive)
    if change == "lost":
        (raw / "x" / "set" / "labels.csv").unlink()
    elif change == "longer":
        (raw / "x" / "set" / "labels.csv").write_bytes(b"")
    else:
        (raw / ".x.unpacked.json").write_text("[1")
    with pytest.raises(StorageError, match=r"was changed since|was not made by"):
        unpack(archive)
    if change != "marker":
        unpack(archive, options=Options(force=True))
        assert tree(raw / "x") == FILES


def test_another_folder(raw: Path, tmp_path: Path) -> None:
    archive = MAKERS["deflated"](raw).rename(raw / "archive")
    with pytest.raises(SettingError, match="none of the suffixes"):
        unpack(archive)
    unpack(archive, tmp_path / "new" / "place")
    assert tree(tmp_path / "new" / "place") == FILES
    assert visible(raw) == ["archive"]


@pytest.mark.parametrize("kind", ["7z", "tar.zst"])
def test_an_extra_that_is_missing(kind: str, raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = MAKERS[kind](raw)
    for name in ("py7zr", "backports.zstd", "compression.zstd", "backports"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "medshelf.acquire.unpacking.seven_zip", raising=False)
    monkeypatch.delattr(unpacking, "seven_zip", raising=False)
    with pytest.raises(MissingExtraError, match=r"medshelf\[archives\]"):
        unpack(archive)
    assert visible(raw) == [archive.name]


# The command


def medshelf(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "medshelf", "unpack", *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_the_command_on_an_archive_and_on_a_folder(raw: Path, tmp_path: Path) -> None:
    archive = saved(raw, "x.zip", coded(CHINESE, "gbk"))
    (raw / "sub").mkdir()
    MAKERS["tar"](raw / "sub")
    done = medshelf(archive)
    assert (done.returncode, done.stdout) == (0, f"{raw / 'x'}\n")
    assert "gb18030 was taken" in done.stderr
    done = medshelf(raw, "--out", tmp_path / "out", "--json", "--quiet", "--encoding", "gbk")
    rows = json.loads(done.stdout)
    assert [each["folder"] for each in rows] == [str(tmp_path / f"out/{n}") for n in ("sub/x", "x")]
    assert (done.stderr, rows[0]["n_files"]) == ("", 4)
    failed = medshelf(saved(raw, "y.zip", zip_bytes(Packed(b"../a"))))
    assert failed.returncode == 1
    assert "leads out" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_the_command_on_a_dataset(tmp_path: Path) -> None:
    place = tmp_path / "home" / "raw" / "nih-chest-xray"
    place.mkdir(parents=True)
    MAKERS["tar.gz"](place)
    assert medshelf("nih-chest-xray").stdout == f"{place / 'x'}\n"
    assert tree(place / "x") == FILES
    other = tmp_path / "data" / "ham10000"
    other.mkdir(parents=True)
    MAKERS["tar.gz"](other)
    failed = medshelf("ham10000")
    assert failed.returncode == 1
    assert "is only read: MEDSHELF_DATA names it" in failed.stderr
    assert visible(other) == ["x.tar.gz"]
    assert medshelf("ham10000", "--out", tmp_path / "out").returncode == 0
    assert tree(tmp_path / "out" / "x") == FILES
    assert "Unknown dataset" in medshelf("no-such-set").stderr


def test_a_7z_written_byte_by_byte_is_one(raw: Path) -> None:
    pytest.importorskip("py7zr")
    files = {"a/b.txt": b"one", "c.txt": b"two" * 100}
    assert tree(unpack(saved(raw, "x.7z", seven_zip_bytes(*files.items()))).folder) == files
