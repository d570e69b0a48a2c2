"""A network in training: weights, optimiser and schedule, and what is done to them."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from medshelf.benchmark.fits.fit import Assignment
from medshelf.benchmark.fits.inputs import Prepared
from medshelf.benchmark.fits.numerics import numerics
from medshelf.benchmark.models import build_network
from medshelf.benchmark.models.weights import load_weights
from medshelf.core.errors import FormatError, RunError
from medshelf.core.files import atomic_path
from medshelf.core.tasks import TaskKind

_PARTS = ("network", "optimiser", "schedule")
_LAYOUTS = {4: torch.channels_last, 5: torch.channels_last_3d}
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Epoch:
    """What is written down after each epoch; losses are means per sample."""

    epoch: int
    learning_rate: float
    train_loss: float
    selection_loss: float
    auc: float
    acc: float
    seconds: float


@dataclass(slots=True)
class Progress:
    """How far a training has come.

    Attributes:
        history: One entry per epoch.
        best_epoch: The first with the highest selection metric.
        best_metric: That metric.
        n_at_once: Samples that go through the network together; 0 for whole batches.
        device: Kind of device that the last epoch ran on.
        notes: As in `Outcome`.
    """

    history: list[Epoch] = field(default_factory=list)
    best_epoch: int = -1
    best_metric: float = -1.0
    n_at_once: int = 0
    device: str = ""
    notes: list[str] = field(default_factory=list)


class State:
    """Network, optimiser and schedule: what a checkpoint holds."""

    def __init__(self, asked: Assignment, device: str) -> None:
        recipe: Any = asked.protocol.fit
        network: Any = build_network(asked.model, asked.protocol, asked.task.n_classes)
        if asked.weights is not None:
            origin: Any = {"dataset": asked.dataset, "classes": asked.task.classes}
            load_weights(network, asked.weights, head=not asked.new_head, **origin)
        self._device = torch.device(device)
        self.network: nn.Module = network.to(device)
        for each in self.network.parameters():
            each.data = _laid_out(each.data)
        self._trained: Any = self.network
        if asked.compiled:
            self._trained = torch.compile(self.network, dynamic=False)
        self.optimiser = torch.optim.Adam(
            self.network.parameters(),
            lr=recipe.optimiser.learning_rate,
            fused=True if asked.compiled and self._device.type == "cuda" else None,
        )
        self.schedule = torch.optim.lr_scheduler.MultiStepLR(
            self.optimiser,
            [int(part * asked.epochs) for part in recipe.schedule.milestones],
            recipe.schedule.gamma,
        )
        self._low_precision = asked.precision == "bfloat16"
        self._multi_label = asked.task.kind is TaskKind.MULTI_LABEL
        self._loss = nn.BCEWithLogitsLoss() if self._multi_label else nn.CrossEntropyLoss()

    def train(
        self, batches: Prepared, advance: Callable[[], object], n_at_once: int = 0
    ) -> tuple[float, int]:
        """Pass once over the training data.

        Nothing is read back from the device before the end of the pass.

        Args:
            batches: The pass.
            advance: Called after each step.
            n_at_once: Samples that go through the network together; gradients are summed up to
                those of the whole batch. 0 for whole batches.

        Returns:
            The mean loss per sample, and the first step, from 1, whose loss was not finite, else 0.
        """
        self.network.train()
        total, first_bad = torch.zeros((2, 1), device=self._device)
        for step, (images, targets) in enumerate(batches, 1):
            self.optimiser.zero_grad()
            loss = self._backward(images, targets, n_at_once or len(targets))
            self.optimiser.step()
            total += loss * len(targets)
            first_bad.masked_fill_((first_bad == 0) & ~loss.isfinite(), step)
            advance()
        loss_sum, bad = torch.cat((total, first_bad)).tolist()
        return loss_sum / batches.n_samples, int(bad)

    def _backward(self, images: torch.Tensor, targets: torch.Tensor, n: int) -> torch.Tensor:
        """Add the gradients of the batch's mean loss, `n` samples at a time; return the loss."""
        total = torch.zeros((), device=self._device)
        for part, truth in zip(images.split(n), targets.split(n), strict=True):  # type: ignore[no-untyped-call]
            logits = self._logits(self._trained, part)
            loss = self._loss(logits, truth) * (len(truth) / len(targets))
            loss.backward()
            total += loss.detach()
        return total

    @torch.inference_mode()
    def predict(self, batches: Prepared) -> tuple[np.ndarray, float]:
        """Return probabilities, float32 (N, K), and the mean loss per sample."""
        self.network.eval()
        scores, total = [], torch.zeros((), device=self._device)
        for images, targets in batches:
            logits = self._logits(self.network, images)
            total += self._loss(logits, targets) * len(targets)
            scores.append(self._normalised(logits))
        return torch.cat(scores).cpu().numpy(), float(total) / batches.n_samples

    @torch.inference_mode()
    def probabilities(self, batches: Iterable[torch.Tensor]) -> np.ndarray:
        """Return probabilities of unlabelled batches, float32 (N, K)."""
        self.network.eval()
        found = [self._normalised(self._logits(self.network, each)) for each in batches]
        return torch.cat(found).cpu().numpy()

    def _normalised(self, logits: torch.Tensor) -> torch.Tensor:
        return logits.sigmoid() if self._multi_label else logits.softmax(dim=1)

    def _logits(self, network: Any, images: torch.Tensor) -> torch.Tensor:
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._low_precision):
            logits: torch.Tensor = network(_laid_out(images))
        return logits.float()

    def save(self, path: Path, progress: Progress) -> None:
        """Write everything that the next epoch needs.

        Raises:
            StorageError: The disk is full or read-only; what was there before is still there.
        """
        parts = {name: getattr(self, name).state_dict() for name in _PARTS}
        content = io.BytesIO()  # torch would hide the operating system's error
        torch.save({**parts, "progress": asdict(progress)}, content)
        with atomic_path(path) as part:
            part.write_bytes(content.getbuffer())

    def load(self, path: Path) -> Progress:
        """Restore what `save` wrote; a fresh Progress where there is nothing yet.

        Raises:
            FormatError: The file is damaged, or another network's.
        """
        if not path.exists():
            return Progress()
        try:
            saved = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            reason = f"not a checkpoint ({error})"
            raise FormatError(path, reason, "Delete it and run again") from error
        try:
            for name in _PARTS:
                getattr(self, name).load_state_dict(saved[name])
            kept = saved["progress"]
            kept["history"] = [Epoch(**each) for each in kept["history"]]
            progress = Progress(**kept)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = f"a checkpoint of another network or version ({error})"
            raise FormatError(path, reason, "Delete it and run again") from error
        _LOG.info("resuming after epoch %d", len(progress.history))
        return progress


