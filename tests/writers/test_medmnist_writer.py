"""MedMNIST's archive, opened by the package `medmnist` and by our own reader."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from medshelf.catalog.facts import manifest_meta
from medshelf.catalog.shelf import find_record
from medshelf.conversion.preparation import Preparation
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core import columns as c
from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.core.manifest import Manifest, Meta
from medshelf.core.tasks import Task, TaskKind
from medshelf.dataset.dataset import Dataset
from medshelf.formats.npz import read_headers
from medshelf.readers import medmnist_npz, patchcamelyon
from tests.fixtures import nih_chest_xray_original as nih
from tests.fixtures import patchcamelyon_h5
from tests.medmnist_files import make_file
from tests.quality.miniatures import (
    N_PICTURES,
    as_manifest,
    picture_meta,
    picture_rows,
    pictures,
    texture,
    volumes,
)

_HERE = Labour(workers=0)
_FINDINGS = Task("findings", TaskKind.MULTI_LABEL, ("Effusion", "Mass", "Nodule"))


def _written(manifest: Manifest, folder: Path, **asked: Any) -> Path:
    given = {
        "drop": frozenset({"masks", "boxes"}),
        "preparation": Preparation(size=(28,), channels="grey"),
        "shard_size": 5,
        **asked,
    }
    return convert(manifest, folder, Request("medmnist", **given), _HERE).folder


Opened = Callable[..., Any]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Open a split as the documentation says, with the package's own class."""
    medmnist: ModuleType = pytest.importorskip("medmnist")

    def opened(folder: Path, split: str, size: int | None = None) -> Any:
        ((flag, facts),) = json.loads((folder / "info.json").read_text("utf-8")).items()
        monkeypatch.setitem(medmnist.INFO, flag, facts)
        first = next(iter(sorted(folder.glob("*.npz"))))
        volume = np.load(first)["train_images"].ndim == 4 and facts["n_channels"] == 1
        parent = medmnist.dataset.MedMNIST3D if volume else medmnist.dataset.MedMNIST2D

        class Mine(parent):
            available_sizes = (28, 32, 64, 96, 128, 224)

        Mine.flag = flag
        return Mine(split, root=str(folder), size=size)

    return opened


def _multi_label(root: Path, **values: pl.Expr) -> Manifest:
    pictures(root)
    rows = picture_rows().drop("label").with_columns(labels=c.labels(values, "findings"))
    meta = Meta("findings-set", "F", tasks=(_FINDINGS,), dimensions=2, channels=1)
    return as_manifest(rows, root, meta)


def test_the_package_reads_every_picture_and_label(opened: Opened, tmp_path: Path) -> None:
    manifest = pictures(tmp_path / "raw")
    out = _written(manifest, tmp_path / "out", preparation=Preparation((96,), channels="grey"))
    number = 0
    for split, n_samples in (("train", 24), ("val", 8), ("test", 8)):
        data = opened(out, split, 96)
        assert len(data) == n_samples
        for image, label in data:
            assert image.mode == "L"
            assert np.array_equal(np.asarray(image), texture(number, (96, 96)))
            assert label.tolist() == [int(number % 4 >= 2)]
            number += 1
    assert data.info["label"] == {"0": "benign", "1": "malignant"}
    assert "miniature-pictures_96" in repr(data)


def test_the_package_evaluates_it(opened: Opened, tmp_path: Path) -> None:
    medmnist = pytest.importorskip("medmnist")
    out = _written(pictures(tmp_path / "raw"), tmp_path / "out")
    scores = np.asarray(opened(out, "test").labels, float)
    evaluator = medmnist.Evaluator("miniature-pictures", "test", root=str(out))
    found = evaluator.evaluate(scores, save_folder=None)
    assert (found.AUC, found.ACC) == (1, 1)


