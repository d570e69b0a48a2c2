"""Where files are looked for, in which order, and what is said of altered ones."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from medshelf.acquire.standing.locate import fetch_command, locate
from medshelf.catalog.record import Record
from medshelf.catalog.shelf import find_record
from medshelf.core.errors import ChecksumError, NotFetchedError
from medshelf.core.settings import Settings
from tests.acquire.misbehaving_server import CONTENT, CONTENT_MD5, OTHER_CONTENT, OTHER_MD5

URL = "http://127.0.0.1/toy.npz"
ALTERED_MD5 = "md5:f5b994ec7c2fe8bc81ae15cbab7c3df8"
OFFICIAL_MD5 = "md5:28209eda62fecd6e6a2d98b1501bb15f"


@pytest.fixture
def record(make_record: Callable[..., Record]) -> Record:
    return make_record(URL)


@pytest.fixture
def pair(record: Record) -> Record:
    """A record whose variant needs two files."""
    (first,) = record.files
    name, content = "labels.csv", OTHER_CONTENT
    second = first.model_copy(update={"name": name, "hash": OTHER_MD5, "size_bytes": len(content)})
    return record.model_copy(update={"files": (first, second)})


def put(folder: Path, content: bytes = CONTENT, name: str = "toy.npz") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder


def places(settings: Settings) -> list[Path]:
    data, medmnist = settings.search_path
    return [settings.raw_folder("toy"), data, data / "toy", medmnist, medmnist / "toy"]


@pytest.mark.parametrize("first", range(5))
def test_the_first_place_wins(first: int, record: Record, settings: Settings) -> None:
    for folder in places(settings)[first:]:
        put(folder)
    located = locate(record, options={}, settings=settings)
    assert located.folder == places(settings)[first]
    assert not located.modified
    assert located.digests == {"toy.npz": CONTENT_MD5}


def test_the_environment_is_read_by_default(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDSHELF_DATA", os.pathsep.join([str(tmp_path / "a"), str(tmp_path / "b")]))
    folder = put(tmp_path / "b")
    assert locate(record, options={}).folder == folder


@pytest.mark.parametrize("folder", [".", "toy"])
def test_a_root_holds_the_files_or_a_folder_of_the_id(
    folder: str, record: Record, settings: Settings, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    put(root / folder)
    assert locate(record, options={}, root=root, settings=settings).folder == root / folder


def test_with_a_root_nothing_else_is_searched(
    record: Record, settings: Settings, tmp_path: Path
) -> None:
    for folder in places(settings):
        put(folder)
    root = tmp_path / "root"
    with pytest.raises(NotFetchedError) as caught:
        locate(record, options={}, root=root, settings=settings)
    text = str(caught.value)
    assert f"(searched: {root}, {root / 'toy'})" in text
    assert f"medshelf fetch toy --root {root}" in text


def test_nothing_found(record: Record, settings: Settings) -> None:
    with pytest.raises(NotFetchedError) as caught:
        locate(record, options={}, settings=settings)
    text = str(caught.value)
    assert "toy.npz of dataset 'toy'" in text
    assert all(str(folder) in text for folder in places(settings))
    assert "medshelf fetch toy;" in text
    assert "MEDSHELF_DATA" in text


def test_the_command_names_the_variant() -> None:
    record = find_record("breastmnist")
    assert fetch_command(record, {"size": "64"}) == "medshelf fetch breastmnist --size 64"


def test_a_published_copy_is_preferred_to_an_altered_one(
    record: Record, settings: Settings
) -> None:
    home, data, *_ = places(settings)
    put(home, OTHER_CONTENT)
    put(data)
    for allow_modified in (False, True):
        located = locate(record, options={}, allow_modified=allow_modified, settings=settings)
        assert located.folder == data
        assert not located.modified


def test_only_altered_copies(record: Record, settings: Settings) -> None:
    home, data, *_ = places(settings)
    put(home, OTHER_CONTENT)
    put(data, b"something else")
    with pytest.raises(ChecksumError) as caught:
        locate(record, options={}, settings=settings)
    text = str(caught.value)
    assert str(home / "toy.npz") in text
    assert CONTENT_MD5 in text
    assert OTHER_MD5 in text
    assert "medshelf fetch toy --force" in text
    assert "--allow-modified" in text
    assert "allow_modified=True" in text


def test_an_altered_copy_is_opened_on_demand_and_marked(record: Record, settings: Settings) -> None:
    home = put(places(settings)[0], OTHER_CONTENT)
    located = locate(record, options={}, allow_modified=True, settings=settings)
    assert located.folder == home
    assert located.modified
    assert located.digests == {"toy.npz": OTHER_MD5}


def test_without_a_published_hash_the_digest_is_still_known(
    make_record: Callable[..., Record], settings: Settings
) -> None:
    put(places(settings)[1], OTHER_CONTENT)
    located = locate(make_record(URL, hash=None, size_bytes=None), options={}, settings=settings)
    assert not located.modified
    assert located.digests == {"toy.npz": OTHER_MD5}


def test_a_published_sha256_gives_an_md5_too(
    make_record: Callable[..., Record], settings: Settings
) -> None:
    put(places(settings)[0])
    published = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    located = locate(make_record(URL, hash=published), options={}, settings=settings)
    assert located.digests == {"toy.npz": CONTENT_MD5}


def test_all_files_must_lie_in_one_folder(pair: Record, settings: Settings) -> None:
    home, data, *_ = places(settings)
    put(home)
    put(data, OTHER_CONTENT, "labels.csv")
    with pytest.raises(NotFetchedError, match=r"labels\.csv of dataset 'toy'"):
        locate(pair, options={}, settings=settings)
    put(data)
    located = locate(pair, options={}, settings=settings)
    assert located.folder == data
    assert located.digests == {"toy.npz": CONTENT_MD5, "labels.csv": OTHER_MD5}


def test_only_the_variant_is_asked_for(settings: Settings) -> None:
    with pytest.raises(NotFetchedError, match=r"breastmnist_64\.npz of dataset") as caught:
        locate(find_record("breastmnist"), options={"size": "64"}, settings=settings)
    assert "medshelf fetch breastmnist --size 64" in str(caught.value)


def test_real_files_are_verified(real_data: Path, settings: Settings) -> None:
    for dataset in ("breastmnist", "adrenalmnist3d"):
        record = find_record(dataset)
        located = locate(record, options={"size": "28"}, root=real_data, settings=settings)
        assert located.digests == {f"{dataset}.npz": record.select(size="28")[0].hash}


def test_a_real_altered_file_is_noticed(altered_data: Path, settings: Settings) -> None:
    record = find_record("pneumoniamnist")
    settings = replace(settings, search_path=(altered_data,))
    with pytest.raises(ChecksumError) as caught:
        locate(record, options={"size": "28"}, settings=settings)
    text = str(caught.value)
    assert f"{altered_data / 'pneumoniamnist.npz'} is not the published file" in text
    assert f"{ALTERED_MD5}, not {OFFICIAL_MD5}" in text
    assert "medshelf fetch pneumoniamnist --size 28 --force" in text
    located = locate(record, options={"size": "28"}, allow_modified=True, settings=settings)
    assert located.modified
    assert located.digests == {"pneumoniamnist.npz": ALTERED_MD5}
