"""The corruptions by name, and what applies them.

A corruption is a function of a family's module; its name with hyphens stands in the module's
`LEVELS` with one number per severity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.imaging.corruption import artefact, blur, colour, digital, noise
from medshelf.imaging.corruption.draws import Draws, key_of

SEVERITIES = (1, 2, 3, 4, 5)
FAMILIES = {
    "digital": digital,
    "noise": noise,
    "blur": blur,
    "colour": colour,
    "artefact": artefact,
}
COLOUR_ONLY = ("saturate",)
PICTURES_ONLY = ("acoustic-shadow", "black-corner", "bubble", "characters", "stain-deposit")
_RGB = 3
_AXES = (3, 4)
_PIXELS_AT_ONCE = 1 << 18
_MIN_EDGE, _MAX_EDGE = 16, 8192


@dataclass(frozen=True, slots=True)
class Corruption:
    """One kind of damage.

    Attributes:
        name: In commands and tables, e.g. `gaussian-noise`.
        family: `digital`, `noise`, `blur`, `colour` or `artefact`.
        levels: What its function takes at severity 1 to 5; the function's docstring says what the
            numbers mean.
        function: `(planes, level, draws) -> planes`, uint8 (N, C, D, H, W).
    """

    name: str
    family: str
    levels: tuple[float, ...]
    function: Callable[[np.ndarray, float, Draws], np.ndarray]

    @property
    def summary(self) -> str:
        """What it imitates, one sentence."""
        return (self.function.__doc__ or "").partition("\n")[0]

    def suits(self, *, channels: int, volumes: bool) -> bool:
        """Say whether it can be applied to grey (1 channel) or colour (3) pictures, or volumes."""
        colour = channels == _RGB or self.name not in COLOUR_ONLY
        return colour and not (volumes and self.name in PICTURES_ONLY)


@cache
def corruptions() -> dict[str, Corruption]:
    """Return all corruptions by name, family by family."""
    return {
        name: Corruption(name, family, tuple(levels), getattr(module, name.replace("-", "_")))
        for family, module in FAMILIES.items()
        for name, levels in module.LEVELS.items()
    }


def find_corruption(name: str) -> Corruption:
    """Return one corruption.

    Raises:
        UnknownNameError: There is none of that name; near names are given.
    """
    if name not in corruptions():
        raise UnknownNameError("corruption", name, corruptions())
    return corruptions()[name]


def corrupt(
    images: np.ndarray,
    name: str,
    severity: int,
    *,
    seed: int = 0,
    rows: np.ndarray | None = None,
) -> np.ndarray:
    """Return corrupted copies of images.

    What a sample becomes depends on its pixels, its row, the seed and nothing else: not on the
    other samples, nor on their order. The same row and seed draw the same numbers at every
    severity.

    Args:
        images: As stored, uint8: grey (N, H, W), RGB (N, H, W, 3), grey volumes (N, D, H, W). Four
            axes with a last one of length 3 are taken for RGB.
        name: Of the corruption.
        severity: 1 to 5.
        seed: Of everything drawn.
        rows: Number of each sample in its dataset, int64 (N,); 0, 1, 2 ... by default.

    Returns:
        Same shape and dtype.

    Raises:
        SettingError: The array is none of the above, an edge is not 16 to 8192 pixels, there is no
            such severity, the rows do not fit, or the corruption is for colour or pictures only.
        UnknownNameError: There is no such corruption.
    """
    corruption = find_corruption(name)
    _check(images, corruption, severity)
    rows = np.arange(len(images)) if rows is None else np.asarray(rows, dtype=np.int64)
    if rows.shape != images.shape[:1] or (rows < 0).any():
        problem = f"Row numbers of shape {rows.shape} do not fit {len(images)} images"
        raise SettingError(problem, "Give one number from 0 on for each image")
    level, key = corruption.levels[severity - 1], key_of(seed, name)
    out = np.empty_like(images)
    at_once = max(1, _PIXELS_AT_ONCE // max(1, images[:1].size))
    for start in range(0, len(images), at_once):
        part = slice(start, start + at_once)
        planes = corruption.function(_planes(images[part]), level, Draws(key, rows[part]))
        out[part] = _as_stored(planes, images)
    return out


def are_rgb(images: np.ndarray) -> bool:
    """Say whether images are RGB pictures, (N, H, W, 3), by their shape."""
    return images.ndim == _AXES[1] and images.shape[-1] == _RGB


def _planes(images: np.ndarray) -> np.ndarray:
    """Bring images to (N, C, D, H, W)."""
    if are_rgb(images):
        return np.ascontiguousarray(np.moveaxis(images, -1, 1))[:, :, None]
    return images[:, None] if images.ndim == _AXES[1] else images[:, None, None]


def _as_stored(planes: np.ndarray, images: np.ndarray) -> np.ndarray:
    if are_rgb(images):
        return np.moveaxis(planes[:, :, 0], 1, -1)
    return planes[:, 0] if images.ndim == _AXES[1] else planes[:, 0, 0]


def _check(images: np.ndarray, corruption: Corruption, severity: int) -> None:
    if images.dtype != np.uint8 or images.ndim not in _AXES:
        problem = f"An array of {images.dtype} with {images.ndim} axes cannot be corrupted"
        raise SettingError(problem, "Pass uint8 images NxHxW, NxHxWx3 or NxDxHxW")
    rgb = are_rgb(images)
    plane = images.shape[1:3] if rgb else images.shape[-2:]
    if min(plane) < _MIN_EDGE or max(plane) > _MAX_EDGE:
        problem = f"Images of {plane[0]}x{plane[1]} pixels cannot be corrupted"
        raise SettingError(problem, f"Use edges of {_MIN_EDGE} to {_MAX_EDGE} pixels")
    if severity not in SEVERITIES:
        problem = f"There is no severity {severity}"
        raise SettingError(problem, "Choose 1, 2, 3, 4 or 5")
    volumes = images.ndim == _AXES[1] and not rgb
    if not corruption.suits(channels=_RGB if rgb else 1, volumes=volumes):
        kind = "colour pictures" if corruption.name in COLOUR_ONLY else "pictures, not volumes"
        problem = f"Corruption {corruption.name!r} is for {kind}"
        raise SettingError(problem, "Choose another corruption")
