"""Each rule of geometry finds the fault that is planted, and nothing else does."""

from __future__ import annotations

import math
from pathlib import Path

import nibabel
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medshelf.core import columns as c
from medshelf.core.assembly import assemble
from medshelf.core.issues import Issue
from medshelf.core.manifest import Manifest, Meta
from medshelf.dataset.masks import Grid
from medshelf.formats import nifti_writer
from medshelf.formats.geometry import affine_of, orientation
from medshelf.formats.raster import Raster
from medshelf.quality.case import Case
from medshelf.quality.judging.grids import GRID_COLUMNS, Grids, turn_of
from medshelf.quality.judging.orientations import right_handed_codes
from medshelf.quality.measures import MEDIA_MEASURES, Measures
from medshelf.quality.passes import Passes
from medshelf.quality.rulebook import chosen_rules
from tests.quality.miniatures import (
    N_VOLUMES,
    SHAPE,
    SPACING_MM,
    drawn_mask,
    pictures,
    texture,
    volumes,
)

AFFINE = np.diag([*SPACING_MM, 1.0])


def issues(manifest: Manifest, media: pl.DataFrame | None = None, **settings: float) -> list[Issue]:
    """Return what all rules of the area find; by the given measures, or by measuring."""
    named = {name.replace("__", ".").replace("_", "-"): value for name, value in settings.items()}
    case = Case(manifest, passes=Passes(workers=0), settings=named)
    if media is not None:
        case.__dict__["measures"] = Measures(media.lazy(), pl.LazyFrame())
    return [each for rule in chosen_rules(["geometry"]) for each in rule.check(case)]


def only(manifest: Manifest, media: pl.DataFrame | None = None) -> Issue:
    (issue,) = issues(manifest, media)
    return issue


def put(root: Path, name: str, array: np.ndarray, affine: np.ndarray | None) -> None:
    spacing = None if affine is None else tuple(np.linalg.norm(affine[:3, :3], axis=0))
    nifti_writer.write(root / name, Raster(array, "XYZ", spacing_mm=spacing, affine=affine))


def image(number: int) -> np.ndarray:
    return texture(100 + number, SHAPE).astype(np.int16) * 4 - 400


def both(root: Path, number: int, affine: np.ndarray | None) -> None:
    put(root, f"images/{number:03}.nii.gz", image(number), affine)
    put(root, f"masks/{number:03}.nii.gz", drawn_mask(number, SHAPE), affine)


def many(n: int, **altered: dict[int, object]) -> tuple[Manifest, pl.DataFrame]:
    """Return a manifest of `n` volumes, and measures of which some are altered by row."""
    name = pl.int_range(n).cast(pl.String).str.zfill(4)
    rows = pl.DataFrame({"n": range(n)}).select(sample_id=name, path=pl.format("{}.nii", name))
    media = c.entries(c.media("image", member=None, format="nii"))
    manifest = assemble(rows.with_columns(media=media).drop("path"), Meta("many", "M"), Path())
    columns: dict[str, object] = {
        "role": "image",
        "name": "image",
        **dict(zip(("n_x", "n_y", "n_z"), (512, 512, 100), strict=True)),
        **dict(zip((f"spacing_{axis}_mm" for axis in "xyz"), (0.8, 0.8, 5.0), strict=True)),
        "affine": [*AFFINE.ravel().tolist()],
        "orientation": "RAS",
        "oblique_degrees": 0.0,
        "shear_degrees": 0.0,
    }
    table = {
        key: [altered.get(key, {}).get(row, value) for row in range(n)]
        for key, value in columns.items()
    }
    facts = rows.with_row_index("row").with_columns(pl.lit(0).alias("place"))
    given = facts.hstack(pl.DataFrame(table)).to_dicts()
    return manifest, pl.DataFrame([{**each, "member": None} for each in given], MEDIA_MEASURES)


@pytest.mark.parametrize("make", [pictures, volumes])
def test_clean_miniatures_have_no_issue(tmp_path: Path, make: object) -> None:
    assert issues(make(tmp_path / "clean")) == []  # type: ignore[operator]


def test_clean_measures_have_no_issue() -> None:
    assert issues(*many(40)) == []


def test_mask_of_another_size(tmp_path: Path) -> None:
    manifest = volumes(tmp_path)
    put(tmp_path, "masks/002.nii.gz", drawn_mask(2, (24, 20, 15)), AFFINE)
    issue = only(manifest)
    assert (issue.rule, issue.severity, issue.where) == ("mask-geometry", "error", "size")
    assert issue.samples == ("002",)
    assert issue.evidence[0]["mask_size"] == "24 x 20 x 15"
    assert issue.evidence[0]["image_size"] == "24 x 20 x 16"


