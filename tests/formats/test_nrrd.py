"""NRRD: values as pynrrd gives them, geometry as SimpleITK does, data files in their folder."""

from __future__ import annotations

import bz2
import gzip
import tempfile
from contextlib import suppress
from pathlib import Path

import nrrd as pynrrd
import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st

from medshelf.core.errors import FormatError, MedshelfError
from medshelf.formats.nrrd import open_volume, read

TURN = np.linalg.qr(np.random.default_rng(4).normal(size=(3, 3)))[0]
HEADER = """NRRD0004
# a comment
type: short
dimension: 3
space: left-posterior-superior
sizes: 4 3 2
space directions: (0.5,0,0) (0,0.75,0) (0,0,2)
kinds: domain domain domain
endian: little
encoding: raw
space origin: (-10,20,30)
content: a scan
Patient:=anonymous
"""
VALUES = np.arange(24, dtype="<i2").reshape((4, 3, 2), order="F")
RAW = VALUES.tobytes("F")


def changed(old: str, new: str, data: bytes = RAW) -> bytes:
    """Return a file with another line in its header."""
    assert old in HEADER
    return HEADER.replace(old, new).encode() + b"\n" + data


@pytest.mark.parametrize("detached", [False, True])
@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "ascii"])
@pytest.mark.parametrize("kind", ["u1", "i1", ">i2", "u2", "i4", "u4", "i8", "u8", "f4", ">f8"])
def test_values_are_those_of_pynrrd(
    tmp_path: Path, kind: str, encoding: str, *, detached: bool
) -> None:
    array = np.arange(60).reshape(5, 4, 3).astype(kind)
    path = tmp_path / ("a.nhdr" if detached else "a.nrrd")
    pynrrd.write(str(path), array, {"encoding": encoding}, detached_header=detached)
    volume = open_volume(path)
    assert (volume.axes, volume.shape, volume.dtype) == ("XYZ", (5, 4, 3), np.dtype(kind[-2:]))
    raster = volume.read()
    np.testing.assert_array_equal(raster.array, pynrrd.read(str(path))[0])
    np.testing.assert_array_equal(raster.array, array)
    assert raster.array.dtype.isnative
    for number, axis in enumerate("XYZ"):
        np.testing.assert_array_equal(volume.slice(axis, 2), array.take(2, number))


@pytest.mark.parametrize("compressed", [False, True])
def test_geometry_is_that_of_simpleitk(tmp_path: Path, *, compressed: bool) -> None:
    image = SimpleITK.GetImageFromArray(np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    image.SetDirection(TURN.ravel().tolist())
    image.SetSpacing([0.5, 0.75, 2.5])
    image.SetOrigin([-100.5, 20.25, 30.0])
    SimpleITK.WriteImage(image, str(tmp_path / "a.nrrd"), useCompression=compressed)
    raster = read(tmp_path / "a.nrrd")
    np.testing.assert_array_equal(raster.as_axes("ZYX"), SimpleITK.GetArrayFromImage(image))
    np.testing.assert_allclose(raster.spacing_mm, (0.5, 0.75, 2.5))
    for index in ([0, 0, 0], [4, 0, 0], [0, 3, 0], [1, 2, 2]):
        theirs = np.array(image.TransformIndexToPhysicalPoint(index)) * (-1, -1, 1)
        np.testing.assert_allclose((raster.affine @ [*index, 1])[:3], theirs, atol=1e-6)


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("left-posterior-superior", (-1, -1, 1)),
        ("LPS", (-1, -1, 1)),
        ("RAS", (1, 1, 1)),
        ("right-anterior-superior", (1, 1, 1)),
        ("left-anterior-superior", (-1, 1, 1)),
    ],
)
def test_spaces_become_ras(space: str, signs: tuple[int, ...]) -> None:
    raster = read(changed("left-posterior-superior", space))
    expected = np.diag([*np.array(signs) * (0.5, 0.75, 2), 1])
    expected[:3, 3] = np.array(signs) * (-10, 20, 30)
    np.testing.assert_array_equal(raster.affine, expected)
    assert dict(raster.header) == {"content": "a scan", "Patient": "anonymous"}


