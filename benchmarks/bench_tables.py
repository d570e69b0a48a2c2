"""Join tables as large as those of MIMIC-CXR-JPG, against pandas; and NIH's, where they are.

The tables are generated, with the columns and the number of rows of the release (377,110 images of
227,827 studies). MEDSHELF_DATA names the folder of MedMNIST files beside which NIH's tables lie.
"""

from __future__ import annotations

import gzip
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from pairs import compare

from medshelf.core.columns import extra, labels
from medshelf.formats.tables import read_table, scan_table

N_IMAGES, N_STUDIES, N_PATIENTS = 377_110, 227_827, 65_379
FINDINGS = (
    *("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Enlarged Cardiomediastinum"),
    *("Fracture", "Lung Lesion", "Lung Opacity", "No Finding", "Pleural Effusion"),
    *("Pleural Other", "Pneumonia", "Pneumothorax", "Support Devices"),
)
SPLITS = {"train": "train", "validate": "val", "test": "test"}
VIEWS = ("PA", "AP", "LATERAL", "LL", "")
NIH = ("Data_Entry_2017.csv", "train_val_list.txt", "test_list.txt", "BBox_List_2017.csv")


def write_tables(folder: Path) -> None:
    """Write metadata, labels and split, as csv.gz."""
    rng = np.random.default_rng(0)
    study = np.sort(np.concatenate([np.arange(N_STUDIES), rng.integers(0, N_STUDIES, N_IMAGES)]))
    study = study[:N_IMAGES]
    subject = 10_000_000 + study * N_PATIENTS // N_STUDIES
    dicom = [f"{a:016x}-{b:016x}" for a, b in rng.integers(0, 1 << 62, (N_IMAGES, 2))]
    keys = {"dicom_id": dicom, "subject_id": subject, "study_id": 50_000_000 + study}
    metadata = keys | {
        "PerformedProcedureStepDescription": rng.choice(["CHEST (PA AND LAT)", ""], N_IMAGES),
        "ViewPosition": rng.choice(VIEWS, N_IMAGES),
        "Rows": rng.integers(1800, 3100, N_IMAGES),
        "Columns": rng.integers(1800, 3100, N_IMAGES),
        "StudyDate": rng.integers(21_000_101, 22_001_231, N_IMAGES),
        "StudyTime": rng.random(N_IMAGES).round(3) * 240_000,
        "ProcedureCodeSequence_CodeMeaning": rng.choice(["CHEST (PA AND LAT)", ""], N_IMAGES),
        "ViewCodeSequence_CodeMeaning": rng.choice(["postero-anterior", "lateral"], N_IMAGES),
        "PatientOrientationCodeSequence_CodeMeaning": rng.choice(["Erect", ""], N_IMAGES),
    }
    studies, first = np.unique(study, return_index=True)
    stated = rng.choice(["1.0", "0.0", "-1.0", ""], (len(studies), 14), p=[0.15, 0.1, 0.05, 0.7])
    findings = {"subject_id": subject[first], "study_id": 50_000_000 + studies}
    findings |= dict(zip(FINDINGS, stated.T, strict=True))
    split = keys | {"split": rng.choice(list(SPLITS), N_IMAGES, p=[0.97, 0.01, 0.02])}
    for name, table in (("metadata", metadata), ("chexpert", findings), ("split", split)):
        data = pl.DataFrame(table).write_csv(null_value="").replace('""', "").encode()
        (folder / f"{name}.csv.gz").write_bytes(gzip.compress(data, 6))


def ours(folder: Path) -> pl.DataFrame:
    """Join the tables into rows of a manifest, labels and all."""
    metadata = read_table(folder / "metadata.csv.gz", required=["dicom_id", "study_id"])
    stated = dict.fromkeys(FINDINGS, pl.Float32)
    chexpert = read_table(folder / "chexpert.csv.gz", required=["study_id"], dtypes=stated)
    split = read_table(folder / "split.csv.gz", required=["dicom_id", "split"])
    findings = labels({each: pl.col(each) for each in FINDINGS}, "findings", "chexpert")
    chexpert = chexpert.select("study_id", labels=findings)
    rows = metadata.join(chexpert, on="study_id", how="left")
    rows = rows.join(split.select("dicom_id", "split"), on="dicom_id", how="left")
    return rows.select(
        sample_id="dicom_id",
        split=pl.col("split").replace_strict(SPLITS),
        patient_id="subject_id",
        study_id="study_id",
        view="ViewPosition",
        labels="labels",
        extra=extra({each: pl.col(each) for each in ("Rows", "Columns", "StudyDate")}),
    ).sort("sample_id")


