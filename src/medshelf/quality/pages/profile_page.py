"""A profile as a page: pictures first, then what can be counted."""

from __future__ import annotations

from collections.abc import Sequence

from medshelf.core.manifest import Meta
from medshelf.quality.pages.annotated import add_annotation, add_boxes, add_masks
from medshelf.quality.pages.measured import add_sizes, add_values
from medshelf.quality.pages.stated import add_people, add_words
from medshelf.quality.pages.words import Words
from medshelf.quality.profile import Profile
from medshelf.report.page import Card, Cell, Page, Picture, Table


def profile_page(
    profile: Profile, meta: Meta, pictures: Sequence[Picture] = (), language: str = "en"
) -> Page:
    """Return the page of a profile.

    Args:
        profile: The numbers.
        meta: What is true of the dataset.
        pictures: A montage and samples, see `pictures.pictures_of`.
        language: `en` or `zh`.
    """
    word = Words(language)
    page = Page(profile.name, f"{word('Profile')}: {profile.dataset}", lang=language)
    if meta.synthetic:
        page.notice(word("Generated data, not medical."), kind="warning")
    page.cards(_cards(profile, word))
    if pictures:
        page.heading(word("A look"), word("samples drawn at random, seed 0"))
        for picture in pictures:
            page.picture(picture)
    add_annotation(page, profile, word)
    add_sizes(page, profile, word)
    add_people(page, profile, word)
    add_values(page, profile, word)
    add_masks(page, profile, word)
    add_boxes(page, profile, word)
    add_words(page, profile, word)
    add_source(page, meta, profile.medshelf, word)
    return page


def add_source(page: Page, meta: Meta, version: str, word: Words) -> None:
    """Add where the data come from, under which terms, and what one must know of them."""
    page.heading(word("How this was made"))
    options = ", ".join(f"{name}={value}" for name, value in sorted(meta.options.items()))
    facts: list[tuple[str, Cell]] = [
        (word("dataset"), meta.dataset),
        (word("version"), meta.version or word("not stated")),
        (word("options_"), options or "-"),
        (word("licence"), meta.licence or word("not stated")),
        (word("labels by"), meta.label_origin or word("not stated")),
        ("medshelf", version),
    ]
    page.table(Table((), facts))
    for each in meta.limitations:
        page.notice(each, word("What one must know"), "warning")
    if meta.citation:
        page.details(word("Citation"), meta.citation)


def _cards(profile: Profile, word: Words) -> list[Card]:
    counts = profile.counts
    splits = ", ".join(f"{word(name)} {n:,}" for name, n in counts.by_split.items())
    cards = [Card(word("Samples"), f"{counts.n_samples:,}", splits)]
    if counts.n_patients is not None:
        cards.append(Card(word("Patients"), f"{counts.n_patients:,}"))
    if counts.n_studies is not None:
        cards.append(Card(word("Studies"), f"{counts.n_studies:,}"))
    if profile.images is not None:
        cards.append(Card(word("Images"), f"{profile.images.n:,}", _errors(profile, word)))
        if profile.images.total_bytes:
            size = _size_text(profile.images.total_bytes)
            cards.append(Card(word("Size of the files"), size))
    if profile.annotation:
        cards.append(Card(word("Classes"), f"{len(profile.annotation):,}"))
    return cards


def _errors(profile: Profile, word: Words) -> str:
    n = sum(profile.images.errors.values()) if profile.images else 0
    return f"{n:,} {word('cannot be read')}" if n else ""


def _size_text(n_bytes: int) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{n_bytes / 1e3:.1f} kB"
