"""`medshelf list`."""

from __future__ import annotations

from medshelf.cli.output import Json, print_json


def run(json: Json = False) -> None:
    """List all datasets with task, samples and licence."""
    from medshelf.catalog.shelf import dataset_ids, find_record

    records = [find_record(each) for each in dataset_ids()]
    if json:
        print_json([each.model_dump(mode="json") for each in records])
        return
    width = max(len(each.id) for each in records)
    for each in records:
        kind = each.tasks[0].kind
        sizes = ", ".join(each.choices("size"))
        print(
            f"{each.id:{width}}  {each.dimensions}D  {kind:11}  "
            f"{sum(each.splits.values()):>7} samples  {each.licence:12}  sizes {sizes}"
        )
