"""The last whole check of a manifest, kept so that others may show what it found."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from medshelf.core.errors import StorageError
from medshelf.core.files import write_text
from medshelf.core.issues import Issue
from medshelf.core.manifest import Manifest
from medshelf.core.settings import Settings
from medshelf.quality.checking import Checked

_LOG = logging.getLogger(__name__)


def keep(checked: Checked, manifest: Manifest) -> None:
    """Keep what was found in the cache; where that cannot be written, say so and go on."""
    try:
        write_text(_place(manifest), json.dumps(checked.as_dict(), ensure_ascii=False) + "\n")
    except StorageError as error:
        _LOG.warning("What was found is not kept: %s", error)


def kept_issues(manifest: Manifest) -> tuple[Issue, ...] | None:
    """Return what the last whole check of this manifest, as it is now, has found.

    Returns:
        The Issues, the worst first; None if it was not checked, or what was kept is damaged.
    """
    try:
        found = json.loads(_place(manifest).read_text("utf-8"))
        return tuple(Issue.from_dict(each) for each in found["issues"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _place(manifest: Manifest) -> Path:
    folder = Settings.from_environment().cache / "checks" / manifest.meta.dataset
    return folder / f"{manifest.digest()}.json"
