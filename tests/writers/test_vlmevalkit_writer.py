"""VLMEvalKit's tables, read as the toolkit does: with pandas, images by base64 or by index.

The toolkit itself needs torchvision and a hundred packages; `_loaded` follows the rules of its
`ImageBaseDataset`.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import importlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from medshelf.conversion.preparation import Preparation
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core import columns as c
from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.core.manifest import Manifest, Meta
from medshelf.dataset.dataset import Dataset
from tests.contract.cases import make_case
from tests.quality.miniatures import N_PICTURES, as_manifest, picture_rows, pictures, texture

pandas = pytest.importorskip("pandas")
_HERE = Labour(workers=0)
_ALL = frozenset({"masks", "boxes", "class", "findings"})


def _written(manifest: Manifest, folder: Path, **asked: Any) -> Path:
    request = Request("vlmevalkit", **{"drop": _ALL, "shard_size": 7, **asked})
    return convert(manifest, folder, request, _HERE).folder


def _asked(root: Path, **columns: Any) -> Manifest:
    pictures(root)
    given = {
        "question": pl.format("Which is in {}?", "sample_id"),
        "options": pl.lit(["Liver", "None", "Tab\there", "“Zwei\nZeilen”"]),
        "answers": pl.lit(["None"]),
        **columns,
    }
    return as_manifest(picture_rows().with_columns(**given), root, Meta("asked", "Asked"))


def _to_list(value: Any) -> list[str]:
    if isinstance(value, str) and value[:1] == "[" and value[-1:] == "]":
        return [str(each) for each in ast.literal_eval(value)]
    return [str(value)]


def _loaded(path: Path) -> Any:
    table = pandas.read_csv(path, sep="\t")
    assert table["index"].is_unique
    if "image" in table:
        table = table[~table["image"].isna()].copy()
        images = dict(zip(map(str, table["index"]), map(str, table["image"]), strict=True))
        for index, coded in images.items():
            if len(coded) <= 64:
                assert len(images[coded]) > 64
                images[index] = images[coded]
        table["image"] = [_to_list(images[str(each)]) for each in table["index"]]
    return table


def _pixels(coded: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(coded))))


def test_multiple_choice_comes_back_value_by_value(tmp_path: Path) -> None:
    out = _written(_asked(tmp_path / "raw", explanation=pl.lit("x")), tmp_path / "out")
    table = _loaded(out / "asked_val.tsv")
    assert list(table) == [
        "index", "image", "question", "A", "B", "C", "D", "answer", "explanation", "split",
        "sample_id", "patient_id",
    ]  # fmt: skip
    assert table["index"].tolist() == list(range(8))
    assert table["question"].tolist() == [f"Which is in {n:03}?" for n in range(24, 32)]
    row = table.iloc[3]
    assert (row["A"], row["B"], row["C"], row["D"]) == (
        "Liver", "None ", "Tab\there", "“Zwei\nZeilen”",
    )  # fmt: skip
    assert (row["answer"], row["split"], row["patient_id"]) == ("B", "val", "p13")
    for number, images in zip(range(24, 32), table["image"], strict=True):
        assert len(images) == 1
        assert np.array_equal(_pixels(images[0]), texture(number, (96, 96)))
        assert (
            base64.b64decode(images[0]) == (tmp_path / f"raw/images/{number:03}.png").read_bytes()
        )


def test_an_image_is_there_once_for_several_questions(tmp_path: Path) -> None:
    path = pl.format("images/00{}.png", pl.int_range(N_PICTURES) // 4 % 10)
    image = c.media("image", path=path, member=None, format="png")
    manifest = _asked(tmp_path / "raw", media=c.entries(image))
    out = _written(manifest, tmp_path / "out", shard_size=8)
    raw = pandas.read_csv(out / "asked_train.tsv", sep="\t")
    assert raw["image"].tolist()[1:4] == ["0", "0", "0"]
    assert raw["image"].tolist()[9:12] == ["8", "8", "8"]
    for row, images in enumerate(_loaded(out / "asked_train.tsv")["image"]):
        assert np.array_equal(_pixels(images[0]), texture(row // 4, (96, 96)))


def test_several_images_are_a_list(tmp_path: Path) -> None:
    fields = {"member": None, "format": "png"}
    other = pl.format("masks/{}.png", "sample_id")
    two = [
        c.media("image", "a", path=pl.format("images/{}.png", "sample_id"), **fields),
        c.media("image", "b", path=other, **fields),
    ]
    manifest = _asked(tmp_path / "raw", media=c.entries(*two))
    first = _loaded(_written(manifest, tmp_path / "out") / "asked_test.tsv").iloc[1]
    assert _to_list(first["image_path"]) == ["033.0.png", "033.1.png"]
    assert [base64.b64decode(each) for each in first["image"]] == [
        (tmp_path / f"raw/{name}/033.png").read_bytes() for name in ("images", "masks")
    ]
    out = _written(manifest, tmp_path / "paths", options={"images": "path"})
    paths = _loaded(out / "asked_test.tsv")["image_path"]
    assert _to_list(paths[1]) == ["images/test/033.0.png", "images/test/033.1.png"]
    assert all((out / each).is_file() for line in paths for each in _to_list(line))


def test_open_questions(tmp_path: Path) -> None:
    answers = pl.when(pl.int_range(N_PICTURES) == 32).then(pl.lit(["a", "“b”"]))
    answers = answers.when(pl.int_range(N_PICTURES) == 33).then(pl.lit([], pl.List(pl.String)))
    manifest = _asked(
        tmp_path / "raw",
        options=pl.lit(None, pl.List(pl.String)),
        answers=answers.otherwise(pl.lit(["a, 肺"])),
        text=c.text(context=pl.lit("Hint")),
        extra=pl.concat_list(pl.struct(name=pl.lit("organ"), value=pl.lit("lung"))),
    )
    asked = Preparation(size=(48,))
    told = {"category": "organ"}
    out = _written(manifest, tmp_path / "out", preparation=asked, options=told)
    table = _loaded(out / "asked_test.tsv")
    assert "A" not in table
    assert set(table["hint"]) == {"Hint"}
    assert set(table["category"]) == {"lung"}
    assert _to_list(table["answer"][0]) == ["a", "“b”"]
    assert pandas.isna(table["answer"][1])
    assert table["answer"][2] == "a, 肺"
    assert _pixels(table["image"][0][0]).shape == (48, 48)


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("slake_release", "content_type"),
        ("omnimedvqa_release", "question_type"),
        ("cmb_clin", "title"),
    ],
)
def test_fixtures_come_back_value_by_value(name: str, option: str, tmp_path: Path) -> None:
    case = make_case(importlib.import_module(f"tests.fixtures.{name}"))
    (tmp_path / "raw").mkdir()
    case.make(tmp_path / "raw")
    manifest = (
        Dataset(case.read(tmp_path / "raw"))
        .filter(
            "array_length(media) > 0 or language = 'zh'"
            if name == "cmb_clin"
            else "array_length(media) > 0"
        )
        .manifest
    )
    out = _written(manifest, tmp_path / "out", options={"category": option}, on_error="skip")
    tables = [_loaded(each) for each in sorted(out.glob("*.tsv"))]
    found = {row["sample_id"]: row for table in tables for _, row in table.iterrows()}
    samples = {each.id: each for each in Dataset(manifest)}
    assert set(found) == set(samples)
    for sample_id, row in found.items():
        sample = samples[sample_id]
        assert row["question"] == sample.question.text
        assert row["category"] == sample.extra[option]
        if sample.text:
            assert row["hint"] == sample.text.context
        for letter, text in zip("ABCD", sample.question.options, strict=False):
            assert row[letter] == text
        wanted = next(iter(sample.question.answers), None)
        if wanted is None:
            assert pandas.isna(row["answer"])
            continue
        assert (row[row["answer"]] if sample.question.options else row["answer"]) == wanted
        if sample.images:
            assert np.array_equal(_pixels(row["image"][0]), sample.image())


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=30,
    deadline=None,
)
@given(st.lists(st.text(min_size=1), min_size=1, max_size=8))
@example(
    ["NA", "null", "nan", 'a"b', '"', "a\tb\nc", "x\r\ny", "\r", " lead", "肺🫁", "#N/A", "[1]"]
)
def test_pandas_reads_every_text(tmp_path_factory: Any, texts: list[str]) -> None:
    root = tmp_path_factory.mktemp("texts")
    texts = ["text", *texts]
    rows = pl.DataFrame({"sample_id": [f"{n:03}" for n in range(len(texts))], "question": texts})
    rows = rows.with_columns(answers=pl.concat_list("question"))
    out = _written(as_manifest(rows, root, Meta("t", "T")), root.parent / f"{root.name}-out")
    found = pandas.read_csv(out / "t_all.tsv", sep="\t")
    missing = {"NA", "null", "nan", "None", "#N/A", "NULL", "NaN", "n/a", "N/A", "<NA>"}
    wanted = [f"{each} " if each in missing else each for each in texts]
    assert found["question"].tolist() == found["answer"].tolist() == wanted


def test_all_words_that_pandas_takes_for_missing_survive() -> None:
    from medshelf.writers import vlmevalkit

    parsers = importlib.import_module("pandas._libs.parsers")
    assert parsers.STR_NA_VALUES - {""} <= vlmevalkit._MISSING


@pytest.mark.parametrize(
    ("change", "options", "problem"),
    [
        ({"question": pl.lit(None, pl.String)}, {}, "40 samples have no question"),
        ({"options": pl.when(pl.int_range(40) > 2).then("options")}, {}, "two kinds of set"),
        ({"answers": pl.lit(["Liver", "None"])}, {}, "several right options"),
        ({"answers": pl.lit(["Lung"])}, {}, "none of its options"),
        ({"options": pl.lit([str(n) for n in range(30)])}, {}, "30 options"),
        ({"media": pl.when(pl.int_range(40) > 2).then("media")}, {}, "3 of 40 samples have no"),
        ({"text": c.text(report=pl.lit("R"))}, {}, r"report \(40 samples\)"),
        ({}, {"images": "files"}, "base64 or path"),
        ({}, {"hint": "reports"}, "context, report"),
    ],
)
def test_what_the_format_cannot_say_is_refused(
    change: dict[str, Any], options: dict[str, str], problem: str, tmp_path: Path
) -> None:
    pictures(tmp_path / "raw")
    manifest = _asked(tmp_path / "more")
    rows = manifest.frame.collect().with_columns(**change)
    altered = as_manifest(rows, tmp_path / "raw", manifest.meta)
    with pytest.raises(SettingError, match=problem):
        _written(altered, tmp_path / "out", options=options)


def test_a_text_is_the_hint_and_a_category_exists(tmp_path: Path) -> None:
    manifest = _asked(tmp_path / "raw", text=c.text(report=pl.lit("R")))
    out = _written(manifest, tmp_path / "out", options={"hint": "report", "category": "sex"})
    table = _loaded(out / "asked_test.tsv")
    assert set(table["hint"]) == {"R"}
    assert set(table["category"]) == {"F", "M"}
    with pytest.raises(UnknownNameError, match="view"):
        _written(manifest, tmp_path / "x", options={"hint": "none", "category": "views"})


def test_workers_do_not_show(tmp_path: Path) -> None:
    manifest = _asked(tmp_path / "raw")
    one = _written(manifest, tmp_path / "one")
    request = Request("vlmevalkit", drop=_ALL, shard_size=7)
    two = convert(manifest, tmp_path / "two", request, Labour(workers=2)).folder
    digests = [
        {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in sorted(out.iterdir())}
        for out in (one, two)
    ]
    assert digests[0] == digests[1]
