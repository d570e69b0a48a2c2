"""The catalog and the leaderboards as files: a site that lies anywhere and needs no server."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from functools import partial
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from pydantic import BaseModel

from medshelf.api import leaderboards
from medshelf.catalog.export.target import refuse_existing, write_folder
from medshelf.catalog.finding.facets import SECTIONS, facet_values, term_of, wider_terms
from medshelf.catalog.record import Record
from medshelf.catalog.vocabulary import fold, label
from medshelf.catalog.wording import field_name, names
from medshelf.core.files import make_folder, storage_errors
from medshelf.core.settings import Settings
from medshelf.core.version import __version__
from medshelf.explorer.cards.addresses import SiteAddresses
from medshelf.explorer.cards.known import known
from medshelf.explorer.language import LANGUAGES, say
from medshelf.explorer.pages.dataset import dataset_view
from medshelf.explorer.rendering import environment

MARK: Final = "medshelf-site.json"
"""The file by which a site is known as one that may be replaced."""

_STATIC: Final = ("site.css", "catalog.css", "finding.js", "icon.svg")
_CHOSEN: Final = ("task", "modality", "anatomy", "access")
_WORDS: Final = ("group", "dimension", "modality", "task", "anatomy", "condition", "language")

Files = dict[str, str | bytes]


class Listed(BaseModel):
    """A dataset in the list of a site.

    Attributes:
        id: Catalog id, and name of its page.
        name: As its authors write it.
        modalities: Names.
        tasks: Names.
        n_samples: How many samples there are.
        access: Name of the access class.
        licence: Id of the licence.
        year: Of release.
    """

    id: str
    name: str
    modalities: tuple[str, ...]
    tasks: tuple[str, ...]
    n_samples: int | None
    access: str
    licence: str | None
    year: int | None


class SiteView(BaseModel):
    """The first page of a site in one language.

    Attributes:
        title: Heading.
        datasets: All of them, by name.
        choices: Facet to its name and its values, each as id and name.
        boards: Whether there are leaderboards.
    """

    title: str
    datasets: tuple[Listed, ...]
    choices: dict[str, tuple[str, tuple[tuple[str, str], ...]]]
    boards: bool


def export_site(
    folder: str | Path, languages: Iterable[str] = LANGUAGES, *, overwrite: bool = False
) -> Path:
    """Write the catalog and the leaderboards as a static site, whole or not at all.

    Args:
        folder: Must not exist, or be empty.
        languages: `en`, `zh` or both.
        overwrite: Replace a site that this function has written before.

    Returns:
        The folder.

    Raises:
        SettingError: Something else lies there.
        StorageError: The folder cannot be written.
        FormatError: A record file is damaged.
    """
    target, chosen = Path(folder).expanduser().absolute(), tuple(languages)
    old = overwrite and (target / MARK).is_file()
    make_folder(target.parent)
    if not old:
        refuse_existing(target)
    pages = dict(_pages(chosen))
    if not old:
        return write_folder(target, pages)
    fresh = target.with_name(f".{target.name}.{os.getpid()}.new")
    aside = target.with_name(f".{target.name}.{os.getpid()}.old")
    with storage_errors(target):
        try:
            write_folder(fresh, pages)
            target.rename(aside)
            fresh.rename(target)
        finally:
            if aside.exists() and not target.exists():
                aside.rename(target)
            for each in (fresh, aside):
                shutil.rmtree(each, ignore_errors=True)
    return target


def _pages(languages: tuple[str, ...]) -> Iterator[tuple[str, str | bytes]]:
    records = list(known().records.values())
    room = files("medshelf.explorer").joinpath("static")
    for name in _STATIC:
        yield f"static/{name}", room.joinpath(name).read_bytes()
    yield MARK, json.dumps({"medshelf": __version__, "languages": languages}) + "\n"
    yield "index.html", _rendered("site_first.html", None, languages, languages[0], "")
    yield "index.json", _index(records)
    for language in languages:
        boards = dict(_boards(language))
        yield from boards.items()
        with_board = {Path(each).stem for each in boards if each.endswith(".html")} - {"index"}
        yield (
            f"{language}/index.html",
            _rendered(
                "site_catalog.html",
                _catalog(records, language, boards=bool(boards)),
                languages,
                language,
                "index.html",
            ),
        )
        links = SiteAddresses(language, frozenset(with_board))
        for record in records:
            view = dataset_view(record, links, None)
            page = f"datasets/{record.id}.html"
            yield f"{language}/{page}", _rendered("dataset.html", view, languages, language, page)


def _rendered(
    template: str, view: BaseModel | None, languages: tuple[str, ...], language: str, page: str
) -> str:
    """Render a page.

    Args:
        template: File of `templates/`.
        view: What it shows.
        languages: Of the site.
        language: Of the page.
        page: Its path below the folder of its language; empty for that above all.
    """
    up = "../" * page.count("/")
    context: dict[str, Any] = {
        "view": view,
        "t": partial(say, language=language),
        "language": language,
        "languages": languages,
        "layout": "site.html",
        "version": __version__,
        "home": f"{up}index.html",
        "top": f"{up}../" if page else "",
        "others": {each: f"{up}../{each}/{page}" for each in languages if each != language},
        "told": {each: say("export.language", each) for each in languages},
    }
    return environment().get_template(template).render(context)


def _catalog(records: Iterable[Record], language: str, *, boards: bool) -> SiteView:
    listed = sorted(records, key=lambda each: (fold(each.name), each.id))
    return SiteView(
        title=say("catalog.title", language),
        datasets=tuple(
            Listed(
                id=each.id,
                name=each.name,
                modalities=names("modalities", each.modalities, language),
                tasks=names("tasks", each.tasks, language),
                n_samples=each.n_samples,
                access=label("access", each.access, language),
                licence=each.licence.id if each.licence else None,
                year=each.year,
            )
            for each in listed
        ),
        choices={facet: _choices(facet, listed, language) for facet in _CHOSEN},
        boards=boards,
    )


def _choices(
    facet: str, records: Iterable[Record], language: str
) -> tuple[str, tuple[tuple[str, str], ...]]:
    values = {value for record in records for value in _with_wider(facet, record)}
    named = ((each, label(SECTIONS[facet], each, language)) for each in values)
    field = {"task": "tasks", "modality": "modalities"}.get(facet, facet)
    return field_name(field, language), tuple(sorted(named, key=lambda pair: fold(pair[1])))


def _with_wider(facet: str, record: Record) -> tuple[str, ...]:
    values = facet_values(record)[facet]
    return (*values, *(each.id for each in wider_terms(facet, values)))


def _index(records: Iterable[Record]) -> str:
    """Return what the browser searches: id to folded words in both languages, and facet values."""
    entries = {
        record.id: {
            "words": " ".join(_words(record)),
            **{facet: _with_wider(facet, record) for facet in _CHOSEN},
        }
        for record in records
    }
    return json.dumps(entries, ensure_ascii=False, separators=(",", ":")) + "\n"


def _words(record: Record) -> Iterator[str]:
    """Yield names, then what its terms and the wider ones are called, each once, folded."""
    found = [record.id, record.name, *record.aliases, record.collection or "", *record.institutions]
    found += [record.licence.id if record.licence else "", str(record.year or "")]
    for facet in _WORDS:
        values = facet_values(record)[facet]
        for term in (*(term_of(facet, each) for each in values), *wider_terms(facet, values)):
            found += term.names
    return iter(dict.fromkeys(fold(each) for each in found if each))


def _boards(language: str) -> Iterator[tuple[str, str | bytes]]:
    """Yield the leaderboards' own site, without places on this machine."""
    with TemporaryDirectory() as name:
        folder = make_folder(Path(name) / "leaderboards")
        leaderboards.write_site(folder, language=language)
        home = Settings.from_environment().home
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                text = path.read_text("utf-8").replace(str(home), "MEDSHELF_HOME")
                yield f"{language}/leaderboards/{path.relative_to(folder).as_posix()}", text
