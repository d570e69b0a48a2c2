"""Hostile archives: refused in words, before a byte is written; nothing lands outside."""

from __future__ import annotations

import bz2
import gzip
import itertools
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from medshelf.acquire.unpacking.names import Disk, file_name, refused_names, unportable_names
from medshelf.acquire.unpacking.unpack import Options, unpack
from medshelf.core.errors import FormatError, MedshelfError, StorageError
from tests.acquire.archive_bytes import (
    DEFLATED,
    Packed,
    seven_zip_bytes,
    split_zip,
    tar_bytes,
    tarred,
    zip_bytes,
)

GOOD = b"good/a.txt"
LONG = "n" * 256
DEFAULT = Options()
OUT = {
    "up": "../out.txt",
    "up within": "a/../../out.txt",
    "up at the end": "a/..",
    "absolute": "/tmp/out.txt",
    "drive": "C:/out.txt",
    "no name": "./",
}
TOO_LONG = {"name": LONG, "name in utf-8": "肺" * 86, "path": "/".join(["d" * 200] * 25)}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


def saved(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def files_below(folder: Path) -> set[str]:
    return {
        str(each.relative_to(folder))
        for each in folder.rglob("*")
        if each.name[-5:] != ".lock" and (each.is_symlink() or not each.is_dir())
    }


def refused(archive: Path, match: str, options: Options = DEFAULT) -> None:
    """Check that an archive is refused, and that nothing was made anywhere."""
    top = archive.parent.parent
    before = files_below(top)
    with pytest.raises(FormatError, match=match):
        unpack(archive, options=options)
    assert {each for each in files_below(top) - before if "cache/" not in each} == set()
    assert sorted(each.name for each in archive.parent.iterdir() if each.is_dir()) == []


def zip_with(*members: Packed) -> Callable[[Path], Path]:
    return lambda folder: saved(folder, "x.zip", zip_bytes(Packed(GOOD), *members))


def tar_with(
    *members: tuple[tarfile.TarInfo, bytes], pack: Callable[[bytes], bytes] = bytes
) -> Callable[[Path], Path]:
    data = pack(tar_bytes(tarred(GOOD.decode()), *members))
    return lambda folder: saved(folder, "x.tar", data)


def seven_zip_with(*members: tuple[str, bytes]) -> Callable[[Path], Path]:
    pytest.importorskip("py7zr")
    return lambda folder: saved(folder, "x.7z", seven_zip_bytes((GOOD.decode(), b"x"), *members))


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    return tarred(name, b"", type=kind, linkname=target)


LINK = stat.S_IFLNK << 16
CORPUS: dict[str, tuple[Callable[[Path], Path], str]] = {
    **{
        f"zip {k}": (zip_with(Packed(v.encode())), "leads out") for k, v in OUT.items() if v != "./"
    },
    **{f"tar {k}": (tar_with(tarred(v)), "leads out") for k, v in OUT.items() if v != "./"},
    **{f"7z {k}": (seven_zip_with((v, b"x")), "leads out") for k, v in OUT.items()},
    **{f"zip long {k}": (zip_with(Packed(v.encode())), "too long") for k, v in TOO_LONG.items()},
    **{f"tar long {k}": (tar_with(tarred(v)), "too long") for k, v in TOO_LONG.items()},
    "zip backslashes up": (zip_with(Packed(b"a\\..\\..\\out.txt")), "leads out"),
    "zip of windows, absolute": (zip_with(Packed(b"\\out.txt", system=0)), "leads out"),
    "zip NUL": (zip_with(Packed(b"a.txt\0.exe")), "holds a NUL"),
    "tar NUL": (
        tar_with(tarred("a", pax_headers={"path": "b\0c"})),
        "holds a NUL|not a whole zip or tar",
    ),
    "zip link": (zip_with(Packed(b"l", b"/etc", attributes=LINK)), "is a link"),
    "zip through a link": (
        zip_with(Packed(b"l", b"/tmp", attributes=LINK), Packed(b"l/out.txt")),
        "is a link",
    ),
    "7z link": (
        lambda folder: saved(
            folder,
            "x.7z",
            seven_zip_bytes(("a", b"x"), ("l", b"/etc"), attributes=(32, LINK | 0x8000)),
        ),
        "is a link",
    ),
    "tar link out": (tar_with(link("l", "/etc/passwd")), "no file of the archive"),
    "tar link up": (tar_with(link("l", "../../../etc/passwd")), "no file of the archive"),
    "tar hard link out": (tar_with(link("l", "/etc/passwd", tarfile.LNKTYPE)), "no file of"),
    "tar link to itself": (tar_with(link("l", "l")), "no file of the archive"),
    "tar ring of links": (tar_with(link("l", "m"), link("m", "l")), "no file of the archive"),
    "tar through a link": (tar_with(link("l", "/tmp"), tarred("l/out.txt")), "no file of the"),
    "tar name of a link leads out": (
        tar_with(link("../l", GOOD.decode(), tarfile.LNKTYPE)),
        "leads out",
    ),
    "zip twice": (zip_with(Packed(GOOD, b"other")), "occurs more than once"),
    "7z twice": (seven_zip_with((GOOD.decode(), b"other")), "another member of its name"),
    "zip twice by dots": (zip_with(Packed(b"good/./a.txt")), "another member of its name"),
    "zip twice by slashes": (zip_with(Packed(b"good//a.txt", b"o")), "another member of its name"),
    "zip file and folder": (zip_with(Packed(b"good")), "a file, and a folder"),
    "tar file and folder": (tar_with(tarred("good")), "a file, and a folder"),
    "zip password": (zip_with(Packed(b"p", flags=1)), "protected by a password"),
    "zip strong password": (zip_with(Packed(b"p", flags=1 | 0x40)), "protected by a password"),
    "zip unknown method": (zip_with(Packed(b"p", method=97)), "packed by method 97"),
    "zip promises more": (zip_with(Packed(b"p", b"x" * 9, size=10)), "'p' is damaged"),
    "zip holds more": (zip_with(Packed(b"p", b"x" * 9, DEFLATED, size=8)), "'p' is damaged"),
    "zip wrong CRC": (zip_with(Packed(b"p", crc=1)), "'p' is damaged"),
    "zip bomb by its size": (
        zip_with(Packed(b"p", bytes(1000), DEFLATED, size=0xFFFFFFF0)),
        "as a bomb",
    ),
    "nothing in it": (lambda folder: saved(folder, "x.zip", zip_bytes()), "no file that can be"),
    "only folders": (
        lambda folder: saved(folder, "x.zip", zip_bytes(Packed(b"a/", b""))),
        "no file that can be",
    ),
    "no archive": (lambda folder: saved(folder, "x.zip", b"hello"), "not a whole zip or tar"),
    "no 7z": (lambda folder: saved(folder, "x.7z", b"7z\xbc\xaf\x27\x1c"), "not a whole"),
    "no file": (lambda folder: folder / "x.zip", "there is no such file"),
}


@pytest.mark.parametrize("case", CORPUS)
def test_hostile_archives_are_refused(case: str, raw: Path) -> None:
    make, match = CORPUS[case]
    refused(make(raw), match)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_compression_hides_nothing(pack: Callable[[bytes], bytes], raw: Path) -> None:
    refused(tar_with(tarred("../out.txt"), pack=pack)(raw), "leads out")


def test_a_split_zip_hides_nothing(raw: Path) -> None:
    refused(split_zip(raw, "x", Packed(GOOD), Packed(b"../out.txt"), part=60), "leads out")


SKIPPABLE = [
    each
    for each, (_, match) in CORPUS.items()
    if match != "as a bomb" and "twice" not in each and "and folder" not in each
    and not any(word in match for word in ("damaged", "whole", "no file that", "no such"))
]  # fmt: skip


@pytest.mark.parametrize("case", SKIPPABLE)
def test_the_rest_is_unpacked_where_asked_for(case: str, raw: Path) -> None:
    archive = CORPUS[case][0](raw)
    done = unpack(archive, options=Options(skip_refused=True))
    kept = {GOOD.decode()} if "7z link" not in case else {"a"}
    kept |= {"l/out.txt"} if case.endswith("through a link") else set()
    assert files_below(done.folder) == kept
    assert done.issues[0].rule == "archive-members-refused"
    assert done.issues[0].severity == "error"
    expected = {"x", ".x.unpacked.json", archive.name}
    assert {each.name for each in raw.iterdir() if each.suffix != ".lock"} == expected
    assert not (raw.parent / "out.txt").exists()


def test_devices_are_never_made(raw: Path) -> None:
    kinds = [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
    members = [tarred(f"d{n}", b"", type=kind, devmajor=1) for n, kind in enumerate(kinds)]
    assert files_below(unpack(tar_with(*members)(raw)).folder) == {GOOD.decode()}


# Bombs


def test_a_bomb_by_total(raw: Path) -> None:
    zeros = Packed(b"", bytes(1 << 20), DEFLATED)
    packed = zeros.packed()
    members = [Packed(b"%04d" % n, zeros.data, DEFLATED) for n in range(30)]
    archive = saved(raw, "x.zip", zip_bytes(*members))
    assert archive.stat().st_size < 40 * len(packed)
    refused(archive, "as a bomb", Options(max_bytes=30 * (1 << 20) - 1))
    assert unpack(archive, options=Options(max_bytes=30 << 20)).size_bytes == 30 << 20


def test_a_bomb_by_ratio(raw: Path) -> None:
    members = [Packed(b"%04d" % n, b"", DEFLATED, size=200 << 20) for n in range(6)]
    refused(saved(raw, "x.zip", zip_bytes(*members)), r"would unpack to 1,258,291,200, as a bomb")


def test_a_bomb_of_hard_links(raw: Path) -> None:
    links = [link(f"l{n}", "big", tarfile.LNKTYPE) for n in range(2000)]
    data = gzip.compress(tar_bytes(tarred("big", bytes(1 << 20)), *links))
    refused(saved(raw, "x.tar.gz", data), "as a bomb")


def test_a_bomb_in_archives_in_archives(raw: Path) -> None:
    bomb = zip_bytes(*(Packed(b"%d" % n, bytes(1 << 20), DEFLATED) for n in range(9)))
    middle = zip_bytes(*(Packed(b"%d.zip" % n, bomb) for n in range(9)))
    options = Options(nested=2, max_bytes=30 << 20)
    done = unpack(saved(raw, "x.zip", zip_bytes(Packed(b"m.zip", middle))), options=options)
    assert done.size_bytes <= 30 << 20
    left = [each.message for each in done.issues if "as a bomb" in each.message]
    assert len(left) == 6


def test_an_archive_that_overlaps(raw: Path) -> None:
    data = bytearray(zip_bytes(*(Packed(b"%d" % n, b"0123456789" * 9) for n in range(3))))
    second = data.index(b"PK\1\2", data.index(b"PK\1\2", data.index(b"PK\1\2") + 1) + 1)
    data[second + 42 : second + 46] = (40).to_bytes(4, "little")
    refused(saved(raw, "x.zip", bytes(data)), "overlap")


def test_the_disk_must_have_room_before_the_first_byte(raw: Path) -> None:
    size = 1 << 42
    info = tarfile.TarInfo("big")
    info.size = size
    path = raw / "x.tar"
    with path.open("wb") as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT))
        try:
            file.truncate(512 + size + 10240)
        except OSError:
            pytest.skip("the file system has no sparse file of 4 TiB")
    with pytest.raises(StorageError, match=r"bytes free, 4,398,046,511,104 are needed"):
        unpack(path, options=Options(max_bytes=1 << 43))
    assert [each.name for each in raw.iterdir() if each.suffix != ".lock"] == ["x.tar"]


