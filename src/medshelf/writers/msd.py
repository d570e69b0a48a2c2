"""A task of the Medical Segmentation Decathlon, in the form of its first version.

    Task50_Name/dataset.json               lists the cases: training, test, and validation if any
    Task50_Name/imagesTr/case.nii.gz       4D where there are several channels, the last axis
    Task50_Name/labelsTr/case.nii.gz
    Task50_Name/imagesTs/case.nii.gz       of the split test; labelsTs where those have masks

Axes are turned to RAS, as several directions in one set mislead models that take axes as stored.
Masks get consecutive numbers; `dataset.json` says what they mean. The cases of a validation split
lie in the folders Tr and are listed under `validation`, which MONAI reads; `training` is without
them.

Source: http://medicaldecathlon.com and `monai.data.load_decathlon_datalist`
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from medshelf.conversion.cases.nifti_files import write_volumes
from medshelf.conversion.cases.segmentation import OPTIONS as SEGMENTATION
from medshelf.conversion.cases.segmentation import (
    Case,
    as_volumes,
    mask_choice,
    numbered_name,
    plan_segmentation,
    read_case,
    stated_meta,
)
from medshelf.conversion.job import Job, Part, Record
from medshelf.conversion.prepared import Prepared
from medshelf.core.errors import SettingError
from medshelf.core.files import write_text
from medshelf.core.manifest import Manifest
from medshelf.formats.raster import Raster

CARRIES = frozenset({"volumes", "several-images", "masks"})
OPTIONS: Mapping[str, str] = {
    "id": "number of the task, 1 to 99; by default one from 50 on, made of the dataset's id",
    "name": "its name: letters, digits, - and _",
    **SEGMENTATION,
}
SHARD_SIZE = 2

_OWN_IDS, _LAST_ID = 50, 99


def plan(manifest: Manifest, options: Mapping[str, str]) -> dict[str, Any]:
    """Return the folder's name, channels and labels.

    Raises:
        SettingError: The dataset cannot be written so, see `plan_segmentation`; id or name is none;
            labels are regions, for which the format has no place.
    """
    found = plan_segmentation(manifest, options)
    if found["codes"]["order"]:
        problem = "Labels share values, and the Decathlon has no place for regions"
        raise SettingError(problem, "Convert with --to nnunet, or state one: --with legend=...")
    return {"folder": f"Task{numbered_name(manifest, options, _OWN_IDS, _LAST_ID)}", **found}


@contextmanager
def shard(job: Job, part: Part, number: int) -> Iterator[Callable[[Prepared], Record]]:  # noqa: ARG001
    """Give a function that writes the files of one case."""
    meta, folder = stated_meta(job.meta, job.options), job.folder / job.plan["folder"]

    def write(sample: Prepared) -> Record:
        case = read_case(sample, job.plan, meta)
        case = as_volumes(case, job.plan, sample.sample.id, meta.dataset)
        kind = "Ts" if sample.split == "test" or case.mask is None else "Tr"
        files = {"image": (f"images{kind}", _joined(case))}
        if case.mask is not None:
            files["label"] = (f"labels{kind}", case.mask)
        places = {role: f"{name}/{sample.key}.nii.gz" for role, (name, _) in files.items()}
        volumes = {folder / places[role]: raster for role, (_, raster) in files.items()}
        write_volumes(volumes, job.plan["codec"])
        listed = {role: f"./{place}" for role, place in places.items()}
        return {"kind": kind, "split": sample.split, **listed}

    yield write


def finish(job: Job) -> None:
    """Write `dataset.json`."""
    meta, records = job.meta, list(job.records())
    cases = [each for each in records if each["kind"] == "Tr"]
    listed = [{"image": each["image"], "label": each["label"]} for each in cases]
    trained = [pair for pair, each in zip(listed, cases, strict=True) if each["split"] != "val"]
    validated = [pair for pair, each in zip(listed, cases, strict=True) if each["split"] == "val"]
    tested = [each["image"] for each in records if each["kind"] == "Ts"]
    channels = job.plan["channels"]
    codes = mask_choice(job.plan).codes
    about = {
        "name": meta.name,
        "description": f"{meta.name}, converted by medshelf",
        "reference": meta.citation,
        "licence": meta.licence or "not stated",
        "release": meta.version or "not stated",
        "tensorImageSize": "4D" if len(channels) > 1 else "3D",
        "modality": {str(n): each["name"] for n, each in enumerate(channels)},
        "labels": {str(code): name for name, code in codes.labels().items()},
        "numTraining": len(trained),
        "numTest": len(tested),
        "training": trained,
        **({"validation": validated} if validated else {}),
        "test": tested,
    }
    text = json.dumps(about, indent=2, ensure_ascii=False) + "\n"
    write_text(job.folder / job.plan["folder"] / "dataset.json", text)


def _joined(case: Case) -> Raster:
    """Return the channels as one volume; of several, each is a place on its last axis."""
    first = case.channels[0]
    if len(case.channels) == 1:
        return first
    arrays = [each.array for each in case.channels]
    shape = (*first.array.shape, len(arrays))
    joined = np.empty(shape, np.result_type(*arrays), order="F")
    for n, array in enumerate(arrays):
        joined[..., n] = array
    return replace(first, array=joined, axes="XYZT")
