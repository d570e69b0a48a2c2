"""The user's browser, opened so that no other user of the machine learns the token."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def browser_at(url: str) -> Iterator[None]:
    """Open a browser at an address that holds a secret, if there is a screen.

    Everyone sees the arguments of every program, so the browser is given a file that only its
    owner may read, and the file leads to the address. It is removed at the end.
    """
    if not _has_screen():
        yield
        return
    number, name = tempfile.mkstemp(prefix="medshelf-", suffix=".html")
    place = Path(name)
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(f'<!doctype html><meta http-equiv="refresh" content="0; url={url}">')
    threading.Thread(target=webbrowser.open, args=(place.as_uri(),), daemon=True).start()
    try:
        yield
    finally:
        place.unlink(missing_ok=True)


def _has_screen() -> bool:
    if os.environ.get("BROWSER"):
        return True
    return sys.platform != "linux" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
