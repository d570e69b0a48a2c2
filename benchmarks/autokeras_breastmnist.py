"""AutoKeras on a MedMNIST file, in an environment of its own; medshelf need not be in it.

    python -m venv autokeras-env
    autokeras-env/bin/pip install "autokeras==3.0.0" "keras==3.12.4" "torch>=2.13" scipy six
    autokeras-env/bin/python benchmarks/autokeras_breastmnist.py breastmnist.npz scores 1 20
    medshelf evaluate scores/breastmnist_test@autokeras_trials1_epochs20_seed0.csv

Arguments: the npz file, a folder for the result files, and as they are wished the trials (1), the
most epochs of a trial (20) and the seed (0). scipy and six are imported by AutoKeras' tuner, which
does not ask for them; Keras 3.15 refuses the layers that AutoKeras 3.0 makes. The search fits on
the training split and picks the architecture with the highest validation AUC (accuracy where there
are more than two classes); AutoKeras then trains it anew on the training split for all epochs. The
first trial is a small convolutional network, the second a ResNet-50 on images enlarged to 224 px,
the third an EfficientNet-B7 whose weights Keras downloads: more than one trial needs a GPU.
Single-label files only.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import autokeras
import keras
import numpy as np


def main(file: str, folder: str, trials: int = 1, epochs: int = 20, seed: int = 0) -> None:
    """Search, then write the scores of the validation and the test split."""
    started = time.monotonic()
    path, target = Path(file), Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    arrays = np.load(path, allow_pickle=False)
    images = {split: pixels(arrays[f"{split}_images"]) for split in ("train", "val", "test")}
    labels = {split: arrays[f"{split}_labels"] for split in images}
    if labels["train"].shape[1] != 1:
        sys.exit(f"{path.name} has several labels per image; this script takes files with one")
    n_classes = int(labels["train"].max()) + 1
    model = search(images, labels, n_classes, trials=trials, epochs=epochs, seed=seed)
    run = f"autokeras_trials{trials}_epochs{epochs}_seed{seed}"
    dataset, _, size = path.stem.partition("_")
    for split in ("val", "test"):
        scores = np.asarray(model.predict(images[split], batch_size=128, verbose=0))
        if scores.shape[1] == 1:
            scores = np.hstack([1 - scores, scores])
        name = f"{dataset}{f'_{size}' if size else ''}_{split}@{run}.csv"
        rows = np.column_stack([np.arange(len(scores)), scores])
        form = ["%d", *["%.8g"] * scores.shape[1]]
        np.savetxt(target / name, rows, delimiter=",", fmt=form)
        print(target / name)
    used = ", ".join(f"{each} {version(each)}" for each in ("autokeras", "keras", "torch"))
    print(f"{model.count_params():,} parameters, {time.monotonic() - started:.0f} s, {used}")


def pixels(images: np.ndarray) -> np.ndarray:
    """Give grey images a channel axis."""
    return (images[..., None] if images.ndim == 3 else images).astype(np.float32)


def search(
    images: dict[str, np.ndarray],
    labels: dict[str, np.ndarray],
    n_classes: int,
    *,
    trials: int,
    epochs: int,
    seed: int,
) -> keras.Model:
    """Return the best network of all trials, with its weights."""
    keras.utils.set_random_seed(seed)
    binary = n_classes == 2
    metric = keras.metrics.AUC(name="auc") if binary else "accuracy"
    with tempfile.TemporaryDirectory() as scratch:
        classifier = autokeras.ImageClassifier(
            num_classes=n_classes,
            max_trials=trials,
            metrics=[metric],
            objective=autokeras_objective("val_auc" if binary else "val_accuracy"),
            directory=scratch,
            overwrite=True,
            seed=seed,
        )
        classifier.fit(
            images["train"],
            labels["train"],
            validation_data=(images["val"], labels["val"]),
            epochs=epochs,
            verbose=2,
        )
        return classifier.export_model()


def autokeras_objective(name: str) -> object:
    """Say that more is better, which the tuner does not know of every metric."""
    import keras_tuner

    return keras_tuner.Objective(name, direction="max")


if __name__ == "__main__":
    main(*sys.argv[1:3], *map(int, sys.argv[3:]))
