"""The Cancer Imaging Archive: the series of a collection, each packed when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from medshelf.core.errors import DownloadError, SettingError
from tests.acquire_hosts.host_checks import gated, refused, resolve, taken
from tests.acquire_hosts.platform_server import Answer, Ask, PlatformServer, say

SERIES = {"1.3.6.1.1": ("LIDC-0001", "CT"), "1.3.6.1.2": ("LIDC-0002", "DX")}
API = "/nbia-api/services/v4/"


@dataclass
class Nbia:
    """The REST interface with one collection.

    Attributes:
        closed: The collection is not public.
        odd: An identifier in the list is none.
    """

    closed: bool = False
    odd: bool = False

    def answer(self, ask: Ask) -> Answer:
        if self.closed:
            return Answer(401, b"", {"Content-Type": "text/plain"})
        if ask.path == f"{API}getSeries":
            return say(self.series(ask) if ask.query["Collection"] == "LIDC-IDRI" else [])
        series = ask.query.get("SeriesInstanceUID", "")
        if ask.path == f"{API}getImage" and series in SERIES:
            # Packed on the way: no length, no ETag, and ranges are passed over.
            return Answer(200, b"PK" + series.encode(), {"Content-Type": "application/zip"})
        return Answer(404)

    def series(self, ask: Ask) -> list[dict[str, object]]:
        return [
            {
                "SeriesInstanceUID": "../../x" if self.odd else uid,
                "StudyInstanceUID": f"{uid}.9",
                "Modality": modality,
                "PatientID": patient,
                "ImageCount": 2,
                "FileSize": 1000,
            }
            for uid, (patient, modality) in SERIES.items()
            if ask.query.get("Modality") in {None, modality}
        ]


@pytest.fixture
def nbia() -> Nbia:
    return Nbia()


@pytest.fixture
def server(
    nbia: Nbia,
    serve: Callable[[Callable[[Ask], Answer]], PlatformServer],
    monkeypatch: pytest.MonkeyPatch,
) -> PlatformServer:
    server = serve(nbia.answer)
    monkeypatch.setenv("MEDSHELF_TCIA_ENDPOINT", server.url)
    return server


@pytest.mark.usefixtures("server")
def test_series_of_a_collection() -> None:
    assert taken("tcia:LIDC-IDRI", "*") == {
        "LIDC-0001/1.3.6.1.1.9/1.3.6.1.1.zip": b"PK1.3.6.1.1",
        "LIDC-0002/1.3.6.1.2.9/1.3.6.1.2.zip": b"PK1.3.6.1.2",
    }
    assert [each.name[:9] for each in resolve("tcia:LIDC-IDRI?Modality=CT", "*")] == ["LIDC-0001"]


@pytest.mark.usefixtures("server")
def test_one_series() -> None:
    (remote,) = resolve("tcia:LIDC-IDRI/1.3.6.1.2")
    assert not remote.ranges
    assert remote.size_bytes is remote.hash is None
    assert taken("tcia:LIDC-IDRI/1.3.6.1.2") == {"toy.zip": b"PK1.3.6.1.2"}


@pytest.mark.usefixtures("server")
def test_a_closed_collection(nbia: Nbia) -> None:
    nbia.closed = True
    gated("tcia:LIDC-IDRI", "approval", "not public", "/collection/lidc-idri/", name="*")


@pytest.mark.usefixtures("server")
def test_what_is_not_there(nbia: Nbia) -> None:
    refused("tcia:NO-SUCH", DownloadError, "no such series", name="*")
    refused("tcia:LIDC-IDRI/1.2", DownloadError, "1.2", "does not exist")
    refused("tcia:LIDC-IDRI?Colour=red", SettingError, "Modality", name="*")
    nbia.odd = True
    refused("tcia:LIDC-IDRI", DownloadError, "no identifier", name="*")
