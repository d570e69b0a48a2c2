"""A sample on its way into another format: named for files, its images prepared."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from medshelf.conversion.moving import Moved, moved_shapes, prepared_image, prepared_mask
from medshelf.conversion.preparation import Preparation
from medshelf.core.errors import FormatError, SettingError
from medshelf.dataset import decoding
from medshelf.dataset.fields import Medium, Shape
from medshelf.dataset.sample import Sample
from medshelf.formats.picture import encode_png
from medshelf.formats.raster import Raster

_SPELLED = {"jpeg": "jpg"}


@dataclass(eq=False)
class Prepared:
    """One sample.

    Attributes:
        key: Its name in files: letters, digits, `-` and `_`; unique within the conversion.
        split: Where it goes: the official split, or that of a derived one; null where none is.
        sample: The sample as it was read.
        preparation: What is done to its images.
    """

    key: str
    split: str | None
    sample: Sample
    preparation: Preparation

    def image(self, name: str | None = None) -> Raster:
        """Return an image, prepared; errors as those of `Sample.raster`.

        Args:
            name: Which one; the first by default.
        """
        return self._moved(name).raster

    def mask(self, name: str | None = None, annotator: str | None = None) -> Raster:
        """Return a mask on the grid of the prepared first image; see `Sample.mask_raster`."""
        raster = self.sample.mask_raster(name, annotator)
        return prepared_mask(raster, self.preparation) if self.preparation.moves else raster

    def shapes(self, image: str | None = None) -> tuple[Shape, ...]:
        """Return the shapes drawn on an image, in pixels of the prepared one.

        Shapes in mm stay as they are. What lies outside a crop altogether is left out, what
        reaches over its edge is cut there.
        """
        name = self.sample.medium(image).name
        found = tuple(each for each in self.sample.shapes if each.media in (None, name))
        return moved_shapes(found, self._moved(image)) if self.preparation.moves else found

    def file(self, kinds: Collection[str], name: str | None = None) -> tuple[bytes, str]:
        """Return an image as a file, and its ending.

        Where nothing is done to it and its file is of one of the kinds, that file is given, byte
        by byte; else a PNG of the prepared image.

        Args:
            kinds: Endings that the target takes as they are, e.g. `("png", "jpg")`.
            name: Which image; the first by default.

        Raises:
            SettingError: The image is no picture of 8 or 16 bits.
        """
        medium = self.sample.medium(name)
        kind = _SPELLED.get(str(medium.format), str(medium.format))
        if kind in kinds and medium.index is None and not self.preparation.alters:
            return self.source(medium), kind
        return encode(self.image(name), f"{self.sample.id} ({medium.name})"), "png"

    def source(self, medium: Medium) -> bytes:
        """Return the bytes of a medium's file or member.

        Raises:
            FormatError: It is not there, or cannot be read.
        """
        found = decoding.source(self.sample.root, medium)
        if isinstance(found, Path):
            with _readable(found):
                found = found.read_bytes()
        self._digests[medium.path, medium.member] = hashlib.sha256(found).hexdigest()
        return found

    def provenance(self) -> Iterator[dict[str, Any]]:
        """Yield where each image and mask came from, with the SHA-256 of its file or member.

        A row of a container (npz, HDF5, Parquet) has no file of its own, and so no hash.
        """
        for medium in self.sample.media:
            whole = medium.path is not None and not decoding.is_container(medium)
            digest = self._digest(medium) if whole else None
            yield {
                "sample_id": self.sample.id,
                "key": self.key,
                "role": medium.role,
                "name": medium.name,
                "path": medium.path,
                "member": medium.member,
                "index": medium.index,
                "sha256": digest,
            }

    def _digest(self, medium: Medium) -> str:
        if known := self._digests.get((medium.path, medium.member)):
            return known
        found = decoding.source(self.sample.root, medium)
        if not isinstance(found, Path):
            return hashlib.sha256(found).hexdigest()
        with _readable(found):
            stat = found.stat()
            return _file_digest(found, stat.st_size, stat.st_mtime_ns)

    def _moved(self, name: str | None) -> Moved:
        medium = str(self.sample.medium(name).name)
        if medium not in self._images:
            raster = self.sample.raster(medium)
            self._images[medium] = prepared_image(raster, self.preparation)
        return self._images[medium]

    @cached_property
    def _images(self) -> dict[str, Moved]:
        return {}

    @cached_property
    def _digests(self) -> dict[tuple[str | None, str | None], str]:
        return {}


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise FormatError(path, reason, "Check path and permissions, or fetch it again") from error


@lru_cache(maxsize=64)
def _file_digest(path: Path, size_bytes: int, mtime_ns: int) -> str:  # noqa: ARG001 - which content
    """Hash a file, once where many samples are slices or frames of it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def encode(raster: Raster, what: str) -> bytes:
    """Return a picture as PNG, losslessly.

    Args:
        raster: Two spatial axes; grey of 8 or 16 bits, bool (0 and 255), or RGB of 8.
        what: Names it in an error.

    Raises:
        SettingError: It is something else.
    """
    if raster.axes not in ("YX", "YXC", "XY"):
        problem = f"The image of {what} has the axes {raster.axes}, and is no picture"
        raise SettingError(problem, "Convert volumes with: --to nnunet, --to webdataset")
    array = raster.as_axes("YX") if raster.axes == "XY" else raster.array
    if array.dtype.name not in ("uint8", "uint16", "bool"):
        problem = f"The image of {what} holds {array.dtype} values, which PNG does not"
        raise SettingError(problem, "Choose a window, e.g. --window lung, or --dtype uint16")
    return encode_png(array * np.uint8(255) if array.dtype == np.bool_ else array)
