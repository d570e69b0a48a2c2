"""What a fetch would bring, asked of the platforms before anything moves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from medshelf.acquire.fetch import fetch
from medshelf.acquire.selection import Choice
from medshelf.acquire.survey import Survey, survey
from medshelf.catalog.record import Record
from tests.acquire_hosts import test_hf as on_hub
from tests.acquire_hosts.conftest import SECRET
from tests.acquire_hosts.platform_server import HTML, Answer, Ask, PlatformServer, send

Serve = Callable[[Callable[[Ask], Answer]], PlatformServer]

_RECORD = {
    "id": "toy",
    "name": "Toy",
    "group": "chest",
    "dimensions": ["2D"],
    "modalities": ["x-ray"],
    "tasks": ["classification"],
    "licence": {"id": "CC-BY-4.0"},
    "access": "open",
}


def record(*files: tuple[str, str]) -> Record:
    return Record.model_validate(
        {**_RECORD, "files": [{"name": name, "url": url} for name, url in files]}
    )


def sizes(found: Survey) -> dict[str, int | None]:
    return {each.name: each.size_bytes for each in found.files}


@pytest.fixture
def hub(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> on_hub.Hub:
    hub = on_hub.Hub()
    server = serve(hub.answer)
    hub.url, hub.storage = server.url, server.other_name
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    return hub


LIST = ("*", f"hf:{on_hub.REPO}")


@pytest.mark.usefixtures("hub")
def test_a_list_is_asked_for_and_nothing_is_written(tmp_path: Path) -> None:
    found = survey(record(LIST), options={})
    assert sizes(found) == {name: len(content) for name, content in on_hub.FILES.items()}
    assert all(each.hash and not each.present for each in found.files)
    assert found.closed == ()
    assert not (tmp_path / "home").exists()
    chosen = survey(record(LIST), options={}, choice=Choice(include=("*.csv",)))
    assert sizes(chosen) == {"data/labels.csv": 5}


@pytest.mark.usefixtures("hub")
def test_what_is_there_is_not_asked_for(hub: on_hub.Hub) -> None:
    fetch(record(LIST), options={})
    hub.state = "disabled"
    found = survey(record(LIST), options={})
    assert [each.present for each in found.files] == [True]
    assert found.closed == ()


def test_a_closed_gate_is_told_and_the_rest_still_asked_for(
    hub: on_hub.Hub, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.state = "private"
    site = serve(lambda ask: send(ask, b"12345"))
    both = record(LIST, ("a.zip", f"{site.url}/a.zip"))
    found = survey(both, options={})
    assert sizes(found) == {"*": None, "a.zip": 5}
    assert [each.partition(":")[0] for each in found.closed] == ["login"]
    assert [each.method for each in site.asked] == ["HEAD"]
    monkeypatch.setenv("HF_TOKEN", SECRET)
    assert len(survey(both, options={}).files) == len(on_hub.FILES) + 1


def test_a_page_in_place_of_a_file_has_no_length(serve: Serve) -> None:
    site = serve(lambda _: Answer(200, b"<html>", HTML))
    assert sizes(survey(record(("a.zip", f"{site.url}/a.zip")), options={})) == {"a.zip": None}


def test_without_a_network_the_record_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    several = record(LIST, ("a.zip", "http://127.0.0.1:9/a.zip"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("MEDSHELF_DOWNLOAD_TRIES", "1")
    found = survey(several, options={})
    assert sizes(found) == {"*": None, "a.zip": None}
    assert [each.partition(":")[0] for each in found.closed] == ["network"]
    monkeypatch.setenv("MEDSHELF_OFFLINE", "1")
    assert survey(several, options={}).closed == ()
