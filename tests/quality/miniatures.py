"""Clean miniatures: no rule finds anything in them; a test plants one fault and looks for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

from medshelf.core import columns as c
from medshelf.core.assembly import assemble
from medshelf.core.columns import with_legend
from medshelf.core.manifest import Manifest, Meta
from medshelf.core.tasks import Task, TaskKind
from medshelf.formats import nifti_writer
from medshelf.formats.raster import Raster

N_PICTURES = 40
EDGE = 96
N_VOLUMES = 8
SHAPE = (24, 20, 16)
SPACING_MM = (1.0, 1.5, 2.0)
LEGEND = {"0": "background", "1": "liver", "2": "tumour"}


def texture(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return smooth noise, another for each seed, uint8 of `shape`, between 20 and 220."""
    random = np.random.default_rng(seed)
    coarse = random.random([max(2, each // 8) for each in shape])
    for axis, n in enumerate(shape):
        at = np.linspace(0, coarse.shape[axis] - 1, n)
        low = np.floor(at).astype(int).clip(0, coarse.shape[axis] - 2)
        part = (at - low).reshape([-1 if axis == each else 1 for each in range(len(shape))])
        coarse = coarse.take(low, axis) * (1 - part) + coarse.take(low + 1, axis) * part
    noisy = 40 + 160 * coarse + random.normal(0, 4, shape)
    return noisy.clip(20, 220).astype(np.uint8)


def drawn_mask(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return a liver (1) around a tumour (2), clear of the border, uint8 of `shape`."""
    axes = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    size = 0.5 + 0.02 * (seed % 8)
    radius = np.sqrt(sum(each**2 for each in axes))
    return ((radius < size).astype(np.uint8) + (radius < size / 2)).astype(np.uint8)


def picture_rows() -> pl.DataFrame:
    """Return the rows of `pictures`; alter them, and make a manifest with `as_manifest`."""
    number = pl.int_range(N_PICTURES)
    name = number.cast(pl.String).str.zfill(3)
    rows = pl.DataFrame({"number": range(N_PICTURES)}).select(
        sample_id=name,
        split=pl.when(number < 24)
        .then(pl.lit("train"))
        .when(number < 32)
        .then(pl.lit("val"))
        .otherwise(pl.lit("test")),
        patient_id=pl.format("p{}", number // 2),
        label=pl.when(number % 4 < 2).then(pl.lit("benign")).otherwise(pl.lit("malignant")),
        path=pl.format("images/{}.png", name),
        mask=pl.format("masks/{}.png", name),
        age_years=(40 + number * 7 % 23).cast(pl.Float32),
        sex=pl.when(number // 4 % 2 == 0).then(pl.lit("F")).otherwise(pl.lit("M")),
        view=pl.lit("PA"),
    )
    box = [pl.lit(float(each)) for each in (30, 30, 60, 60)]
    image = c.media("image", member=None, format="png")
    mask = c.media("mask", "mask", path=pl.col("mask"), member=None, format="png")
    media, shapes = c.entries(image, mask), c.entries(c.box("lesion", box))
    return rows.with_columns(media=media, shapes=shapes).drop("path", "mask")


def picture_meta() -> Meta:
    """Return the facts of `pictures`."""
    task = Task("malignancy", TaskKind.BINARY, ("benign", "malignant"))
    meta = Meta("miniature-pictures", "Pictures", tasks=(task,), dimensions=2, licence="CC-BY-4.0")
    return with_legend(meta, LEGEND)


def pictures(root: Path) -> Manifest:
    """Make 40 grey PNGs of 96 x 96 with masks, two per patient, in three splits."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for number in range(N_PICTURES):
        shape = (EDGE, EDGE)
        Image.fromarray(texture(number, shape)).save(root / f"images/{number:03}.png")
        Image.fromarray(drawn_mask(number, shape)).save(root / f"masks/{number:03}.png")
    return assemble(picture_rows(), picture_meta(), root)


def as_manifest(rows: pl.DataFrame, root: Path, meta: Meta | None = None) -> Manifest:
    """Return a manifest of altered rows of `picture_rows`."""
    return assemble(rows, meta or picture_meta(), root)


def volumes(root: Path) -> Manifest:
    """Make 8 NIfTI volumes of 24 x 20 x 16 voxels of 1 x 1.5 x 2 mm with masks, RAS+."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    affine = np.diag([*SPACING_MM, 1.0])
    for number in range(N_VOLUMES):
        values = texture(100 + number, SHAPE).astype(np.int16) * 4 - 400
        for folder, array in (("images", values), ("masks", drawn_mask(number, SHAPE))):
            raster = Raster(array, "XYZ", spacing_mm=SPACING_MM, affine=affine)
            nifti_writer.write(root / folder / f"{number:03}.nii.gz", raster)
    name = pl.int_range(N_VOLUMES).cast(pl.String).str.zfill(3)
    rows = pl.DataFrame({"number": range(N_VOLUMES)}).select(
        sample_id=name,
        patient_id=name,
        split=pl.when(pl.int_range(N_VOLUMES) < 6).then(pl.lit("train")).otherwise(pl.lit("test")),
        path=pl.format("images/{}.nii.gz", name),
        mask=pl.format("masks/{}.nii.gz", name),
    )
    image = c.media("image", member=None, format="nii.gz")
    mask = c.media("mask", "mask", path=pl.col("mask"), member=None, format="nii.gz")
    rows = rows.with_columns(media=c.entries(image, mask)).drop("path", "mask")
    meta = Meta("miniature-volumes", "Volumes", unit="volume", dimensions=3, licence="CC-BY-4.0")
    return assemble(rows, with_legend(meta, LEGEND), root)
