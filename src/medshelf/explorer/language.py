"""Sentences of the pages in English and Chinese, one YAML file per page."""

from __future__ import annotations

import string
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

LANGUAGES = ("en", "zh")


class _Numbers(string.Formatter):
    """Fill placeholders; a number without a format of its own gets separated thousands."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, int | float) and not isinstance(value, bool) and not format_spec:
            format_spec = ","
        return format(value, format_spec)


_FORMATTER = _Numbers()


@cache
def strings() -> dict[str, dict[str, str | dict[str, str]]]:
    """Return key to language to text, of all files of `strings/`; a key is `page.name`.

    A text that depends on the number `n` is a mapping with `one` and `other`.
    """
    found: dict[str, dict[str, str | dict[str, str]]] = {}
    folder = files("medshelf.explorer").joinpath("strings")
    for path in sorted(folder.iterdir(), key=lambda each: each.name):
        table = yaml.load(path.read_text("utf-8"), Loader=yaml.CBaseLoader)  # noqa: S506 - text only
        page = path.name.removesuffix(".yaml")
        found |= {f"{page}.{name}": texts for name, texts in table.items()}
    return found


def say(key: str, language: str, **values: object) -> str:
    """Return a text with its `{placeholders}` filled; numbers get separated thousands.

    Raises:
        KeyError: There is no such text, or a placeholder has no value.
    """
    text = strings()[key][language]
    if not isinstance(text, str):
        text = text["one" if values["n"] == 1 else "other"]
    return _FORMATTER.vformat(text, (), values) if "{" in text or "}" in text else text


def preferred(accepted: str) -> str:
    """Return the language that a browser prefers, English where it names neither.

    Args:
        accepted: The header `Accept-Language`.
    """
    weights: dict[str, float] = {}
    for part in accepted.split(","):
        tag, _, quality = part.strip().lower().partition(";q=")
        name = tag.partition("-")[0]
        if name in LANGUAGES:
            weights[name] = max(weights.get(name, 0), _weight(quality))
    best = max(weights, key=lambda name: weights[name], default="en")
    return best if weights.get(best) else "en"


def _weight(quality: str) -> float:
    try:
        return min(float(quality or 1), 1.0)
    except ValueError:
        return 0.0
