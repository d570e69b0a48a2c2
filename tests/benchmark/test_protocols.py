"""Protocol records: what they are called, what they say, and that they can be built."""

from __future__ import annotations

from pathlib import Path

import pytest

from medshelf.benchmark.models import build_network, find_model, model_names
from medshelf.benchmark.protocol import (
    PROTOCOLS,
    LinearProbe,
    Neighbours,
    Training,
    find_protocol,
    protocol_ids,
    read_protocol,
)
from medshelf.core.errors import FormatError, UnknownNameError

EXPECTED = {
    "cross-dataset-28",
    *(f"few-shot-{count}" for count in (1, 5, 10, 20)),
    *("knn-28", "knn-224", "linear-probe-28", "linear-probe-224"),
    *("medmnist-28", "medmnist-224-upsampled"),
    *("medmnist+-64", "medmnist+-128", "medmnist+-224"),
    *("medmnist3d-28", "medmnist3d-64"),
}


def test_every_protocol_that_is_promised_is_there() -> None:
    assert set(protocol_ids()) == EXPECTED


@pytest.mark.parametrize("name", protocol_ids())
def test_a_protocol_is_named_as_its_file_and_builds_its_networks(name: str) -> None:
    protocol = find_protocol(name)
    assert protocol.id == name
    assert protocol.title
    assert all(note.endswith(".") for note in protocol.notes)
    assert protocol.notes
    for model in ("resnet18",) if protocol.data.dimensions == 2 else ("resnet18-acs",):
        network = build_network(model, protocol, 3)
        stem = next(network.parameters())
        assert stem.shape[1] == protocol.data.channels
        assert stem.shape[-1] == (7 if protocol.network_form == "imagenet" else 3)


def test_titles_and_names_in_tables_are_unique() -> None:
    protocols = [find_protocol(name) for name in protocol_ids()]
    assert len({each.title for each in protocols}) == len(protocols)
    methods = {(each.method_suffix, each.data.dimensions) for each in protocols}
    assert len(methods) == len(protocols)


@pytest.mark.parametrize("name", ["medmnist-28", "medmnist-224-upsampled", "medmnist3d-28"])
def test_the_published_recipes(name: str) -> None:
    protocol = find_protocol(name)
    fit, data = protocol.fit, protocol.data
    assert isinstance(fit, Training)
    assert (fit.epochs, fit.optimiser.learning_rate) == (100, 0.001)
    assert (fit.schedule.milestones, fit.schedule.gamma) == ((0.5, 0.75), 0.1)
    assert (protocol.selection.split, protocol.selection.metric) == ("val", "auc")
    assert data.size == 28
    if data.dimensions == 2:
        assert (fit.batch_size, data.mean, data.std, data.channels) == (128, 0.5, 0.5, 3)
        assert data.shape_factor is None
    else:
        assert (fit.batch_size, data.mean, data.std, data.channels) == (32, 0, 1, 1)
        assert data.shape_factor is not None
        assert data.shape_factor.datasets == ("adrenalmnist3d", "vesselmnist3d")
        assert (data.shape_factor.train, data.shape_factor.evaluation) == ("uniform", 0.5)


def test_sizes_and_forms() -> None:
    seen = {
        name: (protocol.data.size, protocol.data.edge, protocol.network_form)
        for name in protocol_ids()
        if "medmnist" in name and (protocol := find_protocol(name))
    }
    assert seen == {
        "medmnist+-128": (128, 128, "small-image"),
        "medmnist+-224": (224, 224, "imagenet"),
        "medmnist+-64": (64, 64, "small-image"),
        "medmnist-224-upsampled": (28, 224, "imagenet"),
        "medmnist-28": (28, 28, "small-image"),
        "medmnist3d-28": (28, 28, "small-image"),
        "medmnist3d-64": (64, 64, "small-image"),
    }


def test_what_is_not_training_says_what_is_tried() -> None:
    probe, near = find_protocol("linear-probe-224"), find_protocol("knn-28")
    assert isinstance(probe.fit, LinearProbe)
    assert isinstance(near.fit, Neighbours)
    assert probe.epochs == near.epochs == 1
    assert list(probe.fit.strengths) == sorted(probe.fit.strengths)
    assert list(near.fit.counts) == sorted(near.fit.counts)
    assert find_protocol("few-shot-5").few_shot.per_class == 5  # type: ignore[union-attr]
    assert find_protocol("cross-dataset-28").test_on == "other"


def test_few_shot_differs_from_the_whole_only_in_the_samples() -> None:
    whole, few = find_protocol("medmnist-28"), find_protocol("few-shot-10")
    told_apart = {"id", "title", "method_suffix", "few_shot", "notes"}
    assert whole.model_dump(exclude=told_apart) == few.model_dump(exclude=told_apart)


def test_an_unknown_protocol_is_refused_with_near_names() -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean: .*medmnist-28"):
        find_protocol("mednist-28")
    with pytest.raises(UnknownNameError):
        find_protocol("../protocols/medmnist-28")


@pytest.mark.parametrize(
    ("line", "reason"),
    [("epochs: 100", "fit"), ("size: 28", "size"), ("network_form: small-image", "network_form")],
)
def test_a_damaged_protocol_names_the_field(tmp_path: Path, line: str, reason: str) -> None:
    text = (PROTOCOLS / "medmnist-28.yaml").read_text("utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace(line, line.partition(":")[0] + ": nothing"), "utf-8")
    with pytest.raises(FormatError, match=reason):
        read_protocol(path)


def test_published_names_are_those_of_the_table() -> None:
    names = {name: find_model(name).published_name for name in model_names()}
    expected = {
        "resnet18": "ResNet-18",
        "resnet50": "ResNet-50",
        "resnet18-2.5d": "ResNet-18 + 2.5D",
        "resnet18-3d": "ResNet-18 + 3D",
        "resnet18-acs": "ResNet-18 + ACS",
        "resnet50-2.5d": "ResNet-50 + 2.5D",
        "resnet50-3d": "ResNet-50 + 3D",
        "resnet50-acs": "ResNet-50 + ACS",
    }
    assert names.items() >= expected.items()
    planar = {
        f"{expected[name]}{find_protocol('medmnist-28').method_suffix}"
        for name in names
        if name in ("resnet18", "resnet50")
    }
    assert planar == {"ResNet-18 (28)", "ResNet-50 (28)"}
