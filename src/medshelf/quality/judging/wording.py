"""How numbers are said in the messages of Issues."""

from __future__ import annotations


def counted(n: int, one: str, many: str = "") -> str:
    """Return a number with its noun: `1 image`, `2,000 images`.

    Args:
        n: How many.
        one: The noun in the singular.
        many: The noun in the plural; by default with an s.
    """
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"