def test_colours_and_pixels_are_as_pillow_shrinks_them(opened: Opened, tmp_path: Path) -> None:
    manifest = pictures(tmp_path / "raw")
    out = _written(manifest, tmp_path / "out", preparation=Preparation((32,), channels="rgb"))
    image, _ = opened(out, "train", 32)[5]
    wanted = Image.fromarray(texture(5, (96, 96))).resize((32, 32), Image.Resampling.BOX)
    assert image.mode == "RGB"
    assert np.abs(np.asarray(image, int) - np.asarray(wanted, int)[..., None]).max() <= 1


def test_our_own_reader_reads_it(tmp_path: Path) -> None:
    out = _written(pictures(tmp_path / "raw"), tmp_path / "out")
    meta = replace(picture_meta(), channels=1)
    again = medmnist_npz.read(out, meta)
    assert again.frame.select("label").collect()["label"].to_list() == (
        picture_rows()["label"].to_list()[32:]
        + picture_rows()["label"].to_list()[:24]
        + picture_rows()["label"].to_list()[24:32]
    )


def test_volumes_have_their_slices_first(tmp_path: Path) -> None:
    manifest = volumes(tmp_path / "raw")
    task = Task("kind", TaskKind.ORDINAL, ("0", "1", "2"))
    number = pl.int_range(pl.len())
    split = pl.when(number < 3).then(pl.lit("train")).when(number < 6).then(pl.lit("val"))
    rows = manifest.frame.collect().with_columns(
        label=(number % 3).cast(pl.String),
        split=split.otherwise(pl.lit("test")),
    )
    meta = replace(manifest.meta, tasks=(task,), channels=1)
    asked = Preparation(crop="centre:16", size=(16,), window=(0.0, 800.0))
    out = _written(as_manifest(rows, manifest.root, meta), tmp_path / "out", preparation=asked)
    data = np.load(out / "miniature-volumes_16.npz")
    whole = Dataset(manifest)[4].image()[4:20, 2:18]
    grey = np.clip((whole.astype(float) + 400) / 800 * 255, 0, 255)
    assert np.abs(data["val_images"][1].transpose(2, 1, 0) - grey).max() <= 1
    assert data["val_labels"].tolist() == [[0], [1], [2]]


def test_the_package_reads_volumes(opened: Opened, tmp_path: Path) -> None:
    make_file(tmp_path / "raw", "organmnist3d")
    manifest = medmnist_npz.read(tmp_path / "raw", manifest_meta(find_record("organmnist3d")))
    asked = Preparation(size=(28,))
    out = _written(manifest, tmp_path / "out", preparation=asked, options={"flag": "mine"})
    there, here = (np.load(each) for each in (tmp_path / "raw/organmnist3d.npz", out / "mine.npz"))
    for name in there:
        assert np.array_equal(here[name], there[name])
    data = opened(out, "test")
    assert data[3][0].shape == (1, 28, 28, 28)
    assert np.allclose(data[3][0][0] * 255, there["test_images"][3])


def test_real_sets_come_out_as_published(real_data: Path, tmp_path: Path) -> None:
    manifest = medmnist_npz.read(real_data, manifest_meta(find_record("breastmnist")))
    out = _written(manifest, tmp_path / "out", drop=frozenset(), shard_size=100)
    published, ours = (np.load(each / "breastmnist.npz") for each in (real_data, out))
    assert list(ours) == list(published)
    for name in published:
        assert ours[name].dtype == published[name].dtype
        assert np.array_equal(ours[name], published[name])


