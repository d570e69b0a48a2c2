"""`profile`, `check` and `rules` as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from medshelf.cli import app
from tests.quality.miniatures import as_manifest, picture_rows, pictures

_RUNNER = CliRunner()


def _run(*words: object) -> tuple[int, str]:
    result = _RUNNER.invoke(app, [str(each) for each in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    pictures(tmp_path).write(tmp_path / "clean.parquet")
    return tmp_path / "clean.parquet"


@pytest.fixture
def leaking(tmp_path: Path) -> Path:
    pictures(tmp_path)
    number = pl.int_range(pl.len())
    patient = pl.when(number.is_in([0, 39])).then(pl.lit("same")).otherwise(number)
    rows = picture_rows().with_columns(patient_id=patient)
    as_manifest(rows, tmp_path).write(tmp_path / "leaking.parquet")
    return tmp_path / "leaking.parquet"


def test_a_check_fails_from_a_severity_on(leaking: Path) -> None:
    status, text = _run("check", leaking, "--no-pixels", "--select", "leakage")
    assert status == 1
    assert "patient-leakage" in text
    assert "000, 039" in text
    assert "-> " in text
    assert _run("check", leaking, "--no-pixels", "--fail-on", "never")[0] == 0
    assert _run("check", leaking, "--no-pixels", "--ignore", "leakage")[0] == 0


def test_issues_are_accepted_by_a_baseline(leaking: Path, tmp_path: Path) -> None:
    accepted = tmp_path / "accepted.json"
    words = ("check", leaking, "--no-pixels", "--select", "leakage")
    assert _run(*words, "--write-baseline", accepted)[0] == 1
    status, text = _run(*words, "--baseline", accepted)
    assert status == 0
    assert "1 accepted before" in text


def test_json_and_page_say_the_same(leaking: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    words = ("check", leaking, "--select", "patient-leakage", "--workers", "1")
    _, text = _run(*words, "--json", "--quiet", "--html", page)
    told = json.loads(text)
    (issue,) = told["issues"]
    assert issue["samples"] == ["000", "039"]
    assert issue["id"] in page.read_text("utf-8")


def test_what_makes_no_sense_is_wrong_usage_or_an_error(clean: Path) -> None:
    assert _run("check", clean, "--set", "near-duplicates.radius=x")[0] == 2
    assert _run("check", clean, "--fail-on", "sometimes")[0] == 2
    for words in (("--select", "patient-leak"), ("--set", "no-rule.x=1")):
        with pytest.raises(Exception, match=r"Did you mean|Choose one of"):
            _run("check", clean, *words)


def test_a_profile_is_printed_and_written(clean: Path, tmp_path: Path) -> None:
    page, card = tmp_path / "page.html", tmp_path / "card.md"
    words = ("profile", clean, "--workers", "1", "--html", page, "--markdown", card)
    status, text = _run(*words)
    assert status == 0
    for told in ("96", "malignant", "tumour", "train 24"):
        assert told in text
    assert "Not for clinical use" in page.read_text("utf-8")
    assert card.read_text("utf-8").startswith("---\n")
    assert "训练集 24" in _run("profile", clean, "--no-pixels", "--lang", "zh")[1]


def test_a_profile_as_json(clean: Path) -> None:
    told = json.loads(_run("profile", clean, "--no-pixels", "--json", "--quiet")[1])
    assert told["counts"]["n_samples"] == 40
    assert told["pixels"] is False


def test_a_manifest_of_no_record_has_nothing_to_be_compared_with(clean: Path) -> None:
    with pytest.raises(Exception, match="no record 'miniature-pictures'"):
        _run("profile", clean, "--no-pixels", "--against-catalog")


def test_rules_are_listed_and_explained() -> None:
    assert "near-duplicates" in _run("rules")[1]
    told = _run("rules", "patient-leakage")[1]
    assert all(part in told for part in ("What.", "Why.", "Example.", "Remedy."))
    listed = json.loads(_run("rules", "leakage", "--json")[1])
    assert {each["area"] for each in listed} == {"leakage"}
    assert "患者" in _run("rules", "patient-leakage", "--lang", "zh")[1]
    assert "### patient-leakage" in _run("rules", "--markdown")[1]
