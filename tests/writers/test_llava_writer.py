"""Conversations in the forms of LLaVA, ShareGPT and chat trainers, read by their rules."""

from __future__ import annotations

import hashlib
import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from medshelf.conversion.preparation import Preparation
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.conversion.stated.conversations import IMAGE, Wording, conversation
from medshelf.core import columns as c
from medshelf.core.errors import SettingError
from medshelf.core.manifest import Manifest, Meta
from medshelf.dataset.dataset import Dataset
from tests.contract.cases import make_case
from tests.quality.miniatures import N_PICTURES, as_manifest, picture_rows, pictures, texture

_HERE = Labour(workers=0)
_ALL = frozenset({"masks", "boxes", "class", "findings"})


def _written(manifest: Manifest, folder: Path, **asked: Any) -> Path:
    request = Request("llava", **{"drop": _ALL, "shard_size": 7, **asked})
    return convert(manifest, folder, request, _HERE).folder


def _asked(root: Path, **columns: pl.Expr) -> Manifest:
    pictures(root)
    number = pl.int_range(N_PICTURES)
    given = {
        "question": pl.format("Is there a nodule in {}?", number),
        "answers": pl.concat_list(
            pl.when(number % 2 == 0).then(pl.lit("Yes")).otherwise(pl.lit("No"))
        ),
        **columns,
    }
    return as_manifest(picture_rows().with_columns(**given), root, Meta("asked", "Asked"))


