"""The Cancer Imaging Archive: `tcia:COLLECTION?Modality=CT`, one zip per DICOM series.

The archive packs a series when it is asked for, so a zip has no known size or hash, and a broken
one begins anew. A single series is `tcia:COLLECTION/SERIES_UID`.

Source: https://wiki.cancerimagingarchive.net/x/ZoATBg
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, unquote, urlencode

from pydantic import BaseModel, Field

from medshelf.acquire.gates.refusals import MISSING, NEWER, REFUSED, missing
from medshelf.acquire.listing import choose, get_as, match_address
from medshelf.acquire.remote import Limits, Refusal, RemoteFile, endpoint
from medshelf.catalog.record import FileRecord
from medshelf.core.errors import DownloadError, GateError, MedshelfError
from medshelf.core.settings import Settings

_FORM = r"tcia:(?P<collection>[^/?]+)(/(?P<series>[0-9.]+)|\?(?P<query>.+))?"
_UID = re.compile(r"[0-9.]{1,64}")
_FILTERS = {"Modality", "PatientID", "BodyPartExamined", "StudyInstanceUID"}


class _Series(BaseModel):
    series: str = Field(alias="SeriesInstanceUID")
    study: str = Field(alias="StudyInstanceUID")
    patient: str = Field(alias="PatientID")


def resolve(file: FileRecord, settings: Settings) -> tuple[RemoteFile, ...]:
    """Say which series of a collection an entry is.

    Raises:
        DownloadError: There is no such collection, or it has no such series.
        GateError: The collection is not public.
        OfflineError: The network is switched off or out of reach.
        SettingError: The address has another form.
    """
    match = match_address(file, _FORM, "tcia:COLLECTION?Modality=CT or tcia:COLLECTION/SERIES_UID")
    filters = dict(parse_qsl(match["query"] or ""))
    if not _FILTERS.issuperset(filters):
        match_address(file, r"(?!)", f"tcia:COLLECTION?NAME=VALUE with one of {sorted(_FILTERS)}")
    archive = _Archive(unquote(match["collection"]))
    if match["series"]:
        return (archive.file(file.name, match["series"]),)
    return choose(file, archive.files(filters, settings), "", archive.page)


class _Archive:
    """One collection, and how to ask for it."""

    def __init__(self, collection: str) -> None:
        server = "nlst" if collection == "NLST" else "nbia"
        root = endpoint("tcia", f"https://{server}.cancerimagingarchive.net")
        self.api = f"{root}/nbia-api/services/v4"
        self.collection = collection
        slug = quote(collection.lower().replace(" ", "-"))
        self.page = f"https://www.cancerimagingarchive.net/collection/{slug}/"

    def files(self, filters: dict[str, str], settings: Settings) -> list[RemoteFile]:
        query = urlencode({"Collection": self.collection, **filters, "format": "json"})
        answer = get_as(
            list[_Series],
            f"{self.api}/getSeries?{query}",
            settings,
            source=self.page,
            what="the list of series",
            explain=self.explain,
        )
        if not answer:
            raise DownloadError(f"The archive has no such series in {self.page}", NEWER)
        for each in answer:
            if not _UID.fullmatch(each.series):
                problem = f"The list of series in {self.page} has {each.series!r}, no identifier"
                raise DownloadError(problem, NEWER)
        return [
            self.file(f"{each.patient}/{each.study}/{each.series}.zip", each.series)
            for each in answer
        ]

    def file(self, name: str, series: str) -> RemoteFile:
        url = f"{self.api}/getImage?SeriesInstanceUID={series}"
        return RemoteFile(
            name=name,
            url=url,
            source=url,
            limits=Limits(connections=4, ranges=1),
            ranges=False,
            explain=self.explain,
        )

    def explain(self, refusal: Refusal) -> MedshelfError | None:
        if refusal.status in REFUSED:
            problem = f"{self.page} is not public: the archive asks for a permission"
            step = "Ask for access in a browser and fetch it with the NBIA Data Retriever"
            return GateError("approval", problem, step, page=self.page)
        return missing(refusal.source, "TCIA") if refusal.status in MISSING else None
