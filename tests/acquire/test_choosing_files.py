"""Which files are fetched: parts, patterns, samples, mirrors, licences; and lists of files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from medshelf.acquire.fetch import fetch, plan
from medshelf.acquire.selection import Choice
from medshelf.acquire.standing.locate import locate
from medshelf.acquire.standing.lockfile import read_lock
from medshelf.catalog.parts import LicenceRef
from medshelf.catalog.record import Record
from medshelf.core.errors import (
    ChecksumError,
    DownloadError,
    GateError,
    LayoutError,
    NotFetchedError,
    SettingError,
    StorageError,
    UnknownNameError,
)
from medshelf.core.settings import Settings
from tests.acquire.scripted_server import Script, refuse_all, scripted

FILES = {f"/{name}": name.encode() * 50 for name in ("a.zip", "b.zip", "labels.csv", "few.zip")}


def md5(content: bytes) -> str:
    return f"md5:{hashlib.md5(content).hexdigest()}"


@pytest.fixture
def site() -> Iterator[Script]:
    with scripted(dict(FILES)) as server:
        yield server


@pytest.fixture
def record(make_record: Callable[..., Record], site: Script) -> Record:
    files: list[dict[str, Any]] = [
        {"name": path[1:], "url": site.url(path), "hash": md5(content), "part": "images"}
        for path, content in FILES.items()
    ]
    files[2]["part"] = "annotations"
    files[3]["options"] = {"edition": "sample"}
    whole = make_record("http://127.0.0.1/").model_dump()
    return Record.model_validate(whole | {"files": files})


def asked(site: Script) -> list[str]:
    return sorted(path for path, _ in site.asked)


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        (Choice(), ["/a.zip", "/b.zip", "/labels.csv"]),
        (Choice(parts=("annotations",)), ["/labels.csv"]),
        (Choice(include=("*.zip",), exclude=("a*",)), ["/b.zip"]),
        (Choice(sample=True), ["/few.zip"]),
    ],
)
def test_a_choice(choice: Choice, names: list[str], record: Record, site: Script) -> None:
    folder = fetch(record, options={}, choice=choice)
    assert asked(site) == names
    for name in names:
        assert (folder / name[1:]).read_bytes() == FILES[name]
    assert all(each.present for each in plan(record, options={}, choice=choice))
    fetch(record, options={}, choice=choice)
    assert asked(site) == names


@pytest.mark.parametrize(
    ("choice", "error", "words"),
    [
        (Choice(parts=("annotation",)), UnknownNameError, "annotations"),
        (Choice(include=("*.nii",)), SettingError, "a.zip"),
    ],
)
def test_a_choice_that_makes_no_sense(
    choice: Choice, error: type[Exception], words: str, record: Record
) -> None:
    with pytest.raises(error, match=words):
        fetch(record, options={}, choice=choice)


def test_no_sample(make_record: Callable[..., Record]) -> None:
    with pytest.raises(SettingError, match="offers no sample"):
        fetch(make_record("http://127.0.0.1/"), options={}, choice=Choice(sample=True))


def test_a_mirror_is_used_and_not_trusted(record: Record, site: Script) -> None:
    contents = {f"/m/toy{path}": content for path, content in FILES.items()}
    contents["/m/toy/b.zip"] = b"something else"
    with scripted(contents) as mirror:
        choice = Choice(mirror=mirror.url("/m/"), include=("a.zip",))
        folder = fetch(record, options={}, choice=choice)
        assert (folder / "a.zip").read_bytes() == FILES["/a.zip"]
        lock = read_lock(folder / "files.lock", "toy")
        assert lock.files["a.zip"].source == mirror.url("/m/toy/a.zip")
        with pytest.raises(ChecksumError, match=r"b\.zip"):
            fetch(record, options={}, choice=Choice(mirror=mirror.url("/m")))
    assert site.asked == []


def test_an_agreement_must_be_accepted_once(
    record: Record, site: Script, settings: Settings
) -> None:
    record = record.model_copy(update={"licence": LicenceRef(id="Stanford-Research-Use")})
    with pytest.raises(GateError) as caught:
        fetch(record, options={})
    assert caught.value.kind == "licence"
    for word in ("Research Use Agreement", "https://", "medshelf fetch toy --accept-licence"):
        assert word in str(caught.value)
    assert site.asked == []
    fetch(record, options={}, choice=Choice(accept_licence=True))
    kept = json.loads((settings.home / "licences" / "toy.json").read_text("utf-8"))["accepted"]
    (one,) = kept
    assert one["version"] == "1.0"
    assert one["sha256"] == hashlib.sha256(one["text"].encode()).hexdigest()
    assert one["accepted_utc"].startswith("20")
    fetch(record, options={}, force=True)
    newer = record.model_copy(update={"version": "2.0"})
    with pytest.raises(GateError):
        fetch(newer, options={}, force=True)


def test_one_bad_file_does_not_keep_the_others(record: Record, site: Script) -> None:
    site.contents["/b.zip"] = b"altered"
    with pytest.raises(ChecksumError, match=r"b\.zip"):
        fetch(record, options={})
    lock = read_lock(Settings.from_environment().raw_folder("toy") / "files.lock", "toy")
    assert sorted(lock.files) == ["a.zip", "labels.csv"]
    site.contents["/b.zip"] = FILES["/b.zip"]
    fetch(record, options={})
    assert asked(site).count("/a.zip") == 1


def test_several_bad_files_are_counted(record: Record, site: Script) -> None:
    site.contents.clear()
    with pytest.raises(DownloadError, match="3 of 3 files did not come"):
        fetch(record, options={})


def test_the_disk_must_hold_everything_before_the_first_byte(record: Record, site: Script) -> None:
    files = tuple(each.model_copy(update={"size_bytes": 10**17}) for each in record.files)
    with pytest.raises(StorageError, match="bytes free"):
        fetch(record.model_copy(update={"files": files}), options={})
    assert site.asked == []


def listing(site: Script, monkeypatch: pytest.MonkeyPatch, **contents: bytes) -> None:
    """Make the site a PhysioNet with one project."""
    site.contents.clear()
    lines = []
    for name, content in contents.items():
        path = name.replace("__", "/")
        site.contents[f"/files/toy/1.0/{path}"] = content
        lines.append(f"{hashlib.sha256(content).hexdigest()} {path}\n")
    site.contents["/files/toy/1.0/SHA256SUMS.txt"] = "".join(lines).encode()
    monkeypatch.setenv("MEDSHELF_PHYSIONET_ENDPOINT", site.url(""))


@pytest.fixture
def listed(make_record: Callable[..., Record]) -> Record:
    return make_record("physionet:toy/1.0", name="*", hash=None, size_bytes=None)


def test_a_list_of_files(
    listed: Record, site: Script, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    listing(site, monkeypatch, p1__a=b"aaa", p2__b=b"bbb", c=b"ccc")
    with pytest.raises(NotFetchedError):
        locate(listed, options={})
    folder = fetch(listed, options={})
    assert (folder / "p2" / "b").read_bytes() == b"bbb"
    assert locate(listed, options={}).folder == folder == settings.raw_folder("toy")
    n_asked = len(site.asked)
    fetch(listed, options={})
    assert len(site.asked) == n_asked
    (folder / "p1" / "a").unlink()
    with pytest.raises(NotFetchedError):
        locate(listed, options={})
    fetch(listed, options={})
    assert asked(site).count("/files/toy/1.0/p1/a") == 2
    assert asked(site).count("/files/toy/1.0/c") == 1


def test_files_that_a_killed_process_had_finished_do_not_come_again(
    listed: Record, site: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing(site, monkeypatch, a=b"aaa", b=b"bbb")
    folder = fetch(listed, options={})
    (folder / "files.lock").unlink()
    (folder / "b").unlink()
    fetch(listed, options={})
    assert asked(site).count("/files/toy/1.0/a") == 1
    assert (folder / "b").read_bytes() == b"bbb"
    assert set(read_lock(folder / "files.lock", "toy").files) >= {"a", "b"}


def test_an_altered_file_of_a_list_is_not_overwritten(
    listed: Record, site: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing(site, monkeypatch, a=b"aaa", b=b"bbb")
    folder = fetch(listed, options={}, choice=Choice(include=("a",)))
    (folder / "b").write_bytes(b"mine")
    with pytest.raises(ChecksumError, match="medshelf fetch toy --force"):
        fetch(listed, options={})
    assert (folder / "b").read_bytes() == b"mine"
    fetch(listed, options={}, force=True)
    assert (folder / "b").read_bytes() == b"bbb"


def test_patterns_over_a_list_do_not_make_it_whole(
    listed: Record, site: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing(site, monkeypatch, p1__a=b"aaa", p2__b=b"bbb")
    folder = fetch(listed, options={}, choice=Choice(include=("p1/*",)))
    assert (folder / "p1" / "a").exists()
    assert not (folder / "p2").exists()
    with pytest.raises(NotFetchedError):
        locate(listed, options={})


@pytest.mark.parametrize("name", ["..__x", "a__..__..__x", "a\\x", "C:x", "a__"])
def test_a_listed_name_cannot_leave_the_folder(
    name: str, listed: Record, site: Script, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    listing(site, monkeypatch, **{name: b"evil"})
    with pytest.raises((LayoutError, DownloadError)):
        fetch(listed, options={})
    assert not (settings.home / "raw" / "x").exists()


def test_a_gate_names_the_command(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted({}) as server:
        server.steps = [refuse_all(403)] * 3
        monkeypatch.setenv("MEDSHELF_PHYSIONET_ENDPOINT", server.url(""))
        files = tuple(
            each.model_copy(update={"url": "physionet:toy/1.0/a"}) for each in record.files[:1]
        )
        with pytest.raises(GateError) as caught:
            fetch(record.model_copy(update={"files": files}), options={})
    assert "then run: medshelf fetch toy" in str(caught.value)
