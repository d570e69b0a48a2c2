"""Which runs a request consists of, and what is refused before any work."""

from __future__ import annotations

from pathlib import Path

import pytest

from medshelf.api import Files, Request
from medshelf.api.opening import read_labels
from medshelf.api.ordering import order_runs, seed_list
from medshelf.benchmark.runs import Settings
from medshelf.core.errors import (
    FormatError,
    MedshelfError,
    NotFetchedError,
    RunError,
    SettingError,
    UnknownNameError,
)
from tests.medmnist_files import make_file

SETS = ("breastmnist", "retinamnist", "organmnist3d")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    for dataset in SETS:
        make_file(tmp_path / "raw", dataset)
    return Files(tmp_path / "raw", allow_modified=True)


def names(request: Request) -> list[tuple[str, str, str, int]]:
    return [
        (each.spec.dataset, each.spec.protocol, each.spec.model, each.spec.seed)
        for each in order_runs(request).orders
    ]


def test_a_matrix_goes_by_dataset_then_model_then_seed(files: Files) -> None:
    request = Request(
        datasets=("retinamnist", "breastmnist"),
        models=("resnet50", "knn"),
        seeds=(7, 0),
        files=files,
    )
    assert names(request) == [
        (dataset, "medmnist-28", model, seed)
        for dataset in ("retinamnist", "breastmnist")
        for model in ("resnet50", "knn")
        for seed in (7, 0)
    ]


def test_protocol_and_model_go_by_the_datasets_axes(files: Files) -> None:
    assert names(Request(datasets=SETS[1:], seeds=1, files=files)) == [
        ("retinamnist", "medmnist-28", "resnet18", 0),
        ("organmnist3d", "medmnist3d-28", "resnet18-3d", 0),
    ]


def test_all_is_what_fits_and_is_at_hand_and_names_the_rest(files: Files) -> None:
    ordered = order_runs(Request(every=True, seeds=1, files=files))
    assert sorted(each.spec.dataset for each in ordered.orders) == sorted(SETS)
    assert len(ordered.missing) == 18 - len(SETS)
    (missing,) = [each for each in ordered.missing if each.dataset == "pathmnist"]
    assert "medshelf fetch pathmnist --size 28" in missing.remedy
    volumes = order_runs(Request(every=True, protocol="medmnist3d-28", seeds=1, files=files))
    assert [each.spec.dataset for each in volumes.orders] == ["organmnist3d"]
    assert len(volumes.missing) == 5
    planar = order_runs(Request(every=True, models=("resnet18",), seeds=1, files=files))
    assert {each.spec.protocol for each in planar.orders} == {"medmnist-28"}
    with_phantom = Request(datasets=("phantom-grey-binary",), every=True, seeds=1)
    assert [each.spec.dataset for each in order_runs(with_phantom).orders] == [
        "phantom-grey-binary"
    ]


def test_settings_reach_the_runs(files: Files, tmp_path: Path) -> None:
    weights = tmp_path / "some.pt"
    weights.write_bytes(b"weights")
    settings = Settings(
        epochs=2, precision="bfloat16", deterministic=True, weights=weights, compiled=True
    )
    (order,) = order_runs(
        Request(datasets=SETS[:1], seeds=1, settings=settings, files=files)
    ).orders
    spec = order.spec
    assert (spec.epochs, spec.precision, spec.deterministic) == (2, "bfloat16", True)
    assert spec.compiled
    assert spec.weights.startswith("sha256:")
    assert order.settings == settings
    assert order.n_train == 12


def test_few_shots_are_drawn_by_the_seed(files: Files) -> None:
    request = Request(datasets=("breastmnist",), protocol="few-shot-1", seeds=2, files=files)
    first, second = order_runs(request).orders
    assert first.n_train == 2
    drawn = [files(each)["train"].table["sample_id"].to_list() for each in (first, second)]
    assert drawn[0] == files(first)["train"].table["sample_id"].to_list()
    assert drawn[0] != drawn[1]
    assert len(files(first)["val"]) == 6


