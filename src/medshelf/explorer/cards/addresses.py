"""Where pages lie: on the server, or beside each other in files."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses of pages as links hold them; a page that does not exist has an empty one.

    Attributes:
        language: `en` or `zh`.
    """

    language: str

    def dataset(self, dataset: str) -> str:
        """Return the page of a dataset."""
        return f"/{self.language}/datasets/{dataset}"

    def below(self, dataset: str, page: str) -> str:
        """Return one of the pages `samples`, `quality` and `leaderboard` of a dataset."""
        return f"/{self.language}/datasets/{dataset}/{page}"

    def lineage(self, dataset: str) -> str:
        """Return the page of a dataset's relations."""
        return f"/{self.language}/lineage?{urlencode({'id': dataset})}"

    def compare(self, *datasets: str) -> str:
        """Return the page that puts datasets side by side."""
        query = urlencode([("id", each) for each in datasets])
        return f"/{self.language}/compare" + (f"?{query}" if query else "")


@dataclass(frozen=True, slots=True)
class SiteAddresses(Addresses):
    """Addresses between the files of a static site, as seen from the page of a dataset.

    Attributes:
        boards: Datasets that have a leaderboard.
    """

    boards: frozenset[str] = field(default=frozenset())

    def dataset(self, dataset: str) -> str:
        """Return the file of a dataset."""
        return f"{dataset}.html"

    def below(self, dataset: str, page: str) -> str:
        """Return the leaderboard of a dataset; the other pages need a server."""
        has = page == "leaderboard" and dataset in self.boards
        return f"../leaderboards/{dataset}.html" if has else ""

    def lineage(self, dataset: str) -> str:  # noqa: ARG002 - the page itself has the relations
        """Return nothing: there is no such page."""
        return ""

    def compare(self, *datasets: str) -> str:  # noqa: ARG002 - asks for a server
        """Return nothing: there is no such page."""
        return ""
