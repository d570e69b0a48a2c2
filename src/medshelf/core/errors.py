"""Errors that a user can cause. Each builds its own sentence: what, where, why, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class MedshelfError(Exception):
    """The root of all errors that medshelf raises on purpose.

    Args:
        problem: What went wrong and where, as one sentence without a full stop.
        remedy: What the user can do about it, as one sentence without a full stop.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        """Join problem and remedy into the text that a terminal shows."""
        return f"{self.problem}.\n  -> {self.remedy}."


class UnknownNameError(MedshelfError):
    """A name (dataset, size, split, model, protocol) that does not exist."""

    def __init__(self, kind: str, name: object, known: Iterable[object]) -> None:
        names = [str(each) for each in known]
        near = difflib.get_close_matches(str(name).lower(), names, n=3, cutoff=0.5)
        listed = ", ".join(near or names[:30]) + ("" if near or len(names) <= 30 else ", ...")  # noqa: PLR2004
        remedy = f"Did you mean: {listed}" if near else f"Choose one of: {listed}"
        super().__init__(f"Unknown {kind} {str(name)!r}", remedy)


class SettingError(MedshelfError):
    """An option or an environment variable with a value that makes no sense."""


class MissingExtraError(MedshelfError):
    """An optional package that the called function needs is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"The package {package!r} is not installed",
            f'Install it with: pip install "medshelf[{extra}]"',
        )


class UnsupportedError(MedshelfError):
    """Something that the catalog describes and this version cannot do yet."""


class NotFetchedError(MedshelfError):
    """The files of a dataset lie in none of the places that were searched."""

    def __init__(self, dataset: str, file: str, searched: Iterable[Path], remedy: str) -> None:
        places = ", ".join(str(each) for each in searched) or "nowhere"
        super().__init__(
            f"{file} of dataset {dataset!r} was not found (searched: {places})",
            f"{remedy}; or add the folder that holds it to MEDSHELF_DATA",
        )


class OfflineError(MedshelfError):
    """The network is needed, but switched off or out of reach."""


class DownloadError(MedshelfError):
    """A server refused, failed, or sent something else than the file."""


class GateError(DownloadError):
    """A publisher lets nobody through without a step that only the user can take.

    Args:
        kind: One of `GATES`.
        problem: What was refused and why, as one sentence without a full stop.
        step: What the user has to do, as one sentence without a full stop.
        page: Where it is done; null where no page is known.
        command: What to run afterwards; null where the caller adds it, see `before`.
    """

    def __init__(
        self,
        kind: str,
        problem: str,
        step: str,
        *,
        page: str | None = None,
        command: str | None = None,
    ) -> None:
        place = f": {page}" if page else ""
        again = f"; then run: {command}" if command else ""
        super().__init__(problem, f"{step}{place}{again}")
        self.kind = kind
        self.step = step
        self.page = page
        self.command = command

    def before(self, command: str) -> GateError:
        """Return the same error with the command to run after the step."""
        return GateError(self.kind, self.problem, self.step, page=self.page, command=command)


GATES = {
    "login": "an account is needed, and no credential was found",
    "credential": "the credential is wrong or has expired",
    "rules": "rules or a data use agreement must be accepted in a browser",
    "approval": "access must be asked for, or the answer is still pending",
    "private": "the files are private, or exist no longer; the platform does not tell which",
    "quota": "the platform gives nothing more today",
    "licence": "the licence must be accepted on the command line",
    "manual": "the platform offers no download to programs",
}
"""What may close the way to a file: the kinds of GateError."""


class ChecksumError(MedshelfError):
    """A file's bytes are not the published ones."""

    def __init__(self, path: Path, expected: str, actual: str, remedy: str) -> None:
        super().__init__(f"{path} is not the published file: {actual}, not {expected}", remedy)


class StorageError(MedshelfError):
    """A folder cannot be written: read-only, full, or in use by another process."""


class InUseError(StorageError):
    """Another medshelf process holds the file or folder."""


class FormatError(MedshelfError):
    """A file's bytes break the rules of its format."""

    def __init__(self, path: Path, reason: str, remedy: str | None = None) -> None:
        super().__init__(
            f"Cannot read {path}: {reason}",
            remedy or "The file may be truncated or altered: delete it and fetch it again",
        )


class LayoutError(MedshelfError):
    """A raw tree does not look as its dataset's layout says."""


class MetricError(MedshelfError):
    """Scores or labels for which a metric is not defined."""


class RunError(MedshelfError):
    """A benchmark run that cannot start or go on."""


class ReportError(MedshelfError):
    """Data that a page or a chart cannot show: unequal lengths, no PNG, an unknown kind."""
