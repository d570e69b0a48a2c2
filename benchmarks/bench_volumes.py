"""Read NIfTI volumes against nibabel, and rows of HDF5 against h5py, on a generated CT.

nibabel is measured as pip installs it; a second line says what it reaches beside indexed_gzip,
which it uses where it is there. A slice is read once before, which makes its index.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import h5py
import nibabel
import numpy as np
from nibabel import _compression
from pairs import compare

from medshelf.formats.hdf5 import open_dataset
from medshelf.formats.nifti import open_volume, read, write
from medshelf.formats.raster import Raster

SHAPE = (512, 512, 200)
N_ROWS, ROW = 2000, (96, 96, 3)


def ct() -> np.ndarray:
    """int16 (512, 512, 200): air around a body of smooth tissue with noise."""
    rng = np.random.default_rng(0)
    x, y, z = np.ogrid[-1:1:512j, -1:1:512j, -1:1:200j]
    body = (x / 0.85) ** 2 + (y / 0.6) ** 2 < 1
    tissue = 40 + 60 * np.sin(6 * x) * np.cos(5 * y) * np.sin(4 * z)
    tissue = tissue.astype(np.float32) + rng.normal(0, 12, SHAPE).astype(np.float32)
    return np.asfortranarray(np.where(body, tissue, -1000).round().astype(np.int16))


def theirs(path: Path, *, indexed: bool, scaled: bool = False) -> np.ndarray:
    """Read with nibabel, in the stored type or as float64."""
    _compression.HAVE_INDEXED_GZIP = indexed
    image = nibabel.load(path)
    return image.get_fdata() if scaled else np.asarray(image.dataobj)


def volumes(folder: Path) -> None:
    """Print the ratios for whole volumes and for slices."""
    raster = Raster(ct(), "XYZ", affine=np.diag([0.7, 0.7, 1.5, 1]))
    path, plain = folder / "ct.nii.gz", folder / "ct.nii"
    started = time.perf_counter()
    write(path, raster)
    write(plain, raster)
    print(f"written in {time.perf_counter() - started:.1f} s")
    print(f"the file: {path.stat().st_size / 2**20:.0f} MiB, {plain.stat().st_size >> 20} unpacked")
    assert np.array_equal(read(path).array, theirs(path, indexed=False))
    compare(
        "whole .nii.gz, int16, against nibabel",
        lambda: read(path),
        lambda: theirs(path, indexed=False),
    )
    if _has_indexed_gzip():
        compare(
            "whole .nii.gz, int16, against nibabel beside indexed_gzip",
            lambda: read(path),
            lambda: theirs(path, indexed=True),
        )
    compare(
        "whole .nii.gz, int16, against nibabel's get_fdata",
        lambda: read(path),
        lambda: theirs(path, indexed=False, scaled=True),
    )
    slices(path, plain, raster.array)
    compare(
        "header of .nii.gz, against nibabel",
        lambda: open_volume(path).affine,
        lambda: nibabel.load(path).affine,
    )


def slices(path: Path, plain: Path, whole: np.ndarray) -> None:
    """Print the ratios for one slice."""
    started = time.perf_counter()
    assert np.array_equal(open_volume(path).slice("Z", 150), whole[..., 150])
    print(f"first slice, with its index made: {time.perf_counter() - started:.2f} s")
    places = iter(np.random.default_rng(1).integers(0, SHAPE[2], 1000).tolist())
    compare(
        "one slice of .nii.gz, against nibabel's whole",
        lambda: open_volume(path).slice("Z", next(places)),
        lambda: theirs(path, indexed=False),
    )
    _compression.HAVE_INDEXED_GZIP = False
    for file in (path, plain):
        compare(
            f"one slice of {file.name}, against nibabel's own slice",
            lambda file=file: open_volume(file).slice("Z", next(places)),
            lambda file=file: np.asarray(nibabel.load(file).dataobj[..., next(places)]),
        )


def rows(folder: Path) -> None:
    """Print the ratio for single rows of an HDF5 file."""
    path = folder / "rows.h5"
    values = np.random.default_rng(0).integers(0, 255, (N_ROWS, *ROW), np.uint8)
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=values, chunks=(1, *ROW))
    order = np.random.default_rng(1).permutation(N_ROWS).tolist()
    ours = open_dataset(path, "x")
    with h5py.File(path, "r") as file:
        dataset = file["x"]
        compare(
            f"{N_ROWS} rows of HDF5 one by one, against h5py",
            lambda: [ours.row(index) for index in order],
            lambda: [dataset[index] for index in order],
        )


def _has_indexed_gzip() -> bool:
    try:
        import indexed_gzip
    except ImportError:
        return False
    return bool(indexed_gzip)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        os.environ["MEDSHELF_HOME"] = os.environ["XDG_CACHE_HOME"] = name
        volumes(Path(name))
        rows(Path(name))
