"""The fixed words of cards, tables and pages, and how numbers are written."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from medshelf.catalog.vocabulary import label, terms
from medshelf.core.errors import UnknownNameError

LANGUAGES = ("en", "zh")

_SIZES = ("B", "kB", "MB", "GB", "TB", "PB")
_NEXT_UNIT = 999.5
_SMALL = 1e-4
_FOUR_DIGITS = len("1,024")


def check_language(language: str) -> None:
    """Refuse a language that the vocabulary does not have.

    Raises:
        UnknownNameError: It is neither `en` nor `zh`.
    """
    if language not in LANGUAGES:
        raise UnknownNameError("language", language, LANGUAGES)


def phrase(key: str, language: str) -> str:
    """Return a heading or a sentence of `vocabulary/phrases.yaml`."""
    return terms("phrases")[key].label(language)


def field_name(key: str, language: str) -> str:
    """Return the name of a field of `vocabulary/fields.yaml`."""
    return terms("fields")[key].label(language)


def with_note(text: str, note: str, language: str) -> str:
    """Put a note in brackets behind a text."""
    return phrase("with-note", language).format(text, note)


def with_detail(text: str, detail: str, language: str) -> str:
    """Put a detail behind a text and a colon."""
    return phrase("with-detail", language).format(text, detail)


def names(section: str, keys: Iterable[str], language: str) -> tuple[str, ...]:
    """Return the names of controlled terms; one that is not in the vocabulary names itself."""
    return tuple(label(section, key, language) for key in keys)


def number_text(value: float) -> str:
    """Write a number with thousands separators and the decimals that it has."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.6f}".rstrip("0") if abs(value) >= _SMALL else f"{value:.4g}"


def axes_text(values: Sequence[float]) -> str:
    """Write one number per axis with multiplication signs; separators from five digits on."""
    texts = (number_text(each) for each in values)
    plain = (text.replace(",", "") if len(text) == _FOUR_DIGITS else text for text in texts)
    return " \N{MULTIPLICATION SIGN} ".join(plain)


def size_text(size_bytes: int) -> str:
    """Write a length in decimal units to three digits, e.g. `1.54 GB`."""
    value, unit = float(size_bytes), _SIZES[0]
    for larger in _SIZES[1:]:
        if value < _NEXT_UNIT:
            break
        value, unit = value / 1000, larger
    decimals = 0 if unit == _SIZES[0] or value >= 99.95 else 1 if value >= 9.995 else 2  # noqa: PLR2004
    return f"{value:,.{decimals}f} {unit}"


def verdict(*, allowed: bool | None, language: str) -> str:
    """Say whether a use is allowed, or that it is not stated."""
    return phrase({True: "allowed", False: "not-allowed", None: "not-stated"}[allowed], language)


def duty(*, required: bool | None, language: str) -> str:
    """Say whether something must be done, or that it is not stated."""
    return phrase({True: "required", False: "not-required", None: "not-stated"}[required], language)


def duo_text(code: str, language: str) -> str:
    """Write a code of the Data Use Ontology with its meaning, e.g. `DUO:0000042 general ...`.

    Source: http://purl.obolibrary.org/obo/duo.owl
    """
    key = code.lower().replace(":", "-")
    meaning = label("phrases", key, language)
    return code if meaning == key else f"{code} {meaning}"
