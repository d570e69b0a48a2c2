"""The catalog in other forms: as a file or a folder, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from medshelf.api.catalog_pictures import example_picture, statistics_picture
from medshelf.catalog.record import Record
from medshelf.catalog.shelf import all_records
from medshelf.catalog.wording import check_language
from medshelf.core.errors import SettingError, UnknownNameError
from medshelf.core.files import atomic_path

FORMATS = ("jsonl", "csv", "parquet", "markdown", "croissant")
"""What the catalog can be exported as: the first three are a file, the others a folder."""

_FILES = FORMATS[:3]


def export_catalog(
    form: str,
    target: str | Path,
    *,
    records: Iterable[Record] | None = None,
    language: str | None = None,
    version: str | None = None,
    previews: bool = False,
) -> Path:
    """Write the catalog, or some of it, in another form; return the file or folder.

    Args:
        form: One of `FORMATS`.
        target: File (jsonl, csv, parquet), or folder (markdown, croissant), that does not exist.
        records: The datasets to write; all by default.
        language: `en` or `zh`: of the pages (`en` by default), and of the terms in csv and
            parquet (by default their ids).
        version: Of Croissant, `1.0` or `1.1`, which is the default.
        previews: Show samples on the Markdown pages, where data are at hand and their licence
            allows to pass them on.

    Raises:
        UnknownNameError: There is no such form, language or version.
        SettingError: The form has no languages, versions or pictures, or the target exists.
        StorageError: The target cannot be written.
    """
    from medshelf.catalog.export.target import refuse_existing, write_folder

    chosen = list(all_records() if records is None else records)
    path = Path(target).expanduser()
    _check(form, language, version, previews=previews)
    refuse_existing(path)
    if form in _FILES:
        with atomic_path(path) as part:
            part.write_bytes(catalog_bytes(form, chosen, language))
        return path
    if form == "markdown":
        return write_folder(path, _markdown(chosen, language or "en", previews=previews))
    from medshelf.catalog.export.croissant import croissant_text

    texts = {f"{each.id}/croissant.json": croissant_text(each, version or "1.1") for each in chosen}
    return write_folder(path, texts)


def catalog_bytes(form: str, records: Iterable[Record], language: str | None = None) -> bytes:
    """Return the catalog, or some of it, as the content of one file.

    Args:
        form: `jsonl`, `csv` or `parquet`.
        records: The datasets.
        language: As for `export_catalog`.

    Raises:
        UnknownNameError: There is no such language, or no such form that is one file.
        SettingError: The form has no languages.
    """
    from medshelf.catalog.export import tables

    if form not in _FILES:
        raise UnknownNameError("form of export as one file", form, _FILES)
    _check(form, language, None, previews=False)
    if form == "jsonl":
        return tables.jsonl(records)
    return (tables.csv if form == "csv" else tables.parquet)(records, language)


def _check(form: str, language: str | None, version: str | None, *, previews: bool) -> None:
    if form not in FORMATS:
        raise UnknownNameError("form of export", form, FORMATS)
    if language is not None:
        check_language(language)
        if form in ("jsonl", "croissant"):
            raise SettingError(f"{form} holds both languages", "Leave the language out")
    if version is not None and form != "croissant":
        raise SettingError(f"{form} has no versions", "Leave the version out")
    if previews and form != "markdown":
        raise SettingError(f"{form} has no pictures", "Leave the previews out")


def _markdown(records: list[Record], language: str, *, previews: bool) -> dict[str, str | bytes]:
    from medshelf.catalog.export.markdown import markdown
    from medshelf.catalog.statistics import catalog_statistics

    draw = partial(example_picture, language=language, data="allowed" if previews else "never")
    overview = statistics_picture(catalog_statistics(records), language)
    return markdown(records, language, draw, overview)
