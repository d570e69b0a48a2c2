"""The wheel carries the search index, and an installed copy uses it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACE = "medshelf/catalog/finding/index.bin"
CODE = """
import sys
from medshelf.catalog.search import search
print(search("luna16").hits[0].id, search.__globals__["__file__"])
print({"yaml", "pydantic"} & set(sys.modules))
"""


def test_the_wheel_carries_the_index_and_an_installed_copy_uses_it(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = sorted(tmp_path.glob("*.whl"))
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        assert archive.namelist().count(PLACE) == 1
        archive.extractall(installed)
    assert not (ROOT / "src" / PLACE).exists()
    cache = tmp_path / "untouched"
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed), "XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [f"luna16 {installed}/medshelf/catalog/search.py", "set()"]
    assert done.stderr == ""
    assert not cache.exists()
