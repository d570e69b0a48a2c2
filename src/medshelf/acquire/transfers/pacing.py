"""How often and how widely one host may be asked; shared by all transfers of a process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from medshelf.acquire.remote import Limits
from medshelf.acquire.transfers.backoff import PATIENCE_S, rate_reset_s

_WINDOW_S = 60.0


class HostGate:
    """Lets so many requests to a host through as its limits allow, and none while it rests."""

    def __init__(self, limits: Limits, stopped: threading.Event) -> None:
        self._slots = threading.BoundedSemaphore(limits.connections)
        self._pause_s = _WINDOW_S / limits.requests_per_minute if limits.requests_per_minute else 0
        # A few requests need not be slowed down: a tenth of a minute's may come at once.
        self._burst_s = _WINDOW_S / 10
        self._guard = threading.Lock()
        self._next = 0.0
        self._rest_until = 0.0
        self._stopped = stopped

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a free connection and for the host's pace; hold the connection meanwhile."""
        with self._slots:
            self._wait()
            yield

    def rest(self, seconds: float) -> None:
        """Send nothing to the host for so long."""
        with self._guard:
            self._rest_until = max(self._rest_until, time.monotonic() + min(seconds, PATIENCE_S))

    def note(self, headers: Mapping[str, str]) -> None:
        """Rest where an answer says that it was the last one for now."""
        seconds = rate_reset_s(headers)
        if seconds is not None:
            self.rest(seconds)

    def _wait(self) -> None:
        with self._guard:
            now = time.monotonic()
            self._next = max(self._next, now - self._burst_s) + self._pause_s
            due = self._next
        while (left := max(due, self._rest_until) - time.monotonic()) > 0:
            if self._stopped.wait(left):
                return
