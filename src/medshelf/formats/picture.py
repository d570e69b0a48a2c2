"""Pictures: PNG, JPEG, TIFF, BMP, GIF and WebP to arrays; arrays to PNG, volumes to GIF.

`read` gives what the file states, in its own dtype. Pillow decodes; where kornia_rs is installed
(`medshelf[fast]`) it decodes PNG, to the same pixels in less than half the time. Colour profiles,
gamma and transparent key colours are not applied.

A GIF writer merges equal neighbouring frames into one that stays longer; `read_gif` takes the time
as the number of slices, so none is lost.
"""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageFile, ImageSequence

from medshelf.core.errors import FormatError, MedshelfError, MissingExtraError, SettingError
from medshelf.formats import frames, png
from medshelf.formats.raster import Photometric, Raster

MAX_PIXELS = 1 << 28
"""Pixels in all frames that `read` decodes unless told otherwise: 16,384 x 16,384."""

_FRAME_MS = 200
_PNG_MODES = ("L", "RGB")
_ORIENTATION = 274
_PILLOW_MAY_REFUSE = 1 << 26
_PILLOW_LIMIT = threading.Lock()


def read(
    source: Path | bytes,
    *,
    where: str | None = None,
    palette: Literal["colours", "indices"] = "colours",
    upright: bool = True,
    min_edge: int | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Raster:
    """Read a picture, known by its first bytes and not by its name.

    Axes are YX or YXC, and TYX or TYXC where a TIFF, GIF or WebP holds several pages or frames.
    Thumbnails in a TIFF are left out; of an animated PNG the still picture is read. Values are
    uint8 or uint16, in a TIFF also int8, int16, int32, uint32 and float32. 1-bit pixels become 0
    and 255; CMYK, YCbCr, palettes and GIF become RGB, or RGBA like grey where there is alpha. The
    array may be read-only. `spacing_mm` is the resolution that a PNG or TIFF states, often just a
    program's default such as 72 dpi. `header` has `format`, `orientation` where it is not 1, and
    the `description` of a TIFF.

    Args:
        source: The file, or its bytes.
        where: What errors call the picture, e.g. archive and member.
        palette: `indices` gives a label mask: stored indices instead of their colours, 1-bit pixels
            as 0 and 1, photometric `label`.
        upright: Turn and mirror the picture as its EXIF or TIFF orientation asks. False gives the
            stored rows, which annotations in pixels may have been drawn on.
        min_edge: Decode a JPEG at 1/2, 1/4 or 1/8 of its size, the least that keeps both edges this
            long, in pixels. Other formats come in full.
        max_pixels: Pixels in all frames beyond which a file is refused before it is decoded.

    Raises:
        FormatError: The file is none of these formats, damaged, truncated or too large, its pages
            differ, or its values would be cut to 8 bits.
        MissingExtraError: A PNG has 16-bit colours and kornia_rs is not installed.
        SettingError: `min_edge` is less than 1.
    """
    name = Path(where) if where else source if isinstance(source, Path) else Path("the given bytes")
    with _failures(name, "picture"):
        data = source if isinstance(source, bytes) else _file_bytes(source, name, max_pixels)
        with _open(data, name) as picture:
            spacing_mm, header = _spacing_mm(picture), _header(picture, data)
            inverted = _is_inverted(picture)
            if picture.format == "GIF":
                frames.require_whole_gif(data, name)
            if min_edge is not None:
                _shrink(picture, min_edge)
            indices = palette == "indices"
            pages = [
                _frame(page, data, name, indices=indices, upright=upright)
                for page in _pages(picture, name, max_pixels)
            ]
    array, axes = frames.stacked(pages, name)
    if upright and spacing_mm and int(header.get("orientation", 1)) > 4:  # noqa: PLR2004
        spacing_mm = spacing_mm[::-1]
    photometric: Photometric = "inverted-grey" if inverted else "grey"
    if axes.endswith("C"):
        photometric = "rgba" if array.shape[-1] == 4 else "rgb"  # noqa: PLR2004
    if indices:
        photometric = "label"
    return Raster(array, axes, photometric, spacing_mm, header=header)


def encode_png(image: np.ndarray) -> bytes:
    """Turn an image into the bytes of a PNG file.

    Args:
        image: uint8 or uint16, grey (H, W); or uint8, RGB or RGBA (H, W, 3 or 4).

    Raises:
        SettingError: The array is something else.
    """
    grey = image.ndim == 2 and image.dtype in (np.uint8, np.uint16)  # noqa: PLR2004
    coloured = image.shape[2:] in ((3,), (4,)) and image.dtype == np.uint8
    if not image.size or not (grey or coloured):
        raise _refusal(image, "uint8 HxW, HxWx3 or HxWx4, or uint16 HxW")
    return png.encode(image)


def encode_gif(volume: np.ndarray) -> bytes:
    """Turn a volume into the bytes of a GIF file that loops, 200 ms for each slice.

    Args:
        volume: uint8 (D, H, W); the slices are along the first axis.

    Raises:
        SettingError: The array is something else.
    """
    if volume.dtype != np.uint8 or volume.ndim != 3 or not len(volume):  # noqa: PLR2004
        raise _refusal(volume, "uint8 DxHxW")
    others = [Image.fromarray(each) for each in volume[1:]]
    return _encode(
        volume[0], format="GIF", save_all=True, append_images=others, duration=_FRAME_MS, loop=0
    )


def read_png(path: Path) -> np.ndarray:
    """Read a PNG file, uint8, grey (H, W) or RGB (H, W, 3).

    Raises:
        FormatError: The file is damaged, or its pixels are of another kind.
    """
    with _failures(path, "PNG picture"), Image.open(path, formats=["PNG"]) as picture:
        mode, pixels = picture.mode, np.asarray(picture)
    if mode not in _PNG_MODES:
        raise FormatError(path, f"its pixels are {mode}, not 8-bit grey or RGB", "Convert it")
    return pixels


def read_gif(path: Path) -> np.ndarray:
    """Read a grey GIF file that `encode_gif` made, uint8 (D, H, W).

    Raises:
        FormatError: The file is damaged, or larger than `MAX_PIXELS`.
    """
    slices: list[np.ndarray] = []
    with _failures(path, "GIF picture"), Image.open(path, formats=["GIF"]) as picture:
        frames.require_whole_gif(path.read_bytes(), path)
        for frame in ImageSequence.Iterator(picture):
            n_slices = max(1, frame.info.get("duration", 0) // _FRAME_MS)
            if (len(slices) + n_slices) * frame.width * frame.height > MAX_PIXELS:
                raise _too_large(path, "its frames stand for too many slices", MAX_PIXELS)
            slices += [np.asarray(frame.convert("L"))] * n_slices
    return np.stack(slices)


@contextmanager
def _failures(name: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except MedshelfError:
        raise
    except Exception as error:  # decoders raise whatever damaged bytes lead them to
        if isinstance(error, OSError) and error.errno:
            reason = error.strerror or str(error)
            raise FormatError(name, reason, "Check path and permissions") from error
        raise FormatError(name, f"not a whole {kind} ({error})") from error


def _file_bytes(path: Path, name: Path, max_pixels: int) -> bytes:
    size_bytes = path.stat().st_size
    if size_bytes > 8 * max_pixels + (1 << 20):
        raise _too_large(name, f"it has {size_bytes:,} bytes", max_pixels)
    return path.read_bytes()


def _open(data: bytes, name: Path) -> ImageFile.ImageFile:
    from PIL import (
        BmpImagePlugin,
        GifImagePlugin,
        JpegImagePlugin,
        PngImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    plugins: dict[bytes, type[ImageFile.ImageFile]] = {
        b"\x89PNG\r\n\x1a\n": PngImagePlugin.PngImageFile,
        b"\xff\xd8\xff": JpegImagePlugin.JpegImageFile,
        **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), TiffImagePlugin.TiffImageFile),
        b"BM": BmpImagePlugin.BmpImageFile,
        b"GIF8": GifImagePlugin.GifImageFile,
        b"RIFF": WebPImagePlugin.WebPImageFile,
    }
    for start, plugin in plugins.items():
        if data.startswith(start):
            return plugin(io.BytesIO(data))  # Image.open would apply its own limit of pixels
    raise FormatError(name, "it begins like no PNG, JPEG, TIFF, BMP, GIF or WebP picture")


def _header(picture: ImageFile.ImageFile, data: bytes) -> dict[str, str]:
    header = {"format": str(picture.format)}
    if (orientation := _orientation(picture, data)) != 1:
        header["orientation"] = str(orientation)
    if description := frames.tiff_tag(picture, 270, ""):
        header["description"] = str(description)
    return header


def _orientation(picture: ImageFile.ImageFile, data: bytes) -> int:
    if picture.format == "PNG" and not png.states_exif(data):
        return 1
    tags = {} if picture.format in ("BMP", "GIF") else picture.getexif()
    value = frames.tiff_tag(picture, _ORIENTATION, tags.get(_ORIENTATION, 1))
    return value if value in range(1, 9) else 1


def _spacing_mm(picture: ImageFile.ImageFile) -> tuple[float, ...] | None:
    """Return the distance of columns and of rows.

    Source: PNG, third edition, 11.3.4.3 pHYs; TIFF 6.0, XResolution, ResolutionUnit.
    """
    if picture.format == "TIFF":
        unit_mm = {2: 25.4, 3: 10.0}.get(frames.tiff_tag(picture, 296, 2))
        per_unit = [frames.tiff_tag(picture, tag, 0) for tag in (282, 283)]
    else:
        unit_mm = 25.4 if picture.format == "PNG" else None
        per_unit = picture.info.get("dpi", [0])
    if unit_mm is None or not all(math.isfinite(each) and each > 0 for each in per_unit):
        return None
    return tuple(unit_mm / float(each) for each in per_unit)


def _is_inverted(picture: ImageFile.ImageFile) -> bool:
    """Say whether 0 is white: Pillow turns that round for 8 bits and fewer only."""
    return frames.tiff_tag(picture, 262, 1) == 0 and picture.mode in ("I;16", "F")


def _shrink(picture: ImageFile.ImageFile, min_edge: int) -> None:
    if min_edge < 1:
        raise SettingError(f"min_edge={min_edge} is no length", "Pass 1 or more pixels")
    scale = min_edge / min(picture.size)
    if picture.format == "JPEG" and scale < 1:
        width, height = picture.size
        picture.draft(None, (math.ceil(width * scale), math.ceil(height * scale)))


def _pages(
    picture: ImageFile.ImageFile, name: Path, max_pixels: int
) -> Iterator[ImageFile.ImageFile]:
    animated = picture.format in ("TIFF", "GIF", "WEBP")
    n_pages: int = getattr(picture, "n_frames", 1) if animated else 1
    for number in range(n_pages):
        picture.seek(number)
        n_pixels = picture.width * picture.height * n_pages
        if n_pixels > max_pixels:
            raise _too_large(name, f"it has {n_pixels:,} pixels", max_pixels)
        if not frames.tiff_tag(picture, 254, 0) & 1:  # bit 0 of NewSubfileType marks a thumbnail
            yield picture


@contextmanager
def _beyond_pillows_limit(n_pixels: int) -> Iterator[None]:
    """Let Pillow load a TIFF of more pixels than its own limit, which holds for the process."""
    if n_pixels <= _PILLOW_MAY_REFUSE:
        yield
        return
    with _PILLOW_LIMIT:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _frame(
    page: ImageFile.ImageFile, data: bytes, name: Path, *, indices: bool, upright: bool
) -> np.ndarray:
    orientation = _orientation(page, data)
    with _beyond_pillows_limit(page.width * page.height):
        pixels = _pixels(page, data, name, indices=indices)
    if page.format == "TIFF":  # Pillow has turned it
        return pixels if upright else frames.turned(pixels, orientation, back=True)
    return frames.turned(pixels, orientation) if upright else pixels


def _pixels(page: ImageFile.ImageFile, data: bytes, name: Path, *, indices: bool) -> np.ndarray:
    pixels = _png(page, data, name) if page.format == "PNG" else None
    if pixels is None:
        dtype = frames.tiff_dtype(page, name) if page.format == "TIFF" else None
        pixels = frames.indices(page, name) if indices else frames.colours(page, name)
        return pixels.astype(dtype or pixels.dtype.newbyteorder("="), copy=False)
    if indices and pixels.ndim > 2:  # noqa: PLR2004
        raise frames.no_indices(name, "colours")
    return pixels


def _png(picture: ImageFile.ImageFile, data: bytes, name: Path) -> np.ndarray | None:
    """Decode without Pillow; None is what Pillow has to decode, or to refuse."""
    pixels = png.decode(data, (picture.height, picture.width))
    if pixels is None and png.has_16_bit_colours(data):
        picture.load()  # refuses a damaged file
        if png.is_known_to_kornia(data) and not png.is_fast():
            raise MissingExtraError("kornia_rs", "fast")
        raise frames.cut(name)
    return pixels


def _encode(first: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(first).save(buffer, **options)
    return buffer.getvalue()


def _too_large(name: Path, what: str, max_pixels: int) -> FormatError:
    remedy = "Pass a larger max_pixels if the file is to be trusted"
    return FormatError(name, f"{what}, more than max_pixels={max_pixels:,} allows", remedy)


def _refusal(array: np.ndarray, wanted: str) -> SettingError:
    shape = "x".join(str(length) for length in array.shape)
    problem = f"An array of {array.dtype} with shape {shape} is no picture"
    return SettingError(problem, f"Pass {wanted}")
