"""Miniature raw trees for the dataset room: fixtures of the contract, and sets made here."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import polars as pl

from medshelf.core.manifest import SCHEMA, Manifest, Meta
from medshelf.core.tasks import Task, TaskKind
from medshelf.dataset.dataset import Dataset
from tests.contract import making
from tests.contract.cases import filled, make_case

FINDINGS = Task("findings", TaskKind.MULTI_LABEL, ("Cardiomegaly", "Effusion"))


def fixture(name: str, root: Path) -> Dataset:
    """Build a fixture's tree and read it."""
    case = make_case(importlib.import_module(f"tests.fixtures.{name}"))
    case.make(root)
    return Dataset(case.read(root))


def greys(name: str) -> dict[str, Any]:
    """What each medium of a fixture must decode to."""
    values: dict[str, Any] = importlib.import_module(f"tests.fixtures.{name}").GREYS
    return values


def table(rows: list[dict[str, Any]], root: Path, **meta: Any) -> Dataset:
    """Make a dataset of rows in which absent columns are null."""
    whole = [filled(row, pl.Struct(SCHEMA)) for row in rows]
    frame = pl.DataFrame(whole, schema=SCHEMA).lazy()
    return Dataset(Manifest(frame, Meta(**{"dataset": "made", "name": "Made", **meta}), root))


def medium(path: str, role: str = "image", **fields: Any) -> dict[str, Any]:
    """A medium as a row has it."""
    suffix = "nii.gz" if path.endswith("nii.gz") else path.rsplit(".", 1)[-1]
    return {"name": role, "role": role, "path": path, "format": suffix, **fields}


def patients(n: int, root: Path, **meta: Any) -> Dataset:
    """Rows with everything that filters ask for: patient i // 2, every third is `ill`."""
    rows = [
        {
            "sample_id": f"s{i:04}",
            "split": ("train", "train", "val", "test")[i % 4],
            "patient_id": f"p{i // 2}",
            "label": "ill" if i % 3 == 0 else "well",
            "age_years": float(i) if i % 5 else None,
            "view": "PA" if i % 2 else "AP",
        }
        for i in range(n)
    ]
    return table(rows, root, tasks=(Task("state", TaskKind.BINARY, ("ill", "well")),), **meta)


def segmented(root: Path, n: int = 3) -> Dataset:
    """Volumes of grey 10, 11 ..., with a mask of 100, 101 ... voxels of value 1."""
    rows = []
    for i in range(n):
        making.volume(root / f"image{i}.nii.gz", 10 + i, shape=(8, 8, 8))
        making.mask_volume(root / f"mask{i}.nii.gz", 100 + i)
        media = [medium(f"image{i}.nii.gz"), medium(f"mask{i}.nii.gz", "mask")]
        rows.append({"sample_id": f"v{i}", "media": media})
    return table(rows, root, options={"legend": "0=background; 1=liver"})