def flat(folder: Path) -> pl.DataFrame:
    """Join the tables, with a column for each finding."""
    stated = dict.fromkeys(FINDINGS, pl.Float32)
    metadata = read_table(folder / "metadata.csv.gz")
    chexpert = read_table(folder / "chexpert.csv.gz", dtypes=stated).drop("subject_id")
    split = read_table(folder / "split.csv.gz").select("dicom_id", "split")
    rows = metadata.join(chexpert, on="study_id", how="left").join(split, on="dicom_id", how="left")
    return rows.with_columns(pl.col("split").replace_strict(SPLITS)).sort("dicom_id")


def theirs(folder: Path) -> pd.DataFrame:
    """Join the tables with pandas, with a column for each finding."""
    text = {"dtype": str, "keep_default_na": False}
    metadata = pd.read_csv(folder / "metadata.csv.gz", **text)
    kinds = dict.fromkeys(FINDINGS, np.float32) | {"subject_id": str, "study_id": str}
    chexpert = pd.read_csv(folder / "chexpert.csv.gz", dtype=kinds).drop(columns="subject_id")
    split = pd.read_csv(folder / "split.csv.gz", **text)[["dicom_id", "split"]]
    rows = metadata.merge(chexpert, on="study_id", how="left")
    rows = rows.merge(split, on="dicom_id", how="left")
    rows["split"] = rows["split"].map(SPLITS)
    return rows.sort_values("dicom_id")


def nih(folder: Path) -> pl.DataFrame:
    """Join NIH's tables: images, official split, boxes."""
    images = read_table(folder / NIH[0], required=["Image Index", "Patient ID"])
    lists = [
        read_table(folder / name, kind="blanks", columns=["Image Index"]).with_columns(split=split)
        for name, split in ((NIH[1], pl.lit("train")), (NIH[2], pl.lit("test")))
    ]
    corners = ("Bbox [x", "y", "w", "h]")
    boxes = read_table(folder / NIH[3], dtypes=dict.fromkeys(corners, pl.Float64))
    boxes = boxes.group_by("Image Index").agg("Finding Label", *corners)
    rows = images.join(pl.concat(lists), on="Image Index", how="left")
    return rows.join(boxes, on="Image Index", how="left").sort("Image Index")


def questions(folder: Path) -> None:
    """Print what a scan of a million questions in JSON Lines takes."""
    path = folder / "questions.jsonl.gz"
    with gzip.open(path, "wt", compresslevel=1) as file:
        for number in range(1_000_000):
            about = {"id": number, "question": "What is it? " * 8, "answers": ["This. " * 20]}
            file.write(json.dumps(about) + "\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    first = seconds(lambda: scan_table(path).head(1).collect())
    whole = seconds(lambda: scan_table(path).select(pl.len()).collect(engine="streaming"))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
    print(f"questions: first row {first:.2f} s, a million {whole:.1f} s, {grown} MiB more memory")


def rows(folder: Path) -> None:
    """Print what it takes to read the rows of a manifest again."""
    path = folder / "rows.parquet"
    ours(folder).write_parquet(path)
    whole = seconds(lambda: read_table(path))
    ids = seconds(lambda: scan_table(path).select("sample_id", "split", "patient_id").collect())
    print(f"and again from Parquet: {whole:.3f} s, three plain columns of it {ids:.3f} s")


def seconds(work: Callable[[], object]) -> float:
    """Return the median of ten runs, or of three long ones."""
    times = list[float]()
    while len(times) < (10 if sum(times) < 10 else 3):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def main() -> None:
    """Print all figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        questions(folder)
        write_tables(folder)
        mine, other = flat(folder), theirs(folder)
        assert mine["dicom_id"].to_list() == other["dicom_id"].tolist()
        assert (
            mine["Edema"].fill_null(np.nan).to_numpy().tobytes()
            == other["Edema"].to_numpy().tobytes()
        )
        compare(
            "MIMIC-CXR's tables joined, against pandas",
            lambda: flat(folder),
            lambda: theirs(folder),
        )
        mine.write_parquet(folder / "flat.parquet")
        reload = seconds(lambda: read_table(folder / "flat.parquet"))
        print(f"the joined table again from Parquet: {reload:.3f} s")
        print(f"joined as rows of a manifest: {seconds(lambda: ours(folder)):.2f} s")
        rows(folder)
    real = Path(os.environ.get("MEDSHELF_DATA", "")).parent / "nih_chest_xray"
    if all((real / each).exists() for each in NIH):
        assert nih(real).height == 112_120
        print(f"NIH's tables joined: {seconds(lambda: nih(real)):.3f} s")


if __name__ == "__main__":
    main()
