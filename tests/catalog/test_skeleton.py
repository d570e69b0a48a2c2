"""The text of a new record: open where it must be filled in, valid once it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from medshelf.catalog.authoring.skeleton import skeleton
from medshelf.catalog.authoring.validation import validate
from medshelf.catalog.marked_yaml import parse_marked
from medshelf.catalog.record import Record
from medshelf.catalog.shelf import find_record
from medshelf.catalog.vocabulary import terms
from medshelf.core.errors import SettingError, UnknownNameError

REQUIRED = {name for name, field in Record.model_fields.items() if field.is_required()}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "records"
    folder.mkdir()
    monkeypatch.setenv("MEDSHELF_RECORDS", str(folder))
    return folder / "knee-set.yaml"


def test_what_must_be_filled_in_is_all_that_is_wrong(path: Path) -> None:
    path.write_text(skeleton("knee-set"), "utf-8")
    errors = [each for each in validate(path) if each.severity == "error"]
    assert {each.field.split(".")[0] for each in errors} == REQUIRED - {"id"}
    assert {each.message for each in errors} == {"not filled in yet"}
    assert all(each.remedy for each in errors)


def test_filled_in_it_is_a_valid_record(path: Path) -> None:
    text = skeleton("knee-set", homepage="https://example.org")
    answers = {
        "name": "Knee: a set",
        "group": "bones",
        "dimensions": "2D",
        "access": "registration",
    }
    answers |= {"modalities": "x-ray", "tasks": "classification"}
    for field, answer in answers.items():
        text = re.sub(rf"^({field}: \[?)___", rf"\1'{answer}'", text, flags=re.MULTILINE)
    path.write_text(text, "utf-8")
    assert validate(path) == []
    record = find_record("knee-set")
    assert (record.name, record.modalities) == ("Knee: a set", ("x-ray",))


def test_every_commented_line_can_be_used(path: Path) -> None:
    given = {name: name for name in ("version", "patient_key")}
    text = skeleton("knee-set", name="A", group="bones", dimensions="2D", modalities="ct",
                    tasks="detection", access="unknown")  # fmt: skip
    for name in given:
        text = re.sub(rf"^# {name}:  #", f"{name}: {name}  #", text, flags=re.MULTILINE)
    path.write_text(text, "utf-8")
    record = find_record("knee-set")
    assert {name: getattr(record, name) for name in given} == given


def test_every_field_of_the_model_is_there_once_and_says_what_is_allowed() -> None:
    lines = skeleton("knee-set").splitlines()[4:]
    open_fields = [line.partition(":")[0] for line in lines if not line.startswith("#")]
    others = re.findall(r"^# (\w+):  # \S.*$", "\n".join(lines), flags=re.MULTILINE)
    assert set(open_fields) == REQUIRED
    assert sorted(open_fields + others) == sorted(Record.model_fields)
    for name in open_fields:
        above = lines[[line.startswith(f"{name}:") for line in lines].index(True) - 1]
        assert above.startswith("# ")


def test_every_term_that_a_required_field_may_hold_is_listed() -> None:
    text = skeleton("knee-set")
    for section in ("groups", "dimensions", "modalities", "tasks", "access"):
        assert f"one of: {', '.join(terms(section))}\n" in text


def test_given_values_are_written_as_yaml_reads_them_back() -> None:
    values = {
        "name": "Set: #1 'quoted' \"twice\"\nand broken",
        "aliases": ["yes", "2020", "- a", "膝关节"],
        "released": "2020",
        "n_samples": 12,
        "licence": {"id": "MIT"},
        "bibtex": "@misc{a,\n  title = {A}\n}\n",
    }
    document = parse_marked(skeleton("knee-set", **values))
    expected = yaml.load(yaml.safe_dump(values | {"n_samples": "12"}), Loader=yaml.BaseLoader)
    assert document.faults == []
    assert isinstance(document.values, dict)
    assert {name: document.values[name] for name in values} == expected


def test_a_term_may_be_given_by_any_of_its_names() -> None:
    document = parse_marked(skeleton("knee-set", modalities=["Radiograph", "磁共振"], tasks="分割"))
    assert [text for _, text in document.texts("modalities", "*")] == ["x-ray", "mri"]
    assert [text for _, text in document.texts("tasks", "*")] == ["segmentation"]


@pytest.mark.parametrize("dataset", ["Knee", "knee_set", "../knee", "", "knee-"])
def test_an_id_that_no_file_can_have_is_refused(dataset: str) -> None:
    with pytest.raises(SettingError, match="is no id of a record"):
        skeleton(dataset)


def test_an_id_that_is_taken_is_refused() -> None:
    with pytest.raises(SettingError, match=r"The id 'acdc' is that of .*acdc\.yaml"):
        skeleton("acdc")


def test_an_unknown_field_or_term_names_near_ones() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean: modalities"):
        skeleton("knee-set", modality="ct")
    with pytest.raises(UnknownNameError, match=r"Unknown modalities 'x-rays'[\s\S]*x-ray"):
        skeleton("knee-set", modalities=["x-rays"])
