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
    rows = [
        (
            each.id,
            "/".join(each.dimensions),
            each.label_tasks[0].kind if each.label_tasks else each.tasks[0],
            f"{each.n_samples or 0:,}",
            each.licence.id if each.licence else "licence not known",
            ", ".join(each.choices("size")),
        )
        for each in records
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, dimensions, kind, n_samples, licence, sizes in rows:
        print(
            f"{name:{widths[0]}}  {dimensions:{widths[1]}}  {kind:{widths[2]}}  "
            f"{n_samples:>{widths[3]}} samples  {licence:{widths[4]}}"
            f"{f'  sizes {sizes}' if sizes else ''}".rstrip()
        )