def _read(folder: Path, split: str = "train") -> list[dict[str, Any]]:
    """Read a file as trainers do, and hold it to their rules."""
    entries = json.loads((folder / f"{split}.json").read_text("utf-8"))
    assert len({each["id"] for each in entries}) == len(entries)
    for entry in entries:
        turns = entry.get("messages") or [
            {"role": each["from"], "content": each["value"]} for each in entry["conversations"]
        ]
        roles = [each["role"] for each in turns]
        spoken = roles[roles[0] == "system" :]
        pair = ["user", "assistant"] if "messages" in entry else ["human", "gpt"]
        assert spoken == pair * (len(spoken) // 2)
        assert len(spoken) >= 2
        assert all(each["content"].strip() for each in turns)
        images = entry.get("images", entry.get("image", []))
        images = [images] if isinstance(images, str) else images
        text = "".join(each["content"] for each in turns)
        assert text.count("<image>") == len(images)
        assert not any(each in text for each in ("<video>", "<audio>"))
        for path in images:
            assert not Path(path).is_absolute()
            Image.open(folder / ("images" if "image" in entry else ".") / path).load()
    return entries


def _fixture(name: str, root: Path) -> Manifest:
    case = make_case(importlib.import_module(f"tests.fixtures.{name}"))
    root.mkdir(exist_ok=True)
    case.make(root)
    return case.read(root)


def test_questions_about_images(tmp_path: Path) -> None:
    out = _written(_asked(tmp_path / "raw"), tmp_path / "out")
    assert sorted(each.name for each in out.iterdir() if each.suffix == ".json") == [
        "medshelf.json", "test.json", "train.json", "val.json",
    ]  # fmt: skip
    entries = _read(out)
    assert [each["id"] for each in entries] == [f"{n:03}" for n in range(24)]
    assert entries[3] == {
        "id": "003",
        "image": "train/003.png",
        "conversations": [
            {"from": "human", "value": "<image>\nIs there a nodule in 3?"},
            {"from": "gpt", "value": "No"},
        ],
        "patient_id": "p1",
    }
    image = out / "images" / entries[3]["image"]
    assert image.read_bytes() == (tmp_path / "raw/images/003.png").read_bytes()
    assert len(_read(out, "val")) == len(_read(out, "test")) == 8


def test_prepared_images_are_png_of_the_size(tmp_path: Path) -> None:
    asked = Preparation(size=(32,), channels="rgb")
    out = _written(_asked(tmp_path / "raw"), tmp_path / "out", preparation=asked)
    image = Image.open(out / "images/test/033.png")
    assert (image.mode, image.size) == ("RGB", (32, 32))
    wanted = texture(33, (96, 96)).reshape(32, 3, 32, 3).mean(axis=(1, 3))
    assert np.abs(np.asarray(image)[..., 0] - wanted).max() <= 1


@pytest.mark.parametrize("form", ["sharegpt", "messages"])
def test_other_forms(form: str, tmp_path: Path) -> None:
    out = _written(_asked(tmp_path / "raw"), tmp_path / "out", options={"form": form})
    entry = _read(out, "test")[0]
    assert entry["images"] == ["images/test/032.png"]
    key = "messages" if form == "messages" else "conversations"
    assert set(entry[key][1].values()) == {"assistant" if form == "messages" else "gpt", "Yes"}
    info = json.loads((out / "dataset_info.json").read_text())["asked-test"]
    assert info["file_name"] == "test.json"
    assert info["formatting"] == "sharegpt"
    assert info["columns"] == {"messages": key, "images": "images"}
    assert ("tags" in info) == (form == "messages")


def test_hugging_face_reads_it(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    out = _written(_asked(tmp_path / "raw"), tmp_path / "out", options={"form": "messages"})
    files = {each: str(out / f"{each}.json") for each in ("train", "test")}
    found = datasets.load_dataset("json", data_files=files, cache_dir=str(tmp_path / "hub"))
    assert found["test"][1]["messages"] == _read(out, "test")[1]["messages"]


def test_options_have_letters(tmp_path: Path) -> None:
    options = pl.lit(["None", "A, B", "Käse\n“x”", "42"])
    manifest = _asked(
        tmp_path / "raw", options=options, answers=pl.lit(["Käse\n“x”"]), explanation=pl.lit("So.")
    )
    entry = _read(_written(manifest, tmp_path / "out"))[0]
    human, gpt = (each["value"] for each in entry["conversations"])
    assert human.startswith(
        "<image>\nIs there a nodule in 0?\nA. None\nB. A, B\nC. Käse\n“x”\nD. 42\n"
    )
    assert human.endswith("Answer with the letter of the right option.")
    assert (gpt, entry["explanation"]) == ("C", "So.")
    told = {"answer": "text", "instruction": "?"}
    entry = _read(_written(manifest, tmp_path / "text", options=told))[0]
    assert entry["conversations"][1]["value"] == "Käse\n“x”"
    assert entry["conversations"][0]["value"].endswith("D. 42")


def test_reports_and_captions_are_asked_for(tmp_path: Path) -> None:
    pictures(tmp_path / "raw")
    text = c.text(
        report=pl.format("No change in {}.", "sample_id"),
        caption=pl.lit("A chest."),
        context=pl.lit("Cough."),
    )
    manifest = as_manifest(picture_rows().with_columns(text=text), tmp_path / "raw")
    told = {"prompt-report": "写报告。"}
    entry = _read(_written(manifest, tmp_path / "out", options=told))[1]
    assert [each["value"] for each in entry["conversations"]] == [
        "<image>\nCough.\n\n写报告。", "No change in 001.", "Describe the image.", "A chest.",
    ]  # fmt: skip
    only = _read(_written(manifest, tmp_path / "only", options={"texts": "caption"}))[1]
    assert [each["value"] for each in only["conversations"]][1:] == ["A chest."]


def test_several_images_and_none(tmp_path: Path) -> None:
    given = {"member": None, "format": "png", "path": pl.format("images/{}.png", "sample_id")}
    two = c.entries(*[c.media("image", each, **given) for each in ("a", "b")])
    media = pl.when(pl.int_range(N_PICTURES) % 2 == 0).then(two)
    out = _written(_asked(tmp_path / "raw", media=media), tmp_path / "out")
    first, second = _read(out)[:2]
    assert first["image"] == ["train/000.0.png", "train/000.1.png"]
    assert first["conversations"][0]["value"].startswith("<image>\n<image>\nIs")
    assert "image" not in second
    assert second["conversations"][0]["value"] == "Is there a nodule in 1?"


@pytest.mark.parametrize(
    ("name", "n_images"),
    [
        ("slake_release", 7), ("omnimedvqa_release", 4), ("cmb_clin", 0), ("pubmedqa_labelled", 0),
        ("huatuo_26m_test", 0), ("meddialog_english", 0), ("meddialog_raw", 0),
    ],
)  # fmt: skip
def test_fixtures_keep_every_word(name: str, n_images: int, tmp_path: Path) -> None:
    manifest = _fixture(name, tmp_path / "raw")
    if name == "slake_release":
        manifest = Dataset(manifest).filter("array_length(answers) > 0").manifest
    out = _written(manifest, tmp_path / "out", on_error="skip", options={"ends": "cut"})
    samples = {each.id: each for each in Dataset(manifest)}
    lost = json.loads((out / "medshelf.json").read_text())["skipped"]
    entries = [
        entry
        for split in ("train", "val", "test", "all")
        if (out / f"{split}.json").exists()
        for entry in _read(out, split)
    ]
    assert {each["id"] for each in entries} == set(samples) - set(lost)
    assert sum("image" in each for each in entries) <= n_images
    assert len(entries) >= len(samples) - 1
    for entry in entries:
        sample = samples[entry["id"]]
        said = "\n".join(each["value"] for each in entry["conversations"])
        if sample.question:
            assert sample.question.text in said
            letters = "ABCDE"
            for letter, option in zip(letters, sample.question.options, strict=False):
                assert f"\n{letter}. {option}" in said
            answers = [
                letters[sample.question.options.index(each)] if sample.question.options else each
                for each in sample.question.answers
            ]
            assert entry["conversations"][-1]["value"] == ", ".join(answers)
        sides = [turn.role for turn in sample.turns]
        for turn in sample.turns[sides.index("patient") if sides else 0 :]:
            assert turn.content.strip() in said


def test_a_literal_token_in_a_source_is_not_taken_for_an_image(tmp_path: Path) -> None:
    manifest = _asked(
        tmp_path / "raw",
        question=pl.lit("What is <image>? And <video>, <audio>, <Image>?"),
        answers=pl.lit(["An <image>."]),
    )
    entry = _read(_written(manifest, tmp_path / "out"))[0]
    assert [each["value"] for each in entry["conversations"]] == [
        "<image>\nWhat is [image]? And [video], [audio], <Image>?", "An [image].",
    ]  # fmt: skip


def _dialogue(root: Path, turns: list[tuple[str, str]]) -> Manifest:
    said = [{"role": role, "content": content} for role, content in turns]
    rows = pl.DataFrame({"sample_id": ["a"]}).with_columns(turns=pl.Series([said]))
    root.mkdir()
    return as_manifest(rows, root, Meta("talk", "Talk"))


_TALK = [("doctor", "Hello"), ("patient", "Pain"), ("patient", " here "), ("doctor", "Rest")]


def test_a_dialogue_begins_with_the_human_and_ends_with_the_model(tmp_path: Path) -> None:
    manifest = _dialogue(tmp_path / "raw", [*_TALK, ("patient", "Ok")])
    with pytest.raises(SettingError, match="ends=cut"):
        _written(manifest, tmp_path / "out")
    out = _written(manifest, tmp_path / "cut", options={"ends": "cut"})
    assert [each["value"] for each in _read(out, "all")[0]["conversations"]] == [
        "Pain\nhere", "Rest",
    ]  # fmt: skip


def test_roles_are_stated_where_they_are_not_known(tmp_path: Path) -> None:
    manifest = _dialogue(tmp_path / "raw", [("system", "Be kind"), ("Rachel", "Hi"), ("Dr", "Yes")])
    with pytest.raises(SettingError, match="'Dr', 'Rachel'"):
        _written(manifest, tmp_path / "out")
    told = {"roles": "rachel=human,Dr=gpt"}
    out = _written(manifest, tmp_path / "said", options=told)
    assert _read(out, "all")[0]["conversations"] == [
        {"from": "system", "value": "Be kind"},
        {"from": "human", "value": "Hi"},
        {"from": "gpt", "value": "Yes"},
    ]
    for wrong in ("rachel", "rachel=doctor", "=gpt"):
        with pytest.raises(SettingError, match="nurse=gpt"):
            _written(manifest, tmp_path / "x", options={"roles": wrong})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(["patient", "doctor"]), st.text()), max_size=6),
    st.text() | st.none(),
    st.lists(st.text(min_size=1), max_size=4, unique=True),
    st.integers(0, 3),
)
def test_whatever_is_said_the_rules_hold(
    turns: list[tuple[str, str]], context: str | None, options: list[str], n_images: int
) -> None:
    rows = pl.DataFrame({"sample_id": ["a"]}).with_columns(
        turns=pl.Series(
            [[{"role": role, "content": text} for role, text in turns]],
            dtype=pl.List(pl.Struct({"role": pl.String, "content": pl.String})),
        ),
        text=c.text(context=pl.lit(context, pl.String), report=pl.lit("<image>r")),
        question=pl.lit("q"),
        options=pl.Series([options], dtype=pl.List(pl.String)),
        answers=pl.Series([options[:1] or ["a"]]),
    )
    sample = Dataset(as_manifest(rows, Path("raw"), Meta("x", "X")))[0]
    sides: Any = {"patient": "human", "doctor": "gpt"}
    said = conversation(sample, Wording(sides, {"report": "R?"}, "!", "letter", True), n_images)
    assert [each.side for each in said] == ["human", "gpt"] * (len(said) // 2)
    assert "".join(each.text for each in said).count(IMAGE) == n_images
    assert said[0].text.startswith("<image>\n" * n_images)
    assert all(each.text.strip() for each in said)


@pytest.mark.parametrize(
    ("change", "options", "problem"),
    [
        ({"answers": pl.lit([], pl.List(pl.String))}, {}, "40 questions have no answer"),
        ({"question": pl.lit(None, pl.String)}, {}, "40 samples have neither"),
        ({"options": pl.lit([str(n) for n in range(30)])}, {}, "30 options"),
        ({}, {"form": "alpaca"}, "llava or sharegpt or messages"),
        ({}, {"texts": "reports"}, "report, findings"),
        ({}, {"answer": "x"}, "letter or text"),
    ],
)
def test_what_cannot_be_is_refused(
    change: dict[str, pl.Expr], options: dict[str, str], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match=problem):
        _written(_asked(tmp_path / "raw", **change), tmp_path / "out", options=options)


def test_an_answer_that_is_no_option_is_listed(tmp_path: Path) -> None:
    number = pl.int_range(N_PICTURES)
    answers = pl.concat_list(pl.when(number == 2).then(pl.lit("Z")).otherwise(pl.lit("Yes")))
    manifest = _asked(tmp_path / "raw", options=pl.lit(["Yes", "No"]), answers=answers)
    out = _written(manifest, tmp_path / "out", on_error="skip")
    assert [each["id"] for each in _read(out)][:3] == ["000", "001", "003"]
    assert (
        "none of its options" in json.loads((out / "medshelf.json").read_text())["skipped"]["002"]
    )
    assert not (out / "images/train/002.png").exists()


def test_workers_do_not_show(tmp_path: Path) -> None:
    manifest = _asked(tmp_path / "raw")
    one = _written(manifest, tmp_path / "one")
    request = Request("llava", drop=_ALL, shard_size=7)
    two = convert(manifest, tmp_path / "two", request, Labour(workers=2)).folder
    digests = [
        {
            str(each.relative_to(out)): hashlib.sha256(each.read_bytes()).hexdigest()
            for each in sorted(out.rglob("*"))
            if each.is_file()
        }
        for out in (one, two)
    ]
    assert digests[0] == digests[1]
