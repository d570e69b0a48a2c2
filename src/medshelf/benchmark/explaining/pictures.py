"""Samples with what is said of them: a grid of mistakes, and maps laid over images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from medshelf.formats.picture import encode_png
from medshelf.imaging.lettering import chinese_font, font, is_chinese, wrapped
from medshelf.imaging.overlay import as_rgb

_PAPER, _INK = (255, 255, 255), (24, 24, 27)
_EDGE, _GAP, _TEXT_PX, _LINE, _WIDTH = 120, 12, 12, 16, 940
_HEAT = np.array(
    [(0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164)], np.float64
)
"""Dark to bright through purple, red and orange; brightness alone tells the order."""
_OPACITY = 0.65


def middle_planes(images: np.ndarray, n_spatial: int) -> np.ndarray:
    """Return what is shown of each image.

    Args:
        images: (N, *spatial) or (N, *spatial, C).
        n_spatial: 2 or 3.

    Returns:
        Pictures (N, 1, H, W) or (N, 1, H, W, C); of volumes the three planes through the middle,
        (N, 3, H, W), if these are of one shape, else that across the first axis alone.
    """
    if n_spatial == 2:  # noqa: PLR2004
        return images[:, None]
    middles = [np.take(images, images.shape[axis] // 2, axis) for axis in range(1, n_spatial + 1)]
    same = len({each.shape for each in middles}) == 1
    return np.stack(middles if same else middles[:1], axis=1)


def overlaid(pictures: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Colour pictures by maps: the higher, the brighter and the less of the picture is seen.

    Args:
        pictures: uint8 (..., H, W) or (..., H, W, 3).
        maps: 0 to 1, (..., H, W).

    Returns:
        uint8 (..., H, W, 3).
    """
    place = np.linspace(0, 1, len(_HEAT))
    colour = np.stack([np.interp(maps, place, _HEAT[:, each]) for each in range(3)], axis=-1)
    grey = pictures.ndim == maps.ndim
    rgb = np.repeat(pictures[..., None], 3, axis=-1) if grey else pictures
    share = _OPACITY * np.sqrt(maps)[..., None]
    return np.rint(rgb * (1 - share) + colour * share).astype(np.uint8)


def captioned_grid(pictures: Sequence[np.ndarray], captions: Sequence[Sequence[str]]) -> bytes:
    """Put pictures into rows, each with lines of text below.

    Args:
        pictures: uint8 (n, H, W) or (n, H, W, 3): n panels side by side for each sample.
        captions: Lines for each sample.

    Returns:
        A PNG file.
    """
    tiles = [_tile(each, text) for each, text in zip(pictures, captions, strict=True)]
    width, height = tiles[0].width, max(each.height for each in tiles)
    n_columns = max(1, min(len(tiles), (_WIDTH + _GAP) // (width + _GAP)))
    n_rows = -(-len(tiles) // n_columns)
    size = (n_columns * (width + _GAP) - _GAP, n_rows * (height + _GAP) - _GAP)
    canvas = Image.new("RGB", size, _PAPER)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, n_columns)
        canvas.paste(tile, (column * (width + _GAP), row * (height + _GAP)))
    return encode_png(np.asarray(canvas))


def _tile(panels: np.ndarray, lines: Sequence[str]) -> Image.Image:
    shown = [_enlarged(as_rgb(each)) for each in panels]
    width = sum(each.width + 2 for each in shown) - 2
    texts = [part for line in lines for part in _wrapped(line, width)]
    height = max(each.height for each in shown)
    tile = Image.new("RGB", (width, height + 4 + _LINE * len(texts)), _PAPER)
    left = 0
    for each in shown:
        tile.paste(each, (left, 0))
        left += each.width + 2
    draw = ImageDraw.Draw(tile)
    for number, text in enumerate(texts):
        letters = (chinese_font(_TEXT_PX) if is_chinese(text) else None) or font(_TEXT_PX)
        draw.text((0, height + 4 + _LINE * number), text, _INK, letters)
    return tile


def _wrapped(line: str, width: int) -> list[str]:
    letters = (chinese_font(_TEXT_PX) if is_chinese(line) else None) or font(_TEXT_PX)
    return wrapped(line, letters, width)


def _enlarged(picture: np.ndarray) -> Image.Image:
    """Fit a picture into a square of fixed size; of a small one the pixels show."""
    image = Image.fromarray(picture)
    scale = _EDGE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX)
