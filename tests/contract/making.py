"""Small true files for fixtures: constant pictures and volumes, masks of a known size."""

from __future__ import annotations

import shutil
import tarfile
import warnings
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from medshelf.formats import nifti_writer
from medshelf.formats.raster import Raster


def picture(path: Path, grey: int, shape: tuple[int, int] = (6, 8), mode: str = "L") -> None:
    """Write a picture of one grey value; shape is rows, columns; RGBA is opaque."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(shape, grey, np.uint8)).convert(mode).save(path, quality=100)


def mask(path: Path, n_pixels: int, value: int = 255, shape: tuple[int, int] = (16, 16)) -> None:
    """Write a mask picture that has `value` in exactly so many pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(_marked(n_pixels, value, shape)).save(path)


def jpeg_mask(path: Path, n_pixels: int, shape: tuple[int, int] = (16, 16)) -> None:
    """Write a mask as RGB JPEG: 0 to 8 outside, 247 to 255 in so many pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(n_pixels).integers(1, 6, shape, dtype=np.uint8)
    marked = _marked(n_pixels, 1, shape).astype(bool)
    grey = np.where(marked, 255 - noise, noise)
    Image.fromarray(grey).convert("RGB").save(path, quality=98, subsampling=0)


def volume(path: Path, *greys: int, shape: tuple[int, int, int] = (4, 5, 6)) -> None:
    """Write a NIfTI volume of one value; of several, a 4D one with a channel for each."""
    array = np.stack([np.full(shape, grey, np.int16) for grey in greys], axis=-1)
    _write(path, array if len(greys) > 1 else array[..., 0])


def mask_volume(path: Path, n_voxels: int, value: int = 1) -> None:
    """Write a NIfTI mask that has `value` in exactly so many voxels."""
    _write(path, _marked(n_voxels, value, (8, 8, 8)))


def dicom_file(path: Path, grey: int, *, jpeg: bool = False, **elements: Any) -> None:
    """Write an 8-bit MONOCHROME2 DICOM picture of one grey value, (64, 64).

    Args:
        path: The file.
        grey: Value of every pixel.
        jpeg: Compress the pixels as JPEG Baseline.
        elements: Further elements by keyword, e.g. `PatientAge="43"`.
    """
    import io

    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, SecondaryCaptureImageStorage

    pixels = np.full((64, 64), grey, np.uint8)
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit if jpeg else ExplicitVRLittleEndian
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = f"1.2.826.0.1.3680043.8.498.{grey}"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # releases have ages that the standard does not allow
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=100)
    dataset.PixelData = encapsulate([data.getvalue()]) if jpeg else pixels.tobytes()
    dataset["PixelData"].VR = "OB"
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(path, enforce_file_format=True)


def npy(path: Path, array: np.ndarray) -> None:
    """Write an array as NumPy file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array, allow_pickle=False)


def h5(path: Path, **datasets: np.ndarray) -> None:
    """Write an HDF5 file with a dataset for each name."""
    import h5py

    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, array in datasets.items():
            file.create_dataset(name, data=array)


def xlsx(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    """Write an Excel workbook with one sheet."""
    import openpyxl

    path.parent.mkdir(parents=True, exist_ok=True)
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    book.save(path)


def text(path: Path, content: str) -> None:
    """Write a text file, UTF-8, with the line ends as given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode())


def pack(folder: Path, archive: Path) -> None:
    """Move the files of a folder into a zip, tar, tgz or tar.gz; names are relative to it."""
    files = {str(f.relative_to(folder).as_posix()): f for f in sorted(folder.rglob("*"))}
    archive.parent.mkdir(parents=True, exist_ok=True)
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
            for name, file in files.items():
                target.write(file, name)
    else:
        with tarfile.open(archive, "w" if archive.suffix == ".tar" else "w:gz") as target:
            for name, file in files.items():
                target.add(file, name, recursive=False)
    shutil.rmtree(folder)


def medium(name: str, role: str, path: str, **fields: Any) -> dict[str, Any]:
    """Return a medium as EXPECTED writes it; its format is the suffix of its path or member."""
    suffix = (fields.get("member") or path).rsplit(".", 1)[-1]
    return {"name": name, "role": role, "path": path, "format": suffix.lower(), **fields}


def named_values(values: Mapping[str, Any]) -> list[dict[str, str]] | None:
    """Return the column `extra` as EXPECTED writes it: null and empty values are left out."""
    kept = {name: str(value) for name, value in values.items() if value not in (None, "")}
    return [{"name": name, "value": value} for name, value in kept.items()] or None


def single(number: float) -> float:
    """Round a number to 32 bits, as the manifest stores an age."""
    return float(np.float32(number))


def _marked(n: int, value: int, shape: tuple[int, ...]) -> np.ndarray:
    flat = np.zeros(int(np.prod(shape)), np.uint8)
    flat[:n] = value
    return flat.reshape(shape)


def _write(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    axes = "XYZT" if array.ndim == 4 else "XYZ"
    nifti_writer.write(
        path, Raster(array, axes, spacing_mm=(1.0, 1.0, 2.0), affine=np.diag([1, 1, 2, 1.0]))
    )
