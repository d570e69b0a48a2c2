"""A client for the pixels of one manifest."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from fastapi.testclient import TestClient
from PIL import Image

from medshelf.core.manifest import Manifest
from medshelf.explorer.app import build
from medshelf.explorer.holdings import Holdings

RAMP = (np.arange(1200).reshape(30, 40) % 251).astype(np.uint8)


class Site:
    """A client for the media of one manifest."""

    def __init__(self, made: Manifest, folder: Path) -> None:
        path = folder / "made.parquet"
        made.write(path)
        self.cache = folder / "kept"
        self.holdings = Holdings((str(path),), made.root, self.cache)
        self.key = self.holdings.open("manifests", "made").key
        self.client = TestClient(build(self.holdings), raise_server_exceptions=False)

    def get(self, row: int, slot: int, rest: str) -> Any:
        return self.client.get(f"/media/{self.key}/{row}/{slot}/{rest}")

    def picture(self, row: int, slot: int, rest: str) -> np.ndarray:
        answer = self.get(row, slot, rest)
        assert answer.status_code == 200, answer.text
        return np.asarray(Image.open(io.BytesIO(answer.content)))

    def values(self, row: int, slot: int, axis: str, k: int) -> np.ndarray:
        answer = self.get(row, slot, f"slice/{axis}/{k}.i16")
        assert answer.status_code == 200, answer.text
        shape = int(answer.headers["X-Rows"]), int(answer.headers["X-Columns"])
        stored = np.frombuffer(answer.content, "<i2").reshape(shape)
        return stored * float(answer.headers["X-Slope"]) + float(answer.headers["X-Intercept"])

    def mask(self, row: int, slot: int, axis: str, k: int) -> np.ndarray:
        answer = self.get(row, slot, f"mask/{axis}/{k}.u8")
        assert answer.status_code == 200, answer.text
        shape = int(answer.headers["X-Rows"]), int(answer.headers["X-Columns"])
        return np.frombuffer(answer.content, np.uint8).reshape(shape)

    def page(self, row: int) -> dict[str, Any]:
        return self.at(f"/en/manifests/made/samples/{row}")

    def at(self, address: str) -> dict[str, Any]:
        answer = self.client.get(f"/api{address}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def problem(self, row: int, slot: int, rest: str) -> tuple[int, str]:
        answer = self.get(row, slot, rest)
        assert "Traceback" not in answer.text
        told = answer.json()
        return answer.status_code, f"{told['problem']} {told['remedy']}"


Show = Callable[..., Site]
