"""The catalog as one file comes back whole, and nothing is written over or by halves."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import polars as pl
import pytest

from medshelf.api.catalog_files import catalog_bytes, export_catalog
from medshelf.catalog.export.target import write_folder
from medshelf.catalog.record import Record
from medshelf.catalog.shelf import all_records
from medshelf.catalog.table import catalog_table
from medshelf.core.errors import SettingError, StorageError, UnknownNameError
from tests.catalog.hostile import TEXTS
from tests.catalog.made import make_record


@pytest.fixture(scope="module")
def shelf() -> list[Record]:
    return list(all_records())


def hostile() -> list[Record]:
    return [
        make_record(
            f"made-{number}",
            name=text,
            aliases=[text, "x; y", "", *TEXTS][:2],
            institutions=list(TEXTS),
            doubts=[text],
            label_stats=[{"name": each} for each in TEXTS],
        )
        for number, text in enumerate(TEXTS)
    ]


def contents(folder: Path) -> dict[Path, bytes]:
    files = (each for each in sorted(folder.rglob("*")) if each.is_file())
    return {each.relative_to(folder): each.read_bytes() for each in files}


def test_jsonl_comes_back_as_the_same_records(shelf: list[Record]) -> None:
    lines = catalog_bytes("jsonl", [*shelf, *hostile()]).decode().split("\n")
    assert lines.pop() == ""
    assert [Record.model_validate_json(each) for each in lines] == [*shelf, *hostile()]


def test_parquet_comes_back_as_the_same_table(shelf: list[Record]) -> None:
    found = pl.read_parquet(io.BytesIO(catalog_bytes("parquet", shelf)))
    assert found.equals(catalog_table(records=shelf))
    assert found.schema == catalog_table(records=shelf).schema


def test_csv_loses_no_list_and_no_number(shelf: list[Record]) -> None:
    records = [*shelf, *hostile()]
    found = pl.read_csv(catalog_bytes("csv", records), infer_schema=False)
    table = catalog_table(records=records)
    assert found.columns == table.columns
    assert found.height == table.height
    for name, kind in table.schema.items():
        texts, values = found[name].to_list(), table[name].to_list()
        if isinstance(kind, pl.List):
            assert [json.loads(each) if each else None for each in texts] == values, name
        elif kind == pl.String:
            assert texts == values, name
        else:
            assert [None if each is None else str(each).lower() for each in values] == texts, name


def test_csv_has_names_on_demand(shelf: list[Record]) -> None:
    found = pl.read_csv(catalog_bytes("csv", shelf[:3], "zh"))
    assert all("[" in each for each in found["tasks"])
    assert set(json.loads(found["tasks"][0])) <= {"分类", "分割", "检测"}


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_files_are_written_once(shelf: list[Record], tmp_path: Path, form: str) -> None:
    path = export_catalog(form, tmp_path / "new" / "file", records=shelf[:2])
    content = path.read_bytes()
    assert content == catalog_bytes(form, shelf[:2])
    assert sorted(each.name for each in path.parent.iterdir()) == ["file"]
    with pytest.raises(SettingError, match="exists already"):
        export_catalog(form, path, records=shelf[:3])
    assert path.read_bytes() == content


@pytest.mark.parametrize("form", ["markdown", "croissant"])
def test_folders_are_written_once(shelf: list[Record], tmp_path: Path, form: str) -> None:
    (tmp_path / "empty").mkdir()
    export_catalog(form, tmp_path / "empty", records=shelf[:2])
    kept = sorted(each.name for each in (tmp_path / "empty").iterdir())
    assert kept
    with pytest.raises(SettingError, match="Choose another place"):
        export_catalog(form, tmp_path / "empty", records=shelf[:3])
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(SettingError, match="link exists already"):
        export_catalog(form, tmp_path / "link", records=shelf[:2])
    assert sorted(each.name for each in tmp_path.iterdir()) == ["empty", "link"]


def test_the_same_records_give_the_same_files(shelf: list[Record], tmp_path: Path) -> None:
    one, other = (
        export_catalog("markdown", tmp_path / name, records=chosen)
        for name, chosen in (("one", shelf[:20]), ("other", reversed(shelf[:20])))
    )
    assert contents(one) == contents(other)
    assert len(contents(one)) == 43


def test_a_folder_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="Cannot write"):
        write_folder(tmp_path / "out", {"a": "text", "a/b": "a file cannot hold a file"})
    assert sorted(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="permissions"):
        export_catalog("csv", tmp_path / "file", records=[])


def test_a_target_below_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for form in ("csv", "markdown"):
        with pytest.raises(StorageError, match="Cannot write"):
            export_catalog(form, tmp_path / "file" / "below", records=[make_record()])


@pytest.mark.parametrize(
    ("form", "more", "error", "message"),
    [
        ("xml", {}, UnknownNameError, "Unknown form of export 'xml'"),
        ("csv", {"language": "fr"}, UnknownNameError, "Unknown language"),
        ("jsonl", {"language": "zh"}, SettingError, "holds both languages"),
        ("csv", {"version": "1.0"}, SettingError, "has no versions"),
        ("croissant", {"version": "0.8"}, UnknownNameError, "Unknown version of Croissant"),
        ("parquet", {"previews": True}, SettingError, "has no pictures"),
    ],
)
def test_what_a_form_has_not_is_refused(
    tmp_path: Path, form: str, more: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        export_catalog(form, tmp_path / "out", records=[make_record()], **more)  # type: ignore[arg-type]
    assert sorted(tmp_path.iterdir()) == []


def test_only_files_are_one_file() -> None:
    with pytest.raises(UnknownNameError, match="as one file 'markdown'"):
        catalog_bytes("markdown", [])
