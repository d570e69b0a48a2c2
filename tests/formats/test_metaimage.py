"""MetaImage: values and geometry as SimpleITK gives them, data files kept to their folder."""

from __future__ import annotations

import tempfile
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st

from medshelf.core.errors import FormatError, MedshelfError
from medshelf.formats.geometry import orientation
from medshelf.formats.metaimage import open_volume, read

KINDS = ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]
TURN = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]
HEADER = """ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = False
TransformMatrix = 1 0 0 0 1 0 0 0 1
Offset = -10 20 30
ElementSpacing = 0.5 0.75 2
DimSize = 4 3 2
ElementType = MET_SHORT
ElementDataFile = LOCAL
"""
VALUES = np.arange(24, dtype="<i2").reshape((4, 3, 2), order="F")


def made(
    shape: tuple[int, ...] = (5, 4, 3), kind: str = "i2", channels: int = 0
) -> SimpleITK.Image:
    """Return an oblique image; `shape` is X, Y, Z."""
    shape_zyx = shape[::-1] + ((channels,) if channels else ())
    array = np.arange(np.prod(shape_zyx)).reshape(shape_zyx).astype(kind)
    image = SimpleITK.GetImageFromArray(array, isVector=bool(channels))
    n_axes = len(shape)
    turn = np.eye(n_axes)
    turn[: min(3, n_axes), : min(3, n_axes)] = TURN if n_axes > 2 else np.array([[0, 1], [1, 0]])
    image.SetDirection(turn.ravel().tolist())
    image.SetSpacing([0.5, 0.75, 2.5, 1.0][:n_axes])
    image.SetOrigin([-100.5, 20.25, 30.0, 0.0][:n_axes])
    return image


def world_of(image: SimpleITK.Image, index: list[int]) -> np.ndarray:
    """Where SimpleITK puts an index, in RAS+."""
    position = np.array(image.TransformIndexToPhysicalPoint(index))[:3]
    position[:2] *= -1
    return position


@pytest.mark.parametrize("name", ["a.mha", "a.mhd"])
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_geometry_are_those_of_simpleitk(
    tmp_path: Path, kind: str, name: str, *, compressed: bool
) -> None:
    image = made(kind=kind)
    SimpleITK.WriteImage(image, str(tmp_path / name), useCompression=compressed)
    volume = open_volume(tmp_path / name)
    raster = volume.read()
    assert (volume.axes, volume.shape, volume.dtype) == ("XYZ", (5, 4, 3), np.dtype(kind))
    np.testing.assert_array_equal(raster.as_axes("ZYX"), SimpleITK.GetArrayFromImage(image))
    np.testing.assert_allclose(raster.spacing_mm, (0.5, 0.75, 2.5))
    for index in ([0, 0, 0], [4, 0, 0], [0, 3, 0], [1, 2, 2]):
        ours = raster.affine @ [*index, 1]
        np.testing.assert_allclose(ours[:3], world_of(image, index), atol=1e-6)
    for number, axis in enumerate("XYZ"):
        np.testing.assert_array_equal(volume.slice(axis, 2), raster.array.take(2, number))


def test_the_identity_of_itk_runs_to_the_left_and_to_the_back(tmp_path: Path) -> None:
    SimpleITK.WriteImage(SimpleITK.Image(4, 3, 2, SimpleITK.sitkInt16), str(tmp_path / "a.mha"))
    assert orientation(open_volume(tmp_path / "a.mha").affine) == "LPS"


@pytest.mark.parametrize(
    ("shape", "channels", "axes"),
    [((5, 4), 0, "XY"), ((5, 4), 3, "XYC"), ((5, 4, 3), 2, "XYZC"), ((5, 4, 3, 2), 0, "XYZT")],
)
def test_other_numbers_of_axes(
    tmp_path: Path, shape: tuple[int, ...], channels: int, axes: str
) -> None:
    image = made(shape, channels=channels)
    SimpleITK.WriteImage(image, str(tmp_path / "a.mha"))
    raster = read(tmp_path / "a.mha")
    assert raster.axes == axes
    order = "TZYXC" if channels else "TZYX"
    ours = raster.as_axes("".join(each for each in order if each in axes))
    np.testing.assert_array_equal(ours, SimpleITK.GetArrayFromImage(image))
    index = [2, 3, 1, 1][: len(shape)]
    expected = np.zeros(3)
    position = world_of(image, index)
    expected[: len(position)] = position
    point = raster.affine @ [*(*index, 0)[:3], 1]
    np.testing.assert_allclose(point[:3], expected, atol=1e-6)


def test_big_endian_values_and_synonyms() -> None:
    text = HEADER.replace("BinaryDataByteOrderMSB = False", "ElementByteOrderMSB = True")
    text = text.replace("TransformMatrix", "Orientation").replace("Offset", "Position")
    raster = read(text.encode() + VALUES.astype(">i2").tobytes("F"))
    np.testing.assert_array_equal(raster.array, VALUES)
    assert raster.array.dtype.isnative
    np.testing.assert_array_equal(raster.affine[:, 3], [10, -20, 30, 1])