# Names


@pytest.mark.parametrize(
    "name",
    ["CON", "con.txt", "a/NUL/b", "aux.tar.gz", "COM1", "lpt9.x", "COM¹", "a.", "a ", "a:b", "a?",
     'a"', "a|b", "a\nb", "a\\b", "CONIN$", "d./x"],
)  # fmt: skip
def test_names_that_windows_reserves(name: str, raw: Path) -> None:
    assert refused_names([name, "ok.txt"], Disk(windows=True)) == {
        name: "its name is not allowed on Windows"
    }
    assert refused_names([name], Disk()) == {}
    done = unpack(saved(raw, "x.tar", tar_bytes(tarred(name))))
    assert files_below(done.folder) == {name}
    assert [each.rule for each in done.issues] == ["archive-names-not-portable"]
    assert repr(name) in done.issues[0].message


@pytest.mark.parametrize("name", ["console", "com", "com10", "nul_a.txt", "a.b.c", "肺.png", "..a"])
def test_names_that_windows_allows(name: str) -> None:
    assert unportable_names([name]) == []


@pytest.mark.parametrize(
    "names",
    [["A.png", "a.png"], ["é.png", "e\u0301.png"], ["D/a", "d/A"], ["x", "X/y"], ["ß", "SS"]],
)
def test_names_that_differ_in_case_alone(names: list[str], raw: Path) -> None:
    assert sorted(refused_names([*names, "b.png"], Disk(folds_case=True))) != []
    assert set(refused_names([*names, "b.png"], Disk(folds_case=True))) <= set(names)
    assert refused_names(names, Disk()) == {}
    archive = saved(raw, "x.zip", zip_bytes(*(Packed(each.encode()) for each in names)))
    done = unpack(archive)
    assert files_below(done.folder) == set(names)
    assert done.issues[0].rule == "archive-names-not-portable"


