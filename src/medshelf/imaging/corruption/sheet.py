"""One picture of a sample under every corruption and severity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medshelf.imaging.corruption.corruptions import corrupt
from medshelf.imaging.lettering import font
from medshelf.imaging.montage import montage

_TEXT_PX, _LABEL_WIDTH, _HEADING, _GAP = 14, 150, 22, 4
_TILE_PX = 112


def corruption_sheet(
    images: np.ndarray, names: Sequence[str], severities: Sequence[int], *, seed: int = 0
) -> np.ndarray:
    """Show the first image clean and corrupted: a row per corruption, a column per severity.

    Args:
        images: One or more, as `corrupt` takes them; the first is shown, its row is 0. A volume
            shows its middle slice.
        names: Of the corruptions.
        severities: Columns; the clean image stands left of them.
        seed: As for `corrupt`.

    Returns:
        uint8 (height, width, 3); small images are enlarged by a whole factor.
    """
    from PIL import Image, ImageDraw

    first = images[:1]
    tiles = [
        tile
        for name in names
        for tile in (first, *(corrupt(first, name, s, seed=seed) for s in severities))
    ]
    shown = _as_pictures(np.concatenate(tiles))
    n_columns = len(severities) + 1
    grid = montage(shown, n_columns, gap=_GAP)
    sheet = Image.new("RGB", (grid.shape[1] + _LABEL_WIDTH, grid.shape[0] + _HEADING), "white")
    sheet.paste(Image.fromarray(grid), (_LABEL_WIDTH, _HEADING))
    draw, letters = ImageDraw.Draw(sheet), font(_TEXT_PX)
    high, wide = shown.shape[1] + _GAP, shown.shape[2] + _GAP
    for column, text in enumerate(("clean", *map(str, severities))):
        draw.text((_LABEL_WIDTH + column * wide, 2), text, "black", letters)
    for row, name in enumerate(names):
        draw.text((4, _HEADING + row * high + high // 2 - _TEXT_PX), name, "black", letters)
    return np.asarray(sheet)


def _as_pictures(images: np.ndarray) -> np.ndarray:
    """Return RGB tiles (N, H, W, 3), enlarged where they are small."""
    rgb = images.shape[-1] == 3 and images.ndim == 4  # noqa: PLR2004
    if images.ndim == 4 and not rgb:  # noqa: PLR2004 - a volume's middle slice
        images = images[:, images.shape[1] // 2]
    images = images if rgb else np.repeat(images[..., None], 3, axis=-1)
    factor = max(1, _TILE_PX // images.shape[1])
    return images.repeat(factor, axis=1).repeat(factor, axis=2)
