"""What every test shares: an environment of its own, and the real files where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "shared machine",
    deadline=None,  # times mean nothing where other work runs beside
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("shared machine")

_REAL_DATA = os.environ.get("MEDSHELF_DATA", "")
_UNSET = (
    "MEDSHELF_RECORDS",
    "MEDSHELF_OFFLINE",
    "MEDSHELF_DOWNLOAD_TRIES",
    "MEDSHELF_DOWNLOAD_TIMEOUT_S",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
)


def shared_data_folder() -> Path | None:
    """Return the folder of real MedMNIST files that MEDSHELF_DATA named before the tests began."""
    folders = [Path(each) for each in _REAL_DATA.split(os.pathsep) if each]
    return next((each.resolve() for each in folders if each.is_dir()), None)


@pytest.fixture(autouse=True)
def isolated_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Point everything that medshelf reads or writes by default below `tmp_path`."""
    monkeypatch.setenv("MEDSHELF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("MEDSHELF_DATA", str(tmp_path / "data"))
    for variable in _UNSET:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def real_data() -> Path:
    """Return the folder of real MedMNIST files; the test is skipped where there is none."""
    folder = shared_data_folder()
    if folder is None:
        pytest.skip("MEDSHELF_DATA names no folder of real MedMNIST files")
    return folder


@pytest.fixture
def altered_data(real_data: Path) -> Path:
    """Return the folder of real files whose bytes are not the published ones."""
    folder = real_data.parent / "medmnist_variants"
    if not folder.is_dir():
        pytest.skip("There is no folder medmnist_variants beside the real MedMNIST files")
    return folder
