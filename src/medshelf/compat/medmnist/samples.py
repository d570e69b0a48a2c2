"""What the datasets are made of: one split, opened, as pictures (2D) or arrays (3D)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from PIL import Image

from medshelf.compat.medmnist import files, pictures
from medshelf.compat.medmnist.arrays import open_split
from medshelf.compat.medmnist.errors import ChoiceError
from medshelf.compat.medmnist.info import DEFAULT_ROOT, INFO
from medshelf.core.files import make_folder, storage_errors

Transform = Callable[[Any], Any]


class _Plain:
    """The only base until torch is imported; CPython adds bases to a class only behind one."""


class MedMNIST(_Plain):
    """One split of one set.

    Attributes:
        flag: Catalog id, the stem of the file name.
        available_sizes: Edge lengths that are published.
        info: The entry of `INFO`.
        size: Edge length; `size_flag` is what it adds to the file name.
        imgs: uint8 (N, H, W), (N, H, W, 3) or (N, D, H, W), mapped from disk.
        labels: Integers (N, 1), or (N, K) of 0 and 1.
    """

    flag: ClassVar[str]
    available_sizes: ClassVar[list[int]]

    def __new__(cls, *_args: object, **_keywords: object) -> Self:
        """Make an instance, of torch's Dataset too as soon as torch is there."""
        torch_dataset = getattr(sys.modules.get("torch.utils.data"), "Dataset", None)
        if torch_dataset and MedMNIST.__bases__ == (_Plain,):
            MedMNIST.__bases__ = (_Plain, torch_dataset)
        return super().__new__(cls)

    def __init__(  # noqa: PLR0913, PLR0917 - the peer's arguments in the peer's order
        self,
        split: str,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        download: bool = False,  # noqa: FBT001, FBT002
        as_rgb: bool = False,  # noqa: FBT001, FBT002
        root: str | os.PathLike[str] | None = DEFAULT_ROOT,
        size: int | None = None,
        mmap_mode: str | None = None,
    ) -> None:
        """Open a split.

        Args:
            split: train, val or test.
            transform: Called with each image: PIL, or a float array for volumes.
            target_transform: Called with each target.
            download: Fetch the file into `root` where the published one is not there.
            as_rgb: Give grey images three channels.
            root: Folder that holds the file.
            size: Edge length of the images; None is 28.
            mmap_mode: `r` maps the images read-only; else changes to them stay in memory.

        Raises:
            ChoiceError: The size is not published.
            RootError: The root does not exist.
            FetchError: `download` failed.
            MissingFileError: The file is not there.
            SplitError: There is no such split.
            FormatError: The file is damaged.
        """
        if size is not None and size not in self.available_sizes:
            problem = f"{self.flag} has no size {size!r}"
            raise ChoiceError(problem, f"Choose one of: {_listed(self.available_sizes)}")
        self.size = 28 if size is None else size
        self.size_flag = files.size_flag(self.size)
        self.info = INFO[self.flag]
        self.root = files.check_root(root)
        if download:
            self.download()
        path = files.find_file(self.root, self.flag, self.size_flag)
        files.check_split(split)
        self.split = split
        self.transform = transform
        self.target_transform = target_transform
        self.as_rgb = as_rgb
        self._source, self.labels = open_split(path, split, mmap_mode)
        self.imgs: np.ndarray = self._source.open()

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.imgs)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Return image and target, each after its transform."""
        image, target = self._image(self.imgs[index]), self.labels[index].astype(int)
        try:
            if self.transform is not None:
                image = self.transform(image)
            if self.target_transform is not None:
                target = self.target_transform(target)
        except Exception as error:
            error.add_note(f"This was sample {index} of split {self.split!r} of {self.flag}.")
            raise
        return image, target

    def _image(self, stored: np.ndarray) -> Any:
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        """Leave images that can be mapped again behind; changed ones go along."""
        state = dict(self.__dict__)
        if self._source.holds(self.imgs):
            del state["imgs"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Map the images where they were left behind."""
        self.__dict__.update(state)
        if "imgs" not in state:
            self.imgs = self._source.open()

    def __repr__(self) -> str:
        """Show the facts of the set and what is opened of it."""
        facts = {
            "Number of datapoints": len(self),
            "Root location": self.root,
            "Split": self.split,
            "Task": self.info["task"],
            "Number of channels": self.info["n_channels"],
            "Meaning of labels": self.info["label"],
            "Number of samples": self.info["n_samples"],
            "Description": self.info["description"],
            "License": self.info["license"],
        }
        name = f"{self.flag}{self.size_flag}"
        head = f"Dataset {type(self).__name__} of size {self.size} ({name})"
        return "\n".join((head, *(f"    {key}: {value}" for key, value in facts.items())))

    def download(self) -> None:
        """Fetch the file into the root, verified; nothing is done if it is there already.

        Raises:
            FetchError: It could not be had.
        """
        files.fetch(self.flag, self.size, self.root)

    def _save(self, folder: str | os.PathLike[str], postfix: str, write_csv: bool) -> None:  # noqa: FBT001
        place = Path(folder) / f"{self.flag}{self.size_flag}"
        lines = pictures.save_samples(self.imgs, self.labels, place, self.split, postfix)
        if write_csv:
            pictures.write_table(place.with_name(f"{place.name}.csv"), self.split, lines)

    def _montage_path(self, folder: str | os.PathLike[str], ending: str) -> Path:
        return Path(folder) / f"{self.flag}{self.size_flag}_{self.split}_montage.{ending}"


