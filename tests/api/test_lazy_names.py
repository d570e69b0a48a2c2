"""Names of `medshelf` and `medshelf.api` are imported on first use."""

from __future__ import annotations

import subprocess
import sys

import medshelf
from medshelf import api


def test_every_name_that_is_promised_is_there() -> None:
    for module in (medshelf, api):
        for name in module.__all__:
            assert getattr(module, name) is not None
        assert set(module.__all__) <= set(dir(module))
    assert set(api._HOMES) == set(api.__all__)


def test_reading_does_not_import_what_trains_or_converts() -> None:
    told = (
        "import sys, medshelf.api.reading as r; print([m for m in sys.modules if 'medshelf' in m])"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert "medshelf.api.reading" in done.stdout
    for room in ("benchmark", "conversion", "quality", "writers"):
        assert f"medshelf.{room}" not in done.stdout
