"""What the tests in a browser look at: small manifests whose every pixel follows from its row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import polars as pl

from medshelf.core.issues import Issue
from medshelf.core.manifest import SCHEMA, SPLITS, Manifest, Meta
from medshelf.core.tasks import Task, TaskKind
from tests.explorer.pictured import (
    ORIENTATIONS,
    box,
    manifest,
    medium,
    phantom,
    save,
    write_oriented,
)

N_TILES = 600
N_MILLION = 1_000_000
EDGE = 48
SEXES = ("F", "M", None)
LABELS = ("benign", "malignant")
CT_SHAPE = (32, 24, 12)
CT_SPACING = (1.0, 1.0, 2.5)
HOSTILE = (
    "<script>document.title='taken'</script><img src=x onerror=alert(1)>\"'&\u202e\u5bf9 \U0001f9e0"
)


def grey_of(row: int) -> int:
    """Return the grey value that a row of `tiles` promises."""
    return (7 * row) % 251


def age_of(row: int) -> float | None:
    return None if row % 10 == 0 else float(20 + row % 60)


def hu_of(x: int, y: int, z: int) -> int:
    """Return the value of `scans`' CT at an index along left, posterior, superior."""
    return -1000 + 60 * x + 2 * y + z


def write_all(folder: Path) -> tuple[Path, ...]:
    """Write all manifests and their files; return the manifests."""
    tiles = _tiles(folder / "tiles")
    return tiles, _million(folder / "tiles"), _scans(folder / "scans"), _odd(folder / "odd")


def million_rows() -> pl.DataFrame:
    """Return the columns of `million`; the grey of a row is that of `grey_of`."""
    row = pl.col("row")
    return pl.select(row=pl.int_range(N_MILLION)).with_columns(
        sample_id=pl.format("m{}", row.cast(pl.String).str.zfill(6)),
        split=pl.lit(pl.Series(SPLITS)).gather(row % 3),
        label=pl.when(row % 2 == 0).then(pl.lit(LABELS[0])).otherwise(pl.lit(LABELS[1])),
        age_years=pl.when(row % 10 != 0).then(20 + row % 60).cast(pl.Float32),
    )


def _million(root: Path) -> Path:
    """Write a million rows over the pictures of `tiles`."""
    text, number = pl.lit(None, pl.String), pl.lit(None, pl.Int64)
    medium = pl.struct(
        name=pl.lit("image"),
        role=pl.lit("image"),
        path=pl.format("{}.png", 7 * pl.col("row") % 251),
        member=text,
        index=number,
        format=pl.lit("png"),
        label=text,
        annotator=text,
    )
    columns = (
        million_rows()
        .lazy()
        .select(
            pl.exclude("row", "split"),
            split=pl.col("split").cast(SCHEMA["split"]),
            media=pl.concat_list(medium).cast(SCHEMA["media"]),
        )
    )
    path = root / "million.parquet"
    meta = Meta(dataset="million", name="Million", version="1")
    Manifest.from_columns(columns, meta, root).write(path)
    return path


def _tiles(root: Path) -> Path:
    rows: list[dict[str, Any]] = []
    for row in range(N_TILES):
        path = f"{grey_of(row)}.png"
        if not (root / path).exists():
            save(root / path, np.full((EDGE, EDGE), grey_of(row), np.uint8))
        rows.append(
            {
                "sample_id": f"t{row:04}",
                "media": [medium(path)],
                "split": ("train", "val", "test")[row % 3],
                "label": LABELS[row % 2],
                "patient_id": f"p{row // 2:04}",
                "sex": SEXES[row % 3],
                "age_years": age_of(row),
            }
        )
    # Two readers drew on the first sample, and there is a mask.
    picture = np.zeros((200, 300), np.uint8)
    picture[:, 150:] = 90
    save(root / "overlay.png", picture)
    mask = np.zeros((200, 300), np.uint8)
    mask[100:160, 40:120] = 1
    save(root / "mask.png", mask)
    rows[0]["media"] = [medium("overlay.png"), medium("mask.png", role="mask", label="lesion")]
    rows[0]["shapes"] = [
        box((20, 30, 80, 90), "mass", "R1"),
        box((160, 40, 260, 180), "mass", "R2"),
    ]
    issues = (
        Issue("near-duplicate", "warning", "rows", "Two are alike", "Look", ("t0003", "t0254")),
    )
    path = root / "tiles.parquet"
    task = Task("kind", TaskKind.BINARY, LABELS)
    manifest(rows, root, name="Tiles", issues=issues, tasks=(task,)).write(path)
    return path


def _scans(root: Path) -> Path:
    """Six orientations of one phantom with masks stored in yet another, then a CT."""
    root.mkdir(parents=True)
    rows = []
    marker = (phantom() == phantom().max()).astype(np.uint8)
    for number, orientation in enumerate(ORIENTATIONS):
        write_oriented(root / f"{orientation}.nii.gz", phantom(), orientation)
        write_oriented(root / f"{orientation}-mask.nii.gz", marker, ORIENTATIONS[number - 1])
        media = [
            medium(f"{orientation}.nii.gz"),
            medium(f"{orientation}-mask.nii.gz", role="mask", label="marker"),
        ]
        rows.append({"sample_id": f"{number}-{orientation}", "media": media})
    index = np.indices(CT_SHAPE)
    affine = np.diag([-CT_SPACING[0], -CT_SPACING[1], CT_SPACING[2], 1.0])
    for number in (8, 9):
        values = hu_of(*index).astype(np.int16)
        nib.Nifti1Image(values, affine).to_filename(root / f"ct{number}.nii.gz")
        rows.append({"sample_id": f"{number}-ct", "media": [medium(f"ct{number}.nii.gz")]})
    path = root / "scans.parquet"
    manifest(rows, root, name="Scans", unit="volume").write(path)
    return path


def _odd(root: Path) -> Path:
    """Hostile words, and files that are broken, missing, huge, tiny, deep."""
    save(root / "a.png", np.full((20, 20), 120, np.uint8))
    save(root / "dot.png", np.full((1, 1), 200, np.uint8))
    save(root / "deep.png", np.full((8, 8), 40_000, np.uint16))
    (root / "broken.png").write_bytes((root / "a.png").read_bytes()[:50])
    (root / "words.png").write_text(HOSTILE)
    text = dict.fromkeys(("findings", "impression", "caption", "context"))
    files = (
        "a.png",
        "dot.png",
        "deep.png",
        "broken.png",
        "words.png",
        "missing.png",
        "x.odd",
        None,
    )
    rows = [
        {
            "sample_id": f"{number} {HOSTILE}/../..",
            "media": [medium(path, name=HOSTILE)],
            "label": HOSTILE,
            "patient_id": HOSTILE,
            "text": text | {"report": HOSTILE * 50},
            "shapes": [box((1, 1, 5, 5), HOSTILE, HOSTILE)],
            "extra": [{"name": HOSTILE, "value": f"javascript:{HOSTILE}"}],
        }
        for number, path in enumerate(files)
    ]
    path = root / "odd.parquet"
    manifest(rows, root, name=HOSTILE).write(path)
    return path
