"""Archives: what is read in place is what was packed, and damage is never a shorter archive."""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import json
import lzma
import random
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medshelf.core.errors import FormatError, MedshelfError, SettingError
from medshelf.formats import archive, archive_data, archive_index
from medshelf.formats.archive import iter_members, list_members, open_member, read_member

RNG = random.Random(5)
FILES = {
    "set/images/b.png": RNG.randbytes(70_000),
    "set/images/a.png": b"grey" * 9000,
    "set/labels.csv": b"image,label\nb.png,1\n",
    "set/empty.txt": b"",
    "__MACOSX/set/._labels.csv": b"\0\5\x16\7",
}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "tar.gz": gzip.compress,
    "tar.bz2": bz2.compress,
    "tar.xz": lzma.compress,
}
METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflated": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}


def zipped(files: dict[str, bytes], method: str = "deflated") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", METHODS[method]) as target:
        target.mkdir("set")
        for name, data in files.items():
            target.writestr(name, data)
    return buffer.getvalue()


def entry(name: str, data: bytes = b"", **facts: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for fact, value in facts.items():
        setattr(info, fact, value)
    return info, data


def tarred(*entries: tuple[tarfile.TarInfo, bytes], encoding: str = "utf-8") -> bytes:
    buffer = io.BytesIO()
    form = tarfile.PAX_FORMAT if encoding == "utf-8" else tarfile.GNU_FORMAT
    with tarfile.open(fileobj=buffer, mode="w", format=form, encoding=encoding) as target:
        for info, data in entries:
            target.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def packed(kind: str, files: dict[str, bytes] = FILES) -> bytes:
    if kind in METHODS:
        return zipped(files, kind)
    folder = entry("set/", type=tarfile.DIRTYPE)
    return PACKERS[kind](tarred(folder, *(entry(*each) for each in files.items())))


def saved(folder: Path, data: bytes, name: str = "archive") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.fixture(params=[*METHODS, *PACKERS])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=["fast", "plain"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test with the packages of the extra `fast`, and as if they were not installed."""
    if request.param == "plain":
        monkeypatch.setitem(sys.modules, "indexed_gzip", None)
        monkeypatch.setattr(archive_data, "_crc32", zlib.crc32)
        monkeypatch.setattr(archive_data, "_decompressobj", zlib.decompressobj)
    else:
        pytest.importorskip("indexed_gzip")
        pytest.importorskip("isal")


@pytest.mark.usefixtures("decoder")
def test_members_are_what_was_packed(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    path = saved(folder, packed(kind))
    members = list_members(path)
    assert [(each.name, each.size_bytes) for each in members] == sorted(
        (name, len(data)) for name, data in FILES.items()
    )
    assert not any(each.problem for each in members)
    for name, data in FILES.items():
        assert read_member(path, name) == data
    assert list(folder.iterdir()) == [path]


def test_an_open_member_reads_and_seeks(kind: str, tmp_path: Path) -> None:
    path, data = saved(tmp_path, packed(kind)), FILES["set/images/b.png"]
    with open_member(path, "set/images/b.png") as stream:
        assert stream.read(10) == data[:10]
        assert stream.seek(60_000) == 60_000
        assert stream.read(99) == data[60_000:60_099]
        assert stream.seek(-5, io.SEEK_END) == len(data) - 5
        assert stream.read() == data[-5:]
        assert stream.read() == b""
        stream.seek(7)
        assert stream.tell() == 7
        assert stream.read() == data[7:]
        stream.seek(1 << 40)
        assert stream.read(1) == b""
    assert stream.closed


def test_two_members_can_be_open_at_once(kind: str, tmp_path: Path) -> None:
    path = saved(tmp_path, packed(kind))
    names = ("set/images/b.png", "set/images/a.png")
    with open_member(path, names[0]) as first, open_member(path, names[1]) as second:
        parts = [(first.read(30_000), second.read(12_000)) for _ in range(3)]
    for name, read in zip(names, zip(*parts, strict=True), strict=True):
        assert b"".join(read) == FILES[name]


def test_a_walk_has_every_member_in_the_order_of_the_archive(kind: str, tmp_path: Path) -> None:
    path = saved(tmp_path, packed(kind))
    walked = [(member.name, stream.read()) for member, stream in iter_members(path)]
    assert walked == list(FILES.items())


def test_a_walk_may_leave_members_unread(kind: str, tmp_path: Path) -> None:
    path = saved(tmp_path, packed(kind))
    walk = iter_members(path)
    _, skipped = next(walk)
    member, stream = next(walk)
    assert skipped.closed
    assert (member.name, stream.read(4)) == ("set/images/a.png", b"grey")


def test_an_empty_archive_has_no_members(kind: str, tmp_path: Path) -> None:
    data = zipped({}) if kind in METHODS else PACKERS[kind](tarred())
    assert list_members(saved(tmp_path, data)) == ()


def test_a_member_that_is_not_there(kind: str, tmp_path: Path) -> None:
    path = saved(tmp_path, packed(kind))
    for function in (read_member, open_member):
        with pytest.raises(FormatError, match=r"archive: there is no member 'set'"):
            function(path, "set")


def test_a_large_member_is_refused_unless_asked_for(kind: str, tmp_path: Path) -> None:
    path = saved(tmp_path, packed(kind))
    assert len(read_member(path, "set/images/b.png", max_bytes=70_000)) == 70_000
    with pytest.raises(FormatError, match="70,000 bytes, more than 69,999"):
        read_member(path, "set/images/b.png", max_bytes=69_999)


def test_a_leading_dot_is_left_out(tmp_path: Path) -> None:
    path = saved(tmp_path, tarred(entry("././a.txt", b"a")))
    assert [each.name for each in list_members(path)] == ["a.txt"]
    assert read_member(path, "a.txt") == b"a"


@pytest.mark.parametrize("name", ["PK\3\4.txt", "PKG-INFO", "BZh91AY.txt"])
def test_a_tar_is_no_zip_because_of_its_first_name(name: str, tmp_path: Path) -> None:
    path = saved(tmp_path, tarred(entry(name, b"a")))
    assert read_member(path, name) == b"a"


# Listed once


def test_a_zip_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, zipped({f"{n:04}.txt": str(n).encode() for n in range(2000)}, "stored"))
    opened = []
    true_zip = zipfile.ZipFile

    def counted(*args: object, **options: object) -> zipfile.ZipFile:
        opened.append(args)
        return true_zip(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(zipfile, "ZipFile", counted)
    assert [int(read_member(path, f"{n:04}.txt")) for n in range(2000)] == list(range(2000))
    assert len(opened) == 1


def test_a_changed_archive_is_listed_anew(kind: str, tmp_path: Path) -> None:
    path = saved(tmp_path, packed(kind))
    assert len(list_members(path)) == len(FILES)
    saved(tmp_path, packed(kind, {"new.txt": b"now"}))
    assert [each.name for each in list_members(path)] == ["new.txt"]
    assert read_member(path, "new.txt") == b"now"


@pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2", "tar.xz"])
def test_the_list_of_a_compressed_tar_is_kept(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path, packed(kind))
    members = list_members(path)
    kept = list((tmp_path / "cache/medshelf/indexes").glob("archive-*-utf-8.*.json"))
    assert sorted(each[0] for each in json.loads(kept[0].read_text())) == sorted(FILES)
    archive._make_index.cache_clear()
    monkeypatch.setattr(tarfile, "open", None)
    assert list_members(path) == members
    assert read_member(path, "set/labels.csv") == FILES["set/labels.csv"]


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    path = saved(tmp_path, packed("tar.gz"))
    assert read_member(path, "set/labels.csv") == FILES["set/labels.csv"]


@pytest.mark.usefixtures("decoder")
def test_any_place_of_a_large_tar_gz(tmp_path: Path) -> None:
    files = {f"{n:02}.bin": RNG.randbytes(60_000 + n) for n in range(80)}
    path = saved(tmp_path, gzip.compress(tarred(*(entry(*each) for each in files.items())), 1))
    assert path.stat().st_size > 4 << 20
    names = list(files)
    random.Random(0).shuffle(names)
    for name in names:
        assert read_member(path, name) == files[name]
    assert {each.name: stream.read() for each, stream in iter_members(path)} == files


# Processes and threads


def test_threads_share_an_archive(kind: str, tmp_path: Path) -> None:
    names, data = list(FILES) * 4, packed(kind)
    with ThreadPoolExecutor(8) as pool:
        for number in range(50 if kind == "tar" else 5):  # each is opened by several at once
            (tmp_path / str(number)).mkdir()
            path = saved(tmp_path / str(number), data)
            read = list(pool.map(partial(read_member, path), names))
            assert read == [FILES[name] for name in names]


FORKING = """
import os, sys, zlib
from pathlib import Path
from medshelf.formats.archive import list_members, open_member, read_member

path, name = Path(sys.argv[1]), sys.argv[2]
names = [each.name for each in list_members(path)]
stream = open_member(path, name)
whole = [zlib.crc32(read_member(path, each)) for each in names]
children = []
for number in range(3):
    child = os.fork()
    if not child:
        good = all(
            [zlib.crc32(read_member(path, each)) for each in names] == whole for _ in range(20)
        )
        os._exit(0 if good else 7)
    children.append(child)
mine = [[zlib.crc32(read_member(path, each)) for each in names] for _ in range(20)]
assert all(each == whole for each in mine)
assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
stream.close()
"""


@pytest.mark.parametrize("kind", ["stored", "deflated", "tar", "tar.gz", "tar.bz2"])
def test_forked_processes_do_not_disturb_each_other(kind: str, tmp_path: Path) -> None:
    path = saved(tmp_path, packed(kind))
    words = [sys.executable, "-W", "ignore", "-c", FORKING, str(path), "set/images/b.png"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stream_that_is_not_closed_leaves_no_handle(kind: str, tmp_path: Path) -> None:
    path = saved(tmp_path, packed(kind))
    read_member(path, "set/labels.csv")
    before = len(list(Path("/dev/fd").iterdir()))
    open_member(path, "set/labels.csv").read()
    assert len(list(Path("/dev/fd").iterdir())) == before


# Names


def test_names_of_another_encoding(tmp_path: Path) -> None:
    name = "胸片/图像.png"
    data = zipped({name: b"x"})
    for flags in (data.rindex(b"PK\1\2") + 8, data.index(b"PK\3\4", 4) + 6):
        data = data[:flags] + b"\0\0" + data[flags + 2 :]
    path = saved(tmp_path, data.replace(name.encode(), name.encode("gbk") + b"____"))
    assert list_members(path, encoding="gbk")[0].name == f"{name}____"
    assert read_member(path, f"{name}____", encoding="gbk") == b"x"
    assert list_members(path)[0].name.endswith("____")  # CP437 knows every byte
    with pytest.raises(FormatError, match="names are not ascii") as caught:
        list_members(path, encoding="ascii")
    assert "encoding='gbk'" in caught.value.remedy


def test_names_that_are_marked_as_utf_8_are_so_whatever_is_asked_for(tmp_path: Path) -> None:
    path = saved(tmp_path, zipped({"图.png": b"x"}))
    assert list_members(path, encoding="gbk")[0].name == "图.png"


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_names_of_a_tar_in_another_encoding(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = saved(tmp_path, pack(tarred(entry("图像.png", b"x"), encoding="gbk")))
    with pytest.raises(FormatError, match="names are not utf-8"):
        list_members(path)
    assert [each.name for each in list_members(path, encoding="gbk")] == ["图像.png"]
    assert read_member(path, "图像.png", encoding="gbk") == b"x"


def test_an_encoding_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no encoding 'gkb'"):
        list_members(saved(tmp_path, packed("tar")), encoding="gkb")


@pytest.mark.parametrize("name", ["/etc/passwd", "../up.txt", "a/../../up.txt", "C:/x", "..\\up"])
@pytest.mark.parametrize("form", ["zip", "tar"])
def test_a_name_that_leads_out_is_listed_and_refused(name: str, form: str, tmp_path: Path) -> None:
    data = zipped({name: b"x"}) if form == "zip" else tarred(entry(name, b"x"))
    path = saved(tmp_path, data)
    assert [each.name for each in list_members(path)] == [name]
    for function in (read_member, open_member):
        with pytest.raises(FormatError, match="leads out of the archive"):
            function(path, name)
    with pytest.raises(FormatError, match="leads out of the archive"):
        list(iter_members(path))


def test_two_members_of_one_name_in_a_zip(tmp_path: Path) -> None:
    data = zipped({"a.txt": b"1", "b.txt": b"2", "c.txt": b"3", "d.txt": b"3"}, "stored")
    path = saved(tmp_path, data.replace(b"b.txt", b"a.txt").replace(b"d.txt", b"c.txt"))
    assert [each.name for each in list_members(path)] == ["a.txt", "a.txt", "c.txt", "c.txt"]
    with pytest.raises(FormatError, match=r"'a\.txt': its name occurs more than once"):
        read_member(path, "a.txt")
    assert read_member(path, "c.txt") == b"3"


def test_of_two_members_of_one_name_in_a_tar_the_last_one_counts(tmp_path: Path) -> None:
    path = saved(tmp_path, tarred(entry("a.txt", b"old"), entry("a.txt", b"new")))
    assert [each.name for each in list_members(path)] == ["a.txt"]
    assert read_member(path, "a.txt") == b"new"


# Links and other kinds


def link(name: str, target: str, *, hard: bool = False) -> tuple[tarfile.TarInfo, bytes]:
    return entry(name, type=tarfile.LNKTYPE if hard else tarfile.SYMTYPE, linkname=target)


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_links_within_a_tar_are_followed(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    links = [
        link("b/near.txt", "../a/x.txt"),
        link("b/far.txt", "near.txt"),
        link("hard.txt", "a/x.txt", hard=True),
    ]
    path = saved(tmp_path, pack(tarred(*links, entry("a/x.txt", b"there"))))
    assert len(list_members(path)) == 4
    for name in ("a/x.txt", "b/near.txt", "b/far.txt", "hard.txt"):
        assert read_member(path, name) == b"there"
    assert {stream.read() for _, stream in iter_members(path)} == {b"there"}


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../../etc/passwd", "../secret.txt", "nothing.txt", "loop.txt"]
)
@pytest.mark.parametrize("hard", [False, True])
def test_links_out_of_a_tar_are_never_followed(target: str, tmp_path: Path, *, hard: bool) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    path = saved(tmp_path, tarred(link("loop.txt", target, hard=hard)))
    assert list_members(path)[0].size_bytes == 0
    with pytest.raises(FormatError, match=r"it is a link to .*, no file of the archive"):
        read_member(path, "loop.txt")


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    info = zipfile.ZipInfo("link.txt")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(buffer, "w") as target:
        target.writestr(info, "/etc/passwd")
    with pytest.raises(FormatError, match="it is a link"):
        read_member(saved(tmp_path, buffer.getvalue()), "link.txt")


def test_devices_are_no_members(tmp_path: Path) -> None:
    device = entry("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3)
    pipe = entry("pipe", type=tarfile.FIFOTYPE)
    assert list_members(saved(tmp_path, tarred(device, pipe))) == ()


def test_a_file_with_holes_is_refused(tmp_path: Path) -> None:
    facts = {"major": "1", "minor": "0", "name": "x.raw", "realsize": "1000"}
    headers = {f"GNU.sparse.{fact}": value for fact, value in facts.items()}
    data = b"1\n995\n5\n".ljust(512, b"\0") + b"value"
    path = saved(tmp_path, tarred(entry("x.raw", data, pax_headers=headers)))
    with pytest.raises(FormatError, match="holes"):
        read_member(path, "x.raw")


def with_field(data: bytes, at: int, form: str, value: int) -> bytes:
    """Change a field of the first entry in the central directory of a zip."""
    start = data.index(b"PK\1\2") + at
    return data[:start] + struct.pack(form, value) + data[start + struct.calcsize(form) :]


FLAGS, METHOD, CRC, PACKED, SIZE = (8, "<H"), (10, "<H"), (16, "<I"), (20, "<I"), (24, "<I")


def one(method: str = "deflated", data: bytes = b"0123456789" * 100) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", METHODS[method]) as target:
        target.writestr("a.txt", data)
    return buffer.getvalue()


@pytest.mark.parametrize("changed", [(*FLAGS, 1), (*FLAGS, 0x41), (*METHOD, 99)], ids=str)
def test_a_password_is_said_to_be_missing(changed: tuple[int, str, int], tmp_path: Path) -> None:
    path = saved(tmp_path, with_field(one(), *changed))
    assert list_members(path)[0].problem
    with pytest.raises(FormatError, match=r"'a\.txt': it is protected by a password"):
        read_member(path, "a.txt")


def test_an_unknown_method_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="method 9, which is not supported"):
        read_member(saved(tmp_path, with_field(one(), *METHOD, 9)), "a.txt")


# Damage


def whole(path: Path, name: str) -> bytes:
    with open_member(path, name) as stream:
        return stream.read()


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "changed", [(*CRC, 5), (*SIZE, 999), (*SIZE, 1001), (*SIZE, 900_000), (*PACKED, 11)], ids=str
)
def test_what_the_directory_states_is_checked(
    method: str, changed: tuple[int, str, int], tmp_path: Path
) -> None:
    path = saved(tmp_path, with_field(one(method), *changed))
    for function in (read_member, whole):
        with pytest.raises(FormatError, match=r"archive: member 'a\.txt'"):
            function(path, "a.txt")


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize("method", ["stored", "deflated"])
def test_a_changed_byte_is_found(method: str, tmp_path: Path) -> None:
    data = bytearray(one(method, RNG.randbytes(5000)))
    data[2000] ^= 1
    path = saved(tmp_path, bytes(data))
    for function in (read_member, whole):
        with pytest.raises(FormatError, match=r"member 'a\.txt' is damaged"):
            function(path, "a.txt")


@pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2", "tar.xz"])
def test_the_checksum_of_a_compressed_tar_is_checked(kind: str, tmp_path: Path) -> None:
    data = bytearray(packed(kind))
    data[len(data) // 2] ^= 4
    with pytest.raises(FormatError):
        list_members(saved(tmp_path, bytes(data)))


def test_a_truncated_archive_is_never_a_shorter_one(kind: str, tmp_path: Path) -> None:
    files = {"a.bin": RNG.randbytes(700), "b.bin": b"b" * 700, "c.bin": b""}
    data = packed(kind, files)
    numbers = itertools.count()
    for length in (*range(0, len(data), 97), len(data) - 1):
        path = saved(tmp_path, data[:length], f"{next(numbers)}")
        try:
            members = list_members(path)
        except FormatError:
            continue
        assert kind == "tar"  # cut in what follows the end mark
        assert {each.name: read_member(path, each.name) for each in members} == files


def test_a_damaged_header_does_not_end_a_tar(tmp_path: Path) -> None:
    data = bytearray(tarred(entry("a.txt", b"a"), entry("b.txt", b"b")))
    data[1024 + 3] ^= 1
    with tarfile.open(fileobj=io.BytesIO(bytes(data))) as tar:
        assert tar.getnames() == ["a.txt"]
    with pytest.raises(FormatError, match="at byte 1,024 is neither a header nor the end mark"):
        list_members(saved(tmp_path, bytes(data)))


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"PK", bytes(100), gzip.compress(b"text" * 999, mtime=0)]
)
def test_what_is_no_archive_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"archive: "):
        list_members(saved(tmp_path, data))


@pytest.mark.parametrize("name", ["missing.zip", "."])
def test_a_file_that_cannot_be_opened_says_why(name: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="Check path and permissions"):
        list_members(tmp_path / name)


# Bombs


def test_a_member_that_promises_too_much_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, with_field(one(), *SIZE, 0xFFFFFFF0))
    for function in (read_member, whole):
        with pytest.raises(FormatError, match="as a bomb"):
            function(path, "a.txt")


def test_members_that_overlap_are_refused(tmp_path: Path) -> None:
    data = zipped({f"{n}.txt": b"0123456789" * 100 for n in range(3)})
    second = data.index(b"PK\1\2", data.index(b"PK\1\2", data.index(b"PK\1\2") + 1) + 1)
    data = data[: second + 42] + struct.pack("<I", 40) + data[second + 46 :]
    with pytest.raises(FormatError, match="overlap, as those of a zip bomb"):
        list_members(saved(tmp_path, data))


@pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2", "tar.xz"])
@pytest.mark.parametrize("where", ["member", "rest"])
def test_a_compressed_tar_that_unpacks_to_too_much(
    kind: str, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_index, "_FREE_BYTES", 0)
    monkeypatch.setattr(archive_index, "_MAX_RATIO", 10)
    zeros = bytes(1 << 20)
    data = tarred(entry("zeros", zeros)) if where == "member" else tarred() + zeros
    with pytest.raises(FormatError, match="beyond the end" if where == "member" else "as a bomb"):
        list_members(saved(tmp_path, PACKERS[kind](data)))


def sized(name: str, size: bytes, kind: bytes = b"0") -> bytes:
    """Write a tar header with any size field."""
    info = tarfile.TarInfo(name)
    header = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    header[124:136], header[156:157] = size, kind
    total = sum(header[:148]) + 8 * 32 + sum(header[156:])
    header[148:156] = f"{total:06o}\0 ".encode()
    return bytes(header)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["tar", "tar.gz"])
@pytest.mark.parametrize("kind", [b"0", b"L", b"x", b"g", b"K", b"5"], ids=bytes.decode)
@pytest.mark.parametrize(
    "size",
    [b"\x80" + b"\x7f" * 11, b"\xff" * 11 + b"\0", b"77777777777\0"],
    ids=["2^94", "<0", "8G"],
)
def test_a_header_with_an_impossible_size(
    pack: Callable[[bytes], bytes], kind: bytes, size: bytes, tmp_path: Path
) -> None:
    data = sized("x", size, kind) + bytes(10240)
    with pytest.raises(FormatError):
        list_members(saved(tmp_path, pack(data)))


SMALL = {
    kind: packed(kind, {"a/b.txt": b"hello hello hello", "a/c.bin": bytes(range(256)), "d": b""})
    for kind in (*METHODS, *PACKERS)
}
SMALL["links"] = tarred(link("b", "a"), link("c", "b", hard=True), entry("a", b"there"))
SMALL["long names"] = tarred(entry("n/" * 90 + "x", b"x"), entry("图像.png", b"y"))


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    kind=st.sampled_from(sorted(SMALL)),
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6
    ),
    cut=st.sampled_from([None, None, None, 0.5, 0.9, 0.99]),
)
def test_damage_is_an_error_of_ours_or_an_archive(
    kind: str, changes: list[tuple[float, int]], cut: float | None, tmp_path: Path
) -> None:
    data = bytearray(SMALL[kind])
    for place, value in changes:
        data[int(place * len(data))] = value
    path = saved(tmp_path, bytes(data[: int(len(data) * (cut or 1))]), f"{kind}-{next(NUMBERS)}")
    try:
        members = list_members(path)
    except MedshelfError:
        return
    for member in members:
        try:
            read = read_member(path, member.name)
            assert read == whole(path, member.name)
        except MedshelfError:
            continue
        assert len(read) == {each.name: each.size_bytes for each in members}[member.name]


NUMBERS = itertools.count()


def test_a_real_tgz(real_data: Path) -> None:
    path = real_data.parent / "iu_xray" / "NLMCXR_reports.tgz"
    if not path.is_file():
        pytest.skip("There is no iu_xray beside the real MedMNIST files")
    with tarfile.open(path) as tar:
        reports = {each.name: tar.extractfile(each).read() for each in tar if each.isfile()}  # type: ignore[union-attr]
    assert [each.name for each in list_members(path)] == sorted(reports)
    assert {each.name: stream.read() for each, stream in iter_members(path)} == reports
    for name in sorted(reports)[::400]:
        assert read_member(path, name) == reports[name]


def test_real_npz_files_are_zips(real_data: Path) -> None:
    for path in sorted(real_data.glob("*.npz")):
        with zipfile.ZipFile(path) as packed_file:
            for member in list_members(path):
                assert read_member(path, member.name) == packed_file.read(member.name)
