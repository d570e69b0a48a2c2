"""What goes with datasets: platforms, benchmarks, methods, toolboxes and other collections."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import AfterValidator, AliasChoices, Field, StringConstraints, ValidationError

from medshelf.catalog.parts import Bilingual, Part, Slug, Term, Text, Url
from medshelf.catalog.shelf import dataset_ids
from medshelf.catalog.vocabulary import terms
from medshelf.core.errors import FormatError, UnknownNameError

_FOLDER = Path(__file__).parent / "guide"

Repository = Annotated[str, StringConstraints(pattern=r"^[\w.-]+/[\w.-]+$")]
ArxivId = Annotated[str, StringConstraints(pattern=r"^\d{4}\.\d{4,5}$")]


def _of(section: str) -> AfterValidator:
    """Return a validator that lets pass the terms of a section of the vocabulary."""

    def check(term: str) -> str:
        if term not in terms(section):
            msg = f"{term!r} is no term of the section {section}"
            raise ValueError(msg)
        return term

    return AfterValidator(check)


class Disagreement(Part):
    """Two sources that disagree: the value that the entry keeps, and the other one."""

    field: Text
    kept: Text
    other: Text
    source: Text = Field(validation_alias=AliasChoices("source", "other_source"))


class Entry(Part):
    """What every entry of the guide has.

    Attributes:
        id: Its key in the file.
        source: Where it was found.
    """

    id: Slug
    name: Text
    url: Url
    source: Text

    def label(self, language: str) -> str:
        """Return its name in `en` or `zh`; most have but one."""
        return Bilingual(en=self.name, zh=getattr(self, "name_zh", self.name)).of(language)


class Platform(Entry):
    """A place that hosts datasets; records name it in `platform` and `download_platforms`.

    Attributes:
        language: BCP 47 tag of its pages.
    """

    name_zh: Text
    language: Annotated[Term, _of("languages")]


class Collection(Entry):
    """A list of further resources."""

    repo: Repository


class Toolbox(Entry):
    """Software to train models with.

    Attributes:
        org: Who makes it.
    """

    org: Text
    repo: Repository
    paper: Url | None = None
    arxiv: ArxivId | None = None


class Work(Entry):
    """Published work that datasets were used in.

    Attributes:
        org: Who made it.
        techniques: Terms of `techniques`.
        applications: Terms of `applications`.
        datasets: Ids of the sets that it was built or tested on.
    """

    org: Text
    paper: Url
    arxiv: ArxivId | None = None
    techniques: tuple[Annotated[Term, _of("techniques")], ...]
    applications: tuple[Annotated[Term, _of("applications")], ...]
    datasets: tuple[Slug, ...] = ()
    conflicts: tuple[Disagreement, ...] = ()


class Benchmark(Work):
    """A fixed way to compare models."""


class Method(Work):
    """A model.

    Attributes:
        task: Term of `tasks`.
        family: Term of `method_families`.
    """

    task: Annotated[Term, _of("tasks")]
    family: Annotated[Term, _of("method_families")]


_KINDS: dict[str, type[Entry]] = {
    "platforms": Platform,
    "benchmarks": Benchmark,
    "methods": Method,
    "toolboxes": Toolbox,
    "collections": Collection,
}
KINDS = tuple(_KINDS)
"""What the guide knows; each is a file."""


def entries(kind: str) -> dict[str, Entry]:
    """Return the entries of one of `KINDS` by id, in the order of the file.

    Raises:
        UnknownNameError: There is no such kind.
        FormatError: The file is damaged, or names a dataset or a term that does not exist.
    """
    if kind not in _KINDS:
        raise UnknownNameError("part of the guide", kind, KINDS)
    return read_entries(_FOLDER / f"{kind}.yaml", _KINDS[kind])


def find_entry(kind: str, name: str) -> Entry:
    """Return one entry by its id; capitals do not matter.

    Raises:
        UnknownNameError: There is no such kind or entry.
    """
    found = entries(kind)
    if name.lower() not in found:
        raise UnknownNameError(kind, name, found)
    return found[name.lower()]


def works_on(dataset: str) -> tuple[Work, ...]:
    """Return the benchmarks and methods that were built or tested on a dataset."""
    return tuple(
        each
        for kind in ("benchmarks", "methods")
        for each in entries(kind).values()
        if isinstance(each, Work) and dataset in each.datasets
    )


@cache
def read_entries(path: Path, model: type[Entry]) -> dict[str, Entry]:
    """Read one file of the guide.

    Raises:
        FormatError: It is no YAML mapping, breaks the model, or names a dataset that does not
            exist; all problems are listed.
    """
    try:
        fields = yaml.load(path.read_text("utf-8"), Loader=yaml.CBaseLoader)  # noqa: S506 - text only
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FormatError(path, str(error), "Correct the YAML") from error
    if not isinstance(fields, dict):
        raise FormatError(path, "it is no mapping of ids to entries", "Correct the YAML")
    found: dict[str, Entry] = {}
    problems: list[str] = []
    for key, each in fields.items():
        try:
            found[key] = model.model_validate(
                {**each, "id": key} if isinstance(each, dict) else each
            )
        except ValidationError as error:
            problems += _sentences(key, error)
    problems += _loose_ends(found)
    if problems:
        raise FormatError(path, "; ".join(problems), "Correct these fields")
    return found


def _sentences(key: str, error: ValidationError) -> Iterator[str]:
    for each in error.errors():
        yield f"{'.'.join(map(str, (key, *each['loc'])))}: {each['msg']}"


def _loose_ends(found: dict[str, Entry]) -> Iterator[str]:
    known = set(dataset_ids())
    for key, each in found.items():
        for dataset in getattr(each, "datasets", ()):
            if dataset not in known:
                yield f"{key}.datasets: there is no dataset {dataset!r}"
