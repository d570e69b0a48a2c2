"""What to cite: BibTeX as it lies in the records, and the same works as lines of text."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from medshelf.catalog.lineage import source_records
from medshelf.catalog.record import Record
from medshelf.core.errors import FormatError

if TYPE_CHECKING:
    from pylatexenc.latex2text import LatexNodes2Text

MOST_BIBTEX = 100_000
"""Characters of BibTeX that one record may hold."""

_LATEX = frozenset("\\{}$~%")
"""Without one of these, LaTeX text is what it looks like."""


@dataclass(frozen=True, slots=True)
class Work:
    """One cited work; what its entry does not say is empty.

    Attributes:
        key: BibTeX key.
        kind: BibTeX type, e.g. `article`.
        authors: `Family, Given` each, in order.
        bibtex: The entry as recorded.
    """

    key: str
    kind: str
    authors: tuple[str, ...]
    title: str
    venue: str
    year: str
    doi: str
    url: str
    bibtex: str


def bibtex(record: Record) -> str:
    """Return the entries of a dataset and of the sets that it was made from, each text once."""
    texts = (each.bibtex.strip() for each in source_records(record) if each.bibtex)
    return "\n\n".join(dict.fromkeys(texts))


def cited_works(records: Iterable[Record]) -> list[Work]:
    """Return the works to cite for several datasets and their sources, each once, in that order.

    Raises:
        FormatError: What a record holds is no BibTeX.
    """
    chosen: dict[str, Work] = {}
    for record in records:
        for source in source_records(record):
            for work in _works_of(source):
                chosen.setdefault(work.title.casefold() or work.key, work)
    return list(chosen.values())


def _works_of(record: Record) -> list[Work]:
    try:
        return parse_bibtex(record.bibtex or "")
    except ValueError as error:
        reason, remedy = f"bibtex: {error}", "Correct the entry"
        raise FormatError(Path(f"{record.id}.yaml"), reason, remedy) from error


def parse_bibtex(text: str) -> list[Work]:
    """Read BibTeX entries; LaTeX is decoded in all fields but `Work.bibtex`.

    Raises:
        ValueError: The text, or a part of it, is no BibTeX entry, or it is longer than
            `MOST_BIBTEX` or nested too deep.
    """
    if len(text) > MOST_BIBTEX:
        msg = f"longer than {MOST_BIBTEX:,} characters"
        raise ValueError(msg)
    try:
        return _parse(text)
    except RecursionError:
        msg = "braces nested too deep"
        raise ValueError(msg) from None


def _parse(text: str) -> list[Work]:
    from bibtexparser.entrypoint import parse_string
    from bibtexparser.middlewares import (
        NormalizeFieldKeys,
        SeparateCoAuthors,
        SplitNameParts,
    )
    from bibtexparser.model import ImplicitComment

    logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)
    library = parse_string(
        text,
        append_middleware=[
            NormalizeFieldKeys(),
            SeparateCoAuthors(),
            SplitNameParts(),
        ],
    )
    if library.failed_blocks:
        block = library.failed_blocks[0]
        msg = f"line {(block.start_line or 0) + 1}: {block.error}"
        raise ValueError(msg)
    loose = any(isinstance(each, ImplicitComment) for each in library.blocks)
    if loose or (text.strip() and not library.entries):
        msg = "text that is no BibTeX entry"
        raise ValueError(msg)
    return [_work(each) for each in library.entries]


def reference(work: Work, style: str) -> str:
    """Return a work as one line, in `apa` (7th edition) or plain `text` style."""
    where = f"https://doi.org/{work.doi}" if work.doi else work.url
    if style == "apa":
        names = _apa_authors(work.authors)
        parts = [f"{names} ({work.year or 'n.d.'})", work.title, work.venue, where]
    else:
        names = ", ".join(_natural(each) for each in work.authors[:3])
        names += " et al." if len(work.authors) > 3 else ""  # noqa: PLR2004
        parts = [names, work.title, work.venue, work.year, where]
    return ". ".join(part.rstrip(".") for part in parts if part) + ("" if where else ".")


def _work(entry: object) -> Work:
    fields = {each.key: each.value for each in entry.fields}  # type: ignore[attr-defined]
    venue = next(
        (fields[name] for name in ("journal", "booktitle", "publisher") if fields.get(name)), ""
    )
    authors = fields.get("author") or []
    return Work(
        key=entry.key,  # type: ignore[attr-defined]
        kind=entry.entry_type,  # type: ignore[attr-defined]
        authors=tuple(_tidy(each.merge_last_name_first) for each in authors),
        title=_tidy(fields.get("title", "")),
        venue=_tidy(venue),
        year=_tidy(fields.get("year", "")),
        doi=_tidy(fields.get("doi", "")).removeprefix("https://doi.org/"),
        url=_tidy(fields.get("url", "")),
        bibtex=entry.raw,  # type: ignore[attr-defined]
    )


def _tidy(text: object) -> str:
    plain = str(text)
    if not _LATEX.isdisjoint(plain):
        plain = _latex_decoder().latex_to_text(plain)
    return " ".join(plain.split())


@cache
def _latex_decoder() -> LatexNodes2Text:
    from pylatexenc.latex2text import LatexNodes2Text

    return LatexNodes2Text()


def _natural(author: str) -> str:
    family, _, given = author.partition(", ")
    return f"{given} {family}".strip()


def _apa_authors(authors: tuple[str, ...]) -> str:
    short = []
    for each in authors:
        family, _, given = each.partition(", ")
        initials = " ".join(f"{name[0]}." for name in given.split() if name)
        short.append(f"{family}, {initials}" if initials else family)
    if len(short) > 20:  # noqa: PLR2004 - APA 7 lists nineteen authors, an ellipsis and the last
        short = [*short[:19], "... " + short[-1]]
        return ", ".join(short)
    return ", & ".join([", ".join(short[:-1]), short[-1]]) if len(short) > 1 else "".join(short)
