"""Samples of any manifest: found, chosen and split by what the table says, decoded when asked."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
import polars as pl

from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.core.issues import Issue
from medshelf.core.manifest import SPLITS, Manifest, Meta
from medshelf.core.tasks import Task
from medshelf.dataset import presentation, query, splitting
from medshelf.dataset.adapters.adapters import Adapters
from medshelf.dataset.masks import Legend, legend_of
from medshelf.dataset.rows import Rows
from medshelf.dataset.sample import Sample
from medshelf.dataset.splitting import Unit

if TYPE_CHECKING:
    from PIL.Image import Image

_SHOWN = 12


class Dataset(Adapters):
    """Samples of a manifest in its order, whatever they are.

    `dataset[i]` is a `Sample`, `dataset[a:b]` a Dataset. Nothing is decoded, and of a large table
    that is scanned from a file nothing is collected, before it is asked for.

    Attributes:
        manifest: The table that the samples come from, with what is true of all of them.
    """

    def __init__(self, manifest: Manifest, rows: Rows | None = None) -> None:
        self.manifest = manifest
        self._rows = Rows(manifest.frame) if rows is None else rows

    @property
    def meta(self) -> Meta:
        """What is true of the whole dataset."""
        return self.manifest.meta

    @property
    def table(self) -> pl.DataFrame:
        """All rows, collected at the first call; `manifest.frame` is the lazy form."""
        return self._rows.table

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The label tasks with their class order."""
        return self.meta.tasks

    @property
    def legend(self) -> Legend:
        """Names of what masks show, with the values that stand for it; empty if not stated."""
        return legend_of(self.meta)

    @property
    def licence(self) -> str | None:
        """SPDX id of the data's licence; null where it is not stated."""
        return self.meta.licence

    @property
    def patients(self) -> pl.Series:
        """Different patient ids, sorted; samples that state none are left out."""
        ids = self._rows.frame.select(pl.col("patient_id").drop_nulls().unique().sort())
        return ids.collect().to_series()

    def cite(self) -> str:
        """Return the BibTeX entries to cite, those of the source data included."""
        return self.meta.citation

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._rows)

    @overload
    def __getitem__(self, key: int) -> Any: ...
    @overload
    def __getitem__(self, key: slice) -> Self: ...
    def __getitem__(self, key: int | slice) -> Any:
        """Return one Sample, or a Dataset of the chosen samples for a slice.

        Raises:
            IndexError: There is no such sample.
        """
        if isinstance(key, slice):
            return self._derived(np.arange(len(self))[key])
        return self.sample(key)

    def __iter__(self) -> Iterator[Any]:
        """Yield every sample in order."""
        for index in range(len(self)):
            yield self[index]

    def sample(self, index: int) -> Sample:
        """Return one sample; a negative index counts from the end.

        Raises:
            IndexError: There is no such sample.
        """
        row = self._rows.row(self._checked(index))
        return Sample.from_row(row, self.meta, self.manifest.root)

    def find(self, sample_id: str) -> Sample:
        """Return the sample of an id.

        Raises:
            UnknownNameError: There is none.
        """
        found = self._rows.where(pl.col("sample_id") == sample_id)
        if not len(found):
            some = self._rows.frame.select("sample_id").head(1000).collect().to_series()
            raise UnknownNameError("sample", sample_id, some)
        return self.sample(int(found[0]))

    def prepare(self) -> None:
        """Collect a small table now, so that forked worker processes need not."""
        self._rows.prepare()

    def filter(self, condition: str | pl.Expr) -> Self:
        """Keep the samples for which a condition is true; where it is null, it is not.

        Args:
            condition: Text, `age_years > 60 and view == 'PA'`, in the grammar of
                `core.conditions`, or a polars expression.

        Raises:
            SettingError: The text is no condition, names no column, or compares what cannot be.
        """
        return self._derived(query.find(self._rows, condition))

    def split(self, name: str) -> Self:
        """Keep the samples of one official split: train, val or test.

        Raises:
            UnknownNameError: There is no such split.
            SettingError: The release has no sample in it.
        """
        if name not in SPLITS:
            raise UnknownNameError("split", name, SPLITS)
        found = self._rows.where(pl.col("split") == name)
        if not len(found):
            there = presentation.official_splits(self._rows)
            problem = f"{self.meta.dataset!r} has no sample in its official {name!r} ({there})"
            raise SettingError(problem, "Use all samples, and split them with `split_by`")
        return self._derived(found)

    def split_by(self, by: Unit, *fractions: float, seed: int = 0) -> tuple[Self, ...]:
        """Split into parts that share no patient, study or sample; official splits are ignored.

        The parts are stratified by the rarest label of each group. A sample that does not state
        its patient is grouped by study, one without a study is a group of its own; an Issue of the
        parts counts them. `meta.options["derived_split"]` says how a part was made; the column
        `split` stays the official one.

        Args:
            by: `patient`, `study` or `sample`.
            fractions: Share of groups of each part, e.g. `0.7, 0.1, 0.2`.
            seed: Alone decides the result, on every machine.

        Raises:
            SettingError: The fractions are no shares of a whole, no sample states its patient (or
                study), or there are too few groups for the parts.
        """
        parts = splitting.part_of_rows(self._rows, by, fractions, seed)
        n_unstated = splitting.count_unstated(self._rows, by)
        shares = "/".join(f"{each:g}" for each in fractions)
        made = []
        for number, name in enumerate(_part_names(len(fractions))):
            how = f"{name} of {shares} by {by}, seed {seed}"
            meta = replace(self.meta, options={**self.meta.options, "derived_split": how})
            if n_unstated:
                meta = meta.with_issues(_unstated(n_unstated, by))
            made.append(self._derived(np.flatnonzero(parts == number), meta))
        return tuple(made)

    def label_matrix(self, task: str | None = None, source: str | None = None) -> np.ndarray:
        """Return multi-label targets densely, float32 (N, classes); see `Manifest.label_matrix`."""
        return self.manifest.label_matrix(task, source)

    def media_names(self, role: str) -> tuple[str, ...]:
        """Return the names of all media with a role, in the order of their first appearance."""
        media = self._rows.frame.select(pl.col("media").explode()).drop_nulls().unnest("media")
        chosen = media.filter(pl.col("role").cast(pl.String) == role)
        names = chosen.select(pl.col("name").unique(maintain_order=True)).collect()
        return tuple(str(each) for each in names.to_series())

    def montage(self, n_images: int = 64, *, seed: int = 0) -> Image:
        """Return a picture of samples drawn at random; volumes show their middle slice.

        Raises:
            SettingError: No sample that was drawn can be shown.
        """
        from medshelf.dataset.looking.thumbnails import thumbnails

        chosen = np.sort(np.random.default_rng(seed).permutation(len(self))[:n_images])
        n_columns = max(1, round(len(chosen) ** 0.5 * 1.6))
        return thumbnails((self.sample(int(each)) for each in chosen), n_columns)[0]

    def __repr__(self) -> str:
        """Show tasks, counts, licence, label origin, limitations and Issues."""
        return presentation.as_text(self.meta, self._rows)

    def _repr_html_(self) -> str:
        """Show some samples and the same facts in a notebook."""
        n_shown = min(len(self), _SHOWN)
        chosen = np.linspace(0, len(self) - 1, n_shown).astype(int).tolist()
        samples = [self.sample(each) for each in chosen]
        return presentation.as_html(self.meta, self._rows, samples)

    def _checked(self, index: int) -> int:
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            msg = f"Sample {index} of {len(self)} in {self.meta.dataset}"
            raise IndexError(msg)
        return index % len(self)

    def _derived(self, indices: np.ndarray, meta: Meta | None = None) -> Self:
        """Return a dataset of the same kind with the samples at `indices`."""
        rows = self._rows.take(indices)
        return self._alike(Manifest(rows.frame, meta or self.meta, self.manifest.root), rows)

    def _alike(self, manifest: Manifest, rows: Rows) -> Self:
        return type(self)(manifest, rows)


def _part_names(n: int) -> tuple[str, ...]:
    names = {2: ("train", "test"), 3: ("train", "val", "test")}
    return names.get(n) or tuple(f"part {number}" for number in range(1, n + 1))


def _unstated(n: int, by: Unit) -> Issue:
    message = f"{n:,} samples state no {by}; each was split by what else it states"
    remedy = "Parts may share patients through these samples; leave them out to be sure"
    return Issue("split-unstated", "warning", "derived split", message, remedy)
