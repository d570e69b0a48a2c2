"""Pictures: what is written is what is read back, also by plain Pillow; what is read is whole."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from medshelf.core.errors import FormatError, MedshelfError, MissingExtraError, SettingError
from medshelf.formats.picture import encode_gif, encode_png, read, read_gif, read_png


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, shape).astype(np.uint8)


@pytest.mark.parametrize("shape", [(28, 28), (5, 9), (28, 28, 3), (1, 1)])
def test_png_pixels_come_back(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(encode_png(noise(*shape)))
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    np.testing.assert_array_equal(read_png(path), noise(*shape))
    with Image.open(path) as picture:
        assert picture.mode == ("RGB" if len(shape) == 3 else "L")
        assert picture.size == (shape[1], shape[0])


def test_png_takes_a_read_only_view() -> None:
    image = noise(28, 56)[:, ::2]
    image.setflags(write=False)
    assert encode_png(image) == encode_png(image.copy())


def gradient() -> np.ndarray:
    """Every grey value there is, in every slice at another place."""
    return (np.arange(256).reshape(1, 16, 16) + 17 * np.arange(5)[:, None, None]).astype(np.uint8)


@pytest.mark.parametrize("volume", [noise(28, 28, 28), gradient(), noise(1, 4, 6), noise(3, 2, 9)])
def test_gif_frames_come_back(tmp_path: Path, volume: np.ndarray) -> None:
    path = tmp_path / "volume.gif"
    path.write_bytes(encode_gif(volume))
    np.testing.assert_array_equal(read_gif(path), volume)


def test_gif_has_one_frame_of_200_ms_per_slice_and_loops(tmp_path: Path) -> None:
    path = tmp_path / "volume.gif"
    path.write_bytes(encode_gif(gradient()))
    with Image.open(path) as picture:
        assert picture.n_frames == 5
        assert picture.info["loop"] == 0
        for position, values in enumerate(gradient()):
            picture.seek(position)
            assert picture.info["duration"] == 200
            np.testing.assert_array_equal(np.asarray(picture.convert("L")), values)


@pytest.mark.parametrize(
    "values", [(0, 0, 0, 9, 9, 0), (4, 4, 4), (0, 255, 255)], ids=["inner", "all", "end"]
)
def test_equal_neighbouring_slices_are_not_lost(tmp_path: Path, values: tuple[int, ...]) -> None:
    volume = np.zeros((len(values), 8, 8), np.uint8) + np.array(values, np.uint8)[:, None, None]
    path = tmp_path / "volume.gif"
    path.write_bytes(encode_gif(volume))
    np.testing.assert_array_equal(read_gif(path), volume)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4)),
        np.zeros((4, 4, 5), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((4, 4, 3), np.uint16),
        np.zeros((0, 4), np.uint8),
    ],
    ids=["float", "five channels", "line", "16-bit colours", "empty"],
)
def test_png_refuses_other_arrays(image: np.ndarray) -> None:
    with pytest.raises(SettingError, match="is no picture") as caught:
        encode_png(image)
    assert str(image.dtype) in caught.value.problem


@pytest.mark.parametrize(
    "volume",
    [np.zeros((4, 4, 4)), np.zeros((4, 4), np.uint8), np.zeros((0, 4, 4), np.uint8)],
    ids=["float", "image", "no slice"],
)
def test_gif_refuses_other_arrays(volume: np.ndarray) -> None:
    with pytest.raises(SettingError, match="is no picture"):
        encode_gif(volume)


def test_a_truncated_png_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "short.png"
    path.write_bytes(encode_png(noise(64, 64))[:-2000])
    with pytest.raises(FormatError, match=r"short\.png"):
        read_png(path)


def test_a_truncated_gif_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "short.gif"
    path.write_bytes(encode_gif(noise(4, 64, 64))[:3000])
    with pytest.raises(FormatError, match=r"short\.gif"):
        read_gif(path)


@pytest.mark.parametrize("read", [read_png, read_gif])
def test_another_format_under_the_name_is_refused(tmp_path: Path, read: object) -> None:
    path = tmp_path / "image.png"
    Image.new("L", (4, 4)).save(path, "BMP")
    with pytest.raises(FormatError, match="not a whole"):
        read(path)  # type: ignore[operator]


def test_png_with_transparency_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    Image.new("RGBA", (4, 4)).save(path)
    with pytest.raises(FormatError, match="its pixels are RGBA"):
        read_png(path)


def test_a_gif_cut_between_two_slices_is_not_a_shorter_one(tmp_path: Path) -> None:
    whole = encode_gif(noise(3, 9, 9))
    path = tmp_path / "cut.gif"
    path.write_bytes(whole[: whole.rindex(b"!\xf9")])
    with Image.open(path) as picture:
        assert picture.n_frames == 2
    for reader in (read_gif, read):
        with pytest.raises(FormatError, match="ends without an end mark"):
            reader(path)


# read: any picture


@pytest.fixture(params=["fast", "plain"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test with kornia_rs and as if it was not installed."""
    if request.param == "fast":
        pytest.importorskip("kornia_rs")
    else:
        monkeypatch.setitem(sys.modules, "kornia_rs", None)
    return request.param


