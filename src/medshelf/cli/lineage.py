"""`medshelf lineage`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from medshelf.cli.output import Json, Lang, Records, language, print_json, use_records

if TYPE_CHECKING:
    from medshelf.catalog.lineage import Branch, Lineage, Overlap


def run(
    dataset: Annotated[str, typer.Argument(metavar="ID", help="Dataset id.")],
    other: Annotated[
        str | None, typer.Argument(metavar="[OTHER]", help="Can the two share samples?")
    ] = None,
    records: Records = None,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Draw what a dataset was made from and what was made from it, or compare two."""
    use_records(records)
    from medshelf.catalog.lineage import Lineage
    from medshelf.catalog.shelf import all_records, find_record

    wanted = find_record(dataset).id
    found = Lineage(all_records())
    if other is not None:
        _print_overlap(found.overlap(wanted, find_record(other).id), language(lang), json=json)
    elif json:
        trees = {"sources": found.sources(wanted), "derivatives": found.derivatives(wanted)}
        beside = [asdict(each) for each in found.companions(wanted)]
        print_json({name: asdict(tree) for name, tree in trees.items()} | {"beside": beside})
    else:
        _print_trees(wanted, found, language(lang))


def _print_trees(dataset: str, found: Lineage, lang: str) -> None:
    from medshelf.catalog.vocabulary import label

    shown = False
    for heading, tree in (
        ("made_from", found.sources(dataset)),
        ("went_into", found.derivatives(dataset)),
    ):
        if tree.branches:
            print(f"{dataset} {label('sentences', heading, lang)}")
            _print_branches(tree, lang, "", set())
            shown = True
    for edge in found.companions(dataset):
        companion = edge.parent if edge.child == dataset else edge.child
        relation = label("relations", edge.relation, lang)
        print(f"{dataset} {relation} {companion}  ({edge.evidence})")
        shown = True
    if not shown:
        print(f"{dataset}: {label('sentences', 'no_relation', lang)}")


def _print_branches(tree: Branch, lang: str, indent: str, shown: set[str]) -> None:
    from medshelf.catalog.vocabulary import label

    for branch in tree.branches:
        last = branch is tree.branches[-1]
        again = " ..." if branch.dataset in shown and branch.branches else ""
        if branch.edge is not None:
            kind = label("relations", branch.edge.relation, lang)
            print(
                f"{indent}{'└─' if last else '├─'} {branch.dataset}{again}  "
                f"({kind}: {branch.edge.evidence})"
            )
        if not again:
            shown.add(branch.dataset)
            _print_branches(branch, lang, indent + ("   " if last else "│  "), shown)


def _print_overlap(overlap: Overlap, lang: str, *, json: bool) -> None:
    from medshelf.catalog.vocabulary import label

    if json:
        print_json(asdict(overlap) | {"can_leak": overlap.can_leak})
        return
    verdict = label("sentences", f"leak_{overlap.verdict}", lang)
    print(f"{overlap.first} / {overlap.second}: {verdict}")
    for edge in overlap.path:
        relation = label("relations", edge.relation, lang)
        print(f"  {edge.child} {relation} {edge.parent}  ({edge.evidence})")
