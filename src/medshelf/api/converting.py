"""From an id or a manifest file to another format."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from medshelf.api.manifests import open_manifest
from medshelf.catalog.licence import licences
from medshelf.conversion.choosing import Choosing, choose
from medshelf.conversion.request import Converted, Labour, Request
from medshelf.conversion.running import convert as converted
from medshelf.conversion.sharding import writer_names
from medshelf.core.errors import GateError
from medshelf.core.manifest import Manifest, Meta

_N_TRIED = 24
_FORBIDDEN = {"redistribution": "to pass the data on", "derivatives": "to pass changed data on"}


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a conversion would come to.

    Attributes:
        n_samples: Samples that would be written.
        n_tried: Samples, spread over the set, that were written on trial.
        size_bytes: Of the product, from those.
        duration_s: With one process, from those.
        dropped: What the format cannot carry and the user gives up.
    """

    n_samples: int
    n_tried: int
    size_bytes: int
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
        folder: The product; made, and refused where something is there.
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
    return converted(manifest, Path(folder), _request(request), labour)


def estimate(
    dataset: str | Path,
    request: Request | str,
    *,
    root: str | Path | None = None,
    options: Mapping[str, str] | None = None,
    choosing: Choosing | None = None,
) -> Estimate:
    """Convert some samples on trial, into a folder that is deleted, and say what all would take.

    Raises:
        As `convert`.
    """
    manifest = _chosen(dataset, root, options, choosing)
    n_samples = manifest.n_samples()
    every = max(1, n_samples // _N_TRIED)
    some = replace(manifest, frame=manifest.frame.gather_every(every).head(_N_TRIED))
    asked = replace(_request(request), existing="refuse")
    with tempfile.TemporaryDirectory() as name:
        start = time.perf_counter()
        made = converted(some, Path(name) / "trial", asked, Labour(workers=0))
        seconds = time.perf_counter() - start
        size = sum(each.stat().st_size for each in sorted(made.folder.rglob("*")) if each.is_file())
    n_tried = some.n_samples()
    share = n_samples / n_tried
    return Estimate(n_samples, n_tried, round(size * share), seconds * share, made.dropped)


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
