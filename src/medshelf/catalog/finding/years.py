"""Years that the text of a search asks for, in English and Chinese."""

from __future__ import annotations

import re
from dataclasses import dataclass

_COUNTED = r"images?|patients?|cases|scans|samples|subjects|volumes|slices|studies|[张例幅个名位条]"
_YEAR = rf"(?<!\d)((?:19|20)\d{{2}})(?!\d)(?!\s*(?:[a-z-]+\s+)?(?:{_COUNTED}))\s*年?\s*"
_DIGITS = re.compile(r"(?:19|20)\d\d")
_ENGLISH = r"(?<![a-z0-9])"

# Each pattern with what to add to its year to get the first and the last year meant. They are
# compiled when a text has a year, which costs more than all the rest of understanding one.
_PATTERNS: tuple[tuple[str, int | None, int | None], ...] = (
    (rf"{_ENGLISH}(?:since|from|not before|>=)\s*{_YEAR}(?:on(?:wards?)?)?", 0, None),
    (rf"{_ENGLISH}(?:after|later than|newer than|>)\s*{_YEAR}", 1, None),
    (rf"{_ENGLISH}(?:until|till|up to|through|not after|<=)\s*{_YEAR}", None, 0),
    (rf"{_ENGLISH}(?:before|earlier than|older than|<)\s*{_YEAR}", None, -1),
    (rf"{_ENGLISH}(?:in|year)\s+{_YEAR}", 0, 0),
    (rf"(?:自|从)?{_YEAR}(?:以来|起|至今|开始|onwards?|or later|and later)", 0, None),
    (rf"{_YEAR}(?:以后|之后|后)", 1, None),
    (rf"{_YEAR}(?:以前|之前|前)", None, -1),
    (r"(?<!\d)((?:19|20)\d{2})\s*年", 0, 0),
)
_SPAN = rf"{_YEAR}(?:-|–|~|to|and|until|到|至|与)\s*{_YEAR}"  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class Years:
    """The years asked for, both included; null where there is no bound.

    Attributes:
        rest: The text without the words that ask for them.
    """

    since: int | None
    until: int | None
    rest: str


def read_years(text: str) -> Years:
    """Return the years that a folded text asks for; a year alone, as in a name, asks for none."""
    if not _DIGITS.search(text):
        return Years(None, None, text)
    span = re.search(_SPAN, text)
    if span:
        first, last = sorted(int(year) for year in span.groups())
        return _years(text, span, first, last)
    for pattern, since, until in _PATTERNS:
        found = re.search(pattern, text)
        if found:
            year = int(found.group(1))
            first_year = None if since is None else year + since
            return _years(text, found, first_year, None if until is None else year + until)
    return Years(None, None, text)


def _years(text: str, found: re.Match[str], since: int | None, until: int | None) -> Years:
    rest = f"{text[: found.start()]} {text[found.end() :]}"
    return Years(since, until, rest)
