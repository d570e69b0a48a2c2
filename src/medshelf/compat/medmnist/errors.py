"""What goes wrong behind the face: medshelf's errors that are also what `medmnist` raises."""

from __future__ import annotations

from medshelf.core.errors import (
    DownloadError,
    FormatError,
    MedshelfError,
    MetricError,
    SettingError,
)


class ChoiceError(SettingError, AssertionError):
    """A size or a file ending that the dataset does not offer."""


class SplitError(SettingError, ValueError):
    """A split other than train, val and test."""


class ModeError(SettingError, ValueError):
    """A way to map a file that does not exist, or would write to it."""


class RootError(SettingError, RuntimeError):
    """The root is not a folder that exists."""


class MissingFileError(MedshelfError, RuntimeError):
    """The dataset's file is not in the root."""


class FetchError(DownloadError, RuntimeError):
    """The dataset's file could not be fetched into the root."""


class ScoresError(MetricError, AssertionError):
    """Scores with more or fewer rows or columns than the split has samples and classes."""


class ResultNameError(FormatError, ValueError, AssertionError):
    """A result file whose name does not say dataset, split and run."""
