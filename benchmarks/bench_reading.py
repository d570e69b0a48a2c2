"""Reading ChestX-ray14's real tables into a manifest, against pandas doing the same join.

    MEDSHELF_DATA=<MedMNIST files, beside nih_chest_xray> python benchmarks/bench_reading.py

pandas reads the same tables and lists, splits the findings into 14 columns and joins; it checks
nothing and builds no nested columns. Prints medians of interleaved pairs.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from medshelf.api.reading import read_tree, reader_of
from medshelf.catalog.facts import manifest_meta
from medshelf.catalog.shelf import find_record
from medshelf.core.manifest import Manifest

PAIRS = 10


def with_pandas(root: Path) -> pd.DataFrame:
    """Join the tables as scripts do."""
    table = pd.read_csv(root / "Data_Entry_2017_v2020.csv")
    findings = table["Finding Labels"].str.get_dummies("|")
    boxes = pd.read_csv(root / "BBox_List_2017.csv", usecols=range(6))
    boxes = boxes.groupby("Image Index").apply(lambda rows: rows.to_numpy().tolist())
    test = set((root / "test_list.txt").read_text().split())
    table["split"] = ["test" if each in test else "train" for each in table["Image Index"]]
    return table.join(findings).merge(boxes.rename("boxes"), on="Image Index", how="left")


def seconds(run: Callable[[], object]) -> float:
    """Return the wall time of one call."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def main() -> None:
    """Measure and print."""
    root = Path(os.environ.get("MEDSHELF_DATA", "")).parent / "nih_chest_xray"
    if not root.is_dir():
        sys.exit(f"There is no folder {root}: set MEDSHELF_DATA")
    record = find_record("nih-chest-xray")

    def fresh() -> Manifest:
        return reader_of(record).read(root, manifest_meta(record))

    def keep() -> Manifest:
        return read_tree(record, root, {}, fresh=True)

    def kept() -> int:
        return read_tree(record, root, {}).frame.collect().height

    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        keep(), with_pandas(root)
        times = {"fresh": [], "keep": [], "kept": [], "pandas": []}
        for _ in range(PAIRS):
            times["fresh"].append(seconds(fresh))
            times["keep"].append(seconds(keep))
            times["kept"].append(seconds(kept))
            times["pandas"].append(seconds(lambda: with_pandas(root)))
    middle = {name: statistics.median(each) for name, each in times.items()}
    print(f"raw tables to a manifest          {middle['fresh']:.2f} s")
    print(f"the same, kept as Parquet         {middle['keep']:.2f} s")
    print(f"kept manifest, all columns        {middle['kept']:.2f} s")
    print(f"pandas, the same join, unchecked  {middle['pandas']:.2f} s")
    ratio = statistics.median(p / f for p, f in zip(times["pandas"], times["fresh"], strict=True))
    print(f"medshelf is {ratio:.1f}x pandas (median of {PAIRS} pairs), checks included")


if __name__ == "__main__":
    main()
