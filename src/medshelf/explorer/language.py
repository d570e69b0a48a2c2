"""Sentences of the pages in English and Chinese, one YAML file per page."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import yaml

LANGUAGES = ("en", "zh")


@cache
def strings() -> dict[str, dict[str, str]]:
    """Return key to language to text, of all files of `strings/`; a key is `page.name`."""
    found: dict[str, dict[str, str]] = {}
    folder = files("medshelf.explorer").joinpath("strings")
    for path in sorted(folder.iterdir(), key=lambda each: each.name):
        table = yaml.load(path.read_text("utf-8"), Loader=yaml.CBaseLoader)  # noqa: S506 - text only
        page = path.name.removesuffix(".yaml")
        found |= {f"{page}.{name}": texts for name, texts in table.items()}
    return found


def say(key: str, language: str, **values: object) -> str:
    """Return a text with its `{placeholders}` filled.

    Raises:
        KeyError: There is no such text.
    """
    return strings()[key][language].format(**values)
