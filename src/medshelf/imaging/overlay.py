"""Masks and shapes over a picture, each with its colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

Colour = tuple[int, int, int]

COLOURS: tuple[Colour, ...] = (
    *((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66)),
    *((213, 94, 0), (204, 121, 167), (0, 114, 178), (255, 255, 255)),
)
"""Colours that people with any colour vision tell apart.

Source: Okabe and Ito, https://jfly.uni-koeln.de/color/ (white in place of black)
"""

_RADIUS = 3


def colour_of(number: int) -> Colour:
    """Return the colour of a class; they repeat after eight."""
    return COLOURS[number % len(COLOURS)]


def as_rgb(grey: np.ndarray) -> np.ndarray:
    """Return a picture with three channels, uint8 (H, W, 3), as a new array."""
    return np.repeat(grey[..., None], 3, axis=-1) if grey.ndim == 2 else grey[..., :3].copy()  # noqa: PLR2004


def tint(picture: np.ndarray, mask: np.ndarray, colour: Colour, opacity: float = 0.35) -> None:
    """Colour what lies in a mask, with a full outline one pixel wide.

    Args:
        picture: uint8 (H, W, 3), changed in place.
        mask: (H, W); what is not 0 is inside.
        colour: Red, green, blue.
        opacity: Share of the colour inside the outline.
    """
    inside = mask != 0
    padded = np.pad(inside, 1)
    core = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    blended = picture[inside] * (1 - opacity) + np.array(colour) * opacity
    picture[inside] = np.rint(blended).astype(np.uint8)
    picture[inside & ~core] = colour


def draw_shape(
    image: Image, kind: str, points: Sequence[float], colour: Colour, scale: float = 1.0
) -> bool:
    """Draw the outline of a shape given in pixels.

    Args:
        image: RGB, changed in place.
        kind: box `[x_min, y_min, x_max, y_max]`; polygon, contour or point `[x, y, ...]`; ellipse
            `[x, y, radius_x, radius_y]` with an angle in degrees at most.
        points: The numbers.
        colour: Red, green, blue.
        scale: Pixels of `image` per pixel of the shape.

    Returns:
        Whether the kind can be drawn on a picture.
    """
    from PIL import ImageDraw

    draw = ImageDraw.Draw(image)
    at = [each * scale for each in points]
    width = max(2, image.width // 400)
    if kind == "box":
        draw.rectangle(
            [at[0], at[1], max(at[0], at[2] - 1), max(at[1], at[3] - 1)], None, colour, width
        )
    elif kind in ("polygon", "contour"):
        draw.line([*at, *at[:2]], colour, width)
    elif kind == "point":
        for x, y in zip(at[::2], at[1::2], strict=False):
            draw.ellipse([x - _RADIUS, y - _RADIUS, x + _RADIUS, y + _RADIUS], colour)
    elif kind == "ellipse" and len(at) == 4:  # noqa: PLR2004
        x, y, across, down = at
        draw.ellipse([x - across, y - down, x + across, y + down], None, colour, width)
    else:
        return False
    return True
