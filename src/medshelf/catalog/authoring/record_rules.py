"""What must hold in a record, one small rule each: `rule(draft, drafts)` yields what is odd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from medshelf.catalog.authoring.drafts import Draft, Drafts
from medshelf.catalog.authoring.fields import (
    SECTIONS,
    allowed,
    field_hints,
    is_field,
    model_findings,
    nearest,
    quote,
    term_ids,
    term_names,
)
from medshelf.catalog.authoring.figure_rules import FIGURE_RULES
from medshelf.catalog.citation import parse_bibtex
from medshelf.catalog.marked_yaml import Finding
from medshelf.catalog.vocabulary import fold

BLANK = "___"
"""What stands in a new record where something must be filled in."""

_READERS = Path(__file__).parents[2] / "readers"
_URLS = (("homepage",), ("download_urls", "*"), ("papers", "*"), ("files", "*", "url"))
_UNIQUE = (
    *(pattern for pattern in SECTIONS if pattern[-1] == "*"),
    *((name, "*") for name in ("aliases", "related", "papers", "download_urls")),
    ("files", "*", "name"),
    ("label_tasks", "*", "name"),
)
_FIRST_YEAR = "1895"


def record_findings(draft: Draft, drafts: Drafts) -> Iterator[Finding]:
    """Yield what every rule finds in a record; of a blank only that it is one."""
    blanks = {place for place, text in draft.document.scalars() if text == BLANK}
    for place in sorted(blanks, key=draft.document.line):
        hint = field_hints().get(str(place[0])) if place else None
        yield Finding(place, "not filled in yet", allowed(hint, str(place[0])) if hint else "")
    for rule in RULES:
        yield from (each for each in rule(draft, drafts) if each.place not in blanks)


def _model(draft: Draft, _: Drafts) -> Iterator[Finding]:
    yield from model_findings(draft.document.values)


def _identity(draft: Draft, drafts: Drafts) -> Iterator[Finding]:
    for place, text in draft.document.texts("id"):
        if text != draft.path.stem:
            message = f"{quote(text)} is not the name of the file"
            yield Finding(place, message, f"write {draft.path.stem}, or name the file {text}.yaml")
    if draft.path.suffix != ".yaml":
        yield Finding((), "the name does not end in .yaml, so that it is not found", "rename it")
    for other in drafts.paths[draft.id]:
        if other != draft.path:
            yield Finding(("id",), f"{other} has the same id", "choose another")


def _terms(draft: Draft, _: Drafts) -> Iterator[Finding]:
    for pattern, section in SECTIONS.items():
        known = term_ids(section)
        for place, text in draft.document.texts(*pattern):
            if text not in known:
                named = term_names(section).get(fold(text))
                near = f"nearest: {named}" if named else nearest(text, known)
                yield Finding(place, f"unknown term {quote(text)}", near or allowed(str, *pattern))


def _repeats(draft: Draft, _: Drafts) -> Iterator[Finding]:
    for pattern in _UNIQUE:
        seen: set[str] = set()
        for place, text in draft.document.texts(*pattern):
            if text in seen:
                yield Finding(place, f"{quote(text)} stands here twice", "keep one")
            seen.add(text)


def _relations(draft: Draft, drafts: Drafts) -> Iterator[Finding]:
    for pattern in (("lineage", "*", "id"), ("related", "*")):
        for place, text in draft.document.texts(*pattern):
            if text == draft.id:
                yield Finding(place, "names the record itself", "name another one")
            elif text not in drafts.paths:
                yield Finding(place, f"no record {quote(text)}", nearest(text, drafts.paths))


def _cycles(draft: Draft, drafts: Drafts) -> Iterator[Finding]:
    for place, parent in draft.upward():
        way = drafts.way(parent, draft.id)
        if len(way) > 1:
            chain = " -> ".join([draft.id, *way])
            yield Finding(place, f"made from itself: {chain}", "remove one of these relations")


def _field_names(draft: Draft, _: Drafts) -> Iterator[Finding]:
    for pattern in (("conflicts", "*", "field"), ("sources", "*", "fields", "*")):
        for place, text in draft.document.texts(*pattern):
            if not is_field(text):
                near = nearest(text.partition(".")[0], field_hints())
                yield Finding(place, f"no field {quote(text)}", near)


def _bibtex(draft: Draft, _: Drafts) -> Iterator[Finding]:
    for place, text in draft.document.texts("bibtex"):
        try:
            parse_bibtex(text)
        except ValueError as error:
            yield Finding(place, f"BibTeX: {' '.join(str(error).split())}", "correct the entry")


def _shared_keys(draft: Draft, drafts: Drafts) -> Iterator[Finding]:
    for key, text in draft.entries():
        for other, record in drafts.entries[key].items():
            if other != text:
                message = f"the key {quote(key)} has another BibTeX entry in {record}"
                yield Finding(("bibtex",), message, "rename one, or make both the same")


def _dates(draft: Draft, _: Drafts) -> Iterator[Finding]:
    released, added = draft.text("released"), draft.text("added")
    exact = min(len(released), len(added))
    if released and released < _FIRST_YEAR:
        yield Finding(("released",), f"{quote(released)} is before the first X-ray image")
    if released[:exact] > added[:exact]:
        yield Finding(("released",), f"{quote(released)} is after the record was added, {added}")


def _addresses(draft: Draft, _: Drafts) -> Iterator[Finding]:
    for pattern in _URLS:
        for place, text in draft.document.texts(*pattern):
            if any(each.isspace() for each in text):
                yield Finding(place, f"{quote(text)} holds a space", "write %20")
            elif ":" not in text:
                yield Finding(place, f"{quote(text)} is no URL", "begin it with https:")


def _reader(draft: Draft, _: Drafts) -> Iterator[Finding]:
    for place, text in draft.document.texts("reader", "name"):
        known = {each.stem.replace("_", "-") for each in sorted(_READERS.glob("[!_]*.py"))}
        if text not in known:
            yield Finding(place, f"no reader {quote(text)}", nearest(text, known))


def _gaps(draft: Draft, _: Drafts) -> Iterator[Finding]:
    values = draft.document.values
    if not isinstance(values, dict) or draft.text("domain") == "synthetic":
        return
    if "homepage" not in values:
        yield Finding(("homepage",), "missing", "say where the set lives", "warning")
    if draft.text("access") == "open" and "licence" not in values:
        message = "missing, though anyone can download the set"
        yield Finding(("licence",), message, "look it up where the set lives", "warning")
    if draft.text("licence", "source") == "unverified":
        remedy = "read it where the set lives, and name that as its source"
        yield Finding(("licence", "source"), "unverified", remedy, "warning")


RULES: tuple[Callable[[Draft, Drafts], Iterator[Finding]], ...] = (
    _model,
    _identity,
    _terms,
    _repeats,
    _relations,
    _cycles,
    _field_names,
    _bibtex,
    _shared_keys,
    _dates,
    _addresses,
    _reader,
    _gaps,
    *FIGURE_RULES,
)