def test_mask_that_lies_elsewhere(tmp_path: Path) -> None:
    manifest = volumes(tmp_path)
    moved, rounded = AFFINE.copy(), AFFINE.copy()
    moved[0, 3], rounded[0, 3] = 0.51, 0.49
    put(tmp_path, "masks/001.nii.gz", drawn_mask(1, SHAPE), rounded)
    put(tmp_path, "masks/004.nii.gz", drawn_mask(4, SHAPE), moved)
    issue = only(manifest)
    assert (issue.rule, issue.where, issue.samples) == ("mask-geometry", "place", ("004",))
    assert issue.evidence[0]["apart_mm"] == pytest.approx(0.51)


def test_mask_of_another_spacing_without_affines(tmp_path: Path) -> None:
    manifest = volumes(tmp_path)
    for number in range(N_VOLUMES):
        array, drawn = image(number), drawn_mask(number, SHAPE)
        spacing = (1.0, 1.5, 3.0) if number == 6 else SPACING_MM
        for name, values, step in (("images", array, SPACING_MM), ("masks", drawn, spacing)):
            raster = Raster(values, "XYZ", spacing_mm=step)
            nifti_writer.write(tmp_path / name / f"{number:03}.nii.gz", raster)
    found = {each.rule: each for each in issues(manifest)}
    assert found["mask-geometry"].where == "place"
    assert found["mask-geometry"].samples == ("006",)


def test_mask_whose_axes_run_in_other_directions(tmp_path: Path) -> None:
    manifest = volumes(tmp_path)
    turned = nibabel.Nifti1Image(drawn_mask(3, SHAPE), AFFINE).as_reoriented(
        nibabel.orientations.axcodes2ornt("PSL")
    )
    nibabel.save(turned, tmp_path / "masks/003.nii.gz")
    issue = only(manifest)
    assert (issue.rule, issue.severity, issue.where) == ("mask-geometry", "warning", "axes")
    assert issue.samples == ("003",)
    assert issue.evidence[0]["mask_orientation"] != issue.evidence[0]["image_orientation"]


def test_transposed_mask_of_a_picture(tmp_path: Path) -> None:
    manifest = pictures(tmp_path)
    for number in range(40):
        from PIL import Image

        path = tmp_path / f"images/{number:03}.png"
        Image.fromarray(texture(number, (96, 64))).save(path)
        shape = (64, 96) if number == 12 else (96, 64)
        Image.fromarray(drawn_mask(number, shape)).save(tmp_path / f"masks/{number:03}.png")
    issue = only(manifest)
    assert (issue.rule, issue.where, issue.samples) == ("mask-geometry", "size", ("012",))


def test_axis_flips(tmp_path: Path) -> None:
    manifest = volumes(tmp_path)
    flipped = AFFINE @ np.diag([-1.0, 1, 1, 1])
    flipped[0, 3] = 23
    both(tmp_path, 5, flipped)
    issue = only(manifest)
    assert (issue.rule, issue.severity, issue.samples) == ("axis-flips", "warning", ("005",))
    assert "LAS, mostly RAS" in issue.message


def test_mixed_orientations(tmp_path: Path) -> None:
    manifest = volumes(tmp_path)
    both(tmp_path, 2, AFFINE @ np.diag([-1.0, -1, 1, 1]))
    both(tmp_path, 6, AFFINE @ np.diag([-1.0, -1, 1, 1]))
    issue = only(manifest)
    assert (issue.rule, issue.samples) == ("mixed-orientations", ("002", "006"))
    assert "2 of 8 volumes not RAS (LPS: 2)" in issue.message


def test_non_orthogonal(tmp_path: Path) -> None:
    manifest = volumes(tmp_path)
    sheared = AFFINE.copy()
    sheared[1, 2] = 2 * math.tan(math.radians(0.5))
    both(tmp_path, 1, sheared)
    issue = only(manifest)
    assert (issue.rule, issue.samples) == ("non-orthogonal", ("001",))
    assert issue.evidence[0]["shear_degrees"] == pytest.approx(0.5, abs=1e-3)


