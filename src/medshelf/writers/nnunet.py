"""nnU-Net's raw format, version 2, in the tree that its environment variables point at.

    nnUNet_raw/Dataset501_Name/dataset.json
    nnUNet_raw/Dataset501_Name/imagesTr/case_0000.nii.gz    one file per channel: _0000, _0001, ...
    nnUNet_raw/Dataset501_Name/labelsTr/case.nii.gz
    nnUNet_raw/Dataset501_Name/imagesTs/, labelsTs/         of the split test
    nnUNet_preprocessed/Dataset501_Name/splits_final.json   see below

Volumes become NIfTI, turned to RAS: nnU-Net takes the axes of a file as they are stored, so that
volumes of several directions would be mirrored anatomy to it. Pictures become PNG. Masks get
consecutive numbers; `dataset.json` says under `original_values` which values those were. Training
and validation samples are both training cases. `splits_final.json` has one fold where there is a
validation split; else, where a patient has several cases, five folds by patient; else there is
none, and nnU-Net makes its own.

Source: nnU-Net, documentation/dataset_format.md, manual_data_splits.md, region_based_training.md
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

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
from medshelf.conversion.contents import contents
from medshelf.conversion.job import Job, Part, Record
from medshelf.conversion.prepared import Prepared, encode
from medshelf.core.columns import chosen
from medshelf.core.errors import LayoutError, SettingError
from medshelf.core.files import atomic_path, write_text
from medshelf.core.manifest import Manifest
from medshelf.core.version import __version__
from medshelf.dataset.masks import legend_of

CARRIES = frozenset({"pictures", "volumes", "several-images", "masks"})
OPTIONS: Mapping[str, str] = {
    "id": "number of the dataset, 1 to 999; by default one from 500 on, made of the dataset's id",
    "name": "its name: letters, digits, - and _",
    "ending": ".nii.gz, or .png; by default that of what the images are",
    **SEGMENTATION,
}
SHARD_SIZE = 2
_N_PICTURES = 64  # in a shard

_VOLUME, _PICTURE = ".nii.gz", ".png"
_OWN_IDS, _LAST_ID = 500, 999
_N_FOLDS = 5
_COLOURS = ("R", "G", "B")


def plan(manifest: Manifest, options: Mapping[str, str]) -> dict[str, Any]:
    """Return the folder's name, channels and labels.

    Raises:
        SettingError: The dataset cannot be written so, see `plan_segmentation`; id or name is none;
            images are pictures and volumes.
        UnknownNameError: There is no such ending.
    """
    held = contents(manifest)
    if "pictures" in held and "volumes" in held:
        problem = "Some images are pictures and some volumes, nnU-Net takes one kind of file"
        raise SettingError(problem, "Choose samples of one kind with --filter")
    natural = _PICTURE if "pictures" in held else _VOLUME
    ending = chosen("ending", options.get("ending", ""), (_VOLUME, _PICTURE)) or natural
    found = plan_segmentation(manifest, options)
    return {
        "folder": f"Dataset{numbered_name(manifest, options, _OWN_IDS, _LAST_ID)}",
        "ending": ending,
        **found,
    }


@contextmanager
def shard(job: Job, part: Part, number: int) -> Iterator[Callable[[Prepared], Record]]:  # noqa: ARG001
    """Give a function that writes the files of one case."""
    meta = stated_meta(job.meta, job.options)
    folder, ending = job.folder / "nnUNet_raw" / job.plan["folder"], job.plan["ending"]

    def write(sample: Prepared) -> Record:
        case = read_case(sample, job.plan, meta)
        n_colours = _n_colours(case, sample.sample.id)
        if ending == _VOLUME:
            case = as_volumes(case, job.plan, sample.sample.id, meta.dataset)
        kind = "Ts" if sample.split == "test" or case.mask is None else "Tr"
        files = {f"images{kind}/{sample.key}_{n:04}": each for n, each in enumerate(case.channels)}
        if case.mask is not None:
            files[f"labels{kind}/{sample.key}"] = case.mask
        if ending == _VOLUME:
            volumes = {folder / f"{name}{ending}": each for name, each in files.items()}
            write_volumes(volumes, job.plan["codec"])
        else:
            pictures = {name: encode(each, sample.sample.id) for name, each in files.items()}
            for name, content in pictures.items():
                with atomic_path(folder / f"{name}{ending}") as path:
                    path.write_bytes(content)
        patient = sample.sample.patient_id
        record = {"case": sample.key, "id": sample.sample.id, "split": sample.split, "kind": kind}
        return {**record, "patient": patient, "n_colours": n_colours}

    yield write


def finish(job: Job) -> None:
    """Write `dataset.json`, and the folds where there are reasons for some.

    Raises:
        LayoutError: Pictures are grey and coloured, or no training case is left.
    """
    meta, records = job.meta, list(job.records())
    trained = [each for each in records if each["kind"] == "Tr"]
    if not trained:
        problem = f"No sample of {meta.dataset!r} is a training case with a mask"
        raise LayoutError(problem, "Choose another split, e.g. --split patient:0.8,0.2")
    codes = mask_choice(job.plan).codes
    doi = re.search(r"\bdoi\s*=\s*[{\"]([^}\"]+)", meta.citation)
    about: dict[str, Any] = {
        "name": meta.name,
        "reference": f"https://doi.org/{doi[1]}" if doi else None,
        "release": meta.version,
        "licence": meta.licence,
        "citation": meta.citation or None,
        "converted_by": f"medshelf {__version__}",
        "channel_names": {str(n): name for n, name in enumerate(_channel_names(job, records))},
        "labels": codes.labels(),
        "regions_class_order": list(codes.order) or None,
        "numTraining": len(trained),
        "file_ending": job.plan["ending"],
        "original_values": _original_values(job),
    }
    folder = job.folder / "nnUNet_raw" / job.plan["folder"]
    stated = {name: value for name, value in about.items() if value is not None}
    write_text(folder / "dataset.json", json.dumps(stated, indent=2, ensure_ascii=False) + "\n")
    if folds := _folds(trained):
        text = json.dumps(folds, indent=2) + "\n"
        preprocessed = job.folder / "nnUNet_preprocessed" / job.plan["folder"]
        write_text(preprocessed / "splits_final.json", text)


def _n_colours(case: Case, sample: str) -> int:
    first = case.channels[0]
    n_colours = first.array.shape[-1] if first.axes.endswith("C") else 1
    if n_colours not in (1, len(_COLOURS)) or (n_colours > 1 and len(case.channels) > 1):
        problem = f"The picture of sample {sample} has {n_colours} channels of colour"
        raise SettingError(problem, "Convert it: --channels rgb, or --channels grey")
    return n_colours


def _channel_names(job: Job, records: list[Record]) -> list[str]:
    if len({each["n_colours"] for each in records}) > 1:
        grey = [each["id"] for each in records if each["n_colours"] == 1]
        problem = f"{len(grey):,} of {len(records):,} pictures are grey, the others coloured"
        raise LayoutError(f"{problem}: {grey[0]}, ...", "Convert them: --channels rgb, or grey")
    coloured = records[0]["n_colours"] > 1
    return list(_COLOURS) if coloured else [each["name"] for each in job.plan["channels"]]


def _original_values(job: Job) -> dict[str, Any]:
    """Return number to the values that it had, or to what masks showed it."""
    meta, codes = stated_meta(job.meta, job.options), mask_choice(job.plan).codes
    if codes.by_structure:
        numbers = sorted({code for each in codes.names.values() for code in each})
        return {
            str(code): [name for name, each in codes.names.items() if code in each]
            for code in numbers
        }
    found: dict[str, Any] = {}
    for option in sorted(each for each in meta.options if each.startswith("legend")):
        dataset = option.partition(":")[2]
        values = codes.of_values(legend_of(meta, dataset or None))
        was: dict[str, list[int]] = {}
        for value, code in sorted(values.items()):
            was.setdefault(str(code), []).append(value)
        found |= {dataset: was} if dataset else was
    return found


def _folds(cases: list[Record]) -> list[dict[str, list[str]]]:
    validated = [each["case"] for each in cases if each["split"] == "val"]
    if validated and len(validated) < len(cases):
        trained = [each["case"] for each in cases if each["split"] != "val"]
        return [{"train": sorted(trained), "val": sorted(validated)}]
    groups: dict[str, list[str]] = {}
    for each in cases:
        unit = f"patient {each['patient']}" if each["patient"] else f"case {each['case']}"
        groups.setdefault(hashlib.sha256(unit.encode()).hexdigest(), []).append(each["case"])
    if len(groups) == len(cases) or len(groups) == 1:
        return []
    n_folds = min(_N_FOLDS, len(groups))
    folds = []
    for n in range(n_folds):
        held_out = {case for key in sorted(groups)[n::n_folds] for case in groups[key]}
        trained = sorted(each["case"] for each in cases if each["case"] not in held_out)
        folds.append({"train": trained, "val": sorted(held_out)})
    return folds
