"""Fits on frozen features of a network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import medshelf
from medshelf.benchmark.fits import open_fit
from medshelf.benchmark.fits.fit import Assignment
from medshelf.benchmark.metrics import auc
from medshelf.benchmark.protocol import LinearProbe, Neighbours, find_protocol
from medshelf.core.errors import FormatError, RunError
from medshelf.dataset.labelled_images import LabelledImages

torch = pytest.importorskip("torch")

from medshelf.benchmark.fits.frozen import NETWORK, PROBE  # noqa: E402
from medshelf.benchmark.models import build_network  # noqa: E402
from medshelf.benchmark.models.features import features  # noqa: E402
from medshelf.benchmark.models.weights import write_weights  # noqa: E402

PROBES = LinearProbe(kind="linear-probe", strengths=(0.01, 1))
SMALL = "tests.benchmark.test_frozen:Small"
VOTES = Neighbours(kind="knn", counts=(1, 3))


class Tiny(torch.nn.Module):
    """Whose features are the mean colour; a linear layer of the same width runs before."""

    def __init__(self, n_outputs: int = 2) -> None:
        super().__init__()
        self.head = torch.nn.Linear(3, n_outputs)
        self.first = torch.nn.Linear(3, n_outputs)
        self.drop = torch.nn.Dropout(0.9)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.first(x.amax(dim=(2, 3)))
        return self.head(self.drop(x.mean(dim=(2, 3))))


class Small(torch.nn.Module):
    """A network of the user's own, fast enough to be run often."""

    def __init__(self, channels: int, n_outputs: int) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(channels, 8, 5, 3)
        self.norm = torch.nn.BatchNorm2d(8)
        self.head = torch.nn.Linear(8, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.conv(x)).relu().mean(dim=(2, 3)))


def open_splits(dataset: str, n: int = 40) -> dict[str, LabelledImages]:
    return {split: medshelf.load(dataset, split)[:n] for split in ("train", "val", "test")}


def assigned(
    folder: Path, fit: LinearProbe | Neighbours = PROBES, dataset: str = "phantom-grey-binary"
) -> Assignment:
    name = "linear-probe-28" if isinstance(fit, LinearProbe) else "knn-28"
    return Assignment(
        protocol=find_protocol(name).model_copy(update={"fit": fit}),
        dataset=dataset,
        task=medshelf.load(dataset, "train").task,
        model=SMALL,
        seed=0,
        epochs=1,
        device="cpu",
        precision="float32",
        deterministic=False,
        weights=None,
        folder=folder / "run",
    )


def test_features_are_what_the_last_linear_layer_that_runs_is_given() -> None:
    network = Tiny().train()
    images = torch.rand(5, 3, 4, 4)
    state = torch.get_rng_state()
    found = features(network, [images[:2], images[2:]], 2)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, images.mean(dim=(2, 3)).numpy())
    assert network.training
    assert torch.equal(torch.get_rng_state(), state)
    assert not network.head._forward_pre_hooks


@pytest.mark.parametrize("kind", ["no linear layer", "other width", "several rows per image"])
def test_a_network_without_features_is_refused(kind: str) -> None:
    network: torch.nn.Module = torch.nn.Linear(4, 3 if kind == "other width" else 2)
    if kind == "no linear layer":
        network = torch.nn.Flatten()
    with pytest.raises(RunError, match=r"does not end in a linear layer of one row per image"):
        features(network, [torch.rand(5, 3, 4)], 2)


def test_features_that_are_not_finite_are_named() -> None:
    images = torch.rand(4, 3, 2, 2)
    images[2] = torch.nan
    with pytest.raises(RunError, match=r"features of image 2 by Tiny are not finite"):
        features(Tiny(), [images], 2)


