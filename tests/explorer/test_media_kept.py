"""Thumbnails that are kept and images that stay open: time is saved, and nothing else changes."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi")

from fastapi.testclient import TestClient

from medshelf.core.errors import FormatError
from medshelf.dataset.masks import Grid
from medshelf.explorer.app import build
from medshelf.explorer.holdings import Holdings
from medshelf.explorer.pixels.opened import Opened
from medshelf.explorer.pixels.scene import Scene
from medshelf.explorer.pixels.thumbnails import Store
from tests.explorer.pictured import (
    box,
    manifest,
    medium,
    save,
)
from tests.explorer.shown import RAMP, Show

# Thumbnails that are kept


def test_a_kept_thumbnail_is_the_same_and_can_be_cached_for_ever(show: Show, root: Path) -> None:
    save(root / "a.png", RAMP)
    made = show([medium("a.png")])
    first = made.get(0, 0, "thumb.jpg")
    made.client = TestClient(build(Holdings(made.holdings.named, root, made.cache)))
    made.page(0)
    second = made.get(0, 0, "thumb.jpg")
    assert first.content == second.content
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert made.get(0, 0, "thumb.jpg?size=64").content != first.content
    assert stat.S_IMODE(made.cache.stat().st_mode) == 0o700


def test_a_kept_thumbnail_needs_no_file(show: Show, root: Path) -> None:
    save(root / "a.png", RAMP)
    made = show([medium("a.png")])
    first = made.get(0, 0, "thumb.jpg").content
    (root / "a.png").rename(root.parent / "away.png")
    assert made.get(0, 0, "thumb.jpg").content == first
    assert made.get(0, 0, "thumb.jpg?size=64").status_code == 500
    (root.parent / "away.png").rename(root / "a.png")


def test_another_manifest_has_another_key(root: Path) -> None:
    rows = [{"sample_id": "a", "media": [medium("a.png")]}, {"sample_id": "b", "media": None}]
    first = manifest(rows, root).digest()
    assert manifest(rows, root).digest() == first
    others = [
        [*rows, {"sample_id": "c"}],
        [rows[0] | {"media": [medium("b.png")]}, rows[1]],
        [rows[0] | {"shapes": [box((0, 0, 1, 1), "x")]}, rows[1]],
    ]
    assert len({first, *(manifest(each, root).digest() for each in others)}) == 4


def test_what_is_kept_stays_below_a_size(tmp_path: Path) -> None:
    store = Store(tmp_path / "a.sqlite", most_bytes=100_000)
    for number in range(1_500):
        store.get(f"{number}", lambda: bytes(1_000))
    connection = sqlite3.connect(tmp_path / "a.sqlite")
    with closing(connection):
        names = [int(name) for (name,) in connection.execute("SELECT name FROM thumbnails")]
    assert len(names) < 1_300
    assert max(names) == 1_499
    assert min(names) > 0


def test_the_cache_costs_time_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "damaged.sqlite").write_bytes(b"no database" * 1000)
    (tmp_path / "folder.sqlite").mkdir()
    for store in (
        Store.of(tmp_path / "file" / "below", "0" * 32),
        Store(tmp_path / "none" / "a.sqlite"),
        Store(tmp_path / "damaged.sqlite"),
        Store(tmp_path / "folder.sqlite"),
    ):
        for _ in range(2):
            assert store.get("a", lambda: b"made") == b"made"


def test_a_full_disk_costs_time_only(tmp_path: Path) -> None:
    store = Store(tmp_path / "a.sqlite")
    store.get("a", lambda: b"a")
    store._connection().execute("PRAGMA max_page_count = 3")
    assert store.get("b", lambda: bytes(10**6)) == bytes(10**6)
    assert store.get("a", bytes) == b"a"


def test_misses_on_one_picture_are_joined(tmp_path: Path) -> None:
    store, n_made, go = Store(tmp_path / "a.sqlite"), [], threading.Event()

    def make() -> bytes:
        go.wait(30)
        n_made.append(1)
        return b"made"

    found: list[bytes] = []
    asking = [threading.Thread(target=lambda: found.append(store.get("a", make))) for _ in range(8)]
    for each in asking:
        each.start()
    go.set()
    for each in asking:
        each.join()
    assert found == [b"made"] * 8
    assert len(n_made) <= 8
    assert store.get("a", lambda: b"other") == b"made"


def test_a_failure_is_told_and_not_kept(tmp_path: Path) -> None:
    store = Store(tmp_path / "a.sqlite")

    def fail() -> bytes:
        raise FormatError(tmp_path, "odd")

    for _ in range(2):
        with pytest.raises(FormatError, match="odd"):
            store.get("a", fail)
    assert store.get("a", lambda: b"made") == b"made"


def test_two_processes_share_one_file(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from medshelf.explorer.pixels.thumbnails import Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "for n in range(200):\n"
        "    assert store.get(str(n), lambda: str(n).encode()) == str(n).encode()\n"
    )
    path = tmp_path / "a.sqlite"
    running = [subprocess.Popen([sys.executable, "-c", code, path]) for _ in range(2)]
    assert [each.wait(120) for each in running] == [0, 0]
    store = Store(path)
    for number in (0, 77, 199):
        assert store.get(str(number), lambda: b"not kept") == str(number).encode()


# Opened images


def scene(n_bytes: int) -> Scene:
    return Scene(np.zeros((1, n_bytes), np.uint8), None, "", "grey", None, 0, 0, Grid({}, None))


def test_opened_images_stay_below_a_size_the_last_used_ones() -> None:
    opened, n_made = Opened(most_bytes=100), []

    def get(row: int) -> None:
        opened.get(("k", row, 0), lambda: n_made.append(row) or scene(40))  # type: ignore[func-returns-value]

    for row in (0, 1, 0, 2, 0, 1):
        get(row)
    assert n_made == [0, 1, 2, 1]


def test_an_image_above_that_size_is_opened_all_the_same() -> None:
    opened = Opened(most_bytes=10)
    assert opened.get(("k", 0, 0), lambda: scene(50)).size_bytes == 50


def test_an_image_that_fails_to_open_is_tried_again() -> None:
    opened = Opened()

    def fail() -> Scene:
        raise FormatError(Path("a"), "odd")

    with pytest.raises(FormatError):
        opened.get(("k", 0, 0), fail)
    assert opened.get(("k", 0, 0), lambda: scene(5)).size_bytes == 5
