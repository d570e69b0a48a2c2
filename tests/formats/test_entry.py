"""One file of a raw tree: bytes and JSON, loose or in an archive, and never from outside."""

from __future__ import annotations

import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from medshelf.core.errors import FormatError, LayoutError
from medshelf.formats.entry import Entry, read_bytes, read_json, read_object
from medshelf.formats.tables import read_table

DOCUMENT = {"名": ["肺"], "n": 1}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    (folder / "in").mkdir(parents=True)
    (tmp_path / "secret.json").write_text("{}")
    data = b"\xef\xbb\xbf" + json.dumps(DOCUMENT, ensure_ascii=False).encode()
    (folder / "in/a.json").write_bytes(data)
    with zipfile.ZipFile(folder / "z.zip", "w") as archive:
        archive.writestr("in/a.json", data)
        archive.writestr("t.csv", "a,b\n1,2\n")
    with tarfile.open(folder / "t.tar.gz", "w:gz") as archive:
        archive.add(folder / "in/a.json", "a.json")
    return folder


PLACES = [Entry("in/a.json"), Entry("z.zip", "in/a.json"), Entry("t.tar.gz", "a.json")]


@pytest.mark.parametrize("entry", PLACES)
def test_loose_files_and_members_read_alike(root: Path, entry: Entry) -> None:
    assert read_json(root, entry) == DOCUMENT
    assert read_object(root, entry, 名=list, n=int) == DOCUMENT
    data = (root / "in/a.json").read_bytes()
    assert read_bytes(root, *entry) == data
    source = entry.source(root)
    assert (source.read_bytes() if isinstance(source, Path) else source) == data


def test_a_member_as_a_table(root: Path) -> None:
    entry = Entry("z.zip", "t.csv")
    assert entry.location == "z.zip/t.csv"
    assert read_table(entry.source(root), name=root / entry.location).rows() == [("1", "2")]


@pytest.mark.parametrize(
    "path", ["../secret.json", "in/../../secret.json", "/etc/hostname", "a\0b"]
)
def test_paths_out_of_the_root_are_refused(root: Path, path: str) -> None:
    with pytest.raises(LayoutError, match="leads out of"):
        Entry(path).source(root)
    with pytest.raises(LayoutError, match="leads out of"):
        read_bytes(root, path)
    with pytest.raises(LayoutError, match="leads out of"):
        read_bytes(root, path, "a.json")


def test_what_cannot_be_read_says_why(root: Path) -> None:
    for entry in (Entry("none.json"), Entry("z.zip", "none.json"), Entry("in/a.json", "x")):
        with pytest.raises(FormatError) as caught:
            read_json(root, entry)
        assert str(root / entry.path) in str(caught.value)
    with pytest.raises(FormatError):
        read_bytes(root, "in")
    with pytest.raises(FormatError, match="bytes, more than 10"):
        read_bytes(root, "in/a.json", max_bytes=10)
    with pytest.raises(FormatError):
        read_bytes(root, "z.zip", "in/a.json", max_bytes=10)


@pytest.mark.parametrize("data", [b"", b"{", b'{"a": 1}}', b"\xff", b"[" * 1_000_000])
def test_what_is_no_json_is_refused(root: Path, data: bytes) -> None:
    (root / "b.json").write_bytes(data)
    with pytest.raises(FormatError, match=r"b\.json: not JSON"):
        read_json(root, Entry("b.json"))


@pytest.mark.parametrize("document", ["[]", '["a"]', "1", "null", '"text"'])
def test_an_object_is_asked_for(root: Path, document: str) -> None:
    (root / "b.json").write_text(document)
    with pytest.raises(LayoutError, match=r"b\.json: it holds no object but a"):
        read_object(root, Entry("b.json"))


@pytest.mark.parametrize("keys", [{"x": list}, {"n": list}])
def test_keys_and_their_types_are_checked(root: Path, keys: dict[str, type]) -> None:
    with pytest.raises(LayoutError, match=r"a\.json: there is no '[xn]' that is a list"):
        read_object(root, PLACES[0], **keys)
