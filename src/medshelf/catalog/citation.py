"""BibTeX entries by key."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_BIBLIOGRAPHY = Path(__file__).parent / "citations.bib"
_ENTRY = re.compile(r"@\w+\{(?P<key>[^,\s]+),.*?^\}", re.DOTALL | re.MULTILINE)


def bibtex(keys: Iterable[str]) -> str:
    """Return the entries of `keys`, in that order, separated by blank lines.

    Raises:
        KeyError: A key is not in `citations.bib`.
    """
    entries = _entries()
    return "\n\n".join(entries[key] for key in keys)


@cache
def _entries() -> dict[str, str]:
    text = _BIBLIOGRAPHY.read_text("utf-8")
    return {match["key"]: match.group() for match in _ENTRY.finditer(text)}
