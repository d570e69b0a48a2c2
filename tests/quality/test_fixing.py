"""Corrected copies: values bit by bit, voxels where they were, the raw tree untouched."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import polars as pl
import pytest
import SimpleITK
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel.orientations import axcodes2ornt
from typer.testing import CliRunner

from medshelf.cli import fix_geometry as command
from medshelf.core import columns as c
from medshelf.core.assembly import assemble
from medshelf.core.errors import FormatError, SettingError, UnknownNameError
from medshelf.core.manifest import Manifest, Meta, read_manifest
from medshelf.dataset.dataset import Dataset
from medshelf.formats import nifti_writer
from medshelf.formats.raster import Raster
from medshelf.quality.case import Case
from medshelf.quality.fixing.copying import write_copy
from medshelf.quality.fixing.fix import Fixed, fix_geometry
from medshelf.quality.fixing.headers import Header, read_headers
from medshelf.quality.fixing.plan import Change
from medshelf.quality.fixing.turning import Turn
from medshelf.quality.judging.grids import turn_of
from medshelf.quality.passes import Passes
from medshelf.quality.rulebook import chosen_rules
from tests.quality.miniatures import SHAPE, SPACING_MM, drawn_mask, texture, volumes

AFFINE = np.diag([*SPACING_MM, 1.0])
AFFINE[:3, 3] = -20, 12.5, 7
CODES = ["".join(each) for each in (
    "RAS", "LAS", "LPS", "RPI", "PIR", "ASL", "SRA", "IPL", "SAR", "PSL", "IAR", "RIA",
)]  # fmt: skip


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Return eight volumes with masks, all RAS+."""
    return volumes(tmp_path / "raw")


def fix(manifest: Manifest, folder: Path, **options: object) -> Fixed:
    return fix_geometry(Case(manifest, passes=Passes(workers=0)), folder, **options)  # type: ignore[arg-type]


def reoriented(path: Path, code: str) -> None:
    """Turn a NIfTI file, by nibabel."""
    image = nibabel.load(path)
    start = nibabel.io_orientation(image.affine)
    turn = nibabel.orientations.ornt_transform(start, axcodes2ornt(code))
    turned = nibabel.Nifti1Image(np.asarray(image.dataobj), image.affine).as_reoriented(turn)
    nibabel.save(turned, path)


def put(path: Path, array: np.ndarray, affine: np.ndarray | None) -> None:
    spacing = SPACING_MM if affine is None else None
    nifti_writer.write(path, Raster(array, "XYZ", spacing_mm=spacing, affine=affine))


def bytes_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def by_file(told: tuple[dict, ...]) -> dict[str, dict]:
    return {each["file"]: each for each in told}


def geometry_issues(manifest: Manifest) -> list[str]:
    case = Case(manifest, passes=Passes(workers=0))
    return [each.rule for rule in chosen_rules(["geometry"]) for each in rule.check(case)]


def test_clean_volumes_need_nothing(manifest: Manifest, tmp_path: Path) -> None:
    fixed = fix(manifest, tmp_path / "out")
    assert (fixed.changes, fixed.unfixed, fixed.n_volumes) == ((), (), 16)
    link = tmp_path / "out/images/000.nii.gz"
    assert link.is_symlink()
    assert link.resolve() == (tmp_path / "raw/images/000.nii.gz").resolve()


