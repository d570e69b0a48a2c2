"""Samples as tensors, for `torch.utils.data.DataLoader`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from medshelf.dataset.adapters.stacking import Choice, image_stack, mask_stack, target
from medshelf.dataset.sample import Sample

if TYPE_CHECKING:
    from medshelf.dataset.dataset import Dataset

_AXES = "TZYX"


class TensorSamples(torch.utils.data.Dataset[Any]):
    """A map-style dataset of dicts; see `Dataset.torch`. Workers may fork or spawn."""

    def __init__(
        self, dataset: Dataset, choice: Choice, transform: Callable[[Any], Any] | None
    ) -> None:
        self._dataset, self._choice, self._transform = dataset, choice, transform
        dataset.prepare()

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._dataset)

    def __getitem__(self, index: int) -> Any:
        """Return one sample as a dict, or what the transform makes of it."""
        sample = self._dataset.sample(index)
        item = _item(sample, self._choice)
        if self._transform is None:
            return item
        try:
            return self._transform(item)
        except Exception as error:
            error.add_note(f"This was sample {sample.id} of {sample.meta.dataset}.")
            raise


def _item(sample: Sample, choice: Choice) -> dict[str, Any]:
    item: dict[str, Any] = {"id": sample.id}
    if choice.images:
        images = image_stack(sample, choice.images, _AXES)
        item["image"] = torch.from_numpy(images)
        if choice.masks:
            masks = mask_stack(sample, choice, _AXES, images.shape[1:])
            item["mask"] = torch.from_numpy(masks)
    targets = {task.name: torch.as_tensor(target(sample, task)) for task in sample.meta.tasks}
    if len(targets) == 1:
        (item["label"],) = targets.values()
    elif targets:
        item["labels"] = targets
    if sample.question is not None:
        item["question"], item["answers"] = sample.question.text, "; ".join(sample.question.answers)
    return item
