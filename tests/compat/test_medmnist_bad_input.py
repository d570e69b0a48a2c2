"""What a user can get wrong, and files that are not what they should be."""

from __future__ import annotations

import logging
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from medshelf.acquire.hosts import http
from medshelf.acquire.standing.verify import digest
from medshelf.catalog.shelf import find_record
from medshelf.compat import medmnist as ours
from medshelf.compat.medmnist import files
from medshelf.core.errors import DownloadError, FormatError, MedshelfError, OfflineError
from tests.compat.medmnist_sets import write_set
from tests.medmnist_files import make_file


@pytest.fixture
def published(root: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Return the bytes of a miniature file that the record now calls the published one.

    The http host gives them, and counts how often.
    """
    path = write_set(root.parent / "server", "breastmnist")
    record = find_record("breastmnist")
    first = record.files[0].model_copy(update={"hash": digest(path), "size_bytes": None})
    changed = record.model_copy(update={"files": (first, *record.files[1:])})
    monkeypatch.setattr(files, "find_record", lambda _flag: changed)
    monkeypatch.setattr(http, "fetch", lambda _file, target, _settings: target.write_bytes(content))
    content = path.read_bytes()
    return content


@pytest.mark.parametrize(
    ("keywords", "kind", "told"),
    [
        ({"size": 32}, AssertionError, r"breastmnist has no size 32.*28, 64, 128, 224"),
        ({"size": "64"}, AssertionError, r"no size '64'"),
        ({"split": "valid"}, ValueError, r"no split 'valid'.*train, val, test"),
        ({"split": None}, ValueError, r"no split None"),
        ({"root": "/no/such"}, RuntimeError, r"root '/no/such' does not exist"),
        ({"root": None}, RuntimeError, r"root 'None' does not exist"),
        ({"size": 64}, RuntimeError, r"Dataset not found.*breastmnist_64\.npz.*download=True"),
    ],
    ids=str,
)
def test_wrong_arguments_raise_what_the_peer_raises(
    peer: ModuleType, root: Path, keywords: dict[str, Any], kind: type[Exception], told: str
) -> None:
    write_set(root, "breastmnist")
    arguments = {"split": "train", "root": root} | keywords
    with pytest.raises(kind):
        peer.BreastMNIST(**arguments)
    with pytest.raises(kind, match=f"(?s){told}") as caught:
        ours.BreastMNIST(**arguments)
    assert isinstance(caught.value, MedshelfError)


def test_volumes_have_two_sizes(root: Path) -> None:
    with pytest.raises(AssertionError, match=r"(?s)no size 128.*28, 64\."):
        ours.OrganMNIST3D("train", root=root, size=128)


@pytest.mark.parametrize("mmap_mode", ["w+", "x", ""])
def test_modes_that_would_write_are_refused(root: Path, mmap_mode: str) -> None:
    path = write_set(root, "breastmnist")
    before = path.read_bytes()
    with pytest.raises(ValueError, match=f"mmap_mode='{mmap_mode}'".replace("+", r"\+")):
        ours.BreastMNIST("train", root=root, mmap_mode=mmap_mode)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("flag", "split", "kind"),
    [("breastmnist", "dev", ValueError), ("pathmnist", "test", RuntimeError)],
)
def test_the_evaluator_refuses_them_too(
    root: Path, flag: str, split: str, kind: type[Exception]
) -> None:
    write_set(root, "breastmnist")
    with pytest.raises(kind) as caught:
        ours.Evaluator(flag, split, root=root)
    assert isinstance(caught.value, MedshelfError)
    with pytest.raises(RuntimeError, match="does not exist"):
        ours.Evaluator("breastmnist", "test", root=root / "no")


@pytest.mark.parametrize("where", ["transform", "target_transform"])
@pytest.mark.parametrize("flag", ["breastmnist", "nodulemnist3d"])
def test_a_transform_that_fails_names_the_sample(root: Path, where: str, flag: str) -> None:
    def fail(value: Any) -> Any:
        if len(calls) == 3:
            raise KeyError("mine")
        calls.append(value)
        return 0

    calls: list[Any] = []
    write_set(root, flag)
    name = ours.INFO[flag]["python_class"]
    dataset = getattr(ours, name)("val", root=root, **{where: fail})
    with pytest.raises(KeyError, match="mine") as caught:
        list(dataset)
    assert caught.value.__notes__ == [f"This was sample 3 of split 'val' of {flag}."]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_transform_that_fails_in_a_worker_names_the_sample(root: Path) -> None:
    data = pytest.importorskip("torch.utils.data")
    write_set(root, "breastmnist")
    dataset = ours.BreastMNIST("val", root=root, transform=float)
    loader = data.DataLoader(dataset, batch_size=2, num_workers=1, multiprocessing_context="fork")
    batches = iter(loader)
    with pytest.raises(TypeError, match="This was sample 0 of split 'val' of breastmnist"):
        next(batches)
    batches._shutdown_workers()  # the error's traceback keeps it alive


@pytest.mark.parametrize("content", [b"", b"PK nothing", None])
def test_a_damaged_file_is_named(root: Path, content: bytes | None) -> None:
    path = write_set(root, "breastmnist")
    path.write_bytes(path.read_bytes()[:-200] if content is None else content)
    with pytest.raises(FormatError, match=r"breastmnist\.npz"):
        ours.BreastMNIST("train", root=root)
    with pytest.raises(FormatError, match=r"breastmnist\.npz"):
        ours.Evaluator("breastmnist", "train", root=root)


def test_a_missing_array_is_named(root: Path) -> None:
    make_file(root, "breastmnist", val_labels=None)
    with pytest.raises(FormatError, match="val_labels"):
        ours.BreastMNIST("val", root=root)
    assert len(ours.BreastMNIST("train", root=root)) == 12


def test_a_file_that_is_not_the_published_one_is_opened_and_said_once(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_set(root, "breastmnist")
    for split in ("train", "val", "test"):
        ours.BreastMNIST(split, root=root)
        ours.Evaluator("breastmnist", split, root=root)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "breastmnist.npz is not the published file (md5:" in record.getMessage()
    assert "not md5:750601b1f35ba3300ea97c75c52ff8f6)" in record.getMessage()


def test_the_published_file_is_opened_in_silence(
    real_data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ours.BreastMNIST("test", root=real_data)
    assert not caplog.records


def test_download_fetches_into_the_root_once(
    root: Path, published: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = ours.BreastMNIST("train", download=True, root=root)
    assert len(dataset) == 12
    assert (root / "breastmnist.npz").read_bytes() == published
    monkeypatch.setattr(http, "fetch", lambda *_: pytest.fail("it was fetched again"))
    dataset.download()
    ours.BreastMNIST("val", download=True, root=str(root))
    assert not caplog.records


def test_download_makes_the_default_root_only(
    tmp_path: Path, published: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    default = tmp_path / "user" / ".medmnist"
    monkeypatch.setattr(files, "DEFAULT_ROOT", str(default))
    with pytest.raises(RuntimeError, match="Dataset not found"):
        ours.BreastMNIST("train", root=str(default))
    assert not default.exists()
    ours.BreastMNIST("train", download=True, root=str(default))
    assert (default / "breastmnist.npz").read_bytes() == published
    with pytest.raises(RuntimeError, match="does not exist"):
        ours.BreastMNIST("train", download=True, root=tmp_path / "other")


def test_download_does_not_stop_at_a_folder_of_the_datasets_name(
    root: Path, published: bytes
) -> None:
    (root / "breastmnist").mkdir()
    (root / "breastmnist" / "breastmnist.npz").write_bytes(published)
    ours.BreastMNIST("train", download=True, root=root)
    assert (root / "breastmnist.npz").read_bytes() == published


def test_download_replaces_a_file_with_other_bytes_and_says_so(
    root: Path, published: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (root / "breastmnist.npz").write_bytes(published[:5000])
    assert len(ours.BreastMNIST("train", download=True, root=root)) == 12
    assert (root / "breastmnist.npz").read_bytes() == published
    assert ["will be replaced" in each.getMessage() for each in caplog.records] == [True]


@pytest.mark.parametrize("before", [None, b"precious"])
def test_a_download_that_fails_gives_cause_and_address(
    root: Path, monkeypatch: pytest.MonkeyPatch, before: bytes | None
) -> None:
    monkeypatch.setenv("MEDSHELF_OFFLINE", "1")
    target = root / "pathmnist_64.npz"
    if before:
        target.write_bytes(before)
    with pytest.raises(RuntimeError, match="MEDSHELF_OFFLINE is set") as caught:
        ours.PathMNIST("train", download=True, root=root, size=64)
    assert isinstance(caught.value, DownloadError)
    assert isinstance(caught.value.__cause__, OfflineError)
    told = str(caught.value)
    facts = ours.INFO["pathmnist"]
    assert facts["url_64"] in told
    assert facts["MD5_64"] in told
    assert str(root) in told
    assert target.exists() == bool(before)


def test_labels_and_images_of_unequal_length_are_not_saved(root: Path, tmp_path: Path) -> None:
    write_set(root, "breastmnist")
    dataset = ours.BreastMNIST("train", root=root)
    dataset.labels = dataset.labels[:5]
    with pytest.raises(MedshelfError, match="12 images and 5 labels"):
        dataset.save(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    dataset.imgs = np.zeros((5, 28, 28), np.uint8)
    dataset.save(tmp_path / "out")
