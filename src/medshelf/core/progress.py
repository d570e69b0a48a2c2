"""Progress bars on stderr: off where nobody watches."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

from tqdm import tqdm

_quiet = False


def set_quiet(*, quiet: bool) -> None:
    """Switch all progress bars off (or on again)."""
    global _quiet  # noqa: PLW0603 - one switch for the process, set by the command line
    _quiet = quiet
    if quiet:  # tqdm's own lock is a semaphore, which a process that is killed would leave behind
        tqdm.set_lock(RLock())


@contextmanager
def progress_bar(title: str, total: int, *, unit: str, start: int = 0) -> Iterator[Any]:
    """Show progress with the time left; `unit="B"` shows bytes.

    A bar is drawn only on a terminal; `TQDM_DISABLE=1` switches it off there too.
    """
    bar: Any = tqdm(
        desc=title,
        total=total,
        initial=start,
        unit=unit,
        unit_scale=unit == "B",
        unit_divisor=1024,
        disable=_quiet or not sys.stderr.isatty() or "TQDM_DISABLE" in os.environ,
        dynamic_ncols=True,
        leave=False,
    )
    with bar:
        yield bar
