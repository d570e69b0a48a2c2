"""Finished runs for use: what they say of images in files, and as a file for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medshelf.api.finished_runs import open_splits
from medshelf.benchmark.explaining.explanation import temperature_of
from medshelf.benchmark.finding import find_run
from medshelf.benchmark.predicting import Prediction, Predictor, image_files
from medshelf.benchmark.preparing import Form
from medshelf.benchmark.runs import Run, open_finished
from medshelf.catalog.facts import manifest_meta
from medshelf.catalog.shelf import find_record
from medshelf.core.errors import MissingExtraError, StorageError, UnknownNameError
from medshelf.imaging.window import parse_window

if TYPE_CHECKING:
    from medshelf.benchmark.exporting import Exported

KINDS = ("onnx", "torchscript")
"""Kinds of file that `export` writes."""


def predict(
    run: str | Path,
    images: Sequence[str | Path],
    *,
    window: str | None = None,
    device: str = "auto",
    root: str | Path | None = None,
    allow_modified: bool = False,
) -> list[Prediction]:
    """Return what a finished run says of images in files. Not for clinical use.

    Args:
        run: Name of its folder in the runs folder, or a path.
        images: Files, or folders of them.
        window: For values that are not 8-bit: a name such as `lung`, or `centre,width`.
        device: `auto` or a torch device.
        root: As for `load`; only runs of earlier versions need it, which keep no temperature: the
            labels of the selection split give it.
        allow_modified: As `root`.

    Returns:
        One for each file; of one that cannot be read, `error` says why.

    Raises:
        FormatError: A folder holds no image, or the run is damaged.
        NotFetchedError: The files that a run of an earlier version needs are not at hand.
        RunError: The run is not finished, or was made from other files than those at hand.
        UnknownNameError: There is no such run or window.
    """
    files, _ = image_files([Path(each) for each in images])
    ready = open_predictor(
        run, window=window, device=device, root=root, allow_modified=allow_modified
    )
    return list(ready.predict(files))


def open_predictor(
    run: str | Path,
    *,
    window: str | None = None,
    device: str = "auto",
    root: str | Path | None = None,
    allow_modified: bool = False,
) -> Predictor:
    """Return a finished run, ready for images; see `predict`."""
    chosen = None if window is None else parse_window(window)
    found = find_run(run)
    meta = manifest_meta(find_record(found.spec.dataset))
    (task,) = meta.tasks
    temperature = found.temperature
    if temperature is None:
        split = found.selection["split"]
        data = open_splits(found, [split], root=root, allow_modified=allow_modified)
        temperature = temperature_of(found, data[split]).value
    return Predictor(
        fit=open_finished(found, task, device),
        task=task,
        temperature=temperature,
        form=Form(int(found.spec.size), meta.dimensions or 2, meta.channels or 1),
        window=chosen,
    )


def export(
    run: str | Path,
    file: str | Path,
    *,
    to: str = "onnx",
    overwrite: bool = False,
    root: str | Path | None = None,
    allow_modified: bool = False,
) -> Exported:
    """Write the network of a finished run as one file for other programs. Not for clinical use.

    Args:
        run: Name of its folder in the runs folder, or a path.
        file: What to write.
        to: `onnx` or `torchscript`.
        overwrite: Replace a file that is there.
        root: As for `predict`.
        allow_modified: As `root`.

    Returns:
        What the file says of itself.

    Raises:
        FormatError: The run is damaged.
        MissingExtraError: A package is not installed.
        NotFetchedError: As for `predict`.
        RunError: The run is not finished, has no trained network, or cannot be exported.
        StorageError: The file is there already, or cannot be written.
        UnknownNameError: There is no such run or kind.
    """
    path = Path(file)
    if to not in KINDS:
        raise UnknownNameError("kind of file", to, KINDS)
    if path.exists() and not (overwrite and path.is_file()):
        raise StorageError(f"{path} is there already", "Name another file, or pass overwrite")
    found: Run = find_run(run)
    ready = open_predictor(found.folder, device="cpu", root=root, allow_modified=allow_modified)
    try:
        from medshelf.benchmark import exporting
    except ModuleNotFoundError as error:
        raise MissingExtraError(str(error.name), "train") from error
    return exporting.export(found, ready, kind=to, path=path)  # type: ignore[arg-type]
