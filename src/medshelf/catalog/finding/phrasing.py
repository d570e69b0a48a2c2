"""What the words of a search mean: every name of the vocabulary, and `sayings.yaml`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from medshelf.catalog.finding import words
from medshelf.catalog.finding.facets import SECTIONS
from medshelf.catalog.finding.index import Meaning
from medshelf.catalog.licence import licences
from medshelf.catalog.vocabulary import Term, terms

PHRASES = Path(__file__).parent / "sayings.yaml"

_VERSION = re.compile(r"-[0-9.]+$")

# A name that means something in a section of the first line means nothing in a later line.
_READ = (
    ("task", "modality", "anatomy", "condition", "dimension", "language"),
    ("group",),
    ("platform",),
)
# What is said of a set's release: its words are those of names, too.
_OTHER = {"platform", "licence"}
# Platforms whose names are common words.
_COMMON = {"journal", "project-page", "synapse"}


@dataclass(frozen=True, slots=True)
class Phrases:
    """What is known of phrases, each as its words in their common form, joined by a space.

    Attributes:
        means: All that a phrase means.
        terms: The phrases that are names of terms, platforms and licences apart.
        synonyms: Words to search for in place of a phrase, for each of several wordings.
        formats: File formats that a name stands for.
    """

    means: dict[str, list[Meaning]]
    terms: list[str]
    synonyms: dict[str, list[list[str]]] = field(default_factory=dict)
    capitals: list[str] = field(default_factory=list)
    formats: dict[str, list[str]] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)


def all_phrases() -> Phrases:
    """Return all phrases that a search understands."""
    text = PHRASES.read_text("utf-8")
    written: dict[str, Any] = yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506 - text only
    means = {phrase: [meaning] for phrase, meaning in _of_vocabulary().items()}
    named = [phrase for phrase in means if means[phrase][0][0][0] not in _OTHER]
    synonyms = {joined(name): [words.tokens(origin)] for name, origin in written["origins"].items()}
    means |= {phrase: [] for phrase in synonyms}
    for entry in written["phrases"]:
        meanings = [_meaning(each) for each in entry["means"]]
        for phrase in map(joined, entry["says"]):
            means[phrase] = meanings
            if "words" in entry:
                synonyms[phrase] = [words.tokens(each) for each in entry["words"]]
    return Phrases(
        means=means,
        terms=named,
        synonyms=synonyms,
        capitals=[joined(each) for each in written["capitals"]],
        formats=written["formats"],
        ignored=[joined(each) for each in written["ignored"]],
    )


def joined(text: str) -> str:
    """Return the words of a text in their common form, joined by a space."""
    return " ".join(words.units(text))


def _of_vocabulary() -> dict[str, Meaning]:
    found: dict[str, Meaning] = {}
    for facets in _READ:
        for names in (_labels, _synonyms):
            chosen: dict[str, Meaning] = defaultdict(list)
            for facet in facets:
                for term in terms(SECTIONS[facet]).values():
                    for phrase in {joined(name) for name in names(facet, term)} - found.keys():
                        chosen[phrase].append((facet, term.id))
            found |= chosen
    return found | _of_licences()


def _of_licences() -> dict[str, Meaning]:
    """Return what ids of licences mean, and what they mean without a version, as `CC-BY`."""
    found: dict[str, Meaning] = defaultdict(list)
    for each in licences():
        for phrase in {joined(each), joined(_VERSION.sub("", each))}:
            if " " in phrase:  # one word, as MIT, would be taken for something else
                found[phrase].append(("licence", each))
    return found


def _labels(facet: str, term: Term) -> tuple[str, ...]:
    if term.id in _COMMON:
        return ()
    return (term.en, term.zh) if facet == "language" else (term.id, term.en, term.zh)


def _synonyms(facet: str, term: Term) -> tuple[str, ...]:
    return () if facet == "platform" else term.synonyms_en + term.synonyms_zh


def _meaning(written: Mapping[str, Any]) -> Meaning:
    return [
        (facet, value)
        for facet, values in written.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
