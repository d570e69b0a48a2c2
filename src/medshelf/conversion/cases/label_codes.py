"""Which number stands for which class in masks that trainers read: consecutive, background 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medshelf.core.errors import SettingError
from medshelf.dataset.masks import Legend

_BACKGROUND, _IGNORE = "background", "ignore"
_MOST = 255
_RESTATE = 'State another one, e.g. --with "legend=0=background; 1,2=organ; 2=tumour"'


@dataclass(frozen=True, slots=True)
class LabelCodes:
    """The numbers in masks that are written.

    Attributes:
        names: Class, or region, to its numbers; neither background (0) nor what is ignored. Regions
            come with the larger ones first, as they are painted over each other.
        order: Of each region the number that stands for it where no later region is; empty where no
            two names share a number.
        ignored: Number of what is not to be learnt, the highest; null where there is none.
        by_structure: Each mask shows the one structure that it is named after.
    """

    names: Mapping[str, Sequence[int]]
    order: Sequence[int]
    ignored: int | None
    by_structure: bool

    def labels(self) -> dict[str, int | list[int]]:
        """Return name to number, of a region to its numbers; background comes first."""
        ignored = {} if self.ignored is None else {_IGNORE: self.ignored}
        named = {
            name: codes[0] if len(codes) == 1 else list(codes) for name, codes in self.names.items()
        }
        return {_BACKGROUND: 0, **named, **ignored}

    def of_values(self, legend: Legend) -> dict[int, int]:
        """Return the number that is written for each value of a mask.

        Args:
            legend: What the values of that mask mean; one of those that were numbered.
        """
        classes = _classes(legend)
        if self.order:
            codes = _numbered(classes)
        else:
            codes = {value: self.names[name][0] for name in classes for value in classes[name]}
        ignored = dict.fromkeys(_named(legend, _IGNORE), self.ignored or 0)
        return {**dict.fromkeys(background_values(legend), 0), **codes, **ignored}


def background_values(legend: Legend) -> tuple[int, ...]:
    """Return the values of what is named background, and 0 where that is no other class."""
    stated = _named(legend, _BACKGROUND)
    elsewhere = bool(stated) and any(0 in values for values in legend.values())
    return stated if elsewhere else (0, *stated)


def code_labels(legends: Sequence[Legend], structures: Sequence[str]) -> LabelCodes:
    """Number the classes.

    A class with several values of its own has one number. Where names share values, they are
    regions, and each value has a number.

    Args:
        legends: What the values of masks mean; several of datasets that were put together.
        structures: What masks show that each show one structure, sorted; empty where values say it.

    Raises:
        SettingError: No legend is stated, it cannot be numbered, or 255 numbers do not suffice.
    """
    stated = [each for n, each in enumerate(legends) if each and each not in legends[:n]]
    for each in stated:
        _check(each, alone=len(stated) == 1)
    classes = [_classes(each) for each in stated]
    names = list(dict.fromkeys(name for each in classes for name in each))
    if len(stated) == 1:
        names.sort(key=lambda name: min(classes[0][name]))
    shown = [each for each in structures if each.casefold() not in (_BACKGROUND, _IGNORE)]
    by_structure = bool(shown) and (set(names) >= set(shown) or len(names) <= 1)
    if by_structure and not set(names) >= set(shown):
        names, classes = shown, []
    if not names:
        problem = "Nothing says what the values of the masks mean"
        raise SettingError(problem, 'State it: --with "legend=0=background; 1=liver; 2=tumour"')
    regions = bool(classes) and _share_values(classes[0])
    numbers = _regions(classes[0]) if regions else {name: (n,) for n, name in enumerate(names, 1)}
    n_last = max(code for codes in numbers.values() for code in codes)
    named = [*structures, *(name for each in stated for name in each)]
    ignored = n_last + 1 if _IGNORE in map(str.casefold, named) else None
    if (ignored or n_last) > _MOST:
        problem = f"There are {ignored or n_last} labels, masks of 8 bits hold {_MOST}"
        raise SettingError(problem, "State a legend of fewer classes: --with legend=...")
    return LabelCodes(numbers, _painting(numbers) if regions else (), ignored, by_structure)


def _check(legend: Legend, *, alone: bool) -> None:
    values = {name: set(each) for name, each in legend.items()}
    lowest = min(min(each) for each in values.values())
    if lowest < 0:
        raise SettingError(f"The legend has the negative value {lowest}", _RESTATE)
    classes = _classes(legend)
    fixed = {*background_values(legend), *_named(legend, _IGNORE)}
    if mixed := [name for name in classes if values[name] & fixed]:
        problem = f"{mixed[0]!r} shares a value with the background, or with what is ignored"
        raise SettingError(problem, _RESTATE)
    if not alone and _share_values(classes):
        problem = "Regions cannot be numbered where datasets with several legends are put together"
        raise SettingError(problem, "Convert each dataset alone, or state one: --with legend=...")


def _named(legend: Legend, wanted: str) -> tuple[int, ...]:
    found = (values for name, values in legend.items() if name.casefold() == wanted)
    return tuple(value for values in found for value in values)


def _classes(legend: Legend) -> dict[str, tuple[int, ...]]:
    """Return what is neither background nor ignored."""
    background = set(background_values(legend))
    return {
        name: values
        for name, values in legend.items()
        if name.casefold() not in (_BACKGROUND, _IGNORE) and not background >= set(values)
    }


def _share_values(classes: Legend) -> bool:
    values = [value for each in classes.values() for value in set(each)]
    return len(set(values)) < len(values)


def _numbered(classes: Legend) -> dict[int, int]:
    values = sorted({value for each in classes.values() for value in each})
    return {value: code for code, value in enumerate(values, 1)}


def _regions(classes: Legend) -> dict[str, tuple[int, ...]]:
    codes = _numbered(classes)
    regions = {name: tuple(sorted({codes[each] for each in classes[name]})) for name in classes}
    return dict(sorted(regions.items(), key=lambda item: (-len(item[1]), item[1])))


def _painting(regions: Mapping[str, Sequence[int]]) -> tuple[int, ...]:
    """Return for each region a number of its own, where it has one that no later region has.

    Source: nnU-Net, documentation/region_based_training.md
    """
    order, later = [], set[int]()
    for codes in reversed(list(regions.values())):
        order.append(min([each for each in codes if each not in later] or codes))
        later |= set(codes)
    return tuple(reversed(order))
