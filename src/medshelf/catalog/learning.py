"""Paths through catalog and commands for those who begin."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml
from pydantic import TypeAdapter

from medshelf.catalog.parts import Bilingual, Part, Slug

_FILE = Path(__file__).parent / "guide" / "learning.yaml"


class Step(Part):
    """One thing to do.

    Attributes:
        text: What is learnt.
        command: A command that runs as it stands.
        dataset: The dataset that it is about.
        method: The method that it is about, by its id in the guide.
    """

    text: Bilingual
    command: str
    dataset: Slug | None = None
    method: Slug | None = None


class LearningPath(Part):
    """Steps for one kind of user, in order."""

    title: Bilingual
    steps: tuple[Step, ...]


@cache
def learning_paths() -> dict[str, LearningPath]:
    """Return the paths by name: beginner, researcher, engineer."""
    entries = yaml.load(_FILE.read_text("utf-8"), Loader=yaml.CBaseLoader)  # noqa: S506 - text only
    return TypeAdapter(dict[str, LearningPath]).validate_python(entries)
