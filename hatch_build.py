"""What a build adds to the source tree: a search index, and JavaScript of others for the pages."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INDEX = "medshelf/catalog/finding/index.bin"
VENDORING = "src/medshelf/explorer/vendoring.py"


class MedshelfHook(BuildHookInterface):  # type: ignore[type-arg]
    """Fetch pinned JavaScript into the source tree; make the index of its records for a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add what is missing; an editable install makes its own index of records."""
        self._fetch_javascript()
        self._folder = tempfile.TemporaryDirectory()
        if self.target_name == "wheel" and version != "editable":
            build_data["force_include"][str(self._index())] = INDEX

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove what was made, once it is in the wheel."""
        self._folder.cleanup()

    def _fetch_javascript(self) -> None:
        vendoring = _loaded(Path(self.root) / VENDORING)
        try:
            vendoring.provide()
        except (vendoring.VendoringError, OSError) as error:
            self.app.display_warning(
                f"{error}. Pages work without live search and 3D; "
                "get both later with: medshelf serve --fetch-assets"
            )

    def _index(self) -> Path:
        """Make the search index, so that the first search of an installation makes none."""
        sys.path.insert(0, str(Path(self.root) / "src"))
        try:
            from medshelf.catalog.finding.stored import write_shipped
        finally:
            sys.path.pop(0)
        path = Path(self._folder.name) / "index.bin"
        write_shipped(path)
        return path


def _loaded(path: Path) -> ModuleType:
    """Load one module of medshelf alone: a build has the standard library and little else."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module
