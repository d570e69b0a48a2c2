"""What must hold in the vocabulary and in the list of licences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import ValidationError

from medshelf.catalog.authoring.fields import nearest, quote
from medshelf.catalog.licence import Licence
from medshelf.catalog.marked_yaml import Document, Finding
from medshelf.catalog.vocabulary import Term, fold

LICENCES = "licences"
_PHRASES = "phrases"
"""Section of what screens say: nobody types a phrase, so that two may read alike."""


def vocabulary_findings(path: Path, document: Document) -> Iterator[Finding]:
    """Yield what is wrong with one section of the vocabulary, or with the list of licences."""
    if not isinstance(document.values, dict):
        yield Finding((), "should be a mapping of terms to their names")
        return
    model = Licence if path.stem == LICENCES else Term
    for rule in _RULES:
        if not (path.stem == _PHRASES and rule is _ambiguous):
            yield from rule(document, document.values, model)


_Model = type[Licence] | type[Term]


def _shape(_: Document, terms: dict[str, object], model: _Model) -> Iterator[Finding]:
    for key, fields in terms.items():
        if not isinstance(fields, dict):
            yield Finding((key,), "should be a mapping with at least en and zh")
            continue
        try:
            model.model_validate({**fields, "id": key})
        except ValidationError as error:
            for each in error.errors(include_url=False):
                yield Finding((key, *each["loc"]), each["msg"])


def _labels(document: Document, _terms: dict[str, object], _: _Model) -> Iterator[Finding]:
    for language in ("en", "zh"):
        for place, text in document.texts("*", language):
            if not text.strip():
                yield Finding(place, "is empty", "name the term in both languages")


def _broader(document: Document, terms: dict[str, object], _: _Model) -> Iterator[Finding]:
    broader = {str(place[0]): text for place, text in document.texts("*", "broader")}
    for key, text in broader.items():
        chain = [key]
        while chain[-1] in broader and broader[chain[-1]] not in chain:
            chain.append(broader[chain[-1]])
        if text not in terms:
            yield Finding((key, "broader"), f"no term {quote(text)}", nearest(text, terms))
        elif broader.get(chain[-1]) == key:
            loop = " -> ".join([*chain, key])
            yield Finding((key, "broader"), f"a term broader than itself: {loop}", "remove one")


def _ambiguous(document: Document, _terms: dict[str, object], _: _Model) -> Iterator[Finding]:
    owners = {fold(str(place[0])): str(place[0]) for place, _value in document.each("*")}
    for field in (("en",), ("zh",), ("synonyms_en", "*"), ("synonyms_zh", "*")):
        for place, text in document.texts("*", *field):
            owner = owners.setdefault(fold(text), str(place[0]))
            if owner != place[0]:
                message = f"{quote(text)} also means {owner}"
                yield Finding(place, message, "leave it with one of the two", "warning")


_RULES: tuple[
    Callable[[Document, dict[str, object], _Model], Iterator[Finding]],
    ...,
] = (_shape, _labels, _broader, _ambiguous)
