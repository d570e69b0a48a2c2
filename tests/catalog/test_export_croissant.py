"""Every record as Croissant is accepted by the reference library, and says what the record says."""

from __future__ import annotations

import json
import logging
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medshelf.api.catalog_files import export_catalog
from medshelf.catalog.export.croissant import croissant, croissant_text
from medshelf.catalog.record import Record
from medshelf.catalog.shelf import all_records, find_record
from medshelf.core.errors import UnknownNameError
from tests.catalog.hostile import TEXTS
from tests.catalog.made import make_record

mlc = pytest.importorskip("mlcroissant")

RECOMMENDED = {
    "citeAs": "http://mlcommons.org/croissant/citeAs",
    "datePublished": "https://schema.org/datePublished",
    "license": "https://schema.org/license",
    "version": "https://schema.org/version",
}


@pytest.fixture(scope="module")
def shelf() -> list[Record]:
    return list(all_records())


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The library logs each warning and uses what its dependencies call old."""
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


def read(content: dict[str, Any]) -> Any:
    """Read Croissant as the library's `validate` does; errors are raised."""
    return mlc.Metadata.from_json(mlc.Context(), json.loads(json.dumps(content)))


def check(record: Record, version: str) -> None:
    """Errors are none; warnings are of what the record does not know, and no others."""
    content = croissant(record, version)
    issues = read(content).ctx.issues
    assert not issues.errors, record.id
    absent = {url for key, url in RECOMMENDED.items() if key not in content}
    told = {next((url for url in absent if f'"{url}"' in each), each) for each in issues.warnings}
    assert told == absent, record.id


def test_every_record_is_accepted(shelf: list[Record]) -> None:
    for record in shelf:
        check(record, "1.1")


def test_the_older_version_is_accepted(shelf: list[Record]) -> None:
    chosen = random.Random(0).sample(shelf, 60)
    for record in [*chosen, find_record("bloodmnist"), find_record("lits")]:
        check(record, "1.0")


def test_the_library_would_have_complained() -> None:
    content = croissant(find_record("bloodmnist"))
    for key in ("encodingFormat", "md5"):
        broken = {
            **content,
            "distribution": [{k: v for k, v in content["distribution"][0].items() if k != key}],
        }
        with pytest.raises(mlc.ValidationError, match=key):
            read(broken)


def test_records_of_the_metadata_can_be_loaded() -> None:
    record = find_record("bloodmnist")
    data = mlc.Dataset(jsonld=json.loads(croissant_text(record)))
    classes = list(data.records("classes-1"))
    assert [each["classes-1/code"] for each in classes] == list(range(8))
    assert classes[0]["classes-1/name"] in ("basophil", b"basophil")
    splits = {each["splits/name"]: each["splits/count"] for each in data.records("splits")}
    assert {(k.decode() if isinstance(k, bytes) else k): v for k, v in splits.items()} == (
        record.splits
    )


def test_facts_lie_where_search_engines_look() -> None:
    content = croissant(find_record("bloodmnist"))
    assert content["conformsTo"][0] == "http://mlcommons.org/croissant/1.1"
    assert content["name"] == "BloodMNIST"
    assert content["license"].startswith("https://creativecommons.org/licenses/by/4.0/")
    assert content["datePublished"] == "2021-10"
    assert content["version"] == "3.0.2"
    assert content["citeAs"].startswith("@")
    assert "Microscopy" in content["keywords"]
    assert "显微镜" in content["description"]["zh"]
    assert croissant(find_record("bloodmnist"), "1.0")["description"].startswith("Dimension: 2D")
    file = content["distribution"][0]
    assert file["md5"] == "7053d0359d879ad8a5505303e11de1dc"
    assert file["contentSize"] == "35461855 B"
    assert content["isBasedOn"] == [find_record("acevedo-pbc").homepage]


def test_terms_of_use_are_coded_and_said() -> None:
    usage = croissant(find_record("chexpert"))["usageInfo"]
    coded = [each for each in usage if each["@type"] == "sc:DefinedTerm"]
    assert [each["termCode"] for each in coded] == ["DUO_0000046"]
    assert coded[0]["url"] == "http://purl.obolibrary.org/obo/DUO_0000046"
    assert usage[-1]["description"].startswith(
        "Commercial use: not allowed; Redistribution: not allowed; Passing on changed data: not "
    )
    unknown = croissant(make_record())
    assert "license" not in unknown
    assert unknown["usageInfo"][0]["description"].startswith("No licence is known.")


def test_limits_and_origin_of_labels_are_told() -> None:
    record = find_record("nih-chest-xray")
    content = croissant(record)
    assert content["conformsTo"][1] == "http://mlcommons.org/croissant/RAI/1.0"
    assert len(content["rai:dataLimitations"]) == len(record.limitations)
    assert "text mining of reports" in content["rai:dataAnnotationProtocol"][0]


@pytest.mark.parametrize(
    ("version", "written"),
    [("3", True), ("3.0", True), ("3.0.2", True), ("1.03", False), ("v2", False), ("2020", True)],
)
def test_versions_that_croissant_knows_are_versions(version: str, *, written: bool) -> None:
    content = croissant(make_record(version=version))
    assert ("version" in content) is written
    assert (f"Version: {version}" in content["description"]["en"]) is not written
    check(make_record(version=version), "1.1")


def test_what_is_not_known_is_absent() -> None:
    content = croissant(make_record())
    for key in ("url", "creator", "version", "citeAs", "recordSet", "distribution", "identifier"):
        assert key not in content
    assert "None" not in json.dumps(content)


def test_files_without_a_checksum_make_a_live_dataset() -> None:
    record = make_record(files=[{"name": "a.zip", "url": "https://example.org/a.zip"}])
    assert croissant(record)["isLiveDataset"] is True
    check(record, "1.1")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("text", TEXTS)
def test_hostile_texts_stay_texts(text: str, version: str) -> None:
    record = make_record(
        name=text,
        aliases=[text],
        institutions=[text],
        version=text,
        licence={"id": "Odd-1.0"},
        limitations=[text],
        splits={text: 3},
        label_tasks=[
            {"name": text, "kind": "multi-class", "classes": ["@id", text]},
            {"name": text, "kind": "multi-class", "classes": ["a", "b"]},
        ],
        bibtex=text,
    )
    content = croissant(record, version)
    assert content["name"] == record.name
    read(content)
    again = json.loads(croissant_text(record, version))
    assert again == content
    assert again["recordSet"][0]["data"][1]["classes-1/name"] == text
    ids = [each["@id"] for each in again["recordSet"]]
    assert ids == ["classes-1", "classes-2", "splits"]


def test_a_folder_per_dataset_is_written(tmp_path: Path) -> None:
    records = [find_record("lits"), find_record("acdc")]
    folder = export_catalog("croissant", tmp_path / "out", records=records, version="1.0")
    for record in records:
        text = (folder / record.id / "croissant.json").read_text("utf-8")
        assert json.loads(text) == croissant(record, "1.0")


def test_other_versions_are_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"Choose one of: 1\.0, 1\.1"):
        croissant(make_record(), "2")
