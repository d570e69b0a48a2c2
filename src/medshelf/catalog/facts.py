"""What a manifest carries of a record."""

from __future__ import annotations

from medshelf.catalog.citation import bibtex
from medshelf.catalog.record import Record
from medshelf.catalog.vocabulary import label
from medshelf.core.manifest import Meta

_SPLITS = {"train_val": "train"}
"""Official splits that go into one of the manifest's under another name."""


def manifest_meta(record: Record, **options: str) -> Meta:
    """Return what a manifest carries of a record.

    Args:
        record: The dataset.
        options: Reader options of the variant.
    """
    return Meta(
        dataset=record.id,
        name=record.name,
        version=record.version,
        unit=record.sample_unit or "sample",
        tasks=record.core_tasks(),
        dimensions=record.n_spatial,
        channels=record.channels,
        splits={_SPLITS.get(name, name): n for name, n in record.splits.items()},
        licence=record.licence.id if record.licence else None,
        citation=bibtex(record),
        label_origin=label_origin(record),
        limitations=tuple(each.en for each in record.limitations),
        options=options,
        synthetic=record.synthetic,
    )


def label_origin(record: Record, language: str = "en") -> str | None:
    """Return who or what gave the labels, with the stated accuracy, as one text."""
    parts = []
    for each in record.label_origin:
        text = label("label_origins", each.by, language)
        if each.what is not None:
            text += f": {each.what.of(language)}"
        if each.accuracy is not None:
            text += f" ({each.accuracy})"
        parts.append(text)
    return "; ".join(parts) or None
