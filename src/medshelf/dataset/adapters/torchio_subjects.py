"""Samples as TorchIO takes them: subjects whose images are decoded when they are used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torchio as tio  # type: ignore[import-not-found,unused-ignore]

from medshelf.core.errors import SettingError
from medshelf.dataset.adapters.stacking import Choice, channels_first, for_torch, target
from medshelf.dataset.decoding import location
from medshelf.dataset.sample import Sample
from medshelf.formats.raster import Raster

if TYPE_CHECKING:
    from medshelf.dataset.dataset import Dataset

_AXES = "XYZ"


@dataclass(frozen=True)
class _Reader:
    """Decodes one image or mask of a sample, whatever path TorchIO shows it; can be pickled."""

    sample: Sample
    name: str
    is_mask: bool
    annotator: str | None

    def __call__(self, _: Any) -> tuple[torch.Tensor, np.ndarray]:
        """Return a tensor (C, X, Y, Z), Z being 1 for a picture, and the affine in RAS+."""
        if self.is_mask:
            raster = self.sample.mask_raster(self.name, self.annotator)
        else:
            raster = self.sample.raster(self.name)
        array = channels_first(raster, _AXES)
        while array.ndim < 4:  # noqa: PLR2004
            array = array[..., None]
        return torch.from_numpy(for_torch(array)), _affine(raster)


def subjects(
    dataset: Dataset, choice: Choice, transform: Callable[[Any], Any] | None
) -> tio.SubjectsDataset:
    """Return the samples as subjects; see `Dataset.torchio`."""
    made = [_subject(dataset.sample(index), choice) for index in range(len(dataset))]
    return tio.SubjectsDataset(made, transform=transform)


def _subject(sample: Sample, choice: Choice) -> tio.Subject:
    content: dict[str, Any] = {"sample_id": sample.id}
    for name in (each for each in sample.images if each in choice.images):
        content[name] = _image(tio.ScalarImage, sample, name, choice)
    if len(content) == 1:
        names = ", ".join(choice.images) or "none"
        problem = f"Sample {sample.id} has none of the chosen images ({names})"
        raise SettingError(problem, "TorchIO needs an image in each sample: filter the dataset")
    for name in (each for each in sample.masks if each in choice.masks):
        content[name] = _image(tio.LabelMap, sample, name, choice)
    targets = {task.name: target(sample, task) for task in sample.meta.tasks}
    if len(targets) == 1:
        (content["label"],) = targets.values()
    elif targets:
        content["labels"] = targets
    return tio.Subject(content)


def _image(kind: type[tio.Image], sample: Sample, name: str, choice: Choice) -> tio.Image:
    is_mask = kind is tio.LabelMap
    medium = sample.medium(name, "mask" if is_mask else "image")
    path = location(sample.root, replace(medium, member=None))
    return kind(path, reader=_Reader(sample, name, is_mask, choice.annotator))


def _affine(raster: Raster) -> np.ndarray:
    if raster.affine is not None:
        return raster.affine
    spacing = [*(raster.spacing_mm or ()), 1.0, 1.0, 1.0][:3]
    return np.diag([*spacing, 1.0])
