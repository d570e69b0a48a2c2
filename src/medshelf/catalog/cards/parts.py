"""What cards are made of: finished texts, and where they lead. How they look is said elsewhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Value:
    """A text, and where it leads.

    Attributes:
        text: What is shown.
        url: A web address; empty where there is none.
        dataset: Id of another dataset of the catalog; empty where it is none.
        note: What stands behind it in brackets, such as evidence.
    """

    text: str
    url: str = ""
    dataset: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A fact: its name and its values."""

    label: str
    values: tuple[Value, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The values, each with its note in brackets."""
        return tuple(
            f"{each.text} ({each.note})" if each.note else each.text for each in self.values
        )

    @property
    def text(self) -> str:
        """The values as one line."""
        return "; ".join(self.texts)


@dataclass(frozen=True, slots=True)
class Table:
    """Facts with several columns; an unknown one is an empty text.

    Attributes:
        header: Names of the columns.
        rows: Texts, as many as the header has.
        numeric: Positions of the columns that hold numbers.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a card.

    Attributes:
        id: Term of the vocabulary's phrases that is its title; the same in every language.
        title: The heading.
        rows: Facts.
        items: Sentences, to be listed.
        table: Facts with several columns.
        text: Preformatted text, such as a file tree.
        note: A sentence about the section as a whole.
    """

    id: str
    title: str
    rows: tuple[Row, ...] = ()
    items: tuple[str, ...] = ()
    table: Table | None = None
    text: str | None = None
    note: str | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing below the heading."""
        return not (self.rows or self.items or self.table or self.text or self.note)


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a dataset.

    Attributes:
        id: Catalog id.
        title: Its name.
        notice: What must stand on every card.
        sections: The groups that every card has, then those that have something to say.
    """

    id: str
    title: str
    notice: str
    sections: tuple[Section, ...]

    def section(self, name: str) -> Section | None:
        """Return a section by its id; null where the card has none."""
        return next((each for each in self.sections if each.id == name), None)
