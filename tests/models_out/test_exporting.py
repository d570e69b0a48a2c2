"""Exported networks, in programs that know nothing of medshelf."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from medshelf import api
from medshelf.benchmark.runs import read_run
from medshelf.cli import app
from medshelf.core.errors import FormatError, RunError, StorageError, UnknownNameError

KINDS = ["binary", "upsampled", "multi-label", "volumes"]
FOREIGN = """
import sys, warnings
warnings.simplefilter("ignore")
import numpy, torch
for name in sys.argv[1:]:
    metadata = {"medshelf.json": ""}
    network = torch.jit.load(f"{name}.pt", _extra_files=metadata)
    with torch.no_grad():
        found = network(torch.from_numpy(numpy.load(f"{name}.images.npy")))
    numpy.save(f"{name}.found.npy", found.numpy())
    print(metadata["medshelf.json"].decode())
assert not any(name.startswith("medshelf") for name in sys.modules)
"""


def where(kind: str, home: Path) -> dict[str, Any]:
    return {} if kind == "binary" else {"root": home / "raw", "allow_modified": True}


def expected(trained: dict[str, str], kind: str, home: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return images, float32 as the metadata ask for, and what our own prediction says of them."""
    ready = api.open_predictor(trained[kind], device="cpu", **where(kind, home))
    form = ready.form
    images = np.random.default_rng(0).integers(0, 256, (5, *form.shape), np.uint8)
    wanted = ready._probabilities(list(images))
    with_channels = images[..., None] if form.channels == 1 else images
    return np.moveaxis(with_channels, -1, 1).astype(np.float32) / 255, wanted


def test_torchscript_needs_no_medshelf(trained: dict[str, str], home: Path, tmp_path: Path) -> None:
    wanted, told = {}, {}
    for kind in KINDS:
        images, wanted[kind] = expected(trained, kind, home)
        np.save(tmp_path / f"{kind}.images.npy", images)
        told[kind] = api.export(
            trained[kind], tmp_path / f"{kind}.pt", to="torchscript", **where(kind, home)
        )
    files = [str(tmp_path / kind) for kind in KINDS]
    done = subprocess.run(
        [sys.executable, "-c", FOREIGN, *files], capture_output=True, text=True, check=True
    )
    for kind, line in zip(KINDS, done.stdout.splitlines(), strict=True):
        found = np.load(tmp_path / f"{kind}.found.npy")
        np.testing.assert_allclose(found, wanted[kind], atol=1e-5)
        assert json.loads(line) == json.loads(told[kind].to_json())


@pytest.mark.parametrize("kind", KINDS)
def test_onnx_runs_elsewhere(
    trained: dict[str, str], home: Path, tmp_path: Path, kind: str
) -> None:
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    images, wanted = expected(trained, kind, home)
    told = api.export(trained[kind], tmp_path / "n.onnx", to="onnx", **where(kind, home))
    session = onnxruntime.InferenceSession(
        str(tmp_path / "n.onnx"), providers=["CPUExecutionProvider"]
    )
    (source,) = session.get_inputs()
    assert (source.name, tuple(source.shape)) == (told.input_name, told.input_shape)
    (found,) = session.run([told.output_name], {told.input_name: images})
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["medshelf.json"]) == json.loads(told.to_json())
    content = (tmp_path / "n.onnx").read_bytes()
    assert b"site-packages" not in content
    assert str(Path(__file__).parent).encode() not in content


def test_the_metadata_say_what_is_needed(
    trained: dict[str, str], home: Path, tmp_path: Path
) -> None:
    told = api.export(
        trained["multi-label"], tmp_path / "n.pt", to="torchscript", **where("", home)
    )
    assert told.dataset == "chestmnist"
    assert told.input_shape == ("batch", 1, 28, 28)
    assert told.input_range == (0, 1)
    assert told.channel_order == "grey"
    assert len(told.classes) == 14
    assert told.temperature > 0
    assert told.use == "Not for clinical use."


def test_a_file_is_only_replaced_when_asked(trained: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "n.pt"
    path.write_text("mine")
    with pytest.raises(StorageError, match="is there already"):
        api.export(trained["binary"], path, to="torchscript")
    assert path.read_text() == "mine"
    given = ["export", trained["binary"], str(path), "--to", "torchscript", "--quiet"]
    assert CliRunner().invoke(app, given).exit_code == 1
    done = CliRunner().invoke(app, [*given, "--overwrite"])
    assert done.exit_code == 0, done.output
    assert "Not for clinical use." in done.output
    assert path.read_bytes()[:2] == b"PK"
    assert [each.name for each in sorted(tmp_path.iterdir())] == ["n.pt"]


def test_what_cannot_be_exported_is_refused(
    trained: dict[str, str], home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "n"
    with pytest.raises(RunError, match="has no network that was trained"):
        api.export(trained["majority"], path, to="torchscript", **where("majority", home))
    with pytest.raises(RunError, match="another number of them"):
        api.export(trained["counting"], path, to="torchscript", **where("counting", home))
    with pytest.raises(UnknownNameError, match="pickle"):
        api.export(trained["binary"], path, to="pickle")
    assert not sorted(tmp_path.iterdir())


def test_damaged_weights_are_named(trained: dict[str, str], home: Path, tmp_path: Path) -> None:
    from medshelf.benchmark.finding import find_run

    found = find_run(trained["flat"])
    folder = tmp_path / "run"
    folder.mkdir()
    for each in sorted(found.folder.iterdir()):
        if each.is_file():
            (folder / each.name).write_bytes(each.read_bytes())
    (folder / "weights.safetensors").write_bytes(b"\x10" + bytes(40))
    assert read_run(folder).spec == found.spec
    with pytest.raises(FormatError, match=r"weights\.safetensors"):
        api.export(folder, tmp_path / "n.pt", to="torchscript", **where("flat", home))
    assert not (tmp_path / "n.pt").exists()
