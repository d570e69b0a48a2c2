"""What pycocotools and our own reader find in a COCO product is what the samples held."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from pycocotools import mask as codes
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy import ndimage

from medshelf.conversion.drawn.outlines import enclosed_area, outlines
from medshelf.conversion.drawn.regions import connected, whole
from medshelf.conversion.drawn.run_lengths import packed, run_lengths, unpacked
from medshelf.conversion.moving import prepared_image, prepared_mask
from medshelf.conversion.preparation import Preparation
from medshelf.conversion.prepared import Prepared
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core.columns import with_legend
from medshelf.core.errors import LayoutError, SettingError, UnknownNameError
from medshelf.core.manifest import Manifest, Meta
from medshelf.dataset.dataset import Dataset
from medshelf.readers import coco as reader
from medshelf.readers import pascal_voc
from tests.quality.miniatures import LEGEND, pictures
from tests.writers.drawn_pictures import (
    NAMES,
    PREPARATIONS,
    SHAPES,
    case_manifest,
    drawn,
    manifest_of,
    masked,
    medium,
    product_bytes,
    shape,
    turned_jpeg,
    written,
)

# pycocotools is built for NumPy 1
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
_MASKS = arrays.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def _opened(folder: Path, split: str = "train", kind: str = "instances") -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(folder / f"annotations/{kind}_{split}.json"))


def _by_sample(found: COCO) -> dict[str, tuple[dict[str, Any], list[dict[str, Any]]]]:
    return {
        each["sample_id"]: (each, found.loadAnns(found.getAnnIds(each["id"])))
        for each in found.loadImgs(found.getImgIds())
    }


def _mask_of(found: COCO, marks: list[dict[str, Any]], name: str, size: Any) -> np.ndarray:
    (code,) = found.getCatIds(catNms=[name])
    mask = np.zeros(size, bool)
    for each in marks:
        if each["category_id"] == code:
            mask |= found.annToMask(each).astype(bool)
    return mask


@given(_MASKS)
def test_codes_and_outlines_are_those_of_pycocotools(mask: np.ndarray) -> None:
    n_parts = ndimage.label(mask, np.ones((3, 3)))[1]
    parts = list(connected(mask))
    assert len(parts) == n_parts
    together = np.zeros(mask.shape, int)
    for part in [*parts, *whole(mask)]:
        full = np.zeros(mask.shape, bool)
        rows, columns = part.mask.shape
        full[part.y : part.y + rows, part.x : part.x + columns] = part.mask
        together += full
        code = codes.encode(np.asfortranarray(full, np.uint8))
        counts = run_lengths(part, *mask.shape)
        assert packed(counts).encode() == code["counts"]
        assert part.area == codes.area(code)
        x, y, width, height = codes.toBbox(code)
        assert part.box == (x, y, x + width, y + height)
        for stated in (counts, packed(counts)):
            again = unpacked({"size": list(mask.shape), "counts": stated}, mask.shape)
            np.testing.assert_array_equal(again, full)
        lines = outlines(part)
        polygons = [each.ravel().tolist() for each in lines]
        joined = codes.merge(codes.frPyObjects(polygons, *mask.shape))
        np.testing.assert_array_equal(codes.decode(joined), full)
        assert enclosed_area(lines) == part.area
    np.testing.assert_array_equal(together, 2 * mask)


@pytest.mark.parametrize(
    "code",
    [
        [],
        {"counts": "04P0"},
        {"size": [6, 9], "counts": "04P0"},
        {"size": [6, 8], "counts": "04P"},
        {"size": [6, 8], "counts": "\x00"},
        {"size": [6, 8], "counts": "oooooooooooooo0"},
        {"size": [6, 8], "counts": [-1, 49]},
        {"size": [6, 8], "counts": [10**12]},
        {"size": [6, 8], "counts": ["48"]},
        {"size": [6, 8]},
        {"size": [6, 8], "counts": [47]},
    ],
    ids=str,
)
def test_damaged_codes_are_refused(code: Any) -> None:
    with pytest.raises(ValueError, match="it"):
        unpacked(code, (6, 8))


@pytest.mark.parametrize("form", ["rle", "polygon"])
@pytest.mark.parametrize("instances", ["components", "structures"])
def test_masks_come_back_bit_by_bit(tmp_path: Path, form: str, instances: str) -> None:
    manifest = pictures(tmp_path / "raw").filter(pl.col("sample_id").str.ends_with("7"))
    options = {"objects": "masks", "segmentation": form, "instances": instances}
    folder = written(manifest, tmp_path / "out", "coco", options=options, drop={"class"})
    n_samples = 0
    for split in ("train", "val", "test"):
        found = _opened(folder, split)
        assert [each["name"] for each in found.loadCats(found.getCatIds())] == ["liver", "tumour"]
        for name, (image, marks) in _by_sample(found).items():
            sample = Dataset(manifest).find(name)
            n_samples += 1
            raw = (manifest.root / f"images/{name}.png").read_bytes()
            assert (folder / split / image["file_name"]).read_bytes() == raw
            assert len(marks) == 2
            for structure in ("liver", "tumour"):
                wanted = sample.mask(structure)
                mask = _mask_of(found, marks, structure, (image["height"], image["width"]))
                np.testing.assert_array_equal(mask, wanted)
            for each in marks:
                code = found.annToRLE(each)
                assert each["area"] == codes.area(code)
                assert each["bbox"] == codes.toBbox(code).tolist()
                assert (each["iscrowd"], each["image_id"]) == (0, image["id"])
    assert n_samples == manifest.n_samples()


@pytest.mark.parametrize("preparation", PREPARATIONS, ids=str)
def test_what_is_prepared_stays_together(tmp_path: Path, preparation: Preparation) -> None:
    manifest = pictures(tmp_path / "raw")
    manifest = manifest.filter(pl.col("sample_id") < "003")
    options = {"objects": "boxes,masks", "instances": "structures"}
    folder = written(
        manifest, tmp_path / "out", "coco", options=options, drop={"class"}, preparation=preparation
    )
    found = _opened(folder)
    for name, (image, marks) in _by_sample(found).items():
        sample = Dataset(manifest).find(name)
        moved = prepared_image(sample.raster(), preparation)
        with Image.open(folder / "train" / image["file_name"]) as picture:
            np.testing.assert_array_equal(np.asarray(picture), moved.raster.array)
        size = (image["height"], image["width"])
        assert size == moved.raster.array.shape
        for structure in ("liver", "tumour"):
            wanted = prepared_mask(sample.mask_raster(structure), preparation).array
            np.testing.assert_array_equal(
                _mask_of(found, marks, structure, size), wanted.astype(bool)
            )
        box = Prepared("", None, sample, preparation).shapes()[0].points
        (lesion,) = [each for each in marks if not each["segmentation"]]
        x, y, width, height = lesion["bbox"]
        np.testing.assert_allclose((x, y, x + width, y + height), box, atol=1e-9)
        assert lesion["area"] == pytest.approx(width * height)


def test_what_a_file_says_of_itself(tmp_path: Path) -> None:
    folder = written(drawn(tmp_path / "raw"), tmp_path / "out", "coco")
    about = json.loads((folder / "annotations/instances_train.json").read_text())
    assert about["licenses"][0]["name"] == "CC-BY-4.0"
    assert about["licenses"][0]["url"].startswith("https://creativecommons.org")
    assert about["info"]["description"] == "Drawn 图"
    assert [each["name"] for each in about["categories"]] == [*NAMES, "object"]
    marks = about["annotations"]
    assert [each["id"] for each in marks] == [1, 2, 3, 4, 5]
    assert (marks[4]["area"], len(marks[4]["segmentation"])) == (302.5, 2)
    assert marks[2]["difficult"] == "1"
    assert "keypoints" not in marks[2]
    assert [each["license"] for each in about["images"]] == [1, 1, 1]


def test_shapes_come_back_through_our_reader(tmp_path: Path) -> None:
    folder = written(drawn(tmp_path / "raw"), tmp_path / "out", "coco")
    back = reader.read(folder, Meta("again", "Again"), patient="patient_id")
    assert not back.meta.issues
    rows = back.frame.collect().to_dicts()
    samples = {_extra(row)["sample_id"]: row for row in rows}
    assert set(samples) == set(SHAPES)
    assert (samples["c"]["split"], samples["b"]["patient_id"]) == ("val", "患者")
    boxes, lines = _read_shapes(samples["a 1"])
    for each, wanted in zip(boxes, SHAPES["a 1"], strict=True):
        np.testing.assert_allclose(each["points"], wanted["points"], atol=1e-12)
        assert each["label"] == wanted["label"]
        assert _extra(each).get("annotator") == wanted["annotator"]
    assert not lines
    boxes, lines = _read_shapes(samples["a/2"])
    polygons = [each for each in SHAPES["a/2"] if each["kind"] == "polygon"]
    for name in ("points", "label"):
        assert [each[name] for each in lines] == [each[name] for each in polygons]
    assert _extra(lines[1])["annotation"] == _extra(lines[2])["annotation"]
    np.testing.assert_allclose(boxes[0]["points"], (2, 3, 20, 30.125))
    np.testing.assert_allclose(boxes[1]["points"], (10, 10, 50, 45))
    assert samples["b"]["shapes"] is None
    curve, _ = _read_shapes(samples["c"])[1]
    assert (curve["label"], len(curve["points"])) == ("object", 128)
    area = enclosed_area([np.reshape(curve["points"], (-1, 2))])
    assert area == pytest.approx(np.pi * 50, rel=2e-3)


def _read_shapes(row: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    boxes = [each for each in row["shapes"] if each["kind"] == "box"]
    return boxes, [each for each in row["shapes"] if each["kind"] == "polygon"]


def _extra(fields: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in fields["extra"] or ()}


def test_coco_stays_coco(tmp_path: Path) -> None:
    manifest = case_manifest("coco_splits", tmp_path / "raw").filter(pl.col("split") == "train")
    folder = written(manifest, tmp_path / "out", "coco")
    source = json.loads((tmp_path / "raw/annotations/instances_train2017.json").read_text())
    crowd, parts, _ = source["annotations"]
    found = _opened(folder)
    samples = _by_sample(found)
    image, marks = samples["train/000000000001"]
    first, second = sorted(marks, key=lambda each: each["iscrowd"])
    assert first["segmentation"] == parts["segmentation"]
    assert (first["bbox"], first["area"]) == (parts["bbox"], parts["area"])
    assert second["iscrowd"] == 1
    assert (second["bbox"], second["area"]) == (crowd["bbox"], crowd["area"])
    code = codes.frPyObjects(crowd["segmentation"], 6, 8)
    np.testing.assert_array_equal(found.annToMask(second), codes.decode(code))
    names = {each["id"]: each["name"] for each in found.loadCats(found.getCatIds())}
    assert [names[each["category_id"]] for each in (first, second)] == ["nodule", "mass, large"]
    assert image["patient_id"] == "tr-1"
    assert not samples["train/000000000002"][1]
    small = Preparation(crop="0,4,0,6", size=(8, 12))
    lines = {"segmentation": "polygon"}  # which no tool expects of a crowd
    cut = written(manifest, tmp_path / "cut", "coco", preparation=small, options=lines)
    found = _opened(cut)
    (group,) = [each for each in found.loadAnns(found.getAnnIds()) if each["iscrowd"]]
    assert isinstance(group["segmentation"], dict)
    wanted = codes.decode(code)[:, :4].repeat(2, 0).repeat(2, 1)
    np.testing.assert_array_equal(found.annToMask(group), wanted)


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_cocos_own_score_of_the_product_against_itself_is_one(tmp_path: Path, kind: str) -> None:
    manifest = pictures(tmp_path / "raw").filter(pl.col("sample_id").str.ends_with("7"))
    options = {"objects": "masks", "segmentation": "polygon"}
    folder = written(manifest, tmp_path / "out", "coco", options=options, drop={"class"})
    found = _opened(folder)
    guesses = [
        {**each, "score": 0.5, "segmentation": found.annToRLE(each)}
        for each in found.loadAnns(found.getAnnIds())
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        score = COCOeval(found, found.loadRes(guesses), kind)
        score.evaluate()
        score.accumulate()
        score.summarize()
    assert score.stats[0] == pytest.approx(1.0)


def test_cells_of_a_patch_are_objects_of_their_own(tmp_path: Path) -> None:
    manifest = case_manifest("pannuke_folders", tmp_path / "raw")
    folder = written(
        manifest,
        tmp_path / "out",
        "coco",
        options={"instances": "values"},
        drop={"class"},
        preparation=Preparation(dtype="uint8"),
    )
    found = _opened(folder, "all")
    for name, (image, marks) in _by_sample(found).items():
        mask = Dataset(manifest).find(name).raster("mask").as_axes("YXC")
        size = (image["height"], image["width"])
        for channel, structure in enumerate(("Neoplastic", "Inflammatory")):
            wanted = mask[..., channel]
            np.testing.assert_array_equal(_mask_of(found, marks, structure, size), wanted != 0)
        n_cells = sum(len(np.unique(mask[..., n])) - 1 for n in range(5))
        assert len(marks) == n_cells
    assert "Background" not in [each["name"] for each in found.loadCats(found.getCatIds())]


def test_noisy_masks_and_boxes_of_the_same_thing(tmp_path: Path) -> None:
    manifest = case_manifest("kvasir_seg_jpeg", tmp_path / "raw")
    with pytest.raises(SettingError, match="objects=masks"):
        written(manifest, tmp_path / "out", "coco")
    folder = written(manifest, tmp_path / "out", "coco", options={"objects": "masks"})
    for name, (image, marks) in _by_sample(_opened(folder, "all")).items():
        sample = Dataset(manifest).find(name)
        wanted = sample.mask("polyp") if sample.masks else np.zeros((1, 1))
        assert sum(each["area"] for each in marks) == np.count_nonzero(wanted)
        assert (image["width"], image["height"]) == (64, 48)
    back = reader.read(folder, Meta("again", "Again"), splits="all=")
    assert back.frame.collect()["split"].null_count() == len(_opened(folder, "all").imgs)


@pytest.mark.parametrize("legend", ["0=background; 255=lung", "0=background; 1=left; 2=right"])
def test_masks_that_each_show_one_structure(tmp_path: Path, legend: str) -> None:
    root = tmp_path / "raw"
    root.mkdir()
    left = np.zeros((20, 30), np.uint8)
    left[2:9, 3:12] = left[12:15, 20:30] = 255
    Image.fromarray(left).save(root / "left.png")
    Image.fromarray(left[::-1]).save(root / "right.png")
    Image.fromarray(left).save(root / "image.png")
    masks = [
        medium(f"{each}.png", "mask", name=each, label=each, annotator=who)
        for each, who in (("right", None), ("left", "A"), ("left", "B"))
    ]
    rows = {"sample_id": ["one"], "media": [[medium("image.png"), *masks]]}
    manifest = manifest_of(rows, root, options={"legend": legend})
    found = _opened(written(manifest, tmp_path / "out", "coco"), "all")
    marks = found.loadAnns(found.getAnnIds())
    assert [each["name"] for each in found.loadCats(found.getCatIds())] == ["left", "right"]
    told = [(each["category_id"], each.get("annotator")) for each in marks]
    assert sorted(told, key=str) == [(1, "A"), (1, "A"), (1, "B"), (1, "B"), (2, None), (2, None)]
    np.testing.assert_array_equal(_mask_of(found, marks, "right", (20, 30)), left[::-1] > 0)
    one = written(manifest, tmp_path / "a", "coco", options={"annotator": "A"})
    assert len(_opened(one, "all").anns) == 4
    with pytest.raises(UnknownNameError, match="annotator"):
        written(manifest, tmp_path / "x", "coco", options={"annotator": "C"})


def test_points_become_keypoints(tmp_path: Path) -> None:
    eyes = [
        [shape("point", "eyes", 10, 11, 40.5, 12), shape("box", "beak", 1, 2, 3, 4)],
        [],
        [],
        [],
    ]
    manifest = drawn(tmp_path / "raw", shapes=eyes)
    found = _opened(written(manifest, tmp_path / "out", "coco"))
    (category,) = found.loadCats(found.getCatIds(catNms=["eyes"]))
    assert category["keypoints"] == ["1", "2"]
    (pair,) = [each for each in found.anns.values() if "keypoints" in each]
    assert pair["keypoints"] == [10, 11, 2, 40.5, 12, 2]
    assert (pair["num_keypoints"], pair["bbox"]) == (2, [10, 11, 30.5, 1])
    with pytest.raises(LayoutError, match="cuts off some points"):
        written(manifest, tmp_path / "cut", "coco", preparation=Preparation(crop="0,20,0,20"))
    eyes[1] = [shape("point", "eyes", 5, 5)]
    with pytest.raises(SettingError, match="1 to 2 points"):
        written(drawn(tmp_path / "raw", shapes=eyes), tmp_path / "odd", "coco")


def test_captions(tmp_path: Path) -> None:
    hostile = 'A "caption"\nwith \\ 中文 🩻 \u2028'
    text = {
        "report": None,
        "findings": None,
        "impression": None,
        "caption": hostile,
        "context": None,
    }
    manifest = drawn(tmp_path / "raw", text=[text, None, None, {**text, "caption": "two"}])
    folder = written(manifest, tmp_path / "out", "coco")
    found = _opened(folder, "train", "captions")
    assert [each["caption"] for each in found.anns.values()] == [hostile]
    assert set(found.imgs) == set(_opened(folder).imgs)
    report = [{**text, "report": "r"}, None, None, None]
    manifest = drawn(tmp_path / "raw", text=report)
    with pytest.raises(SettingError, match="--with captions=report"):
        written(manifest, tmp_path / "refused", "coco")
    both = written(manifest, tmp_path / "b", "coco", options={"captions": "report,caption"})
    told = [
        (each["text"], each["caption"]) for each in _opened(both, "train", "captions").anns.values()
    ]
    assert told == [("report", "r"), ("caption", hostile)]
    none = written(manifest, tmp_path / "n", "coco", options={"captions": "none"})
    assert not (none / "annotations/captions_train.json").exists()
    with pytest.raises(UnknownNameError):
        written(manifest, tmp_path / "x", "coco", options={"captions": "captoin"})


def test_workers_and_shards_do_not_show(tmp_path: Path) -> None:
    manifest = pictures(tmp_path / "raw").filter(pl.col("sample_id") < "007")
    for folder, labour, size in (("one", 0, 3), ("two", 2, 3), ("whole", 0, 100)):
        request = Request(
            "coco",
            options={"objects": "masks"},
            drop=frozenset({"class"}),
            shard_size=size,
        )
        convert(manifest, tmp_path / folder, request, Labour(workers=labour))
    one, two, other = (product_bytes(tmp_path / each) for each in ("one", "two", "whole"))
    assert one == two
    marks = "annotations/instances_train.json"
    assert one[marks] == other[marks]


def test_a_turned_picture_is_written_upright(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    upright = turned_jpeg(tmp_path / "raw/image.jpg", 6)
    rows = {"sample_id": ["one"], "media": [[medium("image.jpg")]]}
    folder = written(manifest_of(rows, tmp_path / "raw"), tmp_path / "out", "coco")
    (image,) = _opened(folder, "all").imgs.values()
    assert (image["file_name"], image["height"], image["width"]) == ("one.png", 24, 16)
    with Image.open(folder / "all/one.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), upright)


def test_the_legend_can_be_stated(tmp_path: Path) -> None:
    mask = np.array([[0, 1, 1], [2, 2, 0]], np.uint8)
    manifest = masked(tmp_path / "raw", mask)
    options = {"legend": "0=background; 1,2=organ; 2=tumour", "instances": "structures"}
    found = _opened(written(manifest, tmp_path / "out", "coco", options=options))
    marks = list(found.anns.values())
    np.testing.assert_array_equal(_mask_of(found, marks, "organ", (2, 3)), mask > 0)
    np.testing.assert_array_equal(_mask_of(found, marks, "tumour", (2, 3)), mask == 2)
    assert len(marks) == 2
    options["legend"] = "0=lung; 1=background; 2=tumour"
    found = _opened(written(manifest, tmp_path / "zero", "coco", options=options))
    marks = list(found.anns.values())
    np.testing.assert_array_equal(_mask_of(found, marks, "lung", (2, 3)), mask == 0)


def test_what_cannot_be_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    manifest = drawn(tmp_path / "raw")
    for options, error in (
        ({"segmentation": "poly"}, SettingError),
        ({"instances": "component"}, SettingError),
        ({"objects": "boxs"}, UnknownNameError),
    ):
        with pytest.raises(error):
            written(manifest, tmp_path / "out", "coco", options=options)
    world = [[shape("box", "x", 1, 2, 3, 4, unit="mm")], [], [], []]
    with pytest.raises(SettingError, match="millimetres"):
        written(drawn(tmp_path / "raw", shapes=world), tmp_path / "out", "coco")
    media = [[medium("0.png")], None, [medium("2.png")], [medium("3.png")]]
    bare = drawn(tmp_path / "raw", media=media)
    with pytest.raises(SettingError, match=r"1 samples have no image.* a/2"):
        written(bare, tmp_path / "out", "coco")
    from medshelf.conversion.choosing import Choosing, choose

    rest = choose(bare, Choosing(filter="media IS NOT NULL"))
    assert len(_opened(written(rest, tmp_path / "rest", "coco")).imgs) == 2
    plain = pictures(tmp_path / "pictures")
    plain = Manifest(plain.frame, with_legend(plain.meta, {}), plain.root)
    with pytest.raises(SettingError, match="legend"):
        written(plain, tmp_path / "out", "coco", options={"objects": "masks"}, drop={"class"})
    assert not list(tmp_path.glob(".out*"))
    assert LEGEND["1"] == "liver"


def test_what_cannot_be_drawn_names_its_sample(tmp_path: Path) -> None:
    damaged = {"segmentation": '{"size": [1, 1], "counts": [1]}', "annotation": "1"}
    for drawing, reason in (
        (shape("polygon", NAMES[0], 1, 2, 3, 4), "polygon"),
        (shape("box", NAMES[0], 4, 2, 3, 4), "is none: 4, 2, 3, 4"),
        (shape("ellipse", NAMES[0], 4, 2, float("nan"), 4), "nan"),
        (shape("box", NAMES[0], 1, 2, 3, 4, extra=damaged), "segmentation"),
    ):
        manifest = drawn(tmp_path / "raw", shapes=[[drawing], [], [], []])
        with pytest.raises(LayoutError, match=f"(?s){reason}.*a 1|a 1.*{reason}"):
            written(manifest, tmp_path / reason, "coco")
        folder = tmp_path / f"{reason} skipped"
        made = convert(manifest, folder, Request("coco", on_error="skip"), Labour(workers=0))
        assert list(made.skipped) == ["a 1"]
        assert [each["id"] for each in _opened(folder).imgs.values()] == [1, 2]


def test_real_cells(real_data: Path, tmp_path: Path) -> None:
    root = real_data.parent / "bccd"
    if not root.is_dir():
        pytest.skip("There is no folder bccd beside the real MedMNIST files")
    manifest = pascal_voc.read(root, Meta("bccd", "BCCD", dimensions=2))
    manifest = manifest.filter(pl.col("media").is_not_null())
    folder = written(manifest, tmp_path / "out", "coco")
    back = {}
    for path in sorted((folder / "annotations").glob("*.json")):
        split = path.stem.partition("_")[2]
        for name, (image, marks) in _by_sample(_opened(folder, split)).items():
            back[name] = marks
            with Image.open(folder / split / image["file_name"]) as picture:
                assert picture.size == (image["width"], image["height"])
    for sample in Dataset(manifest):
        boxes = [each["bbox"] for each in back[sample.id]]
        wanted = [
            [x, y, x_max - x, y_max - y] for x, y, x_max, y_max in (s.points for s in sample.shapes)
        ]
        assert boxes == wanted
    assert len(back) == manifest.n_samples() > 5
