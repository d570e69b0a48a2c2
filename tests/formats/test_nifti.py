"""NIfTI: values and geometry as nibabel gives them, slices alone, hostile files refused."""

from __future__ import annotations

import gzip
import os
import pickle
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st

from medshelf.core.errors import FormatError, MedshelfError, SettingError
from medshelf.core.settings import Settings
from medshelf.formats import stored
from medshelf.formats.nifti import open_volume, orientation, read, write
from medshelf.formats.raster import Raster

DTYPES = ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "c8", "c16"]
VERSIONS = {1: nibabel.Nifti1Image, 2: nibabel.Nifti2Image}
OBLIQUE = np.array([[-1.1, 0.2, 0.1, 40], [0.2, -0.9, 0.3, -7], [0, 0.3, 2.4, 12.5], [0, 0, 0, 1]])


def ramp(shape: tuple[int, ...], dtype: str = "i2") -> np.ndarray:
    """Return an array in which every value is another one, as far as the type allows."""
    return (np.arange(np.prod(shape)).reshape(shape, order="F") - 30).astype(dtype)


def rotation(seed: int) -> np.ndarray:
    """Return a random affine without shear: rotation, spacing, reflection, origin."""
    rng = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = np.linalg.qr(rng.normal(size=(3, 3)))[0] * rng.uniform(0.3, 5, 3)
    affine[:3, 3] = rng.uniform(-300, 300, 3)
    return affine


def image(array: np.ndarray, affine: np.ndarray | None = OBLIQUE, version: int = 1) -> object:
    return VERSIONS[version](array, affine, dtype=array.dtype)


def patched(data: bytes, **places: bytes) -> bytes:
    """Replace bytes; `_40=b"..."` says where."""
    changed = bytearray(data)
    for name, new in places.items():
        changed[int(name[1:]) : int(name[1:]) + len(new)] = new
    return bytes(changed)


@pytest.fixture
def plain(tmp_path: Path) -> bytes:
    nibabel.save(image(ramp((4, 3, 2))), tmp_path / "plain.nii")
    return (tmp_path / "plain.nii").read_bytes()


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_values_and_geometry_are_those_of_nibabel(
    tmp_path: Path, dtype: str, order: str, version: int
) -> None:
    path = tmp_path / "a.nii.gz"
    made = VERSIONS[version](
        ramp((5, 4, 3, 2), dtype),
        OBLIQUE,
        VERSIONS[version].header_class(endianness=order),
        dtype=np.dtype(dtype).newbyteorder(order),
    )
    nibabel.save(made, path)
    theirs, ours = nibabel.load(path), open_volume(path)
    assert (ours.shape, ours.axes, ours.dtype) == ((5, 4, 3, 2), "XYZT", np.dtype(dtype))
    raster = ours.read()
    np.testing.assert_array_equal(raster.array, np.asarray(theirs.dataobj))
    assert raster.array.dtype == dtype
    assert raster.array.dtype.isnative
    np.testing.assert_allclose(raster.affine, theirs.affine, rtol=1e-6)
    np.testing.assert_allclose(raster.spacing_mm, theirs.header.get_zooms()[:3], rtol=1e-6)
    np.testing.assert_array_equal(read(path.read_bytes()).array, raster.array)


@pytest.mark.parametrize("names", [("a.hdr", "a.img"), ("a.HDR", "a.IMG"), ("a.hdr.gz", "a.img")])
def test_pairs_are_read_from_either_name(tmp_path: Path, names: tuple[str, str]) -> None:
    nibabel.save(nibabel.Nifti1Pair(ramp((4, 3, 2)), OBLIQUE), tmp_path / "b.hdr")
    header = (tmp_path / "b.hdr").read_bytes()
    zipped = gzip.compress(header) if names[0].endswith("gz") else header
    (tmp_path / names[0]).write_bytes(zipped)
    (tmp_path / "b.img").rename(tmp_path / names[1])
    (tmp_path / "b.hdr").unlink()
    for name in names:
        np.testing.assert_array_equal(read(tmp_path / name).array, ramp((4, 3, 2)))
    with pytest.raises(FormatError, match="holds no values"):
        read(header)
    (tmp_path / names[1]).unlink()
    with pytest.raises(FormatError, match=r"no a\.img beside it"):
        open_volume(tmp_path / names[0])


