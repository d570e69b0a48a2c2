"""What is written beside fetched files."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from medshelf import __version__
from medshelf.acquire.standing.provenance import licence_text, terms_text, write_source, write_terms
from medshelf.catalog.licence import licence_of
from medshelf.catalog.parts import LicenceRef
from medshelf.catalog.record import Record
from medshelf.catalog.shelf import dataset_ids, find_record
from medshelf.core.errors import StorageError
from tests.acquire.misbehaving_server import CONTENT_MD5

URL = "http://127.0.0.1/toy.npz"


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        ("breastmnist", ["CC-BY-4.0", "Attribution 4.0", "/by/4.0/", "cite the works"]),
        ("dermamnist", ["CC-BY-NC-4.0", "/by-nc/4.0/", "cite the works", "commercial purposes"]),
        ("phantom-grey-binary", ["CC0-1.0", "/zero/1.0/", "Nothing is asked"]),
    ],
)
def test_licences(dataset: str, words: list[str]) -> None:
    text = licence_text(find_record(dataset))
    for word in (*words, "Not for clinical use."):
        assert word in text
    assert ("commercial" in text) == (dataset == "dermamnist")


@pytest.mark.parametrize("dataset", dataset_ids())
def test_every_record_has_terms(dataset: str) -> None:
    record = find_record(dataset)
    text = terms_text(record)
    licence = licence_of(record)
    if licence is None:
        assert "Licence: not known" in text
        assert str(record.homepage) in text
    else:
        assert licence.id in text
        assert (licence.url or "") in text
    assert (record.bibtex or "").strip() in text
    assert all(each.en in text for each in record.limitations)


def test_an_unknown_licence_sends_to_the_homepage(make_record: Callable[..., Record]) -> None:
    record = make_record(URL).model_copy(update={"licence": LicenceRef(id="odd")})
    text = licence_text(record)
    assert "Licence: odd" in text
    assert "https://example.org/toy" in text
    assert "Not for clinical use." in text


def test_terms_are_written_once(make_record: Callable[..., Record], tmp_path: Path) -> None:
    record = make_record(URL)
    write_terms(record, tmp_path)
    licence = tmp_path / "toy.licence.txt"
    assert licence.read_text("utf-8") == licence_text(record)
    assert "@misc{toy" in (tmp_path / "toy.citation.bib").read_text("utf-8")
    before = licence.stat().st_mtime_ns
    write_terms(record, tmp_path)
    assert licence.stat().st_mtime_ns == before


def test_damaged_terms_are_mended(make_record: Callable[..., Record], tmp_path: Path) -> None:
    record = make_record(URL)
    (tmp_path / "toy.licence.txt").write_bytes(b"\xff")
    write_terms(record, tmp_path)
    assert "CC-BY-4.0" in (tmp_path / "toy.licence.txt").read_text("utf-8")


def test_nothing_to_cite_is_no_file(tmp_path: Path) -> None:
    write_terms(find_record("phantom-grey-binary"), tmp_path)
    assert (tmp_path / "phantom-grey-binary.licence.txt").exists()
    assert not list(tmp_path.glob("*.bib"))


def test_source(make_record: Callable[..., Record], tmp_path: Path) -> None:
    record = make_record(URL)
    write_source(
        record, record.files[0], tmp_path / "toy.npz", digest=CONTENT_MD5, size_bytes=300_000
    )
    fields = json.loads((tmp_path / "toy.npz.source.json").read_text("utf-8"))
    moment = datetime.fromisoformat(fields.pop("fetched_utc"))
    assert timedelta(0) <= datetime.now(UTC) - moment < timedelta(minutes=1)
    assert fields == {
        "dataset": "toy",
        "version": "1.0",
        "url": URL,
        "hash": CONTENT_MD5,
        "hash_published": True,
        "size_bytes": 300_000,
        "medshelf": __version__,
    }


def test_a_folder_that_cannot_be_written(
    make_record: Callable[..., Record], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="permissions"):
        write_terms(make_record(URL), tmp_path / "file" / "folder")
