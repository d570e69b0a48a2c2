"""Predictions for images in files: any format, the same answer; what fails says why."""

from __future__ import annotations

import json
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from typer.testing import CliRunner

import medshelf
from medshelf import api
from medshelf.benchmark.calibration import calibrated
from medshelf.benchmark.finding import find_run
from medshelf.benchmark.preparing import Form, prepare
from medshelf.benchmark.result_file import read_scores
from medshelf.cli import app
from medshelf.core.errors import FormatError, MedshelfError, UnknownNameError, UnsupportedError
from medshelf.formats.picture import encode_gif

GREY, RGB, VOLUME = Form(28, 2, 1), Form(28, 2, 3), Form(28, 3, 1)


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)


def saved(path: Path, array: np.ndarray) -> Path:
    Image.fromarray(array).save(path)
    return path


def test_a_file_gets_the_probability_of_the_result_file(
    trained: dict[str, str], tmp_path: Path
) -> None:
    """Test images, written as files, are predicted as the run predicted them, calibrated."""
    run = find_run(trained["binary"])
    test = medshelf.load("phantom-grey-binary", "test")
    files = [saved(tmp_path / f"{row}.png", test.images()[row]) for row in range(5)]
    scores = read_scores(run.folder / run.result_files["test"])[:5]
    told = api.explain(trained["binary"], device="cpu")
    wanted = calibrated(test.task, scores, told.calibration.temperature.value)
    found = api.predict(trained["binary"], files, device="cpu")
    for each, row in zip(found, wanted, strict=True):
        assert list(each.probabilities or {}) == list(test.classes)
        np.testing.assert_allclose(list((each.probabilities or {}).values()), row, atol=1e-5)
        assert each.said == (test.classes[int(row.argmax())],)
        assert each.probability == max((each.probabilities or {}).values())
        assert each.steps == ()


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "webp", "npy", "nii", "dcm"])
def test_every_format_gives_the_same_pixels(tmp_path: Path, image: np.ndarray, ending: str) -> None:
    path = tmp_path / f"image.{ending}"
    if ending == "npy":
        np.save(path, image)
    elif ending == "nii":
        nibabel = pytest.importorskip("nibabel")
        nibabel.save(nibabel.Nifti1Image(image.T[:, :, None], np.eye(4)), path)
    elif ending == "dcm":
        path.write_bytes(dicom(image))
    elif ending == "webp":
        Image.fromarray(np.repeat(image[..., None], 3, 2)).save(path, lossless=True)
    else:
        saved(path, image)
    found, steps = prepare(path, GREY)
    np.testing.assert_array_equal(found, image)
    assert found.dtype == np.uint8
    expected = {"webp": "colours made grey", "dcm": "DICOM shown as a viewer does"}
    assert [expected.get(ending, "")] * len(steps) == [
        each[: len(expected.get(ending, ""))] for each in steps
    ]
    assert len(steps) == (ending in expected)


def dicom(image: np.ndarray, **elements: object) -> bytes:
    """Write an image as DICOM, with a window that leaves 0 to 255 as they are."""
    pydicom = pytest.importorskip("pydicom")
    import io

    data = pydicom.Dataset()
    data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    data.SOPInstanceUID = "1.2.3"
    data.Rows, data.Columns = image.shape
    data.SamplesPerPixel, data.PixelRepresentation = 1, 0
    data.BitsAllocated = data.BitsStored = 8 * image.itemsize
    data.HighBit = data.BitsStored - 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.WindowCenter, data.WindowWidth = 128, 256
    data.PixelData = image.tobytes()
    for name, value in elements.items():
        setattr(data, name, value)
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    content = io.BytesIO()
    data.save_as(content, enforce_file_format=True)
    return content.getvalue()


def test_a_dicom_file_needs_no_ending(tmp_path: Path, image: np.ndarray) -> None:
    (tmp_path / "IM0001").write_bytes(dicom(image, PhotometricInterpretation="MONOCHROME1"))
    found, steps = prepare(tmp_path / "IM0001", GREY)
    np.testing.assert_array_equal(found, 255 - image)
    assert steps == [
        "DICOM shown as a viewer does: its window of centre 128 and width 256, inverted"
    ]


def test_wide_values_are_windowed_and_said_so(tmp_path: Path, image: np.ndarray) -> None:
    hounsfield = image.astype(np.int16) * 8 - 1000
    np.save(tmp_path / "ct.npy", hounsfield)
    found, steps = prepare(tmp_path / "ct.npy", GREY, (0.0, 400.0))
    np.testing.assert_array_equal(found == 0, hounsfield < -199)
    np.testing.assert_array_equal(found == 255, hounsfield > 199)
    assert steps == ["int16 made 8-bit: window of centre 0 and width 400"]
    found, steps = prepare(tmp_path / "ct.npy", GREY)
    assert abs(found.astype(int) - image).max() <= 4
    assert steps == ["int16 made 8-bit: stretched between its 0.5th and 99.5th percentile"]