@pytest.mark.parametrize(("sform", "qform"), [(0, 0), (1, 0), (0, 1), (2, 1), (1, 4)])
def test_sform_or_qform_is_chosen_as_nibabel_chooses(
    tmp_path: Path, sform: int, qform: int
) -> None:
    made = image(ramp((4, 3, 2)), None)
    made.set_sform(OBLIQUE, sform)
    made.set_qform(rotation(3), qform)
    nibabel.save(made, tmp_path / "a.nii")
    volume = open_volume(tmp_path / "a.nii")
    if sform == qform == 0:
        assert volume.affine is None
        zooms = nibabel.load(tmp_path / "a.nii").header.get_zooms()
        np.testing.assert_allclose(volume.spacing_mm, zooms)
    else:
        theirs = nibabel.load(tmp_path / "a.nii").affine
        np.testing.assert_allclose(volume.affine, theirs, atol=1e-4)
    codes = {"sform_code": sform, "qform_code": qform}
    assert volume.header == {name: str(code) for name, code in codes.items() if code}


def test_an_sform_without_inverse_gives_way_to_the_qform(tmp_path: Path) -> None:
    made = image(ramp((4, 3, 2)), None)
    made.set_qform(rotation(3), 1)
    made.header["sform_code"] = 1
    nibabel.save(made, tmp_path / "a.nii")
    np.testing.assert_allclose(open_volume(tmp_path / "a.nii").affine, rotation(3), atol=1e-4)


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_orientation_is_that_of_nibabel(seed: int) -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.random.default_rng(seed).normal(size=(3, 3))
    assert orientation(affine) == "".join(nibabel.aff2axcodes(affine))


def test_orientation_of_a_flat_affine_is_an_error() -> None:
    with pytest.raises(SettingError, match="can be inverted"):
        orientation(np.zeros((4, 4)))


@pytest.mark.parametrize(("unit", "mm"), [("meter", 1000), ("mm", 1), ("micron", 0.001)])
def test_units_become_millimetres(tmp_path: Path, unit: str, mm: float) -> None:
    made = image(ramp((4, 3, 2, 5)), np.diag([2, 3, 4, 1]))
    made.header.set_xyzt_units(unit, "msec")
    made.header["pixdim"][4] = 250
    nibabel.save(made, tmp_path / "a.nii")
    volume = open_volume(tmp_path / "a.nii")
    np.testing.assert_allclose(volume.spacing_mm, np.array([2, 3, 4]) * mm)
    np.testing.assert_allclose(volume.affine, np.diag([2 * mm, 3 * mm, 4 * mm, 1]))
    assert (volume.header["time_step"], volume.header["time_unit"]) == ("250", "ms")


@pytest.mark.parametrize(
    ("stored_dtype", "slope", "intercept", "expected"),
    [
        ("i2", 1, 0, "i2"),
        ("i2", 0, 5, "i2"),
        ("i2", float("nan"), 5, "i2"),
        ("u2", 1, -1024, "i4"),
        ("u1", 1, -100, "i2"),
        ("u1", 2, 0, "u2"),
        ("u1", -1, 0, "i2"),
        ("i2", 0.37, 11.5, "f4"),
        ("i2", 0.001, 100000.0, "f8"),
        ("i4", 0.37, 0, "f8"),
        ("i8", 1, 1, "f8"),
        ("f4", 0.37, 1, "f8"),
        ("i2", 3e38, 0, "f8"),
        ("c8", 0.5, 1, "c16"),
    ],
)
def test_scaled_values_are_those_of_nibabel_in_the_smallest_type(
    tmp_path: Path, stored_dtype: str, slope: float, intercept: float, expected: str
) -> None:
    path = tmp_path / "a.nii.gz"
    nibabel.save(image(ramp((7, 5, 3), stored_dtype)), path)
    data = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(patched(data, _112=struct.pack("<ff", slope, intercept))))
    volume, kind = open_volume(path), np.complex128 if stored_dtype == "c8" else np.float64
    theirs = nibabel.load(path).get_fdata(dtype=kind)
    raster = volume.read()
    assert volume.dtype == raster.array.dtype == expected
    np.testing.assert_array_equal(raster.array, theirs.astype(expected))
    if expected != "f4":
        np.testing.assert_array_equal(raster.array, theirs)
    np.testing.assert_array_equal(volume.slice("Y", 2), raster.array[:, 2])


