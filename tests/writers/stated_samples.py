"""A manifest in which samples state all that a table can hold, hostile texts among it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from medshelf.core.manifest import SCHEMA, Manifest, Meta
from medshelf.core.tasks import Task, TaskKind
from tests.contract.cases import filled
from tests.contract.making import picture

HOSTILE = "He said \"no\";\r\n'x', --- <b> 肺部 😀 \\n {y}: |\ttab"
FINDINGS = ("Effusion", "No Finding", "肺, 炎")


def _label(name: str, value: float, **fields: Any) -> dict[str, Any]:
    return {"task": "findings", "name": name, "value": value, "source": "chexpert", **fields}


def _shape(kind: str, *points: float, **fields: Any) -> dict[str, Any]:
    given = {
        "kind": kind,
        "label": "nodule",
        "points": [float(each) for each in points],
        "unit": "pixel",
    }
    return {**given, "media": "front", **fields}


ROWS: tuple[dict[str, Any], ...] = (
    {
        "sample_id": "a/1",
        "patient_id": "p 1",
        "media": [
            {"name": "front", "role": "image", "path": "1.png", "format": "png"},
            {"name": "side view", "role": "image", "path": "2.png", "format": "png"},
        ],
        "label": "sick",
        "labels": [
            _label("Effusion", 1.0),
            _label("No Finding", 0.0),
            _label("肺, 炎", -1.0),
            _label("Effusion", 0.0, source="radiologist", annotator="R1"),
            {"task": "grade", "name": "severity", "value": 2.5},
        ],
        "shapes": [
            _shape("polygon", 0, 0, 4, 0, 4, 3.5, annotator="R1"),
            _shape("box", 1, 1.5, 3, 4, extra=[{"name": "note", "value": HOSTILE}]),
            _shape("sphere", 1, -2, 3, 4, unit="mm", frame=2),
        ],
        "text": {"report": HOSTILE, "impression": "x"},
        "age_years": 47.5,
        "sex": "F",
        "extra": [{"name": "k", "value": HOSTILE}],
    },
    {
        "sample_id": "a_1",
        "label": "well",
        "labels": [_label("No Finding", 1.0)],
        "question": HOSTILE,
        "options": ["yes", 'no, "never"'],
        "answers": ["yes"],
        "language": "zh-CN",
        "text": {"findings": "clear"},
    },
    {
        "sample_id": "b",
        "turns": [
            {"role": "patient", "content": HOSTILE},
            {"role": "doctor", "content": "你好"},
        ],
        "media": [{"name": "front", "role": "image", "path": "1.png", "format": "png"}],
        "shapes": [],
        "language": "en",
    },
)


def manifest(root: Path, *rows: dict[str, Any]) -> Manifest:
    """Make the samples; others where they are given."""
    picture(root / "1.png", 17, (12, 10))
    picture(root / "2.png", 80, (8, 8), "RGB")
    tasks = (
        Task("state", TaskKind.BINARY, ("well", "sick")),
        Task("findings", TaskKind.MULTI_LABEL, FINDINGS),
    )
    stated = [filled(row, pl.Struct(SCHEMA)) for row in rows or ROWS]
    meta = Meta("stated-samples", HOSTILE, tasks=tasks, dimensions=2, citation="@misc{x}")
    return Manifest(pl.DataFrame(stated, schema=SCHEMA).lazy(), meta, root)
