"""What was counted in a manifest beside what the record states, where that costs little."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal
from weakref import WeakKeyDictionary

from pydantic import BaseModel, ConfigDict

from medshelf.catalog.record import Record
from medshelf.catalog.vocabulary import label
from medshelf.core.errors import MedshelfError
from medshelf.explorer.cards.presence import at_hand
from medshelf.explorer.holdings import Holdings
from medshelf.explorer.shelf.collection import Collection
from medshelf.quality.case import Case
from medshelf.quality.figures.catalog_figures import against_catalog
from medshelf.quality.passes import Passes
from medshelf.quality.profile import Profile, profile
from medshelf.quality.profiling.figure import Figure
from medshelf.quality.profiling.words import word

MOST_CLASSES: Final = 60

_MOST_SAMPLES: Final = 200_000
_MOST_BYTES: Final = 200_000_000
_PROFILES: WeakKeyDictionary[Collection, Profile] = WeakKeyDictionary()


class _Piece(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClassCount(_Piece):
    """How often a class occurs.

    Attributes:
        task: Which label task or table it belongs to; empty where there is one.
        name: As the release writes it.
        cases: Samples that have it; null where only a share is known.
        percent: Share of samples that have it, 0 to 100; null where it is not known.
        bar: Length of its bar, 0 to 100, of the most frequent class of its task.
        by_split: Samples that have it, by split.
    """

    task: str
    name: str
    cases: int | None
    percent: float | None
    bar: float
    by_split: dict[str, int]


class Beside(_Piece):
    """A figure of the record beside the counted one.

    Attributes:
        field: Name of the record's field.
        what: Which of its figures.
        recorded: One number, or one per axis.
        ours: The same; null where nothing was counted.
        verdict: `equal`, `differs` or `not-measured`.
        told: The same in words.
        reason: Why it may differ; empty where they agree, and where no reason is known.
    """

    field: str
    what: str
    recorded: tuple[float, ...]
    ours: tuple[float, ...] | None
    verdict: Literal["equal", "differs", "not-measured"]
    told: str
    reason: str


class Measured(_Piece):
    """What the manifest at hand says; no image is opened for it.

    Attributes:
        figures: Figures of the record beside the counted ones.
        classes: The most frequent classes.
        n_more: Classes that are not listed.
        source: `manifest`, or `record` where it was not opened.
        problem: Why the manifest at hand could not be opened, as medshelf says it.
    """

    figures: tuple[Beside, ...] = ()
    classes: tuple[ClassCount, ...] = ()
    n_more: int = 0
    source: Literal["manifest", "record"] = "record"
    problem: str | None = None


def measured(record: Record, held: Holdings, language: str) -> Measured:
    """Count in the manifest where it is small and at hand, else take what the record states."""
    problem = None
    if _is_cheap(record) and (record.id in held.ids or at_hand(record)):
        try:
            found = _profile(held.open("datasets", record.id), record)
        except MedshelfError as error:
            problem = error.problem
        else:
            return _counted(found, record, language)
    return stated(record).model_copy(update={"problem": problem})


def stated(record: Record) -> Measured:
    """Return the class balance that the record states."""
    classes = _rows(
        [
            (each.table or "", each.name, each.cases, each.percent, dict(each.splits or {}))
            for each in record.label_stats
            if each.cases is not None or each.percent is not None
        ]
    )
    return Measured(
        classes=tuple(classes[:MOST_CLASSES]), n_more=max(0, len(classes) - MOST_CLASSES)
    )


def _is_cheap(record: Record) -> bool:
    if record.reader is None or (record.n_samples or 0) > _MOST_SAMPLES:
        return False
    variant = record.files
    if sizes := record.choices("size"):
        variant = record.select(size=sizes[0])
    return sum(each.size_bytes or 0 for each in variant) <= _MOST_BYTES


def _profile(opened: Collection, record: Record) -> Profile:
    found = _PROFILES.get(opened)
    if found is None:
        case = Case(opened.manifest, record, Passes(pixels=False))
        found = _PROFILES[opened] = profile(case)
    return found


def _counted(found: Profile, record: Record, language: str) -> Measured:
    classes = [
        (each.task or "", each.name, each.cases, each.percent, dict(each.by_split))
        for each in found.annotation
        if each.of == "labels"
    ]
    rows = _rows(classes)
    return Measured(
        figures=tuple(_beside(each, language) for each in against_catalog(found, record)),
        classes=tuple(rows[:MOST_CLASSES]),
        n_more=max(0, len(rows) - MOST_CLASSES),
        source="manifest",
    )


_Row = tuple[str, str, int | None, float | None, dict[str, int]]


def _rows(classes: Sequence[_Row]) -> list[ClassCount]:
    """Return the classes task by task, in the order given, with bars relative to the task."""
    tasks = list(dict.fromkeys(each[0] for each in classes))
    found = []
    for task in tasks:
        own = [each for each in classes if each[0] == task]
        by_cases = all(each[2] is not None for each in own)
        sizes = [float((each[2] if by_cases else each[3]) or 0) for each in own]
        most = max(sizes, default=0) or 1
        found += [
            ClassCount(
                task=task, name=name, cases=cases, percent=percent, bar=bar, by_split=by_split
            )
            for (_, name, cases, percent, by_split), bar in zip(
                own, _bars(sizes, most), strict=True
            )
        ]
    return found


def _bars(sizes: Iterable[float], most: float) -> list[float]:
    return [round(100 * each / most, 1) for each in sizes]


def _beside(figure: Figure, language: str) -> Beside:
    return Beside(
        field=label("fields", figure.field, language),
        what=figure.what,
        recorded=figure.recorded,
        ours=figure.ours,
        verdict=figure.verdict,
        told=word(figure.verdict, language),
        reason="" if figure.reason is None else word(figure.reason, language),
    )
