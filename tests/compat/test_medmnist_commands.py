"""`python -m medshelf.compat.medmnist`: its commands and flags, beside the peer's."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from medshelf.compat import medmnist as ours
from medshelf.compat.medmnist import __main__ as commands
from medshelf.compat.medmnist import files
from tests.compat.medmnist_sets import write_set
from tests.medmnist_files import COUNTS

PICTURES = sum(COUNTS.values())


def run_program(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "medshelf.compat.medmnist", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HOME": str(home)},
    )


@pytest.mark.usefixtures("peer")
def test_available_prints_what_the_peer_prints(capsys: pytest.CaptureFixture[str]) -> None:
    importlib.import_module("medmnist.__main__").available()
    theirs = capsys.readouterr().out
    assert commands.main(["available"]) == 0
    assert capsys.readouterr().out == theirs


@pytest.mark.parametrize(
    "words", [["pathmnist"], ["--flag=pathmnist"], ["--flag", "pathmnist"]], ids=str
)
def test_info_prints_the_entry_as_the_peer_does(
    peer: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
) -> None:
    monkeypatch.setitem(
        peer.INFO["pathmnist"], "description", ours.INFO["pathmnist"]["description"]
    )
    importlib.import_module("medmnist.__main__").info("pathmnist")
    theirs = capsys.readouterr().out
    assert commands.main(["info", *words]) == 0
    assert capsys.readouterr().out == theirs
    assert json.loads(theirs)["python_class"] == "PathMNIST"


@pytest.mark.parametrize(
    ("words", "n_files", "ending"),
    [
        (["--flag={flag}", "--folder={out}", "--postfix=bmp", "--root={root}"], PICTURES, "bmp"),
        (["--folder", "{out}", "--flag", "{flag}", "--root", "{root}"], PICTURES, "png"),
        (["{flag}", "{out}", "jpg", "{root}", "False", "28"], PICTURES, "jpg"),
        (["{flag}", "--root={root}", "{out}", "png", "--size=None"], PICTURES, "png"),
        (["--root={root}", "{flag}", "{out}", "--nodownload"], PICTURES, "png"),
        (["--flag={flag}", "{out}", "--root={root}"], PICTURES, "png"),
        (["--download=False", "{flag}", "{out}", "--root={root}"], PICTURES, "png"),
    ],
    ids=["named", "spaced", "placed", "mixed", "off", "filled", "false"],
)
def test_save_takes_flags_in_every_form(
    root: Path, tmp_path: Path, words: list[str], n_files: int, ending: str
) -> None:
    write_set(root, "breastmnist")
    out = tmp_path / "out"
    values = {"flag": "breastmnist", "out": out, "root": root}
    assert commands.main(["save", *(word.format(**values) for word in words)]) == 0
    assert len(list(out.glob(f"breastmnist/*.{ending}"))) == n_files
    assert len((out / "breastmnist.csv").read_text().splitlines()) == n_files


def test_save_of_volumes_needs_no_ending(root: Path, tmp_path: Path) -> None:
    write_set(root, "nodulemnist3d", 64)
    words = ["nodulemnist3d", str(tmp_path / "out"), f"--root={root}", "--size=64"]
    assert commands.main(["save", *words]) == 0
    assert len(list((tmp_path / "out" / "nodulemnist3d_64").glob("*.gif"))) == PICTURES


@pytest.mark.parametrize(
    ("words", "sizes"),
    [
        ([], {28: 18}),
        (["--size=64"], {64: 18}),
        (["128"], {128: 12}),
        (["--size", "all"], {28: 18, 64: 18, 128: 12, 224: 12}),
    ],
    ids=str,
)
def test_download_fetches_every_set_of_the_size(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    sizes: dict[int, int],
) -> None:
    fetched: list[tuple[str, int, object]] = []
    monkeypatch.setattr(files, "fetch", lambda *words: fetched.append(words))
    assert commands.main(["download", *words, f"--root={root}"]) == 0
    assert [size for _, size, _ in fetched] == [size for size, n in sizes.items() for _ in range(n)]
    assert len(set(fetched)) == len(fetched)
    assert {place for _, _, place in fetched} == {str(root)}
    out = capsys.readouterr().out
    assert out.count("Downloading ") == len(fetched)
    assert "Downloading pathmnist       | PathMNIST       | Size: " in out


def test_clean_deletes_the_datasets_files_only(root: Path) -> None:
    write_set(root, "breastmnist")
    for name in ("organmnist3d_64.npz", "pathmnist_224.npz"):
        (root / name).write_text("")
    mine = {"mymnist.npz", "breastmnist_28.npz", "breastmnist_63.npz", "xbreastmnist.npz", "a.csv"}
    for name in mine:
        (root / name).write_text("precious")
    assert commands.main(["clean", f"--root={root}"]) == 0
    assert {path.name for path in root.iterdir()} == mine
    assert commands.main(["clean", str(root / "no such folder")]) == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["info", "breastmist"], "Did you mean: breastmnist"),
        (["download", "--size=32", "--root=."], "no size 32"),
        (["download", "--root=/no/such"], "'/no/such' does not exist"),
        (["save", "breastmnist", "out", "--root=."], "Dataset not found"),
        (["evaluate", "breastmnist_dev.csv"], "breastmnist_dev.csv"),
    ],
    ids=str,
)
def test_failures_are_one_sentence(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(root)
    assert commands.main(words) == 1
    error = capsys.readouterr().err
    assert told in error
    assert error.startswith("medmnist: ")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["train"],
        ["info"],
        ["info", "breastmnist", "more"],
        ["info", "breastmnist", "--size=28"],
        ["save", "--flag=breastmnist"],
        ["save", "breastmnist", "out", "--download=maybe"],
    ],
    ids=str,
)
def test_wrong_usage_exits_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        commands.main(words)
    assert caught.value.code == 2
    assert "usage: python -m medshelf.compat.medmnist" in capsys.readouterr().err


def test_evaluate_reads_the_default_root(tmp_path: Path) -> None:
    write_set(tmp_path / "user" / ".medmnist", "breastmnist")
    path = tmp_path / "breastmnist_test@run1.csv"
    path.write_text("".join(f"{index},{index % 2}\n" for index in range(COUNTS["test"])))
    done = run_program("evaluate", f"--path={path}", home=tmp_path / "user")
    assert (done.returncode, done.stdout) == (0, "Metrics(AUC=1.0, ACC=1.0)\n"), done.stderr
    assert "not the published file" in done.stderr
    assert (tmp_path / "breastmnist_test_[AUC]1.000_[ACC]1.000@run1.csv").is_file()
