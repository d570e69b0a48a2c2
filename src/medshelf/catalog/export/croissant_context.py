"""The JSON-LD contexts of Croissant: what its short names stand for.

The terms of the specification, and those that the library `mlcroissant` misses without. Schema.org
is named with https, as the library does.

Source: https://docs.mlcommons.org/croissant/docs/croissant-spec.html, appendix 1, and 1.1
"""

from __future__ import annotations

from typing import Any

_SHARED = (
    "citeAs column equivalentProperty extract field fileProperty fileObject fileSet format "
    "includes isLiveDataset jsonPath key md5 parentField path recordSet references regex repeated "
    "replace samplingRate separator source subField transform"
)
_ADDED = "annotation arrayShape containedIn excludes isArray readLines sdVersion unArchive"


def _context(terms: str, **more: Any) -> dict[str, Any]:
    return {
        "@language": "en",
        "@vocab": "https://schema.org/",
        "sc": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "dct": "http://purl.org/dc/terms/",
        "conformsTo": "dct:conformsTo",
        "data": {"@id": "cr:data", "@type": "@json"},
        "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        "examples": {"@id": "cr:examples", "@type": "@json"},
        **more,
        **{term: f"cr:{term}" for term in terms.split()},
    }


CONTEXTS = {
    "1.0": _context(_SHARED),
    "1.1": _context(
        f"{_SHARED} {_ADDED}",
        description={"@container": "@language"},
        name={"@container": "@language"},
    ),
}
"""The context of each version."""

VERSIONS = tuple(CONTEXTS)
"""The versions of the specification that can be written."""
