"""Manifests under examination: profile and check, from an id or a manifest file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medshelf.core.errors import FormatError, SettingError
from medshelf.quality import checking
from medshelf.quality.case import Case, Passes
from medshelf.quality.checking import Checked

if TYPE_CHECKING:
    import polars as pl

    from medshelf.quality.profile import Profile

_TABLES = (".csv", ".tsv", ".parquet")


def check(  # noqa: PLR0913 - one keyword per thing that a user decides
    dataset: str | Path,
    *,
    root: str | Path | None = None,
    options: Mapping[str, str] | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    against: Iterable[str | Path] = (),
    predictions: str | Path | None = None,
    baseline: str | Path | None = None,
    settings: Mapping[str, float] | None = None,
    passes: Passes | None = None,
) -> Checked:
    """Look for what is wrong in a dataset.

    Args:
        dataset: Catalog id, or a manifest as a Parquet file.
        root: The raw tree; where it is, is known of an id that lies in a searched folder.
        options: Options of the reader.
        select: Ids of rules or areas to run; all by default.
        ignore: Ids of rules or areas to leave out.
        against: Other datasets, which must share nothing with this one: ids, `ID=FOLDER` or
            `FILE.parquet=FOLDER`.
        predictions: A table (CSV, TSV, Parquet) of `sample_id` and a probability per class, of a
            model that was not trained on these samples.
        baseline: A file of Issues that were accepted before.
        settings: Thresholds of rules, e.g. `{"near-duplicates.radius": 6}`.
        passes: How the files are read: processes, cluster, or not at all.

    Raises:
        UnknownNameError: There is no such dataset, rule or area.
        FormatError: A file is damaged, or is not what it should be.
        Otherwise as `read`.
    """
    others = tuple(_other(each, passes) for each in against)
    case = _case(dataset, root, options, passes)
    case = Case(
        manifest=case.manifest,
        record=case.record,
        passes=case.passes,
        against=others,
        predictions=None if predictions is None else _table(Path(predictions)),
        settings=settings or {},
    )
    accepted = None if baseline is None else Path(baseline)
    return checking.check(case, select, ignore, accepted)


def profile(
    dataset: str | Path,
    *,
    root: str | Path | None = None,
    options: Mapping[str, str] | None = None,
    passes: Passes | None = None,
) -> Profile:
    """Measure a dataset: sizes, classes, people, intensities, texts, boxes, masks.

    Args:
        dataset: Catalog id, or a manifest as a Parquet file.
        root: The raw tree.
        options: Options of the reader.
        passes: How the files are read: processes, cluster, or not at all.

    Raises:
        As `read`.
    """
    from medshelf.quality.profile import profile as measured

    return measured(_case(dataset, root, options, passes))


def _case(
    dataset: str | Path,
    root: str | Path | None,
    options: Mapping[str, str] | None,
    passes: Passes | None,
) -> Case:
    from medshelf.api.manifests import open_manifest

    manifest, record = open_manifest(dataset, root=root, options=options)
    return Case(manifest, record, passes or Passes())


def _other(named: str | Path, passes: Passes | None) -> Case:
    name, sign, folder = str(named).partition("=")
    return _case(name, folder if sign else None, None, passes)


def _table(path: Path) -> pl.DataFrame:
    import polars as pl

    readers: dict[str, Any] = {
        ".csv": pl.read_csv,
        ".tsv": lambda file: pl.read_csv(file, separator="\t"),
        ".parquet": lambda file: pl.read_parquet(file, glob=False),
    }
    if path.suffix.lower() not in readers:
        problem = f"{path} is no table of predictions"
        raise SettingError(problem, f"Give a file that ends in {', '.join(_TABLES)}")
    try:
        return readers[path.suffix.lower()](path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise FormatError(path, str(error).splitlines()[0], "Write the table again") from error
