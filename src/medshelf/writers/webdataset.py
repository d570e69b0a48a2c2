"""WebDataset: tar archives that are read from front to end, a group of members per sample.

    chest-train-000000.tar     the first shard of a split; `all` where samples have none
        p001.json              the sample's row of the manifest, and which member is what
        p001.png               its image: the original file, or PNG; volumes .nii.gz
        p001.mask.png          its mask, the values as stored; volumes .nii.gz, channels .npy
        p001.txt               its report or caption, empty where a sample has none
        p001.cls               its class as a number, -1 where a sample has none
    dataset.json               classes, legend of the masks, members and shards
    README.md                  what `datasets.load_dataset` needs: types of the members, splits

Several images are `p001.<name>.png`, several masks `p001.mask.<name>.png` (and `.<annotator>`),
films, meshes and the like `p001.video.mp4`, byte by byte. An image or mask that a sample does not
have has no member; all other members are in every sample.

Source: https://github.com/webdataset/webdataset/blob/main/docs/webdataset.md
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import polars as pl
import yaml

from medshelf.conversion.contents import CONTENTS, contents
from medshelf.conversion.job import Job, Part, Record
from medshelf.conversion.naming import file_names
from medshelf.conversion.prepared import Prepared
from medshelf.conversion.stated.members import Member, member_names, members
from medshelf.conversion.stated.stated_rows import hub_features, stated_columns, stated_row
from medshelf.core.errors import SettingError
from medshelf.core.files import atomic_path, write_text
from medshelf.core.manifest import SCHEMA, Manifest
from medshelf.dataset.masks import legend_of

CARRIES = frozenset(CONTENTS)
OPTIONS: Mapping[str, str] = {
    "text": "what .txt is: report, findings, impression, caption, context or none; by default the "
    "first of report and caption that is stated"
}
SHARD_SIZE = 1000
_VOLUMES = 16

_TEXTS = ("report", "findings", "impression", "caption", "context")
_MEMBER = pl.Struct(
    {
        **dict.fromkeys(("field", "role", "name", "label", "annotator"), pl.String()),
        "spacing_mm": pl.List(pl.Float64()),
    }
)
_HUB_SPLITS = {"train": "train", "val": "validation", "test": "test", "all": "unsplit"}
_HUB_KINDS = {"png": "image", "jpg": "image", "mp4": "video", "avi": "video", "txt": "string"}


def plan(manifest: Manifest, options: Mapping[str, str]) -> dict[str, Any]:
    """Return the names of the members.

    Raises:
        SettingError: The option has another value, or two media would have one name.
    """
    columns = stated_columns(manifest)
    return {
        "columns": columns,
        "text": _chosen_text(manifest, columns, options),
        "classes": _classes(manifest) if "label" in columns else [],
        "names": member_names(manifest),
        "shard_size": _VOLUMES if "volumes" in contents(manifest) else SHARD_SIZE,
    }


@contextmanager
def shard(job: Job, part: Part, number: int) -> Iterator[Callable[[Prepared], Record]]:
    """Give a function that appends one sample to an archive."""
    target, n_written = job.folder / _shard_name(job, part, number), 0
    with (
        atomic_path(target) as path,
        tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive,
    ):

        def write(sample: Prepared) -> Record:
            nonlocal n_written
            files = _files(sample, job.plan["names"])
            found = _contents(sample, files, job.plan)
            for field, content in found.items():
                entry = tarfile.TarInfo(f"{sample.key}.{field}")
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
            n_written += 1
            arrays = {field: files[field].array if field in files else None for field in found}
            return {"shard": target.name, "fields": arrays}

        yield write
    if not n_written:
        target.unlink()


def finish(job: Job) -> None:
    """Write what says which members there are, and the card for the Hub."""
    fields: dict[str, list[Any] | None] = {}
    counts: dict[str, dict[str, int]] = {}
    for part in job.parts:
        shards = counts.setdefault(part.name, {})
        for record in job.records(part):
            fields |= record["fields"]
            shards[record["shard"]] = shards.get(record["shard"], 0) + 1
    about = {
        "dataset": job.meta.dataset,
        "fields": sorted(fields),
        "classes": job.plan["classes"],
        "tasks": [
            {"name": task.name, "kind": task.kind.value, "classes": list(task.classes)}
            for task in job.meta.tasks
        ],
        "legend": {name: list(values) for name, values in legend_of(job.meta).items()},
        "shards": counts,
    }
    write_text(job.folder / "dataset.json", json.dumps(about, indent=2, ensure_ascii=False) + "\n")
    write_text(
        job.folder / "README.md", _hub_card(job, fields, [each for each in counts if counts[each]])
    )


def _chosen_text(manifest: Manifest, columns: list[str], options: Mapping[str, str]) -> str | None:
    chosen = options.get("text")
    if chosen not in (None, "none", *_TEXTS):
        raise SettingError(f"text={chosen!r} is not known", f"Choose {', '.join(_TEXTS)} or none")
    if chosen or "text" not in columns:
        return None if chosen == "none" else chosen
    text = pl.col("text").struct
    wanted = ("report", "caption")
    found = manifest.frame.select(text.field(each).is_not_null().any() for each in wanted).collect()
    return next((each for each in wanted if found[each][0]), None)


def _classes(manifest: Manifest) -> list[str]:
    """Return the classes in their order; none where a sample has another label."""
    named = [each.classes for each in manifest.meta.tasks if "label" in each.kind.columns]
    classes = list(dict.fromkeys(name for names in named for name in names))
    known = pl.col("label").is_in(classes) | pl.col("label").is_null()
    return classes if manifest.frame.select(known.all()).collect().item() else []


def _shard_name(job: Job, part: Part, number: int) -> str:
    return f"{_safe_name(job)}-{part.name}-{number:06}.tar"


def _safe_name(job: Job) -> str:
    return file_names([job.meta.dataset], "datasets")[job.meta.dataset]


def _files(sample: Prepared, names: Mapping[str, Any]) -> dict[str, Member]:
    files: dict[str, Member] = {}
    for each in members(sample, names):
        if files.setdefault(each.field, each) is not each:
            problem = f"Sample {sample.sample.id} has two media that would both be {each.field!r}"
            raise SettingError(problem, "Leave such samples out with --on-error skip")
    return files


def _contents(
    sample: Prepared, files: Mapping[str, Member], plan: Mapping[str, Any]
) -> dict[str, bytes]:
    """Return field to content, sorted by field."""
    found = {field: each.content for field, each in files.items()}
    listed = [
        {
            "field": field,
            "role": each.medium.role,
            "name": each.medium.name,
            "label": each.medium.label,
            "annotator": each.medium.annotator,
            "spacing_mm": each.spacing_mm,
        }
        for field, each in files.items()
    ]
    row = {**stated_row(sample, plan["columns"]), "media": listed}
    found["json"] = json.dumps(row, ensure_ascii=False).encode()
    if plan["text"]:
        texts = sample.sample.text
        found["txt"] = ((getattr(texts, plan["text"]) if texts else None) or "").encode()
    if plan["classes"]:
        label = sample.sample.label
        found["cls"] = str(-1 if label is None else plan["classes"].index(label)).encode()
    return dict(sorted(found.items()))


def _hub_card(job: Job, fields: Mapping[str, Any], splits: list[str]) -> str:
    """Return a README whose front matter says where the splits are, and what is in them.

    Without it the types are guessed from the first five samples.

    Source: https://huggingface.co/docs/datasets/repository_structure
    """
    features = [_feature(job, field, fields[field]) for field in sorted(fields)]
    features += [{"name": name, "dtype": "string"} for name in ("__key__", "__url__")]
    files = [
        {"split": _HUB_SPLITS[name], "path": f"{_safe_name(job)}-{name}-*.tar"} for name in splits
    ]
    about = {
        "configs": [{"config_name": "default", "data_files": files}],
        "dataset_info": {"config_name": "default", "features": features},
    }
    header = yaml.safe_dump(about, sort_keys=False, allow_unicode=True)
    return f"---\n{header}---\n\n# {job.meta.name}\n\nTerms and origin are in `medshelf.json`.\n"


def _feature(job: Job, field: str, array: tuple[int, str] | None) -> dict[str, Any]:
    if field == "json":
        row = [(name, SCHEMA[name]) for name in job.plan["columns"]]
        return {"name": field, "struct": hub_features([*row, ("media", pl.List(_MEMBER))])}
    if field == "cls":
        names = {str(code): name for code, name in enumerate(job.plan["classes"])}
        return {"name": field, "dtype": {"class_label": {"names": names}}}
    if array:
        n_axes, kind = array
        nested: Any = kind
        for _ in range(n_axes - 1):
            nested = {"list": nested}
        return {"name": field, "list": nested}
    return {"name": field, "dtype": _HUB_KINDS.get(field.rpartition(".")[2], "binary")}
