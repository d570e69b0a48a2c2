"""One pass over a manifest: errors as rows, the cache, workers, and what a killed run left."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from medshelf.core import columns as c
from medshelf.core.assembly import assemble
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats.npz import write_arrays
from medshelf.imaging.hashing import phash, reduced
from medshelf.parallel.run import Lost, Outcome
from medshelf.quality.case import Case
from medshelf.quality.measures import MEDIA_MEASURES, REGION_MEASURES, Measures
from medshelf.quality.measuring import measure as module
from medshelf.quality.measuring.measure import measure
from medshelf.quality.measuring.task import MeasuringTask
from medshelf.quality.passes import Passes
from tests.quality.miniatures import (
    EDGE,
    SHAPE,
    SPACING_MM,
    as_manifest,
    drawn_mask,
    picture_rows,
    pictures,
    texture,
    volumes,
)

HERE = Passes(workers=0)


def both(measures: Measures) -> tuple[pl.DataFrame, pl.DataFrame]:
    return measures.media.collect(), measures.regions.collect()


def assert_same(first: Measures, second: Measures) -> None:
    for one, other in zip(both(first), both(second), strict=True):
        assert_frame_equal(one, other, check_exact=True)


def fresh_cache(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))


def kept_folder() -> Path:
    (folder,) = sorted(Path(os.environ["XDG_CACHE_HOME"]).glob("medshelf/measures/*/*/"))
    return folder


def test_pictures_are_measured_as_they_were_made(tmp_path):
    media, regions = both(Case(pictures(tmp_path / "raw"), passes=HERE).measures)
    assert media.schema == MEDIA_MEASURES
    assert regions.schema == REGION_MEASURES
    assert media["error"].null_count() == media.height == 80
    assert media["row"].to_list() == [each for each in range(40) for _ in range(2)]
    assert media["place"].to_list() == [0, 1] * 40
    row = media.row(6, named=True)
    made = texture(3, (EDGE, EDGE))
    assert (row["sample_id"], row["role"], row["actual_format"]) == ("003", "image", "png")
    assert (row["n_x"], row["n_y"], row["n_z"], row["channels"]) == (EDGE, EDGE, None, 1)
    assert (row["dtype"], row["bits"], row["axes"]) == ("uint8", 8, "YX")
    assert (row["mean"], row["minimum"]) == (made.mean(), made.min())
    assert row["size_bytes"] == (tmp_path / "raw/images/003.png").stat().st_size
    assert row["phash"] == int(phash(reduced(made)[None])[0])
    assert regions.height == 80
    tumour = regions.row(7, named=True)
    where = drawn_mask(3, (EDGE, EDGE)) == 2
    assert (tumour["sample_id"], tumour["structure"]) == ("003", "tumour")
    assert (tumour["n_pixels"], tumour["n_components"]) == (where.sum(), 1)
    assert tumour["intensity_mean"] == made[where].mean()


def test_volumes_are_measured_as_they_were_made(tmp_path):
    media, regions = both(measure(volumes(tmp_path / "raw"), HERE))
    assert media["error"].null_count() == media.height == 16
    row = media.row(0, named=True)
    assert (row["n_x"], row["n_y"], row["n_z"]) == SHAPE
    assert (row["spacing_x_mm"], row["spacing_y_mm"], row["spacing_z_mm"]) == SPACING_MM
    assert (row["orientation"], row["oblique_degrees"], row["shear_degrees"]) == ("RAS", 0, 0)
    assert (row["text_score"], row["actual_format"]) == (None, "nii.gz")
    made = texture(100, SHAPE).astype(np.int16) * 4 - 400
    assert row["mean"] == pytest.approx(made.mean(), rel=1e-15)
    liver = regions.row(0, named=True)
    where = drawn_mask(0, SHAPE) == 1
    assert liver["volume_mm3"] == where.sum() * 3.0
    assert liver["intensity_mean"] == pytest.approx(made[where].mean())


def test_workers_do_not_change_a_bit(tmp_path, monkeypatch):
    manifest = volumes(tmp_path / "raw")
    alone = measure(manifest, HERE)
    fresh_cache(monkeypatch, tmp_path / "other")
    assert_same(alone, measure(manifest, Passes(workers=2)))


def test_what_was_measured_is_kept_until_something_changes(tmp_path):
    root = tmp_path / "raw"
    manifest = pictures(root)
    first = measure(manifest, HERE)
    stored = kept_folder() / "media.parquet"
    assert sorted(each.name for each in kept_folder().iterdir() if each.name[0] != ".") == [
        "media.parquet",
        "regions.parquet",
        "rows.parquet",
    ]
    before = stored.stat().st_mtime_ns
    assert_same(first, measure(pictures_again(root), HERE))
    assert stored.stat().st_mtime_ns == before
    (root / "images/000.png").write_bytes((root / "images/001.png").read_bytes())
    changed = measure(manifest, HERE).media.collect()
    assert changed["pixel_digest"][0] == changed["pixel_digest"][2]


def pictures_again(root: Path) -> Manifest:
    return as_manifest(picture_rows(), root)


def test_another_legend_is_another_measurement(tmp_path):
    manifest = pictures(tmp_path / "raw")
    meta = c.with_legend(manifest.meta, {"1": "liver"})
    assert measure(manifest, HERE).regions.collect()["in_legend"].all()
    regions = measure(as_manifest(picture_rows(), manifest.root, meta), HERE).regions.collect()
    assert regions.filter(~pl.col("in_legend"))["values"].to_list() == ["2"] * 40


def test_a_killed_run_goes_on_and_gives_the_same(tmp_path, monkeypatch):
    root = tmp_path / "raw"
    manifest = volumes(root)
    rows = manifest.frame.collect()
    copies = [rows.with_columns(sample_id=pl.format("{}-{}", n, "sample_id")) for n in range(12)]
    rows = pl.concat(copies)
    rows.write_parquet(tmp_path / "rows.parquet")
    script = (
        "import sys; from pathlib import Path; import polars as pl\n"
        "from medshelf.core.manifest import Manifest, Meta\n"
        "from medshelf.quality.passes import Passes\n"
        "from medshelf.quality.measuring.measure import measure\n"
        "rows = pl.scan_parquet(sys.argv[1])\n"
        "meta = Meta('many', 'Many', dimensions=3)\n"
        "measure(Manifest(rows, meta, Path(sys.argv[2])), Passes(workers=0))\n"
    )
    paths = (str(tmp_path / "rows.parquet"), str(root))
    process = subprocess.Popen([sys.executable, "-c", script, *paths])
    shards: list[Path] = []
    while process.poll() is None and len(shards) < 3:
        time.sleep(0.002)
        cache = Path(os.environ["XDG_CACHE_HOME"])
        shards = sorted(cache.glob("medshelf/measures/many/*/shards/[!.]*.parquet"))
    process.kill()
    assert process.wait() != 0, "it was to be killed before its end"
    assert shards
    many = Manifest(rows.lazy(), Meta("many", "Many", dimensions=3), root)
    resumed = measure(many, HERE)
    fresh_cache(monkeypatch, tmp_path / "other")
    assert_same(resumed, measure(many, HERE))


def test_an_item_that_ends_its_process_is_a_row(tmp_path):
    manifest = pictures(tmp_path / "raw")
    whole_media, whole_regions = both(measure(manifest, HERE))
    rows = module._rows_of(manifest)
    folder = tmp_path / "work"
    folder.mkdir()
    rows.write_parquet(folder / "rows.parquet")
    task = MeasuringTask(folder / "rows.parquet", manifest.root, manifest.meta)
    kept = (*range(5), *range(6, 40))
    task(kept, folder / "0.parquet")
    lost = (Lost(5, "its process was ended by SIGSEGV"),)
    module._join(rows, Outcome((folder / "0.parquet",), lost), folder)
    media = pl.read_parquet(folder / "media.parquet")
    assert media.schema == MEDIA_MEASURES
    others = pl.col("row") != 5
    assert_frame_equal(media.filter(others), whole_media.filter(others))
    crashed = media.filter(~others)
    assert crashed["error"].to_list() == ["crash", "crash"]
    assert crashed["error_message"][0] == "its process was ended by SIGSEGV"
    assert crashed["path"].to_list() == ["images/005.png", "masks/005.png"]
    assert media["row"].to_list() == whole_media["row"].to_list()
    assert_frame_equal(pl.read_parquet(folder / "regions.parquet"), whole_regions.filter(others))


def damage(root: Path) -> None:
    (root / "images/000.png").unlink()
    (root / "images/001.png").write_bytes(b"")
    data = (root / "images/002.png").read_bytes()
    (root / "images/002.png").write_bytes(data[: len(data) // 2])
    (root / "images/003.png").write_bytes(b"<html>Not found</html>" * 20)
    jpeg = (root / "images/004.png").read_bytes()
    (root / "images/004.png").write_bytes(jpeg[:60] + b"\0" * 200 + jpeg[260:])


def test_files_that_cannot_be_decoded_are_rows(tmp_path):
    manifest = pictures(tmp_path / "raw")
    damage(manifest.root)
    media, regions = both(measure(manifest, HERE))
    found = media.filter(pl.col("error").is_not_null())
    assert found["error"].to_list() == ["missing", "empty", "truncated", "damaged", "damaged"]
    assert found["row"].to_list() == [0, 1, 2, 3, 4]
    assert found["error_message"].null_count() == 0
    assert found["size_bytes"].to_list()[:2] == [None, 0]
    assert found["actual_format"].to_list() == [None, None, "png", None, "png"]
    after = list(MEDIA_MEASURES)[list(MEDIA_MEASURES).index("dtype") :]
    assert all(found[each].null_count() == found.height for each in after)
    assert media.height == 80
    assert regions["intensity_mean"].is_null().sum() == 10


def as_rows(root: Path, *media: pl.Expr, n_rows: int = 1, dimensions: int | None = 2) -> Manifest:
    rows = pl.DataFrame({"sample_id": [f"{each:03}" for each in range(n_rows)]})
    rows = rows.with_columns(media=c.entries(*media))
    return assemble(rows, Meta("set", "Set", dimensions=dimensions), root)


def one(role: str, name: str, path: str, kind: str | None, **fields: object) -> pl.Expr:
    given = {"member": None, "format": pl.lit(kind), **fields}
    return c.media(role, name, path=pl.lit(path), **given)


@pytest.mark.parametrize(
    ("path", "kind", "fields", "error"),
    [
        ("a.svg", "svg", {}, "undecoded"),
        ("a.npz", "npz", {"member": "no such"}, "missing"),
        ("a.npz", "npz", {"member": "x", "index": pl.lit(9)}, "missing"),
        ("b.npz", "npz", {"member": "x"}, "missing"),
        ("../raw/a.npz", "npz", {"member": "x"}, "missing"),
        ("a.zip", "png", {"member": "no such.png"}, "missing"),
        ("a.zip", "png", {"member": "0.png"}, "truncated"),
        ("a.nii.gz", "nii.gz", {}, "truncated"),
        ("a.npz", "npz", {"member": "complex"}, "mismatch"),
        ("a.npz", "npz", {"member": "none"}, "mismatch"),
    ],
)
def test_why_a_medium_has_no_values(tmp_path, path, kind, fields, error):
    import zipfile

    root = tmp_path / "raw"
    volumes(root)
    (root / "a.svg").write_text("<svg/>")
    write_arrays(
        root / "a.npz",
        x=np.ones((2, 4, 4), np.uint8),
        complex=np.ones((4, 4), complex),
        none=np.ones((0, 4), np.uint8),
    )
    with zipfile.ZipFile(root / "a.zip", "w") as archive:
        archive.writestr("0.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    data = (root / "images/000.nii.gz").read_bytes()
    (root / "a.nii.gz").write_bytes(data[: len(data) // 2])
    manifest = as_rows(root, one("image", "image", path, kind, **fields))
    row = measure(manifest, HERE).media.collect().row(0, named=True)
    assert row["error"] == error, row["error_message"]
    assert row["error_message"]


def test_rows_without_images_are_not_measured(tmp_path):
    manifest = pictures(tmp_path / "raw")
    rows = picture_rows().with_columns(
        media=pl.when(pl.col("sample_id") != "007").then(pl.col("media"))
    )
    found = measure(as_manifest(rows, manifest.root), HERE).media.collect()
    assert found["row"].unique().sort().to_list() == [n for n in range(40) if n != 7]
    none = manifest.filter(pl.lit(value=False))
    assert [each.height for each in both(measure(none, HERE))] == [0, 0]