def test_multi_label_sets_have_a_column_per_finding(opened: Opened, tmp_path: Path) -> None:
    number = pl.int_range(N_PICTURES)
    values = {
        "Effusion": (number % 2).cast(pl.Float32),
        "Mass": pl.lit(0.0),
        "Nodule": pl.when(number == 3).then(-1.0).when(number > 5).then(1.0),
    }
    manifest = _multi_label(tmp_path / "raw", **values)
    drop = frozenset({"masks", "boxes"})
    with pytest.raises(SettingError, match="--drop uncertain,unstated"):
        _written(manifest, tmp_path / "out")
    out = _written(manifest, tmp_path / "out", drop=drop | {"uncertain", "unstated"})
    labels = opened(out, "train").labels
    assert labels.dtype == np.uint8
    assert labels[:7].tolist() == [
        [0, 0, 0], [1, 0, 0], [0, 0, 0], [1, 0, 0], [0, 0, 0], [1, 0, 0], [0, 0, 1],
    ]  # fmt: skip
    assert json.loads((out / "info.json").read_text())["findings-set"]["task"] == (
        "multi-label, binary-class"
    )


def test_statements_by_two_sources_are_told_apart(tmp_path: Path) -> None:
    pictures(tmp_path / "raw")
    ones, zeros = ({name: pl.lit(value) for name in _FINDINGS.classes} for value in (1.0, 0.0))
    both = pl.concat_list(
        c.labels(ones, "findings", source="a"), c.labels(zeros, "findings", source="b")
    )
    rows = picture_rows().drop("label").with_columns(labels=both)
    meta = Meta("x", "X", tasks=(_FINDINGS,), dimensions=2)
    manifest = as_manifest(rows, tmp_path / "raw", meta)
    with pytest.raises(SettingError, match=r"40 samples have several statements(?s:.*)source="):
        _written(manifest, tmp_path / "out")
    out = _written(manifest, tmp_path / "out", options={"source": "a"})
    assert np.load(out / "x.npz")["val_labels"].all()


def test_fixtures_come_back_value_by_value(tmp_path: Path) -> None:
    patchcamelyon_h5.make(tmp_path / "raw")
    meta = manifest_meta(find_record("patchcamelyon"))
    manifest = patchcamelyon.read(tmp_path / "raw", meta)
    drop = frozenset({"masks"})
    asked = Preparation(size=(96,), channels="rgb")
    out = _written(manifest, tmp_path / "out", drop=drop, preparation=asked)
    arrays = np.load(out / "patchcamelyon_96.npz")
    classes = meta.tasks[0].classes
    for split in ("train", "val", "test"):
        samples = list(Dataset(manifest).split(split))
        assert np.array_equal(arrays[f"{split}_images"], [each.image() for each in samples])
        codes = [[classes.index(each.label)] for each in samples]
        assert np.array_equal(arrays[f"{split}_labels"], codes)


def test_findings_of_a_fixture(tmp_path: Path) -> None:
    rows = pl.DataFrame(
        {"sample_id": ["a", "b", "c"], "split": ["train", "val", "test"], "patient_id": list("xyz")}
    )
    (tmp_path / "raw").mkdir()
    for name in "abc":
        Image.new("L", (40, 40), ord(name)).save(tmp_path / f"raw/{name}.png")
    expected = [each["labels"] for each in nih.EXPECTED[:3]]
    image = c.media("image", path=pl.format("{}.png", "sample_id"), member=None, format="png")
    rows = rows.with_columns(
        media=c.entries(image),
        labels=pl.Series([[{**_blank(), **each} for each in row] for row in expected]),
    )
    meta = replace(manifest_meta(find_record("nih-chest-xray")), channels=1)
    out = _written(as_manifest(rows, tmp_path / "raw", meta), tmp_path / "out", drop=frozenset())
    arrays = np.load(out / "nih-chest-xray.npz")
    for split, row in zip(("train", "val", "test"), expected, strict=True):
        present = {each["name"] for each in row if each["value"] == 1}
        wanted = [int(name in present) for name in meta.tasks[0].classes]
        assert arrays[f"{split}_labels"].tolist() == [wanted]


def _blank() -> dict[str, None]:
    return dict.fromkeys(("task", "name", "value", "source", "annotator"))