def test_oblique(tmp_path: Path) -> None:
    manifest = volumes(tmp_path)
    angle = math.radians(20)
    turn = np.eye(4)
    turn[:2, :2] = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    both(tmp_path, 0, turn @ AFFINE)
    issue = only(manifest)
    assert (issue.rule, issue.severity, issue.samples) == ("oblique", "info", ("000",))
    assert "1 of 8 volumes oblique, by 20.0 degrees" in issue.message


def test_masks_without_an_image_and_pictures_without_a_mask_have_no_issue() -> None:
    manifest, media = many(12)
    assert issues(manifest, media.with_columns(role=pl.lit("mask"))) == []


def test_spacing_outliers() -> None:
    manifest, media = many(40, spacing_z_mm={7: 1.0, 8: 5.5})
    issue = only(manifest, media)
    assert (issue.rule, issue.severity, issue.samples) == (
        "spacing-outliers",
        "warning",
        ("0007",),
    )
    assert issue.evidence[0]["median_spacing_z_mm"] == 5.0


def test_size_outliers() -> None:
    issue = only(*many(40, n_z={30: 3, 31: 110}))
    assert (issue.rule, issue.severity, issue.samples) == ("size-outliers", "info", ("0030",))
    assert issue.evidence[0]["n_z"] == 3


def test_mixtures_and_few_images_have_no_outliers() -> None:
    assert issues(*many(40, spacing_z_mm=dict.fromkeys(range(4), 1.0))) == []
    assert issues(*many(9, spacing_z_mm={0: 1.0})) == []


def test_chance_makes_no_outliers() -> None:
    random = np.random.default_rng(7)
    sizes = dict(enumerate((100 * np.exp(random.normal(0, 0.4, 3000))).astype(int).tolist()))
    assert issues(*many(3000, n_z=sizes)) == []


@pytest.mark.parametrize(("kind", "affine"), [("identity", np.eye(4)), ("place", None)])
def test_unstated_spacing(tmp_path: Path, kind: str, affine: np.ndarray | None) -> None:
    manifest = volumes(tmp_path)
    both(tmp_path, 7, affine)
    if affine is None:
        for name, array in (("images", image(7)), ("masks", drawn_mask(7, SHAPE))):
            raster = Raster(array, "XYZ", spacing_mm=SPACING_MM)
            nifti_writer.write(tmp_path / f"{name}/007.nii.gz", raster)
    found = issues(manifest)
    assert [(each.rule, each.severity, each.where) for each in found] == [
        ("unstated-spacing", "warning", f"image: {kind}"),
        ("unstated-spacing", "warning", f"mask: {kind}"),
    ]
    assert {each.samples for each in found} == {("007",)}


def test_a_set_that_states_no_spacing_at_all_is_told_mildly(tmp_path: Path) -> None:
    np.savez(tmp_path / "all.npz", images=np.stack([image(each) for each in range(3)]))
    where = c.media("image", path="all.npz", member="images", index=pl.col("n"), format="npz")
    rows = pl.DataFrame({"n": range(3), "sample_id": ["a", "b", "c"]}).with_columns(
        media=c.entries(where)
    )
    issue = only(assemble(rows.drop("n"), Meta("arrays", "A", dimensions=3), tmp_path))
    assert (issue.rule, issue.severity, issue.where) == (
        "unstated-spacing",
        "info",
        "image: spacing",
    )


def series(root: Path, name: str, places_mm: list[float], uid: str) -> list[str]:
    """Write DICOM slices at some places along Z; return their paths."""
    import pydicom
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    paths = []
    for number, place in enumerate(places_mm):
        data = pydicom.Dataset()
        data.file_meta = pydicom.dataset.FileMetaDataset()
        data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = CTImageStorage
        data.SOPInstanceUID = f"{uid}.{number}"
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
        data.SeriesInstanceUID, data.StudyInstanceUID = uid, "1.2.3"
        data.Modality, data.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
        data.Rows, data.Columns, data.SamplesPerPixel = 8, 8, 1
        data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
        data.PixelRepresentation, data.PhotometricInterpretation = 0, "MONOCHROME2"
        data.ImagePositionPatient = [0, 0, place]
        data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        data.PixelSpacing, data.SliceThickness = [1, 1], 2.5
        pixels = np.random.default_rng(number).integers(0, 999, (8, 8), np.uint16)
        data.PixelData = pixels.tobytes()
        path = root / name / f"{uid[-1]}{number:02}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        data.save_as(path, enforce_file_format=True)
        paths.append(path.relative_to(root).as_posix())
    return paths


