"""DICOM files of real scanners: the test data of pydicom, and others where they are at hand."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest

from medshelf.core.errors import FormatError
from medshelf.formats import dicom

FOLDER = Path(pydicom.data.__file__).parent / "test_files"
FILES = sorted(FOLDER.rglob("*.dcm"))
WITHOUT_IMAGE = {
    "DICOMDIR-empty.dcm", "ExplVR_BigEndNoMeta.dcm", "ExplVR_LitEndNoMeta.dcm", "UN_sequence.dcm",
    "empty_charset_LEI.dcm", "meta_missing_tsyntax.dcm", "nested_priv_SQ.dcm",
    "no_meta_group_length.dcm", "priv_SQ.dcm", "reportsi.dcm",
    "reportsi_with_empty_number_tags.dcm", "rtplan.dcm", "rtstruct.dcm", "test-SR.dcm",
    "waveform_ecg.dcm",
}  # fmt: skip
DAMAGED = {
    "JPEG2000-embedded-sequence-delimiter.dcm", "MR_truncated.dcm", "badVR.dcm", "no_meta.dcm",
    "rtplan_truncated.dcm",
}  # fmt: skip
ONLY_HERE = {"JPEG-lossy.dcm"}
LOSSY_JPEG = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"}  # codecs round differently


def theirs(path: Path) -> tuple[np.ndarray, pydicom.Dataset]:
    from pydicom.pixels import apply_color_lut, apply_modality_lut

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path, force=True)
        pixels = dataset.pixel_array
        if dataset.PhotometricInterpretation == "PALETTE COLOR":
            return apply_color_lut(pixels, dataset) >> 8, dataset
        return apply_modality_lut(pixels, dataset), dataset


@pytest.mark.skipif(not FILES, reason="The installed pydicom has no test files")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_pydicoms_files_have_the_values_that_pydicom_reads(path: Path) -> None:
    if path.name in WITHOUT_IMAGE | DAMAGED:
        with pytest.raises(FormatError, match=path.name.split("-", maxsplit=1)[0]):
            dicom.read(path)
        return
    raster = dicom.read(path)
    if path.name in ONLY_HERE:
        assert raster.array.shape == (1024, 256)
        return
    expected, dataset = theirs(path)
    assert raster.array.shape == expected.shape
    apart = np.abs(raster.array.astype(np.float64) - expected).max()
    assert apart <= (3 if dataset.file_meta.TransferSyntaxUID in LOSSY_JPEG else 0)
    assert raster.array.dtype.isnative
    assert raster.header["SOPClassUID"] == dataset.get("SOPClassUID", raster.header["SOPClassUID"])


def test_a_real_series_has_the_geometry_that_simpleitk_reads(real_data: Path) -> None:
    simpleitk = pytest.importorskip("SimpleITK")
    folder = real_data.parent / "dicom_structural" / "dicoms"
    if not folder.is_dir():
        pytest.skip("There is no folder dicom_structural beside the real MedMNIST files")
    reader = simpleitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    series, issues = dicom.find_series(folder)
    assert [len(each.paths) for each in series] == [12]
    assert issues == []
    raster = dicom.read_series(reversed(series[0].paths))
    np.testing.assert_array_equal(raster.array, simpleitk.GetArrayFromImage(image))
    assert raster.affine is not None
    for index in ((0, 0, 0), (10, 20, 3), (273, 383, 11)):
        lps = image.TransformIndexToPhysicalPoint(index)
        ours = raster.affine @ (*index, 1)
        np.testing.assert_allclose(ours[:3], np.array(lps) * (-1, -1, 1), atol=1e-3)


@pytest.mark.parametrize("name", ["test1.dcm", "test2.dcm"])
def test_real_chest_films_are_read(real_data: Path, name: str) -> None:
    path = real_data.parent / "nih_chest_xray_dicom" / name
    if not path.is_file():
        pytest.skip("There is no folder nih_chest_xray_dicom beside the real MedMNIST files")
    raster = dicom.read(path)
    np.testing.assert_array_equal(raster.array, theirs(path)[0])
    assert raster.array.shape == (1024, 1024)
