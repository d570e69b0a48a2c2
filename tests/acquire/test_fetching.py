"""From record to verified files: nothing twice, nothing wrong, nothing overwritten."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from medshelf.acquire.fetch import fetch, plan
from medshelf.acquire.standing.locate import locate
from medshelf.acquire.standing.verify import Status
from medshelf.catalog.record import FileRecord, Record
from medshelf.core.errors import (
    ChecksumError,
    DownloadError,
    LayoutError,
    OfflineError,
    StorageError,
    UnknownNameError,
)
from medshelf.core.settings import Settings
from tests.acquire.misbehaving_server import (
    CONTENT,
    CONTENT_MD5,
    OTHER_CONTENT,
    OTHER_MD5,
    MisbehavingServer,
)

SHARED = ["toy.citation.bib", "toy.files.lock", "toy.licence.txt", "toy.npz", "toy.npz.source.json"]
VISIBLE = ["files.lock", "toy.citation.bib", "toy.licence.txt", "toy.npz", "toy.npz.source.json"]


@pytest.fixture
def record(make_record: Callable[..., Record], server: MisbehavingServer) -> Record:
    return make_record(server.url("normal"))


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def put(folder: Path, content: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "toy.npz").write_bytes(content)
    return folder


def test_a_file_comes_home_with_its_provenance(record: Record, settings: Settings) -> None:
    folder = fetch(record, options={})
    assert folder == settings.raw_folder("toy")
    assert (folder / "toy.npz").read_bytes() == CONTENT
    assert visible(folder) == VISIBLE
    source = json.loads((folder / "toy.npz.source.json").read_text("utf-8"))
    assert source["url"] == record.files[0].url
    assert source["hash"] == CONTENT_MD5
    assert source["size_bytes"] == len(CONTENT)
    assert locate(record, options={}).folder == folder


def test_a_root_is_fetched_into(record: Record, tmp_path: Path, settings: Settings) -> None:
    root = tmp_path / "some" / "root"
    assert fetch(record, options={}, root=root) == root
    assert visible(root) == SHARED
    assert not settings.home.exists()


def test_only_the_files_of_the_variant_come(
    make_record: Callable[..., Record], server: MisbehavingServer
) -> None:
    small = make_record(server.url("normal"), options={"size": "28"})
    large = FileRecord(
        name="toy_64.npz", url=server.url("normal", "toy_64.npz"), options={"size": "64"}
    )
    record = small.model_copy(update={"files": (*small.files, large)})
    folder = fetch(record, options={"size": "64"})
    assert not (folder / "toy.npz").exists()
    assert (folder / "toy_64.npz").read_bytes() == CONTENT
    fetch(record, options={"size": "28"})
    assert (folder / "toy.npz").read_bytes() == CONTENT


def test_a_second_fetch_asks_nothing(record: Record, server: MisbehavingServer) -> None:
    fetch(record, options={})
    fetch(record, options={})
    assert len(server.requests) == 1


def test_force_fetches_again(record: Record, server: MisbehavingServer) -> None:
    fetch(record, options={})
    fetch(record, options={}, force=True)
    assert [request.n_bytes for request in server.requests] == [len(CONTENT)] * 2


def test_a_verified_file_of_the_search_path_is_enough(
    record: Record, server: MisbehavingServer, settings: Settings
) -> None:
    folder = put(settings.search_path[0], CONTENT)
    assert fetch(record, options={}) == folder
    assert visible(folder) == ["toy.npz"]
    assert server.requests == []


def test_an_altered_file_of_the_search_path_is_left_alone(
    record: Record, settings: Settings
) -> None:
    data = put(settings.search_path[0], OTHER_CONTENT)
    assert fetch(record, options={}) == settings.raw_folder("toy")
    assert (data / "toy.npz").read_bytes() == OTHER_CONTENT
    assert visible(data) == ["toy.npz"]


@pytest.mark.parametrize("with_root", [False, True])
def test_an_altered_file_is_not_overwritten(
    with_root: bool,
    record: Record,
    server: MisbehavingServer,
    settings: Settings,
    tmp_path: Path,
) -> None:
    root = tmp_path / "root" if with_root else None
    folder = put(root or settings.raw_folder("toy"), OTHER_CONTENT)
    with pytest.raises(ChecksumError) as caught:
        fetch(record, options={}, root=root)
    text = str(caught.value)
    assert f"{folder / 'toy.npz'} is not the published file: {OTHER_MD5}, not {CONTENT_MD5}" in text
    command = f"medshelf fetch toy --root {root} --force" if root else "medshelf fetch toy --force"
    assert command in text
    assert (folder / "toy.npz").read_bytes() == OTHER_CONTENT
    assert server.requests == []
    fetch(record, options={}, root=root, force=True)
    assert (folder / "toy.npz").read_bytes() == CONTENT
    assert visible(folder) == (SHARED if root else VISIBLE)


def test_force_that_fails_keeps_what_lies_there(
    make_record: Callable[..., Record], server: MisbehavingServer, settings: Settings
) -> None:
    folder = put(settings.raw_folder("toy"), OTHER_CONTENT)
    with pytest.raises(DownloadError):
        fetch(make_record(server.url("404")), options={}, force=True)
    assert (folder / "toy.npz").read_bytes() == OTHER_CONTENT


@pytest.mark.parametrize("behaviour", ["wrong-bytes", "changes-unsaid"])
def test_wrong_bytes_never_take_the_name(
    behaviour: str,
    make_record: Callable[..., Record],
    server: MisbehavingServer,
    settings: Settings,
) -> None:
    record = make_record(server.url(behaviour))
    with pytest.raises(ChecksumError) as caught:
        fetch(record, options={})
    text = str(caught.value)
    for word in ("toy.npz.part is not the published", CONTENT_MD5, "deleted", "Fetch again"):
        assert word in text
    assert server.url(behaviour) in text
    assert visible(settings.raw_folder("toy")) == []


def test_after_wrong_bytes_a_second_fetch_begins_anew(
    make_record: Callable[..., Record], server: MisbehavingServer
) -> None:
    record = make_record(server.url("changes-unsaid"))
    with pytest.raises(ChecksumError):
        fetch(record, options={})
    folder = fetch(record, options={})
    assert (folder / "toy.npz").read_bytes() == CONTENT


def test_without_published_hash_and_length(
    make_record: Callable[..., Record], server: MisbehavingServer
) -> None:
    record = make_record(server.url("normal"), hash=None, size_bytes=None)
    folder = fetch(record, options={})
    source = json.loads((folder / "toy.npz.source.json").read_text("utf-8"))
    assert source["hash"] == CONTENT_MD5
    assert not source["hash_published"]
    assert source["size_bytes"] == len(CONTENT)
    fetch(record, options={})
    assert len(server.requests) == 1


def test_offline(
    record: Record,
    server: MisbehavingServer,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MEDSHELF_OFFLINE", "1")
    with pytest.raises(OfflineError, match="MEDSHELF_OFFLINE"):
        fetch(record, options={})
    put(settings.raw_folder("toy"), CONTENT)
    assert fetch(record, options={}) == settings.raw_folder("toy")
    assert server.requests == []


def test_a_folder_that_cannot_be_made(
    record: Record, server: MisbehavingServer, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError) as caught:
        fetch(record, options={}, root=tmp_path / "file" / "root")
    assert str(tmp_path / "file") in str(caught.value)
    assert "permissions" in str(caught.value)
    assert server.requests == []


def test_a_read_only_root(record: Record, mount_disk: Callable[[str], Path]) -> None:
    disk = mount_disk("ro")
    with pytest.raises(StorageError) as caught:
        fetch(record, options={}, root=disk)
    assert "Read-only file system" in str(caught.value)
    assert str(disk) in str(caught.value)


def test_a_full_disk_leaves_no_file(record: Record, mount_disk: Callable[[str], Path]) -> None:
    disk = mount_disk("size=200k")
    with pytest.raises(StorageError, match="Free some disk space"):
        fetch(record, options={}, root=disk)
    assert not (disk / "toy.npz").exists()


@pytest.mark.parametrize("name", ["../toy.npz", "/tmp/toy.npz", "a/b", "..", ".", ""])
def test_a_name_cannot_leave_the_folder(
    name: str, record: Record, server: MisbehavingServer, settings: Settings
) -> None:
    (file,) = record.files
    record = record.model_copy(update={"files": (file.model_copy(update={"name": name}),)})
    for act in (fetch, plan):
        with pytest.raises(LayoutError) as caught:
            act(record, options={})
        assert repr(name) in str(caught.value)
        assert "Correct the record" in str(caught.value)
    assert server.requests == []
    assert not settings.home.exists()


def test_an_unknown_kind_of_address(make_record: Callable[..., Record]) -> None:
    with pytest.raises(UnknownNameError) as caught:
        fetch(make_record("gopher://127.0.0.1/toy.npz"), options={})
    assert "gopher://127.0.0.1/toy.npz" in str(caught.value)
    assert "https" in str(caught.value)


def test_a_plan_opens_no_connection_and_writes_no_data(
    record: Record, server: MisbehavingServer, settings: Settings
) -> None:
    (planned,) = plan(record, options={})
    assert planned.target == settings.raw_folder("toy") / "toy.npz"
    assert (planned.name, planned.url) == ("toy.npz", server.url("normal"))
    assert (planned.size_bytes, planned.hash) == (len(CONTENT), CONTENT_MD5)
    assert planned.status is None
    assert not planned.present
    assert server.requests == []
    assert not settings.home.exists()


def test_a_plan_with_a_root(record: Record, tmp_path: Path) -> None:
    (planned,) = plan(record, options={}, root=tmp_path / "root")
    assert planned.target == tmp_path / "root" / "toy.npz"


@pytest.mark.parametrize(
    ("content", "fields", "status", "present"),
    [
        (CONTENT, {}, Status.VERIFIED, True),
        (OTHER_CONTENT, {}, Status.MODIFIED, False),
        (OTHER_CONTENT, {"hash": None, "size_bytes": None}, Status.UNPUBLISHED, True),
    ],
)
def test_a_plan_tells_what_lies_there(
    content: bytes,
    fields: dict[str, None],
    status: Status,
    present: bool,
    make_record: Callable[..., Record],
    settings: Settings,
) -> None:
    put(settings.raw_folder("toy"), content)
    (planned,) = plan(make_record("http://127.0.0.1/toy.npz", **fields), options={})
    assert planned.status is status
    assert planned.present is present


def test_a_plan_finds_the_search_path(record: Record, settings: Settings, tmp_path: Path) -> None:
    settings = replace(settings, search_path=(put(tmp_path / "elsewhere", CONTENT),))
    (planned,) = plan(record, options={}, settings=settings)
    assert planned.target == tmp_path / "elsewhere" / "toy.npz"
    assert planned.present
