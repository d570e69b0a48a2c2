"""Small pictures of samples, made once and kept in one SQLite file per manifest."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, local
from typing import Final

import numpy as np
from PIL import Image

from medshelf.core.errors import MedshelfError, UnsupportedError
from medshelf.core.version import __version__
from medshelf.dataset.fields import Medium
from medshelf.dataset.looking.thumbnails import glance, glance_at_mask
from medshelf.dataset.sample import Sample
from medshelf.explorer.pixels.encoding import jpeg
from medshelf.explorer.pixels.structures import MOST_AT_FIRST, first_colours, structures_of
from medshelf.imaging.overlay import as_rgb, colour_of, draw_shape, tint
from medshelf.imaging.window import Window

MOST_BYTES: Final = 2 << 30
"""What the thumbnails of one manifest take at most; the oldest go first."""

_RENDERER: Final = f"{__version__}-1"
_CHECKED_EVERY: Final = 500
_PIXELS_SHOW: Final = 3


@dataclass
class Store:
    """Kept thumbnails of one manifest.

    A cache folder that is full or cannot be written costs time only: nothing is kept then.

    Attributes:
        path: The SQLite file; None keeps nothing.
        most_bytes: What it holds at most.
    """

    path: Path | None
    most_bytes: int = MOST_BYTES
    _local: local = field(default_factory=local)
    _making: dict[str, Future[bytes]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _n_written: int = 0

    @classmethod
    def of(cls, folder: Path, key: str) -> Store:
        """Return the store of a manifest; its name changes with manifest and renderer."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            return cls(None)
        return cls(folder / f"{key}-{_RENDERER}.sqlite")

    def get(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return a kept picture, or make and keep it; who asks meanwhile waits for the same one.

        Args:
            name: Row, slot and what else decides the picture.
            make: Called where there is none.
        """
        if (kept := self._read(name)) is not None:
            return kept
        with self._lock:
            waiting = self._making.get(name)
            if waiting is None:
                mine = self._making[name] = Future[bytes]()
        if waiting is not None:
            return waiting.result()
        try:
            content = make()
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(content)
            self._write(name, content)
            return content
        finally:
            with self._lock:
                del self._making[name]

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection") or self._local.pid != os.getpid():
            assert self.path is not None  # noqa: S101 - who calls has looked
            made = sqlite3.connect(self.path, timeout=2, isolation_level=None)
            made.execute("PRAGMA journal_mode=WAL")
            made.execute("PRAGMA synchronous=OFF")
            made.execute(
                "CREATE TABLE IF NOT EXISTS thumbnails (name TEXT PRIMARY KEY, content BLOB)"
            )
            self._local.connection, self._local.pid = made, os.getpid()
        found: sqlite3.Connection = self._local.connection
        return found

    def _read(self, name: str) -> bytes | None:
        if self.path is None:
            return None
        try:
            asked = "SELECT content FROM thumbnails WHERE name = ?"
            row = self._connection().execute(asked, (name,)).fetchone()
        except sqlite3.Error:
            return None
        return None if row is None else bytes(row[0])

    def _write(self, name: str, content: bytes) -> None:
        if self.path is None:
            return
        try:
            connection = self._connection()
            connection.execute("INSERT OR REPLACE INTO thumbnails VALUES (?, ?)", (name, content))
            self._n_written += 1
            if self._n_written % _CHECKED_EVERY == 0:
                self._shrink(connection)
        except sqlite3.Error:
            return

    def _shrink(self, connection: sqlite3.Connection) -> None:
        with closing(connection.execute("SELECT SUM(LENGTH(content)) FROM thumbnails")) as found:
            size = found.fetchone()[0] or 0
        if size > self.most_bytes:
            connection.execute(
                "DELETE FROM thumbnails WHERE rowid IN "
                "(SELECT rowid FROM thumbnails ORDER BY rowid "
                "LIMIT (SELECT COUNT(*) / 4 FROM thumbnails))"
            )


def thumbnail(
    sample: Sample, slot: int, edge: int, *, window: Window | None, overlay: bool
) -> bytes:
    """Return the picture of one image of a sample, JPEG, at most `edge` pixels wide and high.

    Of a volume the middle axial slice is shown. Masks and shapes in pixels are drawn on if
    `overlay`; those that do not fit the image are left out here, and named on its own page.

    Raises:
        MedshelfError: The image cannot be decoded.
    """
    medium = sample.media[slot]
    masks = first_colours(sample) if overlay else {}
    shapes = sample.shapes if overlay else ()
    min_edge = None if masks or shapes else edge
    try:
        picture = glance(sample, medium, window=window, min_edge=min_edge)
    except (ValueError, TypeError, IndexError) as error:
        raise _no_image(medium) from error
    if not picture.size:
        raise _no_image(medium)
    image = Image.fromarray(as_rgb(picture))
    scale = edge / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    kind = Image.Resampling.NEAREST if scale >= _PIXELS_SHOW else Image.Resampling.BOX
    image = _with_masks(image.resize(size, kind), sample, masks, picture.shape[:2])
    labels = list(dict.fromkeys(each.label for each in shapes))
    for each in shapes:
        if each.unit == "pixel" and each.media in (None, medium.name):
            colour = colour_of(labels.index(each.label))
            draw_shape(image, str(each.kind), each.points, colour, scale)
    return jpeg(image)


def _no_image(medium: Medium) -> UnsupportedError:
    problem = f"What {medium.path or 'no file'} holds is no image"
    return UnsupportedError(problem, "Look at the page of the sample, which says more")


def _with_masks(
    image: Image.Image, sample: Sample, colours: Mapping[int, int], shape: tuple[int, ...]
) -> Image.Image:
    drawn = np.array(image)
    for slot in sorted(colours)[:MOST_AT_FIRST]:
        medium = sample.media[slot]
        try:
            values = glance_at_mask(sample, medium)
        except MedshelfError:
            continue
        if values.shape != shape:
            continue
        rows = (np.arange(image.height) * shape[0]) // image.height
        columns = (np.arange(image.width) * shape[1]) // image.width
        small = values[rows[:, None], columns]
        structures = structures_of(sample, medium, values)
        for colour, each in enumerate(structures, start=colours[slot]):
            tint(drawn, np.isin(small, each.values), colour_of(colour))
    return Image.fromarray(drawn)
