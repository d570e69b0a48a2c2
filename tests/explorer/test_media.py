"""Pixels by row number: what is sent is what the files hold, in the place where it is."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi")

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from medshelf.dataset.masks import Grid
from medshelf.explorer import media as media_room
from medshelf.explorer.pixels.encoding import as_values
from medshelf.explorer.pixels.scene import Scene
from tests.explorer.pictured import (
    MARKER,
    ORIENTATIONS,
    SHAPE_LPS,
    SPACING_LPS,
    medium,
    phantom,
    save,
    write_oriented,
    write_volume,
)
from tests.explorer.shown import RAMP, Show

# Pictures


def test_each_thumbnail_shows_its_own_row(show: Show, root: Path) -> None:
    for number in range(12):
        save(root / f"{number}.png", np.full((30, 40), 20 * number, np.uint8))
    made = show(*([medium(f"{number}.png")] for number in range(12)))
    for number in range(12):
        small = made.picture(number, 0, "thumb.jpg?size=96")
        assert small.shape == (72, 96, 3)
        assert np.abs(small[36, 48].astype(int) - 20 * number).max() <= 2


def test_a_thumbnail_keeps_the_shape_of_its_picture(show: Show, root: Path) -> None:
    save(root / "wide.png", np.zeros((10, 1000), np.uint8))
    save(root / "dot.png", np.full((1, 1), 200, np.uint8))
    save(root / "photo.jpg", np.full((700, 500, 3), (200, 100, 50), np.uint8))
    made = show([medium("wide.png")], [medium("dot.png")], [medium("photo.jpg")])
    assert made.picture(0, 0, "thumb.jpg?size=128").shape == (1, 128, 3)
    dot = made.picture(1, 0, "thumb.jpg?size=16")
    assert dot.shape == (16, 16, 3)
    assert np.abs(dot.astype(int) - 200).max() <= 2
    photo = made.picture(2, 0, "thumb.jpg?size=128")
    assert photo.shape == (128, 91, 3)
    assert np.abs(photo[64, 45].astype(int) - (200, 100, 50)).max() <= 4


def test_a_picture_of_8_bits_is_sent_as_it_is(show: Show, root: Path) -> None:
    save(root / "a.png", RAMP)
    made = show([medium("a.png")])
    assert np.array_equal(made.picture(0, 0, "image.png"), RAMP)
    assert np.array_equal(made.values(0, 0, "image", 0), RAMP)
    (told,) = made.page(0)["images"]
    assert (told["low"], told["high"], told["colour"]) == (0, 255, False)


def test_colours_stay_and_have_no_single_value(show: Show, root: Path) -> None:
    colours = np.stack([RAMP, RAMP[::-1], RAMP[:, ::-1]], axis=-1)
    save(root / "a.png", colours)
    made = show([medium("a.png")])
    assert np.array_equal(made.picture(0, 0, "image.png"), colours)
    status, told = made.problem(0, 0, "slice/image/0.i16")
    assert (status, "image.png" in told) == (404, True)


def test_a_picture_states_no_millimetres(show: Show, root: Path) -> None:
    Image.fromarray(RAMP).save(root / "a.png", dpi=(72, 72))
    assert show([medium("a.png")]).page(0)["images"][0]["has_mm"] is False


@pytest.mark.parametrize(
    ("window", "expected"),
    [("", (0, 128, 255)), ("1000,400", (0, 255, 255)), ("45000,30000", (0, 0, 255))],
)
def test_16_bits_come_whole_and_windowed(
    show: Show, root: Path, window: str, expected: tuple[int, ...]
) -> None:
    values = np.array([[0, 30000, 60000]], np.uint16)
    save(root / "a.png", values)
    made = show([medium("a.png")])
    assert np.array_equal(made.values(0, 0, "image", 0), values)
    shown = made.picture(0, 0, f"image.png?window={window}")
    assert np.abs(shown.astype(int) - expected).max() <= 1


def test_a_dicom_picture_has_units_and_may_be_inverted(show: Show, root: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    stored = np.arange(12, dtype=np.uint16).reshape(3, 4)
    for number, kind in enumerate(("MONOCHROME2", "MONOCHROME1")):
        made = pydicom.Dataset()
        made.file_meta = pydicom.dataset.FileMetaDataset()
        made.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        made.file_meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
        made.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
        made.SOPClassUID, made.SOPInstanceUID = pydicom.uid.CTImageStorage, "1.2.3"
        made.Modality = "CT"
        made.Rows, made.Columns, made.PhotometricInterpretation = 3, 4, kind
        made.SamplesPerPixel, made.PixelRepresentation = 1, 0
        made.BitsAllocated = made.BitsStored = 16
        made.HighBit, made.RescaleSlope, made.RescaleIntercept = 15, 2, -1024
        made.RescaleType = "HU"
        made.PixelSpacing = [0.5, 0.25]
        made.PixelData = stored.tobytes()
        made.save_as(root / f"{number}.dcm", enforce_file_format=True)
    made = show([medium("0.dcm")], [medium("1.dcm")])
    assert np.array_equal(made.values(0, 0, "image", 0), stored * 2.0 - 1024)
    plain, inverted = (made.page(row)["images"][0] for row in (0, 1))
    assert (plain["unit"], plain["inverted"], inverted["inverted"]) == ("HU", False, True)
    assert (plain["cuts"][0]["row_mm"], plain["cuts"][0]["column_mm"]) == (0.5, 0.25)
    shown = [made.picture(row, 0, "image.png") for row in (0, 1)]
    assert np.array_equal(shown[0], 255 - shown[1])


# Values in 16 bit


whole = st.sampled_from([np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.bool_])


@given(whole.flatmap(lambda kind: arrays.arrays(kind, (3, 4))), st.integers(-(2**20), 2**20))
def test_whole_numbers_in_a_range_of_16_bits_are_exact(values: np.ndarray, offset: int) -> None:
    if values.dtype.itemsize > 2:
        values = (values % 65536).astype(np.int64) + offset
    assert np.array_equal(decoded(values), values)


@given(arrays.arrays(np.float32, (3, 4), elements=st.floats(-(2.0**99), 2.0**99, width=32)))
def test_real_numbers_are_off_by_half_a_step_at_most(values: np.ndarray) -> None:
    low, high = float(values.min()), float(values.max())
    step = max(high - low, 1e-30) / 65535
    slack = 4 * np.spacing(max(abs(low), abs(high)))
    assert np.abs(decoded(values) - values).max() <= step / 2 + slack


def test_what_is_not_finite_becomes_an_end_of_the_range() -> None:
    values = np.array([[np.nan, -np.inf, np.inf, 0.0, 10.0]], np.float32)
    assert np.allclose(decoded(values), [[0, 0, 10, 0, 10]], atol=1e-3)


def decoded(values: np.ndarray) -> np.ndarray:
    finite = values[np.isfinite(values)]
    low, high = float(finite.min()), float(finite.max())
    shown = Scene(values, None, "", "grey", None, low, high, Grid({}, None))
    found = as_values(shown, shown.plane("image", 0))
    return np.frombuffer(found.content, "<i2").reshape(values.shape) * found.slope + found.intercept


# Volumes


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_volume_is_seen_the_same_however_it_is_stored(
    show: Show, root: Path, orientation: str
) -> None:
    volume = phantom()
    write_oriented(root / "v.nii.gz", volume, orientation)
    stored = nib.load(root / "v.nii.gz")
    assert "".join(nib.aff2axcodes(stored.affine)) == orientation
    made = show([medium("v.nii.gz")])
    x, y, z = MARKER
    n_x, n_y, n_z = SHAPE_LPS
    # Radiological: the right of the patient is on the left, anterior or superior is at the top.
    axial = volume[:, :, z].T
    coronal = volume[:, y, ::-1].T
    sagittal = volume[x, :, ::-1].T
    assert np.array_equal(made.values(0, 0, "axial", z), axial)
    assert np.array_equal(made.values(0, 0, "coronal", y), coronal)
    assert np.array_equal(made.values(0, 0, "sagittal", x), sagittal)
    for found, place in (
        (axial, (y, x)),
        (coronal, (n_z - 1 - z, x)),
        (sagittal, (n_z - 1 - z, y)),
    ):
        assert np.unravel_index(found.argmax(), found.shape) == place
        assert all(at < n / 2 for at, n in zip(place, found.shape, strict=True))
    dx, dy, dz = SPACING_LPS
    (told,) = made.page(0)["images"]
    assert [
        (cut["axis"], cut["n_slices"], cut["rows"], cut["columns"], cut["edges"])
        for cut in told["cuts"]
    ] == [
        ("axial", n_z, n_y, n_x, "RLAP"),
        ("coronal", n_y, n_z, n_x, "RLSI"),
        ("sagittal", n_x, n_z, n_y, "APSI"),
    ]
    assert [(cut["row_mm"], cut["column_mm"]) for cut in told["cuts"]] == [
        pytest.approx(each) for each in ((dy, dx), (dz, dx), (dz, dy))
    ]
    assert told["has_mm"] is True


@pytest.mark.parametrize("orientation", [each for each in ORIENTATIONS if each[2] in "SI"])
def test_the_thumbnail_of_a_volume_is_its_middle_seen_from_below(
    show: Show, root: Path, orientation: str
) -> None:
    volume = np.zeros(SHAPE_LPS, np.int16)
    volume[:4, :4] = 1000
    write_oriented(root / "v.nii.gz", volume, orientation)
    small = show([medium("v.nii.gz")]).picture(0, 0, "thumb.jpg?size=96").astype(int)
    assert small.shape == (80, 96, 3)
    assert small[10, 10].min() > 240
    for place in ((70, 10), (10, 86), (70, 86)):
        assert small[place].max() < 15


def test_a_volume_without_orientation_is_shown_as_stored_and_said_so(
    show: Show, root: Path
) -> None:
    volume = phantom()
    np.save(root / "v.npy", volume.transpose(2, 1, 0))
    made = show([medium("v.npy")], dimensions=3)
    (told,) = made.page(0)["images"]
    assert [cut["edges"] for cut in told["cuts"]] == ["", "", ""]
    assert told["has_mm"] is False
    assert np.array_equal(made.values(0, 0, "axial", 6), volume[:, :, 6].T)
    page = made.client.get("/en/manifests/made/samples/0").text
    assert "states no orientation" in page


def test_a_slice_that_is_not_there_is_named(show: Show, root: Path) -> None:
    write_volume(root / "v.nii.gz", phantom(), SPACING_LPS)
    save(root / "a.png", RAMP)
    made = show([medium("v.nii.gz")], [medium("a.png")])
    assert made.problem(0, 0, "slice/axial/8.i16") == (
        400,
        "There is no slice 8 of 'axial' There are: axial 0 to 7, coronal 0 to 9, sagittal 0 to 11",
    )
    assert made.problem(1, 0, "slice/axial/0.i16")[0] == 400
    assert made.problem(1, 0, "volume.nii.gz")[0] == 404
    assert made.problem(0, 0, "slice/axial/-1.i16")[0] == 400
    for wrong in ("slice/oblique/0.i16", "slice/axial/x.i16", "slice/axial/0.i17"):
        assert made.get(0, 0, wrong).status_code == 404


@pytest.mark.parametrize("most", [512**3, 200])
def test_a_volume_for_3d_lies_where_the_slices_do(
    show: Show, root: Path, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_room, "MOST_IN_3D", most)
    volume = phantom()
    write_oriented(root / "v.nii.gz", volume, "PIR")
    answer = show([medium("v.nii.gz")]).get(0, 0, "volume.nii.gz")
    step = int(answer.headers["X-Step"])
    assert step == (1 if most > 1000 else 2)
    (root.parent / "got.nii.gz").write_bytes(answer.content)
    found = nib.load(root.parent / "got.nii.gz")
    assert "".join(nib.aff2axcodes(found.affine)) == "LPS"
    assert np.array_equal(np.asarray(found.dataobj), volume[::step, ::step, ::step])
    assert found.header.get_zooms() == pytest.approx([each * step for each in SPACING_LPS])


def test_a_film_or_a_fourth_axis_shows_its_middle(show: Show, root: Path) -> None:
    films = np.stack([phantom() + 100 * time for time in range(3)], axis=-1)
    affine = np.diag([-1.0, -2.0, 3.0, 1.0])
    nib.Nifti1Image(films, affine).to_filename(root / "v.nii")
    made = show([medium("v.nii")])
    assert np.array_equal(made.values(0, 0, "axial", 0), films[:, :, 0, 1].T)
