"""How much worse a finished run gets when the test pictures are corrupted."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any

import numpy as np

from medshelf.benchmark import provenance
from medshelf.benchmark.assessing import Assessment, Plan, assess
from medshelf.benchmark.corruption_errors import N_RESAMPLES
from medshelf.benchmark.runs import Run, open_finished
from medshelf.core.errors import RunError
from medshelf.core.files import lock, write_text
from medshelf.dataset.labelled_images import LabelledImages
from medshelf.imaging.corruption.corruptions import find_corruption

ROBUSTNESS_FILE = "robustness.json"


@dataclass(frozen=True, slots=True)
class Robustness:
    """An assessment with where it comes from, as `robustness.json` holds it.

    Attributes:
        run: Name of the run.
        baseline_run: Name of the baseline's run, or null.
        dataset: Catalog id.
        size: Edge length of the stored images.
        split: That was corrupted.
        n_samples: How many.
        modified: The files are not the published ones.
        synthetic: Generated data.
        follows_protocol: Of the run.
        seed: Of corruptions and bootstrap.
        severities: That were measured.
        levels: Corruption to its numbers at the severities 1 to 5.
        n_resamples: Of the bootstrap; intervals hold 95 %.
        assessment: The numbers.
        versions: Of Python, medshelf and packages, Pillow included.
        finished: UTC time in ISO 8601.
    """

    run: str
    baseline_run: str | None
    dataset: str
    size: str
    split: str
    n_samples: int
    modified: bool
    synthetic: bool
    follows_protocol: bool
    seed: int
    severities: tuple[int, ...]
    levels: dict[str, tuple[float, ...]]
    n_resamples: int
    assessment: Assessment
    versions: dict[str, str]
    finished: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON; NaN is null."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        plain: dict[str, Any] = _without_nan({**values, "assessment": asdict(self.assessment)})
        return plain


def measure_robustness(
    found: Run,
    data: LabelledImages,
    plan: Plan,
    *,
    baseline: Run | None = None,
    device: str = "auto",
) -> Robustness:
    """Score a finished run on corrupted images; write `robustness.json` into its folder.

    Args:
        found: The run.
        data: The split that it was scored on, images as stored.
        plan: What is measured.
        baseline: Another run on the same data.
        device: `auto` or a torch device.

    Raises:
        FormatError: A run's weights are damaged.
        MetricError: A model's scores are not finite, or the split lacks a class.
        MissingExtraError: What a run needs is not installed.
        RunError: A run is of other data.
        SettingError: A corruption is not for such images.
        StorageError: The folder cannot be written, or another process measures the same run.
    """
    for each in (found, *([baseline] if baseline else [])):
        _check_data(each, data)
    spec = found.spec
    with lock(found.folder / ROBUSTNESS_FILE, timeout_s=0):
        fit = open_finished(found, data.task, device)
        other = None if baseline is None else open_finished(baseline, data.task, device)
        result = Robustness(
            run=spec.name,
            baseline_run=None if baseline is None else baseline.spec.name,
            dataset=spec.dataset,
            size=spec.size,
            split=found.protocol["test_split"],
            n_samples=len(data),
            modified=data.manifest.meta.modified,
            synthetic=spec.synthetic,
            follows_protocol=spec.follows_protocol,
            seed=plan.seed,
            severities=plan.severities,
            levels={name: find_corruption(name).levels for name in plan.corruptions},
            n_resamples=N_RESAMPLES,
            assessment=assess(fit, data, plan, baseline=other),
            versions=_versions(),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        text = json.dumps(result.as_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        write_text(found.folder / ROBUSTNESS_FILE, f"{text}\n")
    return result


def _check_data(found: Run, data: LabelledImages) -> None:
    spec, meta = found.spec, data.manifest.meta
    if spec.tested_on:
        problem = f"{spec.name} was tested on another dataset than it was trained on"
        raise RunError(problem, "Measure the robustness of a run on one dataset")
    mine = (spec.dataset, spec.size, spec.files)
    if mine != (meta.dataset, meta.options.get("size", "28"), dict(meta.files)):
        problem = f"{spec.name} was made from other files than those of {meta.dataset!r} at hand"
        raise RunError(problem, "Use the files of the run, and a baseline on the same dataset")


def _versions() -> dict[str, str]:
    import PIL

    return {**provenance.versions(), "pillow": PIL.__version__}


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and np.isnan(value) else value
