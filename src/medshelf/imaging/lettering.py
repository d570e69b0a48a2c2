"""Text in pictures, in English and Chinese."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont

_CHINESE = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "/System/Library/Fonts/Hiragino Sans GB.ttc",
    "C:/Windows/Fonts/msyh.ttc",
)
_WIDE = "WF"


def is_chinese(text: str) -> bool:
    """Say whether a text has characters that Pillow's own font lacks."""
    return any(unicodedata.east_asian_width(each) in _WIDE for each in text)


@cache
def font(size: int) -> FreeTypeFont | ImageFont:
    """Return the font that Pillow carries, for any text but Chinese.

    Args:
        size: In pixels.
    """
    from PIL import ImageFont

    return ImageFont.load_default(size)


@cache
def chinese_font(size: int) -> FreeTypeFont | None:
    """Return a font of this machine that shows Chinese; null if it has none.

    Args:
        size: In pixels.
    """
    from PIL import ImageFont

    for path in _CHINESE:
        if Path(path).is_file():
            return ImageFont.truetype(path, size, index=2 if "NotoSansCJK" in path else 0)
    return None


def wrapped(text: str, font: FreeTypeFont | ImageFont, width: int) -> list[str]:
    """Break a text into lines of at most `width` pixels, between words or Chinese characters."""
    lines = []
    for paragraph in text.splitlines() or [""]:
        line = ""
        for piece in _pieces(paragraph):
            if line and font.getlength(line + piece.rstrip()) > width:
                lines.append(line.rstrip())
                line = ""
            line += piece if line or not piece.isspace() else ""
            while font.getlength(line.rstrip()) > width and len(line) > 1:
                cut = _fitting(line, font, width)
                lines.append(line[:cut])
                line = line[cut:]
        lines.append(line.rstrip())
    return lines


def _pieces(text: str) -> list[str]:
    """Return words with the blank after them, and wide characters one by one."""
    pieces, word = [], ""
    for each in text:
        if unicodedata.east_asian_width(each) in _WIDE:
            pieces += [word, each] if word else [each]
            word = ""
        elif each.isspace():
            pieces.append(f"{word} ")
            word = ""
        else:
            word += each
    return [*pieces, word] if word else pieces


def _fitting(line: str, font: FreeTypeFont | ImageFont, width: int) -> int:
    """Return how many characters of a line fit, at least one."""
    low, high = 1, len(line)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if font.getlength(line[:middle]) <= width else (low, middle - 1)
    return low
