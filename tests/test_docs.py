"""What the documentation says is true: its code runs, its links lead somewhere, nothing is lost."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

import medshelf
from medshelf.benchmark.protocol import protocol_ids
from medshelf.cli import app
from medshelf.core.manifest import SCHEMA
from tests.contract.making import picture, text
from tests.fixtures import iu_xray_kaggle, nih_chest_xray_kaggle
from tests.medmnist_files import make_file

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]


def make_nih(root: Path, n_patients: int) -> None:
    """Build ChestX-ray14 in miniature, one image per patient."""
    names = [f"{number:08}_000.png" for number in range(1, n_patients + 1)]
    rows = [f"{each},No Finding,0,{int(each[:8])},61,F,PA,8,6,0.1,0.1" for each in names]
    text(root / "Data_Entry_2017_v2020.csv", "\n".join([nih_chest_xray_kaggle.HEADER, *rows]))
    text(root / "BBox_List_2017.csv", "Image Index,Finding Label,Bbox [x,y,w,h],,,\n")
    text(root / "train_val_list.txt", "\n".join(names[:30]))
    text(root / "test_list.txt", "\n".join(names[30:]))
    for grey, name in enumerate(names):
        picture(root / "images" / name, grey)


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.M)


def without_comments(code: str) -> str:
    return re.sub(r" *#.*", "", code)


def commands() -> dict[str, Any]:
    group: Any = typer.main.get_command(app)
    return dict(group.commands)


def options(command: Any) -> set[str]:
    """Return the long options of a command, or of all commands of a group."""
    found = {each.opts[0] for each in command.params if each.opts[0].startswith("--")}
    return found.union(*(options(each) for each in getattr(command, "commands", {}).values()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_both_readmes_show_the_same_code_and_numbers() -> None:
    english, chinese = READMES
    for language in ("sh", "python"):
        assert [without_comments(each) for each in blocks(english, language)] == [
            without_comments(each) for each in blocks(chinese, language)
        ]
    numbers = [
        re.findall(r"\d\.\d{3}(?: ± \d\.\d{3})?", page.read_text("utf-8")) for page in READMES
    ]
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_the_readmes_python_runs(page: Path, tmp_path: Path) -> None:
    make_file(tmp_path / "data", "breastmnist")
    make_nih(tmp_path / "nih", 40)
    iu_xray_kaggle.make(tmp_path / "iu")
    code = "\n".join(blocks(page, "python"))
    for written, here in (
        ("download=True", "download=True, allow_modified=True"),
        ("/data/nih", str(tmp_path / "nih")),
        ("/data/iu", str(tmp_path / "iu")),
    ):
        assert written in code
        code = code.replace(written, here)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "montage.png").read_bytes().startswith(b"\x89PNG")
    assert len(list((tmp_path / "folder" / "breastmnist").iterdir())) == 12


@pytest.mark.parametrize("page", READMES, ids=lambda page: page.name)
def test_the_readmes_commands_exist_with_their_options(page: Path) -> None:
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    used = [line.split() for line in lines if line.startswith("medshelf ")]
    assert {words[1] for words in used} >= {"search", "info", "fetch", "benchmark"}
    for _, name, *words in used:
        assert {word for word in words if word.startswith("--")} <= options(commands()[name])
    targets = re.findall(r"^make (\w+)", "\n".join(lines), re.M)
    makefile = (ROOT / "Makefile").read_text()
    assert targets == ["demo", "test"]
    assert all(re.search(rf"^{target}:", makefile, re.M) for target in targets)


def test_every_command_and_option_is_described() -> None:
    text = (ROOT / "docs" / "commands.md").read_text("utf-8")
    sections = dict(re.findall(r"^## ([\w-]+)\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.M))
    assert set(sections) == set(commands())
    for name, command in commands().items():
        assert command.help
        described = set(re.findall(r"--[a-z-]+", sections[name]))
        assert described - {"--help"} == options(command) - {"--help"}, name
        for below in getattr(command, "commands", {}):
            assert f"medshelf {name} {below}" in sections[name]


def test_every_column_is_described() -> None:
    text = (ROOT / "docs" / "manifest.md").read_text("utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text, re.M) == list(SCHEMA)


def test_every_protocol_is_described() -> None:
    text = (ROOT / "docs" / "commands.md").read_text("utf-8")
    assert all(f"`{each}`" in text for each in protocol_ids())


def test_the_version_is_one() -> None:
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"version: {medshelf.__version__}\n" in citation
    assert f"## {medshelf.__version__} " in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_modules_are_short_and_named_for_what_they_are() -> None:
    vague = {"utils", "util", "common", "base", "helpers", "misc"}
    for module in (ROOT / "src").rglob("*.py"):
        assert module.stem not in vague, module
        assert len(module.read_text("utf-8").splitlines()) <= 330, module


def test_listings_are_sorted() -> None:
    """An unsorted listing gives another order on another machine."""
    for module in (ROOT / "src").rglob("*.py"):
        for line in module.read_text("utf-8").splitlines():
            if re.search(r"\.(glob|rglob|iterdir)\(", line):
                assert "sorted(" in line, f"{module}: {line}"
