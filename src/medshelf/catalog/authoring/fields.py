"""What the model of a record says about its fields, in words."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError

from medshelf.catalog import parts
from medshelf.catalog.licence import licences
from medshelf.catalog.marked_yaml import Finding, Place
from medshelf.catalog.record import Record
from medshelf.catalog.vocabulary import fold, terms

SECTIONS: dict[tuple[str, ...], str] = {
    ("group",): "groups",
    ("domain",): "domains",
    ("dimensions", "*"): "dimensions",
    ("modalities", "*"): "modalities",
    ("tasks", "*"): "tasks",
    ("anatomy", "*"): "anatomy",
    ("conditions", "*"): "conditions",
    ("sample_unit",): "sample_units",
    ("languages", "*"): "languages",
    ("platform",): "platforms",
    ("download_platforms", "*"): "platforms",
    ("access",): "access",
    ("label_origin", "*", "by"): "label_origins",
    ("licence", "id"): "licences",
}
"""Where a record writes a controlled term, and the section of the vocabulary that it is from."""

_FORMS: tuple[tuple[object, str], ...] = (
    (parts.Slug, "lower-case letters and digits, words joined by hyphens"),
    (parts.Term, "letters and digits, joined by hyphens or dots"),
    (parts.Hash, "md5: or sha256: and the hash in lower-case hex digits"),
    (parts.FileName, "a file name without folders or spaces"),
    (parts.Doi, "a bare DOI, 10.1234/abc"),
    (parts.Date, "a date: YYYY, YYYY-MM or YYYY-MM-DD"),
    (parts.Url, "an http or https URL"),
    (parts.EitherText, "text, or its en and zh"),
    (parts.Text, "text"),
    (parts.Count, "a whole number, 0 or more"),
    (str, "text"),
    (int, "a whole number"),
    (float, "a number"),
)
_SHAPES = {
    "tuple_type": "should be a list",
    "model_type": "should be a mapping of keys to values",
    "dict_type": "should be a mapping of keys to values",
    "string_type": "should be text",
    "string_too_short": "is empty",
    "too_short": "has too few items",
}
FEW = 12


def quote(text: object) -> str:
    """Return a value as a message shows it: in quotes, cut where it is long."""
    shown = reprlib.Repr()
    shown.maxstring = shown.maxother = 80
    return shown.repr(text)


def nearest(text: str, known: Iterable[str]) -> str:
    """Return the remedy that names the known name nearest to `text`; empty where none is near."""
    names = {each.casefold(): each for each in known}
    found = difflib.get_close_matches(text[:80].casefold(), names, n=1)
    return f"nearest: {names[found[0]]}" if found else ""


@cache
def term_names(section: str) -> dict[str, str]:
    """Return the id of the term behind every folded name of a section; ids come first."""
    named: dict[str, tuple[str, ...]]
    if section == "licences":
        named = {key: (key, each.en, each.zh) for key, each in licences().items()}
    else:
        named = {key: each.names for key, each in terms(section).items()}
    folded = {fold(key): key for key in named}
    for key, names in named.items():
        for name in names:
            folded.setdefault(fold(name), key)
    return folded


def term_ids(section: str) -> list[str]:
    """Return the ids of a section of the vocabulary, or of the licences."""
    return list(dict.fromkeys(term_names(section).values()))


def allowed(hint: object, *place: str, most: int = FEW) -> str:
    """Say what may be written at a place of a record.

    Args:
        hint: The type that the model gives.
        place: Keys that lead there, `*` for the items of a list.
        most: How many terms of a section are listed.
    """
    if place in SECTIONS:
        ids = term_ids(SECTIONS[place])
        more = f", ... ({len(ids)} terms)" if len(ids) > most else ""
        return f"one of: {', '.join(ids[:most])}{more}"
    form = next((words for known, words in _FORMS if hint == known), None)
    return _compound(hint, place, most) if form is None else form


def _compound(hint: object, place: tuple[str, ...], most: int) -> str:
    args = [each for each in get_args(hint) if each not in {NoneType, Ellipsis}]
    origin = get_origin(hint)
    if origin is Literal:
        return f"one of: {', '.join(args)}"
    if origin is tuple:
        return f"list, each {allowed(args[0], *place, '*', most=most)}"
    if origin is dict:
        return f"mapping of {allowed(args[0])} to {allowed(args[1])}"
    if origin in {Union, UnionType, Annotated}:
        return allowed(args[0], *place, most=most)
    model = _model_in(hint)
    return f"mapping with the keys {', '.join(model.model_fields)}" if model else "text"


@cache
def field_hints(model: type[BaseModel] = Record) -> Mapping[str, Any]:
    """Return the type of every field of a model, as it is written there."""
    hints = get_type_hints(model, include_extras=True)
    return {name: hints[name] for name in model.model_fields}


def is_field(name: str) -> bool:
    """Return whether a dotted name, e.g. `splits.test`, is a place in a record."""
    model: type[BaseModel] | None = Record
    for step in name.split("."):
        if step.isdigit():
            continue
        if model is None or step not in model.model_fields:
            return False
        hint = field_hints(model)[step]
        if get_origin(hint) is dict:
            return True
        model = _model_in(hint)
    return True


def model_findings(values: object) -> Iterator[Finding]:
    """Yield what the model of a record finds wrong.

    Unknown terms are left to their own rule, and of a list only its bad items are named.
    """
    try:
        Record.model_validate(values)
    except ValidationError as error:
        for each in error.errors(include_url=False):
            term = each["type"] in {"string_pattern_mismatch", "literal_error"}
            if term and _pattern(each["loc"]) in SECTIONS:
                continue
            if each["type"] == "too_short" and len(each["input"]) >= each["ctx"]["min_length"]:
                continue
            yield _finding(each)


def _finding(error: Any) -> Finding:
    place, kind, value = error["loc"], error["type"], error["input"]
    if kind == "extra_forbidden":
        model = _model_at(place[:-1])
        known = model.model_fields if model else ()
        return Finding(place, "unknown key", nearest(place[-1], known))
    if kind == "missing":
        hint = field_hints(_model_at(place[:-1]) or Record).get(place[-1])
        return Finding(place, "missing", allowed(hint, *_pattern(place)))
    if kind == "string_pattern_mismatch":
        words = next(
            (words for known, words in _FORMS if _regex(known) == error["ctx"]["pattern"]), ""
        )
        return Finding(place, f"{quote(value)} is not as it must be", words)
    if kind in _SHAPES:
        return Finding(place, _SHAPES[kind])
    return Finding(place, f"{quote(value)}: {_reason(error)}")


def _reason(error: Any) -> str:
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, ValidationError):
        cause = cause.errors()[0]["msg"]
    return str(cause or error["msg"]).removeprefix("Input ")


def _regex(hint: object) -> str | None:
    found = (getattr(each, "pattern", None) for each in get_args(hint)[1:])
    return next((each for each in found if isinstance(each, str)), None)


def _pattern(place: Place) -> tuple[str, ...]:
    return tuple("*" if isinstance(step, int) else step for step in place)


def _model_at(place: Place) -> type[BaseModel] | None:
    model: type[BaseModel] | None = Record
    for step in place:
        if isinstance(step, str):
            hint = field_hints(model).get(step) if model else None
            model = _model_in(hint)
    return model


def _model_in(hint: object) -> type[BaseModel] | None:
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return hint
    found = (_model_in(each) for each in get_args(hint))
    return next((each for each in found if each is not None), None)