def _laid_out(values: torch.Tensor) -> torch.Tensor:
    """Return a batch or a kernel with its channels last in memory, as convolutions run fastest."""
    return values.contiguous(memory_format=_LAYOUTS.get(values.ndim, torch.contiguous_format))


@contextmanager
def surroundings(asked: Assignment, device: str) -> Iterator[None]:
    """Compute as the assignment asks; torch's settings and random numbers are left as they were.

    Raises:
        RunError: The network cannot be compiled, or has no deterministic form.
    """
    where = torch.device(device)
    with (
        torch.random.fork_rng([where] if where.type == "cuda" else []),
        numerics(asked.precision, deterministic=asked.deterministic),
        _readable_failures(asked.model),
    ):
        yield


@contextmanager
def _readable_failures(model: str) -> Iterator[None]:
    """Turn what torch raises while a network is compiled or trained into a RunError."""
    try:
        yield
    except (RuntimeError, ValueError) as error:
        if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            problem = f"{model} cannot be compiled ({_last_line(error)})"
            remedy = "Install a C++ compiler (and Triton for CUDA), or run without compiling"
            raise RunError(problem, remedy) from error
        if "Expected more than 1 value per channel" in str(error):
            problem = f"{model} normalises over the batch, and a batch holds one sample only"
            remedy = "Choose another model, or more memory if batches were split for want of it"
            raise RunError(problem, remedy) from error
        raise


def _last_line(error: BaseException) -> str:
    while (cause := error.__cause__) is not None:
        error = cause
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
