"""A face in a volume of the head.

**What.** CT and MR volumes of a dataset of the head or brain whose field of view holds a whole head
(at least 110 mm along the shortest and 160 mm along the two other axes, voxels of at most 5 mm) and
that are not cut down to the brain: in those, three quarters of the voxels have one and the same
lowest value. Settings: `face-in-head-volume.shortest-mm`, `.others-mm` and `.voxel-mm`. Whether a
face was blurred or cut off is not seen here: this is a reason to look.

**Why.** A surface drawn from such a volume can be recognised, and matched with photographs.

**Example.** A T1-weighted MR of the whole head, shared as NIfTI without a name in its header.

**Remedy.** Look at the skin's surface; deface the volumes (for instance with `pydeface`,
`mri_deface` or `quickshear`), or take the skull off.

Source: C. G. Schwarz et al., "Identification of anonymous MRI research participants with
face-recognition software", N. Engl. J. Med. 381 (2019), 1684-1686.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.catalog.vocabulary import with_narrower
from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of, measured
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "info"
NEEDS = ("pixels", "record")
TITLE_ZH = "头部影像可能可见面部"
SETTINGS = {"shortest-mm": 110, "others-mm": 160, "voxel-mm": 5}

_MODALITIES = ("ct", "mri", "cbct")
_THREE_QUARTERS = 5  # the place of the 75th percentile among `PERCENTILES`


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue where volumes hold a whole head."""
    record = case.record
    if record is None or not set(record.modalities) & set(_MODALITIES):
        return
    if not set(record.anatomy) & with_narrower("anatomy", "head-neck"):
        return
    extents = [pl.col(f"n_{axis}") * pl.col(f"spacing_{axis}_mm") for axis in "xyz"]
    volumes = (
        measured(case, "image")
        .filter(pl.col("n_z").is_not_null() & pl.col("spacing_z_mm").is_not_null())
        .with_columns(
            extents_mm=pl.concat_list(extents).list.sort(),
            voxel_mm=pl.max_horizontal(f"spacing_{axis}_mm" for axis in "xyz"),
        )
    )
    shortest, others, voxel = (
        case.setting(f"face-in-head-volume.{name}", default) for name, default in SETTINGS.items()
    )
    is_head = (
        (pl.col("extents_mm").list.get(0) >= shortest)
        & (pl.col("extents_mm").list.get(1) >= others)
        & (pl.col("voxel_mm") <= voxel)
    )
    is_stripped = pl.col("percentiles").list.get(_THREE_QUARTERS) == pl.col("minimum")
    heads = volumes.filter(is_head & ~is_stripped)
    lengths = [
        pl.col("extents_mm").list.get(place).round(1).alias(name)
        for place, name in enumerate(("shortest_mm", "middle_mm", "longest_mm"))
    ]
    found = heads.select("row", "sample_id", "name", "file", *lengths).sort("row").collect()
    if found.height:
        message = f"{counted(found.height, 'volume')} with a whole head, which may show a face"
        remedy = "Look at the surface of the skin, and deface the volumes that show one"
        yield issue_of(found, "face-in-head-volume", SEVERITY, "images", message, remedy)
