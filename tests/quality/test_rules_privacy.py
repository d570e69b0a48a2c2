"""Each rule of privacy finds what is planted, says nothing of stand-ins, and shows no value."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image, ImageDraw

from medshelf.catalog.record import Record
from medshelf.core.issues import Issue
from medshelf.core.manifest import Manifest, Meta
from medshelf.quality.case import Case
from medshelf.quality.measures import MEDIA_MEASURES, REGION_MEASURES, Measures
from medshelf.quality.measuring.headers import HEADERS
from medshelf.quality.passes import Passes
from medshelf.quality.personal.identifying import kind_of
from medshelf.quality.personal.personal_text import PATTERNS, find_personal
from medshelf.quality.rulebook import chosen_rules
from tests.quality import identified_files as files
from tests.quality.miniatures import as_manifest, picture_rows, pictures, volumes

pytest.importorskip("pydicom")

STANDING_IN = {
    "PatientName": "ANONYMOUS",
    "PatientID": "0000",
    "PatientBirthDate": "19570101",
    "PatientAddress": None,
    "PatientTelephoneNumbers": None,
    "OtherPatientIDs": "d41d8cd98f00b204",
    "AccessionNumber": "",
    "ReferringPhysicianName": "",
    "InstitutionName": "REMOVED",
    "StationName": "XXXXX",
    "StudyDate": "19000101",
    "StudyID": "1",
    "StudyDescription": None,
    "ImageComments": None,
    "DeviceSerialNumber": None,
    **{f"{each}InstanceUID": f"2.25.{n}" for n, each in enumerate(("Study", "Series", "SOP"))},
    "FrameOfReferenceUID": "2.25.77",
}


def case_of(manifest: Manifest, record: Record | None = None) -> Case:
    return Case(manifest, record, Passes(workers=0))


def issues(manifest: Manifest, *select: str) -> list[Issue]:
    """Return what rules of the area find."""
    case = case_of(manifest)
    rules = chosen_rules(select or ["privacy"])
    return [each for rule in rules if not rule.missing(case) for each in rule.check(case)]


@pytest.mark.parametrize("make", [pictures, volumes])
def test_clean_miniatures_have_no_issue(tmp_path: Path, make: Any) -> None:
    assert issues(make(tmp_path / "clean")) == []


def test_identifiers_are_found_by_kind_and_never_shown(tmp_path: Path) -> None:
    manifest = files.manifest_of(tmp_path, {"a.dcm": files.dicom(), "b.dcm": files.dicom()})
    found = issues(manifest, "dicom-identifiers", "dicom-free-text", "dicom-private-tags")
    severity = {each.where.removeprefix("DICOM "): each.severity for each in found}
    assert severity == {
        **dict.fromkeys(("name", "birth-date", "contact"), "error"),
        **dict.fromkeys(("id", "place", "date", "personal text"), "warning"),
        **dict.fromkeys(("scanner-uid", "text", "DICOM"), "info"),
    }
    assert all(each.samples == ("a", "b") for each in found)
    shown = json.dumps([each.as_dict() for each in found])
    assert not [each for each in files.secrets_of(files.PERSON) if each in shown]
    name = next(each for each in found if each.where == "DICOM name")
    patient = next(each for each in name.evidence if each["tag"] == "0010,0010")
    assert (patient["n_files"], patient["n_different"]) == (2, 1)


def test_only_the_files_that_hold_names_are_named(tmp_path: Path) -> None:
    plain = files.dicom(**STANDING_IN)
    manifest = files.manifest_of(tmp_path, {"a.dcm": plain, "b.dcm": files.dicom()})
    (name,) = [each for each in issues(manifest, "dicom-identifiers") if "name" in each.where]
    assert name.samples == ("b",)


def test_stand_ins_are_no_identifiers(tmp_path: Path) -> None:
    manifest = files.manifest_of(tmp_path, {"a.dcm": files.dicom(**STANDING_IN)})
    assert issues(manifest, "dicom-identifiers") == []


@pytest.mark.parametrize("name", ["Maskell^Shannon", "王^伟", "Casey^Ann", "ÅSTRÖM^EVA", "Li^Wei"])
def test_names_are_no_stand_ins(name: str) -> None:
    assert kind_of("PN", "PatientName", name, is_descriptor=False) == "name"


@pytest.mark.parametrize("name", ["JANE^DOE", "Anonymous", "LIDC-IDRI-0001", "----", "Patient^A"])
def test_stand_ins_are_no_names(name: str) -> None:
    assert kind_of("PN", "PatientName", name, is_descriptor=False) in ("placeholder", "pseudonym")


def test_numbers_and_dates_that_a_file_says_are_replaced_are_none(tmp_path: Path) -> None:
    from pydicom.dataset import Dataset

    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "113107", "DCM", "Dates"
    stated = {
        **STANDING_IN,
        "PatientID": "123456789",
        "StudyDate": "20190317",
        "PatientIdentityRemoved": "YES",
        "DeidentificationMethodCodeSequence": [code],
    }
    manifest = files.manifest_of(tmp_path, {"a.dcm": files.dicom(**stated)})
    assert issues(manifest, "dicom-identifiers") == []
    del stated["PatientIdentityRemoved"]
    manifest = files.manifest_of(tmp_path / "b", {"a.dcm": files.dicom(**stated)})
    assert [each.where for each in issues(manifest, "dicom-identifiers")] == ["DICOM id"]


@pytest.mark.parametrize("data", [b"", b"\0" * 200, files.dicom()[:300], b"DICM" * 99])
def test_damaged_files_become_rows_and_no_crash(tmp_path: Path, data: bytes) -> None:
    manifest = files.manifest_of(tmp_path, {"a.dcm": data, "b.dcm": files.dicom()})
    headers = case_of(manifest).headers
    assert headers.schema == HEADERS
    broken = headers.filter(pl.col("kind") == "error")
    assert broken["sample_id"].to_list() == ["a"]
    assert broken["note"].is_not_null().all()
    assert headers.filter(pl.col("sample_id") == "b").height > 10


def test_no_value_is_in_the_cache(tmp_path: Path) -> None:
    manifest = files.manifest_of(tmp_path / "raw", {"a.dcm": files.dicom()})
    assert case_of(manifest).headers.height
    kept = [each.read_bytes() for each in sorted((tmp_path / "cache").rglob("*")) if each.is_file()]
    assert kept
    for secret in files.secrets_of(files.PERSON):
        assert not [data for data in kept if secret.encode() in data]
    assert not [each.name for each in sorted((tmp_path / "cache").rglob("key"))]


def test_one_worker_and_two_find_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = files.manifest_of(tmp_path / "raw", {f"{n}.dcm": files.dicom() for n in range(3)})
    alone = case_of(manifest).headers
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    together = Case(manifest, passes=Passes(workers=2)).headers
    assert alone.drop("digest").equals(together.drop("digest"))


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        ("PNG", {"header gps", "header name", "header serial", "header text"}),
        ("JPEG", {"header gps", "header name", "header serial", "header text"}),
        ("TIFF", {"header gps", "header name", "header serial", "header text"}),
        ("WEBP", {"header gps", "header name", "header serial", "header text"}),
        ("GIF", {"header text"}),
    ],
)
def test_metadata_of_pictures(tmp_path: Path, kind: str, where: set[str]) -> None:
    suffix = {"JPEG": "jpg", "TIFF": "tif"}.get(kind, kind.lower())
    manifest = files.manifest_of(tmp_path, {f"a.{suffix}": files.picture(kind)})
    found = issues(manifest, "file-metadata")
    assert {each.where for each in found} == where
    assert "Weatherby" not in json.dumps([each.as_dict() for each in found])


def test_a_name_in_the_text_of_a_nifti(tmp_path: Path) -> None:
    files.nifti(tmp_path / "a.nii.gz")
    data = (tmp_path / "a.nii.gz").read_bytes()
    (issue,) = issues(files.manifest_of(tmp_path, {"a.nii.gz": data}), "file-metadata")
    assert (issue.where, issue.samples) == ("header name", ("a",))


def test_a_file_that_says_its_pixels_hold_text(tmp_path: Path) -> None:
    said = {"a.dcm": files.dicom(BurnedInAnnotation="YES"), "b.dcm": files.dicom()}
    (issue,) = issues(files.manifest_of(tmp_path, said), "burned-in-text")
    assert (issue.severity, issue.samples) == ("warning", ("a",))


def test_lettering_that_is_seen(tmp_path: Path) -> None:
    manifest = pictures(tmp_path / "p")
    image = Image.fromarray(np.full((512, 512), 40, np.uint8))
    ImageDraw.Draw(image).text((12, 10), "WEATHERBY 17", fill=250, font_size=30)
    image.save(tmp_path / "p/images/005.png")
    (issue,) = issues(manifest, "burned-in-text")
    assert (issue.severity, issue.where, issue.samples) == ("info", "pixels", ("005",))
    case = Case(manifest, passes=Passes(workers=0))
    placed = case.measures.media.with_columns(affine=pl.lit(np.eye(4).ravel().tolist()))
    case.__dict__["measures"] = Measures(placed, case.measures.regions)
    (rule,) = chosen_rules(["burned-in-text"])
    assert list(rule.check(case)) == [], "a slice of a volume holds anatomy, no lettering"


TEXTS = {
    "name-with-title": "Findings were discussed with Dr. Smith by phone",
    "signature": "Electronically signed by: Anna Maria Jones",
    "stated-name": "患者姓名\uff1a王小明",
    "identity-card": "身份证号11010519491231002X",
    "social-security-number": "SSN 123-45-6789",
    "record-number": "住院号\uff1a0012345",
    "phone": "手机号13812345678",
    "email": "write to a.jones@clinic.org",
    "address": "lives at 17 Larchwood Road",
    "full-date": "compared with 03/14/2011",
    "age-over-89": "A 93-year-old woman",
}
HARMLESS = [
    "Dr. ___ was told on [**2011-3-14**] by XXXX; Dr. XXXX agrees",
    "姓名:张某 姓名:未知 年龄 45岁",
    "11010519491231002Y 110105194912310021",
    "T1 3/4 L2-3 10-12-14 mm, 1.3812345678 in 2011",
    "95 years of follow-up, 45-year-old, MS Contin 30 mg",
]


def test_each_pattern_is_found_and_nothing_else() -> None:
    assert set(TEXTS) == set(PATTERNS)
    texts = pl.LazyFrame({"row": range(len(TEXTS)), "text": list(TEXTS.values())})
    assert find_personal(texts, ["row"])["kind"].to_list() == list(TEXTS)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_masked_or_harmless_is_no_match(text: str) -> None:
    assert find_personal(pl.LazyFrame({"text": [text]}), []).is_empty()


def test_report_patterns_look_into_every_text(tmp_path: Path) -> None:
    pictures(tmp_path / "p")
    number = pl.int_range(pl.len())
    fields = {each: pl.lit(None, pl.String) for each in ("impression", "caption", "context")}
    fields["findings"] = pl.when(number == 3).then(pl.lit(TEXTS["phone"]))
    rows = picture_rows().with_columns(
        text=pl.struct(pl.lit("No change.").alias("report"), **fields),
        question=pl.when(number == 5).then(pl.lit(TEXTS["email"])),
        answers=pl.when(number == 6).then(pl.concat_list(pl.lit(TEXTS["address"]))),
    )
    found = issues(as_manifest(rows, tmp_path / "p"), "report-patterns")
    assert {each.where: each.samples for each in found} == {
        "phone": ("003",), "email": ("005",), "address": ("006",),
    }  # fmt: skip
    assert found[0].evidence[0]["column"] == "text.findings"
    assert "13812345678" not in json.dumps([each.as_dict() for each in found])


def head(n_x: int, spacing: float, floor: float) -> dict[str, Any]:
    return {
        "role": "image", "name": "t1", "path": f"{n_x}.nii.gz", "n_x": n_x, "n_y": 256, "n_z": 256,
        "spacing_x_mm": spacing, "spacing_y_mm": 1.0, "spacing_z_mm": 1.0, "minimum": 0.0,
        "percentiles": [0.0, 0.0, 0.0, 0.0, 0.0, floor, 900.0],
    }  # fmt: skip


def test_only_whole_heads_that_are_not_stripped_may_show_a_face(tmp_path: Path) -> None:
    rows = [head(176, 1.0, 80.0), head(40, 1.0, 80.0), head(175, 1.0, 0.0), head(30, 6.0, 80.0)]
    table = pl.DataFrame(
        [{**each, "row": n, "sample_id": str(n)} for n, each in enumerate(rows)], MEDIA_MEASURES
    )
    ids = pl.DataFrame({"sample_id": [str(n) for n in range(4)]})
    manifest = as_manifest(ids, tmp_path, Meta("heads", "Heads"))
    record = Record(
        id="heads", name="Heads", group="head-neck", dimensions=("3d",), modalities=("mri",),
        tasks=("segmentation",), anatomy=("brain",), access="open",
    )  # fmt: skip
    for known, expected in (
        (record, [("0",)]),
        (record.model_copy(update={"anatomy": ("liver",)}), []),
    ):
        case = case_of(manifest, known)
        case.__dict__["measures"] = Measures(table.lazy(), pl.LazyFrame(schema=REGION_MEASURES))
        (rule,) = chosen_rules(["face-in-head-volume"])
        assert [each.samples for each in rule.check(case)] == expected


def test_real_reports_that_were_masked_give_no_match(real_data: Path) -> None:
    path = real_data.parent / "iu_xray/indiana_reports.csv"
    if not path.is_file():
        pytest.skip("There are no reports of the Indiana University collection at hand")
    reports = pl.scan_csv(path).unpivot(
        ["findings", "impression", "indication", "comparison"], index="uid"
    )
    assert find_personal(reports, ["uid"], "value").is_empty()
