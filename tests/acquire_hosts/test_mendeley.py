"""Mendeley Data: files in folders, with SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from medshelf.core.errors import DownloadError, SettingError
from tests.acquire_hosts.host_checks import gated, refused, taken
from tests.acquire_hosts.platform_server import Answer, Ask, PlatformServer, go_to, say, send

FILES = {"toy.zip": b"PK toy", "masks/m 1.png": b"\x89PNG", "masks/deep/n.png": b"\x89PN2"}


@dataclass
class Mendeley:
    """The public API with one dataset.

    Attributes:
        folders: Id to name and parent.
        status: Of every answer that is not a file.
        storage: Where files come from.
    """

    folders: dict[str, tuple[str, str | None]] = field(
        default_factory=lambda: {"f1": ("masks", None), "f2": ("deep", "f1")}
    )
    status: int = 200
    storage: str = ""

    def answer(self, ask: Ask) -> Answer:
        api = "/public-api/datasets/tkgw8t3mph"
        if self.status != 200:
            return say({"message": "no"}, self.status)
        if ask.path == f"{api}/folders/2":
            listed = [
                {"id": key, "name": name, "parent_id": parent}
                for key, (name, parent) in self.folders.items()
            ]
            return say(listed)
        if ask.path == f"{api}/files" and ask.query["version"] == "2":
            return say(self.files(ask.query["folder_id"]))
        names = list(FILES)
        start = "/public-files/datasets/tkgw8t3mph/files/"
        if ask.path.startswith(start):
            number = ask.path.removeprefix(start).removesuffix("/file_downloaded")
            return go_to(f"{self.storage}/s3/{number}")
        if ask.path.startswith("/s3/id-"):
            return send(ask, FILES[names[int(ask.path[7:])]])
        return say({"message": "Dataset not found"}, 404)

    def files(self, folder: str) -> list[dict[str, object]]:
        depth = {"root": "", "f1": "masks/", "f2": "masks/deep/"}[folder]
        return [
            {
                "id": f"id-{number}",
                "filename": name.removeprefix(depth),
                "size": len(content),
                "status": "OK",
                "content_details": {
                    "id": "x",
                    "sha256_hash": hashlib.sha256(content).hexdigest(),
                    "content_type": "application/zip",
                    "size": len(content),
                    "download_url": f"{self.storage}/signed",
                },
            }
            for number, (name, content) in enumerate(FILES.items())
            if name.rpartition("/")[0] == depth.rstrip("/")
        ]


@pytest.fixture
def mendeley() -> Mendeley:
    return Mendeley()


@pytest.fixture
def server(
    mendeley: Mendeley,
    serve: Callable[[Callable[[Ask], Answer]], PlatformServer],
    monkeypatch: pytest.MonkeyPatch,
) -> PlatformServer:
    server = serve(mendeley.answer)
    mendeley.storage = server.other_name
    monkeypatch.setenv("MEDSHELF_MENDELEY_ENDPOINT", server.url)
    return server


@pytest.mark.usefixtures("server")
def test_files_in_folders() -> None:
    assert taken("mendeley:tkgw8t3mph/2", "*") == FILES
    assert taken("mendeley:tkgw8t3mph/2/masks/m 1.png", "m.png") == {"m.png": b"\x89PNG"}


@pytest.mark.usefixtures("server")
def test_folders_within_themselves(mendeley: Mendeley) -> None:
    mendeley.folders["f1"] = ("masks", "f2")
    refused("mendeley:tkgw8t3mph/2", DownloadError, "without end", name="*")


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("status", [401, 403])
def test_a_dataset_that_is_not_public(status: int, mendeley: Mendeley) -> None:
    mendeley.status = status
    gated("mendeley:tkgw8t3mph/2/toy.zip", "private", "not public", "/datasets/tkgw8t3mph/2")


@pytest.mark.usefixtures("server")
def test_what_is_not_there() -> None:
    refused("mendeley:other/1/toy.zip", DownloadError, "/datasets/other/1", "does not exist")
    refused("mendeley:tkgw8t3mph/2/no.zip", DownloadError, "no.zip", "masks/m 1.png")
    refused("mendeley:tkgw8t3mph", SettingError, "mendeley:DATASET/VERSION/FILE")