def test_an_intercept_that_is_no_number_is_refused(plain: bytes) -> None:
    data = patched(plain, _112=struct.pack("<ff", 2, float("inf")))
    with pytest.raises(FormatError, match="intercept inf"):
        read(data)


@pytest.mark.parametrize("channels", [3, 4])
def test_colours_are_channels(tmp_path: Path, channels: int) -> None:
    names = [("RGBA"[each], "u1") for each in range(channels)]
    array = np.random.default_rng(0).integers(0, 255, (5, 4, 3, channels), np.uint8)
    nibabel.save(
        nibabel.Nifti1Image(array.view(np.dtype(names))[..., 0], OBLIQUE), tmp_path / "a.nii"
    )
    volume = open_volume(tmp_path / "a.nii")
    assert (volume.axes, volume.shape) == ("XYZC", (5, 4, 3, channels))
    assert volume.photometric == ("rgb" if channels == 3 else "rgba")
    np.testing.assert_array_equal(volume.read().array, array)
    for axis, place in (("X", 4), ("Y", 1), ("Z", 2), ("C", 0)):
        expected = array.take(place, "XYZC".index(axis))
        np.testing.assert_array_equal(volume.slice(axis, place), expected)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_slices_are_those_of_the_whole(tmp_path: Path, suffix: str) -> None:
    array = ramp((70, 60, 20, 3), "i4")
    path = tmp_path / f"a{suffix}"
    nibabel.save(image(array), path)
    for volume in (open_volume(path), open_volume(path.read_bytes())):
        for number, axis in enumerate("XYZT"):
            for index in (0, 1, -1, array.shape[number] - 1):
                expected = array.take(index, number)
                np.testing.assert_array_equal(volume.slice(axis, index), expected)


def test_places_that_are_not_there_are_named(plain: bytes) -> None:
    volume = open_volume(plain)
    with pytest.raises(SettingError, match=r"Axis Z .* has 2 places, none with index 2"):
        volume.slice("Z", 2)
    with pytest.raises(SettingError, match="no axis 'T'"):
        volume.slice("T", 0)


def test_a_large_gzip_file_is_indexed_once_and_again_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("indexed_gzip")
    monkeypatch.setattr(stored, "_INDEX_FROM_BYTES", 1 << 20)
    array = np.random.default_rng(0).integers(0, 3000, (100, 90, 80), np.int16)
    path, folder = tmp_path / "a.nii.gz", Settings.from_environment().cache / "indexes"
    nibabel.save(image(array), path)
    for index in (50, 3, 79):
        np.testing.assert_array_equal(open_volume(path).slice("Z", index), array[..., index])
    assert len([each for each in folder.iterdir() if each.suffix == ".index"]) == 1
    nibabel.save(image(array[::-1]), path)
    os.utime(path, ns=(1, 1))
    np.testing.assert_array_equal(open_volume(path).slice("Z", 79), array[::-1, :, 79])
    assert len([each for each in folder.iterdir() if each.suffix == ".index"]) == 2


def test_slices_need_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "_INDEX_FROM_BYTES", 1)
    (tmp_path / "cache").write_text("a file where the folder should be")
    nibabel.save(image(ramp((40, 30, 20))), tmp_path / "a.nii.gz")
    values = open_volume(tmp_path / "a.nii.gz").slice("Z", 7)
    np.testing.assert_array_equal(values, ramp((40, 30, 20))[..., 7])


WITHOUT_EXTRA = """
import sys, hashlib
sys.modules.update({"isal": None, "indexed_gzip": None})
from pathlib import Path
from medshelf.formats import stored, nifti
stored._INDEX_FROM_BYTES = 1
volume = nifti.open_volume(Path(sys.argv[1]))
for array in (volume.read().array, volume.slice("Z", 7)):
    print(hashlib.sha256(array.tobytes("F")).hexdigest())
"""


