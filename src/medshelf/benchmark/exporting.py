"""A finished run's network as one file that other programs run: TorchScript or ONNX.

The file takes images as they are stored, scaled to [0, 1], and gives calibrated probabilities:
repeated channels, resizing, normalisation and temperature are inside.
"""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from medshelf.benchmark.fits.inputs import enlarged
from medshelf.benchmark.fits.network import NetworkTraining
from medshelf.benchmark.predicting import Predictor
from medshelf.benchmark.preparing import Form
from medshelf.benchmark.protocol import DataRecipe, Protocol
from medshelf.benchmark.runs import Run
from medshelf.core.errors import MedshelfError, MissingExtraError, RunError
from medshelf.core.files import atomic_path
from medshelf.core.tasks import TaskKind
from medshelf.core.version import __version__
from medshelf.dataset.presentation import NOT_CLINICAL

Kind = Literal["onnx", "torchscript"]
INPUT, OUTPUT, METADATA = "images", "probabilities", "medshelf.json"
_N_TRIED = (2, 3)
"""Batch sizes that a network is traced, and then tried, with."""

_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class Exported:
    """What an exported file says of itself.

    Attributes:
        run: Name of the run.
        dataset: Catalog id of the training data.
        model: Name of the network.
        protocol: Id of the protocol.
        task: binary, multi-class, ordinal or multi-label.
        classes: In the order of the output's columns.
        input_name: Of the only input.
        input_shape: Its axes; `batch` is any number.
        input_range: A stored 8-bit value is divided by 255.
        channel_order: `grey` or `RGB`.
        axes: What the axes of the input are.
        output_name: Of the only output, float32 (batch, classes).
        output: What the columns are.
        temperature: Logits are divided by it; inside the file.
        precision: Of the arithmetic in the file.
        made_with: Version of medshelf.
        use: Not for clinical use.
    """

    run: str
    dataset: str
    model: str
    protocol: str
    task: str
    classes: tuple[str, ...]
    input_name: str
    input_shape: tuple[str | int, ...]
    input_range: tuple[float, float]
    channel_order: str
    axes: str
    output_name: str
    output: str
    temperature: float
    precision: str
    made_with: str
    use: str

    def to_json(self) -> str:
        """Return the metadata as the file holds them."""
        return json.dumps(asdict(self), ensure_ascii=False)