def slices(root: Path, paths: list[str]) -> Manifest:
    rows = pl.DataFrame({"sample_id": paths, "path": paths}).with_columns(
        media=c.entries(c.media("image", member=None, format="dcm"))
    )
    return assemble(rows.drop("path"), Meta("slices", "S", unit="slice", dimensions=2), root)


def test_missing_slices_by_position(tmp_path: Path) -> None:
    whole = series(tmp_path, "a", [2.5 * n for n in range(10)], "1.2.1")
    gap = series(tmp_path, "b", [2.5 * n for n in range(12) if n not in (4, 5)], "1.2.2")
    issue = only(slices(tmp_path, whole + gap))
    assert (issue.rule, issue.where) == ("missing-slices", "positions")
    assert set(issue.samples) == set(gap)
    assert "2 slices missing in 1 series" in issue.message
    assert issue.evidence[0]["step_before"] == 7.5
    assert issue.evidence[0]["n_missing"] == 2


def test_two_series_in_one_folder_have_no_gaps(tmp_path: Path) -> None:
    thin = series(tmp_path, "a", [1.0 * n for n in range(20)], "1.2.1")
    thick = series(tmp_path, "a", [5.0 * n for n in range(8)], "1.2.2")
    assert issues(slices(tmp_path, thin + thick)) == []


def test_missing_slices_by_number(tmp_path: Path) -> None:
    numbers = [n for n in range(30) if n != 17]
    names = [f"s1/slice_{n:03}.png" for n in numbers] + [f"s2/slice_{n:03}.png" for n in range(9)]
    study = ["s1"] * len(numbers) + ["s2"] * 9
    rows = pl.DataFrame({"sample_id": names, "path": names, "study_id": study}).with_columns(
        media=c.entries(c.media("image", member=None, format="png"))
    )
    manifest = assemble(rows.drop("path"), Meta("frames", "F", dimensions=2), tmp_path)
    empty = pl.DataFrame(schema=MEDIA_MEASURES)
    issue = only(manifest, empty)
    assert (issue.rule, issue.where) == ("missing-slices", "numbers")
    assert set(issue.samples) == set(names[: len(numbers)])
    assert issue.evidence[0]["file"] == "s1/slice_018.png"
    sparse = rows.filter((pl.int_range(pl.len()) * 7 % 5 < 2) | (pl.col("study_id") == "s2"))
    manifest = assemble(sparse.drop("path"), Meta("frames", "F", dimensions=2), tmp_path)
    assert issues(manifest, empty) == []


CODES = st.sampled_from([*right_handed_codes()])


@given(CODES, CODES)
def test_turns_are_those_of_nibabel(code: str, target: str) -> None:
    order, flips = turn_of(code, target)
    start, end = (nibabel.orientations.axcodes2ornt(each) for each in (code, target))
    transform = nibabel.orientations.ornt_transform(start, end)
    array = np.arange(24).reshape(2, 3, 4)
    expected = nibabel.orientations.apply_orientation(array, transform)
    assert np.array_equal(np.flip(array, flips).transpose(order), expected)


@given(st.integers(0, 10**6))
def test_grids_judge_as_the_grid_of_a_sample(seed: int) -> None:
    random = np.random.default_rng(seed)
    edges = random.integers(2, 9, 3)
    affines = []
    for noise in (0.0, float(random.choice([0, 0.01, 0.1, 1]))):
        steps = np.diag(random.choice([1.0, 2.5], 3)) if not noise else affines[0][:3, :3].T
        steps = steps + random.normal(0, noise * 0.1, (3, 3))
        origin = random.normal(0, 50, 3) if not noise else affines[0][:3, 3]
        affines.append(
            affine_of(steps.tolist(), (origin + noise * random.normal(0, 1, 3)).tolist())
        )
    one, other = affines
    grids = []
    for affine in affines:
        facts = [*edges, 1.0, 1.0, 1.0, affine.ravel().tolist(), orientation(affine)]
        given = {name: [fact] for name, fact in zip(GRID_COLUMNS, facts, strict=True)}
        grids.append(Grids.of(pl.DataFrame(given)))
    lengths = dict(zip("XYZ", (int(each) for each in edges), strict=True))
    lies = Grid(lengths, one).differs(Grid(lengths, other)) is None
    ours = grids[0].apart_mm(grids[1]) <= grids[1].tolerance_mm()
    assert bool(ours[0]) is lies
    turned = grids[0].turned()
    assert orientation(turned.affines[0]) == "RAS"