def test_another_dataset_is_tested_on_in_our_classes(files: Files, tmp_path: Path) -> None:
    make_file(tmp_path / "raw", "pneumoniamnist")
    labels = tmp_path / "labels.yaml"
    labels.write_text("malignant: ill\npneumonia: ill\n'normal, benign': well\nnormal: well\n")
    crossed = Files(files.root, allow_modified=True, test_on="pneumoniamnist", labels=labels)
    request = Request(
        datasets=("breastmnist",), protocol="cross-dataset-28", seeds=1, files=crossed
    )
    (order,) = order_runs(request).orders
    assert order.spec.tested_on == "pneumoniamnist"
    assert order.spec.files["labels"].startswith("sha256:")
    assert "pneumoniamnist.npz" in order.spec.files
    test = crossed(order)["test"]
    assert test.classes == ("malignant", "normal, benign")
    assert (test.targets == [1, 0] * 4 + [1]).all()


def test_damaged_files_of_labels(tmp_path: Path) -> None:
    path = tmp_path / "labels.yaml"
    for content, said in (
        (b"- nevus\n", "no mapping of names to names"),
        (b"a: [b]\n", "no mapping of names to names"),
        (b"a: 'b\n", "Cannot read"),
        (b"\xff\xfe\x00\x01", "Cannot read"),
        (b"a" * 1_000_001, "more than 1,000,000 bytes"),
    ):
        path.write_bytes(content)
        with pytest.raises(FormatError, match=said):
            read_labels(path)
    with pytest.raises(FormatError, match="Cannot read"):
        read_labels(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"seeds": (0, 1, 1)}, SettingError, "The seed 1 is named twice: 0, 1, 1"),
        ({"seeds": ()}, SettingError, "The seeds .* are none"),
        ({"seeds": (-1,)}, SettingError, "hold a negative one"),
        ({"seeds": 0}, SettingError, "The seeds 0 are none"),
        (
            {"datasets": ("breastmnist",) * 2},
            SettingError,
            "The dataset breastmnist is named twice",
        ),
        ({"models": ("resnet18",) * 2}, SettingError, "The model resnet18 is named twice"),
        ({"datasets": ()}, RunError, "(?s)No dataset is named.*--all"),
        ({"datasets": ("brestmnist",)}, UnknownNameError, "Did you mean: breastmnist"),
        ({"models": ("resnet19",)}, UnknownNameError, "Did you mean: resnet18"),
        ({"protocol": "medmnist-29"}, UnknownNameError, "Did you mean: medmnist-28"),
        (
            {"datasets": ("organmnist3d",), "protocol": "medmnist-28"},
            RunError,
            r"(?s)is for 2D images, 'organmnist3d' has 3D.*Protocols for it: medmnist3d-28, .*"
            "resnet18-3d",
        ),
        (
            {"datasets": ("organmnist3d",), "models": ("resnet18",)},
            RunError,
            "(?s)Model 'resnet18' is for 2D images, 'organmnist3d' has 3D.*models: .*resnet18-3d",
        ),
        (
            {"datasets": ("phantom-grey-binary",), "protocol": "medmnist+-128"},
            RunError,
            r"(?s)is for files of 128 pixels, 'phantom-grey-binary' has 28, 64.*medmnist\+-64",
        ),
        ({"datasets": ("medqa",)}, RunError, "'medqa' is no set of images of one size"),
        ({"protocol": "cross-dataset-28"}, RunError, "(?s)tests on another dataset.*--test-on"),
        ({"files": Files(test_on="x")}, RunError, "(?s)takes none.*cross-dataset-28"),
        ({"datasets": ("pathmnist",)}, NotFetchedError, "medshelf fetch pathmnist --size 28"),
        ({"settings": Settings(weights=Path("none.pt"))}, FormatError, r"none\.pt"),
    ],
)
def test_what_cannot_be_run_is_refused_before_any_work(
    files: Files,
    tmp_path: Path,
    options: dict[str, object],
    error: type[MedshelfError],
    message: str,
) -> None:
    asked = {"datasets": ("breastmnist",), "files": files} | options
    with pytest.raises(error, match=message):
        order_runs(Request(**asked))  # type: ignore[arg-type]
    assert not (tmp_path / "home" / "runs").exists()


def test_seeds_as_number_and_as_list() -> None:
    assert seed_list(3) == (0, 1, 2)
    assert seed_list(iter([5, 2])) == (5, 2)
