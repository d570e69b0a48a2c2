"""Filter, official and derived splits, slices; rows of small and of large scanned tables."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import medshelf
from medshelf.core.errors import LayoutError, SettingError, UnknownNameError
from medshelf.core.manifest import Manifest, Meta, read_manifest
from medshelf.core.tasks import Task, TaskKind
from medshelf.dataset import rows as rows_module
from medshelf.dataset.dataset import Dataset
from medshelf.dataset.labelled_images import LabelledImages
from medshelf.dataset.sample import Sample
from tests.dataset.trees import FINDINGS, fixture, patients, table
from tests.medmnist_files import make_file


def ids(found: Dataset) -> list[str]:
    return found.table["sample_id"].to_list()


def test_filters_in_text_and_as_expressions(tmp_path: Path) -> None:
    found = patients(40, tmp_path)
    expected = [f"s{i:04}" for i in range(21, 40, 2) if i % 5]
    assert ids(found.filter("age_years > 20 and view == 'PA'")) == expected
    assert ids(found.filter((pl.col("age_years") > 20) & (pl.col("view") == "PA"))) == expected
    assert len(found.filter("view in ('PA')")) == 20
    assert len(found.filter("view is not null and age_years is null")) == 8
    assert len(found.filter("split = 'val'")) == 10
    assert len(found.filter("sample_id like 's000%' or label = 'ill'")) == 20
    nothing = found.filter("age_years > 1000")
    assert (len(nothing), ids(nothing), list(nothing)) == (0, [], [])


def test_chains_keep_order_and_meta(tmp_path: Path) -> None:
    found = patients(40, tmp_path)
    chain = found[::-1].filter("view = 'PA'")[1:4]
    assert ids(chain) == ["s0037", "s0035", "s0033"]
    assert [each.id for each in chain] == ids(chain)
    assert chain[-1].id == "s0033"
    assert chain.meta == found.meta
    assert chain.manifest.frame.collect().equals(chain.table)
    for index in (3, -4):
        with pytest.raises(IndexError, match=f"Sample {index} of 3 in made"):
            chain[index]


def test_official_splits(tmp_path: Path) -> None:
    found = patients(40, tmp_path)
    assert [len(found.split(each)) for each in ("train", "val", "test")] == [20, 10, 10]
    assert {each.split for each in found.split("val")} == {"val"}
    with pytest.raises(UnknownNameError, match="Unknown split 'training'"):
        found.split("training")
    bare = table([{"sample_id": "a"}], tmp_path)
    with pytest.raises(SettingError, match=r"no sample in its official 'test' \(no official split"):
        bare.split("test")


@pytest.mark.parametrize("chosen", ["all", "some"])
@pytest.mark.parametrize("is_small", [True, False], ids=["collected", "in blocks"])
def test_rows_of_a_scanned_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_small: bool, chosen: str
) -> None:
    if not is_small:
        monkeypatch.setattr(rows_module, "_SMALL", 0)
        monkeypatch.setattr(rows_module, "_BLOCK", 7)
        monkeypatch.setattr(rows_module, "_KEPT_BLOCKS", 2)
    patients(100, tmp_path).manifest.write(tmp_path / "m.parquet")
    found = Dataset(read_manifest(tmp_path / "m.parquet", tmp_path))
    expected = [f"s{i:04}" for i in range(100)]
    if chosen == "some":
        found, expected = found.filter("label = 'ill'")[::-2], expected[::3][::-2]
    assert len(found) == len(expected)
    assert [each.id for each in found] == expected
    order = np.random.default_rng(0).permutation(len(expected))
    assert [found[int(i)].id for i in order] == [expected[i] for i in order]
    assert ("table" in vars(found._rows)) == is_small
    assert ids(found) == expected
    assert pickle.loads(pickle.dumps(found))[2].id == expected[2]
    assert found.manifest.frame.select("sample_id").collect().to_series().to_list() == expected


def test_one_sample_of_a_large_file_reads_only_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last row group is destroyed: whoever collects everything fails."""
    monkeypatch.setattr(rows_module, "_SMALL", 1000)
    path = tmp_path / "m.parquet"
    frame = pl.DataFrame({"sample_id": [f"s{i:09}" for i in range(200_000)]}).lazy()
    manifest = Manifest.from_columns(frame, Meta("big", "Big"), tmp_path)
    manifest.frame.collect().write_parquet(
        path, row_group_size=10_000, metadata={"medshelf": manifest.meta.to_json()}
    )
    data = bytearray(path.read_bytes())
    footer = int.from_bytes(data[-8:-4], "little")
    data[-footer - 8 - 40_000 : -footer - 8] = b"\xff" * 40_000
    path.write_bytes(data)
    found = Dataset(read_manifest(path, tmp_path))
    assert len(found) == 200_000
    assert found[0].id == "s000000000"
    assert found[150_000].id == "s000150000"
    with pytest.raises(LayoutError, match="Fetch the raw files again"):
        _ = found.table


