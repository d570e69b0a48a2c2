"""A record's figures beside ours: agreement to the record's digits, and why they differ."""

from __future__ import annotations

from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

from medshelf.catalog.facts import manifest_meta
from medshelf.catalog.parts import Conflict, LabelStat, Range, Resolution, Volume
from medshelf.catalog.record import Record
from medshelf.catalog.shelf import find_record
from medshelf.quality.case import Case
from medshelf.quality.figures.catalog_figures import against_catalog
from medshelf.quality.passes import Passes
from medshelf.quality.profile import Profile, profile
from medshelf.quality.profiling.figure import REASONS, Figure, agree, fits
from medshelf.quality.profiling.words import words
from tests.quality.miniatures import N_VOLUMES, volumes


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    found = profile(Case(volumes(tmp_path_factory.mktemp("volumes")), passes=Passes(workers=0)))
    patch.undo()
    return found


def stated(**fields: object) -> Record:
    """Return a record of the miniature volumes with some figures."""
    known = {"id": "miniature-volumes", "name": "Volumes", "group": "abdomen", "access": "open"}
    lists = {"dimensions": ["3D"], "modalities": ["ct"], "tasks": ["segmentation"]}
    return Record.model_validate(known | lists | fields)


def compared(found: Profile, record: Record) -> dict[tuple[str, str], tuple[str, str | None]]:
    """Return verdict and reason per figure."""
    return {
        (each.field, each.what): (each.verdict, each.reason)
        for each in against_catalog(found, record)
    }


def test_what_agrees_is_equal(deep: Profile) -> None:
    size, spacing = Range(min=(24, 20, 16)), Range(median=(1, 1.5, 2))
    entry = Resolution(size_px=size, spacing=spacing, spacing_unit="mm")
    volume = deep.annotation[0].extent
    assert volume is not None
    told = Volume(min=round(volume.minimum, 2), max=round(volume.maximum, 1), unit="cm3")
    liver = LabelStat(name="Liver", cases=N_VOLUMES, percent=100, volume=told, splits={"train": 6})
    record = stated(
        n_samples=N_VOLUMES,
        n_slices=16 * N_VOLUMES,
        splits={"train_val": 6, "test": 2},
        resolution=[entry],
        label_stats=[liver],
    )
    found = compared(deep, record)
    assert set(found.values()) == {("equal", None)}
    assert len(found) == 12


@pytest.mark.parametrize(
    ("fields", "what", "reason"),
    [
        ({"n_slices": 6 * 16}, ("n_slices", ""), "one-split"),
        ({"n_samples": 6}, ("n_samples", ""), "one-split"),
        ({"n_samples": 50}, ("n_samples", ""), "part-of-release"),
        ({"n_samples": 5}, ("n_samples", ""), None),
        ({"n_slices": 999}, ("n_slices", ""), None),
        (
            {"n_slices": 130, "conflicts": [Conflict(field="n_slices", other="128", source="x")]},
            ("n_slices", ""),
            "other-source",
        ),
        (
            {"resolution": [Resolution(size_px=Range(min=(16, 20, 24), max=(16, 20, 24)))]},
            ("resolution", "size_px min"),
            "axis-order",
        ),
        (
            {"resolution": [Resolution(size_px=Range(min=(16, 20, 24), max=(90, 90, 90)))]},
            ("resolution", "size_px min"),
            None,
        ),
        (
            {"n_samples": 50, "resolution": [Resolution(size_px=Range(min=(25, 2, 2)))]},
            ("resolution", "size_px min"),
            None,
        ),
        (
            {"n_samples": 50, "resolution": [Resolution(size_px=Range(min=(23, 2, 2)))]},
            ("resolution", "size_px min"),
            "part-of-release",
        ),
        (
            {"label_stats": [LabelStat(name="liver", cases=6)]},
            ("label_stats", "liver cases"),
            "one-split",
        ),
        (
            {"label_stats": [LabelStat(name="liver", percent=50)]},
            ("label_stats", "liver percent"),
            None,
        ),
        (
            {"label_stats": [LabelStat(name="spleen")]},
            ("label_stats", "classes by name"),
            "no-such-class",
        ),
    ],
)
def test_why_figures_differ(
    deep: Profile, fields: dict[str, object], what: tuple[str, str], reason: str | None
) -> None:
    plain = {
        name: [each.model_dump() for each in value] if isinstance(value, list) else value
        for name, value in fields.items()
    }
    assert compared(deep, stated(**plain))[what] == ("differs", reason)


