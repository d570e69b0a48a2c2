"""Imaging Data Commons: `idc:COLLECTION?Modality=CT`, or `idc:BUCKET/SERIES_UUID` for one series.

The files lie in open S3 buckets, a folder per series; the ETag of a file that was put there in one
piece is its MD5. Which series a collection has, the package idc-index-data says.

Source: https://learn.canceridc.dev/data/downloading-data
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, quote
from xml.etree import ElementTree as ET

from medshelf.acquire.asking import ask
from medshelf.acquire.gates.refusals import NEWER
from medshelf.acquire.listing import choose, match_address, quoted
from medshelf.acquire.remote import RemoteFile, endpoint
from medshelf.catalog.record import FileRecord
from medshelf.core.errors import DownloadError, MissingExtraError
from medshelf.core.settings import Settings

_FORM = (
    r"idc:((?P<bucket>idc-[a-z0-9-]+)/(?P<series>[0-9a-f-]{36})"
    r"|(?P<collection>[a-z0-9_]+)(\?(?P<query>.+))?)"
)
_FILTERS = {"Modality", "PatientID", "analysis_result_id", "license_short_name"}
_ETAG = re.compile(r'"([0-9a-f]{32})"')
_SPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"
_MAX_PAGES = 10_000


def resolve(file: FileRecord, settings: Settings) -> tuple[RemoteFile, ...]:
    """Say which files an entry is.

    Raises:
        DownloadError: There is no such collection or series.
        MissingExtraError: A collection is asked for, and idc-index-data is not installed.
        OfflineError: The network is switched off or out of reach.
        SettingError: The address has another form.
    """
    match = match_address(file, _FORM, "idc:COLLECTION?Modality=CT or idc:BUCKET/SERIES_UUID")
    filters = dict(parse_qsl(match["query"] or ""))
    if not _FILTERS.issuperset(filters):
        match_address(file, r"(?!)", f"idc:COLLECTION?NAME=VALUE with one of {sorted(_FILTERS)}")
    if match["series"]:
        files = list(_list(match["bucket"], match["series"], "", settings))
        return choose(file, files, "", match[0])
    files = []
    for row in _series(match["collection"], filters):
        folder = f"{row['PatientID']}/{row['StudyInstanceUID']}/"
        folder += f"{row['Modality']}_{row['SeriesInstanceUID']}/"
        files += _list(row["aws_bucket"], row["crdc_series_uuid"], folder, settings)
    return choose(file, files, "", match[0])


def _series(collection: str, filters: dict[str, str]) -> list[dict[str, Any]]:
    try:
        from idc_index_data import (  # type: ignore[import-not-found,unused-ignore]
            IDC_INDEX_PARQUET_FILEPATH,
        )
    except ImportError as error:
        raise MissingExtraError("idc-index-data", "idc") from error
    import polars as pl

    wanted = {"collection_id": collection, **filters}
    columns = ["PatientID", "StudyInstanceUID", "Modality", "SeriesInstanceUID"]
    rows = (
        pl.scan_parquet(IDC_INDEX_PARQUET_FILEPATH)
        .filter(*(pl.col(name) == value for name, value in wanted.items()))
        .select(*columns, "aws_bucket", "crdc_series_uuid")
        .sort(columns)
        .collect()
        .to_dicts()
    )
    if not rows:
        raise DownloadError(f"The index of Imaging Data Commons has no series with {wanted}", NEWER)
    return rows


def _list(bucket: str, series: str, folder: str, settings: Settings) -> Iterator[RemoteFile]:
    root = f"{endpoint('idc', 'https://s3.amazonaws.com')}/{bucket}"
    token = ""
    for _ in range(_MAX_PAGES):
        url = f"{root}?list-type=2&prefix={series}/{token}"
        page = _read_xml(ask(url, settings, source=f"{root}/{series}/").body, url)
        contents = page.findall(f"{_SPACE}Contents")
        if not contents and not token:
            raise DownloadError(f"{root} has no series {series}", NEWER)
        for each in contents:
            yield _file(root, each, folder)
        following = page.findtext(f"{_SPACE}NextContinuationToken")
        if not following:
            return
        token = f"&continuation-token={quote(following, safe='')}"
    raise DownloadError(f"{root} lists the series {series} without end", NEWER)


def _read_xml(body: bytes, url: str) -> ET.Element:
    # Without a document type there are no entities that could grow.
    if b"<!DOCTYPE" not in body:
        try:
            return ET.fromstring(body)  # noqa: S314
        except ET.ParseError:
            pass
    raise DownloadError(f"{url} lists its files in an unknown form", NEWER)


def _file(root: str, listed: ET.Element, folder: str) -> RemoteFile:
    key = listed.findtext(f"{_SPACE}Key", "")
    size = listed.findtext(f"{_SPACE}Size", "")
    if not (key and size.isascii() and size.isdigit()):
        raise DownloadError(f"{root} lists its files in an unknown form", NEWER)
    etag = _ETAG.fullmatch(listed.findtext(f"{_SPACE}ETag", ""))
    url = f"{root}/{quoted(key)}"
    return RemoteFile(
        name=f"{folder}{key.rpartition('/')[2]}",
        url=url,
        source=url,
        size_bytes=int(size),
        hash=f"md5:{etag[1]}" if etag else None,
    )