GROUPS = st.lists(
    st.tuples(
        st.integers(0, 25),
        st.sampled_from(["ill", "well", None]),
        st.sampled_from(["s1", "s2", None]),
        st.booleans(),
    ),
    min_size=1,
    max_size=120,
)
FRACTIONS = st.sampled_from([(0.7, 0.1, 0.2), (0.5, 0.5), (0.8, 0.2), (0.25,) * 4, (0.6, 0.3, 0.1)])


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(GROUPS, FRACTIONS, st.integers(0, 1000))
def test_no_group_is_in_two_parts_and_sizes_are_right(
    tmp_path: Path,
    rows: list[tuple[int, str | None, str | None, bool]],
    fractions: tuple[float, ...],
    seed: int,
) -> None:
    content = [
        {
            "sample_id": f"s{i:04}",
            "patient_id": f"p{patient}" if known else None,
            "study_id": study,
            "label": label,
        }
        for i, (patient, label, study, known) in enumerate(rows)
    ]
    found = table(content, tmp_path)
    keys = {
        each["sample_id"]: ("p", each["patient_id"])
        if each["patient_id"]
        else ("s", each["study_id"] or each["sample_id"])
        for each in content
    }
    n_groups = len(set(keys.values()))
    try:
        parts = found.split_by("patient", *fractions, seed=seed)
    except SettingError as error:
        unknown = all(not known for *_, known in rows)
        assert unknown or n_groups < 5 / min(fractions), error  # noqa: PT017
        return
    groups = [{keys[name] for name in ids(part)} for part in parts]
    assert sum(len(part) for part in parts) == len(rows)
    assert sorted(name for part in parts for name in ids(part)) == sorted(keys)
    assert len(set().union(*groups)) == sum(map(len, groups)) == n_groups
    for part, fraction in zip(groups, fractions, strict=True):
        assert abs(len(part) - fraction * n_groups) <= 1.5
    again = table(content[::-1], tmp_path).split_by("patient", *fractions, seed=seed)
    assert [set(ids(part)) for part in again] == [set(ids(part)) for part in parts]


def test_labels_are_spread_evenly(tmp_path: Path) -> None:
    rows = [
        {
            "sample_id": f"s{i:04}",
            "patient_id": f"p{i}",
            "label": "rare" if i % 20 == 0 else "common",
        }
        for i in range(1000)
    ]
    found = table(rows, tmp_path)
    orders = set()
    for seed in range(3):
        parts = found.split_by("patient", 0.7, 0.1, 0.2, seed=seed)
        assert [len(each) for each in parts] == [700, 100, 200]
        for part, expected in zip(parts, (35, 5, 10), strict=True):
            assert abs(len(part.filter("label = 'rare'")) - expected) <= 1
        orders.add(tuple(ids(parts[2])))
    assert len(orders) == 3


def test_rare_findings_are_spread_evenly_too(tmp_path: Path) -> None:
    rows = [
        {
            "sample_id": f"s{i:04}",
            "labels": [
                {"task": "findings", "name": "Effusion", "value": 1.0},
                {"task": "findings", "name": "Cardiomegaly", "value": float(i % 10 == 0)},
            ],
        }
        for i in range(200)
    ]
    found = table(rows, tmp_path, tasks=(FINDINGS,))
    counts = [
        int((part.label_matrix()[:, 0] == 1).sum())
        for part in found.split_by("sample", 0.5, 0.5, seed=1)
    ]
    assert counts == [10, 10]


