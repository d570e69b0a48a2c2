"""Train one network by a protocol, resumable to the bit."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from medshelf.benchmark.metrics import acc, auc
from medshelf.benchmark.models import build_model
from medshelf.benchmark.protocol import Protocol
from medshelf.core.allocator import keep_freed_memory
from medshelf.core.errors import FormatError, RunError
from medshelf.core.files import atomic_path
from medshelf.core.progress import progress_bar
from medshelf.core.tasks import Task, TaskKind
from medshelf.dataset.batching.batches import Batches
from medshelf.dataset.labelled_images import LabelledImages

LAST, BEST = "last.pt", "best.pt"
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
    """How far a training has come."""

    history: list[Epoch] = field(default_factory=list)
    best_epoch: int = -1
    best_metric: float = -1.0


@dataclass(frozen=True, slots=True)
class Training:
    """One network in training.

    Attributes:
        protocol: How.
        model: Name of the network.
        seed: Decides the first weights and the order of samples.
        n_epochs: Usually the protocol's.
        device: Torch device.
        precision: `float32`, or `bfloat16` for the convolutions and matrix products; weights,
            loss and probabilities are float32 in both.
        folder: Where checkpoints lie.
    """

    protocol: Protocol
    model: str
    seed: int
    n_epochs: int
    device: str
    precision: str
    folder: Path

    def run(self, data: Mapping[str, LabelledImages]) -> Progress:
        """Train to the end, from the last checkpoint if there is one.

        All random numbers of an epoch come from the seed and the epoch's number, so an interrupted
        training gives the weights that an uninterrupted one gives on the same machine.

        Args:
            data: The protocol's splits by name.

        Raises:
            RunError: The loss is no longer finite.
        """
        keep_freed_memory()
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            state = _State(self, data["train"].task)
            progress = state.load(self.folder / LAST)
            n_batches = len(self._batches(data["train"], 0))
            done = len(progress.history)
            with progress_bar(
                f"{self.model}, seed {self.seed}",
                self.n_epochs * n_batches,
                unit="batch",
                start=done * n_batches,
            ) as bar:
                for epoch in range(done, self.n_epochs):
                    self._one_epoch(state, progress, data, epoch, bar)
        return progress

    def _one_epoch(
        self,
        state: _State,
        progress: Progress,
        data: Mapping[str, LabelledImages],
        epoch: int,
        bar: Any,
    ) -> None:
        started = time.monotonic()
        torch.manual_seed(self.seed * 100_003 + epoch)
        rate = state.optimiser.param_groups[0]["lr"]
        train_loss = state.train(self._batches(data["train"], epoch), bar)
        if not np.isfinite(train_loss):
            raise RunError(
                f"The training loss is {train_loss} in epoch {epoch + 1}",
                f"Lower the learning rate; the last good state is {self.folder / LAST}",
            )
        chosen = data[self.protocol.selection.split]
        scores, loss = state.predict(self.eval_batches(chosen))
        task = chosen.task
        record = Epoch(
            epoch + 1,
            rate,
            train_loss,
            loss,
            auc(task, chosen.targets, scores),
            acc(task, chosen.targets, scores),
            time.monotonic() - started,
        )
        state.schedule.step()
        progress.history.append(record)
        metric = getattr(record, self.protocol.selection.metric)
        if metric > progress.best_metric:
            progress.best_metric, progress.best_epoch = metric, record.epoch
            _save(self.folder / BEST, state.network.state_dict())
        state.save(self.folder / LAST, progress)
        bar.set_postfix_str(f"loss {train_loss:.3f}, AUC {record.auc:.3f}")
        left = np.mean([each.seconds for each in progress.history]) * (self.n_epochs - epoch - 1)
        _LOG.info(
            "epoch %d/%d: loss %.4f, %s AUC %.4f, ACC %.4f, %.0f s left",
            *(record.epoch, self.n_epochs, train_loss, self.protocol.selection.split),
            *(record.auc, record.acc, left),
        )

    def predict(self, dataset: LabelledImages) -> np.ndarray:
        """Return probabilities of the selected epoch's weights, float32 (N, K)."""
        with torch.random.fork_rng():  # building draws weights, which are then replaced
            state = _State(self, dataset.task)
        state.network.load_state_dict(_load(self.folder / BEST))
        return state.predict(self.eval_batches(dataset))[0]

    def _batches(self, dataset: LabelledImages, epoch: int) -> Batches:
        return dataset.batches(
            self.protocol.batch_size,
            shuffle=True,
            seed=(self.seed, epoch),
            device=self.device,
            normalise=(self.protocol.data.mean, self.protocol.data.std),
        )

    def eval_batches(self, dataset: LabelledImages) -> Batches:
        """Return the samples in their order, as the network sees them."""
        return dataset.batches(
            self.protocol.batch_size,
            device=self.device,
            normalise=(self.protocol.data.mean, self.protocol.data.std),
        )


