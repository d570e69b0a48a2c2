"""Tables of real releases: counts as published, and the values that are easily read wrong."""

from __future__ import annotations

import gzip
import json
import tarfile
from pathlib import Path

import polars as pl
import pytest

from medshelf.core.errors import FormatError
from medshelf.formats.tables import read_table, scan_table
from medshelf.formats.xml_tree import read_xml

NIH_FILES = ("Data_Entry_2017.csv", "Data_Entry_2017_v2020.csv")


@pytest.fixture
def folder(real_data: Path) -> Path:
    return real_data.parent


def real(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.exists():
        pytest.skip(f"There is no {name} beside the real MedMNIST files")
    return path


@pytest.mark.parametrize("name", NIH_FILES)
def test_nih_images(folder: Path, name: str) -> None:
    names = {"width": ["OriginalImage[Width"], "height": ["Height]"]}
    frame = read_table(
        real(folder, f"nih_chest_xray/{name}"),
        aliases=names,
        required=["Image Index", "Finding Labels", "Patient ID", "width", "height"],
        dtypes={"width": pl.Int32, "height": pl.Int32, "Follow-up #": pl.Int32},
    )
    assert frame.shape == (112_120, 11)
    assert frame["Image Index"].n_unique() == 112_120
    assert frame["Patient ID"].n_unique() == 30_805
    assert frame["width"].null_count() == frame["height"].null_count() == 0
    first = frame.row(0, named=True)
    assert first["Finding Labels"] == "Cardiomegaly"
    assert first["Patient Age"] == ("058Y" if name == NIH_FILES[0] else "57")
    assert first["width"] in (2682, 2750)


def test_nih_lists_and_boxes_fit_the_images(folder: Path) -> None:
    images = read_table(real(folder, f"nih_chest_xray/{NIH_FILES[0]}"))["Image Index"]
    lists = [
        read_table(real(folder, f"nih_chest_xray/{name}"), kind="blanks", columns=["image"])
        for name in ("train_val_list.txt", "test_list.txt")
    ]
    assert [each.height for each in lists] == [86_524, 25_596]
    assert set(pl.concat(lists)["image"]) == set(images)
    boxes = read_table(
        real(folder, "nih_chest_xray/BBox_List_2017.csv"),
        dtypes=dict.fromkeys(("Bbox [x", "y", "w", "h]"), pl.Float64),
    )
    names = ["Image Index", "Finding Label", "Bbox [x", "y", "w", "h]"]
    assert boxes.columns == names
    assert boxes.shape == (984, 6)
    assert boxes["Image Index"].n_unique() == 880
    assert boxes["Image Index"].is_in(lists[1]["image"].implode()).all()


def test_a_chinese_table_says_its_encoding_and_its_quotes(folder: Path) -> None:
    path = real(folder, "chinese_medical_dialogue/样例_内科5000-6000.csv")
    with pytest.raises(FormatError, match="byte 28 is not utf-8") as caught:
        read_table(path)
    assert "perhaps encoding='gb18030'" in str(caught.value)
    with pytest.raises(FormatError, match="begins with a quote in line 1,020 goes on") as caught:
        read_table(path, encoding="gb18030")
    assert "quote=True if not" in str(caught.value)
    frame = read_table(path, encoding="gbk", quote=True)
    assert frame.columns == ["department", "title", "ask", "answer"]
    assert frame.height == 7644
    assert frame["department"][0] == "心血管科"


def test_meld_holds_control_characters_and_commas(folder: Path) -> None:
    dev = read_table(real(folder, "meld/MELD/dev_sent_emo.csv"))
    test = read_table(real(folder, "meld/MELD/test_sent_emo.csv"))
    assert (dev.height, test.height) == (1109, 2610)
    assert set(test["Emotion"]) == {
        *("neutral", "joy", "surprise", "anger", "sadness", "disgust", "fear")
    }
    said = dev["Utterance"]
    assert said[0] == "Oh my God, he’s lost it. He’s totally lost it."  # noqa: RUF001
    assert said.str.contains(r"\u{92}|\u{85}|\u{96}").sum() + said.str.contains("’").sum() > 100  # noqa: RUF001
    with pytest.raises(FormatError, match="is not cp1252") as caught:
        read_table(real(folder, "meld/MELD/dev_sent_emo.csv"), encoding="cp1252")
    assert "perhaps encoding='utf-8'" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "n_lines", "n_sentences"), [("devel", 24_892, 923), ("test", 25_437, 940)]
)
def test_a_list_of_tokens_with_quotes(
    folder: Path, name: str, n_lines: int, n_sentences: int
) -> None:
    path = real(folder, f"ncbi_disease/NCBI-disease-IOB/{name}.tsv")
    with pytest.raises(FormatError, match="what begins with a quote in line") as caught:
        read_table(path, columns=["token", "tag"])
    assert "quote=False" in str(caught.value)
    frame = read_table(path, columns=["token", "tag"], quote=False, keep_blank=True)
    assert frame.height == n_lines
    ends = frame["token"].is_null()
    assert (ends & ~ends.shift(-1, fill_value=False)).sum() in (n_sentences, n_sentences - 1)
    assert set(frame["tag"].drop_nulls()) == {"O", "B-Disease", "I-Disease"}
    assert '"' in set(frame["token"])


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("iu_xray/indiana_reports.csv", (3851, 8)),
        ("iu_xray/indiana_projections.csv", (7466, 3)),
        ("nih_chest_xray/sample_labels.csv", (5606, 11)),
        ("fitzpatrick17k/fitzpatrick17k.csv", (16_577, 9)),
        ("rsna_pneumonia/stage_2_train_labels.csv", (30_227, 6)),
        ("ham10000/HAM10000_metadata.csv", (10_015, 7)),
        ("ham10000/ISIC2018_Task3_Test_GroundTruth.csv", (1512, 8)),
        ("slake/Slake1.0/test.json", (2094, 12)),
        ("slake/Slake1.0/validate.json", (2099, 12)),
        ("medqa/sampled_50.jsonl", (50, 7)),
        ("medqa/test.jsonl", (1273, 7)),
        ("pubmedqa/data/ori_pqal.json", (1000, 10)),
        ("pubmedqa/data/test_ground_truth.json", (500, 2)),
        ("cmb/data/CMB-test-choice-answer.json", (11_200, 6)),
    ],
)
def test_counts_as_published(folder: Path, name: str, shape: tuple[int, int]) -> None:
    path = real(folder, name)
    frame = read_table(path)
    assert frame.shape == shape
    assert scan_table(path).collect().equals(frame)
    assert read_table(gzip.compress(path.read_bytes()), name=path).equals(frame)


