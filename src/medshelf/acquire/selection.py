"""Which files of a dataset are meant: edition, part, patterns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from medshelf.catalog.record import FileRecord, Record
from medshelf.core.errors import SettingError, UnknownNameError

_EDITION = "edition"
_SAMPLE = "sample"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a user wants of a dataset.

    Attributes:
        include: Patterns over paths; only files that match one. `*` stands for any characters.
        exclude: Patterns over paths; no files that match one.
        parts: Parts of the record, e.g. `annotations`; only files of these.
        sample: The small edition that the publisher offers.
        mirror: Root of an address below which `<dataset>/<path>` holds each file.
        accept_licence: The user has read the terms and accepts them.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    sample: bool = False
    mirror: str | None = None
    accept_licence: bool = False

    @property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return not (self.include or self.exclude or self.parts)

    def takes(self, name: str) -> bool:
        """Whether a file with this path is meant."""
        included = not self.include or any(fnmatchcase(name, each) for each in self.include)
        return included and not any(fnmatchcase(name, each) for each in self.exclude)


ALL = Choice()


def choose_entries(
    record: Record, options: Mapping[str, str], choice: Choice = ALL
) -> tuple[FileRecord, ...]:
    """Return the entries of a record that a choice is about.

    Raises:
        UnknownNameError: There is no such part, or no file for an option.
        SettingError: The publisher offers no sample, or nothing is left.
    """
    known = list(dict.fromkeys(each.part for each in record.files if each.part))
    for part in choice.parts:
        if part not in known:
            raise UnknownNameError(f"part of {record.id}", part, known)
    if choice.sample and _SAMPLE not in record.choices(_EDITION):
        problem = f"The publisher of {record.id} offers no sample of it"
        raise SettingError(problem, "Leave out --sample; --part and --include fetch less, too")
    entries = [
        each
        for each in record.select(**options)
        if _in_edition(each, choice) and (not choice.parts or each.part in choice.parts)
    ]
    chosen = tuple(each for each in entries if each.many or choice.takes(each.name))
    if not chosen:
        names = ", ".join(each.name for each in entries[:5])
        problem = f"No file of {record.id} is left by these patterns"
        raise SettingError(problem, f"Its files are: {names or 'none'}")
    return chosen


def _in_edition(file: FileRecord, choice: Choice) -> bool:
    return (file.options.get(_EDITION) == _SAMPLE) == choice.sample
