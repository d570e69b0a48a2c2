"""The licences that data are under, taken together."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import combinations

from medshelf.catalog.licence import USES, Licence, licences

_JOINED = " AND "
_VERSION = re.compile(r"-\d.*$")
_ONE_WAY = {frozenset(("CC-BY-SA-4.0", "GPL-3.0-only"))}
"""Share-alike licences of which one allows the other: https://creativecommons.org/compatiblelicenses"""


def stated(text: str | None) -> list[str]:
    """Return the ids in the licence of a manifest, which may be joined by AND."""
    return [each.strip() for each in (text or "").split(_JOINED) if each.strip()]


def known(ids: Iterable[str]) -> list[Licence]:
    """Return the licences of some ids whose terms the catalog knows, each once, in order."""
    terms = licences()
    return [terms[each] for each in dict.fromkeys(ids) if each in terms]


def combined(terms: Iterable[Licence]) -> dict[str, bool | None]:
    """Return what all terms together allow and ask for.

    A use is allowed where all allow it, forbidden where one forbids it, else not stated; a duty
    holds where one asks for it.
    """
    every = list(terms)
    found: dict[str, bool | None] = {}
    for name, worst in (
        ("commercial", False),
        ("redistribution", False),
        ("derivatives", False),
        ("share_alike", True),
        ("attribution", True),
    ):
        values = [getattr(each, name) for each in every]
        found[name] = worst if worst in values else None if None in values else not worst
    return found


def conflicts(terms: Iterable[Licence]) -> list[tuple[str, str, str]]:
    """Return pairs of licences of which no common work can be passed on, and why not.

    Share-alike data may be joined only under their own terms, of this or a later version, and data
    without derivatives not at all. Public domain goes with everything that allows changes.

    Source: https://creativecommons.org/faq/#can-i-combine-material-under-different-creative-commons-licenses-in-my-work
    """
    return [
        (one.id, other.id, reason)
        for one, other in combinations(terms, 2)
        if (reason := _conflict(one, other))
    ]


def _conflict(one: Licence, other: Licence) -> str | None:
    for each in (one, other):
        if each.derivatives is False:
            return f"{each.id} allows no changed versions"
        if each.redistribution is False:
            return f"{each.id} may not be passed on"
    if frozenset((one.id, other.id)) in _ONE_WAY:
        return None
    for each, beside in ((one, other), (other, one)):
        if each.share_alike and (_another_share_alike(each, beside) or _stricter(beside, each)):
            return f"{each.id} asks for its own terms, {beside.id} does not allow them"
    return None


def _another_share_alike(one: Licence, other: Licence) -> bool:
    return bool(other.share_alike) and _VERSION.sub("", one.id) != _VERSION.sub("", other.id)


def _stricter(one: Licence, other: Licence) -> bool:
    return any(getattr(one, each) is False and getattr(other, each) for each in USES)
