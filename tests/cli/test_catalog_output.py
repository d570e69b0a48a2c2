"""What `info`, `compare` and `catalog` print: whole at any width, harmless, in both languages."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from medshelf.catalog.shelf import all_records, find_record
from medshelf.cli import app
from medshelf.core.errors import MedshelfError, SettingError
from tests.catalog.hostile import TEXTS
from tests.medmnist_files import make_file

RUNNER = CliRunner()


def run(*words: str, width: int = 80) -> str:
    """Run a command as in a terminal of some width; own errors are raised."""
    done = RUNNER.invoke(app, list(words), env={"LC_ALL": "C.UTF-8", "COLUMNS": str(width)})
    if isinstance(done.exception, MedshelfError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def n_columns(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in line.rstrip())


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_comparisons_fit_and_nothing_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, width: int, language: str
) -> None:
    monkeypatch.setattr("medshelf.cli.tables.PIPE_WIDTH", width)
    ids = ["luna16", "lidc-idri", "chestmnist", "lits", "nih-chest-xray"]
    text = run("compare", *ids, "--lang", language, width=width)
    assert max(map(n_columns, text.splitlines())) <= width
    assert "…" not in text
    for each in ids:
        assert set(find_record(each).name.split()) | {each} <= set(text.split())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_cards_fit_but_for_preformatted_text(
    monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setattr("medshelf.cli.tables.PIPE_WIDTH", 80)
    for dataset in ("lits", "bloodmnist", "chexpert", "btcv"):
        text = run("info", dataset, "--lang", language)
        assert "…" not in text
        wide = [each for each in text.splitlines() if n_columns(each) > 80]
        record = find_record(dataset)
        kept = f"{record.file_tree} {text.split('@', 1)[-1]}"
        assert all(each.strip() in kept for each in wide), wide


def test_a_card_says_all_that_matters_before_use() -> None:
    text = run("info", "nih-chest-xray")
    for words in ("Not for clinical use", "text mining of reports", "more than 90 %", "NIH-Open"):
        assert words in text
    assert "许可协议" in run("info", "chexpert", "--lang", "zh")
    assert "DUO:0000046 仅限非商业使用" in run("info", "chexpert", "--lang", "zh")


def test_statistics_are_in_the_language_asked_for() -> None:
    assert "Head and neck" in run("catalog", "stats")
    chinese = run("catalog", "stats", "--lang", "zh")
    assert "个合成体模" in chinese
    assert "头颈" in chinese


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder of records whose texts try to be more."""
    folder = tmp_path / "records"
    folder.mkdir()
    for number, text in enumerate(TEXTS):
        record = {
            "id": f"made-{number}",
            "name": text,
            "aliases": [text],
            "group": "chest",
            "dimensions": ["2D"],
            "modalities": ["x-ray"],
            "tasks": ["classification"],
            "access": "open",
            "limitations": [text],
            "file_tree": text,
            "label_stats": [{"name": f"[red]{text}[/red]", "cases": 3}],
        }
        (folder / f"made-{number}.yaml").write_text(json.dumps(record), "utf-8")
    return folder


def test_hostile_texts_do_not_rule_the_terminal(
    monkeypatch: pytest.MonkeyPatch, hostile: Path
) -> None:
    monkeypatch.setenv("MEDSHELF_RECORDS", str(hostile))
    for number in range(len(TEXTS)):
        card = run("info", f"made-{number}")
        side = run("compare", f"made-{number}", "lits")
        for text in (card, side):
            assert not [each for each in text if each != "\n" and not each.isprintable()]
        assert "[red]" in card


def test_a_picture_of_data_at_hand_else_a_schematic(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    run("info", "breastmnist", "--picture", str(folder))
    assert sorted(each.name for each in folder.iterdir()) == ["breastmnist.svg"]
    run("info", "phantom-rgb-binary", "--picture", str(folder))
    assert (folder / "phantom-rgb-binary.png").read_bytes().startswith(b"\x89PNG")


def test_files_that_are_not_the_published_ones_are_not_shown(tmp_path: Path) -> None:
    make_file(tmp_path / "data", "breastmnist")
    run("info", "breastmnist", "--picture", str(tmp_path / "pictures"))
    assert (tmp_path / "pictures" / "breastmnist.svg").is_file()


def test_pages_show_samples_where_the_licence_allows(real_data: Path, tmp_path: Path) -> None:
    ids = ("breastmnist", "lits")
    environment = {"MEDSHELF_DATA": str(real_data), "LC_ALL": "C.UTF-8"}
    words = ["catalog", "export", *ids, "--format", "markdown", "--out"]
    for name, more in (("plain", []), ("shown", ["--previews"])):
        done = RUNNER.invoke(app, [*words, str(tmp_path / name), *more], env=environment)
        assert done.exit_code == 0, done.output
    plain, shown = (
        sorted(each.name for each in (tmp_path / name / "datasets").iterdir())
        for name in ("plain", "shown")
    )
    assert plain == ["breastmnist.md", "breastmnist.svg", "lits.md", "lits.svg"]
    assert shown == ["breastmnist.md", "breastmnist.png", "lits.md", "lits.svg"]


def test_counts_are_drawn_as_svg_and_png(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    svg, png = tmp_path / "a.svg", tmp_path / "a.png"
    run("catalog", "stats", "--svg", str(svg), "--png", str(png), "--lang", "zh")
    assert "头颈" in svg.read_text("utf-8")
    assert png.read_bytes().startswith(b"\x89PNG")


def test_tables_and_one_croissant_go_to_stdout() -> None:
    assert len(run("catalog", "export").splitlines()) == len(list(all_records()))
    found = pl.read_csv(run("catalog", "export", "--format", "csv").encode())
    assert found["id"].to_list() == [each.id for each in all_records()]
    one = json.loads(run("catalog", "export", "lits", "--format", "croissant"))
    assert one["name"] == "LiTS"
    older = run("catalog", "export", "lits", "--format", "croissant", "--croissant-version", "1.0")
    assert json.loads(older)["conformsTo"][0].endswith("/1.0")


@pytest.mark.parametrize("form", ["parquet", "markdown", "croissant"])
def test_other_forms_want_a_place(form: str) -> None:
    with pytest.raises(SettingError, match="--out"):
        run("catalog", "export", "--format", form)


def test_an_export_does_not_replace_anything(tmp_path: Path) -> None:
    path = tmp_path / "catalog.csv"
    run("catalog", "export", "lits", "--format", "csv", "--out", str(path), "--lang", "zh")
    assert "分割" in path.read_text("utf-8")
    with pytest.raises(SettingError, match="exists already"):
        run("catalog", "export", "--format", "csv", "--out", str(path))
