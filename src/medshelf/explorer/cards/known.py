"""All records and their relations, kept as long as the records stay what they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from medshelf.catalog.finding.stored import catalog_key
from medshelf.catalog.lineage import Lineage
from medshelf.catalog.record import Record
from medshelf.catalog.shelf import all_records, find_record
from medshelf.core.settings import Settings


@dataclass(frozen=True, eq=False)
class Known:
    """The catalog as a whole.

    Attributes:
        records: Id to record.
        lineage: The relations between them.
    """

    records: dict[str, Record]
    lineage: Lineage

    def record(self, dataset: str) -> Record:
        """Return the record of a dataset; capitals do not matter.

        Raises:
            UnknownNameError: There is no such id; near ones are named.
        """
        found = self.records.get(dataset.strip().lower())
        return find_record(dataset) if found is None else found


def known() -> Known:
    """Return all records; they are read again when one has changed.

    Raises:
        FormatError: A record file is damaged.
        LayoutError: A folder of records does not exist, or two records have one id.
    """
    return _known(catalog_key(Settings.from_environment().records))


@lru_cache(maxsize=2)
def _known(key: str) -> Known:  # noqa: ARG001 - a changed catalog has another key
    records = {each.id: each for each in all_records()}
    return Known(records, Lineage(records.values()))
