"""What a format gives: an array with its axes and geometry, as the file says, not windowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Photometric = Literal["grey", "inverted-grey", "rgb", "rgba", "label"]


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """A picture or a volume.

    Geometry is always in the order X (columns), Y (rows), Z (slices), whatever the order of the
    array's axes is, so that no reader has to ask how a format lays out its memory.

    Attributes:
        array: The stored values, in the file's own dtype unless the file itself scales them.
        axes: One letter per axis of `array`: X, Y, Z space, T time or frame, C channel; e.g. `YX`,
            `YXC`, `ZYX`, `XYZ`, `XYZT`.
        photometric: What the values mean; null where the format does not say.
        spacing_mm: Distance between pixel centres along X, Y (and Z); null where not stated.
        affine: float64 (4, 4), takes (x, y, z, 1), an index along each spatial axis, to millimetres
            in RAS+ world coordinates (right, anterior, superior); null where not stated.
        unit: What the values measure, e.g. `HU`; null where not stated.
        header: What else the file says that a reader may need, as text.
    """

    array: np.ndarray
    axes: str
    photometric: Photometric | None = None
    spacing_mm: tuple[float, ...] | None = None
    affine: np.ndarray | None = None
    unit: str | None = None
    header: Mapping[str, str] = field(default_factory=dict)

    def as_axes(self, axes: str) -> np.ndarray:
        """Return the array as a view with its axes in another order, e.g. `as_axes("ZYX")`.

        Raises:
            ValueError: `axes` is not a permutation of the array's axes.
        """
        return self.array.transpose([self.axes.index(each) for each in axes])
