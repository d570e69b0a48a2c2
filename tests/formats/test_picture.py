"""PNG and GIF: what is written is what is read back, also by plain Pillow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medshelf.core.errors import FormatError, SettingError
from medshelf.formats.picture import encode_gif, encode_png, read_gif, read_png


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
    [np.zeros((4, 4)), np.zeros((4, 4, 4), np.uint8), np.zeros(4, np.uint8)],
    ids=["float", "four channels", "line"],
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
