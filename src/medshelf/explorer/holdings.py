"""What a server shows: the catalog, and the manifests that were named or can be read."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

from medshelf.api.manifests import open_manifest
from medshelf.core.errors import UnknownNameError
from medshelf.explorer.shelf.collection import Collection, Kind
from medshelf.explorer.shelf.reported import Reported
from medshelf.quality.kept import kept_issues

_KEPT_OPEN: Final = 8


@dataclass
class Holdings:
    """What a server shows; opened manifests are kept, the last eight of them.

    Attributes:
        named: Catalog ids and manifest files that the command line named.
        root: Folder of the raw tree of what was named; None for the usual places.
        cache: Where thumbnails lie; None for medshelf's cache.
    """

    named: tuple[str, ...] = ()
    root: Path | None = None
    cache: Path | None = None
    _open: OrderedDict[tuple[Kind, str, object], Collection] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    @property
    def files(self) -> dict[str, Path]:
        """Name in addresses to the manifest files that the command line named."""
        found: dict[str, Path] = {}
        for each in self.named:
            if each.lower().endswith(".parquet"):
                path = Path(each).expanduser()
                name, number = path.stem, 2
                while name in found:
                    name, number = f"{path.stem}-{number}", number + 1
                found[name] = path
        return found

    @property
    def ids(self) -> tuple[str, ...]:
        """The catalog ids that the command line named."""
        return tuple(each for each in self.named if not each.lower().endswith(".parquet"))

    def open(self, kind: Kind, name: str) -> Collection:
        """Open a manifest; one whose file has changed is opened anew.

        Args:
            kind: `datasets` for a catalog id, `manifests` for a file that was named.
            name: Id, or name of the file as in `files`.

        Raises:
            UnknownNameError: There is no such dataset, or no such file was named.
            NotFetchedError: The raw tree is not there.
            FormatError, SettingError, LayoutError, UnsupportedError: As `open_manifest`.
        """
        path = None
        if kind == "manifests":
            if name not in self.files:
                raise UnknownNameError("manifest", name, self.files)
            path = self.files[name]
        place = (kind, name, _state(path))
        with self._lock:
            if place in self._open:
                self._open.move_to_end(place)
                return self._open[place]
            found = self._opened(kind, name, path)
            self._open[place] = found
            if len(self._open) > _KEPT_OPEN:
                self._open.popitem(last=False)
        return found

    def by_key(self, key: str) -> Collection:
        """Return the opened manifest of a key in an address of pixels.

        Raises:
            UnknownNameError: None that is open has it; opening its page again helps.
        """
        with self._lock:
            for each in reversed(self._open.values()):
                if each.key == key:
                    return each
        raise UnknownNameError("manifest", key, ())

    def _opened(self, kind: Kind, name: str, path: Path | None) -> Collection:
        root = self.root if path is not None or name in self.ids else None
        manifest, record = open_manifest(name if path is None else path, root=root)
        found = kept_issues(manifest)
        issues = manifest.meta.issues if found is None else found
        reported = Reported.make(issues, manifest, was_checked=found is not None)
        return Collection(kind, name, manifest, record, reported)


def _state(path: Path | None) -> object:
    if path is None:
        return None
    try:
        now = path.stat()
    except OSError:
        return None
    return now.st_mtime_ns, now.st_size
