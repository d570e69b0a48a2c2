"""Runs, their data and corruptions, joined: from a run's name to its robustness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medshelf.api.opening import open_labelled
from medshelf.benchmark import robustness as measuring
from medshelf.benchmark.assessing import Plan
from medshelf.benchmark.finding import find_run
from medshelf.benchmark.robustness import Robustness
from medshelf.benchmark.runs import Run
from medshelf.catalog.shelf import find_record
from medshelf.core.files import atomic_path
from medshelf.dataset.labelled_images import LabelledImages
from medshelf.imaging.corruption.corruptions import SEVERITIES
from medshelf.imaging.corruption.fitting import fitting
from medshelf.imaging.corruption.sheet import corruption_sheet

if TYPE_CHECKING:
    import numpy as np

_VOLUME = 3


@dataclass(frozen=True, slots=True)
class Damage:
    """What is to be done to which images.

    Attributes:
        found: The finished run.
        data: Its test split, images as stored.
        plan: Corruptions, severities, seed.
    """

    found: Run
    data: LabelledImages
    plan: Plan

    def measure(self, *, baseline: str | Path | None = None, device: str = "auto") -> Robustness:
        """Score the run on corrupted images; write `robustness.json` into its folder.

        Args:
            baseline: Another run on the same data, as `find_run` takes it.
            device: `auto` or a torch device.

        Raises:
            RunError: A run is of other data than those at hand.
            UnknownNameError: There is no such baseline.
        """
        other = None if baseline is None else find_run(baseline)
        return measuring.measure_robustness(
            self.found, self.data, self.plan, baseline=other, device=device
        )

    def sheet(self) -> np.ndarray:
        """Return the first test image under every corruption, uint8 (height, width, 3)."""
        plan = self.plan
        first = self.data.images(slice(0, 1))
        return corruption_sheet(first, plan.corruptions, plan.severities, seed=plan.seed)

    def write_sheet(self, path: str | Path) -> Path:
        """Write the sheet as PNG; return its path.

        Raises:
            StorageError: The folder is read-only or full.
        """
        from PIL import Image

        with atomic_path(Path(path)) as part:
            Image.fromarray(self.sheet()).save(part, "PNG")
        return Path(path)

    def write_page(self, result: Robustness, path: str | Path) -> Path:
        """Write a result as one HTML page; return its path.

        Raises:
            StorageError: The folder is read-only or full.
        """
        from medshelf.benchmark.robustness_page import robustness_page

        robustness_page(result, self.sheet()).write(Path(path))
        return Path(path)


def damage(
    run: str | Path,
    *,
    corruptions: Sequence[str] = (),
    severities: Sequence[int] = SEVERITIES,
    seed: int = 0,
    root: str | Path | None = None,
    allow_modified: bool = False,
) -> Damage:
    """Prepare the measurement of a finished run's robustness.

    Args:
        run: Name of its folder in the runs folder, or a path.
        corruptions: Names; by default those that fit the dataset.
        severities: 1 to 5.
        seed: Of everything drawn.
        root: As for `load`.
        allow_modified: As for `load`.

    Raises:
        RunError: The run is not finished, was tested on another dataset than it was trained on, or
            nothing is to be measured.
        UnknownNameError: There is no such run or corruption.
    """
    found = find_run(run)
    spec = found.spec
    data = open_labelled(
        spec.dataset,
        found.protocol["test_split"],
        size=int(spec.size),
        root=root,
        allow_modified=allow_modified,
    )
    return Damage(found, data, Plan(tuple(corruptions) or _fitting(data), tuple(severities), seed))


def robustness(
    run: str | Path,
    *,
    baseline: str | Path | None = None,
    corruptions: Sequence[str] = (),
    severities: Sequence[int] = SEVERITIES,
    seed: int = 0,
    device: str = "auto",
) -> Robustness:
    """Measure how much worse a finished run gets on corrupted test images.

    The result is written into the run's folder, too. `damage` has further choices and pictures.

    Args:
        run: Name of its folder in the runs folder, or a path.
        baseline: Another run on the same data, for the mean corruption error.
        corruptions: As for `damage`.
        severities: As for `damage`.
        seed: As for `damage`.
        device: `auto` or a torch device.

    Raises:
        RunError: As `damage`, or a run is of other data than those at hand.
        UnknownNameError: There is no such run or corruption.
    """
    asked = damage(run, corruptions=corruptions, severities=severities, seed=seed)
    return asked.measure(baseline=baseline, device=device)


def _fitting(data: LabelledImages) -> tuple[str, ...]:
    meta = data.manifest.meta
    return fitting(
        meta.dataset,
        find_record(meta.dataset).modalities,
        channels=meta.channels or 1,
        volumes=meta.dimensions == _VOLUME,
    )
