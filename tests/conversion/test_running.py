"""A product is whole or not there, the same bytes however often the work was interrupted."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core.errors import FormatError, SettingError, StorageError, UnknownNameError
from medshelf.core.manifest import Manifest, read_manifest
from tests.quality.miniatures import N_PICTURES, pictures

_HERE = Labour(workers=0)
_DROP = frozenset({"masks", "boxes"})


def _request(**asked: object) -> Request:
    return Request("image-folder", **{"drop": _DROP, "shard_size": 3, **asked})


def _bytes(folder: Path) -> dict[str, str]:
    return {
        str(each.relative_to(folder)): hashlib.sha256(each.read_bytes()).hexdigest()
        for each in sorted(folder.rglob("*"))
        if each.is_file()
    }


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return pictures(tmp_path / "raw")


def test_workers_and_shards_do_not_show(manifest: Manifest, tmp_path: Path) -> None:
    convert(manifest, tmp_path / "one", _request(), _HERE)
    convert(manifest, tmp_path / "two", _request(), Labour(workers=2))
    assert _bytes(tmp_path / "one") == _bytes(tmp_path / "two")
    assert not list(tmp_path.glob(".*.part"))


def test_the_product_says_where_it_came_from(manifest: Manifest, tmp_path: Path) -> None:
    converted = convert(manifest, tmp_path / "out", _request(), _HERE)
    assert converted.n_written == N_PICTURES
    assert converted.dropped == ("masks", "boxes")
    card = json.loads((tmp_path / "out/medshelf.json").read_text())
    assert card["dataset"] == "miniature-pictures"
    assert card["licence"] == "CC-BY-4.0"
    assert card["n_samples"] == {"train": 24, "val": 8, "test": 8}
    assert "clinical" in card["notice"]
    sources = pl.read_parquet(tmp_path / "out/provenance.parquet")
    assert sources.height == 2 * N_PICTURES
    for path, digest in sources.select("path", "sha256").iter_rows():
        assert hashlib.sha256((manifest.root / path).read_bytes()).hexdigest() == digest


_SCRIPT = """
import sys
from pathlib import Path
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core.manifest import read_manifest
if __name__ == "__main__":
    root, out = map(Path, sys.argv[1:3])
    request = Request(sys.argv[3], drop=frozenset({"masks", "boxes"}), shard_size=3)
    convert(read_manifest(root.parent / "m.parquet", root), out, request, Labour(workers=1))
"""


@pytest.mark.parametrize(
    ("target", "seed"), [("image-folder", 7), ("image-folder", 8), ("webdataset", 9), ("hf", 10)]
)
def test_a_run_that_is_killed_goes_on_to_the_same_bytes(
    manifest: Manifest, tmp_path: Path, target: str, seed: int
) -> None:
    manifest.write(tmp_path / "m.parquet")
    again = read_manifest(tmp_path / "m.parquet", manifest.root)
    request = Request(target, drop=_DROP, shard_size=3)
    convert(again, tmp_path / "whole", request, _HERE)
    chance, out = random.Random(seed), tmp_path / "out"
    words = [sys.executable, "-c", _SCRIPT, str(manifest.root), str(out), target]
    for _ in range(3):
        process = subprocess.Popen(words, start_new_session=True, stderr=subprocess.DEVNULL)
        stage = tmp_path / ".out.part"
        while process.poll() is None and not stage.is_dir():
            time.sleep(0.02)
        time.sleep(chance.uniform(0.0, 1.0))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert out.is_dir() or not (out / "medshelf.json").exists()
    if not out.is_dir():
        convert(again, out, request, _HERE)
    assert _bytes(out) == _bytes(tmp_path / "whole")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="there is no /proc to look into")
def test_a_shard_is_on_the_disk_before_it_counts_as_done(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures_synced: set[int] = set()
    at_shard, fsync = [], os.fsync

    def noted(file: int) -> None:
        name = str(Path(f"/proc/self/fd/{file}").readlink())
        if ".png" in name:
            pictures_synced.add(os.fstat(file).st_ino)
        if "shard-" in name:
            at_shard.append(len(pictures_synced))
        fsync(file)

    monkeypatch.setattr(os, "fsync", noted)
    convert(manifest, tmp_path / "out", _request(), _HERE)
    assert at_shard == [3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 32, 35, 38, 40]


def test_what_lies_there_is_not_replaced_unasked(manifest: Manifest, tmp_path: Path) -> None:
    out = tmp_path / "out"
    convert(manifest, out, _request(), _HERE)
    before = _bytes(out)
    with pytest.raises(StorageError, match="--overwrite"):
        convert(manifest, out, _request(), _HERE)
    same = convert(manifest, out, _request(existing="resume"), _HERE)
    assert same.n_written == N_PICTURES
    assert _bytes(out) == before
    with pytest.raises(StorageError, match="--overwrite"):
        convert(manifest, out, _request(existing="resume", options={"classes": "none"}), _HERE)
    convert(manifest, out, _request(existing="overwrite", options={"classes": "none"}), _HERE)
    assert _bytes(out) != before


def test_only_products_are_replaced(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter.txt").write_text("irreplaceable")
    with pytest.raises(StorageError, match="not deleted"):
        convert(manifest, tmp_path / "thesis", _request(existing="overwrite"), _HERE)
    assert (tmp_path / "thesis/chapter.txt").read_text() == "irreplaceable"


def test_what_another_conversion_left_is_not_mixed_in(manifest: Manifest, tmp_path: Path) -> None:
    out, image = tmp_path / "out", manifest.root / "images/030.png"
    content = image.read_bytes()
    image.write_bytes(content[:100])
    with pytest.raises(FormatError, match=r"030\.png"):
        convert(manifest, out, _request(preparation=_small()), _HERE)
    image.write_bytes(content)
    with pytest.raises(StorageError, match="unfinished"):
        convert(manifest, out, _request(), _HERE)
    convert(manifest, out, _request(existing="overwrite"), _HERE)
    convert(manifest, tmp_path / "clean", _request(), _HERE)
    assert _bytes(out) == _bytes(tmp_path / "clean")


def _small() -> object:
    from medshelf.conversion.preparation import Preparation

    return Preparation(size=(16,))


def test_samples_that_cannot_be_read_are_listed(manifest: Manifest, tmp_path: Path) -> None:
    for name in ("images/003.png", "images/039.png"):
        (manifest.root / name).write_bytes(b"\x89PNG\r\n\x1a\n")
    request = _request(preparation=_small(), on_error="skip")
    converted = convert(manifest, tmp_path / "out", request, _HERE)
    assert set(converted.skipped) == {"003", "039"}
    assert converted.n_written == N_PICTURES - 2
    card = json.loads((tmp_path / "out/medshelf.json").read_text())
    assert set(card["skipped"]) == {"003", "039"}
    assert not list((tmp_path / "out").rglob("003.png"))


def test_the_raw_tree_is_never_written(manifest: Manifest) -> None:
    before = _bytes(manifest.root)
    with pytest.raises(SettingError, match="raw tree"):
        convert(manifest, manifest.root / "images/out", _request(), _HERE)
    assert _bytes(manifest.root) == before


def test_unknown_names_are_refused_before_anything_is_written(
    manifest: Manifest, tmp_path: Path
) -> None:
    for request in (Request("image-foldr"), _request(options={"clases": "none"})):
        with pytest.raises(UnknownNameError):
            convert(manifest, tmp_path / "out", request, _HERE)
    with pytest.raises(SettingError, match="--drop masks,boxes"):
        convert(manifest, tmp_path / "out", _request(drop=frozenset()), _HERE)
    assert not list(tmp_path.glob(".out*"))
