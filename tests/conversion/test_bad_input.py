"""What goes wrong in the midst of a conversion: nothing is lost, and the next run goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from medshelf.conversion.choosing import Choosing, choose
from medshelf.conversion.preparation import Preparation
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core.errors import FormatError, SettingError, StorageError
from medshelf.core.files import lock
from medshelf.core.manifest import Manifest, read_manifest
from tests.cli.test_commands import medshelf
from tests.quality.miniatures import N_PICTURES, as_manifest, picture_meta, picture_rows, pictures

_HERE = Labour(workers=0)
_DROP = frozenset({"masks", "boxes"})


def _request(**asked: object) -> Request:
    return Request("image-folder", **{"drop": _DROP, "shard_size": 3, **asked})


def _bytes(folder: Path) -> dict[str, bytes]:
    found = sorted(each for each in folder.rglob("*") if each.is_file())
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in found}


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    pictures(tmp_path / "raw").write(tmp_path / "m.parquet")
    return read_manifest(tmp_path / "m.parquet", tmp_path / "raw")


_ON_A_SMALL_DISK = """
mount -t tmpfs -o size=160k tmpfs disk || exit 77
"$0" -c "$1"; first=$?
find disk/.out.part -name 'shard-*' | wc -l
mount -o remount,size=20m disk
"$0" -c "$1"; second=$?
cp -r disk/out product
echo $first $second
"""
_PROGRAM = """
import sys
from pathlib import Path
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core.errors import StorageError
from medshelf.core.manifest import read_manifest
request = Request("image-folder", drop=frozenset({"masks", "boxes"}), shard_size=3)
try:
    convert(read_manifest(Path("m.parquet"), Path("raw")), "disk/out", request, Labour(workers=0))
except StorageError as error:
    print(error)
    sys.exit(5)