def test_without_the_extra_the_bytes_are_the_same(tmp_path: Path) -> None:
    import hashlib

    array = np.random.default_rng(0).integers(0, 3000, (100, 90, 80), np.int16)
    nibabel.save(image(array), tmp_path / "a.nii.gz")
    words = [sys.executable, "-c", WITHOUT_EXTRA, str(tmp_path / "a.nii.gz")]
    printed = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
    expected = [hashlib.sha256(each.tobytes("F")).hexdigest() for each in (array, array[..., 7])]
    assert printed == expected


def test_a_handle_can_be_pickled(tmp_path: Path) -> None:
    nibabel.save(image(ramp((4, 3, 2))), tmp_path / "a.nii.gz")
    volume = pickle.loads(pickle.dumps(open_volume(tmp_path / "a.nii.gz")))
    np.testing.assert_array_equal(volume.read().array, ramp((4, 3, 2)))


def test_values_mapped_from_a_file_are_not_written_to_it(tmp_path: Path, plain: bytes) -> None:
    raster = read(tmp_path / "plain.nii")
    raster.array[...] = 0
    assert (tmp_path / "plain.nii").read_bytes() == plain


def test_gzip_in_several_members_is_read_through(plain: bytes) -> None:
    data = b"".join(gzip.compress(plain[at : at + 100]) for at in range(0, len(plain), 100))
    np.testing.assert_array_equal(read(data).array, ramp((4, 3, 2)))


def test_trailing_bytes_are_ignored_but_not_what_gzip_does_not_know(plain: bytes) -> None:
    for data in (plain + b"more", gzip.compress(plain + b"more"), gzip.compress(plain) + bytes(9)):
        np.testing.assert_array_equal(read(data).array, ramp((4, 3, 2)))
    with pytest.raises(FormatError, match="compressed data"):
        read(gzip.compress(plain) + b"garbage")


