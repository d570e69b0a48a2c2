"""The platforms' own clients take the same bytes from the same servers, which are faithful so."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from medshelf.acquire.fetch import fetch
from medshelf.catalog.record import Record
from tests.acquire_hosts import test_hf as on_hub
from tests.acquire_hosts import test_idc as on_idc
from tests.acquire_hosts import test_kaggle as on_kaggle
from tests.acquire_hosts.conftest import SECRET
from tests.acquire_hosts.host_checks import resolve
from tests.acquire_hosts.platform_server import Answer, Ask, PlatformServer, go_to, say, send

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
_HUB_PROGRAM = f"""
from huggingface_hub import snapshot_download
print(snapshot_download("org/med-set", repo_type="dataset", revision="v1.0", token="{SECRET}"))
"""
_KAGGLE_PROGRAM = """
import sys
from kagglesdk import kaggle_env
kaggle_env._env_to_endpoint[kaggle_env.KaggleEnv.TEST] = sys.argv[1]
import kagglehub
print(getattr(kagglehub, sys.argv[2])(*sys.argv[3:]))
"""


def ours(url: str, name: str) -> dict[str, bytes]:
    """Fetch as medshelf does."""
    record = Record.model_validate({**_RECORD, "files": [{"name": name, "url": url}]})
    folder = fetch(record, options={})
    beside = ("files.lock", "toy.licence.txt", f"{name}.source.json")
    contents = tree(folder)
    return {name: content for name, content in contents.items() if name not in beside}


def tree(folder: Path) -> dict[str, bytes]:
    """Read all files but hidden ones."""
    paths = [each for each in sorted(folder.rglob("*")) if each.is_file()]
    found = {each.relative_to(folder).as_posix(): each.read_bytes() for each in paths}
    return {name: content for name, content in found.items() if not name.startswith(".")}


def run(program: str, *words: str, **variables: str) -> Path:
    """Run a client; it prints where the files lie, on its last line."""
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.splitlines()[-1])


def test_huggingface_hub(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    hub = on_hub.Hub(state="gated", granted=True)
    server = serve(hub.answer)
    hub.url, hub.storage = server.url, server.other_name
    folder = run(
        _HUB_PROGRAM,
        HF_ENDPOINT=server.url,
        HF_HOME=str(tmp_path / "hf"),
        HF_HUB_DISABLE_XET="1",
        HF_HUB_DISABLE_TELEMETRY="1",
    )
    assert folder.name == on_hub.COMMIT
    assert tree(folder) == on_hub.FILES
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_TOKEN", SECRET)
    assert ours("hf:datasets/org/med-set@v1.0", "*") == on_hub.FILES


class _Kaggle(on_kaggle.Kaggle):
    """Kaggle with the remote procedures of its newer clients in front of the same files.

    It sends tables in zips of their own.
    """

    def store(self, name: str) -> Answer:
        if not name.endswith(".csv"):
            return super().store(name)
        return go_to(f"{self.storage}/bucket/zipped/{name}.zip")

    def answer(self, ask: Ask) -> Answer:
        if ask.path.startswith("/bucket/zipped/"):
            name = ask.path.removeprefix("/bucket/zipped/").removesuffix(".zip")
            return send(ask, _zip({name: on_kaggle.FILES[name]}))
        if ask.method != "POST":
            return super().answer(ask)
        asked, procedure = json.loads(ask.body), ask.path.rpartition("/")[2]
        if procedure == "GetDataset":
            return say({"ref": "ada/scans", "currentVersionNumber": 3})
        place = "datasets/download/ada/scans"
        if procedure.startswith("DownloadData") and "competitionName" in asked:
            kind = "download" if asked.get("fileName") else "download-all"
            place = f"competitions/data/{kind}/{asked['competitionName']}"
        name = f"/{asked['fileName']}" if asked.get("fileName") else ""
        return super().answer(Ask("GET", f"/api/v1/{place}{name}", {}, ask.headers))


def _zip(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


@pytest.fixture
def kaggle(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> PlatformServer:
    pytest.importorskip("kagglehub", reason="kagglehub is not installed")
    monkeypatch.setattr(on_kaggle, "ALL", _zip(on_kaggle.FILES))
    platform = _Kaggle()
    server = serve(platform.answer)
    platform.storage = server.other_name
    monkeypatch.setenv("KAGGLE_API_ENDPOINT", server.url)
    monkeypatch.setenv("KAGGLE_API_TOKEN", SECRET)
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "TEST")
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(Path(os.environ["HOME"]) / "kagglehub"))
    return server


@pytest.mark.parametrize(
    ("client", "handle", "url"),
    [
        ("dataset_download", "ada/scans", "kaggle:ada/scans"),
        ("competition_download", "rsna", "kaggle-competition:rsna"),
    ],
)
def test_kagglehub(
    client: str, handle: str, url: str, kaggle: PlatformServer, tmp_path: Path
) -> None:
    folder = run(_KAGGLE_PROGRAM, kaggle.url, client, handle)
    assert tree(folder) == on_kaggle.FILES
    assert ours(url, "*") == on_kaggle.FILES
    empty = str(tmp_path / "empty")
    words = (kaggle.url, client, handle, "labels.csv")
    path = run(_KAGGLE_PROGRAM, *words, KAGGLEHUB_CACHE=empty)
    assert path.read_bytes() == on_kaggle.FILES["labels.csv"]
    secrets = [each for each in kaggle.sent_to("localhost") if each.authorization]
    assert not secrets


def test_our_addresses_are_those_of_kaggles_client(kaggle: PlatformServer) -> None:
    datasets: Any = pytest.importorskip("kagglesdk.datasets.types.dataset_api_service")
    asked = datasets.ApiDownloadDatasetRequest()
    asked.owner_slug, asked.dataset_slug, asked.file_name = "ada", "scans", "labels.csv"
    (remote,) = resolve("kaggle:ada/scans/labels.csv", "labels.csv")
    assert remote.url == f"{kaggle.url}{asked.endpoint()}"
    listed = datasets.ApiListDatasetFilesRequest()
    listed.owner_slug, listed.dataset_slug = "ada", "scans"
    resolve("kaggle:ada/scans", "*")
    assert listed.endpoint() in {each.path for each in kaggle.asked}
    competitions: Any = pytest.importorskip("kagglesdk.competitions.types.competition_api_service")
    whole = competitions.ApiDownloadDataFilesRequest()
    whole.competition_name = "rsna"
    (remote,) = resolve("kaggle-competition:rsna", "toy.zip")
    assert remote.url == f"{kaggle.url}{whole.endpoint()}"


_S3_PROGRAM = """
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
input()
server.stop()
"""


@pytest.fixture
def s3() -> Iterator[str]:
    """Run an S3 server that lists two keys a page; return its address."""
    pytest.importorskip("moto.server", reason='"moto[server]" is not installed')
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _S3_PROGRAM],
        env={**os.environ, "MOTO_S3_DEFAULT_MAX_KEYS": "2", "S3_UPLOAD_PART_MIN_SIZE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.kill()


def test_s3(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    boto3: Any = pytest.importorskip("boto3", reason="boto3 is not installed")
    keys = {name.split("/", 2)[2]: body for name, body in on_idc.OBJECTS.items()}
    series = {key: body for key, body in keys.items() if key.startswith(on_idc.FIRST)}
    with closing(
        boto3.client(
            "s3",
            endpoint_url=s3,
            region_name="us-east-1",
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )
    ) as client:
        client.create_bucket(Bucket="idc-open-data", ACL="public-read")
        for key, body in keys.items():
            client.put_object(Bucket="idc-open-data", Key=key, Body=body, ACL="public-read")
        pieces = f"{on_idc.FIRST}/9 in pieces.dcm"
        series[pieces] = b"DICM " + b"x" * 1000
        _upload_in_pieces(client, pieces, series[pieces])
        theirs = {
            key: client.get_object(Bucket="idc-open-data", Key=key)["Body"].read()
            for page in client.get_paginator("list_objects_v2").paginate(
                Bucket="idc-open-data", Prefix=f"{on_idc.FIRST}/"
            )
            for key in (each["Key"] for each in page["Contents"])
        }
    assert theirs == series
    monkeypatch.setenv("MEDSHELF_IDC_ENDPOINT", s3)
    expected = {key.partition("/")[2]: body for key, body in series.items()}
    assert ours(f"idc:idc-open-data/{on_idc.FIRST}", "*") == expected
    hashes = {each.name: each.hash for each in resolve(f"idc:idc-open-data/{on_idc.FIRST}", "*")}
    assert hashes["9 in pieces.dcm"] is None
    assert (hashes["1.dcm"] or "").startswith("md5:")


def _upload_in_pieces(client: Any, key: str, body: bytes) -> None:
    place = {"Bucket": "idc-open-data", "Key": key}
    upload = {**place, "UploadId": client.create_multipart_upload(**place)["UploadId"]}
    parts = [
        {
            "PartNumber": n,
            "ETag": client.upload_part(**upload, PartNumber=n, Body=piece)["ETag"],
        }
        for n, piece in enumerate((body[:600], body[600:]), 1)
    ]
    client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
