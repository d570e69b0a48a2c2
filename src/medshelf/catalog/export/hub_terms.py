"""Licences and sizes in the words of the Hugging Face Hub.

Source: https://huggingface.co/docs/hub/repositories-licenses and
https://github.com/huggingface/hub-docs/blob/main/datasetcard.md?plain=1
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from medshelf.catalog.licence import licences

_HUB_LICENCES = {
    "Apache-2.0": "apache-2.0",
    "MIT": "mit",
    "OpenRAIL": "openrail",
    "ODC-By-1.0": "odc-by",
    "GPL-3.0-only": "gpl-3.0",
    "CC0-1.0": "cc0-1.0",
    "CC-BY-3.0": "cc-by-3.0",
    "CC-BY-4.0": "cc-by-4.0",
    "CC-BY-SA-4.0": "cc-by-sa-4.0",
    "CC-BY-ND-4.0": "cc-by-nd-4.0",
    "CC-BY-NC-4.0": "cc-by-nc-4.0",
    "CC-BY-NC-ND-4.0": "cc-by-nc-nd-4.0",
    "CC-BY-NC-SA-2.0": "cc-by-nc-sa-2.0",
    "CC-BY-NC-SA-3.0": "cc-by-nc-sa-3.0",
    "CC-BY-NC-SA-4.0": "cc-by-nc-sa-4.0",
}
_SIZES = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")


def hub_licence(spdx: str | None) -> dict[str, str]:
    """Return the fields of a card that name a licence; those the Hub does not know are `other`."""
    if spdx is None:
        return {"license": "unknown"}
    if spdx in _HUB_LICENCES:
        return {"license": _HUB_LICENCES[spdx]}
    found = licences().get(spdx)
    fields = {"license": "other", "license_name": spdx.lower()}
    return fields | ({"license_link": found.url} if found and found.url else {})


def size_category(n_samples: int) -> str:
    """Return the Hub's class of size, e.g. `10K<n<100K`."""
    place = sum(n_samples >= 1000 * 10**power for power in range(len(_SIZES)))
    if place == 0:
        return f"n<{_SIZES[0]}"
    return f"{_SIZES[place - 1]}<n<{_SIZES[place]}" if place < len(_SIZES) else f"n>{_SIZES[-1]}"


def task_categories(
    stated: Container[str], *, pictures: bool, labelled: bool, masked: bool, boxed: bool
) -> Iterator[str]:
    """Yield the Hub's names of what a dataset can be used for.

    Args:
        stated: Columns of the manifest, and fields of its texts, that some sample states.
        pictures: Whether samples have images.
        labelled: Whether they have labels of a task.
        masked: Whether they have masks.
        boxed: Whether they have boxes.
    """
    if labelled:
        yield "image-classification" if pictures else "text-classification"
    if masked:
        yield "image-segmentation"
    if boxed:
        yield "object-detection"
    if "question" in stated:
        yield "visual-question-answering" if pictures else "question-answering"
    if pictures and any(each in stated for each in ("report", "findings", "caption")):
        yield "image-to-text"
    if "turns" in stated:
        yield "text-generation"
