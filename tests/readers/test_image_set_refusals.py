"""Readers of image sets on trees that are not as the layout says: what is refused, what is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from medshelf.core.errors import FormatError, LayoutError, MedshelfError, SettingError
from medshelf.core.manifest import Manifest, Meta
from medshelf.core.tasks import Task, TaskKind
from medshelf.readers import (
    coco,
    fitzpatrick_17k,
    ham10000,
    kvasir_seg,
    pannuke,
    pascal_voc,
    patchcamelyon,
    table_images,
    yolo,
)
from tests.contract.making import h5, npy, picture, text

_META = Meta("toy", "Toy", tasks=(Task("dx", TaskKind.MULTI_CLASS, ("mel", "nv")),))
_PLAIN = Meta("toy", "Toy")


def _rules(manifest: Manifest) -> list[str]:
    return sorted(each.rule for each in manifest.meta.issues)


def _paths(manifest: Manifest) -> list[str | None]:
    first = pl.col("media").list.first().struct.field("path")
    return manifest.frame.select(first).collect().to_series().to_list()


def _voc(root: Path, objects: str = "", name: str = "a", tag: str = "annotation") -> None:
    text(root / f"{name}.xml", f"<{tag}><filename>{name}.jpg</filename>{objects}</{tag}>")
    picture(root / f"{name}.jpg", 7)


def test_voc_refuses_other_xml_and_corners_that_are_no_numbers(tmp_path: Path) -> None:
    _voc(tmp_path, tag="svg")
    with pytest.raises(LayoutError, match=r"a\.xml: it is no Pascal VOC annotation but <svg>"):
        pascal_voc.read(tmp_path, _PLAIN)
    _voc(tmp_path, "<object><name>x</name><bndbox><xmin>1</xmin></bndbox></object>")
    with pytest.raises(FormatError, match=r"a\.xml: object 'x' has the corners \['1', None"):
        pascal_voc.read(tmp_path, _PLAIN)
    with pytest.raises(SettingError, match="first_pixel='2' is neither 0 nor 1"):
        pascal_voc.read(tmp_path, _PLAIN, first_pixel="2")


def test_voc_finds_a_renamed_image_by_the_stem_of_the_xml(tmp_path: Path) -> None:
    text(tmp_path / "a.xml", r"<annotation><filename>C:\old\x.jpg</filename></annotation>")
    picture(tmp_path / "a.png", 7)
    manifest = pascal_voc.read(tmp_path, _PLAIN)
    assert _paths(manifest) == ["a.png"]
    assert _rules(manifest) == []


def _coco(root: Path, **annotation: Any) -> Path:
    picture(root / "p1.png", 7)
    about = {
        "images": [{"id": 1, "file_name": "p1.png"}],
        "categories": [{"id": 0, "name": "cell"}],
        "annotations": [{"image_id": 1, "category_id": 0, "bbox": [1, 2, 3, 4], **annotation}],
    }
    text(root / "boxes.json", json.dumps(about))
    return root


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        ({"category_id": 7}, "category_id: 7 are not among 0"),
        ({"category_id": None}, "category_id:  are not among 0"),
        ({"bbox": [1, 2, 3]}, "'bbox' has not four numbers"),
        ({"bbox": [1, 2, 3, None]}, "'bbox' has not four numbers"),
        ({"bbox": None}, "'bbox' has not four numbers"),
        ({"bbox": ["a", 2, 3, 4]}, "is no list of numbers"),
        ({"segmentation": [[1, 2, 3, 4, 5]]}, "a polygon not three corners"),
        ({"segmentation": [[1, 2, 3, 4, 5, 6, 7]]}, "a polygon not three corners"),
        ({"segmentation": [["x"]]}, "is no list of numbers"),
    ],
)
def test_coco_refuses(annotation: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=f"boxes.json.*{message}"):
        coco.read(_coco(tmp_path, **annotation), _PLAIN, annotations="boxes.json")


def test_coco_tells_of_annotations_without_image_and_of_parts_not_read(tmp_path: Path) -> None:
    manifest = coco.read(_coco(tmp_path, image_id=9), _PLAIN, annotations="boxes.json")
    assert _rules(manifest) == ["row-unmatched"]
    (tmp_path / "boxes.json").rename(tmp_path / "instances_old.json")
    text(tmp_path / "instances_new.json", (tmp_path / "instances_old.json").read_text())
    manifest = coco.read(tmp_path, _PLAIN, splits="new=train", images="{file}")
    assert _rules(manifest) == ["file-unused", "row-unmatched"]
    with pytest.raises(LayoutError, match=r"instances_val2017.json"):
        coco.read(tmp_path, _PLAIN, splits="new=train; val2017=val")


def test_coco_refuses_other_keys_and_ids_that_occur_twice(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="'patient'"):
        coco.read(_coco(tmp_path), _PLAIN, annotations="boxes.json", patient="patient")
    images = [{"id": 1, "file_name": "p1.png"}, {"id": 1, "file_name": "p2.png"}]
    text(tmp_path / "boxes.json", json.dumps({"images": images}))
    with pytest.raises(LayoutError, match="ids of 'images' are not unique"):
        coco.read(tmp_path, _PLAIN, annotations="boxes.json")


def _yolo(root: Path, line: str = "0 0.5 0.5 1 1", **data: Any) -> Path:
    picture(root / "images/train/p1.jpg", 7)
    text(root / "labels/train/p1.txt", line)
    about = {"names": ["cell"], "train": "images/train", **data}
    text(root / "data.yaml", json.dumps(about))  # JSON is YAML
    return root


@pytest.mark.parametrize(
    "line",
    ["1 0.5 0.5 1 1", "cell 0.5 0.5 1 1", "0 1 1 1", "0 1 1 1 1 1", "0 1 1 1 nan", "0 a b c d"],
)
def test_yolo_refuses_lines(line: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=f"p1.txt: '{line}' is not one of the 1 classes"):
        yolo.read(_yolo(tmp_path, f"0 0.5 0.5 1 1\n{line}\r\n"), _PLAIN)


@pytest.mark.parametrize(
    "data", [{"names": None}, {"names": 3}, {"names": [[1]]}, {"val": {"a": 1}}]
)
def test_yolo_refuses_data(data: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=r"data.yaml: 'names' is no list or mapping of texts"):
        yolo.read(_yolo(tmp_path, **data), _PLAIN)


def test_yolo_refuses_what_is_no_yaml_and_no_picture(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="size='8' is not width x height"):
        yolo.read(_yolo(tmp_path), _PLAIN, size="8")
    (tmp_path / "images/train/p1.jpg").write_bytes(b"x")
    with pytest.raises(FormatError, match=r"p1.jpg: no picture"):
        yolo.read(tmp_path, _PLAIN)
    text(tmp_path / "data.yaml", "names: [a\n")
    with pytest.raises(FormatError, match=r"data.yaml: not YAML"):
        yolo.read(tmp_path, _PLAIN)


def test_yolo_takes_lists_of_images_and_shown_sizes(tmp_path: Path) -> None:
    _yolo(tmp_path, "0 0.5 0.5 0.5 1", train="./train.txt", test="{path}")
    turned = Image.Exif()
    turned[274] = 6
    Image.fromarray(np.full((6, 8), 7, np.uint8)).save(
        tmp_path / "images/train/p1.jpg", exif=turned
    )
    text(tmp_path / "train.txt", "./images/train/p1.jpg\n./images/train/p2.jpg\n")
    manifest = yolo.read(tmp_path, _PLAIN)
    rows = manifest.frame.collect()
    assert rows["sample_id"].to_list() == ["train/p1", "train/p2"]
    assert rows["shapes"][0][0]["points"] == [1.5, 0, 4.5, 8]
    assert _paths(manifest) == ["images/train/p1.jpg", None]
    assert _rules(manifest) == ["file-missing"]


def _table(root: Path, lines: str) -> Path:
    text(root / "table.csv", f"path,dx,edema,age,fold\n{lines}")
    picture(root / "a/1.png", 7)
    return root


def test_table_finds_images_of_another_machine_and_keeps_odd_ages(tmp_path: Path) -> None:
    _table(tmp_path, "C:\\sets\\toy\\a\\1.png,mel,1,about 60,A\n")
    manifest = table_images.read(tmp_path, _META, table="table.csv", image="{path}", age="age")
    row = manifest.frame.collect().to_dicts()[0]
    assert (row["sample_id"], _paths(manifest)) == ("sets/toy/a/1", ["a/1.png"])
    assert row["age_years"] is None
    assert {"name": "age_as_released", "value": "about 60"} in row["extra"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"label": "dx"}, LayoutError, "labels that are no class of task 'dx'.*: bkl"),
        ({"split": "fold"}, LayoutError, "A are no splits"),
        ({"view": "position"}, LayoutError, "table.csv.*'position'"),
        ({"labels": "edema=edema"}, SettingError, "'toy' has not one multi-label task"),
        ({"labels": "edema=edema", "labels_task": "x"}, LayoutError, "edema: 2 are not among"),
        ({"table": "b.csv"}, LayoutError, "There is no file 'b.csv'"),
    ],
)
def test_table_refuses(
    options: dict[str, str], error: type[MedshelfError], message: str, tmp_path: Path
) -> None:
    _table(tmp_path, "1.png,bkl,2,60,A\n")
    with pytest.raises(error, match=message):
        table_images.read(tmp_path, _META, **{"table": "table.csv", "image": "{path}", **options})


_HAM = "lesion_id,image_id,dx,dx_type,age,sex,localization\n"


def test_ham10000_takes_one_copy_of_each_image_and_tab_separated_tables(tmp_path: Path) -> None:
    table = f"{_HAM}HAM_1,ISIC_1,nv,histo,80.0,male,back\n".replace(",", "\t")
    text(tmp_path / "HAM10000_metadata.tab", table)
    for folder in ("HAM10000_images_part_1", "ham10000_images_part_1"):
        picture(tmp_path / folder / "ISIC_1.jpg", 7)
    manifest = ham10000.read(tmp_path, _META)
    assert _paths(manifest) == ["HAM10000_images_part_1/ISIC_1.jpg"]
    assert _rules(manifest) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [("HAM_1,ISIC_1,nv,histo,,,", "occur twice"), ("HAM_2,ISIC_2,healthy,,,,", "healthy")],
)
def test_ham10000_refuses_augmented_tables(line: str, message: str, tmp_path: Path) -> None:
    text(
        tmp_path / "HAM10000_metadata.csv", f"{_HAM}HAM_1,ISIC_1,nv,histo,80.0,male,back\n{line}\n"
    )
    with pytest.raises(LayoutError, match=message):
        ham10000.read(tmp_path, _META)


def test_fitzpatrick_refuses_a_condition_that_the_record_does_not_know(tmp_path: Path) -> None:
    columns = "md5hash,fitzpatrick_scale,fitzpatrick_centaur,label,nine_partition_label"
    columns += ",three_partition_label,qc,url,url_alphanum"
    text(tmp_path / "fitzpatrick17k.csv", f"{columns}\nab,1,2,acme,benign,benign,,,\n")
    with pytest.raises(LayoutError, match=r"no class of task 'dx'.*acme"):
        fitzpatrick_17k.read(tmp_path, _META)


def test_kvasir_refuses_a_box_without_a_corner(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        picture(tmp_path / folder / "a.jpg", 7)
    text(tmp_path / "kavsir_bboxes.json", json.dumps({"a": {"bbox": [{"xmin": 1, "ymin": 2}]}}))
    with pytest.raises(LayoutError, match=r"kavsir_bboxes.json: a box lacks one of xmin"):
        kvasir_seg.read(tmp_path, _PLAIN)
    text(tmp_path / "kavsir_bboxes.json", json.dumps({"a": {"bbox": []}}))
    assert kvasir_seg.read(tmp_path, _PLAIN).frame.collect()["shapes"].null_count() == 1


def _fold(root: Path, types: np.ndarray, n_masks: int = 2) -> Path:
    npy(root / "types.npy", types)
    npy(root / "images.npy", np.zeros((2, 4, 4, 3)))
    npy(root / "masks.npy", np.zeros((n_masks, 4, 4, 6)))
    return root


def test_pannuke_refuses_arrays_that_do_not_go_together(tmp_path: Path) -> None:
    tissues = np.array(["mel", "nv"])
    with pytest.raises(LayoutError, match=r"masks.npy: shape \(3, 4, 4, 6\) is not \(2, height"):
        pannuke.read(_fold(tmp_path / "fold1", tissues, 3).parent, _META)
    with pytest.raises(LayoutError, match=r"types.npy: it is int64 \(2,\), no list of tissues"):
        pannuke.read(_fold(tmp_path / "fold1", np.array([1, 2])).parent, _META)
    with pytest.raises(LayoutError, match=r"no class of task 'dx'.*Spleen"):
        pannuke.read(_fold(tmp_path / "fold1", np.array(["mel", "Spleen"])).parent, _META)
    (tmp_path / "fold1").rename(tmp_path / "first")
    with pytest.raises(LayoutError, match="no array lies in a folder or archive called fold1"):
        pannuke.read(tmp_path, _META)


def _pcam(root: Path, labels: list[int], n_images: int = 2) -> Path:
    for split in ("train", "valid", "test"):
        start = root / f"camelyonpatch_level_2_split_{split}"
        h5(Path(f"{start}_x.h5"), x=np.zeros((n_images, 4, 4, 3), np.uint8))
        h5(Path(f"{start}_y.h5"), y=np.array(labels, np.uint8).reshape(-1, 1, 1, 1))
        lines = ",coord_y,coord_x,tumor_patch,center_tumor_patch,wsi\n0,1,2,True,True,a\n"
        text(Path(f"{start}_meta.csv"), f"{lines}1,1,2,True,True,a\n")
    return root


def test_patchcamelyon_refuses_files_that_do_not_go_together(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=r"train_x.h5 has 3 rows, .*train_y.h5 2"):
        patchcamelyon.read(_pcam(tmp_path, [0, 1], 3), _META)
    with pytest.raises(LayoutError, match=r"train_meta.csv has 2 rows, .*train_y.h5 3"):
        patchcamelyon.read(_pcam(tmp_path, [0, 1, 0], 3), _META)
    with pytest.raises(LayoutError, match=r"no class of task 'dx'.*: 2"):
        patchcamelyon.read(_pcam(tmp_path, [0, 2]), _META)
    import gzip

    packed = tmp_path / "camelyonpatch_level_2_split_train_y.h5"
    packed.with_name(f"{packed.name}.gz").write_bytes(gzip.compress(packed.read_bytes()[:900]))
    packed.unlink()
    with pytest.raises(FormatError, match=r"train_y.h5.gz: it holds no whole HDF5 file"):
        patchcamelyon.read(tmp_path, _META)
