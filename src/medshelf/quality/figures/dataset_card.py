"""A dataset card in Markdown, with the front matter that the Hugging Face Hub reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import yaml

from medshelf.catalog.cards.parts import Row, Table
from medshelf.catalog.cards.sections import access
from medshelf.catalog.citation import bibtex
from medshelf.catalog.export.markdown_text import bold, bullets, code_block, escape, link, table
from medshelf.catalog.facts import label_origin
from medshelf.catalog.licence import licences
from medshelf.catalog.record import Record
from medshelf.catalog.vocabulary import label
from medshelf.catalog.wording import (
    check_language,
    field_name,
    number_text,
    phrase,
    with_detail,
)
from medshelf.core.manifest import Meta
from medshelf.quality.figures.card_front_matter import front_matter
from medshelf.quality.profile import Profile
from medshelf.quality.profiling.intensity import Intensity
from medshelf.quality.profiling.page_tables import annotation_table, resolution_table, tidy
from medshelf.quality.profiling.words import word


def dataset_card(
    profile: Profile, meta: Meta, record: Record | None = None, language: str = "en"
) -> str:
    """Return the card of a dataset.

    Args:
        profile: What was counted and measured.
        meta: What is true of the dataset.
        record: What the catalog says of it; null for a dataset that it does not have.
        language: `en` or `zh`.

    Raises:
        UnknownNameError: The language is neither.
    """
    check_language(language)
    front = yaml.safe_dump(
        front_matter(profile, meta, record), sort_keys=False, allow_unicode=True, width=100
    )
    blocks = [
        f"---\n{front}---",
        f"# {escape(profile.name)}",
        bold(phrase("not-for-clinical-use", language)),
        *_section(word("overview", language), _what(profile, meta, record, language)),
        *_section(word("counts", language), _counts(profile, language)),
        *_section(word("classes", language), _classes(profile, language)),
        *_section(phrase("resolution", language), _resolution(profile, language)),
        *_section(word("people", language), _people(profile, language)),
        *_section(word("access", language), _access(meta, record, language)),
        *_section(phrase("limitations", language), _limitations(meta, record, language)),
        *_section(phrase("label-origin", language), _origin(meta, record, language)),
        *_section(word("how-made", language), _made(profile, language)),
    ]
    return "\n\n".join(blocks) + "\n"


def _section(title: str, blocks: Iterator[str]) -> list[str]:
    return [f"## {escape(title)}", *blocks]


def _facts(rows: Sequence[tuple[str, str]], language: str) -> str:
    header = (field_name("field", language), field_name("value", language))
    return table(header, [(escape(name), value) for name, value in rows])


def _markdown(found: Table) -> str:
    return table(
        found.header, [[escape(cell) for cell in row] for row in found.rows], found.numeric
    )


def _what(profile: Profile, meta: Meta, record: Record | None, language: str) -> Iterator[str]:
    unit = label("sample_units", profile.unit, language)
    n_samples = number_text(profile.counts.n_samples)
    yield escape(word("summary", language).format(name=profile.name, n=n_samples, unit=unit))
    notes = [key for key in ("synthetic", "modified") if getattr(meta, key)]
    if notes:
        yield bullets(word(key, language) for key in notes)
    if record is None:
        return
    rows = []
    for field in ("modalities", "tasks", "anatomy", "conditions"):
        names = [label(field, each, language) for each in getattr(record, field)]
        if names:
            rows.append((field_name(field, language), escape("; ".join(names))))
    if rows:
        yield _facts(rows, language)


def _counts(profile: Profile, language: str) -> Iterator[str]:
    counts = profile.counts
    totals = {
        "n_samples": counts.n_samples,
        "n_patients": counts.n_patients,
        "n_studies": counts.n_studies,
    }
    rows = [
        (field_name(name, language), number_text(n)) for name, n in totals.items() if n is not None
    ]
    yield _facts(rows, language)
    if set(counts.by_split) - {"none"}:
        patients = counts.patients_by_split
        header = [word("split", language), word("samples", language)]
        header += [word("patients", language)] if patients else []
        yield table(
            header, [_split_row(profile, each, language) for each in counts.by_split], (1, 2)
        )


def _split_row(profile: Profile, split: str, language: str) -> list[str]:
    patients = profile.counts.patients_by_split
    row = [escape(word(split, language)), number_text(profile.counts.by_split[split])]
    if patients:
        row.append(number_text(patients[split]) if split in patients else "")
    return row


def _classes(profile: Profile, language: str) -> Iterator[str]:
    found = annotation_table(profile.annotation, language)
    if found is None:
        yield escape(word("no-classes", language))
        return
    yield _markdown(found)
    yield escape(word("annotated", language))


def _resolution(profile: Profile, language: str) -> Iterator[str]:
    found = resolution_table(profile.resolution, language)
    if found is None:
        yield escape(word("no-resolution", language))
        return
    yield _markdown(found)
    notes = []
    for each in profile.resolution:
        key, n = ("n-images", each.n) if each.n_slices is None else ("n-slices", each.n_slices)
        notes.append(escape(word(key, language).format(number_text(n))))
    notes.append(escape(word("per-axis", language)))
    notes += [_normalisation(each, language) for each in profile.intensity if each.per_pixel]
    yield bullets(notes)


def _normalisation(each: Intensity, language: str) -> str:
    norm = each.per_pixel
    assert norm is not None  # noqa: S101 - only those that have one are asked for
    mean, sd = (", ".join(number_text(tidy(n)) for n in values) for values in (norm.mean, norm.sd))
    name = f"{each.name}, {each.dtype}" if each.name else each.dtype
    text = word("normalisation", language)
    return escape(text.format(name=name, n=number_text(each.n), mean=mean, sd=sd))


def _people(profile: Profile, language: str) -> Iterator[str]:
    people, n_samples = profile.people, profile.counts.n_samples
    rows: list[tuple[str, str]] = []
    if people and people.age_years:
        age = people.age_years
        shown = " / ".join(
            number_text(tidy(each)) for each in (age.minimum, age.median, age.maximum)
        )
        names = " / ".join(field_name(key, language) for key in ("min", "median", "max"))
        rows.append(
            (f"{word('age', language)} ({names})", _of_all(shown, age.n, n_samples, language))
        )
    for facet in people.facets if people else ():
        values = ", ".join(
            with_detail(each.value, number_text(each.n), language) for each in facet.values
        )
        rows.append((word(facet.name, language), _of_all(values, facet.n, n_samples, language)))
    yield _facts(rows, language) if rows else escape(word("no-people", language))


def _of_all(text: str, n: int, n_all: int, language: str) -> str:
    stated = word("stated-of", language).format(n=number_text(n), all=number_text(n_all))
    return escape(f"{text} ({stated})")


def _access(meta: Meta, record: Record | None, language: str) -> Iterator[str]:
    rows = []
    if record:
        rows = [(row.label, _linked(row)) for row in access(record, language).rows]
    found = licences().get(meta.licence or "")
    name = found.label(language) if found else meta.licence or phrase("unknown-licence", language)
    shown = link(name, found.url) if found and found.url else escape(name)
    yield _facts([*rows, (phrase("licence", language), shown)], language)
    citation = meta.citation or (bibtex(record) if record else "")
    if citation:
        yield code_block(citation, "bibtex")


def _linked(row: Row) -> str:
    texts = [link(each.text, each.url) if each.url else escape(each.text) for each in row.values]
    return "<br>".join(texts)


def _limitations(meta: Meta, record: Record | None, language: str) -> Iterator[str]:
    known = [each.of(language) for each in record.limitations] if record else meta.limitations
    yield bullets(map(escape, known)) if known else escape(word("no-limitations", language))


def _origin(meta: Meta, record: Record | None, language: str) -> Iterator[str]:
    known = label_origin(record, language) if record else meta.label_origin
    yield escape(known or word("not-recorded", language))


def _made(profile: Profile, language: str) -> Iterator[str]:
    lines = [word("made-by", language).format(version=profile.medshelf)]
    if profile.version:
        lines.append(word("release", language).format(profile.version))
    if profile.options:
        options = "; ".join(f"{name}={value}" for name, value in sorted(profile.options.items()))
        lines.append(word("options", language).format(options))
    lines.append(word("pixels-read" if profile.pixels else "pixels-unread", language))
    yield bullets(map(escape, lines))
