"""Where things lie on disk, and which switches the environment sets."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from medshelf.core.errors import SettingError

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment, read once per call so that tests and notebooks may change it.

    Attributes:
        home: Raw trees and runs, `$MEDSHELF_HOME` or `$XDG_DATA_HOME/medshelf`.
        cache: What can be made again, `$XDG_CACHE_HOME/medshelf`.
        search_path: Folders where data may already lie: `$MEDSHELF_DATA`, then `~/.medmnist`.
            They are read, never written.
        offline: `$MEDSHELF_OFFLINE`: no connection is opened.
        records: Folders of further catalog records, `$MEDSHELF_RECORDS`.
        language: `zh` where the locale is Chinese, else `en`.
    """

    home: Path
    cache: Path
    search_path: tuple[Path, ...]
    offline: bool
    records: tuple[Path, ...] = ()
    language: str = "en"

    @classmethod
    def from_environment(cls) -> Settings:
        """Read the environment variables."""
        return cls(
            home=_folder("MEDSHELF_HOME") or _xdg("XDG_DATA_HOME", ".local/share"),
            cache=_xdg("XDG_CACHE_HOME", ".cache"),
            search_path=(*_folders("MEDSHELF_DATA"), Path.home() / ".medmnist"),
            offline=_switch("MEDSHELF_OFFLINE"),
            records=_folders("MEDSHELF_RECORDS"),
            language=_language(),
        )

    def raw_folder(self, dataset: str) -> Path:
        """Return the folder that medshelf fetches `dataset` into."""
        return self.home / "raw" / dataset

    @property
    def runs_folder(self) -> Path:
        """The folder that holds one folder per benchmark run."""
        return self.home / "runs"

    @property
    def results_folder(self) -> Path:
        """The folder that holds result files that were entered in the leaderboard."""
        return self.home / "results"


def _folder(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value).expanduser() if value else None


def _language() -> str:
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def _folders(variable: str) -> tuple[Path, ...]:
    listed = os.environ.get(variable, "").split(os.pathsep)
    return tuple(Path(each).expanduser() for each in listed if each)


def _xdg(variable: str, default: str) -> Path:
    return (_folder(variable) or Path.home() / default) / "medshelf"


def _switch(variable: str) -> bool:
    value = os.environ.get(variable, "").strip().lower()
    if value not in _TRUE | _FALSE:
        problem = f"{variable}={value} is neither yes nor no"
        raise SettingError(problem, f"Set {variable}=1 or unset it")
    return value in _TRUE
