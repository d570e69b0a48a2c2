"""What only the user can bring: the steps that are printed are done as they are printed."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from medshelf.acquire.fetch import fetch
from medshelf.acquire.selection import Choice
from medshelf.acquire.standing.checking import check_folder
from medshelf.catalog.record import Record
from medshelf.core.errors import ChecksumError, GateError, NotFetchedError
from medshelf.core.settings import Settings
from tests.acquire.misbehaving_server import CONTENT, MisbehavingServer

_RECORD = """
id: toy-cxr
name: Toy
group: chest
dimensions: [2D]
modalities: [x-ray]
tasks: [classification]
homepage: https://example.org/toy
access: registration
licence: {id: CC-BY-4.0}
"""


def medshelf(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "medshelf", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "records"
    folder.mkdir()
    monkeypatch.setenv("MEDSHELF_RECORDS", str(folder))
    return folder


@pytest.mark.parametrize(
    "files", ["", "files: [{name: '*', url: 'manual:synapse/syn1'}]"], ids=["no files", "a list"]
)
def test_the_printed_steps_lead_to_a_verified_dataset(files: str, records: Path) -> None:
    (records / "toy-cxr.yaml").write_text(_RECORD + files, "utf-8")
    gate = medshelf("fetch", "toy-cxr").stderr
    found = re.search(r"[Pp]ut (?:it|what comes) into (\S+) \(.*then run: (.+)\.\n", gate)
    assert found is not None, gate
    folder, command = Path(found[1]), shlex.split(found[2])
    assert command[0] == "medshelf"
    (folder / "p1").mkdir(parents=True)
    (folder / "p1" / "a.png").write_bytes(b"image")
    with zipfile.ZipFile(folder / "masks.zip", "w") as archive:
        archive.writestr("a.png", b"mask")
    done = medshelf(*command[1:])
    assert (done.returncode, done.stdout) == (0, f"{folder}\n"), done.stderr
    assert medshelf("verify", "toy-cxr").stderr == "2 verified\n"
    locked = json.loads((folder / "files.lock").read_text("utf-8"))["files"]
    assert sorted(locked) == ["masks.zip", "p1/a.png"]
    assert list(locked["masks.zip"]["members"]) == ["a.png"]


def test_files_that_stay_elsewhere(records: Path, tmp_path: Path) -> None:
    (records / "toy-cxr.yaml").write_text(_RECORD, "utf-8")
    gate = medshelf("fetch", "toy-cxr").stderr
    assert "medshelf adopt toy-cxr FOLDER" in gate
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "a.zip").write_bytes(b"PK")
    assert medshelf("adopt", "toy-cxr", str(mine)).returncode == 0
    assert medshelf("fetch", "toy-cxr").stdout == f"{mine}\n"
    assert medshelf("where", "toy-cxr").stdout.startswith(str(mine))
    assert [each.name for each in sorted(mine.iterdir())] == ["a.zip"]


@pytest.fixture
def record(make_record: Callable[..., Record]) -> Record:
    return make_record("manual:synapse/syn1", name="*", hash=None, size_bytes=None)


def place(folder: Path, **contents: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)


def states(record: Record, folder: Path, settings: Settings) -> dict[str, str]:
    return {each.name: str(each.state) for each in check_folder(record, folder, settings)}


def test_what_comes_later_is_taken_too(record: Record, settings: Settings) -> None:
    folder = settings.raw_folder("toy")
    place(folder, one=b"1")
    assert fetch(record, options={}) == folder
    place(folder, two=b"22")
    assert states(record, folder, settings) == {"one": "verified", "two": "extra"}
    assert fetch(record, options={}) == folder
    assert states(record, folder, settings) == {"one": "verified", "two": "verified"}


def test_what_has_gone_is_missed_until_it_is_given_up(record: Record, settings: Settings) -> None:
    folder = settings.raw_folder("toy")
    place(folder, one=b"1", two=b"22")
    fetch(record, options={})
    (folder / "one").unlink()
    with pytest.raises(NotFetchedError, match=r"one of (?s:.*): medshelf fetch toy --force"):
        fetch(record, options={})
    assert fetch(record, options={}, force=True) == folder
    assert states(record, folder, settings) == {"two": "verified"}


def test_a_changed_file_is_taken_anew_only_by_force(record: Record, settings: Settings) -> None:
    folder = settings.raw_folder("toy")
    place(folder, one=b"1")
    fetch(record, options={})
    place(folder, one=b"2")
    fetch(record, options={})
    assert states(record, folder, settings) == {"one": "changed"}
    place(folder, one=b"22")
    with pytest.raises(ChecksumError, match=r"2 bytes, not 1 bytes(?s:.*) fetch toy --force"):
        fetch(record, options={})
    assert states(record, folder, settings) == {"one": "changed"}
    fetch(record, options={}, force=True)
    assert states(record, folder, settings) == {"one": "verified"}


def test_a_fetched_file_that_grew_is_not_taken_for_the_publishers(
    make_record: Callable[..., Record], server: MisbehavingServer
) -> None:
    record = make_record(server.url("normal"), hash=None, size_bytes=None)
    folder = fetch(record, options={})
    (folder / "toy.npz").write_bytes(CONTENT + b"x")
    with pytest.raises(ChecksumError, match="fetch toy --force"):
        fetch(record, options={})
    fetch(record, options={}, force=True)
    assert (folder / "toy.npz").read_bytes() == CONTENT


def test_into_a_folder_of_ones_own(record: Record, settings: Settings, tmp_path: Path) -> None:
    root = tmp_path / "mine"
    with pytest.raises(GateError, match=f"into {root} .*medshelf fetch toy --root {root}"):
        fetch(record, options={}, root=root)
    place(root, one=b"1")
    assert fetch(record, options={}, root=root) == root
    assert states(record, root, settings) == {"one": "verified"}


def test_one_named_file_is_locked_with_its_members(
    make_record: Callable[..., Record], settings: Settings
) -> None:
    record = make_record(
        "manual:synapse/syn1", name="raw.zip", hash=None, size_bytes=None, archive=True
    )
    folder = settings.raw_folder("toy")
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "raw.zip", "w") as archive:
        archive.writestr("a.png", b"1")
    assert fetch(record, options={}) == folder
    assert states(record, folder, settings) == {"raw.zip": "verified"}
    with zipfile.ZipFile(folder / "raw.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", b"1")
    assert states(record, folder, settings) == {"raw.zip": "repacked"}


def test_a_placed_file_of_another_length_is_refused(
    make_record: Callable[..., Record], settings: Settings
) -> None:
    record = make_record("manual:synapse/syn1", name="raw.zip", hash=None, size_bytes=5)
    place(settings.raw_folder("toy"), **{"raw.zip": b"1234"})
    with pytest.raises(ChecksumError, match="4 bytes, not 5 bytes"):
        fetch(record, options={})


def test_only_what_is_asked_for_must_lie_there(record: Record, settings: Settings) -> None:
    place(settings.raw_folder("toy"), **{"a.csv": b"1"})
    table, picture = (Choice(include=(each,)) for each in ("*.csv", "*.png"))
    fetch(record, options={}, choice=table)
    with pytest.raises(GateError, match="by hand"):
        fetch(record, options={}, choice=picture)