def encoded(image: Image.Image | np.ndarray, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(array: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))


def png(array: np.ndarray, colour: int, *, interlaced: bool = False, after: bytes = b"") -> bytes:
    """Write a PNG without any library, since Pillow writes no 16-bit colours."""
    depth, big = 8 * array.itemsize, array.dtype.newbyteorder(">")
    passes = [array]
    if interlaced:
        starts = (
            (0, 0, 8, 8),
            (0, 4, 8, 8),
            (4, 0, 8, 4),
            (0, 2, 4, 4),
            (2, 0, 4, 2),
            (0, 1, 2, 2),
        )
        passes = [array[y::dy, x::dx] for y, x, dy, dx in (*starts, (1, 0, 2, 1))]
    rows = b"".join(b"\0" + row.astype(big).tobytes() for part in passes for row in part)
    header = struct.pack(">IIBBBBB", *array.shape[1::-1], depth, colour, 0, 0, int(interlaced))
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + after
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("PNG", {"compress_level": 0}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate", "tiffinfo": {317: 2}}),
        ("WEBP", {"lossless": True}),
    ],
    ids=str,
)
@pytest.mark.parametrize("shape", [(33, 70), (70, 33, 3), (1, 1)], ids=str)
def test_lossless_formats_give_the_pixels(
    kind: str, options: dict[str, Any], shape: tuple[int, ...], tmp_path: Path
) -> None:
    image = noise(*shape)
    path = tmp_path / "named.wrongly"
    path.write_bytes(encoded(image, kind, **options))
    raster = read(path)
    if kind == "WEBP" and image.ndim == 2:  # which has no grey
        image = np.repeat(image[..., None], 3, axis=2)
    np.testing.assert_array_equal(raster.array, image)
    assert raster.array.dtype == np.uint8
    assert raster.axes == ("YX" if image.ndim == 2 else "YXC")
    assert raster.photometric == ("grey" if image.ndim == 2 else "rgb")
    assert raster.header == {"format": kind}
    assert raster.spacing_mm is None


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_gives_what_pillow_gives(mode: str, *, progressive: bool) -> None:
    data = encoded(Image.fromarray(noise(40, 50, 3)).convert(mode), "JPEG", progressive=progressive)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.mode == mode
        wanted = picture.convert("L" if mode == "L" else "RGB")
    raster = read(data)
    np.testing.assert_array_equal(raster.array, np.asarray(wanted))
    assert raster.photometric == ("grey" if mode == "L" else "rgb")


@pytest.mark.usefixtures("decoder")
def test_rgba_keeps_its_alpha() -> None:
    raster = read(encoded(noise(5, 7, 4), "PNG"))
    np.testing.assert_array_equal(raster.array, noise(5, 7, 4))
    assert (raster.axes, raster.photometric) == ("YXC", "rgba")


