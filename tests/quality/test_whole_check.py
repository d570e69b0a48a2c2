"""All rules at once: silent on clean sets, exact on planted faults, and the same however run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from medshelf.core.issues import Issue
from medshelf.core.manifest import Manifest
from medshelf.quality.case import Case
from medshelf.quality.checking import check
from medshelf.quality.passes import Passes
from medshelf.quality.rulebook import all_rules
from tests.quality.miniatures import as_manifest, picture_rows, pictures, volumes

HERE = Passes(workers=0)
NOT_RUN = {"label-errors", "lock-mismatch", "face-in-head-volume", "source-leakage"}
"""What needs predictions, a record or another dataset."""


def found(manifest: Manifest, passes: Passes = HERE) -> tuple[Issue, ...]:
    """Return what all rules find, after a look whether all of them were run."""
    checked = check(Case(manifest, passes=passes))
    assert {*checked.ran} == {each.id for each in all_rules()} - NOT_RUN
    return checked.issues


def faulty(root: Path) -> Manifest:
    """Return the clean pictures with five faults, of which none touches another."""
    pictures(root)
    Image.new("L", (96, 96), 7).save(root / "images/001.png")  # one value
    data = (root / "images/006.png").read_bytes()
    (root / "images/006.png").write_bytes(data[: len(data) // 2])  # cut short
    shutil.copy(root / "images/010.png", root / "images/038.png")  # train and test
    mask = Image.open(root / "masks/013.png")
    mask.putpixel((48, 48), 9)  # a value of no meaning
    mask.save(root / "masks/013.png")
    moved = pl.when(pl.col("sample_id") == "021").then(pl.lit("test")).otherwise("split")
    return as_manifest(picture_rows().with_columns(split=moved), root)  # a patient in two splits


FAULTS = {
    "constant-image": ("001",),
    "unreadable-media": ("006",),
    "exact-duplicates": ("010", "038"),
    "outside-legend": ("013",),
    "patient-leakage": ("020", "021"),
}


@pytest.mark.parametrize("make", [pictures, volumes])
def test_no_rule_finds_anything_in_a_clean_set(
    tmp_path: Path, make: Callable[[Path], Manifest]
) -> None:
    assert found(make(tmp_path / "clean")) == ()


def test_five_faults_are_five_issues_however_many_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = faulty(tmp_path / "raw")
    alone = found(manifest)
    assert {each.rule: each.samples for each in alone} == FAULTS
    assert len(alone) == len(FAULTS)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    together = found(manifest, Passes(workers=2))
    assert [each.id for each in together] == [each.id for each in alone]
    assert together == alone


def test_no_file_is_opened_where_pixels_are_left_out(tmp_path: Path) -> None:
    manifest = faulty(tmp_path / "raw")
    for path in sorted(manifest.root.rglob("*.png")):
        path.write_bytes(b"no picture")
    checked = check(Case(manifest, passes=Passes(workers=0, pixels=False)))
    assert [(each.rule, each.samples) for each in checked.issues] == [
        ("patient-leakage", FAULTS["patient-leakage"])
    ]
    assert not (Path(os.environ["XDG_CACHE_HOME"]) / "medshelf/measures").exists()


def test_a_check_that_was_killed_goes_on_and_finds_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = volumes(tmp_path / "raw")
    (manifest.root / "images/005.nii.gz").write_bytes(b"")
    rows = manifest.frame.collect()
    copies = [
        rows.with_columns(sample_id=pl.format("{}-{}", n, "sample_id")) for n in range(10, 22)
    ]
    many = Manifest(pl.concat(copies).lazy(), manifest.meta, manifest.root)
    many.write(tmp_path / "many.parquet")
    script = (
        "import sys; from medshelf.api import quality; from medshelf.quality.passes import Passes\n"
        "passes = Passes(workers=0)\n"
        "quality.check(sys.argv[1], root=sys.argv[2], passes=passes)\n"
    )
    paths = (str(tmp_path / "many.parquet"), str(manifest.root))
    process = subprocess.Popen([sys.executable, "-c", script, *paths])
    cache = Path(os.environ["XDG_CACHE_HOME"])
    shards: list[Path] = []
    while process.poll() is None and len(shards) < 3:
        time.sleep(0.002)
        shards = sorted(cache.glob("medshelf/measures/*/*/shards/[!.]*.parquet"))
    process.kill()
    assert process.wait() != 0, "it was to be killed before its end"
    assert shards
    resumed = found(many)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    whole = found(many)
    assert resumed == whole
    assert [(each.rule, len(each.samples)) for each in whole] == [("unreadable-media", 12)]
