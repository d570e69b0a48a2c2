"""The head of a dataset card, in the terms of the Hugging Face Hub.

Source: https://github.com/huggingface/hub-docs/blob/main/datasetcard.md?plain=1
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from medshelf.catalog.licence import licences
from medshelf.catalog.record import Record
from medshelf.core.manifest import Meta
from medshelf.quality.profile import Profile

_HUB_LICENCES = {
    "apache-2.0": "Apache-2.0",
    "mit": "MIT",
    "openrail": "OpenRAIL",
    "odc-by": "ODC-By-1.0",
    "gpl-3.0": "GPL-3.0-only",
    "cc0-1.0": "CC0-1.0",
    "cc-by-3.0": "CC-BY-3.0",
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-sa-4.0": "CC-BY-SA-4.0",
    "cc-by-nd-4.0": "CC-BY-ND-4.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
    "cc-by-nc-nd-4.0": "CC-BY-NC-ND-4.0",
    "cc-by-nc-sa-2.0": "CC-BY-NC-SA-2.0",
    "cc-by-nc-sa-3.0": "CC-BY-NC-SA-3.0",
    "cc-by-nc-sa-4.0": "CC-BY-NC-SA-4.0",
}
"""Licences that the Hub knows by name; others are `other` there.

Source: https://huggingface.co/docs/hub/repositories-licenses
"""

_SIZES = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")


def front_matter(profile: Profile, meta: Meta, record: Record | None = None) -> dict[str, Any]:
    """Return the fields of the card's head, in the terms of the Hub."""
    terms = (*record.modalities, *record.anatomy) if record else ()
    fields = {
        "pretty_name": profile.name,
        **_licence(meta),
        "language": _languages(profile, record),
        "task_categories": list(_tasks(profile)),
        "size_categories": [size_category(profile.counts.n_samples)],
        "tags": list(dict.fromkeys(("medical", "medshelf", *terms))),
    }
    return {name: value for name, value in fields.items() if value}


def size_category(n_samples: int) -> str:
    """Return the Hub's class of size, e.g. `10K<n<100K`."""
    limits = [1000 * 10**power for power in range(len(_SIZES))]
    place = sum(n_samples >= each for each in limits)
    if place == 0:
        return f"n<{_SIZES[0]}"
    return f"{_SIZES[place - 1]}<n<{_SIZES[place]}" if place < len(_SIZES) else f"n>{_SIZES[-1]}"


def _licence(meta: Meta) -> dict[str, str]:
    if meta.licence is None:
        return {"license": "unknown"}
    known = next((hub for hub, each in _HUB_LICENCES.items() if each == meta.licence), None)
    if known:
        return {"license": known}
    found = licences().get(meta.licence)
    fields = {"license": "other", "license_name": meta.licence.lower()}
    return fields | ({"license_link": found.url} if found and found.url else {})


def _languages(profile: Profile, record: Record | None) -> list[str]:
    facets = profile.people.facets if profile.people else ()
    read = [v.value for each in facets if each.name == "language" for v in each.values]
    named = read or (list(record.languages) if record else [])
    return sorted({each.split("-")[0] for each in named})


def _tasks(profile: Profile) -> Iterator[str]:
    stated, media = profile.counts.stated, profile.counts.media
    pictures = any(each.startswith("image ") for each in media)
    if "label" in stated or (profile.labels and any(e.task for e in profile.labels.balance)):
        yield "image-classification" if pictures else "text-classification"
    if any(each.startswith("mask ") for each in media):
        yield "image-segmentation"
    if profile.boxes and any(each.startswith("box ") for each in profile.boxes.kinds):
        yield "object-detection"
    if "question" in stated:
        yield "visual-question-answering" if pictures else "question-answering"
    if pictures and {"report", "findings", "caption"} & set(stated):
        yield "image-to-text"
    if "turns" in stated:
        yield "text-generation"