def test_text_values_and_unread_keys() -> None:
    text = HEADER.replace(
        "BinaryData = True", "BinaryData = False\nModality = MET_MOD_CT\n0008|0060 = CT"
    )
    words = " ".join(str(each) for each in VALUES.ravel(order="F"))
    raster = read((text + words).encode())
    np.testing.assert_array_equal(raster.array, VALUES)
    assert dict(raster.header) == {"Modality": "MET_MOD_CT", "0008|0060": "CT"}
    for bad in (words.replace("7", "x"), words.replace("7", "70000"), words[:-3]):
        with pytest.raises(FormatError, match=r"no numbers|out of the range|has 23 values"):
            read((text + bad).encode())


@pytest.mark.parametrize(("skipped", "key"), [(0, "0"), (7, "7"), (7, "-1")])
def test_values_after_a_foreign_header(tmp_path: Path, skipped: int, key: str) -> None:
    header = HEADER.replace("LOCAL", "sub/a.raw").replace("NDims", f"HeaderSize = {key}\nNDims")
    (tmp_path / "a.mhd").write_text(header)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.raw").write_bytes(bytes(skipped) + VALUES.tobytes("F"))
    np.testing.assert_array_equal(read(tmp_path / "a.mhd").array, VALUES)
    with pytest.raises(FormatError, match=r"its values are in sub/a\.raw"):
        read(header.encode())


def test_geometry_that_is_not_stated_is_null() -> None:
    lines = [line for line in HEADER.splitlines() if not line.startswith(("Transform", "Offset"))]
    data = VALUES.tobytes("F")
    raster = read("\n".join([*lines, ""]).encode() + data)
    assert (raster.affine, raster.spacing_mm) == (None, (0.5, 0.75, 2.0))
    lines = [line for line in lines if not line.startswith("ElementSpacing")]
    assert read("\n".join([*lines, ""]).encode() + data).spacing_mm is None


@pytest.mark.parametrize(
    "name", ["../a.raw", "/etc/passwd", "sub/../../a.raw", "..\\a.raw", "C:\\a.raw", "C:a.raw"]
)
def test_data_files_do_not_leave_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "a.raw").write_bytes(VALUES.tobytes("F"))
    (tmp_path / "in/a.mhd").write_text(HEADER.replace("LOCAL", name))
    with pytest.raises(FormatError, match="not in its folder"):
        open_volume(tmp_path / "in/a.mhd")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("LOCAL", "LIST\na.raw", "in several files"),
        ("LOCAL", "a%03d.raw 1 2 1", "in several files"),
        ("LOCAL", "missing.raw", "No such file"),
        ("LOCAL", "", "not in its folder"),
        ("MET_SHORT", "MET_STRING", "values are MET_STRING"),
        ("DimSize = 4 3 2", "DimSize = 4 3 two", "DimSize is '4 3 two', no numbers"),
        ("DimSize = 4 3 2", "DimSize = 4 -3 2", r"dimensions \[4, -3, 2\]"),
        ("DimSize = 4 3 2", "DimSize = 2 2 2 2 2", "dimensions"),
        ("DimSize = 4 3 2", "DimSize = 99999 99999 99999", "too few"),
        ("NDims", "ElementNumberOfChannels = -3\nNDims", "ElementNumberOfChannels is -3"),
        ("NDims", "CompressedData = True\nNDims", "compressed data are damaged"),
        ("= 1 0 0 0 1 0 0 0 1", "= 1 0 0 0", "TransformMatrix has 4 numbers"),
        ("Offset = -10 20 30", "Offset = -10 20", "Offset or ElementSpacing"),
        ("ElementDataFile = LOCAL\n", "", "no `key = value`|without ElementDataFile"),
        ("ObjectType = Image", "<html>", "it is no MetaImage: its byte 0"),
    ],
)
def test_broken_headers_are_refused_with_the_reason(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    assert old in HEADER
    (tmp_path / "a.mha").write_bytes(HEADER.replace(old, new).encode() + VALUES.tobytes("F"))
    with pytest.raises(FormatError, match=reason):
        read(tmp_path / "a.mha")


def test_compressed_values_are_checked_to_their_end() -> None:
    header = HEADER.replace("NDims", "CompressedData = True\nNDims").encode()
    squeezed = zlib.compress(VALUES.tobytes("F"))
    np.testing.assert_array_equal(read(header + squeezed).array, VALUES)
    for data, reason in (
        (squeezed[:-6], "too early"),
        (squeezed[:-1] + b"x", "damaged"),
        (zlib.compress(VALUES.tobytes("F")[:-2]), "values end 2 bytes too early"),
    ):
        with pytest.raises(FormatError, match=reason):
            read(header + data)
    bomb = HEADER.replace("NDims", "CompressedData = True\nNDims").replace("4 3 2", "4096 4096 64")
    with pytest.raises(FormatError, match="too few"):
        read(bomb.encode() + zlib.compress(bytes(1 << 20)))


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_mutated_files_raise_nothing_but_our_errors(data: st.DataObject) -> None:
    compressed = data.draw(st.booleans())
    header = HEADER.replace("NDims", f"CompressedData = {compressed}\nNDims").encode()
    values = VALUES.tobytes("F")
    changed = bytearray(header + (zlib.compress(values) if compressed else values))
    for _ in range(data.draw(st.integers(1, 6))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    del changed[data.draw(st.integers(0, 2 * len(changed))) :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.mha"
        path.write_bytes(changed)
        for source in (path, bytes(changed)):
            with suppress(MedshelfError):
                volume = open_volume(source)
                volume.slice("X", 0)
                volume.read()
