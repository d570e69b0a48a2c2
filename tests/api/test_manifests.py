"""A manifest by the id of its dataset, or from a file."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from medshelf.api.manifests import open_manifest
from medshelf.core.errors import FormatError, NotFetchedError, SettingError, UnknownNameError
from medshelf.core.manifest import Manifest, Meta
from tests.contract.making import picture

RECORD = """\
id: toy-scan
name: Toy scan
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
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the raw tree of a dataset that the catalog knows."""
    records = tmp_path / "records"
    records.mkdir()
    (records / "toy-scan.yaml").write_text(RECORD, "utf-8")
    monkeypatch.setenv("MEDSHELF_RECORDS", str(records))
    root = tmp_path / "data" / "toy-scan"
    picture(root / "normal/1.png", 10)
    picture(root / "pneumonia/2.png", 20)
    return root


def test_an_id_gives_manifest_and_record(tree: Path) -> None:
    manifest, record = open_manifest("toy-scan")
    assert manifest.n_samples() == 2
    assert manifest.root == tree
    assert record is not None
    assert record.id == "toy-scan"


@pytest.mark.parametrize("as_text", [True, False])
def test_a_file_gives_the_same_rows_below_its_root(
    tree: Path, tmp_path: Path, *, as_text: bool
) -> None:
    stored = tmp_path / "toy.PARQUET"
    read, _ = open_manifest("toy-scan")
    read.write(stored)
    found, record = open_manifest(str(stored) if as_text else stored, root=str(tree))
    assert found.frame.collect().equals(read.frame.collect())
    assert found.root == tree
    assert record is not None
    assert record.id == "toy-scan"


def test_the_folder_of_a_file_is_its_root_by_default(tree: Path) -> None:
    open_manifest("toy-scan")[0].write(tree / "manifest.parquet")
    assert open_manifest(tree / "manifest.parquet")[0].root == tree


def test_a_set_that_the_catalog_does_not_know_has_no_record(tmp_path: Path) -> None:
    rows = pl.DataFrame({"sample_id": ["a"]}).lazy()
    Manifest.from_columns(rows, Meta("mine+yours", "Mine"), tmp_path).write(tmp_path / "m.parquet")
    manifest, record = open_manifest(tmp_path / "m.parquet")
    assert manifest.meta.dataset == "mine+yours"
    assert record is None


def test_a_file_away_from_its_tree_asks_for_the_root(tree: Path, tmp_path: Path) -> None:
    stored = tmp_path / "toy.parquet"
    open_manifest("toy-scan")[0].write(stored)
    assert tree.is_dir()
    with pytest.raises(SettingError, match=r"names normal/1\.png.*\n.*--root FOLDER"):
        open_manifest(stored)
    with pytest.raises(SettingError, match=r"does not lie below .*nowhere"):
        open_manifest(stored, root=tmp_path / "nowhere")


def test_options_do_not_go_with_a_file(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"Options of a reader \(size\)"):
        open_manifest(tmp_path / "m.parquet", options={"size": "28"})


def test_files_that_are_no_manifest_are_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"m\.parquet: there is no such file"):
        open_manifest(tmp_path / "m.parquet")
    (tmp_path / "text.parquet").write_text("no", "utf-8")
    with pytest.raises(FormatError, match="not a Parquet file"):
        open_manifest(tmp_path / "text.parquet")
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "other.parquet")
    with pytest.raises(FormatError, match="not a manifest of this version"):
        open_manifest(tmp_path / "other.parquet")


@pytest.mark.parametrize("metadata", ["[]", "{", '{"dataset": "a"}', '{"tasks": [1]}'])
def test_damaged_metadata_are_named(tmp_path: Path, metadata: str) -> None:
    rows = Manifest.from_columns(
        pl.DataFrame({"sample_id": ["a"]}).lazy(), Meta("a", "A"), tmp_path
    )
    rows.frame.collect().write_parquet(tmp_path / "m.parquet", metadata={"medshelf": metadata})
    with pytest.raises(FormatError, match="its metadata are damaged"):
        open_manifest(tmp_path / "m.parquet")


def test_unknown_and_missing_sets_are_named(tree: Path) -> None:
    with pytest.raises(UnknownNameError, match="'toy-scam'"):
        open_manifest("toy-scam")
    (tree / "normal/1.png").unlink()
    (tree / "pneumonia/2.png").unlink()
    for folder in ("normal", "pneumonia", "."):
        (tree / folder).rmdir()
    with pytest.raises(NotFetchedError, match="toy-scan"):
        open_manifest("toy-scan")
