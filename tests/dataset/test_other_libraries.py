"""Each adapter, read back by the library that it is for, with the values compared."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from medshelf.core.errors import SettingError
from medshelf.core.tasks import Task, TaskKind
from medshelf.dataset.dataset import Dataset
from medshelf.formats import nifti_writer
from medshelf.formats.raster import Raster
from tests.contract import making
from tests.dataset.trees import FINDINGS, fixture, greys, medium, segmented, table

pytestmark = pytest.mark.filterwarnings("ignore:NvImgCodecPydicomReader")  # of MONAI

STATE = Task("state", TaskKind.BINARY, ("ill", "well"))


def library(name: str) -> Any:
    """Import a library; what it says of others while it is imported is not our affair."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


@pytest.fixture
def torch() -> Any:
    return library("torch")


def oblong(root: Path) -> Dataset:
    """A volume whose every voxel differs, with an affine that is not diagonal, and its mask."""
    values = np.arange(60, dtype=np.uint16).reshape(3, 4, 5)
    affine = np.array([[0, 2.0, 0, 5], [3.0, 0, 0, 6], [0, 0, 4.0, 7], [0, 0, 0, 1]])
    nifti_writer.write(root / "i.nii.gz", Raster(values, "XYZ", affine=affine))
    mask = (values > 40).astype(np.uint8)
    nifti_writer.write(root / "m.nii.gz", Raster(mask, "XYZ", affine=affine))
    media = [medium("i.nii.gz", name="ct"), medium("m.nii.gz", "mask")]
    rows = [{"sample_id": "a", "label": "ill", "media": media}]
    return table(rows, root, tasks=(STATE,), options={"legend": "0=background; 1=liver"})


def colours(root: Path) -> Dataset:
    """RGB pictures in which every value differs, one with a mask, labels and a report."""
    values = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)
    rows = []
    for number in range(2):
        Image.fromarray(values + number).save(root / f"{number}.png")
        row = {
            "sample_id": f"{number}",
            "media": [medium(f"{number}.png")],
            "labels": [{"task": "findings", "name": "Effusion", "value": float(number)}],
            "text": {"report": f"Report {number}."},
            "age_years": 50.0 + number,
        }
        rows.append(row)
    making.mask(root / "m.png", 5, shape=(4, 6))
    rows[0]["media"].append(medium("m.png", "mask"))  # type: ignore[attr-defined]
    return table(rows, root, tasks=(FINDINGS,), options={"legend": "0=background; 255=polyp"})


def test_tensors_of_volumes_are_channel_z_y_x(tmp_path: Path, torch: Any) -> None:
    (item,) = list(oblong(tmp_path).torch())
    values = np.arange(60).reshape(3, 4, 5)
    assert item["image"].dtype == torch.int32
    np.testing.assert_array_equal(item["image"].numpy(), values.transpose(2, 1, 0)[None])
    assert item["mask"].dtype == torch.int32
    np.testing.assert_array_equal(item["mask"].numpy(), values.transpose(2, 1, 0)[None] > 40)
    assert (item["id"], item["label"].item(), item["label"].dtype) == ("a", 0, torch.int64)


def test_tensors_of_pictures_and_what_is_not_stated(tmp_path: Path, torch: Any) -> None:
    first, second = list(colours(tmp_path).torch())
    values = np.arange(72).reshape(4, 6, 3).transpose(2, 0, 1)
    np.testing.assert_array_equal(second["image"].numpy(), values + 1)
    assert first["image"].dtype == torch.uint8
    assert (first["mask"] == 255).sum() == 5
    assert (second["mask"] == -1).all()
    np.testing.assert_array_equal(second["label"].numpy(), [np.nan, 1])
    rows = [{"sample_id": "a", "media": [medium("0.png")]}]
    unknown = table(rows, tmp_path, tasks=(STATE,)).torch()[0]
    assert unknown["label"].item() == -100
    wrong = table([{"sample_id": "a", "label": "odd"}], tmp_path, tasks=(STATE,))
    with pytest.raises(SettingError, match="'odd' of sample a is no class of task 'state'"):
        wrong.torch()[0]


@pytest.mark.usefixtures("torch")
def test_images_become_channels_in_the_order_that_is_asked_for(tmp_path: Path) -> None:
    found = fixture("msd_prostate", tmp_path)
    for order in (["T2", "ADC"], ["ADC", "T2"]):
        for item in found.torch(images=order, masks=[]):
            wanted = [greys("msd_prostate")[item["id"]][name] for name in order]
            assert item["image"].shape == (2, 6, 5, 4)
            assert item["image"][:, 0, 0, 0].tolist() == wanted
    partial = fixture("image_masks_channels", tmp_path / "partial")
    with pytest.raises(SettingError, match=r"(?s)P_003 has no image 'flair'.*this one has: t1"):
        list(partial.torch(masks=[]))
    assert len(list(partial.torch(images=["t1"], masks=[]))) == 4


