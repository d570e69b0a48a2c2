"""How one gets a dataset: the record's own steps, else those of its access class and addresses."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import yaml

from medshelf.catalog.parts import Bilingual, Part
from medshelf.catalog.record import Record

_FILE = Path(__file__).parent / "access_ways.yaml"
_MOST = 3
# A login alone does not open these.
_ASKED = {"application", "credentialed"}


class _Way(Bilingual):
    """What to do at addresses that match; `client` is a command for the same."""

    match: str
    client: str | None = None
    login: bool = False


class _Ways(Part):
    access: dict[str, Bilingual | None]
    ways: tuple[_Way, ...]
    joined: Bilingual
    closed: Bilingual
    fetched: Bilingual
    followed: Bilingual


def access_steps(record: Record, language: str) -> str:
    """Say in `en` or `zh` how one gets the data, as sentences.

    Where the record has no steps of its own they are made from its access class and the addresses
    of its downloads; without these, from its homepage. Empty where none of them is known.
    """
    if record.access_steps:
        return record.access_steps.of(language)
    known, page = _ways(), record.homepage or ""
    if any(not each.url.startswith("manual:") for each in record.files):
        return known.closed.of(language).format(known.fetched.of(language).format(id=record.id))
    urls = record.download_urls[:_MOST] or ((page,) if page else ())
    found = [(url, *_way(url)) for url in urls]
    said = [_sentence(record, each, language) for each in found]
    needed = known.access.get(record.access)
    if needed and page and (record.access in _ASKED or not all(way.login for _, way, _ in found)):
        said.insert(0, needed.of(language).format(page=page))
    return ("" if language == "zh" else " ").join(said)


@cache
def _ways() -> _Ways:
    return _Ways.model_validate(yaml.safe_load(_FILE.read_text("utf-8")))


def _way(url: str) -> tuple[_Way, re.Match[str]]:
    matches = ((each, re.search(each.match, url)) for each in _ways().ways)
    return next((way, match) for way, match in matches if match)


def _sentence(record: Record, found: tuple[str, _Way, re.Match[str]], language: str) -> str:
    url, way, match = found
    known = _ways()
    text: Bilingual = way
    if not (way.match or record.download_urls):
        text = known.followed
    said = text.of(language).format(url=url)
    if way.client is None:
        return known.closed.of(language).format(said)
    command = way.client.format(*match.groups(), url=url)
    return known.joined.of(language).format(said, command)