@pytest.mark.parametrize("dataset", ["phantom-grey-multi-label", "phantom-rgb-multi-class"])
@pytest.mark.parametrize("fit", [PROBES, VOTES], ids=["probe", "votes"])
def test_a_run_gives_the_same_twice(
    fit: LinearProbe | Neighbours, dataset: str, tmp_path: Path
) -> None:
    data = open_splits(dataset)
    first = open_fit(assigned(tmp_path / "a", fit, dataset))
    outcome = first.run(data)
    torch.manual_seed(99)
    second = open_fit(assigned(tmp_path / "b", fit, dataset))
    again = second.run(data)
    assert (again.choice, again.value, again.history) == (
        *(outcome.choice, outcome.value, outcome.history),
    )
    assert outcome.notes[0] == "features of an untrained network"
    assert outcome.cost.parameters is not None
    assert outcome.cost.macs is not None
    assert len(outcome.history) == 2
    task, scores = data["val"].task, first.predict(data["val"])
    assert scores.dtype == np.float32
    assert outcome.value == pytest.approx(auc(task, data["val"].targets, scores))
    found = first.predict(data["test"])
    np.testing.assert_array_equal(second.predict(data["test"]), found)
    np.testing.assert_allclose(first.predict(data["test"].images()), found, atol=1e-6)


def test_another_seed_is_another_network(tmp_path: Path) -> None:
    data = open_splits("phantom-grey-binary", 20)
    asked = assigned(tmp_path)
    fits = [open_fit(replace(asked, seed=seed, folder=tmp_path / str(seed))) for seed in (0, 1)]
    for each in fits:
        each.run(data)
    one, other = (each.predict(data["test"]) for each in fits)
    assert not np.array_equal(one, other)


def test_a_finished_linear_probe_predicts(tmp_path: Path) -> None:
    data, asked = open_splits("phantom-grey-binary"), assigned(tmp_path)
    fit = open_fit(asked)
    fit.run(data)
    fit.close()
    assert sorted(each.name for each in sorted(asked.folder.iterdir())) == [NETWORK, PROBE]
    finished = open_fit(replace(asked, seed=5))
    np.testing.assert_array_equal(finished.predict(data["test"]), fit.predict(data["test"]))


def test_finished_neighbours_need_their_training_set(tmp_path: Path) -> None:
    data = open_splits("phantom-grey-binary")
    open_fit(assigned(tmp_path, VOTES)).run(data)
    with pytest.raises(RunError, match=r"(?s)needs its training set.*linear-probe"):
        open_fit(assigned(tmp_path, VOTES)).predict(data["test"])


def test_weights_of_a_network_with_other_classes_are_taken(tmp_path: Path) -> None:
    asked = replace(assigned(tmp_path), model="resnet18")
    torch.manual_seed(7)
    other = build_network("resnet18", asked.protocol, 9)
    path = tmp_path / "other.safetensors"
    write_weights(other, path, {})
    data = open_splits("phantom-grey-binary", 12)
    found = open_fit(replace(asked, weights=path)).run(data)
    assert found.notes == []
    kept = build_network("resnet18", asked.protocol, 2)
    from medshelf.benchmark.models.weights import load_weights

    load_weights(kept, asked.folder / NETWORK)
    state, expected = kept.state_dict(), other.state_dict()
    same = [name for name in state if torch.equal(state[name], expected[name])]
    last = [name for name in state if name.startswith("linear.")]
    assert sorted({*state} - {*same}) == sorted(last)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    write_weights(Tiny(), path, {})
    asked = replace(assigned(tmp_path), weights=path)
    with pytest.raises(RunError, match="does not fit the network"):
        open_fit(asked).run(open_splits("phantom-grey-binary", 20))
    assert not asked.folder.exists()


def test_a_model_that_is_no_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="'knn' has no features"):
        open_fit(replace(assigned(tmp_path), model="knn"))


def test_a_finished_run_without_its_files_is_told(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"probe\.npz"):
        open_fit(assigned(tmp_path)).predict(medshelf.load("phantom-grey-binary", "test")[:5])


def test_low_precision_is_another_result(tmp_path: Path) -> None:
    data = open_splits("phantom-grey-binary", 12)
    asked = assigned(tmp_path)
    found = []
    for precision in ("float32", "bfloat16"):
        fit = open_fit(replace(asked, precision=precision, folder=tmp_path / precision))
        fit.run(data)
        found.append(fit.predict(data["test"]))
    assert not np.array_equal(*found)
