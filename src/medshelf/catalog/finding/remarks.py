"""What is said beside the hits of a search: how it was understood, and what to loosen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from medshelf.catalog.finding.index import Index
from medshelf.catalog.finding.loosening import Loosened
from medshelf.catalog.finding.query import Query, Wish

_BETWEEN = " · "
_OR = " / "


@dataclass(frozen=True, slots=True)
class Remarks:
    """Makes the remarks of searches on an index in `en` or `zh`."""

    index: Index
    language: str

    def on(self, query: Query, rows: int, shown: int, loosened: Loosened) -> Iterator[str]:
        """Yield what to say of a search.

        Args:
            query: The text as it was understood.
            rows: The hits, as a `bitset`.
            shown: How many of them are shown.
            loosened: What to leave out, where there are no hits.
        """
        yield from self._on_words(query)
        if rows:
            yield from self._on_hits(query, rows, shown)
        else:
            yield from self._on_nothing(loosened)

    def _on_words(self, query: Query) -> Iterator[str]:
        for word, near in query.corrections.items():
            yield self._say("spelt", word, near)
        if query.unknown:
            yield self._say("unknown", _BETWEEN.join(query.unknown))
        if query.wishes:
            yield self._say("understood", self._wishes(query.wishes))

    def _on_hits(self, query: Query, rows: int, shown: int) -> Iterator[str]:
        if any(rows & ~(wish.rows | query.named) for wish in query.wishes):
            yield self._say("nearest")
        unmet = [wish for wish in query.wishes if not wish.rows & rows]
        if unmet:
            yield self._say("unmet", self._wishes(unmet))
        total = rows.bit_count()
        if 0 < shown < total:
            yield self._say("some", f"{total:,}", f"{shown:,}")
        else:
            yield self._say("count", f"{total:,}")

    def _on_nothing(self, loosened: Loosened) -> Iterator[str]:
        asked = loosened.asked
        yield self._say("nothing")
        for name in loosened.blocking:
            yield self._say("blocked", self._condition(name, asked[name]))
        for name, count in loosened.without.items():
            left_out = self._condition(name, asked[name]) if name in asked else self._say(name)
            yield self._say("without", left_out, f"{count:,}")

    def _wishes(self, wishes: Iterable[Wish]) -> str:
        return _BETWEEN.join(map(self._wish, wishes))

    def _wish(self, wish: Wish) -> str:
        values: dict[str, list[str]] = {}
        for facet, value in wish.means:
            values.setdefault(facet, []).append(value)
        return _OR.join(self._condition(facet, listed) for facet, listed in values.items())

    def _condition(self, facet: str, values: Iterable[object]) -> str:
        texts = [str(each) for each in values]
        if facet != "licence":  # licences are known by their ids
            texts = [self.index.label(facet, text, self.language) for text in texts]
        name = self.index.label("facet", facet, self.language)
        return self._say("detail", name, _OR.join(texts))

    def _say(self, phrase: str, *parts: str) -> str:
        return self.index.label("phrase", phrase, self.language).format(*parts)
