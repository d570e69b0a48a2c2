"""Samples as a table of Hugging Face's `datasets`, with typed columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets  # type: ignore[import-untyped,import-not-found,unused-ignore]
import numpy as np

from medshelf.core.errors import SettingError
from medshelf.core.tasks import Task, TaskKind
from medshelf.dataset import decoding
from medshelf.dataset.adapters.stacking import NO_CLASS, Choice, for_torch, target
from medshelf.dataset.sample import Sample
from medshelf.formats.picture import encode_png

if TYPE_CHECKING:
    from medshelf.dataset.dataset import Dataset

_PICTURES = ("png", "jpg", "jpeg", "bmp", "tif", "tiff", "gif", "webp")
_NIFTI = ("nii", "nii.gz")
_TEXT = datasets.Value("string")
_TEXTS = ("report", "findings", "impression", "caption", "context")
_FACTS = ("split", "patient_id", "study_id", "sex", "view", "laterality", "site", "scanner")


@dataclass(frozen=True)
class _Column:
    """A column of the table: its type, and how a sample's value is made."""

    name: str
    feature: Any
    value: Callable[[Sample], Any]


def table(dataset: Dataset, choice: Choice) -> datasets.Dataset:
    """Return the samples as a table; see `Dataset.hf`.

    Raises:
        SettingError: Two columns would have the same name, or arrays of a name differ in shape.
    """
    if not len(dataset):
        raise SettingError(f"{dataset.meta.dataset!r} has no samples", "Choose others")
    columns = [_Column("id", _TEXT, lambda sample: sample.id)]
    columns += [_image(dataset, name, "image", choice) for name in choice.images]
    columns += [_image(dataset, name, "mask", choice) for name in choice.masks]
    columns += [_label(task, dataset.tasks) for task in dataset.tasks]
    columns += _texts(dataset)
    names = [each.name for each in columns]
    if len(set(names)) < len(names):
        problem = f"Columns of {dataset.meta.dataset!r} would have the same name: {names}"
        raise SettingError(problem, "Choose by images=[...] and masks=[...]")
    samples = [dataset.sample(index) for index in range(len(dataset))]
    content = {each.name: [each.value(sample) for sample in samples] for each in columns}
    features = datasets.Features({each.name: each.feature for each in columns})
    info = datasets.DatasetInfo(
        features=features, license=dataset.licence or "", citation=dataset.cite()
    )
    return datasets.Dataset.from_dict(content, features=features, info=info)


def _image(dataset: Dataset, name: str, role: str, choice: Choice) -> _Column:
    """Leave pictures and NIfTI files as they are; decode the rest, uint8 pictures into PNG."""
    kinds = {_kind(sample, name, role) for sample in map(dataset.sample, range(len(dataset)))}
    kinds.discard(None)
    if kinds == {"picture"}:
        return _Column(name, datasets.Image(), lambda sample: _file(sample, name, role))
    if kinds == {"nifti"} and hasattr(datasets, "Nifti"):
        return _Column(name, datasets.Nifti(), lambda sample: _file(sample, name, role))

    def array(sample: Sample) -> np.ndarray | None:
        if name not in (sample.images if role == "image" else sample.masks):
            return None
        if role == "image":
            return sample.image(name)
        return sample.mask(name, choice.annotator)

    first = next(
        each for each in (array(dataset.sample(n)) for n in range(len(dataset))) if each is not None
    )
    if _is_picture(first):
        return _Column(name, datasets.Image(), lambda sample: _png(sample, name, array(sample)))
    feature = _array_feature(for_torch(first))
    return _Column(name, feature, lambda sample: _same(sample, name, array(sample), first.shape))


def _kind(sample: Sample, name: str, role: str) -> str | None:
    media = [each for each in sample.media if (str(each.name), each.role) == (name, role)]
    if not media:
        return None
    whole = len(media) == 1 and media[0].index is None
    if whole and media[0].format in _PICTURES:
        return "picture"
    return "nifti" if whole and media[0].format in _NIFTI else "array"


def _file(sample: Sample, name: str, role: str) -> dict[str, Any] | None:
    if _kind(sample, name, role) is None:
        return None
    file = decoding.source(sample.root, sample.medium(name, role))
    if isinstance(file, Path):
        return {"path": str(file), "bytes": None}
    return {"path": None, "bytes": file}


def _png(sample: Sample, name: str, array: np.ndarray | None) -> dict[str, Any] | None:
    if array is None:
        return None
    if not _is_picture(array):
        raise _differs(sample, name, array)
    return {"path": None, "bytes": encode_png(np.ascontiguousarray(array))}


def _same(
    sample: Sample, name: str, array: np.ndarray | None, shape: tuple[int, ...]
) -> np.ndarray | None:
    if array is not None and array.shape != shape:
        raise _differs(sample, name, array)
    return None if array is None else for_torch(array)


def _differs(sample: Sample, name: str, array: np.ndarray) -> SettingError:
    problem = f"{name!r} of sample {sample.id} is {array.dtype} {array.shape}, unlike the first"
    return SettingError(problem, "A column holds arrays of one shape: filter or resample first")


def _is_picture(array: np.ndarray) -> bool:
    return array.dtype == np.uint8 and (array.ndim == 2 or array.shape[2:] == (3,))  # noqa: PLR2004


def _array_feature(array: np.ndarray) -> Any:
    kinds = {2: datasets.Array2D, 3: datasets.Array3D, 4: datasets.Array4D, 5: datasets.Array5D}
    if array.ndim not in kinds:
        return datasets.List(datasets.Value(array.dtype.name))
    return kinds[array.ndim](shape=array.shape, dtype=array.dtype.name)


def _label(task: Task, tasks: tuple[Task, ...]) -> _Column:
    name = "label" if len(tasks) == 1 else task.name
    if task.kind is not TaskKind.MULTI_LABEL:
        feature = datasets.ClassLabel(names=list(task.classes))
        return _Column(name, feature, lambda sample: _code(target(sample, task)))
    values = {each: datasets.Value("float32") for each in task.classes}
    return _Column(name, values, lambda sample: _stated(target(sample, task), task))


def _code(code: Any) -> int | None:
    return None if code == NO_CLASS else int(code)


def _stated(values: Any, task: Task) -> dict[str, float | None]:
    pairs = zip(task.classes, values.tolist(), strict=True)
    return {name: None if np.isnan(value) else value for name, value in pairs}


def _texts(dataset: Dataset) -> list[_Column]:
    """Return columns for the facts and texts that any sample states."""
    stated = dataset.table
    texts = [each for each in _TEXTS if stated["text"].struct.field(each).count()]
    facts = [each for each in _FACTS if stated[each].count()]
    columns = [_Column(each, _TEXT, attrgetter(each)) for each in facts]
    columns += [_Column(each, _TEXT, partial(_field, "text", each)) for each in texts]
    if stated["age_years"].count():
        columns.append(_Column("age_years", datasets.Value("float32"), attrgetter("age_years")))
    if stated["question"].count():
        columns.append(_Column("question", _TEXT, partial(_field, "question", "text")))
        columns += [
            _Column(each, datasets.List(_TEXT), partial(_field, "question", each))
            for each in ("options", "answers")
        ]
    return columns


def _field(part: str, name: str, sample: Sample) -> Any:
    whole = getattr(sample, part)
    return None if whole is None else getattr(whole, name)
