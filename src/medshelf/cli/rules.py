"""`medshelf rules`."""

from __future__ import annotations

from typing import Annotated

import typer

from medshelf.cli.output import Json, Lang, language, print_json


def run(
    rule: Annotated[str | None, typer.Argument(metavar="[RULE]", help="Rule or area.")] = None,
    lang: Lang = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print all that is said of them as Markdown.")
    ] = False,
    json: Json = False,
) -> None:
    """List the rules of `check`; with the id of one, say what it looks for, why, and what to do."""
    from medshelf.cli.tables import as_rich, console, plain
    from medshelf.quality.rulebook import as_markdown, chosen_rules

    found = chosen_rules((rule,) if rule else ())
    chinese = language(lang) == "zh"
    if json:
        names = ("id", "area", "severity", "title", "title_zh", "page")
        print_json([{name: getattr(each, name) for name in names} for each in found])
    elif markdown:
        print(as_markdown(found))
    elif rule == found[0].id:
        title = found[0].title_zh if chinese else found[0].title
        console().print(plain(f"{rule} ({found[0].severity}): {title}\n\n{found[0].page}"))
    else:
        from medshelf.catalog.cards.parts import Table

        rows = tuple(
            (each.area, each.id, each.severity, each.title_zh if chinese else each.title)
            for each in found
        )
        console().print(as_rich(Table(("area", "rule", "severity", "what"), rows)))