def test_grey_with_alpha_becomes_rgba() -> None:
    grey, alpha = noise(5, 7), 255 - noise(5, 7)
    picture = Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)])
    raster = read(encoded(picture, "PNG"))
    np.testing.assert_array_equal(raster.array, np.stack([grey, grey, grey, alpha], axis=2))
    assert raster.photometric == "rgba"


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF"])
def test_a_palette_gives_its_colours_or_its_indices(kind: str) -> None:
    labels = (np.arange(35).reshape(5, 7) % 3).astype(np.uint8)
    colours = np.array([[0, 0, 0], [255, 0, 0], [0, 128, 255]], np.uint8)
    picture = Image.fromarray(labels).convert("L")
    picture = Image.frombytes("P", picture.size, picture.tobytes())
    picture.putpalette(colours.tobytes())
    data = encoded(picture, kind)
    shown, mask = read(data), read(data, palette="indices")
    np.testing.assert_array_equal(shown.array, colours[labels])
    np.testing.assert_array_equal(mask.array, labels)
    assert (shown.axes, shown.photometric) == ("YXC", "rgb")
    assert (mask.axes, mask.photometric, mask.array.dtype) == ("YX", "label", np.uint8)


def test_a_palette_with_transparency_becomes_rgba() -> None:
    picture = Image.frombytes("P", (2, 1), b"\0\1")
    picture.putpalette([10, 20, 30, 40, 50, 60])
    raster = read(encoded(picture, "PNG", transparency=b"\x07\xff"))
    assert raster.array.tolist() == [[[10, 20, 30, 7], [40, 50, 60, 255]]]


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_one_bit_is_black_and_white_or_0_and_1(kind: str) -> None:
    mask = noise(9, 13) > 99
    data = encoded(Image.fromarray(mask), kind)
    np.testing.assert_array_equal(read(data).array, mask * np.uint8(255))
    labels = read(data, palette="indices")
    np.testing.assert_array_equal(labels.array, mask.astype(np.uint8))
    assert (labels.array.dtype, labels.photometric) == (np.uint8, "label")


@pytest.mark.usefixtures("decoder")
def test_a_grey_mask_keeps_its_values_as_labels() -> None:
    mask = read(encoded(noise(4, 5), "PNG"), palette="indices")
    np.testing.assert_array_equal(mask.array, noise(4, 5))
    assert mask.photometric == "label"


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize("channels", [3, 4])
def test_colours_are_no_labels(channels: int) -> None:
    with pytest.raises(FormatError, match="no indices"):
        read(encoded(noise(4, 5, channels), "PNG"), palette="indices", where="mask.png")


def wide(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 1 << 16, shape).astype(np.uint16)


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize("interlaced", [False, True])
def test_16_bit_grey_png_is_whole(*, interlaced: bool) -> None:
    raster = read(png(wide(21, 30), 0, interlaced=interlaced))
    np.testing.assert_array_equal(raster.array, wide(21, 30))
    assert raster.array.dtype == np.uint16


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (6, 4)])
@pytest.mark.parametrize("interlaced", [False, True])
def test_16_bit_colours_are_whole_or_refused(
    decoder: str, colour: int, channels: int, *, interlaced: bool
) -> None:
    image = wide(21, 30, channels)
    data = png(image, colour, interlaced=interlaced)
    if decoder == "fast":
        np.testing.assert_array_equal(read(data).array, image)
    else:
        with pytest.raises(MissingExtraError, match=r"medshelf\[fast\]"):
            read(data)
    with pytest.raises(FormatError, match="not a whole"):
        read(data[:-300])


@pytest.mark.usefixtures("decoder")
def test_16_bit_grey_with_alpha_is_refused() -> None:
    with pytest.raises(FormatError, match="cut to 8"):
        read(png(wide(4, 5, 2), 4))


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize(("colour", "shape"), [(0, (21, 30)), (2, (21, 30, 3)), (6, (9, 9, 4))])
def test_interlaced_png(colour: int, shape: tuple[int, ...]) -> None:
    np.testing.assert_array_equal(
        read(png(noise(*shape), colour, interlaced=True)).array, noise(*shape)
    )


