"""Look for leakage in a manifest as large as MIMIC-CXR-JPG's, beside pandas for the patients.

The manifest is generated, with the numbers of the release: 377,110 images of 227,827 studies of
65,379 patients, and a report of about 70 words for each study, put together from sentences as
radiologists reuse them.
"""

from __future__ import annotations

import importlib
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from pairs import compare

from medshelf.core.manifest import Manifest, Meta
from medshelf.quality.case import Case

N_IMAGES, N_STUDIES, N_PATIENTS = 377_110, 227_827, 65_379
RULES = ("patient_leakage", "study_leakage", "text_leakage")
N_LEAKING = 500
N_RUNS = 5


def reports(rng: np.random.Generator) -> pl.Series:
    """Return a report per study; 1 % of all sentences stand in 90 % of the places."""
    vocabulary = np.array([f"{chr(97 + n % 26)}ord{n}" for n in range(4000)])
    rank = 1 / np.arange(1, 4001)
    words = vocabulary[rng.choice(4000, (20_000, 10), p=rank / rank.sum())]
    sentences = np.array([" ".join(each).capitalize() + "." for each in words])
    common = rng.integers(0, 200, (N_STUDIES, 7))
    rare = rng.integers(0, 20_000, (N_STUDIES, 7))
    chosen = sentences[np.where(rng.random((N_STUDIES, 7)) < 0.9, common, rare)]
    return pl.Series([f"FINAL REPORT\n FINDINGS: {' '.join(each)}" for each in chosen])


def manifest() -> Manifest:
    """Return the manifest; some patients, studies and reports are in train and test."""
    rng = np.random.default_rng(0)
    study = np.sort(np.concatenate([np.arange(N_STUDIES), rng.integers(0, N_STUDIES, N_IMAGES)]))
    study = np.sort(rng.permutation(study)[:N_IMAGES])
    patient = study * N_PATIENTS // N_STUDIES
    split = rng.choice(3, N_PATIENTS, p=[0.97, 0.01, 0.02])[patient]
    split[rng.choice(N_IMAGES, N_LEAKING, replace=False)] = 2
    text = reports(rng)
    names = pl.Series(["train", "val", "test"]).gather(split)
    rows = pl.DataFrame({"number": np.arange(N_IMAGES), "split": names}).select(
        "split",
        sample_id=pl.format("s{}", pl.col("number").cast(pl.String).str.zfill(6)),
        patient_id=pl.Series(patient).cast(pl.String),
        study_id=pl.Series(study + 50_000_000).cast(pl.String),
        text=pl.struct(report=text.gather(study)).struct.with_fields(
            *[
                pl.lit(None, pl.String).alias(each)
                for each in ("findings", "impression", "caption", "context")
            ]
        ),
    )
    made = Manifest.from_columns(rows.lazy(), Meta("generated", "Generated"), Path())
    return Manifest(made.frame.collect().lazy(), made.meta, made.root)


def run(case: Case, rules: tuple[str, ...]) -> list[str]:
    """Return the messages of some rules."""
    modules = [importlib.import_module(f"medshelf.quality.rules.leakage.{each}") for each in rules]
    return [issue.message for module in modules for issue in module.check(case)]


def seconds(work: Callable[[], object]) -> float:
    """Return the median time of some runs after a first one."""
    work()
    times = []
    for _ in range(N_RUNS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def pandas_patients(table: pd.DataFrame) -> tuple[int, list[str]]:
    """Return how many patients are in several splits, and their samples."""
    stated = table.dropna(subset=["split", "patient_id"])
    n_splits = stated.groupby("patient_id", observed=True)["split"].nunique()
    crossing = n_splits[n_splits > 1].index
    return len(crossing), list(stated.loc[stated["patient_id"].isin(crossing), "sample_id"])


def main() -> None:
    """Time each rule, all of them, and the patient check in pandas."""
    case = Case(manifest())
    for rule in RULES:
        print(
            f"{rule}: {seconds(lambda rule=rule: run(case, (rule,))):.3f} s; {run(case, (rule,))}"
        )
    print(f"all three, {N_IMAGES:,} rows: {seconds(lambda: run(case, RULES)):.3f} s (target 1 s)")
    columns = (
        case.rows.select("sample_id", "split", "patient_id").collect().to_dict(as_series=False)
    )
    table = pd.DataFrame(columns).astype({"split": "category"})
    print(f"pandas finds {pandas_patients(table)[0]:,} patients")
    compare("patients against pandas", lambda: run(case, RULES[:1]), lambda: pandas_patients(table))


if __name__ == "__main__":
    main()
