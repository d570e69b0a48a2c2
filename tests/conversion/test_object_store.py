"""Products in an object store: the bytes of a local one, never taken for whole before they are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from medshelf.conversion.delivery.object_store import CLAIM, StoredFolder, place_of
from medshelf.conversion.delivery.places import LocalFolder
from medshelf.conversion.product import CARD
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core.errors import FormatError, MissingExtraError, SettingError, StorageError
from medshelf.core.manifest import Manifest, read_manifest
from tests.quality.miniatures import N_PICTURES, pictures

_HERE = Labour(workers=0)
_SECRET = "the-secret-of-this-test"
_SERVER = """
import time
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
while True:
    time.sleep(60)
"""
_PROGRAM = """
import sys
from pathlib import Path
from medshelf.conversion.delivery import object_store
from medshelf.conversion.request import Labour, Request
from medshelf.conversion.running import convert
from medshelf.core.manifest import read_manifest
object_store._AT_ONCE = 2
root = Path(sys.argv[1])
request = Request("image-folder", drop=frozenset({"masks", "boxes"}), shard_size=9)
convert(read_manifest(root.parent / "m.parquet", root), sys.argv[2], request, Labour(workers=0))
"""


def _request(**asked: Any) -> Request:
    return Request("image-folder", **{"drop": {"masks", "boxes"}, "shard_size": 9, **asked})


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    pytest.importorskip("moto.server", reason='"moto[server]" is not installed')
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    words = [sys.executable, "-W", "ignore", "-c", _SERVER]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL)
    with process, pytest.MonkeyPatch.context() as patch:
        address = f"http://127.0.0.1:{process.stdout.readline().strip()}"
        patch.setenv("AWS_ENDPOINT_URL", address)
        patch.setenv("AWS_ACCESS_KEY_ID", "someone")
        patch.setenv("AWS_SECRET_ACCESS_KEY", _SECRET)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield address
        process.kill()


@pytest.fixture
def store(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import s3fs

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    files = s3fs.S3FileSystem(endpoint_url=server)
    files.invalidate_cache()
    with suppress(FileNotFoundError):
        files.rm("products", recursive=True)
    files.mkdir("products")
    yield files
    assert not [each for each in (tmp_path / "cache").rglob("*") if _SECRET in _text(each)]


def _text(path: Path) -> str:
    return path.read_text("utf-8", "replace") if path.is_file() else ""


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    pictures(tmp_path / "raw").write(tmp_path / "m.parquet")
    return read_manifest(tmp_path / "m.parquet", tmp_path / "raw")


def _stored(store: Any, folder: str = "products/x") -> dict[str, bytes]:
    store.invalidate_cache()
    return {each.removeprefix(f"{folder}/"): store.cat_file(each) for each in store.find(folder)}


def _local(folder: Path) -> dict[str, bytes]:
    found = sorted(each for each in folder.rglob("*") if each.is_file())
    return {each.relative_to(folder).as_posix(): each.read_bytes() for each in found}


def test_the_store_holds_what_a_folder_would(
    store: Any, manifest: Manifest, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    done = convert(manifest, "s3://products/x/", _request(), _HERE)
    convert(manifest, tmp_path / "local", _request(), _HERE)
    assert (done.folder, done.n_written) == ("s3://products/x", N_PICTURES)
    stored = _stored(store)
    assert stored == _local(tmp_path / "local")
    assert not any(_SECRET.encode() in each for each in stored.values())
    assert _SECRET not in "".join(capfd.readouterr())
    assert not list((tmp_path / "cache").rglob("*.png"))


def test_what_is_there_is_refused_kept_or_replaced(store: Any, manifest: Manifest) -> None:
    convert(manifest, "s3://products/x", _request(), _HERE)
    before = _stored(store)
    with pytest.raises(StorageError, match=r"s3://products/x is there already.*\n.*--overwrite"):
        convert(manifest, "s3://products/x", _request(), _HERE)
    again = convert(manifest, "s3://products/x", _request(existing="resume"), _HERE)
    assert again.n_written == N_PICTURES
    assert _stored(store) == before
    flat = _request(existing="overwrite", options={"classes": "none"})
    convert(manifest, "s3://products/x", flat, _HERE)
    after = _stored(store)
    assert not any("benign/" in each for each in after)
    assert {CARD, "labels.csv", "train/000.png"} <= set(after)
    assert CLAIM not in after


def test_only_products_are_replaced(store: Any, manifest: Manifest) -> None:
    store.pipe_file("products/x/thesis.txt", b"irreplaceable")
    with pytest.raises(StorageError, match="not deleted"):
        convert(manifest, "s3://products/x", _request(existing="overwrite"), _HERE)
    assert _stored(store) == {"thesis.txt": b"irreplaceable"}


def test_what_another_run_writes_is_left_alone(store: Any, manifest: Manifest) -> None:
    store.pipe_file(f"products/x/{CLAIM}", b'{"key": "of another"}')
    store.pipe_file("products/x/part.png", b"half")
    for existing in ("refuse", "resume"):
        with pytest.raises(StorageError, match="unfinished, or is writing"):
            convert(manifest, "s3://products/x", _request(existing=existing), _HERE)
    convert(manifest, "s3://products/x", _request(existing="overwrite"), _HERE)
    assert "part.png" not in _stored(store)


def test_a_run_that_is_refused_here_claims_nothing_there(store: Any, manifest: Manifest) -> None:
    (manifest.root / "images/039.png").rename(manifest.root / "away.png")
    with pytest.raises(FormatError, match=r"039\.png"):
        convert(manifest, "s3://products/x", _request(), _HERE)
    store.rm(f"products/x/{CLAIM}")
    with pytest.raises(StorageError, match="left unfinished"):
        convert(manifest, "s3://products/x", _request(options={"classes": "none"}), _HERE)
    assert _stored(store) == {}


def test_a_card_beside_a_claim_is_no_product(store: Any, manifest: Manifest) -> None:
    convert(manifest, "s3://products/x", _request(), _HERE)
    store.pipe_file(f"products/x/{CLAIM}", b'{"key": "of another"}')
    assert StoredFolder("s3://products/x").card() is None


def test_a_run_that_is_killed_while_sending_goes_on(
    store: Any, manifest: Manifest, tmp_path: Path
) -> None:
    store.call_s3(
        "put_bucket_versioning",
        Bucket="products",
        VersioningConfiguration={"Status": "Enabled"},
    )
    words = [sys.executable, "-c", _PROGRAM, str(manifest.root), "s3://products/x"]
    process = subprocess.Popen(words, start_new_session=True)
    sent = StoredFolder("s3://products/x").anchor
    sent = sent.with_name(f".{sent.name}.part") / ".work/sent"
    while process.poll() is None and len(_text(sent).splitlines()) < 8:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    there = _stored(store)
    assert CARD not in there
    assert CLAIM in there
    assert StoredFolder("s3://products/x").card() is None
    arrived = [each.strip('"') for each in _text(sent).splitlines()]
    cut = arrived.pop()
    store.pipe_file(f"products/x/{cut}", there[cut][:10])
    convert(manifest, "s3://products/x", _request(), _HERE)
    convert(manifest, tmp_path / "local", _request(), _HERE)
    assert _stored(store) == _local(tmp_path / "local")
    versions = store.call_s3("list_object_versions", Bucket="products", Prefix="x/")["Versions"]
    keys = [each["Key"].removeprefix("x/") for each in versions]
    assert [keys.count(each) for each in arrived] == [1] * len(arrived)
    assert keys.count(cut) == 3


def test_a_bucket_that_is_not_there_is_told_before_any_work(
    store: Any, manifest: Manifest, tmp_path: Path
) -> None:
    assert not store.exists("nowhere")
    with pytest.raises(StorageError, match="s3://nowhere/x cannot be read or written") as told:
        convert(manifest, "s3://nowhere/x", _request(), _HERE)
    assert _SECRET not in str(told.value)
    assert not list((tmp_path / "cache").rglob("*.png"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://bucket", "names no folder"),
        ("s3://bucket/", "names no folder"),
        (f"ftp://me:{_SECRET}@host/x", "holds a user name"),
        (f"https://bucket.s3.amazonaws.com/x?X-Amz-Signature={_SECRET}", "a query"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(url: str, said: str) -> None:
    with pytest.raises(SettingError, match=said) as told:
        place_of(url)
    assert _SECRET not in str(told.value)


def test_a_path_is_a_folder_and_so_is_a_file_url(tmp_path: Path) -> None:
    assert place_of(f"file://{tmp_path}/x") == LocalFolder(tmp_path / "x")
    assert place_of(str(tmp_path / "a:b")) == LocalFolder(tmp_path / "a:b")


@pytest.mark.parametrize("package", ["fsspec", "s3fs"])
def test_a_missing_package_is_named(
    package: str, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fsspec", reason="fsspec is not installed")
    known = sys.modules["fsspec.registry"]._registry
    monkeypatch.delitem(known, "s3", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf'{package}.*\n.*"medshelf\[remote\]"'):
        convert(manifest, "s3://products/x", _request(), _HERE)
