"""What the catalog's record states beside what was counted and measured."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations

from medshelf.catalog import parts
from medshelf.catalog.record import Record
from medshelf.quality.profile import Profile
from medshelf.quality.profiling.annotation import ClassStat
from medshelf.quality.profiling.figure import Figure, Numbers, agree, fits, judged
from medshelf.quality.profiling.resolution import AxisRange, ImageRange, Resolution

_UNIONS = {"train_val": ("train", "val"), "trainval": ("train", "val")}
_RANGE = {"min": "minimum", "median": "median", "mean": "mean", "max": "maximum"}
_PER_MM = {"um": 1000.0}
_PER_CM3 = {"mm3": 1000.0}
_BRACKETS = re.compile(r"[(\uff08].*")


def against_catalog(profile: Profile, record: Record) -> tuple[Figure, ...]:
    """Compare every figure that a record states with the profile of the data.

    Args:
        profile: Of the data at hand.
        record: Of the same dataset.
    """
    both = _Both(profile, record)
    return (*_counts(both), *_splits(both), *_resolution(both), *_classes(both))


@dataclass(frozen=True, slots=True)
class _Both:
    profile: Profile
    record: Record

    @property
    def partial(self) -> bool:
        """Whether less is at hand than the record says that there is."""
        whole = self.record.n_samples
        return whole is not None and self.profile.counts.n_samples < whole

    @property
    def unmeasured(self) -> str:
        """Why nothing is known of images."""
        return "no-images" if self.profile.pixels else "no-pixels"

    def elsewhere(self, field: str, number: float) -> bool:
        """Whether a source that disagrees with the record has this number."""
        others = [each.other for each in self.record.conflicts if each.field == field]
        told = re.findall(r"\d+(?:\.\d+)?", " ".join(others).replace(",", ""))
        return number in map(float, told)


def _counts(both: _Both) -> Iterator[Figure]:
    for field, found in _found_counts(both.profile).items():
        told = getattr(both.record, field)
        if told is not None:
            ours = None if found is None else (float(found),)
            yield judged(field, "", (float(told),), ours, _count_reasons(both, field, told, found))


def _found_counts(profile: Profile) -> dict[str, int | None]:
    counts, labels = profile.counts, profile.labels
    slices = [each.n_slices for each in profile.resolution if each.n_slices is not None]
    classes = labels.balance[0].n_classes if labels and labels.balance else None
    return {
        "n_samples": counts.n_samples,
        "n_patients": counts.n_patients,
        "n_studies": counts.n_studies,
        "n_slices": sum(slices) if slices else None,
        "n_classes": classes or len(profile.annotation) or None,
    }


def _count_reasons(both: _Both, field: str, told: int, found: int | None) -> Iterator[str]:
    counts, resolution = both.profile.counts, both.profile.resolution
    if found is None:
        yield both.unmeasured if field == "n_slices" else "not-in-manifest"
        return
    if both.elsewhere(field, found):
        yield "other-source"
    by_split = {"n_samples": [counts.by_split], "n_slices": [e.slices_by_split for e in resolution]}
    if any(told in each.values() for each in by_split.get(field, [])):
        yield "one-split"
    units = (counts.n_patients, counts.n_studies, *[each.n for each in resolution])
    if field == "n_samples" and told in units:
        yield "other-unit"
    if both.partial and found < told:
        yield "part-of-release"


def _splits(both: _Both) -> Iterator[Figure]:
    ours = both.profile.counts.by_split
    for name, told in both.record.splits.items():
        known = [ours[each] for each in _UNIONS.get(name, (name,)) if each in ours]
        found = (float(sum(known)),) if known else None
        yield judged("splits", name, (float(told),), found, _split_reasons(both, told, found))


def _split_reasons(both: _Both, told: int, found: Numbers | None) -> Iterator[str]:
    if found and both.elsewhere("splits", found[0]):
        yield "other-source"
    if both.partial and (found is None or found[0] < told):
        yield "part-of-release"
    if found is None:
        yield "not-in-manifest"


def _resolution(both: _Both) -> Iterator[Figure]:
    for entry in both.record.resolution:
        for field in ("size_px", "spacing"):
            told: parts.Range = getattr(entry, field) or parts.Range()
            for key in ("min", "median", "max"):
                numbers: Numbers | None = getattr(told, key)
                if numbers is not None:
                    yield _of_range(both, entry, f"{field} {key}", numbers)


def _of_range(both: _Both, entry: parts.Resolution, what: str, told: Numbers) -> Figure:
    field, key = what.split()
    name = f"{entry.part} {what}" if entry.part else what
    own = next((each for each in both.profile.resolution if each.n_spatial == len(told)), None)
    if own is None:
        return judged("resolution", name, told, None, iter((both.unmeasured,)))
    values = own.size_px if field == "size_px" else own.spacing_mm
    if values is None:
        return judged("resolution", name, told, None, iter(("not-in-manifest",)))
    scale = _PER_MM.get(str(entry.spacing_unit), 1.0) if field == "spacing" else 1.0
    ours = tuple(each * scale for each in _of(values, key))
    reasons = _range_reasons(both, entry, own, what, (told, ours))
    return judged("resolution", name, told, ours, reasons)


def _of(values: AxisRange | ImageRange, key: str) -> Numbers:
    numbers: Numbers = getattr(values, _RANGE[key])
    return numbers


def _range_reasons(
    both: _Both,
    entry: parts.Resolution,
    own: Resolution,
    what: str,
    pair: tuple[Numbers, Numbers],
) -> Iterator[str]:
    field, key = what.split()
    told, ours = pair
    values = own.size_px if field == "size_px" else own.spacing_mm
    if values is not None and _all_agree(getattr(entry, field), values):
        yield "axis-order"
    if field == "size_px" and _all_agree(getattr(entry, field), own.by_image):
        yield "whole-image"
    offered = {float(each) for each in both.record.choices("size") if each.isdecimal()}
    if field == "size_px" and offered >= {*told, *ours}:
        yield "offered-sizes"
    if both.partial and fits(key, told, ours):
        yield "part-of-release"


def _all_agree(told: parts.Range, values: AxisRange | ImageRange) -> bool:
    """Whether all that is stated agrees when the axes are taken in one order, whichever it is."""
    stated = {key: getattr(told, key) for key in ("min", "median", "max")}
    stated = {key: each for key, each in stated.items() if each is not None}
    return any(
        all(
            agree(each, tuple(_of(values, key)[axis] for axis in order))
            for key, each in stated.items()
        )
        for order in permutations(range(len(values.minimum)))
    )


def _classes(both: _Both) -> Iterator[Figure]:
    own = {_plain(each.name): each for each in reversed(both.profile.annotation)}
    stats = both.record.label_stats
    if stats:
        n_found = sum(_named(own, each.name) is not None for each in stats)
        told, found = (float(len(stats)),), (float(n_found),)
        yield judged("label_stats", "classes by name", told, found, iter(("no-such-class",)))
    for each in stats:
        for what, recorded in _recorded(each).items():
            yield _of_class(both, each, _named(own, each.name), what, recorded)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name.casefold()).strip()


def _named(own: Mapping[str, ClassStat], name: str) -> ClassStat | None:
    """Return the class of that name, else of the name without what is in brackets."""
    return own.get(_plain(name), own.get(_plain(_BRACKETS.sub("", name))))


def _recorded(told: parts.LabelStat) -> dict[str, float]:
    """Return the figures that a record states of a class: by name, split or extent."""
    volume = told.volume or parts.Volume()
    extent = {key: getattr(volume, key) for key in _RANGE}
    figures = {"cases": told.cases, "percent": told.percent, **(told.splits or {}), **extent}
    return {what: float(each) for what, each in figures.items() if each is not None}


def _of_class(
    both: _Both, told: parts.LabelStat, own: ClassStat | None, what: str, recorded: float
) -> Figure:
    found = None if own is None else _ours(told, own, what)
    ours = None if found is None else (found,)
    if own is None or found is None:
        reason = "no-such-class" if own is None else "not-in-manifest"
        if what in _RANGE or own is None:
            reason = reason if both.profile.pixels else "no-pixels"
        reasons = iter((reason,))
    else:
        reasons = _class_reasons(both, told, own, what, (recorded, found))
    return judged("label_stats", f"{told.name} {what}", (recorded,), ours, reasons)


def _ours(told: parts.LabelStat, own: ClassStat, what: str) -> float | None:
    if what in _RANGE:
        scale = _PER_CM3.get(str(told.volume.unit), 1.0) if told.volume else 1.0
        value = getattr(own.extent, _RANGE[what], None)
        return None if value is None else value * scale
    found = {"cases": own.cases, "percent": own.percent, **own.by_split}.get(what)
    return None if found is None else float(found)


def _class_reasons(
    both: _Both, told: parts.LabelStat, own: ClassStat, what: str, pair: tuple[float, float]
) -> Iterator[str]:
    recorded, found = pair
    if what == "cases" and recorded in own.by_split.values():
        yield "one-split"
    if what == "percent" and agree((recorded,), (100 * own.cases / both.profile.counts.n_samples,)):
        yield "share-of-all"
    if what in _RANGE and any(
        agree((each,), (found,)) for key, each in _recorded(told).items() if key in _RANGE
    ):
        yield "column-order"
    key = what if what in (*_RANGE, "percent") else "max"
    if both.partial and fits(key, (recorded,), (found,)):
        yield "part-of-release"
