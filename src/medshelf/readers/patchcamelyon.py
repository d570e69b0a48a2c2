"""PatchCamelyon: patches of lymph node sections, with and without tumour in their centre.

Raw tree:
    camelyonpatch_level_2_split_train_x.h5      `x`, (262144, 96, 96, 3); or ..._x.h5.gz
    camelyonpatch_level_2_split_train_y.h5      `y`, (262144, 1, 1, 1); or ..._y.h5.gz
    camelyonpatch_level_2_split_train_mask.h5   `mask`, (262144, 96, 96, 1); train only, optional
    camelyonpatch_level_2_split_train_meta.csv  place and slide of each patch
    ... the same for valid and test

Known quirks: the files come inside gzip, in which images cannot be read singly; labels and tables
are read all the same. A slide is taken as the patient. Patches recur, and tumour outside the centre
does not count.

Source: https://arxiv.org/abs/1806.03962 and https://github.com/basveeling/pcam
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from medshelf.core.assembly import assemble
from medshelf.core.columns import entries, extra, media
from medshelf.core.errors import FormatError, LayoutError
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats.entry import Entry
from medshelf.formats.hdf5 import open_dataset
from medshelf.formats.streams import compression_of, open_stream
from medshelf.formats.tables import read_table
from medshelf.formats.tree import find_one, list_files, match

_SPLITS = {"train": "train", "valid": "val", "test": "test"}
_NAME = "camelyonpatch_level_2_split_{}_{}"
_EXTRA = ("coord_y", "coord_x", "tumor_patch", "center_tumor_patch")
_MAX_BYTES = 1 << 26  # of labels, which are less than 1 MiB
_REMEDY = "Fetch the files of this split again; all must be of one release"


def read(root: Path, meta: Meta) -> Manifest:
    """Read PatchCamelyon.

    Args:
        root: The folder that holds the files, loose.
        meta: Facts of the dataset.

    Returns:
        `sample_id` is the split and the row, `patient_id` the slide.

    Raises:
        LayoutError: A file is missing, files differ in length, or a label is neither 0 nor 1.
        FormatError: A file is truncated, or lies in an archive.
        MissingExtraError: h5py is not installed.
    """
    files = list_files(root)
    classes = {str(code): name for code, name in enumerate(meta.tasks[0].classes)}
    return assemble(pl.concat([_rows(root, files, e, classes) for e in _SPLITS]), meta, root)


def _rows(root: Path, files: pl.DataFrame, split: str, classes: dict[str, str]) -> pl.DataFrame:
    """Return the patches of one split."""
    images, labels = _find(files, split, "x"), _find(files, split, "y")
    entry = find_one(files, f"{_NAME.format(split, 'meta')}.csv")
    facts = read_table(entry.source(root), name=root / entry.location, required=(*_EXTRA, "wsi"))
    codes = _labels(root, labels)
    media_of, lengths = [_medium("image", images, "x")], {entry: facts.height}
    if match(files, f"{_NAME.format(split, 'mask')}.*").height:
        masks = _find(files, split, "mask")
        media_of.append(_medium("mask", masks, "mask"))
        lengths |= _lengths(root, masks, "mask")
    lengths |= _lengths(root, images, "x")
    for each, length in lengths.items():
        if length != len(codes):
            problem = (
                f"{root / each.location} has {length:,} rows, {labels.location} {len(codes):,}"
            )
            raise LayoutError(problem, _REMEDY)
    index, ours = pl.col("index"), _SPLITS[split]
    return facts.with_row_index("index").select(
        pl.format(f"{ours}/{{}}", index.cast(pl.String).str.zfill(6)).alias("sample_id"),
        split=pl.lit(ours),
        patient_id="wsi",
        media=entries(*media_of),
        label=pl.Series(codes).cast(pl.String).replace(classes),
        extra=extra({each: pl.col(each) for each in _EXTRA}),
    )


def _find(files: pl.DataFrame, split: str, part: str) -> Entry:
    name = _NAME.format(split, part)
    return find_one(files, f"{name}.h5", f"{name}.h5.gz")


def _medium(role: str, entry: Entry, member: str) -> pl.Expr:
    kind = "h5.gz" if entry.path.endswith(".gz") else "h5"
    return media(role, role, path=entry.path, member=member, index=pl.col("index"), format=kind)


def _lengths(root: Path, entry: Entry, member: str) -> dict[Entry, int]:
    """Return the number of rows of a file that is not inside gzip."""
    if entry.path.endswith(".gz"):
        return {}
    rows = open_dataset(root / entry.location, member)
    try:
        return {entry: len(rows)}
    finally:
        rows.close()


def _labels(root: Path, entry: Entry) -> np.ndarray:
    """Read the labels, (N,), also from inside gzip."""
    path = root / entry.location
    if compression_of(path) == "raw":
        return _values(path)
    with open_stream(path, "gzip") as stream:
        data = stream.head(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise FormatError(path, f"it holds more than {_MAX_BYTES:,} bytes")
    with tempfile.TemporaryDirectory() as folder:
        unpacked = Path(folder) / path.stem
        unpacked.write_bytes(data)
        try:
            return _values(unpacked)
        except FormatError as error:
            raise FormatError(path, "it holds no whole HDF5 file with the dataset y") from error


def _values(path: Path) -> np.ndarray:
    rows = open_dataset(path, "y")
    try:
        return rows.read().reshape(-1)
    finally:
        rows.close()