HUGE = struct.pack("<8h", 5, *(32767,) * 7)
REFUSED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda data: data[:0], "neither 348 nor 540"),
    "short header": (lambda data: data[:300], "header ends after 300"),
    "text": (lambda data: b"hello" + data, "no NIfTI file"),
    "magic": (lambda data: patched(data, _344=b"xx\0\0"), r"ANALYZE 7\.5"),
    "truncated values": (lambda data: data[:-1], "4x3x2 values of int16"),
    "truncated gzip": (lambda data: gzip.compress(data)[:-12], "end too early|ends? .* too early"),
    "gzip checksum": (
        lambda data: patched(gzip.compress(data), **{f"_{len(gzip.compress(data)) - 8}": b"abcd"}),
        "compressed data are damaged",
    ),
    "gzip of too little": (lambda data: gzip.compress(data[:-4]), "values end 4 bytes too early"),
    "gzip twice": (lambda data: gzip.compress(gzip.compress(data)), "compressed with gzip twice"),
    "huge": (lambda data: patched(data, _40=HUGE), "too few for the"),
    "huge in gzip": (lambda data: gzip.compress(patched(data, _40=HUGE)), "too few for the"),
    "negative length": (
        lambda data: patched(data, _40=struct.pack("<4h", 3, 4, -3, 2)),
        r"dimensions \[3, 4, -3, 2",
    ),
    "no axes": (lambda data: patched(data, _40=b"\0\0"), "dimensions"),
    "eight axes": (lambda data: patched(data, _40=b"\x08\0"), "dimensions"),
    "six axes": (
        lambda data: patched(data, _40=struct.pack("<8h", 6, 2, 2, 1, 2, 1, 3, 1)),
        "6 dimensions",
    ),
    "float128": (lambda data: patched(data, _70=b"\x00\x06"), "NIfTI type 1536"),
    "values in header": (lambda data: patched(data, _108=struct.pack("<f", 100)), "start at byte"),
    "values nowhere": (
        lambda data: patched(data, _108=struct.pack("<f", float("nan"))),
        "start at byte nan",
    ),
    "values far away": (lambda data: patched(data, _108=struct.pack("<f", 1e15)), "too few"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_broken_files_are_refused_with_the_reason(tmp_path: Path, plain: bytes, name: str) -> None:
    break_, reason = REFUSED[name]
    (tmp_path / "a.nii").write_bytes(break_(plain))
    for source in (tmp_path / "a.nii", break_(plain)):
        with pytest.raises(FormatError, match=reason) as caught:
            read(source)
        assert str(tmp_path / "a.nii" if isinstance(source, Path) else "(bytes)") in str(
            caught.value
        )


def test_paths_that_are_no_files_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.nii")
    for name, reason in (("none.nii", "No such file"), ("", "no regular"), ("pipe.nii", "no regu")):
        with pytest.raises(FormatError, match=reason):
            open_volume(tmp_path / name)


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_mutated_files_raise_nothing_but_our_errors(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.nii"
        content = image(ramp((4, 3, 2))).to_bytes()
        if data.draw(st.booleans()):
            content = gzip.compress(content, mtime=0)
        changed = bytearray(content)
        for _ in range(data.draw(st.integers(1, 8))):
            changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
        end = data.draw(st.integers(0, 2 * len(changed)))
        path.write_bytes(changed[:end])
        for source in (path, bytes(changed[:end])):
            with suppress(MedshelfError):
                volume = open_volume(source)
                volume.slice("X", 0)
                volume.read()


RASTERS = {
    "picture": Raster(ramp((5, 4)), "YX", spacing_mm=(0.5, 0.7)),
    "volume": Raster(ramp((5, 4, 3), "f4"), "ZYX", affine=rotation(1)),
    "series": Raster(ramp((5, 4, 3, 2), "u2"), "XYZT", affine=rotation(2)),
    "shear": Raster(ramp((5, 4, 3), "i4"), "XYZ", affine=OBLIQUE),
    "vectors": Raster(ramp((5, 4, 3, 3), "f8"), "XYZC", affine=rotation(4)),
    "big endian": Raster(ramp((5, 4, 3), ">i2"), "XYZ", affine=rotation(5)),
    "long": Raster(ramp((40000, 2), "u4"), "XY", spacing_mm=(1.0, 2.0)),
    "texts": Raster(
        ramp((5, 4, 3, 2)),
        "XYZT",
        affine=rotation(6),
        header={
            "descrip": "an é" * 30,
            "intent_name": "labels",
            "intent_code": "1002",
            "qform_code": "2",
            "sform_code": "4",
            "time_step": "2.5",
            "time_unit": "s",
        },
    ),
}


@pytest.mark.parametrize("name", RASTERS)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_what_is_written_comes_back(tmp_path: Path, name: str, suffix: str) -> None:
    raster, path = RASTERS[name], tmp_path / f"a{suffix}"
    write(path, raster)
    again, theirs = read(path), nibabel.load(path)
    order = "".join(sorted(raster.axes, key="XYZTC".index))
    values = again.array.squeeze()
    np.testing.assert_array_equal(values, raster.as_axes(order))
    assert values.dtype == raster.array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(np.asarray(theirs.dataobj), again.array)
    if raster.affine is None:
        assert again.affine is None
        np.testing.assert_allclose(again.spacing_mm[: len(raster.spacing_mm)], raster.spacing_mm)
        return
    np.testing.assert_allclose(again.affine, raster.affine, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(theirs.affine, raster.affine, rtol=1e-6, atol=1e-6)
    qform, code = theirs.get_qform(coded=True)
    assert code == (0 if name == "shear" else 2 if name == "texts" else 1)
    if code:
        np.testing.assert_allclose(qform, raster.affine, rtol=1e-5, atol=1e-4)
    for key, text in raster.header.items():
        assert text.startswith(again.header[key])
        assert len(again.header[key].encode()) >= min(77, len(text))


@pytest.mark.parametrize("seed", range(20))
def test_the_qform_that_is_written_is_the_affine(tmp_path: Path, seed: int) -> None:
    affine = rotation(seed)
    if seed < 4:  # half turns, where the first part of the quaternion is 0
        affine[:3, :3] = np.diag([[-1, -1, 1], [1, -1, -1], [-1, 1, -1], [1, 1, 1]][seed])
    write(tmp_path / "a.nii", Raster(ramp((4, 3, 2)), "XYZ", affine=affine))
    qform = nibabel.load(tmp_path / "a.nii").get_qform()
    np.testing.assert_allclose(qform, affine, rtol=1e-5, atol=1e-4)


def test_simpleitk_sees_what_is_written_at_the_same_place(tmp_path: Path) -> None:
    raster = RASTERS["volume"]
    write(tmp_path / "a.nii.gz", raster)
    theirs = SimpleITK.ReadImage(str(tmp_path / "a.nii.gz"))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(theirs), raster.as_axes("ZYX"))
    for index in ([0, 0, 0], [2, 3, 4]):
        point = np.array(theirs.TransformIndexToPhysicalPoint(index)) * (-1, -1, 1)
        np.testing.assert_allclose(point, (raster.affine @ [*index, 1])[:3], atol=1e-3)


@pytest.mark.parametrize("photometric", ["rgb", None])
def test_colours_that_are_written_come_back(tmp_path: Path, photometric: str | None) -> None:
    array = np.random.default_rng(0).integers(0, 255, (4, 5, 3), np.uint8)
    write(tmp_path / "a.nii.gz", Raster(array, "YXC", photometric))  # type: ignore[arg-type]
    again = read(tmp_path / "a.nii.gz")
    assert again.photometric == photometric
    np.testing.assert_array_equal(again.array.squeeze(), array.transpose(1, 0, 2))
    n_axes = nibabel.load(tmp_path / "a.nii.gz").ndim
    assert n_axes == (2 if photometric else 5)


def test_masks_are_written_as_uint8_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    mask = Raster(ramp((40, 30, 20)) > 500, "XYZ", affine=rotation(1))
    for name in ("one.nii.gz", "two.nii.gz"):
        write(tmp_path / name, mask)
    assert (tmp_path / "one.nii.gz").read_bytes() == (tmp_path / "two.nii.gz").read_bytes()
    assert (tmp_path / "one.nii.gz").read_bytes()[3:8] == bytes(5)  # neither name nor time
    again = read(tmp_path / "one.nii.gz").array
    assert again.dtype == np.uint8
    np.testing.assert_array_equal(again, mask.array)


@pytest.mark.parametrize(
    ("name", "raster", "reason"),
    [
        ("a.mha", RASTERS["volume"], "no name for NIfTI"),
        ("a.nii", Raster(ramp((4, 3), "f2"), "XY"), "no place for float16"),
        ("a.nii", Raster(np.array([["a"]]), "XY"), "no place for <U1"),
        ("a.nii", Raster(np.zeros((0, 3)), "XY"), "holds no values"),
        ("a.nii", Raster(ramp((4, 3)), "XY", affine=np.zeros((4, 4))), "has no inverse"),
        ("a.nii", Raster(ramp((4, 3)), "XY", header={"time_step": "x"}), "time step 'x'"),
    ],
)
def test_what_cannot_be_written_is_an_error_and_leaves_nothing(
    tmp_path: Path, name: str, raster: Raster, reason: str
) -> None:
    with pytest.raises(SettingError, match=reason):
        write(tmp_path / name, raster)
    assert not list(tmp_path.iterdir())


def test_real_files_are_read_as_nibabel_reads_them(real_data: Path) -> None:
    paths = sorted(
        path
        for name in ("msd", "kits23", "verse", "ct_example")
        for path in (real_data.parent / name).rglob("*.nii.gz")
    )
    if not paths:
        pytest.skip("There are no NIfTI files beside the real MedMNIST files")
    for path in paths:
        theirs, volume = nibabel.load(path), open_volume(path)
        raster = volume.read()
        assert np.array_equal(raster.array, np.asarray(theirs.dataobj)), path
        assert raster.array.dtype == theirs.get_data_dtype()
        np.testing.assert_allclose(raster.affine, theirs.affine, rtol=1e-6)
        assert orientation(raster.affine) == "".join(nibabel.aff2axcodes(theirs.affine))
        np.testing.assert_array_equal(volume.slice("Z", 5), raster.array[:, :, 5])