PIECE = st.one_of(
    st.sampled_from(["..", ".", "", "a", "A", "CON", "C:", "~", "\\", "..\\", "a.zip", "肺"]),
    st.text(st.characters(codec="utf-8"), max_size=6),
    st.integers(250, 260).map("n".__mul__),
)
NAMES = st.lists(st.lists(PIECE, min_size=1, max_size=5).map("/".join), min_size=1, max_size=6)
NUMBERS = itertools.count()


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(names=NAMES, kind=st.sampled_from(["zip", "tar"]), nested=st.integers(0, 1))
def test_any_names_land_inside_or_nowhere(
    names: list[str], kind: str, nested: int, raw: Path
) -> None:
    assume(kind == "zip" or "\0" not in "".join(names))  # which ends a name in a tar
    top = raw / f"{next(NUMBERS)}"
    (top / "in").mkdir(parents=True)
    data = {each: str(number).encode() for number, each in enumerate(names)}
    if kind == "zip":
        packed = zip_bytes(*(Packed(n.encode()[:65535], d) for n, d in data.items()))
    else:
        packed = tar_bytes(*(tarred(name, d) for name, d in data.items() if name))
    archive = saved(top / "in", f"x.{kind}", packed)
    try:
        done = unpack(archive, options=Options(skip_refused=True, nested=nested))
    except MedshelfError:
        assert files_below(top) == {f"in/x.{kind}"}
        return
    found = files_below(top)
    assert found - {f"in/x.{kind}", "in/.x.unpacked.json"} == {
        f"in/x/{each}" for each in files_below(done.folder)
    }
    expected = {file_name(n, backslashes=kind == "zip"): d for n, d in data.items()}
    for name in files_below(done.folder):
        path = done.folder / name
        assert stat.S_ISREG(path.lstat().st_mode)
        assert path.read_bytes() == expected[name]


@given(names=NAMES)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_names_that_are_not_refused_stay_below_the_folder(names: list[str]) -> None:
    paths = [file_name(each, backslashes=True) for each in names]
    bad = refused_names(paths, Disk(folds_case=True, windows=True))
    kept = [each for each in paths if each not in bad]
    assert len({each.casefold() for each in kept}) == len(kept)
    for each in kept:
        assert not each.startswith("/")
        assert not {"", ".", ".."} & set(each.split("/"))
        assert not any(c in each for c in '\0\\:*?"<>|')


def test_a_real_zip_is_read_as_zipfile_reads_it(raw: Path) -> None:
    with zipfile.ZipFile(saved(raw, "x.zip", zip_bytes(Packed(GOOD, b"1")))) as archive:
        assert archive.read(GOOD.decode()) == b"1"
