"""The numbers of a profile are those that numpy, scikit-image and a plain count give."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from skimage.measure import label as connected

from medshelf.core import columns as c
from medshelf.core.manifest import Manifest
from medshelf.core.tasks import Task, TaskKind
from medshelf.quality.case import Case
from medshelf.quality.measures import MEDIA_MEASURES, REGION_MEASURES, Measures
from medshelf.quality.passes import Passes
from medshelf.quality.profile import Profile, profile
from medshelf.quality.profiling.resolution import describe_resolution
from tests.quality.miniatures import (
    LEGEND,
    N_PICTURES,
    N_VOLUMES,
    SHAPE,
    SPACING_MM,
    as_manifest,
    drawn_mask,
    picture_meta,
    picture_rows,
    pictures,
    texture,
    volumes,
)

_HERE = Passes(workers=0)
_BLIND = Passes(pixels=False)


def measured(manifest: Manifest, media: list[dict], regions: list[dict] = ()) -> Case:
    """Return a case with measures made by hand."""
    case = Case(manifest)
    case.__dict__["measures"] = Measures(
        pl.DataFrame(media, schema=MEDIA_MEASURES).lazy(),
        pl.DataFrame(list(regions), schema=REGION_MEASURES).lazy(),
    )
    return case


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    found = profile(Case(pictures(tmp_path_factory.mktemp("pictures")), passes=_HERE))
    patch.undo()
    return found


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    found = profile(Case(volumes(tmp_path_factory.mktemp("volumes")), passes=_HERE))
    patch.undo()
    return found


def test_samples_patients_and_splits_are_counted(flat: Profile) -> None:
    counts = flat.counts
    assert (counts.n_samples, counts.n_patients, counts.n_studies) == (N_PICTURES, 20, None)
    assert counts.by_split == {"train": 24, "val": 8, "test": 8}
    assert counts.patients_by_split == {"train": 12, "val": 4, "test": 4}
    assert counts.samples_per_patient is not None
    assert (counts.samples_per_patient.n, counts.samples_per_patient.mean) == (20, 2)
    assert counts.samples_per_study is None


def test_the_resolution_of_pictures(flat: Profile) -> None:
    (found,) = flat.resolution
    assert (found.n_spatial, found.n, found.axes) == (2, N_PICTURES, "X, Y")
    assert found.size_px.minimum == found.size_px.maximum == (96, 96)
    assert found.spacing_mm is None
    assert found.n_slices is None


def test_the_resolution_of_volumes(deep: Profile) -> None:
    (found,) = deep.resolution
    assert found.size_px.median == SHAPE
    assert found.spacing_mm is not None
    assert found.spacing_mm.median == SPACING_MM
    assert found.n_slices == N_VOLUMES * SHAPE[2]
    assert found.slices_by_split == {"train": 6 * SHAPE[2], "test": 2 * SHAPE[2]}


def test_each_axis_is_taken_by_itself_and_slices_lie_along_the_widest_spacing(
    tmp_path: Path,
) -> None:
    sizes = [(10, 200, 30), (20, 100, 40), (30, 150, 20), (15, 120, 22)]
    media = [
        {
            "row": row,
            "role": "image",
            "name": "ct",
            "path": f"{row}.nii.gz",
            **dict(zip(("n_x", "n_y", "n_z"), size, strict=True)),
            **dict(zip(("spacing_x_mm", "spacing_y_mm", "spacing_z_mm"), (5, 1, 1), strict=True)),
        }
        for row, size in enumerate(sizes)
    ]
    media.append({**media[0], "row": 4})  # the same file in another row
    media.append({**media[0], "row": 5, "path": "cut.nii.gz", "n_x": 1, "error": "truncated"})
    (found,) = describe_resolution(measured(as_manifest(picture_rows(), tmp_path), media))
    array = np.array(sizes)
    assert found.n == len(sizes)
    assert found.size_px.minimum == tuple(array.min(0))
    assert found.size_px.median == tuple(np.median(array, 0))
    assert found.size_px.maximum == tuple(array.max(0))
    assert found.by_image.minimum == (15, 120, 22)
    assert found.by_image.median == (10, 200, 30)
    assert found.by_image.maximum == (30, 150, 20)
    assert found.n_slices == array[:, 0].sum()


def test_volumes_of_classes_in_cm3(deep: Profile) -> None:
    masks = [drawn_mask(number, SHAPE) for number in range(N_VOLUMES)]
    stats = {each.name: each for each in deep.annotation}
    assert list(stats) == [LEGEND["1"], LEGEND["2"]]
    for value, name in ((1, "liver"), (2, "tumour")):
        cm3 = [(mask == value).sum() * np.prod(SPACING_MM) / 1000 for mask in masks]
        found = stats[name]
        assert (found.of, found.cases, found.n, found.percent, found.unit) == (
            *("masks", N_VOLUMES, N_VOLUMES, 100),
            "cm3",
        )
        assert found.by_split == {"train": 6, "test": 2}
        assert found.extent is not None
        ours = (found.extent.minimum, found.extent.median, found.extent.maximum)
        assert ours == pytest.approx((min(cm3), np.median(cm3), max(cm3)))


def test_areas_and_connectivity_of_structures(flat: Profile) -> None:
    masks = [drawn_mask(number, (96, 96)) for number in range(N_PICTURES)]
    assert flat.masks is not None
    for value, found in zip((1, 2), flat.masks.structures, strict=True):
        areas = [(mask == value).sum() for mask in masks]
        parts = [connected(mask == value, connectivity=2).max() for mask in masks]
        assert (found.n, found.n_empty, found.n_touching) == (N_PICTURES, 0, 0)
        assert found.pixels.mean == pytest.approx(np.mean(areas))
        assert found.components is not None
        assert found.components.mean == pytest.approx(np.mean(parts))
        assert found.n_with_holes == (N_PICTURES if value == 1 else 0)
    (together,) = flat.masks.together
    assert together.counts == ((40, 40), (40, 40))


def test_cases_without_a_structure_do_not_count(tmp_path: Path) -> None:
    manifest = as_manifest(picture_rows().head(4), tmp_path)
    media = [
        {"row": row, "role": "mask", "name": "mask", "path": f"{min(row, 2)}.png"}
        for row in range(4)
    ]
    areas = {0: 5, 1: 0, 2: 9, 3: 9}
    regions = [
        {"row": row, "name": "mask", "structure": "liver", "values": "1", "n_pixels": area}
        for row, area in areas.items()
    ]
    background = [{**regions[0], "structure": "background", "values": "0"}]
    (found,) = (
        each
        for each in profile(measured(manifest, media, regions + background)).annotation
        if each.of == "masks"
    )
    assert (found.name, found.cases, found.n) == ("liver", 2, 3)  # rows 2 and 3 share a mask
    assert found.percent == pytest.approx(200 / 3)
    assert found.extent is not None
    assert (found.extent.minimum, found.extent.maximum, found.unit) == (5, 9, "pixel")


def test_the_normalisation_is_that_of_all_pixels(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    rows = picture_rows().head(3).drop("media", "shapes")
    arrays = [random.integers(0, 50 * (n + 2), (8 + 4 * n, 9, 3), np.uint8) for n in range(3)]
    for number, array in enumerate(arrays):
        Image.fromarray(array).save(tmp_path / f"{number:03}.png")
    media = c.media("image", path=pl.format("{}.png", "sample_id"), member=None, format="png")
    manifest = as_manifest(rows.with_columns(media=c.entries(media)), tmp_path)
    (found,) = profile(Case(manifest, passes=_HERE)).intensity
    pixels = np.concatenate([each.reshape(-1, 3) for each in arrays])
    assert found.per_pixel is not None
    assert found.per_pixel.mean == pytest.approx(pixels.mean(0))
    assert found.per_pixel.sd == pytest.approx(pixels.std(0))
    assert found.per_image is not None
    means = [each.reshape(-1, 3).mean(0) for each in arrays]
    assert found.per_image.mean == pytest.approx(np.mean(means, 0))
    assert (found.n, found.channels, found.dtype, found.full_scale) == (3, 3, "uint8", 255)
    assert (found.minimum, found.maximum) == (pixels.min(), pixels.max())
    median = np.median([np.median(each) for each in arrays])
    assert found.percentiles["50"] == pytest.approx(median)


def test_image_files(flat: Profile) -> None:
    images = flat.images
    assert images is not None
    assert (images.n, images.n_sizes, images.errors) == (N_PICTURES, 1, {})
    assert images.sizes[0].size_px == (96, 96)
    assert images.kinds["bits"] == {"8": N_PICTURES}
    assert images.kinds["format"] == {"png": N_PICTURES}
    assert images.aspect is not None
    assert images.aspect.maximum == 1
    assert images.file_bytes is not None
    assert images.file_bytes.n == 2 * N_PICTURES
    assert images.depth is None


def test_unreadable_files_are_told(tmp_path: Path) -> None:
    manifest = pictures(tmp_path)
    (tmp_path / "images/003.png").write_bytes(b"")
    found = profile(Case(manifest, passes=_HERE)).images
    assert found is not None
    assert (found.n, found.errors) == (N_PICTURES - 1, {"empty": 1})


def test_class_balance(flat: Profile) -> None:
    assert flat.labels is not None
    (found,) = flat.labels.balance
    assert (found.n, found.n_classes, found.empty) == (40, 2, ())
    assert (found.majority_share, found.ratio) == (0.5, 1)
    assert found.effective_classes == pytest.approx(2)


def test_labels_that_occur_together(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    values = random.integers(-1, 2, (N_PICTURES, 3)).astype(float)
    names = ("Mass", "Edema", "Hernia")
    table = pl.DataFrame(values, schema=list(names))
    rows = pl.concat([picture_rows().drop("label"), table], how="horizontal")
    labels = c.labels({name: pl.col(name) for name in names}, "findings")
    rows = rows.with_columns(labels=labels).drop(names)
    meta = picture_meta()
    task = Task("findings", TaskKind.MULTI_LABEL, (*names, "Fibrosis"))
    manifest = as_manifest(rows, tmp_path, type(meta)(meta.dataset, meta.name, tasks=(task,)))
    found = profile(Case(manifest, passes=_BLIND)).labels
    assert found is not None
    together = next(each for each in found.together if each.of == "labels")
    present = pl.DataFrame(values == 1, schema=list(names)).select(together.names).to_numpy()
    assert np.array_equal(np.array(together.counts), present.T.astype(int) @ present.astype(int))
    assert together.n == present.any(1).sum()
    (balance,) = found.balance
    assert (balance.n, balance.n_classes) == (present.sum(), 4)
    assert (balance.empty, balance.ratio) == (("Fibrosis",), None)
    assert balance.majority_share == pytest.approx(present.sum(0).max() / present.sum())
    stats = profile(Case(manifest, passes=_BLIND)).annotation
    mass = next(each for each in stats if each.name == "Mass")
    assert (mass.cases, mass.n) == ((values[:, 0] == 1).sum(), N_PICTURES)


def test_grades_are_spread_and_not_classes(tmp_path: Path) -> None:
    grade = c.one_label("ejection", "fraction", pl.int_range(N_PICTURES) + 30)
    rows = picture_rows().with_columns(labels=c.entries(grade))
    found = profile(Case(as_manifest(rows, tmp_path), passes=_BLIND)).labels
    assert found is not None
    (graded,) = found.graded
    assert (graded.task, graded.name) == ("ejection", "fraction")
    assert (graded.values.minimum, graded.values.maximum) == (30, 69)
    assert [each.task for each in found.balance] == [None]


def test_people_by_split(flat: Profile) -> None:
    people = flat.people
    assert people is not None
    ages = picture_rows()["age_years"].to_numpy()
    assert people.age_years is not None
    assert people.age_years.median == pytest.approx(np.median(ages))
    assert people.age_by_split["test"].mean == pytest.approx(ages[32:].mean())
    sex = next(each for each in people.facets if each.name == "sex")
    women = next(each for each in sex.values if each.value == "F")
    mask = (picture_rows()["sex"] == "F").to_numpy()
    assert (sex.n, women.n) == (40, mask.sum())
    assert women.by_split == {
        "train": mask[:24].sum(),
        "val": mask[24:32].sum(),
        "test": mask[32:].sum(),
    }
    assert women.n_patients == len({number // 2 for number in np.flatnonzero(mask)})


def test_boxes(flat: Profile, tmp_path: Path) -> None:
    assert flat.boxes is not None
    everything = flat.boxes.all
    assert everything is not None
    assert (everything.n, everything.n_samples) == (N_PICTURES, N_PICTURES)
    assert everything.width is not None
    assert everything.width.median == 30
    assert everything.share is not None
    assert everything.share.median == pytest.approx(900 / 96**2)
    assert flat.boxes.centres is not None
    assert flat.boxes.centres[7][7] == N_PICTURES  # 45 of 96 is in the eighth of 16 cells
    blind = profile(Case(as_manifest(picture_rows(), tmp_path), passes=_BLIND)).boxes
    assert blind is not None
    assert blind.all is not None
    assert (blind.all.share, blind.centres, blind.n_outside) == (None, None, None)


def test_annotators_and_sources(tmp_path: Path) -> None:
    one = c.box("mass", [pl.lit(1.0)] * 4, annotator="R1")
    two = c.box("mass", [pl.lit(1.0)] * 4, annotator="R2")
    second = pl.when(pl.int_range(N_PICTURES) < 10).then(two)
    grade = c.one_label("findings", "Mass", 1, "chexpert")
    rows = picture_rows().with_columns(shapes=c.entries(one, second), labels=c.entries(grade))
    found = profile(Case(as_manifest(rows, tmp_path), passes=_BLIND)).annotators
    told = {(each.kind, each.name, each.of): (each.n, each.n_samples) for each in found}
    assert told == {
        ("annotator", "R1", "shapes"): (40, 40),
        ("annotator", "R2", "shapes"): (10, 10),
        ("source", "chexpert", "labels"): (40, 40),
    }


def test_words_of_texts(tmp_path: Path) -> None:
    texts = ["No pneumothorax; T2-weighted.", "Small pneumothorax, 3 mm", "肺部无异常 CT", None]
    rows = picture_rows().head(4).with_columns(report=pl.Series(texts))
    rows = rows.with_columns(text=c.text(report=pl.col("report"))).drop("report")
    (found,) = profile(Case(as_manifest(rows, tmp_path), passes=_BLIND)).texts
    words = [["no", "pneumothorax", "t2-weighted"], ["small", "pneumothorax", "3", "mm"]]
    words.append([*"肺部无异常", "ct"])
    counted = Counter(word for each in words for word in each)
    assert (found.column, found.n, found.n_read) == ("report", 3, 3)
    assert found.characters is not None
    assert found.characters.maximum == max(len(each) for each in texts if each)
    assert found.words is not None
    assert found.words.mean == pytest.approx(np.mean([len(each) for each in words]))
    assert (found.n_words, found.n_unique) == (counted.total(), len(counted))
    assert found.han_share == pytest.approx(5 / counted.total())
    assert (found.frequent[0].word, found.frequent[0].n) == ("pneumothorax", 2)
    assert "3" not in {each.word for each in found.frequent}


def test_a_manifest_that_says_nothing_has_no_numbers(tmp_path: Path) -> None:
    rows = picture_rows().select("sample_id")
    found = profile(Case(as_manifest(rows, tmp_path), passes=_HERE))
    nothing = ("labels", "people", "images", "masks", "boxes", "questions")
    assert [getattr(found, each) for each in nothing] == [None] * len(nothing)
    assert (found.resolution, found.annotation, found.intensity, found.texts) == ((), (), (), ())
    assert found.counts.n_patients is None
    assert found.counts.patients_by_split is None


def test_without_pixels_no_file_is_opened(tmp_path: Path) -> None:
    found = profile(Case(as_manifest(picture_rows(), tmp_path / "gone"), passes=_BLIND))
    assert not found.pixels
    assert (found.resolution, found.images, found.masks) == ((), None, None)
    assert {each.of for each in found.annotation} == {"labels", "shapes"}


def test_a_profile_passes_through_json_and_is_the_same_every_time(
    flat: Profile, tmp_path: Path
) -> None:
    told = json.loads(json.dumps(flat.as_dict(), allow_nan=False))
    assert told["counts"]["n_samples"] == N_PICTURES
    again = profile(Case(pictures(tmp_path), passes=_HERE))
    assert again == flat
    assert asdict(again) == flat.as_dict()


def test_the_sd_of_the_pictures_is_that_of_their_pixels(flat: Profile) -> None:
    (found,) = flat.intensity
    pixels = np.stack([texture(number, (96, 96)) for number in range(N_PICTURES)])
    assert found.per_pixel is not None
    assert found.per_pixel.mean[0] == pytest.approx(pixels.mean())
    assert found.per_pixel.sd[0] == pytest.approx(pixels.std())
