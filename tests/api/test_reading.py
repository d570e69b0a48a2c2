"""From a raw tree to its manifest: found, kept, read again when something has changed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

import medshelf
from medshelf.catalog.shelf import find_record
from medshelf.core.errors import LayoutError, NotFetchedError, SettingError, UnsupportedError
from tests.contract.making import picture

RECORD = """\
id: toy-x-ray
name: Toy X-ray
group: chest
domain: medical
dimensions: [2D]
modalities: [x-ray]
tasks: [classification]
sample_unit: image
access: open
sources:
  - {name: this test}
label_tasks:
  - {kind: binary, classes: [normal, pneumonia]}
reader: {name: class-folders}
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the raw tree of a dataset that only this test knows."""
    records = tmp_path / "records"
    records.mkdir()
    (records / "toy-x-ray.yaml").write_text(RECORD, "utf-8")
    monkeypatch.setenv("MEDSHELF_RECORDS", str(records))
    root = tmp_path / "data" / "toy-x-ray"
    picture(root / "normal/1.png", 10)
    picture(root / "pneumonia/2.png", 20)
    return root


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache/medshelf/manifests/toy-x-ray").glob("*.parquet"))


def ids(**options: object) -> list[str]:
    manifest = medshelf.read("toy-x-ray", **options)
    return manifest.frame.collect()["sample_id"].to_list()


def test_tree_is_found_by_its_id(toy: Path) -> None:
    assert ids() == ["normal/1.png", "pneumonia/2.png"]
    assert medshelf.read("toy-x-ray").root == toy


def test_manifest_is_kept_until_the_tree_changes(toy: Path, tmp_path: Path) -> None:
    ids()
    (first,) = kept(tmp_path)
    written = first.stat().st_mtime_ns
    assert ids() == ["normal/1.png", "pneumonia/2.png"]
    assert first.stat().st_mtime_ns == written
    picture(toy / "normal/3.png", 30)
    assert ids() == ["normal/1.png", "normal/3.png", "pneumonia/2.png"]
    assert len(kept(tmp_path)) == 2


def test_a_file_of_another_date_is_read_again(toy: Path, tmp_path: Path) -> None:
    ids()
    os.utime(toy / "normal/1.png", (1, 1))
    ids()
    assert len(kept(tmp_path)) == 2


def test_kept_manifest_is_used_elsewhere_with_its_own_root(toy: Path, tmp_path: Path) -> None:
    ids()
    moved = toy.rename(tmp_path / "moved")
    manifest = medshelf.read("toy-x-ray", root=moved)
    assert manifest.root == moved
    assert len(kept(tmp_path)) == 1


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"x" * 5000])
@pytest.mark.usefixtures("toy")
def test_damaged_kept_manifest_is_made_again(tmp_path: Path, damage: bytes) -> None:
    expected = ids()
    (path,) = kept(tmp_path)
    path.write_bytes(damage)
    assert ids() == expected
    assert path.read_bytes() != damage


@pytest.mark.usefixtures("toy")
def test_half_a_kept_manifest_is_made_again(tmp_path: Path) -> None:
    expected = ids()
    (path,) = kept(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert ids() == expected


@pytest.mark.usefixtures("toy")
def test_fresh_reads_the_raw_files(tmp_path: Path) -> None:
    ids()
    (path,) = kept(tmp_path)
    written = path.stat().st_mtime_ns
    ids(fresh=True)
    assert path.stat().st_mtime_ns > written


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
@pytest.mark.usefixtures("toy")
def test_cache_that_cannot_be_written(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    cache.chmod(stat.S_IRUSR | stat.S_IXUSR)
    assert ids() == ["normal/1.png", "pneumonia/2.png"]


@pytest.mark.usefixtures("toy")
def test_cache_that_is_a_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "cache").write_text("in the way")
    assert ids() == ["normal/1.png", "pneumonia/2.png"]
    assert "not kept" in caplog.text


def test_no_tree(toy: Path, tmp_path: Path) -> None:
    toy.rename(tmp_path / "away")
    with pytest.raises(NotFetchedError, match="toy-x-ray"):
        medshelf.read("toy-x-ray")
    with pytest.raises(NotFetchedError, match="nowhere"):
        medshelf.read("toy-x-ray", root=tmp_path / "nowhere")


@pytest.mark.usefixtures("toy")
def test_unknown_option_names_those_that_there_are() -> None:
    with pytest.raises(SettingError, match=r"(?s)'colour'.*classes, splits, layout"):
        medshelf.read("toy-x-ray", options={"colour": "red"})


def test_set_without_reader() -> None:
    with pytest.raises(UnsupportedError, match="new-reader adni"):
        medshelf.read("adni")


def test_strict_refuses_what_is_not_complete(toy: Path) -> None:
    assert medshelf.read("toy-x-ray", strict=True).n_samples() == 2
    (toy / "normal/1.png").unlink()
    (toy / "pneumonia/2.png").unlink()
    with pytest.raises(LayoutError):
        medshelf.read("toy-x-ray", strict=True)


def test_a_sample_is_never_chosen_by_itself() -> None:
    record = find_record("nih-chest-xray")
    assert "sample" in record.choices("edition")
    assert record.variant({}) == {}
    assert find_record("breastmnist").variant({}) == {"size": "28"}
    assert find_record("breastmnist").variant({"size": "64"}) == {"size": "64"}
