"""Runs on generated images, trained once for all tests here."""

from __future__ import annotations

from pathlib import Path

import pytest

import medshelf
from tests.medmnist_files import make_file

NETWORKS = "tests.models_out.small_network"
RUNS = {
    "binary": ("phantom-grey-binary", "Small", "medmnist-28"),
    "upsampled": ("retinamnist", "Small", "medmnist-224-upsampled"),
    "multi-label": ("chestmnist", "Small", "medmnist-28"),
    "volumes": ("adrenalmnist3d", "Small", "medmnist3d-28"),
    "flat": ("breastmnist", "Flat", "medmnist-28"),
    "counting": ("breastmnist", "Counting", "medmnist-28"),
    "majority": ("breastmnist", "majority", "medmnist-28"),
}


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models_out")


@pytest.fixture(autouse=True)
def at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("MEDSHELF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(home / variable))


class Trained(dict[str, str]):
    """What each kind of run is called; trained when it is first asked for."""

    def __init__(self, raw: Path) -> None:
        super().__init__()
        self._raw = raw

    def __missing__(self, kind: str) -> str:
        dataset, model, protocol = RUNS[kind]
        phantom = dataset.startswith("phantom")
        if not phantom and not (self._raw / f"{dataset}.npz").exists():
            make_file(self._raw, dataset)
        done = medshelf.run_benchmark(
            dataset,
            model if model == "majority" else f"{NETWORKS}:{model}",
            protocol,
            seeds=1,
            epochs=None if model == "majority" else 2,
            device="cpu",
            root=None if phantom else self._raw,
            allow_modified=not phantom,
        )
        self[kind] = done.runs[0].spec.name
        return self[kind]


@pytest.fixture(scope="session")
def trained(home: Path) -> Trained:
    pytest.importorskip("torch")
    return Trained(home / "raw")
