"""What a DICOM file says, as text: any encoding, with or without its meta information."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from medshelf.core.errors import FormatError, MissingExtraError
from medshelf.formats import dicom
from tests.formats.dicom_files import (
    BIG_ENDIAN,
    EXPLICIT,
    IMPLICIT,
    UNCOMPRESSED,
    make_dicom,
    make_image,
)

PIXELS = make_image(12, (5, 6))


def without_meta(data: bytes) -> bytes:
    return data[144 + int.from_bytes(data[140:144], "little") :]


@pytest.mark.parametrize("syntax", UNCOMPRESSED)
def test_values_are_text_in_the_order_of_the_file(syntax: str) -> None:
    data = make_dicom(
        PIXELS,
        syntax,
        PatientID=" 7 ",
        PixelSpacing=[0.5, 0.25],
        ImageType=["ORIGINAL", "PRIMARY"],
        RealWorldValueSlope=None,
        RecommendedDisplayFrameRate="25",
        ExposureInuAs="",
        TriggerSamplePosition=[70000, 2],
        DiffusionBValue=1000.5,
    )
    header = dicom.read_header(data)
    assert header["PatientID"] == "7"
    assert header["PixelSpacing"] == "0.5\\0.25"
    assert header["ImageType"] == "ORIGINAL\\PRIMARY"
    assert (header["Rows"], header["Columns"]) == ("5", "6")
    assert header["TriggerSamplePosition"] == "70000\\2"
    assert header["DiffusionBValue"] == "1000.5"
    assert header["TransferSyntaxUID"] == syntax
    assert "ExposureInuAs" not in header
    assert "PixelData" not in header
    keywords = list(header)
    assert keywords.index("SOPClassUID") < keywords.index("PatientID") < keywords.index("Rows")


@pytest.mark.parametrize(("signed", "text"), [(False, "63536"), (True, "-2000")])
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN])
def test_a_value_of_two_kinds_follows_the_pixels(syntax: str, signed: bool, text: str) -> None:
    pixels = PIXELS.astype(np.int16 if signed else np.uint16)
    data = make_dicom(pixels, syntax, PixelPaddingValue=-2000 if signed else 63536)
    assert dicom.read_header(data)["PixelPaddingValue"] == text


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN])
def test_files_without_preamble_or_meta_information_are_read(syntax: str) -> None:
    data = make_dicom(PIXELS, syntax, Modality="CT")
    bare = without_meta(data)
    for each in (bare, b"\0" * 128 + b"DICM" + bare, data[132:]):
        raster = dicom.read(each)
        np.testing.assert_array_equal(raster.array, PIXELS)
        assert raster.header["TransferSyntaxUID"] == syntax


def test_a_wrong_statement_of_explicit_or_implicit_does_no_harm() -> None:
    for stated, true in ((EXPLICIT, IMPLICIT), (IMPLICIT, EXPLICIT)):
        data, other = make_dicom(PIXELS, stated), make_dicom(PIXELS, true)
        start = len(data) - len(without_meta(data))
        np.testing.assert_array_equal(dicom.read(data[:start] + without_meta(other)).array, PIXELS)


def test_names_are_decoded_as_their_character_set_says() -> None:
    for charset, name in (
        ("ISO_IR 100", "Müller^Ä"),
        ("ISO_IR 192", "王^小明"),
        ("GB18030", "王^小明"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"),
    ):
        data = make_dicom(PIXELS, SpecificCharacterSet=charset, PatientName=name)
        assert dicom.read_header(data)["PatientName"] == name
    undeclared = make_dicom(PIXELS, PatientComments="abcd").replace(b"abcd", "éé".encode())
    assert dicom.read_header(undeclared)["PatientComments"] == "éé"
    latin = make_dicom(PIXELS, PatientComments="abcd").replace(b"abcd", "é123".encode("latin-1"))
    assert dicom.read_header(latin)["PatientComments"] == "é123"


@pytest.mark.parametrize("undefined", [False, True])
def test_codes_give_their_meanings_in_the_character_set_of_the_file(undefined: bool) -> None:
    code = Dataset()
    code.CodeMeaning = "头部"
    data = make_dicom(PIXELS, SpecificCharacterSet="GB18030", ViewCodeSequence=[code, code])
    if undefined:
        plain = make_dicom(PIXELS, SpecificCharacterSet="GB18030", ViewCodeSequence=[code])
        at = plain.index(b"\x54\0\x20\2SQ")
        length = int.from_bytes(plain[at + 8 : at + 12], "little")
        end = at + 12 + length
        data = plain[: at + 8] + b"\xff\xff\xff\xff" + plain[at + 12 : end]
        data += b"\xfe\xff\xdd\xe0\0\0\0\0" + plain[end:]
    expected = "头部" if undefined else "头部\\头部"
    header = dicom.read_header(data)
    assert header["ViewCodeSequence"] == expected
    assert "CodeMeaning" not in header
    np.testing.assert_array_equal(dicom.read(data).array, PIXELS)


def test_objects_without_pixels_have_a_header_only() -> None:
    data = make_dicom(None, Modality="RTSTRUCT", StructureSetLabel="organs")
    assert dicom.read_header(data)["StructureSetLabel"] == "organs"
    with pytest.raises(FormatError, match=r"no pixel data \(modality RTSTRUCT\)"):
        dicom.read(data)


@pytest.mark.parametrize(
    "data", [b"", b"DICM", b"\x89PNG\r\n\x1a\n" + b"\0" * 500, b"a,b\n1,2\n" * 50]
)
def test_what_is_no_dicom_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"x\.dcm: "):
        dicom.read(path)
    with pytest.raises(FormatError, match=r"\(bytes\): "):
        dicom.read_header(data)


def test_paths_that_are_no_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="No such file"):
        dicom.read(tmp_path / "absent.dcm")
    with pytest.raises(FormatError, match="no regular file"):
        dicom.read_header(tmp_path)


def test_the_array_outlives_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(make_dicom(PIXELS))
    raster = dicom.read(path)
    path.write_bytes(b"")
    np.testing.assert_array_equal(raster.array, PIXELS)
    raster.array[0, 0] = 1


def test_without_pydicom_the_command_that_installs_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = make_dicom(PIXELS)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(MissingExtraError, match=r'pip install "medshelf\[dicom\]"'):
        dicom.read(data)
