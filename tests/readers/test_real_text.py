"""The readers of questions and dialogues on real files, where they are at hand.

Where only a part of a release is, its files are linked into the true tree.
"""

from __future__ import annotations

import importlib
import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from medshelf.catalog.facts import manifest_meta
from medshelf.catalog.shelf import find_record
from medshelf.core.manifest import Manifest


def _folder(real_data: Path, name: str) -> Path:
    folder = real_data.parent / name
    if not folder.is_dir():
        pytest.skip(f"There is no folder {name} beside the real MedMNIST files")
    return folder


def _linked(file: Path, link: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(file)


def _read(record_id: str, root: Path, **options: str) -> Manifest:
    record = find_record(record_id)
    assert record.reader is not None
    reader = importlib.import_module(f"medshelf.readers.{record.reader.name.replace('-', '_')}")
    options = {**record.reader.options, **options}
    manifest: Manifest = reader.read(root, manifest_meta(record), **options)
    return manifest


def _counts(rows: pl.DataFrame, *columns: str) -> dict[object, int]:
    counted = rows.group_by(columns).len().rows()
    return {tuple(key) if len(key) > 1 else key[0]: n for *key, n in counted}


def _rules(manifest: Manifest) -> Counter[str]:
    return Counter(each.rule for each in manifest.meta.issues)


def _extra(rows: pl.DataFrame, name: str) -> pl.Series:
    entries = rows.select(pl.col("extra").explode()).unnest("extra")
    return entries.filter(pl.col("name") == name)["value"]


def test_slake_without_its_training_part(real_data: Path) -> None:
    manifest = _read("slake", _folder(real_data, "slake"))
    rows = manifest.frame.collect()
    assert _counts(rows, "split") == {"val": 2099, "test": 2094}
    english = _read("slake", _folder(real_data, "slake"), language="en")
    assert _counts(english.frame.collect(), "split") == {"val": 1053, "test": 1061}
    assert Counter(_extra(rows, "answer_type")) == {"CLOSED": 844 + 836, "OPEN": 1255 + 1258}
    assert rows.filter(pl.col("split") == "test")["patient_id"].n_unique() == 180
    numbers = rows.filter(pl.col("split") == "test")["sample_id"]
    assert (numbers[0], numbers[-1]) == ("test/11934", "test/14027")
    assert _rules(manifest) == {"file-missing": 2, "patient-leakage": 1, "sample-count": 1}
    assert "patient-leakage" not in _rules(english)


def test_medqa_test_questions(real_data: Path, tmp_path: Path) -> None:
    source = _folder(real_data, "medqa") / "test.jsonl"
    _linked(source, tmp_path / "questions/US/test.jsonl")
    manifest = _read("medqa", tmp_path, region="US")
    rows = manifest.frame.collect()
    assert _counts(rows, "split", "language") == {("test", "en"): 1273}
    letters = _extra(rows, "answer_idx")
    pairs = zip(rows["options"], letters, strict=True)
    right = [options["ABCDE".index(each)] for options, each in pairs]
    assert right == rows["answers"].list.first().to_list()
    assert _rules(manifest) == {"file-missing": 2}


def test_pubmedqa_labelled(real_data: Path) -> None:
    folder = _folder(real_data, "pubmedqa")
    manifest = _read("pubmedqa", folder)
    rows = manifest.frame.collect()
    assert _counts(rows, "split") == {"train": 500, "test": 500}
    assert _counts(rows, "label") == {"yes": 552, "no": 338, "maybe": 110}
    truth = json.loads((folder / "data/test_ground_truth.json").read_text("utf-8"))
    test = rows.filter(pl.col("split") == "test")
    assert dict(test.select("sample_id", "label").rows()) == truth
    assert not rows["text"].struct.field("context").null_count()
    assert not manifest.meta.issues


def test_meld_dev_and_test(real_data: Path) -> None:
    manifest = _read("meld", _folder(real_data, "meld"))
    rows = manifest.frame.collect()
    assert _counts(rows, "split") == {"val": 1109, "test": 2610}
    entries = rows.select("split", "labels").explode("labels").unnest("labels")
    found = _counts(entries.filter(pl.col("task") == "sentiment"), "split", "name")
    assert {name: found["val", name] for name in ("neutral", "negative", "positive")} == {
        "neutral": 470,
        "negative": 406,
        "positive": 233,
    }
    emotions = _counts(entries.filter(pl.col("task") == "emotion"), "split", "name")
    names = ("neutral", "joy", "surprise", "anger", "sadness", "disgust", "fear")
    assert [emotions["test", each] for each in names] == [1256, 402, 281, 345, 208, 68, 50]
    assert rows.filter(pl.col("split") == "test")["study_id"].n_unique() == 280
    assert rows["turns"].list.len().unique().to_list() == [1]
    assert _rules(manifest) == {"file-missing": 1, "sample-count": 1}


def test_cmb_test_answers(real_data: Path, tmp_path: Path) -> None:
    """The real answers, joined to questions that are made up."""
    source = _folder(real_data, "cmb") / "data/CMB-test-choice-answer.json"
    told = json.loads(source.read_text("utf-8"))
    options = {letter: letter for letter in "ABCDEF"}
    asked = [{"id": each["id"], "question": "?", "option": options} for each in told]
    _linked(source, tmp_path / "data" / source.name)
    (tmp_path / "CMB-test-choice-question-merge.json").write_text(json.dumps(asked[::-1]))
    manifest = _read("cmb", tmp_path)
    rows = manifest.frame.collect()
    assert rows.height == 11_200
    lengths = _counts(rows.with_columns(n=pl.col("answers").list.len()), "n")
    assert lengths == {1: 10_035, 2: 272, 3: 441, 4: 338, 5: 113, 6: 1}
    assert rows["answers"].list.join("").to_list() == [each["answer"] for each in told]
    assert _rules(manifest) == {"file-missing": 2, "sample-count": 2}


def test_chinese_dialogues_in_gbk(real_data: Path, tmp_path: Path) -> None:
    folder = _folder(real_data, "chinese_medical_dialogue")
    (source,) = sorted(folder.glob("*.csv"))
    _linked(source, tmp_path / "IM_内科" / source.name)
    rows = _read("chinese-medical-dialogue-dataset", tmp_path).frame.collect()
    assert rows.height == 7644
    texts = rows.select("question", pl.col("answers").list.first())
    assert sum(each.str.contains("\n").sum() for each in texts) == 7
    assert rows["sample_id"][0] == f"IM_内科/{source.stem}/000000"
    assert len(_extra(rows, "department")) == 7644
