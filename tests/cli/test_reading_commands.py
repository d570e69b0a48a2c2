"""read, show and new-reader, run as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from tests.cli.test_commands import medshelf
from tests.fixtures import nih_chest_xray_kaggle


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    nih_chest_xray_kaggle.make(tmp_path / "raw")
    return tmp_path / "raw"


def test_read_says_what_is_there_and_what_is_not(raw: Path) -> None:
    done = medshelf("read", "nih-chest-xray", "--root", str(raw))
    assert done.returncode == 0, done.stderr
    shown = " ".join(done.stdout.split())
    assert "7 rows (image), 4 patients" in shown
    assert "train 4, test 3" in shown
    assert "text mining of reports" in shown
    assert "Label counts differ between the 2017 and the 2020 table" in shown
    assert "PA 5, AP 2" in shown
    assert "1 files that it names are not there: 00000003_001.png" in shown
    assert "sample_id=00000001_000" in shown


def test_read_as_json_and_parquet(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "nih.parquet"
    done = medshelf("read", "nih-chest-xray", "--root", str(raw), "--json", "--out", str(out))
    found = json.loads(done.stdout)
    assert found["n_samples"] == 7
    assert found["by_split"] == {"train": 4, "test": 3}
    assert {each["rule"] for each in found["meta"]["issues"]} >= {"file-missing", "age-implausible"}
    assert pl.read_parquet(out).height == 7


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--strict",), "is not complete"),
        (("-o", "table=other.csv"), "'other.csv'"),
        (("-o", "colour=red"), "Its options are: table"),
    ],
)
def test_read_refuses(raw: Path, words: tuple[str, ...], said: str) -> None:
    done = medshelf("read", "nih-chest-xray", "--root", str(raw), *words)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_read_wrong_usage(raw: Path) -> None:
    done = medshelf("read", "nih-chest-xray", "--root", str(raw), "-o", "table")
    assert done.returncode == 2
    assert "NAME=VALUE" in done.stderr


def test_read_without_files(tmp_path: Path) -> None:
    done = medshelf("read", "nih-chest-xray", "--root", str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_show(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.png"
    words = ("--root", str(raw), "--out", str(out), "--edge", "128")
    done = medshelf("show", "nih-chest-xray", "00000003_000", *words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(out)
    with Image.open(out) as shown:
        assert shown.size[0] > 700
    first = out.read_bytes()
    assert medshelf("show", "nih-chest-xray", "4", *words).returncode == 0
    assert out.read_bytes() == first  # number 4 is that sample


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("7",), "0 to 6"),
        (("7", "--id"), "00000001_000"),
        (("nope",), "00000001_000"),
        (("0", "--window", "lunge"), "Did you mean: lung"),
    ],
)
def test_show_refuses(raw: Path, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    out = tmp_path / "x.png"
    done = medshelf("show", "nih-chest-xray", *words, "--root", str(raw), "--out", str(out))
    assert done.returncode == 1
    assert said in done.stderr
    assert not out.exists()


def test_new_reader_wants_a_checkout(tmp_path: Path) -> None:
    done = medshelf("new-reader", "my-set", "--folder", str(tmp_path))
    assert done.returncode == 1
    assert "--folder" in done.stderr
