"""Finished runs written by hand: the records and result files that a training would leave."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import medshelf
from medshelf.benchmark.fits.fit import Cost
from medshelf.benchmark.protocol import find_protocol
from medshelf.benchmark.result_file import ResultName, write_scores
from medshelf.benchmark.runs import RUN_FILE, Run, RunSpec
from medshelf.benchmark.scores import Scores, score
from medshelf.core.files import write_text

SET = "phantom-grey-binary"
EPOCHS = [{"epoch": 1, "train_loss": 0.7, "selection_loss": 0.6, "auc": 0.6}]
EPOCHS += [{"epoch": 2, "train_loss": 0.5, "selection_loss": 0.5, "auc": 0.8}]


def make_scores(
    y_true: np.ndarray, n_classes: int, skill: float, seed: int | list[int]
) -> np.ndarray:
    """Return probabilities (N, K); the more skill, the more often the right class leads."""
    noise = np.random.default_rng(seed).normal(size=(len(y_true), n_classes))
    noise += skill * (y_true.reshape(-1, 1) == np.arange(n_classes))
    return (np.exp(noise) / np.exp(noise).sum(axis=1, keepdims=True)).astype(np.float32)


@cache
def _scored(dataset: str, model: str, skill: float, seed: int) -> tuple[np.ndarray, Scores]:
    test = medshelf.load(dataset, "test")
    y_score = make_scores(test.targets, test.task.n_classes, skill, [seed, *model.encode()])
    return y_score, score(test.task, test.targets, y_score)


def make_run(
    runs_folder: Path,
    model: str = "resnet18",
    *,
    dataset: str = SET,
    skill: float = 1.0,
    seed: int = 0,
    **changed: Any,
) -> Run:
    """Write a run of the test split's labels; `changed` are fields of the spec or of the run."""
    test = medshelf.load(dataset, "test")
    meta = test.manifest.meta
    protocol = find_protocol("medmnist-28")
    facts = {
        "dataset": dataset,
        "size": "28",
        "files": dict(meta.files),
        "modified": meta.modified,
        "synthetic": meta.synthetic,
        "protocol": protocol.id,
        "protocol_epochs": protocol.epochs,
        "epochs": protocol.epochs,
        "model": model,
        "seed": seed,
    }
    given = {each.name: changed.pop(each.name) for each in fields(RunSpec) if each.name in changed}
    spec = RunSpec(**(facts | given))
    y_score, scores = _scored(dataset, model, skill, seed)
    folder = runs_folder / spec.name
    name = ResultName(dataset, "28", "test", "x", scores.auc.value, scores.acc.value)
    values: dict[str, Any] = {
        "selection": {"split": "val", "metric": "auc", "epoch": 2, "value": 0.8},
        "scores": {"val": scores, "test": scores},
        "history": EPOCHS,
        "result_files": {"test": write_scores(folder, name, y_score).name},
        "cost": Cost(11_169_089, 457_000_000),
        "notes": [],
        "wall_s": 60.0 + seed,
        "finished": "2026-01-01T00:00:00+00:00",
        "hardware": {"device": "cpu", "cores": 2},
        "versions": {"python": "3.11", "torch": "2.9"},
        "protocol": protocol.model_dump(mode="json"),
    }
    run = Run(spec=spec, folder=folder, **(values | changed))
    write_text(folder / RUN_FILE, run.to_json())
    return run
