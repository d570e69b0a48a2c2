"""Manifests under examination: profile and check, from an id or a manifest file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medshelf.api.manifests import open_manifest
from medshelf.core.errors import SettingError
from medshelf.core.files import write_text
from medshelf.quality import checking
from medshelf.quality.case import Case
from medshelf.quality.checking import Checked
from medshelf.quality.judging.predictions import read_predictions
from medshelf.quality.kept import keep
from medshelf.quality.passes import Passes

if TYPE_CHECKING:
    from medshelf.quality.profile import Profile
    from medshelf.quality.profiling.figure import Figure


def open_case(  # noqa: PLR0913 - one keyword per thing that a user decides
    dataset: str | Path,
    *,
    root: str | Path | None = None,
    options: Mapping[str, str] | None = None,
    against: Iterable[str | Path] = (),
    predictions: str | Path | None = None,
    settings: Mapping[str, float] | None = None,
    passes: Passes | None = None,
) -> Case:
    """Open a dataset for examination.

    Args:
        dataset: Catalog id, or a manifest as a Parquet file.
        root: The raw tree; by default an id's is searched, a file's is the folder it lies in.
        options: Options of the reader.
        against: Other datasets, which must share nothing with this one: ids, `ID=FOLDER` or
            `FILE.parquet=FOLDER`.
        predictions: A table (CSV, Parquet) of `sample_id` and a probability per class, of a
            model that was not trained on these samples.
        settings: Thresholds of rules, e.g. `{"near-duplicates.radius": 6}`.
        passes: How the files are read: processes, cluster, or not at all.

    Raises:
        As `read`; FormatError and SettingError where the predictions are no table.
    """
    passes = passes or Passes()
    manifest, record = open_manifest(dataset, root=root, options=options)
    return Case(
        manifest=manifest,
        record=record,
        passes=passes,
        against=tuple(_other(each, passes) for each in against),
        predictions=None if predictions is None else read_predictions(Path(predictions)),
        settings=settings or {},
    )


def check(  # noqa: PLR0913 - one keyword per thing that a user decides
    dataset: str | Path | Case,
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
    """Look for what is wrong in a dataset; what a whole check finds is kept for `medshelf serve`.

    Args:
        dataset: Catalog id, a manifest as a Parquet file, or what `open_case` gave; with that the
            arguments of `open_case` do not count.
        root: See `open_case`.
        options: See `open_case`.
        select: Ids of rules or areas to run; all by default.
        ignore: Ids of rules or areas to leave out.
        against: See `open_case`.
        predictions: See `open_case`.
        baseline: A file of Issues that were accepted before.
        settings: See `open_case`.
        passes: See `open_case`.

    Raises:
        UnknownNameError: There is no such dataset, rule, area or threshold.
        FormatError: A file is damaged, or is not what it should be.
        Otherwise as `read`.
    """
    case = dataset
    if not isinstance(case, Case):
        case = open_case(
            case,
            root=root,
            options=options,
            against=against,
            predictions=predictions,
            settings=settings,
            passes=passes,
        )
    checked = checking.check(case, select, ignore, None if baseline is None else Path(baseline))
    if not (select or ignore):
        keep(checked, case.manifest)
    return checked


def profile(
    dataset: str | Path | Case,
    *,
    root: str | Path | None = None,
    options: Mapping[str, str] | None = None,
    passes: Passes | None = None,
) -> Profile:
    """Measure a dataset: sizes, classes, people, intensities, texts, boxes, masks.

    Args:
        dataset: As for `check`.
        root: See `open_case`.
        options: See `open_case`.
        passes: See `open_case`.

    Raises:
        As `read`.
    """
    from medshelf.quality.profile import profile as measured

    if isinstance(dataset, Case):
        return measured(dataset)
    return measured(open_case(dataset, root=root, options=options, passes=passes))


def against_catalog(found: Profile, case: Case) -> tuple[Figure, ...]:
    """Return what the catalog states of a dataset beside what was measured.

    Raises:
        SettingError: The catalog does not know the dataset.
    """
    from medshelf.quality.figures import catalog_figures

    if case.record is None:
        problem = f"The catalog has no record {case.meta.dataset!r} to compare with"
        raise SettingError(problem, "Name the folder that holds it with --records")
    return catalog_figures.against_catalog(found, case.record)


def write_profile_page(found: Profile, case: Case, path: Path, language: str = "en") -> None:
    """Write a profile as one HTML file, with pictures of samples where files may be opened.

    Raises:
        StorageError: The file cannot be written.
        MissingExtraError: A format needs a package that is not installed.
    """
    from medshelf.dataset.dataset import Dataset
    from medshelf.quality.pages.pictures import pictures_of
    from medshelf.quality.pages.profile_page import profile_page

    pictures = pictures_of(Dataset(case.manifest)) if case.passes.pixels else ()
    profile_page(found, case.meta, pictures, language).write(path)


def write_check_page(checked: Checked, case: Case, path: Path, language: str = "en") -> None:
    """Write what was found as one HTML file, with pictures where files may be opened.

    Raises:
        StorageError: The file cannot be written.
        MissingExtraError: A format needs a package that is not installed.
    """
    from medshelf.dataset.dataset import Dataset
    from medshelf.quality.pages.check_page import check_page
    from medshelf.quality.pages.pictures import pictures_of_issues

    dataset = Dataset(case.manifest)
    pictures = pictures_of_issues(dataset, checked.issues) if case.passes.pixels else {}
    check_page(checked, pictures, language).write(path)


def write_dataset_card(found: Profile, case: Case, path: Path, language: str = "en") -> None:
    """Write a dataset card in Markdown, with the front matter of Hugging Face.

    Raises:
        StorageError: The file cannot be written.
    """
    from medshelf.quality.figures.dataset_card import dataset_card

    write_text(path, dataset_card(found, case.meta, case.record, language))


def _other(named: str | Path, passes: Passes) -> Case:
    name, sign, folder = str(named).partition("=")
    manifest, record = open_manifest(name, root=folder if sign else None)
    return Case(manifest, record, passes)
