"""Each rule of integrity finds the fault that is planted, and nothing else does."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from medshelf.acquire.standing.lockfile import FilesLock, LockedFile
from medshelf.catalog.record import Record
from medshelf.core import columns as c
from medshelf.core.issues import Issue
from medshelf.core.manifest import Manifest, Meta
from medshelf.formats import nifti_writer
from medshelf.formats.raster import Raster
from medshelf.quality.case import Case
from medshelf.quality.measures import ERRORS, Measures
from medshelf.quality.passes import Passes
from medshelf.quality.rulebook import chosen_rules
from tests.quality.miniatures import EDGE, as_manifest, picture_rows, pictures, texture, volumes


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the tree of the clean pictures."""
    pictures(tmp_path / "pictures")
    return tmp_path / "pictures"


def issues(manifest: Manifest, record: Record | None = None, **settings: float) -> list[Issue]:
    """Return what all rules of the area find."""
    named = {name.replace("__", ".").replace("_", "-"): value for name, value in settings.items()}
    case = Case(manifest, record, Passes(workers=0), settings=named)
    rules = chosen_rules(["integrity"])
    return [each for rule in rules if not rule.missing(case) for each in rule.check(case)]


def only(manifest: Manifest, record: Record | None = None, **settings: float) -> Issue:
    (issue,) = issues(manifest, record, **settings)
    return issue


@pytest.mark.parametrize("make", [pictures, volumes])
def test_clean_miniatures_have_no_issue(tmp_path: Path, make: object) -> None:
    assert issues(make(tmp_path / "clean")) == []  # type: ignore[operator]


def test_a_set_without_images_has_no_issue(tmp_path: Path) -> None:
    rows = pl.DataFrame({"sample_id": ["a", "b"], "question": ["?", "!"]})
    assert issues(as_manifest(rows, tmp_path, Meta("questions", "Questions"))) == []


@pytest.mark.parametrize(
    ("share", "behind", "kind"),
    [(0.0, b"", "empty"), (0.5, b"", "truncated"), (0.0, b"GARBAGE" * 50, "damaged")],
)
def test_unreadable_media(root: Path, share: float, behind: bytes, kind: str) -> None:
    path = root / "images/007.png"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))] + behind)
    issue = only(as_manifest(picture_rows(), root))
    assert (issue.rule, issue.severity, issue.where) == ("unreadable-media", "error", kind)
    assert issue.samples == ("007",)
    assert issue.evidence[0]["file"] == "images/007.png"


@pytest.mark.parametrize("kind", ["empty", "truncated", "damaged", "mismatch", "crash"])
def test_every_kind_of_error_has_an_issue_of_its_own(root: Path, kind: str) -> None:
    case = Case(as_manifest(picture_rows(), root), passes=Passes(workers=0))
    media, regions = case.measures.media, case.measures.regions
    hit = pl.col("row").is_in([2, 5])
    error = pl.when(hit).then(pl.lit(kind)).cast(pl.Enum(ERRORS))
    case.__dict__["measures"] = Measures(media.with_columns(error=error), regions)
    (rule,) = chosen_rules(["unreadable-media"])
    (issue,) = rule.check(case)
    assert (issue.where, issue.samples) == (kind, ("002", "005"))
    assert issue.message.startswith("4 images or masks")


def test_a_place_that_a_container_has_not_is_unreadable(tmp_path: Path) -> None:
    np.savez(tmp_path / "all.npz", images=np.stack([texture(n, (32, 32)) for n in range(3)]))
    rows = pl.DataFrame({"sample_id": list("abcd"), "index": range(4)}).select(
        "sample_id",
        media=c.entries(
            c.media("image", path="all.npz", member="images", index=pl.col("index"), format="npz")
        ),
    )
    issue = only(as_manifest(rows, tmp_path, Meta("arrays", "Arrays", dimensions=2)))
    assert (issue.rule, issue.where, issue.samples) == ("unreadable-media", "missing", ("d",))


def test_undecoded_format(root: Path) -> None:
    (root / "slide.svs").write_bytes(b"slide")
    image = c.media("image", path="slide.svs", member=None, format="svs")
    number = pl.col("sample_id") == "003"
    rows = picture_rows().with_columns(
        media=pl.when(number).then(c.entries(image)).otherwise("media")
    )
    (root / "images/003.png").unlink()
    (root / "masks/003.png").unlink()
    issue = only(as_manifest(rows, root))
    assert (issue.rule, issue.severity, issue.where) == (
        "undecoded-format",
        "info",
        "format svs",
    )
    assert issue.samples == ("003",)


