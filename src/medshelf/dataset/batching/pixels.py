"""Where the pixels of each row lie, and how to gather them."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import polars as pl

from medshelf.core.errors import LayoutError
from medshelf.core.manifest import Manifest
from medshelf.formats.npz import open_array


class PixelSource:
    """The first image of every row of a manifest, decoded on demand.

    Nothing is opened before the first pixel is asked for, and nothing that is open is pickled, so a
    worker process opens its own maps.
    """

    def __init__(self, manifest: Manifest) -> None:
        media = (
            manifest.frame.select(pl.col("media").list.first().struct.unnest())
            .select("path", "member", "index", "format")
            .collect()
        )
        formats = media["format"].unique().to_list()
        if formats not in ([], ["npz"]):
            raise LayoutError(
                f"Images of {manifest.meta.dataset!r} are of format {formats}",
                "Only members of npz archives can be decoded in this version",
            )
        places = media.select("path", "member").unique(maintain_order=True).with_row_index("place")
        self._files = [(manifest.root / path, member) for _, path, member in places.iter_rows()]
        self._place = media.join(places, on=("path", "member"), maintain_order="left")[
            "place"
        ].to_numpy()
        self._index = media["index"].to_numpy()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._index)

    def __getstate__(self) -> dict[str, object]:
        """Leave open maps behind."""
        return {key: value for key, value in self.__dict__.items() if key != "_arrays"}

    @cached_property
    def _arrays(self) -> list[np.ndarray]:
        # Plain views: a memmap builds a Python object of its own at every slice.
        return [np.asarray(open_array(path, member)) for path, member in self._files]

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one stored image: (H, W), (H, W, 3) or (D, H, W); () if there is none."""
        return self._arrays[0].shape[1:] if self._arrays else ()

    def lookup(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return an array that holds the images of `rows`, and their places on its first axis.

        The array is the memory map itself where all images lie in one.
        """
        if len(self._arrays) == 1:
            return self._arrays[0], self._index[rows]
        return self.gather(rows), np.arange(len(rows))

    def gather(self, rows: np.ndarray) -> np.ndarray:
        """Copy the images of `rows` into one array of the stored dtype, (len(rows), *image_shape).

        Args:
            rows: Row numbers, int64 (n,), in any order.
        """
        places, index = self._place[rows], self._index[rows]
        if not self._arrays:
            return np.empty((0,), np.uint8)
        if len(self._arrays) == 1:
            return self._arrays[0][index]
        images = np.empty((len(rows), *self.image_shape), self._arrays[0].dtype)
        for place, array in enumerate(self._arrays):
            chosen = places == place
            images[chosen] = array[index[chosen]]
        return images