def test_space_units_become_millimetres() -> None:
    raster = read(changed("kinds:", 'space units: "um" "um" "um"\nkinds:'))
    np.testing.assert_allclose(raster.spacing_mm, (0.0005, 0.00075, 0.002))


def test_a_space_that_is_not_the_body_gives_no_affine() -> None:
    volume = open_volume(changed("left-posterior-superior", "scanner-xyz"))
    assert (volume.affine, volume.spacing_mm) == (None, (0.5, 0.75, 2.0))
    lines = [line for line in HEADER.splitlines() if not line.startswith("space")]
    bare = "\n".join(lines)
    assert read(bare.encode() + b"\n\n" + RAW).spacing_mm is None
    spaced = bare.replace("kinds", "spacings: 1 2 3\nkinds")
    assert read(spaced.encode() + b"\n\n" + RAW).spacing_mm == (1, 2, 3)


@pytest.mark.parametrize(
    ("kinds", "directions", "axes", "shape", "photometric"),
    [
        ("list domain domain domain", "none (1,0,0) (0,1,0) (0,0,1)", "XYZC", (3, 2, 2, 2), None),
        ("domain domain domain time", "(1,0,0) (0,1,0) (0,0,1) none", "XYZT", (2, 3, 2, 2), None),
        ("RGB-color domain domain domain", "", "XYZC", (3, 2, 2, 2), "rgb"),
        ("", "", "XYZT", (2, 3, 2, 2), None),
        ("vector space space space", "(nan,nan,nan) (1,0,0) (0,1,0) (0,0,1)", "XYZC", (3, 2, 2, 2),
         None),
    ],
)  # fmt: skip
def test_axes_beside_space(
    kinds: str, directions: str, axes: str, shape: tuple[int, ...], photometric: str | None
) -> None:
    sizes = (2, 3, 2, 2)
    lines = [
        "NRRD0005",
        "type: uint8",
        "dimension: 4",
        f"sizes: {' '.join(str(each) for each in sizes)}",
        "encoding: raw",
        "space: RAS",
    ]
    lines += [f"kinds: {kinds}"] if kinds else []
    lines += [f"space directions: {directions}"] if directions else []
    values = np.arange(24, dtype=np.uint8).reshape(sizes, order="F")
    raster = read("\n".join([*lines, "", ""]).encode() + values.tobytes("F"))
    assert (raster.axes, raster.array.shape) == (axes, shape)
    assert raster.photometric == photometric
    expected = np.moveaxis(values, 0, -1) if axes == "XYZC" else values
    np.testing.assert_array_equal(raster.array, expected)
    assert (raster.affine is None) == (not directions)


def test_a_picture_in_space_has_a_third_direction() -> None:
    text = HEADER.replace("dimension: 3", "dimension: 2").replace("4 3 2", "4 6")
    text = text.replace(" (0,0,2)", "").replace("domain domain domain", "domain domain")
    raster = read(text.encode() + b"\n" + RAW)
    assert (raster.axes, raster.spacing_mm) == ("XY", (0.5, 0.75))
    np.testing.assert_array_equal(raster.affine[:3, 2], [0, 0, 1])


@pytest.mark.parametrize("skip", ["5", "-1"])
def test_skipped_bytes(tmp_path: Path, skip: str) -> None:
    header = HEADER.replace("content", f"byte skip: {skip}\ndata file: a.raw\ncontent")
    (tmp_path / "a.nhdr").write_text(header)
    (tmp_path / "a.raw").write_bytes(bytes(5) + RAW)
    np.testing.assert_array_equal(read(tmp_path / "a.nhdr").array, VALUES)
    with pytest.raises(FormatError, match=r"its values are in a\.raw"):
        read(header.encode())


def test_line_ends_of_windows() -> None:
    data = HEADER.replace("\n", "\r\n").encode() + b"\r\n" + RAW
    np.testing.assert_array_equal(read(data).array, VALUES)