def test_constant_image(root: Path) -> None:
    for number, value in ((5, 0), (6, 9)):
        Image.new("L", (EDGE, EDGE), value).save(root / f"images/{number:03}.png")
    issue = only(as_manifest(picture_rows(), root))
    assert (issue.rule, issue.samples) == ("constant-image", ("005", "006"))
    assert [each["value"] for each in issue.evidence] == [0, 9]


def test_wrong_extension(root: Path) -> None:
    picture = Image.fromarray(texture(900, (EDGE, EDGE)))
    picture.save(root / "images/011.png", format="JPEG", quality=90)
    issue = only(as_manifest(picture_rows(), root))
    assert (issue.rule, issue.samples, issue.where) == ("wrong-extension", ("011",), "format png")
    assert issue.evidence[0]["actual_format"] == "jpg"


def test_a_dicom_file_that_begins_as_a_tiff_is_no_wrong_extension(root: Path) -> None:
    case = Case(as_manifest(picture_rows(), root), passes=Passes(workers=0))
    media = case.measures.media.with_columns(format=pl.lit("dcm"), actual_format=pl.lit("tif"))
    case.__dict__["measures"] = Measures(media, case.measures.regions)
    (rule,) = chosen_rules(["wrong-extension"])
    assert list(rule.check(case)) == []


def test_duplicate_files_between_samples(root: Path) -> None:
    for number in (4, 20):
        shutil.copy(root / "images/002.png", root / f"images/{number:03}.png")
    issue = only(as_manifest(picture_rows(), root))
    assert (issue.rule, issue.where) == ("duplicate-files", "between samples")
    assert issue.samples == ("002", "004", "020")
    assert issue.message.startswith("3 files that are copies of each other, in 1 group")


def test_a_mask_that_is_a_copy_of_its_image_is_a_duplicate(root: Path) -> None:
    binary = (texture(3, (EDGE, EDGE)) > 100).astype(np.uint8)
    Image.fromarray(binary).save(root / "images/009.png")
    shutil.copy(root / "images/009.png", root / "masks/009.png")
    issue = only(as_manifest(picture_rows(), root))
    assert (issue.rule, issue.where, issue.samples) == (
        "duplicate-files",
        "within a sample",
        ("009",),
    )


def test_rows_that_share_one_file_are_no_duplicates(root: Path) -> None:
    rows = picture_rows()
    asked = rows.with_columns(
        sample_id=pl.format("{}/2", "sample_id"), question=pl.lit("What is it?")
    )
    assert issues(as_manifest(pl.concat([rows, asked], how="diagonal"), root)) == []


@pytest.mark.parametrize("mask", [False, True])
def test_rows_without_files(root: Path, *, mask: bool) -> None:
    for number in (1, 39):
        (root / ("masks" if mask else "images") / f"{number:03}.png").unlink()
    issue = only(as_manifest(picture_rows(), root))
    assert (issue.rule, issue.severity) == ("rows-without-files", "error")
    assert issue.where == "there is no such file"
    assert issue.samples == ("001", "039")


def test_members_that_an_archive_has_not(root: Path) -> None:
    with zipfile.ZipFile(root / "images.zip", "w") as archive:
        for number in range(39):
            archive.write(root / f"images/{number:03}.png", f"images/{number:03}.png")
    shutil.rmtree(root / "images")
    path = pl.format("images/{}.png", "sample_id")
    media = c.media("image", path="images.zip", member=path, format="png")
    mask = c.media("mask", "mask", path=pl.format("masks/{}.png", "sample_id"), member=None,
                   format="png")  # fmt: skip
    manifest = as_manifest(picture_rows().with_columns(media=c.entries(media, mask)), root)
    issue = only(manifest)
    assert (issue.rule, issue.where) == ("rows-without-files", "the archive has no such member")
    assert issue.samples == ("039",)
    (root / "images.zip").write_bytes(b"PK no archive")
    found = {(each.rule, each.where): each for each in issues(manifest)}
    assert len(found["rows-without-files", "the archive cannot be read"].samples) == 40


def test_hostile_and_unstated_paths_are_no_files(root: Path) -> None:
    number = pl.col("sample_id")
    path = (
        pl.when(number == "000").then(pl.lit("../outside.png"))
        .when(number == "001").then(pl.lit("/etc/hostname"))
        .otherwise(pl.format("images/{}.png", number))
    )  # fmt: skip
    (root.parent / "outside.png").write_bytes((root / "images/000.png").read_bytes())
    rows = picture_rows().with_columns(
        media=c.entries(c.media("image", path=path, member=None, format="png"))
    )
    for each in ("000", "001"):
        (root / f"images/{each}.png").unlink()
    shutil.rmtree(root / "masks")
    issue = only(as_manifest(rows, root))
    assert issue.where == "the path leads out of the raw tree"
    assert issue.samples == ("000", "001")