def test_a_derived_split_says_that_it_is(tmp_path: Path) -> None:
    train, test = patients(40, tmp_path).split_by("patient", 0.8, 0.2, seed=5)
    assert test.meta.options["derived_split"] == "test of 0.8/0.2 by patient, seed 5"
    assert "train of 0.8/0.2 by patient, seed 5" in repr(train)
    assert set(train.patients) & set(test.patients) == set()
    assert train.meta.issues == ()
    assert set(train.table["split"].unique()) == {"train", "val", "test"}
    rows = [{"sample_id": f"s{i}", "patient_id": "p" if i < 2 else None} for i in range(10)]
    part, _ = table(rows, tmp_path).split_by("patient", 0.5, 0.5)
    (issue,) = part.meta.issues
    assert issue.rule == "split-unstated"
    assert "8 samples state no patient" in repr(part)


@pytest.mark.parametrize(
    ("by", "fractions", "message"),
    [
        ("patient", (0.7, 0.2), "0.7, 0.2 are no shares of a whole"),
        ("patient", (1.0,), "no shares of a whole"),
        ("patient", (1.5, -0.5), "no shares of a whole"),
        ("patient", (), "none are no shares"),
        ("image", (0.5, 0.5), "split_by\\('image'\\) is not possible.*\n.*patient, study, sample"),
        ("study", (0.5, 0.5), "No sample has a study_id"),
        ("patient", (0.98, 0.02), "20 groups are too few for parts of 0.98, 0.02"),
    ],
)
def test_a_split_that_is_impossible(
    tmp_path: Path, by: str, fractions: tuple[float, ...], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        patients(40, tmp_path).split_by(by, *fractions)  # type: ignore[arg-type]


def test_labelled_images_can_be_chosen_in_the_same_ways(tmp_path: Path) -> None:
    make_file(tmp_path, "breastmnist")
    found = medshelf.load(
        "breastmnist", "all", root=tmp_path, allow_modified=True, transform=lambda x: x[:2]
    )
    assert isinstance(found, LabelledImages)
    chosen = found.filter("label = 'malignant' and split = 'train'")
    assert isinstance(chosen, LabelledImages)
    assert len(chosen) == 6
    image, target = chosen[0]
    assert (image.shape, image[0, 0], target) == ((2, 28), 10, 0)
    sample = chosen.sample(0)
    assert isinstance(sample, Sample)
    assert (sample.label, sample.raster().axes, np.unique(sample.image())) == (
        "malignant",
        "YX",
        10,
    )
    parts = found.split_by("sample", 0.5, 0.5)
    assert sum(len(each.targets) for each in parts) == 27
    with pytest.raises(SettingError, match="No sample has a patient_id"):
        found.split_by("patient", 0.5, 0.5)


def test_real_images_one_by_one(real_data: Path) -> None:
    found = medshelf.load("breastmnist", "test", root=real_data)
    with np.load(real_data / "breastmnist.npz") as archive:
        images, labels = archive["test_images"], archive["test_labels"][:, 0]
    for index in (0, 77, 155):
        sample = found.sample(index)
        np.testing.assert_array_equal(sample.image(), images[index])
        assert found.classes.index(sample.label) == labels[index]
    train, test = medshelf.load("breastmnist", "all", root=real_data).split_by("sample", 0.8, 0.2)
    assert abs(test.targets.mean() - train.targets.mean()) < 0.01


def test_media_names_and_patients(tmp_path: Path) -> None:
    found = fixture("msd_prostate", tmp_path)
    assert found.media_names("image") == ("T2", "ADC")
    assert found.media_names("mask") == ("mask",)
    assert found.patients.to_list() == ["prostate_00", "prostate_02", "prostate_03"]
    assert found.tasks == ()
    with pytest.raises(UnknownNameError, match="Did you mean: train/prostate_0"):
        found.find("train/prostate_01")


def test_label_matrix_by_source(tmp_path: Path) -> None:
    entry = {"task": "findings", "name": "Effusion"}
    rows = [
        {
            "sample_id": "a",
            "labels": [
                {**entry, "value": 1.0, "source": "nlp"},
                {**entry, "value": 0.0, "source": "reader"},
            ],
        }
    ]
    found = table(rows, tmp_path, tasks=(FINDINGS, Task("x", TaskKind.BINARY, ("a", "b"))))
    np.testing.assert_array_equal(found.label_matrix("findings", "nlp"), [[np.nan, 1]])
    np.testing.assert_array_equal(found.label_matrix("findings", "reader"), [[np.nan, 0]])
