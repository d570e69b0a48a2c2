"""From an id or a manifest file to another format."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from medshelf.api.manifests import open_manifest
from medshelf.catalog.licence import licences
from medshelf.conversion.choosing import Choosing, choose
from medshelf.conversion.contents import check_losses, contents
from medshelf.conversion.request import Converted, Labour, Request
from medshelf.conversion.running import convert as converted
from medshelf.conversion.sharding import writer_module, writer_names
from medshelf.core.errors import GateError
from medshelf.core.manifest import Manifest, Meta
from medshelf.parallel.cores import available_cores

_N_TRIED = 24
_FORBIDDEN = {"redistribution": "to pass the data on", "derivatives": "to pass changed data on"}


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a conversion would come to.

    Attributes:
        n_samples: Samples that would be written.
        n_tried: Samples, spread over the set, that were written on trial.
        size_bytes: Of the product, from those.
        n_workers: Processes that the time is for.
        duration_s: From those; measured in one process, and divided among the others.
        dropped: What the format cannot carry and the user gives up.
    """

    n_samples: int
    n_tried: int
    size_bytes: int
    n_workers: int
    duration_s: float
    dropped: tuple[str, ...]


def formats() -> tuple[str, ...]:
    """Return the names of the formats that `convert` writes, sorted."""
    return writer_names()


def convert(  # noqa: PLR0913 - one keyword per thing that a user decides
    dataset: str | Path,
    folder: str | Path,
    request: Request | str,
    *,
    root: str | Path | None = None,
    options: Mapping[str, str] | None = None,
    choosing: Choosing | None = None,
    labour: Labour | None = None,
    acknowledge: bool = False,
) -> Converted:
    """Write a dataset in another format.

    Args:
        dataset: Catalog id, or a manifest as a Parquet file.
        folder: The product; made, and refused where something is there. Also an fsspec URL, e.g.
            `s3://bucket/folder`.
        request: The format with what is done to images, or its name alone.
        root: The raw tree.
        options: Options of the reader.
        choosing: Which samples, with which labels, in which split.
        labour: How the work is done; the product does not depend on it.
        acknowledge: The user knows that the licence does not allow to pass the product on.

    Raises:
        GateError: The licence forbids to pass on data or changed data, and that is not
            acknowledged.
        As `conversion.running.convert`, `choose` and `read`.
    """
    manifest = _chosen(dataset, root, options, choosing)
    if not acknowledge:
        _check_terms(manifest.meta)
    return converted(manifest, folder, _request(request), labour)


def estimate(
    dataset: str | Path,
    request: Request | str,
    *,
    root: str | Path | None = None,
    options: Mapping[str, str] | None = None,
    choosing: Choosing | None = None,
    workers: int | None = None,
) -> Estimate:
    """Convert some samples on trial, into a folder that is deleted, and say what all would take.

    A first trial is not timed: it pays for imports, indexes and caches. Two others, of some samples
    and of more, tell what each further sample takes.

    Args:
        dataset: Catalog id, or a manifest as a Parquet file.
        request: As `convert`, like the others.
        root: The raw tree.
        options: Options of the reader.
        choosing: Which samples.
        workers: Processes; by default one per core that this process may use.

    Raises:
        As `convert`.
    """
    manifest = _chosen(dataset, root, options, choosing)
    n_samples = manifest.n_samples()
    some = replace(manifest, frame=_spread(manifest.frame, n_samples))
    asked = replace(_request(request), existing="refuse")
    carried = writer_module(asked.target).CARRIES
    dropped = check_losses(contents(manifest), carried, asked.drop, asked.target)
    n_tried = some.n_samples()
    n_few = max(1, n_tried // 4)
    few = replace(some, frame=some.frame.gather_every(n_tried // n_few).head(n_few))
    with tempfile.TemporaryDirectory() as name:
        _tried(few, Path(name) / "warm", asked)  # imports, indexes and caches are paid for once
        base = _tried(few, Path(name) / "few", asked)
        all_tried = _tried(some, Path(name) / "some", asked)
    per_sample = (all_tried - base) / max(1, n_tried - n_few)
    seconds, size = np.maximum(base + (n_samples - n_few) * per_sample, all_tried)
    n_workers = max(1, available_cores() if workers is None else workers)
    return Estimate(n_samples, n_tried, round(size), n_workers, seconds / n_workers, dropped)


def _spread(frame: pl.LazyFrame, n_samples: int) -> pl.LazyFrame:
    return frame.gather_every(max(1, n_samples // _N_TRIED)).head(_N_TRIED)


def _tried(manifest: Manifest, folder: Path, request: Request) -> np.ndarray:
    """Return the seconds that a conversion in this process takes, and the bytes that it writes."""
    start = time.perf_counter()
    converted(manifest, folder, request, Labour(workers=0))
    seconds = time.perf_counter() - start
    size = sum(each.stat().st_size for each in sorted(folder.rglob("*")) if each.is_file())
    return np.array([seconds, size])


def _chosen(
    dataset: str | Path,
    root: str | Path | None,
    options: Mapping[str, str] | None,
    choosing: Choosing | None,
) -> Manifest:
    manifest, _ = open_manifest(dataset, root=root, options=options)
    rooted = replace(manifest, root=manifest.root.absolute())
    return choose(rooted, choosing or Choosing())


def _request(request: Request | str) -> Request:
    return Request(request) if isinstance(request, str) else request


def _check_terms(meta: Meta) -> None:
    """Refuse, until it is acknowledged, what a licence does not let one pass on."""
    licence = licences().get(meta.licence or "")
    if licence is None:
        return
    if forbidden := [what for use, what in _FORBIDDEN.items() if licence.allows(use) is False]:
        raise GateError(
            "licence",
            f"The licence of {meta.dataset!r}, {licence.en}, does not allow {forbidden[0]}",
            "Keep the product to yourself, and say that you know with --acknowledge-terms",
            page=licence.url,
        )
