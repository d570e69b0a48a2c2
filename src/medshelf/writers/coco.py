"""COCO: images by split, with boxes, outlines, masks and captions in a JSON file per split.

    annotations/instances_train.json    images, annotations, categories, licenses, info
    annotations/captions_train.json     where samples have texts
    train/p001.png                      as released where nothing is done; no split: all/...

Boxes are x, y, width, height from the corner of the first pixel; ids count from 1 in the order of
samples and classes. Masks are run-length codes, which `pycocotools` decodes bit by bit, or outlines
along the edges of pixels with cuts to the holes, which give the same mask. An image without objects
stays. An ellipse becomes a polygon of 64 corners, a shape without label is an `object`. Annotators,
and what else a release says of an object, are further keys of its annotation.

Source: https://cocodataset.org/#format-data
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import polars as pl

from medshelf.catalog.licence import licences
from medshelf.conversion.cases.segmentation import stated_meta
from medshelf.conversion.drawn.drawn_objects import DrawnObject, drawn_objects
from medshelf.conversion.drawn.object_choice import OPTIONS as OF_OBJECTS
from medshelf.conversion.drawn.object_choice import ObjectChoice, choose_objects
from medshelf.conversion.drawn.outlines import outlines
from medshelf.conversion.drawn.picture_bytes import picture_bytes
from medshelf.conversion.drawn.run_lengths import packed, run_lengths
from medshelf.conversion.job import Job, Part, Record
from medshelf.conversion.prepared import Prepared
from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.core.files import atomic_path, make_folder
from medshelf.core.manifest import TEXT, Manifest, Meta

CARRIES = frozenset(
    {"pictures", "boxes", "polygons", "points", "masks", "several-annotators", "texts"}
)
OPTIONS: Mapping[str, str] = {
    **OF_OBJECTS,
    "segmentation": "masks as rle (default) or polygon",
    "captions": "texts that become captions: caption (default), report ... or none; by a comma",
}
SHARD_SIZE = 256

_KINDS = ("boxes", "polygons", "points", "masks")
_TEXTS = tuple(each.name for each in TEXT.fields)
_FACTS = ("patient_id", "study_id", "age_years", "sex", "view", "laterality", "site", "scanner")
_VISIBLE = 2
_NOTICE = "Not for clinical use."


def plan(manifest: Manifest, options: Mapping[str, str]) -> dict[str, Any]:
    """Return what becomes objects and captions.

    Raises:
        SettingError: An option has another value, texts are there and it is not said that they are
            captions, or as `object_choice.choose_objects`.
        UnknownNameError: There is no such text or object.
    """
    if (form := options.get("segmentation", "rle")) not in ("rle", "polygon"):
        raise SettingError(f"segmentation={form!r} is not known", "Choose rle or polygon")
    choice = choose_objects(manifest, options, _KINDS)
    captions = _captions(manifest, options.get("captions", ""))
    return {"choice": asdict(choice), "captions": captions, "segmentation": form}


@contextmanager
def shard(job: Job, part: Part, number: int) -> Iterator[Callable[[Prepared], Record]]:  # noqa: ARG001
    """Give a function that writes one picture, and returns its annotations."""
    choice = ObjectChoice(**job.plan["choice"])
    meta = stated_meta(job.meta, job.options)
    codes = {name: code for code, name in enumerate(choice.names, 1)}

    def write(sample: Prepared) -> Record:
        picture = picture_bytes(sample)
        size = picture.height, picture.width
        found = drawn_objects(sample, choice, meta, size)
        drawn = [_annotation(each, codes, size, job.plan["segmentation"]) for each in found]
        name = f"{sample.key}.{picture.ending}"
        make_folder(job.folder / part.name)
        with atomic_path(job.folder / part.name / name) as path:
            path.write_bytes(picture.content)
        image = {"file_name": name, "width": picture.width, "height": picture.height}
        return {
            "image": {**image, **_facts(sample)},
            "annotations": drawn,
            "captions": _texts(sample, job.plan["captions"]),
        }

    yield write


def finish(job: Job) -> None:
    """Write the JSON files, one record after the other."""
    choice = ObjectChoice(**job.plan["choice"])
    categories = [_category(n, each, choice) for n, each in enumerate(choice.names, 1)]
    make_folder(job.folder / "annotations")
    for part in job.parts:
        path = job.folder / f"annotations/instances_{part.name}.json"
        _write(path, job, part, "annotations", {"categories": categories})
        if job.plan["captions"]:
            _write(path.with_name(f"captions_{part.name}.json"), job, part, "captions", {})


def _captions(manifest: Manifest, text: str) -> list[str]:
    wanted = [each.strip() for each in text.split(",") if each.strip()]
    if unknown := [each for each in wanted if each not in (*_TEXTS, "none")]:
        raise UnknownNameError("text", unknown[0], (*_TEXTS, "none"))
    texts = [pl.col("text").struct.field(each).count().alias(each) for each in _TEXTS]
    counts = manifest.frame.select(texts).collect()
    held = [each for each in _TEXTS if counts[each][0]]
    if not wanted and held not in ([], ["caption"]):
        problem = f"Samples have texts ({', '.join(held)}), and COCO knows captions only"
        remedy = f"Say which are captions: --with captions={held[0]}, or --with captions=none"
        raise SettingError(problem, remedy)
    return [each for each in held if each in (wanted or ("caption",))]


def _annotation(
    drawn: DrawnObject, codes: Mapping[str, int], size: tuple[int, int], form: str
) -> Record:
    x_min, y_min, x_max, y_max = drawn.box
    segmentation: Any = [each.ravel().tolist() for each in drawn.polygons]
    if drawn.region and (form == "rle" or drawn.is_crowd):
        counts = packed(run_lengths(drawn.region, *size))
        segmentation = {"size": list(size), "counts": counts}
    elif drawn.region:
        segmentation = [each.ravel().tolist() for each in outlines(drawn.region)]
    record: Record = {
        "category_id": codes[drawn.name],
        "bbox": [x_min, y_min, x_max - x_min, y_max - y_min],
        "area": drawn.area,
        "iscrowd": int(drawn.is_crowd),
        "segmentation": segmentation,
    }
    if drawn.points:
        xs, ys = drawn.points[::2], drawn.points[1::2]
        record["keypoints"] = [n for x, y in zip(xs, ys, strict=True) for n in (x, y, _VISIBLE)]
        record["num_keypoints"] = len(xs)
    if drawn.annotator:
        record["annotator"] = drawn.annotator
    taken = {"id", "image_id", "keypoints", "num_keypoints", "annotator", *record}
    return record | {name: text for name, text in drawn.extra.items() if name not in taken}


def _facts(sample: Prepared) -> Record:
    row = sample.sample
    facts = {"sample_id": row.id} | {each: getattr(row, each) for each in _FACTS}
    return {name: value for name, value in facts.items() if value is not None}


def _texts(sample: Prepared, names: Iterable[str]) -> list[Record]:
    texts = {name: getattr(sample.sample.text, name, None) for name in names}
    return [{"caption": text, "text": name} for name, text in texts.items() if text is not None]


def _category(code: int, name: str, choice: ObjectChoice) -> Record:
    n_points = choice.n_points.get(name)
    points = [str(n) for n in range(1, n_points + 1)] if n_points else []
    shown = {"keypoints": points, "skeleton": []} if n_points else {}
    return {"id": code, "name": name, "supercategory": "", **shown}


def _write(path: Path, job: Job, part: Part, listed: str, more: Record) -> None:
    licence = _licences(job.meta)
    with atomic_path(path) as growing, growing.open("w", encoding="utf-8") as file:
        file.write(f'{{"info": {_json(_info(job.meta))},\n"licenses": {_json(licence)},\n')
        file.writelines(f"{_json(name)}: {_json(value)},\n" for name, value in more.items())
        _write_list(file, "images", _images(job, part, licence))
        file.write(",\n")
        _write_list(file, "annotations", _listed(job, part, listed))
        file.write("}\n")


def _write_list(file: TextIO, name: str, records: Iterable[Record]) -> None:
    file.write(f'"{name}": [')
    for n, each in enumerate(records):
        file.write((",\n" if n else "\n") + _json(each))
    file.write("]")


def _images(job: Job, part: Part, licence: list[Record]) -> Iterator[Record]:
    under = {"license": 1} if licence else {}
    for n, each in enumerate(job.records(part), 1):
        yield {"id": n, **each["image"], **under}


def _listed(job: Job, part: Part, name: str) -> Iterator[Record]:
    n = 0
    for image, record in enumerate(job.records(part), 1):
        for each in record[name]:
            n += 1
            yield {"id": n, "image_id": image, **each}


def _info(meta: Meta) -> Record:
    info = {
        "description": meta.name,
        "version": meta.version,
        "dataset": meta.dataset,
        "citation": meta.citation,
        "notice": _NOTICE,
    }
    return {name: value for name, value in info.items() if value}


def _licences(meta: Meta) -> list[Record]:
    if not meta.licence:
        return []
    known = licences().get(meta.licence)
    return [{"id": 1, "name": meta.licence, "url": str(known.url or "") if known else ""}]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
