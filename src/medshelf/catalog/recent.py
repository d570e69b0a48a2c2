"""What is new: released, or added to the catalog, since a date."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from medshelf.catalog.parts import Date
from medshelf.catalog.record import Record
from medshelf.catalog.shelf import all_records
from medshelf.core.errors import SettingError


def recent_records(since: str) -> list[Record]:
    """Return the records that came out or were added since a date, newest first.

    A date that is known to the year or month only counts as its last day.

    Args:
        since: `2024`, `2024-05` or `2024-05-31`, counted as its first day.

    Raises:
        SettingError: `since` is no date.
    """
    try:
        TypeAdapter(Date).validate_python(since)
    except ValidationError as error:
        problem = f"{since!r} is no date"
        raise SettingError(problem, "Write 2024, 2024-05 or 2024-05-31") from error
    first = (since + "-01-01")[: len("2024-01-01")]
    found = [
        each
        for each in all_records()
        if first <= max(_last_day(each.released), _last_day(each.added))
    ]
    return sorted(found, key=lambda each: (each.released or "", each.id), reverse=True)


def _last_day(date: str | None) -> str:
    return "" if date is None else (date + "-12-31")[: len("2024-12-31")]