@pytest.mark.usefixtures("torch")
def test_a_mask_with_channels_keeps_them(tmp_path: Path) -> None:
    array = np.arange(60, dtype=np.float64).reshape(4, 5, 3)
    np.save(tmp_path / "m.npy", array)
    making.picture(tmp_path / "i.png", 9, (4, 5))
    media = [medium("i.png"), medium("m.npy", "mask")]
    (item,) = table([{"sample_id": "a", "media": media}], tmp_path, dimensions=2).torch()
    np.testing.assert_array_equal(item["mask"].numpy(), array.transpose(2, 0, 1))


def half(item: dict[str, Any]) -> Any:
    return item["image"] / 2


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_workers_of_a_loader(tmp_path: Path, torch: Any) -> None:
    """Forked ones; what spawned ones need besides is that it can be pickled."""
    found = segmented(tmp_path, 4).torch(half)
    loader = torch.utils.data.DataLoader(found, 2, num_workers=2, multiprocessing_context="fork")
    values = [float(image.unique()) for batch in loader for image in batch]
    assert values == [5.0, 5.5, 6.0, 6.5]
    copy = pickle.loads(pickle.dumps(found))
    assert [float(image.unique()) for image in copy] == values


def test_default_collation_of_items(tmp_path: Path, torch: Any) -> None:
    (batch,) = torch.utils.data.DataLoader(segmented(tmp_path).torch(), 3)
    assert batch["image"].shape == batch["mask"].shape == (3, 1, 8, 8, 8)
    assert batch["mask"].sum(dim=(1, 2, 3, 4)).tolist() == [100, 101, 102]
    assert batch["id"] == ["v0", "v1", "v2"]


@pytest.mark.usefixtures("torch")
def test_a_transform_that_fails_names_the_sample(tmp_path: Path) -> None:
    with pytest.raises(KeyError) as caught:
        segmented(tmp_path).torch(lambda item: item["none"])[1]
    assert caught.value.__notes__ == ["This was sample v1 of made."]


@pytest.fixture
def monai() -> Any:
    return library("monai.transforms")


def test_monai_reads_plain_files_as_with_its_own_reader(tmp_path: Path, monai: Any) -> None:
    library("nibabel")
    found = oblong(tmp_path)
    (item,) = found.monai()
    assert item["image"] == str(tmp_path / "i.nii.gz")
    assert item["class"] == 0
    ours = monai.LoadImaged(["image", "label"], reader=found.monai_reader())(item)
    theirs = monai.LoadImaged(["image", "label"], ensure_channel_first=True)(item)
    for key in ("image", "label"):
        assert ours[key].shape == (1, 3, 4, 5)
        np.testing.assert_array_equal(ours[key].numpy(), theirs[key].numpy())
        np.testing.assert_allclose(ours[key].affine, theirs[key].affine)
    turned = monai.Orientationd(["image"], axcodes="RAS", labels=None)(ours)
    assert turned["image"].shape == (1, 4, 3, 5)


def test_monai_reads_pictures_and_their_masks(tmp_path: Path, monai: Any) -> None:
    found = colours(tmp_path)
    first, second = found.monai()
    assert "label" not in second
    np.testing.assert_array_equal(second["class"], np.float32([np.nan, 1]))
    read = monai.LoadImaged(["image", "label"], reader=found.monai_reader())(first)
    theirs = monai.LoadImaged(["image"], ensure_channel_first=True)(first)
    assert read["image"].shape == (3, 6, 4)
    np.testing.assert_array_equal(read["image"].numpy(), theirs["image"].numpy())
    np.testing.assert_array_equal(read["label"][0].numpy().T, found[0].mask())
    loose = monai.LoadImaged(
        ["image", "label"], reader=found.monai_reader(), allow_missing_keys=True
    )
    assert loose(second)["image"].shape == (3, 6, 4)


def test_monai_reads_channels_of_files_and_members_of_archives(tmp_path: Path, monai: Any) -> None:
    found = fixture("msd_prostate", tmp_path / "msd")
    load = monai.LoadImaged(["image"], reader=found.monai_reader())
    for item in found.monai():
        wanted = greys("msd_prostate")[item["id"]]
        image = load(item)["image"]
        assert image.shape == (2, 4, 5, 6)
        assert image[:, 0, 0, 0].tolist() == [wanted["T2"], wanted["ADC"]]
    archived = fixture("class_folders_by_patient", tmp_path / "odd #~ name")
    load = monai.LoadImaged(["image"], reader=archived.monai_reader())
    values = {each["id"]: load(each)["image"].unique().tolist() for each in archived.monai()}
    assert values == {key: [value] for key, value in greys("class_folders_by_patient").items()}


def test_torchio_reads_what_it_reads_itself(tmp_path: Path) -> None:
    tio = library("torchio")
    (subject,) = oblong(tmp_path).torchio()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = tio.ScalarImage(tmp_path / "i.nii.gz")
        theirs.load()
    assert isinstance(subject["ct"], tio.ScalarImage)
    assert isinstance(subject["mask"], tio.LabelMap)
    np.testing.assert_array_equal(subject["ct"].data.numpy(), theirs.data.numpy())
    np.testing.assert_allclose(subject["ct"].affine, theirs.affine)
    assert subject["mask"].data.sum() == 19
    assert (subject["sample_id"], subject["label"]) == ("a", 0)
    subject.check_consistent_spatial_shape()


