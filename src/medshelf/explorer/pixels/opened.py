"""Opened images and masks, the last ones kept, at most so many bytes of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock
from typing import Final

from medshelf.core.errors import UnsupportedError
from medshelf.explorer.pixels.scene import Scene

MOST_BYTES: Final = 1 << 30

_AT_ONCE: Final = 4
_PATIENCE_S: Final = 60


class Opened:
    """Scenes by name; who asks for one that is being opened waits for it.

    At most four are opened at a time, so that a page full of large volumes cannot take all memory.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._scenes: OrderedDict[tuple[str, int, int], Future[Scene]] = OrderedDict()
        self._lock = Lock()
        self._free = BoundedSemaphore(_AT_ONCE)

    def get(self, name: tuple[str, int, int], make: Callable[[], Scene]) -> Scene:
        """Return a kept scene, or open it.

        Args:
            name: Key of the manifest, row and slot.
            make: Opens it.

        Raises:
            UnsupportedError: The server is busy opening others.
            MedshelfError: As `make`.
        """
        with self._lock:
            waiting = self._scenes.get(name)
            if waiting is None:
                mine = self._scenes[name] = Future[Scene]()
            else:
                self._scenes.move_to_end(name)
        if waiting is not None:
            try:
                return waiting.result(timeout=_PATIENCE_S)
            except TimeoutError as error:
                raise _busy() from error
        try:
            with self.turn():
                found = make()
        except BaseException as error:
            with self._lock:
                del self._scenes[name]
            mine.set_exception(error)
            raise
        mine.set_result(found)
        self._shrink()
        return found

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until few enough others decode.

        Raises:
            UnsupportedError: The server is busy.
        """
        if not self._free.acquire(timeout=_PATIENCE_S):
            raise _busy()
        try:
            yield
        finally:
            self._free.release()

    def _shrink(self) -> None:
        with self._lock:
            done = [(name, each.result()) for name, each in self._scenes.items() if each.done()]
            size = sum(scene.size_bytes for _, scene in done)
            for name, scene in done[:-1]:
                if size <= self._most_bytes:
                    break
                del self._scenes[name]
                size -= scene.size_bytes


def _busy() -> UnsupportedError:
    problem = "The server is busy with other images"
    return UnsupportedError(problem, "Load the page again in a while")