@pytest.mark.parametrize(
    "stored",
    [
        *(f"<{each}" for each in ("u1", "i1", "u2", "i2", "u4", "i4", "f4")),
        *(f">{each}" for each in ("u1", "u2", "i2", "i4", "f4")),
    ],
)
def test_a_tiff_keeps_its_dtype(stored: str) -> None:
    order, dtype = stored[0], np.dtype(stored[1:])
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    values = np.array([[limits.min, 0, 1], [2, 3, limits.max]], dtype)
    raster = read(tiff(values, byteorder=order, photometric="minisblack"))
    np.testing.assert_array_equal(raster.array, values)
    assert raster.array.dtype == dtype
    assert raster.array.dtype.isnative
    assert (raster.axes, raster.photometric) == ("YX", "grey")


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((2, 2), np.float64),
        np.zeros((2, 2), np.complex64),
        np.zeros((2, 2), ">u4"),
        np.zeros((2, 2), np.uint64),
    ],
    ids=lambda each: each.dtype.str,
)
def test_a_tiff_that_pillow_does_not_know_is_refused(values: np.ndarray) -> None:
    order = values.dtype.byteorder if values.dtype.byteorder == ">" else "<"
    with pytest.raises(FormatError, match="not a whole picture"):
        read(tiff(values, photometric="minisblack", byteorder=order))


def test_a_tiff_of_16_bit_colours_is_refused() -> None:
    with pytest.raises(FormatError, match="cut to 8"):
        read(tiff(wide(4, 5, 3), photometric="rgb"))


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_white_is_zero(compression: str | None) -> None:
    """Pillow turns 8 bits round, and leaves 16 bits as they are."""
    small = read(tiff(noise(3, 4), photometric="miniswhite", compression=compression))
    large = read(tiff(wide(3, 4), photometric="miniswhite", compression=compression))
    np.testing.assert_array_equal(small.array, 255 - noise(3, 4))
    np.testing.assert_array_equal(large.array, wide(3, 4))
    assert (small.photometric, large.photometric) == ("grey", "inverted-grey")


def test_pages_of_a_tiff_are_stacked() -> None:
    raster = read(tiff(wide(4, 5, 6), photometric="minisblack"))
    np.testing.assert_array_equal(raster.array, wide(4, 5, 6))
    assert raster.axes == "TYX"
    raster = read(tiff(noise(4, 5, 6, 3), photometric="rgb"))
    np.testing.assert_array_equal(raster.array, noise(4, 5, 6, 3))
    assert (raster.axes, raster.photometric) == ("TYXC", "rgb")


