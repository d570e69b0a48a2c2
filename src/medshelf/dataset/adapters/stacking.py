"""Images and masks of a sample as one array, channels first, for those who take arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medshelf.core.errors import SettingError
from medshelf.core.tasks import Task, TaskKind
from medshelf.dataset.sample import Sample
from medshelf.formats.raster import Raster

if TYPE_CHECKING:
    from medshelf.dataset.dataset import Dataset

NOT_STATED = -1
"""Value of a mask where a sample has none of that name."""

NO_CLASS = -100
"""Class code of a sample without a label; torch's cross entropy leaves it out."""

_SIGNED = {"uint16": np.int32, "uint32": np.int64, "uint64": np.int64, "bool": np.uint8}


@dataclass(frozen=True, slots=True)
class Choice:
    """What of each sample is taken.

    Attributes:
        images: Names of the images, which become channels in this order.
        masks: Names of the masks, in the same way.
        annotator: Whose masks, where several drew them.
    """

    images: tuple[str, ...]
    masks: tuple[str, ...]
    annotator: str | None = None

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        images: Sequence[str] | None = None,
        masks: Sequence[str] | None = None,
        annotator: str | None = None,
    ) -> Choice:
        """Take all images and masks of a dataset where none are named."""
        return cls(
            tuple(dataset.media_names("image") if images is None else images),
            tuple(dataset.media_names("mask") if masks is None else masks),
            annotator,
        )


def channels_first(raster: Raster, axes: str) -> np.ndarray:
    """Return an array as (C, ...), with the axes of `axes` that it has, in their order.

    An axis that is neither in `axes` nor C becomes part of C, after it.

    Args:
        raster: What was decoded.
        axes: Letters of the axes after C, e.g. `ZYX`.
    """
    names, array = raster.axes, raster.array
    if "C" not in names:
        names, array = "C" + names, array[None]
    kept = [each for each in axes if each in names]
    others = [each for each in names if each not in kept and each != "C"]
    array = array.transpose([names.index(each) for each in ("C", *others, *kept)])
    return array.reshape(-1, *array.shape[1 + len(others) :])


def image_stack(sample: Sample, names: Sequence[str], axes: str) -> np.ndarray:
    """Decode images of a sample as one array, (C, ...), each image's own channels in turn.

    The dtype is that of the file, or a signed one that torch has for uint16, uint32 and uint64.

    Raises:
        SettingError: They differ in size, or the sample has none of that name.
    """
    for name in names:
        if name not in sample.images:
            problem = f"Sample {sample.id} has no image {name!r}"
            there = ", ".join(sample.images) or "none"
            remedy = f"Choose by images=[...] what all samples have; this one has: {there}"
            raise SettingError(problem, remedy)
    arrays = [channels_first(sample.raster(name), axes) for name in names]
    if len({each.shape[1:] for each in arrays}) > 1:
        sizes = ", ".join(f"{n} {a.shape[1:]}" for n, a in zip(names, arrays, strict=True))
        problem = f"The images of sample {sample.id} differ in size ({sizes})"
        raise SettingError(problem, "Choose by images=[...] those of one size")
    return for_torch(np.concatenate(arrays))


def mask_stack(sample: Sample, choice: Choice, axes: str, shape: tuple[int, ...]) -> np.ndarray:
    """Decode masks of a sample as one array, int32 (K, ...): the stored values.

    A mask with channels has them all. Where the sample has no mask of a name, one channel of -1
    stands for it.
    """
    missing = np.full((1, *shape), NOT_STATED, np.int32)
    stack = [
        channels_first(sample.mask_raster(name, choice.annotator), axes)
        if name in sample.masks
        else missing
        for name in choice.masks
    ]
    return np.concatenate(stack).astype(np.int32)


def for_torch(array: np.ndarray) -> np.ndarray:
    """Return a writable, contiguous copy or view in native byte order, of a type torch has."""
    kind = _SIGNED.get(array.dtype.name, array.dtype.newbyteorder("="))
    return np.require(array, kind, ["C", "W"])


def target(sample: Sample, task: Task) -> int | np.ndarray:
    """Return the class code of a sample, or float32 (K,) of a multi-label task.

    -100 is not stated; in a multi-label task 1 is present, 0 absent, -1 uncertain, NaN not stated.

    Raises:
        SettingError: The label is no class of the task.
    """
    stated = {
        each.name: each.value
        for each in sample.labels
        if each.task == task.name and each.value is not None
    }
    if task.kind is TaskKind.MULTI_LABEL:
        return np.array([stated.get(each, np.nan) for each in task.classes], np.float32)
    single = [each for each in sample.meta.tasks if each.kind is not TaskKind.MULTI_LABEL]
    label = (
        sample.label if single == [task] else next((n for n, v in stated.items() if v == 1), None)
    )
    if label is None:
        return NO_CLASS
    if label not in task.classes:
        problem = f"Label {label!r} of sample {sample.id} is no class of task {task.name!r}"
        raise SettingError(problem, "Correct the class list of the dataset's record")
    return task.classes.index(label)
