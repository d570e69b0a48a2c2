"""The head of a dataset card, in the terms of the Hugging Face Hub.

Source: https://github.com/huggingface/hub-docs/blob/main/datasetcard.md?plain=1
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from medshelf.catalog.export.hub_terms import hub_licence, size_category, task_categories
from medshelf.catalog.record import Record
from medshelf.core.manifest import Meta
from medshelf.quality.profile import Profile


def front_matter(profile: Profile, meta: Meta, record: Record | None = None) -> dict[str, Any]:
    """Return the fields of the card's head, in the terms of the Hub."""
    terms = (*record.modalities, *record.anatomy) if record else ()
    fields = {
        "pretty_name": profile.name,
        **hub_licence(meta.licence),
        "language": _languages(profile, record),
        "task_categories": list(_tasks(profile)),
        "size_categories": [size_category(profile.counts.n_samples)],
        "tags": list(dict.fromkeys(("medical", "medshelf", *terms))),
    }
    return {name: value for name, value in fields.items() if value}


def _languages(profile: Profile, record: Record | None) -> list[str]:
    facets = profile.people.facets if profile.people else ()
    read = [v.value for each in facets if each.name == "language" for v in each.values]
    named = read or (list(record.languages) if record else [])
    return sorted({each.split("-")[0] for each in named})


def _tasks(profile: Profile) -> Iterator[str]:
    media, labels, boxes = profile.counts.media, profile.labels, profile.boxes
    return task_categories(
        profile.counts.stated,
        pictures=any(each.startswith("image ") for each in media),
        labelled="label" in profile.counts.stated
        or bool(labels and any(each.task for each in labels.balance)),
        masked=any(each.startswith("mask ") for each in media),
        boxed=bool(boxes and any(each.startswith("box ") for each in boxes.kinds)),
    )
