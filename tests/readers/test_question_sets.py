"""Records that name a generic reader of questions, and what readers of text say of wrong files."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from medshelf.catalog.facts import manifest_meta
from medshelf.catalog.shelf import find_record
from medshelf.core.errors import (
    FormatError,
    LayoutError,
    MedshelfError,
    MissingExtraError,
    SettingError,
    UnknownNameError,
)
from medshelf.core.manifest import SCHEMA, Manifest, Meta
from medshelf.formats.tables.json_lines import scan_lines
from medshelf.formats.tables.parquet_facts import read_facts
from medshelf.readers import bids, hf_parquet, huatuo_26m, meddialog, question_json
from tests.contract.making import picture, text

META = Meta("toy", "Toy", unit="question")


def _read(record_id: str, root: Path, **options: str) -> Manifest:
    record = find_record(record_id)
    assert record.reader is not None
    reader = importlib.import_module(f"medshelf.readers.{record.reader.name.replace('-', '_')}")
    manifest: Manifest = reader.read(
        root, manifest_meta(record), **{**record.reader.options, **options}
    )
    return manifest


def _lines(path: Path, *rows: dict[str, Any]) -> None:
    text(path, "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in rows))


def _row(manifest: Manifest, sample: str) -> dict[str, Any]:
    found = manifest.frame.filter(pl.col("sample_id") == sample).collect().to_dicts()
    assert len(found) == 1
    return {**found[0], "extra": {e["name"]: e["value"] for e in found[0]["extra"] or ()}}


def _mcq(number: int | None) -> dict[str, Any]:
    row = {"question": "Which?", "opa": "1", "opb": "2", "opc": "3", "opd": "4", "id": "u-1"}
    return row | ({} if number is None else {"exp": "So.", "cop": number, "subject_name": "Eye"})


def test_medmcqa_counts_its_answers_from_one(tmp_path: Path) -> None:
    _lines(tmp_path / "data/train.json", _mcq(4))
    _lines(tmp_path / "data/dev.json", _mcq(1))
    _lines(tmp_path / "data/test.json", _mcq(None))
    manifest = _read("medmcqa", tmp_path)
    assert _row(manifest, "train/u-1")["answers"] == ["4"]
    assert _row(manifest, "val/u-1")["answers"] == ["1"]
    assert _row(manifest, "test/u-1")["answers"] is None
    assert _row(manifest, "train/u-1")["extra"] == {"subject_name": "Eye"}


@pytest.mark.parametrize("number", [0, 5])
def test_answer_that_is_no_option_is_reported_and_kept(number: int, tmp_path: Path) -> None:
    _lines(tmp_path / "train.json", _mcq(number))
    manifest = _read("medmcqa", tmp_path)
    row = _row(manifest, "train/u-1")
    assert row["answers"] is None
    assert row["extra"]["cop"] == str(number)
    (issue,) = [each for each in manifest.meta.issues if each.rule == "row-malformed"]
    assert f"[{number - 1}]" in issue.message


def test_vqa_rad_takes_its_split_from_the_type_of_phrase(tmp_path: Path) -> None:
    rows = [
        {"qid": "0", "phrase_type": "freeform", "question": "Q?", "answer": 2},
        {"qid": "1", "phrase_type": "test_para", "question": "R?", "answer": "No"},
    ]
    named = [each | {"image_name": "synpic1.jpg"} for each in rows]
    text(tmp_path / "VQA_RAD Dataset Public.json", json.dumps(named))
    picture(tmp_path / "VQA_RAD Image Folder/synpic1.jpg", 7)
    manifest = _read("vqa-rad", tmp_path)
    first, second = _row(manifest, "train/0"), _row(manifest, "test/1")
    assert (first["answers"], second["answers"]) == (["2"], ["No"])
    assert second["extra"] == {"phrase_type": "test_para"}
    assert second["media"][0]["path"] == "VQA_RAD Image Folder/synpic1.jpg"


def test_pmc_vqa_has_letters_with_blanks(tmp_path: Path) -> None:
    header = "Figure_path,Question,Answer,Choice A,Choice B,Choice C,Choice D,Answer_label\n"
    line = 'PMC1_F1.jpg,"What, here?",Focal, A:Diffuse , B:Focal , C:None , D:All , B\n'
    for name in ("train", "test"):
        text(tmp_path / f"{name}.csv", header + line)
    picture(tmp_path / "images/PMC1_F1.jpg", 9)
    row = _row(_read("pmc-vqa", tmp_path), "train/000000")
    assert row["answers"] == [" B:Focal "]
    assert row["extra"] == {"Answer": "Focal"}


def test_pathvqa_from_the_hub(tmp_path: Path) -> None:
    frame = pl.DataFrame({"image": [{"bytes": b"x", "path": "a.jpg"}], "question": ["Q"]})
    path = tmp_path / "data/validation-00000-of-00001.parquet"
    path.parent.mkdir()
    frame.with_columns(answer=pl.lit("yes")).write_parquet(path)
    row = _row(_read("pathvqa", tmp_path), "val/00000/000000")
    assert (row["question"], row["answers"], row["media"][0]["index"]) == ("Q", ["yes"], 0)


TABLE = {"table": "a.jsonl"}


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"question": "quest"}, LayoutError, "no 'quest'"),
        ({"answer_is": "lettre"}, UnknownNameError, "Did you mean: letter"),
        ({"options": "o", "answer_is": "letter"}, LayoutError, "no list of options"),
        ({"splits": "dev"}, SettingError, "'dev' is not 'name=value'"),
    ],
)
def test_question_json_says_what_is_wrong(
    options: dict[str, str], error: type[MedshelfError], words: str, tmp_path: Path
) -> None:
    _lines(tmp_path / "a.jsonl", {"question": "Q", "answer": "A", "o": "Yes; No"})
    with pytest.raises(error, match=words):
        question_json.read(tmp_path, META, **TABLE | options)


def test_columns_of_a_release_may_be_called_as_ours(tmp_path: Path) -> None:
    row = {"question": "Q", "answer": "A", "path": "p", "part": "x", "row": 3, "media": "m"}
    _lines(tmp_path / "a.jsonl", row | {"options": "o", "split": "s"})
    found = _row(question_json.read(tmp_path, META, **TABLE), "000000")
    kept = {"path": "p", "part": "x", "row": "3", "media": "m", "options": "o", "split": "s"}
    assert found["extra"] == kept


def _huatuo(root: Path, n_rows: int) -> None:
    for folder in ("consultation", "encyclopedia", "knowledge_graph"):
        for split in ("train", "validation", "test"):
            rows = [{"questions": [f"{folder} {n}"], "answers": ["A"]} for n in range(n_rows)]
            _lines(root / f"huatuo_{folder}_qa/{split}_datasets.jsonl", *rows)


def test_huatuo_is_scanned_when_it_is_collected(tmp_path: Path) -> None:
    _huatuo(tmp_path, 3)
    manifest = huatuo_26m.read(tmp_path, META)
    assert not manifest.lasting
    assert manifest.frame.collect_schema() == SCHEMA
    file = tmp_path / "huatuo_encyclopedia_qa/train_datasets.jsonl"
    file.write_text(file.read_text("utf-8").replace("encyclopedia 1", "changed after"), "utf-8")
    assert manifest.frame.slice(13, 1).collect()["question"][0] == "changed after"
    assert manifest.frame.slice(26, 1).collect()["sample_id"][0] == "knowledge-graph/val/00000002"


def test_huatuo_checks_ids_when_asked(tmp_path: Path) -> None:
    _huatuo(tmp_path, 2)
    lazy, checked = (huatuo_26m.read(tmp_path, META, check=each) for each in ("", "ids"))
    assert checked.frame.collect().equals(lazy.frame.collect())
    with pytest.raises(UnknownNameError, match="ids"):
        huatuo_26m.read(tmp_path, META, check="all")


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (b'{"q": 1}\n{"q": "half', FormatError, "no JSON.*not whole"),
        (b'{"q": 1}\n[1]\n', LayoutError, "has no object"),
        (b'{"q": 1}\n{"p": 1}\n', LayoutError, "has no q"),
        (b"", FormatError, "not whole"),
    ],
)
def test_scan_lines_checks_both_ends(
    data: bytes, error: type[MedshelfError], words: str, tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl").write_bytes(data)
    for source in (data, tmp_path / "a.jsonl"):
        with pytest.raises(error, match=words):
            scan_lines(source, ["q"], name=tmp_path / "a.jsonl")


def test_scan_lines_gives_text(tmp_path: Path) -> None:
    _lines(tmp_path / "a.jsonl", {"q": ["x", "y"]}, {"q": "", "z": 1}, {"q": 5})
    rows = scan_lines(tmp_path / "a.jsonl", ["q"]).collect()
    assert [json.loads(rows["q"][0]), *rows["q"][1:]] == [["x", "y"], None, "5"]
    assert rows["row"].to_list() == [0, 1, 2]


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="pyarrow"):
        read_facts(tmp_path / "a.parquet")


def test_hf_parquet_refuses_a_code_without_a_name(tmp_path: Path) -> None:
    about = {"info": {"features": {"label": {"names": ["a", "b"], "_type": "ClassLabel"}}}}
    path = tmp_path / "data/train-00000-of-00001.parquet"
    path.parent.mkdir()
    frame = pl.DataFrame({"label": [0, 2]})
    frame.write_parquet(path, metadata={"huggingface": json.dumps(about)})
    with pytest.raises(LayoutError, match="2 is no code of 'label'"):
        hf_parquet.read(tmp_path, META, label="label")
    with pytest.raises(LayoutError, match="no column 'class'"):
        hf_parquet.read(tmp_path, META, label="class")


def test_meddialog_says_which_edition_it_needs(tmp_path: Path) -> None:
    text(tmp_path / "2010.txt", "Dialogue\n")
    with pytest.raises(LayoutError, match=r"2010.txt: its first line is no 'id='"):
        meddialog.read(tmp_path, META)
    with pytest.raises(UnknownNameError, match="processed"):
        meddialog.read(tmp_path, META, language="en")
    (tmp_path / "2010.txt").rename(tmp_path / "notes.txt")
    with pytest.raises(LayoutError, match="edition='processed'"):
        meddialog.read(tmp_path, META)


def test_bids_says_what_is_missing(tmp_path: Path) -> None:
    about = {"Name": "Toy", "BIDSVersion": "1.10.1"}
    text(tmp_path / "dataset_description.json", json.dumps(about))
    with pytest.raises(LayoutError, match="no image of a subject"):
        bids.read(tmp_path, META)
    picture(tmp_path / "sub-1/anat/sub-1_T1w.png", 1)
    text(tmp_path / "participants.tsv", "participant_id\tage\nsub-1\t89+\n")
    with pytest.raises(LayoutError, match="group"):
        bids.read(tmp_path, META, label="group")
    row = _row(bids.read(tmp_path, META), "sub-1")
    assert (row["age_years"], row["extra"]) == (None, {"age": "89+"})
