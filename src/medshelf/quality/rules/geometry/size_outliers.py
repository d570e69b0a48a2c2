"""Images with a size far from that of the others.

**What.** The number of columns, rows or slices is, on a logarithmic scale, more than 6 robust
standard deviations from the median of the set, and few images are. Settings:
`size-outliers.deviations` (6), `.share`, the part that is few (0.05), and `.minimum`, the images of
one name that a set must have (10).

**Why.** It may be a thumbnail, a scout, a part of a study or another body part under the name of an
image; resized to the common size it looks like the others.

**Example.** A localizer of three slices among volumes of three hundred.

**Remedy.** Look at them: `medshelf show ID SAMPLE`.
"""

from __future__ import annotations

from collections.abc import Iterator

from medshelf.core.issues import Issue, Severity
from medshelf.quality.case import Case
from medshelf.quality.judging.outliers import LIMITS, outlier_issues

SEVERITY: Severity = "info"
NEEDS = ("pixels",)
TITLE_ZH = "尺寸离群"
SETTINGS = LIMITS

_COLUMNS = ("n_x", "n_y", "n_z")


def check(case: Case) -> Iterator[Issue]:
    """Yield one Issue per name of an image."""
    remedy = "Look at them, and leave out what is no image of the kind"
    yield from outlier_issues(case, "size-outliers", _COLUMNS, SEVERITY, remedy)
