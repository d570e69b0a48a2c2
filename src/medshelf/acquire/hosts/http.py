"""Files behind http and https addresses."""

from __future__ import annotations

from pathlib import Path

from medshelf.acquire.remote import RemoteFile
from medshelf.acquire.transfers.transfer import transfer
from medshelf.catalog.record import FileRecord
from medshelf.core.errors import SettingError
from medshelf.core.settings import Settings


def fetch(file: FileRecord, target: Path, settings: Settings) -> None:
    """Fill `target` with the bytes behind `file.url`; what a broken call left is gone on from.

    Raises:
        OfflineError: The network is switched off or out of reach.
        DownloadError: The server refused, failed, or sent something else than the file.
        StorageError: The folder is read-only or full.
        SettingError: The record asks for a list of files, or a variable makes no sense.
    """
    if file.many:
        problem = f"{file.url} cannot list its files, but the record asks for {file.name}"
        raise SettingError(problem, "Correct the record: name one file")
    remote = RemoteFile(file.name, file.url, file.url, size_bytes=file.size_bytes, hash=file.hash)
    transfer(remote, target, settings)
