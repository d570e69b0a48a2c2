"""What is known of each dataset: one YAML record per id.

The package can be called: `medshelf.catalog()` is the whole catalog as a table.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


class _Catalog(ModuleType):
    """A package whose name users know as a function."""

    def __call__(self, language: str | None = None) -> pl.DataFrame:
        """Return the catalog as a table, one row per dataset, sorted by id.

        What each column holds stands in `medshelf.catalog.table.COLUMNS`.

        Args:
            language: `en` or `zh`, to have names in place of the ids of controlled terms.

        Raises:
            UnknownNameError: There is no such language.
            FormatError: A record file is damaged.
        """
        from medshelf.catalog.table import catalog_table

        return catalog_table(language)


sys.modules[__name__].__class__ = _Catalog