"""


def test_a_full_disk_is_told_and_the_next_run_goes_on(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    words = ["unshare", "-Urm", "sh", "-c", _ON_A_SMALL_DISK, sys.executable, _PROGRAM]
    try:
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("unshare is not installed")
    if done.returncode in (1, 77) and "5 0" not in done.stdout:
        pytest.skip(f"no small disk can be mounted here: {done.stderr}")
    *said, n_shards, codes = done.stdout.splitlines()
    assert codes == "5 0", done.stdout + done.stderr
    assert "No space left on device" in said[0]
    assert "Free some disk space" in said[1]
    assert 0 < int(n_shards) < N_PICTURES / 3
    convert(manifest, tmp_path / "whole", _request(), _HERE)
    assert _bytes(tmp_path / "product") == _bytes(tmp_path / "whole")


def test_a_folder_that_another_run_writes_is_refused(manifest: Manifest, tmp_path: Path) -> None:
    with lock(tmp_path / "out"), pytest.raises(StorageError, match="in use by another"):
        convert(manifest, tmp_path / "out", _request(), _HERE)
    convert(manifest, tmp_path / "out", _request(), _HERE)


_DEADLY = """
import os, signal, sys
def hook(event, args):
    if event == "open" and str(args[0]).endswith("images/004.png"):
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
"""


@pytest.mark.parametrize("target", ["image-folder", "webdataset"])
def test_samples_that_kill_their_process(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    request = replace(_request(), target=target)
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(_DEADLY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    some = choose(manifest, Choosing(limit=6))
    out, workers = tmp_path / "out", Labour(workers=2)
    with pytest.raises(FormatError, match=r"(?s)sample 004 .*SIGKILL.*--on-error skip"):
        convert(some, out, request, workers)
    assert not out.exists()
    done = convert(some, out, replace(request, on_error="skip"), workers)
    assert set(done.skipped) == {"004"}
    assert done.n_written == 5
    rest = choose(manifest, Choosing(limit=6, filter="sample_id != '004'"))
    rest = replace(rest, frame=rest.frame.head(5))
    convert(rest, tmp_path / "rest", request, _HERE)
    found, expected = _bytes(out), _bytes(tmp_path / "rest")
    assert found.pop("medshelf.json") != expected.pop("medshelf.json")
    assert found == expected


def test_what_was_skipped_is_not_taken_for_written_by_a_stricter_run(
    manifest: Manifest, tmp_path: Path
) -> None:
    asked, out = {"preparation": Preparation(size=(16,))}, tmp_path / "out"
    (manifest.root / "images/003.png").write_bytes(b"no picture")
    with pytest.raises(FormatError, match="like no PNG"):
        convert(manifest, out, _request(**asked), _HERE)
    (tmp_path / ".out.part/labels.csv").mkdir()  # a table that cannot be written
    with pytest.raises(StorageError, match=r"labels\.csv"):
        convert(manifest, out, _request(on_error="skip", **asked), _HERE)
    with pytest.raises(FormatError, match=r"(?s)sample 003 cannot be converted.*--overwrite"):
        convert(manifest, out, _request(**asked), _HERE)


def test_a_killed_replacement_leaves_the_old_product_or_the_new_one(
    manifest: Manifest, tmp_path: Path
) -> None:
    out, flat = tmp_path / "out", _request(options={"classes": "none"}, existing="overwrite")
    convert(manifest, out, _request(), _HERE)
    convert(manifest, tmp_path / "flat", flat, _HERE)
    expected = _bytes(tmp_path / "flat")
    # as if killed between the two renames: the old product aside, the new one whole in its stage
    (tmp_path / "flat").rename(tmp_path / ".out.part")
    out.rename(tmp_path / ".out.old")
    done = convert(manifest, out, flat, _HERE)
    assert done.n_written == N_PICTURES
    assert _bytes(out) == expected
    assert not list(tmp_path.glob(".out.*old")) + list(tmp_path.glob(".out.part"))


@pytest.mark.parametrize("left", [(), (".work",)])
def test_a_stage_killed_before_it_was_anyones_is_taken(
    manifest: Manifest, tmp_path: Path, left: tuple[str, ...]
) -> None:
    (tmp_path / ".out.part").joinpath(*left).mkdir(parents=True)
    assert convert(manifest, tmp_path / "out", _request(), _HERE).n_written == N_PICTURES


def test_half_written_files_of_killed_processes_are_no_part_of_the_product(
    manifest: Manifest, tmp_path: Path
) -> None:
    (manifest.root / "images/003.png").rename(manifest.root / "away.png")
    with pytest.raises(FormatError, match=r"003\.png"):
        convert(manifest, tmp_path / "out", _request(), _HERE)
    half = tmp_path / ".out.part/train/benign"
    half.mkdir(parents=True, exist_ok=True)
    (half / ".003.png.part").write_bytes(b"half")
    convert(manifest, tmp_path / "out", _request(on_error="skip"), _HERE)
    assert not list((tmp_path / "out").rglob(".*"))


def test_a_product_around_the_raw_tree_is_refused(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(manifest.root)
    for folder in (manifest.root.parent, tmp_path / "link/out"):
        with pytest.raises(SettingError, match="raw tree"):
            convert(manifest, folder, _request(existing="overwrite"), _HERE)


def test_samples_without_an_image_are_named_or_left_out(tmp_path: Path) -> None:
    pictures(tmp_path / "raw")
    bare = pl.col("sample_id").is_in(["002", "020"])
    media = pl.when(bare).then(pl.col("media").list.head(0)).otherwise(pl.col("media"))
    manifest = as_manifest(picture_rows().with_columns(media), tmp_path / "raw")
    with pytest.raises(SettingError, match="Sample 002 has no image"):
        convert(manifest, tmp_path / "out", _request(), _HERE)
    done = convert(manifest, tmp_path / "out", _request(on_error="skip"), _HERE)
    assert done.skipped == dict.fromkeys(("002", "020"), done.skipped["002"]) | {
        "020": "Sample 020 has no image"
    }


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--limit", "0"), 2, "--limit"),
        (("--filter", "age_years > 500"), 1, "No sample of 'miniature-pictures' is left"),
        (("--with", "clases=none"), 1, "Did you mean: classes"),
    ],
)
def test_wrong_words_on_the_command_line(
    manifest: Manifest, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    given = ["convert", str(tmp_path / "m.parquet"), str(tmp_path / "out"), "--to", "image-folder"]
    done = medshelf(*given, "--root", str(manifest.root), "--drop", "masks,boxes", *words)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not sorted(tmp_path.glob(".out.part"))


@pytest.mark.parametrize(
    ("licence", "said"),
    [
        ("CC-BY-ND-4.0", "NoDerivatives 4.0 International, does not allow to pass changed data on"),
        ("PhysioNet-Credentialed-1.5.0", "1.5.0, does not allow to pass the data on"),
        ("CC-BY-4.0", ""),
    ],
)
def test_a_licence_that_forbids_passing_on_is_acknowledged(
    tmp_path: Path, licence: str, said: str
) -> None:
    pictures(tmp_path / "raw")
    meta = replace(picture_meta(), licence=licence)
    as_manifest(picture_rows(), tmp_path / "raw", meta).write(tmp_path / "m.parquet")
    words = ["convert", str(tmp_path / "m.parquet"), str(tmp_path / "out"), "--to", "image-folder"]
    words += ["--root", str(tmp_path / "raw"), "--drop", "masks,boxes"]
    words += ["--limit", "3", "--workers", "1"]
    done = medshelf(*words)
    assert (done.returncode == 1) == bool(said)
    if said:
        assert said in done.stderr
        assert "--acknowledge-terms" in done.stderr
        assert not os.path.lexists(tmp_path / "out")
        done = medshelf(*words, "--acknowledge-terms")
    assert done.returncode == 0, done.stderr
    assert f'"licence": "{licence}"' in (tmp_path / "out/medshelf.json").read_text()
