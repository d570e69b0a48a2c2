"""PanNuke: patches of 19 tissues in three folds, with the outlines of every nucleus.

Raw tree:
    Fold 1/images/fold1/images.npy      (N, 256, 256, 3), values from 0 to 255; or in fold_1.zip
    Fold 1/images/fold1/types.npy       (N,) tissues
    Fold 1/masks/fold1/masks.npy        (N, 256, 256, 6): numbers of nuclei, a channel per class
    Fold 2/..., Fold 3/...

Known quirks: folders are spelled `Fold 1`, `fold_1` or `fold1`, and users put all three files into
one; arrays are float64, so the folds take 12 GB each and are never read whole. Numbers of nuclei
have gaps; the last channel is 1 where no nucleus is, and some patches have none. The folds rotate,
so there is no split. Slides are not named.

Source: https://arxiv.org/abs/2003.10778 and https://warwick.ac.uk/fac/cross_fac/tia/data/pannuke
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from medshelf.core.assembly import assemble
from medshelf.core.columns import entries, extra, media, with_legend
from medshelf.core.errors import LayoutError
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats.entry import Entry
from medshelf.formats.npz import open_array, open_npy, read_headers
from medshelf.formats.tree import LOCATION, find_one, list_files, match

_FOLD = r"(?i)^(?:.*/)?fold[ _-]?(\d+)(?:\.zip)?/"
_CHANNELS = (
    "Neoplastic",
    "Inflammatory",
    "Connective/Soft tissue",
    "Dead",
    "Epithelial",
    "Background",
)
_LEGEND = {str(channel): name for channel, name in enumerate(_CHANNELS)}
_REMEDY = "Fetch the fold again; all its arrays must be of one release"


def read(root: Path, meta: Meta) -> Manifest:
    """Read the folds that are there.

    Args:
        root: The folder that holds the folds, as zip archives or unpacked.
        meta: Facts of the dataset.

    Returns:
        `sample_id` is the fold and the place in it, `label` the tissue. The legend gives the
        channels of a mask, last axis, their names.

    Raises:
        LayoutError: A fold lacks an array, its arrays differ in length, or a tissue is not known.
        FormatError: An array is truncated or holds pickled objects.
    """
    files = list_files(root)
    arrays = match(files, "{kind}s.npy", required=True)
    arrays = arrays.with_columns(fold=LOCATION.str.extract(_FOLD))
    folds = [
        _patches(root, arrays.filter(pl.col("fold") == fold), fold)
        for fold in arrays["fold"].drop_nulls().unique().sort()
    ]
    if not folds:
        problem = f"{root}: no array lies in a folder or archive called fold1, fold2 or fold3"
        raise LayoutError(problem, "Name the folder as the release does")
    return assemble(pl.concat(folds), with_legend(meta, _LEGEND), root)


def _patches(root: Path, files: pl.DataFrame, fold: str) -> pl.DataFrame:
    """Return a row per patch of one fold."""
    images, masks, types = (find_one(files, f"{kind}s.npy") for kind in ("image", "mask", "type"))
    tissues = _tissues(root, types)
    for entry, n_channels in ((images, 3), (masks, len(_CHANNELS))):
        shape = _shape(root, entry)
        if (shape[:1], shape[3:]) != ((len(tissues),), (n_channels,)):
            problem = (
                f"{root / entry.location}: shape {shape} is not ({len(tissues)}, height, width, "
                f"{n_channels}) as {types.location} says"
            )
            raise LayoutError(problem, _REMEDY)
    index, number = pl.col("index"), str(int(fold))
    rows = pl.DataFrame({"index": np.arange(len(tissues)), "label": tissues})
    media_of = [
        media(kind, kind, path=entry.path, member=entry.member, index=index, format="npy")
        for kind, entry in (("image", images), ("mask", masks))
    ]
    return rows.select(
        pl.format(f"fold{number}/{{}}", index.cast(pl.String).str.zfill(6)).alias("sample_id"),
        "label",
        media=entries(*media_of),
        extra=extra({"fold": pl.lit(number)}),
    )


def _shape(root: Path, entry: Entry) -> tuple[int, ...]:
    if entry.member is None:
        return open_npy(root / entry.path).shape
    return read_headers(root / entry.path)[entry.member.removesuffix(".npy")].shape


def _tissues(root: Path, entry: Entry) -> list[str]:
    path, member = root / entry.path, entry.member
    array = open_npy(path) if member is None else open_array(path, member.removesuffix(".npy"))
    if array.dtype.kind != "U" or array.ndim != 1:
        problem = f"{root / entry.location}: it is {array.dtype} {array.shape}, no list of tissues"
        raise LayoutError(problem, _REMEDY)
    names: list[str] = array.tolist()
    return names
