"""Records made for tests."""

from __future__ import annotations

from typing import Any

from medshelf.catalog.record import Record


def make_record(dataset: str = "made", /, **facts: Any) -> Record:
    """Return a record that says what every record must say, and `facts`."""
    least = {
        "id": dataset,
        "name": dataset.title(),
        "group": "chest",
        "dimensions": ["2D"],
        "modalities": ["x-ray"],
        "tasks": ["classification"],
        "access": "open",
    }
    return Record.model_validate(least | facts)