def test_rows_without_an_image_are_told(root: Path) -> None:
    media = pl.when(pl.col("sample_id") != "008").then("media")
    (root / "images/008.png").unlink()
    (root / "masks/008.png").unlink()
    issue = only(as_manifest(picture_rows().with_columns(media=media), root))
    assert (issue.rule, issue.severity, issue.where) == ("rows-without-files", "info", "no image")
    assert issue.samples == ("008",)


def test_without_a_tree_all_files_are_missing(root: Path) -> None:
    manifest = as_manifest(picture_rows(), root.parent / "nowhere")
    issue = only(manifest)
    assert (issue.rule, len(issue.samples)) == ("rows-without-files", 40)


def test_files_without_rows(root: Path) -> None:
    (root / "extra").mkdir()
    Image.fromarray(texture(77, (EDGE, EDGE))).save(root / "extra/100.png")
    for name in ("LICENSE.txt", "labels.csv", "scan.nii.gz", "readme.pdf"):
        (root / name).write_bytes(b"text")
    issue = only(as_manifest(picture_rows(), root))
    assert (issue.rule, issue.severity, issue.samples) == ("files-without-rows", "info", ())
    assert [(each["folder"], each["n_files"]) for each in issue.evidence] == [("extra", 1)]
    assert "1 of 81" in issue.message


def record() -> Record:
    return Record.model_validate(
        {
            "id": "miniature-pictures",
            "name": "Miniature",
            "group": "chest",
            "domain": "medical",
            "dimensions": ["2D"],
            "modalities": ["x-ray"],
            "tasks": ["classification"],
            "sample_unit": "image",
            "access": "open",
            "sources": [{"name": "this test"}],
        }
    )


@pytest.fixture
def locked(root: Path) -> Path:
    """Lock three images as they are."""
    files = {}
    for number in range(3):
        name = f"images/{number:03}.png"
        content = (root / name).read_bytes()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        source = f"https://example.org/{name}"
        files[name] = LockedFile(name=name, size_bytes=len(content), sha256=digest, source=source)
    lock = FilesLock(dataset="miniature-pictures", files=files)
    (root / "miniature-pictures.files.lock").write_text(lock.model_dump_json(), "utf-8")
    return root


def test_lock_mismatch_by_length(locked: Path) -> None:
    assert issues(as_manifest(picture_rows(), locked), record()) == []
    with (locked / "images/001.png").open("ab") as file:
        file.write(b"more")
    issue = only(as_manifest(picture_rows(), locked), record())
    assert (issue.rule, issue.where, issue.samples) == ("lock-mismatch", "changed files", ("001",))


def test_lock_mismatch_by_hash_is_asked_for(locked: Path) -> None:
    path = locked / "images/002.png"
    content = bytearray(path.read_bytes())
    Image.fromarray(texture(555, (EDGE, EDGE))).save(path)
    changed = path.read_bytes()[: len(content)]
    path.write_bytes(changed + b"\0" * (len(content) - len(changed)))
    manifest = as_manifest(picture_rows(), locked)
    assert [each for each in issues(manifest, record()) if each.rule == "lock-mismatch"] == []
    found = issues(manifest, record(), lock_mismatch__hashes=1)
    (issue,) = [each for each in found if each.rule == "lock-mismatch"]
    assert (issue.where, issue.samples) == ("changed files", ("002",))
    assert str(issue.evidence[0]["expected"]).startswith("sha256:")


def test_not_finite(tmp_path: Path) -> None:
    manifest = volumes(tmp_path)
    values = texture(103, (24, 20, 16)).astype(np.float32)
    values[0, 0, :3] = np.nan, np.inf, -np.inf
    affine = np.diag([1, 1.5, 2, 1])
    raster = Raster(values, "XYZ", spacing_mm=(1, 1.5, 2), affine=affine)
    nifti_writer.write(tmp_path / "images/003.nii.gz", raster)
    issue = next(each for each in issues(manifest) if each.rule != "odd-bit-depth")
    assert (issue.rule, issue.where, issue.samples) == ("not-finite", "image image", ("003",))
    assert issue.evidence[0]["n_not_finite"] == 3


def test_odd_bit_depth(root: Path) -> None:
    colours = np.stack([texture(800 + each, (EDGE, EDGE)) for each in range(3)], axis=-1)
    Image.fromarray(colours).save(root / "images/030.png")
    deep = texture(810, (EDGE, EDGE)).astype(np.uint16) * 256
    Image.fromarray(deep).save(root / "images/031.png")
    issue = only(as_manifest(picture_rows(), root))
    assert (issue.rule, issue.severity, issue.where) == ("odd-bit-depth", "info", "image image")
    assert issue.samples == ("030", "031")
    assert {(each["dtype"], each["channels"]) for each in issue.evidence} == {
        ("uint8", 3),
        ("uint16", 1),
    }
