"""What has pixels in the manifests that are shown: samples, opened images, thumbnails."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import AbstractContextManager
from threading import Lock
from typing import Final

from medshelf.core.errors import UnknownNameError, UnsupportedError
from medshelf.core.settings import Settings
from medshelf.dataset.fields import Medium
from medshelf.dataset.sample import Sample
from medshelf.explorer.holdings import Holdings
from medshelf.explorer.pixels.opened import Opened
from medshelf.explorer.pixels.scene import Scene, open_image, open_mask
from medshelf.explorer.pixels.structures import Structure, structures_of
from medshelf.explorer.pixels.thumbnails import Store

_KEPT_STRUCTURES: Final = 512


class Pixels:
    """What has pixels: opened scenes, and the kept thumbnails of each manifest."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self._opened = Opened()
        self._stores: dict[str, Store] = {}
        self._structures: OrderedDict[tuple[str, int, int], tuple[Structure, ...]] = OrderedDict()
        self._lock = Lock()

    def sample(self, key: str, row: int) -> Sample:
        """Return the sample of a row.

        Raises:
            UnknownNameError: There is no such row, or no open manifest of that key.
        """
        shown = self._holdings.by_key(key)
        if row >= len(shown):
            raise UnknownNameError("row", row, [f"0 to {len(shown) - 1}"])
        return shown.dataset.sample(row)

    def medium(self, sample: Sample, slot: int) -> Medium:
        """Return a medium of a sample.

        Raises:
            UnknownNameError: The sample has no such medium.
            UnsupportedError: Its file lies outside the root.
        """
        if slot >= len(sample.media):
            raise UnknownNameError("medium", slot, [f"0 to {len(sample.media) - 1}"])
        medium = sample.media[slot]
        root = sample.root.resolve()
        if medium.path and not (root / medium.path).resolve().is_relative_to(root):
            problem = f"{medium.path} leads out of {sample.root}"
            raise UnsupportedError(problem, "Only what lies below the root is shown")
        return medium

    def scene(self, key: str, row: int, slot: int) -> Scene:
        """Return an opened image or mask.

        Raises:
            UnsupportedError: The medium is neither.
            MedshelfError: It cannot be decoded.
        """
        sample = self.sample(key, row)
        medium = self.medium(sample, slot)
        if medium.role == "mask":
            return self._opened.get(
                (key, row, slot), lambda: open_mask(sample, medium, sample.legend)
            )
        if medium.role != "image":
            problem = f"Medium {medium.name!r} is {medium.role or 'of no kind'}, and no image"
            raise UnsupportedError(problem, "Open it with a program for its format")
        return self._opened.get((key, row, slot), lambda: open_image(sample, medium))

    def structures(self, key: str, row: int, slot: int) -> tuple[Structure, ...]:
        """Return what a mask shows.

        Raises:
            UnsupportedError: The medium is no mask.
        """
        sample = self.sample(key, row)
        if self.medium(sample, slot).role != "mask":
            problem = f"Medium {slot} is no mask"
            raise UnsupportedError(problem, "Ask for the slot of a mask")
        mask, name = self.scene(key, row, slot), (key, row, slot)
        with self._lock:
            if name in self._structures:
                return self._structures[name]
        found = structures_of(sample, self.medium(sample, slot), mask.array, mask.first)
        with self._lock:
            self._structures[name] = found
            if len(self._structures) > _KEPT_STRUCTURES:
                self._structures.popitem(last=False)
        return found

    def turn(self) -> AbstractContextManager[None]:
        """Wait until few enough others decode.

        Raises:
            UnsupportedError: The server is busy.
        """
        return self._opened.turn()

    def store(self, key: str) -> Store:
        """Return the kept thumbnails of a manifest."""
        with self._lock:
            if key not in self._stores:
                folder = self._holdings.cache or Settings.from_environment().cache / "thumbnails"
                self._stores[key] = Store.of(folder, key)
            return self._stores[key]
