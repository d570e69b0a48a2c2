"""The training script of MedMNIST's experiments in small: with our face, and with the peer's.

What it takes from torchvision (Compose, ToTensor, Normalize) and its network are replaced; the
shape is kept: one loader to train and one per split to evaluate, scores by softmax or sigmoid, an
Evaluator per split every epoch, the best epoch by validation AUC, and result files at the end.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from medshelf.compat import medmnist as ours
from tests.compat.medmnist_sets import write_set

torch = pytest.importorskip("torch")
data = torch.utils.data

EPOCHS = 2
SPLITS = ("train", "val", "test")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Keep torch from dividing tiny products among threads, which costs more than it gives."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def to_tensor(image: Any) -> Any:
    """Scale to [-1, 1], channels first, as ToTensor and Normalize(0.5, 0.5) do."""
    pixels = np.asarray(image, np.float32)
    if pixels.ndim == 4:  # a volume is scaled already
        return torch.from_numpy(pixels)
    pixels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return torch.from_numpy(pixels / 255).sub(0.5).div(0.5)


def run_script(
    medmnist: ModuleType, flag: str, root: Path, folder: Path | None, as_rgb: bool = False
) -> tuple[list[Any], list[str]]:
    info = medmnist.INFO[flag]
    task, n_classes = info["task"], len(info["label"])
    choose = getattr(medmnist, info["python_class"])
    torch.manual_seed(0)
    sets = {
        split: choose(split=split, transform=to_tensor, download=False, as_rgb=as_rgb, root=root)
        for split in SPLITS
    }
    train_loader = data.DataLoader(sets["train"], batch_size=8, shuffle=True)
    loaders = {split: data.DataLoader(sets[split], batch_size=8) for split in SPLITS}
    evaluators = {split: medmnist.Evaluator(flag, split, root=root) for split in SPLITS}
    several = task == "multi-label, binary-class"
    criterion = torch.nn.BCEWithLogitsLoss() if several else torch.nn.CrossEntropyLoss()
    n_inputs = sets["train"][0][0].numel()
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(n_inputs, n_classes))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

    def scores_of(split: str, network: Any) -> np.ndarray:
        with torch.no_grad():
            outputs = torch.cat([network(images) for images, _ in loaders[split]])
        return (outputs.sigmoid() if several else outputs.softmax(dim=-1)).numpy()

    history, best_auc, best = [], -1.0, model
    for _ in range(EPOCHS):
        for images, targets in train_loader:
            optimizer.zero_grad()
            truth = targets.float() if several else targets.squeeze(1).long()
            criterion(model(images), truth).backward()
            optimizer.step()
        found = {split: evaluators[split].evaluate(scores_of(split, model)) for split in SPLITS}
        history.append([value for split in SPLITS for value in found[split]])
        auc, _ = found["val"]
        if auc > best_auc:
            best_auc, best = auc, copy.deepcopy(model)
    names = []
    for split in SPLITS:
        evaluator, scores = evaluators[split], scores_of(split, best)
        metrics = evaluator.evaluate(scores, *([folder, "model1"] if folder else []))
        names.append(evaluator.get_standard_evaluation_filename(metrics, "model1"))
    return history, names


@pytest.mark.parametrize("flag", ["breastmnist", "chestmnist", "nodulemnist3d"])
@pytest.mark.parametrize("as_rgb", [False, True])
def test_the_script_gives_the_same_numbers(
    peer: ModuleType,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flag: str,
    as_rgb: bool,
) -> None:
    path = write_set(root, flag)
    with np.load(path) as arrays:
        counts = {split: len(arrays[f"{split}_labels"]) for split in SPLITS}
    monkeypatch.setitem(peer.INFO[flag], "n_samples", counts)  # the peer asserts them
    history, names = run_script(ours, flag, root, tmp_path / "results", as_rgb)
    their_history, their_names = run_script(peer, flag, root, None, as_rgb)
    np.testing.assert_allclose(history, their_history, rtol=0, atol=1e-12)
    assert names == their_names
    assert sorted(each.name for each in (tmp_path / "results").iterdir()) == sorted(names)


def test_the_script_on_the_real_file(peer: ModuleType, real_data: Path, tmp_path: Path) -> None:
    history, names = run_script(ours, "breastmnist", real_data, tmp_path)
    their_history, their_names = run_script(peer, "breastmnist", real_data, None)
    np.testing.assert_allclose(history, their_history, rtol=0, atol=1e-12)
    assert names == their_names
    assert history[-1][0] > 0.6
