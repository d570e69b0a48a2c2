"""Images that are stored with other bits or channels than the rest.

**What.** Images of one name differ in the type of their values, in the bits that are used, or in
the number of channels.

**Why.** A loader that scales by 255 turns a 16-bit picture white, and one that takes the first
channel gets something else from RGB and RGBA. Where the kind goes with the class, it gives the
label away.

**Example.** Among the grey PNGs of NIH ChestX-ray14 are some with four channels.

**Remedy.** Convert all to one kind when loading; look whether the odd ones come from one source or
class.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.evidence import issue_of, measured
from medshelf.quality.judging.wording import counted

SEVERITY: Severity = "info"
NEEDS = ("pixels",)
TITLE_ZH = "位深或通道数不一致"

_KIND = ("dtype", "bits", "channels")


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per name of an image of which there are several kinds."""
    rows = measured(case, "image").select("row", "sample_id", "name", "file", *_KIND).collect()
    counted = rows.group_by("name", *_KIND, maintain_order=True).len("n_alike")
    for (name,), kinds in counted.group_by("name", maintain_order=True):
        if kinds.height == 1:
            continue
        usual = kinds.sort("n_alike", descending=True, maintain_order=True).head(1)
        images = rows.filter(pl.col("name").eq_missing(name))
        odd = images.join(usual, on=_KIND, how="anti", nulls_equal=True)
        odd = odd.join(kinds.drop("name"), on=_KIND, nulls_equal=True, maintain_order="left")
        told = "; ".join(f"{_told(each)}: {each['n_alike']:,}" for each in kinds.to_dicts())
        message = f"{images.height:,} images of {kinds.height} kinds ({told})"
        remedy = "Convert all to one kind when loading"
        shown = odd.sort("n_alike", "row")
        yield issue_of(shown, "odd-bit-depth", SEVERITY, f"image {name}", message, remedy)


def _told(kind: dict[str, object]) -> str:
    channels = int(str(kind["channels"] or 0))
    told = f", {counted(channels, 'channel')}" if channels else ""
    return f"{kind['dtype']} of {kind['bits']} bits{told}"
