"""MedMNIST's exported layout: one picture per sample and a table of their labels.

Target tree:
    breastmnist.csv          no header; TRAIN,train0_1.png,1
    breastmnist/             other sizes: breastmnist_64.csv and breastmnist_64/
        train0_1.png         split, index, label; several labels are joined by underscores
        train0_1.gif         volumes: one frame per slice

The table lists whole pictures only: what is about to be replaced is taken out of it first.

Source: https://github.com/MedMNIST/MedMNIST (`save`), which appends to the table instead, so that
saving twice lists every sample twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from medshelf.core.errors import LayoutError
from medshelf.core.files import lock, make_folder, storage_errors, write_text
from medshelf.core.manifest import Manifest
from medshelf.core.progress import progress_bar
from medshelf.core.tasks import TaskKind
from medshelf.formats.npz import open_array
from medshelf.formats.picture import encode_gif, encode_png

_WORDS = {"train": "TRAIN", "val": "VALIDATION", "test": "TEST"}
_PICTURE = re.compile(r"(train|val|test)\d+(_-?\d+)+\.(png|gif)")
_MEDIA = ("path", "member", "index", "format")


@dataclass(frozen=True, slots=True)
class _Row:
    split: str
    path: str
    member: str
    index: int
    codes: tuple[int, ...]

    def file_name(self, ending: str) -> str:
        return f"{self.split}{self.index}_{'_'.join(map(str, self.codes))}.{ending}"

    def line(self, ending: str) -> str:
        return ",".join((_WORDS[self.split], self.file_name(ending), *map(str, self.codes)))


def write(manifest: Manifest, folder: Path) -> Path:
    """Write all samples of a manifest as pictures; rows of other splits stay in the table.

    Args:
        manifest: Samples with a split, in members of npz archives, of one label task.
        folder: Where table and picture folder go; made where it does not exist.

    Returns:
        The table's path; the pictures lie in the folder of the same name beside it.

    Raises:
        LayoutError: A sample has no split, not exactly one image in an npz archive, or no whole
            label, or the table that lies there is not one of this layout.
        StorageError: The folder cannot be written.
    """
    rows = _rows(manifest)
    ending = "gif" if manifest.meta.dimensions == 3 else "png"  # noqa: PLR2004
    size = manifest.meta.options.get("size", "28")
    table = folder / f"{manifest.meta.dataset}{'' if size == '28' else f'_{size}'}.csv"
    pictures = make_folder(table.with_suffix(""))
    new: dict[str, list[str]] = {}
    for row in rows:
        new.setdefault(_WORDS[row.split], []).append(row.line(ending))
    with lock(table):
        old = _read_table(table)
        kept = {word: [] if word in new else lines for word, lines in old.items()}
        if kept != old:
            _write_table(table, kept)
        _write_pictures(manifest, rows, pictures, ending)
        _remove_stale(pictures, old, kept | new)
        _write_table(table, kept | new)
    return table


def _rows(manifest: Manifest) -> list[_Row]:
    media = pl.col("media").list.first()
    columns = manifest.frame.select(
        "sample_id",
        pl.col("split").cast(pl.String),
        pl.col("media").list.len().alias("n_media"),
        *(media.struct.field(name) for name in _MEDIA),
    ).collect()
    wanted = (pl.col("n_media") == 1) & (pl.col("format") == "npz") & (pl.col("index") >= 0)
    wanted &= pl.col("split").is_not_null()
    for sample in columns.filter(~wanted.fill_null(value=False))["sample_id"].head(1):
        raise LayoutError(
            f"Sample {sample} of {manifest.meta.dataset!r} has no split, or not exactly one "
            "image, in an npz archive",
            "This layout takes MedMNIST and sets like it only",
        )
    twice = columns.filter(pl.struct("split", "index").is_duplicated())
    for sample in twice["sample_id"].head(1):
        raise LayoutError(
            f"Sample {sample} of {manifest.meta.dataset!r} has split and index of another one, so "
            "their pictures would have one name",
            "Write the sets into a folder each",
        )
    codes = _codes(manifest).tolist()
    return [
        _Row(split, path, member, index, tuple(row_codes))
        for (_, split, _, path, member, index, _), row_codes in zip(
            columns.iter_rows(), codes, strict=True
        )
    ]


def _codes(manifest: Manifest) -> np.ndarray:
    """Return the labels as the layout writes them, int64 (N, 1) or (N, labels)."""
    if manifest.task.kind is not TaskKind.MULTI_LABEL:
        return manifest.class_codes()[:, None]
    matrix = manifest.label_matrix()
    missing = np.flatnonzero(np.isnan(matrix).any(axis=1))
    if missing.size:
        raise LayoutError(
            f"Row {missing[0]} of {manifest.meta.dataset!r} does not state all of its labels",
            "This layout cannot say 'not stated': fill the labels in, or leave the row out",
        )
    return matrix.astype(np.int64)


def _write_pictures(manifest: Manifest, rows: list[_Row], folder: Path, ending: str) -> None:
    encode = encode_gif if ending == "gif" else encode_png
    title = f"Writing {manifest.meta.dataset}"
    with progress_bar(title, len(rows), unit=" pictures") as bar:
        for row, image in _images(manifest.root, rows):
            path = folder / row.file_name(ending)
            with storage_errors(path):
                path.write_bytes(encode(image))
            bar.update(1)


def _images(root: Path, rows: list[_Row]) -> Iterator[tuple[_Row, np.ndarray]]:
    opened: dict[tuple[str, str], np.ndarray] = {}
    for row in rows:
        key = row.path, row.member
        if key not in opened:
            opened[key] = open_array(root / row.path, row.member)
        if row.index >= len(opened[key]):
            raise LayoutError(
                f"{root / row.path} has {len(opened[key])} images in {row.member!r}, so none with "
                f"index {row.index}",
                "The file has changed since it was read: read it again",
            )
        yield row, opened[key][row.index]


def _read_table(path: Path) -> dict[str, list[str]]:
    """Return the lines by split word; none where there is no table yet."""
    lines: dict[str, list[str]] = {word: [] for word in _WORDS.values()}
    if not path.exists():
        return lines
    for number, line in enumerate(
        path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1
    ):
        word = line.split(",", 1)[0]
        if word not in lines or line.count(",") < 2:  # noqa: PLR2004 - word, picture, label
            raise LayoutError(
                f"Line {number} of {path} is not of this layout: {line[:60]!r}",
                "Choose another folder, or move the file away",
            )
        lines[word].append(line)
    return lines


def _write_table(path: Path, lines: dict[str, list[str]]) -> None:
    write_text(path, "".join(f"{line}\n" for each in lines.values() for line in each))


def _remove_stale(folder: Path, old: dict[str, list[str]], new: dict[str, list[str]]) -> None:
    """Delete the pictures that the table listed before and does not list now."""
    names_old, names_new = (
        {line.split(",")[1] for lines in table.values() for line in lines} for table in (old, new)
    )
    for name in names_old - names_new:
        if _PICTURE.fullmatch(name):
            with storage_errors(folder / name):
                (folder / name).unlink(missing_ok=True)
