"""A volume in a file: everything but its values, which are decoded when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from medshelf.core.errors import SettingError
from medshelf.formats.raster import Photometric, Raster
from medshelf.formats.stored import StoredArray
from medshelf.formats.streams import name_of

_EXACT_INTEGERS = 1 << 53
_FLOAT32_STEP = 2.0**-23
_FLOAT32_MAX = float(np.finfo(np.float32).max)
_PIECE = 1 << 18


@dataclass(frozen=True, slots=True)
class Scaling:
    """Real value = stored value * slope + intercept, computed in float64."""

    slope: float
    intercept: float

    def dtype_of(self, stored: np.dtype[Any]) -> np.dtype[Any]:
        """Return the smallest type that loses nothing.

        Integers where slope and intercept are integers; float32 where neighbouring stored values
        stay apart in it; else float64.
        """
        if stored.kind == "c":
            return np.dtype(np.complex128)
        if stored.kind not in "iu":
            return np.dtype(np.float64)
        limits = np.iinfo(stored)
        ends = [each * self.slope + self.intercept for each in (limits.min, limits.max)]
        largest = max(abs(each) for each in ends)
        if self.slope.is_integer() and self.intercept.is_integer() and largest < _EXACT_INTEGERS:
            low, high = (np.min_scalar_type(int(each)) for each in (min(ends), max(ends)))
            return np.promote_types(low, high)
        if largest * _FLOAT32_STEP < abs(self.slope) and largest < _FLOAT32_MAX:
            return np.dtype(np.float32)
        return np.dtype(np.float64)

    def apply(self, stored: np.ndarray) -> np.ndarray:
        """Return the real values of an array in Fortran order, of `dtype_of` its dtype."""
        real = np.empty(stored.shape, self.dtype_of(stored.dtype), order="F")
        source, target = stored.reshape(-1, order="F"), real.reshape(-1, order="F")
        exact = np.complex128 if stored.dtype.kind == "c" else np.float64
        with np.errstate(all="ignore"):
            for start in range(0, len(source), _PIECE):
                piece = source[start : start + _PIECE].astype(exact)
                piece *= self.slope
                piece += self.intercept
                target[start : start + _PIECE] = piece
        return real


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A handle: it holds no values and no open file, and can be pickled.

    Attributes:
        stored: Where the values are.
        stored_axes: One letter per axis of `stored`, the fastest first, e.g. `CXYZ`.
        spacing_mm: Distance between neighbours along X, Y (and Z); null where not stated.
        affine: float64 (4, 4), index to millimetres in RAS+; null where not stated.
        photometric: What the values mean; null where the format does not say.
        scaling: How stored values become real ones; null where they are the same.
        header: What else the file says, as text.
    """

    stored: StoredArray
    stored_axes: str
    spacing_mm: tuple[float, ...] | None = None
    affine: np.ndarray | None = None
    photometric: Photometric | None = None
    scaling: Scaling | None = None
    header: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The file that holds the values."""
        return name_of(self.stored.source)

    @property
    def axes(self) -> str:
        """One letter per axis of the array that `read` gives: space, then time, then channels."""
        return "".join(sorted(self.stored_axes, key="XYZTC".index))

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each of `axes`."""
        return tuple(self.stored.shape[self.stored_axes.index(each)] for each in self.axes)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values that `read` and `slice` give."""
        stored = self.stored.dtype.newbyteorder("=")
        return self.scaling.dtype_of(stored) if self.scaling else stored

    def read(self) -> Raster:
        """Decode all values.

        Raises:
            FormatError: The data are damaged or end too early, or do not fit in memory.
        """
        return Raster(
            array=self._real(self.stored.read(), self.stored_axes),
            axes=self.axes,
            photometric=self.photometric,
            spacing_mm=self.spacing_mm,
            affine=self.affine,
            header=self.header,
        )

    def slice(self, axis: str, index: int) -> np.ndarray:
        """Decode the values at one place of an axis.

        Args:
            axis: One of `axes`.
            index: From 0 to the axis' length - 1; negative ones count from the end.

        Returns:
            Axes as in `axes`, without `axis`.

        Raises:
            SettingError: There is no such axis or place.
            FormatError: The data are damaged or end too early.
        """
        if len(axis) != 1 or axis not in self.axes:
            problem = f"{self.path} has no axis {axis!r}"
            raise SettingError(problem, f"Choose one of: {', '.join(self.axes)}")
        length = self.shape[self.axes.index(axis)]
        if not -length <= index < length:
            problem = f"Axis {axis} of {self.path} has {length} places, none with index {index}"
            raise SettingError(problem, f"Choose one from 0 to {length - 1}")
        values = self.stored.take(self.stored_axes.index(axis), index % length)
        return self._real(values, self.stored_axes.replace(axis, ""))

    def _real(self, values: np.ndarray, axes: str) -> np.ndarray:
        values = self.scaling.apply(values) if self.scaling else values
        return values.transpose([axes.index(each) for each in self.axes if each in axes])
