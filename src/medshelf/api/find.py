"""Finding datasets: search, and what is known of one."""

from __future__ import annotations

from medshelf.catalog.filters import Filters
from medshelf.catalog.record import Record
from medshelf.catalog.search import Results, Sort
from medshelf.catalog.search import search as find
from medshelf.catalog.shelf import find_record


def search(
    text: str = "",
    filters: Filters | None = None,
    *,
    sort: Sort = "relevance",
    limit: int | None = 20,
    language: str = "en",
) -> Results:
    """Find datasets by words and facets.

    Args:
        text: Words in English, Chinese or both; empty for all datasets.
        filters: Conditions that every hit meets, e.g. `Filters(task="detection", since=2020)`.
        sort: `relevance`, `samples`, `year` or `name`.
        limit: How many hits at most; null for all.
        language: `en` or `zh`, of the labels of facets.

    Raises:
        UnknownNameError: A filter has a name that does not exist, or there is no such order.
    """
    return find(text, filters, sort=sort, limit=limit, language=language)


def info(dataset: str) -> Record:
    """Return what is known of a dataset; what is not known is null or empty.

    Args:
        dataset: Catalog id, e.g. `nih-chest-xray`.

    Raises:
        UnknownNameError: There is no such dataset.
    """
    return find_record(dataset)
