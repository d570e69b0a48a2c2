"""`medshelf du`."""

from __future__ import annotations

from medshelf.cli.output import Json, print_json, start


def run(json: Json = False) -> None:
    """Print what each dataset in medshelf's home takes on the disk, the largest first."""
    start(quiet=False)
    from dataclasses import asdict

    from medshelf import api

    usages = api.du()
    if json:
        print_json([asdict(each) for each in usages])
        return
    for each in usages:
        rest = f"  {each.unfinished_bytes:,} unfinished" if each.unfinished_bytes else ""
        print(f"{each.size_bytes:>18,}  {each.dataset}  ({each.n_files:,} files){rest}")
    print(f"{sum(each.size_bytes for each in usages):>18,}  in all")
