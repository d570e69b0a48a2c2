"""What `medshelf new-reader` writes runs as it is."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest
import yaml

from medshelf.api.reader_skeleton import write_reader_skeleton
from medshelf.catalog.shelf import find_record
from medshelf.core.errors import SettingError
from medshelf.core.manifest import SCHEMA, Meta
from tests.contract.cases import filled


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("src/medshelf/readers", "tests/fixtures", "src/medshelf/catalog/records"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_reader_and_fixture_agree(checkout: Path) -> None:
    record, reader, fixture = write_reader_skeleton("my-set", checkout)
    assert yaml.safe_load(record.read_text("utf-8"))["reader"] == {"name": "my-set"}
    made, module = load(fixture), load(reader)
    raw = checkout / "raw"
    made.make(raw)
    manifest = module.read(raw, Meta("my-set", "My set"))
    expected = [filled(row, pl.Struct(SCHEMA)) for row in made.EXPECTED]
    assert manifest.frame.collect().to_dicts() == expected
    assert sorted(each.rule for each in manifest.meta.issues) == made.ISSUES


def test_reader_enters_the_record_that_there_is(checkout: Path) -> None:
    target = checkout / "src/medshelf/catalog/records/adni.yaml"
    target.write_text("id: adni\nname: ADNI\n", "utf-8")
    write_reader_skeleton("adni", checkout)
    assert target.read_text("utf-8") == "id: adni\nname: ADNI\nreader: {name: adni}\n"


def test_nothing_is_overwritten(checkout: Path) -> None:
    written = write_reader_skeleton("my-set", checkout)
    before = [each.read_bytes() for each in written]
    with pytest.raises(SettingError, match="exists already"):
        write_reader_skeleton("my-set", checkout)
    assert [each.read_bytes() for each in written] == before


def test_record_that_has_a_reader_is_left_alone(checkout: Path) -> None:
    target = checkout / "src/medshelf/catalog/records/adni.yaml"
    target.write_text("id: adni\nreader: {name: bids}\n", "utf-8")
    with pytest.raises(SettingError, match="names a reader already"):
        write_reader_skeleton("adni", checkout)
    assert not (checkout / "src/medshelf/readers/adni.py").exists()


def test_only_in_a_checkout(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="--folder"):
        write_reader_skeleton("my-set", tmp_path)


def test_record_that_lies_elsewhere(checkout: Path) -> None:
    assert find_record("adni").id == "adni"
    with pytest.raises(SettingError, match=r"adni\.yaml, not"):
        write_reader_skeleton("adni", checkout)
