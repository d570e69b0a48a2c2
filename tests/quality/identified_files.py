"""Files that name a person in every place where a format lets them: DICOM, pictures, NIfTI."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from PIL import Image, PngImagePlugin

from medshelf.core import columns as c
from medshelf.core.assembly import assemble
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats import nifti_writer
from medshelf.formats.raster import Raster

PERSON: dict[str, Any] = {
    "PatientName": "Weatherby^Josephine",
    "PatientID": "MRN4711223",
    "PatientBirthDate": "19571123",
    "PatientAddress": "17 Larchwood Close",
    "PatientTelephoneNumbers": "0208-555-0134",
    "OtherPatientIDs": "ALT9922334",
    "AccessionNumber": "ACC7788990",
    "ReferringPhysicianName": "Okonkwo^Bartholomew",
    "InstitutionName": "Ravensbourne Infirmary",
    "StationName": "RAVCT0099",
    "StudyDate": "20190317",
    "StudyTime": "101112",
    "StudyID": "ST445566",
    "StudyDescription": "Thorax for Dr. Okonkwo",
    "ImageComments": "seen by Fitzgibbon on ward",
    "DeviceSerialNumber": "SN8877665",
    "StudyInstanceUID": "1.3.12.2.1107.5.1.4.55555.1",
    "SeriesInstanceUID": "1.3.12.2.1107.5.1.4.55555.2",
    "SOPInstanceUID": "1.3.12.2.1107.5.1.4.55555.3",
    "FrameOfReferenceUID": "1.3.12.2.1107.5.1.4.55555.4",
    "PatientAge": "061Y",
    "PatientSex": "F",
}
PIXELS = (np.arange(48 * 40).reshape(48, 40) * 7 % 4096).astype(np.uint16)
SYNTAX = "1.2.840.10008.1.2.1"


def secrets_of(tags: dict[str, Any]) -> list[str]:
    """Return what must not be found in a cleaned file: values and the words of names."""
    told = [str(value) for value in tags.values() if len(str(value)) > 5]
    return [*told, *(word for value in told for word in value.split("^") if len(word) > 5)]


def dicom(syntax: str = SYNTAX, **tags: Any) -> bytes:
    """Make a CT slice with a private element, and a name deep in sequences that stay."""
    import pydicom
    from pydicom.dataset import Dataset, FileMetaDataset

    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    made.Modality, made.Manufacturer, made.BodyPartExamined = "CT", "Maker", "CHEST"
    with pydicom.config.disable_value_validation():
        for keyword, value in {**PERSON, **tags}.items():
            if value is not None:
                setattr(made, keyword, value)
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.file_meta.SourceApplicationEntityTitle = "RAVAETITLE"
    made.RequestAttributesSequence = [Dataset()]
    made.RequestAttributesSequence[0].RequestedProcedureDescription = str(made.PatientName)
    anatomy = Dataset()
    anatomy.CodeValue, anatomy.CodeMeaning = "51185008", "Chest"
    anatomy.ReferringPhysicianName = str(made.PatientName)
    made.AnatomicRegionSequence = [anatomy]
    made.SoftwareVersions = f"console of {made.PatientName}"  # a text that the table does not list
    block = made.private_block(0x0029, "RAVENSBOURNE PRIVATE", create=True)
    block.add_new(0x01, "LO", str(made.PatientName))
    made.Rows, made.Columns = PIXELS.shape
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
    made.PixelData = PIXELS.tobytes()
    made["PixelData"].VR = "OW"
    buffer = io.BytesIO()
    made.preamble = str(made.PatientName).encode()[:100].ljust(128, b"\0")
    pydicom.dcmwrite(buffer, made, enforce_file_format=True)
    return buffer.getvalue()


def picture(kind: str, *, turned: bool = False) -> bytes:
    """Make a PNG, JPEG, TIFF, WebP or GIF that names an owner, a camera and a place."""
    image = Image.fromarray(np.random.default_rng(3).integers(0, 255, (40, 56, 3), np.uint8))
    exif = Image.Exif()
    exif[0x013B], exif[0x010E] = "Josephine Weatherby", "seen by Dr. Okonkwo"
    exif.get_ifd(0x8769)[0xA431] = "SN8877665"
    exif.get_ifd(0x8825).update({1: "N", 2: (51.0, 30.0, 26.0), 3: "W", 4: (0.0, 7.0, 39.0)})
    if turned:
        exif[0x0112] = 6
    options: dict[str, Any] = {"exif": exif.tobytes()} if kind != "GIF" else {}
    if kind == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Author", "Josephine Weatherby")
        texts.add_itxt("Comment", "call 617-555-0134", zip=True)
        options["pnginfo"] = texts
    if kind in ("JPEG", "GIF"):
        options["comment"] = b"patient name: Weatherby"
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    behind = b"" if kind == "TIFF" else b"Weatherby behind the end"
    return buffer.getvalue() + (behind if kind != "WEBP" else b"")


def nifti(path: Path) -> None:
    """Write a NIfTI file with a name in a text field, another in an extension."""
    values = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    nifti_writer.write(path, Raster(values, "XYZ", spacing_mm=(1.0, 1.0, 2.0), affine=affine))
    data = bytearray(gzip.decompress(path.read_bytes()))
    data[148:168] = b"Weatherby^Josephine\0"
    note = b"Weatherby in an extension".ljust(40, b"\0")
    start = int(np.frombuffer(data[108:112], "<f4")[0])
    data[348:start] = b"\1\0\0\0"
    extension = (48).to_bytes(4, "little") + (6).to_bytes(4, "little") + note
    data[108:112] = np.float32(352 + len(extension)).tobytes()
    path.write_bytes(gzip.compress(bytes(data[:352]) + extension + bytes(data[start:])))


def manifest_of(root: Path, files: dict[str, bytes], **columns: list[Any]) -> Manifest:
    """Write files, and return a manifest with a row for each."""
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    suffix = [name.partition(".")[2] for name in files]
    rows = pl.DataFrame({"sample_id": [each.partition(".")[0] for each in files], **columns})
    rows = rows.with_columns(path=pl.Series(list(files)), format=pl.Series(suffix))
    image = c.media("image", member=None, format=pl.col("format"))
    rows = rows.with_columns(media=c.entries(image)).drop("path", "format")
    return assemble(rows, Meta("identified", "Identified"), root)
