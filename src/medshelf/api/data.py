"""Records, files and readers, joined: from an id to a Dataset."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from medshelf.api.reading import read
from medshelf.catalog.shelf import dataset_ids
from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.core.manifest import SPLITS
from medshelf.dataset.dataset import Dataset
from medshelf.dataset.labelled_images import LabelledImages, Transform, View

_SPLIT_ALIASES = {"training": "train", "validation": "val", "valid": "val", "dev": "val"}


def datasets() -> list[str]:
    """Return the ids of all datasets, sorted."""
    return dataset_ids()


def load(  # noqa: PLR0913 - the keywords that users of medmnist and torchvision know
    dataset: str,
    split: str = "all",
    size: int | None = None,
    root: str | Path | None = None,
    *,
    options: Mapping[str, str] | None = None,
    strict: bool = False,
    download: bool = False,
    transform: Transform | None = None,
    target_transform: Transform | None = None,
    as_rgb: bool = False,
    allow_modified: bool = False,
) -> Dataset:
    """Open a dataset.

    What it gives is a `Dataset`, whose items are Samples; for images of one size in arrays with one
    label task, as MedMNIST has them, `LabelledImages`, whose items are `(image, target)`.

    Args:
        dataset: Catalog id, e.g. `breastmnist`.
        split: `train`, `val`, `test`, or `all` (default); `validation`, `valid` and `dev` mean
            `val`. A release without official splits has only `all`.
        size: Edge length of the images: 28 (default), 64, 128, 224; 28 or 64 for volumes.
        root: The only folder to look in. By default medshelf's home, the folders of
            `$MEDSHELF_DATA` and `~/.medmnist` are searched.
        options: Further options of the reader, e.g. `{"table": "Data_Entry_2017.csv"}`.
        strict: Refuse a tree that is not complete.
        download: Fetch the files where they are not found.
        transform: Called with each image array of an item.
        target_transform: Called with each target of an item.
        as_rgb: Give grey images three channels.
        allow_modified: Open files that are not the published ones; every result will say so.

    Raises:
        UnknownNameError: There is no such dataset, split or size.
        UnsupportedError: There is no reader for this dataset yet.
        NotFetchedError: The files were not found and `download` is False.
        ChecksumError: The files are not the published ones and `allow_modified` is False.
        FormatError: A file is damaged.
        LayoutError: A file is whole, but does not look as the layout says.
        SettingError: The release has no sample in the split, or a transform or `as_rgb` is given
            for a set that is not LabelledImages.
    """
    chosen = _split(split)
    if size is not None:
        options = {**(options or {}), "size": str(size)}
    manifest = read(
        dataset,
        root=root,
        options=options,
        download=download,
        strict=strict,
        allow_modified=allow_modified,
    )
    if LabelledImages.fits(manifest):
        view = View(as_rgb, transform, target_transform)
        return LabelledImages(manifest if chosen is None else manifest.split(chosen), view=view)
    if as_rgb or transform is not None or target_transform is not None:
        problem = f"as_rgb and transforms are for images in arrays, which {dataset!r} is not"
        raise SettingError(problem, "Pass the transform to `.torch(transform)`")
    found = Dataset(manifest)
    return found if chosen is None else found.split(chosen)


def _split(name: str) -> str | None:
    wanted = _SPLIT_ALIASES.get(name, name)
    if wanted == "all":
        return None
    if wanted not in SPLITS:
        raise UnknownNameError("split", name, (*SPLITS, "all"))
    return wanted
