"""`medshelf protocols`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from medshelf.cli.output import Json, print_json

if TYPE_CHECKING:
    from medshelf.benchmark.leaderboard import Entry
    from medshelf.benchmark.protocol import Protocol


def run(
    protocol: Annotated[str | None, typer.Argument(metavar="[ID]", help="Protocol id.")] = None,
    json: Json = False,
) -> None:
    """List the protocols; with the id of one, say all that it fixes, and what was published."""
    from medshelf.benchmark.leaderboard.entries import all_quoted
    from medshelf.benchmark.protocol import find_protocol, protocol_ids

    if protocol is None:
        found = [find_protocol(each) for each in protocol_ids()]
        if json:
            print_json([each.model_dump(mode="json") for each in found])
        else:
            _print_list(found)
        return
    one = find_protocol(protocol)
    quoted = [each for each in all_quoted() if each.protocol == one.id]
    if json:
        print_json(
            {**one.model_dump(mode="json"), "quoted": [_quoted_as_dict(each) for each in quoted]}
        )
    else:
        _print_one(one, quoted)


def _print_list(found: list[Protocol]) -> None:
    from medshelf.benchmark.wording import fit_text
    from medshelf.catalog.cards.parts import Table
    from medshelf.cli.tables import as_rich, console

    rows = tuple(
        (each.id, f"{each.data.dimensions}D", str(each.data.size), fit_text(each), each.title)
        for each in found
    )
    console().print(as_rich(Table(("protocol", "axes", "files", "fit", "what"), rows)))


def _print_one(one: Protocol, quoted: list[Entry]) -> None:
    from medshelf.benchmark.wording import protocol_facts
    from medshelf.catalog.cards.parts import Table
    from medshelf.cli.tables import as_rich, console, plain

    out = console()
    out.print(plain(f"{one.id}: {one.title}\n"))
    width = max(len(name) for name, _ in protocol_facts(one))
    for name, text in protocol_facts(one):
        out.print(plain(f"{name:{width}}  {text}"))
    for each in one.notes:
        out.print(plain(f"- {each}"))
    if not quoted:
        out.print(plain("No published numbers are quoted for it."))
        return
    rows = tuple(
        (each.dataset, each.method, each.kind_text, each.auc_text, each.acc_text) for each in quoted
    )
    out.print(as_rich(Table(("dataset", "method", "kind", "AUC", "ACC"), rows)))


def _quoted_as_dict(each: Entry) -> dict[str, Any]:
    names = ("dataset", "method", "kind", "auc", "auc_sd", "acc", "acc_sd", "n_seeds", "source")
    return {name: getattr(each, name) for name in names}
