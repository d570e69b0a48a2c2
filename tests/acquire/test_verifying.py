"""What became of files on disk: verify, adopt, where, clean, du."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medshelf import api
from medshelf.acquire.fetch import fetch
from medshelf.acquire.standing.adopted import adopt
from medshelf.acquire.standing.checking import State, check_folder
from medshelf.acquire.standing.locate import locate
from medshelf.acquire.standing.members import hash_members
from medshelf.acquire.standing.places import (
    find_places,
    measure_usage,
    remove_dataset,
    remove_unfinished,
)
from medshelf.acquire.transfers import partial
from medshelf.catalog.record import Record
from medshelf.core.errors import ChecksumError, NotFetchedError
from medshelf.core.settings import Settings
from tests.acquire.misbehaving_server import CONTENT, OTHER_CONTENT
from tests.acquire.scripted_server import Script, scripted


def packed(method: int, **members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.fixture
def site() -> Iterator[Script]:
    with scripted({"/a.zip": packed(zipfile.ZIP_STORED, x=b"1" * 100, y=b"2")}) as server:
        yield server


@pytest.fixture
def record(make_record: Callable[..., Record], site: Script) -> Record:
    return make_record(site.url("/a.zip"), name="a.zip", hash=None, size_bytes=None, archive=True)


def states(record: Record, folder: Path, settings: Settings) -> dict[str, State]:
    return {each.name: each.state for each in check_folder(record, folder, settings)}


def test_verified_then_changed_then_missing(record: Record, settings: Settings) -> None:
    folder = fetch(record, options={})
    assert states(record, folder, settings) == {"a.zip": State.VERIFIED}
    content = (folder / "a.zip").read_bytes()
    (folder / "a.zip").write_bytes(content.replace(b"1" * 100, b"1" * 99 + b"3"))
    (folder / "notes.txt").write_text("mine")
    wanted = {"a.zip": State.CHANGED, "notes.txt": State.EXTRA}
    assert states(record, folder, settings) == wanted
    (folder / "a.zip").unlink()
    assert states(record, folder, settings)["a.zip"] is State.MISSING


@pytest.mark.parametrize(
    ("members", "state"),
    [
        ({"y": b"2", "x": b"1" * 100}, State.REPACKED),
        ({"y": b"2", "x": b"1" * 99 + b"3"}, State.CHANGED),
        ({"x": b"1" * 100}, State.CHANGED),
        ({"x": b"1" * 100, "y": b"2", "z": b""}, State.CHANGED),
    ],
)
def test_an_archive_that_was_packed_anew(
    members: dict[str, bytes], state: State, record: Record, settings: Settings
) -> None:
    folder = fetch(record, options={})
    (folder / "a.zip").write_bytes(packed(zipfile.ZIP_DEFLATED, **members))
    assert states(record, folder, settings) == {"a.zip": state}


def test_an_archive_that_unpacks_beyond_measure_or_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(packed(zipfile.ZIP_DEFLATED, x=bytes(1_000_000)))
    assert hash_members(path) is not None
    monkeypatch.setattr("medshelf.acquire.standing.members._MIN_LIMIT_BYTES", 1000)
    assert hash_members(path) is None
    for damaged in (b"", b"PK\x03\x04", path.read_bytes()[:-30], os.urandom(1000)):
        path.write_bytes(damaged)
        assert hash_members(path) is None


def test_without_a_lock_the_published_hash_counts(
    make_record: Callable[..., Record], settings: Settings, tmp_path: Path
) -> None:
    record = make_record("http://127.0.0.1/toy.npz")
    (tmp_path / "toy.npz").write_bytes(CONTENT)
    assert states(record, tmp_path, settings) == {"toy.npz": State.VERIFIED}
    (tmp_path / "toy.npz").write_bytes(OTHER_CONTENT)
    assert states(record, tmp_path, settings) == {"toy.npz": State.CHANGED}


def test_adopted_where_it_lies(
    make_record: Callable[..., Record], settings: Settings, tmp_path: Path
) -> None:
    record = make_record("http://127.0.0.1:9/toy.npz")
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "toy.npz").write_bytes(CONTENT)
    before = sorted(folder.rglob("*"))
    assert adopt(record, folder, settings) == ("toy.npz",)
    assert sorted(folder.rglob("*")) == before
    assert locate(record, options={}).folder == folder
    assert fetch(record, options={}) == folder
    assert [place.kind for place in find_places(record, settings)] == ["adopted"]
    assert states(record, folder, settings) == {"toy.npz": State.VERIFIED}
    (folder / "toy.npz").write_bytes(OTHER_CONTENT)
    assert states(record, folder, settings) == {"toy.npz": State.CHANGED}


def test_a_list_is_adopted_on_trust(
    make_record: Callable[..., Record], settings: Settings, tmp_path: Path
) -> None:
    record = make_record("physionet:toy/1.0", name="*.dat", hash=None, size_bytes=None)
    (tmp_path / "p1").mkdir()
    (tmp_path / "p1" / "a.dat").write_bytes(b"a")
    (tmp_path / "notes.txt").write_text("mine")
    assert adopt(record, tmp_path, settings) == ("p1/a.dat",)
    assert locate(record, options={}).folder == tmp_path.resolve()


def test_what_cannot_be_adopted(
    make_record: Callable[..., Record], settings: Settings, tmp_path: Path
) -> None:
    record = make_record("http://127.0.0.1:9/toy.npz")
    with pytest.raises(NotFetchedError, match="medshelf fetch toy"):
        adopt(record, tmp_path, settings)
    (tmp_path / "toy.npz").write_bytes(OTHER_CONTENT)
    with pytest.raises(ChecksumError):
        adopt(record, tmp_path, settings)
    assert find_places(record, settings) == ()


def test_caches_of_others_are_found(
    make_record: Callable[..., Record],
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kaggle"))
    monkeypatch.setenv("nnUNet_raw", str(tmp_path / "nnunet"))
    monkeypatch.setenv("LMUData", str(tmp_path / "lmu"))
    folders = [
        tmp_path / "hf/hub/datasets--org--toy/snapshots/abc",
        tmp_path / "kaggle/datasets/me/toy/versions/2",
        tmp_path / "nnunet/Dataset007_Toy",
        tmp_path / "lmu",
        tmp_path / "lmu/images/Toy",
    ]
    for folder in folders:
        folder.mkdir(parents=True)
    (tmp_path / "nnunet/Dataset008_Other").mkdir()
    for name in ("Toy.tsv", "Other.tsv"):
        (tmp_path / "lmu" / name).write_text("index")
    first = make_record("hf:datasets/org/toy@main/a.npz").files[0]
    second = make_record("kaggle:me/toy/b.npz", name="b.npz").files[0]
    record = make_record("http://127.0.0.1/").model_copy(update={"files": (first, second)})
    assert [place.folder for place in find_places(record, settings)] == folders


def test_what_unfinished_downloads_left_goes_and_files_stay(
    record: Record, settings: Settings
) -> None:
    folder = fetch(record, options={})
    part = partial.part_path(folder / "b.zip")
    partial.start(part, partial.Memo(url="u", validator=None, size_bytes=None))
    part.write_bytes(b"12345")
    (usage,) = measure_usage(settings)
    assert usage.dataset == "toy"
    assert usage.unfinished_bytes > 5
    assert remove_unfinished("toy", settings) == usage.unfinished_bytes
    assert not part.exists()
    assert states(record, folder, settings) == {"a.zip": State.VERIFIED}
    assert remove_dataset("toy", settings) > 0
    assert not folder.exists()
    assert remove_dataset("toy", settings) == 0


PROGRAM = """
import sys
from medshelf.cli import main
for line in sys.stdin.read().splitlines():
    sys.argv[1:] = line.split()
    print("$", line, flush=True)
    try:
        main()
    except SystemExit as end:
        print("exit", end.code or 0, flush=True)
"""


def test_the_commands(tmp_path: Path) -> None:
    record = "phantom-3d-binary"
    api.fetch(record, size=28)
    cases = [
        (f"verify {record}", 0, "1 verified"),
        (f"where {record}", 0, "(home)  1 of 1 files"),
        ("du", 0, record),
        ("login-status", 0, "HF_TOKEN"),
        (f"adopt {record} {tmp_path}/none", 1, "was not found"),
        ("clean", 0, "bytes freed"),
        ("clean --data", 2, "name the datasets"),
        (f"fetch {record} --dry-run", 0, "Free on the disk"),
        (f"fetch {record} --include x", 1, "No file of"),
    ]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input="\n".join(words for words, _, _ in cases),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    answers = done.stdout.split("$ ")[1:]
    assert len(answers) == len(cases)
    for (words, code, said), answer in zip(cases, answers, strict=True):
        assert answer.startswith(words)
        assert f"exit {code}" in answer, answer
        assert said in answer, answer
