"""What is said of people and in texts, on a page."""

from __future__ import annotations

from medshelf.quality.pages.shown import histogram_of, rounded
from medshelf.quality.pages.words import Words
from medshelf.quality.profile import Profile
from medshelf.report.charts.bars import bar_chart
from medshelf.report.page import Cell, Page, Table

_MOST_BARS, _MOST_WORDS = 30, 20


def add_people(page: Page, profile: Profile, word: Words) -> None:
    """Add who was examined, and how."""
    people, counts = profile.people, profile.counts
    charts = histogram_of(
        word("Samples per patient"), counts.samples_per_patient, word("samples"), word("patients")
    )
    if people is not None:
        charts += histogram_of(word("Age"), people.age_years, word("age (years)"), word("samples"))
        for facet in people.facets:
            values = facet.values[:_MOST_BARS]
            splits = list(dict.fromkeys(name for each in values for name in each.by_split))
            series = {word(s): [float(each.by_split.get(s, 0)) for each in values] for s in splits}
            if series:
                charts.append(bar_chart(word(facet.name), [each.value for each in values], series))
    if charts:
        page.heading(word("People"))
        page.charts(*charts)


def add_words(page: Page, profile: Profile, word: Words) -> None:
    """Add lengths and words of texts, and what questions give away."""
    if profile.texts:
        page.heading(word("Texts"))
        header = word.all("column|samples|words (median)|different words|most frequent words")
        rows = [
            (
                word(each.column),
                each.n,
                None if each.words is None else rounded(each.words.median),
                each.n_unique,
                ", ".join(found.word for found in each.frequent[:_MOST_WORDS]),
            )
            for each in profile.texts
        ]
        page.table(Table(header, rows))
    if profile.questions is not None:
        page.heading(word("Questions"), word("right without looking"))
        header = word.all("kind|questions|majority answer|majority answer|blind guess|chance")
        guesses: list[tuple[Cell, ...]] = [
            (
                f"{each.by}: {each.type}",
                each.n,
                each.majority,
                each.majority_accuracy,
                each.blind_accuracy,
                each.chance,
            )
            for each in profile.questions.guesses[:_MOST_BARS]
        ]
        page.table(Table(header, guesses))
