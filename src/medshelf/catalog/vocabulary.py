"""The controlled terms of the catalog with their names in English and Chinese."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from medshelf.core.errors import UnknownNameError

Language = Literal["en", "zh"]

_FOLDER = Path(__file__).parent / "vocabulary"


class Term(BaseModel):
    """One controlled term.

    Attributes:
        id: What records write.
        broader: The wider term of the same section that it belongs to.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    en: str
    zh: str
    synonyms_en: tuple[str, ...] = ()
    synonyms_zh: tuple[str, ...] = ()
    broader: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that the term is called, its id first."""
        return (self.id, self.en, self.zh, *self.synonyms_en, *self.synonyms_zh)

    def label(self, language: str) -> str:
        """Return its name in `en` or `zh`."""
        return self.zh if language == "zh" else self.en


def sections() -> list[str]:
    """Return the names of all sections, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


@cache
def terms(section: str) -> dict[str, Term]:
    """Return the terms of a section by id, in the order of its file.

    Raises:
        UnknownNameError: There is no such section.
    """
    if section not in sections():
        raise UnknownNameError("vocabulary section", section, sections())
    text = (_FOLDER / f"{section}.yaml").read_text("utf-8")
    entries = yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506 - text only
    return {key: Term(id=key, **fields) for key, fields in entries.items()}


def label(section: str, term: str, language: str = "en") -> str:
    """Return the name of a term; a term that is not in the vocabulary names itself."""
    found = terms(section).get(term)
    return term if found is None else found.label(language)


def resolve(section: str, text: str) -> Term:
    """Find a term by its id, a label or a synonym, in either language; capitals do not matter.

    Raises:
        UnknownNameError: Nothing in the section is called so; near names are given.
    """
    by_name = _by_name(section)
    found = by_name.get(fold(text))
    if found is None:
        raise UnknownNameError(section.replace("_", " "), text, by_name)
    return terms(section)[found]


def with_narrower(section: str, term: str) -> set[str]:
    """Return a term and every term below it."""
    found = {term}
    for each in terms(section).values():
        chain, current = [each.id], each
        while current.broader is not None and current.broader not in chain:
            chain.append(current.broader)
            current = terms(section)[current.broader]
        if term in chain:
            found.update(chain[: chain.index(term) + 1])
    return found


def fold(text: str) -> str:
    """Return text as it is compared: compatibility forms, case and outer spaces set aside."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


@cache
def _by_name(section: str) -> dict[str, str]:
    names: dict[str, str] = {}
    for rank in ("id", "label", "synonym"):
        for each in terms(section).values():
            chosen = {
                "id": (each.id,),
                "label": (each.en, each.zh),
                "synonym": (*each.synonyms_en, *each.synonyms_zh),
            }[rank]
            for name in chosen:
                names.setdefault(fold(name), each.id)
    return names
