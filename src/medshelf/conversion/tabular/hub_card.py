"""README.md of a dataset repository: what the Hugging Face Hub reads, and what people read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import yaml

from medshelf.catalog.export.hub_terms import hub_licence, size_category, task_categories
from medshelf.catalog.export.markdown_text import bold, bullets, code_block, escape, table
from medshelf.catalog.licence import licences
from medshelf.conversion.job import Job
from medshelf.conversion.tabular.hub_features import Feature, yaml_features
from medshelf.conversion.tabular.hub_table import HubTable
from medshelf.core.version import __version__

_MEANINGS = {
    "sample_id": "name of the sample in the release",
    "objects": "boxes in pixels as x, y, width, height, with what they show",
    "shapes": "boxes, polygons, points ... with unit, image, frame and annotator",
    "messages": "what each side of a dialogue says",
    "extra": "what else the release says",
}


def card(job: Job, hub: HubTable, n_samples: Mapping[str, int], languages: list[str]) -> str:
    """Return the card.

    Args:
        job: The conversion.
        hub: The columns.
        n_samples: Split, as the Hub names it, to its written samples.
        languages: Codes of ISO 639-1.
    """
    meta = job.meta
    features = hub.features()
    front = {
        "pretty_name": meta.name,
        **hub_licence(meta.licence),
        "language": languages,
        "task_categories": list(_tasks(hub)),
        "size_categories": [size_category(sum(n_samples.values()))],
        "tags": ["medical", "medshelf"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": each, "path": f"data/{each}-*"} for each in n_samples],
            }
        ],
        "dataset_info": {"features": yaml_features(features)},
    }
    stated = {name: each for name, each in front.items() if each}
    head = yaml.safe_dump(stated, sort_keys=False, allow_unicode=True, width=100)
    return "\n\n".join([f"---\n{head}---", *_body(job, hub, n_samples, features)]) + "\n"


def _body(
    job: Job, hub: HubTable, n_samples: Mapping[str, int], features: Mapping[str, Feature]
) -> Iterator[str]:
    meta = job.meta
    yield f"# {escape(meta.name)}"
    yield bold("Not for clinical use.")
    notes = {"The data are generated, not medical.": meta.synthetic}
    notes["The raw files are not the published ones."] = meta.modified
    told = [text for text, is_so in notes.items() if is_so]
    if any(part.split is None for part in job.parts):
        told.append("The release has no official split for samples in train or unsplit.")
    told += [escape(each) for each in meta.limitations]
    if told:
        yield bullets(told)
    yield table(("split", "samples"), [(name, f"{n:,}") for name, n in n_samples.items()], (1,))
    yield table(
        ("column", "what it holds"), list(_columns(hub, features, meta.options.get("legend", "")))
    )
    yield "## Terms"
    licence = licences().get(meta.licence or "")
    name = licence.en if licence else meta.licence or "not stated; ask the publisher"
    yield f"Licence: {escape(name)}"
    if meta.citation:
        yield code_block(meta.citation, "bibtex")
    if meta.label_origin:
        yield f"Labels: {escape(meta.label_origin)}"
    yield "## How it was made"
    made = f"Written by medshelf {__version__} from {meta.dataset}"
    made += f", release {meta.version}." if meta.version else "."
    rest = "What was done is in medshelf.json; provenance.parquet names the raw file of each image."
    yield escape(f"{made} {rest}")
    yield code_block('datasets.load_dataset("path/to/this/folder")', "python")


def _columns(
    hub: HubTable, features: Mapping[str, Feature], legend: str
) -> Iterator[tuple[str, str]]:
    media = {each.column: each for each in hub.columns.media}
    groups = {each.column: each for each in hub.columns.groups or ()}
    for name in features:
        text = _MEANINGS.get(name, "as the release states it; null where it does not")
        if name in media:
            each = media[name]
            said = filter(None, (each.role, each.name, each.label, each.annotator))
            text = f"{' / '.join(said)}, {'NIfTI' if each.is_volume else 'PNG or JPEG'}"
            text += f"; {legend}" if legend and each.role == "mask" else ""
        elif name in groups:
            group = groups[name]
            said = filter(None, (group.task, group.source, group.annotator))
            text = f"{' / '.join(said)}: 1 present, 0 absent, -1 uncertain, null not stated; "
            text += "grades are the numbers themselves"
        yield escape(name), escape(text)


def _tasks(hub: HubTable) -> Iterator[str]:
    columns = hub.columns
    roles = {each.role for each in columns.media}
    return task_categories(
        set(columns.plain),
        pictures="image" in roles,
        labelled=columns.has_label or columns.groups != (),
        masked="mask" in roles,
        boxed=hub.only_boxes,
    )