def test_size_and_colours_become_those_of_training(tmp_path: Path, image: np.ndarray) -> None:
    large = image.repeat(4, axis=0).repeat(2, axis=1)
    path = saved(tmp_path / "large.png", np.stack([large] * 3 + [large], axis=-1))
    found, steps = prepare(path, RGB)
    np.testing.assert_array_equal(found, np.stack([image] * 3, axis=-1))
    assert steps == [
        "transparency left out",
        "112 x 56 resized to 28 x 28 by area means, proportions not kept",
    ]
    found, steps = prepare(saved(tmp_path / "grey.png", image), RGB)
    np.testing.assert_array_equal(found, np.stack([image] * 3, axis=-1))
    assert steps == ["grey repeated as red, green and blue"]


def test_volumes_are_for_3d_runs(tmp_path: Path, image: np.ndarray) -> None:
    volume = np.stack([image] * 5 + [255 - image] * 23)
    (tmp_path / "v.gif").write_bytes(encode_gif(volume))
    found, _ = prepare(tmp_path / "v.gif", VOLUME)
    np.testing.assert_array_equal(found, volume)
    np.save(tmp_path / "v.npy", volume[::2])
    found, steps = prepare(tmp_path / "v.npy", VOLUME)
    assert found.shape == (28, 28, 28)
    assert steps[-1].startswith("14 x 28 x 28 resized to 28 x 28 x 28")
    with pytest.raises(UnsupportedError, match="the run takes 2D"):
        prepare(tmp_path / "v.gif", GREY)
    with pytest.raises(UnsupportedError, match="the run takes 3D"):
        prepare(saved(tmp_path / "flat.png", image), VOLUME)


def test_a_gif_that_stands_for_endless_slices_is_refused(tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((400, 400), each, np.uint8)) for each in (0, 255)]
    path = tmp_path / "long.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=655_350)
    with pytest.raises(FormatError, match="too many slices"):
        prepare(path, VOLUME)


def test_failures_are_told_and_the_others_go_on(
    trained: dict[str, str], tmp_path: Path, image: np.ndarray
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    saved(folder / "b.png", image)
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(20))
    (folder / "notes.txt").write_text("not an image")
    head = b"IHDR" + struct.pack(">IIBBBBB", 1 << 20, 1 << 20, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    chunk += struct.pack(">I4sI", 0, b"IDAT", zlib.crc32(b"IDAT"))
    (folder / "c.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    missing, table = tmp_path / "none.png", tmp_path / "found.csv"
    given = ["predict", trained["binary"], str(folder), str(missing), "--device", "cpu", "--quiet"]
    done = CliRunner().invoke(app, [*given, "--json", "--csv", str(table)])
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert told["use"] == "Not for clinical use."
    a, b, c, none = told["predictions"]
    assert [Path(each["path"]).name for each in (a, b, c, none)] == [
        "a.png",
        "b.png",
        "c.png",
        "none.png",
    ]
    assert "Cannot read" in a["error"]
    assert b["error"] == ""
    assert sum(b["probabilities"].values()) == pytest.approx(1)
    assert "1,099,511,627,776 pixels" in c["error"]
    assert "there is no such file" in none["error"]
    rows = pl.read_csv(table)
    assert rows["path"].to_list() == [each["path"] for each in (a, b, c, none)]
    assert rows["probability of lesion"][1] == pytest.approx(b["probabilities"]["lesion"])
    assert rows["error"][0] == a["error"]
    plain = CliRunner().invoke(app, given).stdout
    assert plain.count("Not for clinical use.") == 1
    alone = CliRunner().invoke(app, [*given[:2], str(folder / "b.png"), "--quiet"])
    assert alone.exit_code == 0


def test_labels_that_stand_alone_are_all_told(
    trained: dict[str, str], home: Path, tmp_path: Path, image: np.ndarray
) -> None:
    (found,) = api.predict(
        trained["multi-label"],
        [saved(tmp_path / "i.png", image)],
        root=home / "raw",
        allow_modified=True,
        device="cpu",
    )
    chances = found.probabilities or {}
    assert len(chances) == 14
    assert found.probability is None
    assert found.said == tuple(name for name, chance in chances.items() if chance > 0.5)


def test_an_estimator_predicts_too(
    trained: dict[str, str], home: Path, tmp_path: Path, image: np.ndarray
) -> None:
    files = [saved(tmp_path / "i.png", image)]
    (found,) = api.predict(trained["majority"], files)  # without the data
    assert not found.error
    assert found.said
    record = find_run(trained["majority"]).folder / "run.json"
    old = json.loads(record.read_text("utf-8"))
    del old["temperature"]
    earlier = tmp_path / "earlier"
    shutil.copytree(record.parent, earlier)
    (earlier / "run.json").write_text(json.dumps(old), "utf-8")
    with pytest.raises(MedshelfError):
        api.predict(earlier, files, root=tmp_path)
    assert api.predict(earlier, files, root=home / "raw", allow_modified=True) == [found]


def test_what_makes_no_sense_is_refused(trained: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="holds no image"):
        api.predict(trained["binary"], [tmp_path])
    with pytest.raises(UnknownNameError, match="window"):
        api.predict(trained["binary"], [tmp_path / "i.png"], window="lungs")
