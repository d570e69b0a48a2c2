"""Pictures with everything that is drawn on them, for the writers of detection datasets."""

from __future__ import annotations

import hashlib
import importlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from PIL import Image

from medshelf.conversion.preparation import Preparation
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core.manifest import SCHEMA, Manifest, Meta
from medshelf.core.tasks import Task, TaskKind
from tests.contract.cases import make_case

HERE = Labour(workers=0)
NAMES = ("nodule: 结节", 'it\'s "odd" # {x}\n', "yes", "mass 🩻")
"""Names of classes, in an order that is not the alphabet's."""
HEIGHT, WIDTH = 48, 64


def case_manifest(name: str, root: Path) -> Manifest:
    """Return the manifest of a fixture of `tests/fixtures`, without samples that have no image."""
    case = make_case(importlib.import_module(f"tests.fixtures.{name}"))
    case.make(root)
    return case.read(root).filter(pl.col("media").is_not_null())


def shape(kind: str, label: str | None, *points: float, **fields: Any) -> dict[str, Any]:
    """Return a shape as the manifest has it."""
    extra = [{"name": name, "value": value} for name, value in fields.pop("extra", {}).items()]
    drawn = {
        "kind": kind,
        "label": label,
        "points": [float(each) for each in points],
        "unit": "pixel",
    }
    return {
        **dict.fromkeys(each.name for each in SCHEMA["shapes"].inner.fields),
        **drawn,
        "media": "image",
        "extra": extra or None,
        **fields,
    }


SHAPES: dict[str, list[dict[str, Any]]] = {
    "a 1": [
        shape("box", NAMES[0], 1, 2, 11.25, 40.5),
        shape("box", NAMES[1], 1 / 3, 0.1, 63.999, 48, annotator="B"),
        shape(
            "box",
            NAMES[0],
            1,
            2,
            11.25,
            40.5,
            annotator="C",
            extra={"difficult": "1", "keypoints": "[]"},
        ),
    ],
    "a/2": [
        shape("polygon", NAMES[3], 3.5, 3, 20, 4.25, 18, 30.125, 2, 20),
        shape("polygon", NAMES[1], 30, 10, 50, 10, 50, 40, extra={"annotation": "7"}),
        shape("polygon", NAMES[1], 10, 41, 12, 41, 11, 45, extra={"annotation": "7"}),
        shape("box", NAMES[1], 10, 10, 50, 45, extra={"annotation": "7", "area": "302.5"}),
    ],
    "b": [],
    "c": [shape("ellipse", None, 30, 24, 10, 5, 30), shape("contour", NAMES[0], 5, 5, 9, 5, 9, 9)],
}
SPLITS = {"a 1": "train", "a/2": "train", "b": "train", "c": "val"}


def drawn(root: Path, **columns: Any) -> Manifest:
    """Return four pictures with `SHAPES`, of which `b` has none; `columns` replace others."""
    root.mkdir(parents=True, exist_ok=True)
    for n in range(len(SHAPES)):
        noise = np.random.default_rng(n).integers(0, 255, (HEIGHT, WIDTH), np.uint8)
        Image.fromarray(noise).save(root / f"{n}.png")
    media = [[medium(f"{n}.png")] for n in range(len(SHAPES))]
    rows = {
        "sample_id": list(SHAPES),
        "split": list(SPLITS.values()),
        "media": media,
        "shapes": list(SHAPES.values()),
        "patient_id": ["p 1", None, "患者", "p\n4"],
    }
    return manifest_of(rows | columns, root)


def medium(path: str, role: str = "image", **fields: Any) -> dict[str, Any]:
    """Return a medium as the manifest has it."""
    empty = dict.fromkeys(each.name for each in SCHEMA["media"].inner.fields)
    given = {"name": role, "role": role, "path": path, "format": path.rpartition(".")[2]}
    return {**empty, **given, **fields}


def manifest_of(rows: dict[str, Any], root: Path, **facts: Any) -> Manifest:
    """Return a manifest of columns; its task names the classes."""
    task = Task("finding", TaskKind.MULTI_LABEL, NAMES)
    meta = Meta("drawn", "Drawn 图", tasks=(task,), dimensions=2, licence="CC-BY-4.0", **facts)
    kinds = {name: SCHEMA[name] for name in rows}
    return Manifest.from_columns(pl.DataFrame(rows, kinds).lazy(), meta, root)


def masked(root: Path, mask: np.ndarray, **columns: Any) -> Manifest:
    """Return one picture of `mask`'s size in the split train, with that mask."""
    root.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros(mask.shape[:2], np.uint8)).save(root / "image.png")
    Image.fromarray(mask).save(root / "mask.png")
    media = [[medium("image.png"), medium("mask.png", "mask")]]
    rows = {"sample_id": ["one"], "split": ["train"], "media": media}
    return manifest_of(rows | columns, root, options={"legend": "0=background; 1=a; 2=b"})


def written(manifest: Manifest, folder: Path, target: str, **asked: Any) -> Path:
    """Convert in this process; `options`, `drop` and what `Request` has. Return the product."""
    options = asked.pop("options", {})
    drop = frozenset(asked.pop("drop", ()))
    request = Request(target, options=options, drop=drop, **asked)
    convert(manifest, folder, request, HERE)
    return folder


def product_bytes(folder: Path) -> dict[str, str]:
    """Return the digest of every file."""
    return {
        str(each.relative_to(folder)): hashlib.sha256(each.read_bytes()).hexdigest()
        for each in sorted(folder.rglob("*"))
        if each.is_file()
    }


def turned_jpeg(path: Path, orientation: int) -> np.ndarray:
    """Write a JPEG whose EXIF asks to turn it; return it upright, (Y, X)."""
    noise = np.random.default_rng(3).integers(0, 255, (16, 24), np.uint8)
    image, exif = Image.fromarray(noise), Image.Exif()
    exif[274] = orientation
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95, exif=exif)
    path.write_bytes(buffer.getvalue())
    from PIL import ImageOps

    with Image.open(path) as picture:
        return np.asarray(ImageOps.exif_transpose(picture))


PREPARATIONS = (
    Preparation(size=(33, 40)),
    Preparation(size=(80,), resize="pad"),
    Preparation(crop="8,60,4,44"),
    Preparation(crop="centre:40", size=(20,)),
)