def pages(*arrays: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(arrays[0])
        for each in arrays[1:]:
            writer.write(each, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("other", [noise(5, 6), wide(7, 6)], ids=["size", "dtype"])
def test_pages_that_differ_are_refused(other: np.ndarray) -> None:
    with pytest.raises(FormatError, match=r"its pages differ: .*6x7 uint8"):
        read(pages(noise(7, 6), other))


def test_a_thumbnail_is_no_page() -> None:
    raster = read(pages(noise(8, 6), noise(4, 3), subfiletype=1))
    np.testing.assert_array_equal(raster.array, noise(8, 6))
    assert raster.axes == "YX"


@pytest.mark.parametrize("volume", [gradient(), noise(4, 6, 5)], ids=["grey ramp", "palette"])
def test_frames_of_a_gif(volume: np.ndarray) -> None:
    raster = read(encode_gif(volume))
    np.testing.assert_array_equal(raster.array, np.repeat(volume[..., None], 3, axis=3))
    assert (raster.axes, raster.photometric) == ("TYXC", "rgb")


def test_frames_of_a_gif_with_and_without_transparency() -> None:
    clear, red = Image.new("RGBA", (6, 6)), Image.new("RGBA", (6, 6), (200, 10, 10, 255))
    clear.putpixel((0, 0), (0, 0, 9, 255))
    raster = read(encoded(clear, "GIF", save_all=True, append_images=[red]))
    assert (raster.array.shape, raster.photometric) == ((2, 6, 6, 4), "rgba")
    assert raster.array[0, 0, :2, 3].tolist() == [255, 0]
    np.testing.assert_array_equal(raster.array[1], np.asarray(red))


def test_grey_and_coloured_pages_of_a_tiff_become_coloured() -> None:
    raster = read(pages(noise(6, 5), noise(6, 5, 3), photometric="rgb"))
    np.testing.assert_array_equal(raster.array[0], np.repeat(noise(6, 5)[..., None], 3, axis=2))
    np.testing.assert_array_equal(raster.array[1], noise(6, 5, 3))


def test_frames_of_a_webp() -> None:
    frames = noise(3, 8, 9, 3)
    others = [Image.fromarray(each) for each in frames[1:]]
    data = encoded(frames[0], "WEBP", save_all=True, append_images=others, lossless=True)
    raster = read(data)
    np.testing.assert_array_equal(raster.array[..., :3], frames)
    assert raster.axes == "TYXC"


# Orientation and spacing


def with_orientation(kind: str, orientation: int, image: np.ndarray) -> bytes:
    if kind == "TIFF":
        return tiff(image, photometric="minisblack", extratags=[(274, "H", 1, orientation, True)])
    exif = Image.Exif()
    exif[274] = orientation
    if kind == "PNG, after the pixels":
        return png(image, 0, after=chunk(b"eXIf", exif.tobytes()[6:]))
    options: dict[str, Any] = {"quality": 95} if kind == "JPEG" else {}
    return encoded(image, kind, exif=exif, **options)


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "PNG, after the pixels", "TIFF"])
def test_orientation_is_applied_unless_told_otherwise(kind: str, orientation: int) -> None:
    image = np.kron(noise(2, 3), np.ones((8, 8), np.uint8))
    data = with_orientation(kind, orientation, image)
    upright, stored = read(data), read(data, upright=False)
    plain = Image.fromarray(image)
    exif = plain.getexif()
    exif[274] = orientation
    wanted = np.asarray(ImageOps.exif_transpose(plain))
    atol = 3 if kind == "JPEG" else 0
    np.testing.assert_allclose(upright.array.astype(int), wanted, atol=atol)
    np.testing.assert_allclose(stored.array.astype(int), image, atol=atol)
    assert upright.header.get("orientation", "1") == str(orientation)


@pytest.mark.usefixtures("decoder")
def test_an_orientation_that_does_not_exist_is_none() -> None:
    raster = read(with_orientation("PNG", 77, noise(3, 4)))
    np.testing.assert_array_equal(raster.array, noise(3, 4))
    assert "orientation" not in raster.header


@pytest.mark.usefixtures("decoder")
def test_spacing_of_a_png() -> None:
    per_metre = struct.pack(">IIB", 5000, 10_000, 1)
    data = png(noise(3, 4), 0)
    at = data.index(b"IDAT") - 4
    raster = read(data[:at] + chunk(b"pHYs", per_metre) + data[at:])
    assert raster.spacing_mm == pytest.approx((0.2, 0.1))
    no_unit = read(data[:at] + chunk(b"pHYs", per_metre[:8] + b"\0") + data[at:])
    assert no_unit.spacing_mm is None


@pytest.mark.parametrize(
    ("unit", "wanted"), [(2, (0.254, 0.127)), (3, (0.1, 0.05)), (1, None)], ids=["inch", "cm", "no"]
)
def test_spacing_of_a_tiff(unit: int, wanted: tuple[float, float] | None) -> None:
    data = tiff(noise(3, 4), resolution=(100, 200), resolutionunit=unit)
    spacing = read(data).spacing_mm
    assert spacing is None if wanted is None else spacing == pytest.approx(wanted)