def test_a_number_in_another_column_is_told(deep: Profile) -> None:
    extent = deep.annotation[0].extent
    assert extent is not None
    volume = Volume(min=0.001, median=extent.minimum, max=extent.maximum, unit="cm3")
    record = stated(label_stats=[LabelStat(name="liver (1)", volume=volume).model_dump()])
    found = compared(deep, record)
    assert found["label_stats", "liver (1) min"] == ("differs", "column-order")
    assert found["label_stats", "liver (1) max"] == ("equal", None)


def test_digits_of_the_record_count() -> None:
    assert agree((1.05,), (1.0549,))
    assert not agree((1.05,), (1.056,))
    assert agree((35, 50), (35.5, 49.5))
    assert not agree((35,), (35, 50))


def test_what_a_part_can_have() -> None:
    assert fits("min", (1, 2), (1, 3))
    assert not fits("min", (1, 2), (0, 3))
    assert fits("max", (5,), (4,))
    assert not fits("max", (5,), (6,))
    assert fits("median", (5,), (6,))


def test_every_reason_has_words() -> None:
    assert set(REASONS) <= set(words())


def test_without_pixels_sizes_are_not_measured(tmp_path: Path) -> None:
    manifest = volumes(tmp_path)
    record = find_record("msd-hippocampus")
    found = against_catalog(profile(Case(manifest, passes=Passes(pixels=False))), record)
    told = [each for each in found if each.field == "resolution"]
    assert {(each.verdict, each.reason) for each in told} == {("not-measured", "no-pixels")}


def real(dataset: str, root: Path, *, pixels: bool = True) -> tuple[Figure, ...]:
    """Return the figures of a dataset on real files."""
    record = find_record(dataset)
    assert record.reader is not None
    reader = import_module(f"medshelf.readers.{record.reader.name.replace('-', '_')}")
    manifest = reader.read(root, manifest_meta(record), **record.reader.options)
    case = Case(manifest, record, Passes(workers=0, pixels=pixels))
    return against_catalog(profile(case), record)


def beside(real_data: Path, name: str) -> Path:
    """Return a folder beside the real MedMNIST files; the test is skipped where there is none."""
    folder = real_data.parent / name
    if not folder.is_dir():
        pytest.skip(f"There is no folder {name} beside the real MedMNIST files")
    return folder


def test_real_breastmnist(real_data: Path) -> None:
    found = real("breastmnist", real_data)
    odd = [each for each in found if each.verdict != "equal"]
    assert [(each.what, each.ours, each.reason) for each in odd] == [
        ("size_px max", (28, 28), "offered-sizes")
    ]
    assert len(found) == 8


def test_real_chest_x_rays(real_data: Path) -> None:
    found = real("nih-chest-xray", beside(real_data, "nih_chest_xray"), pixels=False)
    verdicts = Counter(each.verdict for each in found)
    assert verdicts == {"equal": 6, "not-measured": 3}
    assert {each.reason for each in found} == {None, "no-pixels"}


def test_real_hippocampus(real_data: Path) -> None:
    found = real("msd-hippocampus", beside(real_data, "msd/Task04_Hippocampus"))
    assert {each.reason for each in found if each.verdict != "equal"} == {"part-of-release"}
    ours = {each.what: each.ours for each in found}
    assert ours["size_px median"] == (35.5, 50.5, 35)
    assert ours["Anterior median"] == pytest.approx((1.837,))
    assert ours["spacing max"] == (1, 1, 1)
