"""Samples as MONAI takes them: dicts of files, and a reader for what is no file of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import numpy as np
from monai.data.image_reader import (  # type: ignore[import-not-found,unused-ignore]
    ImageReader,
)
from monai.utils.enums import (  # type: ignore[import-not-found,unused-ignore]
    MetaKeys,
    SpaceKeys,
)

from medshelf.core.manifest import Meta
from medshelf.dataset import decoding
from medshelf.dataset.adapters.stacking import Choice, channels_first, for_torch, target
from medshelf.dataset.fields import Medium
from medshelf.dataset.masks import legend_of, read_mask
from medshelf.dataset.sample import Sample
from medshelf.formats.raster import Raster

if TYPE_CHECKING:
    from medshelf.dataset.dataset import Dataset

_AXES = "XYZ"
_MARK = "#medshelf="
_SAME_FOR_MASKS = ("nii", "nii.gz", "mha", "mhd", "nrrd")
_MASK, _CLASS = "label", "class"


class MediaReader(ImageReader):  # type: ignore[misc,unused-ignore]
    """A reader for MONAI's `LoadImaged` that reads whatever a manifest names.

    Arrays are (C, X, Y) or (C, X, Y, Z), as MONAI's own readers with `ensure_channel_first` give
    them; time becomes channels. Several files become channels in turn. The affine is RAS+.
    """

    def __init__(self, meta: Meta) -> None:
        super().__init__()
        self._meta = meta

    def verify_suffix(self, filename: Sequence[Any] | Any) -> bool:  # noqa: ARG002
        """Say that any file is tried."""
        return True

    def read(self, data: Sequence[Any] | Any, **_: Any) -> list[Raster]:
        """Decode one file, or several."""
        names = [data] if isinstance(data, str | Path) else data
        return [self._decoded(str(each)) for each in names]

    def get_data(self, img: list[Raster]) -> tuple[np.ndarray, dict[str, Any]]:
        """Return the array (C, ...) and what MONAI wants to know of it."""
        array = for_torch(np.concatenate([channels_first(each, _AXES) for each in img]))
        affine = np.eye(4) if img[0].affine is None else img[0].affine
        return array, {
            MetaKeys.AFFINE: affine,
            MetaKeys.ORIGINAL_AFFINE: affine.copy(),
            MetaKeys.SPACE: SpaceKeys.RAS,
            MetaKeys.SPATIAL_SHAPE: np.array(array.shape[1:]),
            MetaKeys.ORIGINAL_CHANNEL_DIM: 0,
        }

    def _decoded(self, name: str) -> Raster:
        root, media, dataset = _unpacked(name)
        if media[0].role == "mask":
            legend = legend_of(self._meta, dataset)
            return read_mask(root, media, legend, self._meta.dimensions)
        return decoding.read(root, media[0], self._meta.dimensions)


def items(dataset: Dataset, choice: Choice) -> list[dict[str, Any]]:
    """Return one dict per sample; see `Dataset.monai`."""
    return [_item(dataset.sample(index), choice) for index in range(len(dataset))]


def _item(sample: Sample, choice: Choice) -> dict[str, Any]:
    item: dict[str, Any] = {"id": sample.id}
    roles = (("image", "image", choice.images), (_MASK, "mask", choice.masks))
    for key, role, names in roles:
        found = [_name(sample, each, role, choice) for each in names]
        if found and all(found):
            item[key] = found[0] if len(found) == 1 else found
    targets = {task.name: target(sample, task) for task in sample.meta.tasks}
    if targets:
        key = _CLASS if choice.masks else _MASK
        item[key] = next(iter(targets.values())) if len(targets) == 1 else targets
    return item


def _name(sample: Sample, name: str, role: str, choice: Choice) -> str | None:
    """Return the path of a loose file that is the whole medium, else a text that names it."""
    media = [each for each in sample.media if (str(each.name), each.role) == (name, role)]
    if role == "mask" and choice.annotator is not None:
        media = [each for each in media if each.annotator == choice.annotator]
    if not media:
        return None
    path = decoding.location(sample.root, media[0])
    whole = len(media) == 1 and media[0].member is None and media[0].index is None
    if whole and (role == "image" or media[0].format in _SAME_FOR_MASKS):
        return str(path)
    fields = {
        "root": str(sample.root),
        "media": [asdict(each) for each in media],
        "dataset": sample.extra.get("dataset"),
    }
    return f"{path}{_MARK}{quote(json.dumps(fields), safe='')}"


def _unpacked(name: str) -> tuple[Path, list[Medium], str | None]:
    _, mark, fields = name.rpartition(_MARK)
    if not mark:
        file = Path(name)
        return file.parent, [Medium(None, "image", file.name, format=_suffix(file.name))], None
    content = json.loads(unquote(fields))
    media = [Medium(**each) for each in content["media"]]
    return Path(content["root"]), media, content["dataset"]


def _suffix(name: str) -> str:
    parts = name.lower().rsplit(".", 2)
    return ".".join(parts[1:]) if parts[-1] == "gz" else parts[-1]
