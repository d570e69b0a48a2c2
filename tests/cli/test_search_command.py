"""`medshelf search` as a user sees it: in a pipe, in terminals of several widths, as JSON."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from rich.cells import cell_len

UNSET = {"COLUMNS", "NO_COLOR", "FORCE_COLOR"}


def medshelf_search(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "medshelf", "search", *words],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
    )


@pytest.fixture(autouse=True)
def kept_index(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Share one cache among the tests, so that the index is made once."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "search-cache"))


def in_terminal(width: int, *words: str, **environment: str) -> str:
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    with subprocess.Popen(
        [sys.executable, "-m", "medshelf", "search", *words],
        stdout=child,
        stderr=subprocess.DEVNULL,
        env={**kept, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environment},
    ):
        os.close(child)
        shown = b""
        while True:
            try:
                shown += os.read(parent, 65536)
            except OSError:  # the other end is closed
                break
    os.close(parent)
    return shown.decode()


def test_a_pipe_gets_one_aligned_line_per_hit_without_colour() -> None:
    done = medshelf_search("pulmonary nodule CT", "--limit", "5", FORCE_COLOR="1")
    header, *lines = done.stdout.splitlines()
    names = ["Id", "Name", "Modality", "Task", "Samples", "Access", "Licence", "Year"]
    assert header.split() == names
    assert len(lines) == 5
    assert all(each[: header.index("Name")].strip().islower() for each in lines)
    assert "luna16" in [each.split()[0] for each in lines[:3]]
    assert "\x1b" not in done.stdout
    remarks = done.stderr.splitlines()
    assert remarks[0] == "Understood as: Condition: Lung nodule · Modality: CT"
    assert remarks[-1].endswith("shown: 5")


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_lines_fit_the_terminal(width: int, language: str) -> None:
    shown = in_terminal(width, "pulmonary nodule CT", "--lang", language, NO_COLOR="1")
    lines = [each.replace("\x1b[1m", "").replace("\x1b[0m", "") for each in shown.splitlines()]
    assert max(cell_len(each.rstrip()) for each in lines) <= width
    assert any(each.startswith("dicom-lidc-idri-nodules  ") for each in lines)
    assert {"en": "CT", "zh": "分割"}[language] in "".join(lines)


def test_a_long_id_is_whole_where_it_fits() -> None:
    dataset = "x-ray-hand-small-joint-classification-dataset"
    for width in (60, 120):
        assert dataset in in_terminal(width, dataset, "--limit", "1")


def test_ids_are_bold_and_there_is_no_colour_to_forbid() -> None:
    assert "\x1b[1mluna16\x1b[0m" in in_terminal(80, "luna16", "--limit", "1")


def test_json_holds_the_remarks_and_facets() -> None:
    found = json.loads(medshelf_search("retinopaty", "--json", "--lang", "zh").stdout)
    assert found["suggestions"] == {"retinopaty": "retinopathy"}
    assert "未收录“retinopaty”，已按“retinopathy”检索。" in found["remarks"]  # noqa: RUF001
    assert found["facets"]["task"][0].keys() == {"value", "label", "count"}


def test_facets_are_named_in_both_languages() -> None:
    english = medshelf_search("polyp", "--facets").stdout.splitlines()
    assert "Modality" in english
    assert any(each.split()[1:] == ["endoscopy", "Endoscopy"] for each in english)
    chinese = medshelf_search("polyp", "--facets", "--lang", "zh").stdout.splitlines()
    assert "模态" in chinese
    assert any(each.split()[1:] == ["endoscopy", "内窥镜"] for each in chinese)


def test_nothing_found_prints_no_table_and_what_to_loosen() -> None:
    done = medshelf_search("pulmonary nodule CT", "--format", "bmp", "--task", "detection")
    assert done.stdout == ""
    assert "No dataset was found." in done.stderr
    assert "“File formats: bmp” alone leaves nothing." in done.stderr


def test_names_with_brackets_are_shown_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "bracketed.yaml").write_text(
        'id: bracketed\nname: "[red]Zyxomma[/red] :lungs:"\ngroup: chest\ndimensions: [3D]\n'
        "modalities: [ct]\ntasks: [segmentation]\naccess: open\n"
    )
    for width in (80, 120):
        shown = in_terminal(width, "bracketed", "--records", str(tmp_path), "--limit", "1")
        assert "[red]Zyxomma[/red]" in shown
        assert ":lungs:" in shown
