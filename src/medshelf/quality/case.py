"""What a rule may look at: the manifest and, when asked for, what costs a pass over the files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import polars as pl

from medshelf.catalog.record import Record
from medshelf.core.manifest import Manifest, Meta
from medshelf.quality.measures import Measures
from medshelf.quality.passes import Passes


@dataclass(frozen=True, eq=False)
class Case:
    """A manifest under examination.

    Attributes:
        manifest: The rows.
        record: What the catalog says of the dataset; null for a manifest of no catalogued set.
        passes: How passes over the files are run.
        against: Other datasets that must share nothing with this one.
        predictions: `sample_id` and one probability per class, out of sample; null where not given.
        settings: Name of a rule's threshold to its value, e.g. `{"near-duplicates.radius": 4}`.
    """

    manifest: Manifest
    record: Record | None = None
    passes: Passes = field(default_factory=Passes)
    against: tuple[Case, ...] = ()
    predictions: pl.DataFrame | None = None
    settings: Mapping[str, float] = field(default_factory=dict)

    @property
    def meta(self) -> Meta:
        """What is true of the whole dataset."""
        return self.manifest.meta

    @property
    def rows(self) -> pl.LazyFrame:
        """The manifest's rows, lazily, with `row`, their number, before the other columns."""
        return self.manifest.frame.with_row_index("row")

    @property
    def root(self) -> Path:
        """The raw tree."""
        return self.manifest.root

    @cached_property
    def measures(self) -> Measures:
        """What one pass over the pixels tells; run, or taken from the cache, at the first call."""
        from medshelf.quality.measuring.measure import measure

        return measure(self.manifest, self.passes)

    @cached_property
    def headers(self) -> pl.DataFrame:
        """What headers of DICOM, pictures and NIfTI hold that may identify someone."""
        from medshelf.quality.measuring.headers import read_headers

        return read_headers(self.manifest, self.passes)

    def setting(self, name: str, default: float) -> float:
        """Return a threshold of a rule, `RULE.NAME`: that of the user, else its default."""
        return self.settings.get(name, default)
