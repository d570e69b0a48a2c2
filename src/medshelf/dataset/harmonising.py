"""One name for the same finding in several datasets, and no more than that.

Two names are one where they differ only in the case of letters, `_`, `-` and spaces, or where both
are names of one term of the vocabulary's conditions. Its synonyms help to search, where "lung
opacity" may well find pneumonia; as labels these are two findings, so synonyms are joined only if
the caller says so. Names that one dataset tells apart stay apart.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from medshelf.catalog.vocabulary import Term, fold, terms
from medshelf.core.errors import SettingError
from medshelf.core.issues import Issue

Spelling = Mapping[str, str]
"""Name as one dataset has it to the common name."""

_BETWEEN = re.compile(r"[\s_\-]+")


def common_names(
    names: Mapping[str, Sequence[str]],
    given: Mapping[str, str] | None = None,
    *,
    synonyms: bool = False,
) -> tuple[dict[str, Spelling], list[Issue]]:
    """Find common names.

    Args:
        names: Dataset to the names that occur in it.
        given: Name to common name, as the caller wants it; goes before the vocabulary.
        synonyms: Join the synonyms of the vocabulary too.

    Returns:
        Dataset to spelling, and Issues: names that were joined, and names that only synonyms join.

    Raises:
        SettingError: `given` joins two names of one dataset.
    """
    wanted = {_plain(old): new for old, new in (given or {}).items()}
    known = _by_name(synonyms=synonyms)
    keys = {
        dataset: {name: _key(name, wanted, known) for name in listed}
        for dataset, listed in names.items()
    }
    torn = {key for each in keys.values() for key, n in Counter(each.values()).items() if n > 1}
    _refuse_joined(torn, keys)
    shown: dict[str, str] = {}
    spellings: dict[str, Spelling] = {}
    for dataset, by_name in keys.items():
        plain = Counter(map(_plain, by_name))
        spellings[dataset] = {
            name: name
            if plain[_plain(name)] > 1
            else shown.setdefault(*_titled(name, _plain(name) if key in torn else key))
            for name, key in by_name.items()
        }
    return spellings, [*_joined(spellings), *([] if synonyms else _near(spellings))]


def _key(name: str, wanted: Mapping[str, str], known: Mapping[str, str]) -> str:
    """Return what names of one meaning share: `!` a given name, `=` a term, else the spelling."""
    plain = _plain(name)
    if plain in wanted:
        return f"!{wanted[plain]}"
    return f"={known[plain]}" if plain in known else plain


def _titled(name: str, key: str) -> tuple[str, str]:
    """Return a key, and what is shown for it if no name was before."""
    if key.startswith("!"):
        return key, key[1:]
    if key.startswith("="):
        return key, terms("conditions")[key[1:]].en
    return key, _BETWEEN.sub(" ", name).strip()


def _refuse_joined(torn: Iterable[str], keys: Mapping[str, Mapping[str, str]]) -> None:
    for key in sorted(each for each in torn if each.startswith("!")):
        for dataset, by_name in keys.items():
            names = [name for name, each in by_name.items() if each == key]
            if len(names) > 1:
                problem = f"{', '.join(map(repr, names))} are different labels of {dataset!r}"
                raise SettingError(problem, f"Do not call both {key[1:]!r}")


def _joined(spellings: Mapping[str, Spelling]) -> Iterator[Issue]:
    sources: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for dataset, spelling in spellings.items():
        for name, common in spelling.items():
            sources[common][name].append(dataset)
    for common, by_name in sources.items():
        if len(by_name) > 1:
            said = "; ".join(f"{name!r} of {', '.join(of)}" for name, of in by_name.items())
            message = f"{said} became {common!r}"
            remedy = "Check that they were labelled by the same definition"
            yield Issue("label-names-joined", "info", "labels", message, remedy)


def _near(spellings: Mapping[str, Spelling]) -> Iterator[Issue]:
    """Report common names that the vocabulary finds by the same word, but are not one."""
    known = _by_name(synonyms=True)
    by_term: dict[str, dict[str, None]] = defaultdict(dict)
    for spelling in spellings.values():
        for common in spelling.values():
            if _plain(common) in known:
                by_term[known[_plain(common)]][common] = None
    for found in by_term.values():
        if len(found) > 1:
            message = f"{', '.join(map(repr, found))} are near in meaning and were not joined"
            remedy = "Pass names={...} for those that are the same to you"
            yield Issue("label-names-near", "info", "labels", message, remedy)


def _by_name(*, synonyms: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    for term in terms("conditions").values():
        for name in (term.id, term.en, term.zh):
            found.setdefault(_plain(name), term.id)
    for term in terms("conditions").values() if synonyms else ():
        for name in _synonyms(term):
            found.setdefault(_plain(name), term.id)
    return found


def _synonyms(term: Term) -> tuple[str, ...]:
    return (*term.synonyms_en, *term.synonyms_zh)


def _plain(name: str) -> str:
    return fold(_BETWEEN.sub(" ", name))
