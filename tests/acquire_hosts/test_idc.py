"""Imaging Data Commons: folders of open S3 buckets, and the index of collections."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import polars as pl
import pytest

from medshelf.core.errors import DownloadError, MissingExtraError, SettingError
from tests.acquire_hosts.host_checks import refused, resolve, taken
from tests.acquire_hosts.platform_server import Answer, Ask, PlatformServer, send

FIRST = "085e85b3-3780-47f6-8538-585bcca95336"
SECOND = "f9917c52-a74e-4cc8-8c2a-4df77e82a19c"
OBJECTS = {
    f"/idc-open-data/{FIRST}/1.dcm": b"DICM one",
    f"/idc-open-data/{FIRST}/2.dcm": b"DICM two",
    f"/idc-open-data/{FIRST}/3 b.dcm": b"DICM three",
    f"/idc-open-data-cr/{SECOND}/4.dcm": b"DICM four",
}


@dataclass
class S3:
    """Two buckets, listed in pages of two.

    Attributes:
        listing: Replaces the list.
    """

    listing: bytes | None = None

    def answer(self, ask: Ask) -> Answer:
        if ask.query.get("list-type") != "2":
            return send(ask, OBJECTS[ask.path]) if ask.path in OBJECTS else Answer(404)
        prefix = f"{ask.path}/{ask.query['prefix']}"
        keys = sorted(key for key in OBJECTS if key.startswith(prefix))
        start = int(ask.query.get("continuation-token", "0+=").rstrip("+="))
        more = start + 2 < len(keys)
        parts = "".join(_contents(key) for key in keys[start : start + 2])
        token = f"<NextContinuationToken>{start + 2}+=</NextContinuationToken>" if more else ""
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{parts}{token}</ListBucketResult>"
        )
        kind = {"Content-Type": "application/xml"}
        return Answer(200, body.encode() if self.listing is None else self.listing, kind)


def _contents(key: str) -> str:
    content = OBJECTS[key]
    digest = hashlib.md5(content).hexdigest()
    etag = f"{digest}-2" if key.endswith("2.dcm") else digest
    name = escape(key.split("/", 2)[2])
    return (
        f"<Contents><Key>{name}</Key><ETag>&quot;{etag}&quot;</ETag>"
        f"<Size>{len(content)}</Size></Contents>"
    )


@pytest.fixture
def s3() -> S3:
    return S3()


@pytest.fixture
def server(
    s3: S3,
    serve: Callable[[Callable[[Ask], Answer]], PlatformServer],
    monkeypatch: pytest.MonkeyPatch,
) -> PlatformServer:
    server = serve(s3.answer)
    monkeypatch.setenv("MEDSHELF_IDC_ENDPOINT", server.url)
    return server


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a package in the place of idc-index-data, with an index of two series."""
    rows = [("P1", FIRST, "CT", "idc-open-data"), ("P2", SECOND, "SEG", "idc-open-data-cr")]
    columns = {
        "collection_id": ["lidc_idri"] * 2,
        "PatientID": [row[0] for row in rows],
        "StudyInstanceUID": ["1.2", "1.3"],
        "SeriesInstanceUID": ["1.2.1", "1.3.1"],
        "Modality": [row[2] for row in rows],
        "aws_bucket": [row[3] for row in rows],
        "crdc_series_uuid": [row[1] for row in rows],
        "license_short_name": ["CC BY 3.0", "CC BY-NC 4.0"],
    }
    package = tmp_path / "packages" / "idc_index_data"
    package.mkdir(parents=True)
    pl.DataFrame(columns).write_parquet(package / "idc_index.parquet")
    text = "from pathlib import Path\n"
    text += "IDC_INDEX_PARQUET_FILEPATH = Path(__file__).with_name('idc_index.parquet')\n"
    (package / "__init__.py").write_text(text, "utf-8")
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.delitem(sys.modules, "idc_index_data", raising=False)


@pytest.mark.usefixtures("server")
def test_one_series_page_by_page() -> None:
    expected = {"1.dcm": b"DICM one", "2.dcm": b"DICM two", "3 b.dcm": b"DICM three"}
    assert taken(f"idc:idc-open-data/{FIRST}", "*") == expected
    hashes = {each.name: each.hash for each in resolve(f"idc:idc-open-data/{FIRST}", "*")}
    assert hashes["2.dcm"] is None  # put there in two pieces: its ETag is no hash
    assert (hashes["1.dcm"] or "").startswith("md5:")


@pytest.mark.usefixtures("server", "index")
def test_a_collection() -> None:
    names = {each.name for each in resolve("idc:lidc_idri", "*")}
    folder = "P1/1.2/CT_1.2.1"
    assert names == {
        f"{folder}/1.dcm",
        f"{folder}/2.dcm",
        f"{folder}/3 b.dcm",
        "P2/1.3/SEG_1.3.1/4.dcm",
    }
    assert taken("idc:lidc_idri?Modality=SEG", "*") == {"P2/1.3/SEG_1.3.1/4.dcm": b"DICM four"}
    open_only = resolve("idc:lidc_idri?license_short_name=CC%20BY%203.0", "*")
    assert all(each.name.startswith("P1/") for each in open_only)
    refused("idc:no_such", DownloadError, "no series", name="*")
    refused("idc:lidc_idri?Colour=red", SettingError, "Modality", name="*")


def test_without_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "idc_index_data", None)
    refused("idc:lidc_idri", MissingExtraError, "idc-index-data", "medshelf[idc]", name="*")


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    "listing",
    [
        b"<html>",
        b"",
        b'<!DOCTYPE x [<!ENTITY a "b">]><ListBucketResult/>',
        b'<a xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Contents><Size>x</Size></Contents></a>',
    ],
)
def test_another_form_of_list(listing: bytes, s3: S3) -> None:
    s3.listing = listing
    refused(f"idc:idc-open-data/{FIRST}", DownloadError, "unknown form", name="*")


@pytest.mark.usefixtures("server")
def test_what_is_not_there() -> None:
    absent = "00000000-0000-0000-0000-000000000000"
    refused(f"idc:idc-open-data/{absent}", DownloadError, absent, name="*")
    refused("idc:LIDC-IDRI", SettingError, "idc:COLLECTION?Modality=CT", name="*")