class _State:
    """Network, optimiser and schedule: what a checkpoint holds."""

    def __init__(self, training: Training, task: Task) -> None:
        recipe = training.protocol
        network: Any = build_model(
            training.model, channels=recipe.data.channels, n_outputs=task.n_classes
        )
        self.network: nn.Module = network.to(training.device, memory_format=torch.channels_last)
        self.optimiser = torch.optim.Adam(
            self.network.parameters(), lr=recipe.optimiser.learning_rate
        )
        self.schedule = torch.optim.lr_scheduler.MultiStepLR(
            self.optimiser,
            [int(part * training.n_epochs) for part in recipe.schedule.milestones],
            recipe.schedule.gamma,
        )
        self._device = torch.device(training.device)
        self._low_precision = training.precision == "bfloat16"
        self._multi_label = task.kind is TaskKind.MULTI_LABEL
        self._loss = nn.BCEWithLogitsLoss() if self._multi_label else nn.CrossEntropyLoss()

    def train(self, batches: Batches, bar: Any) -> float:
        """Pass once over the training data; return the mean loss per sample."""
        self.network.train()
        total = torch.zeros((), device=self._device)
        for images, targets in batches:
            self.optimiser.zero_grad()
            loss = self._loss(self._logits(images), targets)
            loss.backward()
            self.optimiser.step()
            total += loss.detach() * len(targets)
            bar.update()
        return float(total) / len(batches.visit.order)

    @torch.inference_mode()
    def predict(self, batches: Batches) -> tuple[np.ndarray, float]:
        """Return probabilities, float32 (N, K), and the mean loss per sample."""
        self.network.eval()
        scores, total = [], torch.zeros((), device=self._device)
        for images, targets in batches:
            logits = self._logits(images)
            total += self._loss(logits, targets) * len(targets)
            scores.append(logits.sigmoid() if self._multi_label else logits.softmax(dim=1))
        return torch.cat(scores).cpu().numpy(), float(total) / len(batches.visit.order)

    def _logits(self, images: torch.Tensor) -> torch.Tensor:
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._low_precision):
            logits: torch.Tensor = self.network(images)
        return logits.float()

    def save(self, path: Path, progress: Progress) -> None:
        """Write everything that the next epoch needs."""
        parts = {name: getattr(self, name).state_dict() for name in _PARTS}
        _save(path, {**parts, "progress": asdict(progress)})

    def load(self, path: Path) -> Progress:
        """Restore what `save` wrote; a fresh Progress where there is nothing yet."""
        if not path.exists():
            return Progress()
        saved = _load(path)
        for name in _PARTS:
            getattr(self, name).load_state_dict(saved[name])
        kept = saved["progress"]
        kept["history"] = [Epoch(**each) for each in kept["history"]]
        _LOG.info("resuming after epoch %d", len(kept["history"]))
        return Progress(**kept)


_PARTS = ("network", "optimiser", "schedule")


def choose_device(name: str) -> str:
    """Return `name`, or for `auto` the first CUDA device, else the CPU.

    Raises:
        RunError: torch does not have the device.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        problem = f"Device {name!r} cannot be used ({str(error).splitlines()[0]})"
        raise RunError(problem, "Choose another --device, e.g. auto or cpu") from error
    return name


def _save(path: Path, content: dict[str, Any]) -> None:
    with atomic_path(path) as part:
        torch.save(content, part)


def _load(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise FormatError(path, f"not a checkpoint ({error})", "Delete it and run again") from error
    return content
