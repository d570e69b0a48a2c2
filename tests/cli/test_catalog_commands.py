"""The commands on the catalog, run as a user runs them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from medshelf.catalog.learning import learning_paths
from medshelf.catalog.shelf import all_records
from tests.acquire.misbehaving_server import running


def medshelf(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "medshelf", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
        check=False,
    )


RECORD = """
id: my-ct
name: My CT
group: chest
dimensions: [3D]
modalities: [ct]
tasks: [segmentation]
access: open
homepage: {homepage}
released: 2026-01
lineage:
  - {{relation: derived_from, id: lidc-idri, evidence: made up}}
"""


@pytest.fixture
def records(tmp_path: Path) -> Path:
    folder = tmp_path / "records"
    folder.mkdir()
    text = RECORD.format(homepage="https://example.org/ct")
    (folder / "my-ct.yaml").write_text(text, "utf-8")
    return folder


def test_search_in_both_languages() -> None:
    english = medshelf("search", "chest x-ray", "--task", "detection")
    assert "nih-chest-xray" in english.stdout
    assert "Modality" in english.stdout
    chinese = medshelf("search", "胸部X光", "--task", "检测", "--lang", "zh")
    assert "nih-chest-xray" in chinese.stdout
    assert "模态" in chinese.stdout
    by_locale = medshelf("search", "胸部X光", LC_ALL="zh_CN.UTF-8")
    assert "模态" in by_locale.stdout


def test_search_as_json_and_facets() -> None:
    found = json.loads(medshelf("search", "polyp", "--access", "open", "--json").stdout)
    assert {each["access"] for each in found["hits"]} == {"open"}
    assert found["total"] >= len(found["hits"]) > 0
    facets = medshelf("search", "polyp", "--facets").stdout
    assert "segmentation" in facets


@pytest.mark.parametrize("text", ["", '"', "a OR (b", "🫁", "x" * 10_000, "乳"])
def test_no_text_is_too_odd_to_search(text: str) -> None:
    assert medshelf("search", text).returncode == 0


def test_a_wrong_facet_value_names_near_ones() -> None:
    done = medshelf("search", "--task", "segmentashun")
    assert done.returncode == 1
    assert "segmentation" in done.stderr


def test_info_compare_cite_lineage() -> None:
    card = medshelf("info", "nih-chest-xray").stdout
    for words in ("112,120", "text mining", "more than 90 %", "Known limitations", "NIH-Open"):
        assert words in card
    assert "不可用于临床" in medshelf("info", "nih-chest-xray", "--lang", "zh").stdout
    assert json.loads(medshelf("info", "lits", "--json").stdout)["id"] == "lits"
    table = medshelf("compare", "luna16", "lidc-idri").stdout
    assert "1,018" in table
    assert "888" in table
    assert "@" in medshelf("cite", "dermamnist").stdout
    assert "HAM10000" in medshelf("cite", "dermamnist", "--format", "apa").stdout
    assert "nih-chest-xray" in medshelf("lineage", "rsna-pneumonia-detection-challenge").stdout
    leak = medshelf("lineage", "chestmnist", "rsna-pneumonia-detection-challenge")
    assert "CAN LEAK" in leak.stdout
    assert (
        json.loads(medshelf("lineage", "lits", "kvasir-seg", "--json").stdout)["can_leak"] is False
    )


def test_a_record_of_ones_own_is_everywhere(records: Path) -> None:
    own = ("--records", str(records))
    assert "my-ct" in medshelf("search", "My CT", *own).stdout
    assert "My CT" in medshelf("info", "my-ct", *own).stdout
    assert "lidc-idri" in medshelf("lineage", "my-ct", *own).stdout
    assert "CAN LEAK" in medshelf("lineage", "my-ct", "luna16", *own).stdout
    assert "my-ct" in medshelf("catalog", "recent", "--since", "2026", *own).stdout
    assert "my-ct" not in medshelf("search", "My CT").stdout
    gate = medshelf("fetch", "my-ct", MEDSHELF_RECORDS=str(records))
    assert "must be fetched by hand" in gate.stderr


def test_a_malformed_record_is_reported_whole(records: Path) -> None:
    bad = records / "my-ct.yaml"
    bad.write_text(bad.read_text().replace("[ct]", "[x-rays]") + "colour: red\n", "utf-8")
    done = medshelf("catalog", "validate", str(bad))
    assert done.returncode == 1
    assert "my-ct.yaml:6 modalities.0: " in done.stdout
    assert "x-ray" in done.stdout
    assert "colour" in done.stdout
    assert medshelf("catalog", "validate").returncode == 0


def test_add_writes_a_skeleton_once(tmp_path: Path) -> None:
    words = ("catalog", "add", "my-mri", "--folder", str(tmp_path), "--name", "My MRI")
    done = medshelf(*words)
    assert done.stdout == f"{tmp_path / 'my-mri.yaml'}\n"
    assert "name: My MRI" in (tmp_path / "my-mri.yaml").read_text("utf-8")
    assert "exists already" in medshelf(*words).stderr


def test_recent_wants_a_date() -> None:
    assert "is no date" in medshelf("catalog", "recent", "--since", "yesterday").stderr
    lines = medshelf("catalog", "recent", "--since", "2024-10").stdout.splitlines()
    dates = [line[:7] for line in lines]
    assert dates == sorted(dates, reverse=True)
    assert min(dates) >= "2024-10"


def test_statistics(tmp_path: Path) -> None:
    picture = tmp_path / "counts.svg"
    done = medshelf("catalog", "stats", "--svg", str(picture), "--json")
    counts = json.loads(done.stdout)["counts"]
    assert counts["group"]["whole-body"] == sum(
        each.group == "whole-body" for each in all_records()
    )
    assert "<svg" in picture.read_text("utf-8")


def test_export(tmp_path: Path) -> None:
    lines = medshelf("catalog", "export", "--format", "jsonl").stdout.splitlines()
    assert {json.loads(line)["id"] for line in lines} >= {"nih-chest-xray", "breastmnist"}
    folder = tmp_path / "pages"
    assert (
        medshelf("catalog", "export", "--format", "markdown", "--out", str(folder)).returncode == 0
    )
    assert "nih-chest-xray" in (folder / "README.md").read_text("utf-8")


def test_check_links_on_a_server(records: Path) -> None:
    with running() as server:
        (records / "my-ct.yaml").write_text(RECORD.format(homepage=server.url("404")), "utf-8")
        done = medshelf("check-links", "my-ct", "--records", str(records), "--pause", "0")
    assert done.returncode == 1
    assert "dead" in done.stdout


STEPS = [step for path in learning_paths().values() for step in path.steps]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.command)
def test_every_step_of_a_learning_path_runs(step: object, tmp_path: Path) -> None:
    program, *words = shlex.split(step.command)  # type: ignore[attr-defined]
    assert program == "medshelf"
    done = medshelf(*words, MEDSHELF_HOME=str(tmp_path), MEDSHELF_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_learn_in_both_languages() -> None:
    assert "Beginner" in medshelf("learn").stdout
    assert "研究者" in medshelf("learn", "researcher", "--lang", "zh").stdout
    assert "Choose one of" in medshelf("learn", "wizard").stderr