class MedMNIST2D(MedMNIST):
    """Pictures: an item is a PIL image of mode L or RGB, and an integer array (K,)."""

    available_sizes: ClassVar[list[int]] = [28, 64, 128, 224]

    def _image(self, stored: np.ndarray) -> Any:
        image = Image.fromarray(stored)
        return image.convert("RGB") if self.as_rgb else image

    def save(
        self,
        folder: str | os.PathLike[str],
        postfix: str = "png",
        write_csv: bool = True,  # noqa: FBT001, FBT002
    ) -> None:
        """Write every image as a picture, and a table of them beside the pictures' folder.

        Args:
            folder: Where to write; made if needed.
            postfix: Ending of the pictures, which says the format.
            write_csv: Write the table; lines of this split that lie there are replaced.
        """
        self._save(folder, postfix, write_csv)

    def montage(
        self,
        length: int = 20,
        replace: bool = False,  # noqa: FBT001, FBT002
        save_folder: str | os.PathLike[str] | None = None,
    ) -> Image.Image:
        """Return a square of `length` x `length` images drawn at random.

        Args:
            length: Images per edge.
            replace: An image may be drawn twice.
            save_folder: Also write the picture there, as JPEG.
        """
        chosen = pictures.draw(len(self), length, replace=replace)
        picture = pictures.tile(self.imgs[chosen], length)
        if save_folder is not None:
            path = self._montage_path(save_folder, "jpg")
            make_folder(path.parent)
            with storage_errors(path):
                picture.save(path)
        return picture


class MedMNIST3D(MedMNIST):
    """Volumes: an item is a float64 array (C, D, H, W) in [0, 1], and an integer array (K,)."""

    available_sizes: ClassVar[list[int]] = [28, 64]

    def _image(self, stored: np.ndarray) -> Any:
        volume = (stored / 255.0)[None]
        return np.repeat(volume, 3, axis=0) if self.as_rgb else volume

    def save(
        self,
        folder: str | os.PathLike[str],
        postfix: str = "gif",
        write_csv: bool = True,  # noqa: FBT001, FBT002
    ) -> None:
        """Write every volume as a GIF, one frame per slice, and a table of them.

        Args:
            folder: Where to write; made if needed.
            postfix: `gif` only.
            write_csv: Write the table; lines of this split that lie there are replaced.

        Raises:
            ChoiceError: The ending is another one.
        """
        if postfix != "gif":
            problem = f"A volume cannot be saved as {postfix!r}"
            raise ChoiceError(problem, "Use postfix='gif', one frame per slice")
        self._save(folder, postfix, write_csv)

    def montage(
        self,
        length: int = 20,
        replace: bool = False,  # noqa: FBT001, FBT002
        save_folder: str | os.PathLike[str] | None = None,
    ) -> list[Image.Image]:
        """Return one square of `length` x `length` volumes drawn at random for each slice.

        Args:
            length: Volumes per edge.
            replace: A volume may be drawn twice.
            save_folder: Also write the squares there, as one GIF.
        """
        volumes = self.imgs[pictures.draw(len(self), length, replace=replace)]
        frames = [pictures.tile(volumes[:, depth], length) for depth in range(volumes.shape[1])]
        if save_folder is not None:
            path = self._montage_path(save_folder, "gif")
            make_folder(path.parent)
            pictures.save_picture(np.stack([np.asarray(frame) for frame in frames]), path)
        return frames


def _listed(values: list[int]) -> str:
    return ", ".join(str(value) for value in values)
