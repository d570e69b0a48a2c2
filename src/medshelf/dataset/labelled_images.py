"""Labelled images of one size, as MedMNIST has them: items, batches, pictures, for any trainer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from medshelf.core.errors import SettingError
from medshelf.core.manifest import SPLITS, Manifest
from medshelf.core.tasks import Task, TaskKind
from medshelf.dataset.batching.augmentation import Augmentation
from medshelf.dataset.batching.batches import Batches, Filled, Normalisation, Pass, Stacked
from medshelf.dataset.batching.items import Item, Items
from medshelf.dataset.batching.pixels import PixelSource
from medshelf.dataset.dataset import Dataset
from medshelf.dataset.presentation import NOT_CLINICAL, split_counts
from medshelf.dataset.rows import Rows

if TYPE_CHECKING:
    from PIL.Image import Image

    from medshelf.dataset.batching.resident import Resident

Transform = Callable[[Any], Any]
Target = int | np.ndarray


@dataclass(frozen=True, slots=True)
class View:
    """How items look.

    Attributes:
        as_rgb: Repeat the channel of grey images three times, as the last axis.
        transform: Called with each image array.
        target_transform: Called with each target.
    """

    as_rgb: bool = False
    transform: Transform | None = None
    target_transform: Transform | None = None


class LabelledImages(Dataset):
    """Images of one size in arrays, each with one label or one row of labels.

    A map-style dataset for `torch.utils.data.DataLoader`. An item is an `Item`, a tuple
    `(image, target)`. The image is an array as stored, uint8: (H, W) grey, (H, W, 3) RGB, (D, H, W)
    volume. The target is an int, the position of the label in `classes`; for multi-label sets a
    float32 array (K,) of 1 present, 0 absent, -1 uncertain, NaN not stated. `sample` gives the
    `Sample` of an item.
    """

    def __init__(
        self, manifest: Manifest, rows: Rows | None = None, *, view: View | None = None
    ) -> None:
        super().__init__(manifest, rows)
        self._view = view or View()
        self._residents: dict[str, Resident | None] = {}

    @staticmethod
    def fits(manifest: Manifest) -> bool:
        """Say whether a manifest has this form, from what it says of itself and its first row."""
        meta = manifest.meta
        if len(meta.tasks) != 1 or meta.dimensions is None:
            return False
        media = manifest.frame.select("media").head(1).collect().to_series()
        first = media[0] if len(media) else None
        return first is not None and [
            (each["format"], each["index"] is None) for each in first
        ] == [("npz", False)]

    def __getstate__(self) -> dict[str, object]:
        """Leave copies on other devices behind."""
        return {**self.__dict__, "_residents": {}}

    @cached_property
    def _pixels(self) -> PixelSource:
        return PixelSource(self.manifest)

    @cached_property
    def targets(self) -> np.ndarray:
        """All targets, before `target_transform`: int64 (N,), or float32 (N, K) if multi-label."""
        if self.task.kind is TaskKind.MULTI_LABEL:
            return self.manifest.label_matrix()
        return self.manifest.class_codes()

    @property
    def task(self) -> Task:
        """The label task."""
        return self.manifest.task

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of their codes."""
        return self.task.classes

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._pixels)

    def __getitem__(self, key: int | slice) -> Any:
        """Return one Item, or the chosen samples as a dataset of this kind for a slice.

        Raises:
            IndexError: There is no such sample.
        """
        if isinstance(key, slice):
            return self._derived(np.arange(len(self))[key])
        return self.__getitems__([self._checked(key)])[0]

    def __getitems__(self, indices: Sequence[int]) -> Sequence[Item]:
        """Return several items at once; DataLoader calls this once per batch."""
        rows = np.asarray(indices, dtype=np.int64)
        items = Items(self._gather(rows), self.targets[rows])
        if not self._is_transformed:
            return items
        return [self._transformed(each, row) for each, row in zip(items, rows, strict=True)]

    def images(self, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Return images as stored (three channels if `as_rgb`), uint8 (n, ...), untransformed.

        Args:
            rows: Row numbers, int64 (n,), or a slice; all by default, which may not fit in memory.
        """
        return self._gather(np.arange(len(self))[rows])

    def _gather(self, rows: np.ndarray) -> np.ndarray:
        images = self._pixels.gather(rows)
        if self._view.as_rgb and self.manifest.meta.channels == 1:
            images = np.repeat(images[..., None], 3, axis=-1)
        return images

    def batches(
        self,
        batch_size: int = 128,
        *,
        shuffle: bool = False,
        seed: int | Sequence[int] = 0,
        device: str | None = None,
        normalise: Normalisation = (0, 1),
        augment: Augmentation | None = None,
    ) -> Batches:
        """Return one pass over the samples in batches, made vectorised.

        Args:
            batch_size: Samples per batch; the last batch may be smaller.
            shuffle: Visit the samples in an order that only `seed` decides.
            seed: Give each epoch its own, e.g. `seed=(run, epoch)`.
            device: Torch device that gets the batches as tensors; None gives NumPy arrays. A GPU
                keeps the split in its memory, if that takes no more than half of what is free.
            normalise: (mean, std), a number or one per channel, applied after scaling to [0, 1].
            augment: Random flips and padded crops of pictures, decided by `seed`.

        Returns:
            An iterable with a length. A batch is `(images, targets)`: float32 (B, C, *spatial)
            and the targets as in `targets`. Memory of a batch that nobody holds is used again.
            If there is a transform, its results are stacked instead, as they are.

        Raises:
            SettingError: `batch_size` is below 1, or `augment` is asked for volumes or with a
                transform.
        """
        order = np.arange(len(self))
        if shuffle:
            order = np.random.default_rng(seed).permutation(len(self))
        visit = Pass(order, batch_size, device)
        n_spatial = self.manifest.meta.dimensions or 2
        if augment is not None and (n_spatial != 2 or self._is_transformed):  # noqa: PLR2004
            problem = f"augment cannot be used on {self.manifest.meta.dataset} as it was loaded"
            raise SettingError(problem, "Use it on 2D sets, or augment in the transform alone")
        if self._is_transformed:
            return Stacked(visit, self.__getitems__)
        return Filled(
            visit=visit,
            source=self._pixels,
            targets=self.targets,
            n_spatial=n_spatial,
            as_rgb=self._view.as_rgb,
            normalise=normalise,
            augment=augment,
            seed=seed,
            resident=self._resident(device, n_spatial),
        )

    def montage(self, n_images: int = 64, *, seed: int = 0) -> Image:
        """Return a picture of samples drawn at random; volumes show their middle slice."""
        from PIL import Image

        from medshelf.imaging.montage import montage

        rows = np.random.default_rng(seed).permutation(len(self))[:n_images]
        n_columns = max(1, round(len(rows) ** 0.5 * 1.6))
        return Image.fromarray(montage(self._pixels.gather(np.sort(rows)), n_columns))

    def save(self, folder: str | Path) -> Path:
        """Write the samples as PNG (volumes: GIF) with a CSV, in MedMNIST's exported layout.

        Args:
            folder: Where to write; made if needed.

        Returns:
            The CSV's path.
        """
        from medshelf.dataset.exported import write

        return write(self.manifest, Path(folder))

    def card(self) -> str:
        """Return what one should know before using the set, as text for a terminal."""
        meta = self.manifest.meta
        lines = [
            repr(self),
            f"  version  {meta.version}",
            *(f"  {each.severity:8} {each.where}: {each.message}" for each in meta.issues),
            "",
            self.cite() or "Generated data: nothing to cite.",
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        """Show task, counts and licence."""
        meta = self.manifest.meta
        present = split_counts(self._rows)
        counts = ", ".join(f"{each} {present[each]}" for each in SPLITS if each in present)
        shape = " x ".join(str(edge) for edge in self._pixels.image_shape)
        names = ", ".join(
            name if name == str(code) else f"{code} {name}"
            for code, name in enumerate(self.classes)
        )
        modified = " MODIFIED: not the published files" if meta.modified else ""
        return "\n".join(
            (
                f"{meta.name} ({meta.dataset}){modified}",
                f"  task     {self.task.kind}: {names}",
                f"  samples  {len(self)} ({counts})",
                f"  images   uint8 {shape}{' shown as RGB' if self._view.as_rgb else ''}",
                f"  licence  {meta.licence}",
                f"  labels   {meta.label_origin or 'origin not stated'}",
                *(f"  note     {each}" for each in meta.limitations),
                f"  {NOT_CLINICAL}",
            )
        )

    def _alike(self, manifest: Manifest, rows: Rows) -> Self:
        return type(self)(manifest, rows, view=self._view)

    @property
    def _is_transformed(self) -> bool:
        return (self._view.transform or self._view.target_transform) is not None

    def _resident(self, device: str | None, n_spatial: int) -> Resident | None:
        if device is None or device.startswith("cpu"):
            return None
        if device not in self._residents:
            from medshelf.dataset.batching.resident import Resident

            self._residents[device] = Resident.load(self._pixels, self.targets, n_spatial, device)
        return self._residents[device]

    def _transformed(self, item: Item, row: int) -> Item:
        image, target = item
        try:
            if self._view.transform is not None:
                image = self._view.transform(image)
            if self._view.target_transform is not None:
                target = self._view.target_transform(target)
        except Exception as error:
            error.add_note(f"This was sample {row} of {self.manifest.meta.dataset}.")
            raise
        return Item(image, target)