def test_workers_and_compression(tmp_path: Path) -> None:
    manifest = pictures(tmp_path / "raw")
    one = _written(manifest, tmp_path / "one")
    request = Request(
        "medmnist",
        preparation=Preparation(size=(28,), channels="grey"),
        drop=frozenset({"masks", "boxes"}),
        shard_size=5,
    )
    two = convert(manifest, tmp_path / "two", request, Labour(workers=2)).folder
    digests = [
        {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in sorted(out.iterdir())}
        for out in (one, two)
    ]
    assert digests[0] == digests[1]
    assert set(digests[0]) == {
        "info.json", "medshelf.json", "miniature-pictures.npz", "provenance.parquet",
    }  # fmt: skip
    plain = _written(manifest, tmp_path / "plain", options={"compression": "none"})
    files = [np.load(each / "miniature-pictures.npz") for each in (one, plain)]
    assert all(np.array_equal(files[0][name], files[1][name]) for name in files[0])
    headers = read_headers(plain / "miniature-pictures.npz")
    assert sum(each.size_bytes for each in headers.values()) < (
        (plain / "miniature-pictures.npz").stat().st_size
    )


@pytest.mark.parametrize(
    ("preparation", "problem"),
    [
        (Preparation(channels="grey"), "--size 28"),
        (Preparation(size=(28, 32), channels="grey"), "--size 28"),
        (Preparation(size=(28,)), "--channels grey or --channels rgb"),
    ],
)
def test_what_gives_no_array_is_refused_at_once(
    preparation: Preparation, problem: str, tmp_path: Path
) -> None:
    manifest = pictures(tmp_path / "raw")
    with pytest.raises(SettingError, match=problem):
        _written(manifest, tmp_path / "out", preparation=preparation)
    assert not list(tmp_path.glob(".out*"))


def test_images_of_another_kind_are_refused_with_what_to_do(tmp_path: Path) -> None:
    manifest = pictures(tmp_path / "raw")
    Image.fromarray(texture(0, (96, 96)).astype(np.uint16)).save(tmp_path / "raw/images/002.png")
    with pytest.raises(SettingError, match="--window or --dtype uint8"):
        _written(manifest, tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "options", "problem"),
    [
        ({"split": pl.lit("train")}, {}, "no val and no test split"),
        ({"split": pl.when(pl.int_range(40) > 2).then("split")}, {}, "without a split"),
        ({"label": pl.lit(None, pl.String)}, {}, "40 samples have no label"),
        ({}, {"compression": "zip"}, "deflate or none"),
        ({}, {"flag": "a_b"}, "flag=NAME"),
    ],
)
def test_what_the_format_cannot_say_is_refused(
    change: dict[str, pl.Expr], options: dict[str, str], problem: str, tmp_path: Path
) -> None:
    pictures(tmp_path / "raw")
    rows = picture_rows().with_columns(**change)
    with pytest.raises(SettingError, match=problem):
        _written(as_manifest(rows, tmp_path / "raw"), tmp_path / "out", options=options)


def test_one_task_is_chosen_by_name(tmp_path: Path) -> None:
    pictures(tmp_path / "raw")
    tasks = (*picture_meta().tasks, _FINDINGS)
    for given, problem in ((tasks, "task=NAME, of malignancy, findings"), ((), "no label tasks")):
        manifest = as_manifest(
            picture_rows(), tmp_path / "raw", replace(picture_meta(), tasks=given)
        )
        with pytest.raises(SettingError, match=problem):
            _written(manifest, tmp_path / "out")
    manifest = as_manifest(picture_rows(), tmp_path / "raw", replace(picture_meta(), tasks=tasks))
    with pytest.raises(UnknownNameError, match="malignancy"):
        _written(manifest, tmp_path / "out", options={"task": "malignance"})
    out = _written(manifest, tmp_path / "out", options={"task": "malignancy"})
    assert np.load(out / "miniature-pictures.npz")["val_labels"].shape == (8, 1)
