"""The peer itself, imported beside us where it is installed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from medshelf.compat.medmnist import files


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the package `medmnist`.

    It makes ~/.medmnist when it is imported, so that happens in a test, whose HOME is its own. It
    imports pandas and scikit-image at the top of modules whose other functions do not need them:
    where they are missing, empty modules stand in.
    """
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    with monkeypatch.context() as patch:
        for names in (("pandas",), ("skimage", "skimage.util")):
            if importlib.util.find_spec(names[0]) is None:
                for name in names:
                    stand_in: Any = ModuleType(name)
                    stand_in.montage = None
                    patch.setitem(sys.modules, name, stand_in)
        medmnist = pytest.importorskip("medmnist")
        importlib.import_module("medmnist.utils")
    assert medmnist.Evaluator  # its own except would hide that an import failed
    return medmnist


@pytest.fixture(autouse=True)
def _forget_warnings() -> None:
    files._warn.cache_clear()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return an empty folder for dataset files."""
    folder = tmp_path / "root"
    folder.mkdir()
    return folder