class Deployed(nn.Module):
    """From stored images, scaled to [0, 1], to calibrated probabilities.

    Args:
        network: In evaluation mode.
        recipe: What the network sees.
        form: Of the stored images.
        factor: Of the grey values, for sets of shapes.
        temperature: Logits are divided by it.
        multi_label: Labels stand alone.
    """

    places: torch.Tensor | None

    def __init__(
        self,
        network: nn.Module,
        recipe: DataRecipe,
        form: Form,
        *,
        factor: float,
        temperature: float,
        multi_label: bool,
    ) -> None:
        super().__init__()
        self.network = network
        self.mean, self.std, self.factor = recipe.mean, recipe.std, factor
        self.channels, self.n_spatial = recipe.channels, form.dimensions
        self.temperature, self.multi_label = temperature, multi_label
        places = None
        if recipe.resize is not None:
            places = enlarged(torch.arange(form.edge).reshape(1, 1, -1), recipe.resize.edge)[0, 0]
        self.register_buffer("places", places)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map float32 (N, C, *spatial) from 0 to 1 to probabilities float32 (N, K)."""
        seen = (images * self.factor - self.mean) / self.std
        if self.places is not None:
            for axis in range(2, 2 + self.n_spatial):
                seen = seen.index_select(axis, self.places)
        if seen.shape[1] != self.channels:
            seen = torch.cat([seen] * self.channels, dim=1)
        logits: torch.Tensor = self.network(seen) / self.temperature
        return logits.sigmoid() if self.multi_label else logits.softmax(dim=1)


def export(found: Run, predictor: Predictor, *, kind: Kind, path: Path) -> Exported:
    """Write the network of a run to a file.

    Args:
        found: The run.
        predictor: The same run, ready to predict, on the CPU.
        kind: `onnx` or `torchscript`.
        path: The file; it is replaced.

    Raises:
        FormatError: The run's weights are damaged.
        MissingExtraError: ONNX needs a package that is not installed.
        RunError: The run has no network of its own, or the network cannot be exported.
        StorageError: The file cannot be written.
    """
    form, task = predictor.form, predictor.task
    if not isinstance(predictor.fit, NetworkTraining):
        problem = f"Run {found.spec.name!r} has no network that was trained, so none to export"
        raise RunError(problem, "Export a run of a network, e.g. resnet18, or use medshelf predict")
    recipe = Protocol.model_validate(found.protocol).data
    rule = recipe.shape_factor
    network = Deployed(
        predictor.fit.network(),
        recipe,
        form,
        factor=rule.evaluation if rule and found.spec.dataset in rule.datasets else 1.0,
        temperature=predictor.temperature,
        multi_label=task.kind is TaskKind.MULTI_LABEL,
    ).eval()
    described = _described(found, predictor)
    shape = (form.channels, *(form.edge,) * form.dimensions)
    random = torch.Generator().manual_seed(0)
    images = [torch.rand(n, *shape, generator=random) for n in _N_TRIED]
    content = _WRITERS[kind](network, images, described)
    with atomic_path(path) as part:
        part.write_bytes(content)
    return described


def _described(found: Run, predictor: Predictor) -> Exported:
    task, form = predictor.task, predictor.form
    columns = "calibrated probability of each "
    columns += "label" if task.kind is TaskKind.MULTI_LABEL else "class, of sum 1"
    return Exported(
        run=found.spec.name,
        dataset=found.spec.dataset,
        model=found.spec.model,
        protocol=found.spec.protocol,
        task=str(task.kind),
        classes=task.classes,
        input_name=INPUT,
        input_shape=("batch", form.channels, *(form.edge,) * form.dimensions),
        input_range=(0.0, 1.0),
        channel_order="grey" if form.channels == 1 else "RGB",
        axes="batch, channel, " + ", ".join(("slice", "row", "column")[-form.dimensions :]),
        output_name=OUTPUT,
        output=columns,
        temperature=predictor.temperature,
        precision="float32",
        made_with=f"medshelf {__version__}",
        use=NOT_CLINICAL,
    )


def _torchscript(network: nn.Module, images: list[torch.Tensor], described: Exported) -> bytes:
    content = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad(), _readable("TorchScript", described.model):
        warnings.simplefilter("ignore")  # torch calls TorchScript deprecated
        traced: Any = torch.jit.trace(  # type: ignore[no-untyped-call]
            network, images[0], check_trace=False
        )
        _compare(traced(images[1]), network(images[1]), described.model)
        torch.jit.save(traced, content, _extra_files={METADATA: described.to_json()})
    return content.getvalue()


def _onnx(network: nn.Module, images: list[torch.Tensor], described: Exported) -> bytes:
    for package in ("onnx", "onnxscript"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "export")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad(), _readable("ONNX", described.model):
        warnings.simplefilter("ignore")  # torch warns of what it calls itself
        program: Any = torch.onnx.export(
            network,
            (images[0],),
            dynamo=True,
            verbose=False,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
        )
        model = program.model_proto
        for node in model.graph.node:
            del node.metadata_props[:]  # lines and paths of the source code
        model.doc_string = f"{described.run}. {NOT_CLINICAL}"
        model.metadata_props.add(key=METADATA, value=described.to_json())
        content: bytes = model.SerializeToString()
    return content


_WRITERS: Mapping[str, Callable[[nn.Module, list[torch.Tensor], Exported], bytes]] = {
    "onnx": _onnx,
    "torchscript": _torchscript,
}


def _compare(found: torch.Tensor, expected: torch.Tensor, model: str) -> None:
    if found.shape != expected.shape or not torch.allclose(found, expected, atol=_TOLERANCE):
        problem = f"{model} computes differently for other images or another number of them"
        raise RunError(f"{problem}, so a trace of it would be wrong", "Export it with --to onnx")


@contextmanager
def _readable(kind: str, model: str) -> Iterator[None]:
    """Turn whatever an exporter raises into a RunError."""
    try:
        yield
    except MedshelfError:
        raise
    except Exception as error:  # exporters raise whatever the network's code leads them to
        reason = next((line for line in str(error).splitlines() if line.strip()), repr(error))
        problem = f"{model} cannot be exported as {kind} ({type(error).__name__}: {reason})"
        other = "torchscript" if kind == "ONNX" else "onnx"
        raise RunError(problem, f"Try --to {other}, or use medshelf predict") from error
