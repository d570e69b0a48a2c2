"""What is done to images, masks and shapes on the way: crop, spacing, size, window, dtype."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from medshelf.imaging.window import Window

Resize = Literal["area", "bilinear", "nearest", "pad"]
Channels = Literal["grey", "rgb"]


@dataclass(frozen=True, slots=True)
class Preparation:
    """How images are prepared; nothing is done that is not asked for.

    The order is: crop, spacing, size, window, channels, dtype. Masks take part in the geometry
    only, by nearest neighbour; shapes are moved along.

    Attributes:
        size: Pixels along X, Y (and Z); one number stands for all axes. Empty leaves the size.
        resize: `area` (mean of what a pixel covers; as bilinear where the image grows), `bilinear`,
            `nearest`, or `pad`: as area with the proportions kept, the rest filled with the lowest
            value.
        window: Centre and width in the unit of the values, mapped to 0 to 255.
        spacing_mm: Wanted spacing along X, Y (and Z).
        crop: First and last edge along X, then Y, then Z, in pixels; `centre:N` is a square or cube
            of N pixels in the middle. Empty leaves it.
        dtype: NumPy name. Whole numbers are rounded, and what does not fit is refused.
        channels: `grey` (BT.601 luma) or `rgb`.
    """

    size: tuple[int, ...] = ()
    resize: Resize = "area"
    window: Window | None = None
    spacing_mm: tuple[float, ...] = ()
    crop: str = ""
    dtype: str = ""
    channels: Channels | None = None

    @property
    def moves(self) -> bool:
        """Whether the geometry changes."""
        return bool(self.size or self.spacing_mm or self.crop)

    @property
    def alters(self) -> bool:
        """Whether an image can change at all."""
        return self.moves or bool(self.window or self.dtype or self.channels)
