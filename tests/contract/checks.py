"""What every manifest must be; each check raises AssertionError where it is not."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from medshelf.core.manifest import SCHEMA, Manifest, read_manifest
from medshelf.formats import dicom, nifti, picture
from medshelf.formats.entry import Entry
from tests.contract.cases import Case


def schema(manifest: Manifest, case: Case) -> None:
    """The columns and types are those of the manifest."""
    assert manifest.frame.collect_schema() == SCHEMA
    assert manifest.meta.dataset == case.meta.dataset


def ids(manifest: Manifest, _case: Case) -> None:
    """Ids are unique, in order, and hold nothing of one machine."""
    found = _rows(manifest)["sample_id"]
    assert found.is_unique().all()
    assert found.to_list() == sorted(found.to_list())
    assert not found.str.contains(r"\\|^/|^\w:").any()


def values(manifest: Manifest, case: Case) -> None:
    """Every cell is as the fixture says."""
    rows = _rows(manifest).to_dicts()
    assert [each["sample_id"] for each in rows] == [each["sample_id"] for each in case.expected]
    for row, expected in zip(rows, case.expected, strict=True):
        for column, value in expected.items():
            assert row[column] == value, f"{row['sample_id']}, {column}"


def values_without_places(manifest: Manifest, case: Case) -> None:
    """Every cell but `path` and `member` is as the fixture says, for a tree in an archive."""
    rows = [_placeless(each) for each in _rows(manifest).to_dicts()]
    assert rows == [_placeless(each) for each in case.expected]


def issues(manifest: Manifest, case: Case) -> None:
    """The Issues are those of the fixture, and a patient in two splits is one of them."""
    found = sorted(each.rule for each in manifest.meta.issues)
    assert found == sorted(case.ISSUES), manifest.meta.issues
    assert all(each.where and each.message and each.remedy for each in manifest.meta.issues)
    assert ("patient-leakage" in found) == is_leaky(case)


def is_leaky(case: Case) -> bool:
    """Return whether a patient of the fixture is in two splits."""
    pairs = {(e.get("patient_id"), e.get("split")) for e in case.EXPECTED}
    patients = [patient for patient, split in pairs if patient and split]
    return len(set(patients)) < len(patients)


def legend(manifest: Manifest, case: Case) -> None:
    """The manifest says what the values of the masks mean, where the fixture does."""
    wanted = getattr(case.module, "LEGEND", None)
    assert wanted is None or manifest.meta.options.get("legend") == wanted


def pixels(manifest: Manifest, case: Case) -> None:
    """Every medium is there and decodes to the values of its sample."""
    n_checked = 0
    for row in _rows(manifest).to_dicts():
        for medium in row["media"] or ():
            wanted = case.GREYS[row["sample_id"]]
            if isinstance(wanted, dict):
                wanted = wanted[medium["name"]]
            array = decode(manifest.root, medium)
            if medium["role"] == "mask" and not isinstance(wanted, list):
                found, wanted = [_n_marked(array, medium["format"])], [wanted]
            else:
                found = np.unique(array)
            where = row["sample_id"], medium["name"]
            assert np.array_equal(found, np.atleast_1d(wanted)), (*where, found, wanted)
            n_checked += 1
    assert n_checked or not case.GREYS


ALL = (schema, ids, values, issues, legend, pixels)


def round_trip(manifest: Manifest, folder: Path) -> None:
    """Written to Parquet and read again, nothing has changed."""
    manifest.write(folder / "manifest.parquet")
    again = read_manifest(folder / "manifest.parquet", manifest.root)
    assert _rows(again).equals(_rows(manifest))
    assert again.meta == manifest.meta


def decode(root: Path, medium: dict[str, Any]) -> np.ndarray:
    """Decode one medium by its format; `index` is a row, of a volume a place on the last axis."""
    path, member, index = medium["path"], medium["member"], medium["index"]
    assert not Path(path).is_absolute()
    assert "\\" not in path
    assert (root / path).is_file()
    kind = medium["format"]
    if kind in ("npz", "h5", "h5.gz", "parquet"):
        return _stored_row(root / path, member, index, kind)
    source = Entry(path, member).source(root)
    if kind == "mp4":  # clips of one repeated byte
        data = source if isinstance(source, bytes) else source.read_bytes()
        return np.frombuffer(data, np.uint8)
    if kind in ("nii", "nii.gz"):
        array = nifti.read(source).array
        return array if index is None else array[..., index]
    if kind == "npy":
        file = source if isinstance(source, Path) else io.BytesIO(source)
        return np.load(file, allow_pickle=False)[... if index is None else index]
    if kind == "dcm":
        return dicom.read(source).array
    if kind in ("png", "jpg", "jpeg", "bmp", "tif", "tiff", "gif"):
        return picture.read(source).array
    msg = f"No check knows the format {kind!r}"
    raise AssertionError(msg)


def snapshot(root: Path) -> dict[str, tuple[bytes, int]]:
    """Return each file's bytes and date."""
    return {
        str(each.relative_to(root)): (each.read_bytes(), each.stat().st_mtime_ns)
        for each in sorted(root.rglob("*"))
        if each.is_file()
    }


def _rows(manifest: Manifest) -> pl.DataFrame:
    return manifest.frame.collect()


def _placeless(row: dict[str, Any]) -> dict[str, Any]:
    media = [{**each, "path": None, "member": None} for each in row["media"] or ()]
    return {**row, "media": media or None}


class Backwards:
    """What `os.scandir` gives, in the reverse order of names."""

    def __init__(self, path: Any = ".") -> None:
        with _SCANDIR(path) as entries:
            self.entries = sorted(entries, key=lambda each: each.name, reverse=True)

    def __enter__(self) -> Iterator[os.DirEntry[str]]:
        return iter(self.entries)

    def __exit__(self, *_: object) -> None:
        pass


_SCANDIR = os.scandir


def _stored_row(path: Path, member: str, index: int, kind: str) -> np.ndarray:
    if kind == "npz":
        with np.load(path, allow_pickle=False) as arrays:
            return arrays[member][index]
    if kind == "parquet":
        cell = pl.read_parquet(path, columns=[member])[member][index]
        return picture.read(cell["bytes"]).array
    import h5py

    data = io.BytesIO(gzip.decompress(path.read_bytes())) if kind == "h5.gz" else path
    with h5py.File(data, "r") as file:
        return file[member][index]


def _n_marked(array: np.ndarray, kind: str) -> int:
    """Count the pixels of a mask; a JPEG has noise around 0 and 255, and may have channels."""
    if kind in ("jpg", "jpeg"):
        array = (array if array.ndim == 2 else array[..., 0]) > 127
    return int(np.count_nonzero(array))
