"""What other libraries take: torch, MONAI, TorchIO and Hugging Face's datasets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from medshelf.core.errors import MissingExtraError
from medshelf.dataset.adapters.stacking import Choice

if TYPE_CHECKING:
    import datasets  # type: ignore[import-untyped,import-not-found,unused-ignore]
    import torchio  # type: ignore[import-not-found,unused-ignore]

    from medshelf.dataset.adapters.monai_files import MediaReader
    from medshelf.dataset.adapters.tensors import TensorSamples
    from medshelf.dataset.dataset import Dataset

Transform = Callable[[Any], Any]
Names = Sequence[str] | None


class Adapters:
    """The same samples in the form of other libraries, each of which is an extra.

    `images` and `masks` are the names of the media that are taken, by default all; several images
    of a sample become channels in this order. `annotator` says whose masks, where several drew
    them. A class code of -100 is a label that is not stated; rows of a multi-label task are 1
    present, 0 absent, -1 uncertain, NaN not stated.
    """

    def torch(
        self,
        transform: Transform | None = None,
        *,
        images: Names = None,
        masks: Names = None,
        annotator: str | None = None,
    ) -> TensorSamples:
        """Return a map-style dataset for `torch.utils.data.DataLoader`.

        A sample is a dict: `id`; `image`, a tensor (C, Y, X), (C, Z, Y, X) or (C, T, ...) with the
        values as stored; `mask`, int32 (K, ...), -1 where the sample has no such mask; `label`,
        int64 or float32 (K,), or `labels`, a dict of them by task where there are several;
        `question` and `answers` as text. Keys that the dataset has nothing for are left out.

        Args:
            transform: Called with the dict.
            images: Names of the images.
            masks: Names of the masks.
            annotator: Whose masks.

        Raises:
            MissingExtraError: torch is not installed.
        """
        try:
            from medshelf.dataset.adapters.tensors import TensorSamples
        except ImportError as error:
            raise MissingExtraError("torch", "train") from error
        return TensorSamples(self._dataset, self._chosen(images, masks, annotator), transform)

    def monai(
        self, *, images: Names = None, masks: Names = None, annotator: str | None = None
    ) -> list[dict[str, Any]]:
        """Return one dict per sample for MONAI's dictionary transforms.

        `image` and `label` (masks) are paths, or lists of paths that become channels. With

            LoadImaged(keys=["image", "label"], reader=dataset.monai_reader())

        they are read channels first, (C, X, Y) or (C, X, Y, Z), affine RAS+. Paths of loose files
        are plain; a member of an archive, a row of an array, a channel of a 4D file and a mask
        drawn as a picture carry a mark that only this reader understands. Without masks `label` is
        the class code, with masks that is `class`. A sample without a mask has no `label`: pass
        `allow_missing_keys=True`, or filter.

        Raises:
            MissingExtraError: monai is not installed.
        """
        try:
            from medshelf.dataset.adapters.monai_files import items
        except ImportError as error:
            raise MissingExtraError("monai", "monai") from error
        return items(self._dataset, self._chosen(images, masks, annotator))

    def monai_reader(self) -> MediaReader:
        """Return the reader for the items that `monai` gives.

        Raises:
            MissingExtraError: monai is not installed.
        """
        try:
            from medshelf.dataset.adapters.monai_files import MediaReader
        except ImportError as error:
            raise MissingExtraError("monai", "monai") from error
        return MediaReader(self._dataset.meta)

    def torchio(
        self,
        transform: Transform | None = None,
        *,
        images: Names = None,
        masks: Names = None,
        annotator: str | None = None,
    ) -> torchio.SubjectsDataset:
        """Return the samples as TorchIO subjects, decoded when they are used.

        Each image is a `ScalarImage` and each mask a `LabelMap` under its own name, (C, X, Y, Z)
        with Z = 1 for pictures; the affine is RAS+, or the spacing where none is stated. Also
        `sample_id`, and `label` or `labels` as in `torch`.

        Raises:
            MissingExtraError: torchio is not installed.
            SettingError: A sample has no image.
        """
        try:
            from medshelf.dataset.adapters.torchio_subjects import subjects
        except ImportError as error:
            raise MissingExtraError("torchio", "torchio") from error
        return subjects(self._dataset, self._chosen(images, masks, annotator), transform)

    def hf(
        self, *, images: Names = None, masks: Names = None, annotator: str | None = None
    ) -> datasets.Dataset:
        """Return a table of Hugging Face's `datasets`, a column per image, mask and fact.

        Pictures and NIfTI files stay as they are (`Image`, `Nifti`): loose files by path, members
        of archives in memory. Of other formats uint8 pictures become PNG and the rest arrays of one
        shape. A single label is a `ClassLabel`, a multi-label task a struct of its classes; what is
        not stated is null.

        Raises:
            MissingExtraError: datasets is not installed.
            SettingError: There is no sample, or arrays of one name differ in shape.
        """
        try:
            from medshelf.dataset.adapters.hf_table import table
        except ImportError as error:
            raise MissingExtraError("datasets", "hf") from error
        return table(self._dataset, self._chosen(images, masks, annotator))

    @property
    def _dataset(self) -> Dataset:
        return cast("Dataset", self)

    def _chosen(self, images: Names, masks: Names, annotator: str | None) -> Choice:
        return Choice.of(self._dataset, images, masks, annotator)
