"""The words of profile and dataset card that the catalog's vocabulary does not have."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from medshelf.catalog.parts import Bilingual

_FILE = Path(__file__).parent / "words.yaml"


@cache
def words() -> dict[str, Bilingual]:
    """Return all words by key."""
    entries = yaml.load(_FILE.read_text("utf-8"), Loader=yaml.CBaseLoader)  # noqa: S506 - text only
    return {key: Bilingual.model_validate(each) for key, each in entries.items()}


def word(key: str, language: str) -> str:
    """Return a heading or a sentence in `en` or `zh`."""
    return words()[key].of(language)