def test_torchio_takes_pictures_channels_and_transforms(tmp_path: Path) -> None:
    tio = library("torchio")
    found = fixture("msd_prostate", tmp_path / "msd")
    plain, flipped = found.torchio(masks=[]), colours(tmp_path).torchio(tio.Flip("LR"))
    for subject in plain:
        wanted = greys("msd_prostate")[subject["sample_id"]]
        for name in ("T2", "ADC"):
            assert subject[name].data.shape == (1, 4, 5, 6)
            assert subject[name].data.unique().tolist() == [wanted[name]]
    np.testing.assert_array_equal(plain[0]["T2"].spacing, (1, 1, 2))
    values = np.arange(72).reshape(4, 6, 3).transpose(2, 1, 0)[..., None]
    assert flipped[0]["image"].shape == (3, 6, 4, 1)
    np.testing.assert_array_equal(flipped[0]["image"].data.numpy(), values[:, ::-1])
    with pytest.raises(SettingError, match="has none of the chosen images"):
        table([{"sample_id": "a"}], tmp_path).torchio()


def test_hugging_face_keeps_pictures_and_types(tmp_path: Path) -> None:
    datasets = library("datasets")
    found = colours(tmp_path).hf()
    assert isinstance(found.features["image"], datasets.Image)
    values = np.arange(72).reshape(4, 6, 3)
    np.testing.assert_array_equal(np.asarray(found[1]["image"]), values + 1)
    assert np.count_nonzero(np.asarray(found[0]["mask"])) == 5
    assert found[1]["mask"] is None
    assert found["label"] == [
        {"Cardiomegaly": None, "Effusion": 0.0},
        {"Cardiomegaly": None, "Effusion": 1.0},
    ]
    assert list(found["report"]) == ["Report 0.", "Report 1."]
    assert list(found["age_years"]) == [50, 51]


def test_hugging_face_takes_archives_classes_and_arrays(tmp_path: Path) -> None:
    datasets = library("datasets")
    found = fixture("class_folders_by_patient", tmp_path / "a").hf()
    for row in found:
        assert np.unique(np.asarray(row["image"])) == greys("class_folders_by_patient")[row["id"]]
    assert list(found["patient_id"]) == ["1016042", "1016042", "15307"]
    with_label = oblong(tmp_path).hf(masks=[])
    assert with_label.features["label"] == datasets.ClassLabel(names=["ill", "well"])
    np.testing.assert_array_equal(
        np.asarray(with_label[0]["ct"].dataobj), np.arange(60).reshape(3, 4, 5)
    )
    channels = fixture("msd_prostate", tmp_path / "b").hf(images=["ADC"], masks=[])
    values = [np.unique(each).tolist() for each in channels.with_format("numpy")["ADC"]]
    assert values == [[greys("msd_prostate")[name]["ADC"]] for name in channels["id"]]


def test_hugging_face_refuses_what_a_column_cannot_hold(tmp_path: Path) -> None:
    library("datasets")
    rows = []
    for number in (2, 3):
        np.save(tmp_path / f"{number}.npy", np.zeros((number, 4), np.int16))
        rows.append({"sample_id": f"{number}", "media": [medium(f"{number}.npy")]})
    with pytest.raises(SettingError, match=r"sample 3 is int16 \(3, 4\), unlike the first"):
        table(rows, tmp_path).hf()
    rows = [{"sample_id": "a", "sex": "F", "media": [medium("2.npy", name="sex")]}]
    with pytest.raises(SettingError, match="would have the same name"):
        table(rows, tmp_path).hf()
    with pytest.raises(SettingError, match="has no samples"):
        table(rows, tmp_path)[:0].hf()


@pytest.mark.parametrize(
    ("call", "package", "extra"),
    [
        ("torch", "torch", "train"),
        ("monai", "monai", "monai"),
        ("monai_reader", "monai", "monai"),
        ("torchio", "torchio", "torchio"),
        ("hf", "datasets", "hf"),
    ],
)
def test_an_extra_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, package: str, extra: str
) -> None:
    """A module that is None in sys.modules cannot be imported, as if it were not there."""
    from medshelf.core.errors import MissingExtraError

    monkeypatch.setitem(sys.modules, package, None)
    for name in [each for each in sys.modules if each.startswith("medshelf.dataset.")]:
        if name.rsplit(".", 1)[-1] in ("tensors", "monai_files", "torchio_subjects", "hf_table"):
            monkeypatch.delitem(sys.modules, name)
    for name in [each for each in sys.modules if each.startswith(f"{package}.")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=rf"medshelf\[{extra}\]"):
        getattr(table([{"sample_id": "a"}], tmp_path), call)()


def test_the_room_needs_none_of_them() -> None:
    script = (
        "import sys, medshelf; medshelf.concat\n"
        "print([n for n in ('torch', 'monai', 'torchio', 'datasets') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
