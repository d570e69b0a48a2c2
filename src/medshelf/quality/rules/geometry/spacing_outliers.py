"""Images with a spacing far from that of the others.

**What.** The distance of pixels or slices is, on a logarithmic scale, more than 6 robust standard
deviations from the median of the set, and few images are. Settings: `spacing-outliers.deviations`
(6), `.share`, the part that is few (0.05), and `.minimum`, the images of one name that a set must
have (10).

**Why.** Mostly the header is wrong: metres or centimetres for millimetres, or the distance between
slices lost in a conversion. Everything in millimetres is then wrong for that image: volumes,
resampling, surface distances.

**Example.** A slice distance of 1 mm among volumes of 5 mm, with a fifth of their slices.

**Remedy.** Compare size times spacing with the anatomy; correct a copy of the header, or leave the
sample out of what is measured in millimetres.
"""

from __future__ import annotations

from collections.abc import Iterator

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.outliers import LIMITS, outlier_issues

SEVERITY: Severity = "warning"
NEEDS = ("pixels",)
TITLE_ZH = "间距离群"
SETTINGS = LIMITS

_COLUMNS = ("spacing_x_mm", "spacing_y_mm", "spacing_z_mm")


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per name of an image."""
    remedy = "Compare size times spacing with the anatomy, and correct a copy of the header"
    yield from outlier_issues(case, "spacing-outliers", _COLUMNS, SEVERITY, remedy)
