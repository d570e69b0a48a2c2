"""One opened manifest: rows by state, counts of facets, the facts of a page of rows."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Final, Literal

import numpy as np
import polars as pl

from medshelf.catalog.record import Record
from medshelf.core.conditions import parse
from medshelf.core.manifest import Manifest
from medshelf.dataset.dataset import Dataset
from medshelf.explorer.shelf.codes import COLUMNS, Coded, Listed, coded, findings
from medshelf.explorer.shelf.reported import Reported
from medshelf.explorer.shelf.state import State, words

Kind = Literal["datasets", "manifests"]

_KEPT_ANSWERS: Final = 16
_KEPT_MASKS: Final = 16
_AGE_BIN: Final = 10
_OLDEST: Final = 120


@dataclass(frozen=True, slots=True)
class Answer:
    """Which rows a state chooses, and what is counted among them.

    Attributes:
        rows: Row numbers in the order of the page, int32.
        counts: Column to the number of rows of each value under all other choices, as
            `Coded.count`; for findings under all choices.
        ages: Rows in each ten years from 0 on, under all choices but that of the age.
    """

    rows: np.ndarray
    counts: Mapping[str, np.ndarray]
    ages: np.ndarray


@dataclass(eq=False, repr=False)
class Collection:
    """An opened manifest.

    Attributes:
        kind: Whether it has a catalog id or was named as a file.
        name: Id, or name of the file without its ending.
        manifest: The table.
        record: What the catalog knows of it, if anything.
        reported: What `medshelf check` has found in it.
    """

    kind: Kind
    name: str
    manifest: Manifest
    record: Record | None
    reported: Reported
    _answers: OrderedDict[State, Answer] = field(default_factory=OrderedDict)
    _masks: OrderedDict[str, np.ndarray] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    @cached_property
    def key(self) -> str:
        """Name in the addresses of pixels; another one when manifest or root has changed."""
        told = f"{self.manifest.digest()} {self.manifest.root.resolve()}"
        return hashlib.sha256(told.encode()).hexdigest()[:32]

    @cached_property
    def dataset(self) -> Dataset:
        """Its samples."""
        return Dataset(self.manifest)

    @cached_property
    def sample_ids(self) -> pl.Series:
        """The ids of all rows."""
        return self._column("sample_id")

    @cached_property
    def ages(self) -> np.ndarray:
        """Age in years of all rows, NaN where it is not stated, float32."""
        return self._column("age_years").cast(pl.Float32).fill_null(float("nan")).to_numpy()

    @cached_property
    def facets(self) -> dict[str, Coded]:
        """Column to its numbered values, of those that have few."""
        table = self.manifest.frame.select(COLUMNS).collect()
        found = {name: coded(table[name]) for name in COLUMNS}
        return {name: each for name, each in found.items() if each is not None}

    @cached_property
    def findings(self) -> Listed | None:
        """Labels that are present, numbered."""
        return findings(self.manifest.frame.select("labels").collect())

    @cached_property
    def pictured(self) -> np.ndarray:
        """Place of the first image among the media of each row, -1 where there is none, int8."""
        entries = (
            self.manifest.frame.select(pl.row_index("row"), "media")
            .explode("media")
            .select("row", image=pl.col("media").struct.field("role").cast(pl.String) == "image")
            .collect()
        )
        rows = entries["row"].to_numpy()
        slots = np.arange(len(rows)) - np.searchsorted(rows, rows)
        found = np.full(len(self), -1, np.int8)
        # Backwards, so that the first image of a row is written last.
        images = np.flatnonzero(entries["image"].fill_null(value=False).to_numpy())[::-1]
        found[rows[images]] = slots[images]
        return found

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.sample_ids)

    def row_of(self, sample_id: str) -> int | None:
        """Return the row number of an id."""
        found = (self.sample_ids == sample_id).arg_true()
        return int(found[0]) if len(found) else None

    def thumbnail(self, row: int, options: str) -> str | None:
        """Return the address of a row's picture; None where the row names no image.

        Args:
            row: Its number.
            options: Query of the address, e.g. `size=96`; empty for 128 pixels with all drawn on.
        """
        slot = int(self.pictured[row])
        query = options and f"?{options}"
        return None if slot < 0 else f"/media/{self.key}/{row}/{slot}/thumb.jpg{query}"

    def answer(self, state: State) -> Answer:
        """Return rows and counts of a state; the last few are kept.

        Raises:
            SettingError: Its condition does not parse.
        """
        asked = state.selection
        with self._lock:
            if asked in self._answers:
                self._answers.move_to_end(asked)
                return self._answers[asked]
        found = self._answered(asked)
        with self._lock:
            self._answers[asked] = found
            if len(self._answers) > _KEPT_ANSWERS:
                self._answers.popitem(last=False)
        return found

    def _answered(self, state: State) -> Answer:
        masks = {
            name: each.mask(state.chosen(name))
            for name, each in self.facets.items()
            if state.chosen(name)
        }
        rest = self._rest(state)
        aged = self._aged(state)
        every = _all_of([*masks.values(), *aged, *rest])
        inside = _rows_of(every)
        counts = {}
        for name, each in self.facets.items():
            others = inside
            if name in masks:
                but = [mask for other, mask in masks.items() if other != name]
                others = _rows_of(_all_of([*but, *aged, *rest]))
            counts[name] = each.count(others)
        if self.findings is not None:
            counts["finding"] = self.findings.count(every)
        unaged = inside if not aged else _rows_of(_all_of([*masks.values(), *rest]))
        rows = self._ordered(state, every, inside).astype(np.int32)
        return Answer(rows, counts, self._age_counts(unaged))

    def _rest(self, state: State) -> list[np.ndarray]:
        """Return the rows that meet each condition that is no facet of one value, bool (N,)."""
        masks = [
            self._meets(State(**{name: values}).condition())
            for name in COLUMNS
            if name not in self.facets and (values := state.chosen(name))
        ]
        if state.finding:
            listed = self.findings
            masks.append(
                np.zeros(len(self), bool) if listed is None else listed.mask(state.finding)
            )
        if state.q:
            masks.append(self._meets(words(state.q)))
        if state.where:
            masks.append(self._meets(state.where))
        if state.issue:
            mask = np.zeros(len(self), bool)
            mask[self.reported.rows(state.issue)] = True
            masks.append(mask)
        return masks

    def _meets(self, condition: str) -> np.ndarray:
        with self._lock:
            if condition in self._masks:
                self._masks.move_to_end(condition)
                return self._masks[condition]
        frame = self.manifest.frame.select(parse(condition).fill_null(value=False).alias("meets"))
        mask = frame.collect()["meets"].to_numpy()
        with self._lock:
            self._masks[condition] = mask
            if len(self._masks) > _KEPT_MASKS:
                self._masks.popitem(last=False)
        return mask

    def _aged(self, state: State) -> list[np.ndarray]:
        masks = []
        with np.errstate(invalid="ignore"):
            if state.age_from is not None:
                masks.append(self.ages >= state.age_from)
            if state.age_to is not None:
                masks.append(self.ages < state.age_to)
        return masks

    @cached_property
    def _decades(self) -> np.ndarray:
        """Number of the ten years that each age lies in, the last one for what is not stated."""
        ages = np.nan_to_num(self.ages, nan=_OLDEST)
        bins = np.clip(ages // _AGE_BIN, 0, _OLDEST // _AGE_BIN - 1).astype(np.uint8)
        bins[np.isnan(self.ages)] = _OLDEST // _AGE_BIN
        return bins

    def _age_counts(self, rows: np.ndarray | None) -> np.ndarray:
        decades = self._decades if rows is None else self._decades[rows]
        counts = np.bincount(decades, minlength=_OLDEST // _AGE_BIN + 1)[:-1]
        return counts if counts.any() else np.zeros(0, np.int64)

    def _ordered(
        self, state: State, every: np.ndarray | None, inside: np.ndarray | None
    ) -> np.ndarray:
        if not state.sort:
            return np.arange(len(self)) if inside is None else inside
        order = self._order(state.sort)
        return order if every is None else order[every[order]]

    def _order(self, sort: str) -> np.ndarray:
        name = f"\0order {sort}"
        with self._lock:
            if name in self._masks:
                return self._masks[name]
        column = self._column(sort.removeprefix("-"))
        order = column.arg_sort(descending=sort.startswith("-"), nulls_last=True).to_numpy()
        with self._lock:
            self._masks[name] = order
        return order

    def _column(self, name: str) -> pl.Series:
        return self.manifest.frame.select(name).collect().to_series()


def _all_of(masks: list[np.ndarray]) -> np.ndarray | None:
    """Return where all are true; None for everywhere."""
    if not masks:
        return None
    found = masks[0].copy()
    for each in masks[1:]:
        found &= each
    return found


def _rows_of(mask: np.ndarray | None) -> np.ndarray | None:
    """Return the numbers of the rows that are true; None for all. Faster to pick by than a mask."""
    return None if mask is None else np.flatnonzero(mask)
