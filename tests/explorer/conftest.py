"""A raw tree that is shown, and that no test may change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.explorer.shown import Show, Site


def state(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(each): (hashlib.sha256(each.read_bytes()).digest(), each.stat().st_mtime_ns)
        for each in sorted(root.rglob("*"))
        if each.is_file()
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "raw"
    made.mkdir()
    return made


@pytest.fixture
def show(root: Path) -> Iterator[Show]:
    """Show media, a list of them for each sample; in the end the raw tree is as it was."""
    from tests.explorer import pictured, shown

    before: dict[str, tuple[bytes, int]] = {}

    def made(*media: list[dict[str, Any]], shapes: Any = None, **facts: Any) -> Site:
        rows = [
            {"sample_id": f"s{number:03}", "media": each, "shapes": shapes}
            for number, each in enumerate(media)
        ]
        before.update(state(root))
        return shown.Site(pictured.manifest(rows, root, **facts), root.parent)

    yield made
    assert before
    assert state(root) == before
