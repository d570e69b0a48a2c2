"""Several datasets as one: names, values, places and metadata."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import medshelf
from medshelf.core.errors import SettingError
from medshelf.core.issues import Issue
from medshelf.core.manifest import SCHEMA, read_manifest
from medshelf.core.tasks import Task, TaskKind
from medshelf.dataset.dataset import Dataset
from medshelf.dataset.harmonising import common_names
from tests.contract import making
from tests.dataset.trees import fixture, greys, medium, table
from tests.medmnist_files import make_file


def findings(
    name: str, root: Path, classes: tuple[str, ...], *rows: dict[str, float], **meta: Any
) -> Dataset:
    """A multi-label set with an image of grey 10, 11 ... for each row."""
    content = []
    for number, values in enumerate(rows):
        making.picture(root / f"{number}.png", 10 + number)
        labels = [{"task": "findings", "name": n, "value": v} for n, v in values.items()]
        content.append(
            {
                "sample_id": f"{number}",
                "patient_id": "1",
                "media": [medium(f"{number}.png")],
                "labels": labels,
            }
        )
    task = Task("findings", TaskKind.MULTI_LABEL, classes)
    return table(content, root, dataset=name, name=name.upper(), tasks=(task,), **meta)


def test_spellings_are_one_and_not_stated_stays_so(tmp_path: Path) -> None:
    parts = [
        findings("nih", tmp_path / "a", ("Pleural_Thickening", "Mass"), {"Pleural_Thickening": 1}),
        findings("padchest", tmp_path / "b", ("Pleural thickening",), {"Pleural thickening": 0}),
        findings(
            "vindr",
            tmp_path / "c",
            ("Nodule", "Pleural Thickening"),
            {"Nodule": -1, "Pleural Thickening": 1},
            {},
        ),
    ]
    found = medshelf.concat(parts)
    (task,) = found.tasks
    assert task.classes == ("Pleural Thickening", "Mass", "Nodule")
    assert found.table["sample_id"].to_list() == ["nih/0", "padchest/0", "vindr/0", "vindr/1"]
    nan = np.nan
    np.testing.assert_array_equal(
        found.label_matrix(), [[1, nan, nan], [0, nan, nan], [1, nan, -1], [nan, nan, nan]]
    )
    (issue,) = found.meta.issues
    assert issue.rule == "label-names-joined"
    assert "'Pleural_Thickening' of nih; 'Pleural thickening' of padchest" in issue.message
    assert found.patients.to_list() == ["nih/1", "padchest/1", "vindr/1"]


def test_the_vocabulary_joins_names_but_no_synonyms_unless_asked(tmp_path: Path) -> None:
    parts = [
        findings("a", tmp_path / "a", ("pneumonia", "pleural-effusion"), {"pneumonia": 1}),
        findings("b", tmp_path / "b", ("肺炎", "Pleural fluid"), {"肺炎": 1, "Pleural fluid": 1}),
    ]
    found = medshelf.concat(parts)
    assert found.tasks[0].classes == ("Pneumonia", "Pleural effusion", "Pleural fluid")
    assert {each.rule for each in found.meta.issues} == {"label-names-joined", "label-names-near"}
    (near,) = [each for each in found.meta.issues if each.rule == "label-names-near"]
    assert "'Pleural effusion', 'Pleural fluid' are near in meaning" in near.message
    assert medshelf.concat(parts, synonyms=True).tasks[0].classes == (
        "Pneumonia",
        "Pleural effusion",
    )
    own = medshelf.concat(parts, names={"pleural fluid": "Fluid", "Pleural Effusion": "Fluid"})
    assert own.tasks[0].classes == ("Pneumonia", "Fluid")
    np.testing.assert_array_equal(own.label_matrix(), [[1, np.nan], [1, 1]])


def test_what_one_dataset_tells_apart_stays_apart(tmp_path: Path) -> None:
    names = {"chexpert": ["Lung Opacity", "Pneumonia"], "other": ["lung_opacity", "PNEUMONIA"]}
    spellings, _ = common_names(names, synonyms=True)
    assert spellings["chexpert"] == {"Lung Opacity": "Lung Opacity", "Pneumonia": "Pneumonia"}
    assert spellings["other"] == {"lung_opacity": "Lung Opacity", "PNEUMONIA": "Pneumonia"}
    cased, _ = common_names({"a": ["mass", "Mass"], "b": ["Mass"]})
    assert cased["a"] == {"mass": "mass", "Mass": "Mass"}
    part = findings("chexpert", tmp_path, ("Lung Opacity", "Pneumonia"), {"Pneumonia": 1})
    with pytest.raises(SettingError, match="'Lung Opacity', 'Pneumonia' are different labels"):
        medshelf.concat([part], names={"Lung Opacity": "x", "Pneumonia": "x"})


def test_media_of_several_roots_and_archives(tmp_path: Path) -> None:
    names = ("class_folders_by_patient", "msd_prostate", "nnunet_v2")
    parts = [fixture(name, tmp_path / "deep" / name) for name in names]
    found = medshelf.concat(parts)
    assert found.manifest.root == tmp_path / "deep"
    wanted = {}
    for name, part in zip(names, parts, strict=True):
        values = greys(name)
        for sample in values:
            wanted[f"{part.meta.dataset}/{sample}"] = (name, values[sample])
    assert sorted(wanted) == found.table["sample_id"].to_list()
    for sample in found:
        folder, values = wanted[sample.id]
        assert (sample.extra["dataset"], sample.extra["root"]) == (
            sample.id.split("/")[0],
            folder,
        )
        for image in sample.images:
            value = values[image] if isinstance(values, dict) else values
            assert np.unique(sample.image(image)).tolist() == [value]
    assert found.find("msd-like/train/prostate_00").legend["PZ"] == (1,)
    assert found.find("brats-like/train/case_0001").legend["whole tumour"] == (1, 2, 3)
    assert found.find("oct/DME/15307/1").legend == {}
    assert pickle.loads(pickle.dumps(found))[0].id == found[0].id


def test_a_union_is_an_ordinary_manifest(tmp_path: Path) -> None:
    first = findings("a", tmp_path / "a", ("x",), {"x": 1})
    second = findings("b", tmp_path / "b", ("X", "y"), {"X": 0, "y": 1})
    found = medshelf.concat([second, first])
    assert found.manifest.frame.collect_schema() == SCHEMA
    found.manifest.write(tmp_path / "m.parquet")
    again = Dataset(read_manifest(tmp_path / "m.parquet", tmp_path))
    assert again.table.equals(found.table)
    assert again.meta == found.meta
    assert len(found.filter("sample_id like 'b/%'")) == 1
    third = findings("a-b", tmp_path / "c", ("x",), {"x": 1})
    flat = medshelf.concat([medshelf.concat([first, third]), second])
    expected = sorted(["a/0", "a-b/0", "b/0"])
    assert flat.table["sample_id"].to_list() == expected
    assert [each.extra["dataset"] for each in flat] == ["a-b", "a", "b"]
    assert [np.unique(each.image()).tolist() for each in flat] == [[10]] * 3


def test_parts_of_one_dataset_are_put_back_in_order(tmp_path: Path) -> None:
    whole = findings("a", tmp_path, ("x",), *({"x": 1},) * 6)
    found = medshelf.concat([whole[3:], whole[:3]])
    assert [np.unique(each.image()).item() for each in found] == [10, 11, 12, 13, 14, 15]
    with pytest.raises(SettingError, match="2 samples are in more than one part: a/1, a/2"):
        medshelf.concat([whole[:3], whole[1:]])
    with pytest.raises(SettingError, match="nothing to put together"):
        medshelf.concat([])


def test_what_is_known_of_each_part_is_known_of_the_whole(tmp_path: Path) -> None:
    issue = Issue("sample-count", "warning", "split train", "12 samples", "Fetch")
    first = findings(
        "a",
        tmp_path / "a",
        ("x",),
        {"x": 1},
        licence="CC-BY-4.0",
        citation="@a",
        label_origin="NLP",
        limitations=("small",),
        issues=(issue,),
        splits={"train": 5},
        dimensions=2,
    )
    second = findings(
        "b",
        tmp_path / "b",
        ("x",),
        {"x": 1},
        licence="CC-BY-NC-ND-4.0",
        citation="@b",
        splits={"train": 7, "test": 2},
        dimensions=3,
        modified=True,
    )
    third = findings("c", tmp_path / "c", ("x",), {"x": 1}, citation="@a")
    meta = medshelf.concat([first, second]).meta
    assert (meta.dataset, meta.name) == ("a+b", "A + B")
    assert meta.licence == "CC-BY-NC-ND-4.0 AND CC-BY-4.0"
    assert meta.citation == "@a\n\n@b"
    assert meta.label_origin == "A: NLP; B: not stated"
    assert meta.limitations == ("A: small",)
    assert meta.issues == (
        Issue("sample-count", "warning", "a: split train", "12 samples", "Fetch"),
    )
    assert meta.splits == {"train": 12, "test": 2}
    assert (meta.dimensions, meta.modified, meta.synthetic) == (None, True, False)
    with_third = medshelf.concat([first, second, third]).meta
    assert with_third.licence == "licence not stated AND CC-BY-NC-ND-4.0 AND CC-BY-4.0"
    assert with_third.citation == "@a\n\n@b"
    assert with_third.splits == {}


def test_tasks_of_other_kinds_are_kept_apart(tmp_path: Path) -> None:
    def single(name: str, kind: TaskKind, *classes: str) -> Dataset:
        rows = [{"sample_id": each, "label": each} for each in classes]
        return table(rows, tmp_path, dataset=name, tasks=(Task("state", kind, classes),))

    binary = single("a", TaskKind.BINARY, "Normal", "malignant")
    other = single("b", TaskKind.BINARY, "normal", "benign")
    grades = single("c", TaskKind.ORDINAL, "0", "1")
    found = medshelf.concat([binary, other])
    assert found.tasks == (Task("state", TaskKind.MULTI_CLASS, ("Normal", "malignant", "benign")),)
    assert found.manifest.class_codes().tolist() == [0, 1, 0, 2]
    apart = medshelf.concat([binary, grades])
    assert [each.name for each in apart.tasks] == ["state", "c/state"]
    labels = findings("d", tmp_path / "d", ("x",), {"x": 1})
    entries = medshelf.concat(
        [
            table(
                [{"sample_id": "a", "label": "x"}],
                tmp_path,
                dataset="z",
                tasks=(Task("findings", TaskKind.BINARY, ("x", "y")),),
            ),
            labels,
        ]
    )
    assert {each.name for each in entries.tasks} == {"findings", "z/findings"}
    np.testing.assert_array_equal(entries.label_matrix("findings"), [[1], [np.nan]])


def test_shapes_get_the_common_name(tmp_path: Path) -> None:
    def boxes(name: str, label: str) -> Dataset:
        shape = {"kind": "box", "label": label, "points": [0.0, 0.0, 1.0, 1.0], "unit": "pixel"}
        return table([{"sample_id": "0", "shapes": [shape]}], tmp_path, dataset=name)

    found = medshelf.concat([boxes("a", "Lung_nodule"), boxes("b", "lung nodule")])
    assert {each.shapes[0].label for each in found} == {"Lung nodule"}


def test_images_in_arrays(tmp_path: Path) -> None:
    for name in ("breastmnist", "organmnist3d"):
        make_file(tmp_path / name, name)
    parts = [
        medshelf.load(name, "test", root=tmp_path / name, allow_modified=True)
        for name in ("breastmnist", "organmnist3d")
    ]
    found = medshelf.concat(parts)
    assert len(found) == 18
    shapes = {each.raster().axes: each.image().shape for each in found}
    assert shapes == {"YX": (28, 28), "ZYX": (28, 28, 28)}
    assert [int(each.image().flat[0]) for each in found] == [*range(200, 209)] * 2
    assert found.meta.modified
