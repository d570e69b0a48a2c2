"""The file of a dataset in its root: found, fetched, compared with the published one."""

from __future__ import annotations

import logging
import os
from functools import cache
from pathlib import Path

from medshelf.acquire import fetch as acquire
from medshelf.acquire.standing.verify import Status, Verdict, verify
from medshelf.catalog.shelf import find_record
from medshelf.compat.medmnist.errors import FetchError, MissingFileError, RootError, SplitError
from medshelf.compat.medmnist.info import DEFAULT_ROOT
from medshelf.core.errors import MedshelfError
from medshelf.core.manifest import SPLITS
from medshelf.core.settings import Settings

_LOG = logging.getLogger(__name__)

Root = str | os.PathLike[str]


def size_flag(size: object) -> str:
    """Return what a size adds to a file name: nothing for 28 and None."""
    return "" if size in {None, 28} else f"_{size}"


def check_root(root: Root | None) -> Root:
    """Return `root` where it exists; the default root counts as existing.

    Raises:
        RootError: It does not exist.
    """
    if root is None or not (Path(root).exists() or str(root) == DEFAULT_ROOT):
        problem = f"The root {str(root)!r} does not exist"
        raise RootError(problem, f"Create the folder, or leave `root` out for {DEFAULT_ROOT}")
    return root


def find_file(root: Root, flag: str, ending: str) -> Path:
    """Return the path of a dataset's file; say once if it is not the published one.

    Raises:
        MissingFileError: It is not there.
    """
    path = Path(root) / f"{flag}{ending}.npz"
    if not path.exists():
        problem = f"Dataset not found: {path} does not exist"
        raise MissingFileError(problem, "Pass `download=True` to fetch it, or another `root`")
    warn_if_modified(path, flag)
    return path


def check_split(split: str) -> None:
    """Refuse what is not a split.

    Raises:
        SplitError: It is none.
    """
    if split not in SPLITS:
        problem = f"There is no split {split!r}"
        raise SplitError(problem, f"Choose one of: {', '.join(SPLITS)}")


def warn_if_modified(path: Path, flag: str) -> None:
    """Log, once for each content of a file, that it is not the published one."""
    verdict = _modified(path, flag)
    if verdict is not None:
        _warn(str(path), verdict.actual, str(verdict.expected))


def fetch(flag: str, size: int, root: Root) -> None:
    """Fetch a dataset's file into `root`, verified; a file with other bytes is replaced.

    Raises:
        FetchError: It could not be had; the cause is chained.
    """
    folder, options = Path(root), {"size": str(size)}
    record = find_record(flag)
    file = record.select(**options)[0]
    target = folder / file.name
    try:
        wrong = target.exists() and _modified(target, flag) is not None
        if wrong:
            _LOG.warning("%s is not the published file and will be replaced", target)
        acquire.fetch(record, options=options, root=folder, force=wrong)
        if not target.exists():  # a folder of the dataset's name below the root holds the file
            acquire.fetch(record, options=options, root=folder, force=True)
    except MedshelfError as error:
        raise FetchError(
            f"{file.name} could not be fetched: {error.problem}",
            f"{error.remedy}; or put {file.url} ({file.hash}) into {folder} by hand",
        ) from error


def _modified(path: Path, flag: str) -> Verdict | None:
    """Return how a file differs from the published one, if it does."""
    for file in find_record(flag).files:
        if file.name == path.name:
            verdict = verify(path, file, Settings.from_environment())
            return verdict if verdict.status is Status.MODIFIED else None
    return None


@cache
def _warn(path: str, actual: str, expected: str) -> None:
    _LOG.warning(
        "%s is not the published file (%s, not %s): results on it cannot be compared",
        path,
        actual,
        expected,
    )
