"""Which dataset was made from which, and whether two of them can share samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from medshelf.catalog.record import Record
from medshelf.catalog.shelf import find_record, record_paths


@dataclass(frozen=True, slots=True)
class Edge:
    """One stated relation: `child` is `relation` `parent`."""

    child: str
    relation: str
    parent: str
    evidence: str

    @property
    def origin(self) -> str:
        """Where the samples come from: the parent, or the part of a whole."""
        return self.child if self.relation == "part_of" else self.parent

    @property
    def product(self) -> str:
        """Where the samples went."""
        return self.parent if self.relation == "part_of" else self.child


@dataclass(frozen=True, slots=True)
class Overlap:
    """Whether training on one dataset and testing on another can leak.

    Attributes:
        verdict: `same`; `shared` where one holds samples of the other, or a record says that they
            share images; `possible` where both have samples of a third set; `unknown` where no
            relation is recorded, which is no proof that there is none.
        path: The relations that lead from one to the other.
    """

    first: str
    second: str
    verdict: Literal["same", "shared", "possible", "unknown"]
    path: tuple[Edge, ...] = ()

    @property
    def can_leak(self) -> bool:
        """Whether a recorded relation says that samples may be shared."""
        return self.verdict != "unknown"


@dataclass(frozen=True, slots=True)
class Branch:
    """A dataset in a tree, with the relation that led to it; the root has none."""

    dataset: str
    edge: Edge | None
    branches: tuple[Branch, ...]


class Lineage:
    """The relations between records.

    Args:
        records: All records that may be related.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self._into: dict[str, list[Edge]] = {}
        self._out_of: dict[str, list[Edge]] = {}
        self._beside: dict[str, list[Edge]] = {}
        for record in records:
            for link in record.lineage:
                self._add(Edge(record.id, link.relation, link.id, link.evidence))

    def _add(self, edge: Edge) -> None:
        if edge.relation == "shares_images_with":
            self._beside.setdefault(edge.child, []).append(edge)
            self._beside.setdefault(edge.parent, []).append(edge)
        else:
            self._into.setdefault(edge.product, []).append(edge)
            self._out_of.setdefault(edge.origin, []).append(edge)

    def sources(self, dataset: str) -> Branch:
        """Return the tree of the sets whose samples went into a dataset."""
        return _tree(dataset, None, self._into)

    def derivatives(self, dataset: str) -> Branch:
        """Return the tree of the sets that a dataset's samples went into."""
        return _tree(dataset, None, self._out_of)

    def companions(self, dataset: str) -> list[Edge]:
        """Return the relations without a direction: sets that share images with this one."""
        return list(self._beside.get(dataset, []))

    def overlap(self, first: str, second: str) -> Overlap:
        """Say whether two datasets can share samples, and by which relations."""
        if first == second:
            return Overlap(first, second, "same")
        one, other = self._ways_up(first), self._ways_up(second)
        for way in (one.get(second), other.get(first), self._stated(first, second)):
            if way is not None:
                return Overlap(first, second, "shared", way)
        paths = [one[each] + other[each] for each in sorted(one.keys() & other.keys())]
        paths += [
            (*one[edge.child], edge, *other[edge.parent])
            if edge.child in one
            else (*one[edge.parent], edge, *other[edge.child])
            for edge in self._beside_edges()
            if (edge.child in one and edge.parent in other)
            or (edge.parent in one and edge.child in other)
        ]
        if paths:
            return Overlap(first, second, "possible", min(paths, key=len))
        return self._through_wholes(first, second)

    def _stated(self, first: str, second: str) -> tuple[Edge, ...] | None:
        pair = {first, second}
        found = (each for each in self._beside.get(first, []) if {each.child, each.parent} == pair)
        edge = next(found, None)
        return None if edge is None else (edge,)

    def _beside_edges(self) -> list[Edge]:
        return [edge for edges in self._beside.values() for edge in edges]

    def _through_wholes(self, first: str, second: str) -> Overlap:
        """A part may hold whatever its whole was made from."""
        for part, against in ((first, second), (second, first)):
            for edge in self._out_of.get(part, []):
                if edge.relation == "part_of":
                    beyond = self.overlap(edge.product, against)
                    if beyond.can_leak:
                        return Overlap(first, second, "possible", (edge, *beyond.path))
        return Overlap(first, second, "unknown")

    def _ways_up(self, dataset: str) -> dict[str, tuple[Edge, ...]]:
        """Return every source of a dataset with the shortest way to it."""
        ways: dict[str, tuple[Edge, ...]] = {dataset: ()}
        queue = [dataset]
        for current in queue:
            for edge in self._into.get(current, []):
                if edge.origin not in ways:
                    ways[edge.origin] = (*ways[current], edge)
                    queue.append(edge.origin)
        return ways


def source_records(record: Record) -> Iterator[Record]:
    """Yield a record, then the sets that it was made from or is part of, nearest first, each once.

    The sources of a whole are not those of each part, so they are left out.
    """
    known = record_paths()
    queue, seen = [record], {record.id}
    for current in queue:
        yield current
        for link in current.lineage:
            if link.relation == "shares_images_with" or link.id not in known or link.id in seen:
                continue
            seen.add(link.id)
            source = find_record(link.id)
            if link.relation == "part_of":
                yield source
            else:
                queue.append(source)


def _tree(
    dataset: str,
    edge: Edge | None,
    edges: Mapping[str, list[Edge]],
    above: frozenset[str] = frozenset(),
) -> Branch:
    above |= {dataset}
    nearer = [
        (each.origin if each.product == dataset else each.product, each)
        for each in edges.get(dataset, [])
    ]
    branches = (_tree(name, each, edges, above) for name, each in nearer if name not in above)
    return Branch(dataset, edge, tuple(branches))
