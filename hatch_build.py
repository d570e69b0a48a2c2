"""Put the search index into the wheel, so that the first search of an installation makes none."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PLACE = "medshelf/catalog/finding/index.bin"


class SearchIndexHook(BuildHookInterface):  # type: ignore[type-arg]
    """Make the index of the records of this source tree."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the index; an editable install makes its own, as its records may be edited."""
        if version == "editable":
            return
        sys.path.insert(0, str(Path(self.root) / "src"))
        try:
            from medshelf.catalog.finding.stored import write_shipped
        finally:
            sys.path.pop(0)
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name) / "index.bin"
        write_shipped(path)
        build_data["force_include"][str(path)] = PLACE

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove what was made, once it is in the wheel."""
        if version != "editable":
            self._folder.cleanup()
