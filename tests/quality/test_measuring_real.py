"""Real files, measured here and by other libraries."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import polars as pl
import pytest
from PIL import Image
from skimage import measure as skimage

from medshelf.core import columns as c
from medshelf.core.assembly import assemble
from medshelf.core.columns import with_legend
from medshelf.core.manifest import Meta
from medshelf.quality.measures import PERCENTILES
from medshelf.quality.measuring.measure import measure
from medshelf.quality.passes import Passes

HERE = Passes(workers=0)


def folder(real_data: Path, name: str) -> Path:
    found = real_data.parent / name
    if not found.is_dir():
        pytest.skip(f"There is no folder {name} beside the real MedMNIST files")
    return found


def test_hippocampus_is_what_nibabel_and_scikit_image_see(real_data):
    root = folder(real_data, "msd") / "Task04_Hippocampus"
    names = sorted(each.name for each in (root / "imagesTr").iterdir() if each.name[0] != ".")
    rows = pl.DataFrame({"sample_id": names})
    media = [
        c.media(role, role, member=None, format="nii.gz", path=pl.format(path, "sample_id"))
        for role, path in (("image", "imagesTr/{}"), ("mask", "labelsTr/{}"))
    ]
    rows = rows.with_columns(media=c.entries(*media))
    legend = {"0": "background", "1": "anterior", "2": "posterior"}
    meta = with_legend(Meta("msd", "MSD", dimensions=3), legend)
    found = measure(assemble(rows, meta, root), HERE)
    media, regions = found.media.collect(), found.regions.collect()
    assert media["error"].null_count() == media.height == 2 * len(names)
    for number, name in enumerate(names):
        image, mask = (nib.load(root / each / name) for each in ("imagesTr", "labelsTr"))
        values, drawn = np.asanyarray(image.dataobj), np.asanyarray(mask.dataobj)
        row = media.row(2 * number, named=True)
        assert (row["n_x"], row["n_y"], row["n_z"]) == image.shape
        assert row["affine"] == pytest.approx(image.affine.ravel(), abs=1e-6)
        assert row["orientation"] == "".join(nib.aff2axcodes(image.affine))
        assert row["mean"] == pytest.approx(values.astype(float).mean(), rel=1e-12)
        assert row["sd"] == pytest.approx(values.astype(float).std(), rel=1e-9)
        expected = np.percentile(values.astype(float), PERCENTILES)
        assert row["percentiles"] == pytest.approx(expected, rel=1e-9)
        for value in (1, 2):
            region = regions.filter(pl.col("row") == number).row(value - 1, named=True)
            where = drawn == value
            assert region["n_pixels"] == where.sum()
            assert region["volume_mm3"] == pytest.approx(
                where.sum() * np.prod(mask.header.get_zooms())
            )
            assert region["n_components"] == skimage.label(where, connectivity=3).max()
            assert region["intensity_mean"] == pytest.approx(values[where].mean(dtype=float))


def test_chest_pictures_are_what_pillow_sees(real_data):
    root = folder(real_data, "nih_chest_xray") / "images"
    names = sorted(each.name for each in root.iterdir() if each.suffix == ".png")[:6]
    rows = pl.DataFrame({"sample_id": names}).with_columns(
        media=c.entries(c.media("image", member=None, format="png", path=pl.col("sample_id")))
    )
    media = measure(assemble(rows, Meta("nih", "NIH", dimensions=2), root), HERE).media.collect()
    for row in media.iter_rows(named=True):
        with Image.open(root / row["path"]) as picture:
            values = np.asarray(picture)
        assert (row["n_y"], row["n_x"]) == values.shape[:2]
        assert row["mean"] == pytest.approx(values.mean(), rel=1e-12)
        assert row["sd"] == pytest.approx(values.std(), rel=1e-9)
        assert row["percentiles"] == pytest.approx(np.percentile(values, PERCENTILES))
        assert 0 <= row["text_score"] < 1


@pytest.mark.parametrize(("name", "split"), [("breastmnist", "test"), ("adrenalmnist3d", "val")])
def test_rows_of_medmnist_are_those_of_numpy(real_data, name, split):
    path = real_data / f"{name}.npz"
    if not path.is_file():
        pytest.skip(f"There is no {path.name}")
    with np.load(path) as arrays:
        stack = arrays[f"{split}_images"][:40]
    index = pl.int_range(pl.len(), dtype=pl.Int64)
    medium = c.media(
        *("image", "image"), path=pl.lit(path.name), format="npz",
        member=pl.lit(f"{split}_images"), index=index,
    )  # fmt: skip
    rows = pl.DataFrame({"sample_id": [f"{each:03}" for each in range(len(stack))]})
    rows = rows.with_columns(media=c.entries(medium))
    meta = Meta(name, name, dimensions=stack.ndim - 1)
    media = measure(assemble(rows, meta, real_data), HERE).media.collect()
    assert media["error"].null_count() == len(stack)
    axes = tuple(range(1, stack.ndim))
    assert media["mean"].to_list() == pytest.approx(stack.mean(axis=axes), rel=1e-12)
    assert media["maximum"].to_list() == stack.max(axis=axes).tolist()
    assert media["text_score"].null_count() == len(stack)
