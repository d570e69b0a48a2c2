"""What a server shows: the catalog, and the manifests that were named or can be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a server shows.

    Attributes:
        named: Catalog ids and manifest files that the command line named.
        root: Folder of raw trees, or None for the usual places.
        cache: Where thumbnails lie.
    """

    named: tuple[str, ...] = ()
    root: Path | None = None
    cache: Path | None = None
