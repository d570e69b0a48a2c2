"""The host that generates its files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medshelf.acquire.fetch import fetch as acquire
from medshelf.acquire.hosts.phantom import fetch
from medshelf.catalog.facts import manifest_meta
from medshelf.catalog.record import FileRecord, Record
from medshelf.catalog.shelf import dataset_ids, find_record
from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.core.manifest import SPLITS
from medshelf.core.settings import Settings
from medshelf.formats.npz import read_headers
from medshelf.imaging.phantom import make_phantom
from medshelf.readers.medmnist_npz import read

KEYS = [f"{split}_{part}" for split in SPLITS for part in ("images", "labels")]
PHANTOM_FILES = [
    pytest.param(record, file, id=file.name)
    for record in map(find_record, dataset_ids())
    for file in record.files
    if file.url.startswith("phantom:")
]


@pytest.fixture
def offline() -> Settings:
    return replace(Settings.from_environment(), offline=True)


def file_record(**fields: object) -> FileRecord:
    known = {"name": "p.npz", "url": "phantom:phantom-grey-binary", "options": {"size": "28"}}
    return FileRecord.model_validate(known | fields)


def test_the_catalog_has_twenty_phantom_files() -> None:
    assert len(PHANTOM_FILES) == 20


@pytest.mark.parametrize(("record", "file"), PHANTOM_FILES)
def test_files_are_as_their_records_say(
    record: Record, file: FileRecord, tmp_path: Path, offline: Settings
) -> None:
    assert file.url == f"phantom:{record.id}"
    target = tmp_path / file.name
    fetch(file, target, offline)
    headers = read_headers(target)
    assert list(headers) == KEYS
    edge = int(file.options["size"])
    for split, n_samples in record.splits.items():
        shape = headers[f"{split}_images"].shape
        assert shape[: 1 + record.n_spatial] == (n_samples, *(edge,) * record.n_spatial)
    manifest = read(tmp_path, manifest_meta(record, **file.options), **file.options)
    assert manifest.meta.issues == ()
    assert manifest.n_samples() == sum(record.splits.values())


def test_arrays_are_the_generated_ones(tmp_path: Path, offline: Settings) -> None:
    target = tmp_path / "p.npz"
    fetch(file_record(url="phantom:phantom-rgb-ordinal", options={"size": "64"}), target, offline)
    with np.load(target) as arrays:
        for split in SPLITS:
            images, labels = make_phantom("phantom-rgb-ordinal", split, size=64)
            np.testing.assert_array_equal(arrays[f"{split}_images"], images)
            np.testing.assert_array_equal(arrays[f"{split}_labels"], labels)


def test_file_is_the_same_each_time(tmp_path: Path, offline: Settings) -> None:
    for name in ("a.npz", "b.npz"):
        fetch(file_record(), tmp_path / name, offline)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.glob("*.npz*")) == ["a.npz", "b.npz"]


def test_acquire_finds_the_host_offline(offline: Settings) -> None:
    record = find_record("phantom-3d-binary")
    folder = acquire(record, options={"size": "28"}, settings=offline)
    assert folder == offline.raw_folder(record.id)
    assert list(read_headers(folder / "phantom-3d-binary.npz")) == KEYS


def test_unknown_set_is_refused(tmp_path: Path, offline: Settings) -> None:
    with pytest.raises(UnknownNameError, match="phantom-gray-binary") as caught:
        fetch(file_record(url="phantom:phantom-gray-binary"), tmp_path / "p.npz", offline)
    assert "phantom-grey-binary" in caught.value.remedy
    assert not (tmp_path / "p.npz").exists()


@pytest.mark.parametrize("options", [{}, {"size": "large"}, {"size": "-28"}, {"size": "2"}])
def test_sizes_that_make_no_sense_are_refused(
    options: dict[str, str], tmp_path: Path, offline: Settings
) -> None:
    with pytest.raises(SettingError):
        fetch(file_record(options=options), tmp_path / "p.npz", offline)
    assert not (tmp_path / "p.npz").exists()
