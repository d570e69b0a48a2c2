"""A dataset's relations: sentences, and a graph that is laid out but not drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from medshelf.catalog.lineage import Branch, Edge, Lineage
from medshelf.catalog.record import Record
from medshelf.catalog.vocabulary import label
from medshelf.explorer.cards.addresses import Addresses
from medshelf.report.charts.labels import shorten

_WIDTH: Final = 248
_HEIGHT: Final = 32
_BETWEEN: Final = 72
_PITCH: Final = 44
_MARGIN: Final = 8

Kind = Literal["derived_from", "part_of", "shares_images_with"]


class _Piece(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Relation(_Piece):
    """One stated relation between two datasets.

    Attributes:
        child: Id; it is `relation` `parent`.
        relation: As a record states it.
        parent: Id.
        evidence: Where that is stated, or how it was found.
        told: The relation as words of the language.
    """

    child: str
    relation: Kind
    parent: str
    evidence: str
    told: str


class Node(_Piece):
    """A dataset in the graph.

    Attributes:
        id: Catalog id.
        name: As its authors write it; the id where the catalog has no record.
        text: The name as it fits into the box.
        url: Its page; empty where there is none.
        x: Left edge of its box, pixels.
        y: Upper edge, pixels.
        focus: Whether the graph is about it.
    """

    id: str
    name: str
    text: str
    url: str
    x: int
    y: int
    focus: bool


class Line(_Piece):
    """A relation in the graph: a curve from where samples come to where they went.

    Attributes:
        relation: Which.
        path: SVG path data.
        head: Points of an SVG polygon, the arrow's head; empty where there is no direction.
    """

    relation: Kind
    path: str
    head: str


class Graph(_Piece):
    """Sources on the left, what was made of them on the right; sizes in pixels."""

    width: int
    height: int
    box: tuple[int, int] = (_WIDTH, _HEIGHT)
    nodes: tuple[Node, ...]
    lines: tuple[Line, ...]


class Leak(_Piece):
    """Another dataset that can hold the same samples.

    Attributes:
        id: Catalog id.
        name: Its name.
        url: Its page; empty where there is none.
        verdict: `shared`, `possible`.
        sentence: What that means for an evaluation.
        path: The relations that lead there.
    """

    id: str
    name: str
    url: str
    verdict: Literal["shared", "possible"]
    sentence: str
    path: tuple[Relation, ...]


class Relations(_Piece):
    """All relations around a dataset.

    Attributes:
        relations: Stated ones, of its sources, of what was made of it, of companions.
        graph: Null where there is none.
        leaks: Datasets that must not stand on the other side of an evaluation.
        names: Id to name of what the relations name.
        urls: Id to page.
    """

    relations: tuple[Relation, ...]
    graph: Graph | None
    leaks: tuple[Leak, ...]
    names: dict[str, str]
    urls: dict[str, str]


def relations_of(
    dataset: str, found: Lineage, records: Mapping[str, Record], links: Addresses
) -> Relations:
    """Return the relations around a dataset.

    Args:
        dataset: Catalog id.
        found: All relations of the catalog.
        records: Id to record.
        links: Where pages lie, and the language.
    """
    edges, columns = _around(dataset, found)
    names = {each: records[each].name if each in records else each for each in columns}
    urls = {each: links.dataset(each) if each in records else "" for each in columns}
    others = (found.overlap(dataset, each) for each in columns if each != dataset)
    leaks = [
        Leak(
            id=each.second,
            name=names[each.second],
            url=urls[each.second],
            verdict=each.verdict,
            sentence=label("sentences", f"leak_{each.verdict}", links.language),
            path=tuple(told(edge, links.language) for edge in each.path),
        )
        for each in others
        if each.verdict in ("shared", "possible")
    ]
    return Relations(
        relations=tuple(told(each, links.language) for each in edges),
        graph=_graph(dataset, edges, columns, names, urls) if edges else None,
        leaks=tuple(sorted(leaks, key=lambda each: (each.verdict != "shared", each.id))),
        names=names,
        urls=urls,
    )


def told(edge: Edge, language: str) -> Relation:
    """Return a relation with its words."""
    return Relation(
        child=edge.child,
        relation=edge.relation,
        parent=edge.parent,
        evidence=edge.evidence,
        told=label("relations", edge.relation, language),
    )


def _around(dataset: str, found: Lineage) -> tuple[list[Edge], dict[str, int]]:
    """Return the relations, and the column of each dataset; that of the dataset itself is 0."""
    columns = {dataset: 0}
    edges: dict[Edge, None] = {}
    for tree, step in ((found.sources(dataset), -1), (found.derivatives(dataset), 1)):
        _walk(tree, step, columns, edges)
    for edge in found.companions(dataset):
        columns.setdefault(edge.child if edge.child != dataset else edge.parent, 1)
        edges[edge] = None
    return list(edges), columns


def _walk(tree: Branch, step: int, columns: dict[str, int], edges: dict[Edge, None]) -> None:
    level, seen = [tree], {tree.dataset}
    column = step
    while level:
        below = [branch for each in level for branch in each.branches]
        for branch in below:
            if branch.edge is not None:
                edges[branch.edge] = None
            columns.setdefault(branch.dataset, column)
        level = [each for each in below if each.dataset not in seen]
        seen |= {each.dataset for each in below}
        column += step


def _graph(
    dataset: str,
    edges: Iterable[Edge],
    columns: Mapping[str, int],
    names: Mapping[str, str],
    urls: Mapping[str, str],
) -> Graph:
    places = _places(columns)
    nodes = [
        Node(
            id=each,
            name=names[each],
            text=shorten(names[each], _WIDTH - 2 * _MARGIN),
            url=urls[each],
            x=x,
            y=y,
            focus=each == dataset,
        )
        for each, (x, y) in places.items()
    ]
    lines = [_line(edge, places) for edge in edges]
    width = max(x for x, _ in places.values()) + _WIDTH + _MARGIN
    height = max(y for _, y in places.values()) + _HEIGHT + _MARGIN
    return Graph(width=width, height=height, nodes=tuple(nodes), lines=tuple(lines))


def _places(columns: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Put each column's boxes below each other, centred on the tallest column."""
    ordered: dict[int, list[str]] = {}
    for each, column in columns.items():
        ordered.setdefault(column, []).append(each)
    tallest = max(map(len, ordered.values()))
    places = {}
    for number, column in enumerate(sorted(ordered)):
        top = _MARGIN + (tallest - len(ordered[column])) * _PITCH // 2
        for row, each in enumerate(ordered[column]):
            places[each] = (_MARGIN + number * (_WIDTH + _BETWEEN), top + row * _PITCH)
    return places


def _line(edge: Edge, places: Mapping[str, tuple[int, int]]) -> Line:
    directed = edge.relation != "shares_images_with"
    (x, y), (to_x, to_y) = places[edge.origin], places[edge.product]
    y, to_y = y + _HEIGHT // 2, to_y + _HEIGHT // 2
    if not directed and x > to_x:
        (x, y), (to_x, to_y) = (to_x, to_y), (x, y)
    head = ""
    if x == to_x:  # one below the other: around the left side
        bend = x - _BETWEEN // 3
        path = f"M{x} {y}C{bend} {y} {bend} {to_y} {to_x} {to_y}"
    else:
        forth = 1 if to_x > x else -1
        x, to_x = (x + _WIDTH, to_x) if forth == 1 else (x, to_x + _WIDTH)
        middle = (x + to_x) // 2
        path = f"M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}"
        if directed:
            head = _points((to_x, to_y), (to_x - 8 * forth, to_y - 4), (to_x - 8 * forth, to_y + 4))
    return Line(relation=edge.relation, path=path, head=head)


def _points(*points: Sequence[int]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)