def test_spacing_turns_with_the_picture() -> None:
    options: dict[str, Any] = {"resolution": (100, 200), "resolutionunit": 3}
    data = tiff(noise(3, 4), extratags=[(274, "H", 1, 6, True)], **options)
    assert read(data).spacing_mm == pytest.approx((0.05, 0.1))
    assert read(data, upright=False).spacing_mm == pytest.approx((0.1, 0.05))


@pytest.mark.parametrize("resolution", [(0, 0), (1, 0)], ids=str)
def test_a_resolution_of_zero_states_nothing(resolution: tuple[int, int]) -> None:
    value = (*resolution, *resolution)[:2]
    tags = [(282, "2I", 1, value, True), (283, "2I", 1, value, True)]
    assert read(tiff(noise(3, 4), extratags=tags)).spacing_mm is None


def test_the_description_of_a_tiff_is_kept() -> None:
    assert (
        read(tiff(noise(3, 4), description="eye, left", metadata=None)).header["description"]
        == "eye, left"
    )


# Smaller, larger, damaged


@pytest.mark.parametrize(
    ("min_edge", "size"), [(224, (300, 500)), (300, (300, 500)), (301, (600, 1000)), (1, (75, 125))]
)
def test_a_jpeg_can_be_decoded_smaller(min_edge: int, size: tuple[int, int]) -> None:
    image = np.kron(noise(60, 100), np.ones((10, 10), np.uint8))
    data = encoded(image, "JPEG", quality=95)
    small = read(data, min_edge=min_edge).array
    assert small.shape == size
    step = 600 // size[0]
    means = read(data).array.reshape(size[0], step, size[1], step).mean((1, 3))
    assert np.abs(small - means).mean() < 4


def test_other_formats_come_in_full() -> None:
    assert read(encoded(noise(40, 50), "PNG"), min_edge=10).array.shape == (40, 50)


def test_an_edge_of_no_length_is_refused() -> None:
    with pytest.raises(SettingError, match="min_edge=0"):
        read(encoded(noise(40, 50), "JPEG"), min_edge=0)


@pytest.mark.usefixtures("decoder")
def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    with pytest.raises(FormatError, match=r"3,600,000,000 pixels, more than max_pixels") as caught:
        read(data, where="bomb.png")
    assert "bomb.png" in str(caught.value)


def test_pixels_of_all_frames_count() -> None:
    data = encode_gif(noise(5, 10, 10))
    assert read(data, max_pixels=500).array.shape == (5, 10, 10, 3)
    with pytest.raises(FormatError, match="500 pixels, more than max_pixels=499"):
        read(data, max_pixels=499)


def test_a_file_of_too_many_bytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "long.png"
    with path.open("wb") as file:
        file.truncate(2 << 20)
    with pytest.raises(FormatError, match="2,097,152 bytes"):
        read(path, max_pixels=1000)


def test_more_pixels_than_pillow_allows() -> None:
    limit = Image.MAX_IMAGE_PIXELS
    blank = np.zeros((9500, 9500), bool)
    data = encoded(Image.fromarray(blank), "TIFF", compression="tiff_adobe_deflate")
    assert blank.size > (limit or 0)
    assert read(data, palette="indices").array.shape == blank.shape
    assert limit == Image.MAX_IMAGE_PIXELS
    with pytest.raises(FormatError) as caught:
        read(data.replace(b"\x78\x9c", b"\xff\xff"))
    assert caught.value.__traceback__  # which keeps alive what was reading
    assert limit == Image.MAX_IMAGE_PIXELS


