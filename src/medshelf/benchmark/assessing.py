"""Score a fit on clean and corrupted images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from medshelf.benchmark.corruption_errors import Errors, Hits, errors, estimate, hits, resampled
from medshelf.benchmark.fits.fit import Fit
from medshelf.benchmark.metrics import acc, auc
from medshelf.benchmark.scores import Estimate
from medshelf.core.errors import RunError
from medshelf.core.progress import progress_bar
from medshelf.dataset.labelled_images import LabelledImages
from medshelf.imaging.corruption.corruptions import SEVERITIES, corrupt, find_corruption

_BYTES_AT_ONCE = 1 << 28


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured.

    Attributes:
        corruptions: Names.
        severities: 1 to 5, rising.
        seed: Of everything that corruptions draw, and of the bootstrap.
    """

    corruptions: tuple[str, ...]
    severities: tuple[int, ...] = SEVERITIES
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be measured.

        Raises:
            RunError: There is no corruption or severity, or one is named twice or out of range.
            UnknownNameError: There is no such corruption.
        """
        for name in self.corruptions:
            find_corruption(name)
        for what, chosen in (("corruptions", self.corruptions), ("severities", self.severities)):
            if not chosen or len(set(chosen)) < len(chosen):
                problem = f"The {what} {', '.join(map(str, chosen)) or '(none)'} cannot be measured"
                raise RunError(problem, "Name at least one, and each once")
        if not set(self.severities) <= set(SEVERITIES):
            problem = f"The severities {', '.join(map(str, self.severities))} are not all 1 to 5"
            raise RunError(problem, "Choose from 1, 2, 3, 4 and 5")
        object.__setattr__(self, "severities", tuple(sorted(self.severities)))


@dataclass(frozen=True, slots=True)
class Cell:
    """Scores under one corruption at one severity; on clean images `clean` and 0.

    Attributes:
        corruption: Its name.
        severity: 1 to 5.
        auc: Official AUC.
        acc: Official ACC.
        balanced_error: 1 - mean recall, see `corruption_errors`.
    """

    corruption: str
    severity: int
    auc: float
    acc: float
    balanced_error: float


@dataclass(frozen=True, slots=True)
class CorruptionError:
    """One corruption, its severities taken together.

    Attributes:
        corruption: Its name.
        balanced_error: Mean over the severities.
        ce: Corruption error against the baseline; null without one, or where it makes no error.
        relative_ce: Relative corruption error; null where the baseline's error does not rise.
    """

    corruption: str
    balanced_error: float
    ce: float | None
    relative_ce: float | None


@dataclass(frozen=True, slots=True)
class Assessment:
    """What was measured of one model; the formulas stand in `corruption_errors`.

    Attributes:
        clean: On clean images.
        cells: One per corruption and severity.
        by_corruption: One per corruption.
        mean_error: Mean balanced error over corruptions and severities.
        mean_rise: The same less the clean balanced error; paired.
        mce: Mean corruption error against the baseline; paired.
        relative_mce: Relative mCE; no interval, since its denominator may be near 0.
        baseline: The baseline's clean scores and cells.
        notes: What could not be said, in words.
    """

    clean: Cell
    cells: tuple[Cell, ...]
    by_corruption: tuple[CorruptionError, ...]
    mean_error: Estimate
    mean_rise: Estimate
    mce: Estimate | None = None
    relative_mce: float | None = None
    baseline: tuple[Cell, ...] = ()
    notes: tuple[str, ...] = ()


def assess(
    fit: Fit, data: LabelledImages, plan: Plan, *, baseline: Fit | None = None
) -> Assessment:
    """Score a fit on clean and corrupted images.

    Args:
        fit: Ready to predict.
        data: Labelled images as stored; row numbers are the corruptions' seeds.
        plan: What is measured.
        baseline: Another fit, shown the same images.

    Raises:
        MetricError: The scores are not finite, or the split lacks a class.
        SettingError: A corruption is not for such images.
    """
    fits = [fit] if baseline is None else [fit, baseline]
    cells: list[list[Cell]] = [[] for _ in fits]
    found: list[list[Hits]] = [[] for _ in fits]
    conditions = [("clean", 0), *((c, s) for c in plan.corruptions for s in plan.severities)]
    with progress_bar("robustness", len(conditions) * len(fits), unit="pass") as bar:
        for name, severity in conditions:
            for number, scores in enumerate(_predicted(fits, data, (name, severity), plan.seed)):
                right = hits(data.task, data.targets, scores)
                area, share = (metric(data.task, data.targets, scores) for metric in (auc, acc))
                cells[number].append(Cell(name, severity, area, share, right.error))
                found[number].append(right)
                bar.update()
    return _assessment(cells, found, plan)


def _predicted(
    fits: list[Fit], data: LabelledImages, condition: tuple[str, int], seed: int
) -> Iterator[np.ndarray]:
    """Return each fit's probabilities of all images under a corruption."""
    name, severity = condition
    at_once = max(1, _BYTES_AT_ONCE // data.images(slice(0, 1)).nbytes)
    scores: list[list[np.ndarray]] = [[] for _ in fits]
    for start in range(0, len(data), at_once):
        rows = np.arange(start, min(start + at_once, len(data)))
        images = data.images(rows)
        if severity:
            images = corrupt(images, name, severity, seed=seed, rows=rows)
        for each, parts in zip(fits, scores, strict=True):
            parts.append(each.predict(images))
    return (np.concatenate(parts) for parts in scores)


def _assessment(cells: list[list[Cell]], found: list[list[Hits]], plan: Plan) -> Assessment:
    n_severities = len(plan.severities)
    models = [
        (
            each[0],
            [each[at : at + n_severities] for at in range(1, len(each), n_severities)],
        )
        for each in found
    ]
    values, draws = [errors(*each) for each in models], resampled(models, plan.seed)
    mine, drawn = values[0], draws[0]
    ce = relative = np.full(len(plan.corruptions), np.nan)
    if len(values) > 1:
        ce, relative = mine.against(values[1]), mine.relative_to(values[1])
    by_corruption = tuple(
        CorruptionError(name, float(error), _known(ce[at]), _known(relative[at]))
        for at, (name, error) in enumerate(
            zip(plan.corruptions, mine.corrupted.mean(axis=-1), strict=True)
        )
    )
    mce = _known(ce.mean())
    return Assessment(
        clean=cells[0][0],
        cells=tuple(cells[0][1:]),
        by_corruption=by_corruption,
        mean_error=estimate(float(mine.mean), drawn.mean),
        mean_rise=estimate(float(mine.rise), drawn.rise),
        mce=None if mce is None else estimate(mce, drawn.against(draws[1]).mean(axis=-1)),
        relative_mce=_known(relative.mean()),
        baseline=tuple(cells[1]) if len(cells) > 1 else (),
        notes=_notes(values, by_corruption),
    )


def _notes(values: list[Errors], by_corruption: tuple[CorruptionError, ...]) -> tuple[str, ...]:
    if len(values) == 1:
        return ()
    perfect = [each.corruption for each in by_corruption if each.ce is None]
    steady = [each.corruption for each in by_corruption if each.relative_ce is None]
    notes = []
    if perfect:
        notes.append(f"mCE is not defined: the baseline makes no error under {', '.join(perfect)}")
    if steady:
        notes.append(
            "relative mCE is not defined: the baseline's error does not rise under "
            f"{', '.join(steady)}"
        )
    return tuple(notes)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
