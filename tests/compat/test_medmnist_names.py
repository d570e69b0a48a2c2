"""The names, the facts in INFO, and what importing them costs."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from medshelf.catalog.lineage import source_records
from medshelf.catalog.shelf import dataset_ids, find_record
from medshelf.compat import medmnist as ours
from medshelf.compat.medmnist import info, samples
from tests.compat.medmnist_sets import write_set

PAGE = Path(__file__).parents[2] / "docs" / "medmnist.md"

WITHOUT_EXTRAS = """
import sys
for name in ("torch", "torchvision", "pandas", "sklearn", "skimage", "fire"):
    sys.modules[name] = None
from medshelf.compat import medmnist
loaded = {"numpy", "polars", "pydantic"} & set(sys.modules)
assert not loaded, loaded
from medshelf.compat.medmnist import INFO, BreastMNIST, Evaluator
dataset = BreastMNIST(split="test", root=sys.argv[1])
image, target = dataset[0]
assert (image.mode, image.size, target.shape) == ("L", (28, 28), (1,))
evaluator = Evaluator("breastmnist", "test", root=sys.argv[1])
print(evaluator.evaluate(evaluator.labels, sys.argv[1], run="x"))
dataset.montage(2)
dataset.save(sys.argv[1])
"""


def test_info_is_the_peers_but_for_the_prose(peer: ModuleType) -> None:
    assert list(ours.INFO) == list(peer.INFO)
    for flag, facts in peer.INFO.items():
        mine = dict(ours.INFO[flag])
        assert list(mine) == list(facts)
        assert mine.pop("description") != facts["description"]
        assert mine == {key: value for key, value in facts.items() if key != "description"}
        assert list(mine["label"]) == list(facts["label"])


def test_info_has_every_set_of_the_catalog() -> None:
    records = [find_record(each) for each in dataset_ids()]
    assert set(ours.INFO) == {each.id for each in records if each.collection == "MedMNIST"}
    for flag, facts in ours.INFO.items():
        described = facts["description"]
        assert described.startswith(f"{facts['python_class']} holds ")
        assert described.count("\n") == 0
        total = sum(facts["n_samples"].values())
        assert re.search(rf"\b{total:,} (grey|RGB) (image|volume)s\b", described)
        sizes = getattr(ours, facts["python_class"]).available_sizes
        assert sizes == [int(each) for each in find_record(flag).choices("size")]


def test_sources_are_named() -> None:
    for flag, facts in ours.INFO.items():
        _, *sources = source_records(find_record(flag))
        assert sources or flag in {"adrenalmnist3d", "synapsemnist3d"}
        assert all(each.name in facts["description"] for each in sources)


def test_every_public_name_of_the_peer_is_here(peer: ModuleType) -> None:
    assert ours.__version__ == peer.__version__
    assert ours.HOMEPAGE == peer.HOMEPAGE
    for name in ("dataset", "evaluator", "info"):
        mine, theirs = getattr(ours, name), getattr(peer, name)
        for public, value in vars(theirs).items():
            of_the_peer = getattr(value, "__module__", "").startswith("medmnist")
            if public.startswith("_") or public == "get_default_root":
                continue
            if of_the_peer or public.isupper():
                assert hasattr(mine, public), f"{name}.{public}"
    for public in dir(peer):
        if not public.startswith("_") and public != "utils":
            assert getattr(ours, public), public
            assert public in dir(ours)


def test_signatures_are_the_peers(peer: ModuleType) -> None:
    pairs = [
        (ours.PathMNIST.__init__, peer.PathMNIST.__init__),
        (ours.PathMNIST.save, peer.PathMNIST.save),
        (ours.PathMNIST.montage, peer.PathMNIST.montage),
        (ours.OrganMNIST3D.save, peer.OrganMNIST3D.save),
        (ours.OrganMNIST3D.montage, peer.OrganMNIST3D.montage),
        (ours.Evaluator.__init__, peer.Evaluator.__init__),
        (ours.Evaluator.evaluate, peer.Evaluator.evaluate),
        (ours.getAUC, peer.evaluator.getAUC),
        (ours.getACC, peer.evaluator.getACC),
        (ours.save_results, peer.evaluator.save_results),
    ]
    for mine, theirs in pairs:
        parameters, their_parameters = (
            [
                (each.name, each.kind, each.name == "root" or each.default)
                for each in inspect.signature(function).parameters.values()
            ]
            for function in (mine, theirs)
        )
        assert parameters == their_parameters, mine


def test_old_names_are_the_new_classes() -> None:
    assert ours.dataset.OrganMNISTAxial is ours.OrganAMNIST
    assert ours.dataset.OrganMNISTCoronal is ours.OrganCMNIST
    assert ours.dataset.OrganMNISTSagittal is ours.OrganSMNIST


def test_classes_are_found_by_the_name_in_info() -> None:
    for flag, facts in ours.INFO.items():
        found = getattr(ours, facts["python_class"])
        assert found.flag == flag
        assert issubclass(found, samples.MedMNIST3D if flag.endswith("3d") else samples.MedMNIST2D)


def test_the_default_root_is_named_and_not_made() -> None:
    assert Path(info.DEFAULT_ROOT).name == ".medmnist"
    assert isinstance(info.DEFAULT_ROOT, str)


@pytest.mark.parametrize("module", [ours, info])
def test_other_names_are_refused(module: ModuleType) -> None:
    with pytest.raises(AttributeError, match=r"medmnist.* has no attribute 'NoSuchMNIST'"):
        module.NoSuchMNIST  # noqa: B018


def test_star_imports_the_names() -> None:
    names: dict[str, object] = {}
    exec("from medshelf.compat.medmnist import *", names)
    assert names["BloodMNIST"] is ours.BloodMNIST
    assert names["INFO"] is ours.INFO


def test_it_works_without_torch_and_the_peers_other_needs(root: Path) -> None:
    write_set(root, "breastmnist")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS, str(root)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Metrics(AUC=1.0, ACC=1.0)\n"
    assert (root / "breastmnist_test_[AUC]1.000_[ACC]1.000@x.csv").is_file()
    assert not (Path.home() / ".medmnist").exists()


def test_the_page_names_only_what_exists() -> None:
    for module, name in re.findall(
        r"from (medshelf\.compat[.\w]*) import (\w+)", PAGE.read_text("utf-8")
    ):
        namespace: dict[str, object] = {}
        exec(f"from {module} import {name}", namespace)
        assert namespace[name]