SMALL = noise(20, 17, 3)
WHOLE = {
    "png": encoded(SMALL, "PNG"),
    "grey png": encoded(SMALL[..., 0], "PNG"),
    "wide png": png(wide(9, 11), 0),
    "jpeg": encoded(SMALL, "JPEG"),
    "progressive jpeg": encoded(SMALL, "JPEG", progressive=True),
    "turned jpeg": with_orientation("JPEG", 6, SMALL[..., 0]),
    "bmp": encoded(SMALL, "BMP"),
    "tiff": encoded(SMALL, "TIFF"),
    "tiff lzw": encoded(SMALL, "TIFF", compression="tiff_lzw"),
    "tiff pages": tiff(noise(3, 8, 8), photometric="minisblack"),
    "tiff jpeg": encoded(SMALL, "TIFF", compression="jpeg"),
    "gif": encode_gif(SMALL.transpose(2, 0, 1)),
    "webp": encoded(SMALL, "WEBP"),
    "webp lossless": encoded(SMALL, "WEBP", lossless=True),
}


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize("kind", WHOLE)
def test_a_truncated_picture_is_never_a_partial_one(kind: str) -> None:
    whole = WHOLE[kind]
    pixels = read(whole).array
    n_refused = 0
    for length in (*range(0, len(whole), 7), *range(len(whole) - 60, len(whole))):
        try:
            np.testing.assert_array_equal(read(whole[:length]).array, pixels)
        except FormatError:
            n_refused += 1
    assert n_refused > len(whole) // 7  # all but end marks and padding


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    kind=st.sampled_from(sorted(WHOLE)),
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6
    ),
    palette=st.sampled_from(["colours", "indices"]),
)
def test_damage_is_an_error_of_ours_or_a_picture(
    kind: str, changes: list[tuple[float, int]], palette: Any
) -> None:
    data = bytearray(WHOLE[kind])
    for place, value in changes:
        at = int(place**2 * len(data))  # headers more often than pixels
        data[at] = value
    try:
        raster = read(bytes(data), palette=palette, max_pixels=100_000)
    except MedshelfError:
        return
    assert raster.array.ndim == len(raster.axes)


@given(st.binary(max_size=200), st.sampled_from([each[:40] for each in WHOLE.values()]))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_bytes_after_a_true_beginning(data: bytes, start: bytes) -> None:
    with pytest.raises(FormatError):
        read(start + data, max_pixels=100_000)


@pytest.mark.parametrize("data", [b"", b"\x89PNG", b"hello", b"%PDF-1.7"], ids=str)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError, match=r"scan\.png: it begins like no PNG, JPEG, TIFF"):
        read(data, where="scan.png")


@pytest.mark.parametrize("name", ["missing.png", "."])
def test_a_file_that_cannot_be_opened_says_why(tmp_path: Path, name: str) -> None:
    with pytest.raises(FormatError, match="Check path and permissions"):
        read(tmp_path / name)


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize(
    "folder", ["nih_chest_xray/images", "ham10000/images_224", "bccd/BCCD/JPEGImages"]
)
def test_real_pictures_are_what_pillow_says(real_data: Path, folder: str) -> None:
    paths = sorted(real_data.parent.joinpath(folder).glob("*.*g"))
    if not paths:
        pytest.skip(f"There is no {folder} beside the real MedMNIST files")
    for path in paths:
        with Image.open(path) as picture:
            np.testing.assert_array_equal(read(path).array, np.asarray(picture), str(path))


@given(
    st.sampled_from(["grey", "grey16", "rgb", "rgba"]),
    st.integers(1, 40),
    st.integers(1, 40),
    st.booleans(),
)
def test_what_is_encoded_is_what_others_decode(kind: str, n_y: int, n_x: int, flip: bool) -> None:
    shape = (n_y, n_x, len(kind)) if kind.startswith("rgb") else (n_y, n_x)
    dtype = np.uint16 if kind == "grey16" else np.uint8
    random = np.random.default_rng(n_y * 41 + n_x)
    image = random.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    image = image[::-1, ::-1] if flip else image
    data = encode_png(image)
    with Image.open(io.BytesIO(data)) as opened:
        opened.load()
        np.testing.assert_array_equal(np.asarray(opened), image)
    np.testing.assert_array_equal(imagecodecs.png_decode(data).reshape(shape), image)
    np.testing.assert_array_equal(read(data).array, image)