@pytest.mark.parametrize(
    ("name", "n_rows"),
    [
        ("test_COVIDx9A", 400),
        ("test_COVIDx9B", 400),
        ("test_COVIDxSev", 150),
        ("train_COVIDxSev", 759),
        ("train_COVIDx5", 13_958),
    ],
)
def test_lists_between_blanks(folder: Path, name: str, n_rows: int) -> None:
    path = real(folder, f"covidx/labels/{name}.txt")
    names = ["patient", "file", "label", "source"]
    frame = read_table(path, kind="blanks", columns=names)
    assert frame.height == n_rows
    assert sum(frame.null_count().row(0)) == 0
    assert frame["file"].str.contains(r"(?i)\.(png|jpe?g)$").all()


def test_questions_keep_their_nested_values(folder: Path) -> None:
    path = real(folder, "medqa/test.jsonl")
    options = pl.Struct(dict.fromkeys("ABCD", pl.String))
    frame = read_table(path, dtypes={"options": options, "realidx": pl.Int64})
    expected = [json.loads(line) for line in path.read_text().splitlines()]
    assert frame["options"].to_list() == [each["options"] for each in expected]
    assert frame["question"].to_list() == [each["question"] for each in expected]
    assert frame["realidx"].to_list() == [each["realidx"] for each in expected]
    path = real(folder, "pubmedqa/data/ori_pqal.json")
    frame = read_table(path, dtypes={"CONTEXTS": pl.List(pl.String)})
    document = json.loads(path.read_text())
    assert frame["key"].to_list() == list(document)
    assert frame["CONTEXTS"].to_list() == [each["CONTEXTS"] for each in document.values()]


def test_a_table_that_lost_its_end(folder: Path, tmp_path: Path) -> None:
    data = real(folder, "iu_xray/indiana_projections.csv").read_bytes()
    (tmp_path / "cut.csv").write_bytes(data[: data.rfind(b",")])
    with pytest.raises(FormatError, match="line 7,467 has 2 values, not 3"):
        read_table(tmp_path / "cut.csv")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(data)[:-100])
    with pytest.raises(FormatError, match="its compressed data end too early"):
        read_table(tmp_path / "cut.csv.gz")


def test_reports_and_boxes_of_xml(folder: Path) -> None:
    n_files = 0
    with tarfile.open(real(folder, "iu_xray/NLMCXR_reports.tgz")) as archive:
        for member in archive:
            if member.name.endswith(".xml"):
                root = read_xml(archive.extractfile(member).read())
                assert root.find(".//AbstractText") is not None
                n_files += 1
    assert n_files == 3955
    root = read_xml(real(folder, "bccd/BCCD/Annotations/BloodImage_00000.xml"))
    assert len(root.findall("object")) == 20
    assert root.findtext("object/name") == "WBC"