def test_volumes_are_turned_to_one_orientation(manifest: Manifest, tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    for number, code in ((1, "LPS"), (2, "PIR"), (5, "LAS")):
        for kind in ("images", "masks"):
            reoriented(raw / f"{kind}/{number:03}.nii.gz", code)
    assert geometry_issues(manifest) == ["axis-flips", "mixed-orientations"]
    before = bytes_of(raw)
    fixed = fix(manifest, out)
    assert bytes_of(raw) == before
    assert len(fixed.changes) == 6
    for each in fixed.changes:
        assert each["steps"] == ["orientation"]
        source, copy = nibabel.load(raw / each["file"]), nibabel.load(out / each["copy"])
        canonical = nibabel.as_closest_canonical(source)
        assert np.array_equal(canonical.dataobj, copy.dataobj)
        assert canonical.dataobj.dtype == copy.dataobj.dtype
        assert np.abs(canonical.affine - copy.affine).max() < 1e-6
        assert np.abs(copy.get_qform() - copy.affine).max() < 1e-4
        assert before[each["file"]] == each["sha256_source"]
        assert hashlib.sha256((out / each["copy"]).read_bytes()).hexdigest() == each["sha256_copy"]
        assert each["moved_mm"] < 1e-6
    assert geometry_issues(read_manifest(out / "manifest.parquet", out)) == []


@pytest.mark.parametrize("affine", [None, np.diag([1.0, 1, 1, 1]), AFFINE])
def test_masks_get_the_header_of_their_image(
    manifest: Manifest, tmp_path: Path, affine: np.ndarray | None
) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    put(raw / "masks/003.nii.gz", drawn_mask(3, SHAPE), affine)
    fixed = fix(manifest, out, what=["masks"])
    (change,) = fixed.changes
    assert (change["file"], change["steps"]) == ("masks/003.nii.gz", ["masks"])
    copy, image = (nibabel.load(out / f"{kind}/003.nii.gz") for kind in ("masks", "images"))
    assert np.array_equal(copy.affine, image.affine)
    assert np.array_equal(copy.dataobj, drawn_mask(3, SHAPE))
    corrected = read_manifest(out / "manifest.parquet", out)
    assert Dataset(corrected).find("003").mask("liver").sum() == (drawn_mask(3, SHAPE) == 1).sum()
    assert corrected.meta.modified


def test_a_mask_on_its_image_in_other_directions_is_turned_not_relabelled(
    manifest: Manifest, tmp_path: Path
) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    reoriented(raw / "masks/006.nii.gz", "IPL")
    (change,) = fix(manifest, out, what=["masks"]).changes
    assert change["before"]["orientation"] == "IPL"
    assert np.array_equal(nibabel.load(out / "masks/006.nii.gz").dataobj, drawn_mask(6, SHAPE))


def test_a_mask_follows_its_image_through_all_steps(manifest: Manifest, tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    reoriented(raw / "images/004.nii.gz", "LPS")
    array = np.flip(drawn_mask(4, SHAPE), (0, 1))
    put(raw / "masks/004.nii.gz", array, np.diag([2.0, 2, 2, 1]))
    changes = by_file(fix(manifest, out).changes)
    assert changes["masks/004.nii.gz"]["steps"] == ["masks", "orientation"]
    assert np.array_equal(nibabel.load(out / "masks/004.nii.gz").dataobj, drawn_mask(4, SHAPE))
    assert geometry_issues(read_manifest(out / "manifest.parquet", out)) == []


def test_shear_is_taken_out_only_when_asked(manifest: Manifest, tmp_path: Path) -> None:
    sheared = AFFINE.copy()
    sheared[1, 2] = 2 * math.tan(math.radians(3))
    for kind, array in (("images", texture(1, SHAPE)), ("masks", drawn_mask(1, SHAPE))):
        put(tmp_path / f"raw/{kind}/001.nii.gz", array, sheared)
    assert fix(manifest, tmp_path / "a").changes == ()
    fixed = fix(manifest, tmp_path / "b", what=["shear"])
    assert [each["file"] for each in fixed.changes] == ["images/001.nii.gz", "masks/001.nii.gz"]
    copy = nibabel.load(tmp_path / "b/images/001.nii.gz")
    assert np.array_equal(copy.dataobj, texture(1, SHAPE))
    axes = copy.affine[:3, :3] / np.linalg.norm(copy.affine[:3, :3], axis=0)
    assert np.abs(axes.T @ axes - np.eye(3)).max() < 1e-6
    centre = [*(np.array(SHAPE) - 1) / 2, 1]
    assert np.abs((copy.affine - sheared) @ centre).max() < 1e-5
    spacing = np.linalg.norm(sheared[:3, :3], axis=0)
    assert np.allclose(copy.header.get_zooms(), spacing, atol=1e-6)
    assert copy.header["qform_code"] > 0


def altered(manifest: Manifest, **columns: pl.Expr) -> Manifest:
    rows = manifest.frame.collect().with_columns(**columns)
    return assemble(rows, Meta("altered", "A", dimensions=3), manifest.root)


def test_what_cannot_be_fixed_is_told_with_its_reason(manifest: Manifest, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    put(raw / "masks/000.nii.gz", drawn_mask(0, (24, 20, 15)), AFFINE)
    put(raw / "masks/001.nii.gz", drawn_mask(1, SHAPE), AFFINE @ np.diag([-1.0, -1, 1, 1]))
    (raw / "masks/002.nii.gz").write_bytes(b"no volume")
    reoriented(raw / "images/002.nii.gz", "LAS")
    reoriented(raw / "images/003.nii.gz", "LAS")
    box = c.box("lesion", [pl.lit(float(each)) for each in (1, 1, 5, 5)])
    drawn = pl.when(pl.col("sample_id") == "003").then(c.entries(box))
    fixed = fix(altered(manifest, shapes=drawn), tmp_path / "out")
    reasons = {each["file"]: each["reason"] for each in fixed.unfixed}
    assert reasons["masks/000.nii.gz"] == "it has another size than its image"
    assert "which is right is unknown" in reasons["masks/001.nii.gz"]
    assert "no NIfTI" in reasons["masks/002.nii.gz"]
    assert reasons["images/002.nii.gz"].startswith("masks/002.nii.gz of its sample is not turned")
    assert "shapes in pixels" in reasons["images/003.nii.gz"]
    assert all(each["samples"] for each in fixed.unfixed)
    (change,) = fixed.changes
    assert (change["file"], change["after"]["orientation"]) == ("masks/003.nii.gz", "LAS")


def test_gradients_and_single_slices_hold_a_volume_as_it_is(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    left = np.diag([-2.0, 2, 2, 1])
    four = np.stack([texture(each, (8, 9, 10)) for each in range(3)], axis=-1)
    for name in ("dwi", "bold"):
        nifti_writer.write(raw / f"{name}.nii", Raster(four, "XYZT", affine=left))
    (raw / "dwi.bvec").write_text("0 1 0\n0 0 1\n0 0 0\n", "utf-8")
    put(raw / "ct.nii", four[..., 0], left)
    name = pl.Series(["bold", "ct", "dwi"])
    rows = pl.DataFrame({"sample_id": name, "index": [1, 4, None]}).with_columns(
        media=c.entries(c.media("image", path=pl.format("{}.nii", "sample_id"), member=None,
                                index=pl.col("index"), format="nii"))
    )  # fmt: skip
    fixed = fix(assemble(rows.drop("index"), Meta("x", "X"), raw), tmp_path / "out")
    assert [each["file"] for each in fixed.changes] == ["bold.nii"]
    reasons = {each["file"]: each["reason"] for each in fixed.unfixed}
    assert "single slices" in reasons["ct.nii"]
    assert ".bvec" in reasons["dwi.nii"]
    copy = nibabel.load(tmp_path / "out/bold.nii")
    assert np.array_equal(copy.dataobj, four[::-1])


def test_members_and_other_formats_become_loose_nifti(tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    raw.mkdir()
    array = texture(5, SHAPE).astype(np.int16) - 77
    put(tmp_path / "a.nii", array, np.diag([-1.0, 1, 1, 1]))
    with zipfile.ZipFile(raw / "set.zip", "w") as archive:
        archive.write(tmp_path / "a.nii", "in/a.nii")
    image = SimpleITK.GetImageFromArray(array.transpose())
    image.SetSpacing((1, 2, 3))
    image.SetOrigin((5, 6, 7))
    SimpleITK.WriteImage(image, str(raw / "b.mha"))
    rows = pl.DataFrame(
        {
            "sample_id": ["a", "b"],
            "path": ["set.zip", "b.mha"],
            "member": ["in/a.nii", None],
            "suffix": ["nii", "mha"],
        }
    ).with_columns(media=c.entries(c.media("image")))
    manifest = assemble(rows.drop("path", "member", "suffix"), Meta("x", "X"), raw)
    fixed = fix(manifest, out)
    assert [each["copy"] for each in fixed.changes] == [
        "set.zip.corrected/in/a.nii",
        "b.mha.nii.gz",
    ]
    corrected = Dataset(read_manifest(out / "manifest.parquet", out))
    assert np.array_equal(corrected.find("a").image(), array[::-1])
    assert np.array_equal(corrected.find("b").image(), array[::-1, ::-1])
    copy = nibabel.load(out / "b.mha.nii.gz")
    assert nibabel.aff2axcodes(copy.affine) == ("R", "A", "S")
    first = copy.affine @ [SHAPE[0] - 1, SHAPE[1] - 1, 0, 1]
    assert np.allclose(first[:3], [-5, -6, 7], atol=1e-6)
    assert not (out / "b.mha").exists()
    assert (out / "set.zip").is_symlink()


@settings(max_examples=40)
@given(
    codes=st.tuples(st.sampled_from(CODES), st.sampled_from(CODES)),
    kind=st.sampled_from([np.uint8, np.int16, np.float32, np.float64]),
    order=st.sampled_from("<>"),
    scaling=st.sampled_from([(1.0, 0.0), (0.5, -3.25)]),
)
def test_any_nifti_keeps_its_stored_values_and_places(
    tmp_path_factory: pytest.TempPathFactory,
    codes: tuple[str, str],
    kind: type,
    order: str,
    scaling: tuple[float, float],
) -> None:
    folder = tmp_path_factory.mktemp("any")
    header = nibabel.Nifti1Header(endianness=order)
    header.set_data_dtype(np.dtype(kind).newbyteorder(order))
    header["descrip"], header["cal_max"] = b"kept", 12
    affine = AFFINE @ Turn(*turn_of("RAS", codes[0])).matrix((3, 4, 5))
    image = nibabel.Nifti1Image(np.arange(60).reshape(3, 4, 5).astype(kind), affine, header)
    image.header.set_slope_inter(*scaling)
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"kept as well"))
    nibabel.save(image, folder / "a.nii")
    (read,) = headers_of(folder)
    assert read.affine is not None
    change = Change(read, read.affine, Turn.between(read.affine, codes[1]), (), read.codes)
    assert write_copy(folder, change, folder / "b.nii") < 1e-6
    one, other = (nibabel.load(folder / name) for name in ("a.nii", "b.nii"))
    turn = nibabel.orientations.ornt_transform(*map(axcodes2ornt, codes))
    stored = nibabel.orientations.apply_orientation(np.asarray(one.dataobj.get_unscaled()), turn)
    assert np.array_equal(np.asarray(other.dataobj.get_unscaled()), stored)
    assert np.abs(other.affine - one.as_reoriented(turn).affine).max() < 1e-6
    assert nibabel.aff2axcodes(other.affine) == tuple(codes[1])
    assert kept_of(other) == kept_of(one)


def headers_of(root: Path) -> list[Header]:
    """Return the header of the only volume, `a.nii`."""
    media = c.entries(c.media("image", path="a.nii", member=None, format="nii"))
    rows = pl.DataFrame({"sample_id": ["a"]}).with_columns(media=media)
    return list(read_headers(Case(assemble(rows, Meta("x", "X"), root)))[0].values())


def kept_of(image: nibabel.Nifti1Image) -> tuple:
    """Return what a turn must not change."""
    header = image.header
    scaled = image.dataobj.slope, image.dataobj.inter
    texts = bytes(header["descrip"]), header.extensions[0].get_content()
    return header.get_data_dtype(), header.endianness, float(header["cal_max"]), *scaled, *texts


def test_colours_and_nifti_2_are_turned_as_well(tmp_path: Path) -> None:
    colours = np.stack([texture(each, (5, 6, 7)) for each in range(3)], axis=-1)
    left = np.diag([-1.0, 2, 3, 1])
    nifti_writer.write(tmp_path / "a.nii", Raster(colours, "XYZC", "rgb", affine=left))
    deep = nibabel.Nifti2Image(np.arange(210.0).reshape(5, 6, 7), left)
    deep.header["slice_code"], deep.header["slice_end"] = 3, 6
    (tmp_path / "two").mkdir()
    nibabel.save(deep, tmp_path / "two/a.nii")
    for root in (tmp_path, tmp_path / "two"):
        (header,) = headers_of(root)
        assert header.affine is not None
        change = Change(header, header.affine, Turn.between(header.affine, "SAR"), (), {})
        write_copy(root, change, root / "b.nii")
    copy = nibabel.load(tmp_path / "b.nii")
    stored = np.asarray(copy.dataobj)
    turned = np.stack([stored[each] for each in "RGB"], axis=-1)
    assert np.array_equal(turned, colours[::-1].transpose(2, 1, 0, 3))
    copy = nibabel.load(tmp_path / "two/b.nii")
    assert isinstance(copy, nibabel.Nifti2Image)
    assert np.array_equal(copy.dataobj, np.asarray(deep.dataobj)[::-1].transpose())
    assert (int(copy.header["slice_code"]), int(copy.header["slice_end"])) == (0, 0)


def test_an_sform_and_another_qform_are_both_turned(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), None)
    scanner = np.diag([-2.0, 2, 3, 1])
    template = scanner.copy()
    template[:3, 3] = 30, -40, 10
    image.set_qform(scanner, 1)
    image.set_sform(template, 4)
    nibabel.save(image, tmp_path / "a.nii")
    (header,) = headers_of(tmp_path)
    assert header.affine is not None
    change = Change(header, header.affine, Turn.between(header.affine, "RAS"), (), header.codes)
    write_copy(tmp_path, change, tmp_path / "b.nii")
    copy = nibabel.load(tmp_path / "b.nii")
    flip = Turn((0, 1, 2), (0,)).matrix((2, 3, 4))
    assert np.allclose(copy.get_sform(), template @ flip, atol=1e-6)
    assert np.allclose(copy.get_qform(), scanner @ flip, atol=1e-5)
    assert (int(copy.header["sform_code"]), int(copy.header["qform_code"])) == (4, 1)


def test_a_call_that_was_cut_off_goes_on(manifest: Manifest, tmp_path: Path) -> None:
    for number in range(8):
        for kind in ("images", "masks"):
            reoriented(tmp_path / f"raw/{kind}/{number:03}.nii.gz", "LPS")
    fix(manifest, tmp_path / "a")
    case = Case(manifest, passes=Passes(workers=2))
    fix_geometry(case, tmp_path / "b")
    whole = bytes_of(tmp_path / "a")
    names = [each for each in whole if each.endswith(".nii.gz")]
    assert {name: bytes_of(tmp_path / "b")[name] for name in names} == {
        name: whole[name] for name in names
    }
    (tmp_path / "a/.fix-geometry/shards/shard-00000002.jsonl").unlink()
    for name in ("manifest.parquet", "geometry.json", "images/004.nii.gz"):
        (tmp_path / "a" / name).unlink()
    kept = (tmp_path / "a/images/000.nii.gz").stat().st_mtime_ns
    fixed = fix(manifest, tmp_path / "a")
    assert bytes_of(tmp_path / "a") == whole
    assert (tmp_path / "a/images/000.nii.gz").stat().st_mtime_ns == kept
    assert len(fixed.changes) == 16


def test_the_record_says_all(manifest: Manifest, tmp_path: Path) -> None:
    reoriented(tmp_path / "raw/images/000.nii.gz", "LAS")
    put(tmp_path / "raw/masks/001.nii.gz", drawn_mask(0, (5, 5, 5)), AFFINE)
    fixed = fix(manifest, tmp_path / "out")
    record = json.loads((tmp_path / "out/geometry.json").read_text("utf-8"))
    assert record["dataset"] == "miniature-volumes"
    assert record["what"] == ["masks", "orientation"]
    assert [each["file"] for each in record["changes"]] == ["images/000.nii.gz"]
    assert record["changes"][0]["before"]["orientation"] == "LAS"
    assert record["changes"][0]["after"]["orientation"] == "RAS"
    assert record["changes"][0]["samples"] == ["000"]
    assert [each["file"] for each in record["unfixed"]] == ["masks/001.nii.gz"]
    assert record == json.loads(json.dumps({**record, **fixed.as_dict()}))


def test_a_dry_run_writes_nothing(manifest: Manifest, tmp_path: Path) -> None:
    reoriented(tmp_path / "raw/images/000.nii.gz", "LAS")
    fixed = fix(manifest, tmp_path / "out", dry_run=True)
    assert not (tmp_path / "out").exists()
    assert [each["file"] for each in fixed.changes] == ["images/000.nii.gz"]
    assert fixed.manifest is None


def test_folders_that_are_refused(manifest: Manifest, tmp_path: Path) -> None:
    for folder in (tmp_path / "raw", tmp_path / "raw/out", tmp_path):
        with pytest.raises(SettingError, match=r"lie in each other.*\n.*never written"):
            fix(manifest, folder)
    (tmp_path / "link").symlink_to(tmp_path / "raw")
    with pytest.raises(SettingError, match="lie in each other"):
        fix(manifest, tmp_path / "link/out")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("years", "utf-8")
    for overwrite in (False, True):
        with pytest.raises(SettingError, match="not what fix-geometry wrote"):
            fix(manifest, tmp_path / "mine", overwrite=overwrite)
    assert (tmp_path / "mine/thesis.tex").read_text("utf-8") == "years"


def test_another_call_needs_overwrite(manifest: Manifest, tmp_path: Path) -> None:
    out, raw = tmp_path / "out", tmp_path / "raw"
    reoriented(raw / "images/000.nii.gz", "LAS")
    fix(manifest, out)
    with pytest.raises(SettingError, match=r"another call.*\n.*--overwrite"):
        fix(manifest, out, orientation="LPS")
    before = bytes_of(raw)
    fix(manifest, out, orientation="LPS", overwrite=True)
    assert nibabel.aff2axcodes(nibabel.load(out / "images/007.nii.gz").affine) == ("L", "P", "S")
    assert bytes_of(raw) == before


@pytest.mark.parametrize("code", ["RAR", "RA", "XYZ", "RASL", ""])
def test_orientations_that_are_none(manifest: Manifest, tmp_path: Path, code: str) -> None:
    with pytest.raises(SettingError, match="is no orientation"):
        fix(manifest, tmp_path / "out", orientation=code)


def test_steps_that_are_none(manifest: Manifest, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="'mask'"):
        fix(manifest, tmp_path / "out", what=["mask"])
    with pytest.raises(SettingError, match="No step is named"):
        fix(manifest, tmp_path / "out", what=[])


def test_a_file_that_becomes_damaged_is_told(manifest: Manifest, tmp_path: Path) -> None:
    path = tmp_path / "raw/images/000.nii.gz"
    reoriented(path, "LAS")
    content = bytearray(path.read_bytes())
    content[-40:-20] = bytes(20)
    path.write_bytes(content)
    fixed = fix(manifest, tmp_path / "out")
    assert fixed.changes == ()
    assert [each["file"] for each in fixed.unfixed] == ["images/000.nii.gz"]
    assert (tmp_path / "out/images/000.nii.gz").is_symlink()


def test_members_with_hostile_names_are_left(tmp_path: Path) -> None:
    raw = tmp_path / "deep/raw"
    raw.mkdir(parents=True)
    put(tmp_path / "a.nii", texture(5, SHAPE), np.diag([-1.0, 1, 1, 1]))
    with zipfile.ZipFile(raw / "set.zip", "w") as archive:
        archive.write(tmp_path / "a.nii", "../../../evil.nii")
    media = c.media("image", path="set.zip", member="../../../evil.nii", format="nii")
    rows = pl.DataFrame({"sample_id": ["a"]}).with_columns(media=c.entries(media))
    fixed = fix(assemble(rows, Meta("x", "X"), raw), tmp_path / "deep/out")
    assert fixed.changes == ()
    assert fixed.unfixed[0]["reason"] == "its name leads out of its archive"
    assert not list(tmp_path.rglob("evil*"))


def test_a_place_that_the_header_cannot_hold_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "a.nii", texture(0, SHAPE), AFFINE)
    far = AFFINE.copy()
    far[0, 3] = 123_456.785
    (header,) = headers_of(tmp_path)
    with pytest.raises(FormatError, match=r"holds its place to 0\.00"):
        write_copy(tmp_path, Change(header, far, Turn(), (), {}), tmp_path / "b.nii")
    assert not (tmp_path / "b.nii").exists()


def run_command(*arguments: object) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(command.run)
    done = CliRunner().invoke(app, [*map(str, arguments), "--workers", "0"])
    return done.exit_code, done.stdout


def test_the_command_takes_a_manifest(manifest: Manifest, tmp_path: Path) -> None:
    reoriented(tmp_path / "raw/images/000.nii.gz", "LAS")
    put(tmp_path / "raw/masks/001.nii.gz", drawn_mask(0, (5, 5, 5)), AFFINE)
    manifest.write(tmp_path / "m.parquet")
    given = (tmp_path / "m.parquet", tmp_path / "out", "--root", tmp_path / "raw")
    code, text = run_command(*given, "--dry-run")
    assert code == 0
    assert "1 of 16 volumes would be corrected" in text
    code, text = run_command(*given)
    assert code == 0
    assert "images/000.nii.gz: orientation (LAS -> RAS)" in text
    assert "masks/001.nii.gz: it has another size than its image" in text
    shutil.rmtree(tmp_path / "out")
    code, text = run_command(*given, "--json", "--what", "orientation", "--orientation", "las")
    told = json.loads(text)
    assert len(told["changes"]) == 13
    assert {each["samples"][0] for each in told["unfixed"]} == {"001"}
    assert told["manifest"] == str(tmp_path / "out/manifest.parquet")
