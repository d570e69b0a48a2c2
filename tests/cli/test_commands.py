"""The command line, run as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from medshelf.catalog.shelf import all_records
from tests.medmnist_files import make_file


def medshelf(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "medshelf", *words],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_file(tmp_path / "raw", "breastmnist")
    return tmp_path / "raw"


def test_version_and_help() -> None:
    assert medshelf("--version").stdout == "0.1.0\n"
    shown = medshelf("--help").stdout
    assert "Not for clinical use" in shown
    for command in ("list", "fetch", "benchmark", "leaderboard", "evaluate", "demo"):
        assert command in shown
        assert medshelf(command, "-h").returncode == 0


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom medshelf.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'numpy', 'polars', 'pydantic', 'torch', 'httpx', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_list_as_text_and_json() -> None:
    lines = medshelf("list").stdout.splitlines()
    assert len(lines) == sum(each.reader is not None for each in all_records())
    assert len({line.split()[0] for line in lines}) == len(lines) > 30
    assert any(
        line.split()[:5] == ["breastmnist", "2D", "binary", "780", "samples"] for line in lines
    )
    records = json.loads(medshelf("list", "--json").stdout)
    assert sum(len(each["files"]) for each in records if each.get("collection") == "MedMNIST") == 60


def test_dry_run_says_what_would_be_done(tmp_path: Path) -> None:
    done = medshelf("fetch", "breastmnist", "--size", "224", "--dry-run")
    assert "30,903,564 bytes" in done.stdout
    assert "md5:b56378a6eefa9fed602bb16d192d4c8b" in done.stdout
    assert (
        "would fetch https://zenodo.org/records/10519652/files/breastmnist_224.npz" in done.stdout
    )
    (row,) = json.loads(medshelf("fetch", "breastmnist", "--dry-run", "--json").stdout)
    assert row["present"] is False
    assert row["target"] == str(tmp_path / "home" / "raw" / "breastmnist" / "breastmnist.npz")
    assert not (tmp_path / "home").exists()


def test_fetch_of_a_generated_set_prints_the_folder_alone(tmp_path: Path) -> None:
    done = medshelf("fetch", "phantom-grey-binary")
    assert done.stdout == f"{tmp_path / 'home' / 'raw' / 'phantom-grey-binary'}\n"
    assert "CC0-1.0" in done.stderr
    quiet = medshelf("fetch", "phantom-grey-binary", "--quiet", "--json")
    assert quiet.stderr == ""
    assert json.loads(quiet.stdout)["files"] == ["phantom-grey-binary.npz"]


def test_fetch_of_a_real_file_on_the_search_path(real_data: Path) -> None:
    done = medshelf("fetch", "breastmnist", MEDSHELF_DATA=str(real_data))
    assert done.stdout == f"{real_data}\n"
    assert "CC-BY-4.0" in done.stderr
    assert "Dataset of breast ultrasound images" in done.stderr


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (
            ["fetch", "brestmnist"],
            1,
            "Unknown dataset 'brestmnist'.\n  -> Did you mean: breastmnist",
        ),
        (["fetch", "organmnist3d", "--size", "128"], 1, "Unknown size of organmnist3d '128'"),
        (["fetch", "breastmnist", "--offline"], 1, "MEDSHELF_OFFLINE"),
        (["benchmark", "breastmnist"], 1, "medshelf fetch breastmnist"),
        (["benchmark", "organmnist3d", "--models", "resnet18"], 1, "has 3D images"),
        (["benchmark", "breastmnist", "--seeds", "0"], 2, "seeds"),
        (["benchmark", "breastmnist", "--seeds", "0,one"], 2, "nor a list, such as 0,1,7"),
        (["benchmark", "breastmnist", "--seeds", "0,1,0"], 1, "The seed 0 is named twice: 0, 1, 0"),
        (["benchmark", "breastmnist", "--models", "resnet"], 1, "Did you mean: resnet"),
        (["benchmark", "breastmnist", "--workers", "2"], 2, "--workers without --queue"),
        (["benchmark", "breastmnist", "--device", "cuda:0,cuda:1"], 2, "several devices without"),
        (["benchmark"], 1, "No dataset is named"),
        (["benchmark", "--all"], 1, "None of 18 datasets is at hand"),
        (["protocols", "medmnist"], 1, "Did you mean: medmnist-28"),
        (["evaluate", "nothing.csv"], 1, "Rename the file"),
        (["leaderboard", "nothing"], 1, "Unknown dataset"),
        (["fetch"], 2, "Missing argument"),
        (["lisst"], 2, "No such command"),
    ],
)
def test_failures_are_one_sentence_and_a_remedy(
    words: list[str], status: int, message: str
) -> None:
    done = medshelf(*words)
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_modified_file_is_refused_and_can_be_allowed(folder: Path) -> None:
    options = ["--root", str(folder), "--epochs", "1", "--seeds", "1"]
    refused = medshelf("benchmark", "breastmnist", *options)
    assert refused.returncode == 1
    assert "is not the published file: md5:" in refused.stderr
    assert "--allow-modified" in refused.stderr
    pytest.importorskip("torch")
    allowed = medshelf(
        "benchmark", "breastmnist", *options, "--allow-modified", "--json", "--quiet"
    )
    assert allowed.stderr == ""
    (found,) = json.loads(allowed.stdout)["runs"]
    assert found["caveats"][1] == "modified data, not the published files"
    path = next(Path(found["folder"]).glob("breastmnist_test*.csv"))
    scored = medshelf("evaluate", str(path), "--root", str(folder), "--allow-modified")
    assert scored.stdout.startswith("modified data")
    assert "majority floor     0.556 (always 'malignant')" in scored.stdout
    values = json.loads(
        medshelf("evaluate", str(path), "--root", str(folder), "--allow-modified", "--json").stdout
    )
    assert values["auc"] == pytest.approx(found["test"]["auc"])
    assert values["modified"] is True


def test_leaderboard_as_text_json_and_page(tmp_path: Path) -> None:
    page = tmp_path / "board.html"
    done = medshelf("leaderboard", "breastmnist", "--html", str(page), NO_COLOR="1")
    assert "published (quoted)" in done.stdout
    assert "0.874 ± 0.012" in done.stdout
    assert "\x1b" not in done.stdout
    assert "0.874 ± 0.012" in page.read_text("utf-8")
    rows = json.loads(medshelf("leaderboard", "breastmnist", "--json").stdout)
    assert len(rows) == 8
    assert rows[0]["method"] == "Google AutoML Vision"


def test_the_demo_runs_without_a_network() -> None:
    pytest.importorskip("torch")
    done = medshelf("demo", "--epochs", "1", MEDSHELF_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    assert "generated images, NOT medical data" in done.stderr
    *_, report, look = done.stdout.splitlines()
    assert look == "look at its samples: medshelf serve phantom-grey-binary"
    text = Path(report.removeprefix("report: ")).read_text("utf-8")
    assert "Synthetic data" in text
    assert "Not for clinical use" in text


def test_the_demo_takes_the_real_file_where_there_is_one(real_data: Path) -> None:
    pytest.importorskip("torch")
    done = medshelf("demo", "--epochs", "1", MEDSHELF_DATA=str(real_data), MEDSHELF_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    *_, report, look = done.stdout.splitlines()
    assert look == "look at its samples: medshelf serve breastmnist"
    page = Path(report.removeprefix("report: ")).read_text("utf-8")
    assert "BreastMNIST: ResNet-18 (28)" in page
    assert "(1 epoch, not the protocol (100))" in done.stdout


def test_a_wrong_switch_is_explained() -> None:
    done = medshelf("leaderboard", "breastmnist", MEDSHELF_OFFLINE="perhaps")
    assert done.returncode == 1
    assert "MEDSHELF_OFFLINE=perhaps is neither yes nor no" in done.stderr
