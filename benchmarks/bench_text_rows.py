"""Open a text set of many rows lazily: time to the first sample, to one in the middle, and memory.

Makes a miniature of Huatuo-26M with short texts and the true files in a temporary folder, most rows
in the consultations, as in the release; then measures in a process of its own:

    python benchmarks/bench_text_rows.py 5000000
"""

from __future__ import annotations

import multiprocessing
import shutil
import sys
import tempfile
import time
from pathlib import Path

from medshelf.catalog.facts import manifest_meta
from medshelf.catalog.shelf import find_record
from medshelf.readers import huatuo_26m

SHARES = {"consultation": 0.955, "encyclopedia": 0.015, "knowledge_graph": 0.03}
SPLITS = {"train": 0.98, "validation": 0.01, "test": 0.01}
LINE = '{{"questions": ["孩子发热{n}度怎么办"], "answers": ["https://example.org/{n}.html"]}}\n'
BLOCK = 100_000
BYTES_PER_ROW = 100


def make(root: Path, n_rows: int) -> None:
    """Write the nine files."""
    for part, share in SHARES.items():
        folder = root / f"huatuo_{part}_qa"
        folder.mkdir()
        for split, fraction in SPLITS.items():
            n_lines = max(1, round(n_rows * share * fraction))
            with (folder / f"{split}_datasets.jsonl").open("w", encoding="utf-8") as file:
                for start in range(0, n_lines, BLOCK):
                    stop = min(start + BLOCK, n_lines)
                    file.write("".join(LINE.format(n=n) for n in range(start, stop)))


def peak_mib() -> float:
    """Return the highest memory of this process so far.

    From /proc, since `ru_maxrss` of a child begins with the peak of its parent.
    """
    for line in Path("/proc/self/status").read_text("utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    sys.exit("/proc/self/status does not say VmHWM")


def measure(root: Path, n_rows: int) -> None:
    """Print what opening and reaching costs."""
    before, start = peak_mib(), time.perf_counter()
    manifest = huatuo_26m.read(root, manifest_meta(find_record("huatuo-26m")))
    first = manifest.frame.head(1).collect()
    print(f"first sample   {time.perf_counter() - start:8.2f} s  {first['sample_id'][0]}")
    print(f"added memory   {peak_mib() - before:8.0f} MiB")
    for name, place in (("row 100,000", 100_000), ("middle", n_rows // 2), ("last", n_rows - 100)):
        start = time.perf_counter()
        row = manifest.frame.slice(place, 1).collect()
        print(f"{name:14} {time.perf_counter() - start:8.2f} s  {row['sample_id'][0]}")
        print(f"added memory   {peak_mib() - before:8.0f} MiB")


def main() -> None:
    """Make the files, measure, remove them."""
    n_rows = int(sys.argv[1]) if len(sys.argv) > 1 else 26_000_000
    n_bytes = n_rows * BYTES_PER_ROW
    with tempfile.TemporaryDirectory() as folder:
        if shutil.disk_usage(folder).free < 2 * n_bytes:
            sys.exit(f"{folder} has not {2 * n_bytes / 2**30:.1f} GiB free")
        make(Path(folder), n_rows)
        size = sum(each.stat().st_size for each in sorted(Path(folder).rglob("*.jsonl")))
        print(f"{n_rows:,} rows, {size / 2**30:.2f} GiB")
        process = multiprocessing.get_context("spawn").Process(
            target=measure, args=(Path(folder), n_rows)
        )
        process.start()
        process.join()


if __name__ == "__main__":
    main()
