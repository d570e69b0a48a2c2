"""Write a manifest as large as MIMIC-CXR, and the same as tables with Croissant metadata.

Generates 377,110 rows (14 findings, view, age, study, patient, one or two images), converts them
twice without opening a file, and lets pandas and PyArrow write the same flat table beside:

    python benchmarks/bench_manifest_writing.py [ROWS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core import columns as c
from medshelf.core.assembly import assemble
from medshelf.core.manifest import Manifest, Meta, read_manifest
from medshelf.core.tasks import Task, TaskKind

N_ROWS = 377_110
ROUNDS = 3
FINDINGS = (
    *("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Enlarged Cardiomediastinum"),
    *("Fracture", "Lung Lesion", "Lung Opacity", "No Finding", "Pleural Effusion"),
    *("Pleural Other", "Pneumonia", "Pneumothorax", "Support Devices"),
)


def make(folder: Path, n_rows: int) -> Manifest:
    """Generate the manifest, and open it from its file."""
    random = np.random.default_rng(0)
    number, study = pl.int_range(pl.len()), pl.int_range(pl.len()) * 3 // 5
    digits = pl.format("p{}/s{}", study // 4 + 10_000_000, study + 50_000_000)
    values = {
        name: pl.Series(random.choice([1.0, 0.0, -1.0, np.nan], n_rows, p=[0.2, 0.3, 0.05, 0.45]))
        for name in FINDINGS
    }
    frame = pl.DataFrame({f"f{n}": each for n, each in enumerate(values.values())}).with_columns(
        age=pl.Series(random.integers(18, 95, n_rows)), pair=pl.Series(random.random(n_rows) < 0.2)
    )
    image = c.media("image", "frontal", path=pl.format("{}/{}.jpg", digits, number), format="jpg",
                    member=None)  # fmt: skip
    second = pl.when(pl.col("pair")).then(pl.format("{}/{}b.jpg", digits, number))
    other = c.media("image", "lateral", path=second, format="jpg", member=None)
    stated = {name: pl.col(f"f{n}").fill_nan(None) for n, name in enumerate(FINDINGS)}
    rows = frame.select(
        sample_id=pl.format("{}/{}", digits, number.cast(pl.String).str.zfill(7)),
        split=pl.when(study % 100 == 0)
        .then(pl.lit("val"))
        .when(study % 100 == 1)
        .then(pl.lit("test"))
        .otherwise(pl.lit("train")),
        patient_id=pl.format("p{}", study // 4 + 10_000_000),
        study_id=pl.format("s{}", study + 50_000_000),
        media=c.entries(image, other),
        labels=c.labels(stated, "findings", "chexpert"),
        age_years=pl.col("age"),
        sex=pl.when(number % 2 == 0).then(pl.lit("F")).otherwise(pl.lit("M")),
        view=pl.when(number % 3 == 0).then(pl.lit("AP")).otherwise(pl.lit("PA")),
    )
    task = Task("findings", TaskKind.MULTI_LABEL, FINDINGS)
    meta = Meta("generated-cxr", "Generated", tasks=(task,), dimensions=2, synthetic=True)
    assemble(rows, meta, folder / "raw").write(folder / "generated.parquet")
    return read_manifest(folder / "generated.parquet", folder / "raw")


def seconds(work: Callable[[int], object]) -> float:
    """Return the shortest of some rounds; each is given its number."""
    times = []
    for number in range(ROUNDS):
        start = time.perf_counter()
        work(number)
        times.append(time.perf_counter() - start)
    return min(times)


def as_pandas(path: Path) -> pd.DataFrame:
    """Return the flat table with the types that pandas gives it by default."""
    return pd.DataFrame(pq.read_table(path).to_pydict())


def with_pandas(table: pd.DataFrame, path: Path) -> None:
    """Write a flat table as pandas and PyArrow do."""
    pq.write_table(pa.Table.from_pandas(table), path, compression="zstd")


def main() -> None:
    """Generate, write, print."""
    n_rows = int(sys.argv[1]) if len(sys.argv) > 1 else N_ROWS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest, labour = make(folder, n_rows), Labour(workers=0)
        bare = Request("croissant", options={"images": "none"})
        plain = seconds(
            lambda n: convert(manifest, folder / f"manifest{n}", Request("manifest"), labour)
        )
        croissant = seconds(lambda n: convert(manifest, folder / f"croissant{n}", bare, labour))
        written = folder / "croissant0/data/samples.parquet"
        table = as_pandas(written)
        pandas = seconds(lambda n: with_pandas(table, folder / f"pandas{n}.parquet"))
        print(f"{n_rows:,} rows, best of {ROUNDS}")
        print(f"manifest               {plain:6.2f} s")
        print(f"tables with Croissant  {croissant:6.2f} s")
        print(f"both                   {plain + croissant:6.2f} s")
        print(f"pandas and PyArrow     {pandas:6.2f} s, the samples alone, from memory")
        print(f"ratio of both to it    {(plain + croissant) / pandas:6.2f}")
        print(f"file of the samples    {written.stat().st_size / 2**20:6.1f} MiB")


if __name__ == "__main__":
    main()
