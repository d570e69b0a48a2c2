"""What an error message must say: what, where, what to do."""

from __future__ import annotations

from medshelf.core.errors import MedshelfError


def assert_says(error: MedshelfError, *words: str) -> None:
    """Fail where one of the words is missing from the text that a user sees."""
    text = str(error)
    for word in words:
        assert word in text, text
