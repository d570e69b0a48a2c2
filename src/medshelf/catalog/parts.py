"""The parts that a record is made of: texts, ranges, figures, terms of use, relations, sources."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    StringConstraints,
)

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Term = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]+([-.][A-Za-z0-9]+)*$")]
Hash = Annotated[str, StringConstraints(pattern=r"^(md5:[0-9a-f]{32}|sha256:[0-9a-f]{64})$")]
FileName = Annotated[
    str,
    StringConstraints(
        pattern=r"^([A-Za-z0-9][A-Za-z0-9._()-]*|[A-Za-z0-9._()/-]*\*[A-Za-z0-9._()*/-]*)$"
    ),
]
"""A file name without folders or spaces, or a pattern with `*` over paths."""
Doi = Annotated[str, StringConstraints(pattern=r"^10\.\d{4,9}/\S+$")]
Url = Annotated[str, AfterValidator(lambda text: str(HttpUrl(text)) and text)]
Count = Annotated[int, Field(ge=0)]
Options = dict[str, str]

_DATE = r"^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$"


def _real_day(text: str) -> str:
    if len(text) == len("2020-02-29"):
        date.fromisoformat(text)
    return text


Date = Annotated[str, StringConstraints(pattern=_DATE), AfterValidator(_real_day)]
"""`2020`, `2020-02` or `2020-02-29`, as exact as it is known."""


class Part(BaseModel):
    """A frozen model that knows no other keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Bilingual(Part):
    """One text in English and Simplified Chinese."""

    en: Text
    zh: Text

    def of(self, language: str) -> str:
        """Return the text in `en` or `zh`."""
        return self.zh if language == "zh" else self.en


def _bilingual(value: object) -> object:
    return {"en": value, "zh": value} if isinstance(value, str) else value


EitherText = Annotated[Bilingual, BeforeValidator(_bilingual)]
"""A bilingual text, or one text that is the same in both languages."""


class Stated(Part):
    """The source's own wording of a field, where it says more than the terms do."""

    modality: Text | None = None
    task: Text | None = None
    anatomy: Text | None = None
    classes: Text | None = None
    samples: Text | None = None
    formats: Text | None = None
    size: Text | None = None


class Range(Part):
    """Smallest, median and largest value, one number per axis in the order of the source."""

    min: tuple[float, ...] | None = None
    median: tuple[float, ...] | None = None
    max: tuple[float, ...] | None = None


class Resolution(Part):
    """How large the images are.

    Attributes:
        part: Which images, where a set has several kinds.
        size_px: Pixels along each axis.
        spacing: Distance between pixel centres along each axis, in `spacing_unit`.
        spacing_unit: mm or um.
        axes: Order of the numbers, e.g. `width, height, slices`; null where the source mixes it.
    """

    part: Text | None = None
    size_px: Range | None = None
    spacing: Range | None = None
    spacing_unit: Literal["mm", "um"] | None = None
    axes: Text | None = None


class Volume(Part):
    """Extent of a class in the cases that have it; areas of 2D sets are in pixels."""

    min: float | None = None
    median: float | None = None
    mean: float | None = None
    max: float | None = None
    unit: Literal["cm3", "mm3", "pixel"] | None = None


class LabelStat(Part):
    """How often a class occurs.

    Attributes:
        name: As the release writes it.
        name_zh: Its Chinese name, where the source gives one.
        cases: Samples that have it.
        percent: Share of samples that have it, 0 to 100.
        splits: Samples that have it, by split.
        table: Which table or task it belongs to, where the source has several.
    """

    name: Text
    name_zh: Text | None = None
    cases: Count | None = None
    percent: Annotated[float, Field(ge=0, le=100)] | None = None
    volume: Volume | None = None
    splits: dict[Text, Count] | None = None
    table: Text | None = None


class LabelOrigin(Part):
    """Who or what gave labels; `by` is a term of the vocabulary."""

    by: Term
    what: EitherText | None = None
    accuracy: Text | None = None


class LicenceRef(Part):
    """Under what terms the data come.

    Attributes:
        id: SPDX id, or a named licence of the vocabulary.
        source: Where the licence is stated; null where the record's sources do.
    """

    id: Term
    source: Text | None = None


class Link(Part):
    """A relation to another dataset: this one is `relation` that one."""

    relation: Literal["derived_from", "part_of", "shares_images_with"]
    id: Slug
    evidence: Text


class Conflict(Part):
    """Two sources that disagree: the value that the record keeps, and the other one."""

    field: Text
    kept: Text | None = None
    other: Text
    source: Text


class Source(Part):
    """Where facts come from.

    Attributes:
        name: The source.
        page: Page inside it.
        fields: Fields that it gives; none where it gives all that no other source does.
    """

    name: Text
    page: Text | None = None
    fields: tuple[Text, ...] = ()
