"""`medshelf list`."""

from __future__ import annotations

from medshelf.cli.output import Json, print_json


def run(json: Json = False) -> None:
    """List the datasets that medshelf can open; `medshelf search` finds all others too."""
    from medshelf.catalog.shelf import all_records

    records = [each for each in all_records() if each.reader is not None]
    if json:
        print_json([each.model_dump(mode="json", exclude_defaults=True) for each in records])
        return
    width = max(len(each.id) for each in records)
    for each in records:
        kind = each.label_tasks[0].kind if each.label_tasks else each.tasks[0]
        licence = each.licence.id if each.licence else "licence not known"
        sizes = ", ".join(each.choices("size"))
        print(
            f"{each.id:{width}}  {'/'.join(each.dimensions)}  {kind:11}  "
            f"{each.n_samples or 0:>7} samples  {licence:12}  sizes {sizes}"
        )
