"""A process that calls one function on whatever it is sent, until its parent ends."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Final

from medshelf.parallel.cores import threads_of_children
from medshelf.parallel.failures import Failure, JobError

_READY: Final = "ready"
_PR_SET_PDEATHSIG: Final = 1  # of linux/prctl.h


@dataclass(frozen=True, slots=True)
class Returned:
    """The call ended well."""

    value: Any


@dataclass(frozen=True, slots=True)
class Raised:
    """The call raised an exception."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Died:
    """The process ended during the call.

    Attributes:
        reason: By which signal or with which exit code.
        by_call: Whether the call may be to blame; not where a machine was lost.
    """

    reason: str
    by_call: bool = True


Ended = Returned | Raised | Died


def answer(function: Callable[[Any], Any], argument: Any) -> Returned | Raised:
    """Call the function and return what came of it, exceptions as values."""
    try:
        return Returned(function(argument))
    except BaseException as error:  # noqa: BLE001 - it is raised again where the job was started
        return Raised(Failure.of(error))


def unpickled(pickled: bytes) -> Callable[[Any], Any]:
    """Rebuild, in a worker, the function that the starting process pickled.

    Raises:
        JobError: Its class, or something in it, cannot be imported here.
    """
    try:
        return pickle.loads(pickled)  # noqa: S301 - made by the process that started the job
    except Exception as error:
        raise JobError(
            f"A worker cannot load the task: {error}",
            "Put the task's class at the top of a module that every worker can import; the script "
            "that is run is none for the engine ray",
        ) from error


class WorkerProcess:
    """A fresh interpreter that serves calls of one function, one at a time.

    It is spawned, not forked: a fork of a process that has polars' threads may hang. It ignores
    Ctrl-C, which its parent handles, and ends with its parent, however that ends.

    Args:
        pickled: The function.
    """

    def __init__(self, pickled: bytes) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, pickled))
        with threads_of_children():
            self._process.start()
        theirs.close()
        self.ready = False

    @property
    def signs(self) -> tuple[Connection, int]:
        """What `multiprocessing.connection.wait` may wait for: a message, or the end."""
        return self._connection, self._process.sentinel

    def send(self, argument: Any) -> None:
        """Start a call; that the process has ended shows in `receive`."""
        with suppress(OSError):
            self._connection.send(argument)

    def receive(self) -> Ended | None:
        """Wait for what the process has to say; null where it says that it has started."""
        wait(self.signs)
        try:
            message = self._connection.recv() if self._connection.poll() else None
        except (EOFError, OSError):
            message = None
        if message == _READY:
            self.ready = True
            return None
        return message or Died(self._last_words())

    def call(self, argument: Any) -> Ended:
        """Make a call and wait for its end."""
        self.send(argument)
        while (ended := self.receive()) is None:
            pass
        return ended

    def end(self) -> None:
        """Kill the process, whatever it is doing, and wait until it is gone."""
        self._connection.close()
        self._process.kill()
        self._process.join()
        self._process.close()

    def _last_words(self) -> str:
        self._process.join()
        code = self._process.exitcode or 0
        if code >= 0:
            return f"its process ended with exit code {code}"
        hint = " (often: out of memory)" if -code == signal.SIGKILL else ""
        return f"its process was ended by {signal.Signals(-code).name}{hint}"


def _serve(connection: Connection, pickled: bytes) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    try:
        function = unpickled(pickled)
    except JobError as error:
        connection.send(Raised(Failure.of(error)))
        return
    connection.send(_READY)
    with suppress(EOFError, OSError):  # the parent has ended, or wants no more
        while True:
            connection.send(answer(function, connection.recv()))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is None:  # pragma: no cover - only a spawned process comes here
        return
    if sys.platform == "linux":  # also ends a call that never lets the thread below run
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def watch(sentinel: int) -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()