@pytest.mark.parametrize("name", ["../a.raw", "/etc/passwd", "sub/../../a.raw", "..\\a.raw"])
def test_data_files_do_not_leave_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "a.raw").write_bytes(RAW)
    text = HEADER.replace("content", f"data file: {name}\ncontent")
    (tmp_path / "in/a.nhdr").write_text(text)
    with pytest.raises(FormatError, match="not in its folder"):
        open_volume(tmp_path / "in/a.nhdr")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("NRRD0004", "NRRX0004", "no NRRD file"),
        ("type: short", "type: block", "values are block in raw encoding"),
        ("encoding: raw", "encoding: hex", "values are short in hex encoding"),
        ("endian: little", "endian: middle", "endian is 'middle'"),
        ("sizes: 4 3 2", "sizes: 4 3", r"dimension is 3, its sizes \[4, 3\]"),
        ("sizes: 4 3 2", "sizes: 4 3 0", "sizes"),
        ("sizes: 4 3 2", "sizes: 4 3 x", "its sizes is 'x'"),
        ("sizes: 4 3 2", "sizes: 99999 99999 99999", "too few"),
        ("(0,0.75,0)", "(0,x,0)", "'0,x,0' where numbers belong"),
        ("(0,0.75,0)", "(0,0.75)", "not 3 components"),
        ("(0,0.75,0)", "", "space directions are"),
        ("domain domain domain", "domain domain", "3 axes and the kinds"),
        ("(0.5,0,0) (0,0.75,0) (0,0,2)", "none none (0,0,1)", "one of them twice"),
        ("content: a scan", "data file: LIST", "in several files"),
        ("content: a scan", "data file: a%d.raw 1 2 1", "in several files"),
        ("content: a scan", "line skip: 3", "skipped lines"),
        ("content: a scan", "byte skip: -5", "byte skip is -5"),
        ("content: a scan", "content", "has the line 'content'"),
    ],
)
def test_broken_headers_are_refused_with_the_reason(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    (tmp_path / "a.nrrd").write_bytes(changed(old, new))
    with pytest.raises(FormatError, match=reason):
        read(tmp_path / "a.nrrd")


@pytest.mark.parametrize(
    ("encoding", "data", "reason"),
    [
        ("raw", RAW[:-1], "too few"),
        ("gzip", gzip.compress(RAW, mtime=0)[:-10], "too early"),
        ("gzip", gzip.compress(RAW, mtime=0)[:-8] + bytes(8), "damaged"),
        ("gzip", gzip.compress(RAW[:-4], mtime=0), "values end 4 bytes too early"),
        ("gzip", b"", "too few"),
        ("bzip2", bz2.compress(RAW)[:-5], "too early"),
        ("bzip2", b"x" * 99, "damaged"),
        ("ascii", b"1 2 3 " * 7, "has 21 values"),
        ("ascii", b"1 2 x " * 8, "no numbers"),
        ("ascii", b"1 2 99999 " * 8, "out of the range"),
    ],
)
def test_broken_values_are_refused_with_the_reason(encoding: str, data: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read(changed("encoding: raw", f"encoding: {encoding}", data))


def test_a_header_without_an_end_is_refused() -> None:
    with pytest.raises(FormatError, match="ends without an empty line"):
        open_volume(HEADER.encode())


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_mutated_files_raise_nothing_but_our_errors(data: st.DataObject) -> None:
    encoding, packed = data.draw(
        st.sampled_from(
            [
                ("raw", RAW),
                ("gzip", gzip.compress(RAW, mtime=0)),
                ("bzip2", bz2.compress(RAW)),
                ("ascii", b"1 22 333 4 5 6 " * 4),
            ]
        )
    )
    content = bytearray(changed("encoding: raw", f"encoding: {encoding}", packed))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(0, 2 * len(content))) :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.nrrd"
        path.write_bytes(content)
        for source in (path, bytes(content)):
            with suppress(MedshelfError):
                volume = open_volume(source)
                volume.slice("X", 0)
                volume.read()
