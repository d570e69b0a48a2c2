"""What a licence allows, and what it asks for."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from medshelf.catalog.parts import EitherText, Url
from medshelf.catalog.record import Record

_FILE = Path(__file__).parent / "licences.yaml"

USES = ("commercial", "redistribution", "derivatives")
"""What a user may ask whether a licence allows it."""


class Licence(BaseModel):
    """Terms under which data come; null is not stated.

    Attributes:
        id: SPDX id, or a name of its own where SPDX has none.
        commercial: Commercial use is allowed.
        redistribution: The data may be passed on.
        derivatives: Changed data may be passed on.
        share_alike: Changed data must come under the same terms.
        attribution: The authors must be named.
        duo: GA4GH Data Use Ontology codes, e.g. `DUO:0000046` (non-commercial use only).
        note: What else one must know.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    en: str
    zh: str
    url: Url | None = None
    commercial: bool | None = None
    redistribution: bool | None = None
    derivatives: bool | None = None
    share_alike: bool | None = None
    attribution: bool | None = None
    duo: tuple[str, ...] = ()
    note: EitherText | None = None

    def allows(self, use: str) -> bool | None:
        """Return whether one of `USES` is allowed; null where it is not stated."""
        answer: bool | None = getattr(self, use)
        return answer

    def label(self, language: str) -> str:
        """Return its full name in `en` or `zh`."""
        return self.zh if language == "zh" else self.en

    def duties(self) -> list[str]:
        """Return what a user must do, or must not do, as sentences."""
        sentences = {
            ("attribution", True): "Give credit: cite the works below, name the licence and link "
            "to it, and say whether you changed the data.",
            ("attribution", False): "Nothing is asked; citing the source is good practice.",
            ("commercial", False): "Do not use the data for commercial purposes.",
            ("redistribution", False): "Do not pass the data on.",
            ("derivatives", False): "Do not pass on changed versions of the data.",
            ("share_alike", True): "Pass on changed versions only under the same licence.",
        }
        return [text for (field, value), text in sentences.items() if getattr(self, field) is value]


@cache
def licences() -> dict[str, Licence]:
    """Return all known licences by id, in the order of the file."""
    entries = yaml.load(_FILE.read_text("utf-8"), Loader=yaml.CBaseLoader)  # noqa: S506 - text only
    return {key: Licence(id=key, **fields) for key, fields in entries.items()}


def licence_of(record: Record) -> Licence | None:
    """Return the licence of a dataset; null where none is recorded."""
    return licences().get(record.licence.id) if record.licence else None
