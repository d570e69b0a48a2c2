"""The addresses in the catalog: each is one that its host understands."""

from __future__ import annotations

import importlib
from collections import Counter

import pytest

from medshelf.catalog.record import FileRecord, Record
from medshelf.catalog.shelf import all_records
from medshelf.core.errors import GateError, OfflineError
from medshelf.core.settings import Settings

_HOSTS = {"http": "http", "https": "http", "kaggle-competition": "kaggle"}


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return [each for each in all_records() if each.files]


def _outcome(file: FileRecord, settings: Settings) -> str:
    scheme = file.url.partition(":")[0]
    host = importlib.import_module(f"medshelf.acquire.hosts.{_HOSTS.get(scheme, scheme)}")
    if not hasattr(host, "resolve"):
        return "fetches itself"
    try:
        files = host.resolve(file, settings)
    except OfflineError:
        return "asks the platform"
    except GateError as error:
        return error.kind
    assert [each.name for each in files] == [file.name]
    return "known"


def test_every_address_is_understood(
    records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDSHELF_OFFLINE", "1")
    settings = Settings.from_environment()
    outcomes = Counter(_outcome(file, settings) for each in records for file in each.files)
    assert outcomes["asks the platform"] > 70
    assert outcomes["manual"] > 30
    assert outcomes["known"] > 5
    assert set(outcomes) == {"asks the platform", "manual", "known", "fetches itself"}
    assert len(records) > 130


def test_a_pattern_is_an_archive_or_not(records: list[Record]) -> None:
    suffixes = (".zip", ".tar", ".tgz", ".tar.gz", ".gz")
    for record in records:
        for file in record.files:
            if not file.many and record.domain != "synthetic":
                assert file.archive == file.name.endswith(suffixes), f"{record.id}: {file.name}"
